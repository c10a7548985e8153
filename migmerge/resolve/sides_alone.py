"""Whether each side of a merge makes a new database with its own code."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from migmerge.analysis.starting_points import side_commits
from migmerge.analysis.workspace import Workspace
from migmerge.git.exported import exported
from migmerge.project.interpreter import Project
from migmerge.project.scenarios import ScenarioRequest, try_scenarios


def sides_migrate_alone(
    workspace: Workspace,
    project: Project,
    labels: Sequence[str],
    server: Mapping[str, object],
    seconds: int,
) -> bool:
    """Whether a plain `migrate` of the apps ends well on each side of the merge, in a database of
    that server.

    Then what stops the merged files is the merge, not the engine. Not where a side is not known, or
    its project does not run from another directory.
    """
    if not project.manage:  # the command that is configured may run in a container
        return False
    commits, _ = side_commits(workspace)
    sides = [commits[name] for name in ("onto", "replayed") if name in commits]
    return len(sides) == 2 and all(
        _migrates(workspace, project, commit, ScenarioRequest(labels, {}, {"fresh": ()}, ()),
                  server, seconds)
        for commit in sides
    )  # fmt: skip


def _migrates(
    workspace: Workspace,
    project: Project,
    commit: str,
    request: ScenarioRequest,
    server: Mapping[str, object],
    seconds: int,
) -> bool:
    with exported(workspace.repository, commit) as files:
        directory = os.path.join(files, project.place)
        manage = os.path.join(directory, os.path.basename(project.manage))
        moved = project._replace(directory=directory, manage=manage)
        if not os.path.exists(manage):
            return False
        results = try_scenarios(moved, server, request, seconds)
    return bool(results.points) and not any(p.unbuilt or p.error for p in results.points)

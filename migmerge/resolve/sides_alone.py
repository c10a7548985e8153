"""Whether each side of a merge makes a new database with its own code."""

from __future__ import annotations

import os
from collections.abc import Sequence

from migmerge.analysis.compare import source_of
from migmerge.analysis.snapshot import Snapshot, read_snapshot
from migmerge.analysis.starting_points import side_commits
from migmerge.analysis.workspace import Workspace
from migmerge.git.exported import exported
from migmerge.migrations.operations import read_script, whole_mark
from migmerge.project.interpreter import Project
from migmerge.project.scenarios import ScenarioRequest, Trial, try_scenarios


def sides_migrate_alone(
    workspace: Workspace,
    project: Project,
    snapshot: Snapshot,
    labels: Sequence[str],
    trial: Trial,
) -> bool:
    """Whether a plain `migrate` of the apps ends well on each side of the merge.

    Then what stops the merged files is the merge, not the engine. Not where a side is not known,
    its project does not run from another directory, or `snapshot`, the merged files, has what
    neither side has.
    """
    if not project.manage:  # the command that is configured may run in a container
        return False
    commits, _ = side_commits(workspace)
    sides = [commits[name] for name in ("onto", "replayed") if name in commits]
    if len(sides) != 2 or not _holds_nothing_else(workspace, snapshot, sides):
        return False
    return all(
        _migrates(workspace, project, commit, labels, trial)
        for commit in sides
    )  # fmt: skip


def _holds_nothing_else(workspace: Workspace, snapshot: Snapshot, commits: Sequence[str]) -> bool:
    """Whether each migration that does anything does what one of a commit does."""
    marks = {
        whole_mark(source_of(side, key))
        for commit in commits
        for side in [read_snapshot(workspace, commit=commit)]
        for key in side.graph.nodes
    }
    for key, migration in snapshot.graph.nodes.items():
        source = source_of(snapshot, key)
        if whole_mark(source) not in marks and read_script(source, migration.label).calls:
            return False
    return True


def _migrates(
    workspace: Workspace, project: Project, commit: str, labels: Sequence[str], trial: Trial
) -> bool:
    with exported(workspace.repository, commit) as files:
        directory = os.path.join(files, project.place)
        manage = os.path.join(directory, os.path.basename(project.manage))
        moved = project._replace(directory=directory, manage=manage)
        if not os.path.exists(manage):
            return False
        request = ScenarioRequest(labels, {}, {"fresh": ()}, (), code=trial.code)
        results = try_scenarios(moved, trial.server, request, trial.seconds)
    return bool(results.points) and not any(p.unbuilt or p.error for p in results.points)

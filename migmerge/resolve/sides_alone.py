"""Databases that each side of a merge makes with its own code."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from migmerge.analysis.compare import source_of
from migmerge.analysis.snapshot import Snapshot, read_snapshot
from migmerge.analysis.starting_points import Nodes, side_commits
from migmerge.analysis.workspace import Workspace
from migmerge.git.exported import exported
from migmerge.migrations.operations import read_script, whole_mark
from migmerge.project.interpreter import Project
from migmerge.project.run import Unanswered
from migmerge.project.scenarios import (
    ALONE,
    BuiltDatabase,
    ScenarioRequest,
    Trial,
    build_side,
    drop_sides,
    try_scenarios,
)


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
    with project_of_commit(workspace, project, commit) as moved:
        if moved is None:
            return False
        request = ScenarioRequest(labels, {}, {"fresh": ()}, (), code=trial.code)
        results = try_scenarios(moved, request, trial)
    return bool(results.points) and not any(p.unbuilt or p.error for p in results.points)


class SidesByCommit(NamedTuple):
    """Where the databases of the sides, and of what they have in common, are made by the code of
    their own commits: SQLite files in `directory`, or on the trial's server. `trees` are those of
    StartingPoints; only a commit that has just these migrations is meant."""

    workspace: Workspace
    project: Project
    trees: Mapping[str, Nodes]
    directory: str

    @contextmanager
    def built(self, request: ScenarioRequest, trial: Trial) -> Iterator[list[BuiltDatabase]]:
        """All of them, in the time of the trial, as long as they are needed; none where one is not
        known, or can't be made."""
        commits, _ = side_commits(self.workspace)
        names = [name for name in ALONE if name in self.trees]
        are_known = names[:1] == ["ancestor"] and all(
            name in commits and self._is_tree_of(commits[name], name) for name in names
        )
        if not self.project.manage or not are_known:
            yield []
            return

        databases: list[BuiltDatabase] = []
        try:
            whole = self._build_all(
                {name: commits[name] for name in names}, request, trial, databases
            )
            yield databases if whole else []
        finally:
            drop_sides(self.project, databases, trial)

    def _build_all(
        self,
        commits: Mapping[str, str],
        request: ScenarioRequest,
        trial: Trial,
        databases: list[BuiltDatabase],
    ) -> bool:
        """Whether each side, by name, has got its database."""
        began = time.monotonic()
        for name, commit in commits.items():
            path = ["ancestor"] if name == "ancestor" else ["ancestor", name]
            with project_of_commit(self.workspace, self.project, commit) as moved:
                if moved is None:
                    return False
                wanted = request._replace(built=databases)
                side = build_side(moved, wanted, path, self.directory, trial.left(began))
            if isinstance(side, Unanswered):
                return False
            databases.append(side)
        return True

    def _is_tree_of(self, commit: str, name: str) -> bool:
        """Whether a commit has the migrations of a tree, and no others in these apps."""
        tree, snapshot = self.trees[name], read_snapshot(self.workspace, commit=commit)
        apps = {key.app for key in tree}
        there = {k: source_of(snapshot, k) for k in snapshot.graph.nodes if k.app in apps}
        return there == {key._replace(version=0): source for key, source in tree.items()}


@contextmanager
def project_of_commit(
    workspace: Workspace, project: Project, commit: str
) -> Iterator[Project | None]:
    """The project with the files of a commit, in a temporary directory; None where its manage.py is
    not there."""
    with exported(workspace.repository, commit) as files:
        directory = os.path.join(files, project.place)
        manage = os.path.join(directory, os.path.basename(project.manage))
        yield (
            project._replace(directory=directory, manage=manage) if os.path.exists(manage) else None
        )

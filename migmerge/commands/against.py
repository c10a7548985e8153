"""`migmerge check --against`: what a merge would bring, before anyone merges."""

from __future__ import annotations

import shlex

from migmerge.analysis.snapshot import THEIRS, Snapshot
from migmerge.analysis.workspace import Workspace
from migmerge.conflicts.conflict import Advice, Branch, Conflict
from migmerge.git.base import find_target
from migmerge.git.merged import merge_records
from migmerge.git.repository import commit_of, current_branch
from migmerge.git.trees import Records
from migmerge.migrations.model import NodeKey


def merges(workspace: Workspace, asked: tuple[str, ...]) -> list[tuple[str, Records]]:
    """Each ref with what merging it into HEAD would give; an empty one is the target branch."""
    head = commit_of(workspace.repository, "HEAD")
    merged = []
    for ref in asked:
        if ref:
            name, commit = ref, commit_of(workspace.repository, ref)
        else:
            name, commit = find_target(workspace.repository, workspace.config.base)
        merged.append((name, merge_records(workspace.repository, head, commit)))
    return merged


def with_refs(
    workspace: Workspace, snapshot: Snapshot, conflicts: tuple[Conflict, ...], ref: str
) -> tuple[Conflict, ...]:
    """The conflicts with their sides named by the refs that have them, and what to run there."""
    if not conflicts:
        return ()

    names = (current_branch(workspace.repository) or "HEAD", ref)
    trees = [workspace.list_commit(side).files for side in snapshot.listing.commits]

    def has(place: int, key: NodeKey) -> bool:
        path = snapshot.graph.nodes[key].path
        if path in snapshot.theirs:
            return (key.version == THEIRS) == bool(place)
        return path in trees[place]

    def named(branch: Branch) -> Branch:
        having = [n for place, n in enumerate(names) if all(has(place, k) for k in branch.nodes)]
        return branch._replace(refs=tuple(having))

    first = f"git merge {shlex.quote(ref)}"
    return tuple(
        conflict._replace(
            branches=tuple(map(named, conflict.branches)),
            advice=_after_merging(conflict.advice, first),
        )
        for conflict in conflicts
    )


def _after_merging(advice: Advice, merge: str) -> Advice:
    commands = (merge, *advice.commands) if advice.commands else ()
    return advice._replace(commands=commands)

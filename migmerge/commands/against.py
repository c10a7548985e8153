"""`migmerge check --against`: what a merge would bring, before anyone merges."""

from __future__ import annotations

import shlex

from migmerge.analysis.snapshot import THEIRS, Snapshot
from migmerge.config import Config
from migmerge.conflicts.conflict import Branch, Conflict
from migmerge.git.base import find_target
from migmerge.git.merged import merge_records
from migmerge.git.repository import Repository, commit_of, current_branch
from migmerge.git.trees import Records, list_commit
from migmerge.migrations.model import NodeKey


def merges(
    repository: Repository, config: Config, asked: tuple[str, ...]
) -> list[tuple[str, Records]]:
    """Each ref with what merging it into HEAD would give; an empty one is the target branch."""
    head = commit_of(repository, "HEAD")
    found = []
    for ref in asked:
        if ref:
            name, commit = ref, commit_of(repository, ref)
        else:
            name, commit = find_target(repository, config.base)
        found.append((name, merge_records(repository, head, commit)))
    return found


def with_refs(
    repository: Repository, snapshot: Snapshot, conflicts: tuple[Conflict, ...], ref: str
) -> tuple[Conflict, ...]:
    """The conflicts with their sides named by the refs that have them, and what to run there."""
    if not conflicts:
        return ()
    names = (current_branch(repository) or "HEAD", ref)
    trees = [list_commit(repository, side).files for side in snapshot.listing.commits]

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
            commands=(first, *conflict.commands) if conflict.commands else (),
        )
        for conflict in conflicts
    )

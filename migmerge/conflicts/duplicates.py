"""Migrations that are on both sides, mostly under two names: cherry-picked, or squash-merged."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from migmerge.conflicts.conflict import Conflict
from migmerge.migrations.model import NodeKey


def find_duplicates(
    conflict: Conflict, fingerprint: Callable[[NodeKey], str]
) -> tuple[tuple[NodeKey, NodeKey], ...]:
    """`(replayed node, the onto node with the same content)`, in the replayed order.

    `fingerprint` is empty for a node that can't be compared. Where no side moves, only of a
    file that both sides added with the same content ours is kept: the name stays either way.
    """
    onto = [b for b in conflict.branches if b.side == "onto"]
    replayed = [b for b in conflict.branches if b.side == "replayed"]
    if len(onto) != 1:
        return _one_file(conflict, fingerprint)

    waiting = {mark: key for key in reversed(onto[0].nodes) if (mark := fingerprint(key))}
    duplicates: dict[NodeKey, NodeKey] = {}
    for key in (key for branch in replayed for key in branch.nodes):
        mark = fingerprint(key)
        if mark in waiting and key not in duplicates and key not in onto[0].nodes:
            duplicates[key] = waiting[mark]

    return tuple(duplicates.items())


def _one_file(
    conflict: Conflict, fingerprint: Callable[[NodeKey], str]
) -> tuple[tuple[NodeKey, NodeKey], ...]:
    both = sorted({key for branch in conflict.branches for key in branch.nodes if key.version})
    pairs = [(key, key._replace(version=0)) for key in both]
    return tuple((key, kept) for key, kept in pairs if fingerprint(key) == fingerprint(kept) != "")


def without_dropped(conflicts: Iterable[Conflict]) -> list[Conflict]:
    """The conflicts without missing dependencies of duplicates that are dropped: these go with
    their files, and block nothing."""
    found = list(conflicts)
    dropped = {key for conflict in found for key, _ in conflict.assessment.duplicates}
    return [
        conflict
        for conflict in found
        if conflict.kind != "missing-dependency"
        or not all(key in dropped for branch in conflict.branches for key in branch.nodes)
    ]

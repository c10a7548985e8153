"""What two sides of a merge do to each other in different apps, where no app has two leaf nodes."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from migmerge.analysis.both_sides import own_nodes
from migmerge.analysis.compare import facts_of, read_node, source_of
from migmerge.analysis.snapshot import Snapshot
from migmerge.analysis.workspace import Workspace
from migmerge.conflicts.commute import contradictions
from migmerge.conflicts.conflict import Advice, Branch, Conflict, Place
from migmerge.migrations.footprints import footprints
from migmerge.migrations.model import NodeKey
from migmerge.migrations.recorder import Footprint

KIND = "contradiction"


def find_contradictions(
    workspace: Workspace,
    snapshot: Snapshot,
    sides: Sequence[str],
    conflicts: Sequence[Conflict],
) -> list[Conflict]:
    """Migrations of different apps, one on each side, that can't go together and that no
    dependency puts in order.

    `sides` are two commits. What is a reason of one of `conflicts` is not said again.
    """
    own = _own_nodes(workspace, snapshot, sides)
    if not all(own):
        return []

    by_name = {str(key): key for keys in own for key in keys}
    lost = _without_parents(snapshot, conflicts)
    ours, theirs = _footprints(snapshot, own)
    reasons: dict[tuple[NodeKey, NodeKey], set[str]] = {}
    for found in contradictions(ours, theirs):
        pair = by_name[found.ours.migration], by_name[found.theirs.migration]
        if (
            lost.isdisjoint(pair)
            and _have_no_order(snapshot, *pair)
            and not _is_told(conflicts, found.reason, pair)
        ):
            reasons.setdefault(pair, set()).add(found.reason)

    return _conflicts(workspace, snapshot, reasons) if reasons else []


def _own_nodes(
    workspace: Workspace, snapshot: Snapshot, sides: Sequence[str]
) -> tuple[list[NodeKey], list[NodeKey]]:
    """The migrations that one of the sides alone has, by path and by content."""
    one, other = (workspace.list_commit(side).files for side in sides)
    nodes = snapshot.graph.nodes
    ours, theirs = own_nodes(snapshot.graph, one, other), own_nodes(snapshot.graph, other, one)
    contents = {nodes[key].path: source_of(snapshot, key) for key in (*ours, *theirs)}
    both = {contents[nodes[key].path] for key in ours} & {contents[nodes[k].path] for k in theirs}
    return (
        [key for key in ours if contents[nodes[key].path] not in both],
        [key for key in theirs if contents[nodes[key].path] not in both],
    )


def _footprints(
    snapshot: Snapshot, own: tuple[list[NodeKey], list[NodeKey]]
) -> tuple[dict[str, list[Footprint]], ...]:
    """What the migrations of each side do by app, under their names with the app."""
    scripts = {key: read_node(snapshot, key, str(key)) for keys in own for key in keys}
    facts = facts_of(snapshot, scripts.keys(), scripts.values())
    sides: tuple[dict[str, list[Footprint]], ...] = ({}, {})
    for side, keys in zip(sides, own, strict=True):
        for key in keys:
            side.setdefault(key.app, []).extend(footprints(scripts[key], facts))
    return sides


def _have_no_order(snapshot: Snapshot, one: NodeKey, other: NodeKey) -> bool:
    """Whether neither comes after the other."""
    return other not in snapshot.graph.ancestors(one) | snapshot.graph.descendants(one)


def _without_parents(snapshot: Snapshot, conflicts: Sequence[Conflict]) -> set[NodeKey]:
    """Migrations that lack a parent, and what builds on them: what they come after is not known."""
    return snapshot.graph.descendants_of(
        key
        for conflict in conflicts
        if conflict.kind == "missing-dependency"
        for branch in conflict.branches
        for key in branch.nodes
    )


def _is_told(conflicts: Sequence[Conflict], reason: str, pair: tuple[NodeKey, NodeKey]) -> bool:
    for conflict in conflicts:
        shown = reason
        for key in pair:
            shown = shown.replace(str(key), conflict.shown(key))
        if shown in conflict.reasons:
            return True
    return False


def _conflicts(
    workspace: Workspace, snapshot: Snapshot, reasons: Mapping[tuple[NodeKey, NodeKey], set[str]]
) -> list[Conflict]:
    """One for each pair, in the app of the one that is not published."""
    base = workspace.base_or_none
    published = workspace.list_commit(base.commit).files if base else {}
    nodes = snapshot.graph.nodes
    conflicts = []
    for pair in sorted(reasons):
        fresh = [key for key in pair if nodes[key].path not in published]
        edited = (fresh or pair)[-1]
        path = nodes[edited].path
        branches = (
            Branch(
                (key,),
                "unknown" if len(fresh) != 1 else "replayed" if key == edited else "onto",
                (nodes[key].path in published) if base else None,
            )
            for key in pair
        )
        conflicts.append(
            Conflict(
                snapshot.apps[edited.app],
                KIND,
                branches=tuple(branches),
                place=Place(path, 0),
                reasons=tuple(sorted(reasons[pair])),
                advice=Advice(commands=(f"$EDITOR {shlex.quote(path)}", "migmerge check")),
            )
        )

    return conflicts

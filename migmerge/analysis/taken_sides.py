"""Which side of a conflict git would call ours, and which theirs."""

from __future__ import annotations

from collections.abc import Iterable

from migmerge.analysis.snapshot import Snapshot
from migmerge.analysis.workspace import Workspace
from migmerge.conflicts.conflict import Conflict
from migmerge.errors import UserError
from migmerge.migrations.model import NodeKey


def taken_leaves(
    workspace: Workspace, snapshot: Snapshot, conflicts: Iterable[Conflict], take: str
) -> frozenset[NodeKey]:
    """The leaf of the side that `take` (ours, theirs, or a migration's name) means, of each
    conflict where both sides set something.

    As git has it: ours is HEAD and theirs what is being brought in, or the two parents of the
    merge commit that HEAD is. UserError where no side, or more than one, is meant.
    """
    set_on_both_sides = [
        conflict for conflict in conflicts if conflict.assessment.set_on_both_sides
    ]
    if take not in ("ours", "theirs"):
        named = {
            b.leaf
            for c in set_on_both_sides
            for b in c.branches
            for key in b.nodes
            if key.name == take
        }
        if not named:
            hint = _names(set_on_both_sides)
            raise UserError(
                "unknown-side",
                f"--take {take}: no side that sets anything has that migration",
                hint,
            )
        return frozenset(named)

    ours, theirs = _commits(workspace, set_on_both_sides)
    other, side = (ours, theirs) if take == "theirs" else (theirs, ours)
    lacking = workspace.list_commit(other).files
    having = workspace.list_commit(side).files
    taken = set()
    for conflict in set_on_both_sides:
        paths = {b.leaf: snapshot.graph.nodes[b.leaf].path for b in conflict.branches}
        leaves = [leaf for leaf, path in paths.items() if path in having and path not in lacking]
        if len(leaves) != 1:
            reason = (
                f"--take {take}: which side of {conflict.app.label} that is can't be determined"
            )
            raise UserError("unknown-side", reason, _names([conflict]))
        taken.add(leaves[0])

    return frozenset(taken)


def _commits(workspace: Workspace, conflicts: Iterable[Conflict]) -> tuple[str, str]:
    stopped = workspace.stopped
    first, second = workspace.find_commit("HEAD^1"), workspace.find_commit("HEAD^2")
    if stopped:
        first, second = workspace.head, stopped.theirs
    if not first or not second:
        raise UserError(
            "unknown-side", "there are no ours and theirs outside of a merge", _names(conflicts)
        )
    return first, second


def _names(conflicts: Iterable[Conflict]) -> str:
    names = sorted({branch.leaf.name for conflict in conflicts for branch in conflict.branches})
    if len(names) == 1:  # both sides have it under one name
        return "migmerge fix --strategy renumber"
    return f"name a migration of the side: --take {' or '.join(names)}"

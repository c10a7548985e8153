"""Which strategy each app gets, by DESIGN's decision table."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import NamedTuple

from migmerge.conflicts.model import Conflict
from migmerge.git.findings import BROKEN
from migmerge.git.snapshot import Snapshot
from migmerge.resolve import moves
from migmerge.resolve.model import Moves, Refusal
from migmerge.resolve.plan import reserved_names

_SIDED = ("siblings", "path")


class Wish(NamedTuple):
    """What the user asked for."""

    strategy: str = "auto"
    keep_names: bool = False
    prefer: str = "auto"


class Decision(NamedTuple):
    """The moves to make, what is refused, and lock files that are merely stale."""

    moves: tuple[Moves, ...]
    refusals: tuple[Refusal, ...]
    stale_locks: tuple[Conflict, ...]


def decide(snapshot: Snapshot, conflicts: Iterable[Conflict], wish: Wish) -> Decision:
    """A move or a refusal for every app that has a conflict."""
    by_app: dict[str, list[Conflict]] = {}
    for conflict in conflicts:
        by_app.setdefault(conflict.app.key, []).append(conflict)
    found: list[Moves] = []
    refusals: list[Refusal] = []
    stale: list[Conflict] = []
    for _, own in sorted(by_app.items()):
        broken = [c for c in own if c.kind in (*BROKEN, "number")]
        sided = sorted((c for c in own if c.kind in _SIDED), key=lambda c: c.kind)
        if broken:
            refusals.append(_broken(broken))
        elif sided:
            answer = _decide_one(snapshot, sided[0], wish)
            (found if isinstance(answer, Moves) else refusals).append(answer)  # type: ignore[arg-type]
        else:
            stale += [c for c in own if c.kind == "lock-file"]
    return Decision(tuple(found), tuple(refusals), tuple(stale))


def _broken(conflicts: list[Conflict]) -> Refusal:
    reasons: list[str] = []
    commands: list[str] = []
    for conflict in conflicts:
        place = conflict.place
        line = f":{place.line}" if place and place.line else ""
        where = f"{place.path}{line}: " if place else ""
        reasons.append(f"{where}{conflict.kind}: {'; '.join(conflict.reasons)}")
        commands += conflict.commands
    return Refusal(conflicts[0].app.key, tuple(reasons), tuple(commands))


def _decide_one(snapshot: Snapshot, conflict: Conflict, wish: Wish) -> Moves | Refusal:
    app = conflict.app
    if any(key not in snapshot.graph.parents for b in conflict.branches for key in b.nodes):
        return Refusal(app.key, conflict.reasons, conflict.commands)  # hidden by a squash
    if conflict.verdict == "contradict":
        return Refusal(app.key, ("the sides contradict each other", *conflict.reasons),
                       conflict.commands)  # fmt: skip
    sided = any(branch.side == "replayed" for branch in conflict.branches)
    strategy = wish.strategy
    if strategy == "auto":
        wanted = conflict.kind == "path" or wish.prefer == "renumber" or wish.keep_names
        strategy = "renumber" if wanted and (sided or conflict.kind == "path") else "merge"
    if strategy == "merge" and conflict.recommendation != "merge" and _diverges(conflict):
        reason = "an empty merge migration would let databases differ for ever"
        return Refusal(app.key, (reason, *conflict.reasons), conflict.commands)
    taken = reserved_names(snapshot, app)
    if strategy == "merge":
        return moves.merge(snapshot.graph, conflict, taken)
    published = [b.leaf.name for b in conflict.branches if b.side == "replayed" and b.published]
    if published:
        reason = f"{', '.join(published)} would move, but is published"
        return Refusal(app.key, (reason,), (_fix(conflict, "merge"),))
    return moves.renumber(snapshot.graph, conflict, taken, keep_names=wish.keep_names)


def _diverges(conflict: Conflict) -> bool:
    return any(reason.startswith("both set ") for reason in conflict.reasons)


def _fix(conflict: Conflict, strategy: str) -> str:
    return f"migmerge fix {shlex.quote(conflict.app.key)} --strategy {strategy}"

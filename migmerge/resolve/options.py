"""What could be done about a conflict, for somebody to choose from."""

from __future__ import annotations

from typing import NamedTuple

from migmerge.analysis.snapshot import Snapshot
from migmerge.conflicts.conflict import Conflict
from migmerge.migrations.naming import merge_name
from migmerge.resolve.fix_plan import GraphChange, Refusal
from migmerge.resolve.strategy import Choice, FixRequest, decide_one

_MOST = 3


class Option(NamedTuple):
    """One way to go; `key` is what is typed for it.

    `conflict` is the conflict as it is meant, with its sides. `refused` says why it can't be
    done; then there is no `effect`.
    """

    key: str
    name: str
    choice: Choice
    conflict: Conflict
    effect: str = ""
    refused: str = ""
    recommended: bool = False


def options(snapshot: Snapshot, conflict: Conflict, request: FixRequest) -> tuple[Option, ...]:
    """All ways to go, in the order in which they are shown; at most one is recommended."""
    meant = decide_one(snapshot, conflict, request)
    found: list[Option] = []
    for key, name, choice, own in _ways(conflict):
        answer = decide_one(
            snapshot, own, request._replace(strategy=choice.strategy, take=choice.take)
        )
        if isinstance(answer, Refusal):
            found.append(Option(key, name, choice, own, refused=answer.reasons[0]))
            continue
        best = answer == meant and not any(option.recommended for option in found)
        if best:  # Django is asked, too, before it is done
            choice = Choice(request.strategy)
        found.append(Option(key, name, choice, own, _effect(own, answer, choice), recommended=best))
    return tuple(found)


def _ways(conflict: Conflict) -> list[tuple[str, str, Choice, Conflict]]:
    """Each with its key and name; where it isn't known which side moves, either may."""
    named = (("m", "merge"), ("r", "renumber"), ("g", "regenerate"))
    found = [(key, name, Choice(name), conflict) for key, name in named]
    if conflict.disputed:
        takes = [Choice("merge", frozenset({branch.leaf})) for branch in conflict.branches]
        found += [("", "merge", choice, conflict) for choice in takes]
    if len(conflict.branches) == 2 and all(b.side == "unknown" for b in conflict.branches):
        found += [("", "renumber", Choice("renumber"), c) for c in _either(conflict)]
    digit = iter("123456789")
    return [(key or next(digit), name, choice, own) for key, name, choice, own in found]


def _either(conflict: Conflict) -> list[Conflict]:
    """The conflict with the one side moving, and with the other."""
    first, second = conflict.branches
    either = (
        (first._replace(side="replayed"), second._replace(side="onto")),
        (first._replace(side="onto"), second._replace(side="replayed")),
    )
    return [
        conflict._replace(branches=pair)
        for pair in either
        if not any(b.side == "replayed" and b.published for b in pair)
    ]


def _effect(conflict: Conflict, moves: GraphChange, choice: Choice) -> str:
    renamed = [f"{conflict.shown(k)} becomes {name}" for k, name in sorted(moves.names.items())]
    behind = f"behind {conflict.stays.leaf.name}"
    if moves.strategy == "merge":
        told = [f"{merge_name(moves.merge)} joins them", *renamed]
        told += [f"it sets what both set as {leaf.name} does" for leaf in choice.take]
        told += ["it sets what both set as models.py does"] if moves.disputed else []
    elif moves.strategy == "regenerate":
        gone = [key.name for key in moves.dropped if key not in moves.kept_data_migrations]
        told = [f"{_few(gone)} made again by makemigrations, {behind}"]
        told += [f"{key.name} is kept after it" for key in moves.kept_data_migrations]
    elif renamed:
        told = [f"{_few(renamed)}, {behind}"]
    else:
        told = [f"{key.name} goes {behind}, under its name" for key in moves.repoint]
    same = dict(conflict.duplicates) if moves.strategy != "regenerate" else {}
    told += [f"{k.name} goes: {kept.name} is the same" for k, kept in sorted(same.items())]
    return "; ".join(told)


def _few(texts: list[str]) -> str:
    more = f" and {len(texts) - _MOST} more" if len(texts) > _MOST else ""
    return ", ".join(texts[:_MOST]) + more

"""Data migrations of a side that is regenerated: which can be kept and moved behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from migmerge.conflicts.commute import Pair, commute
from migmerge.conflicts.conflict import Conflict, Verdict
from migmerge.migrations.model import NodeKey
from migmerge.migrations.recorder import Footprint

CODE = ("RunPython", "RunSQL")


def kept_data_migrations(conflict: Conflict, pairs: Sequence[Pair]) -> tuple[NodeKey, ...]:
    """The moving side's migrations of nothing but code, parents first, that need no old state.

    Such code commutes with what its own side does later, and with the side that stays: then
    it may as well run last. Nothing of more than two sides.
    """
    if len(conflict.branches) != 2 or conflict.kind != "siblings" or not pairs:
        return ()

    moves_first = conflict.branches[0] != conflict.stays
    ours, theirs = pairs[0]
    moving, staying = (ours, theirs) if moves_first else (theirs, ours)
    operations = by_migration(moving)
    kept = []
    later: list[Footprint] = []
    for key in reversed(conflict.branches[0 if moves_first else 1].nodes):
        data_operations = operations.get(key.name, [])
        movable = not key.version and is_code(data_operations)
        if movable and _commute_all(data_operations, (*later, *staying)):
            kept.append(key)
        else:
            later += data_operations

    return tuple(reversed(kept))


def _commute_all(some: Sequence[Footprint], others: Sequence[Footprint]) -> bool:
    return all(commute(a, b).verdict is Verdict.COMMUTE for a in some for b in others)


def is_code(footprints: Sequence[Footprint]) -> bool:
    """Whether a migration holds code that can be followed, and nothing else."""
    return bool(footprints) and all(f.operation in CODE and not f.opaque for f in footprints)


def by_migration(footprints: Iterable[Footprint]) -> Mapping[str, list[Footprint]]:
    """Footprints by the name of their migration, in order."""
    grouped: dict[str, list[Footprint]] = {}
    for footprint in footprints:
        grouped.setdefault(footprint.migration, []).append(footprint)
    return grouped


def in_the_way(
    code: Sequence[Footprint], before: Sequence[Footprint], regenerated: Sequence[Footprint]
) -> str:
    """What matters to `code` and was done before it, but is not regenerated, or the other way
    round; else nothing."""
    done_before = {_what(footprint) for footprint in before}
    done_again = {_what(footprint) for footprint in regenerated}
    for data_operation in code:
        for footprint in before:
            lost = _what(footprint) not in done_again
            if lost and commute(data_operation, footprint).verdict is not Verdict.COMMUTE:
                return f"{' '.join(_what(footprint))} is not regenerated"

        for footprint in regenerated:
            relation = commute(data_operation, footprint)
            new = _what(footprint) not in done_before
            if new and relation.verdict is not Verdict.COMMUTE:
                return relation.reason

    return ""


def _what(footprint: Footprint) -> tuple[str, str]:
    return footprint.operation, ".".join(filter(None, (footprint.model, footprint.field)))

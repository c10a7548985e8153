"""Data migrations of a side that is regenerated: which can be kept and moved behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from migmerge.conflicts.commute import Pair, commute
from migmerge.conflicts.conflict import Conflict, Verdict
from migmerge.migrations.model import NodeKey
from migmerge.migrations.recorder import Footprint

CODE = ("RunPython", "RunSQL")


def kept_data_migrations(conflict: Conflict, pairs: Sequence[Pair]) -> tuple[NodeKey, ...]:
    """The going side's migrations of nothing but code, parents first, that need no old state.

    Such code commutes with what its own side does later, and with the side that stays: then
    it may as well run last. Nothing of more than two sides.
    """
    if len(conflict.branches) != 2 or conflict.kind != "siblings" or not pairs:
        return ()
    goes = conflict.branches.index(conflict.stays) == 0
    own, staying = pairs[0][goes], pairs[0][not goes]
    done = by_migration(own)
    (going,) = (branch.nodes for branch in conflict.branches if branch != conflict.stays)
    found = []
    later: list[Footprint] = []
    for key in reversed(going):
        mine = done.get(key.name, [])
        if key.version or not is_code(mine):
            later += mine
        elif all(
            commute(a, b).verdict == Verdict.COMMUTE for a in mine for b in (*later, *staying)
        ):
            found.append(key)
        else:
            later += mine
    return tuple(reversed(found))


def is_code(footprints: Sequence[Footprint]) -> bool:
    """Whether a migration holds code that can be followed, and nothing else."""
    return bool(footprints) and all(f.operation in CODE and not f.opaque for f in footprints)


def by_migration(footprints: Iterable[Footprint]) -> Mapping[str, list[Footprint]]:
    """Footprints by the name of their migration, in order."""
    found: dict[str, list[Footprint]] = {}
    for footprint in footprints:
        found.setdefault(footprint.migration, []).append(footprint)
    return found


def in_the_way(
    code: Sequence[Footprint], before: Sequence[Footprint], remade: Sequence[Footprint]
) -> str:
    """What matters to `code` and was done before it, but is not regenerated, or the other way
    round; else nothing."""
    known = {_what(footprint) for footprint in before}
    again = {_what(footprint) for footprint in remade}
    for own in code:
        for footprint in before:
            if _what(footprint) not in again and commute(own, footprint).verdict != Verdict.COMMUTE:
                return f"{' '.join(_what(footprint))} is not regenerated"
        for footprint in remade:
            relation = commute(own, footprint)
            if _what(footprint) not in known and relation.verdict != Verdict.COMMUTE:
                return relation.reason
    return ""


def _what(footprint: Footprint) -> tuple[str, str]:
    return footprint.operation, ".".join(filter(None, (footprint.model, footprint.field)))

"""Two versions of one data migration: one file name on both sides, tidied up on one of them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence

from migmerge.conflicts.commute import Pair
from migmerge.conflicts.conflict import Conflict, TwoVersions
from migmerge.conflicts.kept_data_migrations import CODE, by_migration
from migmerge.conflicts.next_commands import fix_command
from migmerge.migrations.model import NodeKey
from migmerge.migrations.operations import SIGNATURES
from migmerge.migrations.recorder import Footprint

_ROWS = ("rows", "new rows", "sql")


def find_two_versions(
    conflict: Conflict, pairs: Sequence[Pair], likeness: Callable[[NodeKey, NodeKey], int]
) -> tuple[TwoVersions, ...]:
    """Each file that both sides added and that changes rows on both, or may do so.

    Where both were run, one change would be made twice. `likeness` is in per cent.
    """
    by_name = by_migration(footprint for pair in pairs for side in pair for footprint in side)
    duplicates = {key for pair in conflict.assessment.duplicates for key in pair}
    collided = {key for branch in conflict.branches for key in branch.nodes if key.version}
    found = []
    for theirs in sorted(collided - duplicates):
        ours = theirs._replace(version=0)
        both = [by_name.get(conflict.shown(key), ()) for key in (ours, theirs)]
        if all(any(_changes_rows(footprint) for footprint in one) for one in both):
            found.append(TwoVersions(ours, theirs, likeness(ours, theirs)))

    return tuple(found)


def _changes_rows(footprint: Footprint) -> bool:
    """Whether an operation is code that changes rows, or may be.

    Of which tables is no matter: code reaches others by a relation, and SQL names them otherwise.
    """
    if footprint.opaque:
        return footprint.operation in CODE or footprint.operation not in SIGNATURES
    touched = {touch.kind for touch in footprint.writes}
    return footprint.operation in CODE and not touched.isdisjoint(_ROWS)


def describe_two_versions(conflict: Conflict, versions: TwoVersions) -> str:
    """One line for people."""
    ours, theirs = conflict.shown(versions.ours), conflict.shown(versions.theirs)
    return (
        f"{ours} and {theirs} look like two versions of one data migration "
        f"({versions.likeness} % of the code is alike): with both, its change is made twice"
    )


def with_one_version(conflict: Conflict) -> Conflict | None:
    """The conflict with the version of the side that stays as the only one; None where there are no
    two versions, or it isn't known which side stays."""
    assessment, onto = conflict.assessment, conflict.only_onto
    if not assessment.two_versions or onto is None:
        return None

    duplicates = dict(assessment.duplicates)
    for ours, theirs, _ in assessment.two_versions:
        kept, dropped = (ours, theirs) if ours in onto.nodes else (theirs, ours)
        duplicates[dropped] = kept
    return conflict._replace(
        assessment=assessment._replace(duplicates=tuple(duplicates.items()), two_versions=())
    )


def keep_one_commands(conflict: Conflict) -> tuple[str, ...]:
    """How to keep the version of the side that stays, by git alone; and how to keep both."""
    path = shlex.quote(conflict.place.path) if conflict.place else ""
    side = "--theirs" if conflict.stays_is_theirs else "--ours"
    return (
        f"git checkout {side} -- {path} && git add -- {path} && migmerge check",
        fix_command(conflict.app.key, "renumber"),
    )

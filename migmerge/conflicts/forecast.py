"""Which branches will collide once both are merged, from what each adds to an app."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from migmerge.conflicts.conflict import Verdict
from migmerge.migrations.model import App


class Fresh(NamedTuple):
    """A migration that a branch adds: `oid` is its content, `parents` and `replaces` the names
    that it builds on and stands for in its own app."""

    name: str
    path: str
    oid: str
    parents: frozenset[str]
    replaces: frozenset[str] = frozenset()


class Side(NamedTuple):
    """What a branch does to an app: migrations added by name, names taken away and not replaced.

    `below` are names that migrations build on which it changed, `changed` those with their content;
    `tree` has the content of all its files by path.
    """

    added: Mapping[str, Fresh]
    gone: frozenset[str]
    below: frozenset[str]
    tree: Mapping[str, str]
    changed: Mapping[str, str] = {}


class Clash(NamedTuple):
    """How two sides collide: a conflict's kind, and the names on each that do."""

    kind: str
    one: tuple[str, ...]
    other: tuple[str, ...]


class Collision(NamedTuple):
    """Two branches (the second may be the base) that collide in an app, with the migrations of
    each that do; there is no `verdict` for kinds without sides."""

    one: str
    other: str
    app: App
    clash: Clash
    verdict: Verdict | None = None
    reasons: tuple[str, ...] = ()

    @property
    def what(self) -> str:
        """The verdict, or the kind where there is none."""
        return self.verdict.value if self.verdict else self.clash.kind


def collide(one: Side, other: Side) -> Clash | None:
    """What merging both would bring, seen from what they add; None where they get along.

    What both have alike, as a branch that builds on another, is nobody's.
    """
    unmerged = {n: f for n, f in one.added.items() if other.tree.get(f.path) != f.oid}
    theirs = {n: f for n, f in other.added.items() if one.tree.get(f.path) != f.oid}
    both = sorted(unmerged.keys() & theirs.keys())
    if both:
        return Clash("path", tuple(both), tuple(both))

    edited = sorted(n for n, oid in one.changed.items() if other.changed.get(n, oid) != oid)
    if edited:  # git may still merge the texts
        return Clash("unparsable", tuple(edited), tuple(edited))

    lost = _lost(unmerged, other.gone), _lost(theirs, one.gone)
    if any(lost):
        return Clash("missing-dependency", *lost)

    above = one.below | other.below
    above |= {parent for side in (one, other) for f in side.added.values() for parent in f.parents}
    if _leaves(unmerged, above) and _leaves(theirs, above):
        return Clash("siblings", tuple(sorted(unmerged)), tuple(sorted(theirs)))
    return None


def _leaves(added: Mapping[str, Fresh], above: frozenset[str]) -> list[str]:
    return [name for name, fresh in added.items() if above.isdisjoint({name, *fresh.replaces})]


def _lost(added: Mapping[str, Fresh], gone: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(name for name, fresh in added.items() if fresh.parents & gone))

"""A finding as a remark on lines of files, as CI and code scanning show it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from migmerge.conflicts.conflict import Branch, Conflict, Place
from migmerge.report.checked import Checked
from migmerge.report.messages import BY_KIND
from migmerge.report.screen import printable, short
from migmerge.report.text import headline, side_text


class Mark(NamedTuple):
    """A remark: `level` is `error` or `note`, lines are 1-based, `others` is what it is about too.

    `identity` is the same for the same finding in another run.
    """

    level: str
    kind: str
    title: str
    text: str
    place: Place
    others: tuple[Place, ...] = ()
    identity: tuple[str, ...] = ()


def marks(checked: Sequence[Checked]) -> list[Mark]:
    """A mark for each finding, on the side that is not published where that is known."""
    marks_of_conflicts = [
        _mark(checked_tree, conflict)
        for checked_tree in checked
        for conflict in checked_tree.findings.conflicts
    ]
    for checked_tree in checked:
        marks_of_conflicts += [
            Mark("note", n.kind, BY_KIND[n.kind].title, printable(n.text), _line(n.place))
            for n in checked_tree.findings.notices
        ]

    return marks_of_conflicts


def fingerprint(mark: Mark) -> str:
    """The same for the same finding in another run."""
    parts = mark.identity or (mark.kind, mark.place.path, mark.text)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def _mark(checked: Checked, conflict: Conflict) -> Mark:
    places = [_place(checked, branch) for branch in _movers_first(conflict.branches)]
    if conflict.place:
        places = [conflict.place, *(place for place in places if place.path != conflict.place.path)]
    if not places:
        places = [Place(conflict.app.directory, 0)]
    base = checked.findings.base.name if checked.findings.base else None
    lines = [headline(conflict)]
    if conflict.kind in ("siblings", "path"):
        lines += [f"{printable(b.leaf.name)}: {side_text(b, base)}" for b in conflict.branches]
        lines += [short(printable(reason)) for reason in conflict.reasons[:4]]

    lines += [f"next: {printable(command)}" for command in conflict.advice.commands]
    names = sorted({key.name for branch in conflict.branches for key in branch.nodes})
    return Mark(
        "error",
        conflict.kind,
        BY_KIND[conflict.kind].title,
        "\n".join(lines),
        _line(places[0]),
        tuple(_line(place) for place in places[1:]),
        (conflict.kind, conflict.app.directory, *names, places[0].path),
    )


def _movers_first(branches: Sequence[Branch]) -> list[Branch]:
    """What this side can fix comes first: replayed, else not published."""
    return sorted(branches, key=lambda b: (b.side == "onto", b.published is True))


def _place(checked: Checked, branch: Branch) -> Place:
    """The first migration of its own, at the dependency on what the sides share."""
    node = checked.snapshot.graph.nodes[branch.nodes[0]]
    lines = [r.line for r in node.header.dependencies if r.label == node.label]
    return Place(node.path, lines[0] if lines else 1)


def _line(place: Place) -> Place:
    return place if place.line else place._replace(line=1)

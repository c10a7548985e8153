"""Two branches, by what each adds to one app."""

from __future__ import annotations

import pytest

from migmerge.conflicts.forecast import Clash, Fresh, Side, collide


def side(*added: str, gone: str = "", below: str = "", has: str = "") -> Side:
    """`side("b <- a")` adds b, which builds on a; `b=2` has other content; `s <- a replaces b`."""
    fresh = {}
    for text in added:
        text, _, replaces = text.partition(" replaces ")
        name, _, parents = text.partition(" <- ")
        name, _, content = name.partition("=")
        own = Fresh(
            name,
            f"{name}.py",
            content or "1",
            frozenset(parents.split()),
            frozenset(replaces.split()),
        )
        fresh[name] = own
    tree = {f.path: f.oid for f in fresh.values()} | {f"{name}.py": "1" for name in has.split()}
    return Side(fresh, frozenset(gone.split()), frozenset(below.split()), tree)


CASES = {
    "a leaf each": (side("b <- a"), side("c <- a"), Clash("siblings", ("b",), ("c",))),
    "chains": (side("b <- a", "c <- b"), side("d <- a"), Clash("siblings", ("b", "c"), ("d",))),
    "one builds on the other": (side("b <- a"), side("b <- a", "c <- b"), None),
    "both build on the same": (
        side("b <- a", "c <- b"), side("b <- a", "d <- b"), Clash("siblings", ("c",), ("d",)),
    ),
    "the same": (side("b <- a"), side("b <- a"), None),
    "one name, two contents": (side("b <- a"), side("b=2 <- a"), Clash("path", ("b",), ("b",))),
    "the other has it from elsewhere": (side("b <- a"), side("c <- a", has="b"), None),
    "joined": (side("b <- a"), side("b <- a", "c <- a", "m <- b c"), None),
    "put below what was there": (side("b <- a", below="b"), side("c <- a"), None),
    "a parent goes missing": (
        side(gone="a"), side("b <- a"), Clash("missing-dependency", (), ("b",)),
    ),
    "squashed below the other": (side("s <- a replaces b c"), side("d <- c"), None),
    "squashed beside the other": (
        side("s <- a replaces b"), side("d <- a"), Clash("siblings", ("s",), ("d",)),
    ),
    "both changed one": (
        Side({}, frozenset(), frozenset(), {}, {"a": "2"}), Side({}, frozenset(), frozenset(), {}, {"a": "3"}),
        Clash("unparsable", ("a",), ("a",)),
    ),
    "both changed one alike": (
        Side({}, frozenset(), frozenset(), {}, {"a": "2"}), Side({}, frozenset(), frozenset(), {}, {"a": "2"}), None,
    ),
    "nothing on one side": (side(), side("b <- a"), None),
}  # fmt: skip


@pytest.mark.parametrize(("one", "other", "clash"), CASES.values(), ids=CASES)
def test_collide(one: Side, other: Side, clash: Clash | None) -> None:
    assert collide(one, other) == clash
    turned = clash and Clash(clash.kind, clash.other, clash.one)
    assert collide(other, one) == turned

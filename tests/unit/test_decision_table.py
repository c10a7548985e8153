"""What is done about a conflict where nobody asks for a strategy."""

from __future__ import annotations

import pytest

from migmerge.conflicts.conflict import Assessment, Branch, Conflict, Place, SetOnBothSides, Verdict
from migmerge.conflicts.decision_table import choose_strategy
from migmerge.migrations.model import App, NodeKey

APP = App("shop", "shop", "shop/migrations")
STOCK, PRICE = NodeKey("shop", "0002_stock"), NodeKey("shop", "0002_price")
SIDED = (Branch((STOCK,), "onto", True), Branch((PRICE,), "replayed", False))
UNKNOWN = (Branch((STOCK,)), Branch((PRICE,)))
BOTH_SET = SetOnBothSides("shop.product", "field", "name")
NEVER = SetOnBothSides("shop.product", "index_together", obstacle="it can't be set again")


def conflict(kind: str = "siblings", **values: object) -> Conflict:
    assessed = {name: values.pop(name) for name in Assessment._fields if name in values}
    assessment = Assessment(Verdict.COMMUTE)._replace(**assessed)  # type: ignore[arg-type]
    base = Conflict(APP, kind, branches=SIDED, assessment=assessment)
    return base._replace(**values)  # type: ignore[arg-type]


CASES = {
    "the sides commute": (conflict(), "auto", "merge"),
    "the team merges": (conflict(), "merge", "merge"),
    "the team renumbers": (conflict(), "renumber", "renumber"),
    "the team renumbers, and no side may move": (conflict(branches=UNKNOWN), "renumber", "merge"),
    "the order matters": (conflict(verdict=Verdict.OVERLAP), "auto", "merge"),
    "the order matters, and the team renumbers": (
        conflict(verdict=Verdict.OVERLAP), "renumber", "renumber",
    ),
    "contradiction": (conflict(verdict=Verdict.CONTRADICT), "renumber", "regenerate"),
    "both set one definition": (conflict(set_on_both_sides=(BOTH_SET,)), "renumber", "merge"),
    "no merge migration can set it": (conflict(set_on_both_sides=(NEVER,)), "merge", "regenerate"),
    "one file name": (conflict("path"), "merge", "renumber"),
    "one file name, and both set one definition": (
        conflict("path", set_on_both_sides=(BOTH_SET,)), "merge", "renumber",
    ),
    "one file name, no side may move": (conflict("path", branches=UNKNOWN), "merge", "manual"),
    "one file twice": (
        conflict("path", branches=UNKNOWN, duplicates=((PRICE, STOCK),)), "merge", "merge",
    ),
    "a squash hides it": (conflict(place=Place("shop/migrations/0001_s.py", 1)), "auto", "manual"),
    "a parent is missing": (conflict("missing-dependency"), "renumber", "manual"),
}  # fmt: skip


@pytest.mark.parametrize(("given", "prefer", "strategy"), CASES.values(), ids=CASES)
def test_choose_strategy(given: Conflict, prefer: str, strategy: str) -> None:
    assert choose_strategy(given, prefer) == strategy


def test_choose_strategy_where_a_name_is_reused() -> None:
    assert choose_strategy(conflict(), "merge", name_reused=True) == "renumber"
    unknown = conflict(branches=UNKNOWN)
    assert choose_strategy(unknown, "merge", name_reused=True) == "manual"

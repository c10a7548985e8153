"""What a tree has that it should not have after a fix."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from migmerge.migrations.model import NodeKey
from migmerge.resolve.graph_changes import straighten
from migmerge.resolve.proof import _tree
from migmerge.resolve.static_check import problems
from tests.conftest import graph


def tree(text: str) -> Any:
    return SimpleNamespace(graph=graph(text))


def test_problems_of_what_is_right() -> None:
    assert problems(tree("shop: 1 <- 2"), tree("shop: 1 <- 2 <- 3"), {"shop": "3"}) == []


def test_problems_of_a_leaf_that_is_not_alone() -> None:
    assert problems(tree("shop: 1"), tree("shop: 1 <- 2_a, 1 <- 2_b"), {"shop": "2_a"}) == [
        ("shop", "leaf nodes would be 2_a, 2_b, not 2_a alone")
    ]


def test_problems_of_a_new_cycle_and_not_of_an_old_one() -> None:
    old = "cart: 1 <- 2 <- 1"
    assert problems(tree(old), tree(old), {}) == []
    assert problems(tree("cart: 1 <- 2"), tree(old), {}) == [("cart", "a cycle: cart.1, cart.2")]


def test_straighten_passes_over_numbers_that_are_taken() -> None:
    made = graph("shop: 0001_a <- 0001_b")
    moves = straighten(made, "shop", {NodeKey("shop", "0001_b")}, {"0001_a", "0001_b", "0002_x"})
    assert moves.names == {NodeKey("shop", "0001_b"): "0003_b"}


def test_a_tree_has_nothing_of_an_app_that_is_gone() -> None:
    snapshot = tree("shop: 1")
    snapshot.contents = {"shop/migrations/1.py": b"x"}
    nodes = {NodeKey("shop", "1"): b"x", NodeKey("old", "1"): b"y"}
    assert _tree(snapshot, nodes, {"shop": "shop"}) == {"shop": {"1": None}}

from __future__ import annotations

import pytest

from migmerge.migrations.graph import build_graph, without_squashes
from migmerge.migrations.model import Header, Migration, NodeKey, Reference
from tests.conftest import graph


def names(keys: object) -> list[str]:
    return [str(key) for key in keys]  # type: ignore[attr-defined]


def test_leaves_of_a_line() -> None:
    assert names(graph("shop: 1 <- 2 <- 3").leaves("shop")) == ["shop.3"]


def test_leaves_of_two_branches() -> None:
    assert names(graph("shop: 1 <- 2_a, 1 <- 2_b").leaves("shop")) == ["shop.2_a", "shop.2_b"]


def test_leaves_joined_by_a_merge_migration() -> None:
    assert names(graph("shop: 1 <- 2_a <- 3, 1 <- 2_b <- 3").leaves("shop")) == ["shop.3"]


def test_leaves_ignore_dependents_in_another_app() -> None:
    made = graph("shop: 1; cart: shop.1 <- 1")
    assert names(made.leaves("shop")) == ["shop.1"]


def test_leaves_of_a_squash_beside_its_originals() -> None:
    made = graph("shop: 1 <- 2 <- 3, 1_s replaces 1+2")
    assert names(made.leaves("shop")) == ["shop.3"]
    assert names(made.parents[NodeKey("shop", "3")]) == ["shop.1_s"]


@pytest.mark.parametrize(
    ("text", "leaves"),
    [
        ("shop: 1 <- 2 <- 3 <- 4, 1_s replaces 1+2+3, 2 <- 3_b", ["shop.3_b", "shop.4"]),
        ("shop: 1 <- 2 <- 3, 1_s replaces 1+2, 1_s <- 3", ["shop.3"]),
        ("shop: 1 <- 2, 1_s replaces 1+2, 1_s <- 3", ["shop.3"]),
    ],
    ids=["a sibling on an original", "dependents of an original", "dependents of the squash"],
)
def test_without_squashes(text: str, leaves: list[str]) -> None:
    made = without_squashes(graph(text), lambda m, ref: NodeKey(ref.label, ref.name))
    assert made is not None
    assert names(made.leaves("shop")) == leaves


def test_without_squashes_whose_originals_are_gone() -> None:
    made = graph("shop: 2 <- 3, 1_s replaces 1+2")
    assert without_squashes(made, lambda m, ref: NodeKey(ref.label, ref.name)) is None


def test_leaves_of_a_squash_of_a_squash() -> None:
    made = graph("shop: 1 <- 2 <- 3, 1_s replaces 1+2, 1_t replaces 1_s+3")
    assert names(made.leaves("shop")) == ["shop.1_t"]


def test_missing_parent_is_replaced_by_a_squash() -> None:
    made = graph("shop: 2 <- 3, 1_s replaces 1+2")
    assert made.missing == ()


def test_missing_parent() -> None:
    made = graph("shop: 1, 9 <- 3; cart: 1")
    # 9 is written by the builder as a node, so ask for one in the other app that is not
    other = graph("shop: 1; cart: shop.7 <- 1")
    assert made.missing == ()
    assert [str(m.key) for m in other.missing] == ["shop.7"]


def test_dependency_outside_the_repository_is_no_matter() -> None:
    assert graph("shop: auth.0001 <- 1").missing == ()


@pytest.mark.parametrize(
    ("text", "leaves", "expected"),
    [
        ("shop: 1 <- 2_a, 1 <- 2_b", ["2_a", "2_b"], "1"),
        ("shop: 1 <- 2 <- 3_a <- 4_a, 2 <- 3_b", ["4_a", "3_b"], "2"),
        ("shop: 1 <- 2_a, 1 <- 2_b, 1 <- 2_c", ["2_a", "2_b", "2_c"], "1"),
        ("shop: 1 <- 2_a, 0 <- 2_b", ["2_a", "2_b"], None),
        ("shop: 1 <- 2, 1 <- 3, 2 <- 4, 3 <- 4, 4 <- 5_a, 4 <- 5_b", ["5_a", "5_b"], "4"),
        # criss-cross: 2 and 3 are both last shared; the later one by name
        ("shop: 1 <- 2, 1 <- 3, 2 <- 4_a, 3 <- 4_a, 2 <- 4_b, 3 <- 4_b", ["4_a", "4_b"], "3"),
    ],
    ids=["fork", "chain", "three", "nothing shared", "after a diamond", "criss-cross"],
)
def test_common_ancestor(text: str, leaves: list[str], expected: str | None) -> None:
    found = graph(text).common_ancestor([NodeKey("shop", leaf) for leaf in leaves], "shop")
    assert found == (NodeKey("shop", expected) if expected else None)


def test_cycles_none() -> None:
    assert graph("shop: 1 <- 2 <- 3, 1 <- 3").cycles() == []


def test_cycles_through_two_apps() -> None:
    made = graph("shop: 1, cart.1 <- 2; cart: shop.2 <- 1")
    assert [names(group) for group in made.cycles()] == [["cart.1", "shop.2"]]


def test_cycles_of_a_node_upon_itself() -> None:
    assert [names(group) for group in graph("shop: 1 <- 1").cycles()] == [["shop.1"]]


def test_cycles_leaves_out_what_merely_hangs_on_them() -> None:
    made = graph("shop: 1 <- 2 <- 3 <- 2, 3 <- 4")
    assert [names(group) for group in made.cycles()] == [["shop.2", "shop.3"]]


def test_in_order_puts_cycles_at_the_end() -> None:
    made = graph("shop: 9 <- 1 <- 2 <- 1")
    assert names(made.in_order(made.parents)) == ["shop.9", "shop.1", "shop.2"]


def test_in_order_puts_parents_first() -> None:
    made = graph("shop: 1 <- 9 <- 2 <- 3")
    keys = [NodeKey("shop", name) for name in ("3", "9", "2")]
    assert names(made.in_order(keys)) == ["shop.9", "shop.2", "shop.3"]


def test_build_graph_deep_chain_is_iterative() -> None:
    made = graph("shop: " + " <- ".join(f"{i:05d}" for i in range(5000)))
    assert len(made.ancestors(NodeKey("shop", "04999"))) == 5000
    assert made.cycles() == []


@pytest.mark.parametrize(
    ("text", "cycle"),
    [
        ("shop: 1 <- 2, 2 replaces 1, 1 replaces 2, 2 <- 3", "shop.1"),
        ("shop: 1 <- 3, 1 replaces 1", "shop.1"),
        ("shop: 1, 1_s <- 2 <- 3, 1_s replaces 1+2", "shop.1_s"),
        ("shop: 1 <- 2, 1_s replaces 1+2, 2 <- 1_s", "shop.1_s"),
    ],
    ids=["each other", "itself", "what depends on it", "what it depends on"],
)
def test_a_squash_in_its_own_way_is_a_cycle(text: str, cycle: str) -> None:
    """Django raises CommandError or CircularDependencyError."""
    assert [names(group) for group in graph(text).cycles()] == [[cycle]]


def test_of_two_squashes_of_one_migration_the_first_stands_for_it() -> None:
    made = graph("shop: 1 <- 2 <- 3, 1_s replaces 1+2, 1_t replaces 2")
    assert names(made.parents[NodeKey("shop", "3")]) == ["shop.1_s"]


def test_two_cycles_are_two() -> None:
    made = graph("shop: 1 <- 2 <- 1; cart: 1 <- 2 <- 3 <- 1, 3 <- 4 <- 2")
    assert [names(cycle) for cycle in made.cycles()] == [
        ["cart.1", "cart.2", "cart.3", "cart.4"],
        ["shop.1", "shop.2"],
    ]


def test_a_migration_that_depends_on_itself_is_a_cycle() -> None:
    made = graph("shop: 1 <- 2, 2 <- 2")
    assert [names(cycle) for cycle in made.cycles()] == [["shop.2"]]


@pytest.mark.parametrize(("name", "parent"), [("__first__", "shop.1"), ("__latest__", "shop.2_b")])
def test_first_and_latest_are_ends_of_the_other_app(name: str, parent: str) -> None:
    made = graph(f"shop: 1 <- 2_b; cart: shop.{name} <- 1")
    assert names(made.parents[NodeKey("cart", "1")]) == [parent]


def test_first_of_the_same_app_means_nothing() -> None:
    """Django ignores it (#22325)."""
    key, header = NodeKey("shop", "1"), Header((Reference("shop", "__first__", 1),))
    made = build_graph(
        [Migration(key, "shop", "shop/migrations/1.py", header)],
        lambda _, reference: NodeKey(reference.label, reference.name),
    )
    assert made.parents[key] == frozenset()
    assert made.missing == ()


def test_first_of_an_app_without_migrations_is_nothing() -> None:
    made = graph("cart: shop.__first__ <- 1; shop: shop.9 <- 9")
    assert NodeKey("cart", "1") in made.parents


def test_what_is_between_two_cycles_is_in_none() -> None:
    made = graph("shop: 1 <- 2 <- 1, 2 <- 3 <- 4 <- 5 <- 4")
    assert [names(cycle) for cycle in made.cycles()] == [["shop.1", "shop.2"], ["shop.4", "shop.5"]]

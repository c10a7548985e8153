from __future__ import annotations

from itertools import pairwise

import pytest

from migmerge.migrations.naming import is_catch_up_name, is_sequence, merge_name, number, renumbered


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("0012_x", 12),
        ("0012", 12),
        ("00012_x", 12),
        ("x", None),
        ("12x", None),
        ("0" * 30, None),
        ("1" * 19 + "_x", int("1" * 19)),
        ("1" * 20 + "_x", None),
    ],
)
def test_number(name: str, expected: int | None) -> None:
    assert number(name) == expected


@pytest.mark.parametrize(
    ("name", "to", "expected"),
    [
        ("0012_x", 13, "0013_x"),
        ("9999_x", 10000, "10000_x"),
        ("00012_x", 13, "00013_x"),
        ("12", 7, "07"),
        ("named", 13, "named"),
    ],
)
def test_renumbered(name: str, to: int, expected: str) -> None:
    assert renumbered(name, to) == expected


def test_merge_name_short() -> None:
    assert merge_name(["0003_b", "0002_a"]) == "0004_merge_0002_a_0003_b"


def test_merge_name_at_the_limit_of_django() -> None:
    leaves = ["0002_" + "a" * 18, "0002_" + "b" * 18]
    assert len("_".join(leaves)) == 47
    assert merge_name(leaves) == "0003_merge_" + "_".join(leaves)


def test_merge_name_long_is_a_hash_in_either_order() -> None:
    leaves = ["0002_" + "a" * 18, "0002_" + "b" * 19]
    assert merge_name(leaves) == merge_name(leaves[::-1])
    assert len(merge_name(leaves)) == len("0003_merge_") + 8


def test_merge_name_of_names_that_are_not_utf8() -> None:
    leaves = ["0002_" + "\udcff" * 30, "0002_" + "b" * 30]
    assert len(merge_name(leaves)) == len("0003_merge_") + 8


@pytest.mark.parametrize(
    ("name", "expected"),
    [("0005_catch_up_0002_stock", True), ("0005_stock", False), ("catch_up_0002_stock", False)],
)
def test_is_catch_up_name(name: str, expected: bool) -> None:
    assert is_catch_up_name(name) is expected


def test_merge_name_without_numbers() -> None:
    assert merge_name(["b", "a"]) == "0002_merge_a_b"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["0001", "0002", "0003"], True),
        (["0001", "0002", "0010", "0011", "0012", "0013", "0014"], True),
        (["0001", "0021", "0034", "0078"], False),
        (["2019_a", "1830_b", "2001_c"], False),
        (["a", "b", "c"], True),
        (["0001", "named", "0002"], True),  # nothing to compare a name without number with
        (["0001", "0005"], True),  # one gap is no habit
        (["0001", "0005", "0006", "0010", "0011"], True),  # half of the steps are gaps
        (["0001", "0005", "0010", "0011"], False),  # more than half are
        (["0001", "0001", "0001", "0002"], True),  # one number twice is no gap
        (["0001", "0003", "0005", "0007"], False),  # steps of two are
        (["0003", "0002", "0001", "0001"], False),  # and so are steps down
    ],
)
def test_is_sequence(names: list[str], expected: bool) -> None:
    assert is_sequence([(number(a), number(b)) for a, b in pairwise(names)]) is expected

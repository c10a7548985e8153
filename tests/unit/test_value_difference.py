"""Values of both sides, side by side in one line."""

from __future__ import annotations

import pytest

from migmerge.conflicts.value_difference import describe_difference

KINDS = [f"('{word}', '{word.title()}')" for word in ("discord", "email", "group", "matrix")]


def choices(*items: str, pair: str = "[]") -> str:
    return f"{pair[0]}{', '.join(items)}{pair[1]}"


SHOWN = {
    "short": ("10", "12", "is 10 in 0002_a, 12 in 0002_b"),
    "short lists in full": ("[1, 2]", "[1, 3]", "is [1, 2] in 0002_a, [1, 3] in 0002_b"),
    "what each side adds": (
        choices("('a', 'A')", *KINDS),
        choices(*KINDS, "('z', 'Z')"),
        "is [..., ('a', 'A')] in 0002_a, [..., ('z', 'Z')] in 0002_b",
    ),
    "one side adds": (
        choices(*KINDS, pair="()"),
        choices(*KINDS, "('z', 'Z')"),
        "is [...] in 0002_a, [..., ('z', 'Z')] in 0002_b",
    ),
    "nothing shared": (choices(*KINDS), "[1]", "is not the same in 0002_a and 0002_b"),
    "nothing shared, and short": (choices("1", *KINDS[:1]), "[2]", "is [1, ('discord', 'Discord')] in 0002_a, [2] in 0002_b"),
    "another order": (choices(*KINDS), choices(*KINDS[::-1]), "is not the same in 0002_a and 0002_b"),
    "no list": ("'" + "x" * 99 + "'", "not set", "is not the same in 0002_a and 0002_b"),
    "no expression": ("x" * 99 + " = 1", "2", "is not the same in 0002_a and 0002_b"),
}  # fmt: skip


@pytest.mark.parametrize(("left", "right", "expected"), SHOWN.values(), ids=SHOWN)
def test_difference_is_short_enough_to_read(left: str, right: str, expected: str) -> None:
    text = describe_difference("choices", left, right, "0002_a", "0002_b")
    assert text == f"choices {expected}"

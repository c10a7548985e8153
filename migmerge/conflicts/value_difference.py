"""What two values of one keyword have unlike, in a text that can be read."""

from __future__ import annotations

import ast

# a value that is longer is not shown in full: a list of choices has thousands of characters
_LONGEST = 60


def describe_difference(key: str, left: str, right: str, ours: str, theirs: str) -> str:
    """`max_digits is 10 in 0003_a, 12 in 0003_b`, where the values are source text; of long lists
    only the items that the other list lacks."""
    if max(len(left), len(right)) > _LONGEST:
        left, right = _without_shared_items(left, right)
    if max(len(left), len(right)) > _LONGEST:
        return f"{key} is not the same in {ours} and {theirs}"
    return f"{key} is {left} in {ours}, {right} in {theirs}"


def _without_shared_items(left: str, right: str) -> tuple[str, str]:
    """`[..., ('a', 'A')]` and `[...]`; the values as they are where they are no two lists, or
    differ in order only."""
    lefts, rights = _items(left), _items(right)
    if not lefts or not rights or set(lefts) == set(rights):
        return left, right
    return _shorten(lefts, rights), _shorten(rights, lefts)


def _items(value: str) -> list[str]:
    try:
        tree = ast.parse(value, mode="eval").body
    except SyntaxError:
        return []
    return (
        [ast.unparse(item) for item in tree.elts] if isinstance(tree, (ast.List, ast.Tuple)) else []
    )


def _shorten(items: list[str], others: list[str]) -> str:
    shared = "..." if set(items) & set(others) else ""
    return f"[{', '.join(filter(None, [shared, *(i for i in items if i not in others)]))}]"

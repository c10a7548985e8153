"""How alike the code of two migrations is."""

from __future__ import annotations

import ast
from collections import Counter

from migmerge.migrations.reader import parse

_Shape = tuple[str, ...]


def likeness(one: bytes, other: bytes) -> int:
    """The share of equal code in two migrations, in per cent, whatever the layout, comments, names
    that they define and literals; 0 where one of them doesn't parse."""
    try:
        shapes = _shapes(one), _shapes(other)
    except ValueError:
        return 0

    size = sum(counted.total() for counted in shapes)
    return 200 * (shapes[0] & shapes[1]).total() // size if size else 0


def _shapes(source: bytes) -> Counter[_Shape]:
    """How often each kind of node is there, with the kinds of its parts and what it calls."""
    nodes = ast.walk(parse(source))
    return Counter(
        (
            type(node).__name__,
            getattr(node, "attr", ""),
            *(type(part).__name__ for part in ast.iter_child_nodes(node)),
        )
        for node in nodes
    )

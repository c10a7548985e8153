"""A picture as text: each app a tree, its forks and what collides marked."""

from __future__ import annotations

from collections.abc import Iterator

from migmerge.migrations.model import NodeKey
from migmerge.report.picture import Node, Picture
from migmerge.report.screen import printable


def tree(picture: Picture) -> str:
    """A paragraph for each app; a line of descent goes straight down, a fork is indented."""
    return "\n".join(_paragraph(picture, app) for app in picture.apps)


def _paragraph(picture: Picture, app: str) -> str:
    nodes = {node.key: node for node in picture.apps[app]}
    parents: dict[NodeKey, list[NodeKey]] = {key: [] for key in picture.nodes}
    children: dict[NodeKey, list[NodeKey]] = {key: [] for key in nodes}
    for parent, child in picture.edges:
        parents[child].append(parent)
        if parent in nodes and child in nodes:
            children[parent].append(child)
    inside = {key: [p for p in parents[key] if p in nodes] for key in nodes}
    roots = [key for key in nodes if not inside[key]]
    lines = [printable(app)]
    for prefix, key in _walk(roots, children, inside):
        others = [str(p) for p in parents[key] if p not in nodes]
        others += [p.name for p in inside[key][1:]]
        lines.append(f"  {prefix}{_line(nodes[key], others)}".rstrip())
    return "\n".join(lines) + "\n"


def _line(node: Node, others: list[str]) -> str:
    parts = [printable(node.label)]
    if node.side:
        parts = [f"{parts[0]}  <<< {printable(node.told)}"]
    if others:
        parts.append(f"(after {printable(', '.join(others))})")
    return "  ".join(parts)


def _walk(
    roots: list[NodeKey],
    children: dict[NodeKey, list[NodeKey]],
    parents: dict[NodeKey, list[NodeKey]],
) -> Iterator[tuple[str, NodeKey]]:
    """`(what to draw before it, node)` from the top; a node comes when all above it have.

    A stack of what is still to be drawn: histories are deeper than Python's calls may be.
    """
    waiting = {key: len(above) for key, above in parents.items()}
    # what to draw before a node, and before what comes below it
    stack = [("", "", key) for key in reversed(roots)]
    drawn = set()
    while stack:
        first, rest, key = stack.pop()
        yield first, key
        drawn.add(key)
        for child in children[key]:
            waiting[child] -= 1
        ready = [child for child in children[key] if not waiting[child]]
        joins = [child for child in ready if len(parents[child]) > 1]
        forks = [child for child in ready if child not in joins]
        if len(children[key]) == 1 and forks:
            stack.append((rest, rest, forks[0]))
            continue
        outer = rest[:-3]
        stack += [(outer, outer, child) for child in reversed(joins)]
        for child in reversed(forks):
            stem, below = ("└─ ", "   ") if child == forks[-1] else ("├─ ", "│  ")
            stack.append((rest + stem, rest + below, child))
    yield from (("", key) for key in parents if key not in drawn)  # on a cycle

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
        others += [p.name for p in inside[key] if len(inside[key]) > 1]
        first = " (a root)" if len(roots) > 1 and key in roots else ""
        lines.append(f"  {prefix}{_line(nodes[key], others)}{first}".rstrip())

    return "\n".join(lines) + "\n"


def _line(node: Node, others: list[str]) -> str:
    parts = [printable(node.label)]
    if node.side:
        parts = [f"{parts[0]}  <<< {printable(node.note)}"]
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
    # what to draw before a node, what before those below it, and the forks that it is within
    stack: list[tuple[str, str, NodeKey, tuple[NodeKey, ...]]] = [
        ("", "", key, ()) for key in reversed(roots)
    ]
    within: dict[NodeKey, tuple[NodeKey, ...]] = {}
    under: dict[tuple[NodeKey, ...], str] = {(): ""}
    while stack:
        first, rest, key, forks = stack.pop()
        yield first, key
        within[key] = forks
        for child in children[key]:
            waiting[child] -= 1

        ready = [child for child in children[key] if not waiting[child]]
        for child in (c for c in ready if len(parents[c]) > 1):
            outer = _common([within[parent] for parent in parents[child]])
            at = len(stack)  # behind all of the fork that it joins
            while at and len(stack[at - 1][3]) > len(outer):
                at -= 1
            stack.insert(at, (under[outer], under[outer], child, outer))

        split = [child for child in ready if len(parents[child]) == 1]
        if len(children[key]) == 1 and split:
            stack.append((rest, rest, split[0], forks))
            continue

        for child in reversed(split):
            stem, more = ("└─ ", "   ") if child == split[-1] else ("├─ ", "│  ")
            inner = (*forks, child)
            under[inner] = rest + more
            stack.append((rest + stem, rest + more, child, inner))

    yield from (("", key) for key in parents if key not in within)  # on a cycle


def _common(paths: list[tuple[NodeKey, ...]]) -> tuple[NodeKey, ...]:
    """What all of them begin with."""
    shortest = min(paths, key=len)
    for place, key in enumerate(shortest):
        if any(path[place] != key for path in paths):
            return shortest[:place]
    return shortest

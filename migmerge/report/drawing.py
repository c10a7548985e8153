"""Where the nodes of an app go: ranks by Graphviz, long histories folded into columns."""

from __future__ import annotations

from typing import NamedTuple

from migmerge.errors import UserError
from migmerge.migrations.model import NodeKey
from migmerge.report.picture import Node, Picture

ROW, HEIGHT, GAP = 54, 28, 28
CHARACTER, MARGIN, SHOWN = 7.3, 12, 40
_RANKS = 30  # of one column, before it is folded


class Box(NamedTuple):
    """The place of a node in pixels: its upper left corner and its width."""

    x: float
    y: float
    width: float

    @property
    def centre(self) -> float:
        """The middle, from left to right."""
        return self.x + self.width / 2


class Drawing(NamedTuple):
    """An app's boxes, and how large it is as a whole."""

    boxes: dict[NodeKey, Box]
    width: float
    height: float


def shown(node: Node) -> str:
    """A label that is not too long for its box."""
    return node.label if len(node.label) <= SHOWN else node.label[: SHOWN - 1] + "…"


def lay_out(picture: Picture) -> dict[str, Drawing]:
    """Every app on its own, from (0, 0). UserError where Graphviz is not installed."""
    try:
        import pygraphviz  # an extra, and only for pictures
    except ImportError:
        raise UserError(
            "extra",
            "svg and html need Graphviz",
            "pip install 'migmerge[graph]', or --format mermaid",
        ) from None

    edges: dict[str, list[tuple[NodeKey, NodeKey]]] = {app: [] for app in picture.apps}
    for parent, child in picture.edges:
        if parent.app == child.app:
            edges[parent.app].append((parent, child))

    places = {}
    for app, nodes in picture.apps.items():
        graph = pygraphviz.AGraph(directed=True, strict=True, nodesep="0.25", ranksep="0.2")
        graph.node_attr.update(shape="box", fixedsize="true", label="", height=str(HEIGHT / 72))
        ids = {node.key: str(place) for place, node in enumerate(nodes)}
        for node in nodes:
            graph.add_node(ids[node.key], width=str(_width(node) / 72))

        graph.add_edges_from((ids[parent], ids[child]) for parent, child in edges[app])
        graph.layout(prog="dot")
        places[app] = _folded(nodes, {k: _position(graph, i) for k, i in ids.items()})

    return places


def _width(node: Node) -> float:
    return len(shown(node)) * CHARACTER + 2 * MARGIN


def _position(graph: object, name: str) -> tuple[float, float]:
    x, y = graph.get_node(name).attr["pos"].split(",")  # type: ignore[attr-defined]
    return float(x), float(y)


def _folded(nodes: list[Node], positions: dict[NodeKey, tuple[float, float]]) -> Drawing:
    """Boxes by rank from the top; every thirty ranks begin a new column to the right."""
    heights = sorted({y for _, y in positions.values()}, reverse=True)
    ranks = {key: heights.index(y) for key, (_, y) in positions.items()}
    boxes: dict[NodeKey, Box] = {}
    left = 0.0
    for column in range(0, len(heights), _RANKS):
        band = [n for n in nodes if column <= ranks[n.key] < column + _RANKS]
        start = min(positions[n.key][0] - _width(n) / 2 for n in band)
        for node in band:
            x = left + positions[node.key][0] - _width(node) / 2 - start
            boxes[node.key] = Box(x, (ranks[node.key] - column) * ROW, _width(node))

        left = max(boxes[n.key].x + boxes[n.key].width for n in band) + 2 * GAP

    height = min(len(heights), _RANKS) * ROW - (ROW - HEIGHT)
    return Drawing(boxes, left - 2 * GAP, height)

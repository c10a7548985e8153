"""A picture as SVG: one file, no script, readable on light and dark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from migmerge.migrations.model import NodeKey
from migmerge.report.drawing import GAP, HEIGHT, ROW, Box, Drawing, lay_out, shown
from migmerge.report.picture import Node, Picture
from migmerge.report.screen import printable
from migmerge.report.summary import count

_HEAD = 34  # for the name of an app
STYLE = """
:root { color-scheme: light dark }
.page { fill: #fff } .app { fill: #f6f8fa; stroke: #d1d9e0 }
.name { font: 600 14px system-ui, sans-serif; fill: #1f2328 }
.node rect { fill: #fff; stroke: #818b98 } .node text { fill: #1f2328 }
.node text { font: 12px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace }
.edge { fill: none; stroke: #818b98; stroke-width: 1.2 } .edge.far { stroke-dasharray: 2 4 }
.edge.lit { stroke: #cf222e; stroke-width: 2.5 } .tip { fill: #818b98 }
.onto rect { stroke: #1a7f37; stroke-width: 3; fill: #dafbe1 }
.replayed rect { stroke: #bc4c00; stroke-width: 3; stroke-dasharray: 6 3; fill: #fff1e5 }
.unknown rect { stroke: #cf222e; stroke-width: 3; fill: #ffebe9 }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117 } .app { fill: #151b23; stroke: #3d444d }
.name, .node text { fill: #f0f6fc } .node rect { fill: #0d1117; stroke: #656c76 }
.edge { stroke: #9198a1 } .tip { fill: #9198a1 }
.edge.lit { stroke: #f85149 } .onto rect { stroke: #3fb950; fill: #12261e }
.replayed rect { stroke: #f0883e; fill: #2d1d0e } .unknown rect { stroke: #f85149; fill: #25171c }
}
"""


def svg(picture: Picture) -> str:
    """All apps beside each other, in rows that make the whole about as wide as a screen."""
    drawings = lay_out(picture)
    places, width, height = _packed(drawings)
    legend = _legend(height) if any(node.side for node in picture.nodes.values()) else ""
    width, height = (max(width, 420), height + GAP) if legend else (width, height)
    boxes = {
        key: Box(places[app][0] + GAP + box.x, places[app][1] + _HEAD + box.y, box.width)
        for app, drawing in drawings.items()
        for key, box in drawing.boxes.items()
    }
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{_said(picture)}">',
        f'<style>{STYLE}</style><rect class="page" width="100%" height="100%"/>',
        ARROW,
    ]
    for app, drawing in drawings.items():
        x, y = places[app]
        size = f'width="{drawing.width + 2 * GAP:.0f}" height="{drawing.height + _HEAD + GAP:.0f}"'
        parts.append(f'<rect class="app" x="{x:.0f}" y="{y:.0f}" {size} rx="8"/>')
        parts.append(f'<text class="name" x="{x + 12:.0f}" y="{y + 22:.0f}">{text_of(app)}</text>')

    parts += edges_svg(picture, boxes, picture.edges)
    parts += [node_svg(node, boxes[node.key]) for node in picture.nodes.values()]
    return "\n".join([*parts, legend, "</svg>"]) + "\n"


def _legend(top: float) -> str:
    kinds = (("onto", "stays"), ("replayed", "moves"), ("unknown", "in conflict"))
    return "\n".join(
        f'<g class="node {kind}"><rect x="{GAP + place * 130}" y="{top - 8:.0f}" width="120" '
        f'height="{HEIGHT}" rx="5"/><text x="{GAP + place * 130 + 60}" y="{top + 10:.0f}" '
        f'text-anchor="middle">{label}</text></g>'
        for place, (kind, label) in enumerate(kinds)
    )


ARROW = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
    'markerHeight="8" '
    'markerUnits="userSpaceOnUse" orient="auto"><path class="tip" d="M0 0 8 4 0 8Z"/>'
    "</marker></defs>"
)


def _said(picture: Picture) -> str:
    lit = sum(1 for node in picture.nodes.values() if node.side)
    apps = count(len(picture.apps), "app")
    return f"{count(len(picture.nodes), 'migration')} in {apps}, {lit} in conflict"


def _packed(
    drawings: Mapping[str, Drawing],
) -> tuple[dict[str, tuple[float, float]], float, float]:
    """Upper left corners of the apps, row by row, and the size of the whole."""
    sizes = {a: (d.width + 2 * GAP, d.height + _HEAD + GAP) for a, d in drawings.items()}
    area = sum((width + GAP) * (height + GAP) for width, height in sizes.values())
    most = max([(1.7 * area) ** 0.5, *(width + 2 * GAP for width, _ in sizes.values())])
    places = {}
    x, y, row, wide = float(GAP), float(GAP), 0.0, 0.0
    for app, (width, height) in sizes.items():
        if x > GAP and x + width + GAP > most:
            x, y, row = float(GAP), y + row + GAP, 0.0
        places[app] = (x, y)
        x, row = x + width + GAP, max(row, height)
        wide = max(wide, x)

    return places, wide, y + row + GAP


def node_svg(node: Node, box: Box, attributes: str = "") -> str:
    """A node's box with its name; its title says all of it."""
    hover_text = f"{node.label}: {node.note}" if node.note else node.label
    title = f"{text_of(hover_text)}\n{text_of(node.path)}"
    kind = f"node {node.side}".strip()
    return (
        f'<g class="{kind}"{attributes}><title>{title}</title>'
        f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{HEIGHT}" rx="5"/>'
        f'<text x="{box.centre:.1f}" y="{box.y + HEIGHT / 2 + 4:.1f}" text-anchor="middle">'
        f"{text_of(shown(node))}</text></g>"
    )


def edges_svg(
    picture: Picture,
    boxes: Mapping[NodeKey, Box],
    edges: Iterable[tuple[NodeKey, NodeKey]],
    ids: Mapping[NodeKey, str] | None = None,
) -> list[str]:
    """A line for each edge, lit where it leads to what collides, dotted to other apps."""
    nodes = picture.nodes
    parts = []
    for parent, child in edges:
        kind = "edge" + (" lit" if nodes[child].side else "")
        kind += " far" if parent.app != child.app else ""
        path = _curve(boxes[parent], boxes[child])
        ends = f' data-from="{ids[parent]}" data-to="{ids[child]}"' if ids else ""
        parts.append(f'<path class="{kind}"{ends} d="{path}" marker-end="url(#tip)"/>')

    return parts


def _curve(one: Box, other: Box) -> str:
    """From the bottom of one box to the top of the other."""
    x, y, x2, y2 = one.centre, one.y + HEIGHT, other.centre, other.y
    if abs(x - x2) < 1 and y < y2:
        return f"M{x:.1f} {y:.1f}V{y2:.1f}"
    bend = (y2 - y) / 2 if y2 > y else ROW
    return f"M{x:.1f} {y:.1f}C{x:.1f} {y + bend:.1f} {x2:.1f} {y2 - bend:.1f} {x2:.1f} {y2:.1f}"


def text_of(text: str) -> str:
    """A text as markup's content or attribute, in one line."""
    return escape(printable(text))

"""A picture as one HTML file that needs nothing else: search, zoom, an app folded away, paths lit.

Nothing in it comes from a network, and its own script is the only one that may run: names are
what branches made them.
"""

from __future__ import annotations

import base64
import hashlib
from importlib import resources

from migmerge.migrations.model import NodeKey
from migmerge.report.drawing import Drawing, lay_out
from migmerge.report.picture import Node, Picture
from migmerge.report.summary import count
from migmerge.report.svg import ARROW, STYLE, edges_svg, node_svg, text_of

_MANY = 1_500  # nodes, from which only apps with conflicts are open at first


def page(picture: Picture) -> str:
    """The document."""
    style = STYLE + _file("page.css")
    script = _file("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    lit = sum(1 for node in picture.nodes.values() if node.side)
    title = f"{count(len(picture.nodes), 'migration')} in {count(len(picture.apps), 'app')}"
    drawings = lay_out(picture)
    ids = {key: f"n{place}" for place, key in enumerate(picture.nodes)}
    collided = {node.key.app for node in picture.nodes.values() if node.side}
    order = sorted(picture.apps, key=lambda app: (app not in collided, app))
    apps = "\n".join(_app(picture, app, drawings[app], ids) for app in order)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>migmerge: {title}</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>{title}, {lit:,} in conflict</h1>
<input id="search" type="search" placeholder="Search ( / )" aria-label="Search migrations">
<output id="count" for="search"></output>
<span role="group" aria-label="Zoom"><button id="out" aria-label="Zoom out">−</button>
<button id="reset" aria-label="Actual size">100 %</button>
<button id="in" aria-label="Zoom in">+</button></span>
<button id="fold">Fold or open all</button>
{_LEGEND if lit else ""}</header>
<main id="board"><div id="scale">
{apps}
<svg id="far" aria-hidden="true">{ARROW}<g id="lines"></g></svg>
</div></main>
<aside id="told" aria-live="polite"></aside>
<script>{script}</script>
</body>
</html>
"""


_LEGEND = """<button id="next">Next conflict ( n )</button>
<ul class="legend" aria-label="Legend"><li class="onto">stays</li><li class="replayed">moves</li>
<li class="unknown">in conflict</li></ul>
"""


def _file(name: str) -> str:
    return resources.files("migmerge.report").joinpath(name).read_text(encoding="utf-8")


def _app(picture: Picture, app: str, drawing: Drawing, ids: dict[NodeKey, str]) -> str:
    nodes = picture.apps[app]
    lit = sum(1 for node in nodes if node.side)
    many = count(len(nodes), "migration")
    summary = f"{many}, {lit:,} in conflict" if lit else many
    opened = " open" if lit or len(picture.nodes) <= _MANY else ""
    inner = [e for e in picture.edges if e[0].app == app and e[1].app == app]
    first = next((n.key for n in nodes if n.side), nodes[0].key)
    above: dict[NodeKey, list[NodeKey]] = {node.key: [] for node in nodes}
    for parent, child in picture.edges:
        if child in above:
            above[child].append(parent)

    parts = [
        f'<details class="{"conflict" if lit else "calm"}"{opened}>'
        f"<summary>{text_of(app)} <small>{summary}</small></summary>",
        f'<svg role="group" aria-label="{text_of(app)}: {summary}" width="{drawing.width + 8:.0f}" '
        f'height="{drawing.height + 8:.0f}" viewBox="-4 -4 {drawing.width + 8:.0f} '
        f'{drawing.height + 8:.0f}">',
        *edges_svg(picture, drawing.boxes, inner, ids),
    ]
    for node in nodes:
        attributes = _attributes(node, above[node.key], ids, focus=node.key == first)
        parts.append(node_svg(node, drawing.boxes[node.key], attributes))
    return "\n".join([*parts, "</svg></details>"])


def _attributes(node: Node, above: list[NodeKey], ids: dict[NodeKey, str], *, focus: bool) -> str:
    after = ", ".join(str(key) for key in above)
    label = node.label + (f", after {after}" if after else "")
    label += f", in conflict: {node.note}" if node.side else ""
    return (
        f' id="{ids[node.key]}" role="button" aria-pressed="false" tabindex="{0 if focus else -1}"'
        f' aria-label="{text_of(label)}" data-name="{text_of(node.label.lower())}"'
        f' data-side="{node.side}" data-parents="{" ".join(ids[key] for key in above)}"'
    )

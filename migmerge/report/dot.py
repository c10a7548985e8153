"""A picture in Graphviz's language: https://graphviz.org/doc/info/lang.html"""

from __future__ import annotations

from migmerge.report.picture import Picture
from migmerge.report.screen import printable

_STYLES = {
    "onto": ', color="#1a7f37", penwidth=2',
    "replayed": ', color="#bc4c00", penwidth=2, style="rounded,dashed"',
    "unknown": ', color="#cf222e", penwidth=2',
    "": "",
}


def dot(picture: Picture) -> str:
    """A cluster for each app; what collides is outlined after its side."""
    ids = {key: f"n{place}" for place, key in enumerate(picture.nodes)}
    lines = [
        "digraph migrations {",
        '  node [shape=box, style=rounded, fontname="sans-serif"];',
    ]
    for place, (app, nodes) in enumerate(picture.apps.items()):
        lines += [f"  subgraph cluster_{place} {{", f"    label={_quoted(app)};"]
        for node in nodes:
            text = node.label + (f"\n{node.note}" if node.note else "")
            lines.append(f"    {ids[node.key]} [label={_quoted(text)}{_STYLES[node.side]}];")

        lines.append("  }")

    lines += [f"  {ids[parent]} -> {ids[child]};" for parent, child in picture.edges]
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: str) -> str:
    safe = "\n".join(printable(line) for line in text.split("\n"))
    return '"' + safe.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'

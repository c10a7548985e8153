"""A picture as a mermaid flowchart, which GitHub and GitLab draw: https://mermaid.js.org/"""

from __future__ import annotations

from migmerge.report.picture import Picture
from migmerge.report.screen import printable

_CLASSES = (
    "  classDef onto stroke:#1a7f37,stroke-width:3px",
    "  classDef replayed stroke:#bc4c00,stroke-width:3px,stroke-dasharray:5 3",
    "  classDef unknown stroke:#cf222e,stroke-width:3px",
)


def mermaid(picture: Picture) -> str:
    """A subgraph for each app; what collides has a class after its side."""
    ids = {key: f"n{place}" for place, key in enumerate(picture.nodes)}
    lines = ["flowchart TD"]
    for place, (app, nodes) in enumerate(picture.apps.items()):
        lines.append(f'  subgraph a{place}["{_text(app)}"]')
        for node in nodes:
            label = _text(node.label) + (f"<br/>{_text(node.note)}" if node.note else "")
            kind = f":::{node.side}" if node.side else ""
            lines.append(f'    {ids[node.key]}["{label}"]{kind}')

        lines.append("  end")

    lines += [f"  {ids[parent]} --> {ids[child]}" for parent, child in picture.edges]
    return "\n".join([*lines, *_CLASSES]) + "\n"


def _text(text: str) -> str:
    """Only what is no markup to mermaid or HTML; the rest by its number."""
    plain = "".join(c if c.isalnum() or c in " _-./()" else f"#{ord(c)};" for c in printable(text))
    return plain or " "

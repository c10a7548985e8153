"""The pages of docs/ as a site, and the README's pictures."""

from __future__ import annotations

import re
from pathlib import Path

from tests.conftest import Repo
from tests.integration.test_pages import WRITE

DOCS = Path(__file__).parents[2] / "docs"


def words(svg: str) -> list[str]:
    """What a picture says; where Graphviz puts it is Graphviz's."""
    return sorted(re.findall(r">([^<>\s][^<>]*)<", svg))


def test_the_pictures_are_what_graph_draws(siblings: Repo) -> None:
    drawn = {"conflict": siblings.run("graph", "--format", "svg").stdout}
    for name, strategy in (("merged", "merge"), ("renumbered", "renumber")):
        siblings.fix("--strategy", strategy)
        drawn[name] = siblings.run("graph", "--format", "svg").stdout
        siblings.run("undo")
    for name, svg in drawn.items():
        path = DOCS / "pictures" / f"{name}.svg"
        if WRITE:
            path.write_text(svg, encoding="utf-8")
        assert words(path.read_text(encoding="utf-8")) == words(svg) != []


def test_every_page_is_in_the_navigation() -> None:
    text = (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8")
    assert sorted(re.findall(r": (\w+\.md)$", text, re.MULTILINE)) == sorted(
        path.name for path in DOCS.glob("*.md")
    )

"""Pages that are made from the code are up to date, and the README's links lead somewhere."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pages import cli_page, configuration_page, messages_page

pytestmark = pytest.mark.once

WRITE = os.environ.get("MIGMERGE_WRITE")  # the tests run without
ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("cli.md", cli_page),
        ("configuration.md", configuration_page),
        ("messages.md", messages_page),
    ],
)
def test_page_is_what_the_code_says(name: str, page: Callable[[], str]) -> None:
    path = ROOT / "docs" / name
    if WRITE:
        path.write_text(page(), encoding="utf-8")
    assert path.read_text(encoding="utf-8") == page()


def test_readme_links_lead_to_files_of_the_repository() -> None:
    """They are absolute, so that PyPI shows them too."""
    links = re.findall(r"\]\((.+?)\)", README)
    own = "https://(?:github|raw.githubusercontent).com/migmerge/migmerge/(?:blob/)?main/(.+)"
    paths = [match.group(1) for link in links if (match := re.fullmatch(own, link))]
    assert len(paths) > 15
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert [link for link in links if not link.startswith("https://")] == []


def test_readme_is_short() -> None:
    prose = re.sub(r"^```.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL)
    assert len(re.sub(r"\]\(.*?\)", "]", prose).split()) <= 700


def test_readme_counts_as_the_comparison_does() -> None:
    page = (ROOT / "docs/comparison.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \| .+? \| (\d+) \| \d+ \| \d+ \| \d+ \| [\d.]+ \|$", page, re.M)
    right = {tool: int(count) for tool, count in rows}
    assert right.pop("migmerge") == 19
    del right["migmerge, renumber"]
    django = right.pop("makemigrations --merge")
    assert (
        f"Django's own command in {django}, other tools in {min(right.values())} to {max(right.values())}:"
        in README
    )

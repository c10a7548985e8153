"""One conflict on one screen: the two chains, what their operations do, and the ways to go."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from migmerge.analysis.compare import source_of
from migmerge.analysis.snapshot import Snapshot
from migmerge.conflicts.conflict import Branch, Conflict
from migmerge.migrations.describe import describe
from migmerge.migrations.model import NodeKey
from migmerge.migrations.operations import read_script
from migmerge.report.screen import printable, short
from migmerge.report.text import command_lines, headline, side_text, verdict_lines, who_text
from migmerge.resolve.options import Option

if TYPE_CHECKING:
    from migmerge.analysis.authors import Added, Versioned

KEYS = "s leaves it as it is, q stops and writes nothing"
_FEWEST = 4  # lines for a side, however small the screen is


class Seen(NamedTuple):
    """What a screen shows beside the conflict: the name of the base branch, who added which
    path, and what the team prefers."""

    snapshot: Snapshot
    base: str | None
    added: Mapping[Versioned, Added]
    prefer: str


class _Line(NamedTuple):
    text: str
    style: str = ""


def show_choice(conflict: Conflict, options: Sequence[Option], seen: Seen, place: str) -> None:
    """Print the screen; `place` is `1 of 2`."""
    verdict = [_Line(line) for line in verdict_lines(conflict)]
    ways = _ways(conflict, options, seen.prefer)
    rows = (
        shutil.get_terminal_size().lines - len(verdict) - len(ways) - 3 * len(conflict.branches) - 6
    )
    most = max(_FEWEST, rows // len(conflict.branches))
    lines = [_Line(""), _Line(f"{place}  {headline(conflict)}", "bold"), _Line("")]
    for branch in conflict.branches:
        lines += _side(conflict, branch, seen, most)

    _print([*lines, *verdict, _Line(""), *ways])


def _side(conflict: Conflict, branch: Branch, seen: Seen, most: int) -> list[_Line]:
    does = ", never renamed" if branch.published else ""
    nodes = seen.snapshot.graph.nodes
    who = who_text(seen.added.get((nodes[branch.leaf].path, branch.leaf.version)))
    lines = [_Line(f"  {side_text(branch, seen.base)}{does}  {who}".rstrip(), "cyan")]
    shown: list[_Line] = []
    for key in branch.nodes:
        shown.append(_Line(f"    {conflict.shown(key)}", "bold"))
        shown += [_Line(f"      {text}") for text in _operations(seen.snapshot, key)]

    if len(shown) > most:
        shown = [*shown[: most - 1], _Line(f"      and {len(shown) - most + 1} more lines")]
    return [*lines, *shown, _Line("")]


def _operations(snapshot: Snapshot, key: NodeKey) -> list[str]:
    label = snapshot.graph.nodes[key].label
    return describe(read_script(source_of(snapshot, key), label)) or ["no operations"]


def _ways(conflict: Conflict, options: Sequence[Option], prefer: str) -> list[_Line]:
    lines = []
    for option in options:
        if option.refused:
            continue

        lines.append(_Line(f"  {option.key}  {option.name}: {option.effect}"))
        if option.recommended:
            why = f"     recommended: {_why(conflict, option, prefer)}"
            lines = [*lines[:-1], lines[-1]._replace(style="bold green"), _Line(why, "green")]

    refused = {option.name: option.refused for option in options if option.refused}
    lines += [
        _Line(f"  -  {name}: not here, {short(why, 100)}", "dim") for name, why in refused.items()
    ]
    if not any(option.recommended for option in options) and conflict.advice.commands:
        lines.append(_Line("  by hand:"))
        lines += [_Line(f"     {line}") for line in command_lines(conflict.advice.commands)]
    return [*lines, _Line(f"  {KEYS}")]


def _why(conflict: Conflict, option: Option, prefer: str) -> str:
    """Why it is the one recommended."""
    if option.name == "keep one":
        return "they look like one change"
    if conflict.assessment.duplicates:
        return "both sides have one migration"
    if option.name == "renumber" and conflict.kind == "path":
        return "both sides want one name, and the published one keeps it"
    if option.name == "renumber":
        return "the team renumbers" if prefer == "renumber" else "as asked"
    if conflict.assessment.set_on_both_sides:
        return "databases of both sides then get the same"
    return "no file changes its name, so no database needs anything"


def _print(lines: Sequence[_Line]) -> None:
    if os.environ.get("NO_COLOR") or not sys.stdout.isatty():
        for line in lines:
            print(printable(line.text))
        return
    from rich.console import Console  # only a terminal pays for it
    from rich.text import Text

    console = Console()
    for line in lines:
        console.print(Text(printable(line.text), style=line.style))

"""Workflow annotations, and a job summary where GitHub asks for one.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from migmerge.report.annotations import Mark, marks
from migmerge.report.checked import Checked
from migmerge.report.mermaid import mermaid
from migmerge.report.messages import id_of
from migmerge.report.picture import conflicts_only, picture_of
from migmerge.report.screen import printable
from migmerge.report.summary import summary


def workflow_commands(
    checked: Sequence[Checked], environment: Mapping[str, str] = os.environ
) -> str:
    """A workflow command for each finding; what $GITHUB_STEP_SUMMARY names gets the pictures."""
    target = environment.get("GITHUB_STEP_SUMMARY")
    if target:
        try:
            with open(target, "a", encoding="utf-8", errors="backslashreplace") as handle:
                handle.write("".join(map(_section, checked)))
        except OSError as error:
            print(f"migmerge: no job summary: {error}", file=sys.stderr)

    last = [
        f"::notice title=migmerge::{_data(summary(*one.size, 0, one.against))}"
        for one in checked
        if not one.findings.conflicts
    ]
    return "\n".join([*map(_annotation, marks(checked)), *last])


def _annotation(mark: Mark) -> str:
    level = "notice" if mark.level == "note" else mark.level
    place = f"file={_property(printable(mark.place.path))},line={mark.place.line}"
    title = _property(f"{id_of(mark.kind)} {mark.title}")
    return f"::{level} {place},title={title}::{_data(mark.text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _section(checked: Checked) -> str:
    """Markdown: what was looked at, the picture of what collides, and each finding."""
    conflicts = checked.findings.conflicts
    lines = ["## migmerge", "", f"`{summary(*checked.size, len(conflicts), checked.against)}`", ""]
    if conflicts:
        lines += ["```mermaid", mermaid(conflicts_only(picture_of(checked))).rstrip(), "```", ""]
    for mark in marks([checked]):
        # indented: nothing that a branch names its files can end the block
        lines += [f"    {line}" for line in mark.text.splitlines()] + [""]
    return "\n".join(lines) + "\n"

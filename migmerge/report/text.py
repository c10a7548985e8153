"""Findings as text: a line that names the place, a small tree, the next command."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from migmerge.conflicts.conflict import Branch, Conflict, Notice
from migmerge.report.checked import Checked
from migmerge.report.colour import Paint, plain
from migmerge.report.messages import id_of
from migmerge.report.screen import printable, short

if TYPE_CHECKING:
    from migmerge.analysis.authors import Added, Versioned


def findings_text(checked: Checked, added: Mapping[Versioned, Added], paint: Paint = plain) -> str:
    """Every finding, a blank line between; `added` says who added which file."""
    return "\n".join(_finding(c, checked, added, paint) for c in checked.findings.conflicts)


def what_was_read(checked: Checked) -> list[str]:
    """For `--verbose`: the tree, the base branch, and each app with its directory and size."""
    snapshot, base = checked.snapshot, checked.findings.base
    counts = Counter(key.app for key in snapshot.graph.nodes)
    lines = [f"read from: {snapshot.source}"]
    lines += [f"project: {place or '.'}" for place in snapshot.projects]
    if checked.findings.asked:
        lines.append(
            f"base branch: {base.name} ({base.commit[:12]})" if base else "base branch: none"
        )

    lines += [
        f"app {app.label}: {app.directory}, {counts[key]} migrations"
        for key, app in sorted(snapshot.apps.items())
    ]
    return [printable(line) for line in lines]


def notice_line(notice: Notice) -> str:
    """`note: path:line: id text`."""
    line = f":{notice.place.line}" if notice.place.line else ""
    return printable(f"note: {notice.place.path}{line}: {id_of(notice.kind)} {notice.text}")


def _finding(
    conflict: Conflict, checked: Checked, added: Mapping[Versioned, Added], paint: Paint
) -> str:
    lines = [headline(conflict, paint)]
    if conflict.kind in ("siblings", "path"):
        lines += ["", *_tree(conflict, checked, added, paint), ""]
        lines += [f"  {line}" for line in verdict_lines(conflict)]

    lines += [
        f"  {'next: ' if index == 0 else '      '}{paint(printable(line), 'cyan')}"
        for index, line in enumerate(command_lines(conflict.advice.commands))
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def command_lines(commands: Iterable[str]) -> list[str]:
    """One line for each command, and for each step of a chain."""
    return [line for text in commands for line in text.replace(" && ", " &&\n").split("\n")]


def headline(conflict: Conflict, paint: Paint = plain) -> str:
    """The finding in one line: where, what, in which app."""
    app = printable(conflict.app.label)
    if conflict.kind == "siblings":
        ancestor = conflict.common_ancestor
        after = f"after {ancestor.name}" if ancestor else "with no common ancestor"
        place, text = conflict.app.directory, f"{len(conflict.branches)} leaf nodes {after}"
    elif conflict.kind == "path" and conflict.place:
        place, text = conflict.place.path, "both sides added this file"
    else:
        place = conflict.place.path if conflict.place else conflict.app.directory
        if conflict.place and conflict.place.line:
            place += f":{conflict.place.line}"
        text = "; ".join(conflict.reasons)

    where, id_ = paint(printable(place), "bold"), paint(id_of(conflict.kind), "red")
    return f"{where}: {id_} {conflict.kind} in {app}: {printable(text)}"


def _tree(
    conflict: Conflict, checked: Checked, added: Mapping[Versioned, Added], paint: Paint
) -> list[str]:
    nodes, base = checked.snapshot.graph.nodes, checked.findings.base
    ancestor = conflict.common_ancestor
    lines = [f"  {printable(ancestor.name) if ancestor else '(nothing in common)'}"]
    width = max(len(key.name) for branch in conflict.branches for key in branch.nodes)
    for index, branch in enumerate(conflict.branches):
        last = index == len(conflict.branches) - 1
        for place, key in enumerate(branch.nodes):
            stem = "  " if last else "│ "
            if place == 0:
                stem = "└─" if last else "├─"
            side = side_text(branch, base.name if base else None) if place == 0 else ""
            side = paint(f"{side:{_SIDE}}", _SIDE_STYLES[branch.published])
            who = who_text(added.get((nodes[key].path, key.version)))
            lines.append(f"  {stem} {printable(key.name):{width}}  {side}  {who}")

    return lines


_SIDE = 28
_SIDE_STYLES = {True: "green", False: "yellow", None: ""}


def side_text(branch: Branch, base: str | None) -> str:
    """Where a branch's migrations are, as far as it is known."""
    if branch.refs:
        return printable(f"on {' and '.join(branch.refs)}")
    if base is None:
        return "no base branch to compare"
    published_on = branch.published_on or base
    sentences = {True: f"published on {published_on}", False: f"not on {base}"}
    return printable(sentences.get(branch.published, f"partly on {published_on}"))  # type: ignore[arg-type]


def who_text(added: Added | None) -> str:
    """Who added a migration, and when."""
    if added is None:
        return "not committed yet"
    return printable(f"{added.author}, {added.when:%Y-%m-%d}")


def verdict_lines(conflict: Conflict) -> list[str]:
    """Whether the sides commute, and why not."""
    sentences = {
        "commute": "The sides commute: either order gives the same schema and data.",
        "opaque": "It can't be determined whether the sides commute:",
        "overlap": "The sides touch the same things:",
        "contradict": "The sides contradict each other:",
    }
    shown = [f"- {short(printable(reason))}" for reason in conflict.reasons[:8]]
    if len(conflict.reasons) > 8:
        shown.append(f"- and {len(conflict.reasons) - 8} more (--format json lists all)")
    return [sentences[conflict.assessment.verdict or "opaque"], *shown]

"""What `fix` did or would do, for people and for programs."""

from __future__ import annotations

import difflib
import json
import os
import sys
from collections.abc import Iterable
from typing import NamedTuple

from migmerge.git.repository import Repository
from migmerge.report.documents import VERSION, FixDocument, ResolutionDocument
from migmerge.report.messages import id_of
from migmerge.report.screen import printable
from migmerge.report.text import command_lines
from migmerge.resolve.model import Plan, Resolution


class Verification(NamedTuple):
    """Each `ok`, `skipped: why` or `failed: why`; empty when nothing was verified.

    `databases` are scratch ones, `reconciled` those of the project that had applied what moved.
    """

    static: str = ""
    django: str = ""
    databases: str = ""
    reconciled: str = ""

    @property
    def failed(self) -> str:
        """The first failure, without the word."""
        for text in self:
            if text.startswith("failed"):
                return text.partition(": ")[2]
        return ""


class FixReport(NamedTuple):
    """`note` says what git waits for now; `whole` that nothing asked for was left undone."""

    plan: Plan
    verification: Verification
    note: str
    written: bool
    whole: bool = True


def report_json(report: FixReport) -> str:
    """The document of DESIGN section 4."""
    static, django, databases, reconciled = report.verification
    document: FixDocument = {
        "version": VERSION,
        "resolutions": [_document(r) for r in report.plan.resolutions],
        "plan": sorted(report.plan.changes),
        "written": sorted(report.plan.changes) if report.written else [],
        "verification": {
            "static": static,
            "django": django,
            "databases": databases,
            "reconciled": reconciled,
        },
        "note": report.note,
    }
    return json.dumps(document, indent=1)


def _document(resolution: Resolution) -> ResolutionDocument:
    return {
        "app": resolution.app,
        "status": resolution.status,
        "strategy": resolution.strategy or None,
        "kind": resolution.kind or None,
        "id": id_of(resolution.kind) if resolution.kind else None,
        "renamed": dict(resolution.renamed),
        "edited": resolution.edited,
        "created": resolution.created,
        "removed": resolution.removed,
        "mentions": [
            {"path": mention.path, "line": mention.line, "text": mention.text}
            for mention in resolution.mentions
        ],
        "reasons": resolution.reasons,
        "next": resolution.next,
    }


def report_text(report: FixReport) -> str:
    """A paragraph for each app, then the verification and what to do next."""
    lines = []
    if report.verification.static:
        lines.append(f"verified: files {report.verification.static}")
        lines.append(f"          Django {report.verification.django or 'not asked'}")
        if report.verification.databases not in ("", report.verification.django):
            lines.append(f"          databases {report.verification.databases}")
        if report.verification.reconciled:
            lines.append(f"reconciled: {report.verification.reconciled}")
    note = report.note
    moved = [r for r in report.plan.resolutions if r.renamed or r.strategy == "renumber"]
    if report.written and moved:
        what = "an old name" if any(r.renamed for r in moved) else "the side that moved"
        where = "other databases where" if report.verification.reconciled else "where"
        lines.append(f"{where} {what} was applied: migmerge db reconcile, before migrate")
        if note and report.verification.django.startswith("skipped"):
            # in a column of yours an ordinary migrate would lose what is in it
            lines.append("no database was looked at, not even yours")
            note += ", then migmerge db reconcile"
    if report.written and any(r.strategy == "regenerate" for r in report.plan.resolutions):
        lines.append("where the old files were applied: migmerge db status, before migrate")
    if note:
        lines.append(note)
    return resolutions_text(report.plan.resolutions) + _printable(lines)


def _printable(lines: Iterable[str]) -> str:
    return "".join(f"{printable(line)}\n" for line in lines)


def resolutions_text(resolutions: Iterable[Resolution]) -> str:
    """A paragraph for each app."""
    lines = [line for resolution in resolutions for line in _paragraph(resolution)]
    return _printable(lines)


def _paragraph(resolution: Resolution) -> list[str]:
    strategy = f" ({resolution.strategy})" if resolution.strategy else ""
    id_ = f" {id_of(resolution.kind)}" if resolution.kind else ""
    lines = [f"{resolution.app}: {resolution.status}{strategy}{id_}"]
    lines += [f"  renamed {old} -> {_file(new)}" for old, new in sorted(resolution.renamed.items())]
    lines += [f"  edited  {path}" for path in resolution.edited]
    lines += [f"  created {path}" for path in resolution.created]
    lines += [f"  removed {path}" for path in resolution.removed]
    if resolution.mentions:
        lines.append("  these name a renamed migration and were left alone:")
        lines += [f"    {m.path}:{m.line}: {m.text[:100]}" for m in resolution.mentions[:20]]
        if len(resolution.mentions) > 20:
            lines.append(f"    and {len(resolution.mentions) - 20} more (--format json)")
    shown = resolution.reasons[:8]
    lines += [f"  - {reason}" for reason in shown]
    if len(resolution.reasons) > len(shown):
        lines.append(f"  - and {len(resolution.reasons) - len(shown)} more (--format json)")
    lines += [
        f"  {'next: ' if index == 0 else '      '}{line}"
        for index, line in enumerate(command_lines(resolution.next))
    ]
    return lines


def _file(path: str) -> str:
    return path.rpartition("/")[2]


def diff_text(repository: Repository, plan: Plan) -> None:
    """Print the plan as a unified diff, in colour on a terminal."""
    text = "".join(_file_diff(repository, plan, path) for path in sorted(plan.changes))
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        from rich.console import Console  # only a terminal pays for it
        from rich.syntax import Syntax

        diff = Syntax(text, "diff", theme="ansi_dark", background_color="default", word_wrap=True)
        Console().print(diff)
    else:
        print(text, end="")


def _file_diff(repository: Repository, plan: Plan, path: str) -> str:
    change = plan.changes[path]
    origin = change.mode_of or path
    moved = origin != path and (change.data is not None)
    if change.data is None and any(c.mode_of == path for c in plan.changes.values()):
        return ""  # shown as the rename that it is
    old = _lines(_read(repository, origin))
    new = _lines(change.data or b"")
    shown = printable(path), printable(origin)
    head = f"rename from {shown[1]}\nrename to {shown[0]}\n" if moved else ""
    left = f"a/{shown[1]}" if old else "/dev/null"
    right = f"b/{shown[0]}" if change.data is not None else "/dev/null"
    body = "".join(line + "\n" for line in difflib.unified_diff(old, new, left, right, lineterm=""))
    return head + body


def _lines(data: bytes) -> list[str]:
    return [printable(line) for line in data.decode("utf-8", "replace").splitlines()]


def _read(repository: Repository, path: str) -> bytes:
    try:
        with open(os.path.join(repository.root, path), "rb") as handle:
            return handle.read()
    except OSError:
        return b""

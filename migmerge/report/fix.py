"""What `fix` did or would do, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

from migmerge.project.outcome import Outcome, Status
from migmerge.report.documents import VERSION, FixDocument, ResolutionDocument
from migmerge.report.messages import id_of
from migmerge.report.screen import printable
from migmerge.report.text import command_lines
from migmerge.resolve.fix_plan import FixPlan, Resolution
from migmerge.resolve.transaction import TAKE_BACK


class Verification(NamedTuple):
    """What was checked after writing; None where nothing was.

    `databases` are scratch ones, `configured` those of the project that had applied what moved
    (None where there are none).
    """

    files: Outcome | None = None
    django: Outcome | None = None
    databases: Outcome | None = None
    configured: Outcome | None = None

    @property
    def levels(self) -> list[tuple[str, Outcome]]:
        """Those that were checked, or should have been, by their names."""
        names = ("files", "Django", "databases", "configured")
        return [(name, level) for name, level in zip(names, self, strict=True) if level]

    @property
    def failed(self) -> str:
        """Why the first one failed; empty where none did."""
        return next((o.why for _, o in self.levels if o.status is Status.FAILED), "")

    @property
    def missing(self) -> str:
        """What stands against calling the result verified; empty where nothing does.

        A configured database that is left alone by a rule, or on request, is not part of it.
        """
        for name, level in self.levels:
            if level.why and not (name == "configured" and level.waived):
                return f"{name} {level.status.value}: {level.why}"
        return "" if self.levels else "nothing was checked"

    @property
    def complete(self) -> bool:
        """Whether all was checked and is right, but for what the user did not want checked."""
        return all(not level.why or level.waived for _, level in self.levels)


class FixReport(NamedTuple):
    """`note` says what git waits for now; `whole` that nothing asked for was left undone;
    `half_done` that a database stood in the way of putting everything back."""

    plan: FixPlan
    verification: Verification
    note: str
    written: bool
    whole: bool = True
    half_done: bool = False


def report_json(report: FixReport) -> str:
    """The document of DESIGN section 4."""
    levels = ["" if level is None else str(level) for level in report.verification]
    document: FixDocument = {
        "version": VERSION,
        "resolutions": [_document(r) for r in report.plan.resolutions],
        "plan": sorted(report.plan.changes),
        "written": sorted(report.plan.changes) if report.written else [],
        "verification": {
            "static": levels[0],
            "django": levels[1],
            "databases": levels[2],
            "reconciled": levels[3],
            "verified": report.written and not report.verification.missing,
        },
        "note": report.note,
    }
    return json.dumps(document, indent=1)


def _document(resolution: Resolution) -> ResolutionDocument:
    return {
        "app": resolution.app,
        "key": resolution.key,
        "status": resolution.status.value,
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
        "carried": resolution.carried,
    }


def report_text(report: FixReport) -> str:
    """A paragraph for each app, a line for each level that was checked, what to do next, and
    whether the result is verified."""
    verification = report.verification
    lines = [f"{name:<9} {level}" for name, level in verification.levels]
    if report.written:
        lines += _next_on_databases(report)
    if report.note:
        lines.append(report.note)
    if report.written:
        missing = verification.missing
        lines.append(f"not verified: {missing}" if missing else "verified")
    elif verification.failed:
        half = "half done: " if report.half_done else "everything was put back"
        lines.append(f"not verified: {half}{TAKE_BACK if report.half_done else ''}")

    return resolutions_text(report.plan.resolutions) + _printable(lines)


def _next_on_databases(report: FixReport) -> list[str]:
    """What those run who have a database with the old files."""
    resolutions = [r for r in report.plan.resolutions if not r.carried]
    configured = report.verification.configured
    lines = []
    if any(r.renamed or r.strategy == "renumber" for r in resolutions):
        other = "another" if configured and configured.status is Status.OK else "a"
        what = "migration under its old name"
        if not any(r.renamed for r in resolutions):
            what = "migration of the side that moved"
        lines.append(
            f"if {other} database already applied a {what}: migmerge db reconcile there, "
            "before migrate"
        )

    if any(r.strategy == "regenerate" for r in resolutions):
        lines.append(
            "if a database already applied the removed files: migmerge db status there, "
            "before migrate"
        )

    return lines


def _printable(lines: Iterable[str]) -> str:
    return "".join(f"{printable(line)}\n" for line in lines)


def resolutions_text(resolutions: Iterable[Resolution]) -> str:
    """A paragraph for each app."""
    lines = [line for resolution in resolutions for line in _paragraph(resolution)]
    return _printable(lines)


def _paragraph(resolution: Resolution) -> list[str]:
    strategy = f" ({resolution.strategy})" if resolution.strategy else ""
    id_ = f" {id_of(resolution.kind)}" if resolution.kind else ""
    lines = [f"{resolution.key}: {resolution.status.value}{strategy}{id_}"]
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

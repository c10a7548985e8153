"""What databases have applied, and what was done about it, for people and for programs."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from migmerge.databases.diagnosis import Reconciliation
from migmerge.databases.edited_migrations import EditedMigration
from migmerge.project.configured_databases import Renamed, Row
from migmerge.project.run import Reply, Unanswered
from migmerge.report.database_documents import DatabaseDocument, StatusDocument
from migmerge.report.documents import VERSION
from migmerge.report.messages import id_of
from migmerge.report.screen import printable

_TENANTS = (
    "rename these rows of django_migrations in each schema, then run the tenants' own migrate "
    "(django-tenants: python manage.py migrate_schemas)"
)


class DatabaseReport(NamedTuple):
    """One database; `differences` is how its tables differ, or why that isn't known, where they
    were `compared`.

    `place` is the directory of its project, from the top of the repository; `edited` are migrations
    that it ran in an earlier version.
    """

    plan: Reconciliation
    differences: Sequence[str] | Unanswered = ()
    place: str = ""
    compared: bool = False
    edited: Sequence[EditedMigration] = ()


def status_text(reports: Iterable[DatabaseReport]) -> str:
    """A paragraph for each database."""
    lines = [line for one in reports for line in _paragraph(one)]
    return "".join(f"{printable(line)}\n" for line in lines)


def _paragraph(report: DatabaseReport) -> list[str]:
    plan, status = report.plan, report.plan.status
    project = f"{report.place}: " if report.place else ""
    head = f"{project}{status.alias} ({status.engine}, {status.place})"
    if status.left:
        named = f"name it to have it looked at: migmerge db status --database {status.alias}"
        return [f"{head}: not looked at ({status.left})", f"  {named}"]
    if status.error:
        return [f"{head}: {status.error}"]

    lines = [f"{head}: {len(status.recorded)} applied, {len(status.unapplied)} not"]
    for one in plan.rows:
        how = "is replaced by" if one.kept else "is"
        seen = plan.seen.get((one.label, one.old), "")
        where = f" (renamed since {seen})" if seen else ""
        lines.append(f"  renamed   {one.label}.{one.old} {how} {one.new} now{where}")

    for row, parent in status.early:
        lines.append(f"  early     {_name(row)} is applied before its parent {_name(parent)}")

    for row in status.trapped:
        lines.append(f"  trapped   {_name(row)} counts as applied, and hides what comes before it")

    for row, sentence in plan.missing:
        lines.append(f"  missing   {_name(row)} is applied and has no file: {sentence}")

    drops = "   # drops what it made, with its data"
    lines += [f"  next: {command}{drops}" for command in plan.rollbacks]
    lines += [f"  carried   {line}" for line in _carried(plan)]
    lines += [f"  schema    {line}" for line in _schema(report.differences)]
    for edited in report.edited:
        ran = f"this database ran what {edited.commit} has"
        lines.append(f"  edited    {_name(edited.row)} was edited: {ran}")
        lines.append(f"  next: git diff {edited.commit} -- {shlex.quote(edited.path)}")
    for schema, one in plan.schemas:
        lines.append(f"  tenant    in schema {schema} {one.label}.{one.old} is {one.new} now")

    if plan.schemas:
        lines.append(f"  next: {_TENANTS}")
    lines.append(f"  migrate   {_migrate(plan)}")
    lines += [f"  refused   {id_of('rows')} {reason}" for reason in plan.refused]
    lines += [f"  next: {command}" for command in plan.relabels]
    if plan.refused and not plan.relabels:
        further = f"explain {id_of('rows')}" if report.compared else "db status --schema"
        lines.append(f"  next: migmerge {further}")
    if plan.needed and not plan.refused:
        lines += [f"  - {reason}" for reason in plan.reasons]
        lines += [f"  reconcile {line}" for line in _steps(plan)]
    return lines


def _carried(plan: Reconciliation) -> list[str]:
    """Whether this database needs the old names of renamed files."""
    files, rows = plan.status.files, set(plan.status.recorded)
    return [
        f"{_name(new)} is applied: for this database its replaces = [{_name(old[0])}] may go"
        if new in rows
        else f"{_name(new)} is known as {old[0][1]} until migrate has run: its replaces is needed"
        for new, old in plan.status.replaced
        if len(old) == 1 and old[0] not in files and (new in rows or old[0] in rows)
    ]


def _name(row: Row) -> str:
    return ".".join(row)


def _schema(differences: Sequence[str] | Unanswered) -> list[str]:
    if isinstance(differences, Unanswered):
        return [f"can't be compared: {differences.why}"]
    return list(differences)


def _migrate(plan: Reconciliation) -> str:
    status = plan.status
    if status.stops:
        return f"would stop: {status.stops}"
    if not status.runs:
        hidden = plan.needed and status.unapplied
        return "would do nothing, and leave out " + _names(status.unapplied) if hidden else (
            "has nothing to do")  # fmt: skip
    text = f"would run {_names(status.runs)}"
    again = {(row.label, row.new) for row in plan.rows} & set(status.runs)
    return f"{text}: again what was applied as another name" if again else text


def _names(rows: Sequence[Row]) -> str:
    names = ", ".join(_name(row) for row in rows[:4])
    return names if len(rows) < 5 else f"{names} and {len(rows) - 4} more"


def _steps(plan: Reconciliation) -> list[str]:
    rows = [_row_step(plan, row) for row in plan.rows]
    runs = [f"adds the row of {_name(row)}, whose tables are there" for row in plan.records]
    runs += [f"runs {_name(row)}" for row in plan.runs]
    notes = []
    if plan.status.vendor == "mysql" and runs:
        notes.append("can't be rolled back as a whole here: make a backup first")
    return [*rows, *runs, *notes]


def _row_step(plan: Reconciliation, row: Renamed) -> str:
    if row.kept:
        return f"adds the row {row.label}.{row.new}"
    if (row.label, row.new) in plan.status.recorded:
        return f"removes the row {row.label}.{row.old}"
    return f"renames the row {row.label}.{row.old} to {row.new}"


def reconciled_text(plan: Reconciliation, reply: Reply) -> str:
    """What was done to one database."""
    if reply.why and reply.result is None:
        return f"{plan.status.alias}: {reply.status.value}: {printable(reply.why)}\n"
    added = f", {len(plan.records)} added" if plan.records else ""
    ran = len(reply.result["ran"])
    lines = [f"{plan.status.alias}: {len(plan.rows)} renamed{added}, {ran} run"]
    if reply.result["copy"]:
        lines.append(f"copy from before: {reply.result['copy']}")
    if reply.why:
        lines.append(f"then migrate: {reply.status.value}: {reply.why}")
    return "".join(f"{printable(line)}\n" for line in lines)


def status_json(reports: Iterable[DatabaseReport]) -> str:
    """`{"version", "databases": [...]}`."""
    document: StatusDocument = {
        "version": VERSION,
        "databases": [_document(one) for one in reports],
    }
    return json.dumps(document, indent=1) + "\n"


def _document(report: DatabaseReport) -> DatabaseDocument:
    plan, status = report.plan, report.plan.status
    return {
        "alias": status.alias,
        "vendor": status.vendor,
        "name": status.place,
        "engine": status.engine,
        "host": status.host,
        "project": report.place,
        "error": status.error or None,
        "applied": [_name(row) for row in status.recorded],
        "unapplied": [_name(row) for row in status.unapplied],
        "renamed": {f"{row.label}.{row.old}": f"{row.label}.{row.new}" for row in plan.rows},
        "missing": [_name(row) for row, _ in plan.missing],
        "inconsistent": {_name(row): _name(parent) for row, parent in status.early},
        "trapped": [_name(row) for row in status.trapped],
        "labels": {one.old: one.new for one in status.labels},
        "migrate": {"runs": [_name(row) for row in status.runs], "stops": status.stops or None},
        "records": [_name(row) for row in plan.records],
        "runs": [_name(row) for row in plan.runs],
        "reasons": list(plan.reasons),
        "refused": list(plan.refused),
        "schema": _schema(report.differences),
        "edited": {_name(one.row): one.commit for one in report.edited},
    }

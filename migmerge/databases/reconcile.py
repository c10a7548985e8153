"""Configured databases that know an old name: found before a fix, and brought in line after it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from migmerge.analysis.snapshot import Snapshot
from migmerge.databases.project_diagnosis import Inquiry, read_reconciliations
from migmerge.errors import UserError
from migmerge.git.repository import Repository
from migmerge.migrations.naming import migration_name
from migmerge.project.configured_databases import (
    ON_THIS_MACHINE,
    Database,
    Permission,
    Renamed,
    Row,
    Status,
    read_status,
    reconcile_one,
)
from migmerge.project.interpreter import NoProject, Project
from migmerge.project.outcome import Outcome, failed, skipped
from migmerge.project.run import Unanswered
from migmerge.resolve.fix_plan import Resolution
from migmerge.resolve.journal import DatabaseRows


class AffectedDatabase(NamedTuple):
    """A configured database that has applied what a fix renames (`rows`), or may have, with why
    that is not known.

    `untouched`: it is left alone on purpose, and `why` says which rule says so. `recorded` are all
    of its rows.
    """

    project: Project
    apps: tuple[str, ...]
    alias: str
    place: str = ""
    rows: tuple[Row, ...] = ()
    why: str = ""
    untouched: bool = False
    recorded: frozenset[Row] = frozenset()

    def __str__(self) -> str:
        return self.describe()

    def describe(self, kept_names: Collection[str] = ()) -> str:
        """What becomes of it; `kept_names` are names that another migration keeps."""
        if self.untouched:
            return f"{self.name} not touched ({self.why}): {_BY_HAND}"
        if self.why:
            return f"{self.name} can't be read: {self.why}"
        names = ", ".join(".".join(row) for row in self.rows)
        if any(name in kept_names for _, name in self.rows):
            return (
                f"{self.name} has {names}, a name on both sides: the row is renamed there if its "
                "tables are those of the renamed file, then what it lacks is run"
            )
        return f"{self.name} has {names}: renamed there too, then what it lacks is run"

    @property
    def name(self) -> str:
        """Which one it is, for people."""
        if not self.alias:
            return "configured databases"
        return f"database {self.alias} ({self.place})"


UNPROTECT = "protected_databases in the configuration names it, or its host"
_READ_ONLY = "read-only: it follows the database that it is a copy of"
_BY_HAND = (
    "if one already applied a migration under its old name, run migmerge db reconcile there "
    "before migrate"
)

# the rows of a fix by the key of their app
RowsByApp = Mapping[str, Sequence[Renamed]]


def renamed_rows(resolutions: Iterable[Resolution]) -> RowsByApp:
    """What a fix renames, as rows of django_migrations; nothing of what is carried."""
    return {
        resolution.key: [
            Renamed(resolution.app, migration_name(old), migration_name(new))
            for old, new in sorted(resolution.renamed.items())
        ]
        for resolution in resolutions
        if resolution.renamed and not resolution.carried
    }


def removed_rows(resolutions: Iterable[Resolution]) -> RowsByApp:
    """What a fix removes to have it regenerated, as rows that no file would have any more."""
    return {
        resolution.key: [
            Renamed(resolution.app, migration_name(path), "") for path in resolution.removed
        ]
        for resolution in resolutions
        if resolution.strategy == "regenerate"
    }


def untouched_rule(
    *, no_databases: bool = False, environment: Mapping[str, str] = os.environ
) -> str:
    """Why configured databases are left alone by a fix; empty where they are not."""
    if no_databases:
        return "--no-databases"
    in_ci = environment.get("CI", "").lower() not in ("", "0", "false")
    return "in CI" if in_ci else ""


def find_affected(
    projects: Mapping[Project | NoProject, Sequence[str]],
    names: RowsByApp,
    allowed: Permission = ON_THIS_MACHINE,
    rule: str = "",
) -> list[AffectedDatabase]:
    """The configured databases of projects (with the keys of their apps) that know an old name,
    or may.

    A `rule` says why none is to be connected to. UserError for a named one that is protected, or
    is not there.
    """
    affected_databases = []
    for project, apps in projects.items():
        old = {(row.label, row.old) for row in _rows_of(names, apps)}
        if isinstance(project, NoProject) or not old:
            continue

        app_keys = tuple(apps)
        if rule:
            affected_databases.append(
                AffectedDatabase(project, app_keys, "", why=rule, untouched=True)
            )
            continue

        statuses = read_status(project, Database(), allowed)
        if isinstance(statuses, Unanswered):
            affected_databases.append(AffectedDatabase(project, app_keys, "", why=statuses.why))
            continue

        _refuse_named(statuses, allowed)
        for status in statuses:
            rows = tuple(row for row in status.recorded if row in old)
            why = status.error if status.unread else _READ_ONLY if status.read_only and rows else ""
            if rows or why:
                affected = AffectedDatabase(
                    project, app_keys, status.alias, f"{status.engine}, {status.place}",
                    () if why else rows, why,
                    untouched=bool(status.left) or status.read_only,
                    recorded=frozenset(status.recorded),
                )  # fmt: skip
                affected_databases.append(affected)

    return affected_databases


def _refuse_named(statuses: Iterable[Status], allowed: Permission) -> None:
    by_alias = {status.alias: status for status in statuses}
    for alias in allowed.named:
        if alias not in by_alias:
            there = ", ".join(sorted(by_alias))
            raise UserError(
                "database", f"no database alias {alias!r} in the settings", f"there are: {there}"
            )
        if by_alias[alias].protected:
            raise UserError("database", f"database {alias} is protected", UNPROTECT)


def _rows_of(names: RowsByApp, apps: Iterable[str]) -> list[Renamed]:
    return [row for app in apps for row in names.get(app, ())]


def reconcile_affected(
    repository: Repository,
    snapshot: Snapshot,
    databases: Sequence[AffectedDatabase],
    names: RowsByApp,
) -> Outcome:
    """Reconcile the databases with the files of a fix, up to the first where that fails.

    The rows of all of them are in the journal by then.
    """
    lines: list[str] = []
    for database in (database for database in databases if database.rows):
        rows = _rows_of(names, database.apps)
        reached = _reach(repository, snapshot, database, rows)
        if isinstance(reached, Unanswered):
            return failed(f"{database.name}: {reached.why}")
        lines.append(f"{database.name}: {', '.join(reached)}")

    left = [database for database in databases if not database.rows]
    if left:
        details = "; ".join([*lines, *map(str, left)])
        return skipped(details, waived=all(database.untouched for database in left))
    return Outcome(detail="; ".join(lines))


def database_rows(databases: Iterable[AffectedDatabase], names: RowsByApp) -> list[DatabaseRows]:
    """What a fix renames in each database, for the journal."""
    all_rows = []
    for database in databases:
        rows = []
        renamed = _rows_of(names, database.apps) if database.rows else []
        news = {(row.label, row.new) for row in renamed}
        for row in renamed:
            there = database.recorded & {(row.label, row.old), (row.label, row.new)}
            # where names shift, an old one may be there as another's new one
            both = len(there) == 2 and (row.label, row.old) not in news
            if there:
                rows.append(row._replace(kept=row.kept or both))

        if rows:
            all_rows.append(
                DatabaseRows(database.project, database.alias, database.place, tuple(rows))
            )

    return all_rows


def _reach(
    repository: Repository,
    snapshot: Snapshot,
    affected: AffectedDatabase,
    names: Sequence[Renamed],
) -> list[str] | Unanswered:
    """What was done, in sentences."""
    project, database = affected.project, Database(affected.alias)
    inquiry = Inquiry(project, affected.apps, database, new_names=names)
    plans = read_reconciliations(repository, snapshot, inquiry)
    if isinstance(plans, Unanswered):
        return plans

    plan = plans[0][0]
    if plan.status.error or plan.refused:
        return Unanswered(plan.status.error or "; ".join(plan.refused))

    reply = reconcile_one(project, database, plan.rows, plan.runs, names, plan.records)
    if reply.why and reply.result is None:
        return Unanswered(reply.why)

    runs = [f"ran {'.'.join(row)}" for row in reply.result["ran"]]
    copy = [f"copy from before: {reply.result['copy']}"] if reply.result["copy"] else []
    left = len(reply.result["left"])
    after = [f"{left} more to run: manage.py migrate"] if left else []
    renamed = [f"{row.label}.{row.old} is {row.new} now" for row in plan.rows]
    return [*renamed, *runs, *copy, *after]

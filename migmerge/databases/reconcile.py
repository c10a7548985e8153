"""The project's databases read, and what each needs: git, Django and the plan brought together."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from migmerge.analysis.compare import footprints_of
from migmerge.analysis.former_names import Former, find_former_names
from migmerge.analysis.snapshot import Snapshot
from migmerge.conflicts.commute import Judgement, compare_sides
from migmerge.conflicts.conflict import Branch, Conflict
from migmerge.databases.diagnosis import (
    Reconciliation,
    doubtful_rows,
    lost_rows,
    reconciliation,
    replaced_rows,
)
from migmerge.databases.former_names_by_tables import formers_by_tables
from migmerge.errors import UserError
from migmerge.git.repository import Repository
from migmerge.migrations.model import NodeKey
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
    which_content,
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
        if self.untouched:
            return f"{self.name} not touched ({self.why}): {_BY_HAND}"
        if self.why:
            return f"{self.name} can't be read: {self.why}"
        names = ", ".join(".".join(row) for row in self.rows)
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
    found = []
    for project, apps in projects.items():
        old = {(row.label, row.old) for row in _rows_of(names, apps)}
        if isinstance(project, NoProject) or not old:
            continue
        own = tuple(apps)
        if rule:
            found.append(AffectedDatabase(project, own, "", why=rule, untouched=True))
            continue
        statuses = read_status(project, Database(), allowed)
        if isinstance(statuses, Unanswered):
            found.append(AffectedDatabase(project, own, "", why=statuses.why))
            continue
        _refuse_named(statuses, allowed)
        for status in statuses:
            rows = tuple(row for row in status.recorded if row in old)
            why = status.error if status.unread else _READ_ONLY if status.read_only and rows else ""
            if rows or why:
                affected = AffectedDatabase(
                    project, own, status.alias, f"{status.engine}, {status.place}",
                    () if why else rows, why,
                    untouched=bool(status.left) or status.read_only,
                    recorded=frozenset(status.recorded),
                )  # fmt: skip
                found.append(affected)
    return found


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
    found = []
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
            found.append(
                DatabaseRows(database.project, database.alias, database.place, tuple(rows))
            )
    return found


def _reach(
    repository: Repository,
    snapshot: Snapshot,
    affected: AffectedDatabase,
    names: Sequence[Renamed],
) -> list[str] | Unanswered:
    """What was done, in sentences."""
    project, database = affected.project, Database(affected.alias)
    plans = read_reconciliations(repository, snapshot, project, affected.apps, database, names)
    if isinstance(plans, Unanswered):
        return plans
    plan = plans[0][0]
    if plan.status.error or plan.refused:
        return Unanswered(plan.status.error or "; ".join(plan.refused))
    reply = reconcile_one(project, database, plan.rows, plan.runs, names)
    if reply.why and reply.result is None:
        return Unanswered(reply.why)
    runs = [f"ran {'.'.join(row)}" for row in reply.result["ran"]]
    copy = [f"copy from before: {reply.result['copy']}"] if reply.result["copy"] else []
    left = len(reply.result["left"])
    after = [f"{left} more to run: manage.py migrate"] if left else []
    renamed = [f"{row.label}.{row.old} is {row.new} now" for row in plan.rows]
    return [*renamed, *runs, *copy, *after]


def read_reconciliations(
    repository: Repository,
    snapshot: Snapshot,
    project: Project,
    own: Collection[str],
    asked: Database,
    names: Collection[Renamed] = (),
    allowed: Permission = ON_THIS_MACHINE,
) -> list[tuple[Reconciliation, Database]] | Unanswered:
    """Each database of a project with what to do about it.

    `own` are the keys of the project's apps, `names` those that a fix gives just now.
    """
    found = read_status(project, asked, allowed)
    if isinstance(found, Unanswered):
        return found
    apps = {app.label: app.key for app in snapshot.apps.values() if app.key in own}
    pairs = []
    for one in found:
        database = asked if asked.settings else Database(one.alias)
        pairs.append((_plan(repository, snapshot, apps, project, database, one, names), database))
    return pairs


def _plan(
    repository: Repository,
    snapshot: Snapshot,
    apps: Mapping[str, str],
    project: Project,
    database: Database,
    found: Status,
    names: Collection[Renamed],
) -> Reconciliation:
    if found.error or found.left:
        return Reconciliation(found)
    lost = {row: NodeKey(apps[row[0]], row[1]) for row in lost_rows(found, apps.keys())}
    doubtful = doubtful_rows(found, replaced_rows(found), apps.keys())
    second = {pair: NodeKey(apps[pair.label], pair.second) for pair in doubtful}
    first = {pair: NodeKey(apps[pair.label], pair.first) for pair in doubtful}
    asked = {*lost.values(), *first.values()}
    formers = _formers(repository, snapshot, found, asked)
    taken = {key for row in lost for key in formers[lost[row]].now} - set(first.values())
    pairs = [
        pair
        for pair in doubtful
        if second[pair] in formers[first[pair]].now and second[pair] not in taken
    ]
    contents = which_content(project, database, pairs) if pairs else []

    def judged(runs: Sequence[Row], later: Sequence[Row]) -> Judgement:
        return _judge(snapshot, apps, runs, later)

    old: dict[Row, Former] = {row: formers[key] for row, key in lost.items()}
    known = dict(zip(pairs, contents, strict=True))
    plan = reconciliation(found, old, known, judged, names)
    return plan._replace(schemas=_schemas(repository, snapshot, apps, found))


def _formers(
    repository: Repository, snapshot: Snapshot, status: Status, keys: Collection[NodeKey]
) -> dict[NodeKey, Former]:
    """By git's history, or where there is no git by title and columns."""
    if repository.git_dir:
        return find_former_names(repository, snapshot, keys)
    return formers_by_tables(snapshot, status, keys)


def _schemas(
    repository: Repository, snapshot: Snapshot, apps: Mapping[str, str], status: Status
) -> tuple[tuple[str, Renamed], ...]:
    """Each other schema with the rows in it whose migrations have another name now."""
    found = []
    for schema, rows in status.schemas:
        lost = lost_rows(status._replace(recorded=rows), apps.keys())
        keys = {row: NodeKey(apps[row[0]], row[1]) for row in lost}
        # columns are those of the visible schema: they tell nothing of this one
        unseen = status._replace(endangered=())
        formers = _formers(repository, snapshot, unseen, set(keys.values()))
        for row, key in keys.items():
            now = formers[key].now
            if len(now) == 1:
                found.append((schema, Renamed(row[0], row[1], now[0].name)))
    return tuple(found)


def _judge(
    snapshot: Snapshot, apps: Mapping[str, str], runs: Sequence[Row], later: Sequence[Row]
) -> Judgement:
    """What runs late against what is applied already and isn't below it, app by app."""
    graph = snapshot.graph
    found = []
    for row in runs:
        key = NodeKey(apps.get(row[0], ""), row[1])
        if key not in graph.parents:
            continue
        below = graph.ancestors(key)
        own = {NodeKey(key.app, name) for label, name in later if label == row[0]}
        above = graph.in_order((own & graph.parents.keys()) - below)
        if above:
            branches = (Branch((key,)), Branch(tuple(above)))
            conflict = Conflict(snapshot.apps[key.app], "siblings", None, branches)
            found += footprints_of(snapshot, conflict)
    return compare_sides(found)

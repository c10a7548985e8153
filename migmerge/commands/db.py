"""`migmerge db status` and `db reconcile`: what databases have applied, against the files."""

from __future__ import annotations

import sys
from typing import NamedTuple

from migmerge.analysis.snapshot import Snapshot, read_snapshot
from migmerge.analysis.workspace import Workspace, open_workspace
from migmerge.commands.arguments_of_apps import says_yes, scope_of
from migmerge.commands.exclusive import exclusive, tidy_up
from migmerge.databases.diagnosis import Reconciliation
from migmerge.databases.edited_migrations import EditedMigration, find_edited
from migmerge.databases.project_diagnosis import Inquiry, read_reconciliations
from migmerge.databases.reconcile import UNPROTECT
from migmerge.errors import UserError
from migmerge.git.repository import find_directory, find_work_tree
from migmerge.project.configured_databases import (
    Database,
    Permission,
    Row,
    compare_tables,
    parse_database,
    reconcile_one,
)
from migmerge.project.interpreter import NoProject, Project
from migmerge.project.run import Unanswered
from migmerge.report.databases import DatabaseReport, reconciled_text, status_json, status_text
from migmerge.report.screen import has_terminal, printable
from migmerge.resolve.project_input import projects_of


class DbOptions(NamedTuple):
    """What the command line said."""

    directory: str
    config: str | None = None
    database: str = ""
    schema: bool = False
    yes: bool = False
    format: str = "text"
    ran: tuple[str, ...] = ()


def status(options: DbOptions) -> int:
    """0 when a plain `migrate` does all that there is to do, 1 when something stands against it."""
    repository = find_directory(options.directory, "db")
    tidy_up(repository)
    workspace = open_workspace(repository, options.config)
    snapshot = read_snapshot(workspace)
    reports = []
    projects, whole = _projects(workspace, snapshot, options)
    for project, apps in projects.items():
        for plan, database in _reconciliations(workspace, snapshot, project, apps, options):
            compared = options.schema and not plan.status.error
            differences = compare_tables(project, database) if compared else []
            edited: tuple[EditedMigration, ...] = ()
            if differences and not isinstance(differences, Unanswered):
                inquiry = Inquiry(project, apps, database)
                edited = find_edited(repository, snapshot, inquiry, plan.status)
            reports.append(DatabaseReport(plan, differences, project.place, compared, edited))

    text = status_json(reports) if options.format == "json" else status_text(reports)
    print(text, end="")
    return 0 if whole and all(t.plan.settled and not t.differences for t in reports) else 1


def reconcile(options: DbOptions) -> int:
    """0 when every database is in line with the files, 1 when one is refused or fails."""
    repository = find_directory(options.directory, "db")
    workspace = open_workspace(repository, options.config)
    with exclusive(repository):
        snapshot = read_snapshot(workspace)
        projects, whole = _projects(workspace, snapshot, options)
        done = [
            _reconcile(project, database, plan, options)
            for project, apps in projects.items()
            for plan, database in _reconciliations(workspace, snapshot, project, apps, options)
        ]

    return 0 if whole and all(done) else 1


def reconcile_renamed(directory: str, config_file: str | None) -> int:
    """Databases with rows under old names, as after a rebase; where none has, or no project can be
    asked, nothing is said. 1 when one could not be brought in line."""
    repository = find_work_tree(directory, "db")
    workspace = open_workspace(repository, config_file)
    options = DbOptions(repository.root, config_file, yes=True)
    allowed = Permission(protected=workspace.config.protected_databases)
    done = []
    with exclusive(repository):
        snapshot = read_snapshot(workspace)
        for project, apps in projects_of(workspace, snapshot, sorted(snapshot.apps)).items():
            if isinstance(project, NoProject):
                continue

            inquiry = Inquiry(project, apps, allowed=allowed)
            reconciliations = read_reconciliations(repository, snapshot, inquiry)
            if isinstance(reconciliations, Unanswered):
                continue

            for plan, database in reconciliations:
                if plan.rows and not plan.status.protected:
                    done.append(_reconcile(project, database, plan, options))

    return 0 if all(done) else 1


def _reconcile(
    project: Project, database: Database, plan: Reconciliation, options: DbOptions
) -> bool:
    """Whether one database is in line now."""
    print(status_text([DatabaseReport(plan, place=project.place)]), end="")
    if plan.refused or not plan.needed:
        return plan.settled
    if plan.status.protected:
        raise UserError("database", f"database {plan.status.alias} is protected", UNPROTECT)
    if not options.yes and not _agreed():
        return False

    try:
        reply = reconcile_one(project, database, plan.rows, plan.runs, records=plan.records)
    except KeyboardInterrupt:
        state = f"{plan.status.alias} may be half-way: migmerge db reconcile goes on from there"
        raise KeyboardInterrupt(state) from None

    print(reconciled_text(plan, reply), end="")
    return not reply.why


def _agreed() -> bool:
    if not has_terminal():
        raise UserError(
            "no-terminal", "nothing was changed: there is no terminal to ask on", "add --yes"
        )
    return says_yes("Do this?")


def _projects(
    workspace: Workspace, snapshot: Snapshot, options: DbOptions
) -> tuple[dict[Project, list[str]], bool]:
    """The projects that are meant with the keys of their apps, and whether these are all; UserError
    where none runs."""
    scope = scope_of(workspace.repository, snapshot, options.directory)
    all_projects = projects_of(workspace, snapshot, sorted(scope.apps), scope.places)
    projects = {
        project: apps for project, apps in all_projects.items() if isinstance(project, Project)
    }
    reasons = [project.why for project in all_projects if isinstance(project, NoProject)]
    if not projects:
        why = reasons[0] if reasons else "no migrations"
        hint = "name the project's manage.py in the configuration: manage = ..."
        raise UserError("no-project", f"no Django project to ask: {why}", hint)

    for why in reasons:
        print(printable(f"migmerge: not looked at: {why}"), file=sys.stderr)
    return projects, not reasons


def _row_named(name: str) -> Row:
    """`APP.NAME` of the command line; UserError where it is not one."""
    label, _, migration = name.partition(".")
    if not label or not migration:
        raise UserError("options", f"--ran {name}: not APP.NAME", "as --ran shop.0003_price")
    return label, migration


def _reconciliations(
    workspace: Workspace,
    snapshot: Snapshot,
    project: Project,
    apps: list[str],
    options: DbOptions,
) -> list[tuple[Reconciliation, Database]]:
    asked = parse_database(options.database) if options.database else Database()
    allowed = Permission(protected=workspace.config.protected_databases)
    ran = [_row_named(name) for name in options.ran]
    inquiry = Inquiry(project, apps, asked, allowed, config=workspace.config, ran=ran)
    reconciliations = read_reconciliations(workspace.repository, snapshot, inquiry)
    if isinstance(reconciliations, Unanswered):
        raise UserError(
            "database",
            f"the project's databases can't be read: {reconciliations.why}",
            "correct what it says",
        )
    if ran and len(reconciliations) > 1:
        several = "--ran says what one database ran, and there are several"
        raise UserError("options", several, "add --database ALIAS")
    return reconciliations

"""What doctor sees of the Django projects: interpreter, manage.py, settings, databases."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from migmerge.analysis.snapshot import Snapshot
from migmerge.analysis.workspace import Workspace
from migmerge.commands.arguments_of_apps import scope_of
from migmerge.project.configured_databases import Place, Setup, read_setup
from migmerge.project.interpreter import NoProject, Project
from migmerge.project.run import Unanswered
from migmerge.report.documents import DoctorDatabaseDocument, DoctorProjectDocument
from migmerge.resolve.project_input import projects_of


class Problem(NamedTuple):
    """Something that isn't as it should be; `id` is stable, `command` mends it."""

    id: str
    text: str
    command: str


class Examined(NamedTuple):
    """A project with what it runs on, or why it does not run."""

    project: Project | NoProject
    setup: Setup | NoProject | Unanswered


def examine_projects(workspace: Workspace, snapshot: Snapshot, directory: str) -> list[Examined]:
    """The projects that a command in this directory means."""
    scope = scope_of(workspace.repository, snapshot, directory)
    projects = projects_of(workspace, snapshot, sorted(scope.apps), scope.places)
    protected = workspace.config.protected_databases
    return [
        Examined(p, p if isinstance(p, NoProject) else read_setup(p, protected)) for p in projects
    ]


def project_lines(examined: Sequence[Examined]) -> Iterator[str]:
    """For people: a line for each project and each of its databases."""
    for project, setup in examined:
        if isinstance(project, NoProject):
            yield f"project: not run: {project.why}"
            continue
        if isinstance(setup, NoProject | Unanswered):
            yield f"project {project.name}: not run: {setup.why}"
            continue

        how = project.manage or shlex.join(project.command)
        yield (
            f"project {project.name}: {how}, settings {setup.settings or 'configured by code'}, "
            f"Django {setup.django}, Python {setup.python} ({setup.executable})"
        )
        for database in setup.databases:
            yield f"  database {database.alias} ({database.place}): {_reached(database)}"


def _reached(database: Place) -> str:
    if database.left:
        return "not on this machine, so not tried"
    if database.absent:
        return "not there yet; migrate makes it"
    return f"can't be reached: {database.error}" if database.error else "reachable"


def project_problems(examined: Sequence[Examined]) -> Iterator[Problem]:
    """A project that does not run, a database on this machine that can't be reached, and installed
    packages whose migrations stop `migrate`."""
    for project, setup in examined:
        if isinstance(project, NoProject):
            if project.no_interpreter:
                text = f"the Django project can't be run: {project.why}"
                yield Problem("project", text, "activate its environment, or configure manage")

            continue

        check = "python manage.py check"
        if project.place:
            check = f"cd {shlex.quote(project.directory)} && {check}"
        if not isinstance(setup, Setup):
            text = f"the project in {project.name} does not run: {setup.why}"
            yield Problem("project", text, check)
            continue

        for database in setup.databases:
            if database.error and not database.left:
                text = f"database {database.alias} ({database.place}) {_reached(database)}"
                yield Problem("database", text, "start it, or correct DATABASES in the settings")

        for text in setup.packages:
            command = "remove what is not the package's own, or set MIGRATION_MODULES for its app"
            yield Problem("package", text, command)


def project_documents(examined: Sequence[Examined]) -> list[DoctorProjectDocument]:
    """For programs."""
    return [_document(one) for one in examined]


def _document(examined: Examined) -> DoctorProjectDocument:
    project, setup = examined
    place = project.place if isinstance(project, Project) else ""
    if not isinstance(setup, Setup):
        return {
            "project": place, "error": setup.why, "python": None, "executable": None,
            "django": None, "settings": None, "databases": [],
        }  # fmt: skip

    return {
        "project": place,
        "error": None,
        "python": setup.python,
        "executable": setup.executable,
        "django": setup.django,
        "settings": setup.settings,
        "databases": [_database(database) for database in setup.databases],
    }


def _database(database: Place) -> DoctorDatabaseDocument:
    tried = not (database.left or database.absent)
    return {
        "alias": database.alias,
        "place": database.place,
        "reachable": not database.error if tried else None,
    }

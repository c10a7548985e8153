"""What doctor sees of the Django projects: interpreter, manage.py, settings, databases."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from migmerge.analysis.snapshot import Snapshot
from migmerge.commands.arguments_of_apps import scope_of
from migmerge.config import Config
from migmerge.git.repository import Repository
from migmerge.project.configured_databases import Place, Setup, read_setup
from migmerge.project.interpreter import Project
from migmerge.report.documents import DoctorDatabaseDocument, DoctorProjectDocument
from migmerge.resolve.project_input import projects_of


class Problem(NamedTuple):
    """Something that isn't as it should be; `id` is stable, `command` mends it."""

    id: str
    text: str
    command: str


class Examined(NamedTuple):
    """A project with what it runs on, or why it does not run; `project` is a string where there is
    none to run."""

    project: Project | str
    setup: Setup | str


def examine_projects(
    repository: Repository, config: Config, snapshot: Snapshot, directory: str
) -> list[Examined]:
    """The projects that a command in this directory means."""
    scope = scope_of(repository, snapshot, directory)
    found = projects_of(repository, config, snapshot, sorted(scope.apps), scope.places)
    protected = config.protected_databases
    return [Examined(p, p if isinstance(p, str) else read_setup(p, protected)) for p in found]


def project_lines(examined: Sequence[Examined]) -> Iterator[str]:
    """For people: a line for each project and each of its databases."""
    for project, setup in examined:
        if isinstance(project, str) or isinstance(setup, str):
            where = "" if isinstance(project, str) else f" {project.name}"
            yield f"project{where}: not run: {setup}"
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
    """A project that does not run, and a database on this machine that can't be reached."""
    for project, setup in examined:
        if isinstance(project, str):
            if "no interpreter" in project:
                text = f"the Django project can't be run: {project}"
                yield Problem("project", text, "activate its environment, or configure manage")
            continue
        check = "python manage.py check"
        if project.place:
            check = f"cd {shlex.quote(project.directory)} && {check}"
        if isinstance(setup, str):
            text = f"the project in {project.name} does not run: {setup}"
            yield Problem("project", text, check)
            continue
        for database in setup.databases:
            if database.error and not database.left:
                text = f"database {database.alias} ({database.place}) {_reached(database)}"
                yield Problem("database", text, "start it, or correct DATABASES in the settings")


def project_documents(examined: Sequence[Examined]) -> list[DoctorProjectDocument]:
    """For programs."""
    return [_document(one) for one in examined]


def _document(examined: Examined) -> DoctorProjectDocument:
    project, setup = examined
    place = project.place if isinstance(project, Project) else ""
    if isinstance(setup, str):
        return {
            "project": place, "error": setup, "python": None, "executable": None, "django": None,
            "settings": None, "databases": [],
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

"""What a command line names, where it is run, and the question whether to go on."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Sequence
from difflib import get_close_matches
from typing import NamedTuple

from migmerge.analysis.snapshot import Snapshot
from migmerge.errors import UserError
from migmerge.git.repository import Repository
from migmerge.migrations.discovery import is_around
from migmerge.migrations.membership import owners, projects_in_scope
from migmerge.migrations.model import App

_NO = "y does it; n, or Enter, leaves everything as it is"


class Scope(NamedTuple):
    """The projects (their directories) that a command run in some `directory` is about, and the
    keys of their apps; all paths are relative to the top of the repository."""

    places: tuple[str, ...]
    apps: frozenset[str]
    directory: str = ""


def scope_of(repository: Repository, snapshot: Snapshot, directory: str) -> Scope:
    """The nearest project above `directory`; at the top of the repository each."""
    here = os.path.relpath(os.path.realpath(directory), os.path.realpath(repository.root))
    inside = "" if here == os.curdir or here.startswith(os.pardir) else here.replace(os.sep, "/")
    projects = snapshot.projects
    places = projects_in_scope(inside, projects)
    apps = {
        app.key
        for app in snapshot.apps.values()
        if not projects or set(owners(app.directory, projects)) & set(places)
    }
    return Scope(places, frozenset(apps), inside)


def apps_named(snapshot: Snapshot, name: str, scope: Scope) -> list[App]:
    """The apps of a label, or in or around a path; UserError where there are none.

    Of apps with one label those in `scope` are meant, if any are.
    """
    tidy = name.rstrip("/")
    apps = [a for a in snapshot.apps.values() if tidy in (a.label, a.directory, a.key)]
    apps = [app for app in apps if app.key in scope.apps] or apps
    if not apps:
        apps = _apps_at(snapshot, name, scope)
    if not apps:
        labels = sorted({app.label for app in snapshot.apps.values()})
        near = get_close_matches(tidy.lower(), labels, 1)
        hint = f"{', '.join(labels)}{f'; did you mean {near[0]}?' if near else ''}"
        raise UserError(
            "unknown-app", f"no app {name!r} with migrations here", f"there are: {hint}"
        )
    return apps


def _apps_at(snapshot: Snapshot, name: str, scope: Scope) -> list[App]:
    """The apps in or around a path that is relative to the directory of the command."""
    if not name:
        return []
    path = posixpath.normpath(posixpath.join(scope.directory, name.replace(os.sep, "/")))
    if path.endswith(".py"):
        path = posixpath.dirname(path)  # of models.py its app is meant
    prefix = "" if path == posixpath.curdir else path
    return [app for app in snapshot.apps.values() if is_around(app.directory, prefix)]


def keys_named(snapshot: Snapshot, names: Sequence[str], scope: Scope) -> frozenset[str]:
    """The keys of the apps that are named by label or path; of all in scope where none is.

    UserError where a label is ambiguous.
    """
    if not names:
        return scope.apps

    keys: set[str] = set()
    for name in names:
        apps = apps_named(snapshot, name, scope)
        if name.rstrip("/") in {app.label for app in apps}:
            _refuse_ambiguous(name, apps)
        keys |= {app.key for app in apps}

    return frozenset(keys)


def app_named(snapshot: Snapshot, name: str, scope: Scope) -> App:
    """The only one; UserError where a label is ambiguous, too."""
    apps = apps_named(snapshot, name, scope)
    _refuse_ambiguous(name, apps)
    return apps[0]


def _refuse_ambiguous(name: str, apps: Sequence[App]) -> None:
    if len(apps) > 1:
        places = ", ".join(sorted(app.directory for app in apps))
        raise UserError(
            "same-label", f"the app label {name!r} is ambiguous: {places}", "name the directory"
        )


def says_yes(question: str, *, default: bool = False) -> bool:
    """Whether somebody at a terminal agrees; Enter, or no answer, is the default."""
    keys = "[Y/n]" if default else "[y/N]"
    while True:
        try:
            answer = input(f"{question} {keys} ").strip().lower()
        except EOFError:
            print()
            return default

        if answer in ("y", "yes", "n", "no", ""):
            return answer in ("y", "yes") if answer else default
        print("y, or Enter, is yes; n is no" if default else _NO)

"""What a command line names, where it is run, and the question whether to go on."""

from __future__ import annotations

import os
from collections.abc import Collection
from difflib import get_close_matches
from typing import NamedTuple

from migmerge.analysis.snapshot import Snapshot
from migmerge.errors import UserError
from migmerge.git.repository import Repository
from migmerge.migrations.membership import owners, projects_in_scope
from migmerge.migrations.model import App

_NO = "y does it; n, or Enter, leaves everything as it is"


class Scope(NamedTuple):
    """The projects (their directories) that a command run in some directory is about, and the
    keys of their apps."""

    places: tuple[str, ...]
    apps: frozenset[str]


def scope_of(repository: Repository, snapshot: Snapshot, directory: str) -> Scope:
    """The nearest project above `directory`; at the top of the repository each."""
    here = os.path.relpath(os.path.realpath(directory), os.path.realpath(repository.root))
    inside = "" if here == os.curdir or here.startswith(os.pardir) else here.replace(os.sep, "/")
    known = snapshot.projects
    places = projects_in_scope(inside, known)
    apps = {
        app.key
        for app in snapshot.apps.values()
        if not known or set(owners(app.directory, known)) & set(places)
    }
    return Scope(places, frozenset(apps))


def apps_named(snapshot: Snapshot, name: str, scope: Collection[str] = ()) -> list[App]:
    """The apps of a label, or of a directory; UserError where there are none.

    Where some of them are in `scope` (keys of apps) these are meant.
    """
    tidy = name.rstrip("/")
    found = [a for a in snapshot.apps.values() if tidy in (a.label, a.directory, a.key)]
    found = [app for app in found if app.key in scope] or found
    if not found:
        labels = sorted({app.label for app in snapshot.apps.values()})
        near = get_close_matches(tidy.lower(), labels, 1)
        known = f"{', '.join(labels)}{f'; did you mean {near[0]}?' if near else ''}"
        raise UserError(
            "unknown-app", f"no app {name!r} with migrations here", f"there are: {known}"
        )
    return found


def app_named(snapshot: Snapshot, name: str, scope: Collection[str] = ()) -> App:
    """The only one; UserError where a label is ambiguous, too."""
    found = apps_named(snapshot, name, scope)
    if len(found) > 1:
        places = ", ".join(sorted(app.directory for app in found))
        raise UserError(
            "same-label", f"the app label {name!r} is ambiguous: {places}", "name the directory"
        )
    return found[0]


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

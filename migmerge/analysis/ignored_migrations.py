"""Migrations on disk that git ignores: Django runs them here, and they will not be in the push."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from migmerge.analysis.snapshot import Snapshot, members_of
from migmerge.analysis.workspace import Workspace
from migmerge.conflicts.conflict import Advice, Conflict, Notice, Place
from migmerge.errors import UserError
from migmerge.git.ignored import find_ignored_paths
from migmerge.git.trees import Listing
from migmerge.migrations.discovery import NUMBERED, is_candidate_name, split
from migmerge.migrations.reader import read_header
from migmerge.regular import read_regular

KIND = "ignored"
ON_DISK = ("worktree", "index")
_APP_FILES = ("models.py", "apps.py")


class IgnoredMigrations(NamedTuple):
    """Findings in apps that git has, and at most one notice for apps whose migrations it ignores
    altogether."""

    conflicts: tuple[Conflict, ...] = ()
    notices: tuple[Notice, ...] = ()


def find_ignored(workspace: Workspace, snapshot: Snapshot) -> IgnoredMigrations:
    """Where the work tree or the index is looked at."""
    if not workspace.repository.git_dir or snapshot.source not in ON_DISK:
        return IgnoredMigrations()

    unlisted = _unlisted(workspace, snapshot)
    rules = find_ignored_paths(workspace.repository, unlisted) if unlisted else {}
    ignored = [path for path in sorted(rules) if _is_migration(workspace, path)]
    apps = {app.directory: app for app in snapshot.apps.values()}
    conflicts = [
        Conflict(
            apps[split(path)[0]],
            KIND,
            place=Place(path, 0),
            reasons=(f"git ignores it ({rules[path]}): whoever has this branch lacks it",),
            advice=Advice(commands=(f"git add -f -- {shlex.quote(path)}", "migmerge check")),
        )
        for path in ignored
        if split(path)[0] in apps
    ]
    others = sorted({split(path)[0] for path in ignored} - apps.keys())
    return IgnoredMigrations(tuple(conflicts), _notices(others, ignored, rules))


def _notices(
    directories: list[str], ignored: list[str], rules: Mapping[str, str]
) -> tuple[Notice, ...]:
    if not directories:
        return ()
    rule = next(rules[path] for path in ignored if split(path)[0] == directories[0])
    count = len(directories) - 1
    more = f" and of {count} more app{'s' if count > 1 else ''}" if count else ""
    text = f"git ignores the migrations here{more} ({rule}): they are not looked at"
    return (Notice(Place(directories[0], 0), text, KIND),)


def directories_on_disk(snapshot: Snapshot) -> list[str]:
    """Where migrations that git does not list may be, relative to the top: the directories that
    have some, and `migrations` beside a models.py or apps.py."""
    directories = {app.directory for app in snapshot.apps.values()}
    return sorted(directories | _without_migrations(snapshot.listing, directories))


def _without_migrations(listing: Listing, directories: Iterable[str]) -> set[str]:
    beside = {
        split(path)[0] for path in listing.files if path.endswith(_APP_FILES)
        and split(path)[1] in _APP_FILES
    }  # fmt: skip
    return {f"{place}/migrations" if place else "migrations" for place in beside}.difference(
        directories
    )


def _unlisted(workspace: Workspace, snapshot: Snapshot) -> list[str]:
    """Files that Django would take for migrations, by their names, and git does not list."""
    files = snapshot.listing.files
    paths = []
    for directory in directories_on_disk(snapshot):
        names = _names_in(workspace.repository.root, directory)
        paths += [
            path
            for name in names
            if is_candidate_name(name)
            and (path := f"{directory}/{name}" if directory else name) not in files
        ]
    return members_of(paths, {split(path)[0] for path in paths}, workspace.config)


def _names_in(root: str, directory: str) -> list[str]:
    """What is in a directory of the repository; nothing behind a symbolic link or in a repository
    of its own, of which git tells nothing here."""
    place = os.path.join(os.path.realpath(root), directory)
    try:
        if os.path.realpath(place) != os.path.normpath(place):
            return []
        names = os.listdir(place)
    except OSError:
        return []
    return [] if ".git" in names and directory else names


def _is_migration(workspace: Workspace, path: str) -> bool:
    try:
        source = read_regular(os.path.join(workspace.repository.root, path))
    except (OSError, UserError):
        return False
    numbered = NUMBERED.match(split(path)[1]) is not None
    return source is not None and read_header(source, numbered=numbered) is not None

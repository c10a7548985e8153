"""Lock files that do not name their app's leaf node, or are not there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from migmerge.conflicts.conflict import Branch, Conflict, Place
from migmerge.migrations.graph import Graph
from migmerge.migrations.lockfiles import MAX_MIGRATION, LockFile
from migmerge.migrations.model import App, NodeKey


def stale_lock_files(
    graph: Graph, apps: Mapping[str, App], lock_files: Iterable[LockFile], branching: set[str]
) -> list[Conflict]:
    """Lock files that don't name the leaf; those of branching apps are part of that conflict."""
    leaves = graph.all_leaves()
    conflicts = []
    for lock in lock_files:
        for app in locked_apps(lock, apps.values()):
            if app.key in branching or len(leaves.get(app.key, ())) != 1:
                continue

            leaf = leaves[app.key][0].name
            entries = [e for e in lock.entries if e.label in ("", app.label)]
            if lock.conflicted:
                reason = f"git's conflict markers; the leaf node is {leaf}"
            elif [entry.name for entry in entries] == [leaf]:
                continue
            else:
                named = _said([entry.name for entry in entries])
                reason = f"says {named}, but the leaf node is {leaf}"

            place = Place(lock.path, entries[0].line if entries else 0)
            conflicts.append(_conflict(app, leaves[app.key][0], place, reason))

    return conflicts


def _said(names: list[str]) -> str:
    return " and ".join(names) or "nothing"


def locked_apps(lock: LockFile, apps: Iterable[App]) -> list[App]:
    """The apps that a lock file speaks of."""
    directory = lock.path.rpartition("/")[0]
    inside = [app for app in apps if app.directory == directory]
    if inside:
        return inside
    labels = {entry.label for entry in lock.entries}
    return sorted(app for app in apps if app.label in labels)


def apps_without_lock_file(apps: Iterable[App], lock_files: Iterable[LockFile]) -> list[App]:
    """Apps that have no max_migration.txt though one beside them has.

    django-linear-migrations wants one in each app that it checks (dlm.E001).
    """
    locked = {_directory(lock.path) for lock in lock_files if lock.path.endswith(MAX_MIGRATION)}
    beside = {_place_of_app(directory) for directory in locked}
    return [
        app
        for app in sorted(apps)
        if app.directory not in locked and _place_of_app(app.directory) in beside
    ]


def missing_lock_files(
    graph: Graph, apps: Collection[App], lock_files: Sequence[LockFile], old: Collection[str]
) -> list[Conflict]:
    """Those of apps that are new since the base branch, whose paths are `old`, where each older app
    beside them has one there, too."""
    without = apps_without_lock_file(apps, lock_files)
    if not without:
        return []

    unlocked = {app for app in apps if f"{app.directory}/{MAX_MIGRATION}" not in old}
    unlocked.update(without)
    old_directories = set(map(_directory, old))
    fresh = {app for app in apps if app.directory not in old_directories}
    beside: dict[str, set[App]] = defaultdict(set)
    for app in apps:
        if app not in fresh:
            beside[_place_of_app(app.directory)].add(app)

    conflicts = []
    for app in without:
        older = beside[_place_of_app(app.directory)]
        leaves = graph.leaves(app.key)
        if app in fresh and older and older.isdisjoint(unlocked) and len(leaves) == 1:
            reason = f"is not there, but every other app of {_said_of(app)} has one"
            place = Place(f"{app.directory}/{MAX_MIGRATION}", 0)
            conflicts.append(_conflict(app, leaves[0], place, reason))

    return conflicts


def _conflict(app: App, leaf: NodeKey, place: Place, reason: str) -> Conflict:
    return Conflict(app, "lock-file", None, (Branch((leaf,)),), place, (reason,))


def _directory(path: str) -> str:
    return path.rpartition("/")[0]


def _place_of_app(directory: str) -> str:
    """Where the app of a migration directory lies: its neighbours are there, too."""
    return _directory(_directory(directory))


def _said_of(app: App) -> str:
    place = _place_of_app(app.directory)
    return f"{place}/" if place else "this project"

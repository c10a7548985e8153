"""What this tree does to migrations that the base branch has, and that databases have run."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Collection, Iterable
from typing import NamedTuple

from migmerge.analysis.compare import source_of
from migmerge.analysis.manage_commands import manage_command
from migmerge.analysis.published_versions import Published
from migmerge.analysis.snapshot import Snapshot
from migmerge.analysis.workspace import Workspace
from migmerge.conflicts.changed_operations import EditKind, compare_operations
from migmerge.conflicts.conflict import Advice, Branch, Conflict, Notice, Place
from migmerge.git.trees import read_blobs
from migmerge.migrations.discovery import split
from migmerge.migrations.model import App, Migration, NodeKey
from migmerge.migrations.naming import migration_name
from migmerge.migrations.operations import whole_mark
from migmerge.migrations.reader import read_header

KIND = "published-changed"


class PublishedChanges(NamedTuple):
    """What is reported, as `published_changes` is configured."""

    conflicts: tuple[Conflict, ...] = ()
    notices: tuple[Notice, ...] = ()


def describe_published_changes(
    workspace: Workspace, snapshot: Snapshot, published: Published
) -> PublishedChanges:
    """Published migrations that were edited, renamed or removed since this branch left the base
    branch, and those that depend on one that is not published."""
    wanted = workspace.config.published_changes
    edits = _edited(workspace, snapshot, published)
    gone = _renamed_or_removed(workspace, snapshot, published)
    restarted = _started_again(snapshot, published, gone)
    apps = {conflict.app for conflict in restarted}
    grave = [c for kind, c in edits if kind is EditKind.SCHEMA and c.app not in apps]
    grave += [conflict for conflict in gone if conflict.app not in apps]
    renamed = {conflict.branches[0].leaf for conflict in gone if conflict.branches}
    grave += _early(snapshot, published, renamed)
    slight = [conflict for kind, conflict in edits if kind is EditKind.CODE]
    if wanted == "error":
        state = [conflict for kind, conflict in edits if kind is EditKind.STATE]
        return PublishedChanges((*grave, *slight, *state, *restarted))
    notices = (*_as_notices(restarted), *_edit_notices(published, slight))
    if wanted == "notice":
        return PublishedChanges(notices=(*_as_notices(grave), *notices))
    return PublishedChanges(tuple(grave), notices)


def _as_notices(conflicts: Iterable[Conflict]) -> tuple[Notice, ...]:
    return tuple(
        Notice(c.place or Place(c.app.directory, 0), "; ".join(c.reasons), KIND) for c in conflicts
    )


def _edit_notices(published: Published, edits: Iterable[Conflict]) -> tuple[Notice, ...]:
    """One for each app, since a class that is renamed changes many files."""
    by_app: dict[App, list[Conflict]] = {}
    for conflict in edits:
        by_app.setdefault(conflict.app, []).append(conflict)

    notices: list[Notice] = []
    for app, conflicts in by_app.items():
        if len(conflicts) == 1:
            notices += _as_notices(conflicts)
            continue
        first = min(conflict.branches[0].leaf.name for conflict in conflicts)
        text = (
            f"{len(conflicts)} migrations of {app.label} are on {published.base.name}, and were "
            f"edited, the first is {first}"
        )
        notices.append(Notice(Place(app.directory, 0), text, KIND))

    return tuple(notices)


def _edited(
    workspace: Workspace, snapshot: Snapshot, published: Published
) -> list[tuple[EditKind, Conflict]]:
    """Those whose text does something else."""
    listing = snapshot.listing
    edited = {
        migration.path: migration
        for migration in snapshot.graph.nodes.values()
        if migration.path in published.now
        and migration.path not in listing.unmerged
        and not published.has(migration.path, listing.files.get(migration.path))
    }
    oids = (oid for path in edited for oid in published.versions(path))
    blobs = read_blobs(workspace.repository, oids)
    edits = []
    for path, migration in edited.items():
        after = snapshot.contents.get(path, b"")
        names = published.base.name, "this tree"
        now, *then = (
            compare_operations(blobs[oid], after, migration.label, names)
            for oid in published.versions(path)
        )
        if any(edit.kind is EditKind.LAYOUT for edit in (now, *then)):
            continue
        app = snapshot.apps[migration.key.app]
        reason = f"{migration.key} is on {published.base.name}, and was edited"
        if now.kind is EditKind.SCHEMA:
            reason += f": {'; '.join(now.reasons)}"
        restore = (_restore(published, path), _make_migrations(workspace, snapshot, app))
        edit = _conflict(app, path, reason, restore, migration.key)._replace(in_place=True)
        edits.append((now.kind, edit))

    return edits


def _renamed_or_removed(
    workspace: Workspace, snapshot: Snapshot, published: Published
) -> list[Conflict]:
    """Those that are no longer there, and that no squash stands for."""
    apps = {app.directory: app for app in snapshot.apps.values()}
    gone = [path for path in published.now if path not in snapshot.listing.files]
    if not gone:
        return []
    blobs = read_blobs(workspace.repository, (published.now[path].oid for path in gone))
    replaced = _replaced(workspace, snapshot, published, {apps[split(path)[0]] for path in gone})
    missing = {missing.key for missing in snapshot.graph.missing}  # a finding of its own
    conflicts = []
    for path in gone:
        app, name = apps[split(path)[0]], migration_name(path)
        key, source = NodeKey(app.key, name), blobs[published.now[path].oid]
        if key in missing or (app.label, name) in replaced or read_header(source) is None:
            continue

        reason = f"{key} is on {published.base.name}, and "
        other = _same_operations(snapshot, published, app, source)
        if other:
            commands = (_take_back(snapshot, published, path, other), "migmerge check")
            conflicts.append(
                _conflict(app, other.path, f"{reason}is {other.key.name} here", commands, other.key)
            )
        else:
            commands = (_restore(published, path), _make_migrations(workspace, snapshot, app))
            conflicts.append(_conflict(app, path, f"{reason}was removed", commands))

    return conflicts


def _take_back(snapshot: Snapshot, published: Published, path: str, renamed: Migration) -> str:
    """The command that gives a published migration its name again, also where others of these
    name it."""
    nodes, files = snapshot.graph.nodes, snapshot.listing.files
    children = sorted(nodes[key].path for key in snapshot.graph.children[renamed.key])
    edited = [
        child
        for child in children
        if child in published.now and not published.has(child, files.get(child))
    ]
    new = shlex.quote(renamed.path)
    restore = (_restore(published, old) for old in (path, *edited))
    return " && ".join((*restore, f"git rm -q -f --ignore-unmatch -- {new}", f"rm -f -- {new}"))


def _replaced(
    workspace: Workspace, snapshot: Snapshot, published: Published, apps: Iterable[App]
) -> set[tuple[str, str]]:
    """`(label, name)` of all that a squash of this tree or of the base branch says it replaces."""
    headers = [migration.header for migration in snapshot.graph.nodes.values()]
    directories = {app.directory for app in apps}
    oids = {
        file.oid
        for files in (published.now, *published.then)
        for path, file in files.items()
        if split(path)[0] in directories and path.endswith(".py")
    }
    for source in read_blobs(workspace.repository, oids).values():
        header = read_header(source) if b"replaces" in source else None
        headers += [header] if header else []
    return {(old.label, old.name) for header in headers for old in header.replaces}


def _same_operations(
    snapshot: Snapshot, published: Published, app: App, source: bytes
) -> Migration | None:
    """The only new migration of an app that does what a published one did."""
    mark = whole_mark(source)
    same = [
        snapshot.graph.nodes[key]
        for key in snapshot.graph.app_nodes(app.key)
        if snapshot.graph.nodes[key].path not in published.now
        and whole_mark(source_of(snapshot, key)) == mark
    ]
    return same[0] if len(same) == 1 else None


def _started_again(
    snapshot: Snapshot, published: Published, gone: Iterable[Conflict]
) -> list[Conflict]:
    """Apps whose published migrations were removed, and of which none is left as it was."""
    files = snapshot.listing.files
    removed = Counter(conflict.app for conflict in gone if not conflict.branches)
    left = {split(path)[0] for path in published.now if published.has(path, files.get(path))}
    return [
        _conflict(
            app,
            app.directory,
            f"{app.label} was started again: {count} migrations of {published.base.name} are "
            "gone, and every database that has them needs migmerge reset",
            ("migmerge explain MM111",),
        )
        for app, count in removed.items()
        if app.directory not in left
    ]


def _early(
    snapshot: Snapshot, published: Published, renamed: Collection[NodeKey]
) -> list[Conflict]:
    """Published migrations that depend on one that is not: Django stops where the one is applied
    and the other isn't (MigrationLoader.check_consistent_history)."""
    conflicts = []
    for key, parents in sorted(published.early(snapshot).items()):
        new = parents.difference(renamed)
        if new:
            path = snapshot.graph.nodes[key].path
            reason = (
                f"{key} is on {published.base.name}, and depends on {min(new)}, which is not: a "
                "database that has run only the one stops with InconsistentMigrationHistory"
            )
            commands = (f"$EDITOR {shlex.quote(path)}", "migmerge check")
            conflicts.append(_conflict(snapshot.apps[key.app], path, reason, commands, key))

    return conflicts


def _conflict(
    app: App, path: str, reason: str, commands: tuple[str, ...], key: NodeKey | None = None
) -> Conflict:
    return Conflict(
        app,
        KIND,
        branches=(Branch((key,)),) if key else (),
        place=Place(path, 0),
        reasons=(reason,),
        advice=Advice(commands=commands),
    )


def _restore(published: Published, path: str) -> str:
    """The command that brings back what the base branch has."""
    commit, old = published.base.commit[:12], published.now[path].path
    if old == path:
        return f"git checkout {commit} -- {shlex.quote(path)}"
    return f"git show {shlex.quote(f'{commit}:{old}')} > {shlex.quote(path)}"


def _make_migrations(workspace: Workspace, snapshot: Snapshot, app: App) -> str:
    """The command that writes what was edited as a migration of its own."""
    return manage_command(workspace.config, snapshot, app).run("makemigrations", app.label)

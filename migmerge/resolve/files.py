"""From the changes of the graph to the bytes of every file; nothing is written here."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from migmerge.analysis.compare import source_of
from migmerge.analysis.snapshot import Snapshot
from migmerge.conflicts.lock_files import locked_apps
from migmerge.conflicts.next_commands import fix_command
from migmerge.git.trees import SYMLINK
from migmerge.migrations.catch_up import catch_up_source
from migmerge.migrations.lockfiles import LockFile, read_lock_file, write_lock_file
from migmerge.migrations.merge_migration import merge_source
from migmerge.migrations.model import App, Migration, NodeKey
from migmerge.migrations.naming import merge_name
from migmerge.migrations.reader import GRAPH_ATTRIBUTES
from migmerge.migrations.rewrite import Edit, Unrewritable, rewrite
from migmerge.resolve.fix_plan import Change, GraphChange, Refusal


class Files(NamedTuple):
    """The files of one fix. `renamed` is old path -> new path, `leaves` app key -> new leaf,
    `removed` the path that goes of each node that is dropped.

    `causes` are the apps whose graph changes made a path change.
    """

    changes: Mapping[str, Change] = {}
    renamed: Mapping[str, str] = {}
    created: tuple[str, ...] = ()
    leaves: Mapping[str, str] = {}
    causes: Mapping[str, frozenset[str]] = {}
    removed: Mapping[NodeKey, str] = {}


class Texts(NamedTuple):
    """What the project's Django wrote, by app key: merge migrations, where it could be asked, and
    the migrations of a side that is regenerated, by name and in order."""

    merges: Mapping[str, bytes] = {}
    regenerated: Mapping[str, Mapping[str, bytes]] = {}


class Restrictions(NamedTuple):
    """Paths that are `published` must not be edited; `stale_locks` are lock files that are written
    even where no app in them changes."""

    published: Collection[str] = ()
    stale_locks: Collection[str] = ()


UNRESTRICTED = Restrictions()


def reserved_names(snapshot: Snapshot, app: App) -> set[str]:
    """Names that a migration of the app can't be given: files there, and `replaces` entries."""
    prefix = app.directory + "/"
    files = {p[len(prefix) : -3] for p in snapshot.listing.files if p.startswith(prefix)}
    reserved = {key.name for key in snapshot.graph.replaced_by if key.app == app.key}
    return reserved | {name for name in files if "/" not in name}


def plan_files(
    snapshot: Snapshot,
    graph_changes: Collection[GraphChange],
    texts: Texts,
    restrictions: Restrictions = UNRESTRICTED,
) -> Files | Refusal:
    """Every file that the graph changes of all apps together change.

    A Refusal names the app whose change can't be written.
    """
    planner = _Planner(snapshot, graph_changes, restrictions)
    for migration in snapshot.graph.nodes.values():
        refusal = planner.change_migration(migration)
        if refusal:
            return refusal

    for change in graph_changes:
        planner.add_new_files(change, texts)

    planner.change_lock_files()
    return planner.files()


class _Planner:
    """Collects the changed files, and for each path the apps that are the cause."""

    def __init__(
        self,
        snapshot: Snapshot,
        graph_changes: Collection[GraphChange],
        restrictions: Restrictions,
    ) -> None:
        self._snapshot = snapshot
        self._by_app = {change.app: change for change in graph_changes}
        self._restrictions = restrictions
        self._names = {k: name for change in graph_changes for k, name in change.names.items()}
        self._repoint = {
            key: (change.app, parents)
            for change in graph_changes
            for key, parents in change.repoint.items()
        }
        self._dropped = {k: kept for change in graph_changes for k, kept in change.dropped.items()}
        # who depends on a dropped node depends on the one that stands for it
        stand_ins = {k: self._names.get(kept, kept.name) for k, kept in self._dropped.items()}
        self._shown_names = {**self._names, **stand_ins}
        self._changes: dict[str, Change] = {}
        self._renamed: dict[str, str] = {}
        self._created: list[str] = []
        self._leaves: dict[str, str] = {}
        self._causes: dict[str, frozenset[str]] = {}

    def files(self) -> Files:
        """All that was collected."""
        nodes, changes = self._snapshot.graph.nodes, self._changes
        paths = {key: nodes[key].path for key in self._dropped}
        removed = {k: p for k, p in paths.items() if p in changes and changes[p].data is None}
        created = tuple(self._created)
        return Files(changes, self._renamed, created, self._leaves, self._causes, removed)

    def change_migration(self, migration: Migration) -> Refusal | None:
        """The new bytes and the new path of one that is there; nothing where both stay."""
        key, path = migration.key, migration.path
        collided, restored = self._is_collided(key), path in self._snapshot.restored
        if key in self._dropped:
            # of two versions the other one has the path
            return None if collided else self._remove(migration)

        edit, causes = self._edit(migration)
        new_path = self._path_of(key)
        is_written = (collided or restored) and key.app in self._by_app
        if edit is None and new_path == path and not is_written:
            return None

        as_it_was = restored and edit is None and new_path == path
        refusal = None if collided or as_it_was else self._why_not(migration, causes or {key.app})
        if refusal:
            return refusal

        source = source_of(self._snapshot, key)
        written = rewrite(source, edit) if edit else source
        if isinstance(written, Unrewritable):
            place = f"{path}:{written.line}" if written.line else path
            return _refusal(causes, f"{place}: {written.reason}", path)

        self._changes[new_path] = Change(written, collided or restored, path)
        self._causes[new_path] = frozenset(causes | {key.app} & set(self._by_app))
        if restored:
            self._created.append(new_path)
        if new_path != path:
            self._renamed[path] = new_path
            if not (collided or restored):
                self._changes.setdefault(path, Change(None))

        return None

    def _remove(self, migration: Migration) -> Refusal | None:
        app = migration.key.app
        refusal = self._why_not(migration, {app})
        if refusal is None:
            self._changes[migration.path] = Change(None)
            self._causes[migration.path] = frozenset({app})
        return refusal

    def _edit(self, migration: Migration) -> tuple[Edit | None, set[str]]:
        """What changes in the text of `migration`, and the apps that are the cause."""
        key, header = migration.key, migration.header
        change = self._by_app.get(key.app)
        new_names, causes = self._new_references(migration)
        reused = self._snapshot.reused.get(key)
        if reused and change and key in change.names:
            new_names["replaces"][reused.label, reused.name] = key.name

        added_dependency = None
        if key in self._repoint:
            app, (old, parent) = self._repoint[key]
            causes.add(app)
            entries = self._entries_of(migration, old)
            for entry in entries:
                new_names["dependencies"][entry] = parent

            if not entries:
                added_dependency = (self._snapshot.apps[app].label, parent)

        renamed = {
            attribute: {entry: name for entry, name in names.items() if entry[1] != name}
            for attribute, names in new_names.items()
        }
        replaces = None
        if change and change.carry and key in change.names and not (header.replaces or reused):
            replaces = (migration.label, key.name)
        without_replaces = change is not None and key in change.without_replaces
        if without_replaces:
            causes.add(key.app)
        if any(renamed.values()) or added_dependency or replaces or without_replaces:
            return Edit(renamed, added_dependency, replaces, without_replaces), causes
        return None, causes

    def _new_references(
        self, migration: Migration
    ) -> tuple[dict[str, dict[tuple[str, str], str]], set[str]]:
        """For each attribute, entry -> new name of the node that it names; and the apps of these
        nodes."""
        snapshot = self._snapshot
        names: dict[str, dict[tuple[str, str], str]] = {name: {} for name in GRAPH_ATTRIBUTES}
        apps: set[str] = set()
        for attribute in GRAPH_ATTRIBUTES:
            for reference in getattr(migration.header, attribute):
                node = snapshot.resolve(migration, reference)
                if node is None:
                    continue

                by_old_name = node in snapshot.renamed.values() and node.app in self._by_app
                if node in self._shown_names or by_old_name:
                    name = self._shown_names.get(node, node.name)
                    names[attribute][reference.label, reference.name] = name
                    apps.add(node.app)

        return names, apps

    def _entries_of(self, migration: Migration, node: NodeKey | None) -> list[tuple[str, str]]:
        """The literal entry by which `migration` depends on `node`, also through a squash."""
        snapshot = self._snapshot
        entries = []
        for reference in migration.header.dependencies:
            parent = snapshot.resolve(migration, reference)
            standing = snapshot.graph.replaced_by.get(parent, parent) if parent else None
            if node is not None and standing == node:
                entries.append((reference.label, reference.name))
        return entries[-1:]

    def _why_not(self, migration: Migration, causes: Collection[str]) -> Refusal | None:
        """Published files, broken ones, links, and dependencies that are computed."""
        path, header = migration.path, migration.header
        if path in self._restrictions.published:
            reason = f"{path} is published and would have to be edited"
            refusal = _refusal(causes, reason, path, "published")
            change = self._by_app.get(refusal.app)
            if change and change.strategy == "repoint":
                # there are no sides to merge: a file is missing, and check says where it is
                return refusal._replace(next=("migmerge check",))
            return refusal
        if header.error:
            return _refusal(causes, f"{path} does not parse: {header.error.message}", path)

        file = self._snapshot.listing.files.get(path)
        if file and file.mode == SYMLINK:
            refusal = _refusal(causes, f"{path} is a symbolic link", path)
            return refusal._replace(next=(_copy_of_link(path), *refusal.next[1:]))
        if header.opaque:
            line, text = header.opaque[0]
            return _refusal(causes, f"{path}:{line}: dependencies are computed: {text}", path)
        return None

    def _is_collided(self, key: NodeKey) -> bool:
        return self._snapshot.graph.nodes[key].path in self._snapshot.theirs

    def _path_of(self, key: NodeKey) -> str:
        return self._snapshot.apps[key.app].path_of(self._names.get(key, key.name))

    def add_new_files(self, change: GraphChange, texts: Texts) -> None:
        """The merge migration, the catch-up migration, what was regenerated, the last one."""
        label = self._snapshot.apps[change.app].label
        self._leaves[change.app] = change.leaf
        if change.merge:
            name = merge_name(change.merge, change.names.values())
            source = texts.merges.get(change.app) or merge_source(label, change.merge)
            self._leaves[change.app] = name
            self._create(change.app, name, source)

        if change.catch_up:
            behind, before, name = change.catch_up
            names = {key.name: name for key, name in change.names.items()}
            self._create(change.app, name, catch_up_source(label, behind, before, names))

        for name, source in texts.regenerated.get(change.app, {}).items():
            self._create(change.app, name, source)
        if change.final:
            self._leaves[change.app] = change.final.name
            self._create(change.app, change.final.name, change.final.source)

    def _create(self, app: str, name: str, source: bytes) -> None:
        path = self._snapshot.apps[app].path_of(name)
        self._changes[path] = Change(source)
        self._created.append(path)
        self._causes[path] = frozenset({app})

    def change_lock_files(self) -> None:
        """Lock files that speak of a changed app, or were found stale."""
        snapshot, leaves = self._snapshot, self._leaves
        for path in self._restrictions.stale_locks:
            if path not in snapshot.contents:
                self._create_lock_file(path)

        for lock in snapshot.lock_files:
            apps = locked_apps(lock, snapshot.apps.values())
            fixed = frozenset(app.key for app in apps if app.key in leaves)
            if not fixed and lock.path not in self._restrictions.stale_locks:
                continue

            data = _lock_data(snapshot, lock, apps, leaves)
            if data is not None and data != snapshot.contents[lock.path]:
                self._changes[lock.path] = Change(data)
                self._causes[lock.path] = fixed

    def _create_lock_file(self, path: str) -> None:
        (app,) = [a for a in self._snapshot.apps.values() if path.rpartition("/")[0] == a.directory]
        (leaf,) = self._snapshot.graph.leaves(app.key)
        data = write_lock_file(path, b"", {app.label: self._leaves.get(app.key, leaf.name)})
        self._changes[path] = Change(data)
        self._created.append(path)
        self._causes[path] = frozenset({app.key})


def _copy_of_link(path: str) -> str:
    """What puts a copy of the file in the place of a link to it."""
    link, copy = shlex.quote(path), shlex.quote(f"{path}.copy")
    return f"cp -L -- {link} {copy} && mv -- {copy} {link} && git add -- {link}"


def _refusal(causes: Collection[str], reason: str, path: str, kind: str = "unwritable") -> Refusal:
    app = min(causes)
    merge = fix_command(app, "merge")
    commands = (merge,) if kind == "published" else (f"$EDITOR {shlex.quote(path)}", merge)
    return Refusal(app, kind, (reason,), commands)


def _lock_data(
    snapshot: Snapshot, lock: LockFile, apps: Sequence[App], leaves: Mapping[str, str]
) -> bytes | None:
    names: dict[str, str] = {}
    for app in apps:
        leaf_nodes = snapshot.graph.leaves(app.key)
        if app.key in leaves:
            names[app.label] = leaves[app.key]
        elif len(leaf_nodes) == 1:
            names[app.label] = leaf_nodes[0].name
        elif lock.conflicted:
            return None  # another app in it is still undecided: leave the markers

    foreign = [entry.label for entry in lock.entries if entry.label and entry.label not in names]
    if len(foreign) > len(set(foreign)):
        return None  # an app that is not in this repository

    data = write_lock_file(lock.path, snapshot.contents[lock.path], names)
    written = {e.label or e.name: e.name for e in read_lock_file(lock.path, data).entries}
    wanted = {(label if label in written else name): name for label, name in names.items()}
    return data if wanted.items() <= written.items() else None

"""From moves to the bytes of every file; nothing is written here."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping
from typing import NamedTuple

from migmerge.analysis.compare import source_of
from migmerge.analysis.snapshot import Snapshot
from migmerge.conflicts.detect import locked_apps
from migmerge.conflicts.next_commands import fix_command
from migmerge.git.trees import SYMLINK
from migmerge.migrations.catch_up import catch_up_source
from migmerge.migrations.lockfiles import LockFile, read_lock_file, write_lock_file
from migmerge.migrations.model import App, Migration, NodeKey
from migmerge.migrations.naming import merge_name
from migmerge.migrations.reader import GRAPH_ATTRIBUTES
from migmerge.migrations.rewrite import Edit, Unrewritable, rewrite
from migmerge.migrations.structural_merge import merge_source
from migmerge.resolve.fix_plan import CatchUp, Change, GraphChange, Refusal


class Files(NamedTuple):
    """The files of one fix. `renamed` is old path -> new path, `leaves` app key -> new leaf,
    `removed` the path that goes of each node that is dropped.

    `blame` tells which apps' moves made a path change.
    """

    changes: Mapping[str, Change]
    renamed: Mapping[str, str]
    created: tuple[str, ...]
    leaves: Mapping[str, str]
    blame: Mapping[str, frozenset[str]]
    removed: Mapping[NodeKey, str] = {}


class Texts(NamedTuple):
    """What the project's Django wrote, by app key: merge migrations, where it could be asked, and
    the migrations of a side that is regenerated, by name and in order."""

    merges: Mapping[str, bytes] = {}
    remade: Mapping[str, Mapping[str, bytes]] = {}


def reserved_names(snapshot: Snapshot, app: App) -> set[str]:
    """Names that a migration of the app can't be given: files there, and `replaces` entries."""
    prefix = app.directory + "/"
    files = {p[len(prefix) : -3] for p in snapshot.listing.files if p.startswith(prefix)}
    reserved = {key.name for key in snapshot.graph.replaced_by if key.app == app.key}
    return reserved | {name for name in files if "/" not in name}


def plan_files(
    snapshot: Snapshot,
    moves: Collection[GraphChange],
    published: Collection[str],
    texts: Texts,
    stale_locks: Collection[str] = (),
) -> Files | Refusal:
    """Every file that the moves of all apps together change.

    `published` are paths that must not be edited. A Refusal names the app whose move can't be
    written.
    """
    names = {key: name for move in moves for key, name in move.names.items()}
    dropped = {key: kept for move in moves for key, kept in move.dropped.items()}
    named = {**names, **{key: names.get(kept, kept.name) for key, kept in dropped.items()}}
    apps = {move.app: move for move in moves}
    changes: dict[str, Change] = {}
    renamed: dict[str, str] = {}
    blame: dict[str, frozenset[str]] = {}
    for migration in snapshot.graph.nodes.values():
        key = migration.key
        if key in dropped:
            if _is_collided(snapshot, key):
                continue  # the other version has the path
            refusal = _refuse(snapshot, migration, published, names, {key.app})
            if refusal:
                return refusal
            changes[migration.path] = Change(None)
            blame[migration.path] = frozenset({key.app})
            continue
        edit, because = _edit(snapshot, migration, named, apps)
        new_path = _path_of(snapshot, key, names)
        if edit is None and new_path == migration.path:
            if not (_is_collided(snapshot, key) and key.app in apps):
                continue
        change = _change(snapshot, migration, edit, published, names, because)
        if isinstance(change, Refusal):
            return change
        changes[new_path] = change
        if new_path != migration.path:
            renamed[migration.path] = new_path
            if not change.stored:
                changes.setdefault(migration.path, Change(None))
        blame[new_path] = frozenset(because | {key.app} & set(apps))
    created, leaves = _merges(snapshot, moves, texts.merges, changes, blame)
    for app, move in apps.items():
        if not move.merge:
            leaves[app] = move.leaf
        if move.catch_up:
            _add_catch_up(snapshot, move, move.catch_up, changes, created, blame)
        for name, source in texts.remade.get(app, {}).items():
            path = _path_of(snapshot, NodeKey(app, name), {})
            changes[path] = Change(source)
            created.append(path)
            blame[path] = frozenset((app,))
    _locks(snapshot, leaves, stale_locks, changes, blame)
    removed = {key: snapshot.graph.nodes[key].path for key in dropped}
    removed = {k: p for k, p in removed.items() if p in changes and changes[p].data is None}
    return Files(changes, renamed, tuple(created), leaves, blame, removed)


def _change(
    snapshot: Snapshot,
    migration: Migration,
    edit: Edit | None,
    published: Collection[str],
    names: Mapping[NodeKey, str],
    because: set[str],
) -> Change | Refusal:
    """The migration's new bytes."""
    refusal = _refuse(snapshot, migration, published, names, because)
    if refusal:
        return refusal
    data = source_of(snapshot, migration.key)
    written = rewrite(data, edit) if edit else data
    if isinstance(written, Unrewritable):
        place = f"{migration.path}:{written.line}" if written.line else migration.path
        return _refusal(because, f"{place}: {written.reason}", migration.path)
    return Change(written, _is_collided(snapshot, migration.key), migration.path)


def _edit(
    snapshot: Snapshot,
    migration: Migration,
    names: Mapping[NodeKey, str],
    apps: Mapping[str, GraphChange],
) -> tuple[Edit | None, set[str]]:
    """What changes in the text of `migration`, and the apps whose moves ask for it."""
    header = migration.header
    new: dict[str, dict[tuple[str, str], str]] = {attribute: {} for attribute in GRAPH_ATTRIBUTES}
    because: set[str] = set()
    for attribute in GRAPH_ATTRIBUTES:
        for reference in getattr(header, attribute):
            other = snapshot.resolve(migration, reference)
            meant = other in snapshot.renamed.values()
            if other is not None and (other in names or (meant and other.app in apps)):
                new[attribute][reference.label, reference.name] = names.get(other, other.name)
                because.add(other.app)
    move = apps.get(migration.key.app)
    reused = snapshot.reused.get(migration.key)
    if reused and move and migration.key in move.names:
        new["replaces"][reused.label, reused.name] = migration.key.name
    add = None
    if move and migration.key in move.repoint:
        old, tail = move.repoint[migration.key]
        because.add(migration.key.app)
        pairs = _pairs(snapshot, migration, old)
        for pair in pairs:
            new["dependencies"][pair] = tail
        if not pairs:
            add = (migration.label, tail)
    same = {
        attribute: {p: n for p, n in own.items() if p[1] != n} for attribute, own in new.items()
    }
    replaces = None
    if move and move.carry and migration.key in move.names and not (header.replaces or reused):
        replaces = (migration.label, migration.key.name)
    bare = move is not None and migration.key in move.without_replaces
    if bare:
        because.add(migration.key.app)
    needed = any(same.values()) or add or replaces or bare
    return (Edit(same, add, replaces, bare) if needed else None), because


def _pairs(snapshot: Snapshot, migration: Migration, old: NodeKey | None) -> list[tuple[str, str]]:
    """The literal entries by which `migration` names `old`, also through a squash."""
    found = []
    for reference in migration.header.dependencies:
        other = snapshot.resolve(migration, reference)
        standing = snapshot.graph.replaced_by.get(other, other) if other else None
        if old is not None and standing == old:
            found.append((reference.label, reference.name))
    return found[-1:]


def _refuse(
    snapshot: Snapshot,
    migration: Migration,
    published: Collection[str],
    names: Mapping[NodeKey, str],
    because: set[str],
) -> Refusal | None:
    """Published files, broken ones, links, and dependencies that are computed."""
    path = migration.path
    apps = because or {migration.key.app}
    if _is_collided(snapshot, migration.key):
        return None
    if path in published:
        return _refusal(apps, f"{path} is published and would have to be edited", path, "published")
    if migration.header.error:
        return _refusal(apps, f"{path} does not parse: {migration.header.error.message}", path)
    file = snapshot.listing.files.get(path)
    if file and file.mode == SYMLINK:
        return _refusal(apps, f"{path} is a symbolic link", path)
    if migration.header.opaque:
        opaque = migration.header.opaque[0]
        return _refusal(
            apps, f"{path}:{opaque.line}: dependencies are computed: {opaque.text}", path
        )
    return None


def _refusal(apps: Collection[str], reason: str, path: str, kind: str = "unwritable") -> Refusal:
    edit = f"$EDITOR {shlex.quote(path)}"
    app = min(apps)
    merge = fix_command(app, "merge")
    return Refusal(app, kind, (reason,), (merge,) if kind == "published" else (edit, merge))


def _is_collided(snapshot: Snapshot, key: NodeKey) -> bool:
    return snapshot.graph.nodes[key].path in snapshot.theirs


def _path_of(snapshot: Snapshot, key: NodeKey, names: Mapping[NodeKey, str]) -> str:
    directory = snapshot.apps[key.app].directory
    name = names.get(key, key.name)
    return f"{directory}/{name}.py" if directory else f"{name}.py"


def _merges(
    snapshot: Snapshot,
    moves: Collection[GraphChange],
    merges: Mapping[str, bytes],
    changes: dict[str, Change],
    blame: dict[str, frozenset[str]],
) -> tuple[list[str], dict[str, str]]:
    created: list[str] = []
    leaves: dict[str, str] = {}
    for move in moves:
        if not move.merge:
            continue
        app = snapshot.apps[move.app]
        leaves[move.app] = merge_name(move.merge, move.names.values())
        path = _path_of(snapshot, NodeKey(move.app, leaves[move.app]), {})
        source = merges.get(move.app) or merge_source(app.label, move.merge)
        changes[path] = Change(source)
        created.append(path)
        blame[path] = frozenset((move.app,))
    return created, leaves


def _add_catch_up(
    snapshot: Snapshot,
    move: GraphChange,
    catch_up: CatchUp,
    changes: dict[str, Change],
    created: list[str],
    blame: dict[str, frozenset[str]],
) -> None:
    label = snapshot.apps[move.app].label
    path = _path_of(snapshot, NodeKey(move.app, catch_up.name), {})
    names = {key.name: name for key, name in move.names.items()}
    source = catch_up_source(label, catch_up.behind, catch_up.before, names)
    changes[path] = Change(source)
    created.append(path)
    blame[path] = frozenset((move.app,))


def _locks(
    snapshot: Snapshot,
    leaves: Mapping[str, str],
    stale: Collection[str],
    changes: dict[str, Change],
    blame: dict[str, frozenset[str]],
) -> None:
    """Lock files that speak of a changed app, or were found stale."""
    for lock in snapshot.lock_files:
        spoken = locked_apps(lock, snapshot.apps.values())
        fixed = frozenset(app.key for app in spoken if app.key in leaves)
        if not fixed and lock.path not in stale:
            continue
        data = _lock_data(snapshot, lock, spoken, leaves)
        if data is not None and data != snapshot.contents[lock.path]:
            changes[lock.path] = Change(data)
            blame[lock.path] = fixed


def _lock_data(
    snapshot: Snapshot, lock: LockFile, apps: list[App], leaves: Mapping[str, str]
) -> bytes | None:
    names: dict[str, str] = {}
    for app in apps:
        own = snapshot.graph.leaves(app.key)
        if app.key in leaves:
            names[app.label] = leaves[app.key]
        elif len(own) == 1:
            names[app.label] = own[0].name
        elif lock.conflicted:
            return None  # another app in it is still undecided: leave the markers
    foreign = [entry.label for entry in lock.entries if entry.label and entry.label not in names]
    if len(foreign) > len(set(foreign)):
        return None  # an app that is not in this repository
    data = write_lock_file(lock.path, snapshot.contents[lock.path], names)
    told = {e.label or e.name: e.name for e in read_lock_file(lock.path, data).entries}
    wanted = {(label if label in told else name): name for label, name in names.items()}
    return data if wanted.items() <= told.items() else None

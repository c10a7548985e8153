"""What stands for a migration that was removed on purpose: a squash, or a history that was started
again."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import NamedTuple

from migmerge.analysis.compare import source_of
from migmerge.analysis.lost_files import find_removal
from migmerge.analysis.snapshot import Snapshot, Tree, understand
from migmerge.analysis.workspace import Workspace
from migmerge.migrations.model import App, NodeKey
from migmerge.migrations.naming import migration_name
from migmerge.migrations.operations import fingerprint

_MOST_STARTS = 20


class Successor(NamedTuple):
    """The node that stands for a removed one, the paths of its app's files when it was made, and
    whether it is a squash."""

    node: NodeKey
    known_paths: frozenset[str]
    squash: bool


def find_successor(workspace: Workspace, snapshot: Snapshot, key: NodeKey) -> Successor | None:
    """The squash that named `key` in `replaces`, whatever it says now; else the leaf node of the
    history that was started again by the commit that removed `key`.

    A history was started again where the root went, or became another one, in that commit. It may
    have been so more than once.
    """
    app = snapshot.apps.get(key.app)
    if app is None:
        return None

    path, known_paths = app.path_of(key.name), set[str]()
    for _ in range(_MOST_STARTS):
        removal = find_removal(workspace, path)
        if removal is None:
            return None
        before, after = (
            _read(workspace, commit, app) for commit in (removal.before, removal.commit)
        )
        known_paths |= {m.path for read in (before, after) for m in read.graph.nodes.values()}
        squash = _attached(snapshot, _squashes_of((before, after), app.label, path))
        if squash:
            return Successor(squash, frozenset(known_paths), squash=True)
        if not _starts_again(before, after, path):
            return None

        made = _leaf_paths(after, app)
        leaf = _attached(snapshot, made) if made else _attached_leaf(snapshot, key.app)
        if leaf:
            return Successor(leaf, frozenset(known_paths), squash=False)
        if len(made) != 1:
            return None
        (path,) = made  # it is gone as well

    return None


def _read(workspace: Workspace, commit: str, app: App) -> Snapshot:
    """The app's migrations in a commit."""
    return understand(
        workspace, Tree("commit", workspace.list_commit(commit)), within=(app.directory,)
    )


def _squashes_of(history: tuple[Snapshot, ...], label: str, path: str) -> set[str]:
    """The paths of what named the migration at `path` in `replaces`."""
    name = migration_name(path)
    return {
        migration.path
        for read in history
        for migration in read.graph.nodes.values()
        for old in migration.header.replaces
        if (old.label, old.name) == (label, name)
    }


def _starts_again(before: Snapshot, after: Snapshot, path: str) -> bool:
    """Whether the root below the file at `path` is another one, or none, afterwards."""
    nodes = before.graph.nodes
    old = next((key for key in before.graph.parents if nodes[key].path == path), None)
    if old is None:
        return False
    line = [key for key in before.graph.ancestors(old) if key.app == old.app]
    roots = [key for key in line if before.graph.parents[key].isdisjoint(line)]
    now = {node.path: key for key, node in after.graph.nodes.items()}
    for root in roots:
        there = now.get(nodes[root].path)
        if there and _is_same(source_of(before, root), source_of(after, there)):
            return False
    return bool(roots)


def _is_same(old: bytes, new: bytes) -> bool:
    return old == new or fingerprint(old) == fingerprint(new) != ""


def _leaf_paths(read: Snapshot, app: App) -> set[str]:
    """The files of the app's leaf nodes, without those that hang on a missing migration."""
    strays = _strays(read)
    leaves = [leaf for leaves in read.graph.all_leaves().values() for leaf in leaves]
    paths = {read.graph.nodes[leaf].path for leaf in leaves if leaf not in strays}
    return {path for path in paths if os.path.dirname(path) == app.directory}


def _strays(read: Snapshot) -> set[NodeKey]:
    """What hangs on a missing migration: it stands for nothing."""
    return read.graph.descendants_of(one.migration.key for one in read.graph.missing)


def _attached(snapshot: Snapshot, paths: Collection[str]) -> NodeKey | None:
    """The node at one of the paths, where there is one."""
    graph, strays = snapshot.graph, _strays(snapshot)
    keys = [key for key in graph.parents if graph.nodes[key].path in paths and key not in strays]
    return keys[0] if len(keys) == 1 else None


def _attached_leaf(snapshot: Snapshot, app: str) -> NodeKey | None:
    """The app's leaf node, where there is one."""
    strays = _strays(snapshot)
    leaves = [leaf for leaf in snapshot.graph.leaves(app) if leaf not in strays]
    return leaves[0] if len(leaves) == 1 else None

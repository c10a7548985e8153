"""What stands for a migration that was removed on purpose: a squash, or a history that was started
again."""

from __future__ import annotations

import os
from typing import NamedTuple

from migmerge.analysis.compare import source_of
from migmerge.analysis.lost_files import find_removal
from migmerge.analysis.snapshot import Snapshot, Tree, understand
from migmerge.analysis.workspace import Workspace
from migmerge.migrations.model import App, NodeKey
from migmerge.migrations.operations import fingerprint


class Successor(NamedTuple):
    """The node that stands for a removed one, the paths of its app's files when it was made, and
    whether it is a squash."""

    node: NodeKey
    known_paths: frozenset[str]
    squash: bool


def find_successor(workspace: Workspace, snapshot: Snapshot, key: NodeKey) -> Successor | None:
    """The squash that named `key` in `replaces`, whatever it says now; else the leaf node of the
    history that was started again by the commit that removed `key`.

    A history was started again where the root went, or became another one, in that commit.
    """
    app = snapshot.apps.get(key.app)
    removal = find_removal(workspace, app.path_of(key.name)) if app else None
    if app is None or removal is None:
        return None

    before, after = (_read(workspace, commit, app) for commit in (removal.before, removal.commit))
    node = squash = _squash_of(snapshot, (before, after), key)
    if node is None and _starts_again(before, after, app.path_of(key.name)):
        node = _leaf(snapshot, after, key)
    if node is None:
        return None
    paths = {m.path for read in (before, after) for m in read.graph.nodes.values()}
    return Successor(node, frozenset(paths), squash is not None)


def _read(workspace: Workspace, commit: str, app: App) -> Snapshot:
    """The app's migrations in a commit."""
    return understand(
        workspace, Tree("commit", workspace.list_commit(commit)), within=(app.directory,)
    )


def _squash_of(snapshot: Snapshot, history: tuple[Snapshot, ...], key: NodeKey) -> NodeKey | None:
    label = snapshot.apps[key.app].label
    paths = {
        migration.path
        for read in history
        for migration in read.graph.nodes.values()
        for old in migration.header.replaces
        if (old.label, old.name) == (label, key.name)
    }
    nodes = snapshot.graph.nodes
    alive = [node for node in snapshot.graph.app_nodes(key.app) if nodes[node].path in paths]
    return alive[0] if len(alive) == 1 else None


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


def _leaf(snapshot: Snapshot, after: Snapshot, key: NodeKey) -> NodeKey | None:
    """The leaf node of the new history as it was made; where the same commit made none, as it is
    now, without what depends on the removed one."""
    graph = snapshot.graph
    directory = snapshot.apps[key.app].directory
    made = {
        path
        for leaves in after.graph.all_leaves().values()
        for leaf in leaves
        if os.path.dirname(path := after.graph.nodes[leaf].path) == directory
    }
    leaves = [node for node in graph.app_nodes(key.app) if graph.nodes[node].path in made]
    if not made:
        strays = {one.migration.key for one in graph.missing if one.key == key}
        depending = graph.descendants_of(strays)
        leaves = [leaf for leaf in graph.leaves(key.app) if leaf not in depending]
    return leaves[0] if len(leaves) == 1 else None

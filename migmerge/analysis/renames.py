"""What became of a migration that others still depend on: found by its content in history."""

from __future__ import annotations

import os

from migmerge.analysis.both_sides import left_behind
from migmerge.analysis.compare import source_of
from migmerge.analysis.lost_files import is_on_base
from migmerge.analysis.snapshot import Renames, Snapshot
from migmerge.analysis.successors import find_successor
from migmerge.analysis.workspace import Workspace
from migmerge.conflicts.conflict import Branch, Conflict
from migmerge.git.trees import read_blobs
from migmerge.migrations.created import created_again
from migmerge.migrations.model import NodeKey
from migmerge.migrations.operations import fingerprint, read_script


def find_renames(workspace: Workspace, snapshot: Snapshot) -> Renames:
    """Missing migrations, each with the one that has its content now, under another name, or that
    stands for it.

    One side renumbered what the other builds on, or a rebase that goes commit by commit did; or the
    history was squashed or started again below it.
    """
    gone = {}
    known_paths: set[str] = set()
    squashes: set[NodeKey] = set()
    for key in sorted({missing.key for missing in snapshot.graph.missing}):
        app = snapshot.apps.get(key.app)
        if app and is_on_base(workspace, app.path_of(key.name)):
            continue
        commit, old = "", b""
        if key.app in snapshot.apps:
            commit, old = _old_content(workspace, snapshot, key)
        same = _same_content(snapshot, key, old)
        if len(same) == 1:
            gone[key] = same[0]
            known_paths |= workspace.list_commit(commit).files.keys()
            continue

        successor = find_successor(workspace, snapshot, key)
        if successor:
            gone[key] = successor.node
            known_paths |= successor.known_paths
            squashes |= {successor.node} if successor.squash else set()

    return Renames(gone, known_paths=frozenset(known_paths), squashes=frozenset(squashes))


def find_taken(workspace: Workspace, snapshot: Snapshot, base: str) -> Renames:
    """In a rebase or after it, migrations that got another name since theirs is upstream's.

    The commits that followed still name them by the old one. `base` is the base branch's commit.
    """
    before, onto = _rebased(workspace)
    if not before:
        before, onto = left_behind(workspace), base
    if not before or not onto:
        return Renames()

    old, upstream = workspace.list_commit(before).files, workspace.list_commit(onto).files
    taken = {}
    for key, migration in snapshot.graph.nodes.items():
        path = migration.path
        if path in snapshot.theirs or path not in old or path not in upstream:
            continue
        if old[path].oid == upstream[path].oid:
            continue

        same = _same_content(
            snapshot, key, read_blobs(workspace.repository, {old[path].oid})[old[path].oid]
        )
        if len(same) == 1 and same[0] != key:
            taken[key] = same[0]

    return Renames({}, taken, frozenset(old.keys() - upstream.keys()), frozenset(old))


def unseen_dependents(snapshot: Snapshot, app: str) -> Conflict:
    """What builds on a renamed migration of an app, against what has come in below it since.

    Whoever wrote the one had never seen the other: two sides in one line.
    """
    graph, renames = snapshot.graph, snapshot.renames
    above, below = _around_renamed(snapshot, app)
    old = {key for key in snapshot.renamed.values() if key.app == app}
    fresh = [
        key
        for key in above
        if key not in old
        and (graph.nodes[key].path not in renames.known_paths or key in renames.taken)
    ]
    branches = [Branch(tuple(keys)) for keys in (fresh, below) if keys]
    return Conflict(snapshot.apps[app], "siblings", None, tuple(branches))


def created_again_below(snapshot: Snapshot, app: str) -> list[str]:
    """What migrations that build on a renamed one, or on what stands for it, create although what
    is above them has created it: a new history may hold it already."""
    nodes = snapshot.graph.nodes
    earlier, later = (
        [read_script(source_of(snapshot, key), nodes[key].label, key.name) for key in line]
        for line in _around_renamed(snapshot, app)
    )
    return created_again(earlier, later)


def _around_renamed(snapshot: Snapshot, app: str) -> tuple[list[NodeKey], list[NodeKey]]:
    """The app's renamed migrations with what is before them, and what builds on them; in order."""
    graph = snapshot.graph
    renamed = {key for key in snapshot.renamed.values() if key.app == app}
    lines = (graph.ancestors_of(renamed), graph.descendants_of(renamed) - renamed)
    above, below = (graph.in_order(key for key in line if key.app == app) for line in lines)
    return above, below


def _rebased(workspace: Workspace) -> tuple[str, str]:
    """The tip of the branch that is being rebased, and the commit that it goes onto."""
    commits = []
    for name in ("orig-head", "onto"):
        try:
            with open(workspace.repository.git_path(os.path.join("rebase-merge", name))) as handle:
                commits.append(workspace.find_commit(handle.read().strip()) or "")
        except OSError:
            return "", ""
    return commits[0], commits[1]


def _same_content(snapshot: Snapshot, key: NodeKey, old: bytes) -> list[NodeKey]:
    mark = fingerprint(old) if old else ""
    nodes = snapshot.graph.app_nodes(key.app) if mark else []
    return [node for node in nodes if fingerprint(source_of(snapshot, node)) == mark]


def _old_content(workspace: Workspace, snapshot: Snapshot, key: NodeKey) -> tuple[str, bytes]:
    """A commit that has the migration under this name, and its bytes there."""
    path = snapshot.apps[key.app].path_of(key.name)
    for commit in (*snapshot.listing.commits, *_tips(workspace), *_removal(workspace, path)):
        out = workspace.repository.git("rev-parse", "--verify", "--quiet", "--end-of-options",
                             f"{commit}:{path}", expected=(0, 1, 128))  # fmt: skip
        oid = out.decode().strip()
        if oid:
            return commit, read_blobs(workspace.repository, {oid})[oid]
    return "", b""


def _tips(workspace: Workspace) -> list[str]:
    """Commits of the other side, and of the branch as it was before a rebase."""
    stopped = workspace.stopped
    tips = [stopped.theirs] if stopped else []
    tips.append(_rebased(workspace)[0])
    tips += [
        workspace.find_commit(name) or "" for name in ("HEAD", "HEAD^2", "HEAD^1", "ORIG_HEAD")
    ]
    return [commit for commit in tips if commit]


def _removal(workspace: Workspace, path: str) -> list[str]:
    """The parent of the last commit that took the path away."""
    out = workspace.repository.git(
        "log", "-1", "-m", "--no-renames", "--diff-filter=D", "--format=%H", "HEAD", "--", path,
        expected=(0, 128),
    )  # fmt: skip
    lines = out.decode().split()
    parent = workspace.find_commit(f"{lines[0]}^1") if lines else None
    return [parent] if parent else []

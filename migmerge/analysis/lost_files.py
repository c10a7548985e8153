"""Where a migration is that others depend on and that this tree lacks: removed, or on a branch."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import NamedTuple

from migmerge.analysis.snapshot import Snapshot, Tree, understand
from migmerge.analysis.workspace import Workspace
from migmerge.git.trees import read_blobs
from migmerge.migrations.model import Header, Migration, NodeKey
from migmerge.migrations.reader import read_header


class LostFile(NamedTuple):
    """A commit that has the file, and why this tree has it not."""

    path: str
    commit: str
    why: str


class Removal(NamedTuple):
    """A commit that removed a file, its first parent, and what it is called."""

    commit: str
    before: str
    what: str


def with_lost_files(
    workspace: Workspace, snapshot: Snapshot, missing: Collection[NodeKey]
) -> Snapshot:
    """The snapshot with the files of the `missing` nodes, and with those that these depend on in
    turn, as git has them; without the ones that git has not."""
    reasons: dict[str, str] = {}
    contents: dict[str, bytes] = {}
    waiting = sorted(missing)
    while waiting:
        key = waiting.pop()
        lost = find_lost_file(workspace, snapshot, key)
        if lost is None or lost.path in contents:
            continue
        contents[lost.path], reasons[lost.path] = _read(workspace, lost), lost.why
        header = read_header(contents[lost.path]) or Header()
        migration = Migration(key, snapshot.apps[key.app].label, lost.path, header)
        parents = (snapshot.resolve(migration, reference) for reference in header.dependencies)
        waiting += [parent for parent in parents if parent and parent not in snapshot.graph.nodes]

    completed = understand(workspace, Tree(snapshot.source, snapshot.listing, contents))
    return completed._replace(restored=reasons)


def find_lost_file(workspace: Workspace, snapshot: Snapshot, key: NodeKey) -> LostFile | None:
    """The file of a node as the base branch has it, else as it was before it was removed, else as
    another branch has it.

    None where it was never there as a regular file, and where other files came as it went: it may
    have been renamed and edited, or somebody started again, and then it is not what the others
    need.
    """
    app = snapshot.apps.get(key.app)
    if app is None or "/" in key.name:  # a dependency is any text, and this is no file name
        return None
    lost = _find(workspace, app.path_of(key.name))
    file = workspace.list_commit(lost.commit).files.get(lost.path) if lost else None
    return lost if file and file.is_regular else None


def _read(workspace: Workspace, lost: LostFile) -> bytes:
    oid = workspace.list_commit(lost.commit).files[lost.path].oid
    return read_blobs(workspace.repository, {oid})[oid]


def _find(workspace: Workspace, path: str) -> LostFile | None:
    if is_on_base(workspace, path):
        assert workspace.base
        name, commit = workspace.base
        return LostFile(path, commit, f"it is on {name}, and was removed on this branch")
    removal = find_removal(workspace, path)
    if removal:
        if _adds_others(workspace, path, removal.before, removal.commit):
            return None
        return LostFile(path, removal.before, f"it was removed by {removal.what}")

    addition = _last(workspace, path, "--diff-filter=A", "--all")
    if addition is None:
        return None
    commit, what = addition
    return LostFile(path, commit, f"it was added by {what}, which is not in this tree")


def revert_removal(workspace: Workspace, path: str) -> tuple[str, ...]:
    """The command that takes back the commit of this branch, or of what is merged into it, that
    removed the file, with all else that it changed; none where there is no such commit, or only a
    merge commit.

    With --no-commit it also works in a stopped merge: git-revert(1).
    """
    stopped = workspace.stopped
    merged = (stopped.theirs,) if stopped and stopped.operation == "merge" else ()
    removal = _last(workspace, path, "--diff-filter=D", "HEAD", *merged)
    return (f"git revert --no-commit {removal[0][:12]}",) if removal else ()


def is_on_base(workspace: Workspace, path: str) -> bool:
    """Whether the base branch has the file: then it is never another one that is meant."""
    base = workspace.base
    return base is not None and path in workspace.list_commit(base.commit).files


def find_removal(workspace: Workspace, path: str) -> Removal | None:
    """The last commit that removed the path: of this branch, of what was merged, or of any."""
    found = (
        _last(workspace, path, "--diff-filter=D", "HEAD")
        or _last(workspace, path, "--diff-filter=D", "-m", "--first-parent", "HEAD")
        or _last(workspace, path, "--diff-filter=D", "--all")
    )
    before = workspace.find_commit(f"{found[0]}^1") if found else None
    return Removal(found[0], before, found[1]) if found and before else None


def _last(workspace: Workspace, path: str, *options: str) -> tuple[str, str] | None:
    """The last commit of a kind: its id, and what it is called."""
    out = workspace.repository.git(
        "log", "-1", "--no-renames", "--format=%H%x00%h (%s)", *options, "--", path,
        expected=(0, 128),
    )  # fmt: skip
    commit, _, what = out.decode("utf-8", "replace").strip().partition("\0")
    return (commit, what) if commit else None


def _adds_others(workspace: Workspace, path: str, before: str, after: str) -> bool:
    """Whether other files came into the directory when this one went."""
    old, new = (
        {
            name
            for name in workspace.list_commit(commit).files
            if os.path.dirname(name) == os.path.dirname(path)
        }
        for commit in (before, after)
    )
    return bool(new - old)

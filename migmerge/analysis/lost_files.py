"""Where a migration is that others depend on and that this tree lacks: removed, or on a branch."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Sequence
from typing import NamedTuple

from migmerge.analysis.snapshot import Snapshot, Tree, understand
from migmerge.analysis.workspace import Workspace
from migmerge.git.trees import read_blobs
from migmerge.migrations.model import Header, Migration, NodeKey
from migmerge.migrations.reader import read_header

_MOST_COMMITS = 20


class LostFile(NamedTuple):
    """A migration that the tree lacks: a commit that has it, and why this tree has it not.
    `in_head`: it is merely removed in the work tree, or in the index."""

    path: str
    commit: str
    why: str
    in_head: bool = False

    @property
    def restore(self) -> str:
        """The command that brings it back."""
        commit = "HEAD" if self.in_head else self.commit[:12]
        return f"git checkout {commit} -- {shlex.quote(self.path)}"


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
    restored: dict[str, LostFile] = {}
    contents: dict[str, bytes] = {}
    waiting: list[tuple[NodeKey, list[str] | None]] = [(key, None) for key in sorted(missing)]
    while waiting:
        key, commits = waiting.pop()
        lost = find_lost_file(workspace, snapshot, key, commits)
        if lost is None or lost.path in contents:
            continue
        contents[lost.path], restored[lost.path] = _read(workspace, lost), lost
        header = read_header(contents[lost.path]) or Header()
        migration = Migration(key, snapshot.apps[key.app].label, lost.path, header)
        parents = (snapshot.resolve(migration, reference) for reference in header.dependencies)
        waiting += [
            (parent, [lost.commit])
            for parent in parents
            if parent and parent not in snapshot.graph.nodes
        ]

    completed = understand(workspace, Tree(snapshot.source, snapshot.listing, contents))
    return completed._replace(restored=restored)


def find_lost_file(
    workspace: Workspace, snapshot: Snapshot, key: NodeKey, commits: Sequence[str] | None = None
) -> LostFile | None:
    """The file of a node as HEAD or the base branch has it, else as it was before it was removed,
    else as another branch has it: that beside the file that depends on it, found in `commits`, or
    where that was added.

    None where it was never there as a regular file, where branches have different ones, and where
    other files came as it went: it may have been renamed and edited, or somebody started again,
    and then it is not what the others need.
    """
    app = snapshot.apps.get(key.app)
    if app is None or "/" in key.name:  # a dependency is any text, and this is no file name
        return None
    if commits is None:
        commits = _commits_of_dependents(workspace, snapshot, key)
    lost = _find(workspace, app.path_of(key.name), commits)
    file = workspace.list_commit(lost.commit).files.get(lost.path) if lost else None
    return lost if file and file.is_regular else None


def _commits_of_dependents(workspace: Workspace, snapshot: Snapshot, key: NodeKey) -> list[str]:
    """Commits of any branch that added a file which depends on the node: copies of one commit, as
    of a cherry-pick, differ in what is beside the file."""
    paths = {one.migration.path for one in snapshot.graph.missing if one.key == key}
    if not paths:
        return []
    out = workspace.repository.git(
        "log", f"-{_MOST_COMMITS}", "--no-renames", "--diff-filter=A", "--format=%H", "--all",
        "--", *sorted(paths), expected=(0, 128),
    )  # fmt: skip
    return out.decode().split()


def _read(workspace: Workspace, lost: LostFile) -> bytes:
    oid = workspace.list_commit(lost.commit).files[lost.path].oid
    return read_blobs(workspace.repository, {oid})[oid]


def _find(workspace: Workspace, path: str, commits: Sequence[str]) -> LostFile | None:
    head = workspace.head
    if head and path in workspace.list_commit(head).files:
        return LostFile(path, head, "it is in HEAD, and was removed since", in_head=True)
    if is_on_base(workspace, path):
        assert workspace.base
        name, commit = workspace.base
        return LostFile(path, commit, f"it is on {name}, and was removed on this branch")
    removal = _find_own_removal(workspace, path)
    if removal:
        if _adds_others(workspace, path, removal.before, removal.commit):
            return None
        return LostFile(path, removal.before, f"it was removed by {removal.what}")

    beside = next((c for c in commits if path in workspace.list_commit(c).files), None)
    if beside is None and not _is_one_file(workspace, path):
        return None
    addition = _last(workspace, path, "--diff-filter=A", beside or "--all")
    if addition is None:
        return None
    commit, what = addition
    return LostFile(path, beside or commit, f"it was added by {what}, which is not in this tree")


def _is_one_file(workspace: Workspace, path: str) -> bool:
    """Whether all branches that ever had the path had one file there."""
    out = workspace.repository.git(
        "log", "--all", "--no-renames", "--diff-filter=AM", "--format=", "--raw", "--no-abbrev",
        "--", path, expected=(0, 128),
    )  # fmt: skip
    return len({line.split()[3] for line in out.splitlines() if line.startswith(b":")}) == 1


def revert_removal(workspace: Workspace, path: str) -> tuple[str, ...]:
    """The command that takes back the commit of this branch, or of what is merged into it, that
    removed the file, with all else that it changed; none where there is no such commit, or only a
    merge commit.

    With --no-commit it also works in a stopped merge: git-revert(1).
    """
    removal = _last(workspace, path, "--diff-filter=D", "HEAD", *_merged(workspace))
    return (f"git revert --no-commit {removal[0][:12]}",) if removal else ()


def _merged(workspace: Workspace) -> tuple[str, ...]:
    """What a merge that is stopped brings in."""
    stopped = workspace.stopped
    return (stopped.theirs,) if stopped and stopped.operation == "merge" else ()


def is_on_base(workspace: Workspace, path: str) -> bool:
    """Whether the base branch has the file: then it is never another one that is meant."""
    base = workspace.base
    return base is not None and path in workspace.list_commit(base.commit).files


def find_removal(workspace: Workspace, path: str) -> Removal | None:
    """The last commit that removed the path: of this branch, of what was merged, or of any."""
    return _find_own_removal(workspace, path) or _removal(
        workspace, _last(workspace, path, "--diff-filter=D", "--all")
    )


def _find_own_removal(workspace: Workspace, path: str) -> Removal | None:
    """That of this branch, or of what was merged."""
    found = _last(workspace, path, "--diff-filter=D", "HEAD", *_merged(workspace)) or _last(
        workspace, path, "--diff-filter=D", "-m", "--first-parent", "HEAD"
    )
    return _removal(workspace, found)


def _removal(workspace: Workspace, found: tuple[str, str] | None) -> Removal | None:
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

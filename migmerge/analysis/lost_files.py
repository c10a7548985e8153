"""Where a migration is that others depend on and that this tree lacks: removed, or on a branch."""

from __future__ import annotations

import os
import shlex
from typing import NamedTuple

from migmerge.analysis.workspace import Workspace


class LostFile(NamedTuple):
    """A commit that has the file, and why this tree has it not."""

    path: str
    commit: str
    why: str

    @property
    def restore(self) -> str:
        """The command that brings it back."""
        return f"git checkout {self.commit[:12]} -- {shlex.quote(self.path)}"


def find_lost_file(workspace: Workspace, path: str) -> LostFile | None:
    """The file as it was before it was removed, else as another branch has it.

    None where it was never there, and where other files came as it went: it may have been renamed
    and edited, or somebody started again, and then it is not what the others need.
    """
    removal = (
        _last(workspace, path, "--diff-filter=D", "HEAD")
        or _last(workspace, path, "--diff-filter=D", "-m", "--first-parent", "HEAD")
        or _last(workspace, path, "--diff-filter=D", "--all")
    )
    if removal:
        commit, what = removal
        before = workspace.find_commit(f"{commit}^1")
        if not before or _adds_others(workspace, path, before, commit):
            return None
        return LostFile(path, before, f"it was removed by {what}")

    addition = _last(workspace, path, "--diff-filter=A", "--all")
    if addition is None:
        return None
    commit, what = addition
    return LostFile(path, commit, f"it was added by {what}, which is not in this tree")


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

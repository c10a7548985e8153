"""Committing what a fix staged, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple

from migmerge.errors import UserError
from migmerge.git.process import GitError
from migmerge.git.repository import Repository, find_commit
from migmerge.git.state import stopped_operation


class Committed(NamedTuple):
    """Whether git has all that it was asked for, and a sentence about it."""

    done: bool
    message: str


def commit_paths(repository: Repository, message: str, paths: Iterable[str]) -> Committed:
    """Commit `paths`; in a stopped merge, the merge itself.

    Other staged work stays staged. In a rebase or cherry-pick git's own command goes on.
    """
    stopped = stopped_operation(repository)
    if stopped and repository.git("ls-files", "--unmerged"):
        text = f"not committed: other paths are unmerged; resolve them, then {stopped.finish}"
        return Committed(False, text)
    if stopped and stopped.operation != "merge":
        return Committed(True, f"staged; go on with {stopped.finish}")

    try:
        if stopped:
            repository.git("commit", "--quiet", "--no-edit")
            return Committed(True, "committed the merge")
        repository.git("commit", "--quiet", "-m", message, "--", *_known(repository, paths))
    except GitError as error:
        return Committed(False, f"not committed: {error.reason}")

    return Committed(True, f"committed: {message.splitlines()[0]}")


def refuse_amend(repository: Repository, base: str) -> None:
    """UserError where the last commit isn't the one to change: before anything is written."""
    stopped = stopped_operation(repository)
    rebasing = repository.git_path("rebase-merge")
    picked = not os.path.exists(os.path.join(rebasing, "stopped-sha")) or os.path.exists(
        os.path.join(rebasing, "amend")
    )
    if stopped and not (stopped.operation == "rebase" and picked):
        hint = f"run migmerge fix, then {stopped.finish}"
        raise UserError(
            "commit", f"a {stopped.operation} is not finished: there is no commit yet", hint
        )

    head = find_commit(repository, "HEAD")
    if not head:
        raise UserError("commit", "there is no commit to amend", "migmerge fix --commit")
    if base and not repository.git("rev-list", "-1", head, "--not", base):
        raise UserError("commit", "the last commit is published", "migmerge fix --commit")


def amend_paths(repository: Repository, paths: Iterable[str]) -> Committed:
    """Make `paths` part of the last commit, which keeps its message and its author."""
    try:
        paths_in_git = _known(repository, paths)
        # a commit whose only migration the other side has, too, is empty now: a rebase goes on
        repository.git(
            "commit",
            "--quiet",
            "--amend",
            "--no-edit",
            "--allow-empty",
            "--only",
            "--",
            *paths_in_git,
        )
    except GitError as error:
        return Committed(False, f"not committed: {error.reason}")

    return Committed(True, "made part of the last commit")


def _known(repository: Repository, paths: Iterable[str]) -> list[str]:
    """Those of `paths` that HEAD or the index has: git refuses to commit any other."""
    asked = sorted(paths)
    out = repository.git("ls-files", "-z", "--", *asked)
    out += repository.git("ls-tree", "-z", "--name-only", "HEAD", "--", *asked)
    return sorted({os.fsdecode(path) for path in out.split(b"\0") if path})

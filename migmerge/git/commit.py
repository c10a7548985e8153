"""Committing what a fix staged, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple

from migmerge.git.process import GitError
from migmerge.git.repository import Repository
from migmerge.git.state import stopped_operation


class Committed(NamedTuple):
    """Whether git has all that it was asked for, and a sentence about it."""

    done: bool
    told: str


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
        reason = (error.stderr.strip().splitlines() or ["git commit failed"])[-1]
        return Committed(False, f"not committed: {reason}")
    return Committed(True, f"committed: {message.splitlines()[0]}")


def _known(repository: Repository, paths: Iterable[str]) -> list[str]:
    """Those of `paths` that HEAD or the index has: git refuses to commit any other."""
    asked = sorted(paths)
    out = repository.git("ls-files", "-z", "--", *asked)
    out += repository.git("ls-tree", "-z", "--name-only", "HEAD", "--", *asked)
    return sorted({os.fsdecode(path) for path in out.split(b"\0") if path})

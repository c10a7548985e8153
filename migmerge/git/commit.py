"""Committing what a fix staged, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterable

from migmerge.git.process import GitError
from migmerge.git.repository import Repository
from migmerge.git.state import stopped_operation


def commit_paths(repository: Repository, message: str, paths: Iterable[str]) -> str:
    """Commit `paths`; in a stopped merge, the merge itself. What was done, as a sentence.

    Other staged work stays staged. In a rebase or cherry-pick git's own command goes on.
    """
    stopped = stopped_operation(repository)
    if stopped and repository.git("ls-files", "--unmerged"):
        return f"not committed: other paths are unmerged; then {stopped.finish}"
    if stopped and stopped.operation != "merge":
        return f"staged; go on with {stopped.finish}"
    try:
        if stopped:
            repository.git("commit", "--quiet", "--no-edit")
            return "committed the merge"
        repository.git("commit", "--quiet", "-m", message, "--", *_known(repository, paths))
    except GitError as error:
        reason = (error.stderr.strip().splitlines() or ["git commit failed"])[-1]
        return f"not committed: {reason}"
    return f"committed: {message.splitlines()[0]}"


def _known(repository: Repository, paths: Iterable[str]) -> list[str]:
    """Those of `paths` that HEAD or the index has: git refuses to commit any other."""
    asked = sorted(paths)
    out = repository.git("ls-files", "-z", "--", *asked)
    out += repository.git("ls-tree", "-z", "--name-only", "HEAD", "--", *asked)
    return sorted({os.fsdecode(path) for path in out.split(b"\0") if path})

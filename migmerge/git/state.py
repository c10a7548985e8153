"""Whether git stands in the middle of a merge, rebase, cherry-pick or revert."""

from __future__ import annotations

import os
from typing import NamedTuple

from migmerge.git.repository import Repository, find_commit

# under the git directory: a change of ours that is under way
JOURNAL = os.path.join("migmerge", "journal")
# refs, each a tree with the old and new bytes of one change and its journal
BACKUPS = "refs/migmerge/backup/"


class Stopped(NamedTuple):
    """An operation of git that waits for the user; `theirs` is the commit being brought in."""

    operation: str
    theirs: str
    finish: str


_HEADS = (
    ("rebase", "REBASE_HEAD", "git rebase --continue"),
    ("merge", "MERGE_HEAD", "git commit"),
    ("cherry-pick", "CHERRY_PICK_HEAD", "git cherry-pick --continue"),
    ("revert", "REVERT_HEAD", "git revert --continue"),
)


def stopped_operation(repository: Repository) -> Stopped | None:
    """What git is in the middle of; None when nothing waits."""
    rebasing = is_rebasing(repository)
    for operation, head, finish in _HEADS:
        if operation == "rebase" and not rebasing:
            continue  # REBASE_HEAD outlives the rebase
        if os.path.exists(repository.git_path(head)):
            theirs = find_commit(repository, head)
            if theirs:
                return Stopped(operation, theirs, finish)
    return None


def stopped_heads(repository: Repository) -> list[str]:
    """What the heads of operations that wait say, without a process."""
    heads = []
    for _, name, _ in _HEADS:
        try:
            with open(repository.git_path(name)) as handle:
                heads.append(handle.read())
        except OSError:
            continue
    return heads


def is_merging(repository: Repository) -> bool:
    """Whether a merge waits for its commit."""
    return os.path.exists(repository.git_path("MERGE_HEAD"))


def is_rebasing(repository: Repository) -> bool:
    """Whether a rebase goes on, or waits."""
    return any(
        os.path.isdir(repository.git_path(name)) for name in ("rebase-merge", "rebase-apply")
    )


def is_busy(repository: Repository) -> bool:
    """Whether git is in the middle of anything, so that it would refuse to begin another."""
    heads = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD")
    waits = any(os.path.exists(repository.git_path(name)) for name in heads)
    return waits or is_rebasing(repository)

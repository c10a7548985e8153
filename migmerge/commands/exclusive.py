"""One migmerge at a time writes to a worktree, and none works on a half-made change."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from migmerge.errors import UserError
from migmerge.git.repository import Repository
from migmerge.git.state import JOURNAL


@contextmanager
def exclusive(repository: Repository) -> Iterator[bool]:
    """Hold this worktree's lock; tells whether a change that died half-way was taken back.

    UserError where another migmerge holds it. The lock goes with its process.
    """
    from filelock import FileLock, Timeout  # only paid by what writes

    path = repository.git_path(os.path.join("migmerge", "lock"))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
        with FileLock(path, timeout=0):
            yield _take_back_what_died(repository)
    except Timeout:
        raise UserError(
            "locked", "another migmerge is at work here", "wait for it, then run again"
        ) from None


def tidy_up(repository: Repository) -> None:
    """Take back what a killed fix left, where that may be done now; told on stderr.

    Not under a hook, where git has its own plans with the index, nor while a fix still runs.
    """
    if not os.path.exists(repository.git_path(JOURNAL)):
        return
    if "GIT_INDEX_FILE" in os.environ or os.path.exists(repository.git_path("index.lock")):
        text = "a migmerge fix was interrupted here, or still runs; migmerge undo takes it back"
        print(f"migmerge: {text}", file=sys.stderr)
        return
    try:
        with exclusive(repository):
            pass
    except UserError as error:
        from migmerge.report.messages import id_of  # only an error needs it

        print(f"migmerge: {id_of(error.kind)} {error.message}", file=sys.stderr)


def _take_back_what_died(repository: Repository) -> bool:
    if not os.path.exists(repository.git_path(JOURNAL)):
        return False
    from migmerge.resolve.journal import read_journal
    from migmerge.resolve.transaction import take_back

    change = read_journal(repository)
    left = take_back(repository, change)
    print("migmerge: took back a fix that was interrupted", file=sys.stderr)
    if left:
        print(f"migmerge: left alone, since changed: {', '.join(left)}", file=sys.stderr)
        print(f"hint: what was there before is in {change.ref}", file=sys.stderr)
    return True

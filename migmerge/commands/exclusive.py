"""One migmerge at a time writes to a worktree, and none works on a half-made change."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from migmerge.errors import UserError
from migmerge.git.repository import Repository
from migmerge.git.state import JOURNAL


class Held:
    """The lock of a worktree: whether a change that died half-way was taken back (`recovered`), and
    what is `done` by now, for somebody who interrupts what is left."""

    def __init__(self, *, recovered: bool = False) -> None:
        self.recovered = recovered
        self.done = ""


@contextmanager
def exclusive(repository: Repository, *, databases: bool = True) -> Iterator[Held]:
    """Hold this worktree's lock, and take back a change that died half-way.

    UserError where another migmerge holds it, or where a database stands in the way of taking
    back what died; without `databases` its rows are left. The lock goes with its process.
    """
    if not repository.git_dir:  # no git: nothing of ours is kept there
        yield Held()
        return

    from filelock import FileLock, Timeout  # only paid by what writes

    path = repository.git_path(os.path.join("migmerge", "lock"))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    held = Held()
    try:
        with FileLock(path, timeout=0):
            held.recovered = _take_back_what_died(repository, databases=databases)
            yield held
    except KeyboardInterrupt as stop:
        raise KeyboardInterrupt(str(stop) or held.done) from None
    except Timeout:
        raise UserError(
            "locked", "another migmerge is at work here", "wait for it, then run again"
        ) from None


def tidy_up(repository: Repository) -> None:
    """Take back what a killed fix left, where that may be done now; reported on stderr.

    Not under a hook, where git has its own plans with the index, nor while a fix still runs.
    """
    if not repository.git_dir or not os.path.exists(repository.git_path(JOURNAL)):
        return
    if "GIT_INDEX_FILE" in os.environ or os.path.exists(repository.git_path("index.lock")):
        text = "a migmerge fix was interrupted here, or still runs; migmerge undo takes it back"
        print(f"migmerge: {text}", file=sys.stderr)
        return

    try:
        with exclusive(repository):
            pass
    except UserError as error:
        from migmerge.report.messages import error_text  # only an error needs it

        print(error_text(error.kind, error.message, error.hint), end="", file=sys.stderr)


def _take_back_what_died(repository: Repository, *, databases: bool) -> bool:
    if not os.path.exists(repository.git_path(JOURNAL)):
        return False

    from migmerge.report.screen import printable
    from migmerge.resolve.journal import read_journal
    from migmerge.resolve.transaction import TAKE_BACK, take_back

    change = read_journal(repository)
    what = "an undo" if change.undoing else "a fix"
    back = take_back(repository, change, databases=databases)
    if back.stuck:
        text = f"{what} was interrupted here: {'; '.join(back.lines)}"
        raise UserError("half-done", text, TAKE_BACK)

    lines = [f"took back {what} that was interrupted", *back.lines]
    if change.rows and not databases:
        lines += [f"rows may have either name: {database.name}" for database in change.rows]
    for line in lines:
        print(f"migmerge: {printable(line)}", file=sys.stderr)
    return True

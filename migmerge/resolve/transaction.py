"""Files, index and rows changed together, or not at all, wherever the process is killed."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from migmerge.errors import UserError
from migmerge.git.process import GitError, unbroken
from migmerge.git.repository import Repository
from migmerge.regular import TEMPORARY, replace_file
from migmerge.resolve import journal
from migmerge.resolve.journal import DatabaseRows, Journal, State
from migmerge.resolve.restored_rows import restore_rows

# what finishes a change that is half done
TAKE_BACK = (
    "migmerge undo, once the database can be reached (with --no-databases it leaves rows alone)"
)
_PATIENCE = 20  # tenths of a second for a lock that git itself holds


class Changed(UserError):
    """Somebody else wrote one of the files meanwhile."""


class TakenBack(NamedTuple):
    """What came of taking a change back: paths that were `left`, since somebody changed them, and
    databases that are `stuck`, each with why its rows could not get their names back.

    While one is stuck the journal stays, and the files have the new names: whichever names the
    rows have, `db reconcile` knows what to do.
    """

    left: tuple[str, ...] = ()
    stuck: tuple[str, ...] = ()
    backup: str = ""

    @property
    def lines(self) -> list[str]:
        """What people have to know of it."""
        lines = []
        if self.left:
            lines.append(f"left as they are, since changed meanwhile: {', '.join(self.left)}")
            lines.append(f"what was there before is in {self.backup}")
        if self.stuck:
            lines.append("the change is half done: files have the new names, and rows may have")
            lines += [f"rows could not be renamed: {text}" for text in self.stuck]
        return lines


class Transaction:
    """A change of paths from what they are to `after`, and of rows in databases.

    `apply` (which is `begin`, then `write`) can be followed by `touch_databases`, and then by
    `finish` or `roll_back`; a process that dies in between leaves a journal, by which `take_back`
    brings everything back. `undoes` is the number of the change that it takes back, if any.
    """

    def __init__(
        self,
        repository: Repository,
        before: Mapping[str, State],
        after: Mapping[str, State],
        undoes: int = 0,
    ) -> None:
        self._repository, self._before, self._after = repository, before, after
        self._undoes = undoes
        self._journal: Journal  # from apply on

    def apply(self) -> Journal:
        """Objects, journal, files, index; all of it taken back on any exception."""
        self.begin()
        try:
            self.write()
        except BaseException:  # also ^C: never half a change
            self.roll_back()
            raise
        return self._journal

    def begin(self) -> None:
        """Objects and journal."""
        self._journal = journal.begin(self._repository, self._before, self._after, self._undoes)

    def write(self) -> None:
        """Files and index."""
        repository = self._repository
        for path, after in sorted(self._after.items()):
            if read_disk(repository, path) != self._before[path].data:
                raise Changed("changed", f"{path} changed while migmerge ran", "run it again")
            write_disk(repository, path, after)
        _write_index(repository, self._after)
        _refresh(repository)

    def touch_databases(self, databases: Sequence[DatabaseRows], *, undoing: bool = False) -> None:
        """From now on the rows of these databases go back with the files, too."""
        self._journal = journal.add_rows(
            self._repository, self._journal, databases, undoing=undoing
        )

    @property
    def touches_databases(self) -> bool:
        """Whether rows are part of the change."""
        return bool(self._journal.rows)

    def finish(self) -> Journal:
        """It stays; `undo` finds it."""
        journal.end(self._repository)
        return self._journal

    @property
    def finished(self) -> Journal:
        """What `finish` left for `undo`."""
        return self._journal

    def roll_back(self) -> TakenBack:
        """Everything as it was before `apply`, but for what somebody else wrote since."""
        return take_back(self._repository, self._journal)

    def revoke(self) -> None:
        """Take back what is finished: a change the other way round; both are forgotten."""
        back = Transaction(self._repository, self._after, self._before, self._journal.number)
        journal_of_back = back.apply()
        back.finish()
        for change in (journal_of_back, self._journal):
            journal.drop(self._repository, change)


def take_back(repository: Repository, change: Journal, *, databases: bool = True) -> TakenBack:
    """Undo a change that may have been made in part, and end it; can be killed and done again.

    Paths that somebody changed since are left, and reported; their old bytes stay in the backup.
    Rows get the names of before first, where these are the old ones, else last: so the files have
    the new names for as long as some rows do. Without `databases` no row is touched.
    """
    rows = change.rows if databases else ()
    stuck = [] if change.undoing else restore_rows(rows, old=True)
    if stuck:
        return TakenBack(stuck=tuple(stuck))

    left = _files_back(repository, change)
    stuck = restore_rows(rows, old=False) if change.undoing else []
    if stuck:
        return TakenBack(tuple(left), tuple(stuck), change.ref)

    journal.end(repository)
    if not left:
        journal.drop(repository, change)
    return TakenBack(tuple(left), backup=change.ref)


def _files_back(repository: Repository, change: Journal) -> list[str]:
    """Files and index as before; the paths that are left."""
    left = set()
    for path, before in sorted(change.before.items()):
        data = read_disk(repository, path)
        if data == before.data:
            continue
        if data == change.after[path].data:
            write_disk(repository, path, before)
            if "S" in before.flags and before.data is None:
                _remove_empty(repository, path)
        else:
            left.add(path)

    entries = read_entries(repository, change.before)
    restored = {}
    for path, before in change.before.items():
        now = entries[path]
        if now.entries in ((), change.after[path].entries) and path not in left:
            if (now.entries, now.flags) != (before.entries, before.flags):
                restored[path] = before
        elif now.entries != before.entries:
            left.add(path)

    _write_index(repository, restored)
    _refresh(repository)
    _sweep(repository, change.before)
    return sorted(left)


def read_states(repository: Repository, paths: Iterable[str]) -> dict[str, State]:
    """What paths are now; UserError for one that is no regular file."""
    entries = read_entries(repository, sorted(paths))
    top = os.path.realpath(repository.root)
    states = {}
    for path, entry in entries.items():
        full = os.path.join(repository.root, path)
        directory = os.path.dirname(full)
        if os.path.realpath(directory) != os.path.join(top, os.path.dirname(path)).rstrip(os.sep):
            raise UserError("in-the-way", f"{path} is beyond a symbolic link", "")

        mode = os.lstat(full).st_mode if os.path.lexists(full) else 0o100644
        if not stat.S_ISREG(mode):
            raise UserError("in-the-way", f"{path} is not a regular file", "")
        states[path] = State(read_disk(repository, path), mode, entry.entries, entry.flags)

    return states


def read_disk(repository: Repository, path: str) -> bytes | None:
    """The bytes of a file; None where there is none."""
    try:
        with open(os.path.join(repository.root, path), "rb") as handle:
            return handle.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except IsADirectoryError:
        return b"\0"  # no file of ours


class Entry(NamedTuple):
    """A path in the index: its entries as `ls-files --stage` prints them, and its flags."""

    entries: tuple[bytes, ...] = ()
    flags: str = ""


def read_entries(repository: Repository, paths: Iterable[str]) -> dict[str, Entry]:
    """What the index has of each path."""
    entries = dict.fromkeys(paths, Entry())
    out = repository.git("ls-files", "-z", "--stage", "-v", "--", *entries) if entries else b""
    for line in out.split(b"\0"):
        tag, record = line[:1].decode(), line[2:]
        path = os.fsdecode(record.partition(b"\t")[2])
        if path in entries:
            flags = ("S" if tag in "Ss" else "") + ("h" if tag.islower() else "")
            entries[path] = Entry((*entries[path].entries, record), flags)
    return entries


def write_disk(repository: Repository, path: str, state: State) -> None:
    """A file replaced in one step, or removed."""
    full = os.path.join(repository.root, path)
    if state.data is None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(full)
        return
    os.makedirs(os.path.dirname(full), exist_ok=True)
    replace_file(full, state.data, stat.S_IMODE(state.mode) or 0o644)


# the options of `git update-index` that give an entry its flags
_FLAGS = {"S": "--skip-worktree", "h": "--assume-unchanged"}


def _write_index(repository: Repository, states: Mapping[str, State | Entry]) -> None:
    """All entries in one step, then the flags that git drops by it."""
    if not states:
        return

    nothing = b"0" * len(repository.git("hash-object", "--stdin", stdin=b"").strip())
    records = []
    for path, state in sorted(states.items()):
        # a zero mode takes the path out, whatever stages it had
        records.append(b"0 %s\t%s" % (nothing, os.fsencode(path)))
        records += state.entries

    stdin = b"".join(record + b"\0" for record in records)
    _update_index(repository, ("-z", "--index-info"), stdin)
    for flag, option in _FLAGS.items():
        paths = sorted(path for path, state in states.items() if flag in state.flags)
        if paths:
            stdin = b"".join(os.fsencode(path) + b"\0" for path in paths)
            _update_index(repository, (option, "-z", "--stdin"), stdin)


def _update_index(repository: Repository, arguments: Sequence[str], stdin: bytes) -> None:
    """Waits a moment for a lock that another git command holds."""
    left = _PATIENCE
    while True:
        try:
            with unbroken():
                repository.git("update-index", *arguments, stdin=stdin)
            return
        except GitError as error:
            if "index.lock" not in error.stderr:
                raise

            left -= 1
            if not left:
                hint = "wait for the other git command, or remove the file if none is running"
                lock = repository.git_path("index.lock")
                raise UserError("locked", f"git holds its index lock: {lock}", hint) from None
            time.sleep(0.1)


def _remove_empty(repository: Repository, path: str) -> None:
    """Directories that a sparse checkout does not have."""
    with contextlib.suppress(OSError):  # it isn't empty
        os.removedirs(os.path.dirname(os.path.join(repository.root, path)))


def _refresh(repository: Repository) -> None:
    """Without it `git merge --abort` fails on files that were written, even with what they had."""
    with unbroken():
        repository.git("update-index", "-q", "--refresh", expected=(0, 1, 128))


def _sweep(repository: Repository, paths: Iterable[str]) -> None:
    """Temporary files of a process that died."""
    for directory in {os.path.dirname(os.path.join(repository.root, path)) for path in paths}:
        names = os.listdir(directory) if os.path.isdir(directory) else []
        for name in names:
            if name.startswith(TEMPORARY):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(directory, name))

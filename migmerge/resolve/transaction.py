"""Files and index changed together, or not at all, wherever the process is killed."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
import time
from collections.abc import Iterable, Mapping

from migmerge.errors import UserError
from migmerge.git.process import GitError
from migmerge.git.repository import Repository
from migmerge.resolve import journal
from migmerge.resolve.journal import Journal, State

_TEMPORARY = ".migmerge-"
_PATIENCE = 20  # tenths of a second for a lock that git itself holds


class Changed(UserError):
    """Somebody else wrote one of the files meanwhile."""


class Transaction:
    """A change of paths from what they are to `after`.

    `apply` can be followed by `finish` or `roll_back`; a process that dies in between leaves
    a journal, by which `take_back` brings everything back.
    """

    def __init__(
        self, repository: Repository, before: Mapping[str, State], after: Mapping[str, State]
    ) -> None:
        self._repository, self._before, self._after = repository, before, after
        self._journal: Journal  # from apply on

    def apply(self) -> Journal:
        """Objects, journal, files, index; all of it taken back on any exception."""
        repository = self._repository
        self._journal = change = journal.begin(repository, self._before, self._after)
        try:
            for path, after in sorted(self._after.items()):
                if read_disk(repository, path) != self._before[path].data:
                    raise Changed("changed", f"{path} changed while migmerge ran", "run it again")
                write_disk(repository, path, after)
            _write_index(repository, {path: s.entries for path, s in self._after.items()})
            _refresh(repository)
        except BaseException:  # also ^C: never half a change
            self.roll_back()
            raise
        return change

    def finish(self) -> None:
        """It stays; `undo` finds it."""
        journal.end(self._repository)

    def roll_back(self) -> None:
        """Everything as it was before `apply`, but for what somebody else wrote since."""
        take_back(self._repository, self._journal)

    def revoke(self) -> None:
        """Take back what is finished: a change the other way round; both are forgotten."""
        back = Transaction(self._repository, self._after, self._before)
        own = back.apply()
        back.finish()
        for change in (own, self._journal):
            journal.drop(self._repository, change)


def take_back(repository: Repository, change: Journal) -> tuple[str, ...]:
    """Undo a change that may have been made in part, and end it; can be killed and done again.

    Paths that somebody changed since are left, and told; their old bytes stay in the backup.
    """
    left = set()
    for path, before in sorted(change.before.items()):
        data = read_disk(repository, path)
        if data == before.data:
            continue
        if data == change.after[path].data:
            write_disk(repository, path, before)
        else:
            left.add(path)
    entries = read_entries(repository, change.before)
    restored = {}
    for path, before in change.before.items():
        if entries[path] in ((), change.after[path].entries) and path not in left:
            restored[path] = before.entries
        elif entries[path] != before.entries:
            left.add(path)
    _write_index(repository, {p: e for p, e in restored.items() if entries[p] != e})
    _refresh(repository)
    _sweep(repository, change.before)
    journal.end(repository)
    if not left:
        journal.drop(repository, change)
    return tuple(sorted(left))


def read_states(repository: Repository, paths: Iterable[str]) -> dict[str, State]:
    """What paths are now; UserError for one that is no regular file."""
    entries = read_entries(repository, sorted(paths))
    top = os.path.realpath(repository.root)
    found = {}
    for path, own in entries.items():
        full = os.path.join(repository.root, path)
        directory = os.path.dirname(full)
        if os.path.realpath(directory) != os.path.join(top, os.path.dirname(path)).rstrip(os.sep):
            raise UserError("in-the-way", f"{path} is beyond a symbolic link", "")
        mode = os.lstat(full).st_mode if os.path.lexists(full) else 0o100644
        if not stat.S_ISREG(mode):
            raise UserError("in-the-way", f"{path} is not a regular file", "")
        found[path] = State(read_disk(repository, path), mode, own)
    return found


def read_disk(repository: Repository, path: str) -> bytes | None:
    """The bytes of a file; None where there is none."""
    try:
        with open(os.path.join(repository.root, path), "rb") as handle:
            return handle.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except IsADirectoryError:
        return b"\0"  # no file of ours


def read_entries(repository: Repository, paths: Iterable[str]) -> dict[str, tuple[bytes, ...]]:
    """The index entries of each path, as `ls-files --stage` prints them."""
    found: dict[str, list[bytes]] = {path: [] for path in paths}
    out = repository.git("ls-files", "-z", "--stage", "--", *found) if found else b""
    for record in out.split(b"\0"):
        path = os.fsdecode(record.partition(b"\t")[2])
        if path in found:
            found[path].append(record)
    return {path: tuple(records) for path, records in found.items()}


def write_disk(repository: Repository, path: str, state: State) -> None:
    """A file replaced in one step, or removed."""
    full = os.path.join(repository.root, path)
    if state.data is None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(full)
        return
    os.makedirs(os.path.dirname(full), exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=_TEMPORARY, dir=os.path.dirname(full))
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(state.data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(name, stat.S_IMODE(state.mode) or 0o644)
        os.replace(name, full)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise


def _write_index(repository: Repository, entries: Mapping[str, tuple[bytes, ...]]) -> None:
    """All in one step. Waits a moment for a lock that another git command holds."""
    if not entries:
        return
    nothing = b"0" * len(repository.git("hash-object", "--stdin", stdin=b"").strip())
    records = []
    for path, lines in sorted(entries.items()):
        # a zero mode takes the path out, whatever stages it had
        records.append(b"0 %s\t%s" % (nothing, os.fsencode(path)))
        records += lines
    stdin = b"".join(record + b"\0" for record in records)
    left = _PATIENCE
    while True:
        try:
            repository.git("update-index", "-z", "--index-info", stdin=stdin)
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


def _refresh(repository: Repository) -> None:
    """Without it `git merge --abort` fails on files that were written, even with what they had."""
    repository.git("update-index", "-q", "--refresh", expected=(0, 1, 128))


def _sweep(repository: Repository, paths: Iterable[str]) -> None:
    """Temporary files of a process that died."""
    for directory in {os.path.dirname(os.path.join(repository.root, path)) for path in paths}:
        names = os.listdir(directory) if os.path.isdir(directory) else []
        for name in names:
            if name.startswith(_TEMPORARY):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(directory, name))

"""Writing a plan: all files and the index, or nothing."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Mapping
from typing import NamedTuple

from migmerge.errors import UserError
from migmerge.git.repository import Repository
from migmerge.resolve.model import Change


class Before(NamedTuple):
    """What a path was: bytes and mode on disk (None: no file), and its index entries."""

    data: bytes | None
    mode: int
    entries: tuple[bytes, ...]


def refuse_unsafe(
    repository: Repository, changes: Mapping[str, Change], new_paths: set[str]
) -> None:
    """UserError for a held lock, a file in the way, or unstaged edits that would be lost."""
    lock = repository.git_path("index.lock")
    if os.path.exists(lock):
        raise UserError(
            f"git holds its index lock: {lock}",
            "wait for the other git command, or remove the file if none is running",
        )
    for path in sorted(new_paths):
        if os.path.lexists(os.path.join(repository.root, path)):
            raise UserError(f"{path} is in the way", "move it away, then run migmerge fix again")
    out = repository.git("diff", "--no-ext-diff", "--name-only", "-z", "--", *sorted(changes))
    unmerged = repository.git("ls-files", "-z", "--unmerged", "--", *sorted(changes))
    stages = {os.fsdecode(r.partition(b"\t")[2]) for r in unmerged.split(b"\0") if r}
    edited = sorted({os.fsdecode(p) for p in out.split(b"\0") if p} - stages)
    edited += [p for p in sorted(stages) if _is_edited(repository, p)]
    if edited:
        raise UserError(
            f"unstaged edits in {', '.join(edited)}",
            "git add or git stash them, then run migmerge fix again",
        )


def _is_edited(repository: Repository, path: str) -> bool:
    """Whether an unmerged file holds a line that neither side has: somebody began to resolve it."""
    try:
        with open(os.path.join(repository.root, path), "rb") as handle:
            lines = handle.read().splitlines()
    except OSError:
        return False
    known = {b"", b"======="}
    for stage in (1, 2, 3):
        out = repository.git("cat-file", "blob", f":{stage}:{path}", expected=(0, 128))
        known |= {line.rstrip(b"\r") for line in out.splitlines()}
    markers = (b"<<<<<<< ", b">>>>>>> ", b"||||||| ")
    return any(line not in known and not line.startswith(markers) for line in lines)


class Transaction:
    """Changes written together; `roll_back` restores files and index as they were."""

    def __init__(self, repository: Repository, changes: Mapping[str, Change]) -> None:
        self._repository = repository
        self._changes = changes
        self._before = {path: self._read(path) for path in sorted(changes)}

    def apply(self) -> None:
        """Objects first, then files, then the index in one step; undone on any exception."""
        blobs = {p: self._store(p, c) for p, c in sorted(self._changes.items())}
        try:
            for path, change in sorted(self._changes.items()):
                self._write(path, self._on_disk(path, change, blobs[path]), self._mode(path))
            self._index({path: self._entry(path, blobs[path]) for path in self._changes})
        except BaseException:  # also ^C: never half a change
            self.roll_back()
            raise

    def roll_back(self) -> None:
        """Everything as it was before `apply`."""
        for path, before in self._before.items():
            self._write(path, before.data, before.mode)
        self._index({path: before.entries for path, before in self._before.items()})

    def _read(self, path: str) -> Before:
        full = os.path.join(self._repository.root, path)
        data, mode = None, 0o100644
        if os.path.lexists(full):
            mode = os.lstat(full).st_mode
            if not stat.S_ISREG(mode):
                raise UserError(f"{path} is not a regular file", "")
            with open(full, "rb") as handle:
                data = handle.read()
        out = self._repository.git("ls-files", "-z", "--stage", "--", path)
        return Before(data, mode, tuple(record for record in out.split(b"\0") if record))

    def _mode(self, path: str) -> int:
        change = self._changes[path]
        return self._before.get(change.mode_of, self._before[path]).mode

    def _store(self, path: str, change: Change) -> str:
        if change.data is None:
            return ""
        arguments = ["--no-filters"] if change.stored else [f"--path={path}"]
        out = self._repository.git("hash-object", "-w", *arguments, "--stdin", stdin=change.data)
        return out.decode().strip()

    def _on_disk(self, path: str, change: Change, blob: str) -> bytes | None:
        if change.stored and blob:
            return self._repository.git("cat-file", "--filters", f"--path={path}", blob)
        return change.data

    def _write(self, path: str, data: bytes | None, mode: int) -> None:
        full = os.path.join(self._repository.root, path)
        if data is None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(full)
            return
        os.makedirs(os.path.dirname(full), exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".migmerge-", dir=os.path.dirname(full))
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.chmod(name, stat.S_IMODE(mode) or 0o644)
            os.replace(name, full)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)
            raise

    def _entry(self, path: str, blob: str) -> tuple[bytes, ...]:
        if not blob:
            return ()
        model = self._changes[path].mode_of
        entries = self._before.get(model, self._before[path]).entries
        mode = entries[0].split(b" ", 1)[0] if entries else b"100644"
        return (b"%s %s 0\t%s" % (mode, blob.encode(), os.fsencode(path)),)

    def _index(self, entries: Mapping[str, tuple[bytes, ...]]) -> None:
        nothing = b"0" * len(self._repository.git("hash-object", "--stdin", stdin=b"").strip())
        records = []
        for path, lines in sorted(entries.items()):
            # a zero mode takes the path out, whatever stages it had
            records.append(b"0 %s\t%s" % (nothing, os.fsencode(path)))
            records += lines
        stdin = b"".join(record + b"\0" for record in records)
        self._repository.git("update-index", "-z", "--index-info", stdin=stdin)
        # without a refresh `git merge --abort` fails on the touched entries
        self._repository.git("update-index", "-q", "--refresh", expected=(0, 1))

"""What a change of ours was before and after, kept where neither a crash nor gc takes it.

The journal is a file under the git directory for as long as a change is under way; a backup is
the same text for `undo`, in a tree that `refs/migmerge/backup/N` holds with all old bytes.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from typing import NamedTuple

from migmerge.errors import UserError
from migmerge.git.process import GitError
from migmerge.git.repository import Repository, find_commit
from migmerge.git.state import BACKUPS, JOURNAL, stopped_operation

_KEPT = 20


class State(NamedTuple):
    """What a path is: bytes and mode on disk (None: no file), and its index entries."""

    data: bytes | None
    mode: int
    entries: tuple[bytes, ...]


class Journal(NamedTuple):
    """A change by path; `number` is its backup's, `head` and `theirs` the commits that stood."""

    number: int
    head: str
    theirs: str
    before: Mapping[str, State]
    after: Mapping[str, State]

    @property
    def ref(self) -> str:
        """Where the backup is."""
        return f"{BACKUPS}{self.number}"


def standing(repository: Repository) -> tuple[str, str]:
    """HEAD, and the commit that a stopped operation brings in, each empty where there is none."""
    stopped = stopped_operation(repository)
    return find_commit(repository, "HEAD") or "", stopped.theirs if stopped else ""


def begin(
    repository: Repository, before: Mapping[str, State], after: Mapping[str, State]
) -> Journal:
    """All bytes into the object store, then the journal, then the backup: nothing else yet.

    In this order, since a backup without a journal is a change that was made.
    """
    stored = {state.data for states in (before, after) for state in states.values()}
    oids = {data: _store(repository, data) for data in stored if data is not None}
    head, theirs = standing(repository)
    document = {
        "version": 1,
        "worktree": repository.git_dir,
        "head": head,
        "theirs": theirs,
        "before": {path: _document(state, oids) for path, state in before.items()},
        "after": {path: _document(state, oids) for path, state in after.items()},
    }
    numbers = _numbers(repository)
    number = max(numbers, default=0) + 1
    while True:
        text = json.dumps({"number": number, **document}, sort_keys=True, indent=1).encode()
        _write(repository, text)
        if _back_up(repository, number, text, sorted(set(oids.values()))):
            break
        number += 1  # taken by another worktree just now
    for old in numbers[: 1 - _KEPT]:
        repository.git("update-ref", "-d", f"{BACKUPS}{old}")
    return Journal(number, head, theirs, before, after)


def _store(repository: Repository, data: bytes) -> str:
    out = repository.git("hash-object", "-w", "--no-filters", "--stdin", stdin=data)
    return out.decode().strip()


def _document(state: State, oids: Mapping[bytes, str]) -> dict[str, object]:
    entries = [os.fsdecode(entry) for entry in state.entries]
    oid = None if state.data is None else oids[state.data]
    return {"data": oid, "mode": state.mode, "entries": entries}


def _back_up(repository: Repository, number: int, text: bytes, oids: list[str]) -> bool:
    """False where there is a backup of this number."""
    lines = [f"100644 blob {oid}\t{oid}" for oid in oids]
    lines.append(f"100644 blob {_store(repository, text)}\tjournal")
    tree = repository.git("mktree", stdin="\n".join(lines).encode()).decode().strip()
    try:
        repository.git("update-ref", f"{BACKUPS}{number}", tree, "0" * len(tree))
    except GitError:
        if number not in _numbers(repository):
            raise
        return False
    return True


def _numbers(repository: Repository) -> list[int]:
    out = repository.git("for-each-ref", "--format=%(refname)", BACKUPS).decode()
    names = [line.removeprefix(BACKUPS) for line in out.split()]
    return sorted(int(name) for name in names if name.isdigit())


def _write(repository: Repository, text: bytes) -> None:
    path = repository.git_path(JOURNAL)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    handle, name = tempfile.mkstemp(prefix="journal-", dir=os.path.dirname(path))
    with os.fdopen(handle, "wb") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(name, path)


def end(repository: Repository) -> None:
    """The change is done, or taken back: there is nothing left to recover."""
    os.unlink(repository.git_path(JOURNAL))


def drop(repository: Repository, journal: Journal) -> None:
    """Forget a change that was taken back."""
    if _text(repository, journal.number) is not None:
        repository.git("update-ref", "-d", journal.ref)


def read_journal(repository: Repository) -> Journal:
    """The change that is under way."""
    path = repository.git_path(JOURNAL)
    with open(path, "rb") as handle:
        return _parsed(repository, handle.read(), path)


def last_backup(repository: Repository) -> Journal | None:
    """The last change of this worktree that was neither taken back nor forgotten."""
    for number in reversed(_numbers(repository)):
        text = _text(repository, number)
        if text is not None:
            return _parsed(repository, text, f"{BACKUPS}{number}:journal")
    return None


def _text(repository: Repository, number: int) -> bytes | None:
    """The journal of a backup; None where it is another worktree's, or none at all."""
    try:
        text = repository.git("cat-file", "blob", f"{BACKUPS}{number}:journal")
        own = json.loads(text)["worktree"] == repository.git_dir
    except (GitError, ValueError, KeyError, TypeError):
        return None
    return text if own else None


def _parsed(repository: Repository, text: bytes, place: str) -> Journal:
    try:
        found = json.loads(text)
        states = [
            {path: _state(repository, path, entry) for path, entry in found[key].items()}
            for key in ("before", "after")
        ]
        return Journal(int(found["number"]), found["head"], found["theirs"], *states)
    except (ValueError, KeyError, TypeError, GitError) as error:
        hint = "look at the files, then remove it"
        raise UserError("journal", f"the journal {place} can't be read: {error}", hint) from None


def _state(repository: Repository, path: str, entry: Mapping[str, object]) -> State:
    parts = path.split("/")
    if ".." in parts or ".git" in parts or os.path.isabs(path):
        raise ValueError(f"it names {path!r}")
    oid, entries = entry["data"], entry["entries"]
    data = repository.git("cat-file", "blob", str(oid)) if oid else None
    if not isinstance(entries, list):
        raise ValueError("no entries")
    return State(data, int(str(entry["mode"])), tuple(os.fsencode(line) for line in entries))

"""What a change of ours was before and after, kept where neither a crash nor gc takes it.

The journal is a file under the git directory for as long as a change is under way; a backup is
the same text for `undo`, in a tree that `refs/migmerge/backup/N` holds with all old bytes. Until
there is a backup, `refs/migmerge/pending/…` keeps the same objects from `git gc --prune=now`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from migmerge.errors import UserError
from migmerge.git.process import GitError, unbroken
from migmerge.git.repository import Repository, find_commit
from migmerge.git.state import BACKUPS, JOURNAL, stopped_operation
from migmerge.project.configured_databases import Renamed
from migmerge.project.interpreter import Project
from migmerge.regular import replace_file

_KEPT = 20
_PENDING = "refs/migmerge/pending/"
# what an object is, not what `git replace` puts in its place
_AS_STORED = {"GIT_NO_REPLACE_OBJECTS": "1"}


class State(NamedTuple):
    """What a path is: bytes and mode on disk (None: no file), and its index entries.

    `flags` are those of the entry: `S` for skip-worktree (a sparse checkout), `h` for
    assume-unchanged.
    """

    data: bytes | None
    mode: int
    entries: tuple[bytes, ...]
    flags: str = ""


class DatabaseRows(NamedTuple):
    """Rows that a change renames in one configured database; `place` is where it is, in words."""

    project: Project
    alias: str
    place: str
    rows: tuple[Renamed, ...]

    @property
    def name(self) -> str:
        """Which one it is, for people."""
        return f"database {self.alias} ({self.place})"


class Journal(NamedTuple):
    """A change by path; `number` is its backup's, `head` and `theirs` the commits that stood.

    `rows` are set once databases are about to be changed, each as old name -> new name; an
    `undoing` change gives them their old names. `undoes` is the number of the change that this one
    takes back; 0 where it is a change of its own.
    """

    number: int
    head: str
    theirs: str
    before: Mapping[str, State]
    after: Mapping[str, State]
    rows: tuple[DatabaseRows, ...] = ()
    undoing: bool = False
    undoes: int = 0

    @property
    def ref(self) -> str:
        """Where the backup is."""
        return f"{BACKUPS}{self.number}"


def standing(repository: Repository) -> tuple[str, str]:
    """HEAD, and the commit that a stopped operation brings in, each empty where there is none."""
    stopped = stopped_operation(repository)
    return find_commit(repository, "HEAD") or "", stopped.theirs if stopped else ""


def begin(
    repository: Repository,
    before: Mapping[str, State],
    after: Mapping[str, State],
    undoes: int = 0,
) -> Journal:
    """All bytes into the object store, then the journal, then the backup: nothing else yet.

    In this order, since a backup without a journal is a change that was made.
    """
    oids, held = _keep_objects(repository, [*before.values(), *after.values()])
    head, theirs = standing(repository)
    document = {
        "version": 1,
        "worktree": repository.git_dir,
        "head": head,
        "theirs": theirs,
        "undoes": undoes,
        "before": {path: _document(state, oids) for path, state in before.items()},
        "after": {path: _document(state, oids) for path, state in after.items()},
    }
    numbers = _numbers(repository)
    number = max(numbers, default=0) + 1
    while True:
        text = json.dumps({"number": number, **document}, sort_keys=True, indent=1).encode()
        _write(repository, text)
        if _back_up(repository, number, text, held):
            break
        number += 1  # taken by another worktree just now

    _update_ref(repository, "-d", _pending(repository))
    for old in numbers[: 1 - _KEPT]:
        _update_ref(repository, "-d", f"{BACKUPS}{old}")
    return Journal(number, head, theirs, before, after, undoes=undoes)


def _keep_objects(
    repository: Repository, states: Sequence[State]
) -> tuple[dict[bytes, str], list[str]]:
    """The object of each file's bytes, and all objects that the states need, kept by a ref.

    A `gc --prune=now` may come before the ref is there: what it took is stored once more.
    """
    files = {state.data for state in states if state.data is not None}
    entries = {
        os.fsdecode(entry.split(b" ", 2)[1]) for state in states for entry in state.entries
        if not entry.startswith(b"160000 ")
    }  # fmt: skip
    for attempt in range(3):
        oids = {data: _store(repository, data) for data in files}
        held = sorted(entries.union(oids.values()))
        try:
            tree = _tree(repository, held)
            _update_ref(repository, _pending(repository), tree)
        except GitError:  # mktree misses one
            if attempt == 2:
                raise
            continue

        asked = "\n".join(held).encode()
        objects = repository.git("cat-file", "--batch-check", stdin=asked, env=_AS_STORED)
        if b" missing" not in objects:
            return oids, held

    raise UserError(
        "git", "objects that were just stored are gone from the repository",
        "wait until no other git gc or git prune runs here, then run it again",
    )  # fmt: skip


def _update_ref(repository: Repository, *arguments: str) -> None:
    with unbroken():
        repository.git("update-ref", *arguments)


def _pending(repository: Repository) -> str:
    """A ref of this worktree's own."""
    return _PENDING + hashlib.sha256(os.fsencode(repository.git_dir)).hexdigest()[:16]


def _tree(repository: Repository, oids: Iterable[str], journal: str = "") -> str:
    lines = [f"100644 blob {oid}\t{oid}" for oid in oids]
    lines += [f"100644 blob {journal}\tjournal"] if journal else []
    return repository.git("mktree", stdin="\n".join(lines).encode()).decode().strip()


def _store(repository: Repository, data: bytes) -> str:
    out = repository.git("hash-object", "-w", "--no-filters", "--stdin", stdin=data)
    return out.decode().strip()


def _document(state: State, oids: Mapping[bytes, str]) -> dict[str, object]:
    entries = [os.fsdecode(entry) for entry in state.entries]
    oid = None if state.data is None else oids[state.data]
    return {"data": oid, "mode": state.mode, "entries": entries, "flags": state.flags}


def _back_up(repository: Repository, number: int, text: bytes, oids: list[str]) -> bool:
    """False where there is a backup of this number."""
    tree = _tree(repository, oids, _store(repository, text))
    try:
        _update_ref(repository, f"{BACKUPS}{number}", tree, "0" * len(tree))
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
    replace_file(path, text, prefix="journal-")  # no work tree: not what is swept there


def add_rows(
    repository: Repository, change: Journal, databases: Sequence[DatabaseRows], *, undoing: bool
) -> Journal:
    """The same change in the journal with the rows that it is about to rename."""
    with open(repository.git_path(JOURNAL), "rb") as handle:
        document = json.load(handle)

    document["undoing"] = undoing
    document["rows"] = [
        {**database._asdict(), "project": database.project._asdict()} for database in databases
    ]
    _write(repository, json.dumps(document, sort_keys=True, indent=1).encode())
    return change._replace(rows=tuple(databases), undoing=undoing)


def end(repository: Repository) -> None:
    """The change is done, or taken back: there is nothing left to recover."""
    os.unlink(repository.git_path(JOURNAL))


def drop(repository: Repository, journal: Journal) -> None:
    """Forget a change that was taken back."""
    drop_number(repository, journal.number)


def drop_number(repository: Repository, number: int) -> None:
    """The same by the number of its backup, where that is this worktree's."""
    if _text(repository, number) is not None:
        _update_ref(repository, "-d", f"{BACKUPS}{number}")


def read_journal(repository: Repository) -> Journal:
    """The change that is under way."""
    path = repository.git_path(JOURNAL)
    with open(path, "rb") as handle:
        return _parsed(repository, handle.read(), path)


def tree_of_backup(repository: Repository, change: Journal) -> str:
    """The object that is this change's backup, and no other's."""
    return repository.git("rev-parse", "--verify", "--end-of-options", change.ref).decode().strip()


def is_backed_up(repository: Repository, tree: str) -> bool:
    """Whether the backup of this tree is still there: it goes as the change is taken back."""
    out = repository.git("for-each-ref", "--format=%(objectname)", BACKUPS).decode()
    return tree in out.split()


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
        text = repository.git("cat-file", "blob", f"{BACKUPS}{number}:journal", env=_AS_STORED)
        is_ours = json.loads(text)["worktree"] == repository.git_dir
    except (GitError, ValueError, KeyError, TypeError):
        return None
    return text if is_ours else None


def _parsed(repository: Repository, text: bytes, place: str) -> Journal:
    try:
        document = json.loads(text)
        before, after = (
            {path: _state(repository, path, entry) for path, entry in document[key].items()}
            for key in ("before", "after")
        )
        commits = (document["head"], document["theirs"])
        rows = tuple(_database_rows(entry) for entry in document.get("rows", ()))
        undoing = bool(document.get("undoing"))
        undoes = int(document.get("undoes", 0))
        return Journal(int(document["number"]), *commits, before, after, rows, undoing, undoes)
    except (ValueError, KeyError, TypeError, GitError) as error:
        hint = "look at the files, then remove it"
        raise UserError("journal", f"the journal {place} can't be read: {error}", hint) from None


def _database_rows(entry: Mapping[str, Any]) -> DatabaseRows:
    project = entry["project"]
    command = tuple(str(part) for part in project["command"])
    rows = tuple(Renamed(*row) for row in entry["rows"])
    owner = Project(**{**project, "command": command})
    return DatabaseRows(owner, entry["alias"], entry["place"], rows)


def _state(repository: Repository, path: str, entry: Mapping[str, object]) -> State:
    parts = path.split("/")
    if ".." in parts or ".git" in parts or os.path.isabs(path):
        raise ValueError(f"it names {path!r}")
    oid, entries = entry["data"], entry["entries"]
    data = repository.git("cat-file", "blob", str(oid), env=_AS_STORED) if oid else None
    if not isinstance(entries, list):
        raise ValueError("no entries")
    flags = str(entry.get("flags", ""))
    return State(data, int(str(entry["mode"])), tuple(os.fsencode(line) for line in entries), flags)

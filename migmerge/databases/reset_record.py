"""Resets that can be taken back: rows and paths, in a file beside the journal."""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

from migmerge.git.repository import Repository

_FILE = os.path.join("migmerge", "resets.json")

Rows = tuple[tuple[str, str], ...]


class Kept(NamedTuple):
    """One reset: the paths that it changed, and of each database by its name on the command line
    the app's rows before and after. Not `done`: it was killed, or runs. `backup` is the tree of
    its files' backup, which goes as they are taken back."""

    label: str
    paths: tuple[str, ...]
    databases: tuple[tuple[str, Rows, Rows], ...]
    done: bool = True
    backup: str = ""


def kept(repository: Repository) -> list[Kept]:
    """All that can be taken back, the last one last."""
    try:
        with open(repository.git_path(_FILE), encoding="utf-8") as handle:
            document = json.load(handle)
    except (OSError, ValueError):
        return []
    return [_read(entry) for entry in document["resets"]]


def _read(entry: dict[str, Any]) -> Kept:
    databases = tuple((name, _rows(old), _rows(new)) for name, old, new in entry["databases"])
    backup = entry.get("backup", "")
    return Kept(entry["label"], tuple(entry["paths"]), databases, entry["done"], backup)


def _rows(rows: list[list[str]]) -> Rows:
    return tuple((name, moment) for name, moment in rows)


def keep(repository: Repository, entry: Kept) -> None:
    """Add one, in place of one of the same app that isn't done."""
    before = kept(repository)
    if before and not before[-1].done and before[-1].label == entry.label:
        before.pop()
    _write(repository, [*before, entry])


def forget(repository: Repository) -> None:
    """Take the last one away."""
    _write(repository, kept(repository)[:-1])


def _write(repository: Repository, entries: list[Kept]) -> None:
    path = repository.git_path(_FILE)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    # a database's name may be a URL with a password
    handle = os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump({"version": 1, "resets": [entry._asdict() for entry in entries]}, stream)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(f"{path}.new", path)

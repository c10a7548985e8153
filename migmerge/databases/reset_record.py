"""Resets that can be taken back: rows and paths, in a file beside the journal."""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

from migmerge.git.repository import Repository
from migmerge.regular import replace_file

_FILE = os.path.join("migmerge", "resets.json")

Rows = tuple[tuple[str, str], ...]


class ResetRecord(NamedTuple):
    """One reset: the paths that it changed, and of each database by its name on the command line
    the app's rows before and after. Not `done`: it was killed, or runs. `backup` is the tree of
    its files' backup, which goes as they are taken back."""

    label: str
    paths: tuple[str, ...]
    databases: tuple[tuple[str, Rows, Rows], ...]
    done: bool = True
    backup: str = ""


def reset_records(repository: Repository) -> list[ResetRecord]:
    """All that can be taken back, the last one last."""
    try:
        with open(repository.git_path(_FILE), encoding="utf-8") as handle:
            document = json.load(handle)
    except (OSError, ValueError):
        return []
    return [_read(entry) for entry in document["resets"]]


def _read(entry: dict[str, Any]) -> ResetRecord:
    databases = tuple((name, _rows(old), _rows(new)) for name, old, new in entry["databases"])
    backup = entry.get("backup", "")
    return ResetRecord(entry["label"], tuple(entry["paths"]), databases, entry["done"], backup)


def _rows(rows: list[list[str]]) -> Rows:
    return tuple((name, moment) for name, moment in rows)


def add_reset_record(repository: Repository, entry: ResetRecord) -> None:
    """Add one, in place of one of the same app that isn't done."""
    before = reset_records(repository)
    if before and not before[-1].done and before[-1].label == entry.label:
        before.pop()
    _write(repository, [*before, entry])


def forget_last_reset(repository: Repository) -> None:
    """Take the last one away."""
    _write(repository, reset_records(repository)[:-1])


def _write(repository: Repository, entries: list[ResetRecord]) -> None:
    path = repository.git_path(_FILE)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    records = [entry._asdict() for entry in entries]
    # nobody else may read it: a database's name may be a URL with a password
    text = json.dumps({"version": 1, "resets": records}).encode()
    replace_file(path, text, prefix="resets-")

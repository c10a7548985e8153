"""Files that record each app's leaf so that git itself notices two new migrations.

`max_migration.txt` (django-linear-migrations) holds one name and lies in the migration
directory; `migrations_lockfile.txt` (Sentry's) holds a line `label: name` for each app.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

MAX_MIGRATION = "max_migration.txt"
LOCKFILE = "migrations_lockfile.txt"
NAMES = (MAX_MIGRATION, LOCKFILE)
_LINE = re.compile(r"([\w.]+): (\S+)$", re.ASCII)
_MARKERS = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")


class Entry(NamedTuple):
    """A line of a lock file; `label` is empty in a max_migration.txt, which is one app's."""

    label: str
    name: str
    line: int


class LockFile(NamedTuple):
    """What a lock file says; `conflicted` when it holds git's conflict markers."""

    path: str
    entries: tuple[Entry, ...]
    conflicted: bool


def is_lock_file(path: str) -> bool:
    """Whether the path is a lock file that is known without configuration."""
    return path.rpartition("/")[2] in NAMES


def read_lock_file(path: str, source: bytes) -> LockFile:
    """The entries of a lock file, prose lines passed over."""
    per_app = path.rpartition("/")[2] == MAX_MIGRATION
    entries, conflicted = [], False
    for number, raw in enumerate(source.splitlines(), 1):
        line = raw.decode("utf-8", "replace")
        if line.startswith(_MARKERS):
            conflicted = True
        elif per_app and line.strip():
            entries.append(Entry("", line.strip(), number))
        elif match := _LINE.match(line.rstrip()):
            entries.append(Entry(match[1], match[2], number))

    return LockFile(path, tuple(entries), conflicted)


def write_lock_file(path: str, source: bytes, names: Mapping[str, str]) -> bytes:
    """`source` with the apps of `names` (label -> leaf) at their leaf, markers resolved for them.

    A max_migration.txt takes the only name. Line endings and other apps' lines stay.
    """
    newline = b"\r\n" if b"\r\n" in source else b"\n"
    if path.rpartition("/")[2] == MAX_MIGRATION:
        (name,) = names.values()
        ending = newline if source.endswith(b"\n") or not source else b""
        return name.encode() + ending

    lines, done = [], set()
    for raw in source.splitlines(keepends=True):
        line = raw.decode("utf-8", "surrogateescape").rstrip()
        match = _LINE.match(line)
        if line.startswith(_MARKERS):
            continue
        if match and match[1] in names:
            if match[1] in done:
                continue

            done.add(match[1])
            ending = raw[len(raw.rstrip(b"\r\n")) :]
            raw = f"{match[1]}: {names[match[1]]}".encode() + ending

        lines.append(raw)

    return b"".join(lines)

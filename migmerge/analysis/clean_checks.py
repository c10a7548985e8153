"""The last check of each kind that found nothing: said again while git lists the same files.

What was listed is kept word for word and compared, so nothing has to be read, not even which
migrations there are.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from migmerge import __version__
from migmerge.analysis.workspace import Workspace
from migmerge.config import Config
from migmerge.git.base import Base
from migmerge.git.cache import load, store
from migmerge.git.state import stopped_heads
from migmerge.git.trees import Records, path_of

_LOCKS = (b"max_migration.txt", b"migrations_lockfile.txt")
# regular files: of the index as they are on disk or left out by a sparse checkout, of a tree
_PLAIN = (b"H 1006", b"H 1007", b"S 1006", b"S 1007", b"100644 ", b"100755 ")


class Clean(NamedTuple):
    """What a check said that found nothing; `base` matters where it `asked` for it.

    `directories` are those on disk in which files may be that git does not list, relative to the
    top, each with its time of change in nanoseconds, 0 where it is not there.
    """

    migrations: int
    apps: int
    asked: bool
    base: Base | None
    notices: tuple[str, ...]
    directories: Mapping[str, int] = {}


def changed_at(workspace: Workspace, directories: Iterable[str]) -> dict[str, int]:
    """When a file last came into each of these directories, or left it."""
    return {
        directory: _changed_at(os.path.join(workspace.repository.root, directory))
        for directory in directories
    }


def _changed_at(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def recall(workspace: Workspace, records: Records) -> Clean | None:
    """What a check of these files would say, if it is known."""
    data = load(workspace.repository, _name(records), _form(workspace, records))
    head, _, listed = data.partition(b"\n")
    if not data or listed != _relevant(records, workspace.config):
        return None

    numbers, name, commit, *others = head.decode("utf-8", "surrogateescape").split("\0")
    migrations, apps, asked, count = map(int, numbers.split())
    base = Base(name, commit) if name else None
    if asked and workspace.base_or_none != base:
        return None

    times, notices = others[: 2 * count], others[2 * count :]
    directories = dict(zip(times[::2], map(int, times[1::2]), strict=True))
    if changed_at(workspace, directories) != directories:
        return None
    return Clean(migrations, apps, bool(asked), base, tuple(notices), directories)


def remember(workspace: Workspace, records: Records, clean: Clean) -> None:
    """Keep what was said, if it can be known again by what git lists."""
    listed = _relevant(records, workspace.config)
    if listed is None or any("\n" in directory for directory in clean.directories):
        return
    name, commit = clean.base or ("", "")
    numbers = f"{clean.migrations} {clean.apps} {clean.asked:d} {len(clean.directories)}"
    times = [part for pair in clean.directories.items() for part in map(str, pair)]
    head = "\0".join((numbers, name, commit, *times, *clean.notices))
    data = head.encode("utf-8", "surrogateescape") + b"\n" + listed
    store(workspace.repository, _name(records), _form(workspace, records), data)


def _name(records: Records) -> str:
    return f"clean-{records.source}"


def _form(workspace: Workspace, records: Records) -> str:
    """What else an answer depends on: the commits whose sides are compared are among it."""
    commits = records.commits or (workspace.repository.head, *stopped_heads(workspace.repository))
    asked = tuple(workspace.config), workspace.asked_base
    return f"4 {__version__} {asked!r} {commits!r}"


def _relevant(records: Records, config: Config) -> bytes | None:
    """The records of all files that a check looks at, and some more; None where one of them is
    not known by its object: changed, not tracked, unmerged, a link."""
    if records.doubtful:
        return None

    named = {os.fsencode(path.strip("/")) + b"/" for path in config.migration_modules.values()}
    sources = [record for record in records.records if record.endswith(b".py")]
    for record in sources:  # directories that are known by a number in front of a name
        directory, _, name = path_of(record).rpartition(b"/")
        if name[:1].isdigit() and b"migration" not in directory.lower():
            named.add(directory + b"/" if directory else b"")

    kept = [record for record in sources if _matters(record, named)]
    locks = (*_LOCKS, *(os.fsencode(path) for path in config.lock_files))
    kept += [record for record in records.records if record.endswith(locks)]
    return b"\0".join(kept) if all(record.startswith(_PLAIN) for record in kept) else None


def _matters(record: bytes, named: set[bytes]) -> bool:
    if b"migration" in record.lower() or record.endswith((b"apps.py", b"manage.py")):
        return True
    path = path_of(record) if named else b""
    return path[: path.rfind(b"/") + 1] in named

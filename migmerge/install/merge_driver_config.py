"""The merge driver's two halves: a command in git's configuration, patterns in attributes."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterable
from typing import NamedTuple

from migmerge.git.repository import Repository

SECTION = "merge.migmerge"
NAME = "Django migrations"
ATTRIBUTE = "merge=migmerge"
_PLAIN = re.compile(r"[\w./@+=,-]*")
PATTERNS = ("**/migrations/*.py", "max_migration.txt", "migrations_lockfile.txt")


class Driver(NamedTuple):
    """What the configuration says of the driver; empty where it says nothing."""

    name: str
    command: str
    recursive: str


def driver_command(python: str = sys.executable) -> str:
    """For `merge.migmerge.driver`: with this interpreter, or git's own merge where it is gone.

    Isolated (-I): what is in the work tree is never imported.
    """
    quoted = shlex.quote(python).replace("%", "%%")
    return (
        f"p={quoted}; \"$p\" -I -c 'import migmerge' >/dev/null 2>&1 && "
        '{ "$p" -I -m migmerge merge-driver %O %A %B %L %P %S %X %Y; exit; }; '
        "git merge-file --marker-size=%L -L ours -L base -L theirs %A %O %B || exit 1"
    )


def interpreter_of(command: str) -> str:
    """The interpreter that a driver command names; empty for a command that isn't ours."""
    if not command.startswith("p="):
        return ""
    first = shlex.split(command.partition(";")[0])[0]
    return first.removeprefix("p=").replace("%%", "%")


def read_driver(repository: Repository) -> Driver:
    """From all of git's configuration."""
    values = [_value(repository, f"{SECTION}.{key}") for key in ("name", "driver", "recursive")]
    return Driver(*values)


def _value(repository: Repository, key: str) -> str:
    out = repository.git("config", "--get", key, expected=(0, 1))
    return os.fsdecode(out).rstrip("\n")


def git_place(repository: Repository, name: str) -> str:
    """Where git itself looks for `hooks` or `info/attributes`: worktrees share them."""
    out = os.fsdecode(repository.git("rev-parse", "--git-path", name)).rstrip("\n")
    return os.path.normpath(os.path.join(repository.root, out))


def global_attributes(repository: Repository) -> str:
    """The user's own attributes file."""
    out = repository.git("config", "--global", "--path", "--get", "core.attributesFile",
                         expected=(0, 1))  # fmt: skip
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return os.fsdecode(out).rstrip("\n") or os.path.join(home, "git", "attributes")


def patterns_for(directories: Iterable[str], lock_files: Iterable[str] = ()) -> list[str]:
    """Attribute lines for all migrations: the usual place, and where this repository has others.

    Only plain names: a name that git, or a shell, reads as something else gets no line.
    """
    odd = [d for d in sorted(directories) if is_plain(d) and d.rpartition("/")[2] != "migrations"]
    patterns = [*PATTERNS, *(f"/{d}/*.py" if d else "/*.py" for d in odd)]
    patterns += [f"/{path}" for path in sorted(lock_files) if is_plain(path)]
    return [f"{pattern} {ATTRIBUTE}" for pattern in patterns]


def is_plain(path: str) -> bool:
    """Whether a path needs no quoting, in attributes and elsewhere."""
    return bool(_PLAIN.fullmatch(path)) and not path.startswith("-")


def is_attribute_line(line: bytes) -> bool:
    """Whether a line of attributes, without the blanks around it, is one of `patterns_for`."""
    return line.endswith(ATTRIBUTE.encode())


def merge_attributes(repository: Repository, paths: list[str]) -> dict[str, str]:
    """The `merge` attribute of each path, as git sees it now."""
    stdin = b"".join(os.fsencode(path) + b"\0" for path in paths)
    out = repository.git("check-attr", "-z", "--stdin", "merge", stdin=stdin)
    fields = os.fsdecode(out).split("\0")
    return dict(zip(fields[0::3], fields[2::3], strict=False))

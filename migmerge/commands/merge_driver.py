"""`migmerge merge-driver`: called by git for a path that both sides changed.

A pure function of the three files and the path: while it runs git holds the index lock, and
index and work tree are still the old ones. What isn't certain gets git's own markers.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

from migmerge.errors import UserError

_OUTERMOST = 7  # git's marker size; in a merge of merge bases it is more


class Versions(NamedTuple):
    """Git's %O %A %B %L %P %S %X %Y; the last three are literal before git 2.44."""

    base: str
    ours: str
    theirs: str
    size: str = "7"
    path: str = ""
    base_label: str = "%S"
    our_label: str = "%X"
    their_label: str = "%Y"


def merge_driver(arguments: Sequence[str]) -> int:
    """0 with the result in the file of ours, or 1 with markers in it; nothing on stdout."""
    if not 3 <= len(arguments) <= len(Versions._fields):
        raise UserError("options", "merge-driver is called by git", "migmerge install")
    versions = Versions(*arguments)
    try:
        merged = _certain(versions)
    except Exception as error:  # whatever it is, git's own merge is right
        print(f"migmerge: {versions.path}: {type(error).__name__}: {error}", file=sys.stderr)
        merged = None
    if merged is not None:
        _write(versions.ours, merged)
        return 0
    code = _merge_text(versions)
    if code and _is_outermost(versions):
        text = "both sides changed it; run migmerge fix in the stopped merge"
        print(f"migmerge: {versions.path}: {text}", file=sys.stderr)
    return code


def _is_outermost(versions: Versions) -> bool:
    return not versions.size.isdigit() or int(versions.size) <= _OUTERMOST


def _certain(versions: Versions) -> bytes | None:
    if os.environ.get("MIGMERGE") == "0" or not _is_outermost(versions):
        return None
    base, ours, theirs = (_read(name) for name in versions[:3])
    if not base:
        return None  # both sides added it: never one answer
    from migmerge.migrations.merge3 import merge_lock, merge_migration  # a text merge needs none

    if versions.path.endswith(".py"):
        return merge_migration(base, ours, theirs)
    return merge_lock(versions.path, base, ours, theirs)


def _merge_text(versions: Versions) -> int:
    """What git would do without us."""
    size = versions.size if versions.size.isdigit() else str(_OUTERMOST)
    labels = [
        name if given.startswith("%") else given
        for name, given in zip(("ours", "base", "theirs"), _labels(versions), strict=True)
    ]
    command = ["git", "merge-file", "-p", f"--marker-size={size}"]
    command += [part for label in labels for part in ("-L", label)]
    files = [versions.ours, versions.base, versions.theirs]
    done = subprocess.run([*command, "--", *files], capture_output=True, check=False)
    if done.returncode > 127:  # binary, or unreadable: ours as it is, and a conflict
        sys.stderr.write(done.stderr.decode("utf-8", "replace"))
        return 1
    _write(versions.ours, done.stdout)
    return 1 if done.returncode else 0


def _labels(versions: Versions) -> tuple[str, str, str]:
    return versions.our_label, versions.base_label, versions.their_label


def _read(name: str) -> bytes:
    with open(name, "rb") as handle:
        return handle.read()


def _write(name: str, data: bytes) -> None:
    with open(name, "wb") as handle:
        handle.write(data)

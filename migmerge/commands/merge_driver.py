"""`migmerge merge-driver`: called by git for a path that both sides changed.

A pure function of the three files and the path: while it runs git holds the index lock, and
index and work tree are still the old ones. What isn't certain gets git's own markers.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Sequence
from typing import NamedTuple, NoReturn

from migmerge.errors import UserError

_OUTERMOST = 7  # git's marker size; in a merge of merge bases it is more
_SECONDS = 10  # then it is git's own merge; a real migration takes a tenth of one


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
        merged = _in_time(versions)
    except Exception as error:  # whatever it is, git's own merge is right
        _complain(versions, f"{type(error).__name__}: {error}")
        merged = None

    if merged is not None:
        _write(versions.ours, merged)
        return 0

    code = _merge_text(versions)
    if code and _is_outermost(versions):
        _complain(versions, "both sides changed it; run migmerge fix in the stopped merge")
    return code


def _complain(versions: Versions, text: str) -> None:
    from migmerge.report.screen import printable  # paid only by what isn't certain

    print(printable(f"migmerge: {versions.path}: {text}"), file=sys.stderr)


def _is_outermost(versions: Versions) -> bool:
    return not versions.size.isdigit() or int(versions.size) <= _OUTERMOST


def _in_time(versions: Versions) -> bytes | None:
    """`_certain`, by a process that is ended where it takes too long: LibCST's parser can't be
    interrupted. TimeoutError then; where processes can't fork there is no limit."""
    if not hasattr(os, "fork"):
        return _certain(versions)

    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads, which the child has not
        child = os.fork()

    if not child:
        _answer(writer, versions)
    os.close(writer)
    try:
        answer = _read_until(reader, time.monotonic() + _SECONDS)
    finally:
        os.close(reader)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

    return answer[1:] if answer.startswith(b"+") else None


def _answer(writer: int, versions: Versions) -> NoReturn:
    """In the child: the merged file behind a plus, or nothing where it isn't certain."""
    try:
        merged = _certain(versions)
        with os.fdopen(writer, "wb") as stream:
            stream.write(b"" if merged is None else b"+" + merged)
    except BaseException as error:  # whatever it is, git's own merge is right
        _complain(versions, f"{type(error).__name__}: {error}")
    sys.stderr.flush()
    os._exit(0)


def _read_until(reader: int, end: float) -> bytes:
    """All that is written; TimeoutError where that isn't over at `end`."""
    data = b""
    with selectors.DefaultSelector() as selector:
        selector.register(reader, selectors.EVENT_READ)
        while selector.select(max(end - time.monotonic(), 0)):
            part = os.read(reader, 65536)
            if not part:
                return data
            data += part
    raise TimeoutError(f"it takes more than {_SECONDS} seconds")


def _certain(versions: Versions) -> bytes | None:
    if os.environ.get("MIGMERGE") == "0" or not _is_outermost(versions):
        return None

    base, ours, theirs = (_read(name) for name in versions[:3])
    if not base:
        return None  # both sides added it: never one answer

    from migmerge.migrations.driver_merge import (  # a text merge needs none
        merge_lock,
        merge_migration,
    )

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

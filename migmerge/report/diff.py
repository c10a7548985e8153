"""A fix plan as a diff in git's format, which `git apply` takes.

The format is that of git-diff(1), "Generating patch text with -p".
"""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Iterator

from migmerge.git.repository import Repository
from migmerge.report.screen import printable_lines
from migmerge.resolve.fix_plan import FixPlan

_NO_NEWLINE = b"\n\\ No newline at end of file\n"


def print_diff(repository: Repository, plan: FixPlan) -> None:
    """On a terminal in colour and safe to be shown, elsewhere the exact bytes."""
    renames = _renames(plan)
    shown = sorted(plan.changes.keys() - set(renames.values()))
    diff = b"".join(
        part for path in shown for part in _file(repository, plan, path, renames.get(path, path))
    )
    if not sys.stdout.isatty():
        sys.stdout.flush()
        sys.stdout.buffer.write(diff)
        return

    text = printable_lines(diff.decode("utf-8", "replace").replace("\r\n", "\n"))
    if os.environ.get("NO_COLOR"):
        print(text, end="")
        return

    from rich.console import Console  # only a terminal pays for it
    from rich.syntax import Syntax

    Console().print(
        Syntax(text, "diff", theme="ansi_dark", background_color="default", word_wrap=True)
    )


def _file(repository: Repository, plan: FixPlan, path: str, origin: str) -> Iterator[bytes]:
    """The diff of one path, which had the name `origin` before."""
    new = plan.changes[path].data
    old = _read(repository, origin)
    if old == new:
        return

    yield b"diff --git " + _quoted("a/", origin) + b" " + _quoted("b/", path) + b"\n"
    if origin != path:
        yield b"rename from " + _quoted("", origin) + b"\n"
        yield b"rename to " + _quoted("", path) + b"\n"
    elif old is None:
        yield b"new file mode 100644\n"
    elif new is None:
        yield b"deleted file mode 100644\n"

    yield from difflib.diff_bytes(
        difflib.unified_diff,
        _lines(old or b""),
        _lines(new or b""),
        _quoted("a/", origin) if old is not None else b"/dev/null",
        _quoted("b/", path) if new is not None else b"/dev/null",
    )


def _renames(plan: FixPlan) -> dict[str, str]:
    """New path -> old path, where the old one is removed by the plan."""
    return {
        path: change.mode_of
        for path, change in plan.changes.items()
        if change.data is not None
        and change.mode_of not in ("", path)
        and change.mode_of in plan.changes
        and plan.changes[change.mode_of].data is None
    }


def _lines(data: bytes) -> list[bytes]:
    """Split at line feeds only, as git does."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    if lines[-1] == b"\n":
        lines.pop()
    else:
        lines[-1] = lines[-1][:-1] + _NO_NEWLINE
    return lines


def _quoted(prefix: str, path: str) -> bytes:
    """A path as git writes it: in C's quotes where it holds a control character or a quote."""
    raw = os.fsencode(prefix + path)
    if all(byte >= 0x20 and byte not in b'"\\\x7f' for byte in raw):
        return raw
    escaped = b"".join(
        b"\\%03o" % byte if byte < 0x20 or byte in b'"\\\x7f' else bytes((byte,)) for byte in raw
    )
    return b'"' + escaped + b'"'


def _read(repository: Repository, path: str) -> bytes | None:
    try:
        with open(os.path.join(repository.root, path), "rb") as handle:
            return handle.read()
    except OSError:
        return None

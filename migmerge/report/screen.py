"""Text that is safe to put on a terminal, whatever a branch named its files."""

from __future__ import annotations

import sys


def printable(text: str) -> str:
    """`text` with control characters, newlines and undecodable bytes as `\\x..` escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def has_terminal() -> bool:
    """Whether somebody can be asked; `<&-` leaves no stream at all."""
    streams = (sys.stdin, sys.stdout)
    return all(stream is not None and stream.isatty() for stream in streams)


def printable_lines(text: str) -> str:
    """The same for a text of several lines, which stay lines."""
    return "\n".join(map(printable, text.split("\n")))


def short(text: str, most: int = 200) -> str:
    """`text` cut at `most` characters: a list of choices is longer than any screen."""
    return text if len(text) <= most else f"{text[: most - 1]}…"

"""Colour, as git has it: `--color`, or on a terminal that can show it, unless NO_COLOR is set."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TextIO

Paint = Callable[[str, str], str]
_CODES = {"bold": "1", "red": "1;31", "green": "32", "yellow": "33", "cyan": "36"}


def plain(text: str, style: str) -> str:
    """The text as it is."""
    return text


def coloured(text: str, style: str) -> str:
    """The text in a style of ANSI escape codes; as it is where the style is empty."""
    return f"\x1b[{_CODES[style]}m{text}\x1b[m" if style else text


def paint_for(choice: str, stream: TextIO | None) -> Paint:
    """What `--color auto|always|never` means for a stream (https://no-color.org)."""
    if choice == "auto":
        off = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        choice = "always" if stream is not None and stream.isatty() and not off else "never"
    return coloured if choice == "always" else plain

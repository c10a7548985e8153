"""A marked block of lines in somebody else's file, which can be taken out without a trace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

BEGIN = b"# migmerge: begin"
END = b"# migmerge: end"
_EMPTY = b" (the file was empty)"
_OPEN = b" (the line before had no end)"


class NotEditable(NamedTuple):
    """A file of the user's that can't be edited, and why."""

    why: str


def block(
    lines: Sequence[str], newline: bytes = b"\n", note: bytes = b"", indent: str = ""
) -> bytes:
    """The lines between marks."""
    pad = indent.encode()
    inner = [pad + line.encode() if line else b"" for line in lines]
    return newline.join([pad + BEGIN + note, *inner, pad + END, b""])


def with_block(source: bytes | None, lines: Sequence[str]) -> bytes:
    """`source` (None: no file) with the block at its end, in place of the one that is there."""
    plain = without_block(source)
    if plain is None:
        return block(lines)
    newline = b"\r\n" if b"\r\n" in plain else b"\n"
    if not plain:
        return block(lines, newline, _EMPTY)
    if not plain.endswith(b"\n"):
        return plain + newline + block(lines, newline, _OPEN)
    return plain + block(lines, newline)


Ours = Callable[[bytes], bool]


def without_blocks(source: bytes | None, ours: Ours | None = None) -> bytes | None:
    """`source` without any block of ours."""
    while (plain := without_block(source, ours)) != source:
        source = plain
    return source


def without_block(source: bytes | None, ours: Ours | None = None) -> bytes | None:
    """`source` as it was before `with_block`; None where there was no file.

    `ours` says which lines between the marks we wrote, and others stay; None: all of them.
    """
    if source is None or BEGIN not in source:
        return source

    lines = source.splitlines(keepends=True)
    first = next((i for i, line in enumerate(lines) if line.strip().startswith(BEGIN)), None)
    if first is None:
        return source  # somebody's own words

    last = next((i for i in range(first, len(lines)) if lines[i].strip() == END), None)
    if last is None:
        return source  # somebody's own line

    kept = [line for line in lines[first + 1 : last] if ours and not ours(line.strip())]
    before, after = b"".join(lines[:first]), b"".join([*kept, *lines[last + 1 :]])
    note = lines[first].strip()[len(BEGIN) :]
    if note == _OPEN and not after:
        before = before.removesuffix(b"\n").removesuffix(b"\r")
    if not before + after:
        return b"" if note == _EMPTY else None
    return before + after


def has_other_lines(source: bytes | None, ours: Ours) -> bool:
    """Whether somebody wrote lines of their own between our marks."""
    return without_blocks(source, ours) != without_blocks(source)

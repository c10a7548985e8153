"""The place in the graph of a migration of the usual form, without a syntax tree.

The compiler's own parser vouches for the file: that it is Python, with one top-level class
Migration that has these attributes. Brackets are matched only in what the attributes list. Any
other form is left to `reader`; `tests/unit/test_scanner.py` holds the two equal.
"""

from __future__ import annotations

import re
import symtable
from collections.abc import Iterable

from migmerge.migrations.model import Header, Reference

_CLASS = b"\nclass Migration(migrations.Migration):"
_ATTRIBUTES = (b"dependencies", b"run_before", b"replaces")
# a backslash may continue a line, and warns in a string; South's files have the same look
_UNUSUAL = (b"\\", b"\0", b"\f", b"south")
_SPACE = r"(?:[ \t\r\n]|\#[^\n]*\n)*"
_TEXT = r"""(?:"([\w. -]+)"|'([\w. -]+)')"""
_PAIR = rf"\({_SPACE}{_TEXT}{_SPACE},{_SPACE}{_TEXT}{_SPACE},?{_SPACE}\)"
_ITEM = rf"(?:{_PAIR}|migrations\.swappable_dependency\([\w.]+\))"
_PAIRS = re.compile(_PAIR.encode())
_LIST = re.compile(
    rf"[ \t]*=[ \t]*\[{_SPACE}(?:{_ITEM}{_SPACE}(?:,{_SPACE}{_ITEM}{_SPACE})*(?:,{_SPACE})?)?\]"
    r"[ \t]*(?:\#[^\n]*)?\r?(?:\n|\Z)".encode()
)


def scan_header(source: bytes) -> Header | None:
    """What `source` says about its place in the graph; None where its form is not the usual one."""
    start = source.find(_CLASS)
    if start < 0 or any(mark in source for mark in _UNUSUAL) or not _is_plain(source):
        return None
    lists: dict[str, tuple[Reference, ...]] = {}
    for word in _ATTRIBUTES:
        place = source.find(word)
        if place >= 0:
            entries = _entries(source, place, word)
            if entries is None:
                return None
            lists[word.decode()] = entries
    line = source.count(b"\n", 0, start) + 2
    if not _is_so(source, line, lists):
        return None
    dependencies, run_before = lists.get("dependencies", ()), lists.get("run_before", ())
    return Header(dependencies, run_before, lists.get("replaces", ()))


def _is_plain(source: bytes) -> bool:
    """Whether the text is ASCII's superset UTF-8, with the line ends that `\\n` counts."""
    declared = source.find(b"coding", 0, 200)
    known = declared < 0 or source[declared + 6 : declared + 14].strip(b":= ").lower() == b"utf-8"
    return known and source.count(b"\r") == source.count(b"\r\n")


def _entries(source: bytes, place: int, word: bytes) -> tuple[Reference, ...] | None:
    """The pairs of `word = […]`, a statement of its own; None if that isn't what is there."""
    before = source[source.rfind(b"\n", 0, place) + 1 : place]
    whole = _LIST.match(source, place + len(word))
    if whole is None or not before or before.strip(b" \t") or source.find(word, place + 1) >= 0:
        return None
    found = []
    line, counted = source.count(b"\n", 0, place) + 1, place
    for pair in _PAIRS.finditer(source, place, whole.end()):
        line += source.count(b"\n", counted, pair.start())
        counted = pair.start()
        one, other, two, another = pair.groups()
        found.append(Reference((one or other).decode(), (two or another).decode(), line))
    return tuple(found)


def _is_so(source: bytes, line: int, attributes: Iterable[str]) -> bool:
    """Whether the parser sees one top-level class Migration, at this line, that binds these names.

    The text might be that of a string, a call's keyword, or another class's.
    """
    try:
        top = symtable.symtable(source, "migration", "exec")  # type: ignore[arg-type]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    own = [table for table in top.get_children() if table.get_name() == "Migration"]
    if len(own) != 1 or own[0].get_lineno() != line or own[0].get_type() != "class":
        return False
    known = own[0].get_identifiers()
    return all(name in known for name in attributes)

"""The place in the graph of a migration of the usual form, without a syntax tree.

Brackets are matched only in what the attributes list. Unless the file is trusted, the compiler's
own parser vouches for it: that it is Python, with one top-level class Migration that has these
attributes. Any other form is left to `reader`; `tests/unit/test_scanner.py` holds the two equal.
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
_BOM = b"\xef\xbb\xbf"
_OPENERS = (b"(", b"[", b"{", b"'", b'"')
_COMMENT = re.compile(rb"\#[^\n]*")
_STRING = re.compile(rb"""\#[^\n]*|"[^"\n]*"|'[^'\n]*'""")
_CLASSES = re.compile(rb"\bclass\s+Migration")
_BODY = re.compile(rb"[ \t]*\r?\n(?:[ \t]*(?:\#[^\n]*)?\r?\n)*([ \t]+)")
_OUTSIDE = re.compile(rb"\n[^ \t\r\n#]")
_SPACE = r"(?:[ \t\r\n]|\#[^\n]*\n)*"
_TEXT = r"""(?:"([\w. -]+)"|'([\w. -]+)')"""
_PAIR = rf"\({_SPACE}{_TEXT}{_SPACE},{_SPACE}{_TEXT}{_SPACE},?{_SPACE}\)"
_ITEM = rf"(?:{_PAIR}|migrations\.swappable_dependency\([\w.]+\))"
_PAIRS = re.compile(_PAIR.encode())
_LIST = re.compile(
    rf"[ \t]*=[ \t]*\[{_SPACE}(?:{_ITEM}{_SPACE}(?:,{_SPACE}{_ITEM}{_SPACE})*(?:,{_SPACE})?)?\]"
    r"[ \t]*(?:\#[^\n]*)?\r?(?:\n|\Z)".encode()
)


def scan_header(source: bytes, *, trusted: bool = False) -> Header | None:
    """What `source` says about its place in the graph; None where its form is not the usual one.

    `trusted` is a file that is known to be Python: then the parser is not asked.
    """
    start = source.find(_CLASS)
    if start < 0 or any(mark in source for mark in _UNUSUAL) or not _is_plain(source):
        return None
    if not source.isascii() and not _STRING.sub(b"", source.removeprefix(_BOM)).isascii():
        return None  # Python reads other letters in a name as these

    lists: dict[str, tuple[Reference, ...]] = {}
    sure = trusted and _is_only_class(source) and not _may_span_lines(source)
    for word in _ATTRIBUTES:
        place = source.find(word)
        if place >= 0:
            entries = _entries(source, place, word)
            if entries is None:
                return None
            lists[word.decode()] = entries
            sure = sure and _is_in_body(source, start, place)

    if not sure and not _is_so(source, source.count(b"\n", 0, start) + 2, lists):
        return None
    dependencies, run_before = lists.get("dependencies", ()), lists.get("run_before", ())
    return Header(dependencies, run_before, lists.get("replaces", ()))


def _is_only_class(source: bytes) -> bool:
    return source.count(b"class") == 1 or len(_CLASSES.findall(source)) == 1


def _may_span_lines(source: bytes) -> bool:
    """Whether a string may go over several lines, and look like code; or there are markers."""
    return any(mark in source for mark in (b'"""', b"'''", b"\n<<<<<<<", b"\n>>>>>>>"))


def _is_in_body(source: bytes, start: int, place: int) -> bool:
    """Whether what is at `place` is a statement of the class at `start`, given valid Python.

    Nothing in between ends the class, its indentation is the body's, and all brackets are closed.
    """
    body = _BODY.match(source, start + len(_CLASS))
    first = source.rfind(b"\n", 0, place) + 1
    if place < start or body is None or source[first:place] != body.group(1):
        return False

    before = source[start + len(_CLASS) : first]
    if _OUTSIDE.search(before):
        return False
    if not any(mark in before for mark in _OPENERS):
        return True

    code = _STRING.sub(b"", before)
    opened = sum(code.count(bracket) for bracket in (b"(", b"[", b"{"))
    closed = sum(code.count(bracket) for bracket in (b")", b"]", b"}"))
    return opened == closed and b"'" not in code and b'"' not in code


def _is_plain(source: bytes) -> bool:
    """Whether the text is ASCII's superset UTF-8, with the line ends that `\\n` counts."""
    declared = source.find(b"coding", 0, 200)
    is_utf8 = declared < 0 or source[declared + 6 : declared + 14].strip(b":= ").lower() == b"utf-8"
    return is_utf8 and source.count(b"\r") == source.count(b"\r\n")


def _entries(source: bytes, place: int, word: bytes) -> tuple[Reference, ...] | None:
    """The pairs of `word = […]`, a statement of its own; None if that isn't what is there."""
    before = source[source.rfind(b"\n", 0, place) + 1 : place]
    whole = _LIST.match(source, place + len(word))
    if whole is None or not before or before.strip(b" \t") or source.find(word, place + 1) >= 0:
        return None

    listed = whole.group()
    if b"#" in listed:  # no pair holds one, so that it begins a comment
        listed = _COMMENT.sub(b"", listed)
    entries = []
    line, counted = source.count(b"\n", 0, place) + 1, 0
    for pair in _PAIRS.finditer(listed):
        line += listed.count(b"\n", counted, pair.start())
        counted = pair.start()
        one, other, two, another = pair.groups()
        entries.append(Reference((one or other).decode(), (two or another).decode(), line))

    return tuple(entries)


def _is_so(source: bytes, line: int, attributes: Iterable[str]) -> bool:
    """Whether the parser sees one top-level class Migration, at this line, that binds these names.

    The text might be that of a string, a call's keyword, or another class's.
    """
    try:
        top = symtable.symtable(source, "migration", "exec")  # type: ignore[arg-type]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False

    tables = [table for table in top.get_children() if table.get_name() == "Migration"]
    if len(tables) != 1 or tables[0].get_lineno() != line or tables[0].get_type() != "class":
        return False
    identifiers = tables[0].get_identifiers()
    return all(name in identifiers for name in attributes)

"""Giving references other names in a migration's text, every other byte as it was.

LibCST finds the string literals; the new names are spliced into the original bytes, and the
result is read again to see that it says exactly what was meant.
"""

from __future__ import annotations

import ast
import codecs
import io
import re
import tokenize
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from migmerge.migrations.model import Header, Reference
from migmerge.migrations.reader import GRAPH_ATTRIBUTES, read_header

if TYPE_CHECKING:
    import libcst

Names = Mapping[tuple[str, str], str]
_ASSIGNS = re.compile(rb"[ \t]*replaces[ \t]*(:[^=]*)?=[ \t]*")
_BLANK = re.compile(rb"[ \t]*\r?\n")


class Edit(NamedTuple):
    """What to change in one file: attribute -> (label, old name) -> new name.

    `add` is a `(label, name)` that `dependencies` gets in addition; `replaces` one that becomes
    the only entry of the attribute of this name; with `bare` that attribute goes.
    """

    names: Mapping[str, Names]
    add: tuple[str, str] | None = None
    replaces: tuple[str, str] | None = None
    bare: bool = False


class Unrewritable(NamedTuple):
    """Why a file can't be rewritten, and the line (0 when there is no single one)."""

    line: int
    reason: str


class _Splice(NamedTuple):
    start: int
    end: int
    text: bytes


def rewrite(source: bytes, edit: Edit) -> bytes | Unrewritable:
    """`source` with the edit made, or why it can't be made without guessing."""
    if edit.add and edit.names.get("dependencies"):
        # an entry in the list and the list itself: one after the other
        renamed = rewrite(source, edit._replace(add=None))
        added = Edit({}, edit.add)
        return renamed if isinstance(renamed, Unrewritable) else rewrite(renamed, added)
    before = read_header(source)
    if before is None or before.error:
        return Unrewritable(before.error.line if before and before.error else 0, "does not parse")

    decoded = _decode(source)
    if decoded is None:
        return Unrewritable(0, "its encoding can't be determined")

    text, encoding, mark = decoded
    raw = text.encode()
    if edit.replaces and before.replaces:
        reason = "it carries another name already"
        return Unrewritable(before.replaces[0].line, reason)

    splices = _splices(text, edit)
    if isinstance(splices, Unrewritable):
        return splices

    for splice in sorted(splices, reverse=True):
        raw = raw[: splice.start] + splice.text + raw[splice.end :]

    result = mark + raw.decode().encode(encoding)
    return _checked(before, read_header(result), edit) or result


def _decode(source: bytes) -> tuple[str, str, bytes] | None:
    """`(text, encoding, byte order mark)` with line endings as they are."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
        mark = codecs.BOM_UTF8 if source.startswith(codecs.BOM_UTF8) else b""
        encoding = "utf-8" if encoding == "utf-8-sig" else encoding
        text = source[len(mark) :].decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        return None
    return (text, encoding, mark) if text.encode(encoding) == source[len(mark) :] else None


def _checked(before: Header, after: Header | None, edit: Edit) -> Unrewritable | None:
    """None when `after` is `before` with exactly the edit made."""
    if after is None or after.error:
        return Unrewritable(0, "would not parse any more")

    for attribute in GRAPH_ATTRIBUTES:
        names = edit.names.get(attribute, {})
        expected = [
            (ref.label, names.get((ref.label, ref.name), ref.name), ref.line)
            for ref in getattr(before, attribute)
        ]
        written: list[Reference] = list(getattr(after, attribute))
        if attribute == "dependencies" and edit.add:
            if not written or (written[-1].label, written[-1].name) != edit.add:
                return Unrewritable(0, "dependencies can't be added to")
            written = written[:-1]

        if attribute == "replaces" and edit.replaces:
            if [(ref.label, ref.name) for ref in written] != [edit.replaces]:
                return Unrewritable(0, "replaces can't be written")
            written = []

        if attribute == "replaces" and edit.bare:
            expected = []
        for (label, name, line), now in zip(expected, written, strict=False):
            if (label, name) != (now.label, now.name):
                return Unrewritable(line, f"{attribute} are put together from other values")

        if len(expected) != len(written):
            return Unrewritable(0, f"{attribute} can't be rewritten")

    return None


def _splices(text: str, edit: Edit) -> list[_Splice] | Unrewritable:
    # only here: nothing but a fix pays for LibCST
    from libcst.metadata import ByteSpanPositionProvider, MetadataWrapper

    from migmerge.migrations.cst import parse_module

    module = parse_module(text)
    if module is None:
        return Unrewritable(0, "LibCST can't parse it")

    wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
    if wrapper.module.code != text:  # pragma: no cover (LibCST promises it; nothing else would see)
        return Unrewritable(0, "LibCST doesn't give back its text")

    spans = wrapper.resolve(ByteSpanPositionProvider)
    splices: list[_Splice] = []
    for attribute, value in _attributes(wrapper.module):
        for literal, name in _literals(value, edit.names.get(attribute, {})):
            span = spans[literal]
            quoted = _requoted(text.encode()[span.start : span.start + span.length], name)
            splices.append(_Splice(span.start, span.start + span.length, quoted))

        if attribute == "dependencies" and edit.add:
            span = spans[value]
            raw = text.encode()[span.start : span.start + span.length]
            added = _with_entry(raw, edit.add)
            if added is None:
                return Unrewritable(0, "dependencies can't be added to")
            splices.append(_Splice(span.start, span.start + span.length, added))

        if attribute == "replaces" and edit.bare:
            gone = _line_of(text.encode(), spans[value].start, spans[value].length)
            if gone is None:
                return Unrewritable(0, "replaces shares its lines with something else")
            splices.append(_Splice(*gone, b""))

        if attribute == "dependencies" and edit.replaces:
            start, line = _line_before(text.encode(), spans[value].start, edit.replaces)
            splices.append(_Splice(start, start, line))

    return splices


def _line_before(raw: bytes, position: int, entry: tuple[str, str]) -> tuple[int, bytes]:
    """Where the line of `position` begins, and `replaces` as a line to go there."""
    start = raw.rfind(b"\n", 0, position) + 1
    rest = raw[start:]
    indent = rest[: len(rest) - len(rest.lstrip(b" \t"))]
    newline = b"\r\n" if b"\r\n" in raw else b"\n"
    quote = b'"' if raw.count(b'"') >= raw.count(b"'") else b"'"
    label, name = (quote + part.encode() + quote for part in entry)
    return start, indent + b"replaces = [(" + label + b", " + name + b")]" + newline


def _line_of(raw: bytes, position: int, length: int) -> tuple[int, int] | None:
    """The lines of an assignment whose value is at `position`, with an empty one after it where
    there is one before, too; None where they hold more."""
    start = raw.rfind(b"\n", 0, position) + 1
    after = raw.find(b"\n", position + length)
    end = len(raw) if after < 0 else after + 1
    rest = raw[position + length : end].strip()
    if not _ASSIGNS.fullmatch(raw[start:position]) or (rest and not rest.startswith(b"#")):
        return None

    before = raw[:start].rstrip(b" \t\r\n")
    empty = raw[len(before) : start].count(b"\n") > 1
    blank = _BLANK.match(raw, end)
    return start, blank.end() if blank and empty else end


def _attributes(module: libcst.Module) -> list[tuple[str, libcst.BaseExpression]]:
    """`(name, value)` of the graph attributes assigned in the body of `class Migration`."""
    import libcst

    attributes: list[tuple[str, libcst.BaseExpression]] = []

    class Finder(libcst.CSTVisitor):
        def visit_FunctionDef(self, node: libcst.FunctionDef) -> bool:
            return False

        def visit_ClassDef(self, node: libcst.ClassDef) -> bool:
            return node.name.value == "Migration"

        def visit_Assign(self, node: libcst.Assign) -> None:
            for target in node.targets:
                self.keep(target.target, node.value)

        def visit_AnnAssign(self, node: libcst.AnnAssign) -> None:
            if node.value is not None:
                self.keep(node.target, node.value)

        def visit_AugAssign(self, node: libcst.AugAssign) -> None:
            self.keep(node.target, node.value)

        def keep(self, target: libcst.BaseExpression, value: libcst.BaseExpression) -> None:
            if isinstance(target, libcst.Name) and target.value in GRAPH_ATTRIBUTES:
                attributes.append((target.value, value))

    module.visit(Finder())
    return attributes


def _literals(
    value: libcst.BaseExpression, names: Names
) -> list[tuple[libcst.BaseExpression, str]]:
    """The string nodes inside `value` that hold a name to be changed, with the new name."""
    import libcst
    from libcst import matchers

    literals: list[tuple[libcst.BaseExpression, str]] = []
    strings = (libcst.SimpleString, libcst.ConcatenatedString)
    for pair in matchers.findall(value, matchers.Tuple() | matchers.List()):
        assert isinstance(pair, (libcst.Tuple, libcst.List))
        parts = [element.value for element in pair.elements]
        if len(parts) == 2 and all(isinstance(part, strings) for part in parts):
            label, name = (ast.literal_eval(_code(part)) for part in parts)
            if (label, name) in names:
                literals.append((parts[1], names[label, name]))

    return literals


def _code(node: libcst.BaseExpression) -> str:
    import libcst

    return libcst.Module([]).code_for_node(node)


def _requoted(literal: bytes, name: str) -> bytes:
    """`name` in the same prefix and quotes as `literal`, as far as it needs no escapes there."""
    plain = name.isascii() and not set(name) & set("\"'\\\r\n{}")
    start = next(i for i, c in enumerate(literal) if c in b"\"'")
    quote = literal[start : start + 1]
    width = 3 if literal[start : start + 3] == quote * 3 else 1
    body = literal[start + width : -width]
    if plain and quote not in body:  # one literal, not several side by side
        return literal[: start + width] + name.encode() + literal[-width:]
    return repr(name).encode()


def _with_entry(raw: bytes, entry: tuple[str, str]) -> bytes | None:
    """The list or tuple `raw` with one entry more at its end, in its own layout."""
    quote = b'"' if raw.count(b'"') >= raw.count(b"'") else b"'"
    label, name = (quote + part.encode() + quote for part in entry)
    pair = b"(" + label + b", " + name + b")"
    inner = raw[1:-1]
    if raw[:1] + raw[-1:] not in (b"[]", b"()"):
        return None
    if not inner.strip():
        comma = b"," if raw[:1] == b"(" else b""
        return raw[:1] + pair + comma + raw[-1:]
    if b"#" in inner:
        return None

    body, tail = inner.rstrip(), inner[len(inner.rstrip()) :]
    newline = b"\r\n" if b"\r\n" in inner else b"\n"
    if newline in tail and inner.startswith((b"\n", b"\r\n")):
        first = inner.lstrip(b"\r\n")
        indent = first[: len(first) - len(first.lstrip())]
        separator = b"" if body.endswith(b",") else b","
        return raw[:1] + body + separator + newline + indent + pair + b"," + tail + raw[-1:]
    separator = b" " if body.endswith(b",") else b", "
    return raw[:1] + body + separator + pair + tail + raw[-1:]

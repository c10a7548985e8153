"""What can still be read of a migration file that is not Python (for this interpreter).

Python 2 code in old histories, newer syntax than ours, a half-resolved textual conflict: the
file is reported, and its literal dependencies keep the rest of the graph from falling apart.
"""

from __future__ import annotations

import ast
import re

from migmerge.migrations.literals import Constants, references
from migmerge.migrations.model import Header, Opaque, Reference

_ATTRIBUTE = re.compile(
    rb"^[ \t]+(dependencies|run_before|replaces)[ \t]*(?::[^=\n]*)?=[ \t]*(?=[\[(])", re.MULTILINE
)
_TOKEN = re.compile(
    rb"""[rbuRBU]{0,2}('{3}|"{3})(?:\\.|[^\\])*?\1|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'"""
    rb"""|\#[^\n]*|[\[({]|[\])}]""",
    re.DOTALL,
)


def salvage(source: bytes) -> Header:
    """The literal graph attributes of broken `source`; what can't be read is opaque."""
    salvaged: dict[str, tuple[Reference, ...]] = {}
    opaque: list[Opaque] = []
    for match in _ATTRIBUTE.finditer(source):
        name = match.group(1).decode()
        line = source.count(b"\n", 0, match.start()) + 1
        entries = _literal(source, match.end(), line)
        if entries is None or name in salvaged:
            opaque.append(Opaque(line, name))
        else:
            salvaged[name] = entries

    if "dependencies" not in salvaged and not opaque:
        opaque.append(Opaque(1, "dependencies"))
    return Header(
        salvaged.get("dependencies", ()),
        salvaged.get("run_before", ()),
        salvaged.get("replaces", ()),
        tuple(opaque),
    )


def _literal(source: bytes, start: int, line: int) -> tuple[Reference, ...] | None:
    end = _closing(source, start)
    try:
        node = ast.parse(source[start:end].decode(), mode="eval").body
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    entries = references(node, Constants())
    if entries.opaque:
        return None
    return tuple(ref._replace(line=ref.line + line - 1) for ref in entries.references)


def _closing(source: bytes, start: int) -> int:
    """Where the bracket that opens at `start` is closed; the end of the text if nowhere."""
    depth = 0
    for token in _TOKEN.finditer(source, start):
        first = token.group()[:1]
        depth += (first in b"[({") - (first in b"])}")
        if depth == 0 and first in b"])}":
            return token.end()
    return len(source)

"""Which tables the statements of a RunSQL name, by the parser of sqlglot (an extra)."""

from __future__ import annotations

import ast
import logging
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

from migmerge.migrations.operations import OpaqueCode, Script, is_none

if TYPE_CHECKING:
    from sqlglot import exp

# the grammar that is closest to what Django's databases have in common
_DIALECTS = ("postgres", "mysql", "sqlite")


class Sql(NamedTuple):
    """Tables and indexes or constraints that are named, lower-cased and without a schema."""

    tables: frozenset[str] = frozenset()
    objects: frozenset[str] = frozenset()


def read_sql(script: Script, node: ast.expr | None) -> Sql | OpaqueCode:
    """What the statements name."""
    if node is None or is_none(node) or (isinstance(node, ast.Attribute) and node.attr == "noop"):
        return Sql()

    texts = _texts(script, node)
    if texts is None:
        return OpaqueCode("RunSQL runs computed SQL")
    if not any(text.strip() for text in texts):
        return Sql()
    if find_spec("sqlglot") is None:
        return OpaqueCode("RunSQL runs SQL, which migmerge[sql] would read")

    tables: set[str] = set()
    objects: set[str] = set()
    for text in texts:
        named = _read(text)
        if isinstance(named, OpaqueCode):
            return named
        tables |= named.tables
        objects |= named.objects

    return Sql(frozenset(tables), frozenset(objects))


def _texts(script: Script, node: ast.expr) -> list[str] | None:
    """The statements: a string, or a list of strings and `(string, parameters)`."""
    text = script.text(node)
    if text is not None:
        return [text]
    if not isinstance(node, (ast.List, ast.Tuple)):
        return None

    texts = []
    for element in node.elts:
        if isinstance(element, (ast.List, ast.Tuple)) and len(element.elts) == 2:
            element = element.elts[0]
        text = script.text(element)
        if text is None:
            return None
        texts.append(text)

    return texts


def _read(text: str) -> Sql | OpaqueCode:
    import sqlglot  # an extra, and heavy: only where SQL runs
    from sqlglot.errors import SqlglotError

    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns of what we call opaque
    for dialect in _DIALECTS:
        try:
            statements = [s for s in sqlglot.parse(text, read=dialect) if s is not None]
        except (SqlglotError, RecursionError):
            continue

        return _named(statements)

    return OpaqueCode("RunSQL runs SQL that does not parse")


def _named(statements: list[exp.Expr]) -> Sql | OpaqueCode:
    from sqlglot import exp

    plain = (exp.Select, exp.Insert, exp.Update, exp.Create, exp.Alter, exp.Comment)
    hidden = (exp.Delete, exp.Command, exp.Anonymous, exp.Into, exp.Drop)
    tables: set[str] = set()
    objects: set[str] = set()
    for statement in statements:
        kind = str(statement.args.get("kind") or "").upper()
        made = not isinstance(statement, exp.Create) or kind in ("TABLE", "INDEX")
        if not isinstance(statement, plain) or not made:
            return OpaqueCode(f"RunSQL runs a {statement.key.upper()} statement")
        if statement.find(*hidden):
            return OpaqueCode("RunSQL runs SQL that can't be followed")
        tables |= {table.name.lower() for table in statement.find_all(exp.Table)}
        objects |= {i.name.lower() for i in statement.find_all(exp.Index, exp.Constraint)}

    return Sql(frozenset(tables), frozenset(objects - {""}))

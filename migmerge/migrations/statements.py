"""Which tables the statements of a RunSQL name, by the parser of sqlglot (an extra)."""

from __future__ import annotations

import ast
import logging
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

from migmerge.migrations.operations import OpaqueCode, Script, is_none
from migmerge.migrations.recorder import ANY

if TYPE_CHECKING:
    from sqlglot import exp

# the grammar that is closest to what Django's databases have in common
_DIALECTS = ("postgres", "mysql", "sqlite")


# functions that sqlglot does not know, and that read nothing but their arguments
_PURE = frozenset((
    "array_append", "array_remove", "jsonb_build_object", "jsonb_set", "jsonb_strip_nulls",
    "regexp_match", "setweight", "to_tsvector", "unaccent", "uuid_generate_v4",
))  # fmt: skip


class Sql(NamedTuple):
    """What statements name, lower-cased and without a schema: tables (`*` for one that they
    hide), indexes and constraints, and the tables from which they may delete rows.

    `rows_only` where no column is made, and no row: a column that none of the `columns` names
    disturbs nothing.
    """

    tables: frozenset[str] = frozenset()
    objects: frozenset[str] = frozenset()
    emptied: frozenset[str] = frozenset()
    rows_only: bool = True
    columns: frozenset[str] = frozenset()


def read_sql(script: Script, node: ast.expr | None) -> Sql | OpaqueCode:
    """What the statements name."""
    if node is None or is_none(node) or (isinstance(node, ast.Attribute) and node.attr == "noop"):
        return Sql()

    texts = _texts(script, node)
    if texts is None:
        return OpaqueCode("RunSQL runs computed SQL")
    sql = read_statements(texts)
    return OpaqueCode(f"RunSQL {sql.why}") if isinstance(sql, OpaqueCode) else sql


def read_statements(texts: Sequence[str]) -> Sql | OpaqueCode:
    """What SQL names; why it can't be read is the end of a sentence."""
    if not any(text.strip() for text in texts):
        return Sql()
    if find_spec("sqlglot") is None:
        return OpaqueCode("runs SQL, which migmerge[sql] would read")

    parts = []
    for text in texts:
        statements = _parse(text)
        if statements is None:
            return OpaqueCode("runs SQL that does not parse")

        for statement in statements:
            part = _read(statement)
            if isinstance(part, OpaqueCode):
                return part
            parts.append(part)

    return Sql(
        frozenset().union(*(part.tables for part in parts)),
        frozenset().union(*(part.objects for part in parts)),
        frozenset().union(*(part.emptied for part in parts)),
        all(part.rows_only for part in parts),
        frozenset().union(*(part.columns for part in parts)),
    )


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


def _parse(text: str) -> list[exp.Expr] | None:
    import sqlglot  # an extra, and heavy: only where SQL runs
    from sqlglot.errors import SqlglotError

    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns of what we call opaque
    for dialect in _DIALECTS:
        try:
            return [s for s in sqlglot.parse(text, read=dialect) if s is not None]
        except (SqlglotError, RecursionError):
            continue
    return None


def _read(statement: exp.Expr) -> Sql | OpaqueCode:
    from sqlglot import exp

    kind = str(statement.args.get("kind") or "").upper()
    if isinstance(statement, exp.Drop):
        return _read_drop(statement, kind)

    plain = (exp.Select, exp.Insert, exp.Update, exp.Delete, exp.Create, exp.Alter, exp.Comment)
    made = not isinstance(statement, exp.Create) or kind in ("TABLE", "INDEX")
    if not isinstance(statement, plain) or not made:
        return OpaqueCode(f"runs a {statement.key.upper()} statement")
    if statement.find(exp.Command, exp.Into) or _hides_something(statement):
        return OpaqueCode("runs SQL that can't be followed")

    named = frozenset(table.name.lower() for table in statement.find_all(exp.Table))
    if isinstance(statement, exp.Comment):  # of a column, with its table
        named |= {column.table.lower() for column in statement.find_all(exp.Column)} - {""}
    if not named and not isinstance(statement, exp.Select):
        return OpaqueCode("runs SQL that can't be followed")

    if any(_is_of_catalogue(table) for table in statement.find_all(exp.Table)):
        return OpaqueCode("runs SQL that asks which tables and columns there are")

    objects = {i.name.lower() for i in statement.find_all(exp.Index, exp.Constraint)}
    if isinstance(statement, exp.Alter):  # what it drops or renames stands there as a table
        objects |= named
    deletes = any(statement.find_all(exp.Delete))
    columns = {column.name.lower() for column in statement.find_all(exp.Column)}
    for join in statement.find_all(exp.Join):
        columns |= {column.name.lower() for column in join.args.get("using") or ()}
    return Sql(
        named,
        frozenset(objects - {""}),
        named if deletes else frozenset(),
        _names_columns(statement),
        frozenset(columns),
    )


def _is_of_catalogue(table: exp.Table) -> bool:
    schemas = ("information_schema", "mysql", "performance_schema", "pg_catalog", "sys")
    return table.db.lower() in schemas or table.name.lower().startswith(
        ("pg_", "pragma_", "sqlite_")
    )


def _names_columns(statement: exp.Expr) -> bool:
    """Whether it makes no row, and each column that it uses stands there."""
    from sqlglot import exp

    if not isinstance(statement, (exp.Select, exp.Update, exp.Delete)):
        return False

    stars = statement.find_all(exp.Star)
    every = any(not isinstance(star.parent, exp.Count) for star in stars)
    natural = any(join.args.get("method") for join in statement.find_all(exp.Join))
    rows = {table.alias_or_name.lower() for table in statement.find_all(exp.Table)}
    whole = any(column.name.lower() in rows for column in statement.find_all(exp.Column))
    makes = any(statement.find_all(exp.Insert))
    return not (every or natural or whole or makes)


def _read_drop(statement: exp.Drop, kind: str) -> Sql | OpaqueCode:
    """DROP TABLE, and DROP INDEX IF EXISTS, which does not name its table everywhere."""
    from sqlglot import exp

    names = frozenset(table.name.lower() for table in statement.find_all(exp.Table))
    if not statement.args.get("cascade"):
        if kind == "TABLE":
            return Sql(names, names, rows_only=False)
        if kind == "INDEX" and statement.args.get("exists"):
            return Sql(frozenset({ANY}), names, rows_only=False)

    return OpaqueCode("runs a DROP statement")


def _hides_something(statement: exp.Expr) -> bool:
    """Functions that may do anything, and what a dropped column or constraint takes with it."""
    from sqlglot import exp

    return any(f.name.lower() not in _PURE for f in statement.find_all(exp.Anonymous)) or any(
        drop.args.get("cascade") for drop in statement.find_all(exp.Drop)
    )

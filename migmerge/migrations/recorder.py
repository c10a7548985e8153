"""The values that say what an operation reads and writes, and how they are collected."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from migmerge.migrations.facts import Facts
from migmerge.migrations.operations import Call, Script, is_none

ANY = "*"


class Touch(NamedTuple):
    """Something that an operation reads or writes; the name `*` is all of its kind.

    Kinds: `model` and `field` (their life and definition), `reverse` (a name that a relation
    gives its target), `column`, `relation` (a table, an index or a constraint, which share their
    names on PostgreSQL and SQLite), `columns` and `tables` (those whose names aren't known),
    `option`, `key` (the type of a primary key), `storage` (a model's table as it is), `address`
    (its table's name), `state` (that state and table agree), `removal` (that the fields of an
    unnamed index stay), `kin` (that a model's bases and children stay), `collation`, `swap` (which
    model a setting names), `rows`, `new rows`, `lost rows` (those that code deletes, with all that
    goes with them), `sql` (a table that SQL names), `sql rows` (the same, where other columns are
    no matter), `sql column` (a name that SQL may mean a column by), `word` (a name that code uses),
    `code` (a table on which code or SQL runs).
    """

    kind: str
    name: str


class Footprint(NamedTuple):
    """What one operation of `migration` does to `model` (`label.model`) and, maybe, to `field`.

    `body` tells identical operations apart, `keywords` is a field's definition, `opaque` why
    the rest isn't known; `reversible` whether `migrate` can take it back, `whole` whether it acts
    on both state and database.
    """

    operation: str
    migration: str
    line: int
    model: str = ""
    field: str = ""
    writes: frozenset[Touch] = frozenset()
    reads: frozenset[Touch] = frozenset()
    body: str = ""
    keywords: Mapping[str, str] = {}
    opaque: str = ""
    reversible: bool = True
    whole: bool = True


class Computed(Exception):
    """An argument that can't be read; the message is its name."""


class Unknown(Exception):
    """Code that can't be followed; the message says why."""


class Marks:
    """The touches of one call, as they are found."""

    def __init__(self, script: Script, facts: Facts, call: Call) -> None:
        self.script, self.facts, self.call = script, facts, call
        self.model = self.field = ""
        self.writes: set[Touch] = set()
        self.reads: set[Touch] = set()
        self.keywords: Mapping[str, str] = {}

    def write(self, kind: str, *names: str) -> None:
        self.writes |= {Touch(kind, name) for name in names}

    def read(self, kind: str, *names: str) -> None:
        self.reads |= {Touch(kind, name) for name in names}

    def read_by_sql(self, *tables: str) -> None:
        """SQL that names these tables is disturbed."""
        self.read("sql", *tables)
        self.read("sql rows", *tables)

    def text(self, key: str) -> str:
        """A name that the operation can't do without, lower-cased."""
        value = self.script.text(self.call.arguments.get(key))
        if value is None:
            raise Computed(key)
        return value.lower()

    def argument(self, key: str) -> ast.expr | None:
        """An argument that is written out; None where it is left out or None."""
        node = self.call.arguments.get(key)
        if node is None or is_none(node):
            return None
        if isinstance(node, ast.Name) and self.script.text(node) is None:
            raise Computed(key)
        return node

    def of_model(self, key: str) -> None:
        """The operation acts on an existing model, and so on its table."""
        self.model = f"{self.script.label}.{self.text(key)}"
        self.read("model", self.model)
        self.read("rows", self.model)
        self.read_by_sql(*self.tables_of(self.model))
        self.read("storage", self.model)
        name = self.text(key)
        self.read("word", name, f"{name}_set", *self.facts.handles.get(self.model, ()))
        if self.call.route != "both":
            self.write("storage", self.model)
            self.write("state", self.model)

    def without_code(self) -> None:
        """Code and SQL that use rows of the model aren't disturbed."""
        rows = Touch("rows", self.model)
        self.reads = {t for t in self.reads if t != rows and t.kind not in ("word", "sql rows")}

    def tables_of(self, model: str) -> set[str]:
        return self.facts.tables_named(model)

    def of_fields(self, names: Iterable[str], model: str = "") -> None:
        either = {part for name in names for part in (name, name.removesuffix("_id"))}
        self.read("field", *(f"{model or self.model}.{name}" for name in either))

    def take_column(self, *columns: str) -> None:
        taken = [f"{self.model}.{column}" for column in columns]
        self.write("column", *taken)
        if self.facts.columns.intersection(taken):
            self.read("columns", self.model)

    def free_column(self, field: str) -> None:
        """Whatever column a field had: its default one, or one that was given explicitly."""
        self.write("column", f"{self.model}.{field}", f"{self.model}.{field}_id")
        self.write("columns", self.model)

    def take_table(self, *tables: str) -> None:
        self.write("relation", *tables)
        self.read_by_sql(*tables)
        if self.facts.tables.intersection(tables):
            self.read("tables", ANY)

    def free_table(self, model: str) -> None:
        """A model's table, and those of its many-to-many fields, which start with its name."""
        self.write("relation", *self.tables_of(model))
        self.write("tables", ANY)
        self.read_by_sql(ANY)

"""Runs pairs of migrations in both orders on a real database, and compares all that is left.

    python both_orders.py sqlite|postgresql|mariadb < pairs.json > outcomes.json

A pair is two texts of migrations for the shop of `further_operations`; the outcome is empty
where both orders give the same state, schema and rows, else what differs. Its own process,
because Django's settings are one for all.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import django
from django.conf import settings

ENGINE = sys.argv[1]
NAME = f"migmerge_{os.getpid()}"  # several processes may run at once
DATABASES: dict[str, dict[str, Any]] = {
    "sqlite": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"},
    "postgresql": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "postgres",
        "HOST": "127.0.0.1",
        "USER": "postgres",
    },
    "mariadb": {
        "ENGINE": "django.db.backends.mysql",
        "NAME": "",
        "HOST": "127.0.0.1",
        "USER": "root",
        "OPTIONS": {"charset": "utf8mb4"},
    },
}
if ENGINE == "mariadb":
    import pymysql

    pymysql.version_info = (2, 2, 8, "final", 0)
    pymysql.install_as_MySQLdb()
settings.configure(
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        *(["django.contrib.postgres"] if ENGINE == "postgresql" else []),
    ],
    DATABASES={"default": DATABASES[ENGINE]},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
    SILENCED_SYSTEM_CHECKS=["models.W037", "models.W038"],
)
django.setup()

from django.db import connection, transaction  # noqa: E402
from django.db.migrations.state import ProjectState  # noqa: E402

from tests.project.further_operations import BASE, ROWS  # noqa: E402

# gives a database that holds the shop, as often as it is entered
Scratch = Callable[[], AbstractContextManager[None]]


def operations(source: str) -> tuple[str, list]:
    """Fresh operations each time: applying them changes their own fields."""
    space: dict = {}
    exec(compile(source, "migration", "exec"), space)
    return "shop", space["Migration"].operations


def apply(state: ProjectState, source: str) -> ProjectState:
    label, found = operations(source)
    for operation in found:
        before = state.clone()
        operation.state_forwards(label, state)
        with connection.schema_editor(atomic="Concurrently" not in str(operation)) as editor:
            operation.database_forwards(label, editor, before, state)
        if ENGINE == "postgresql":
            execute("SET CONSTRAINTS ALL IMMEDIATE")
    return state


def execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def known(name: str) -> str:
    """SQLite counts what has no name, in the order in which it was made."""
    return "" if name.startswith(("__unnamed", "sqlite_autoindex", "fk_")) else name


_SCHEMAS: dict[str, list] = {}  # by what made the table, on SQLite, which has it as text


def schema_of(cursor: Any, table: str) -> list:
    """Names, columns and constraints of a table."""
    key = ""
    if ENGINE == "sqlite":
        cursor.execute("SELECT sql FROM sqlite_master WHERE tbl_name = %s ORDER BY name", [table])
        key = repr(cursor.fetchall())
        if key in _SCHEMAS:
            return _SCHEMAS[key]

    columns = connection.introspection.get_table_description(cursor, table)
    shape = sorted(str((c.name, c.type_code, c.display_size, c.null_ok, c.default,
                        getattr(c, "collation", None), getattr(c, "comment", None)))
                   for c in columns)  # fmt: skip
    constraints = connection.introspection.get_constraints(cursor, table)
    _SCHEMAS[key] = schema = [[c.name for c in columns], shape, repr(sorted(
        (known(name), str(sorted((k, str(v)) for k, v in c.items())))
        for name, c in constraints.items()))]  # fmt: skip
    return schema


# what introspection passes over: comments, triggers and generated columns
CATALOGUES = {
    "sqlite": (
        "SELECT name, sql FROM sqlite_master WHERE type IN ('view', 'trigger')",
        "SELECT m.name, x.name, x.hidden, instr(m.sql, 'GENERATED') > 0 FROM sqlite_master m, "
        "pragma_table_xinfo(m.name) x WHERE m.type = 'table'",
    ),
    "postgresql": (
        "SELECT c.relname, a.attname, a.attgenerated, col_description(c.oid, a.attnum), "
        "obj_description(c.oid) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
        "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v') AND attnum > 0 "
        "AND NOT attisdropped",
        "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal",
        "SELECT extname FROM pg_extension",
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace",
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    ),
    "mariadb": (
        "SELECT table_name, column_name, extra, column_comment FROM information_schema.columns "
        "WHERE table_schema = DATABASE()",
        "SELECT table_name, table_comment, row_format FROM information_schema.tables "
        "WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'",
        "SELECT constraint_name, check_clause FROM information_schema.check_constraints "
        "WHERE constraint_schema = DATABASE()",
    ),
}


def picture(state: ProjectState) -> dict:
    """State, schema and rows as plain values."""
    found: dict = {"state": {}, "schema": {}, "rows": {}, "catalogue": {}}
    for key, model in state.models.items():
        fields = {n: repr(f.deconstruct()[1:]) for n, f in model.fields.items()}
        options = {k: repr(sorted(map(repr, v)) if isinstance(v, (set, list)) else v)
                   for k, v in model.options.items()}  # fmt: skip
        managers = [name for name, _ in model.managers]
        found["state"]["/".join(key)] = [fields, options, repr(model.bases), managers]

    with connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names(cursor)):
            names, *schema = schema_of(cursor, table)
            found["schema"][table] = schema
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            rows = [sorted(zip(names, map(str, row), strict=True)) for row in cursor.fetchall()]
            found["rows"][table] = sorted(map(repr, rows))
        for query in CATALOGUES[ENGINE]:
            cursor.execute(query)
            for row in cursor.fetchall():
                found["catalogue"][repr(row)] = 1
    return found


class Undo(Exception):
    pass


def reset_sequences() -> None:
    """A sequence keeps its value through a roll back."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT format('%I', sequencename) FROM pg_sequences")
        for (name,) in cursor.fetchall():
            cursor.execute("SELECT setval(%s, 99)", [name])


def base_state() -> ProjectState:
    state = ProjectState()
    label, found = operations(BASE)
    for operation in found:
        operation.state_forwards(label, state)
    return state


def set_up() -> None:
    """The shop with its rows, in the database that is connected."""
    apply(ProjectState(), BASE)
    execute(*(row.replace('"', "`") if ENGINE == "mariadb" else row for row in ROWS))


def connect_to(name: str) -> None:
    connection.close()
    connection.settings_dict["NAME"] = name
    connection.connect()


@contextlib.contextmanager
def copied_sqlite() -> Iterator[Scratch]:
    set_up()
    template = sqlite3.connect(":memory:")
    connection.connection.backup(template)

    @contextlib.contextmanager
    def scratch() -> Iterator[None]:
        connection.connect()  # a new database in memory
        template.backup(connection.connection)
        yield

    yield scratch


@contextlib.contextmanager
def copied_postgresql() -> Iterator[Scratch]:
    """For what runs in no transaction."""
    execute(f"CREATE DATABASE {NAME}_base")
    connect_to(f"{NAME}_base")
    set_up()

    @contextlib.contextmanager
    def scratch() -> Iterator[None]:
        connect_to("postgres")
        execute(f"CREATE DATABASE {NAME} TEMPLATE {NAME}_base")
        try:
            connect_to(NAME)
            yield
        finally:
            connect_to("postgres")
            execute(f"DROP DATABASE {NAME}")

    try:
        yield scratch
    finally:
        connect_to("postgres")
        execute(f"DROP DATABASE {NAME}_base")


@contextlib.contextmanager
def rolled_back_postgresql() -> Iterator[Scratch]:
    with copied_postgresql():

        @contextlib.contextmanager
        def scratch() -> Iterator[None]:
            with contextlib.suppress(Undo), transaction.atomic():
                reset_sequences()
                yield
                raise Undo

        yield scratch


@contextlib.contextmanager
def repeated_mariadb() -> Iterator[Scratch]:
    """MariaDB takes no definition of a table back, and copies no database."""
    statements: list[tuple[str, Any]] = []

    def note(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append((sql, params))
        return run(sql, params, many, context)

    def fresh() -> None:
        execute(f"DROP DATABASE IF EXISTS {NAME}", f"CREATE DATABASE {NAME}", f"USE {NAME}")

    fresh()
    connection.settings_dict["NAME"] = NAME
    with connection.execute_wrapper(note):
        set_up()

    @contextlib.contextmanager
    def scratch() -> Iterator[None]:
        fresh()
        with connection.cursor() as cursor:
            for sql, params in statements:
                cursor.execute(sql, params)
        yield

    try:
        yield scratch
    finally:
        execute(f"DROP DATABASE {NAME}")


def run(scratch: Scratch, *sources: str) -> dict | str:
    result: dict | str = ""
    with scratch():
        try:
            with transaction.atomic() if connection.in_atomic_block else contextlib.nullcontext():
                state = base_state()
                for source in sources:
                    state = apply(state, source)
                ProjectState(state.models).apps  # noqa: B018  (fails where models don't fit)
                result = picture(state)
        except Exception as error:
            result = f"{type(error).__name__}: {error}"[:200]
    return result


def outcome(scratch: Scratch, one: str, other: str) -> str:
    left, right = run(scratch, one, other), run(scratch, other, one)
    if isinstance(left, str) or isinstance(right, str):
        return f"fails: {left if isinstance(left, str) else 'works'} | " + (
            right if isinstance(right, str) else "works"
        )
    different = [
        f"{part}: {key}"
        for part in left
        for key in sorted(left[part].keys() | right[part].keys())
        if left[part].get(key) != right[part].get(key)
    ]
    return "; ".join(different)


def outcome_alone(scratch: Scratch, source: str) -> str:
    found = run(scratch, source)
    return found if isinstance(found, str) else ""


def main() -> None:
    pairs = json.load(sys.stdin)
    places = {
        "sqlite": copied_sqlite,
        "postgresql": rolled_back_postgresql,
        "mariadb": repeated_mariadb,
    }
    outcomes: dict[int, str] = {}
    apart = [number for number, pair in enumerate(pairs) if "Concurrently" in "".join(pair)]
    batches = [(places[ENGINE], sorted({*range(len(pairs))} - {*apart}))]
    batches += [(copied_postgresql, apart)] if apart else []
    for place, numbers in batches:
        with place() as scratch:
            for number in numbers:
                one, other = pairs[number]
                outcomes[number] = (
                    outcome(scratch, one, other) if other else outcome_alone(scratch, one)
                )
    json.dump([outcomes[number] for number in range(len(pairs))], sys.stdout)


if __name__ == "__main__":
    main()

"""Runs pairs of migrations in both orders on a real database, and compares all that is left.

    python both_orders.py sqlite|postgresql < pairs.json > outcomes.json

A pair is two names of `tests.project.operations_pool`; the outcome is empty where both orders
give the same state, schema and rows, else what differs. Its own process, because Django's
settings are one for all.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import django
from django.conf import settings

ENGINE = sys.argv[1]
NAME = {"sqlite": ":memory:", "postgresql": "postgres"}[ENGINE]
SCHEMA = f"migmerge_{os.getpid()}"  # made and rolled back: several may run at once
SERVER = {
    "HOST": "127.0.0.1",
    "USER": "postgres",
    "OPTIONS": {"options": f"-csearch_path={SCHEMA}"},
}
OPTIONS = {} if ENGINE == "sqlite" else SERVER
settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.postgres"]
    if ENGINE == "postgresql"
    else ["django.contrib.contenttypes"],
    DATABASES={"default": {"ENGINE": f"django.db.backends.{ENGINE}3" if ENGINE == "sqlite"
                           else f"django.db.backends.{ENGINE}", "NAME": NAME, **OPTIONS}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
)  # fmt: skip
django.setup()

from django.db import connection, transaction  # noqa: E402
from django.db.migrations.state import ProjectState  # noqa: E402

from tests.project.operations_pool import BASE, POOL, ROWS, migration  # noqa: E402


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
        with connection.schema_editor(atomic=True) as editor:
            operation.database_forwards(label, editor, before, state)
        if ENGINE == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return state


def known(name: str) -> str:
    """SQLite counts what has no name, in the order in which it was made."""
    return "" if name.startswith(("__unnamed", "sqlite_autoindex", "fk_")) else name


def picture(state: ProjectState) -> dict:
    """State, schema and rows as plain values."""
    found: dict = {"state": {}, "schema": {}, "rows": {}}
    for key, model in state.models.items():
        fields = {n: repr(f.deconstruct()[1:]) for n, f in model.fields.items()}
        options = {k: repr(sorted(map(repr, v)) if isinstance(v, (set, list)) else v)
                   for k, v in model.options.items()}  # fmt: skip
        managers = [name for name, _ in model.managers]
        found["state"]["/".join(key)] = [fields, options, repr(model.bases), managers]
    with connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names(cursor)):
            columns = connection.introspection.get_table_description(cursor, table)
            shape = sorted(str((c.name, c.type_code, c.display_size, c.null_ok, c.default,
                                getattr(c, "collation", None))) for c in columns)  # fmt: skip
            constraints = connection.introspection.get_constraints(cursor, table)
            found["schema"][table] = [shape, repr(sorted(
                (known(name), str(sorted((k, str(v)) for k, v in c.items())))
                for name, c in constraints.items()))]  # fmt: skip
            names = [c.name for c in columns]
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            rows = [sorted(zip(names, map(str, row), strict=True)) for row in cursor.fetchall()]
            found["rows"][table] = sorted(map(repr, rows))
    return found


class Undo(Exception):
    pass


def reset_sequences() -> None:
    """A sequence keeps its value through a roll back."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            for sequence in connection.introspection.get_sequences(cursor, table):
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table}', '{sequence['column']}'), 99)"
                )


def base_state() -> ProjectState:
    state = ProjectState()
    label, found = operations(BASE)
    for operation in found:
        operation.state_forwards(label, state)
    return state


def set_up() -> None:
    if ENGINE == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE SCHEMA {SCHEMA}")
    apply(ProjectState(), BASE)
    with connection.cursor() as cursor:
        for statement in ROWS:
            cursor.execute(statement)


@contextlib.contextmanager
def scratch(template: sqlite3.Connection | None) -> Iterator[None]:
    if template is None:
        with contextlib.suppress(Undo), transaction.atomic():
            yield
            raise Undo
        return
    connection.connect()  # a new database in memory
    template.backup(connection.connection)
    yield


def run(template: sqlite3.Connection | None, first: str, second: str) -> dict | str:
    result: dict | str = ""
    with scratch(template):
        try:
            with transaction.atomic() if template is None else contextlib.nullcontext():
                if template is None:
                    reset_sequences()
                state = base_state()
                for source in (first, second):
                    state = apply(state, source)
                result = picture(state)
        except Exception as error:
            result = f"{type(error).__name__}: {error}"[:200]
    return result


def outcome(template: sqlite3.Connection | None, one: str, other: str) -> str:
    left, right = run(template, one, other), run(template, other, one)
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


def main() -> None:
    pairs = json.load(sys.stdin)
    template = None
    if ENGINE == "sqlite":
        set_up()
        template = sqlite3.connect(":memory:")
        connection.connection.backup(template)
    with (
        contextlib.suppress(Undo),
        transaction.atomic() if template is None else (contextlib.nullcontext()),
    ):
        if template is None:
            set_up()
        found = [
            outcome(template, migration(*POOL[one]), migration(*POOL[other]))
            if other else outcome_alone(template, migration(*POOL[one]))
            for one, other in pairs
        ]  # fmt: skip
        json.dump(found, sys.stdout)
        if template is None:
            raise Undo


def outcome_alone(template: sqlite3.Connection | None, source: str) -> str:
    found = run(template, source, "class Migration:\n    operations = []\n")
    return found if isinstance(found, str) else ""


if __name__ == "__main__":
    main()

# mypy: ignore-errors
"""Both orders of two sides, tried by the project's Django."""

import copy
import re


def orders(wanted):
    """App label -> [where they were tried, how they differ or ""], for leaves by app label.

    In Django's state, and with a schema editor on an empty SQLite database where that can
    hold the project's tables. Code (RunPython, RunSQL) is left out of both.
    """
    from django.db.migrations.loader import MigrationLoader
    from django.db.migrations.state import ProjectState

    graph = MigrationLoader(None, ignore_no_migrations=True).graph
    found = {}
    for label, leaves in sorted(wanted.items()):
        plans = [graph.forwards_plan((label, leaf)) for leaf in leaves]
        shared = [key for key in plans[0] if all(key in plan for plan in plans)]
        ways = [
            dict.fromkeys(key for plan in order for key in plan if key not in shared)
            for order in (plans, plans[::-1])
        ]
        try:
            start = forwards(ProjectState(), (graph.nodes[key] for key in shared))
            made = [[graph.nodes[key] for key in way] for way in ways]
            states = [picture(forwards(start.clone(), way)) for way in made]
        except Exception as error:
            found[label] = ["in its state", "one of them fails: " + error_line(error)]
            continue

        if states[0] != states[1]:
            found[label] = ["in its state", "they differ in " + unlike(*states)]
            continue

        tables = [on_tables(start, way) for way in made]
        if None in tables or all(isinstance(t, str) for t in tables):
            found[label] = ["in its state", ""]
        else:
            found[label] = ["in its state and on an empty SQLite database", difference(*tables)]

    return found


def difference(one, other):
    """How what is left by two orders differs; an order that failed is its error."""
    for failed in (one, other):
        if isinstance(failed, str):
            return "one of them fails: " + failed
    return "the tables differ in " + unlike(one, other) if one != other else ""


def picture(state):
    """The models of a state, whatever the order of fields, indexes and the like."""
    return {
        ".".join(key): (
            {name: repr(field.deconstruct()[1:]) for name, field in model.fields.items()},
            {
                name: repr(sorted(map(repr, v)) if isinstance(v, (set, list, tuple)) else v)
                for name, v in model.options.items()
            },
            sorted(map(repr, model.bases)),
        )
        for key, model in state.models.items()
    }


def on_tables(start, migrations):
    """The tables that migrations leave; their error as a string; None without a database."""
    from django.db import connections
    from django.db.backends.sqlite3.base import DatabaseWrapper

    dummy = connections["default"]
    settings = dict(dummy.settings_dict, NAME=":memory:", OPTIONS={})
    connections["default"] = scratch = DatabaseWrapper(settings, "default")
    try:
        labels = {migration.app_label for migration in migrations}
        if not create(scratch, start, labels):
            return None

        state = start.clone()
        for migration in migrations:
            for operation in copy.deepcopy(migration.operations):
                before = state.clone()
                operation.state_forwards(migration.app_label, state)
                if type(operation).__name__ not in ("RunPython", "RunSQL"):
                    with scratch.schema_editor(atomic=migration.atomic) as editor:
                        operation.database_forwards(migration.app_label, editor, before, state)

        return tables_of(scratch)
    except Exception as error:
        return error_line(error)
    finally:
        scratch.close()
        connections["default"] = dummy


def create(connection, state, labels):
    """Make the tables of a state; False where those of `labels` can't be made here."""
    for model in state.apps.get_models():
        if model._meta.can_migrate(connection):
            try:
                with connection.schema_editor() as editor:
                    editor.create_model(model)
            except Exception:
                if model._meta.app_label in labels:
                    return False
    return True


def tables_of(connection):
    """Table -> its columns and constraints as text; what has no name of its own is without."""
    look = connection.introspection
    unnamed = re.compile(r"__unnamed|sqlite_autoindex|fk_")
    found = {}
    with connection.cursor() as cursor:
        for table in look.table_names(cursor):
            columns = look.get_table_description(cursor, table)
            constraints = look.get_constraints(cursor, table)
            found[table] = [
                sorted(str(tuple(column)) for column in columns),
                sorted(
                    str(("" if unnamed.match(name) else name, sorted(map(str, what.items()))))
                    for name, what in constraints.items()
                ),
            ]

    return found

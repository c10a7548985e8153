# mypy: ignore-errors
"""Django's state of the models, and the tables that belong to it."""

import copy


def forwards(state, migrations):
    """The state after migrations; their operations stay as they are."""
    for migration in migrations:
        for operation in copy.deepcopy(migration.operations):
            operation.state_forwards(migration.app_label, state)
    return state


def tables_in(state):
    """The models of a state that have a table of their own, which Django looks after."""
    return [
        model
        for model in state.apps.get_models(include_auto_created=True, include_swapped=False)
        if model._meta.managed and not model._meta.proxy
    ]


def stored_name(connection, name):
    """A name as the database keeps it.

    PostgreSQL cuts names without an error: to 63 bytes, never within a character
    (https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS).
    SQLite keeps them whole, MySQL refuses what is over 64 characters.
    """
    if connection.vendor != "postgresql":
        return name
    return name.encode()[: connection.ops.max_name_length()].decode("utf-8", "ignore")


def table_key(connection, name):
    """What two names of one table have in common."""
    stored = stored_name(connection, name)
    return stored.casefold() if connection.features.ignores_table_name_case else stored


def columns_of(state, connection):
    """`(table, column)` of all models of a state, as `columns_there` has them."""
    return {
        (table_key(connection, model._meta.db_table), stored_name(connection, field.column))
        for model in tables_in(state)
        for field in model._meta.local_concrete_fields
    }


SEEN = {}


def look_once(connection, cursor, table, what):
    """An answer of Django's introspection by the method's name, which takes a cursor and a table.

    On SQLite Django parses the table's own text for it: one text, one answer.
    """
    method = getattr(connection.introspection, what)
    if connection.vendor != "sqlite":
        return method(cursor, table)

    master = "SELECT type, name, sql FROM sqlite_master WHERE tbl_name = %s ORDER BY name"
    cursor.execute(master, [table])
    key = what, table, tuple(cursor.fetchall())
    if key not in SEEN:
        SEEN[key] = method(cursor, table)
    return SEEN[key]


def columns_there(connection):
    """`(table, column)` of a database."""
    look = connection.introspection
    with connection.cursor() as cursor:
        return {
            (table_key(connection, table), column.name)
            for table in look.table_names(cursor)
            for column in look.get_table_description(cursor, table)
        }


def unlike(one, other):
    """The keys under which two pictures differ."""
    keys = set(one) | set(other)
    return ", ".join(sorted(key for key in keys if one.get(key) != other.get(key)))

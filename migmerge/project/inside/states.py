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


def same_schema(one, other):
    """Whether no database could tell two definitions of a field apart."""
    return schema_of(one) == schema_of(other)


def schema_of(field):
    """What of a field of a state is in its table: on each engine of the project that can be loaded.

    The type of a relation is that of its target, so it needs none.
    """
    field = field.clone()
    field.set_attributes_from_name("x")
    remote = field.remote_field
    columns = []
    for engine in sorted(set(map(engine_of_alias, OWN_SETTINGS))):
        connection = engine_of(engine)
        if connection and not remote:
            found = field.db_parameters(connection)
            columns.append([engine, found.get("type"), found.get("check"), found.get("collation")])
    return [
        field.db_column,
        [getattr(field, name, None) for name in ("primary_key", "unique", "db_index", "null")],
        [getattr(field, name, None) for name in ("db_comment", "db_tablespace")],
        remote
        and [
            str(remote.model).lower(),
            getattr(field, "db_constraint", None),
            getattr(field, "to_fields", None),
            str(getattr(remote, "through", None)).lower(),
            getattr(field, "db_table", None),
        ],
        repr(getattr(field, "db_default", None)),
        field.get_internal_type(),
        columns,
    ]


def engine_of(engine):
    """A connection to nowhere, which knows the types of an engine; None without its driver."""
    from django.db.utils import load_backend

    try:
        return load_backend(engine).DatabaseWrapper({"NAME": "", "OPTIONS": {}, "TIME_ZONE": None})
    except Exception:
        return None

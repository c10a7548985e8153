# mypy: ignore-errors
"""The tables of a database against the models of all migrations that it has applied."""

INTEGERS = {"integer", "bigint", "int", "int(11)", "bigint(20)"}


def schema():
    """Alias of the request -> what is unlike, a line each."""
    from django.db import connections

    return compare_tables(connections[REQUEST["alias"]])


def compare_tables(connection):
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    state = executor._create_project_state(with_applied_migrations=True)
    return unlike_tables(executor, tables_in(state))


def unlike_tables(executor, models, any_key=False):
    """What of the models' tables is unlike, a line each; with `any_key` keys may be of another kind
    of integer."""
    from django.db import router

    connection, migrated = executor.connection, executor.loader.migrated_apps
    models = [
        model
        for model in models
        if model._meta.app_label in migrated
        and model._meta.can_migrate(connection)
        and router.allow_migrate_model(connection.alias, model)
    ]
    with connection.cursor() as cursor:
        names = connection.introspection.table_names(cursor)
        types = native_types(connection, cursor, models)
        there = {table_key(connection, name): name for name in names}
        lines = []
        for model in sorted(models, key=lambda model: model._meta.db_table):
            table = there.get(table_key(connection, model._meta.db_table))
            if table is None:
                lines.append(model._meta.db_table + " is missing")
            else:
                lines += unlike_columns(connection, cursor, model, table, types, any_key)
                lines += unlike_constraints(connection, cursor, model, table)
                lines += unlike_targets(connection, cursor, model, table)

    return lines


def unlike_columns(connection, cursor, model, table, types, any_key):
    found = described(connection, cursor, table)
    fields = {
        stored_name(connection, field.column): field for field in model._meta.local_concrete_fields
    }
    lines = [f"{table}.{name} is missing" for name in sorted(set(fields) - set(found))]
    lines += [
        f"{table}.{name} is there, but no applied migration has it"
        for name in sorted(set(found) - set(fields))
    ]
    for name in sorted(set(found) & set(fields)):
        kind, null = found[name]
        wanted = types.get(fields[name].db_type(connection), kind)
        is_key = fields[name].primary_key or fields[name].remote_field
        if kind != wanted and not (any_key and is_key and {kind, wanted} <= INTEGERS):
            lines.append(f"{table}.{name} is {kind}, not {wanted}")
        may_differ = fields[name].primary_key or getattr(fields[name], "generated", False)
        if null != fields[name].null and not may_differ:
            may = "may" if null else "may not"
            lines.append(f"{table}.{name} {may} be null, unlike in its model")

    return lines


def described(connection, cursor, table):
    """Column -> its type in the database's own words, and whether it may be null."""
    if connection.vendor == "postgresql":
        cursor.execute(
            "SELECT attname, format_type(atttypid, atttypmod), NOT attnotnull FROM pg_attribute "
            "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
            [connection.ops.quote_name(table)],
        )
    elif connection.vendor == "mysql":
        cursor.execute("SHOW COLUMNS FROM " + connection.ops.quote_name(table))
        return {row[0]: (decoded(row[1]), row[2] == "YES") for row in cursor.fetchall()}
    elif connection.vendor == "sqlite":
        cursor.execute("PRAGMA table_xinfo(" + connection.ops.quote_name(table) + ")")
        return {row[1]: (row[2].lower(), not row[3]) for row in cursor.fetchall()}
    else:
        columns = connection.introspection.get_table_description(cursor, table)
        return {column.name: ("", bool(column.null_ok)) for column in columns}

    return {name: (kind, null) for name, kind, null in cursor.fetchall()}


def decoded(value):
    return value.decode() if isinstance(value, bytes) else value


def native_types(connection, cursor, models):
    """What the database calls the types that Django gives the columns of models.

    On a temporary table, which no other connection sees.
    """
    wanted = sorted({
        kind
        for model in models
        for field in model._meta.local_concrete_fields
        if (kind := field.db_type(connection))
    })  # fmt: skip
    if connection.vendor == "sqlite":
        return {kind: kind.lower() for kind in wanted}
    if connection.vendor not in ("postgresql", "mysql") or not wanted:
        return {}

    table = "migmerge_types"
    columns = ", ".join(f"c{i} {column(kind)} NULL" for i, kind in enumerate(wanted))
    cursor.execute("CREATE TEMPORARY TABLE " + table + " (" + columns + ")")
    found = described(connection, cursor, table)
    cursor.execute("DROP TABLE " + table)
    return {kind: found[f"c{i}"][0] for i, kind in enumerate(wanted)}


def column(kind):
    """A type without what makes it fill itself, of which a table may have one at most."""
    for word in (" AUTO_INCREMENT", " GENERATED BY DEFAULT AS IDENTITY"):
        kind = kind.replace(word, "")
    return {"serial": "integer", "bigserial": "bigint", "smallserial": "smallint"}.get(kind, kind)


def unlike_constraints(connection, cursor, model, table):
    """Names of indexes and constraints, and which columns are unique or refer elsewhere."""
    found = connection.introspection.get_constraints(cursor, table)
    found = {name: dict(what, columns=plain_columns(what)) for name, what in found.items()}
    own = model._meta
    lines = []
    for thing in (*own.indexes, *own.constraints):
        able = supported(connection, thing, model)
        if able and stored_name(connection, thing.name) not in found:
            lines.append(f"{table} lacks {thing.name} ({type(thing).__name__})")

    unique = [frozenset(what["columns"]) for what in found.values()
              if what["unique"] or what["primary_key"]]  # fmt: skip
    for columns in unique_columns(connection, model):
        if frozenset(columns) not in unique:
            lines.append(f"{table} is not unique by {', '.join(sorted(columns))}")

    known = {stored_name(connection, thing.name) for thing in (*own.indexes, *own.constraints)}
    wanted = [frozenset(columns) for columns in unique_columns(connection, model)]
    for name, what in sorted(found.items()):
        columns = frozenset(what["columns"])
        if what["unique"] and not what["primary_key"] and columns and name not in known:
            if columns not in wanted:
                lines.append(f"{table} is unique by {', '.join(sorted(columns))}, unlike its model")

    indexed = {what["columns"][0] for what in found.values() if what["columns"]}
    lines += [
        f"{table}.{column} has no index"
        for column in indexed_columns(connection, model) if column not in indexed
    ]  # fmt: skip
    keys = {what["columns"][0] for what in found.values()
            if what["foreign_key"] and len(what["columns"]) == 1}  # fmt: skip
    for field in own.local_concrete_fields:
        column = stored_name(connection, field.column)
        if field.remote_field and field.db_constraint and column not in keys:
            if connection.features.supports_foreign_keys and refers(field):
                lines.append(f"{table}.{field.column} is no foreign key")

    return lines


def unlike_targets(connection, cursor, model, table):
    """Foreign keys to another table, or another column, than that of their field."""
    found = {}
    for what in connection.introspection.get_constraints(cursor, table).values():
        if what["foreign_key"] and len(what["columns"]) == 1:
            found[what["columns"][0]] = what["foreign_key"]

    lines = []
    for field in model._meta.local_concrete_fields:
        column = stored_name(connection, field.column)
        if column not in found or not field.remote_field or not refers(field):
            continue
        target = field.target_field
        wanted = target.model._meta.db_table, stored_name(connection, target.column)
        has = found[column][0], found[column][1] or wanted[1]  # SQLite names no key
        if (table_key(connection, has[0]), has[1]) != (table_key(connection, wanted[0]), wanted[1]):
            lines.append(f"{table}.{column} refers to {has[0]}.{has[1]}, not {'.'.join(wanted)}")

    return lines


def plain_columns(what):
    """The columns of an index or constraint; none where one of them is an expression (None)."""
    columns = what["columns"] or []
    return [] if None in columns else columns


def refers(field):
    target = field.remote_field.model
    return not isinstance(target, str) and target._meta.managed and not target._meta.swapped


def indexed_columns(connection, model):
    """Of fields that have an index of their own here."""
    editor = idle_editor(connection)
    return [
        stored_name(connection, field.column)
        for field in model._meta.local_concrete_fields
        if editor._field_should_be_indexed(model, field)
    ]


def idle_editor(connection):
    """One that is asked only: to enter it is refused by SQLite inside of a transaction."""
    editor = connection.schema_editor(collect_sql=True)
    editor.deferred_sql = []
    return editor


def unique_columns(connection, model):
    own = model._meta
    single = [[f.column] for f in own.local_concrete_fields if f.unique and not f.primary_key]
    several = [[own.get_field(n).column for n in names] for names in own.unique_together]
    return [[stored_name(connection, name) for name in columns] for columns in single + several]


def supported(connection, thing, model):
    """Whether this database makes the index or constraint at all."""
    if getattr(thing, "condition", None) is not None:
        if not connection.features.supports_partial_indexes:
            return False
    if getattr(thing, "expressions", ()) and not connection.features.supports_expression_indexes:
        return False
    if type(thing).__name__ == "CheckConstraint":
        return connection.features.supports_table_check_constraints
    return bool(thing.create_sql(model, idle_editor(connection)))

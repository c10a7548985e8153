# mypy: ignore-errors
"""The project's databases: what each has applied, and whose tables it has."""


def status():
    """Alias -> what it is, what it has applied, and what a plain `migrate` would do."""
    from django.db import connections

    known = [alias for alias in connections if REQUEST["aliases"] in (None, [alias])]
    if not known:
        raise Refused("no database alias " + REQUEST["aliases"][0] + " in the settings; there "
                      "are: " + ", ".join(sorted(connections)))  # fmt: skip
    return {alias: status_of(connections[alias]) for alias in known}


def status_of(connection):
    found = place_of(connection)
    if found["left"]:
        return dict(found, error=found["left"])
    if is_absent(connection):  # to connect would make it
        return dict(found, recorded=[], absent=True, error="not there yet; migrate makes it")

    try:
        be_patient(connection)
        applied = recorded(connection)
    except Exception as error:
        return dict(found, error=error_line(error))

    found["recorded"] = [list(key) for key in applied]
    found["read_only"] = is_read_only(connection)
    found["schemas"] = other_schemas(connection)
    found["engine"] = connection.display_name  # MySQL and MariaDB tell only when connected to
    try:
        found.update(standing(connection))
    except Exception as error:
        found["error"] = error_line(error)

    return found


def is_read_only(connection):
    """Whether nothing can be written, as in a replica."""
    if connection.vendor == "sqlite":
        path = file_of(connection)
        options = str(connection.settings_dict["NAME"]).partition("?")[2]
        return "mode=ro" in options or (bool(path) and not os.access(path, os.W_OK))

    statement = {
        "postgresql": "SHOW transaction_read_only",
        "mysql": "SELECT @@global.read_only",
    }.get(connection.vendor)
    if not statement:
        return False

    with connection.cursor() as cursor:
        cursor.execute(statement)
        return str(cursor.fetchone()[0]).lower() in ("on", "1", "true")


def other_schemas(connection):
    """Schema -> rows of its own django_migrations: one per tenant, as with django-tenants."""
    if connection.vendor != "postgresql":
        return {}

    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relname = 'django_migrations' AND c.relkind IN ('r', 'p') "
            "AND NOT pg_table_is_visible(c.oid) AND has_table_privilege(c.oid, 'SELECT') "
            "ORDER BY 1"
        )
        found = {}
        for (schema,) in cursor.fetchall():
            cursor.execute("SELECT app, name FROM " + quote(schema) + ".django_migrations")
            found[schema] = [list(row) for row in cursor.fetchall()]

    return found


def recorded(connection):
    """The rows of django_migrations in their order."""
    from django.db.migrations.recorder import MigrationRecorder

    recorder = MigrationRecorder(connection)
    if not recorder.has_table():
        return []
    return list(recorder.migration_qs.order_by("id").values_list("app", "name"))


def standing(connection):
    """Django's view of the rows, with the order in which it would fill an empty database."""
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    loader = executor.loader
    graph, applied = loader.graph, loader.applied_migrations
    order = [key_of(migration) for migration in full_plan(executor.loader)]
    rows = set(recorded(connection))
    early = [  # as check_consistent_history: of rows, not of what counts as applied
        [list(key), list(parent.key)]
        for key in order if key in rows
        for parent in sorted(graph.node_map[key].parents) if parent.key not in applied
    ]  # fmt: skip
    migrate = plain(executor)
    late = {key for key in order if key not in applied}
    left = late.difference(map(tuple, migrate.get("runs", ())))
    trapped = [
        list(key) for key in loader.replacements
        if key in applied and key not in rows and key in graph.nodes
        and left.intersection(graph.forwards_plan(key))
    ]  # fmt: skip
    return {
        "files": sorted(list(key) for key in loader.disk_migrations),
        "replaced": sorted(
            [list(key), sorted(map(list, migration.replaces))]
            for key, migration in loader.replacements.items()
        ),
        "order": [list(key) for key in order],
        "unapplied": [list(key) for key in order if key not in applied],
        "early": early,
        "made": [list(key) for key in made(executor, early)],
        "no_user_table": no_user_table(executor, early),
        "trapped": trapped,
        "migrate": migrate,
        "endangered": endangered_now(executor),
        "labels": renamed_labels(executor),
    }


def made(executor, early):
    """Migrations without a row that applied ones depend on, though their tables are as these say:
    their rows were deleted, or somebody made the tables by hand."""
    loader, connection = executor.loader, executor.connection
    graph, applied = loader.graph, loader.applied_migrations
    late = {key for _, parent in early for key in graph.forwards_plan(tuple(parent))} - set(applied)
    there = columns_there(connection) if late else ()
    try:
        found = {
            key for key in late
            if shows_all(graph.nodes[key].operations, connection)
            and holds(connection, loader, there, key, key)
        }  # fmt: skip
        if not found:
            return []
        state = state_of(executor, found.union(applied))
        return sorted(key for key in found if is_as_made(executor, key, state))
    except Exception:
        return []  # its state can't be made: nothing is known of it


def shows_all(operations, connection):
    """Whether the columns tell all that operations did: new models and fields without what no
    introspection tells for certain, such as the text of a check, a default or an expression."""
    from django.db.migrations import operations as kinds

    for one in operations:
        if type(one) is kinds.CreateModel:
            hidden = {"indexes", "constraints", "db_table_comment"}.intersection(one.options)
            fields = [] if hidden else [field for _, field in one.fields]
        elif type(one) is kinds.AddField:
            hidden, fields = (), [one.field]
        else:
            hidden, fields = (one,), []
        if hidden or not all(is_plain(field, connection) for field in fields):
            return False
    return True


def is_plain(field, connection):
    """Whether a column's type, its key and whether it may be null are all that a database has of a
    field."""
    import types

    from django.db.models import NOT_PROVIDED

    remote = field.remote_field
    on_delete = getattr(remote, "on_delete", None) if remote else None
    return not (
        getattr(field, "generated", False)
        or getattr(field, "db_default", NOT_PROVIDED) is not NOT_PROVIDED
        or getattr(field, "db_collation", None)
        or getattr(field, "db_comment", None)
        or (not remote and field.get_internal_type() in connection.data_type_check_constraints)
        or (on_delete and not isinstance(on_delete, types.FunctionType))  # the database does it
    )


def state_of(executor, keys):
    """The state of just these migrations."""
    from django.db.migrations.state import ProjectState

    state = ProjectState(real_apps=executor.loader.unmigrated_apps)
    return forwards(state, (m for m in full_plan(executor.loader) if key_of(m) in keys))


def is_as_made(executor, key, state):
    """Whether the tables that a migration makes or changes are as the models of a state."""
    names = {
        name.lower()
        for operation in executor.loader.graph.nodes[key].operations
        for name in (getattr(operation, "model_name", ""), getattr(operation, "name", ""))
        if name
    }
    tables = set()
    for model in tables_in(state):
        own = model._meta
        parent = own.auto_created or model
        if own.app_label == key[0] and parent._meta.model_name in names:
            tables.add(model)
    return bool(tables) and not unlike_tables(executor, tables, any_key=True)


def no_user_table(executor, early):
    """`[model, its table, the table that there is]` where AUTH_USER_MODEL was set after the
    database was made: foreign keys are to the table of Django's own user (ticket #25313)."""
    from django.apps import apps
    from django.conf import settings

    label = settings.AUTH_USER_MODEL.partition(".")[0]
    if not any(parent[0] == label for _, parent in early):
        return None
    model, connection = apps.get_model(settings.AUTH_USER_MODEL), executor.connection
    tables = connection.introspection.table_names()
    if model._meta.db_table in tables or "auth_user" not in tables:
        return None
    return [model._meta.label, model._meta.db_table, "auth_user"]


def key_of(migration):
    return (migration.app_label, migration.name)


def full_plan(loader):
    """All migrations in the order in which an empty database gets them."""
    graph = loader.graph
    order = dict.fromkeys(key for leaf in graph.leaf_nodes() for key in graph.forwards_plan(leaf))
    return [graph.nodes[key] for key in order]


def plain(executor):
    """What `migrate` would do: {"runs": [key...]} or {"stops": why}."""
    loader = executor.loader
    try:
        loader.check_consistent_history(executor.connection)
    except Exception as error:
        return {"stops": error_line(error)}

    conflicts = loader.detect_conflicts()
    if conflicts:
        labels = ", ".join(sorted(conflicts))
        return {"stops": "multiple leaf nodes in " + labels}
    plan = executor.migration_plan(loader.graph.leaf_nodes())
    return {"runs": [list(key_of(migration)) for migration, _ in plan]}


def which():
    """For `[[label, first, second]...]` of the request: whose tables a database has.

    A row of the first name may stand for the content of either migration: `first`, `second`,
    or `unknown` where the tables don't tell.
    """
    from django.db import connections
    from django.db.migrations.executor import MigrationExecutor

    connection = connections[REQUEST["alias"]]
    loader = MigrationExecutor(connection).loader
    there = columns_there(connection)
    found = []
    for label, first, second in REQUEST["pairs"]:
        names = (first, second)
        if all(is_state_only(loader, (label, first), (label, name)) for name in names):
            found.append("first")  # whichever ran, the other one does nothing to a table
            continue
        has = [holds(connection, loader, there, (label, first), (label, name)) for name in names]
        found.append({(True, False): "first", (False, True): "second"}.get(tuple(has), "unknown"))

    return found


def is_state_only(loader, place, key):
    """Whether a migration, put in the place of another, changes no table and runs no code."""
    from django.db.migrations import operations

    node = loader.graph.nodes[key]
    if not node.operations:
        return False
    state = state_before(loader, place)
    for operation in node.operations:
        if isinstance(operation, operations.AlterField):
            model = state.models.get((key[0], operation.model_name_lower))
            now = model and model.fields.get(operation.name)
            if not now or not same_schema(now, operation.field):
                return False
        elif not isinstance(
            operation, (operations.AlterModelOptions, operations.AlterModelManagers)
        ):
            return False
    return True


def state_before(loader, place):
    from django.db.migrations.state import ProjectState

    nodes = loader.graph.nodes
    state = ProjectState(real_apps=loader.unmigrated_apps)
    return forwards(state, (nodes[key] for key in loader.graph.forwards_plan(place)[:-1]))


def holds(connection, loader, there, place, key):
    """Whether a database has what a migration makes, put in the place of another; None where
    it makes nothing that can be seen."""
    nodes = loader.graph.nodes
    state = state_before(loader, place)
    old = columns_of(state, connection)
    new = columns_of(forwards(state, [nodes[key]]), connection)
    gained, lost = new - old, old - new
    if not gained and not lost:
        return None
    return gained <= there and not lost & there


def be_patient(connection):
    """Wait for a lock that somebody else holds, but not for ever."""
    statement = {
        "postgresql": "SET lock_timeout = '10s'",
        "mysql": "SET SESSION lock_wait_timeout = 10",
    }.get(connection.vendor)
    connection.ensure_connection()
    if statement:
        with connection.cursor() as cursor:
            cursor.execute(statement)


def alone(connection):
    """One at a time, where the database can tell; the lock goes with the connection."""
    statement = {
        "postgresql": "SELECT pg_try_advisory_lock(7236423)",
        "mysql": "SELECT GET_LOCK('migmerge', 0)",
    }.get(connection.vendor)
    if statement:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            if not cursor.fetchone()[0]:
                raise Refused("another migmerge is at work on this database")


def endangered_now(executor):
    """Of a plain `migrate`; nothing where what is applied doesn't fit together, or its migrations
    don't fit that."""
    applied = executor.loader.applied_migrations
    late = [m for m in full_plan(executor.loader) if key_of(m) not in applied]
    if not late:
        return []
    try:
        state = executor._create_project_state(with_applied_migrations=True)
        return endangered(executor.connection, state, late)
    except Exception:
        return []


def endangered(connection, state, migrations):
    """Columns that are there, though no applied migration has them: those that the migrations
    add, and on SQLite all of the tables that they may rebuild, which drops what no model has."""
    old = columns_of(state, connection)
    labels = {migration.app_label for migration in migrations}
    tables = {
        table_key(connection, m._meta.db_table)
        for m in tables_in(state) if m._meta.app_label in labels
    }  # fmt: skip
    fresh = columns_of(forwards(state.clone(), migrations), connection) - old
    there = columns_there(connection)
    found = fresh & there
    if connection.vendor == "sqlite":
        found |= {column for column in there - old if column[0] in tables}
    return sorted(".".join(column) for column in found)

# mypy: ignore-errors
"""App labels that a database knows by another name."""


def renamed_labels(executor):
    """Labels of which nothing counts as applied, though the same names are applied under a label
    that no app has, and the tables are there, named after either label, with just their columns."""
    loader, connection = executor.loader, executor.connection
    rows, files = names_by_label(recorded(connection)), names_by_label(loader.disk_migrations)
    known = loader.migrated_apps | loader.unmigrated_apps
    gone = {label: names for label, names in rows.items() if label not in known}
    applied = {label for label, _ in loader.applied_migrations}
    fresh = {label: names for label, names in files.items() if label not in applied}
    found = []
    for old, names in sorted(gone.items()):
        same = [label for label in sorted(fresh) if names <= fresh[label]]
        try:
            answers = [renamed_label(executor, old, label, names) for label in same]
        except Exception:
            continue  # the state of its models can't be made: nothing is known of its tables
        answers = [answer for answer in answers if answer]
        found += answers if len(answers) == 1 else []
    return found


def renamed_label(executor, old, new, ran):
    """Both labels, the tables that have the old one in their names, and the content types that may
    be moved; None where the tables don't show that the app, of which these names ran, is the
    same."""
    connection, graph = executor.connection, executor.loader.graph
    keys = [(new, name) for name in ran if (new, name) in graph.nodes]
    wanted = set().union(*map(graph.forwards_plan, keys))
    columns = {
        model._meta.db_table: {field.column for field in model._meta.local_concrete_fields}
        for model in tables_in(state_of(executor, wanted))
        if model._meta.app_label == new
    }
    there = set(connection.introspection.table_names())
    former = {
        table: old + table[len(new) :]
        for table in columns
        if table not in there and table.startswith(new + "_")
    }
    places = {former.get(table, table): names for table, names in columns.items()}
    if not any(table.startswith(old + "_") for table in places) or not places.keys() <= there:
        return None
    for table, names in places.items():
        with connection.cursor() as cursor:
            found = look_once(connection, cursor, table, "get_table_description")
        if {column.name for column in found} != {stored_name(connection, n) for n in names}:
            return None
    renames = [[was, now] for now, was in sorted(former.items())]
    return {"old": old, "new": new, "tables": renames, "types": has_types(connection, old, new)}


def names_by_label(rows):
    names = {}
    for label, name in rows:
        names.setdefault(label, set()).add(name)
    return names


def has_types(connection, old, new):
    """Whether there are content types of the old label, and none of the new."""
    if "django_content_type" not in connection.introspection.table_names():
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT app_label FROM django_content_type")
        labels = {label for (label,) in cursor.fetchall()}
    return old in labels and new not in labels

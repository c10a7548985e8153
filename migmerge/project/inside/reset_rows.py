# mypy: ignore-errors
"""The rows of one app replaced, when the tables are as its migrations say."""


def app_rows():
    """The rows of an app: `[name, moment]`, and how its tables differ from what they say."""
    from django.db import connections
    from django.db.migrations.loader import MigrationLoader
    from django.db.migrations.recorder import MigrationRecorder

    connection = connections[REQUEST["alias"]]
    if is_absent(connection):
        raise Refused("not there yet; migrate makes it")

    recorder = MigrationRecorder(connection)
    rows = recorder.migration_qs.filter(app=REQUEST["label"]).order_by("id")
    found = [[name, moment.isoformat()] for name, moment in rows.values_list("name", "applied")]
    loader = MigrationLoader(connection)
    halfway = any((REQUEST["label"], name) not in loader.disk_migrations for name, _ in found)
    # rows without files: the files are new already, and the tables are looked at with their rows
    return {"rows": found, "unlike": [] if halfway else unlike_of_app(connection)}


def unlike_of_app(connection):
    """The lines of the schema's comparison that are about tables of the app."""
    from django.db.migrations.executor import MigrationExecutor

    state = MigrationExecutor(connection)._create_project_state(with_applied_migrations=True)
    tables = {
        table_key(connection, m._meta.db_table)
        for m in tables_in(state) if m._meta.app_label == REQUEST["label"]
    }  # fmt: skip
    return [
        line for line in compare_tables(connection)
        if table_key(connection, line.split(" ")[0].split(".")[0]) in tables
    ]  # fmt: skip


def write_rows():
    """The app's rows become `rows` of the request, all or none.

    Refused where they aren't `expected` any more, or where the tables aren't as the new ones say.
    """
    import datetime

    from django.db import connections, transaction
    from django.db.migrations.recorder import MigrationRecorder
    from django.utils.timezone import now

    connection = connections[REQUEST["alias"]]
    be_patient(connection)
    alone(connection)
    recorder = MigrationRecorder(connection)
    with transaction.atomic(using=connection.alias):
        own = recorder.migration_qs.filter(app=REQUEST["label"])
        names = sorted(own.values_list("name", flat=True))
        if names != sorted(REQUEST["expected"]):
            raise Refused("its rows are " + (", ".join(names) or "none") + " now")

        own.delete()
        for name, moment in REQUEST["rows"]:
            applied = datetime.datetime.fromisoformat(moment) if moment else now()
            recorder.migration_qs.create(app=REQUEST["label"], name=name, applied=applied)

        unlike = unlike_of_app(connection) if REQUEST["check"] else []
        if unlike:
            raise Refused("its tables are not as the migrations say: " + "; ".join(unlike))

# mypy: ignore-errors
"""Rows of django_migrations renamed, and migrations run on top of all that is applied."""

COPY = "migmerge-copy: "  # a copy of a database was made here; `project/run.py` keeps the path


def reconcile():
    """Rows renamed as the request says, then what is unapplied run on top of all that is applied.

    Rows first: a migration that Django believes unapplied is missing in the state from which
    SQLite rebuilds a table, and its column goes. All of it in an order in which whoever kills
    it finds a database that can be reconciled again.
    """
    from django.db import connections

    connection = connections[REQUEST["alias"]]
    be_patient(connection)
    alone(connection)
    copied = copy_database(connection)
    rows = [tuple(row) for row in REQUEST["rows"]]
    ran, left = [], []
    before = set(recorded(connection))
    spare = [row for row in rows if not row[3] and (row[0], row[2]) in before]
    added = [tuple(row) for row in REQUEST["records"]]
    try:
        rename_rows(connection, rows)
        add_rows(connection, added)
        run_unapplied(connection, ran, left)
    except BaseException as error:
        why = str(error) if isinstance(error, Refused) else error_line(error)
        if REQUEST["names"] or not ran:
            put_back(connection, REQUEST["names"] or [row for row in rows if row not in spare])
            record_again(connection, spare)
            remove_rows(connection, added)
            why += "; its rows are as before"

        if ran:
            why += "; it ran " + ", ".join(".".join(key) for key in ran)
        raise Refused(why) from None

    return {"ran": ran, "copy": copied, "left": left}


def taken_back():
    """Rows under their old names again; what was run stays, as it would under the old files."""
    from django.db import connections

    connection = connections[REQUEST["alias"]]
    be_patient(connection)
    put_back(connection, REQUEST["names"])


def renamed_again():
    """The opposite of `taken_back`; rows that have their new names stay."""
    from django.db import connections

    connection = connections[REQUEST["alias"]]
    be_patient(connection)
    there = set(recorded(connection))
    names = [tuple(row) for row in REQUEST["names"]]
    both = [r for r in names if r[3] and (r[0], r[1]) in there and (r[0], r[2]) not in there]
    plain = [row for row in names if not row[3]]
    # all of them have their old names, or none has: one name may be another one's old one
    if all((label, old) in there for label, old, _, _ in plain):
        both += plain
    rename_rows(connection, both)


def copy_database(connection):
    """A copy of a SQLite file, beside it; its name, or nothing where it is no file."""
    import sqlite3

    name = str(connection.settings_dict["NAME"])
    if connection.vendor != "sqlite" or not os.path.isfile(name):
        return ""

    root, suffix = os.path.splitext(name)  # kept, so that .gitignore takes it for what it is
    number = 1
    while os.path.lexists(f"{root}.before-migmerge-{number}{suffix}"):
        number += 1
    copy = f"{root}.before-migmerge-{number}{suffix}"
    print(COPY + copy, file=sys.stderr, flush=True)
    target = sqlite3.connect(copy)
    connection.ensure_connection()
    connection.connection.backup(target)
    target.close()
    return copy


def rename_rows(connection, rows):
    """Each row's name, all or none; where the file says `replaces` the old row stays. A kept one
    may be the new name of another. A row whose new name is recorded already goes."""
    from django.db import transaction
    from django.db.migrations.recorder import MigrationRecorder

    recorder = MigrationRecorder(connection)
    with transaction.atomic(using=connection.alias):
        found = []
        news = {(label, new) for label, _, new, _ in rows}
        for label, old, new, kept in rows:
            ids = list(recorder.migration_qs.filter(app=label, name=old).values_list("id"))
            if not ids and not (kept and (label, old) in news):
                raise Refused("the row " + label + "." + old + " is not there any more")
            found.append((ids, label, new, kept))

        going = {(label, old) for label, old, _, kept in rows if not kept}
        there = set(recorded(connection)) - going
        for ids, label, new, kept in found:
            if kept:
                recorder.record_applied(label, new)
            for (number,) in () if kept else ids:
                row = recorder.migration_qs.filter(id=number)
                row.delete() if (label, new) in there else row.update(name=new)


def add_rows(connection, rows):
    """Rows of what is there; none of them is, or nothing is done."""
    from django.db import transaction
    from django.db.migrations.recorder import MigrationRecorder

    if set(recorded(connection)).intersection(rows):
        raise Refused("the database changed meanwhile")
    recorder = MigrationRecorder(connection)
    with transaction.atomic(using=connection.alias):
        for label, name in rows:
            recorder.record_applied(label, name)


def remove_rows(connection, rows):
    from django.db.migrations.recorder import MigrationRecorder

    recorder = MigrationRecorder(connection)
    for label, name in rows:
        recorder.record_unapplied(label, name)


def record_again(connection, rows):
    """Rows that went, since the migration that they stood for has another one."""
    there = set(recorded(connection))
    add_rows(connection, [(label, old) for label, old, _, _ in rows if (label, old) not in there])


def put_back(connection, rows):
    """New names to old ones, of those that are there; where the old one is, the new one goes."""
    from django.db import transaction
    from django.db.migrations.recorder import MigrationRecorder

    recorder = MigrationRecorder(connection)
    there = set(recorded(connection))
    news = {(label, new) for label, _, new, _ in rows}
    found = [row for row in map(tuple, rows) if (row[0], row[2]) in there]
    doubled = [row for row in found if (row[0], row[1]) in (there if row[3] else there - news)]
    with transaction.atomic(using=connection.alias):
        for label, _, new, _ in doubled:
            recorder.record_unapplied(label, new)

        back = [(label, new, old, False) for label, old, new, kept in found
                if (label, old, new, kept) not in doubled]  # fmt: skip
        rename_rows(connection, back)


def run_unapplied(connection, ran, left):
    """Forwards only, from the state of all that is applied; `ran` gets each name when it did.

    For a fix just what applied ones depend on is run; `left` gets the names of the others.
    """
    from django.db.migrations.executor import MigrationExecutor

    def progress(action, migration=None, fake=False):
        if action == "apply_start":
            print("migmerge: " + ".".join(key_of(migration)), file=sys.stderr, flush=True)
        if action == "apply_success":
            ran.append(list(key_of(migration)))

    connection.prepare_database()
    executor = MigrationExecutor(connection, progress)
    applied = executor.loader.applied_migrations
    plan = [(m, False) for m in full_plan(executor.loader) if key_of(m) not in applied]
    agreed = [tuple(key) for key in REQUEST["run"]]
    if [key_of(migration) for migration, _ in plan] != agreed:
        raise Refused("the database changed meanwhile")
    if REQUEST["names"]:
        graph = executor.loader.graph
        needed = {key for row in applied if row in graph.nodes for key in graph.forwards_plan(row)}
        left += [list(key_of(m)) for m, _ in plan if key_of(m) not in needed]
        plan = [(m, False) for m, _ in plan if key_of(m) in needed]

    state = executor._create_project_state(with_applied_migrations=True)
    refuse_what_is_there(connection, state, [migration for migration, _ in plan])
    executor.migrate(None, plan=plan, state=state)


def refuse_what_is_there(connection, state, migrations):
    there = endangered(connection, state, migrations)
    if there:
        raise Refused(", ".join(there) + " is there, though no applied migration has it")


def migrated():
    """A plain `migrate`, for its signals."""
    from django.core.management import call_command

    call_command("migrate", database=REQUEST["alias"], interactive=False, verbosity=0)

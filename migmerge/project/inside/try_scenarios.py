# mypy: ignore-errors
"""Scratch databases as they stand after a branch, each migrated to the merged files."""

import decimal
import signal
import time

GONE = object()


def verify_starts():
    """Alias -> how each starting point arrived; only aliases that have tables of the apps."""
    servers = {}

    def all_points(alias, starts):
        servers[alias] = where(starts.scratch)
        return starts.all()

    found = on_each_alias(all_points)
    effects = {"tried": ISOLATED["tried"], "left_out": ISOLATED["left_out"]}
    own = list(filter(has_server, found))
    return {"aliases": found, "servers": servers, "own": own, **effects}


def where(scratch):
    """The engine of scratch databases and where they are; never a password."""
    from django.db import connections

    connection = connections[scratch.alias]
    return [connection.vendor, host_of(connection)]


def build_side():
    """Alias -> the database that this project's own code makes of the last tree of `path`, and what
    is to be known of it: kept in `keep_in` where it is a file, else on the server."""
    path = tuple(REQUEST["path"])
    contents, kept = {}, {}

    def build(alias, starts):
        database = starts.stage(path)
        starts.again(path)
        if starts.scratch.vendor != "sqlite":
            if ISOLATED["tried"]:
                raise Isolated("; ".join(ISOLATED["tried"]))
            side = dict(starts.hand_over(path), database=database)
            starts.scratch.keep(database)
            kept[alias] = side
            return side

        with open(database, "rb") as handle:
            contents[alias] = handle.read()
        return starts.hand_over(path)

    try:
        found = on_each_alias(build)
    except BaseException:
        drop_kept(kept)
        raise
    for number, (alias, data) in enumerate(contents.items()):  # not while all else is shut off
        name = os.path.join(REQUEST["keep_in"], "-".join((*path, str(number))))
        with open(name, "wb") as handle:
            handle.write(data)
        found[alias]["database"] = name

    if ISOLATED["tried"]:
        raise Isolated("; ".join(ISOLATED["tried"]))
    return found


def drop_sides():
    """The databases that `build_side` has left on the server."""
    for sides in REQUEST["built"]:
        drop_kept(sides)


def drop_kept(sides):
    for alias, side in sides.items():
        try:
            with Scratch(alias) as scratch:
                scratch.made.append(side["database"])
        except Exception as error:
            show("not dropped: " + side["database"] + ": " + error_line(error))


def on_each_alias(function):
    """Alias -> what a function finds with databases of its own; of those with tables of the
    apps."""
    from django.db import connections, router

    signal.signal(signal.SIGTERM, stop)
    labels = set(REQUEST["labels"])
    remember_disk()
    remember_tables()
    aliases = [a for a in connections if any(router.allow_migrate(a, label) for label in labels)]
    found = {}
    if REQUEST["server"]["ENGINE"] == "settings":
        refuse_foreign(aliases)
    with isolated(list(map(server_of, aliases))):
        for alias in aliases:
            with Scratch(alias) as scratch:
                scratch.drop_left()
                found[alias] = function(alias, Starts(scratch))

    return found


def has_server(alias):
    """Whether the project's own database is on one."""
    engine = engine_of_alias(alias)
    return not is_sqlite(OWN_SETTINGS[alias]) and engine not in ("", "django.db.backends.dummy")


def refuse_foreign(aliases):
    """Nothing is made on a server of the settings that is elsewhere, protected or not known."""
    from django.db import connections

    for alias in aliases:
        connection = connections[alias]
        if connection.vendor == "sqlite":
            continue
        if connection.vendor not in NAMES:
            raise Refused("no scratch databases on " + connection.vendor)
        why = left_alone(connection)
        if why:
            raise Refused("the server of database " + alias + " is " + why)
        own = OWN_SETTINGS[alias]
        if own.get("NAME") and (own.get("TEST") or {}).get("TEMPLATE") == own["NAME"]:
            raise Refused("the TEMPLATE of TEST is database " + alias + " itself")


class Stopped(BaseException):
    """Somebody waits no longer: what was made is dropped on the way out."""


def stop(*_):
    raise Stopped


class Starts:
    """The request's `points`: a name, and the trees that its database was migrated with."""

    def __init__(self, scratch):
        self.scratch, self.labels = scratch, REQUEST["labels"]
        self.begin()

    def begin(self):
        """With nothing known but the databases of other processes."""
        self.stages, self.effects, self.empty, self.shortened = {}, {}, {}, False
        # (table, column) that the same migrations fill with other values, and that each save does
        self.unsteady, self.moments = set(), set()
        self.given = set()
        for sides in REQUEST["built"]:
            if self.scratch.alias in sides:
                self.take(sides[self.scratch.alias])

    def take(self, side):
        """A database of another process, as `hand_over` describes it."""
        path = tuple(side["path"])
        self.given.add(path)
        self.stages[path] = side["database"]
        made = {table: set(keys) for table, keys in side["made"].items()}
        changed = set(map(tuple, side["changed"]))
        self.effects[path] = {"serial": side["serial"], "changed": changed, "made": made}
        self.empty.update(side["empty"])
        self.unsteady |= set(map(tuple, side["unsteady"]))
        self.moments |= set(map(tuple, side["moments"]))
        for new, olds in side["former"].items():
            FORMER_TABLES.setdefault(new, set()).update(olds)

    def hand_over(self, path):
        """What another process has to know of the database of a path."""
        effect = self.effects[path]
        return {
            "path": path, "serial": effect["serial"], "changed": sorted(effect["changed"]),
            "made": {table: sorted(keys) for table, keys in effect["made"].items()},
            "empty": self.empty, "unsteady": sorted(self.unsteady), "moments": sorted(self.moments),
            "former": {new: sorted(olds) for new, olds in FORMER_TABLES.items()},
        }  # fmt: skip

    def all(self):
        """How all points arrive. What both sides have is made from its state, where it is long and
        the sides run no code; anything that is not right then is tried again with all of it run."""
        try:
            self.shortened = can_begin_from_state(self.labels)
        except Exception:
            self.shortened = False  # what can't be loaded is reported at each point
        effects = list(ISOLATED["tried"])
        answer = self.arrivals()
        goes_on = self.ends_early() and any(point["unbuilt"] for point in answer["points"])
        is_right = ISOLATED["tried"] == effects and not any(map(is_wrong, answer["points"]))
        if self.shortened and not goes_on and not is_right:
            self.begin()
            ISOLATED["tried"][:] = effects
            answer = self.arrivals()

        return dict(answer, from_state=self.shortened)

    def arrivals(self):
        began = time.time()
        points = [(name, tuple(path)) for name, path in REQUEST["points"]]
        sides = [("ancestor", name) for name in ("onto", "replayed")]
        unbuilt = {}
        # all of them before any arrives: each side tells of what it changes by itself
        for path in [side for side in sides if REQUEST["trees"].keys() >= set(side)]:
            self.build(path, unbuilt)
            if path not in unbuilt and path not in self.given:
                self.again(path)

            if unbuilt and self.ends_early():
                why = unbuilt[path]
                points = [{"name": path[-1], "unbuilt": why, "error": ""}]
                return {"points": points, "seconds": round(time.time() - began, 2), "empty": []}

        for _, path in points:
            self.build(path, unbuilt)

        found = [
            {"name": name, "unbuilt": unbuilt[path], "error": ""}
            if path in unbuilt else self.point(name, path)
            for name, path in points
        ]  # fmt: skip
        if REQUEST["later"]:
            forgive_later(found)
        compare(found)
        seconds = round(time.time() - began, 2)
        empty = [table + ": " + why for table, why in sorted(self.empty.items())]
        return {"points": found, "seconds": seconds, "empty": empty}

    def ends_early(self):
        """Whether what SQLite can't hold is tried on the project's own server next."""
        return REQUEST["hurry"] and has_server(self.scratch.alias)

    def build(self, path, unbuilt):
        try:
            show("building " + (", then ".join(path) or "an empty database"))
            self.stage(path)
        except Isolated as error:
            unbuilt[path] = str(error)
        except Exception as error:
            unbuilt[path] = error_line(error)

    def point(self, name, path):
        """How one starting point arrives at the files as they are."""
        show("migrating from " + name)
        answer = {"name": name, "error": "", "unbuilt": ""}
        database = self.copy(path, self.stage(path))
        try:
            self.arrive(answer, path)
        except Isolated as error:
            answer["unbuilt"] = str(error)
        except BaseException as error:
            if not isinstance(error, (Exception, SystemExit)):
                raise
            answer["error"] = error_line(error)

        self.scratch.drop(database)
        return answer

    def arrive(self, answer, path):
        connection = self.connection()
        TREE.clear()
        before = rows_of(connection)
        there = set(recorded(connection)) if {"replayed", "both"}.intersection(path) else ()
        olds = {(label, old) for label, old, _, _ in REQUEST["rows"]}
        rows = [
            (label, old, new, kept)
            for label, old, new, kept in REQUEST["rows"]
            if (label, old) in there and ((label, new) not in there or (label, new) in olds)
        ]
        rename_rows(connection, rows)
        answer["reconciled"] = bool(rows) or bool(there and is_early(connection))
        if answer["reconciled"]:
            self.forwards()
        if self.shortened and not path:
            self.begin_from_state(is_shared)
        self.migrate_plainly()
        after = rows_of(connection)
        answer["lost"] = lost(before, after, self.allowed(path), self.moments)
        answer["had"] = cells_of(before)
        answer["schema"] = portrait(connection)
        answer["left"] = leftover(connection)
        answer["values"] = self.values(connection, after, path)

    def values(self, connection, after, path):
        """Table -> its rows without their keys: those of the first tree's database, and what
        migrations made of them. Rows that were put in later are other in each point."""
        later = [self.effects[path[:end]]["made"] for end in range(2, len(path) + 1)]
        first = self.effects[path[:1]]["made"] if path else {}
        found = {}
        for table, rows in after.items() if path else ():
            put_later = set().union(*(made_in(made, table) for made in later))
            key, targets = key_and_targets(connection, table)
            steady = [name for name in next(iter(rows.values()), {})
                      if name != key and not self.is_unsteady(table, name)]  # fmt: skip

            found[table] = sorted(
                str([(name, known(first, targets.get(name), row[name])) for name in sorted(steady)])
                for mark, row in rows.items()
                if mark not in put_later
            )

        return found

    def is_unsteady(self, table, column):
        """Whether the same migrations may fill a column with other values each time."""
        return any((name, column) in self.unsteady for name in names_of(table))

    def migrate_plainly(self):
        """As `migrate` does for these apps, but for its signals; others may have conflicts."""
        from django.db.migrations.executor import MigrationExecutor

        connection = self.connection()
        executor = MigrationExecutor(connection, follow)
        executor.loader.check_consistent_history(connection)
        leaves = [key for label in self.labels for key in executor.loader.graph.leaf_nodes(label)]
        executor.migrate(leaves)

    def connection(self):
        from django.db import connections

        return connections[self.scratch.alias]

    def stage(self, path):
        """A database that was migrated with the trees of `path`, rows put in after each."""
        if not path:
            return None
        if path not in self.stages:
            database = self.copy(path, self.stage(path[:-1]), whole=False)
            self.go(path)
            self.stages[path] = database
        return self.stages[path]

    def again(self, path):
        """The last tree once more, to see which values are others each time: keys, moments."""
        database = self.copy(path, self.stage(path[:-1]), whole=False)
        self.go(path)
        self.scratch.drop(database)

    def copy(self, path, origin, whole=True):
        """A copy of `origin`, which stands at the end of `path`, or before it if not `whole`."""
        if not origin or self.scratch.can_copy(origin):
            return self.scratch.new(origin)
        if self.given.intersection(path[:end] for end in range(1, len(path) + whole)):
            raise ValueError("a database with views, triggers or routines can't be copied")
        database = self.scratch.new()  # it can't be copied: the same once more
        for end in range(1, len(path) + whole):
            self.go(path[:end])
        return database

    def go(self, path):
        connection = self.connection()
        TREE.clear()
        TREE.update(nodes=REQUEST["trees"].get(path[-1], {}))
        before = rows_of(connection)
        if self.shortened and path == ("ancestor",):
            state = self.begin_from_state(lambda migration: True)
        else:
            state = self.forwards()
        after = rows_of(connection)
        serial = REQUEST["serial"] or len(self.effects) + 1
        effect = self.effects.setdefault(path, {"serial": serial})
        effect["changed"] = changed(before, after)
        for table, why in fill(connection, state, effect["serial"], set(self.labels)).items():
            self.empty.setdefault(table, why)

        rows = rows_of(connection)
        effect["made"] = {table: set(rows[table]) - set(after[table]) for table in rows}
        effect.setdefault("migrated", after)
        self.moments |= moments(state)
        self.unsteady |= changed(effect["migrated"], after) | self.moments

    def forwards(self):
        """All that is unapplied of the apps, without asking whether history is consistent."""
        from django.db.migrations.executor import MigrationExecutor

        connection = self.connection()
        connection.prepare_database()
        executor = MigrationExecutor(connection, follow)
        applied = executor.loader.applied_migrations
        plan = [
            (m, False) for m in plan_of(executor.loader, self.labels) if key_of(m) not in applied
        ]
        state = executor._create_project_state(with_applied_migrations=True)
        return executor.migrate(None, plan=plan, state=state)

    def begin_from_state(self, belongs):
        """In an empty database the migrations, as long as they belong, as if they had been run: the
        tables of their models, extensions, and rows of django_migrations."""
        from itertools import takewhile

        from django.db import router
        from django.db.migrations.executor import MigrationExecutor

        connection = self.connection()
        connection.prepare_database()
        executor = MigrationExecutor(connection)
        loader, recorder = executor.loader, executor.recorder
        plan = list(takewhile(belongs, plan_of(loader, self.labels)))
        state = forwards(executor._create_project_state(), plan)
        with connection.schema_editor() as editor:
            for migration in plan:
                make_extensions(migration, editor, state)
            for model in state.apps.get_models():
                own = model._meta.app_label in loader.migrated_apps
                allowed = router.allow_migrate_model(connection.alias, model)
                if own and allowed and model._meta.can_migrate(connection):
                    editor.create_model(model)

        recorder.ensure_schema()
        keys = dict.fromkeys(key for m in plan for key in (*map(tuple, m.replaces), key_of(m)))
        recorder.Migration.objects.using(connection.alias).bulk_create(
            recorder.Migration(app=label, name=name) for label, name in keys
        )
        return state

    def allowed(self, path):
        """Cells that the trees which a database has not seen change by themselves."""
        found = set()
        if "both" in path:
            return found
        for other, effect in self.effects.items():
            if len(other) == 2 and other[-1] not in path:
                found |= effect["changed"]
        return found


def is_wrong(point):
    return any(point.get(key) for key in ("unbuilt", "error", "lost", "unlike", "differs", "left"))


def changed(before, after, moments=()):
    """`(table, column)` of values that are not as they were; "*" where the row is gone. Those of
    `moments` may have another value, but not none."""
    found = set()
    for table, rows in before.items():
        for key, row in rows.items():
            there = after.get(table, {}).get(key)
            if there is None:
                found.add((table, "*"))
                continue
            for name in row:
                value = there.get(name, GONE)
                moved = (table, name) in moments and value not in (GONE, "None")
                if not (moved or alike(value, row[name])):
                    found.add((table, name))
    return found


def is_early(connection):
    """Whether something is applied before what it builds on: `db reconcile` mends that."""
    from django.db.migrations.exceptions import InconsistentMigrationHistory
    from django.db.migrations.loader import MigrationLoader

    try:
        MigrationLoader(connection).check_consistent_history(connection)
    except InconsistentMigrationHistory:
        return True
    return False


def alike(one, other):
    """Whether two texts stand for one value, also as another type of number."""
    if one == other or one is GONE:
        return one == other
    try:
        return decimal.Decimal(one) == decimal.Decimal(other)
    except decimal.InvalidOperation:
        return False


def key_and_targets(connection, table):
    """The primary key's column, and the table that each column refers to."""
    with connection.cursor() as cursor:
        key = connection.introspection.get_primary_key_column(cursor, table)
        constraints = look_once(connection, cursor, table, "get_constraints").values()
    return key, {
        what["columns"][0]: what["foreign_key"][0] for what in constraints if what["foreign_key"]
    }


def made_in(made, table):
    """The keys of the rows that were put into a table, whatever its name was then."""
    return set().union(*(made.get(name, ()) for name in names_of(table)))


def moments(state):
    """`(table, column)` of the fields with `auto_now`."""
    return {
        (model._meta.db_table, field.column)
        for model in state.apps.get_models()
        for field in model._meta.local_concrete_fields
        if getattr(field, "auto_now", False)
    }


def known(made, table, value):
    """A value; where it refers to a row that a migration made, its key may be any."""
    return value if table is None or value in made_in(made, table) else "a row that was made"


def lost(before, after, allowed, moments):
    """What is not as it was. Code that saves rows gives those of `moments` another value, though
    its own side may know nothing of them."""
    cells = {
        (table, column) for table, column in changed(before, after, moments)
        if not {(table, column), (table, "*")} & allowed
    }  # fmt: skip
    return sorted(table + ("" if column == "*" else "." + column) for table, column in cells)


def cells_of(rows):
    """`table` and `table.column` of all that has values, named as in `lost`."""
    found = set(rows)
    for table, own in rows.items():
        found |= {table + "." + column for row in own.values() for column in row}
    return found


def portrait(connection):
    """Table -> its columns and constraints, a text each."""
    look = connection.introspection
    found = {}
    with connection.cursor() as cursor:
        for table in look.table_names(cursor):
            if table == "django_migrations":
                continue

            kinds = described(connection, cursor, table)
            lines = [
                "column " + str((c.name, kinds.get(c.name), c.default, getattr(c, "collation", "")))
                for c in look_once(connection, cursor, table, "get_table_description")
            ]
            for name, what in look_once(connection, cursor, table, "get_constraints").items():
                own = what["foreign_key"] or what["primary_key"] or name.startswith(
                    ("__unnamed", "sqlite_autoindex"))  # fmt: skip
                told_as = sorted((k, str(v)) for k, v in what.items() if k != "definition")
                lines.append("constraint " + str(("" if own else name, told_as)))

            found[table] = sorted(lines)

    return found


def leftover(connection):
    """Rows of django_migrations that no file has and no file replaces."""
    from django.db.migrations.loader import MigrationLoader

    loader = MigrationLoader(connection)
    known = set(loader.disk_migrations)
    for migration in loader.disk_migrations.values():
        known |= set(map(tuple, migration.replaces))
    return sorted(".".join(row) for row in set(recorded(connection)) - known)


def forgive_later(points):
    """Values that change in every database that had them are changed on purpose, by migrations that
    came after both sides; what only some of them lose is lost."""
    every = {cell for point in points for cell in point.get("lost", ())}
    meant = {
        cell for cell in every
        if all(cell in point["lost"] for point in points if cell in point.get("had", ()))
    }  # fmt: skip
    for point in points:
        point["lost"] = [cell for cell in point.get("lost", ()) if cell not in meant]


def compare(points):
    """Each point's schema and shared rows against the first that arrived."""
    arrived = [point for point in points if "schema" in point]
    for point in arrived:
        point["unlike"] = unlike(point["schema"], arrived[0]["schema"]) if arrived else ""

    filled = [point for point in arrived if point["values"]]
    for point in filled:
        point["differs"] = unlike(point["values"], filled[0]["values"])

    for point in points:
        point.pop("schema", None)
        point.pop("values", None)
        point.pop("had", None)


def show(text):
    print("migmerge: " + text, file=sys.stderr, flush=True)

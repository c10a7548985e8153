# mypy: ignore-errors
"""Migrations of other trees, and databases that nobody else has."""

import contextlib
import importlib
import re
import tempfile
import time
import types

TREE = {}
COMPILED = {}
SCRATCH_NAME = re.compile("migmerge_([0-9]{10})_[0-9a-f]{12}")
SECONDS_A_DAY = 86400
NAME_OF_DATABASE = {"postgresql": "SELECT current_database()", "mysql": "SELECT DATABASE()"}


def remember_disk():
    """From now on Django's loader sees the migrations of the tree that `TREE` names.

    Each time new objects: operations change their own fields as they are applied.
    """
    from django.db.migrations.loader import MigrationLoader

    load_disk = MigrationLoader.load_disk

    def load(self):
        load_disk(self)
        trees = TREE.get("nodes", {})
        on_disk = {}
        for label, name in self.disk_migrations:
            if label not in trees or trees[label].get(name, 0) is None:
                on_disk[label, name] = fresh(self, label, name, None)

        for label, nodes in trees.items():
            for name, source in nodes.items():
                if label in self.migrated_apps and source is not None:
                    on_disk[label, name] = fresh(self, label, name, source)

        self.disk_migrations = on_disk

    MigrationLoader.load_disk = load


def fresh(loader, label, name, source):
    """A migration as if it were imported for the first time; no `source`: from its file."""
    package = loader.migrations_module(label)[0]
    dotted = package + "." + name
    if (dotted, source) not in COMPILED:
        path = os.path.join(list(importlib.import_module(package).__path__)[0], name + ".py")
        if source is None:
            path = importlib.import_module(dotted).__file__
            with open(path, "rb") as handle:
                data = handle.read()
        else:
            data = source.encode("latin-1")

        COMPILED[dotted, source] = path, compile(data, path, "exec", dont_inherit=True)

    path, code = COMPILED[dotted, source]
    module = types.ModuleType(dotted)
    module.__file__, module.__package__ = path, package
    exec(code, module.__dict__)
    return module.Migration(name, label)


def server_of(alias):
    """The settings of the server where the scratch databases of an alias are: the request's, or
    the project's own."""
    server, own = REQUEST["server"], OWN_SETTINGS.get(alias, {})
    if server["ENGINE"] == "settings":
        return nameless(own)
    engine = engine_of_alias(alias)
    if server["ENGINE"].endswith(".postgresql") and ("postg" in engine or "psql" in engine):
        server = dict(server, ENGINE=engine)  # postgis and others that stand on it
    return nameless(server)


class Scratch:
    """Databases of our own, on the request's server or in SQLite files; all gone at the end."""

    def __init__(self, alias):
        from django.db import connections

        self.alias, self.settings, self.made = alias, server_of(alias), []
        self.directory = tempfile.mkdtemp(prefix="migmerge-")
        use(alias, self.settings)
        self.vendor = connections[alias].vendor

    def __enter__(self):
        return self

    def __exit__(self, *_):
        import shutil

        for name in list(self.made):
            try:
                self.drop(name)
            except Exception as error:
                show("not dropped: " + name + ": " + error_line(error))
        shutil.rmtree(self.directory, ignore_errors=True)

    def new(self, origin=None):
        """A database, empty or as `origin`; the alias is connected to it."""
        import shutil
        import uuid as unique

        name = "migmerge_" + str(int(time.time())) + "_" + unique.uuid4().hex[:12]
        if self.vendor == "sqlite":
            name = os.path.join(self.directory, name)
            if origin:
                self.leave()
                shutil.copy(origin, name)
        else:
            self.execute("CREATE DATABASE " + self.quoted(name) + self.made_from(origin))

        self.made.append(name)
        self.connect(name)
        if origin and self.vendor == "mysql":
            self.copy_tables(origin)
        use_storage(name, origin)
        return name

    def made_from(self, origin):
        """How a new database begins: as another one, or as the test database of the project."""
        from django.db import connections

        if origin and self.vendor == "postgresql":
            return ' TEMPLATE "' + origin + '"'
        return " " + connections[self.alias].creation.sql_table_creation_suffix()

    def drop_left(self):
        """Databases of ours that nobody dropped, since their process was killed, a day ago or
        longer."""
        lists = {
            "postgresql": "SELECT datname FROM pg_database",
            "mysql": "SELECT schema_name FROM information_schema.schemata",
        }
        if self.vendor not in lists:
            return
        for (name,) in self.execute(lists[self.vendor]):
            made = SCRATCH_NAME.fullmatch(name)
            if made and int(made[1]) < time.time() - SECONDS_A_DAY:
                with contextlib.suppress(Exception):  # another user's, or in use
                    self.execute("DROP DATABASE " + self.quoted(name))

    def can_copy(self, name):
        """Whether a copy holds all that a database has; MySQL has no statement that copies one."""
        if self.vendor != "mysql":
            return True
        others = (
            ("tables", "table_schema", " AND table_type <> 'BASE TABLE'"),
            ("triggers", "trigger_schema", ""),
            ("routines", "routine_schema", ""),
        )
        query = "SELECT 1 FROM information_schema.{} WHERE {} = %s{}"
        return not any(self.rows(query.format(*other), [name]) for other in others)

    def copy_tables(self, origin):
        """Every table with its rows, into the connected database."""
        named = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s"
        tables = [name for (name,) in self.rows(named, [origin])]
        texts = {
            name: self.rows("SHOW CREATE TABLE " + self.quoted(origin) + "." + self.quoted(name))
            for name in tables
        }
        self.rows("SET foreign_key_checks = 0")
        for ((_, text),) in texts.values():
            self.rows(text)
        stored = (
            "SELECT column_name FROM information_schema.columns WHERE table_schema = %s "
            "AND table_name = %s AND COALESCE(generation_expression, '') = ''"
        )
        for name in tables:
            columns = ", ".join(self.quoted(c) for (c,) in self.rows(stored, [origin, name]))
            into = "INSERT INTO " + self.quoted(name) + " (" + columns + ") SELECT " + columns
            self.rows(into + " FROM " + self.quoted(origin) + "." + self.quoted(name))
        self.rows("SET foreign_key_checks = 1")

    def rows(self, statement, parameters=None):
        """What a statement gives in the connected database."""
        from django.db import connections

        with connections[self.alias].cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def keep(self, name):
        """Leave a database on the server when all others are dropped: another process has it."""
        self.leave()
        self.made.remove(name)

    def drop(self, name):
        self.made.remove(name)
        if self.vendor == "sqlite":
            self.leave()
            os.unlink(name)
        else:
            self.execute("DROP DATABASE " + self.quoted(name))

    def quoted(self, name):
        return "`" + name + "`" if self.vendor == "mysql" else '"' + name + '"'

    def execute(self, statement):
        """What a statement on the server gives, where no database is connected to."""
        self.leave()
        with self.connect(self.settings.get("NAME") or None)._nodb_cursor() as cursor:
            cursor.execute(statement)
            found = cursor.fetchall() if cursor.description else []
        self.leave()
        return found

    def leave(self):
        from django.db import connections

        connections[self.alias].close()

    def connect(self, name):
        from django.db import connections

        self.leave()
        use(self.alias, dict(self.settings, NAME=name))
        connection = connections[self.alias]
        statement = NAME_OF_DATABASE.get(self.vendor) if name else None
        if statement:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                there = cursor.fetchone()[0]
            if there != name:
                connection.close()
                raise Refused(
                    "the settings lead to database " + str(there) + " in place of a scratch one"
                )
        return connection

"""Databases as they stand after two branches, brought to the merged files in each way.

    python -m tests.project.matrix > new.md && mv new.md docs/databases.md

Everything is real: branches in git, a project made by Django, databases on SQLite, PostgreSQL
and MariaDB that were migrated on the branches before the merge, with rows in them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.conftest import SEALED
from tests.project.conftest import MANAGE, MODELS, Site

PYTHON = os.environ.get("MIGMERGE_PROJECT_PYTHON", sys.executable)
SETTINGS = """\
import json
import os
SECRET_KEY = "x"
INSTALLED_APPS = ["shop", "cart"]
DATABASES = {"default": json.loads(os.environ.get("DB", '{"ENGINE": "django.db.backends.dummy"}'))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
try:
    import pymysql
except ImportError:
    pass
else:  # Django asks for mysqlclient, which needs a compiler; this one speaks for it
    pymysql.version_info = (2, 2, 8, "final", 0)
    pymysql.install_as_MySQLdb()
"""
COUNT = """\
from django.db import migrations, models


def count(apps, schema_editor):
    Product = apps.get_model("shop", "Product")
    Product.objects.update(price=models.F("price") + 1)


class Migration(migrations.Migration):
    dependencies = [("shop", "0002_price")]
    operations = [migrations.RunPython(count, migrations.RunPython.noop)]
"""
LABEL = "\n\nclass Label(models.Model):\n    text = models.CharField(max_length=9)\n"
LINE = """\
from django.db import models


class Line(models.Model):
    label = models.ForeignKey("shop.Label", models.CASCADE)
    amount = models.IntegerField(default=0)
"""
NOTE = LINE.replace('    label = models.ForeignKey("shop.Label", models.CASCADE)\n', "")
FILL_LABEL = """\
from cart.models import Line
from shop.models import Label
Line.objects.create(label=Label.objects.create(text='t'), amount=4)
"""
PICTURE = """\
import json
from django.core.management import call_command
from django.db import connection
call_command("migrate", verbosity=0)
found = {"schema": {}, "rows": {}, "applied": []}
look = connection.introspection
with connection.cursor() as cursor:
    for table in sorted(look.table_names(cursor)):
        columns = look.get_table_description(cursor, table)
        names = [c.name for c in columns]
        cursor.execute("SELECT * FROM " + connection.ops.quote_name(table))
        rows = [dict(zip(names, map(str, row))) for row in cursor.fetchall()]
        if table == "django_migrations":
            found["applied"] = sorted(row["app"] + "." + row["name"] for row in rows)
            continue
        found["rows"][table] = {row["id"]: row for row in rows}
        kinds = look.get_constraints(cursor, table).values()
        found["schema"][table] = [
            sorted(str((c.name, c.type_code, c.display_size, c.internal_size, c.null_ok, c.default))
                   for c in columns),
            sorted(str((c["columns"], c["unique"], c["index"], c["foreign_key"])) for c in kinds),
        ]
print(json.dumps(found))
"""


class Scenario(NamedTuple):
    """What the branch adds, and what its owner then writes into the rows; `added` are values
    that its migrations give rows of databases that had not run them."""

    title: str
    build: Callable[[Site], None]
    fill: str = "Product.objects.update(price=777)"
    added: Mapping[str, str] = {"price": "0"}


def _chain(site: Site) -> None:
    _one(site)
    site.field("cost")
    site.make("cost")
    text = site.read("shop/models.py").decode()
    site.write("shop/models.py", text.replace("cost = models.Integer", "cost = models.BigInteger"))
    site.make("wide")


def _one(site: Site) -> None:
    site.field("price")
    site.make("price")


def _dependents(site: Site) -> None:
    site.write("shop/models.py", site.read("shop/models.py").decode() + LABEL)
    site.make("label")
    site.write("cart/models.py", LINE)
    site.manage("makemigrations", "cart", "-v0", "-n", "line")


def _run_before(site: Site) -> None:
    _one(site)
    site.write("cart/models.py", NOTE)
    site.manage("makemigrations", "cart", "-v0", "-n", "note")
    path = "shop/migrations/0002_price.py"
    before = '    run_before = [("cart", "0001_note")]\n\n    operations'
    site.write(path, site.read(path).decode().replace("    operations", before, 1))


def _data(site: Site) -> None:
    _one(site)
    site.write("shop/migrations/0003_count.py", COUNT)


SCENARIOS = {
    "one": Scenario("one migration", _one),
    "chain": Scenario("a chain of three", _chain, "Product.objects.update(price=777, cost=55)",
                      {"price": "0", "cost": "0"}),
    "dependents": Scenario("another app builds on it", _dependents, FILL_LABEL, {}),
    "run_before": Scenario("it runs before another app", _run_before),
    "data": Scenario("a data migration", _data, added={"price": "1"}),
}  # fmt: skip
STARTS = {
    "fresh": (),
    "ancestor": ("base",),
    "onto": ("base", "main"),
    "replayed": ("base", "feature"),
    "onto, then replayed": ("base", "main", "feature"),
    "replayed, then onto": ("base", "feature", "main"),
}
WAYS = {
    "merge": ("--strategy", "merge"),
    "renumber": ("--strategy", "renumber", "--carry"),
    "bare": ("--strategy", "renumber", "--no-carry"),
}
ENGINES = ("sqlite", "postgresql", "mariadb")


class Work(NamedTuple):
    """The trees of one scenario, by name: base, main, feature, and one for each way."""

    root: Path
    scenario: Scenario


def prepare(root: Path, name: str) -> Work:
    """Branches, and the merge fixed in each way; each tree in a directory of its own."""
    scenario = SCENARIOS[name]
    site = Site(root / "base", PYTHON)
    site.root.mkdir(parents=True)
    site.git("init", "-q", "-b", "main")
    for path, text in (("site_settings.py", SETTINGS), ("manage.py", MANAGE),
                       (".gitignore", "__pycache__/\n"), ("shop/models.py", MODELS),
                       ("cart/models.py", "")):  # fmt: skip
        site.write(path, text)
    for app in ("shop", "cart"):
        site.write(f"{app}/__init__.py", "")
        site.write(f"{app}/migrations/__init__.py", "")
    site.make("initial")
    site.commit("base")
    main, feature = _copy(site, "main"), _copy(site, "feature")
    feature.git("checkout", "-q", "-b", "feature")
    scenario.build(feature)
    feature.commit("feature")
    main.field("stock")
    main.make("stock")
    main.commit("main")
    feature.git("fetch", "-q", "../main", "main:refs/remotes/origin/main")
    for way, options in WAYS.items():
        merged = _copy(feature, way)
        merged.git("merge", "-q", "--no-edit", "origin/main")
        merged.fix(*options, "--commit")
    return Work(root, scenario)


def _copy(site: Site, name: str) -> Site:
    shutil.copytree(site.root, site.root.parent / name)
    return Site(site.root.parent / name, PYTHON)


class Server(NamedTuple):
    """Databases of one engine: settings for Django, and how one is made, copied and dropped."""

    engine: str
    root: Path

    def settings(self, name: str) -> dict[str, str]:
        if self.engine == "sqlite":
            return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(self.root / name)}
        backend, user = {"postgresql": ("postgresql", "postgres"), "mariadb": ("mysql", "root")}[
            self.engine
        ]
        return {"ENGINE": f"django.db.backends.{backend}", "NAME": name, "USER": user,
                "HOST": "127.0.0.1"}  # fmt: skip

    def make(self, name: str, origin: str = "") -> None:
        if self.engine == "sqlite":
            if origin:
                shutil.copy(self.root / origin, self.root / name)
        elif self.engine == "postgresql":
            template = f' TEMPLATE "{origin}"' if origin else ""
            self._run("psql", "-h127.0.0.1", "-Upostgres", "-qc",
                      f'CREATE DATABASE "{name}"{template}')  # fmt: skip
        else:
            self._run("mysql", "-h127.0.0.1", "-uroot", "-e", f"CREATE DATABASE `{name}`")
            if origin:
                dump = self._run("mysqldump", "-h127.0.0.1", "-uroot", origin)
                self._run("mysql", "-h127.0.0.1", "-uroot", name, stdin=dump)

    def drop(self, name: str) -> None:
        if self.engine == "sqlite":
            for path in self.root.glob(f"{name}*"):
                path.unlink()
        elif self.engine == "postgresql":
            self._run("psql", "-h127.0.0.1", "-Upostgres", "-qc",
                      f'DROP DATABASE IF EXISTS "{name}"')  # fmt: skip
        else:
            drop = f"DROP DATABASE IF EXISTS `{name}`"
            self._run("mysql", "-h127.0.0.1", "-uroot", "-e", drop)

    def _run(self, *command: str, stdin: bytes = b"") -> bytes:
        return subprocess.run(command, input=stdin, capture_output=True, check=True).stdout

    @contextmanager
    def scratch(self, origin: str = "") -> Iterator[str]:
        name = f"migmerge_test_{uuid.uuid4().hex[:12]}"
        self.make(name, origin)
        try:
            yield name
        finally:
            self.drop(name)


def _run(work: Work, tree: str, database: dict[str, str], *command: str) -> tuple[int, str]:
    """Exit code, and standard output or what went wrong."""
    done = subprocess.run(
        command,
        cwd=work.root / tree,
        env={**os.environ, "DB": json.dumps(database), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout if done.returncode == 0 else done.stderr


def _picture(work: Work, tree: str, database: dict[str, str]) -> dict | str:
    """What there is after a plain `migrate`; its error as a string."""
    code, out = _run(work, tree, database, PYTHON, "manage.py", "shell", "-v0", "-c", PICTURE)
    return out.strip().splitlines()[-1] if code else json.loads(out.splitlines()[-1])


FILLS = {
    "base": "Product.objects.create(name='a')",
    "main": "Product.objects.update(stock=333)",
}


def start(work: Work, server: Server, name: str, stages: tuple[str, ...]) -> dict:
    """Migrate a database through the stages, on the branches' own files; what it holds then."""
    found: dict = {"rows": {}}
    for stage in stages:
        fill = FILLS.get(stage, work.scenario.fill)
        code = f"{PICTURE}\nfrom shop.models import Product\n{fill}\n{PICTURE}"
        command = (PYTHON, "manage.py", "shell", "-v0", "-c", code)
        status, out = _run(work, stage, server.settings(name), *command)
        assert status == 0, out
        found = json.loads(out.splitlines()[-1])
    return found


def arrive(work: Work, server: Server, name: str, way: str, *, reconcile: bool) -> dict | str:
    """The merged files: reconcile, where asked, then a plain migrate."""
    database = server.settings(name)
    if reconcile:
        command = (
            sys.executable,
            "-m",
            "migmerge",
            "db",
            "reconcile",
            "--yes",
            "--database",
            "default",
        )
        code, out = _run(work, way, database, *command)
        if code:
            return "reconcile: " + (out.strip().splitlines() or ["refused"])[-1]
    return _picture(work, way, database)


def outcome(before: dict, after: dict | str, fresh: dict, added: Mapping[str, str]) -> str:
    """`same`, or what is wrong with a database that arrived."""
    if isinstance(after, str):
        return f"stops: {after.partition(':')[0].rpartition('.')[2]}"
    lost = sorted(
        f"{table}.{column}"
        for table, rows in before["rows"].items()
        for key, row in rows.items()
        for column, value in row.items()
        if after["rows"].get(table, {}).get(key, {}).get(column) != value
    )
    if lost:
        return f"loses {', '.join(dict.fromkeys(lost))}"
    for row in after["rows"]["shop_product"].values():
        for column, value in added.items():
            if column not in before["rows"]["shop_product"][row["id"]]:
                if row.get(column) not in (value, None):
                    return f"{column} is {row[column]}, not {value}"
    if after["schema"] != fresh["schema"]:
        return "another schema"
    return "same" if after["applied"] == fresh["applied"] else "other rows in django_migrations"


def _tells(work: Work, server: Server, name: str, way: str) -> bool:
    """Whether `db status --schema` names a column that is gone."""
    command = (
        sys.executable,
        "-m",
        "migmerge",
        "db",
        "status",
        "--schema",
        "--format",
        "json",
        "--database",
        "default",
    )
    done = subprocess.run(
        command,
        cwd=work.root / way,
        env={**os.environ, "DB": json.dumps(server.settings(name))},
        capture_output=True,
        text=True,
        check=False,
    )
    schema = json.loads(done.stdout)["databases"][0]["schema"]
    return done.returncode == 1 and any(line.endswith(" is missing") for line in schema)


def run_matrix(work: Work, server: Server) -> dict[tuple[str, str], str]:
    """(start, way) -> outcome; `bare` is followed by `db reconcile`, and without it is `plain`."""
    found = {}
    fresh = {}
    for way in WAYS:
        with server.scratch() as name:
            fresh[way] = arrive(work, server, name, way, reconcile=False)
            assert isinstance(fresh[way], dict), fresh[way]
    for title, stages in STARTS.items():
        with server.scratch() as origin:
            before = start(work, server, origin, stages)
            cells = [(way, way == "bare") for way in WAYS] + [("bare", False)]
            for way, reconcile in cells:
                with server.scratch(origin if stages else "") as name:
                    after = arrive(work, server, name, way, reconcile=reconcile)
                    told = outcome(before, after, fresh[way], work.scenario.added)
                    if told == "another schema" and _tells(work, server, name, way):
                        told = "lost before: `db status --schema` says so"
                label = way if reconcile or way != "bare" else "plain"
                found[title, label] = told
    return found


def wrong_cells(found: Mapping[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    """What isn't as it should be of our ways; a column that was lost before is told."""
    right = ("same", "lost before")
    return {
        cell: told
        for cell, told in found.items()
        if cell[1] != "plain" and not told.startswith(right)
    }


def table(engine: str, name: str, found: Mapping[tuple[str, str], str]) -> list[str]:
    """The lines of one table of docs/databases.md."""
    ways = ("merge", "renumber", "bare", "plain")
    rows = [f"| {start} | {' | '.join(found[start, way] for way in ways)} |" for start in STARTS]
    head = (
        "| database stood at | merge | renumber | `--no-carry`, `db reconcile` | renamed by hand |"
    )
    title = f"### {TITLES[engine]}: {SCENARIOS[name].title}"
    return [title, "", head, "|---" * 5 + "|", *rows, ""]


def section(engine: str, name: str) -> list[str]:
    """One table, made."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        return table(engine, name, run_matrix(prepare(root, name), Server(engine, root)))


TITLES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB"}
PAGE = Path(__file__).parents[2] / "docs/databases.md"
MARK = "<!-- tables -->\n"


def document() -> str:
    """docs/databases.md with its tables made again."""
    pairs = [(engine, name) for engine in ENGINES for name in SCENARIOS]
    with ThreadPoolExecutor(2) as pool:
        tables = list(pool.map(lambda pair: section(*pair), pairs))
    head = PAGE.read_text().partition(MARK)[0]
    return head + MARK + "\n" + "\n".join(line for table in tables for line in table)


if __name__ == "__main__":
    for key, value in SEALED.items():
        os.environ[key] = value
    os.environ["PATH"] = f"{Path(PYTHON).parent}{os.pathsep}{os.environ['PATH']}"
    sys.stdout.write(document())

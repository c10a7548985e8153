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
from collections.abc import Callable, Collection, Iterator, Mapping
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
    Product.objects.update({field}=models.F("{field}") + 1)


class Migration(migrations.Migration):
    dependencies = [("shop", "0002_{field}")]
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


def _stock(site: Site) -> None:
    site.field("stock")
    site.make("stock")


def _nothing(site: Site) -> None:
    """Nothing more than what every scenario has."""


class Scenario(NamedTuple):
    """What the branch adds, and what its owner then writes into the rows; `added` are values
    that its migrations give rows of databases that had not run them.

    `base` and `main` are what those add. Where there is a `later`, main adds it when the first
    merge was fixed; the branch merges and fixes again. `starts` go with those of STARTS.
    """

    title: str
    build: Callable[[Site], None]
    fill: str = "Product.objects.update(price=777)"
    added: Mapping[str, str] = {"price": "0"}
    base: Callable[[Site], None] = _nothing
    main: Callable[[Site], None] = _stock
    later: Callable[[Site], None] | None = None
    starts: Mapping[str, tuple[str, ...]] = {}


def _chain(site: Site) -> None:
    _one(site)
    _copy(site, "half")
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
    site.write("shop/migrations/0003_count.py", COUNT.format(field="price"))


def _data_of_main(site: Site) -> None:
    _stock(site)
    site.write("shop/migrations/0003_count_stock.py", COUNT.format(field="stock"))


def _line(site: Site) -> None:
    """The other app's model; then, on each side, a field of it in a place of its own."""
    site.write("cart/models.py", NOTE)
    site.manage("makemigrations", "cart", "-v0", "-n", "line")


def _two_apps(site: Site) -> None:
    _one(site)
    site.write("cart/models.py", f"{NOTE}    price = models.IntegerField(default=0)\n")
    site.manage("makemigrations", "cart", "-v0", "-n", "price")


def _two_apps_of_main(site: Site) -> None:
    _stock(site)
    above = "    stock = models.IntegerField(default=0)\n    amount ="
    site.write("cart/models.py", NOTE.replace("    amount =", above))
    site.manage("makemigrations", "cart", "-v0", "-n", "stock")


def _weight(site: Site) -> None:
    site.field("weight")
    site.make("weight")


SCENARIOS = {
    "one": Scenario("one migration", _one),
    "chain": Scenario("a chain of three", _chain, "Product.objects.update(price=777, cost=55)",
                      {"price": "0", "cost": "0"}),
    "dependents": Scenario("another app builds on it", _dependents, FILL_LABEL, {}),
    "run_before": Scenario("it runs before another app", _run_before),
    "data": Scenario("a data migration", _data, added={"price": "1"}),
    "data of both": Scenario("a data migration on each side", _data, main=_data_of_main,
                             added={"price": "1", "stock": "1"}),
    "two apps": Scenario("two apps at once", _two_apps, base=_line, main=_two_apps_of_main),
    "again": Scenario(
        "a chain that is renumbered twice", _chain, "Product.objects.update(price=777)",
        {"price": "0", "cost": "0", "weight": "0"}, later=_weight,
        starts={"half of replayed": ("base", "half"), "the first merge": ("base", "once"),
                "onto, the first merge": ("base", "main", "once"),
                "replayed, the first merge": ("base", "feature", "once"),
                "half of replayed, the first merge": ("base", "half", "once"),
                "the first merge, then onto's later": ("base", "once", "later")},
    ),
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
LOST = "lost before: `db status --schema` says so"
COLUMNS = (*WAYS, "plain")  # of the tables; the last is `bare` without `db reconcile`
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
    scenario.base(site)
    site.commit("base")
    main, feature = _copy(site, "main"), _copy(site, "feature")
    feature.git("checkout", "-q", "-b", "feature")
    scenario.build(feature)
    feature.commit("feature")
    scenario.main(main)
    main.commit("main")
    for way, options in WAYS.items():
        merged = _copy(feature, way)
        _merge(merged, main, options)
        if scenario.later:
            _copy(merged, f"once {way}")
    if scenario.later:
        later = _copy(main, "later")
        scenario.later(later)
        later.commit("later")
        for way, options in WAYS.items():
            _merge(Site(root / way, PYTHON), later, options)
    return Work(root, scenario)


def _merge(site: Site, main: Site, options: tuple[str, ...]) -> None:
    site.git("fetch", "-q", str(main.root), "main:refs/remotes/origin/main")
    site.git("merge", "-q", "--no-edit", "origin/main")
    site.fix(*options, "--commit")


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
    "later": "Product.objects.update(weight=333)",
}


def start(
    work: Work, server: Server, name: str, stages: tuple[str, ...], way: str = "merge"
) -> dict | str:
    """Migrate a database through the stages, on the branches' own files; what it holds then, or
    the error of the first merge as fixed in this way."""
    found: dict = {"rows": {}}
    columns: set[str] = set()
    for stage in stages:
        tree = stage
        if stage == "once":
            tree = "once bare" if way == "plain" else f"once {way}"
            arrived = arrive(work, server, name, tree, reconcile=way == "bare")
            if isinstance(arrived, str):
                return arrived
        fill = FILLS.get(stage, work.scenario.fill)
        code = f"{PICTURE}\nfrom shop.models import Product\n{fill}\n{PICTURE}"
        command = (PYTHON, "manage.py", "shell", "-v0", "-c", code)
        status, out = _run(work, tree, server.settings(name), *command)
        assert status == 0, out
        found = json.loads(out.splitlines()[-1])
        rows = found["rows"]["shop_product"].values()
        now = {column for row in rows for column in row}
        found["dropped"] = sorted(columns - now)
        columns |= now
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


def outcome(
    before: dict,
    after: dict | str,
    fresh: dict,
    added: Mapping[str, str],
    left: Collection[str] = (),
) -> str:
    """`same`, or what is wrong with a database that arrived; `left` are rows of names between."""
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
    rows = set(after["applied"]) - set(left)
    return "same" if rows == set(fresh["applied"]) else "other rows in django_migrations"


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
    """(start, column) -> outcome; `bare` is followed by `db reconcile`."""
    found = {}
    fresh = {}
    for way in WAYS:
        with server.scratch() as name:
            arrived = arrive(work, server, name, way, reconcile=False)
            assert isinstance(arrived, dict), arrived
            fresh[way] = arrived
    for title, stages in {**STARTS, **work.scenario.starts}.items():
        for ways in [(way,) for way in COLUMNS] if "once" in stages else [COLUMNS]:
            with server.scratch() as origin:
                before = start(work, server, origin, stages, ways[0])
                for way in ways:
                    found[title, way] = _cell(
                        work, server, origin if stages else "", before, way, fresh
                    )
    return found


def _between(work: Work) -> set[str]:
    """Names that only the first merge's files had: their rows stay, and say nothing of a file."""
    paths = (work.root / "once renumber").glob("*/migrations/0*.py")
    return {f"{p.parent.parent.name}.{p.stem}" for p in paths
            if not (work.root / "renumber" / p.relative_to(work.root / "once renumber")).exists()}  # fmt: skip


def _cell(
    work: Work, server: Server, origin: str, before: dict | str, way: str, fresh: Mapping[str, dict]
) -> str:
    tree = "bare" if way == "plain" else way
    if isinstance(before, str):
        return outcome({}, before, {}, {})
    with server.scratch(origin) as name:
        dropped = before.get("dropped")
        tells = dropped and _tells(work, server, name, tree)
        after = arrive(work, server, name, tree, reconcile=way == "bare")
        left = _between(work) if way == "renumber" else ()
        told = outcome(before, after, fresh[tree], work.scenario.added, left)
        if not dropped or told == "same" or told.startswith(("loses", "stops", "other rows")):
            return told
        tells = tells or _tells(work, server, name, tree)
    return LOST if tells else "lost before"


def wrong_cells(found: Mapping[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    """What isn't as it should be of our ways; `db status` tells what was lost before."""
    right = {"merge": {"same", LOST}, "renumber": {"same", LOST},
             "bare": {"same", LOST, "lost before"}}  # fmt: skip
    return {
        (start, way): told
        for (start, way), told in found.items()
        if way != "plain" and told not in right[way]
    }


def table(engine: str, name: str, found: Mapping[tuple[str, str], str]) -> list[str]:
    """The lines of one table of docs/databases.md."""
    starts = dict.fromkeys(start for start, _ in found)
    rows = [f"| {start} | {' | '.join(found[start, way] for way in COLUMNS)} |" for start in starts]
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

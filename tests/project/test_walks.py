"""Random walks: branches, merges, renumberings and databases that migrate at any point; at the end
every database has the schema of a fresh one and its values, by `migrate` alone."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO

import pytest

from migmerge.cli import main as migmerge
from tests.conftest import Repo

WALKS = int(os.environ.get("MIGMERGE_WALKS", "200"))  # before the tests are sealed off
APPS = ("shop", "cart")
FILE = """\
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = {dependencies}
    operations = [{operations}]
"""
MODEL = "migrations.CreateModel('{}', [('id', models.AutoField(primary_key=True))])"
FIELD = "migrations.AddField('{}', '{}', models.IntegerField(default=0))"
CODE = "migrations.RunPython(migrations.RunPython.noop, migrations.RunPython.noop)"
# Migrates one database after the other, the path of each a line, with the files that are there.
DJANGO = """\
import json, sys
import django
from django.conf import settings
settings.configure(INSTALLED_APPS=["shop", "cart"], DATABASES={"default": {
    "ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
django.setup()
import importlib
from django.core.management import call_command
from django.db import connection
for line in sys.stdin:
    connection.close()
    connection.settings_dict["NAME"] = json.loads(line)
    for name in [name for name in sys.modules if ".migrations" in name and name[:4] in ("shop", "cart")]:
        del sys.modules[name]
    importlib.invalidate_caches()
    try:
        call_command("migrate", verbosity=0)
        print(json.dumps(""), flush=True)
    except BaseException as error:
        print(json.dumps(f"{type(error).__name__}: {error}"), flush=True)
"""


class Walk:
    """main and feature of one repository, and databases, each with what its rows hold."""

    def __init__(self, repo: Repo, chance: random.Random, django: subprocess.Popen[str]) -> None:
        self.repo, self.chance, self.django = repo, chance, django
        self.fields = 0
        self.columns: dict[str, set[str]] = {"main": set(), "feature": set()}
        self.databases: dict[str, set[str]] = {name: set() for name in ("a", "b", "c", "d")}
        self.told: list[str] = []

    def begin(self) -> None:
        for app in APPS:
            self.repo.write(f"{app}/__init__.py", "")
            self.repo.write(f"{app}/models.py", "")
            self.repo.write(f"{app}/migrations/__init__.py", "")
            self.write(app, "0001_initial", [], MODEL.format(app))
        self.repo.write(".gitignore", "*.sqlite3\n__pycache__/\n")
        self.repo.commit("base")
        self.repo.publish()
        self.repo.git("branch", "feature")

    def write(self, app: str, name: str, parents: list[tuple[str, str]], operation: str) -> None:
        text = FILE.format(dependencies=parents, operations=operation)
        self.repo.write(f"{app}/migrations/{name}.py", text)

    def leaf(self, app: str) -> str:
        """Files of one line are in the order of their numbers here."""
        return max(p.stem for p in (self.repo.root / app / "migrations").glob("0*.py"))

    def on(self, branch: str) -> None:
        self.repo.git("checkout", "-q", branch)

    def add(self, branch: str) -> None:
        """A field, or code, in one app; sometimes it depends on the other app's last, too."""
        self.on(branch)
        app, other = self.chance.sample(APPS, 2)
        leaf = self.leaf(app)
        self.fields += 1
        # one title again and again, as Django's own names are
        title = self.chance.choice([f"{branch}{self.fields}", f"{branch}_auto"])
        parents = [(app, leaf)]
        if self.chance.random() < 0.2:
            parents.append((other, self.leaf(other)))
        if self.chance.random() < 0.2:
            operation = CODE
        else:
            column = f"{branch[0]}{self.fields}"
            operation = FIELD.format(app, column)
            self.columns[branch].add(f"{app}.{column}")
        self.write(app, f"{int(leaf[:4]) + 1:04d}_{title}", parents, operation)
        self.repo.commit(f"{branch}: {title}")
        self.repo.publish()

    def pull(self) -> None:
        """main into feature, and what collides is renumbered."""
        self.on("feature")
        self.repo.git("merge", "-q", "--no-edit", "main")
        self.columns["feature"] |= self.columns["main"]
        here = os.getcwd()
        os.chdir(self.repo.root)
        try:
            code = migmerge(["fix", "--yes", "--strategy", "renumber", "--carry", "--commit",
                             "--skip-verification"])  # fmt: skip
        finally:
            os.chdir(here)
        assert code == 0, self.told

    def land(self) -> None:
        self.pull()
        self.on("main")
        self.repo.git("merge", "-q", "--ff-only", "feature")
        self.columns["main"] = set(self.columns["feature"])
        self.repo.publish()

    def migrate(self, name: str, branch: str) -> None:
        """Rows are put in, and filled, afterwards. Not where SQLite would drop columns: those that
        the branch's files don't know."""
        if not self.databases[name] <= self.columns[branch]:
            return
        self.on(branch)
        path = self.repo.root / f"{name}.sqlite3"
        error = self.ask(path)
        assert error == "", (self.told, name, branch, error)
        self.databases[name] = set(self.columns[branch])
        with closing(sqlite3.connect(path)) as connection:
            for app in APPS:
                own = [c for _, c, *_ in connection.execute(f"PRAGMA table_info({app}_{app})")]
                own.remove("id")
                if not connection.execute(f"SELECT 1 FROM {app}_{app}").fetchall():
                    names = ", ".join(["id", *own])
                    marks = ", ".join(["1", *(["0"] * len(own))])
                    connection.execute(f"INSERT INTO {app}_{app} ({names}) VALUES ({marks})")
                for column in own:
                    connection.execute(f"UPDATE {app}_{app} SET {column} = 777")
            connection.commit()

    def ask(self, path: Path) -> str:
        stdin, stdout = self.django.stdin, self.django.stdout
        assert stdin is not None and stdout is not None
        print(json.dumps(str(path)), file=stdin, flush=True)
        return json.loads(stdout.readline())

    def step(self) -> None:
        what = self.chance.choice(["add", "add", "add", "pull", "land", "migrate", "migrate"])
        branch = self.chance.choice(["main", "feature"])
        name = self.chance.choice(sorted(self.databases))
        self.told.append(f"{what} {branch} {name}")
        if what == "add":
            self.add(branch)
        elif what == "migrate":
            self.migrate(name, branch)
        else:
            getattr(self, what)()

    def end(self) -> None:
        """Everything lands, and every database migrates."""
        self.land()
        fresh = self.repo.root / "fresh.sqlite3"
        assert self.ask(fresh) == "", self.told
        wanted = picture(fresh)[0]
        for name, filled in self.databases.items():
            path = self.repo.root / f"{name}.sqlite3"
            assert self.ask(path) == "", (self.told, name)
            schema, rows = picture(path)
            assert schema == wanted, (self.told, name)
            lost = {key for key in filled if rows[key] != 777}
            assert lost == set(), (self.told, name)
            code = self.unapplied(path)
            assert code == set(), (self.told, name)

    def unapplied(self, path: Path) -> set[str]:
        """Files without a row."""
        with closing(sqlite3.connect(path)) as connection:
            rows = set(connection.execute("SELECT app, name FROM django_migrations"))
        files = {(app, file.stem) for app in APPS
                 for file in (self.repo.root / app / "migrations").glob("0*.py")}  # fmt: skip
        return {".".join(key) for key in files - rows}


def picture(path: Path) -> tuple[dict[str, list[tuple]], dict[str, object]]:
    """Columns of each table in any order, and the value of each in the only row."""
    schema: dict[str, list[tuple]] = {}
    values: dict[str, object] = {}
    with closing(sqlite3.connect(path)) as connection:
        for app in APPS:
            found = connection.execute(f"PRAGMA table_info({app}_{app})").fetchall()
            schema[app] = sorted(row[1:] for row in found)
            row = connection.execute(f"SELECT * FROM {app}_{app}").fetchone()
            names = [column[1] for column in found]
            values |= {
                f"{app}.{name}": value for name, value in zip(names, row or (), strict=False)
            }
    return schema, values


@pytest.fixture
def projects(tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[str]]]:
    """A place that one Django process sees, whatever repository is there."""
    root = tmp_path / "repo"
    root.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", DJANGO, str(root)], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        yield root, process
        stdin: IO[str] | None = process.stdin
        assert stdin is not None
        stdin.close()


@pytest.mark.corpus
@pytest.mark.parametrize("part", range(4))
def test_random_walks(projects: tuple[Path, subprocess.Popen[str]], part: int) -> None:
    root, django = projects
    for seed in range(part, WALKS, 4):
        shutil.rmtree(root)
        root.mkdir()
        repo = Repo(root)
        repo.git("init", "-q", "-b", "main")
        for name in APPS:
            (root / name).mkdir()
            (root / name / "__init__.py").touch()
            (root / name / "models.py").touch()
        walk = Walk(repo, random.Random(seed), django)
        walk.told.append(f"seed {seed}")
        walk.begin()
        for _ in range(14):
            walk.step()
        walk.end()

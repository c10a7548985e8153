"""An app whose label was changed after databases had run its migrations."""

from __future__ import annotations

import json
import shlex
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.project.conftest import Copy, Site, begin_project

pytestmark = pytest.mark.once

MODELS = """\
from django.db import models


class Tag(models.Model):
    name = models.CharField(max_length=20)


class Product(models.Model):
    name = models.CharField(max_length=20)
    tags = models.ManyToManyField(Tag)
"""
SENTENCE = "the app label shop is store now: what is applied as shop counts as not applied"


def build_store(root: Path) -> None:
    """A database in use, and the app renamed by hand afterwards."""
    site = begin_project(root, MODELS)
    site.manage("migrate", "-v0")
    code = "from shop.models import *; Product.objects.create(name='tea').tags.create(name='green')"
    site.manage("shell", "-c", code)
    site.git("mv", "shop", "store")
    settings = site.read("site_settings.py").decode()
    site.write("site_settings.py", settings.replace('"shop"', '"store"'))
    for path in (site.root / "store/migrations").glob("0*.py"):
        text = path.read_text().replace('"shop', '"store').replace("'shop", "'store")
        path.write_text(text)
    site.commit("shop is store now")


@pytest.fixture
def store(copy_of: Copy) -> Site:
    return copy_of(build_store)


def next_commands(site: Site) -> list[str]:
    lines = site.run("db", "status").stdout.splitlines()
    return [line.partition("next: ")[2] for line in lines if "next: " in line]


def paste(site: Site, command: str) -> None:
    done = subprocess.run(["sh", "-c", command], cwd=site.root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def rows(site: Site, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(site.root / "db.sqlite3")) as connection:
        return connection.execute(statement).fetchall()


def test_status_says_that_the_label_is_another_one(store: Site) -> None:
    done = store.run("db", "status", "--format", "json")
    (database,) = json.loads(done.stdout)["databases"]
    assert (done.returncode, database["labels"]) == (1, {"shop": "store"})
    assert database["refused"] == [SENTENCE]
    store.manage("migrate", code=0)  # makes the tables again, empty: what must not happen
    assert rows(store, "SELECT count(*) FROM store_product") == [(0,)]


def test_the_next_command_keeps_the_rows(store: Site) -> None:
    (command,) = next_commands(store)
    assert shlex.split(command)[:4] == ["python", "manage.py", "shell", "-c"]
    paste(store, command)
    done = store.run("db", "status")
    assert (done.returncode, "migrate   has nothing to do" in done.stdout) == (0, True)
    code = "from store.models import *; print('has', Product.objects.get().tags.get().name)"
    assert "has green" in store.manage("shell", "-c", code)
    types = "SELECT DISTINCT app_label FROM django_content_type WHERE model = 'product'"
    assert rows(store, types) == [("store",)]
    store.manage("migrate", "-v0")
    assert store.run("db", "status", "--schema").returncode == 0


def test_tables_that_kept_their_names(store: Site) -> None:
    models = store.read("store/models.py").decode()
    (path,) = (store.root / "store/migrations").glob("0001*.py")
    text = path.read_text()
    for name in ("tag", "product"):
        meta = f"    class Meta:\n        db_table = 'shop_{name}'\n"
        models = models.replace(
            f"class {name.title()}(models.Model):\n", f"class {name.title()}(models.Model):\n{meta}"
        )
        text = text.replace(
            f"name='{name.title()}',",
            f"name='{name.title()}', options={{'db_table': 'shop_{name}'}},",
        )
    store.write("store/models.py", models)
    path.write_text(text)
    (command,) = next_commands(store)
    assert "ALTER TABLE" not in command
    paste(store, command)
    assert store.run("db", "status").returncode == 0


@pytest.mark.parametrize(
    "change",
    ["ALTER TABLE shop_tag RENAME TO elsewhere", "ALTER TABLE shop_tag ADD COLUMN size integer"],
)
def test_another_app_with_the_same_names_of_migrations(store: Site, change: str) -> None:
    with closing(sqlite3.connect(store.root / "db.sqlite3")) as connection, connection:
        connection.execute(change)
    assert_nothing_is_said(store)


def test_tables_that_are_named_after_neither_label(store: Site) -> None:
    """Two apps may well have a migration of one name."""
    (path,) = (store.root / "store/migrations").glob("0001*.py")
    text = path.read_text()
    with closing(sqlite3.connect(store.root / "db.sqlite3")) as connection, connection:
        for name in ("tag", "product"):
            option = f"name='{name.title()}', options={{'db_table': 'a_{name}'}},"
            text = text.replace(f"name='{name.title()}',", option)
            connection.execute(f"ALTER TABLE shop_{name} RENAME TO a_{name}")
        connection.execute("ALTER TABLE shop_product_tags RENAME TO a_product_tags")
    path.write_text(text)
    assert_nothing_is_said(store)


def test_label_whose_migrations_replace_the_old_ones(store: Site) -> None:
    (path,) = (store.root / "store/migrations").glob("0001*.py")
    replaces = "(migrations.Migration):\n    replaces = [('shop', '0001_initial')]\n"
    path.write_text(path.read_text().replace("(migrations.Migration):\n", replaces))
    assert_nothing_is_said(store)


def assert_nothing_is_said(store: Site) -> None:
    done = store.run("db", "status", "--format", "json")
    (database,) = json.loads(done.stdout)["databases"]
    assert database["labels"] == {}
    assert not any("the app label" in reason for reason in database["refused"])

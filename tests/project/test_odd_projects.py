"""Routers, swapped users, moved migration modules, tables of others, migrations without atomicity."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.project.conftest import MANAGE, Copy, Site
from tests.project.test_databases import sql
from tests.project.test_verify import SCRATCH

SETTINGS = """\
SECRET_KEY = "x"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "people", "shop", "log"]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"},
    "log": {"ENGINE": "django.db.backends.sqlite3", "NAME": "log.sqlite3"},
}
DATABASE_ROUTERS = ["site_routers.Router"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "people.Person"
MIGRATION_MODULES = {"log": "changes.log"}
USE_TZ = True
"""
ROUTER = """\
class Router:
    def db_for_read(self, model, **hints):
        return "log" if model._meta.app_label == "log" else "default"

    db_for_write = db_for_read

    def allow_migrate(self, db, app_label, **hints):
        return (db == "log") == (app_label == "log")
"""
MODELS = {
    "people": (
        "from django.contrib.auth.models import AbstractUser\nfrom django.db import models\n\n\n"
        "class Person(AbstractUser):\n    nick = models.CharField(max_length=9)\n"
    ),
    "shop": (
        "from django.conf import settings\nfrom django.db import models\n\n\n"
        "class Legacy(models.Model):\n    word = models.CharField(max_length=9)\n\n"
        "    class Meta:\n        managed = False\n        db_table = 'theirs'\n\n\n"
        "class Product(models.Model):\n"
        "    name = models.CharField(max_length=20)\n"
        "    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)\n"
        "    legacy = models.ForeignKey(Legacy, models.DO_NOTHING, null=True, db_constraint=False)\n"
    ),
    "log": (
        "from django.db import models\n\n\n"
        "class Entry(models.Model):\n    name = models.CharField(max_length=20)\n"
    ),
}
PLACES = {"people": "people/migrations", "shop": "shop/migrations", "log": "changes/log"}


def add_field(site: Site, app: str, name: str) -> None:
    """At the end on the branch, before `name` on main, so that models.py merges."""
    path = f"{app}/models.py"
    text = site.read(path).decode()
    line = f"    {name} = models.IntegerField(default=0)\n"
    if site.git("branch", "--show-current").strip() == "main":
        anchor = "    name = "
        site.write(path, text.replace(anchor, line + anchor, 1))
    else:
        site.write(path, text + line)
    site.manage("makemigrations", app, "-v0", "-n", name)


@pytest.fixture
def odd(copy_of: Copy) -> Site:
    """Conflicts in shop and in log, of which each has tables in a database of its own."""
    return copy_of(build_odd)


def build_odd(root: Path) -> None:
    """See `odd`."""
    site = Site(root)
    site.git("init", "-q")
    site.write("site_settings.py", SETTINGS)
    site.write("site_routers.py", ROUTER)
    site.write("manage.py", MANAGE)
    site.write(".gitignore", "__pycache__/\n*.sqlite3\n")
    site.write("changes/__init__.py", "")
    site.write("pyproject.toml", '[tool.migmerge]\nmigration_modules = { log = "changes/log" }\n')
    for app, models in MODELS.items():
        site.write(f"{app}/__init__.py", "")
        site.write(f"{app}/models.py", models)
        site.write(f"{PLACES[app]}/__init__.py", "")
    site.manage("makemigrations", "-v0", "-n", "initial")
    site.commit("base")
    for branch, name in (("feature", "price"), ("main", "stock")):
        site.git("checkout", "-q", "-B", branch, "main")
        for app in ("shop", "log"):
            add_field(site, app, name)
            if branch == "main":
                path = f"{PLACES[app]}/0002_stock.py"
                text = site.read(path).decode()
                site.write(
                    path, text.replace("    dependencies", "    atomic = False\n\n    dependencies")
                )
        site.commit(branch)
    site.publish()
    site.git("checkout", "-q", "feature")
    for alias in ("default", "log"):
        site.manage("migrate", "-v0", "--database", alias)
    sql(
        site,
        "INSERT INTO people_person (id, username, nick, password, is_superuser, first_name, last_name, email, is_staff, is_active, date_joined) VALUES (1, 'a', 'a', '', 0, '', '', '', 0, 1, '2026-01-01')",
    )
    sql(site, "INSERT INTO shop_product (name, owner_id, price) VALUES ('a', 1, 777)")
    sql(site, "INSERT INTO log_entry (name, price) VALUES ('a', 777)", "log.sqlite3")
    site.git("merge", "-q", "--no-edit", "main")


@pytest.mark.corpus
@pytest.mark.parametrize("strategy", ["merge", "renumber"])
def test_odd_project(odd: Site, strategy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIGMERGE_VERIFY_SECONDS", "60")
    document = odd.fix("--strategy", strategy)
    told = document["verification"]
    how = (
        ", 6 of them after migmerge db reconcile"
        if strategy == "renumber"
        else ", by migrate alone"
    )
    assert told["databases"] == f"ok: 12 starting points {SCRATCH}{how}"
    for alias in ("default", "log"):
        odd.manage("migrate", "-v0", "--database", alias)
    assert sql(odd, "SELECT price, stock FROM shop_product") == [(777, 0)]
    assert sql(odd, "SELECT price, stock FROM log_entry", "log.sqlite3") == [(777, 0)]
    done = odd.run("db", "status", "--schema", "--format", "json")
    assert done.returncode == 0, done.stdout
    assert [d["alias"] for d in json.loads(done.stdout)["databases"]] == ["default", "log"]
    done = odd.run("verify", "--format", "json")
    (project,) = json.loads(done.stdout)["projects"]
    assert {point["alias"] for point in project["points"]} == {"default", "log"}
    assert {point["status"] for point in project["points"]} == {"ok"}
    assert project["no_rows"] == []


@pytest.mark.corpus
def test_odd_project_undo(odd: Site) -> None:
    odd.fix("--strategy", "renumber")
    told = odd.run("undo").stdout
    names = "renames log.0003_price to 0002_price, shop.0003_price to 0002_price"
    assert (
        f"database default (SQLite, db.sqlite3): {names}\n"
        f"database log (SQLite, log.sqlite3): {names}\n"
    ) in told
    odd.fix("--strategy", "renumber")
    assert odd.run("db", "status", "--schema").returncode == 0

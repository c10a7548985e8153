"""Rows of django_migrations that are gone though the tables are there; a user model that came
later."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.project.conftest import SETTINGS, Copy, Site, begin_project

pytestmark = pytest.mark.once

ORDER = """\
from django.conf import settings
from django.db import models


class Product(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
"""
USER = """\
from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    pass
"""
TABLE = '    class Meta:\n        db_table = "auth_user"\n'


def sql(site: Site, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(site.root / "db.sqlite3")) as connection, connection:
        return connection.execute(statement).fetchall()


def with_user_model(site: Site) -> None:
    settings = SETTINGS.replace('"shop"', '"users", "shop"')
    site.write("site_settings.py", settings + 'AUTH_USER_MODEL = "users.User"\n')
    site.write("users/__init__.py", "")
    site.write("users/migrations/__init__.py", "")
    site.write("users/models.py", USER)


def build_orders(root: Path) -> None:
    """A database with a user and what refers to it."""
    site = begin_project(root, ORDER)
    site.manage("migrate", "-v0")
    sql(site, "INSERT INTO auth_user (id, username, password, is_superuser, is_staff, is_active, "
              "first_name, last_name, email, date_joined) "
              "VALUES (1, 'u1', '', 0, 0, 1, '', '', '', '2026-01-01')")  # fmt: skip
    sql(site, "INSERT INTO shop_product (id, user_id) VALUES (1, 1)")


def status(site: Site) -> dict[str, object]:
    done = site.run("db", "status", "--format", "json")
    (database,) = json.loads(done.stdout)["databases"]
    return dict(database)


def test_row_of_a_parent_that_was_deleted_is_added(site: Site) -> None:
    site.fix("--strategy", "renumber", "--no-carry", "--skip-verification")
    site.manage("migrate", "-v0")
    sql(site, "DELETE FROM django_migrations WHERE name = '0002_stock'")
    found = status(site)
    assert (found["records"], found["runs"], found["refused"]) == (["shop.0002_stock"], [], [])
    shown = site.run("db", "status").stdout
    assert "  reconcile adds the row of shop.0002_stock, whose tables are there\n" in shown
    done = site.run("db", "reconcile", "--yes")
    assert (done.returncode, "\ndefault: 0 renamed, 1 added, 0 run\n" in done.stdout) == (0, True)
    site.manage("migrate", "--check")
    assert site.run("db", "status").returncode == 0


def test_parent_whose_column_is_not_there_is_run(site: Site) -> None:
    site.fix("--strategy", "renumber", "--no-carry", "--skip-verification")
    site.manage("migrate", "-v0")
    sql(site, "DELETE FROM django_migrations WHERE name = '0002_stock'")
    sql(site, "ALTER TABLE shop_product DROP COLUMN stock")
    found = status(site)
    assert (found["records"], found["runs"]) == ([], ["shop.0002_stock"])


def test_rows_of_the_user_model_that_were_deleted_are_added(copy_of: Copy) -> None:
    site = copy_of(build_orders)
    (site.root / "db.sqlite3").unlink()
    with_user_model(site)
    site.manage("makemigrations", "users", "-v0")
    site.manage("migrate", "-v0")
    sql(site, "DELETE FROM django_migrations WHERE app = 'users'")
    assert status(site)["records"] == ["users.0001_initial"]
    assert site.run("db", "reconcile", "--yes").returncode == 0
    site.manage("migrate", "--check")


def test_user_model_that_was_set_midway_takes_the_old_table(copy_of: Copy) -> None:
    """The way of Django's ticket #25313: nothing moves, and no row is lost."""
    site = copy_of(build_orders)
    with_user_model(site)
    site.manage("makemigrations", "users", "-v0")
    site.manage("migrate", "-v0", code=1)
    before = (site.root / "db.sqlite3").read_bytes()
    assert status(site)["refused"] == [
        "AUTH_USER_MODEL is users.User, and its table users_user is not there: foreign keys are to "
        'auth_user. Set db_table = "auth_user" in its Meta and in the migration that creates it, '
        "then run migmerge db reconcile"
    ]
    assert site.run("db", "reconcile", "--yes").returncode == 1
    assert (site.root / "db.sqlite3").read_bytes() == before
    assert not list(site.root.glob("*before-migmerge*"))

    site.write("users/models.py", USER.replace("    pass\n", TABLE))
    (site.root / "users/migrations/0001_initial.py").unlink()
    site.manage("makemigrations", "users", "-v0")
    assert site.run("db", "reconcile", "--yes").returncode == 0
    site.manage("migrate", "--check")
    shown = site.manage(
        "shell",
        "-v0",
        "-c",
        "from shop.models import *; print(Product.objects.get().user.username)",
    )
    assert shown.strip().endswith("u1")


def test_what_stops_later_takes_the_added_row_away_again(site: Site) -> None:
    site.fix("--strategy", "renumber", "--no-carry", "--skip-verification")
    site.manage("migrate", "-v0")
    sql(site, "DELETE FROM django_migrations WHERE name = '0002_stock'")
    broken = ("RunSQL('SELECT * FROM nowhere')",)
    site.migration("shop", "0004_broken", "0003_price", operations=broken)
    rows = sql(site, "SELECT app, name FROM django_migrations ORDER BY 1, 2")
    done = site.run("db", "reconcile", "--yes")
    assert (done.returncode, "its rows are as before" in done.stdout + done.stderr) == (1, True)
    assert sql(site, "SELECT app, name FROM django_migrations ORDER BY 1, 2") == rows


def test_row_that_is_renamed_is_not_added_as_well(site: Site) -> None:
    """Its child, which has kept its name, is applied before it."""
    site.git("checkout", "-q", "-B", "feature", "HEAD^1")
    site.migration("shop", "0004_more", "0002_price", operations=("RunSQL('SELECT 1')",))
    site.commit("more")
    site.manage("migrate", "-v0")
    site.git("merge", "-q", "--no-edit", "main")
    site.git("mv", "shop/migrations/0002_price.py", "shop/migrations/0003_price.py")
    for name, old, new in (
        ("0003_price", "0001_initial", "0002_stock"),
        ("0004_more", "0002_price", "0003_price"),
    ):
        path = f"shop/migrations/{name}.py"
        site.write(path, site.read(path).decode().replace(old, new))
    site.commit("by hand")
    found = status(site)
    assert found["renamed"] == {"shop.0002_price": "shop.0003_price"}
    assert (found["records"], found["runs"]) == ([], ["shop.0002_stock"])
    assert site.run("db", "reconcile", "--yes").returncode == 0
    site.manage("migrate", "--check")


WITH_INDEX = ("AddField('product', 'size', models.IntegerField(null=True))",
              "AddIndex('product', models.Index(fields=['size'], name='size_idx'))")  # fmt: skip
WITH_CODE = ("AddField('product', 'size', models.IntegerField(null=True))",
             "RunPython(migrations.RunPython.noop)")  # fmt: skip


@pytest.mark.parametrize(
    ("operations", "column"),
    [
        (WITH_INDEX, "integer NULL"),
        (WITH_CODE, "integer NULL"),
        (WITH_CODE[:1], "varchar(9) NULL"),
        (WITH_CODE[:1], "integer NOT NULL DEFAULT 1"),
    ],
    ids=["an index is missing", "code may not have run", "another type", "not null"],
)
def test_row_is_not_added_where_not_all_is_as_the_migration_made_it(
    site: Site, operations: tuple[str, ...], column: str
) -> None:
    """Somebody made the column by hand, or another branch did."""
    site.fix("--strategy", "renumber", "--no-carry", "--skip-verification")
    site.manage("migrate", "-v0")
    site.migration("shop", "0004_size", "0003_price", operations=operations)
    site.migration("shop", "0005_more", "0004_size", operations=("RunSQL('SELECT 1')",))
    sql(site, "INSERT INTO django_migrations (app, name, applied) VALUES ('shop', '0005_more', 0)")
    sql(site, f"ALTER TABLE shop_product ADD COLUMN size {column}")
    found = status(site)
    assert (found["records"], bool(found["refused"])) == ([], True)

"""Rows of django_migrations that are gone though the tables are there; a user model that came
later."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import thinned
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


SIZE = "AddField('product', 'size', models.{})"
FIELD = SIZE.format("IntegerField(null=True)")
INDEX = "AddIndex('product', models.Index(fields=['size'], name='size_idx'))"
CODE = "RunPython(migrations.RunPython.noop)"
OTHERS = {
    "an index": ((FIELD, INDEX), "integer NULL"),
    "an index of this name": (
        (FIELD, INDEX), "integer NULL; CREATE INDEX size_idx ON shop_product (name)",
    ),
    "code": ((FIELD, CODE), "integer NULL"),
    "another type": ((FIELD,), "varchar(9) NULL"),
    "not null": ((FIELD,), "integer NOT NULL DEFAULT 1"),
    "a default of the database": (
        (SIZE.format("IntegerField(db_default=1)"),), "integer NOT NULL DEFAULT 2",
    ),
    "a check": ((SIZE.format("JSONField(null=True)"),), "text NULL"),
    "a collation": (
        (SIZE.format("CharField(max_length=9, db_collation='nocase', null=True)"),),
        "varchar(9) NULL",
    ),
    "another table": (
        (SIZE.format("ForeignKey('auth.User', models.CASCADE, null=True, db_column='size')"),),
        "bigint NULL REFERENCES auth_group (id) DEFERRABLE INITIALLY DEFERRED; "
        "CREATE INDEX some_idx ON shop_product (size)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", thinned(OTHERS))
def test_row_is_not_added_where_not_all_is_as_the_migration_makes_it(site: Site, case: str) -> None:
    """Somebody made the column by hand, or another branch did."""
    operations, column = OTHERS[case]
    with_child_applied(site, operations, column)
    found = status(site)
    assert (found["records"], bool(found["refused"])) == ([], True)


def test_row_is_added_where_the_foreign_key_is_right(site: Site) -> None:
    field = SIZE.format("ForeignKey('auth.User', models.CASCADE, null=True, db_column='size')")
    column = str(OTHERS["another table"][1]).replace("auth_group", "auth_user")
    with_child_applied(site, (field,), column)
    assert status(site)["records"] == ["shop.0004_size"]


def test_row_is_not_added_where_a_migration_without_a_file_may_have_made_the_column(
    site: Site,
) -> None:
    with_child_applied(site, (FIELD,), "integer NULL")
    assert status(site)["records"] == ["shop.0004_size"]
    sql(site, "INSERT INTO django_migrations (app, name, applied) VALUES ('shop', '0004_gone', 0)")
    assert status(site)["records"] == []


def with_child_applied(site: Site, operations: tuple[str, ...], column: str) -> None:
    """A column `size`, and the row of what builds on the migration that adds one."""
    site.fix("--strategy", "renumber", "--no-carry", "--skip-verification")
    site.manage("migrate", "-v0")
    site.migration("shop", "0004_size", "0003_price", operations=operations)
    if "auth.User" in operations[0]:
        path = "shop/migrations/0004_size.py"
        text = site.read(path).decode()
        site.write(
            path, text.replace("dependencies = [", "dependencies = [('auth', '0001_initial'), ")
        )
    site.migration("shop", "0005_more", "0004_size", operations=("RunSQL('SELECT 1')",))
    sql(site, "INSERT INTO django_migrations (app, name, applied) VALUES ('shop', '0005_more', 0)")
    for statement in f"ALTER TABLE shop_product ADD COLUMN size {column}".split("; "):
        sql(site, statement)

"""Databases that applied what was renamed since: told, brought in line, and nothing lost."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pexpect
import pytest

from migmerge.databases.project_diagnosis import _judge
from migmerge.databases.reconcile import AffectedDatabase, reconcile_affected
from migmerge.project.interpreter import Project
from migmerge.project.run import Unanswered
from tests.conftest import STEP, Repo, graph
from tests.project.conftest import Copy, Site, build_site, need_server
from tests.project.matrix import (
    ENGINES,
    PAGE,
    SCENARIOS,
    Server,
    prepare,
    run_matrix,
    start,
    table,
    wrong_cells,
)

pytestmark = pytest.mark.lowest

ROWS = "SELECT name FROM django_migrations WHERE app = 'shop' ORDER BY id"


def sql(site: Site, statement: str, name: str = "db.sqlite3") -> list[tuple]:
    with closing(sqlite3.connect(site.root / name)) as connection:
        found = connection.execute(statement).fetchall()
        connection.commit()
    return found


def shop_rows(site: Site, name: str = "db.sqlite3") -> list[str]:
    return [row[0] for row in sql(site, ROWS, name)]


def on_branch(site: Site, *commands: tuple[str, ...]) -> None:
    """Run manage.py as the branch was before the merge."""
    site.git("checkout", "-q", "HEAD^1")
    for command in commands:
        site.manage(*command)
    site.git("checkout", "-q", "feature")


def migrated_on_the_branch(site: Site) -> None:
    on_branch(site, ("migrate", "-v0"))
    sql(site, "INSERT INTO shop_product (name, price) VALUES ('a', 777)")


@pytest.fixture
def renamed(copy_of: Copy) -> Site:
    """A database has 0002_price, with a row; the file is 0003_price now."""
    return copy_of(build_renamed)


def build_renamed(root: Path) -> None:
    """See `renamed`."""
    build_site(root)
    site = Site(root)
    migrated_on_the_branch(site)
    site.fix("--strategy", "renumber", "--skip-verification")


def build_migrated(root: Path) -> None:
    """A merge with two leaf nodes; a database has the branch's, with a row."""
    build_site(root)
    migrated_on_the_branch(Site(root))


def reconcile(site: Site, *arguments: str, code: int = 0) -> str:
    done = site.run("db", "reconcile", "--yes", *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def assert_reconciled(site: Site) -> None:
    """Everything is applied, and the row is as it was."""
    assert site.run("db", "status", "--schema").returncode == 0
    assert "No planned migration operations." in site.manage("migrate", "--plan")
    assert sql(site, "SELECT name, price, stock FROM shop_product") == [("a", 777, 0)]


def status(site: Site, *arguments: str) -> dict:
    done = site.run("db", "status", "--format", "json", *arguments)
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)["databases"][0]


def test_db_status_text(renamed: Site) -> None:
    commit = renamed.git("rev-parse", "--short=10", "HEAD^1").strip()
    done = renamed.run("db", "status")
    text = done.stdout.replace(commit, "COMMIT")
    assert done.returncode == 1
    seen = text.partition("(renamed since ")[2][:10]
    assert text == (
        "default (SQLite, db.sqlite3): 16 applied, 2 not\n"
        f"  renamed   shop.0002_price is 0003_price now (renamed since {seen})\n"
        "  migrate   would run shop.0002_stock, shop.0003_price: again what was applied as another"
        " name\n"
        "  reconcile renames the row shop.0002_price to 0003_price\n"
        "  reconcile runs shop.0002_stock\n"
    )


def test_db_status_where_all_is_well(site: Site) -> None:
    site.fix("--strategy", "renumber")
    site.manage("migrate", "-v0")
    done = site.run("db", "status", "--schema")
    assert (done.returncode, done.stdout) == (
        0,
        "default (SQLite, db.sqlite3): 17 applied, 0 not\n  migrate   has nothing to do\n",
    )


def test_a_rename_without_us_loses_the_column(renamed: Site) -> None:
    """What this is all about."""
    renamed.manage("migrate", "-v0")
    assert sql(renamed, "SELECT price FROM shop_product") == [(0,)]


def test_db_reconcile(renamed: Site) -> None:
    before = renamed.read("db.sqlite3")
    done = renamed.run("db", "reconcile")
    assert (done.returncode, done.stderr) == (
        2,
        "migmerge: MM315 nothing was changed: there is no terminal to ask on\nhint: add --yes\n",
    )
    assert renamed.read("db.sqlite3") == before
    told = reconcile(renamed)
    assert told.endswith(
        "default: 1 renamed, 1 run\ncopy from before: db.before-migmerge-1.sqlite3\n"
    )
    assert shop_rows(renamed) == ["0001_initial", "0003_price", "0002_stock"]
    assert shop_rows(renamed, "db.before-migmerge-1.sqlite3") == ["0001_initial", "0002_price"]
    assert_reconciled(renamed)
    assert "renamed" not in reconcile(renamed)


def test_db_reconcile_of_a_row_that_somebody_renamed_alone(renamed: Site) -> None:
    """Django: InconsistentMigrationHistory."""
    sql(renamed, "UPDATE django_migrations SET name = '0003_price' WHERE name = '0002_price'")
    found = status(renamed)
    assert found["inconsistent"] == {"shop.0003_price": "shop.0002_stock"}
    assert found["migrate"]["stops"].startswith("InconsistentMigrationHistory")
    reconcile(renamed)
    assert_reconciled(renamed)


def replaces_on_the_leaf(site: Site) -> None:
    """What people write by hand: `replaces`, and no migration behind it."""
    migrated_on_the_branch(site)
    site.fix("--strategy", "renumber", "--skip-verification")
    path = "shop/migrations/0003_price.py"
    line = '    replaces = [("shop", "0002_price")]\n\n    dependencies'
    site.write(path, site.read(path).decode().replace("    dependencies", line))


@pytest.mark.corpus
def test_db_reconcile_of_the_trap(site: Site) -> None:
    """`replaces` on a leaf: Django says that there is nothing to migrate."""
    replaces_on_the_leaf(site)
    assert status(site)["trapped"] == ["shop.0003_price"]
    check = site.run("check")
    assert (check.returncode, check.stderr.splitlines()[0]) == (
        0,
        "note: shop/migrations/0003_price.py:8: MM203 a database that has 0002_price would skip what "
        "comes before 0003_price: run migmerge db reconcile there before migrate",
    )
    assert "may go" not in site.run("db", "status").stdout
    reconcile(site)
    assert_reconciled(site)
    assert (
        "  carried   shop.0003_price is applied: for this database its "
        "replaces = [shop.0002_price] may go\n"
    ) in site.run("db", "status").stdout


@pytest.mark.corpus
def test_db_reconcile_of_the_trap_that_was_sprung(site: Site) -> None:
    replaces_on_the_leaf(site)
    assert "No migrations to apply." in site.manage("migrate")
    assert shop_rows(site) == ["0001_initial", "0002_price", "0003_price"]
    site.manage("migrate", code=1)
    reconcile(site)
    assert_reconciled(site)


def test_db_status_of_rows_that_are_not_ours(renamed: Site) -> None:
    reconcile(renamed)
    sql(
        renamed,
        "INSERT INTO django_migrations (app, name, applied) VALUES ('shop', '0009_x', 'now')",
    )
    assert status(renamed)["missing"] == ["shop.0009_x"]
    assert "0009_x is applied and has no file: not in git\n" in renamed.run("db", "status").stdout
    assert "0009_x" in reconcile(renamed)
    assert "0009_x" in shop_rows(renamed)


def test_db_reconcile_leaves_what_has_other_operations(renamed: Site) -> None:
    """Renamed, and edited: nobody knows what the row stands for."""
    path = "shop/migrations/0003_price.py"
    renamed.write(path, renamed.read(path).decode().replace("default=0", "default=5"))
    found = status(renamed)
    assert (found["renamed"], found["missing"]) == ({}, ["shop.0002_price"])
    told = reconcile(renamed, code=1)
    assert "nothing has its operations (seen in " in told
    assert (
        "  refused   MM416 shop.0003_price may be 0002_price, but has other operations: "
        "migrate would run it\n"
    ) in told
    assert shop_rows(renamed) == ["0001_initial", "0002_price"]


def test_db_reconcile_of_one_that_may_be_two(renamed: Site) -> None:
    renamed.git("mv", "-f", "shop/migrations/0003_price.py", "shop/migrations/0003_first.py")
    text = renamed.read("shop/migrations/0003_first.py").decode()
    renamed.write("shop/migrations/0004_again.py", text.replace("0002_stock", "0003_first"))
    told = reconcile(renamed, code=1)
    assert (
        "refused   MM416 shop.0002_price may be any of 0003_first, 0004_again: they do the same"
        in told
    )
    assert shop_rows(renamed) == ["0001_initial", "0002_price"]


def test_db_reconcile_of_what_contradicts(site: Site) -> None:
    """0002_stock would have to run before: it renames what the applied one alters."""
    migrated_on_the_branch(site)
    site.fix("--strategy", "renumber", "--skip-verification")
    path = "shop/migrations/0002_stock.py"
    head, _, _ = site.read(path).decode().partition("    operations")
    operation = "migrations.RenameField('product', 'price', 'cost')"
    site.write(path, f"{head}    operations = [{operation}]\n")
    told = reconcile(site, code=1)
    assert "refused   MM416 what runs late contradicts what is applied\n" in told
    assert shop_rows(site) == ["0001_initial", "0002_price"]


@pytest.fixture
def colliding(site: Site) -> Site:
    """Both branches have 0002_extra, each with another field, in a stopped merge."""
    site.git("reset", "-q", "--hard", "HEAD^1")
    site.git("reset", "-q", "--hard", "HEAD^")
    site.git("branch", "-q", "-f", "main", "HEAD")
    for branch, field in (("main", "stock"), ("feature", "price")):
        site.git("checkout", "-q", branch)
        site.field(field)
        site.make("extra")
        site.commit(branch)
    site.publish()
    site.git("merge", "-q", "main", fails=True)
    text = "".join(
        line for line in site.read("shop/models.py").decode().splitlines(keepends=True)
        if not line.startswith(("<<<", "===", ">>>"))
    )  # fmt: skip
    site.write("shop/models.py", text)
    site.git("add", "shop/models.py")
    return site


@pytest.fixture
def collided(colliding: Site) -> Site:
    """The same, merged: ours is 0003_extra now."""
    colliding.fix("--strategy", "renumber", "--skip-verification")
    colliding.git("commit", "-q", "--no-edit")
    return colliding


@pytest.mark.corpus
@pytest.mark.parametrize("branch", ["main", "feature"])
def test_fix_of_one_name_with_two_contents_reconciles(
    colliding: Site, branch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIGMERGE_VERIFY_SECONDS", "60")
    other = Site(tmp_path / "other")
    colliding.git("worktree", "add", "-q", "--detach", str(other.root), branch)
    column = {"main": "stock", "feature": "price"}[branch]
    other.manage("migrate", "-v0")
    sql(other, f"INSERT INTO shop_product (name, {column}) VALUES ('a', 777)")
    (other.root / "db.sqlite3").rename(colliding.root / "db.sqlite3")
    document = colliding.fix("--strategy", "renumber")
    databases = document["verification"]["databases"]
    where = "on SQLite (scratch files, not your databases)"
    assert databases == f"ok: 4 starting points {where}, 1 of them after migmerge db reconcile"
    colliding.manage("migrate", "-v0")
    assert sorted(shop_rows(colliding)) == ["0001_initial", "0002_extra", "0003_extra"]
    assert sql(colliding, f"SELECT {column} FROM shop_product") == [(777,)]
    assert colliding.run("db", "status", "--schema").returncode == 0


@pytest.mark.parametrize("branch", ["main", "feature"])
def test_db_reconcile_of_one_name_with_two_contents(collided: Site, branch: str) -> None:
    """Only the tables tell which of the two a database ran."""
    collided.git("checkout", "-q", {"main": "HEAD^2", "feature": "HEAD^1"}[branch])
    collided.manage("migrate", "-v0")
    column = {"main": "stock", "feature": "price"}[branch]
    sql(collided, f"INSERT INTO shop_product (name, {column}) VALUES ('a', 777)")
    collided.git("checkout", "-q", "feature")
    reconcile(collided)
    collided.manage("migrate", "-v0")
    assert sorted(shop_rows(collided)) == ["0001_initial", "0002_extra", "0003_extra"]
    assert sql(collided, f"SELECT {column} FROM shop_product") == [(777,)]
    assert collided.run("db", "status", "--schema").returncode == 0


def test_db_reconcile_where_the_tables_do_not_tell(collided: Site) -> None:
    collided.git("checkout", "-q", "HEAD^1")
    collided.manage("migrate", "-v0")
    collided.git("checkout", "-q", "feature")
    sql(collided, "ALTER TABLE shop_product RENAME COLUMN price TO odd")
    told = reconcile(collided, code=1)
    assert (
        "refused   MM416 shop.0002_extra is applied, and 0003_extra had that name once: "
        "its tables don't tell which of the two ran here. If you know it: migmerge db reconcile "
        "--ran shop.0002_extra, or --ran shop.0003_extra\n"
    ) in told
    assert shop_rows(collided) == ["0001_initial", "0002_extra"]


FILLS = {
    "main": """\
from django.db import migrations


def fill(apps, schema_editor):
    Product = apps.get_model("shop", "Product")
    known = set(Product.objects.values_list("name", flat=True))
    for word in ("main", "main", "main"):
        if word in known:
            continue
        known.add(word)
        Product.objects.create(name=word)


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [migrations.RunPython(fill)]
""",
    "feature": """\
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [migrations.RunSQL("INSERT INTO shop_product (name) VALUES ('feature')")]
""",
}


@pytest.fixture
def filled(site: Site) -> Site:
    """Two data migrations of one name, merged by hand: ours is 0003_extra now."""
    site.git("reset", "-q", "--hard", "HEAD^1")
    site.git("reset", "-q", "--hard", "HEAD^")
    site.git("branch", "-q", "-f", "main", "HEAD")
    for branch, text in FILLS.items():
        site.git("checkout", "-q", branch)
        site.write("shop/migrations/0002_extra.py", text)
        site.commit(branch)
    site.publish()
    site.git("merge", "-q", "main", fails=True)
    site.write("shop/migrations/0002_extra.py", FILLS["main"])
    moved = FILLS["feature"].replace("0001_initial", "0002_extra")
    site.write("shop/migrations/0003_extra.py", moved)
    site.commit("both are kept")
    return site


@pytest.mark.parametrize(
    ("branch", "ran"), [("main", "shop.0002_extra"), ("feature", "shop.0003_extra")]
)
def test_db_reconcile_of_what_people_know(filled: Site, branch: str, ran: str) -> None:
    """No table tells which of two data migrations of one name a database ran."""
    filled.git("checkout", "-q", {"main": "HEAD^2", "feature": "HEAD^1"}[branch])
    filled.manage("migrate", "-v0")
    filled.git("checkout", "-q", "feature")
    assert f"--ran {ran}" in reconcile(filled, code=1)
    reconcile(filled, "--ran", ran)
    filled.manage("migrate", "-v0")
    assert sorted(shop_rows(filled)) == ["0001_initial", "0002_extra", "0003_extra"]
    assert sql(filled, "SELECT name FROM shop_product ORDER BY name") == [("feature",), ("main",)]
    assert filled.run("db", "status").returncode == 0


def test_db_reconcile_of_what_people_know_needs_a_name(filled: Site) -> None:
    done = filled.run("db", "reconcile", "--ran", "0002_extra")
    assert done.returncode == 2
    assert done.stderr == (
        "migmerge: MM314 --ran 0002_extra: not APP.NAME\nhint: as --ran shop.0003_price\n"
    )


def test_db_status_schema_sees_what_switching_branches_lost(site: Site) -> None:
    """rc 0, makemigrations --check clean, and the column is gone."""
    on_branch(site, ("migrate", "-v0"))
    site.git("checkout", "-q", "main")
    site.manage("migrate", "-v0")
    site.git("checkout", "-q", "feature")
    site.fix("--strategy", "merge", "--skip-verification")
    site.manage("migrate", "-v0")
    site.manage("makemigrations", "--check")
    done = site.run("db", "status", "--schema")
    assert done.returncode == 1
    assert "  schema    shop_product.price is missing\n" in done.stdout
    assert site.run("db", "status").returncode == 0


def test_db_status_schema_sees_another_type(site: Site) -> None:
    site.fix("--strategy", "merge", "--skip-verification")
    site.manage("migrate", "-v0")
    sql(site, "ALTER TABLE shop_product RENAME COLUMN name TO old")
    sql(site, "ALTER TABLE shop_product ADD COLUMN name varchar(99) NULL")
    schema = status(site, "--schema")["schema"]
    assert schema == [
        "shop_product.old is there, but no applied migration has it",
        "shop_product.name is varchar(99), not varchar(20)",
        "shop_product.name may be null, unlike in its model",
    ]


def test_db_status_schema_sees_indexes_and_what_is_unique(site: Site) -> None:
    site.git("reset", "-q", "--hard", "HEAD^1")
    site.field("code", "IntegerField(default=0, db_index=True)")
    site.make("code")
    site.manage("migrate", "-v0")
    assert status(site, "--schema")["schema"] == []
    found = "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'shop_product'"
    ((index,),) = sql(site, found)
    sql(site, f"DROP INDEX {index}")
    sql(site, "CREATE UNIQUE INDEX odd ON shop_product (name, price)")
    assert status(site, "--schema")["schema"] == [
        "shop_product is unique by name, price, unlike its model",
        "shop_product.code has no index",
    ]


FIX_TEXT = """\
shop: fixed (renumber)
  renamed shop/migrations/0002_price.py -> 0003_price.py
  - database default (SQLite, db.sqlite3) has shop.0002_price: renamed there too, then what it lacks is run
files     ok
Django    ok
databases skipped: verify_seconds is 0; run migmerge verify shop
configured ok: database default (SQLite, db.sqlite3): shop.0002_price is 0003_price now, ran shop.0002_stock, \
copy from before: db.before-migmerge-1.sqlite3
if another database already applied a migration under its old name: migmerge db reconcile there, before migrate
staged; look, then git commit
not verified: databases skipped: verify_seconds is 0; run migmerge verify shop
"""


def test_fix_reconciles_the_database_in_sight(site: Site) -> None:
    migrated_on_the_branch(site)
    done = site.run("fix", "--strategy", "renumber", "--yes")
    named = "migmerge: renaming rows in database default (SQLite, db.sqlite3)\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, FIX_TEXT, named)
    assert_reconciled(site)


def test_fix_where_a_database_is_down(site: Site) -> None:
    settings = site.read("site_settings.py").decode()
    there = '"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"'
    down = '"ENGINE": "django.db.backends.postgresql", "HOST": "127.0.0.1", "PORT": 1, "NAME": "x"'
    site.write("site_settings.py", settings.replace(there, down))
    document = site.fix("--strategy", "renumber", code=1)
    (resolution,) = document["resolutions"]
    (reason,) = resolution["reasons"]
    where = "database default (PostgreSQL, x at 127.0.0.1:1) can't be read: OperationalError: "
    assert reason.startswith(where) and resolution["status"] == "fixed"
    assert document["verification"]["reconciled"].startswith(f"skipped: {where}")
    assert document["verification"]["verified"] is False


def test_nothing_makes_a_database_that_is_not_there(site: Site) -> None:
    (site.root / "db.sqlite3").unlink(missing_ok=True)
    site.fix("--strategy", "renumber")
    done = site.run("db", "status", "--schema")
    assert (done.returncode, done.stdout) == (
        0,
        "default (SQLite, db.sqlite3): not there yet; migrate makes it\n",
    )
    assert not (site.root / "db.sqlite3").exists()


@pytest.mark.corpus
def test_undo_gives_rows_their_names_back(site: Site) -> None:
    migrated_on_the_branch(site)
    site.fix("--strategy", "renumber")
    done = site.run("undo")
    assert (
        "database default (SQLite, db.sqlite3): renames shop.0003_price to 0002_price\n"
        in done.stdout
    )
    assert shop_rows(site) == ["0001_initial", "0002_price", "0002_stock"]
    site.fix("--strategy", "renumber")
    assert_reconciled(site)


def test_fix_where_the_database_can_not_be_reconciled(site: Site) -> None:
    """All or nothing: files and rows are as before."""
    migrated_on_the_branch(site)
    sql(site, "ALTER TABLE shop_product ADD COLUMN stock integer")
    before = site.state()
    document = site.fix("--strategy", "renumber", code=1)
    (resolution,) = document["resolutions"]
    assert resolution["status"] == "refused"
    assert resolution["reasons"][0] == (
        "put back, since the result doesn't verify: database default (SQLite, db.sqlite3): shop_product.stock is there, "
        "though no applied migration has it; its rows are as before; "
        "a copy from before is db.before-migmerge-1.sqlite3"
    )
    after = {p: d for p, d in site.state()[0].items() if "sqlite3" not in p}
    assert (after, site.state()[1]) == (
        {p: d for p, d in before[0].items() if "sqlite3" not in p},
        before[1],
    )
    assert shop_rows(site) == ["0001_initial", "0002_price"]


@pytest.mark.corpus
def test_db_reconcile_after_an_aborted_merge(site: Site) -> None:
    """The name that the fix gave was never committed; its backup knows it."""
    migrated_on_the_branch(site)
    site.git("reset", "-q", "--hard", "HEAD^1")
    site.git("merge", "-q", "--no-commit", "main")
    site.fix("--strategy", "renumber")
    assert shop_rows(site) == ["0001_initial", "0003_price", "0002_stock"]
    site.git("merge", "--abort")
    assert status(site)["renamed"] == {"shop.0003_price": "shop.0002_price"}
    reconcile(site)
    assert shop_rows(site) == ["0001_initial", "0002_price", "0002_stock"]
    site.manage("migrate", "-v0")
    assert sql(site, "SELECT price FROM shop_product") == [(777,)]


@pytest.mark.corpus
def test_db_reconcile_of_half_a_chain(site: Site) -> None:
    """One of two was applied when they were renamed."""
    migrated_on_the_branch(site)
    site.git("reset", "-q", "--hard", "HEAD^1")
    site.field("cost")
    site.make("cost")
    site.commit("cost")
    site.git("merge", "-q", "--no-edit", "main")
    site.fix("--strategy", "renumber", "--skip-verification")
    found = status(site)
    assert found["renamed"] == {"shop.0002_price": "shop.0003_price"}
    assert found["runs"] == ["shop.0002_stock", "shop.0004_cost"]
    reconcile(site)
    assert_reconciled(site)


@pytest.mark.corpus
def test_fix_keeps_a_column_of_a_third_branch(site: Site) -> None:
    """SQLite would drop it with the table that is rebuilt."""
    migrated_on_the_branch(site)
    sql(site, "ALTER TABLE shop_product ADD COLUMN colour integer NULL")
    sql(site, "UPDATE shop_product SET colour = 999")
    (resolution,) = site.fix("--strategy", "renumber", code=1)["resolutions"]
    assert (
        "shop_product.colour is there, though no applied migration has it"
        in (resolution["reasons"][0])
    )
    assert resolution["next"] == [
        "migmerge fix shop --strategy merge",
        "migmerge fix shop --strategy renumber --skip-verification",
    ]
    assert sql(site, "SELECT price, colour FROM shop_product") == [(777, 999)]
    site.fix("--strategy", "merge")
    found = status(site)
    assert found["refused"] == [
        "shop_product.colour is there, though no applied migration has it: what is unapplied "
        "would create it again, or drop it"
    ]


CODE = (
    "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n"
    "    dependencies = [('shop', '0002_price')]\n    operations = [{}]\n"
)
SHORT = {
    "no operations": "",
    "a line of SQL": "migrations.RunSQL('UPDATE shop_product SET price = price + 1')",
}


@pytest.mark.corpus
@pytest.mark.parametrize("operation", SHORT.values(), ids=SHORT)
@pytest.mark.parametrize("carry", [(), ("--carry",)], ids=["renamed", "carried"])
def test_fix_of_a_chain_with_a_migration_that_is_short(
    site: Site, operation: str, carry: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its content says nothing; its title does."""
    monkeypatch.setenv("MIGMERGE_VERIFY_SECONDS", "60")
    site.git("reset", "-q", "--hard", "HEAD^1")
    site.write("shop/migrations/0003_more.py", CODE.format(operation))
    site.commit("more")
    site.manage("migrate", "-v0")
    sql(site, "INSERT INTO shop_product (name, price) VALUES ('a', 777)")
    site.git("merge", "-q", "--no-edit", "main")
    site.fix("--strategy", "renumber", *carry)
    if carry:
        site.manage("migrate", "-v0")
    assert_reconciled(site)
    site.run("undo")
    assert shop_rows(site) == ["0001_initial", "0002_price", "0003_more", "0002_stock"]


@pytest.mark.corpus
def test_fix_of_names_that_shift(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Django's own names for one field altered twice: 0003's is that of the first afterwards."""
    monkeypatch.setenv("MIGMERGE_VERIFY_SECONDS", "60")
    site.git("reset", "-q", "--hard", "HEAD^1")
    for number, parent, length in ((3, "0002_price", 30), (4, "0003_alter", 40)):
        field = f"models.IntegerField(default={length})"
        operation = f"migrations.AlterField('product', 'price', {field})"
        text = CODE.format(operation).replace("import migrations", "import migrations, models")
        site.write(f"shop/migrations/000{number}_alter.py", text.replace("0002_price", parent))
    models = site.read("shop/models.py").decode()
    old, new = (f"price = models.IntegerField(default={value}" for value in (0, 40))
    site.write("shop/models.py", models.replace(old, new))
    site.commit("alter")
    site.manage("migrate", "-v0")
    sql(site, "INSERT INTO shop_product (name, price) VALUES ('a', 777)")
    site.git("merge", "-q", "--no-edit", "main")
    site.fix("--strategy", "renumber", "--skip-verification", "--commit")
    reconcile(site)
    assert_reconciled(site)
    names = ["0001_initial", "0003_price", "0004_alter", "0005_alter", "0002_stock"]
    assert shop_rows(site) == names
    site.git("reset", "-q", "--hard", "HEAD^")
    (site.root / "db.sqlite3").unlink()
    on_branch(site, ("migrate", "-v0"))
    sql(site, "INSERT INTO shop_product (name, price) VALUES ('a', 777)")
    site.fix("--strategy", "renumber")
    assert (shop_rows(site), site.run("db", "status").returncode) == (names, 0)
    site.run("undo")
    before = ["0001_initial", "0002_price", "0003_alter", "0004_alter", "0002_stock"]
    assert shop_rows(site) == before


@pytest.mark.corpus
def test_fix_keep_names_reconciles(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIGMERGE_VERIFY_SECONDS", "60")
    migrated_on_the_branch(site)
    told = site.run("fix", "--strategy", "renumber", "--keep-names", "--yes").stdout
    what = "a migration of the side that moved"
    assert f"if a database already applied {what}: migmerge db reconcile there, " in told
    reconcile(site)
    assert_reconciled(site)


@pytest.mark.corpus
@pytest.mark.parametrize("carry", [(), ("--carry",)], ids=["renamed", "carried"])
def test_undo_of_a_fix_leaves_no_row_twice(site: Site, carry: tuple[str, ...]) -> None:
    migrated_on_the_branch(site)
    site.fix("--strategy", "renumber", *carry)
    if carry:
        site.manage("migrate", "-v0")
    assert_reconciled(site)
    site.run("undo")
    assert shop_rows(site) == ["0001_initial", "0002_price", "0002_stock"]


TWO = """
DATABASES["other"] = {"ENGINE": "django.db.backends.sqlite3", "NAME": "other.sqlite3"}
"""


@pytest.mark.corpus
def test_db_reconcile_of_several_databases(site: Site) -> None:
    site.write("site_settings.py", site.read("site_settings.py").decode() + TWO)
    on_branch(site, ("migrate", "-v0"), ("migrate", "-v0", "--database", "other"))
    site.fix("--strategy", "renumber", "--skip-verification")
    reconcile(site, "--database", "other")
    assert shop_rows(site, "other.sqlite3") == ["0001_initial", "0003_price", "0002_stock"]
    assert shop_rows(site) == ["0001_initial", "0002_price"]
    reconcile(site)
    assert shop_rows(site) == ["0001_initial", "0003_price", "0002_stock"]


@pytest.mark.parametrize(
    ("database", "told"),
    [
        ("elsewhere", "the project's databases can't be read: no database alias elsewhere in the settings; there are: default"),
        ("oracle://x/y", "--database: no such kind of database: oracle"),
        ("postgres://x:y@h:port/z", "--database: Port could not be cast to integer value as 'port'"),
    ],
)  # fmt: skip
def test_db_status_of_no_such_database(site: Site, database: str, told: str) -> None:
    done = site.run("db", "status", "--database", database)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == f"migmerge: MM323 {told}"


def test_db_status_of_a_url(renamed: Site) -> None:
    (renamed.root / "db.sqlite3").rename(renamed.root / "there.sqlite3")
    done = renamed.run("db", "status", "--database", "sqlite:///there.sqlite3")
    assert done.returncode == 1
    assert "renamed   shop.0002_price is 0003_price now" in done.stdout
    assert not (renamed.root / "db.sqlite3").exists()


def test_db_status_of_a_database_that_is_down(renamed: Site) -> None:
    done = renamed.run("db", "status", "--database", "postgres://x@127.0.0.1:1/y")
    assert done.returncode == 1
    assert "default (PostgreSQL, y at 127.0.0.1:1): OperationalError: " in done.stdout
    assert len(done.stdout.splitlines()) == 1
    told = reconcile(renamed, "--database", "postgres://x@127.0.0.1:1/y", code=1)
    assert "OperationalError" in told


def test_db_status_without_a_project(repo: Repo) -> None:
    repo.migration("shop", "0001_initial")
    done = repo.run("db", "status")
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        2,
        "migmerge: MM322 no Django project to ask: no manage.py, and no settings in the configuration",
    )


def test_db_reconcile_of_a_database_that_is_locked(renamed: Site) -> None:
    with closing(sqlite3.connect(renamed.root / "db.sqlite3")) as other:
        other.execute("BEGIN EXCLUSIVE")
        told = reconcile(renamed, code=1)
    assert "OperationalError: database is locked" in told
    assert shop_rows(renamed) == ["0001_initial", "0002_price"]


KILLED = "import os, signal\n\n\ndef stop(apps, schema_editor):\n    if os.path.exists('kill'):\n        os.kill(os.getpid(), signal.SIGKILL)\n\n\nclass Migration"


@pytest.mark.corpus
@pytest.mark.parametrize("when", ["first", "last"])
def test_db_reconcile_killed_in_the_middle(renamed: Site, when: str) -> None:
    """Status tells the truth, and running it again finishes."""
    path = "shop/migrations/0002_stock.py"
    text = renamed.read(path).decode().replace("class Migration", KILLED, 1)
    stop = "        migrations.RunPython(stop),\n"
    if when == "first":
        text = text.replace("operations = [\n", "operations = [\n" + stop, 1)
    else:
        text = text[: text.rindex("    ]")] + stop + "    ]\n"
    renamed.write(path, text)
    renamed.write("kill", "")
    reconcile(renamed, code=1)
    found = status(renamed)
    assert shop_rows(renamed) == ["0001_initial", "0003_price"]
    assert found["inconsistent"] == {"shop.0003_price": "shop.0002_stock"}
    assert found["runs"] == ["shop.0002_stock"]
    (renamed.root / "kill").unlink()
    reconcile(renamed)
    assert_reconciled(renamed)


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    name = request.param
    if name != "sqlite":
        port = {"postgresql": 5432, "mariadb": 3306}[name]
        need_server({"postgresql": "PostgreSQL", "mariadb": "MariaDB"}[name], port)
    yield Server(name, tmp_path)


@pytest.mark.corpus
@pytest.mark.slowest
@pytest.mark.postgresql
@pytest.mark.parametrize("server", ["postgresql"], indirect=True)
def test_db_reconcile_on_postgresql(tmp_path: Path, server: Server) -> None:
    """A lock of somebody else, another migmerge, and a user who may only read."""
    work = prepare(tmp_path, "one")
    site = Site(tmp_path / "bare")
    with server.scratch() as name:
        start(work, server, name, ("base", "feature"))
        env = {"DB": json.dumps(server.settings(name))}

        def run(**more: str) -> str:
            done = site.run("db", "reconcile", "--yes", env={**env, **more})
            assert done.returncode == 1, done.stdout + done.stderr
            return done.stdout + done.stderr

        with psql(name) as other:
            other("SELECT pg_advisory_lock(7236423);")
            assert "refused: another migmerge is at work on this database" in run()
        with psql(name) as other:
            other("BEGIN; LOCK TABLE shop_product;")
            assert "LockNotAvailable" in run() or "OperationalError" in run()
        role = f"reader_{uuid.uuid4().hex[:8]}"
        with psql(name) as other:
            other(
                f"CREATE ROLE {role} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role};"
            )
            reader = json.dumps({**server.settings(name), "USER": role})
            assert "permission denied" in run(DB=reader)
            other(f"DROP OWNED BY {role}; DROP ROLE {role};")
        found = site.run("db", "status", "--format", "json", env=env)
        assert json.loads(found.stdout)["databases"][0]["renamed"] == {
            "shop.0002_price": "shop.0003_price"
        }
        assert site.run("db", "reconcile", "--yes", env=env).returncode == 0
        assert site.run("db", "status", "--schema", env=env).returncode == 0


class psql:
    """A session that stays open."""

    def __init__(self, name: str) -> None:
        import psycopg

        where = f"host=127.0.0.1 user=postgres dbname={name}"
        self.connection = psycopg.connect(where, autocommit=True)

    def __enter__(self) -> Callable[..., Any]:
        return self.connection.execute

    def __exit__(self, *_: object) -> None:
        self.connection.close()


@pytest.mark.corpus
@pytest.mark.postgresql
@pytest.mark.parametrize("server", ["postgresql"], indirect=True)
def test_db_reconcile_in_a_schema_of_postgresql(tmp_path: Path, server: Server) -> None:
    """Tables of the same names in `public` are somebody else's."""
    work = prepare(tmp_path, "one")
    site = Site(tmp_path / "bare")
    with server.scratch() as name:
        with psql(name) as other:
            other("CREATE SCHEMA tenant; CREATE TABLE public.shop_product (id integer);")
        plain = server.settings(name)
        own = {**plain, "OPTIONS": {"options": "-csearch_path=tenant"}}
        base = Site(work.root / "feature")
        env = {"DB": json.dumps(own)}
        base.manage("migrate", "-v0", env=env)
        done = site.run("db", "reconcile", "--yes", env=env)
        assert done.returncode == 0, done.stdout + done.stderr
        assert site.run("db", "status", "--schema", env=env).returncode == 0
        with psql(name) as other:
            columns = other("SELECT * FROM public.shop_product").description
            assert [column.name for column in columns] == ["id"]


@pytest.mark.corpus
@pytest.mark.mariadb
@pytest.mark.parametrize("server", ["mariadb"], indirect=True)
def test_db_reconcile_on_mariadb(tmp_path: Path, server: Server) -> None:
    work = prepare(tmp_path, "one")
    site = Site(tmp_path / "bare")
    with server.scratch() as name:
        start(work, server, name, ("base", "feature"))
        env = {"DB": json.dumps(server.settings(name))}
        done = site.run("db", "reconcile", "--yes", env=env)
        assert "reconcile can't be rolled back as a whole here: make a backup first" in done.stdout
        assert done.returncode == 0
        assert site.run("db", "status", "--schema", env=env).returncode == 0


PAIRS = [(engine, name) for engine in ENGINES for name in SCENARIOS]
if STEP > 1:
    PAIRS = [("sqlite", "one")]


@pytest.mark.corpus
@pytest.mark.parametrize(("server", "name"), PAIRS, indirect=["server"])
def test_matrix_is_as_documented(server: Server, name: str, tmp_path: Path) -> None:
    """From wherever a database stands, in each way: one schema, all rows, nothing run twice."""
    found = run_matrix(prepare(tmp_path, name), server)
    assert wrong_cells(found) == {}
    page = PAGE.read_text()
    assert all(line in page for line in table(server.engine, name, found))


STOPS = "\nimport os\nif os.path.exists('stop'):\n    raise RuntimeError('not now')\n"


@pytest.mark.corpus
def test_fix_and_undo_where_the_settings_stop(site: Site) -> None:
    """No database can be asked: the files are changed, and it is said."""
    settings = site.read("site_settings.py").decode() + STOPS
    migrated_on_the_branch(site)
    site.write("site_settings.py", settings)
    site.write("stop", "")
    document = site.fix("--strategy", "renumber", code=1)
    (resolution,) = document["resolutions"]
    assert any("not now" in reason for reason in resolution["reasons"]), document
    assert shop_rows(site) == ["0001_initial", "0002_price"]
    done = site.run("undo")
    assert done.returncode == 0
    assert "not now" in done.stdout
    assert (site.root / "shop/migrations/0002_price.py").exists()


@pytest.mark.corpus
def test_fix_of_two_databases_of_which_the_second_can_not_be_reconciled(site: Site) -> None:
    """The first one's rows, and the files, are as before."""
    site.write("site_settings.py", site.read("site_settings.py").decode() + TWO)
    on_branch(site, ("migrate", "-v0"), ("migrate", "-v0", "--database", "other"))
    sql(site, "ALTER TABLE shop_product ADD COLUMN stock integer", "other.sqlite3")
    (resolution,) = site.fix("--strategy", "renumber", code=1)["resolutions"]
    assert resolution["reasons"][0].startswith(
        "put back, since the result doesn't verify: database other (SQLite, other.sqlite3): shop_product.stock is there"
    )
    for name in ("db.sqlite3", "other.sqlite3"):
        assert "0002_price" in shop_rows(site, name), name
        assert "0003_price" not in shop_rows(site, name), name
    assert (site.root / "shop/migrations/0002_price.py").exists()


def test_judge_passes_over_what_is_in_no_file() -> None:
    snapshot: Any = SimpleNamespace(graph=graph("shop: 1"))
    assert _judge(snapshot, {"shop": "shop"}, [("auth", "0001_initial")], []).verdict == "commute"


@pytest.mark.parametrize(
    ("plans", "why"),
    [
        (Unanswered("the project stops"), "the project stops"),
        (
            [(SimpleNamespace(status=SimpleNamespace(error="it is gone"), refused=()),)],
            "it is gone",
        ),
        ([(SimpleNamespace(status=SimpleNamespace(error=""), refused=("a", "b")),)], "a; b"),
    ],
    ids=["the project", "the database", "its rows"],
)
def test_a_database_that_changes_while_a_fix_is_written(
    site: Site, monkeypatch: pytest.MonkeyPatch, plans: object, why: str
) -> None:
    """It was asked before; what it says now counts."""
    monkeypatch.setattr("migmerge.databases.reconcile.read_reconciliations", lambda *_: plans)
    database = AffectedDatabase(
        Project((), ""), ("shop",), "default", "SQLite, x", (("shop", "1"),)
    )
    outcome = reconcile_affected(None, None, [database], {})  # type: ignore[arg-type]
    assert str(outcome) == f"failed: database default (SQLite, x): {why}"


SLOW = """\
import os
import time

from django.db import migrations, models


def slow(apps, schema_editor):
    while os.path.exists("slow"):
        time.sleep(0.05)


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]

    operations = [
        migrations.AddField("product", "stock", models.IntegerField(default=0)),
        migrations.RunPython(slow, migrations.RunPython.noop),
    ]
"""


WAITS = """
import os, time
from django.db.models.signals import post_migrate
def wait(**kwargs):
    while os.path.exists("slow"):
        open("waiting", "w").close()
        time.sleep(0.05)
post_migrate.connect(wait)
"""


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("command", "late"),
    [("fix", False), ("db reconcile", True), ("db reconcile", False)],
    ids=["fix", "db reconcile, in the migrate that follows", "db reconcile"],
)
def test_interrupted_while_a_database_runs_a_migration(
    site: Site, command: str, late: bool
) -> None:
    """^C goes to all of a terminal's processes: files and names of rows agree afterwards."""
    site.git("reset", "-q", "--hard", "HEAD^1")
    site.git("checkout", "-q", "main")
    slow = SLOW.replace('os.path.exists("slow")', "False") if late else SLOW
    site.write("shop/migrations/0002_stock.py", slow)
    site.commit("slow")
    site.publish()
    site.git("checkout", "-q", "feature")
    site.git("merge", "-q", "--no-edit", "main")
    migrated_on_the_branch(site)
    if late:
        site.write("site_settings.py", site.read("site_settings.py").decode() + WAITS)
    if command == "db reconcile":
        site.fix("--strategy", "renumber", "--skip-verification")
    site.write("slow", "")
    arguments = ["fix", "--strategy", "renumber", "--no-carry"]
    arguments = arguments if command == "fix" else command.split()
    process = pexpect.spawn(
        sys.executable, ["-m", "migmerge", *arguments], cwd=str(site.root), encoding="utf-8",
        env={**os.environ, "TERM": "xterm"}, timeout=60, dimensions=(50, 200),
    )  # fmt: skip
    process.expect(r"\[y/N\] ")
    process.send("y\n")
    if late:
        while not (site.root / "waiting").exists():
            time.sleep(0.05)
    else:
        process.expect(r"[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] [^\n]*shop.0002_stock")
    process.send("\x03")
    process.expect(pexpect.EOF)
    said = process.before
    process.close()
    (site.root / "slow").unlink()
    assert process.exitstatus == 130, said
    if command == "fix":
        assert "files, and the names of rows, are as before" in said
        assert "0002_price" in shop_rows(site) and "0003_price" not in shop_rows(site)
        assert (site.root / "shop/migrations/0002_price.py").exists()
        site.fix("--strategy", "renumber")
    else:
        assert "default may be half-way: migmerge db reconcile" in said
        reconcile(site)
    assert_reconciled(site)


def test_regenerate_is_refused_where_the_side_is_applied(site: Site) -> None:
    """Under another name it would run again, and reset its column."""
    migrated_on_the_branch(site)
    before = site.state()
    (resolution,) = site.fix("--strategy", "regenerate", code=1)["resolutions"]
    assert (resolution["status"], resolution["id"]) == ("refused", "MM417")
    assert resolution["reasons"] == [
        "database default (SQLite, db.sqlite3) has applied shop.0002_price: made again it would run again, and what its "
        "columns hold would be lost"
    ]
    assert resolution["next"] == ["migmerge fix shop --strategy renumber"]
    assert site.state() == before


def test_regenerate_says_what_other_databases_need(site: Site) -> None:
    done = site.run("fix", "--strategy", "regenerate", "--yes")
    assert (
        "if a database already applied the removed files: migmerge db status there, before migrate\n"
        in done.stdout
    )


@pytest.mark.corpus
def test_rebase_of_a_chain_whose_database_has_all_of_it(site: Site) -> None:
    """It is ahead of each commit but the last; it follows once, at the end."""
    site.git("reset", "-q", "--hard", "HEAD^1")
    for name in ("cost", "weight"):
        site.field(name)
        site.make(name)
        site.commit(name)
    site.manage("migrate", "-v0")
    sql(site, "INSERT INTO shop_product (name, price, cost, weight) VALUES ('a', 777, 7, 8)")
    done = site.run("rebase", "main")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "default: 3 renamed, 1 run\n" in done.stdout
    names = ["0001_initial", "0003_price", "0004_cost", "0005_weight", "0002_stock"]
    assert shop_rows(site) == names
    assert len(list(site.root.glob("*before-migmerge*"))) == 1
    found = sql(site, "SELECT name, price, cost, weight, stock FROM shop_product")
    assert found == [("a", 777, 7, 8, 0)]
    assert site.run("db", "status", "--schema").returncode == 0


@pytest.mark.corpus
def test_db_reconcile_where_there_is_no_git(renamed: Site, tmp_path: Path) -> None:
    """A container with the code only: the title, and the columns that are there, tell."""
    container = Site(tmp_path / "container")
    shutil.copytree(renamed.root, container.root, ignore=shutil.ignore_patterns(".git"))
    (container.root / "venv").mkdir()
    (container.root / "venv/pyvenv.cfg").touch()
    container.write("venv/shop/migrations/0009_x.py", "class Migration: dependencies = []\n")
    environment = {"GIT_CEILING_DIRECTORIES": str(tmp_path)}
    told = container.run("db", "status", env=environment)
    assert told.returncode == 1
    assert "  renamed   shop.0002_price is 0003_price now\n" in told.stdout
    done = container.run("db", "reconcile", "--yes", env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sql(container, "SELECT name, price, stock FROM shop_product") == [("a", 777, 0)]
    assert "No planned migration operations." in container.manage("migrate", "--plan")
    nowhere = container.run("db", "status", env=environment, cwd=container.root / "shop")
    assert (nowhere.returncode, "MM301" in nowhere.stderr) == (2, True)


@pytest.mark.corpus
def test_db_reconcile_without_git_of_what_the_columns_do_not_tell(
    renamed: Site, tmp_path: Path
) -> None:
    container = Site(tmp_path / "container")
    shutil.copytree(renamed.root, container.root, ignore=shutil.ignore_patterns(".git"))
    path = "shop/migrations/0003_price.py"
    code = CODE.format("migrations.RunPython(migrations.RunPython.noop)")
    container.write(path, code.replace("0002_price", "0002_stock"))
    environment = {"GIT_CEILING_DIRECTORIES": str(tmp_path)}
    done = container.run("db", "reconcile", "--yes", env=environment)
    assert done.returncode == 1
    why = "its columns don't tell, and there is no git to compare it with\n"
    assert f"shop.0003_price may be 0002_price: {why}" in done.stdout
    assert shop_rows(container) == ["0001_initial", "0002_price"]

"""A renumbering that every database survives by `migrate` alone: no other command is run here."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import django
import pytest

from tests.project.conftest import Copy, Site, build_site
from tests.project.test_databases import build_migrated, shop_rows, sql

CARRIED = ("--strategy", "renumber", "--carry", "--commit")
CATCH_UP = "0004_catch_up_0002_stock_price"
VALUES = "SELECT name, price FROM shop_product"


@pytest.fixture
def carried(copy_of: Copy) -> Site:
    """A database has 0002_price with a row; the file is 0003_price now, and says so."""
    return copy_of(build_carried)


def build_carried(root: Path) -> None:
    """See `carried`."""
    build_migrated(root)
    Site(root).fix(*CARRIED)


def test_fix_leaves_the_databases_alone(carried: Site) -> None:
    """It does not even look at them."""
    assert shop_rows(carried) == ["0001_initial", "0002_price"]
    assert list(carried.root.glob("*before-migmerge*")) == []


def test_migrate_alone_is_enough(carried: Site) -> None:
    told = carried.run("db", "status")
    assert told.returncode == 0
    assert f"  migrate   would run shop.0002_stock, shop.{CATCH_UP}\n" in told.stdout
    carried.manage("migrate", "-v0")
    assert sql(carried, "SELECT name, price, stock FROM shop_product") == [("a", 777, 0)]
    rows = ["0001_initial", "0002_price", "0002_stock", CATCH_UP, "0003_price"]
    assert shop_rows(carried) == rows
    assert carried.run("db", "status", "--schema").returncode == 0
    assert carried.run("db", "reconcile", "--yes").returncode == 0
    assert shop_rows(carried) == rows


def test_fix_says_that_migrate_is_enough(copy_of: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIGMERGE_VERIFY_SECONDS", "60")
    site = copy_of(build_migrated)
    told = site.run("fix", "--yes", "--strategy", "renumber", "--carry").stdout
    assert (
        "6 starting points on SQLite (scratch files, not your databases), by migrate alone" in told
    )
    assert told.endswith("\nverified\n")
    assert "reconcile" not in told


def test_undo_after_migrate_takes_the_rows_back(copy_of: Copy) -> None:
    carried = copy_of(build_migrated)
    carried.fix(*CARRIED[:-1])
    carried.manage("migrate", "-v0")
    done = carried.run("undo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f": removes shop.0003_price, shop.{CATCH_UP}\n" in done.stdout
    assert shop_rows(carried) == ["0001_initial", "0002_price", "0002_stock"]
    carried.fix(*CARRIED[:-1])
    carried.manage("migrate", "-v0")
    assert shop_rows(carried)[3:] == [CATCH_UP, "0003_price"]
    assert sql(carried, VALUES) == [("a", 777)]


@pytest.mark.corpus
def test_django_sees_a_migration_like_any_other(carried: Site) -> None:
    carried.manage("makemigrations", "--check")
    carried.manage("check")
    carried.manage("migrate", "-v0")
    assert "No planned migration operations." in carried.manage("migrate", "--plan")
    assert f" [X] {CATCH_UP}" in carried.manage("showmigrations", "shop")
    told = carried.manage("optimizemigration", "shop", CATCH_UP)
    assert "No optimizations possible." in told
    old = django.VERSION < (6, 0)  # it does not squash what replaces others
    carried.manage("squashmigrations", "shop", CATCH_UP, "--no-input", code=1 if old else 0)


def weigh(site: Site, name: str = "weight") -> None:
    """main gets another migration, of this name, which is merged."""
    site.git("checkout", "-q", "main")
    site.field("weight")
    site.make(name)
    site.commit("weight")
    site.publish()
    site.git("checkout", "-q", "feature")
    site.git("merge", "-q", "--no-edit", "main")


# What each database has migrated to, in order. From a branch that has a column to one that lacks it
# is left out: there SQLite drops it.
BEFORE = {
    "fresh": (),
    "ancestor": ("main~2",),
    "main": ("main~1",),
    "main, the last": ("main",),
    "the branch": ("branch",),
    "half of the branch": ("half",),
    "once renumbered": ("once",),
    "the branch, then once renumbered": ("branch", "once"),
    "half of the branch, then once renumbered": ("half", "once"),
    "main, then once renumbered": ("main~1", "once"),
}


@pytest.mark.corpus
def test_renumbered_twice(copy_of: Copy) -> None:
    """From wherever a database stands: one schema, and the values that were there."""
    site = copy_of(build_site)
    site.git("reset", "-q", "--hard", "HEAD^1")
    site.git("branch", "half")
    site.field("cost")
    site.make("cost")
    site.commit("cost")
    site.git("branch", "branch")
    site.git("merge", "-q", "--no-edit", "main")
    site.fix(*CARRIED)
    site.git("branch", "once")
    weigh(site)
    (resolution,) = site.fix("--strategy", "renumber", "--commit")["resolutions"]
    assert "they were carried before" in resolution["reasons"][-1]
    assert_all_arrive(site, BEFORE)
    assert set(FINAL) <= set(shop_rows(site))


FINAL = ("0001_initial", "0002_stock", "0003_weight", "0004_price", "0005_cost",
         "0006_catch_up_0003_weight_cost")  # fmt: skip


def schema(database: Path) -> list[tuple]:
    with closing(sqlite3.connect(database)) as connection:
        return [row[1:4] for row in connection.execute("PRAGMA table_info(shop_product)")]


def fill(database: Path) -> None:
    """One row, with a value in each column that is there."""
    columns = [row[0] for row in schema(database) if row[0] not in ("id", "name")]
    with closing(sqlite3.connect(database)) as connection:
        if not connection.execute("SELECT 1 FROM shop_product").fetchall():
            names = ", ".join(["name", *columns])
            marks = ", ".join(["'a'", *["777"] * len(columns)])
            connection.execute(f"INSERT INTO shop_product ({names}) VALUES ({marks})")
        for column in columns:
            connection.execute(f"UPDATE shop_product SET {column} = 777")
        connection.commit()


def values(database: Path) -> dict[str, object]:
    """The row, by column."""
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute("SELECT * FROM shop_product")
        names = [column[0] for column in found.description]
        row = found.fetchone()
        return dict(zip(names, row, strict=True)) if row else {}


def assert_all_arrive(site: Site, starts: Mapping[str, tuple[str, ...]]) -> None:
    """Databases that were migrated on those branches, one after the other, come to feature."""
    database = site.root / "db.sqlite3"
    pictures = {}
    for name, stages in starts.items():
        database.unlink(missing_ok=True)
        for stage in stages:
            site.git("checkout", "-q", stage)
            site.manage("migrate", "-v0")
            fill(database)
        before = values(database) if database.exists() else {}
        site.git("checkout", "-q", "feature")
        site.manage("migrate", "-v0")
        after = values(database)
        assert {column: after.get(column) for column in before} == before, name
        site.manage("migrate", "--check")
        pictures[name] = sorted(map(str, schema(database)))
    assert all(picture == pictures["fresh"] for picture in pictures.values())


STARTS = {"fresh": (), "ancestor": ("old",), "main": ("main",), "the branch": ("branch",),
          "half of the branch": ("half",)}  # fmt: skip


def build_unmerged(root: Path) -> None:
    """The site before feature merged main; branches for its databases to be migrated on."""
    build_site(root)
    site = Site(root)
    site.git("reset", "-q", "--hard", "HEAD^1")
    for name, where in (("old", "main~1"), ("half", "feature"), ("branch", "feature")):
        site.git("branch", name, where)


@pytest.mark.corpus
def test_a_merge_migration_inside_a_chain(copy_of: Copy) -> None:
    site = copy_of(build_unmerged)
    line = "    size = models.IntegerField(default=0)\n"
    models = site.read("shop/models.py").decode()
    site.git("checkout", "-q", "-b", "colleague", "old")
    site.write("shop/models.py", site.read("shop/models.py").decode() + line)
    site.make("size")
    site.commit("size")
    site.git("checkout", "-q", "feature")
    site.git("checkout", "colleague", "--", "shop/migrations/0002_size.py")
    site.write("shop/models.py", models + line)
    site.manage("makemigrations", "shop", "--merge", "--noinput", "-v0")
    site.field("cost")
    site.make("cost")
    site.commit("merged, and cost")
    site.git("branch", "-f", "branch")
    site.git("merge", "-q", "--no-edit", "main")
    site.fix(*CARRIED)
    assert (site.root / "shop/migrations/0005_merge_0002_price_0002_size.py").exists()
    assert_all_arrive(site, STARTS)


USER = """

class Comment(models.Model):
    user = models.ForeignKey("auth.User", models.CASCADE)
"""


@pytest.mark.corpus
def test_a_swappable_dependency(copy_of: Copy) -> None:
    site = copy_of(build_unmerged)
    site.write("shop/models.py", site.read("shop/models.py").decode() + USER)
    site.make("comment")
    site.commit("comment")
    site.git("branch", "-f", "branch")
    site.git("merge", "-q", "--no-edit", "main")
    site.fix(*CARRIED)
    assert b"migrations.swappable_dependency(" in site.read("shop/migrations/0004_comment.py")
    assert_all_arrive(site, STARTS)


CONFIG = """from django.apps import AppConfig


class StoreConfig(AppConfig):
    name = "store"
    label = "shop"
"""


@pytest.mark.parametrize("branch", ["main", "feature"])
@pytest.mark.corpus
def test_an_app_directory_that_was_renamed(copy_of: Copy, branch: str) -> None:
    """What is published is so under any directory."""
    site = copy_of(build_unmerged)
    site.git("checkout", "-q", branch)
    site.git("mv", "shop", "store")
    shutil.rmtree(site.root / "shop", ignore_errors=True)  # what Python left there
    site.write("store/apps.py", CONFIG)
    settings = site.read("site_settings.py").decode()
    site.write("site_settings.py", settings.replace('"shop"', '"store"'))
    site.commit("moved")
    site.publish()
    site.git("checkout", "-q", "feature")
    shutil.rmtree(site.root / ("shop" if branch == "feature" else "store"), ignore_errors=True)
    site.git("merge", "-q", "--no-edit", "main", fails=True)  # it asks where the new file goes
    (resolution,) = site.fix(*CARRIED[:-1])["resolutions"]
    assert resolution["renamed"] == {
        "store/migrations/0002_price.py": "store/migrations/0003_price.py"
    }
    site.commit("merged")
    shutil.rmtree(site.root / "shop", ignore_errors=True)
    assert_all_arrive(site, STARTS)


@pytest.mark.corpus
def test_a_chain_whose_later_names_stay(copy_of: Copy) -> None:
    """Their rows are there under the same names, and their carried parent counts as applied."""
    site = copy_of(build_site)
    site.git("reset", "-q", "--hard", "HEAD^1")
    for old, new in (("0002_price", "0003_price"),):
        source = site.read(f"shop/migrations/{old}.py")
        site.git("rm", "-q", f"shop/migrations/{old}.py")
        site.write(f"shop/migrations/{new}.py", source)
    site.field("cost")
    site.make("cost")
    site.commit("a number is left out")
    site.manage("migrate", "-v0")
    sql(site, "INSERT INTO shop_product (name, price, cost) VALUES ('a', 777, 778)")
    backup = site.root / "backup"
    shutil.copy(site.root / "db.sqlite3", backup)
    site.git("merge", "-q", "--no-edit", "main")
    (resolution,) = site.fix(*CARRIED)["resolutions"]
    assert list(resolution["renamed"].values()) == ["shop/migrations/0003_price_2.py"]
    shutil.copy(backup, site.root / "db.sqlite3")
    site.manage("migrate", "-v0")
    found = sql(site, "SELECT name, price, cost, stock FROM shop_product")
    assert found == [("a", 777, 778, 0)]
    assert site.run("db", "status", "--schema").returncode == 0


def test_transition_drops_the_old_names(carried: Site) -> None:
    before = carried.state()
    done = carried.run("transition", "--yes")
    assert done.returncode == 1
    assert done.stdout == (
        "shop: refused MM418\n"
        "  - database default (SQLite, db.sqlite3) has not run shop.0002_stock, shop.0003_price: "
        "migrate there first\n"
        "  next: python manage.py migrate\n"
        "        migmerge transition shop\n"
    )
    assert carried.state() == before
    told = carried.run("db", "status").stdout
    needed = "0003_price is known as 0002_price until migrate has run: its replaces is needed\n"
    assert f"  carried   shop.{needed}" in told
    carried.manage("migrate", "-v0")
    done = carried.run("transition", "shop", "--yes", "--commit")
    assert done.returncode == 0, done.stdout
    assert "any other database must have run migrate with the files as they were" in done.stdout
    assert b"replaces" not in carried.read("shop/migrations/0003_price.py")
    assert not (carried.root / f"shop/migrations/{CATCH_UP}.py").exists()
    assert carried.git("log", "-1", "--format=%s") == "Drop old names of migrations in shop\n"
    carried.manage("makemigrations", "--check")
    assert "No migrations to apply." in carried.manage("migrate")
    assert carried.run("db", "status", "--schema").returncode == 0
    assert carried.run("transition").stdout == "nothing is carried\n"


@pytest.mark.corpus
def test_transition_where_only_another_app_was_migrated(carried: Site) -> None:
    """Django records the new name then, too, but what is before it is not run."""
    carried.manage("migrate", "-v0", "contenttypes")
    assert "0003_price" in shop_rows(carried)
    done = carried.run("transition", "--yes")
    assert "has not run shop.0002_stock: migrate there first\n" in done.stdout
    assert done.returncode == 1


@pytest.mark.corpus
def test_transition_where_no_database_can_be_asked(
    carried: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    carried.manage("migrate", "-v0")
    done = carried.run("transition", "--yes", env={"CI": "true"})
    assert (done.returncode, "no database is looked at in CI" in done.stdout) == (1, True)
    settings = carried.read("site_settings.py").decode()
    elsewhere = '"NAME": "x", "HOST": "db.example.com"'
    settings = settings.replace("sqlite3", "postgresql").replace(
        '"NAME": "db.postgresql"', elsewhere
    )
    carried.write("site_settings.py", settings)
    done = carried.run("transition", "--yes")
    assert "is not looked at: not on this machine\n" in done.stdout
    done = carried.run("transition", "--yes", "--no-databases", "--dry-run")
    assert (done.returncode, "shop: planned (transition)" in done.stdout) == (0, True)


def test_transition_leaves_a_catch_up_migration_that_others_build_on(carried: Site) -> None:
    carried.field("color")
    carried.make("color")
    carried.commit("color")
    carried.manage("migrate", "-v0")
    carried.run("transition", "--yes")
    assert b"replaces" not in carried.read("shop/migrations/0003_price.py")
    assert (carried.root / f"shop/migrations/{CATCH_UP}.py").exists()


def test_transition_of_what_can_not_be_rewritten(carried: Site) -> None:
    path = "shop/migrations/0003_price.py"
    line = b"replaces = [('shop', '0002_price')]"
    carried.write(path, carried.read(path).replace(line, line + b"; initial = False"))
    before = carried.state()
    done = carried.run("transition", "--yes", "--no-databases")
    assert done.returncode == 1
    assert "shop: refused MM409\n" in done.stdout
    assert "replaces shares its lines with something else\n" in done.stdout
    assert carried.state() == before


@pytest.mark.corpus
def test_transition_passes_over_what_needs_no_old_name(carried: Site) -> None:
    """A database that is not there yet, one that never had it, and a squash of one migration."""
    (carried.root / "db.sqlite3").unlink()
    squash = "shop/migrations/0001_squashed_0001_initial.py"
    text = carried.read("shop/migrations/0001_initial.py").decode()
    replaces = '    replaces = [("shop", "0001_old")]\n\n    operations'
    carried.write(squash, text.replace("    operations", replaces))
    (carried.root / "shop/migrations/0001_initial.py").unlink()
    stock = "shop/migrations/0002_stock.py"
    source = carried.read(stock).decode()
    carried.write(stock, source.replace("0001_initial", "0001_squashed_0001_initial"))
    done = carried.run("transition", "--yes", "--dry-run")
    assert (done.returncode, "planned (transition)" in done.stdout) == (0, True), done.stdout
    assert "0001_squashed" not in done.stdout
    carried.manage("migrate", "-v0", "shop", "0001_squashed_0001_initial")
    done = carried.run("transition", "--yes", "--dry-run")
    assert (done.returncode, "planned (transition)" in done.stdout) == (0, True), done.stdout

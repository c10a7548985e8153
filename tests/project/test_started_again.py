"""main squashes its history, or starts it again, below a migration of a branch: databases go on."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tests.project.conftest import Site

pytestmark = pytest.mark.once

OLD = ("0001_initial", "0002_stock")


def begin(site: Site) -> None:
    """feature has 0003_mine behind main's 0002_stock, and its database has run all."""
    site.git("checkout", "-q", "-B", "feature", "main")
    site.field("mine")
    site.make("mine")
    site.commit("mine")
    site.manage("migrate", "-v0")
    with closing(sqlite3.connect(site.root / "db.sqlite3")) as connection:
        connection.execute("INSERT INTO shop_product (id, name, stock, mine) VALUES (1, 'a', 5, 9)")
        connection.commit()
    site.git("checkout", "-q", "main")


def squash(site: Site) -> None:
    site.manage("squashmigrations", "shop", "0002", "--noinput", "-v0")
    squashed = "shop/migrations/0001_squashed_0002_stock.py"
    assert (site.root / squashed).exists()
    site.commit("squash")
    site.git("rm", "-q", *(f"shop/migrations/{name}.py" for name in OLD))
    lines = site.read(squashed).decode().splitlines(keepends=True)
    site.write(squashed, "".join(line for line in lines if "replaces" not in line))
    site.commit("originals go")


def start_again(site: Site) -> None:
    site.git("rm", "-q", *(f"shop/migrations/{name}.py" for name in OLD))
    site.make("initial")
    site.commit("start again")


@pytest.mark.parametrize("change", [squash, start_again])
def test_branch_is_put_on_the_new_history_and_its_database_goes_on(
    site: Site, change: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIGMERGE_VERIFY_SECONDS", "120")
    begin(site)
    change(site)  # type: ignore[operator]
    site.publish()
    site.git("checkout", "-q", "feature")
    site.git("merge", "-q", "--no-edit", "main")
    document = site.fix()
    (resolution,) = document["resolutions"]
    assert resolution["edited"] == ["shop/migrations/0003_mine.py"]
    assert document["verification"]["verified"], document
    noted = [reason for reason in resolution["reasons"] if "needs migmerge db reconcile" in reason]
    assert len(noted) == (change is squash)
    done = site.run("db", "status")
    assert ("adds the row shop.0001_squashed_0002_stock" in done.stdout) == (change is squash)
    if change is squash:
        assert (
            "0002_stock is applied and has no file: 0001_squashed_0002_stock stands for it"
            in done.stdout
        )
        assert site.run("db", "reconcile", "--yes").returncode == 0
    site.manage("migrate", "-v0")
    site.manage("makemigrations", "--check", "--dry-run", "-v0")
    with closing(sqlite3.connect(site.root / "db.sqlite3")) as connection:
        rows = connection.execute("SELECT stock, mine FROM shop_product").fetchall()
    assert rows == [(5, 9)]


def test_squash_that_does_more_by_now_stands_for_nothing(site: Site) -> None:
    """Its `replaces` is gone, and another migration was folded into it since."""
    begin(site)
    site.git("checkout", "-q", "-B", "feature", "main")
    squash(site)
    site.field("late")
    site.git("rm", "-q", "shop/migrations/0001_squashed_0002_stock.py")
    site.make("squashed_0002_stock")
    site.commit("one more field")
    assert "adds the row" not in site.run("db", "status").stdout


def test_squash_stands_for_nothing_where_a_part_of_it_was_run(site: Site) -> None:
    begin(site)
    (site.root / "db.sqlite3").unlink()
    site.manage("migrate", "shop", "0001", "-v0")
    squash(site)
    done = site.run("db", "status")
    assert "shop.0001_initial is applied and has no file" in done.stdout
    assert "adds the row" not in done.stdout

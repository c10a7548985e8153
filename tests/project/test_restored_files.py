"""A merge that was reverted and is merged again: its migration comes back, and what it made."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing

import pytest

from tests.project.conftest import MODELS, Site

pytestmark = pytest.mark.once

PRICE = "shop/migrations/0002_price.py"
FIELD = "    {} = models.IntegerField(default=0)\n"
NAME = "    name ="
WEIGHT = MODELS.replace(NAME, FIELD.format("weight") + NAME)
BOTH = WEIGHT + FIELD.format("price")


@pytest.fixture
def reverted(site: Site) -> Site:
    """main has merged feature's price and reverted that; feature, checked out, builds on it.

    The database has run all that feature has.
    """
    site.git("checkout", "-q", "main")
    site.git("reset", "-q", "--hard", ":/base")
    site.git("checkout", "-q", "-B", "feature")
    site.write("shop/models.py", MODELS + FIELD.format("price"))
    site.make("price")
    site.commit("price")
    site.git("checkout", "-q", "main")
    site.git("merge", "-q", "--no-ff", "--no-edit", "feature")
    site.git("revert", "-m", "1", "--no-edit", "HEAD")
    site.git("checkout", "-q", "feature")
    site.write("shop/models.py", BOTH)
    site.make("weight")
    site.commit("weight")
    site.manage("migrate", "-v0")
    with closing(sqlite3.connect(site.root / "db.sqlite3")) as connection:
        connection.execute("INSERT INTO shop_product (name, price, weight) VALUES ('a', 5, 9)")
        connection.commit()
    return site


def merge_main(site: Site, models: str) -> None:
    """models.py is as somebody merged it."""
    site.publish()
    site.git("merge", "-q", "--no-commit", "-X", "ours", "main")
    site.write("shop/models.py", models)
    site.git("commit", "-q", "-a", "-m", "merge main")


def rows(site: Site) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(site.root / "db.sqlite3")) as connection:
        return connection.execute("SELECT price, weight FROM shop_product").fetchall()


def test_the_migration_comes_back_where_the_models_have_what_it_makes(
    reverted: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIGMERGE_VERIFY_SECONDS", "120")
    merge_main(reverted, BOTH)
    document = reverted.fix()
    (resolution,) = document["resolutions"]
    assert (resolution["strategy"], resolution["created"]) == ("restore", [PRICE])
    assert document["verification"]["verified"], document
    reverted.manage("migrate", "-v0")
    assert rows(reverted) == [(5, 9)]


def test_where_the_revert_took_more_than_the_migration_it_is_to_be_reverted_as_a_whole(
    reverted: Site,
) -> None:
    """What git does is what the manual calls reverting the revert: git-revert(1)."""
    merge_main(reverted, WEIGHT)
    before = reverted.state()
    (refused,) = reverted.fix(code=1)["resolutions"]
    assert (refused["id"], reverted.state()) == ("MM413", before)
    assert "Remove field price" in refused["reasons"][0]
    revert, check = refused["next"]
    subprocess.run(["sh", "-ec", revert], cwd=reverted.root, check=True)
    assert check == "migmerge check"
    assert reverted.check()["conflicts"] == []
    assert (reverted.root / PRICE).exists()


def test_in_the_stopped_merge_the_same_command_works(reverted: Site) -> None:
    reverted.publish()
    reverted.git("merge", "-q", "--no-commit", "-X", "ours", "main")
    reverted.write("shop/models.py", WEIGHT)
    reverted.git("add", "-A")
    (refused,) = reverted.fix(code=1)["resolutions"]
    subprocess.run(["sh", "-ec", refused["next"][0]], cwd=reverted.root, check=True)
    assert reverted.check()["conflicts"] == []
    reverted.git("commit", "-q", "--no-edit")


def test_a_database_that_ran_it_follows_where_it_gets_another_number(
    reverted: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIGMERGE_VERIFY_SECONDS", "120")
    reverted.git("checkout", "-q", "main")
    reverted.write("shop/models.py", MODELS + FIELD.format("stock"))
    reverted.make("stock")
    reverted.commit("stock")
    reverted.git("checkout", "-q", "feature")
    merge_main(reverted, BOTH + FIELD.format("stock"))
    document = reverted.fix("--strategy", "renumber")
    assert document["verification"]["verified"], document
    reverted.manage("migrate", "-v0")
    assert rows(reverted) == [(5, 9)]
    assert "[ ]" not in reverted.manage("showmigrations", "shop")

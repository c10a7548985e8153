"""Migrations that were edited after a database ran them, as a pull may bring."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.project.conftest import Copy, Site, begin_project

pytestmark = pytest.mark.once

PATH = "shop/migrations/0002_price.py"


def build_edited(root: Path) -> None:
    """The database has a price; a colleague made it longer, and added a stock to the migration."""
    site = begin_project(root)
    site.field("price", "CharField(max_length=10, default='')")
    site.make("price")
    site.commit("price")
    site.manage("migrate", "-v0")
    edit(site, "max_length=10", "max_length=99")


def edit(site: Site, old: str, new: str) -> None:
    site.write(PATH, site.read(PATH).decode().replace(old, new))
    site.write("shop/models.py", site.read("shop/models.py").decode().replace(old, new))
    site.commit(f"{new} now")


@pytest.fixture
def edited(copy_of: Copy) -> Site:
    return copy_of(build_edited)


def status(site: Site, *arguments: str) -> dict:
    done = site.run("db", "status", "--format", "json", *arguments)
    (database,) = json.loads(done.stdout)["databases"]
    return dict(database)


def test_edited_after_the_database_ran_it(edited: Site) -> None:
    commit = edited.git("rev-parse", "HEAD~1").strip()[:10]
    database = status(edited, "--schema")
    assert database["schema"] == ["shop_product.price is varchar(10), not varchar(99)"]
    assert database["edited"] == {"shop.0002_price": commit}
    done = edited.run("db", "status", "--schema")
    assert done.returncode == 1
    assert (
        f"  edited    shop.0002_price was edited: this database ran what {commit} has\n"
        f"  next: git diff {commit} -- {PATH}\n"
    ) in done.stdout
    assert "max_length=10" in edited.git("diff", commit, "--", PATH)
    assert status(edited)["edited"] == {}  # the tables were not compared


def test_the_version_is_the_one_that_ran(edited: Site) -> None:
    edit(edited, "max_length=99", "max_length=50")
    commit = edited.git("rev-parse", "HEAD~2").strip()[:10]
    assert status(edited, "--schema")["edited"] == {"shop.0002_price": commit}


def test_what_no_version_explains(edited: Site) -> None:
    edited.git("revert", "-n", "HEAD")
    edit(edited, "max_length=10", "max_length=98")
    edited.git("checkout", "-q", "--orphan", "other")
    edited.commit("history is gone")
    edited.git("reflog", "expire", "--expire=now", "--all")
    database = status(edited, "--schema")
    assert (len(database["schema"]), database["edited"]) == (1, {})


def test_versions_of_other_branches_are_not_run(edited: Site) -> None:
    """Somebody else's branch may hold anything."""
    edited.git("branch", "-q", "theirs")
    edited.git("checkout", "-q", "theirs")
    marker = edited.root / "was-run"
    edit(edited, "max_length=99", f"max_length=10 * int(bool(open({str(marker)!r}, 'w')))")
    edited.git("update-ref", "refs/remotes/origin/theirs", "theirs")
    edited.git("checkout", "-q", "main")
    edited.git("branch", "-q", "-D", "theirs")
    edited.git("reflog", "expire", "--expire=now", "--all")
    assert len(status(edited, "--schema")["edited"]) == 1
    assert not marker.exists()


def test_a_repository_without_a_commit(edited: Site) -> None:
    edited.git("checkout", "-q", "--orphan", "other")
    assert status(edited, "--schema")["edited"] == {}

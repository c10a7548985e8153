"""One migration on both sides, under two names: the published one stays, and nothing is lost."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tests.conftest import thinned
from tests.project.conftest import Site

pytestmark = pytest.mark.once

HEAD = "from django.db import models\n\n\nclass Product(models.Model):\n"
NAME = "    name = models.CharField(max_length=20)\n"
CODE = "    code = models.IntegerField(default=0)\n"
TAG = "\n\nclass Tag(models.Model):\n    word = models.CharField(max_length=9)\n"
# models.py before and after
CHANGES = {
    "add": (NAME + CODE, NAME + CODE + "    size = models.IntegerField(null=True)\n"),
    "alter": (NAME + CODE, NAME.replace("20", "30") + CODE),
    "create": (NAME + CODE, NAME + CODE + TAG),
    "remove": (NAME + CODE, NAME),
}


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIGMERGE_VERIFY_SECONDS", "120")


def begin(site: Site, models: str) -> None:
    """A branch `start`, on which main and feature stand."""
    site.git("checkout", "-q", "-B", "start", "main")
    site.git("reset", "-q", "--hard", "main^")
    site.write("shop/models.py", HEAD + models)
    site.make("code")
    site.commit("start")


def change(site: Site, branch: str, models: str, name: str, start: str = "start") -> None:
    site.git("checkout", "-q", "-B", branch, start)
    site.write("shop/models.py", HEAD + models)
    site.make(name)
    site.commit(name)


def names(site: Site) -> list[str]:
    with closing(sqlite3.connect(site.root / "db.sqlite3")) as connection:
        rows = connection.execute("SELECT name FROM django_migrations WHERE app = 'shop'")
        return sorted(name for (name,) in rows)


@pytest.mark.parametrize("kind", thinned(CHANGES, 2))
@pytest.mark.usefixtures("verified")
def test_duplicate_is_dropped_and_verified(site: Site, kind: str) -> None:
    """Both names can be applied only where the operation may run twice; the surplus row is all
    that is left of it."""
    before, after = CHANGES[kind]
    begin(site, before)
    change(site, "one", after, "repair")
    change(site, "two", after, "fix")
    site.publish("one")
    site.manage("migrate", "-v0")
    site.git("merge", "-q", "--no-edit", "one")
    document = site.fix()
    (resolution,) = document["resolutions"]
    assert (resolution["strategy"], resolution["removed"]) == (
        "drop",
        ["shop/migrations/0003_fix.py"],
    )
    assert document["verification"]["verified"], document
    site.commit("fixed")
    assert site.run("verify").returncode == 0
    assert site.run("db", "reconcile", "--yes").returncode == 0
    site.manage("migrate", "-v0")
    assert names(site) == ["0001_initial", "0002_code", "0003_repair"]


MIDDLE = {
    "merge": {"0005_size": {"0003_repair", "0003_tag"}},
    "renumber": {"0005_size": {"0004_tag"}, "0004_tag": {"0003_repair"}},
}


@pytest.mark.parametrize("strategy", thinned(MIDDLE, 2))
@pytest.mark.usefixtures("verified")
def test_followers_of_a_duplicate_keep_what_was_before_it(site: Site, strategy: str) -> None:
    fixed = NAME.replace("20", "30") + CODE
    begin(site, NAME + CODE)
    change(site, "one", fixed, "repair")
    change(site, "two", NAME + CODE + TAG, "tag")
    change(site, "two", fixed + TAG, "fix", "two")
    change(site, "two", fixed + TAG + "    size = models.IntegerField(null=True)\n", "size", "two")
    site.migration("cart", "0001_initial", "shop.0004_fix")
    site.commit("cart")
    site.publish("one")
    site.git("merge", "-q", "--no-edit", "one")
    document = site.fix("--strategy", strategy, "--no-carry")
    assert document["verification"]["verified"], document

    for name, parents in MIDDLE[strategy].items():
        text = site.read(f"shop/migrations/{name}.py").decode()
        found = {line.split("'")[3] for line in text.splitlines() if "('shop', '" in line}
        assert found == parents
    cart = site.read("cart/migrations/0001_initial.py").decode()
    tag = "0004_tag" if strategy == "renumber" else "0003_tag"
    assert "0003_repair" in cart and tag in cart and "0004_fix" not in cart

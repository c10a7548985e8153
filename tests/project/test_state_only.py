"""Both sides changed one definition in what no table has: models.py has the last word."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import product

import pytest

from tests.conftest import thinned
from tests.project.conftest import Site

pytestmark = pytest.mark.once

FIELDS = """\
from django.db import models


class Blocks(models.TextField):
    def __init__(self, blocks, size=0, **kwargs):
        self.blocks, self.size = blocks, size
        super().__init__(**kwargs)

    def deconstruct(self):
        name, path, args, kwargs = super().deconstruct()
        return name, path, [self.blocks, *args], {**kwargs, **({"size": self.size} if self.size else {})}
"""
MODELS = """\
from django.db import models

from shop.fields import Blocks


class Product(models.Model):
    name = models.CharField(max_length=20{name})
    body = Blocks([{body}], default="text")
"""
BASE = {"name": ", choices=[('a', 'A'), ('z', 'Z')]", "body": "('text', 1)"}
CHOICES = {
    "one": {"name": ", choices=[('a', 'A'), ('d', 'D'), ('z', 'Z')]"},
    "two": {"name": ", choices=[('a', 'A'), ('p', 'P'), ('z', 'Z')]"},
    "both": {"name": ", choices=[('a', 'A'), ('d', 'D'), ('p', 'P'), ('z', 'Z')]"},
}
HELP = {
    "one": {"name": ", help_text='one'"},
    "two": {"name": ", help_text='two'"},
    "both": {"name": ", help_text='two'"},
}
BLOCKS = {
    "one": {"body": "('text', 1), ('image', 1)"},
    "two": {"body": "('text', 1), ('quote', 1)"},
    "both": {"body": "('text', 1), ('image', 1), ('quote', 1)"},
}
# one is published, two is merged with it
Sides = dict[str, dict[str, str]]


def models(own: dict[str, str]) -> str:
    return MODELS.format(**{**BASE, **own})


def diverge(site: Site, sides: Sides, *, one_name: bool = False) -> Site:
    """main has `one`, feature `two`; a merge that is stopped in models.py, which is resolved."""
    site.git("checkout", "-q", "-B", "start", "main")
    site.git("reset", "-q", "--hard", "main^")
    site.write("shop/fields.py", FIELDS)
    site.write("shop/models.py", models({}))
    site.make("body")
    site.commit("body")
    for branch in ("one", "two"):
        site.git("checkout", "-q", "-B", branch, "start")
        site.write("shop/models.py", models(sides[branch]))
        site.make("edited" if one_name else branch)
        site.commit(branch)
    site.publish("one")
    site.manage("migrate", "-v0")  # as whoever works on the branch does
    with closing(sqlite3.connect(site.root / "db.sqlite3")) as connection, connection:
        connection.execute("INSERT INTO shop_product (name, body) VALUES ('d', 'text')")
    site.git("merge", "-q", "one", fails=True)
    site.write("shop/models.py", models(sides["both"]))
    site.git("add", "shop/models.py")
    return site


def is_right(site: Site, document: dict) -> None:
    """Verified, and what was there stays through a plain `migrate`."""
    assert document["verification"]["verified"], document
    site.manage("makemigrations", "--check", "--dry-run")
    site.manage("migrate", "-v0")
    with closing(sqlite3.connect(site.root / "db.sqlite3")) as connection:
        assert connection.execute("SELECT name, body FROM shop_product").fetchall() == [
            ("d", "text")
        ]


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIGMERGE_VERIFY_SECONDS", "120")


SIDES = {"choices": CHOICES, "a custom field's blocks": BLOCKS}


@pytest.mark.parametrize(("sides", "strategy"), thinned(product(SIDES, ["auto", "merge"])))
@pytest.mark.usefixtures("verified")
def test_merge_migration_sets_what_the_models_say(site: Site, sides: str, strategy: str) -> None:
    document = diverge(site, SIDES[sides]).fix("--strategy", strategy)
    (path,) = document["resolutions"][0]["created"]
    sets = "sets what both sides set to what models.py says now"
    assert document["resolutions"][0]["reasons"][0] == f"{path[16:-3]} {sets}"
    text = site.read(path).decode()
    assert text.count("migrations.AlterField(") == 1 and "Separate" not in text
    is_right(site, document)


@pytest.mark.parametrize(("sides", "carry"), thinned(product(SIDES, ["--carry", "--no-carry"])))
@pytest.mark.usefixtures("verified")
def test_renumbering_adds_a_migration_that_sets_it(site: Site, sides: str, carry: str) -> None:
    document = diverge(site, SIDES[sides]).fix("--strategy", "renumber", carry)
    resolution = document["resolutions"][0]
    assert len(resolution["created"]) == (2 if carry == "--carry" else 1)
    assert "AlterField" in site.read(resolution["created"][-1]).decode()
    is_right(site, document)


@pytest.mark.parametrize("strategy", thinned(["auto", "renumber", "merge"]))
@pytest.mark.usefixtures("verified")
def test_one_file_name_on_both_sides(site: Site, strategy: str) -> None:
    """The file holds git's markers: what is planned is asked, not what is on the disk."""
    document = diverge(site, CHOICES, one_name=True).fix("--strategy", strategy)
    assert "AlterField" in site.read(document["resolutions"][0]["created"][-1]).decode()
    (about_database,) = [r for r in document["resolutions"][0]["reasons"] if "db.sqlite3" in r]
    assert about_database.endswith(
        " has shop.0003_edited, a name on both sides: the row is renamed there if its tables are "
        "those of the renamed file, then what it lacks is run"
    )
    is_right(site, document)


@pytest.mark.usefixtures("verified")
def test_nothing_is_added_where_the_last_migration_has_it(site: Site) -> None:
    document = diverge(site, HELP).fix("--strategy", "renumber", "--no-carry")
    assert document["resolutions"][0]["created"] == []
    is_right(site, document)


@pytest.mark.usefixtures("verified")
def test_nothing_is_said_to_be_set_where_the_last_migration_has_it(site: Site) -> None:
    first = {**HELP, "both": HELP["one"]}
    document = diverge(site, first, one_name=True).fix("--strategy", "merge")
    (merge,) = document["resolutions"][0]["created"]
    assert "AlterField" not in site.read(merge).decode()
    assert not any("models.py says now" in text for text in document["resolutions"][0]["reasons"])
    is_right(site, document)


@pytest.mark.usefixtures("verified")
def test_dependents_in_another_app_name_the_planned_file(site: Site) -> None:
    diverge(site, CHOICES)
    site.migration("cart", "0001_initial", "shop.0003_two")
    site.git("add", "-A")
    document = site.fix("--strategy", "renumber", "--no-carry")
    assert "cart/migrations/0001_initial.py" in document["resolutions"][0]["edited"]
    is_right(site, document)


def grow(site: Site) -> None:
    """models.py has a longer column, which both sides would have to alter."""
    text = site.read("shop/models.py").decode()
    site.write("shop/models.py", text.replace("max_length=20", "max_length=40"))
    site.git("add", "-A")


def lose(site: Site) -> None:
    site.write("shop/models.py", "<<<<<<< ours\n")
    site.git("add", "-A")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (grow, "models.py was not asked: shop.product.name has another column in models.py"),
        (lose, "models.py was not asked: SyntaxError: "),
    ],
)
def test_renumbering_says_why_it_sets_nothing(
    site: Site, change: Callable[[Site], None], reason: str
) -> None:
    change(diverge(site, CHOICES))
    document = site.fix("--strategy", "renumber", "--no-carry", "--skip-verification")
    assert any(text.startswith(reason) for text in document["resolutions"][0]["reasons"])
    assert document["resolutions"][0]["created"] == []


def test_without_a_project_the_merge_migration_is_refused(site: Site) -> None:
    diverge(site, CHOICES)
    lose(site)
    (resolution,) = site.fix(code=1)["resolutions"]
    assert resolution["kind"] == "undecided"

"""After a fix, Django's own loader, writer and databases are asked."""

from __future__ import annotations

import json
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path

import pytest

from migmerge.migrations.naming import merge_name, merge_source, merge_suffix
from tests.project.conftest import SETTINGS, Site

LOADER = """\
import json
from django.db.migrations.loader import MigrationLoader
loader = MigrationLoader(None)
print(json.dumps({"nodes": sorted(k[1] for k in loader.disk_migrations if k[0] == "shop"),
                  "leaves": [k[1] for k in loader.graph.leaf_nodes("shop")],
                  "conflicts": loader.detect_conflicts()}))
"""


def django_sees(site: Site) -> dict:
    return json.loads(site.manage("shell", "-v0", "-c", LOADER).splitlines()[-1])


@pytest.mark.parametrize("strategy", ["merge", "renumber"])
def test_fix_is_what_django_wants(site: Site, strategy: str) -> None:
    assert django_sees(site)["conflicts"] == {"shop": ["0002_price", "0002_stock"]}
    document = site.fix("--strategy", strategy)
    assert document["verification"]["django"] == "ok"
    seen = django_sees(site)
    assert seen["conflicts"] == {}
    assert len(seen["leaves"]) == 1
    names = [p.stem for p in (site.root / "shop/migrations").glob("0*.py")]
    assert seen["nodes"] == sorted(names)
    site.manage("makemigrations", "--check", "--dry-run")


APPLY = """\
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
for name in {names!r}:
    executor = MigrationExecutor(connection)
    executor.migrate([("shop", name)])
"""
STARTS = {
    "fresh": [],
    "ancestor": ["0001_initial"],
    "onto": ["0002_stock"],
    "replayed": ["0002_price"],
    "both": ["0002_stock", "0002_price"],
    "both, the other way": ["0002_price", "0002_stock"],
}


def rows(site: Site) -> list[dict[str, object]]:
    with closing(sqlite3.connect(site.root / "db.sqlite3")) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM shop_product")]


@pytest.mark.parametrize("applied", STARTS.values(), ids=STARTS)
def test_fix_merge_is_right_for_every_database_by_a_plain_migrate(
    site: Site, applied: list[str]
) -> None:
    """From wherever a database stands: one schema, and the rows as they were."""
    known = {"id": 1, "name": "row"}
    known |= {name[5:]: 7 for name in applied if name != "0001_initial"}
    if applied:
        site.manage("shell", "-v0", "-c", APPLY.format(names=applied))
        with closing(sqlite3.connect(site.root / "db.sqlite3")) as connection:
            marks = ", ".join("?" * len(known))
            names = ", ".join(known)
            connection.execute(
                f"INSERT INTO shop_product ({names}) VALUES ({marks})", list(known.values())
            )
            connection.commit()
    site.fix("--strategy", "merge")
    site.manage("migrate", "-v0")
    with closing(sqlite3.connect(site.root / "db.sqlite3")) as connection:
        columns = sorted(row[1] for row in connection.execute("PRAGMA table_info(shop_product)"))
    assert columns == ["id", "name", "price", "stock"]
    assert rows(site) == ([{"price": 0, "stock": 0, **known}] if applied else [])


@pytest.fixture
def disputed(site: Site) -> Site:
    """Both sides altered one field and the model's options; models.py has a third answer."""
    site.git("reset", "-q", "--hard", "main")
    plain = site.read("shop/models.py").decode()
    for branch, width, meta in (
        ("one", 30, "ordering = ['name']"),
        ("two", 40, "verbose_name = 'x'"),
    ):
        site.git("checkout", "-q", "-B", branch, "main")
        text = plain.replace("max_length=20", f"max_length={width}")
        site.write("shop/models.py", f"{text}\n    class Meta:\n        {meta}\n")
        site.make(branch)
        site.commit(branch)
    site.publish("one")
    site.git("merge", "-q", "one", fails=True)
    text = plain.replace("max_length=20", "max_length=35")
    meta = "ordering = ['name']\n        verbose_name = 'x'"
    site.write("shop/models.py", f"{text}\n    class Meta:\n        {meta}\n")
    site.git("add", "-A")
    return site


SIDES = pytest.mark.parametrize(
    "applied",
    [[], ["0002_stock"], ["0003_one"], ["0003_two"]],
    ids=["fresh", "ancestor", "onto", "replayed"],
)


def settle(site: Site, applied: list[str]) -> None:
    """The merge migration of what both sides set, migrated from where a database stands."""
    assert site.fix(code=1)["resolutions"][0]["next"] == ["migmerge fix shop --strategy merge"]
    if applied:
        site.manage("shell", "-v0", "-c", APPLY.format(names=applied))
    document = site.fix("--strategy", "merge")
    assert document["verification"]["django"] == "ok"
    (path,) = document["resolutions"][0]["created"]
    text = site.read(path).decode()
    assert "field=models.CharField(max_length=35)," in text
    assert "options={'ordering': ['name'], 'verbose_name': 'x'}," in text
    site.manage("migrate", "-v0")


@SIDES
def test_fix_merge_sets_what_both_sides_set(disputed: Site, applied: list[str]) -> None:
    """The definition of the merged models holds in every database."""
    settle(disputed, applied)
    with closing(sqlite3.connect(disputed.root / "db.sqlite3")) as connection:
        types = {row[1]: row[2] for row in connection.execute("PRAGMA table_info(shop_product)")}
    assert types["name"] == "varchar(35)"


@SIDES
@pytest.mark.postgresql
@pytest.mark.usefixtures("postgresql")
def test_fix_merge_sets_what_both_sides_set_on_postgresql(
    disputed: Site, applied: list[str]
) -> None:
    import psycopg

    name = f"migmerge_{uuid.uuid4().hex[:12]}"
    server = "host=127.0.0.1 user=postgres"
    text = SETTINGS.replace("sqlite3", "postgresql", 1).replace("db.sqlite3", name)
    disputed.write(
        "site_settings.py",
        text + "DATABASES['default'] |= {'HOST': '127.0.0.1', 'USER': 'postgres'}\n",
    )
    disputed.git("add", "-A")
    with psycopg.connect(f"{server} dbname=postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        try:
            settle(disputed, applied)
            with psycopg.connect(f"{server} dbname={name}") as connection:
                (row,) = connection.execute(
                    "SELECT character_maximum_length FROM information_schema.columns "
                    "WHERE table_name = 'shop_product' AND column_name = 'name'"
                ).fetchall()
        finally:
            admin.execute(f"DROP DATABASE {name}")
    assert row == (35,)


def test_fix_merge_of_what_both_set_needs_models_that_load(disputed: Site) -> None:
    disputed.write("shop/models.py", "<<<<<<< ours\n")
    disputed.git("add", "-A")
    (resolution,) = disputed.fix("--strategy", "merge", code=1)["resolutions"]
    assert resolution["status"] == "refused"
    assert resolution["reasons"][0].startswith(
        "what both sides set is read from the project's models: SyntaxError: "
    )


def test_fix_asks_django_for_a_second_opinion(site: Site) -> None:
    """An operation that does more than its name says, which no reading of its call can tell."""
    path = "shop/migrations/0002_price.py"
    text = site.read(path).decode()
    rename = (
        "\n\nclass AddField(migrations.AddField):\n"
        "    def state_forwards(self, label, state):\n"
        "        super().state_forwards(label, state)\n"
        "        product = state.models[label, 'product']\n"
        "        if self.name == 'price':\n"
        "            product.options['seen'] = 'stock' in product.fields\n"
        "\n\nmigrations.AddField = AddField\n"
    )
    site.write(path, text.replace("\n\nclass Migration", rename + "\n\nclass Migration", 1))
    site.commit("a patched operation")
    (conflict,) = site.check()["conflicts"]
    assert conflict["verdict"] == "commute"
    (resolution,) = site.fix(code=1)["resolutions"]
    assert resolution["reasons"] == [
        "the files commute, but not for Django, which tried both orders: "
        "they differ in shop.product"
    ]
    assert resolution["next"] == ["migmerge fix shop --strategy merge"]


def test_merge_source_is_what_django_writes(site: Site) -> None:
    """Ours, without the project, is byte for byte `makemigrations --merge --no-header`."""
    leaves = ["0002_price", "0002_stock"]
    name = merge_name(leaves)
    site.manage(
        "makemigrations", "--merge", "--noinput", "--no-header", "--name", merge_suffix(name)
    )
    written = site.read(f"shop/migrations/{name}.py")
    assert written == merge_source("shop", leaves)


def test_fix_uses_the_projects_own_makemigrations(site: Site) -> None:
    site.write("cart/management/__init__.py", "")
    site.write("cart/management/commands/__init__.py", "")
    site.write(
        "cart/management/commands/makemigrations.py",
        "from django.core.management.commands.makemigrations import Command as Base\n"
        "from django.db.migrations import writer\n\n\n"
        "class Command(Base):\n"
        "    def handle_merge(self, loader, conflicts):\n"
        "        plain = writer.MigrationWriter.as_string\n"
        "        writer.MigrationWriter.as_string = lambda self: '# house style\\n' + plain(self)\n"
        "        super().handle_merge(loader, conflicts)\n",
    )
    site.commit("house style")
    site.fix()
    created = site.read("shop/migrations/0003_merge_0002_price_0002_stock.py")
    assert created.startswith(b"# house style\nfrom django.db import migrations\n")


def test_fix_without_the_project_writes_the_same(site: Site) -> None:
    site.fix()
    with_project = site.read("shop/migrations/0003_merge_0002_price_0002_stock.py")
    site.git("reset", "-q", "--hard")
    site.write("shop/models.py", "<<<<<<< ours\n=======\n>>>>>>> theirs\n")
    site.git("add", "-A")
    document = site.fix()
    assert document["verification"]["django"].startswith("skipped: SyntaxError: ")
    without = site.read("shop/migrations/0003_merge_0002_price_0002_stock.py")
    assert without == with_project


def test_fix_works_where_the_database_does_not(site: Site) -> None:
    broken = SETTINGS.replace("django.db.backends.sqlite3", "no.such.backend")
    site.write("site_settings.py", broken + "DATABASE_ROUTERS = ['no.such.Router']\n")
    site.commit("another database")
    assert site.fix()["verification"]["django"] == "ok"


def test_fix_puts_everything_back_when_models_disagree(site: Site) -> None:
    site.field("forgotten")
    site.commit("a field without a migration")
    before = site.state()
    document = site.fix(code=1)
    (resolution,) = document["resolutions"]
    assert resolution["status"] == "refused"
    assert resolution["reasons"][0].startswith(
        "put back, since the result doesn't verify: makemigrations --check finds changes: "
    )
    assert resolution["next"] == ["mend what it says, or run again with --no-verify"]
    assert document["written"] == []
    assert site.state() == before
    assert site.fix("--no-verify")["verification"]["django"] == "skipped: --no-verify"


def test_fix_puts_an_unfinished_merge_back(site: Site) -> None:
    """Index stages and all: what `git merge` stopped at is there again."""
    site.git("reset", "-q", "--hard", "HEAD^")
    site.write("notes.txt", "feature\n")
    site.commit()
    site.git("checkout", "-q", "main")
    site.write("notes.txt", "main\n")
    site.field("forgotten")
    site.commit()
    site.publish()
    site.git("checkout", "-q", "feature")
    site.git("merge", "-q", "main", fails=True)
    before = site.state()
    site.fix(code=1)
    assert site.state() == before


def test_fix_app_that_is_not_installed_is_said(site: Site) -> None:
    site.write("site_settings.py", SETTINGS.replace('"shop", ', ""))
    site.commit()
    assert site.fix()["verification"]["django"] == "skipped: not in INSTALLED_APPS: shop"


def test_fix_manage_of_the_configuration(site: Site) -> None:
    (site.root / "manage.py").rename(site.root / "run.py")
    site.write("pyproject.toml", '[tool.migmerge]\nmanage = "python run.py"\n')
    site.commit()
    assert site.fix()["verification"]["django"] == "ok"


def test_fix_interpreter_of_the_projects_own_environment(site: Site) -> None:
    """`.venv` at the root comes before the python on PATH."""
    python = site.root / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    real = Path(__import__("sys").executable)
    python.write_text(f'#!/bin/sh\ntouch "{site.root}/.venv/used"\nexec "{real}" "$@"\n')
    python.chmod(0o755)
    site.write(".git/info/exclude", ".venv\n")
    assert site.fix()["verification"]["django"] == "ok"
    assert (site.root / ".venv/used").exists()


@pytest.fixture
def contradiction(site: Site) -> Site:
    """feature added price as an integer, main as a decimal; models.py has main's, and extra."""
    site.git("reset", "-q", "--hard", "feature~1")
    site.git("checkout", "-q", "main")
    site.field("price", "DecimalField(max_digits=9, decimal_places=2, default=0)")
    site.make("price")
    site.commit("price as a decimal")
    site.publish()
    site.git("checkout", "-q", "feature")
    site.git("merge", "-q", "--no-commit", "main")
    site.write("shop/models.py", site.git("show", "main:shop/models.py"))
    text = site.read("shop/models.py").decode()
    site.write("shop/models.py", text + "    extra = models.IntegerField(default=0)\n")
    site.git("add", "-A")
    return site


def test_fix_regenerate_makes_the_moved_side_again(contradiction: Site) -> None:
    site = contradiction
    (refused,) = site.fix(code=1)["resolutions"]
    assert refused["reasons"][0] == "the sides contradict each other"
    document = site.fix("--strategy", "regenerate")
    assert document["verification"]["django"] == "ok"
    (done,) = document["resolutions"]
    assert (done["status"], done["strategy"]) == ("fixed", "regenerate")
    assert done["removed"] == ["shop/migrations/0002_price.py"]
    assert done["created"] == ["shop/migrations/0004_product_extra.py"]
    assert "migrating 0002_price back drops shop.product.price with its data" in str(
        done["reasons"]
    )
    assert django_sees(site)["leaves"] == ["0004_product_extra"]
    site.manage("migrate", "-v0")
    site.manage("makemigrations", "--check", "--dry-run")


def test_fix_regenerate_that_leaves_nothing_to_make(contradiction: Site) -> None:
    contradiction.write("shop/models.py", contradiction.git("show", "main:shop/models.py"))
    contradiction.git("add", "-A")
    (done,) = contradiction.fix("--strategy", "regenerate")["resolutions"]
    assert (done["removed"], done["created"]) == (["shop/migrations/0002_price.py"], [])
    assert django_sees(contradiction)["leaves"] == ["0003_price"]


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        ("migrations.RunPython(migrations.RunPython.noop)", "0002_price holds RunPython"),
        ("migrations.RenameField('product', 'price', 'cost')", "0002_price holds RenameField"),
        (
            "migrations.SeparateDatabaseAndState(state_operations=["
            "migrations.AlterModelOptions('product', {})])",
            "0002_price holds AlterModelOptions",
        ),
    ],
)
def test_fix_regenerate_never_throws_code_or_a_rename_away(
    contradiction: Site, operation: str, reason: str
) -> None:
    text = contradiction.read("shop/migrations/0002_price.py").decode()
    text = text.replace("operations = [", f"operations = [\n        {operation},")
    contradiction.write("shop/migrations/0002_price.py", text)
    contradiction.git("add", "-A")
    before = contradiction.state()
    (refused,) = contradiction.fix("--strategy", "regenerate", code=1)["resolutions"]
    assert refused["reasons"] == [reason, "it can't be made again"]
    assert contradiction.state() == before


def test_fix_regenerate_refuses_what_others_depend_on(contradiction: Site) -> None:
    contradiction.migration("cart", "0001_initial", "shop.0002_price")
    contradiction.git("add", "-A")
    (refused,) = contradiction.fix("shop", "--strategy", "regenerate", code=1)["resolutions"]
    assert refused["reasons"] == ["cart.0001_initial depends on what would be made again"]


def test_fix_regenerate_that_would_ask_a_question_is_refused(contradiction: Site) -> None:
    text = contradiction.read("shop/models.py").decode()
    contradiction.write(
        "shop/models.py",
        text.replace("extra = models.IntegerField(default=0)", "extra = models.IntegerField()"),
    )
    contradiction.git("add", "-A")
    (refused,) = contradiction.fix("--strategy", "regenerate", code=1)["resolutions"]
    assert refused["reasons"][0].startswith("makemigrations can't make it again: ")

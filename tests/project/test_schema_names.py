"""`db status --schema` on each engine: a database that was just migrated is as its models."""

from __future__ import annotations

import json

import pytest

from tests.project.conftest import SETTINGS, Site
from tests.project.matrix import Server

pytestmark = pytest.mark.once

LONG = "of_a_name_that_is_much_longer_than_the_sixty_three_bytes_that_postgresql_keeps_of_it"
MODELS = """\
from django.db import models
from django.db.models import Q, F
from django.db.models.functions import Lower


class Kind(models.Model):
    word = models.CharField(max_length=20, unique=True)

    class Meta:
        db_table = "Shop_MixedCase{table}"


class Product(models.Model):
    name = models.CharField(max_length=20)
    a_field_with_quite_a_long_name = models.IntegerField(default=0, db_index=True)
    another_field_with_quite_a_long_name = models.SlugField(default="")
    kind = models.ForeignKey(Kind, models.CASCADE, null=True)
    kinds_that_are_reached_by_a_table_with_a_name_that_is_hashed = models.ManyToManyField(
        Kind, related_name="+")
    amount = models.PositiveIntegerField(default=0)

    class Meta:
        unique_together = [("a_field_with_quite_a_long_name", "another_field_with_quite_a_long_name")]
        indexes = [models.Index(fields=["name", "amount"], name="i23456789012345678901234567890")]
        constraints = [
            models.UniqueConstraint(fields=["name", "kind"], name="{unique}"),
            models.UniqueConstraint(fields=["name"], condition=Q(amount__gt=7), name="{partial}"),
            models.UniqueConstraint(Lower("name"), F("amount"), name="{lower}"),
            models.CheckConstraint({check}=Q(amount__lt=700), name="{positive}"),
        ]
"""


def models_text(length: int, table: str) -> str:
    import django

    names = {
        key: f"shop_{key}_é_{LONG}"[:length] for key in ("unique", "partial", "lower", "positive")
    }
    check = "condition" if django.VERSION >= (5, 1) else "check"
    return MODELS.format(table=table, check=check, **names)


PYMYSQL = (
    "import pymysql\npymysql.version_info = (2, 2, 7, 'final', 0)\npymysql.install_as_MySQLdb()\n"
)
INDEX = """\
from django.db import connection
connection.cursor().execute("CREATE UNIQUE INDEX own ON shop_product (upper(name), amount)")
"""
DROP = """\
from django.apps import apps
from django.db import connection
product = apps.get_model("shop", "Product")
with connection.schema_editor() as editor:
    # SQLite makes the table again for a plain one, from a model that still has it
    which = 1 if connection.features.supports_partial_indexes else 0
    editor.remove_constraint(product, product._meta.constraints[which])
"""


ENGINES = [
    pytest.param("sqlite", 90, "_" + LONG),
    pytest.param("postgresql", 90, "_" + LONG, marks=pytest.mark.postgresql),
    pytest.param("mariadb", 64, "_of_tables", marks=pytest.mark.mariadb),  # it refuses longer ones
]


@pytest.mark.parametrize(("engine", "length", "table"), ENGINES)
def test_schema_of_a_database_that_was_just_migrated(
    site: Site,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    engine: str,
    length: int,
    table: str,
) -> None:
    """Names are as the models say, however each engine cuts or hashes them."""
    if engine != "sqlite":
        request.getfixturevalue(engine)
    server = Server(engine, tmp_path_factory.mktemp("databases"))
    write_project(site, length, table)
    with server.scratch() as name:
        env = {"DB": json.dumps(server.settings(name))}
        site.manage("makemigrations", "shop", "-v0", env=env)
        site.manage("migrate", "-v0", env=env)
        done = site.run("db", "status", "--schema", "--database", "default", env=env)
        assert (done.returncode, [x for x in done.stdout.splitlines() if " schema " in x]) == (
            0,
            [],
        )
        if engine == "postgresql":  # somebody's own index of an expression
            site.manage("shell", "-c", INDEX, env=env)
            done = site.run("db", "status", "--schema", "--database", "default", env=env)
            assert done.returncode == 0, done.stdout
        site.manage("shell", "-c", DROP, env=env)  # what is really missing is still seen
        done = site.run("db", "status", "--schema", "--database", "default", env=env)
        assert done.returncode == 1 and "(UniqueConstraint)" in done.stdout, done.stdout


def write_project(site: Site, length: int, table: str) -> None:
    """The models above, and settings that take the database from the environment."""
    site.git("reset", "-q", "--hard", "main~1")
    for path in site.root.glob("shop/migrations/0*.py"):
        path.unlink()
    site.write("shop/models.py", models_text(length, table))
    there = '"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}'
    taken = '"default": __import__("json").loads(__import__("os").environ["DB"])'
    silenced = "SILENCED_SYSTEM_CHECKS = ['models.W042']\n"
    site.write("site_settings.py", PYMYSQL + SETTINGS.replace(there, taken) + silenced)

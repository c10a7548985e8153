"""`db status --schema` on each engine: a database that was just migrated is as its models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.project.conftest import SETTINGS, Site
from tests.project.matrix import Server

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


@contextmanager
def project(site: Site, server: Server, length: int, table: str) -> Iterator[None]:
    """The models above, and migrations of them, on a database of the server."""
    site.git("reset", "-q", "--hard", "main~1")
    for path in site.root.glob("shop/migrations/0*.py"):
        path.unlink()
    site.write("shop/models.py", models_text(length, table))
    text = SETTINGS.replace(
        '"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}',
        '"default": __import__("json").loads(__import__("os").environ["DB"])',
    )
    site.write("site_settings.py", f"{PYMYSQL}{text}SILENCED_SYSTEM_CHECKS = ['models.W042']\n")
    with server.scratch() as name:
        env = {"DB": json.dumps(server.settings(name))}
        site.manage("makemigrations", "shop", "-v0", env=env)
        site.manage("migrate", "-v0", env=env)
        yield
        done = site.run("db", "status", "--schema", env=env)
        assert (done.returncode, [x for x in done.stdout.splitlines() if " schema " in x]) == (
            0,
            [],
        )
        if server.engine == "postgresql":  # somebody's own index of an expression
            site.manage("shell", "-c", INDEX, env=env)
            done = site.run("db", "status", "--schema", env=env)
            assert done.returncode == 0, done.stdout
        drop_unique(site, env)
        done = site.run("db", "status", "--schema", env=env)
        assert done.returncode == 1 and "(UniqueConstraint)" in done.stdout, done.stdout


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


def drop_unique(site: Site, env: dict[str, str]) -> None:
    """What is really missing is still seen."""
    site.manage("shell", "-c", DROP, env=env)


def test_schema_names_on_sqlite(site: Site, tmp_path_factory: pytest.TempPathFactory) -> None:
    server = Server("sqlite", tmp_path_factory.mktemp("databases"))
    with project(site, server, 90, "_" + LONG):
        pass


@pytest.mark.postgresql
def test_schema_names_on_postgresql(
    site: Site, postgresql: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    server = Server("postgresql", tmp_path_factory.mktemp("databases"))
    with project(site, server, 90, "_" + LONG):
        pass


@pytest.mark.mariadb
def test_schema_names_on_mariadb(
    site: Site, mariadb: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    server = Server("mariadb", tmp_path_factory.mktemp("databases"))
    with project(site, server, 64, "_of_tables"):
        pass

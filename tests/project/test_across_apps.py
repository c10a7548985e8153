"""What `check` calls a contradiction across apps stops `migrate` of real Django (MM112), as
docs/deciding.md says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from tests.conftest import thinned
from tests.integration.test_across_apps import PAIRS, reasons, sides
from tests.project.conftest import MANAGE, SETTINGS, Site

pytestmark = [pytest.mark.once, pytest.mark.postgresql]
# only models.py shows these: the system checks stop migrate (fields.E302 to E305)
IN_MODELS = ("one reverse accessor", "one related_name")
# these stop every database; the others one that has the base branch's migrations, and no other
EVERYWHERE = (
    "a deleted model and a foreign key",
    "a removed field and to_field",
    "one table",
    "one index",
    "one constraint",
    "a parent's new field and a child's",
)
LITE = '{"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}'


@pytest.fixture
def database(postgresql: None) -> Iterator[str]:
    """A database of PostgreSQL."""
    import psycopg

    name = f"migmerge_across_{os.getpid()}"
    with psycopg.connect(host="127.0.0.1", user="postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}")
        connection.execute(f"CREATE DATABASE {name}")
        yield name
        connection.execute(f"DROP DATABASE {name}")


@pytest.mark.parametrize(
    ("pair", "branch"),
    thinned(product((pair for pair in PAIRS if pair not in IN_MODELS), ("main", "feature", ""))),
)
def test_databases_that_stop(tmp_path: Path, database: str, pair: str, branch: str) -> None:
    """Those of either branch, and a new one."""
    site = Site(tmp_path)
    site.git("init", "-q")
    server = f'{{"ENGINE": "django.db.backends.postgresql", "NAME": "{database}", '
    server += '"HOST": "127.0.0.1", "USER": "postgres"}'
    site.write("site_settings.py", SETTINGS.replace(LITE, server))
    site.write("manage.py", MANAGE)
    site.write(".gitignore", "__pycache__/\n")
    for app in ("shop", "cart"):
        site.write(f"{app}/__init__.py", "")
        site.write(f"{app}/migrations/__init__.py", "")
    shop, cart, reason = PAIRS[pair]
    sides(site, shop, cart)
    if branch:
        site.git("checkout", "-q", branch)
        site.manage("migrate", "-v0", "shop")
        site.manage("migrate", "-v0", "cart")
    site.git("checkout", "-q", "main")
    site.git("merge", "-q", "--no-edit", "feature")
    assert reason in reasons(site)
    site.manage("migrate", "-v0", code=int(branch == "main" or pair in EVERYWHERE))

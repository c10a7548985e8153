"""What stops a new database of the merged files: the merge, or the engine that it is tried on."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from tests.project.conftest import Copy, Site, begin_project, branch_out

pytestmark = pytest.mark.once

MODELS = """\
from django.db import models


class Category(models.Model):
    slug = models.CharField(max_length=9)

    # fields


class Product(models.Model):
    name = models.CharField(max_length=20)
"""
GENERAL = """\

def general():
    return Category.objects.get_or_create(slug="general")[0].pk


class Product(models.Model):
    category = models.ForeignKey(Category, models.CASCADE, default=general)
"""
COLOUR = "    colour = models.CharField(max_length=9, default='red')\n\n    # fields\n"
REAL_MODEL = """\
from django.db import migrations
from shop.models import Product


def rename(apps, schema_editor):
    for product in Product.objects.all():
        product.name = product.name.upper()
        product.save()


class Migration(migrations.Migration):

    dependencies = [("shop", "0002_price")]

    operations = [migrations.RunPython(rename, migrations.RunPython.noop)]
"""
SQL = "    operations = [migrations.RunSQL('SELECT 1::integer', migrations.RunSQL.noop),"


def build_default_of_a_real_model(root: Path) -> None:
    """main's default reads Category as it is in models.py, to which feature adds a column."""
    site = begin_project(root, MODELS)
    site.git("checkout", "-q", "-b", "feature")
    site.write("shop/models.py", MODELS.replace("    # fields\n", COLOUR))
    site.make("colour")
    site.commit("colour")
    site.git("checkout", "-q", "main")
    site.write("shop/models.py", MODELS.replace("\nclass Product(models.Model):\n", GENERAL))
    site.make("category")
    site.commit("category")
    site.publish()
    site.git("checkout", "-q", "feature")
    site.git("merge", "-q", "--no-edit", "main")


def build_history_that_uses_the_real_models(root: Path) -> None:
    """Each side adds a column behind it."""
    site = begin_project(root)
    text = REAL_MODEL.replace("0002_price", "0001_initial")
    site.write("shop/migrations/0002_rename.py", text)
    site.commit("rename")
    branch_out(site)


def build_with_a_driver_of_mariadb(root: Path) -> None:
    site = begin_project(root)
    driver = b"import pymysql; pymysql.version_info = (2, 2, 8); pymysql.install_as_MySQLdb()\n"
    site.write("site_settings.py", driver + site.read("site_settings.py"))
    site.commit("the driver")
    branch_out(site)


@pytest.fixture(autouse=True)
def with_databases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIGMERGE_VERIFY_SECONDS", "120")


def test_merge_that_stops_every_new_database_is_put_back(copy_of: Copy) -> None:
    site = copy_of(build_default_of_a_real_model)
    before = site.state()
    document = site.fix("--strategy", "renumber", code=1)
    assert document["verification"]["databases"] == (
        "failed: fresh: OperationalError: no such column: shop_category.colour; "
        "ancestor: OperationalError: no such column: shop_category.colour"
    )
    assert document["written"] == []
    assert site.state() == before

    site.fix("--strategy", "renumber", "--skip-verification")
    site.commit("all the same")
    done = site.run("verify", "shop")
    assert done.returncode == 1
    assert "fresh                FAILS: OperationalError: no such column" in done.stdout


def test_sql_of_another_engine_proves_nothing(site: Site) -> None:
    """SQLite stops the branch's own files as well."""
    text = site.read("shop/migrations/0002_price.py").decode()
    site.git("checkout", "-q", "-B", "feature", "HEAD^1")
    site.write("shop/migrations/0002_price.py", text.replace("    operations = [", SQL))
    site.commit("SQL of PostgreSQL")
    site.git("merge", "-q", "--no-edit", "main")
    document = site.fix("--strategy", "merge", code=1)
    assert document["verification"]["databases"].startswith("skipped: no SQLite database at ")
    assert not document["verification"]["verified"]
    assert document["written"]


def test_side_whose_code_uses_the_real_models_is_built_with_its_own(site: Site) -> None:
    """The models of the merged files have main's column, which the branch's database has not."""
    site.git("checkout", "-q", "-B", "feature", "HEAD^1")
    site.write("shop/migrations/0003_rename.py", REAL_MODEL)
    site.commit("rename")
    site.git("merge", "-q", "--no-edit", "main")
    document = site.fix("--strategy", "renumber", "--no-carry")
    databases = document["verification"]["databases"]
    assert databases.startswith("ok: "), databases
    assert document["verification"]["verified"]
    site.commit("renumbered")
    done = site.run("verify", "shop")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "verified"), done.stdout


SERVERS = {
    "postgresql": ("postgres://postgres@127.0.0.1:5432", "SELECT datname FROM pg_database"),
    "mariadb": ("mysql://root@127.0.0.1:3306", "SHOW DATABASES"),
}


def databases_on(name: str) -> set[str]:
    """Those that are made for starting points."""
    statement = SERVERS[name][1]
    if name == "postgresql":
        import psycopg

        with psycopg.connect("host=127.0.0.1 user=postgres dbname=postgres") as connection:
            rows = connection.execute(statement).fetchall()
    else:
        import pymysql

        connection = pymysql.connect(host="127.0.0.1", user="root")
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            rows = list(cursor.fetchall())
    return {row[0] for row in rows if re.fullmatch(r"migmerge_[0-9]{10}_[0-9a-f]{12}", row[0])}


@pytest.mark.corpus
@pytest.mark.parametrize(
    "server",
    [
        pytest.param("postgresql", marks=pytest.mark.postgresql),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
    ],
)
def test_side_is_built_with_its_own_code_on_a_server(
    copy_of: Copy, server: str, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue(server)
    site = copy_of(build_with_a_driver_of_mariadb)
    site.git("checkout", "-q", "-B", "feature", "HEAD^1")
    site.write("shop/migrations/0003_rename.py", REAL_MODEL)
    site.commit("rename")
    site.git("merge", "-q", "--no-edit", "main")
    site.fix("--strategy", "renumber", "--no-carry", "--skip-verification")
    site.commit("renumbered")
    before = databases_on(server)
    done = site.run("verify", "shop", "--database", SERVERS[server][0])
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "verified"), done.stdout
    deadline = time.monotonic() + 120
    while databases_on(server) - before:  # other tests have some, too, and drop them
        assert time.monotonic() < deadline
        time.sleep(1)


def test_what_stopped_every_new_database_before_is_not_the_fault_of_the_merge(
    copy_of: Copy,
) -> None:
    """An old migration reads the real model, which has got columns since on each side."""
    site = copy_of(build_history_that_uses_the_real_models)
    document = site.fix("--strategy", "renumber", "--no-carry", code=1)
    databases = document["verification"]["databases"]
    assert databases.startswith("skipped: no SQLite database at fresh (OperationalError: ")
    assert document["written"]
    done = site.run("verify", "shop")
    states = dict(line.split(None, 1) for line in done.stdout.splitlines()[2:-1])
    assert {name: states[name][:2] for name in ("ancestor", "onto", "replayed")} == dict.fromkeys(
        ("ancestor", "onto", "replayed"), "ok"
    ), done.stdout


def test_side_that_no_commit_has_is_not_built_with_its_code(site: Site) -> None:
    """The name of its migration is another one in the work tree."""
    site.git("checkout", "-q", "-B", "feature", "HEAD^1")
    text = REAL_MODEL.replace("product.name.upper()", "product.name")
    site.write("shop/migrations/0003_rename.py", text)
    site.commit("rename")
    site.git("merge", "-q", "--no-edit", "main")
    site.git("mv", "shop/migrations/0003_rename.py", "shop/migrations/0003_upper.py")
    document = site.fix("--strategy", "renumber", "--no-carry", code=1)
    databases = document["verification"]["databases"]
    assert databases.startswith("skipped: no SQLite database at replayed"), databases

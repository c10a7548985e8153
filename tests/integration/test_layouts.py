"""Healthy trees with odd layouts: nothing in them stands in the way of a commit."""

from __future__ import annotations

import re

import pytest

from tests.conftest import PRICE, PRODUCT, STOCK, Repo, migration_text
from tests.project.conftest import MANAGE

SOUTH = """\
# -*- coding: utf-8 -*-
from south.db import db
from south.v2 import SchemaMigration


class Migration(SchemaMigration):
    def forwards(self, orm):
        print "adding", 0777
"""
PYTHON2 = """\
from django.db import migrations


class Migration(migrations.Migration):
{dependencies}
    def noise(self):
        print "python 2"
"""


def kinds(document: dict) -> list[str]:
    return [conflict["kind"] for conflict in document["conflicts"]]


@pytest.fixture
def shop(repo: Repo) -> Repo:
    """shop, on which cart depends."""
    repo.write("shop/migrations/__init__.py", "")
    repo.migration("shop", "0001_initial", operations=(PRODUCT,))
    repo.migration("cart", "0001_initial", "shop.0001_initial")
    repo.commit("base")
    return repo


ARCHIVES = [
    "shop/migrations_old",
    "shop/old_migrations",
    "shop/migrations/archive",
    "shop/archive/migrations",
]


@pytest.mark.parametrize("archive", ARCHIVES)
def test_an_archive_beside_the_real_migrations(shop: Repo, archive: str) -> None:
    for name, parents in (
        ("0001_initial", ()),
        ("0002_a", (("shop", "0001_initial"),)),
        ("0002_b", (("shop", "0001_initial"),)),
    ):
        shop.write(f"{archive}/{name}.py", migration_text(*parents))
    shop.commit("archive")
    done = shop.run("check")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == (
        f"note: {archive}: MM206 not read: shop/migrations holds the migrations of this label "
        "(exclude it, or name another one in migration_modules)\n"
        "2 migrations in 2 apps: no conflicts\n"
    )
    again = shop.run("check")
    assert again.stderr == done.stderr
    assert shop.run("check", "--staged").returncode == shop.run("check", "cart").returncode == 0
    shop.write("pyproject.toml", f'[tool.migmerge]\nexclude = ["{archive}/*"]\n')
    assert shop.run("check").stderr == "2 migrations in 2 apps: no conflicts\n"


def test_fix_beside_an_archive(shop: Repo) -> None:
    shop.write("shop/migrations_old/0001_initial.py", migration_text())
    shop.migration("shop", "0002_price", "0001_initial", operations=(PRICE,))
    shop.migration("shop", "0002_stock", "0001_initial", operations=(STOCK,))
    shop.commit("both")
    assert shop.fix()["resolutions"][0]["status"] == "fixed"
    assert shop.run("check").returncode == 0


def test_the_configured_directory_wins(shop: Repo) -> None:
    shop.write(
        "pyproject.toml", '[tool.migmerge.migration_modules]\nshop = "shop/migrations_new"\n'
    )
    shop.write("shop/migrations_new/0001_initial.py", migration_text())
    for name in ("0002_a", "0002_b"):
        shop.write(f"shop/migrations_new/{name}.py", migration_text(("shop", "0001_initial")))
    document = shop.check()
    assert [c["directory"] for c in document["conflicts"]] == ["shop/migrations_new"]


SETTINGS = {
    "in the settings": {"conf.py": 'MIGRATION_MODULES = {"shop": "shop.migrations_new", "x": None}\n'},
    "in what they import": {
        "conf.py": "from base import *\n", "base.py": 'MIGRATION_MODULES = {"shop": "shop.migrations_new"}\n',
    },
    "in a package": {
        "conf/__init__.py": "from .base import *\n",
        "conf/base.py": 'MIGRATION_MODULES = {"shop": "shop.migrations_new"}\n',
    },
}  # fmt: skip


@pytest.mark.parametrize("place", ["", "backend/"])
@pytest.mark.parametrize("case", SETTINGS)
def test_the_directory_that_the_settings_name_wins(repo: Repo, case: str, place: str) -> None:
    repo.write(f"{place}manage.py", MANAGE.replace("site_settings", "conf"))
    for path, text in SETTINGS[case].items():
        repo.write(place + path, text)
    for directory in ("migrations", "migrations_new"):
        repo.write(f"{place}shop/{directory}/0001_initial.py", migration_text())
    for name in ("0002_a", "0002_b"):
        repo.write(
            f"{place}shop/migrations_new/{name}.py", migration_text(("shop", "0001_initial"))
        )
    repo.commit()
    document = repo.check()
    assert [c["directory"] for c in document["conflicts"]] == [f"{place}shop/migrations_new"]


def test_settings_of_the_tests_do_not_count(shop: Repo) -> None:
    shop.write("manage.py", MANAGE.replace("site_settings", "conf"))
    shop.write("conf.py", "INSTALLED_APPS = []\n")
    shop.write("test_conf.py", 'MIGRATION_MODULES = {"shop": "shop.migrations_test"}\n')
    shop.write("shop/migrations_test/0001_initial.py", migration_text())
    for name in ("0002_a", "0002_b"):
        shop.migration("shop", name, "0001_initial")
    shop.commit()
    assert [c["directory"] for c in shop.check()["conflicts"]] == ["shop/migrations"]


SOUTH_PLACES = [
    "shop/south_migrations/0001_initial.py",
    "shop/migrations/0001_south.py",
    "shop/migrations/old/0001_initial.py",
]


@pytest.mark.parametrize("path", SOUTH_PLACES)
def test_a_file_of_south_beside_djangos(shop: Repo, path: str) -> None:
    shop.write(path, SOUTH)
    shop.commit("south")
    for arguments in ([], ["--staged"], ["--rev", "HEAD"]):
        done = shop.run("check", *arguments)
        assert (done.returncode, done.stdout, done.stderr) == (
            0, "", "2 migrations in 2 apps: no conflicts\n"
        )  # fmt: skip


@pytest.mark.parametrize("dependencies", ["", '    dependencies = [("shop", "0001_initial")]\n'])
@pytest.mark.parametrize("published", [True, False])
def test_an_old_file_that_does_not_parse_is_a_notice(
    shop: Repo, published: bool, dependencies: str
) -> None:
    shop.write("shop/migrations/0001_py2.py", PYTHON2.format(dependencies=dependencies))
    if dependencies:
        shop.migration("shop", "0002_after", "0001_py2")
    shop.commit("python 2")
    if published:
        shop.publish()
    done = shop.run("check")
    assert (done.returncode, done.stdout) == (0, ""), done.stdout
    assert re.search(
        r"note: shop/migrations/0001_py2.py:[78]: MM106 not a valid migration: ", done.stderr
    )
    assert shop.run("check", "--staged").returncode == 0


def test_an_old_file_that_does_not_parse_is_not_in_the_way_of_a_fix(shop: Repo) -> None:
    shop.write("shop/migrations/0001_py2.py", PYTHON2.format(dependencies=""))
    shop.commit("python 2")
    shop.publish()
    shop.migration("shop", "0002_price", "0001_initial", operations=(PRICE,))
    shop.migration("shop", "0002_stock", "0001_initial", operations=(STOCK,))
    shop.commit("both")
    assert kinds(shop.check()) == ["siblings"]
    assert shop.fix()["resolutions"][0]["status"] == "fixed"
    assert shop.run("check").returncode == 0


@pytest.mark.parametrize("how", ["new", "edited", "new on the branch"])
def test_a_file_that_somebody_broke_is_a_finding(shop: Repo, how: str) -> None:
    shop.publish()
    broken = PYTHON2.format(dependencies="")
    if how == "edited":
        shop.write("shop/migrations/0001_initial.py", broken)
    else:
        shop.write("shop/migrations/0002_py2.py", broken)
    if how == "new on the branch":
        shop.commit("broken")
    assert "unparsable" in kinds(shop.check())


def test_undo_reads_the_configuration_that_is_named(branches: Repo) -> None:
    branches.write("other.toml", '[tool.migmerge]\nexclude = ["nothing/*"]\n')
    branches.write("pyproject.toml", "[tool.migmerge]\nno_such_key = 1\n")
    branches.git("add", "-A")
    branches.git("commit", "-q", "-m", "configuration")
    branches.git("merge", "-q", "--no-edit", "main")
    chosen = ("--config", "other.toml")
    assert branches.run(*chosen, "fix", "--yes", "--allow-skipped").returncode == 0
    assert branches.run("undo").returncode == 2
    done = branches.run(*chosen, "undo")
    assert done.returncode == 0, done.stderr


def test_a_path_restricts_what_is_read(shop: Repo) -> None:
    """What is broken elsewhere is not even read, but what is depended on is."""
    shop.write("tags/migrations/0001_initial.py", "class Migration(migrations.Migration):\n    (\n")
    assert kinds(shop.check()) == ["unparsable"]
    done = shop.run("check", "cart")
    assert (done.returncode, done.stderr) == (0, "1 migration in 1 app: no conflicts\n")
    shop.migration("cart", "0002_more", "0001_initial", "shop.0009_gone")
    assert kinds(shop.check("cart")) == ["missing-dependency"]


@pytest.mark.parametrize("line", ["FLAG = not.1", "NAMES = 'a'f'b'\nX = not.2"])
def test_python_that_libcst_does_not_accept_is_refused(branches: Repo, line: str) -> None:
    """It is valid Python; LibCST raises CSTValidationError."""
    path = "shop/migrations/0002_price.py"
    branches.write(path, branches.read(path) + f"\n\n{line}\n".encode())
    branches.commit("a line")
    branches.git("merge", "-q", "--no-edit", "main")
    before = branches.state()
    done = branches.run("fix", "--yes", "--strategy", "renumber")
    assert (done.returncode, done.stderr) == (1, "")
    assert "LibCST can't parse it" in done.stdout
    assert branches.state() == before


def test_settings_of_one_project_say_nothing_of_another(repo: Repo) -> None:
    repo.write("a/manage.py", MANAGE.replace("site_settings", "conf"))
    repo.write("a/conf.py", 'MIGRATION_MODULES = {"shop": "shop.db_migrations"}\n')
    repo.write("a/shop/db_migrations/0001_initial.py", migration_text())
    repo.write("b/manage.py", MANAGE)
    for name, parents in (
        ("0001_initial", ()),
        ("0002_a", (("shop", "0001_initial"),)),
        ("0002_b", (("shop", "0001_initial"),)),
    ):
        repo.write(f"b/shop/migrations/{name}.py", migration_text(*parents))
    repo.commit()
    assert [c["directory"] for c in repo.check()["conflicts"]] == ["b/shop/migrations"]


UNREAD = {
    "annotated": ({"conf.py": 'MIGRATION_MODULES: dict[str, str] = {"shop": "shop.migrations_new"}\n'}, MANAGE),
    "put into the environment": (
        {"conf.py": 'MIGRATION_MODULES = {"shop": "shop.migrations_new"}\n'},
        'import os\nos.environ["DJANGO_SETTINGS_MODULE"] = "conf"\n',
    ),
    "computed": ({"conf.py": 'MIGRATION_MODULES = {a: f"{a}.migrations_new" for a in ["shop"]}\n'}, MANAGE),
    "updated": ({"conf.py": 'MIGRATION_MODULES = {}\nMIGRATION_MODULES.update(shop="shop.migrations_new")\n'}, MANAGE),
    "settings that manage.py finds out": (
        {"conf.py": 'MIGRATION_MODULES = {"shop": "shop.migrations_new"}\n'}, "import os\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", UNREAD)
def test_a_directory_that_the_settings_may_name_is_read(repo: Repo, case: str) -> None:
    files, manage = UNREAD[case]
    repo.write("manage.py", manage.replace("site_settings", "conf"))
    for path, text in files.items():
        repo.write(path, text)
    for directory in ("migrations", "migrations_new"):
        repo.write(f"shop/{directory}/0001_initial.py", migration_text())
    for name in ("0002_a", "0002_b"):
        repo.write(f"shop/migrations_new/{name}.py", migration_text(("shop", "0001_initial")))
    repo.commit()
    assert [c["directory"] for c in repo.check()["conflicts"]] == ["shop/migrations_new"]


def test_a_clean_check_is_not_remembered_past_the_settings(repo: Repo) -> None:
    repo.write("manage.py", MANAGE.replace("site_settings", "conf"))
    repo.write("conf.py", 'MIGRATION_MODULES = {"shop": "shop.migrations_new"}\n')
    repo.write("shop/migrations_new/0001_initial.py", migration_text())
    repo.write("shop/migrations/0001_initial.py", migration_text())
    for name in ("0002_a", "0002_b"):
        repo.migration("shop", name, "0001_initial")
    repo.commit()
    assert repo.run("check").returncode == repo.run("check").returncode == 0
    repo.write("conf.py", "")
    repo.commit()
    assert repo.run("check").returncode == 1


def test_a_clean_check_is_not_remembered_past_a_project(repo: Repo) -> None:
    """While there are two projects, the label is a package's in the one."""
    for place in ("a", "b"):
        repo.write(f"{place}/manage.py", MANAGE)
    repo.write("a/shop/migrations/0001_initial.py", migration_text())
    repo.write("b/cart/migrations/0001_initial.py", migration_text(("shop", "0007_gone")))
    repo.commit()
    assert repo.run("check").returncode == repo.run("check").returncode == 0
    repo.git("rm", "-q", "b/manage.py")
    repo.commit()
    assert kinds(repo.check()) == ["missing-dependency"]
    assert repo.run("check").returncode == 1


@pytest.mark.parametrize("manage", ["", 'manage = "python a/manage.py"\n'])
def test_fix_rewrites_what_another_project_depends_on(repo: Repo, manage: str) -> None:
    repo.write("pyproject.toml", f"[tool.migmerge]\n{manage}")
    for place in ("a", "b"):
        repo.write(f"{place}/manage.py", "raise SystemExit('not here')\n")
    repo.write("a/shop/migrations/0001_initial.py", migration_text(operations=(PRODUCT,)))
    repo.commit("base")
    repo.git("checkout", "-q", "-b", "feature")
    repo.write(
        "a/shop/migrations/0002_price.py",
        migration_text(("shop", "0001_initial"), operations=(PRICE,)),
    )
    repo.write("b/jobs/migrations/0001_initial.py", migration_text(("shop", "0002_price")))
    repo.commit("price")
    repo.git("checkout", "-q", "main")
    repo.write(
        "a/shop/migrations/0002_stock.py",
        migration_text(("shop", "0001_initial"), operations=(STOCK,)),
    )
    repo.commit("stock")
    repo.publish()
    repo.git("checkout", "-q", "feature")
    repo.git("merge", "-q", "--no-edit", "main")
    repo.fix("--strategy", "renumber", "--skip-verification")
    assert b"0003_price" in repo.read("b/jobs/migrations/0001_initial.py")

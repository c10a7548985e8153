"""The commands that a contradiction names, pasted into a shell in the state that prints them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import thinned
from tests.project.conftest import MANAGE, MODELS, SETTINGS, Site

pytestmark = pytest.mark.once


def paste(site: Site, command: str, shell: str = "sh", code: int = 0) -> None:
    done = subprocess.run(
        [shell, "-c", command],
        cwd=site.root,
        env={**os.environ, "EDITOR": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr


def sizes(site: Site, branch: str, kind: str, name: str = "") -> None:
    """`branch`, from where the history begins, adds the field `size` of some type."""
    site.git("checkout", "-q", "-B", branch, "begin")
    site.write("shop/models.py", MODELS + f"    size = models.{kind}\n")
    site.make(name or f"size_{branch}")
    site.commit(branch)


def merge(site: Site, branch: str) -> None:
    """Git merges migrations, not models.py: there the branch's side is taken."""
    site.git("merge", "-q", "--no-commit", "-X", "ours", branch)
    site.git("commit", "-q", "-m", f"merge {branch}")


@pytest.fixture
def begun(site: Site) -> Site:
    site.git("tag", "begin", ":/base")
    return site


@pytest.fixture
def contradiction(begun: Site) -> Site:
    """mine, whose database has run its migration, contradicts main."""
    sizes(begun, "main", "IntegerField(default=0)")
    begun.publish()
    sizes(begun, "mine", "TextField(default='')")
    begun.manage("migrate", "-v0")
    merge(begun, "main")
    return begun


def recipe(site: Site) -> str:
    (resolution,) = site.fix(code=1)["resolutions"]
    assert resolution["id"] == "MM401", resolution
    (command,) = resolution["next"]
    return str(command)


def assert_right(site: Site) -> None:
    assert site.check()["conflicts"] == []
    site.manage("makemigrations", "--check", "--dry-run", "-v0")
    assert "[ ]" not in site.manage("showmigrations")
    site.manage("migrate", "--check")
    assert not list(site.root.rglob("*.aside"))


@pytest.mark.parametrize("shell", thinned(["sh", "bash"], 2))
def test_recipe_restores_the_files_where_migrate_fails(contradiction: Site, shell: str) -> None:
    command = recipe(contradiction)
    before = contradiction.state()[0]
    contradiction.write("site_settings.py", "raise SystemExit(3)\n")
    paste(contradiction, command, shell, code=3)
    contradiction.write("site_settings.py", SETTINGS)
    assert contradiction.state()[0].keys() == before.keys()
    paste(contradiction, command, shell)
    assert_right(contradiction)


def test_recipe_of_three_leaf_nodes(begun: Site) -> None:
    """Each of the two chains that go is migrated back alone."""
    sizes(begun, "main", "IntegerField(default=0)")
    begun.publish()
    sizes(begun, "yours", "FloatField(default=0)")
    sizes(begun, "mine", "TextField(default='')")
    begun.manage("migrate", "-v0")
    merge(begun, "yours")
    merge(begun, "main")
    paste(begun, recipe(begun))
    assert_right(begun)


def test_recipe_of_two_files_that_both_sides_added(begun: Site) -> None:
    """With a migration behind them on each side."""
    for branch, kind in (("main", "IntegerField(default=0)"), ("mine", "TextField(default='')")):
        sizes(begun, branch, kind, "size")
        begun.field("more", kind)
        begun.make("more")
        begun.field(f"last_{branch}")
        begun.make(f"last_{branch}")
        begun.commit("more")
        if branch == "main":
            begun.publish()
    begun.manage("migrate", "-v0")
    begun.git("merge", "-q", "main", fails=True)
    begun.git("checkout", "--theirs", "--", "shop/models.py")
    begun.git("add", "shop/models.py")
    found = begun.fix(code=1)["resolutions"]
    (command,) = found[0]["next"]
    paste(begun, command)
    assert_right(begun)


def test_recipe_of_a_project_in_a_directory(tmp_path: Path) -> None:
    root = tmp_path / "site"
    root.mkdir()
    site = Site(root)
    site.git("init", "-q")
    backend = Site(root / "the backend")
    for path, text in (
        ("manage.py", MANAGE), ("site_settings.py", SETTINGS), ("cart/__init__.py", ""),
        ("shop/__init__.py", ""), ("shop/migrations/__init__.py", ""), ("shop/models.py", MODELS),
    ):  # fmt: skip
        backend.write(path, text)
    site.write(".gitignore", "__pycache__/\n*.sqlite3\n")
    backend.make("initial")
    site.commit("base")
    backend.git("tag", "begin")
    sizes(backend, "main", "IntegerField(default=0)")
    site.publish()
    sizes(backend, "mine", "TextField(default='')")
    backend.manage("migrate", "-v0")
    merge(backend, "main")
    command = recipe(site)
    assert "(cd 'the backend' && python manage.py migrate shop 0001_initial)" in command
    paste(site, command)
    assert site.check()["conflicts"] == []
    backend.manage("makemigrations", "--check", "--dry-run", "-v0")
    backend.manage("migrate", "--check")


def test_recipe_uses_the_configured_command(
    contradiction: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIGMERGE_MANAGE", f"{contradiction.python} -Wignore manage.py")
    command = recipe(contradiction)
    assert f"{contradiction.python} -Wignore manage.py migrate shop 0001_initial" in command
    assert " python manage.py" not in command


def reverted(site: Site) -> Site:
    """main took a migration, whose database ran it, and reverted the commit."""
    site.git("checkout", "-q", "-B", "main", "begin")
    site.field("size")
    site.make("size")
    site.commit("size")
    site.manage("migrate", "-v0")
    site.git("revert", "--no-edit", "HEAD")
    return site


def test_db_status_names_the_rollback_of_what_was_reverted(begun: Site) -> None:
    site = reverted(begun)
    done = site.run("db", "status")
    (line,) = (text for text in done.stdout.splitlines() if text.startswith("  next: "))
    assert line.endswith("   # drops what it made, with its data")
    paste(site, line.removeprefix("  next: "))
    assert site.git("status", "--porcelain") == ""
    assert site.run("db", "status").stdout.splitlines()[1:] == ["  migrate   has nothing to do"]
    assert "size" not in site.manage("inspectdb", "shop_product")


def test_no_rollback_where_other_migrations_came_after_the_revert(begun: Site) -> None:
    """`migrate` would see two leaf nodes."""
    site = reverted(begun)
    site.field("late")
    site.make("late")
    site.commit("late")
    done = site.run("db", "status")
    assert "shop.0002_size is applied and has no file" in done.stdout
    assert "git checkout" not in done.stdout

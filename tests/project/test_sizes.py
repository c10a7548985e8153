"""Every command on projects of 3, 200 and 1,500 migrations."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import migration_text, thinned
from tests.project.conftest import Copy, Site
from tests.project.sized import build_sized

pytestmark = pytest.mark.once

SIZES = (3, 200, pytest.param(1500, marks=pytest.mark.corpus))


def build_3(root: Path) -> None:
    build_sized(root, 3)


def build_200(root: Path) -> None:
    build_sized(root, 200)


def build_1500(root: Path) -> None:
    build_sized(root, 1500)


BUILDERS: dict[int, Callable[[Path], None]] = {3: build_3, 200: build_200, 1500: build_1500}


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def side_files(copy_of: Copy, size: int) -> Site:
    """feature is checked out; main, which is published, has another migration of shop."""
    return copy_of(BUILDERS[size])


@pytest.fixture
def merged(side_files: Site) -> Site:
    """The same, merged by git, which sees no conflict."""
    side_files.git("merge", "-q", "--no-edit", "main")
    return side_files


def only_leaf(site: Site) -> str:
    """shop's leaf node, by Django's own loader."""
    code = (
        "import os, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'site_settings'; django.setup()\n"
        "from django.db.migrations.loader import MigrationLoader\n"
        "print(*[name for _, name in MigrationLoader(None).graph.leaf_nodes('shop')])"
    )
    names = site.manage("shell", "-c", code).split("\n")
    found = [line for line in names if line[:4].isdigit()]
    assert len(found) == 1 and " " not in found[0], names
    return found[0]


def test_check_finds_the_conflict_and_nothing_else(merged: Site, size: int) -> None:
    document = merged.check()
    assert document["migrations"] == size
    assert [(c["app"], c["kind"]) for c in document["conflicts"]] == [("shop", "siblings")]
    first, again = merged.run("check"), merged.run("check")
    assert first.returncode == again.returncode == 1
    assert first.stdout == again.stdout
    assert "Ada Lovelace, 2026-01-02" in first.stdout and "not committed yet" not in first.stdout


def test_check_against_main_sees_what_a_merge_brings(side_files: Site, size: int) -> None:
    document = side_files.check("--against", "main")
    assert [(c["app"], c["kind"]) for c in document["conflicts"]] == [("shop", "siblings")]
    assert side_files.check()["conflicts"] == []


@pytest.mark.parametrize("strategy", thinned(["renumber", "auto", "merge"]))
def test_fix_leaves_one_leaf_and_undo_restores(merged: Site, strategy: str) -> None:
    before = merged.state()
    document = merged.fix("--strategy", strategy)
    (resolution,) = document["resolutions"]
    assert resolution["status"] == "fixed" and document["verification"]["static"] == "ok"
    assert document["verification"]["django"] == "ok"
    assert merged.run("check").returncode == 0
    leaf = only_leaf(merged)
    assert leaf.endswith("_price") == (strategy == "renumber")
    (merged.root / "db.sqlite3").unlink(missing_ok=True)  # made by that
    assert merged.run("undo").returncode == 0
    assert merged.state() == before


def test_fix_regenerate_makes_the_side_again(side_files: Site) -> None:
    dependents = list(side_files.root.glob("cart/migrations/*_price.py"))
    if dependents:  # what depends on a side that is made again is in the way
        side_files.git("rm", "-q", *(str(path) for path in dependents))
        text = side_files.read("cart/models.py").decode()
        side_files.write(
            "cart/models.py", text.replace("    price = models.IntegerField(null=True)\n", "", 1)
        )
        side_files.commit("shop alone")
    side_files.git("merge", "-q", "--no-edit", "main")
    before = side_files.state()
    document = side_files.fix("--strategy", "regenerate")
    assert document["resolutions"][0]["status"] == "fixed", document
    assert (
        side_files.manage("makemigrations", "--check", "--dry-run").strip() == "No changes detected"
    )
    (side_files.root / "db.sqlite3").unlink()  # made by that
    assert side_files.run("undo").returncode == 0
    assert side_files.state() == before


@pytest.mark.parametrize("strategy", thinned(["auto", "merge", "renumber", "regenerate"]))
def test_fix_dry_run_writes_nothing(merged: Site, strategy: str) -> None:
    before = merged.state()
    done = merged.run("fix", "--dry-run", "--strategy", strategy)
    assert done.returncode in (0, 1) and not done.stderr, done.stderr
    assert merged.state() == before


def test_verify_proves_a_renumbering(merged: Site) -> None:
    merged.fix("--strategy", "renumber")
    merged.commit("fixed")
    done = merged.run("verify", "--format", "json")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slowest
def test_a_renumbered_database_is_reconciled(side_files: Site) -> None:
    side_files.manage("migrate", "-v0")
    side_files.git("merge", "-q", "--no-edit", "main")
    (old,) = side_files.root.glob("shop/migrations/*_price.py")
    (last,) = side_files.root.glob("shop/migrations/*_stock.py")
    new = old.with_name(f"{int(old.name[:4]) + 1:04d}_price.py")
    parent = next(line for line in old.read_text().splitlines() if "('shop', " in line)
    old.rename(new)
    new.write_text(new.read_text().replace(parent, f"        ('shop', '{last.stem}'),"))
    for dependent in side_files.root.glob("cart/migrations/*_price.py"):
        dependent.write_text(dependent.read_text().replace(f"'{old.stem}'", f"'{new.stem}'"))
    side_files.commit("renumbered by hand")
    status = side_files.run("db", "status", "--format", "json")
    assert status.returncode == 1, status.stdout + status.stderr
    (database,) = json.loads(status.stdout)["databases"]
    assert database["alias"] == "default"
    done = side_files.run("db", "reconcile", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert side_files.run("db", "status").returncode == 0
    assert "No migrations to apply" in side_files.manage("migrate")


def test_graph_names_the_conflict(merged: Site) -> None:
    done = merged.run("graph", "--conflicts")
    assert done.returncode == 0 and "_stock" in done.stdout and "_price" in done.stdout


def test_forecast_names_the_branch(side_files: Site) -> None:
    done = side_files.run("forecast", "feature", "--age", "9999", "--format", "json")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "feature" in done.stdout


def test_the_driver_merges_two_dependencies(side_files: Site) -> None:
    assert side_files.run("install", "--hooks", "none").returncode == 0
    side_files.git("checkout", "-q", "-B", "driver", "main")
    path = "extra/migrations/0001_initial.py"
    names = ("0001_a", "0001_b")
    base = [("shop", "0001_initial"), *(("extra", name) for name in names)]
    for name in ("0001_a", "0001_b", "0002_a", "0002_b"):
        side_files.write(f"extra/migrations/{name}.py", migration_text())
    side_files.write(path, migration_text(*base))
    side_files.commit("one")
    side_files.git("checkout", "-q", "-b", "other")
    side_files.write(path, migration_text(base[0], base[1], ("extra", "0002_b")))
    side_files.commit("other")
    side_files.git("checkout", "-q", "driver")
    side_files.write(path, migration_text(base[0], ("extra", "0002_a"), base[2]))
    side_files.commit("mine")
    side_files.git("merge", "-q", "--no-edit", "other")
    assert side_files.read(path).decode() == migration_text(
        base[0], ("extra", "0002_a"), ("extra", "0002_b")
    )


@pytest.mark.parametrize("command", ["merge", "rebase"])
def test_merge_and_rebase_hold_the_fix(side_files: Site, command: str) -> None:
    done = side_files.run(command, "main")
    assert done.returncode == 0, done.stdout + done.stderr
    assert side_files.run("check").returncode == 0
    assert side_files.git("status", "--porcelain") == ""
    only_leaf(side_files)


def test_a_planned_file_is_read_whatever_the_base_has(copy_of: Copy) -> None:
    """A new file that git does not track is parsed even where 150 others are known to be sound."""
    site = copy_of(build_200)
    site.write("shop/migrations/0021_broken.py", "class Migration(migrations.Migration):\n    (\n")
    done = site.run("check", "--format", "json")
    assert [c["kind"] for c in json.loads(done.stdout)["conflicts"]] == ["unparsable"]

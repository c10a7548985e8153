"""A carried chain, and main using one of its old names for a migration of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.project.conftest import Copy, Site
from tests.project.test_databases import shop_rows
from tests.project.test_plain_migrate import (
    CARRIED,
    STARTS,
    assert_all_arrive,
    build_unmerged,
    fill,
    schema,
    values,
    weigh,
)

RENUMBER = ("--strategy", "renumber", "--commit")


def build_reused(root: Path) -> None:
    """0003_auto of the branch is 0004_auto now, and 0003_auto is main's."""
    build_unmerged(root)
    site = Site(root)
    site.field("cost")
    site.make("auto")
    site.commit("cost")
    site.git("branch", "-f", "branch")
    site.git("merge", "-q", "--no-edit", "main")
    site.fix(*CARRIED)
    site.git("branch", "once")
    weigh(site, "auto")


@pytest.fixture
def reused(copy_of: Copy) -> Site:
    """See `build_reused`."""
    return copy_of(build_reused)


def test_check_finds_a_name_that_main_uses_again(reused: Site) -> None:
    (conflict,) = reused.check()["conflicts"]
    assert conflict["kind"] == "siblings"
    assert [side["migrations"] for side in conflict["branches"]] == [
        ["0003_auto"],
        ["0003_price", "0004_auto", "0005_catch_up_0002_stock_auto"],
    ]
    assert conflict["reasons"] == [
        "0004_auto replaces 0003_auto, and that is another migration now: Django would not run it"
    ]
    assert conflict["recommendation"] == "renumber"


def test_a_merge_migration_is_refused(reused: Site) -> None:
    done = reused.run("fix", "--yes", "--strategy", "merge")
    assert done.returncode == 1
    assert done.stdout == (
        "shop: refused MM419\n"
        "  - 0004_auto replaces 0003_auto, and that is another migration now: "
        "Django would not run it\n"
        "  next: migmerge fix shop --strategy renumber\n"
    )


def test_fix_gives_the_moved_one_another_name(reused: Site) -> None:
    (resolution,) = reused.fix(*RENUMBER[2:])["resolutions"]
    assert resolution["strategy"] == "renumber"
    assert resolution["carried"] is False
    assert resolution["mentions"] == []
    text = reused.read("shop/migrations/0005_auto.py")
    assert b"replaces = [('shop', '0004_auto')]" in text
    text = reused.read("shop/migrations/0004_price.py")
    assert b"replaces = [('shop', '0002_price')]" in text
    reused.manage("makemigrations", "--check")


@pytest.mark.corpus
def test_databases_that_did_not_run_the_reused_name(reused: Site) -> None:
    reused.fix(*RENUMBER)
    starts = {name: stages for name, stages in STARTS.items() if name != "the branch"}
    assert_all_arrive(reused, starts)


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("stages", "migrated"),
    [
        (("branch",), False),
        (("once",), False),
        (("main~1", "once"), False),
        (("branch", "once"), False),
        (("once",), True),  # `migrate` alone left main's migration out
    ],
)
def test_reconcile_of_databases_that_ran_it(
    reused: Site, stages: tuple[str, ...], migrated: bool
) -> None:
    reused.fix(*RENUMBER)
    reused.manage("migrate", "-v0")
    database = reused.root / "db.sqlite3"
    fresh = sorted(map(str, schema(database)))
    database.unlink()
    for stage in stages:
        reused.git("checkout", "-q", stage)
        reused.manage("migrate", "-v0")
        fill(database)
    before = values(database)
    reused.git("checkout", "-q", "feature")
    if migrated:
        reused.manage("migrate", "-v0")
    status = reused.run("db", "status").stdout
    verb = "removes the row shop.0003_auto\n" if migrated else "renames the row shop.0003_auto to "
    assert f"  reconcile {verb}" in status
    done = reused.run("db", "reconcile", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    reused.manage("migrate", "-v0")
    after = values(database)
    assert {column: after[column] for column in before} == before
    assert sorted(map(str, schema(database))) == fresh
    assert reused.run("db", "status", "--schema").returncode == 0
    names = shop_rows(reused)
    assert len(names) == len(set(names))
    assert {"0003_auto", "0005_auto"} <= set(names)


@pytest.mark.corpus
def test_a_reconcile_that_fails_puts_the_removed_row_back(reused: Site) -> None:
    reused.fix(*RENUMBER)
    reused.git("checkout", "-q", "once")
    reused.manage("migrate", "-v0")
    reused.git("checkout", "-q", "feature")
    reused.manage("migrate", "-v0")
    path = "shop/migrations/0003_auto.py"
    failing = "migrations.RunPython(lambda apps, editor: 1 / 0),\n    ]\n"
    text = reused.read(path).decode()
    reused.write(path, f"{text.rpartition('    ]')[0]}    {failing}")
    rows = shop_rows(reused)
    done = reused.run("db", "reconcile", "--yes")
    assert done.returncode == 1
    assert "division by zero; its rows are as before" in done.stdout
    assert sorted(shop_rows(reused)) == sorted(rows)


def test_a_branch_uses_a_name_that_a_published_chain_replaces(reused: Site) -> None:
    """The other way round: the chain is published, and the branch's own file gets a new name."""
    reused.git("branch", "-f", "main", "once")
    reused.publish()
    reused.git("checkout", "-q", "-b", "other", "main~1")
    shutil.rmtree(reused.root / "shop/migrations/__pycache__", ignore_errors=True)
    reused.git("reset", "-q", "--hard", "old")
    reused.field("size")
    reused.make("size")
    reused.field("depth")
    reused.make("auto")
    reused.commit("size and depth")
    reused.git("merge", "-q", "--no-edit", "main", fails=True)
    models = reused.read("shop/models.py").decode().splitlines(keepends=True)
    reused.write("shop/models.py", "".join(line for line in models if line[0] not in "<=>"))
    reused.git("add", "shop/models.py")
    reused.git("commit", "-q", "-m", "merged")
    (resolution,) = reused.fix(*RENUMBER)["resolutions"]
    assert list(resolution["renamed"].values()) == [
        "shop/migrations/0006_size.py",
        "shop/migrations/0007_auto.py",
    ]
    assert b"replaces" not in reused.read("shop/migrations/0007_auto.py")
    reused.manage("makemigrations", "--check")
    assert reused.check()["conflicts"] == []

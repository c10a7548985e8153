"""An unpublished merge migration makes room: the branch's migrations come behind the base's."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tests.conftest import thinned
from tests.project.conftest import Site

pytestmark = pytest.mark.once

MERGE = "shop/migrations/0003_merge_0002_price_0002_stock.py"


@pytest.fixture
def joined(site: Site) -> Site:
    """feature has price, main's stock, and a merge migration that its database has run."""
    site.manage("makemigrations", "--merge", "--noinput", "-v0")
    site.commit("merge migration")
    return site


def names(site: Site) -> list[str]:
    return sorted(path.stem for path in (site.root / "shop/migrations").glob("0*.py"))


def insert_row(site: Site) -> None:
    site.manage("migrate", "-v0")
    with closing(sqlite3.connect(site.root / "db.sqlite3")) as connection:
        connection.execute(
            "INSERT INTO shop_product (id, name, stock, price) VALUES (1, 'a', 5, 9)"
        )
        connection.commit()


def assert_row_is_there(site: Site) -> None:
    site.manage("migrate", "-v0")
    site.manage("makemigrations", "--check", "--dry-run", "-v0")
    with closing(sqlite3.connect(site.root / "db.sqlite3")) as connection:
        assert connection.execute("SELECT stock, price FROM shop_product").fetchall() == [(5, 9)]


@pytest.mark.parametrize(
    ("arguments", "carry"),
    thinned(
        [
            (("--linear",), "--carry"),
            (("shop", "--strategy", "renumber"), "--no-carry"),
            ((MERGE, "--linear"), "--carry"),
        ]
    ),
)
def test_merge_migration_goes_and_its_database_needs_nothing(
    joined: Site, arguments: tuple[str, ...], carry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIGMERGE_VERIFY_SECONDS", "120")
    insert_row(joined)
    document = joined.fix(*arguments, carry)
    (resolution,) = document["resolutions"]
    assert resolution["removed"] == [MERGE]
    assert document["verification"]["verified"], document
    expected = ["0001_initial", "0002_stock", "0003_price"]
    if carry == "--carry":
        expected.append("0004_catch_up_0002_stock_price")
    assert names(joined) == expected
    assert_row_is_there(joined)

    done = joined.run("db", "status")
    assert done.returncode == 0
    assert (
        "shop.0003_merge_0002_price_0002_stock is applied and has no file: it had no operations"
        in done.stdout
    )
    assert "verified" in joined.run("verify", "shop").stdout.splitlines()[-1]
    joined.run("undo", "--yes")
    assert (joined.root / MERGE).exists()
    assert_row_is_there(joined)


def test_what_came_behind_the_merge_migration_follows(
    joined: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also a migration of another app that depends on it."""
    monkeypatch.setenv("MIGMERGE_VERIFY_SECONDS", "120")
    joined.field("late", "IntegerField(null=True)")
    joined.make("late")
    joined.migration("cart", "0001_initial", "shop.0003_merge_0002_price_0002_stock")
    joined.commit("more")
    insert_row(joined)
    document = joined.fix("--linear", "--carry")
    assert document["verification"]["verified"], document
    assert names(joined)[2:4] == ["0003_price", "0004_late"]
    late = joined.read("shop/migrations/0004_late.py")
    assert b"('shop', '0003_price')" in late.replace(b'"', b"'")
    assert b"('shop', '0003_price')" in joined.read("cart/migrations/0001_initial.py")
    assert_row_is_there(joined)


def test_merge_migration_of_a_side_goes_as_that_side_is_renumbered(
    joined: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """main has gone on since the merge migration was made."""
    monkeypatch.setenv("MIGMERGE_VERIFY_SECONDS", "120")
    insert_row(joined)
    joined.git("checkout", "-q", "main")
    joined.field("weight", "IntegerField(null=True)")
    joined.make("weight")
    joined.commit("weight")
    joined.publish()
    joined.git("checkout", "-q", "feature")
    joined.git("merge", "-q", "--no-edit", "main")
    document = joined.fix("--strategy", "renumber", "--carry")
    (resolution,) = document["resolutions"]
    assert resolution["removed"] == [MERGE]
    assert document["verification"]["verified"], document
    assert names(joined)[:4] == ["0001_initial", "0002_stock", "0003_weight", "0004_price"]
    assert_row_is_there(joined)


def test_merge_migration_that_may_be_published_stays(joined: Site) -> None:
    """No base branch is known, and somebody says which side moves."""
    joined.git("checkout", "-q", "main")
    joined.field("weight", "IntegerField(null=True)")
    joined.make("weight")
    joined.commit("weight")
    joined.git("checkout", "-q", "feature")
    joined.git("merge", "-q", "--no-edit", "main")
    joined.forget_base()
    document = joined.fix("--move", "0002_price", "--skip-verification", "--no-databases")
    (resolution,) = document["resolutions"]
    assert (resolution["strategy"], resolution["removed"]) == ("renumber", [])


def test_name_of_a_removed_merge_migration_is_not_given_away(joined: Site) -> None:
    """A database has its row."""
    joined.git("mv", MERGE, "shop/migrations/0003_price.py")
    joined.commit("a name of one's own")
    (resolution,) = joined.fix("--linear", "--no-carry")["resolutions"]
    assert resolution["removed"] == ["shop/migrations/0003_price.py"]
    assert names(joined) == ["0001_initial", "0002_stock", "0004_price"]


@pytest.mark.parametrize("moved", ["price", "stock"])
def test_merge_migration_of_two_unpublished_sides_goes_where_one_is_named(
    joined: Site, moved: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was made behind the merge migration stays behind both."""
    monkeypatch.setenv("MIGMERGE_VERIFY_SECONDS", "120")
    joined.git("update-ref", "refs/remotes/origin/main", ":/base")
    joined.field("late", "IntegerField(null=True)")
    joined.make("late")
    joined.commit("late")
    insert_row(joined)
    assert joined.run("fix", "--linear", "--yes").stdout == "no conflicts\n"

    document = joined.fix("--linear", "--move", f"0002_{moved}", "--no-carry")
    (resolution,) = document["resolutions"]
    assert resolution["removed"] == [MERGE]
    assert document["verification"]["verified"], document
    (stays,) = {"price", "stock"} - {moved}
    expected = ["0001_initial", f"0002_{stays}", f"0003_{moved}", "0004_late"]
    assert names(joined) == expected
    assert_row_is_there(joined)


def test_merge_migration_is_not_removed_where_no_base_branch_is_known(joined: Site) -> None:
    joined.forget_base()
    done = joined.run("fix", "--linear", "--move", "0002_price", "--yes")
    assert (done.returncode, "--move 0002_price: no such migration in a conflict" in done.stderr) == (
        2, True,
    )  # fmt: skip


def test_published_merge_migration_stays(joined: Site) -> None:
    joined.git("update-ref", "refs/remotes/origin/main", "feature")
    done = joined.run("fix", "--linear", "--yes")
    assert (done.returncode, done.stdout) == (0, "no conflicts\n")
    assert done.stderr == (
        "note: --linear removes merge migrations that are not published, have no operations, and "
        "join a side with what is published, or with the side of --move NAME; there is none\n"
    )


def test_merge_migration_that_does_more_stays(joined: Site) -> None:
    text = joined.read(MERGE).decode()
    run = "operations = [migrations.RunPython(migrations.RunPython.noop)"
    joined.write(MERGE, text.replace("operations = [", run))
    joined.commit("it does something")
    assert joined.run("fix", "--linear", "--yes").stdout == "no conflicts\n"


def test_without_a_name_renumber_leaves_a_merge_migration(joined: Site) -> None:
    done = joined.run("fix", "--strategy", "renumber", "--yes")
    assert (done.returncode, done.stdout) == (0, "no conflicts\n")


def test_linear_is_for_one_strategy(joined: Site) -> None:
    done = joined.run("fix", "--linear", "--strategy", "merge", "--yes")
    assert done.returncode == 2
    assert "--linear goes with --strategy renumber, not merge" in done.stderr


def test_old_name_that_was_kept_for_a_while_is_no_squash(site: Site) -> None:
    """`replaces` was removed before this database had run migrate with it."""
    site.git("checkout", "-q", "-B", "alone", "HEAD^1")
    site.manage("migrate", "-v0")
    site.git("checkout", "-q", "feature")
    site.fix("--strategy", "renumber", "--carry", "--no-databases", "--skip-verification")
    site.commit("carried")
    done = site.run("transition", "--no-databases", "--yes")
    assert done.returncode == 0, done.stderr
    site.commit("old names removed")
    shown = site.run("db", "status").stdout
    assert "renamed   shop.0002_price is 0003_price now" in shown
    assert "stands for it" not in shown
    assert site.run("db", "reconcile", "--yes").returncode == 0
    site.manage("migrate", "--check")

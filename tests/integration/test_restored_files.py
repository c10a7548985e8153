"""Migrations that others depend on and that git has: `fix` restores them, and goes on."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.conftest import Repo, migration_text

pytestmark = pytest.mark.once

PRICE = "shop/migrations/0002_price.py"


def base(repo: Repo) -> None:
    repo.migration("shop", "0001_initial")
    repo.commit("base")


def stock(repo: Repo, name: str, *parents: str) -> str:
    """Migrations that do nothing would all be duplicates."""
    return repo.migration("shop", name, *parents, operations=(f"RunSQL('SELECT {len(name)}')",))


def revert_price(repo: Repo) -> None:
    """main has merged feature's 0002_price and reverted the merge; feature builds on it."""
    base(repo)
    repo.git("checkout", "-q", "-b", "feature")
    repo.migration("shop", "0002_price", "0001_initial")
    repo.commit("price")
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "--no-ff", "--no-edit", "feature")
    repo.git("revert", "-m", "1", "--no-edit", "HEAD")
    repo.git("checkout", "-q", "feature")
    stock(repo, "0003_stock", "0002_price")
    repo.commit("stock")


def add_other(repo: Repo) -> None:
    """main goes on after the revert."""
    repo.git("checkout", "-q", "main")
    stock(repo, "0002_other", "0001_initial")
    repo.commit("other")


def merge_main(repo: Repo) -> None:
    repo.publish()
    repo.git("checkout", "-q", "feature")
    repo.git("merge", "-q", "--no-edit", "main")


def cherry_pick(repo: Repo, *, count: int = 1) -> None:
    """main, checked out, has the last `count` migrations of feature's three."""
    base(repo)
    repo.git("checkout", "-q", "-b", "feature")
    for name, parent in (("0002_price", "0001_initial"), ("0003_stock_a", "0002_price"),
                         ("0004_stock_bc", "0003_stock_a")):  # fmt: skip
        stock(repo, name, parent)
        repo.commit(name)
    repo.git("checkout", "-q", "main")
    repo.git("cherry-pick", f"feature~{count}..feature")


@pytest.mark.parametrize("on", ["main", "feature"])
def test_what_was_reverted(repo: Repo, on: str) -> None:
    revert_price(repo)
    merge_main(repo)
    if on == "main":
        repo.git("checkout", "-q", "main")
        repo.git("merge", "-q", "--no-edit", "feature")
    before = repo.state()
    found = repo.check()["conflicts"]
    (missing,) = [conflict for conflict in found if conflict["kind"] == "missing-dependency"]
    assert "it was removed by " in missing["reasons"][-1]
    assert "(Revert " in missing["reasons"][-1]
    assert all(conflict["commands"] == ["migmerge fix shop"] for conflict in found)
    assert missing["recommendation"] == "restore"

    (resolution,) = repo.fix()["resolutions"]
    assert (resolution["strategy"], resolution["created"]) == ("restore", [PRICE])
    assert resolution["reasons"][0].startswith("0002_price is restored: it was removed by ")
    assert repo.read(PRICE).decode() == migration_text(("shop", "0001_initial"))
    assert repo.git("ls-files", "--", PRICE)
    assert repo.check()["conflicts"] == []
    repo.run("undo")
    assert repo.state() == before


def test_what_is_on_another_branch_with_all_that_it_builds_on(repo: Repo) -> None:
    cherry_pick(repo)
    (resolution,) = repo.fix()["resolutions"]
    assert resolution["created"] == [PRICE, "shop/migrations/0003_stock_a.py"]
    assert "which is not in this tree" in resolution["reasons"][0]
    assert repo.check()["conflicts"] == []


def test_the_side_that_gets_it_back_is_renumbered_as_a_whole(repo: Repo) -> None:
    revert_price(repo)
    add_other(repo)
    merge_main(repo)
    (resolution,) = repo.fix("--strategy", "renumber", "--no-carry")["resolutions"]
    assert resolution["renamed"] == {
        PRICE: "shop/migrations/0003_price.py",
        "shop/migrations/0003_stock.py": "shop/migrations/0004_stock.py",
    }
    assert not (repo.root / PRICE).exists()
    assert b"'0002_other'" in repo.read("shop/migrations/0003_price.py")
    assert b"'0003_price'" in repo.read("shop/migrations/0004_stock.py")
    assert repo.check()["conflicts"] == []


def test_the_diff_of_what_is_restored_can_be_applied(repo: Repo) -> None:
    revert_price(repo)
    add_other(repo)
    merge_main(repo)
    for options in ((), ("--strategy", "renumber", "--carry")):
        done = repo.run("fix", "--dry-run", *options)
        start = done.stdout.index("diff --git")
        patch = done.stdout[start : done.stdout.index("\nshop: planned") + 1]
        repo.write("../plan.diff", patch)
        repo.git("apply", "../plan.diff")
        assert repo.check()["conflicts"] == [], options
        repo.git("checkout", "-q", ".")
        repo.git("clean", "-qfd")


def test_it_gets_the_line_endings_of_the_repository(repo: Repo) -> None:
    repo.write(".gitattributes", "*.py text eol=crlf\n")
    revert_price(repo)
    merge_main(repo)
    repo.fix()
    assert repo.read(PRICE).count(b"\r\n") == repo.read(PRICE).count(b"\n") > 5
    assert b"\r" not in subprocess.check_output(["git", "show", f":{PRICE}"], cwd=repo.root)


def test_what_another_app_depends_on(repo: Repo) -> None:
    """Only the app that gets its file back has to be named."""
    revert_price(repo)
    repo.git("rm", "-q", "shop/migrations/0003_stock.py")
    repo.migration("cart", "0001_initial", "shop.0002_price")
    repo.commit("cart instead of stock")
    merge_main(repo)
    (found,) = repo.check()["conflicts"]
    assert (found["app"], found["commands"]) == ("cart", ["migmerge fix shop"])
    (refused,) = repo.fix("cart", code=1)["resolutions"]
    assert refused["next"] == ["migmerge fix shop"]
    (resolution,) = repo.fix("shop")["resolutions"]
    assert (resolution["app"], resolution["created"]) == ("shop", [PRICE])
    assert repo.check()["conflicts"] == []


def test_what_this_branch_removed_and_the_base_branch_has(repo: Repo) -> None:
    base(repo)
    repo.migration("shop", "0002_price", "0001_initial")
    repo.commit("price")
    repo.publish()
    repo.git("checkout", "-q", "-b", "feature")
    stock(repo, "0003_stock", "0002_price")
    repo.commit("stock")
    repo.git("rm", "-q", PRICE)
    repo.commit("gone")
    (resolution,) = repo.fix()["resolutions"]
    why = "0002_price is restored: it is on origin/main, and was removed on this branch"
    assert resolution["reasons"] == [why]
    assert repo.git("diff", "origin/main", "--", PRICE) == ""


def test_where_one_app_is_refused_nothing_of_it_is_restored_and_another_is_fixed(
    repo: Repo,
) -> None:
    revert_price(repo)
    repo.migration("cart", "0001_initial")
    repo.commit("cart")
    repo.git("checkout", "-q", "main")
    repo.migration("shop", "0002_other", "0001_initial", operations=("DeleteModel('Product')",))
    repo.migration("cart", "0001_initial")
    repo.commit("other")
    repo.publish()
    repo.git("checkout", "-q", "feature")
    rename = "RenameModel('Product', 'Item')"
    repo.migration("shop", "0004_item", "0003_stock", operations=(rename,))
    repo.migration("cart", "0002_mine", "0001_initial")
    repo.commit("item")
    repo.git("checkout", "-q", "main")
    repo.migration("cart", "0002_theirs", "0001_initial", operations=("RunSQL('SELECT 1')",))
    repo.commit("theirs")
    merge_main(repo)
    cart, shop = repo.fix(code=1)["resolutions"]
    assert (cart["status"], shop["status"], shop["id"]) == ("fixed", "refused", "MM401")
    assert not os.path.exists(repo.root / PRICE)


def other_branch(repo: Repo) -> None:
    """It has a newer migration of the same name, which nothing else knows."""
    repo.git("checkout", "-q", "-b", "other", "main~1")
    repo.migration("shop", "0002_price", "0001_initial", operations=("RunSQL('SELECT 99')",))
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "other", "--date", "2027-01-01T00:00:00Z")
    repo.git("checkout", "-q", "main")


def test_of_two_with_one_name_that_which_stands_beside_the_dependent_is_restored(
    repo: Repo,
) -> None:
    cherry_pick(repo)
    other_branch(repo)
    (resolution,) = repo.fix()["resolutions"]
    assert resolution["created"] == [PRICE, "shop/migrations/0003_stock_a.py"]
    assert repo.read(PRICE).decode() == repo.git("show", f"feature:{PRICE}")


def test_of_two_with_one_name_none_is_guessed(repo: Repo) -> None:
    """What depends on it was committed by itself."""
    cherry_pick(repo)
    other_branch(repo)
    repo.git("checkout", "-q", "-b", "picked", "main~1")
    stock(repo, "0005_alone", "0002_price")
    repo.commit("alone")
    commands = [conflict["commands"] for conflict in repo.check()["conflicts"]]
    assert commands[0][0].startswith("git log --all")


@pytest.mark.parametrize("commit", [("--commit",), ()], ids=["by fix", "by hand"])
def test_undo_after_a_commit(repo: Repo, commit: tuple[str, ...]) -> None:
    revert_price(repo)
    merge_main(repo)
    before = repo.state()
    repo.fix(*commit)
    if not commit:
        repo.commit("fixed")
    assert repo.run("undo", "--yes").returncode == 0
    assert repo.state() == before


def test_what_git_waits_for_names_only_files_that_are_there(repo: Repo) -> None:
    revert_price(repo)
    add_other(repo)
    merge_main(repo)
    assert repo.fix("--strategy", "renumber")["note"] == "staged; look, then git commit"


def test_a_refusal_is_to_be_looked_at_with_the_files(repo: Repo) -> None:
    """The commands for a contradiction need all files of both sides."""
    revert_price(repo)
    rename = "RenameModel('Product', 'Item')"
    repo.migration("shop", "0004_item", "0003_stock", operations=(rename,))
    repo.commit("item")
    repo.git("checkout", "-q", "main")
    repo.migration("shop", "0002_other", "0001_initial", operations=("DeleteModel('Product')",))
    repo.commit("other")
    merge_main(repo)
    (refused,) = repo.fix(code=1)["resolutions"]
    restore, again = refused["next"]
    assert (refused["id"], again) == ("MM401", "migmerge fix shop")
    subprocess.run(["sh", "-ec", restore], cwd=repo.root, check=True)
    (refused,) = repo.fix(code=1)["resolutions"]
    assert (refused["id"], PRICE in refused["next"][0]) == ("MM401", True)


@pytest.mark.parametrize("remove", [("rm", "-q"), ("rm", "-q", "--cached"), ()])
def test_what_is_removed_since_the_last_commit_is_restored_by_hand(
    repo: Repo, remove: tuple[str, ...]
) -> None:
    base(repo)
    repo.migration("shop", "0002_price", "0001_initial")
    stock(repo, "0003_stock", "0002_price")
    repo.commit("stock")
    if remove:
        repo.git(*remove, PRICE)
    (repo.root / PRICE).unlink(missing_ok=True)
    ((restore, check),) = (conflict["commands"] for conflict in repo.check()["conflicts"])
    assert (restore, check) == (f"git checkout HEAD -- {PRICE}", "migmerge check")
    (refused,) = repo.fix(code=1)["resolutions"]
    assert refused["next"] == [restore, check]
    subprocess.run(["sh", "-ec", restore], cwd=repo.root, check=True)
    assert repo.check()["conflicts"] == []


def test_a_link_is_not_restored(repo: Repo) -> None:
    base(repo)
    repo.write("shop/price.py", migration_text(("shop", "0001_initial")))
    (repo.root / PRICE).symlink_to("../price.py")
    stock(repo, "0003_stock", "0002_price")
    repo.commit("a link")
    repo.git("rm", "-q", PRICE)
    repo.commit("gone")
    commands = [conflict["commands"] for conflict in repo.check()["conflicts"]]
    assert commands[0][0].startswith("git log --all")


def test_a_file_in_the_way_stays(repo: Repo) -> None:
    """git ignores it, so that it is no migration of this tree."""
    repo.write(".gitignore", "0002_*\n")
    base(repo)
    repo.git("checkout", "-q", "-b", "feature")
    repo.migration("shop", "0002_price", "0001_initial")
    repo.git("add", "-f", PRICE)
    stock(repo, "0003_stock", "0002_price")
    repo.commit("price, and stock")
    repo.git("rm", "-q", PRICE)
    repo.commit("gone")
    repo.write(PRICE, "# mine\n")
    before = repo.state()
    done = repo.run("fix", "--yes", "--skip-verification")
    assert "MM317" in done.stderr
    assert repo.state() == before

"""A migration that others depend on and that is gone: git knows what became of it."""

from __future__ import annotations

import subprocess

import pytest

from tests.conftest import PRICE, PRODUCT, Repo, migration_text

pytestmark = pytest.mark.once


def paste(repo: Repo, command: str) -> None:
    subprocess.run(["sh", "-ec", command], cwd=repo.root, check=True)


def commands(repo: Repo) -> list[list[str]]:
    return [conflict["commands"] for conflict in repo.check()["conflicts"]]


def base(repo: Repo) -> None:
    repo.migration("shop", "0001_initial")
    repo.commit("base")


def branch_off(repo: Repo) -> None:
    """feature builds on 0002_price; main, which has it too, is checked out."""
    base(repo)
    repo.migration("shop", "0002_price", "0001_initial")
    repo.commit("price")
    repo.git("checkout", "-q", "-b", "feature")
    repo.migration("shop", "0003_mine", "0002_price", operations=("RunSQL('SELECT 1')",))
    repo.commit("mine")
    repo.git("checkout", "-q", "main")


def started_again(repo: Repo, name: str, *, commits: int = 1) -> None:
    """main removes all migrations of the app, and has one new one."""
    repo.git("rm", "-q", "shop/migrations/0001_initial.py", "shop/migrations/0002_price.py")
    if commits == 2:
        repo.commit("nothing is left")
    repo.migration("shop", name, operations=("RunSQL('SELECT 3')",))
    repo.commit("again")


def merge_main(repo: Repo) -> None:
    repo.publish()
    repo.git("checkout", "-q", "feature")
    repo.git("merge", "-q", "--no-edit", "main")


def parent_of_mine(repo: Repo) -> bytes:
    return repo.read("shop/migrations/0003_mine.py")


NEW_STARTS = {
    "another name": ("0001_begin", 1),
    "the same name": ("0001_initial", 1),
    "in two commits": ("0001_begin", 2),
}


@pytest.mark.parametrize(("name", "commits"), NEW_STARTS.values(), ids=NEW_STARTS)
def test_a_history_that_was_started_again_is_built_upon(
    repo: Repo, name: str, commits: int
) -> None:
    branch_off(repo)
    started_again(repo, name, commits=commits)
    merge_main(repo)
    (found,) = repo.check()["conflicts"]
    assert (found["kind"], found["commands"]) == ("missing-dependency", ["migmerge fix shop"])
    assert found["reasons"][-1] == f"shop.0002_price is {name} now"
    (resolution,) = repo.fix()["resolutions"]
    assert resolution["edited"] == ["shop/migrations/0003_mine.py"]
    assert f"('shop', '{name}')".encode() in parent_of_mine(repo)
    assert repo.check()["conflicts"] == []


def test_what_came_in_since_the_new_start_is_the_other_side(repo: Repo) -> None:
    branch_off(repo)
    started_again(repo, "0001_begin")
    repo.migration("shop", "0002_more", "0001_begin")
    repo.commit("more")
    merge_main(repo)
    assert [c["kind"] for c in repo.check()["conflicts"]] == ["missing-dependency"]
    (resolution,) = repo.fix()["resolutions"]
    assert resolution["strategy"] == "merge"
    assert resolution["edited"] == ["shop/migrations/0003_mine.py"]
    assert b"('shop', '0001_begin')" in parent_of_mine(repo)


SQUASH = "replaces = [('shop', '0001_initial'), ('shop', '0002_price')]\n\n    dependencies"


@pytest.mark.parametrize("commits", [1, 2])
def test_a_squash_whose_originals_are_removed_stands_for_them(repo: Repo, commits: int) -> None:
    """`replaces` goes with the originals, or after them."""
    branch_off(repo)
    path = repo.migration("shop", "0001_squashed_0002_price")
    text = repo.read(path).decode()
    repo.write(path, text.replace("dependencies", SQUASH, 1))
    repo.commit("squash")
    repo.git("rm", "-q", "shop/migrations/0001_initial.py", "shop/migrations/0002_price.py")
    if commits == 2:
        repo.commit("originals go")
    repo.write(path, text)
    repo.migration("shop", "0003_late", "0001_squashed_0002_price")
    repo.commit("squash is done")
    merge_main(repo)
    (found,) = repo.check()["conflicts"]
    assert found["reasons"][-1] == "shop.0002_price is 0001_squashed_0002_price now"
    (resolution,) = repo.fix()["resolutions"]
    assert "shop/migrations/0003_mine.py" in resolution["edited"]
    assert b"0001_squashed_0002_price" in parent_of_mine(repo)


def test_a_reverted_migration_is_restored_though_the_root_is_edited_later(repo: Repo) -> None:
    branch_off(repo)
    repo.git("rm", "-q", "shop/migrations/0002_price.py")
    repo.commit("price is reverted")
    repo.migration("shop", "0001_initial", operations=("RunSQL('SELECT 4')",))
    repo.commit("another change")
    merge_main(repo)
    assert commands(repo) == [["migmerge fix shop"]]
    (resolution,) = repo.fix()["resolutions"]
    assert resolution["created"] == ["shop/migrations/0002_price.py"]
    assert repo.check()["conflicts"] == []


def test_two_sides_beside_a_chain_whose_parent_is_missing(repo: Repo) -> None:
    """The chain is reported once, and is no third side."""
    branch_off(repo)
    repo.git("rm", "-q", "shop/migrations/0002_price.py")
    for name in ("0002_a", "0002_b"):
        repo.migration("shop", name, "0001_initial")
    repo.commit("reverted, and two others")
    merge_main(repo)
    kinds = {conflict["kind"]: conflict for conflict in repo.check()["conflicts"]}
    assert sorted(kinds) == ["missing-dependency", "siblings"]
    siblings = kinds["siblings"]
    assert siblings["common_ancestor"] == "0001_initial"
    assert [side["migrations"] for side in siblings["branches"]] == [["0002_a"], ["0002_b"]]


def test_a_duplicate_takes_its_missing_parent_with_it(repo: Repo) -> None:
    """Dropping it ends the conflict, so what it lacks blocks nothing."""
    price = "AddField('product', 'price', models.IntegerField(null=True))"
    base(repo)
    repo.migration("shop", "0002_seed", "0001_initial")
    repo.commit("seed")
    repo.git("checkout", "-q", "-b", "feature")
    repo.migration("shop", "0003_price", "0002_seed", operations=(price,))
    repo.commit("price")
    repo.git("checkout", "-q", "main")
    repo.git("rm", "-q", "shop/migrations/0002_seed.py")
    repo.migration("shop", "0002_price", "0001_initial", operations=(price,))
    repo.commit("seed is gone, price")
    repo.publish()
    repo.git("checkout", "-q", "feature")
    repo.git("merge", "-q", "--no-edit", "main")
    assert commands(repo) == [["migmerge fix shop"], ["migmerge fix shop"]]
    (resolution,) = repo.fix()["resolutions"]
    assert resolution["removed"] == ["shop/migrations/0003_price.py"]
    assert repo.check()["conflicts"] == []


def test_only_a_file_of_the_directory_is_looked_for(repo: Repo) -> None:
    """The name is text of a file that somebody else wrote."""
    repo.write("settings.py", "SECRET = 1\n")
    base(repo)
    repo.git("rm", "-q", "settings.py")
    repo.commit("gone")
    for name in ("../../settings", "0001_*"):
        text = migration_text(("shop", name), operations=("RunSQL('SELECT 2')",))
        repo.write("shop/migrations/0002_price.py", text)
        (command, *_), *_ = commands(repo)
        assert command.startswith("git log --all"), name


def test_a_new_history_that_hangs_on_a_missing_migration_itself_stands_for_nothing(
    repo: Repo,
) -> None:
    branch_off(repo)
    repo.migration("shop", "0002_more", "0001_begin")
    started_again(repo, "0001_begin")
    repo.git("rm", "-q", "shop/migrations/0001_begin.py")
    repo.commit("begin is reverted")
    merge_main(repo)
    reasons = [conflict["reasons"][-1] for conflict in repo.check()["conflicts"]]
    assert not [reason for reason in reasons if " is 0002_more now" in reason]


def test_a_published_migration_whose_parent_is_not_on_the_base_branch_is_not_edited(
    repo: Repo,
) -> None:
    branch_off(repo)
    repo.git("merge", "-q", "--no-edit", "feature")
    started_again(repo, "0001_begin")
    merge_main(repo)
    before = repo.state()
    (refused,) = repo.fix(code=1)["resolutions"]
    assert (refused["id"], refused["next"], repo.state()) == ("MM402", ["migmerge check"], before)
    assert commands(repo) == [["git log --all --oneline --name-status -- '*/0002_price.py'"]]


@pytest.mark.parametrize("removed_on", ["main", "feature"])
def test_a_migration_that_one_side_removed_and_the_other_changed(
    repo: Repo, removed_on: str
) -> None:
    path = "shop/migrations/0002_price.py"
    other = {"main": "feature", "feature": "main"}[removed_on]
    base(repo)
    repo.migration("shop", "0002_price", "0001_initial")
    repo.commit("price")
    repo.git("branch", "feature")
    repo.git("checkout", "-q", removed_on)
    repo.git("rm", "-q", path)
    repo.commit("removed")
    repo.git("checkout", "-q", other)
    repo.migration("shop", "0002_price", "0001_initial", operations=("RunSQL('SELECT 6')",))
    repo.commit("changed")
    repo.publish("main")
    repo.git("checkout", "-q", "feature")
    repo.git("merge", "-q", "main", fails=True)
    before = repo.state()
    (found,) = [c for c in repo.check()["conflicts"] if c["kind"] == "unmerged"]
    keep = {"main": "rm", "feature": "add"}[removed_on]
    assert (found["id"], found["path"], found["commands"]) == (
        "MM110", path, [f"git {keep} -- {path}"],
    )  # fmt: skip
    (refused,) = repo.fix(code=1)["resolutions"]
    assert (refused["id"], repo.state()) == ("MM405", before)
    paste(repo, found["commands"][0])
    assert "unmerged" not in [c["kind"] for c in repo.check()["conflicts"]]


def test_a_history_that_was_started_again_twice_is_followed(repo: Repo) -> None:
    branch_off(repo)
    started_again(repo, "0001_begin")
    repo.git("rm", "-q", "shop/migrations/0001_begin.py")
    repo.migration("shop", "0001_second", operations=("RunSQL('SELECT 5')",))
    repo.commit("and again")
    merge_main(repo)
    (found,) = repo.check()["conflicts"]
    assert found["reasons"][-1] == "shop.0002_price is 0001_second now"


def test_a_chain_that_hangs_on_a_missing_migration_stands_for_nothing(repo: Repo) -> None:
    """feature builds on two migrations of its own that main, which has started again, removed."""
    branch_off(repo)
    repo.migration("shop", "0003_more", "0002_price")
    repo.commit("more")
    repo.git("checkout", "-q", "feature")
    repo.git("merge", "-q", "--no-edit", "main")
    repo.migration("shop", "0004_late", "0003_more")
    repo.commit("late")
    repo.git("checkout", "-q", "main")
    repo.git("rm", "-q", "shop/migrations/0003_more.py")
    started_again(repo, "0001_begin")
    merge_main(repo)
    reasons = [conflict["reasons"][-1] for conflict in repo.check()["conflicts"]]
    assert reasons == ["shop.0002_price is 0001_begin now", "shop.0003_more is 0001_begin now"]


def test_a_migration_that_the_new_history_holds_already_is_refused(repo: Repo) -> None:
    """Whoever started again had merged it, or its model."""
    base(repo)
    repo.migration("shop", "0002_price", "0001_initial", operations=(PRODUCT,))
    repo.commit("price")
    repo.git("checkout", "-q", "-b", "feature")
    repo.migration("shop", "0003_mine", "0002_price", operations=(PRICE,))
    repo.commit("mine")
    repo.git("checkout", "-q", "main")
    repo.git("rm", "-q", "shop/migrations/0001_initial.py", "shop/migrations/0002_price.py")
    everything = (PRODUCT.replace("])", ", ('price', models.IntegerField())])"),)
    repo.migration("shop", "0001_begin", operations=everything)
    repo.commit("again")
    merge_main(repo)
    before = repo.state()
    (refused,) = repo.fix(code=1)["resolutions"]
    assert (refused["id"], repo.state()) == ("MM412", before)
    assert refused["reasons"][1:] == [
        "0003_mine creates shop.product.price, which 0001_begin has created"
    ]

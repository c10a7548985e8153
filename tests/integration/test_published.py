"""What counts as published beside the base branch, and is never renamed."""

from __future__ import annotations

import pytest

from tests.conftest import Repo

pytestmark = pytest.mark.once

RENUMBER = ("--strategy", "renumber")


def sides(repo: Repo, *arguments: str) -> dict[str, tuple[object, str]]:
    """Of each side whether it is published, and on which other ref, by its last migration."""
    (conflict,) = repo.check(*arguments)["conflicts"]
    return {
        side["migrations"][-1]: (side["published"], side["published_on"])
        for side in conflict["branches"]
    }


REFS = {
    "a production branch": (("update-ref", "refs/remotes/origin/production"), "origin/production"),
    "upstream's main": (("update-ref", "refs/remotes/upstream/main"), "upstream/main"),
    "what a remote's HEAD names": (("update-ref", "refs/remotes/deploy/HEAD"), "deploy/HEAD"),
    "a tag": (("tag", "v1.2"), "v1.2"),
    "a remote with a slash": (("update-ref", "refs/remotes/team/fork/main"), "team/fork/main"),
    "an annotated tag": (("tag", "-m", "release", "v1.2"), "v1.2"),
}


@pytest.mark.parametrize(("make", "name"), REFS.values(), ids=REFS)
def test_hotfix_of_another_published_ref_is_never_renamed(
    siblings: Repo, make: tuple[str, ...], name: str
) -> None:
    siblings.git(*make, "feature~1")
    assert sides(siblings) == {"0002_stock": (True, ""), "0002_price": (True, name)}
    assert f"0002_price  published on {name} " in siblings.run("check").stdout

    (refused,) = siblings.fix(*RENUMBER, code=1)["resolutions"]
    assert refused["status"] == "refused"
    assert refused["next"] == ["migmerge fix shop --strategy merge"]
    (merged,) = siblings.fix()["resolutions"]
    assert (merged["strategy"], merged["renamed"]) == ("merge", {})


def test_tag_with_a_line_separator_in_its_name(siblings: Repo) -> None:
    siblings.git("tag", "v\x85x", "feature~1")
    assert sides(siblings)["0002_price"] == (True, "v\x85x")


def test_tag_whose_object_is_missing_hides_no_other_one(siblings: Repo) -> None:
    siblings.git("tag", "v1.2", "feature~1")
    (siblings.root / ".git/refs/tags/broken").write_text(f"{'12' * 20}\n")
    assert sides(siblings)["0002_price"] == (True, "v1.2")


def test_feature_branch_of_a_remote_is_not_published(siblings: Repo) -> None:
    siblings.git("update-ref", "refs/remotes/origin/feature", "feature")
    siblings.git("tag", "v1.0", "feature~2")
    assert sides(siblings) == {"0002_stock": (True, ""), "0002_price": (False, "")}


CONFIGURED = {
    "a branch of a remote": ("origin/release/*", True),
    "a tag": ("deployed", True),
    "a local branch": ("feature", True),
    "another depth": ("origin/*", False),
    "none": ("", False),
}


@pytest.mark.parametrize(("pattern", "expected"), CONFIGURED.values(), ids=CONFIGURED)
def test_configured_refs_take_the_place_of_the_default_ones(
    siblings: Repo, pattern: str, expected: bool
) -> None:
    siblings.git("tag", "v1.2", "feature~1")
    siblings.git("tag", "deployed", "feature~1")
    siblings.git("update-ref", "refs/remotes/origin/release/1", "feature~1")
    siblings.write("setup.cfg", f"[migmerge]\npublished = {pattern}\n")
    assert sides(siblings)["0002_price"][0] is expected


def test_chain_that_is_published_in_part_is_not_renamed(siblings: Repo) -> None:
    siblings.git("tag", "v1.2", "feature~1")
    siblings.migration("shop", "0003_name", "0002_price")
    assert sides(siblings)["0003_name"] == (None, "v1.2")
    (refused,) = siblings.fix(*RENUMBER, code=1)["resolutions"]
    assert refused["reasons"] == ["every side is published, so none can move"]
    (refused,) = siblings.fix("--strategy", "regenerate", code=1)["resolutions"]
    assert (refused["id"], refused["next"]) == ("MM402", ["migmerge fix shop --strategy merge"])


def test_of_one_file_name_on_both_sides_the_base_branch_keeps_it(branches: Repo) -> None:
    branches.git("mv", "shop/migrations/0002_price.py", "shop/migrations/0002_stock.py")
    branches.commit("same name")
    branches.git("tag", "v1.2")
    branches.git("merge", "-q", "main", fails=True)
    (conflict,) = [c for c in branches.check()["conflicts"] if c["kind"] == "path"]
    assert [side["published"] for side in conflict["branches"]] == [False, True]
    (fixed,) = branches.fix()["resolutions"]
    assert fixed["strategy"] == "renumber"

"""`check --against`: the migrations of a merge that nobody has made."""

from __future__ import annotations

from pathlib import Path

import pytest

from migmerge.analysis.snapshot import Tree, understand
from migmerge.analysis.workspace import Workspace
from migmerge.config import Config
from migmerge.conflicts.detect import find_conflicts
from migmerge.git.merged import merge_records, merge_records_of_old_git
from migmerge.git.repository import find_repository
from migmerge.git.trees import listing_of
from tests.conftest import PRICE, Repo

pytestmark = pytest.mark.once

TEXT = """\
shop/migrations: MM101 siblings in shop: 2 leaf nodes after 0001_initial

  0001_initial
  ├─ 0002_price  on feature                    Ada Lovelace, 2026-01-02
  └─ 0002_stock  on main                       Ada Lovelace, 2026-01-02

  The sides commute: either order gives the same schema and data.
  next: git merge main
        migmerge fix shop
"""


def test_against_names_the_sides_and_touches_nothing(branches: Repo) -> None:
    before = branches.state(), branches.git("for-each-ref")
    done = branches.run("check", "--against", "main")
    assert (done.returncode, done.stdout) == (1, TEXT)
    assert done.stderr == "merged with main: 3 migrations in 1 app: 1 conflict\n"
    assert (branches.state(), branches.git("for-each-ref")) == before
    assert branches.check()["conflicts"] == []  # nothing yet


def test_against_the_same_as_after_the_merge(branches: Repo) -> None:
    (before,) = branches.check("--against", "main")["conflicts"]
    branches.git("merge", "-q", "--no-edit", "main")
    (after,) = branches.check()["conflicts"]
    assert [b.pop("refs") for b in before["branches"]] == [["feature"], ["main"]]
    assert [b.pop("refs") for b in after["branches"]] == [[], []]
    assert (before.pop("against"), after.pop("against")) == ("main", "")
    assert before.pop("commands") == ["git merge main", *after.pop("commands")]
    assert before == after


def test_against_several_refs(branches: Repo) -> None:
    branches.git("branch", "old", "main~1")
    document = branches.check("--against", "main", "--against", "old", "--against", "feature")
    assert document["source"] == "merge"
    assert document["against"] == ["main", "old", "feature"]
    assert [c["against"] for c in document["conflicts"]] == ["main"]
    done = branches.run("check", "--against", "old", "--against", "feature")
    assert sorted(done.stderr.splitlines()) == [
        "merged with feature: 2 migrations in 1 app: no conflicts",
        "merged with old: 2 migrations in 1 app: no conflicts",
    ]
    again = branches.run("check", "--against", "feature", "--against", "old")
    assert sorted(again.stderr.splitlines()) == sorted(done.stderr.splitlines())


def test_against_a_file_that_both_added(branches: Repo) -> None:
    branches.git("checkout", "-q", "-b", "other", "main~1")
    branches.migration(
        "shop", "0002_price", "0001_initial", operations=(PRICE.replace("price", "cost"),)
    )
    branches.commit()
    (conflict,) = branches.check("--against", "feature")["conflicts"]
    assert (conflict["kind"], conflict["path"]) == ("path", "shop/migrations/0002_price.py")
    assert [b["refs"] for b in conflict["branches"]] == [["other"], ["feature"]]


def test_against_a_migration_that_both_changed(branches: Repo) -> None:
    """git's markers would be in it: the finding is the same as after the merge stops."""
    for branch, parent in (("one", "auth.0001_initial"), ("two", "sites.0001_initial")):
        branches.git("checkout", "-q", "-b", branch, "main")
        branches.migration("shop", "0002_stock", "0001_initial", parent)
        branches.commit()
    before = branches.check("--against", "one")["conflicts"]
    assert [c["kind"] for c in before] == ["unparsable"]
    branches.git("merge", "-q", "one", fails=True)
    after = branches.check()["conflicts"]
    assert [(c["kind"], c["path"], c["line"]) for c in after] == [
        (c["kind"], c["path"], c["line"]) for c in before
    ]


def test_against_what_the_other_side_took_away(branches: Repo) -> None:
    branches.git("checkout", "-q", "-b", "renamed", "feature")
    branches.git("mv", "shop/migrations/0002_price.py", "shop/migrations/0002_prices.py")
    branches.commit()
    branches.git("checkout", "-q", "feature")
    branches.migration("shop", "0003_tax", "0002_price")
    branches.commit()
    found = branches.check("--against", "renamed")["conflicts"]
    missing = next(c for c in found if c["kind"] == "missing-dependency")
    assert "shop.0002_price is 0002_prices now" in missing["reasons"]


VARIABLES = {
    "GitHub pull request": {"GITHUB_BASE_REF": "main"},
    "GitHub merge queue": {"GITHUB_EVENT_NAME": "merge_group", "GITHUB_REF_NAME": "gh-readonly-queue/main/pr-7-0a1b"},
    "GitLab": {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"},
    "Bitbucket": {"BITBUCKET_PR_DESTINATION_BRANCH": "main"},
    "Jenkins": {"CHANGE_TARGET": "main"},
    "none: the base branch": {},
}  # fmt: skip


@pytest.mark.parametrize("variables", VARIABLES.values(), ids=VARIABLES)
def test_against_ci_s_target_with_a_detached_head(
    branches: Repo, variables: dict[str, str]
) -> None:
    branches.git("checkout", "-q", "--detach", "feature")
    done = branches.run("check", "--against", env=variables)
    assert done.returncode == 1
    assert "0002_price  on HEAD " in done.stdout and "0002_stock  on origin/main " in done.stdout
    assert "merged with origin/main: " in done.stderr


def test_against_a_target_that_is_not_there(branches: Repo) -> None:
    done = branches.run("check", "--against", env={"GITHUB_BASE_REF": "release/1 $x"})
    assert (done.returncode, done.stderr) == (
        2,
        "migmerge: MM306 the target branch release/1 $x is not in this clone\n"
        "hint: git fetch origin +refs/heads/'release/1 $x':refs/remotes/origin/'release/1 $x' "
        "(GitHub: actions/checkout with fetch-depth: 0)\n",
    )
    branches.forget_base()
    done = branches.run("check", "--against")
    assert (done.returncode, done.stderr) == (
        2,
        "migmerge: MM306 there is no base branch to merge with\nhint: migmerge check --against REF\n",
    )


def test_against_a_shallow_clone(branches: Repo, tmp_path: Path) -> None:
    clone = Repo(tmp_path / "clone")
    branches.git(
        "clone", "-q", "--depth=1", "--no-single-branch", branches.root.as_uri(), str(clone.root)
    )
    done = clone.run("check", "--against", "origin/main")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "migmerge: MM307 this clone is too shallow to merge: the common history was cut off\n"
        "hint: git fetch --unshallow (GitHub: actions/checkout with fetch-depth: 0; "
        "GitLab: GIT_DEPTH: 0; Bitbucket: clone: depth: full)\n"
    )
    clone.git("fetch", "-q", "--unshallow")
    assert clone.run("check", "--against", "origin/main").returncode == 1


def test_against_nothing_in_common(branches: Repo) -> None:
    branches.git("checkout", "-q", "--orphan", "other")
    branches.commit()
    done = branches.run("check", "--against", "main")
    assert (done.returncode, done.stderr) == (
        2, "migmerge: MM308 the two have no history in common\nhint: name a branch of this repository\n"
    )  # fmt: skip
    done = branches.run("check", "--against", "--output=x")
    assert done.returncode == 2
    done = branches.run("check", "--against=--output=x")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no such commit or branch: '--output=x'" in done.stderr


def test_against_calls_no_driver(branches: Repo, tmp_path: Path) -> None:
    branches.git("config", "merge.migmerge.driver", f"touch {tmp_path}/called; false")
    branches.write(".git/info/attributes", "*.py merge=migmerge\n")
    branches.git("checkout", "-q", "-b", "other", "main~1")
    branches.migration("shop", "0002_price", "0001_initial")
    branches.commit()
    assert branches.run("check", "--against", "feature").returncode == 1
    assert not (tmp_path / "called").exists()


def test_against_in_a_bare_repository(branches: Repo, tmp_path: Path) -> None:
    branches.git("clone", "-q", "--bare", str(branches.root), str(tmp_path / "bare.git"))
    bare = Repo(tmp_path / "bare.git")
    done = bare.run("check", "--against", "main")
    assert done.returncode == 1 and "0002_price  on feature " in done.stdout
    assert not (bare.root / "migmerge").exists()


@pytest.mark.parametrize("other", ["main", "feature", "twice", "base", "edited"])
def test_merge_records_of_old_git_lists_the_same(branches: Repo, other: str) -> None:
    branches.git("branch", "base", "main~1")
    branches.git("checkout", "-q", "-b", "twice", "base")
    branches.migration("shop", "0002_price", "0001_initial")
    branches.git("rm", "-q", "shop/migrations/__init__.py")
    branches.commit()
    branches.git("checkout", "-q", "-b", "edited", "feature")
    branches.migration("shop", "0002_price", "0001_initial")
    branches.commit()
    branches.git("checkout", "-q", "feature")
    repository = find_repository(str(branches.root))
    sides = [branches.git("rev-parse", name).strip() for name in ("feature", other)]
    new, old = (
        listing_of(way(repository, *sides)) for way in (merge_records, merge_records_of_old_git)
    )
    assert new.files.keys() == old.files.keys()
    assert new.unmerged == old.unmerged
    for path, file in new.files.items():
        assert (file.oid == old.files[path].oid) or path in new.unmerged  # labels differ


def test_check_of_an_old_git_s_merge_finds_the_same(branches: Repo) -> None:
    for branch, parent in (("one", "auth.0001_initial"), ("two", "sites.0001_initial")):
        branches.git("checkout", "-q", "-b", branch, "main")
        branches.migration("shop", "0002_stock", "0001_initial", parent)
        branches.commit()
    repository = find_repository(str(branches.root))
    sides = [branches.git("rev-parse", name).strip() for name in ("two", "one")]
    for way in (merge_records, merge_records_of_old_git):
        tree = Tree("merge", listing_of(way(repository, *sides)))
        snapshot = understand(Workspace(repository, Config()), tree)
        assert [c.kind for c in find_conflicts(snapshot.graph, snapshot.apps).conflicts] == [
            "unparsable"
        ]

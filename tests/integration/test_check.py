"""What `check` finds and prints, each situation made by real git."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import (
    PRICE,
    PRODUCT,
    STOCK,
    Repo,
    migration_text,
    parser_is_older_than_python_314,
)
from tests.integration.test_fix import collision

pytestmark = pytest.mark.lowest

TEXT = """\
shop/migrations: MM101 siblings in shop: 2 leaf nodes after 0001_initial

  0001_initial
  ├─ 0002_price  not on origin/main            Ada Lovelace, 2026-01-02
  └─ 0002_stock  published on origin/main      Ada Lovelace, 2026-01-02

  The sides commute: either order gives the same schema and data.
  next: migmerge fix shop
"""


def kinds(document: dict) -> list[str]:
    return [conflict["kind"] for conflict in document["conflicts"]]


def test_check_siblings_text(siblings: Repo) -> None:
    done = siblings.run("check")
    assert (done.returncode, done.stdout) == (1, TEXT)
    assert done.stderr == "3 migrations in 1 app: 1 conflict\n"


def test_check_siblings_json(siblings: Repo) -> None:
    document = siblings.check()
    (conflict,) = document.pop("conflicts")
    assert document == {
        "version": 1,
        "source": "worktree",
        "against": [],
        "base": "origin/main",
        "migrations": 3,
        "apps": 1,
        "notices": [],
        "errors": [],
    }
    assert conflict == {
        "id": "MM101",
        "app": "shop",
        "directory": "shop/migrations",
        "kind": "siblings",
        "common_ancestor": "0001_initial",
        "path": None,
        "line": None,
        "branches": [
            {
                "side": "replayed",
                "published": False,
                "published_on": "",
                "applied": None,
                "refs": [],
                "migrations": ["0002_price"],
                "paths": ["shop/migrations/0002_price.py"],
            },
            {
                "side": "onto",
                "published": True,
                "published_on": "",
                "applied": None,
                "refs": [],
                "migrations": ["0002_stock"],
                "paths": ["shop/migrations/0002_stock.py"],
            },
        ],
        "verdict": "commute",
        "reasons": [],
        "recommendation": "merge",
        "commands": ["migmerge fix shop"],
        "against": "",
    }


def test_check_nothing_found(repo: Repo) -> None:
    repo.migration("shop", "0001_initial")
    repo.commit()
    done = repo.run("check")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "1 migration in 1 app: no conflicts\n"


def test_check_worktree_counts_untracked_but_not_ignored_files(repo: Repo) -> None:
    repo.write(".gitignore", "0003*")
    repo.migration("shop", "0001_initial")
    repo.migration("shop", "0002_a", "0001_initial")
    repo.migration("shop", "0003_ignored", "0001_initial")
    assert repo.check()["migrations"] == 2


def test_check_staged_reads_the_index_only(repo: Repo) -> None:
    repo.migration("shop", "0001_initial")
    repo.migration("shop", "0002_a", "0001_initial")
    repo.commit()
    path = repo.migration("shop", "0002_b", "0001_initial")
    assert kinds(repo.check("--staged")) == []
    assert kinds(repo.check()) == ["siblings"]
    repo.git("add", path)
    (repo.root / path).unlink()
    assert kinds(repo.check("--staged")) == ["siblings"]
    assert kinds(repo.check()) == []


def test_check_staged_obeys_git_index_file(repo: Repo) -> None:
    repo.migration("shop", "0001_initial")
    repo.commit()
    other = {"GIT_INDEX_FILE": str(repo.root / ".git" / "other")}
    done = repo.run("check", "--staged", env=other)
    assert done.stderr == "0 migrations in 0 apps: no conflicts\n"


def test_check_rev(siblings: Repo) -> None:
    assert kinds(siblings.check("--rev", "HEAD^")) == []
    assert kinds(siblings.check("--rev", "HEAD")) == ["siblings"]


def test_check_path_filters(siblings: Repo) -> None:
    siblings.migration("cart", "0001_initial")
    siblings.migration("cart", "0002_a", "0001_initial")
    siblings.migration("cart", "0002_b", "0001_initial")
    assert [c["app"] for c in siblings.check()["conflicts"]] == ["cart", "shop"]
    for path in ("shop", "shop/migrations", "shop/migrations/0002_price.py"):
        assert [c["app"] for c in siblings.check(path)["conflicts"]] == ["shop"]
    assert siblings.run("check", ".", cwd=siblings.root / "cart").stdout.count("siblings") == 1


def test_check_three_leaves(siblings: Repo) -> None:
    siblings.migration("shop", "0002_third", "0001_initial")
    (conflict,) = siblings.check()["conflicts"]
    leaves = [branch["migrations"][-1] for branch in conflict["branches"]]
    assert leaves == ["0002_price", "0002_stock", "0002_third"]


def test_check_same_number_without_shared_parent(siblings: Repo) -> None:
    siblings.migration("shop", "0003_a", "0002_price")
    siblings.migration("shop", "0003_b", "0002_stock")
    (conflict,) = siblings.check()["conflicts"]
    assert conflict["common_ancestor"] == "0001_initial"
    assert [b["migrations"] for b in conflict["branches"]] == [
        ["0002_price", "0003_a"],
        ["0002_stock", "0003_b"],
    ]


def test_check_merge_migration_is_no_finding(siblings: Repo) -> None:
    siblings.migration("shop", "0003_merge", "0002_price", "0002_stock")
    done = siblings.run("check")
    assert (done.returncode, done.stdout) == (0, "")
    note = "note: shop/migrations/0002_price.py: MM103 0002_price and 0002_stock have the same number\n"
    assert done.stderr == note + "4 migrations in 1 app: no conflicts\n"


@pytest.mark.parametrize(("setting", "expected"), [("error", ["number"]), ("off", [])])
def test_check_numbers_setting(siblings: Repo, setting: str, expected: list[str]) -> None:
    siblings.migration("shop", "0003_merge", "0002_price", "0002_stock")
    siblings.write("pyproject.toml", f'[tool.migmerge]\nnumbers = "{setting}"\n')
    document = siblings.check()
    assert (kinds(document), document["notices"]) == (expected, [])


def test_check_same_number_in_one_line_known_to_the_base_is_silent(repo: Repo) -> None:
    repo.migration("shop", "0001_initial")
    repo.migration("shop", "0002_a", "0001_initial")
    repo.migration("shop", "0002_b", "0002_a")
    repo.commit()
    repo.publish()
    assert repo.run("check").stderr == "3 migrations in 1 app: no conflicts\n"


def test_check_squash_beside_its_originals_is_no_finding(repo: Repo) -> None:
    repo.migration("shop", "0001_initial")
    repo.migration("shop", "0002_a", "0001_initial")
    squash = migration_text().replace(
        "dependencies",
        "replaces = [('shop', '0001_initial'), ('shop', '0002_a')]\n    dependencies",
    )
    repo.write("shop/migrations/0001_squashed_0002.py", squash)
    repo.migration("shop", "0003_b", "0002_a")
    assert kinds(repo.check()) == []


@pytest.mark.parametrize(
    ("old_parent", "operation", "found"),
    [
        ("0002_stock", "price", False),  # it stands where a squash of that one would
        ("0001_initial", "size", False),  # it does the same
        ("0001_initial", "price", True),
    ],
)
def test_check_of_what_replaces_one_that_is_there(
    repo: Repo, old_parent: str, operation: str, found: bool
) -> None:
    repo.write("shop/migrations/__init__.py", "")
    repo.migration("shop", "0001_initial", operations=(PRODUCT,))
    repo.migration("shop", "0002_stock", "0001_initial", operations=(STOCK,))
    old = STOCK.replace("stock", operation)
    repo.migration("shop", "0003_auto", old_parent, operations=(old,))
    new = STOCK.replace("stock", "size")
    path = repo.migration("shop", "0004_auto", "0002_stock", operations=(new,))
    replaces = '    replaces = [("shop", "0003_auto")]\n    operations'
    repo.write(path, repo.read(path).decode().replace("    operations", replaces))
    reasons = [reason for c in repo.check()["conflicts"] for reason in c["reasons"]]
    assert any("that is another migration now" in reason for reason in reasons) is found


def test_check_squash_that_hides_a_sibling(repo: Repo) -> None:
    """On the side of a database that has 0001 only, 0002_a and 0002_b are both leaf nodes."""
    repo.migration("shop", "0001_initial")
    repo.migration("shop", "0002_a", "0001_initial")
    repo.migration("shop", "0002_b", "0001_initial")
    squash = migration_text().replace(
        "dependencies",
        "replaces = [('shop', '0001_initial'), ('shop', '0002_a')]\n    dependencies",
    )
    repo.write("shop/migrations/0001_squashed.py", squash)
    (conflict,) = repo.check()["conflicts"]
    assert conflict["kind"] == "siblings"
    assert conflict["reasons"] == [
        "a database that has a part of what 0001_squashed replaces sees the leaf nodes "
        "0002_a and 0002_b"
    ]
    assert conflict["commands"] == [
        "git rm -- shop/migrations/0001_squashed.py",
        "migmerge fix shop",
        "python manage.py squashmigrations shop FIRST LAST",
    ]
    (resolution,) = repo.fix(code=1)["resolutions"]
    assert (resolution["status"], resolution["next"]) == ("refused", conflict["commands"])
    repo.commit()
    repo.publish()  # then it is only told
    done = repo.run("check")
    assert done.returncode == 0
    assert done.stderr.startswith(
        "note: shop/migrations/0001_squashed.py: MM204 a database that has a part of what "
    )


def test_check_missing_dependency(repo: Repo) -> None:
    repo.migration("shop", "0001_initial")
    repo.migration("cart", "0001_initial", "shop.0009_gone", "auth.0001_initial")
    done = repo.run("check")
    assert done.stdout == (
        "cart/migrations/0001_initial.py:7: MM104 missing-dependency in cart: "
        "cart.0001_initial depends on shop.0009_gone, which is not there\n"
        "  next: git log --all --oneline --name-status -- '*/0009_gone.py'\n"
    )


def test_check_cycle(repo: Repo) -> None:
    repo.migration("shop", "0001_initial", "cart.0001_initial")
    repo.migration("cart", "0001_initial", "shop.0001_initial")
    (conflict,) = repo.check()["conflicts"]
    assert conflict["kind"] == "cycle"
    assert conflict["reasons"] == [
        "these depend on each other: cart.0001_initial, shop.0001_initial"
    ]


def test_check_cycle_of_a_squash_and_what_it_replaces(repo: Repo) -> None:
    repo.migration("shop", "0001_initial")
    repo.migration("shop", "0002_price", "shop.0001_squashed_0002_price")
    squash = migration_text().replace(
        "dependencies",
        "replaces = [('shop', '0001_initial'), ('shop', '0002_price')]\n    dependencies",
    )
    repo.write("shop/migrations/0001_squashed_0002_price.py", squash)
    (conflict,) = repo.check()["conflicts"]
    assert conflict["kind"] == "cycle"
    assert conflict["reasons"] == [
        "shop.0001_squashed_0002_price replaces shop.0001_initial, shop.0002_price, "
        "and one of them depends on it, or it on them"
    ]


def test_check_run_before_is_an_edge(repo: Repo) -> None:
    repo.migration("shop", "0001_initial")
    repo.migration("cart", "0001_initial", "shop.0001_initial")
    text = migration_text().replace(
        "dependencies", "run_before = [('shop', '0001_initial')]\n    dependencies"
    )
    repo.write(
        "cart/migrations/0001_initial.py", text.replace("[\n    ]", "[('shop', '0001_initial')]", 1)
    )
    assert kinds(repo.check()) == ["cycle"]


def test_check_unparsable(repo: Repo) -> None:
    repo.migration("shop", "0001_initial")
    repo.write(
        "shop/migrations/0002_broken.py", migration_text(("shop", "0001_initial")) + "x = (\n"
    )
    done = repo.run("check")
    assert done.returncode == 1
    assert done.stdout.startswith("shop/migrations/0002_broken.py:12: MM106 unparsable in shop: ")
    assert "next: $EDITOR shop/migrations/0002_broken.py" in done.stdout


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="this parses here")
@pytest.mark.skipif(parser_is_older_than_python_314(), reason="LibCST does not parse this yet")
def test_check_newer_syntax_is_no_finding_but_told(repo: Repo) -> None:
    repo.migration("shop", "0001_initial")
    text = migration_text(("shop", "0001_initial"))
    repo.write("shop/migrations/0002_new.py", text + "try:\n    pass\nexcept A, B:\n    pass\n")
    done = repo.run("check")
    assert done.returncode == 0
    assert done.stderr.startswith(
        "note: shop/migrations/0002_new.py:14: MM202 newer syntax than the Python that runs migmerge"
    )


def test_check_path_collision_from_index_stages(repo: Repo) -> None:
    repo.migration("shop", "0001_initial", operations=(PRODUCT,))
    repo.commit()
    repo.git("checkout", "-q", "-b", "feature")
    repo.migration("shop", "0002_product", "0001_initial", operations=(PRICE,))
    repo.migration("shop", "0003_more", "0002_product")
    repo.commit()
    repo.git("checkout", "-q", "main")
    repo.migration("shop", "0002_product", "0001_initial", operations=(STOCK,))
    repo.commit()
    repo.publish()
    repo.git("merge", "-q", "feature", fails=True)
    for arguments in ([], ["--staged"]):
        (conflict,) = repo.check(*arguments)["conflicts"]
        assert conflict["kind"] == "path"
        assert conflict["path"] == "shop/migrations/0002_product.py"
        assert conflict["common_ancestor"] == "0001_initial"
        assert [(b["side"], b["migrations"]) for b in conflict["branches"]] == [
            ("onto", ["0002_product"]),
            ("replayed", ["0002_product", "0003_more"]),
        ]
        assert conflict["recommendation"] == "renumber"


@pytest.mark.parametrize(
    ("path", "content", "reason"),
    [
        ("shop/migrations/max_migration.txt", "0001_initial\n", "says 0001_initial, but the leaf node is 0002_a"),
        ("migrations_lockfile.txt", "Prose.\n\nshop: 0001_initial\n", "says 0001_initial, but the leaf node is 0002_a"),
        ("shop/migrations/max_migration.txt", "<<<<<<< a\n0002_a\n=======\nx\n>>>>>>> b\n", "git's conflict markers; the leaf node is 0002_a"),
    ],
    ids=["max_migration", "lockfile", "markers"],
)  # fmt: skip
def test_check_lock_file(repo: Repo, path: str, content: str, reason: str) -> None:
    repo.migration("shop", "0001_initial")
    repo.migration("shop", "0002_a", "0001_initial")
    repo.write(path, content)
    (conflict,) = repo.check()["conflicts"]
    assert (conflict["kind"], conflict["reasons"]) == ("lock-file", [reason])


def test_check_lock_file_that_is_right(repo: Repo) -> None:
    repo.migration("shop", "0001_initial")
    repo.write("shop/migrations/max_migration.txt", "0001_initial\n")
    repo.write("migrations_lockfile.txt", "shop: 0001_initial\n")
    assert kinds(repo.check()) == []


def test_check_computed_dependencies_are_told_and_not_guessed(repo: Repo) -> None:
    repo.migration("shop", "0001_initial")
    repo.write("shop/migrations/0002_a.py", migration_text().replace("[\n    ]", "compute()", 1))
    done = repo.run("check")
    assert done.returncode == 0
    assert done.stderr.startswith(
        "note: shop/migrations/0002_a.py:6: MM201 dependencies are computed here, so whether "
        "0001_initial and 0002_a are one line can't be determined\n"
    )


def test_check_labels(repo: Repo) -> None:
    """A label in apps.py, one read off the files, a custom place, five digits, no number."""
    repo.write("site/store/apps.py", "class C(AppConfig):\n    label = 'shop'\n")
    repo.write("site/store/migrations/00001_initial.py", migration_text())
    repo.write("db/history/cart/0001_initial.py", migration_text())
    repo.write("db/history/cart/0002_a.py", migration_text(("basket", "0001_initial")))
    repo.write("plain/migrations/first.py", migration_text(("shop", "00001_initial")))
    repo.write("plain/migrations/second.py", migration_text(("plain", "first")))
    document = repo.check()
    assert (document["apps"], document["conflicts"]) == (3, [])
    repo.write("db/history/cart/0002_b.py", migration_text(("basket", "0001_initial")))
    assert [c["app"] for c in repo.check()["conflicts"]] == ["basket"]


def test_check_two_projects_in_one_repository(repo: Repo) -> None:
    for project in ("one", "two"):
        repo.write(f"{project}/users/migrations/0001_initial.py", migration_text())
        repo.write(
            f"{project}/cart/migrations/0001_initial.py", migration_text(("users", "0001_initial"))
        )
    document = repo.check()
    assert (document["apps"], document["conflicts"]) == (4, [])
    repo.write("two/users/migrations/0002_a.py", migration_text(("users", "0001_initial")))
    repo.write("two/users/migrations/0002_b.py", migration_text(("users", "0001_initial")))
    (conflict,) = repo.check()["conflicts"]
    assert (conflict["app"], conflict["directory"]) == ("users", "two/users/migrations")


def test_check_ambiguous_label(repo: Repo) -> None:
    repo.write("a/users/migrations/0001_initial.py", migration_text())
    repo.write("b/users/migrations/0001_initial.py", migration_text())
    repo.write("cart/migrations/0001_initial.py", migration_text(("users", "0001_initial")))
    done = repo.run("check")
    assert (done.returncode, done.stderr) == (
        0,
        "note: cart/migrations: MM312 the app label 'users', which is named here, may mean "
        "a/users/migrations or b/users/migrations (app_labels gives one of them another)\n"
        "3 migrations in 3 apps: no conflicts\n",
    )
    repo.migration("cart", "0002_a", "0001_initial")
    repo.migration("cart", "0002_b", "0001_initial")
    repo.commit()
    assert kinds(repo.check()) == ["siblings"]
    done = repo.run("fix", "--yes")
    assert done.returncode == 2
    assert done.stderr == (
        "migmerge: MM312 the app label 'users', which cart/migrations depends on, is ambiguous: "
        "a/users/migrations, b/users/migrations\n"
        "hint: give one of them another label in [tool.migmerge] app_labels, "
        "or leave one out with exclude\n"
    )
    (repo.root / "cart/migrations/0002_b.py").unlink()
    repo.write("pyproject.toml", '[tool.migmerge.app_labels]\n"b/users" = "other"\n')
    assert repo.run("check").returncode == 0


BAD = {
    "unknown ref": (["check", "--rev", "nope"], "migmerge: MM305 no such commit or branch: 'nope'\n"),
    "ref like an option": (["check", "--rev=--all"], "migmerge: MM305 no such commit or branch: '--all'\n"),
    "unknown base": (["check", "--base", "nope"], "migmerge: MM305 no such commit or branch: 'nope'\n"),
    "path outside": (["check", "/"], "migmerge: MM301 / is outside the repository "),
    "no such directory": (["-C", "nowhere", "check"], "migmerge: MM301 no such directory: nowhere\n"),
    "no such configuration": (["--config", "x.toml", "check"], "migmerge: MM310 no such configuration file: x.toml\n"),
    "unknown app": (["fix", "nope"], "migmerge: MM311 no app 'nope' with migrations here\n"),
    "unknown migration": (["fix", "--move", "nope"], "migmerge: MM313 --move nope: no such migration in a conflict\n"),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), BAD.values(), ids=BAD)
def test_bad_input(siblings: Repo, arguments: list[str], message: str) -> None:
    done = siblings.run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(message)
    assert len(done.stderr.splitlines()) <= 2


def test_not_a_repository(tmp_path: Path) -> None:
    done = Repo(tmp_path).run("check")
    assert done.returncode == 2
    assert done.stderr == (
        f"migmerge: MM301 not a git repository: {tmp_path}\n"
        "hint: cd to your project, or: migmerge -C DIR …\n"
    )


def test_bare_repository(siblings: Repo, tmp_path: Path) -> None:
    siblings.git("clone", "-q", "--bare", ".", str(tmp_path / "bare"))
    bare = Repo(tmp_path / "bare")
    done = bare.run("check")
    assert done.returncode == 2
    assert done.stderr == (
        f"migmerge: MM303 {tmp_path / 'bare'} is a bare repository\n"
        "hint: name a commit: migmerge check --rev REF\n"
    )
    assert kinds(bare.check("--rev", "feature")) == ["siblings"]
    assert "Ada Lovelace, 2026-01-02" in bare.run("check", "--rev", "feature").stdout
    assert bare.run("fix").returncode == 2


def test_shallow_clone(siblings: Repo, tmp_path: Path) -> None:
    url = siblings.root.as_uri()
    siblings.git(
        "clone", "-q", "--depth", "1", "--branch", "feature", url, str(tmp_path / "shallow")
    )
    shallow = Repo(tmp_path / "shallow")
    done = shallow.run("check")
    assert done.returncode == 1
    assert "Ada Lovelace" not in done.stdout  # the boundary commit added nothing itself
    done = shallow.run("check", "--base", "origin/main")
    assert done.returncode == 2
    assert done.stderr.endswith(
        "hint: this is a shallow clone: git fetch --unshallow (in CI, fetch-depth: 0)\n"
    )


def test_detached_head_and_no_base_branch(siblings: Repo) -> None:
    siblings.forget_base()
    siblings.git("checkout", "-q", "--detach")
    done = siblings.run("check")
    assert done.returncode == 1
    assert "no base branch to compare" in done.stdout
    document = siblings.check()
    assert document["base"] is None
    assert {b["published"] for b in document["conflicts"][0]["branches"]} == {None}


def published(repo: Repo) -> dict[str, object]:
    """By the last migration of each side."""
    (conflict,) = repo.check()["conflicts"]
    return {side["migrations"][-1]: side["published"] for side in conflict["branches"]}


LOCAL = {
    "main merged into a branch": ("feature", "main", "main"),
    "a branch merged into main": ("main", "feature", "main"),
    "master": ("feature", "main", "master"),
}


@pytest.mark.parametrize(("on", "merged", "name"), LOCAL.values(), ids=LOCAL)
def test_local_main_is_the_base_where_there_is_no_remote(
    branches: Repo, on: str, merged: str, name: str
) -> None:
    branches.git("update-ref", "-d", "refs/remotes/origin/main")
    branches.git("checkout", "-q", on)
    branches.git("merge", "-q", "--no-edit", merged)
    branches.git("branch", "-m", "main", name)
    assert branches.check()["base"] == name
    assert published(branches) == {"0002_stock": True, "0002_price": False}
    assert branches.fix("--strategy", "renumber")["resolutions"][0]["status"] == "fixed"


def test_local_main_is_the_base_in_a_stopped_merge(branches: Repo) -> None:
    branches.git("update-ref", "-d", "refs/remotes/origin/main")
    branches.git("checkout", "-q", "main")
    branches.git("merge", "-q", "--no-commit", "feature")
    assert published(branches) == {"0002_stock": True, "0002_price": False}


def test_local_main_is_no_base_beside_a_remote_or_without_a_merge(branches: Repo) -> None:
    branches.git("update-ref", "-d", "refs/remotes/origin/main")
    branches.git("update-ref", "refs/remotes/other/trunk", "feature")
    branches.git("merge", "-q", "--no-edit", "main")
    assert branches.check()["base"] is None
    branches.git("update-ref", "-d", "refs/remotes/other/trunk")
    branches.git("checkout", "-q", "--orphan", "fresh")
    branches.commit("all at once")
    branches.git("branch", "-M", "main")
    assert branches.check()["base"] is None


def test_what_is_published_is_so_in_a_directory_that_was_moved(siblings: Repo) -> None:
    siblings.git("checkout", "-q", "main")
    siblings.write("cart/migrations/__init__.py", "")
    siblings.migration("cart", "0001_initial")
    siblings.commit("another app")
    siblings.publish()
    siblings.git("checkout", "-q", "feature")
    siblings.git("merge", "-q", "--no-edit", "main")
    siblings.git("mv", "shop", "store")
    siblings.git("mv", "cart", "basket")  # whose __init__.py is empty, too
    siblings.commit("moved")
    assert published(siblings) == {"0002_price": False, "0002_stock": True}
    for path in (siblings.root / "store/migrations").glob("0001*"):
        path.write_bytes(path.read_bytes() + b"# edited\n")
    siblings.commit("one file of it edited")
    assert published(siblings) == {"0002_price": False, "0002_stock": True}


def test_a_copy_of_what_is_published_is_not(siblings: Repo) -> None:
    shutil.copytree(siblings.root / "shop", siblings.root / "store")
    siblings.commit("copied")
    conflicts = siblings.check("store")["conflicts"]
    assert {b["published"] for c in conflicts for b in c["branches"]} == {False}


def test_two_remotes_origin_decides(siblings: Repo) -> None:
    siblings.git("update-ref", "refs/remotes/fork/main", "feature")
    siblings.git("symbolic-ref", "refs/remotes/fork/HEAD", "refs/remotes/fork/main")
    assert siblings.check()["base"] == "origin/main"


@pytest.mark.parametrize("name", ["GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"])
def test_base_from_ci(siblings: Repo, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    siblings.git("update-ref", "refs/remotes/origin/release", "main")
    monkeypatch.setenv(name, "release")
    assert siblings.check()["base"] == "origin/release"


def test_unborn_branch(repo: Repo) -> None:
    repo.migration("shop", "0001_initial")
    repo.migration("shop", "0002_a", "0001_initial")
    repo.migration("shop", "0002_b", "0001_initial")
    done = repo.run("check")
    assert done.returncode == 1
    assert "not committed yet" in done.stdout


def test_symlink_out_of_the_repository(repo: Repo, tmp_path: Path) -> None:
    secret = tmp_path / "0002_secret.py"
    secret.write_text(migration_text(("shop", "0001_initial")))
    repo.migration("shop", "0001_initial")
    os.symlink(secret, repo.root / "shop/migrations/0002_secret.py")
    done = repo.run("check")
    assert done.returncode == 1
    assert done.stdout.startswith(
        "shop/migrations/0002_secret.py: MM106 unparsable in shop: "
        "a symbolic link that leads out of the repository\n"
    )
    repo.commit()
    for arguments in (["--staged"], ["--rev", "HEAD"]):
        assert kinds(repo.check(*arguments)) == ["unparsable"]


def test_symlink_inside_the_repository_is_followed(repo: Repo) -> None:
    repo.migration("shop", "0001_initial")
    repo.write("shared/0002_a.txt", migration_text(("shop", "0001_initial")))
    os.symlink("../../shared/0002_a.txt", repo.root / "shop/migrations/0002_a.py")
    repo.migration("shop", "0002_b", "0001_initial")
    repo.commit()
    for arguments in ([], ["--staged"], ["--rev", "HEAD"]):
        assert kinds(repo.check(*arguments)) == ["siblings"]


def test_directory_replaced_by_a_symlink_is_not_read_through(repo: Repo, tmp_path: Path) -> None:
    repo.migration("shop", "0001_initial")
    repo.commit()
    (tmp_path / "away").mkdir()
    (repo.root / "shop/migrations").rename(tmp_path / "away/migrations")
    os.symlink(tmp_path / "away/migrations", repo.root / "shop/migrations")
    assert repo.check()["migrations"] == 0


def test_directory_with_the_name_of_a_migration(repo: Repo) -> None:
    repo.migration("shop", "0001_initial")
    repo.write("shop/migrations/0003_x.py/notes.txt", "")
    repo.commit()
    assert repo.check()["migrations"] == 1


def test_odd_names(repo: Repo) -> None:
    names = ["0001_a b", "0002_it's", '0003_"q"', "0004_é", "0005_new\nline", "0006_\x1b[31mred"]
    parents: list[tuple[str, str]] = []
    for name in names:
        repo.write(f"my shop/migrations/{name}.py", migration_text(*parents))
        parents = [("my shop", name)]
    repo.commit("odd names")
    assert repo.check()["conflicts"] == []
    repo.write("my shop/migrations/0006_b.py", migration_text(("my shop", "0005_new\nline")))
    done = repo.run("check")
    assert "0005_new\\nline" in done.stdout
    assert "\x1b" not in done.stdout
    assert repo.check()["conflicts"][0]["common_ancestor"] == "0005_new\nline"


def test_name_that_is_not_utf8(repo: Repo) -> None:
    name = os.fsdecode(b"0002_\xff")
    repo.migration("shop", "0001_initial")
    repo.write(f"shop/migrations/{name}.py", migration_text(("shop", "0001_initial")))
    repo.migration("shop", "0002_b", "0001_initial")
    repo.commit()
    done = repo.run("check")
    assert done.returncode == 1
    assert "0002_\\udcff" in done.stdout


def test_sparse_checkout_counts_what_is_left_out(siblings: Repo) -> None:
    siblings.write("web/readme.txt", "")
    siblings.commit()
    siblings.git("sparse-checkout", "set", "web")
    assert not (siblings.root / "shop").exists()
    assert kinds(siblings.check()) == ["siblings"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("pyproject.toml", "[tool.migmerge]\nbas = 1\n", "unknown key 'bas' for migmerge"),
        ("pyproject.toml", "[tool.migmerge]\nbase = 1\n", "base must be a string"),
        ("pyproject.toml", "[tool.migmerge]\nexclude = 'x'\n", "exclude must be a list of strings"),
        ("pyproject.toml", "[tool.migmerge\n", "is not valid TOML"),
        (
            "pyproject.toml",
            '[tool.migmerge]\nmanage = "python \'x"\n',
            "manage can't be split into words: No closing quotation",
        ),
        (
            "setup.cfg",
            "[migmerge]\nprefer = x\n",
            "prefer must be one of auto, merge, renumber, not 'x'",
        ),
    ],
)
def test_bad_configuration(repo: Repo, name: str, content: str, message: str) -> None:
    repo.write(name, content)
    done = repo.run("check")
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) <= 2


def test_configuration_exclude_and_modules(repo: Repo) -> None:
    repo.write("changes/first.py", migration_text())
    repo.write("changes/a.py", migration_text(("shop", "first")))
    repo.write("changes/b.py", migration_text(("shop", "first")))
    assert repo.check()["apps"] == 0
    repo.write("setup.cfg", "[migmerge]\nmigration_modules = shop = changes\n")
    assert [c["app"] for c in repo.check()["conflicts"]] == ["shop"]
    repo.write("setup.cfg", "[migmerge]\nmigration_modules = shop = changes\nexclude = */b.py\n")
    assert repo.check()["conflicts"] == []


def test_check_never_executes_a_migration(repo: Repo) -> None:
    repo.write("shop/migrations/0001_evil.py", migration_text() + "open('ran', 'w')\n")
    repo.write("shop/migrations/__init__.py", "open('ran', 'w')\n")
    repo.commit()
    assert repo.run("check").returncode == 0
    assert not (repo.root / "ran").exists()


def test_hooks_are_switched_off_by_the_environment(siblings: Repo) -> None:
    assert siblings.run("check", "--staged", env={"MIGMERGE": "0"}).returncode == 0
    assert siblings.run("check", env={"MIGMERGE": "0"}).returncode == 1


def test_exit_zero_tells_but_never_fails(siblings: Repo, tmp_path: Path) -> None:
    done = siblings.run("check", "--exit-zero")
    assert (done.returncode, done.stdout) == (0, TEXT)
    assert Repo(tmp_path).run("check", "--exit-zero").returncode == 0


def test_check_repeats_the_base_that_was_asked_for(siblings: Repo) -> None:
    done = siblings.run("check", "--base", "main")
    assert done.stdout.endswith("  next: migmerge fix shop --base main\n")


def test_check_names_the_directory_where_a_label_is_not_unique(repo: Repo) -> None:
    for name in ("0001_initial", "0002_a", "0002_b"):
        parents = [("users", "0001_initial")] if name != "0001_initial" else []
        repo.write(f"one/users/migrations/{name}.py", migration_text(*parents))
    repo.write("two/users/migrations/0001_initial.py", migration_text())
    (conflict,) = repo.check()["conflicts"]
    assert conflict["commands"] == ["migmerge fix one/users/migrations"]
    done = repo.run("fix", "users", "--yes")
    assert (done.returncode, done.stderr) == (
        2,
        "migmerge: MM312 the app label 'users' is ambiguous: one/users/migrations, two/users/migrations\n"
        "hint: name the directory\n",
    )
    assert "the app label 'users/' is ambiguous" in repo.run("fix", "users/", "--yes").stderr
    assert repo.fix("one/users/migrations")["resolutions"][0]["status"] == "fixed"


def test_check_in_a_linked_worktree(siblings: Repo, tmp_path: Path) -> None:
    siblings.git("checkout", "-q", "main")
    siblings.git("worktree", "add", "-q", str(tmp_path / "linked"), "feature")
    assert Repo(tmp_path / "linked").run("check").stdout == TEXT


def test_check_without_standard_output(siblings: Repo) -> None:
    done = subprocess.run(
        ["sh", "-c", '"$0" -m migmerge check >&-', sys.executable],
        cwd=siblings.root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "3 migrations in 1 app: 1 conflict\n")


def test_check_missing_parent_comes_before_siblings(siblings: Repo) -> None:
    siblings.migration("shop", "0003_more", "0002_gone")
    found = siblings.check()["conflicts"]
    assert [c["kind"] for c in found] == ["siblings", "missing-dependency"]
    assert found[0]["commands"] == found[1]["commands"]
    assert found[0]["recommendation"] == "manual"


def test_check_compares_what_other_apps_do_with_a_side(branches: Repo) -> None:
    """feature renames the model that cart, which builds on main's migration, points at."""
    branches.migration(
        "shop", "0003_ren", "0002_price", operations=("RenameModel('Product', 'Item')",)
    )
    branches.commit()
    branches.git("checkout", "-q", "main")
    key = "AddField('line', 'p', models.ForeignKey('shop.Product', models.CASCADE))"
    branches.migration("cart", "0001_initial", "shop.0002_stock", operations=(key,))
    branches.commit()
    branches.publish()
    branches.git("merge", "-q", "--no-edit", "feature")
    (conflict,) = branches.check()["conflicts"]
    assert conflict["verdict"] == "contradict"
    assert (
        "0003_ren renames shop.product, which cart.0001_initial uses (AddField)"
        in (conflict["reasons"])
    )


def test_check_code_that_reads_what_the_other_side_takes_from_another_app(branches: Repo) -> None:
    branches.git("checkout", "-q", "main")
    branches.migration("cart", "0001_initial", operations=("CreateModel('Item', fields=[])",))
    branches.commit()
    branches.git("checkout", "-q", "feature")
    branches.git("merge", "-q", "main~1", "--no-edit")
    branches.git("cherry-pick", "main")
    path = branches.migration(
        "shop", "0003_copy", "0002_price", "cart.0001_initial", operations=("RunPython(copy)",)
    )
    code = "def copy(apps, e):\n    apps.get_model('cart', 'Item').objects.update(n=1)\n\n\n"
    branches.write(path, branches.read(path).decode().replace("class Mig", code + "class Mig"))
    branches.commit()
    branches.git("checkout", "-q", "main")
    branches.migration("cart", "0002_n", "0001_initial", operations=("RemoveField('item', 'n')",))
    branches.migration("shop", "0003_b", "0002_stock", "cart.0002_n")
    branches.commit()
    branches.publish()
    branches.git("checkout", "-q", "feature")
    branches.git("merge", "-q", "--no-edit", "main")
    conflict, across = branches.check()["conflicts"]
    assert across["reasons"] == [
        "cart.0002_n removes cart.item.n, which the code of shop.0003_copy names"
    ]
    assert conflict["verdict"] == "overlap"
    assert conflict["reasons"] == [
        "0003_copy (RunPython) runs code on rows of cart.item, beside cart.0002_n (RemoveField)"
    ]


def test_check_names_that_differ_in_case_only(repo: Repo) -> None:
    repo.migration("shop", "0001_initial")
    repo.migration("shop", "0002_price", "0001_initial")
    repo.commit()
    repo.publish("HEAD")
    repo.migration("shop", "0002_Price", "0002_price")
    repo.migration("shop", "0003_tax", "0002_Price")
    done = repo.run("check")
    assert (done.returncode, done.stdout) == (
        1,
        "shop/migrations/0002_Price.py: MM108 case in shop: "
        "0002_Price and 0002_price are one file on Windows and macOS\n"
        "  next: git mv -- shop/migrations/0002_Price.py shop/migrations/0002_Price_2.py\n",
    )
    refused = repo.run("fix", "--yes")
    assert refused.returncode == 1 and "are one file on Windows and macOS" in refused.stdout
    repo.commit()
    repo.publish("HEAD")
    done = repo.run("check")
    assert (done.returncode, done.stdout) == (0, "")
    assert "MM108 0002_Price and 0002_price are one file" in done.stderr


def test_check_a_path_without_migrations_is_no_pass(siblings: Repo) -> None:
    for path in ("nothing", "shpo/migrations"):
        done = siblings.run("check", path)
        assert (done.returncode, done.stdout, done.stderr) == (
            2, "",
            f"migmerge: MM311 no migrations in or around {path}\nhint: there are some in shop/migrations\n",
        )  # fmt: skip
    siblings.write("shop/models.py", "")
    for path in ("shop", "shop/models.py", "shop/migrations/0002_price.py", "."):
        assert siblings.run("check", path).returncode == 1


def test_check_in_a_sha256_repository(repo: Repo) -> None:
    repo.git("init", "-q", "--object-format=sha256", "-b", "main", "other")
    other = Repo(repo.root / "other")
    other.migration("shop", "0001_initial")
    other.migration("shop", "0002_a", "0001_initial")
    other.commit()
    other.migration("shop", "0002_b", "0001_initial")
    for _ in range(2):
        done = other.run("check")
        assert done.returncode == 1 and "Ada Lovelace, 2026-01-02" in done.stdout


@pytest.mark.parametrize("text", ["[tool]\nmigmerge = 3\n", 'tool = "migmerge"\n'])
def test_config_that_is_no_table(branches: Repo, text: str) -> None:
    branches.write("pyproject.toml", text)
    done = branches.run("check")
    assert done.returncode == (2 if "[tool]" in text else 0)
    assert "a bug" not in done.stderr


def test_git_s_own_failures_are_said_in_its_words(branches: Repo) -> None:
    branches.write(".git/index", "garbage")
    done = branches.run("check")
    assert done.returncode == 2
    assert done.stderr.startswith("migmerge: MM309 git failed: fatal: ") and "hint: " in done.stderr


def test_a_relative_git_dir(siblings: Repo) -> None:
    env = {"GIT_DIR": "../.git", "GIT_WORK_TREE": ".."}
    assert siblings.run("check", env=env, cwd=siblings.root / "shop").returncode == 1


def test_headlines_of_a_collision_and_a_cycle(repo: Repo) -> None:
    collision(repo)
    repo.git("merge", "-q", "feature", fails=True)
    repo.migration("late", "0002_a", "late.0002_b")
    repo.migration("late", "0002_b", "late.0002_a")
    lines = repo.run("check").stdout.splitlines()
    assert (
        "shop/migrations/0002_product.py: MM102 path in shop: both sides added this file" in lines
    )
    assert (
        "late/migrations/0002_a.py: MM105 cycle in late: "
        "these depend on each other: late.0002_a, late.0002_b" in lines
    )


def author(repo: Repo, name: str) -> None:
    """The next commits are somebody else's."""
    for who in ("AUTHOR", "COMMITTER"):
        os.environ[f"GIT_{who}_NAME"] = name  # sealed: put back after the test


def test_check_names_the_author_of_a_file_that_a_merge_commit_added(branches: Repo) -> None:
    author(branches, "Bob")
    branches.git("merge", "-q", "--no-commit", "main")
    branches.fix("--strategy", "renumber")
    branches.git("commit", "-q", "-m", "merge, renumbered")
    branches.git("checkout", "-q", "-B", "late", "main~1")
    author(branches, "Cyd")
    branches.migration(
        "shop", "0002_late", "0001_initial", operations=(STOCK.replace("stock", "x"),)
    )
    branches.commit("late")
    branches.git("merge", "-q", "--no-edit", "feature")
    out = branches.run("check").stdout
    assert "0003_price                                Bob, 2026-01-02" in out
    assert "Cyd, 2026-01-02" in out and "Ada Lovelace, 2026-01-02" in out


def test_check_names_the_author_of_each_version_of_a_path(repo: Repo) -> None:
    repo.migration("shop", "0001_initial", operations=(PRODUCT,))
    repo.commit("base")
    repo.git("branch", "feature")
    author(repo, "Ann")
    repo.migration("shop", "0002_x", "0001_initial", operations=(PRICE,))
    repo.commit("ann")
    repo.publish()
    repo.git("checkout", "-q", "feature")
    author(repo, "Bob")
    repo.migration("shop", "0002_x", "0001_initial", operations=(STOCK,))
    repo.commit("bob")
    repo.git("merge", "-q", "main", fails=True)
    lines = [line for line in repo.run("check").stdout.splitlines() if "0002_x" in line]
    assert ["not on" in line for line in lines if "─" in line] == [True, False]
    assert [line.split()[-2] for line in lines if "─" in line] == ["Bob,", "Ann,"]


def test_check_starts_one_git_log_for_all_files(repo: Repo, tmp_path: Path) -> None:
    repo.migration("shop", "0001_initial", operations=(PRODUCT,))
    repo.commit("base")
    for side in ("a", "b"):
        repo.git("checkout", "-q", "-B", side, "main")
        parent = "0001_initial"
        for number in range(2, 20):
            name = f"{number:04d}_{side}{number}"
            repo.migration("shop", name, parent)
            parent = name
        repo.commit(side)
    repo.git("merge", "-q", "--no-edit", "a")
    repo.git("branch", "-m", "main", "trunk")  # else there is a base branch, with a history
    trace = tmp_path / "trace"
    done = repo.run("check", env={"GIT_TRACE": str(trace)})
    assert done.stdout.count("Ada Lovelace, 2026-01-02") == 36
    started = [line for line in trace.read_text().splitlines() if "built-in: git" in line]
    assert sum(" git log " in line for line in started) == 1
    assert len(started) < 20, started


def test_check_leaves_out_migrations_of_other_apps_that_both_sides_have(branches: Repo) -> None:
    """cart.0001_initial is on both branches; only price depends on it."""
    repo = branches
    text = "CreateModel('Cart', fields=[('id', models.AutoField(primary_key=True))])"
    repo.git("checkout", "-q", "-B", "feature", "main~1")
    repo.git("branch", "-f", "main", "main~1")
    repo.migration("cart", "0001_initial", operations=(text,))
    drop = "RemoveField('cart', 'old')"
    repo.migration("cart", "0002_old", "0001_initial", operations=(drop,))
    repo.commit("cart")
    repo.git("branch", "-f", "main")
    repo.migration("shop", "0002_price", "0001_initial", "cart.0002_old", operations=(PRICE,))
    repo.commit("price")
    repo.git("checkout", "-q", "main")
    run = "RunSQL('update cart_cart set old = 1')"
    repo.migration("shop", "0002_stock", "0001_initial", "cart.0001_initial", operations=(run,))
    repo.commit("stock")
    repo.publish()
    repo.git("checkout", "-q", "feature")
    repo.git("merge", "-q", "--no-edit", "main")
    (conflict,) = repo.check()["conflicts"]
    assert not any("0002_old" in reason for reason in conflict["reasons"]), conflict["reasons"]


def test_check_names_the_app_of_a_reason_in_another_one(branches: Repo) -> None:
    repo = branches
    repo.migration("cart", "0001_initial", "shop.0002_price", operations=(
        "AlterField('shop.product', 'x', models.IntegerField())", "RunPython(print)"))  # fmt: skip
    repo.commit("cart")
    repo.git("merge", "-q", "--no-edit", "main")
    (conflict,) = repo.check()["conflicts"]
    assert any("cart.0001_initial" in reason for reason in conflict["reasons"]), conflict["reasons"]


NO_CLASS = "no class Migration: Django stops with BadMigrationError"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "from django.db import migrations\n\n\nclass Migrations(migrations.Migration):\n    pass\n",
    ],
    ids=["empty", "another name"],
)
def test_file_among_migrations_without_a_class(repo: Repo, text: str) -> None:
    repo.migration("shop", "0001_initial")
    repo.commit()
    repo.publish()
    repo.write("shop/migrations/0002_x.py", text)
    (conflict,) = repo.check()["conflicts"]
    assert (conflict["kind"], conflict["reasons"]) == ("unparsable", [NO_CLASS])
    assert conflict["commands"] == ["$EDITOR shop/migrations/0002_x.py"]
    assert repo.check() == repo.check()  # as the cache has it
    (refused,) = repo.fix(code=1)["resolutions"]
    assert refused["id"] == "MM405"

    repo.commit("that is how it is")
    repo.publish()
    done = repo.run("check")
    assert (done.returncode, NO_CLASS in done.stderr) == (0, True)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("shop/migrations/helpers.py", "X = 1\n"),
        ("shop/migrations/0002_x.py", "from django.db.migrations import Migration\n"),
        ("shop/migrations/0002_x.py", "# the Migration of 2020\n"),
        ("scripts/migrations/0001_x.py", "X = 1\n"),
    ],
    ids=["a helper", "the base class", "not certain", "not among migrations"],
)
def test_files_that_may_have_a_class(repo: Repo, path: str, text: str) -> None:
    repo.migration("shop", "0001_initial")
    repo.write(path, text)
    assert repo.check()["conflicts"] == []


TWICE = "two classes Migration: Django takes the last one"


def test_a_file_with_two_classes(repo: Repo) -> None:
    repo.migration("shop", "0001_initial")
    path = repo.migration("shop", "0002_x", "0001_initial")
    other = migration_text(("shop", "0001_initial"), operations=(PRICE,))
    repo.write(path, repo.read(path) + other.partition("\n")[2].encode())
    (conflict,) = repo.check()["conflicts"]
    assert (conflict["kind"], conflict["reasons"]) == ("unparsable", [TWICE])
    assert conflict["line"] == repo.read(path)[: repo.read(path).rindex(b"class ")].count(b"\n") + 1
    (refused,) = repo.fix(code=1)["resolutions"]
    assert refused["id"] == "MM405"


def test_a_squash_that_names_what_it_replaces_in_bytes(repo: Repo) -> None:
    repo.migration("shop", "0001_initial")
    replaces = b"(migrations.Migration):\n    replaces = [('shop', b'0001_initial')]\n"
    path = repo.migration("shop", "0001_squashed")
    repo.write(path, repo.read(path).replace(b"(migrations.Migration):\n", replaces))
    conflict = next(c for c in repo.check()["conflicts"] if c["kind"] == "unparsable")
    assert conflict["reasons"] == ["replaces has bytes (b'0001_initial'), which name no migration"]

    repo.commit("that is how it is")
    repo.publish()
    assert "unparsable" not in kinds(repo.check())  # nobody's change


CHOSEN = """\
from django.db import migrations

if True:
    class Migration(migrations.Migration):
        dependencies = [("shop", "0001_initial")]
else:
    class Migration(migrations.Migration):
        dependencies = [("shop", "0001_initial")]
"""


def test_two_classes_of_which_one_is_chosen(repo: Repo) -> None:
    repo.migration("shop", "0001_initial")
    repo.write("shop/migrations/0002_x.py", CHOSEN)
    assert repo.check()["conflicts"] == []

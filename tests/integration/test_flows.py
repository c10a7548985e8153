"""What a developer does with git, step by step, and where migmerge comes in."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.conftest import PRICE, PRODUCT, STOCK, Repo
from tests.integration.test_fix import collision

pytestmark = pytest.mark.once

BIN = Path(sys.executable).parent
FIX = f"'{BIN}/migmerge' fix --yes --strategy renumber"


def add(name: str) -> str:
    return f"AddField('product', '{name}', models.IntegerField(default=0))"


@pytest.fixture
def series(branches: Repo) -> Repo:
    """feature has three commits, each with a migration that builds on the one before."""
    for number, name in ((3, "more"), (4, "most")):
        parent = {3: "0002_price", 4: "0003_more"}[number]
        branches.migration("shop", f"000{number}_{name}", parent, operations=(add(name),))
        branches.commit(name)
    return branches


def names(repo: Repo, commit: str = "HEAD") -> list[str]:
    listed = repo.git("ls-tree", "--name-only", f"{commit}:shop/migrations").split()
    return [name for name in listed if name != "__init__.py"]


def test_rebase_of_several_commits_then_one_fix(series: Repo) -> None:
    series.git("rebase", "-q", "main")
    (resolution,) = series.fix("--strategy", "renumber", "--commit")["resolutions"]
    assert len(resolution["renamed"]) == 3
    assert names(series) == [
        "0001_initial.py", "0002_stock.py", "0003_price.py", "0004_more.py", "0005_most.py",
    ]  # fmt: skip
    assert series.check()["conflicts"] == []


def test_rebase_with_a_fix_of_every_commit(series: Repo) -> None:
    """Each commit is right by itself, and no longer names what was renamed before it."""
    series.git("rebase", "-q", "-x", f"{FIX} --amend --allow-skipped", "main")
    for commit, last in (("HEAD~2", "0003_price"), ("HEAD~1", "0004_more"), ("HEAD", "0005_most")):
        assert names(series, commit)[-1] == f"{last}.py"
        assert series.check("--rev", commit)["conflicts"] == []
    assert series.git("log", "--format=%s", "main..HEAD").split() == ["most", "more", "price"]
    assert series.git("status", "--porcelain") == ""


@pytest.fixture
def same_name(repo: Repo) -> Repo:
    """Both branches begin with 0002_product, of different content; feature goes on."""
    repo.migration("shop", "0001_initial", operations=(PRODUCT,))
    repo.commit("base")
    repo.git("checkout", "-q", "-b", "feature")
    repo.migration("shop", "0002_product", "0001_initial", operations=(PRICE,))
    repo.commit("one")
    repo.migration("shop", "0003_more", "0002_product", operations=(add("more"),))
    repo.commit("two")
    repo.git("checkout", "-q", "main")
    repo.migration("shop", "0002_product", "0001_initial", operations=(STOCK,))
    repo.commit("main")
    repo.publish()
    repo.git("checkout", "-q", "feature")
    return repo


@pytest.mark.parametrize("how", ["every commit", "at the end", "migmerge rebase"])
def test_rebase_over_a_file_of_the_same_name(
    same_name: Repo, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """The commits after the collision still name the file that is upstream's now."""
    repo = same_name
    if how == "migmerge rebase":
        done = repo.run("rebase", "main")
        assert done.returncode == 0, done.stderr
    else:
        monkeypatch.setenv("GIT_EDITOR", "true")
        run = ("-x", f"{FIX} --amend --allow-skipped") if how == "every commit" else ()
        repo.git("rebase", "-q", *run, "main", fails=True)
        repo.fix()
        repo.git("rebase", "--continue")
    if how == "at the end":
        repo.fix("--strategy", "renumber", "--amend")
    assert names(repo)[1:] == ["0002_product.py", "0003_product.py", "0004_more.py"]
    assert b"('shop', '0003_product')" in repo.read("shop/migrations/0004_more.py")
    assert repo.check()["conflicts"] == []


def test_fix_finds_what_the_other_side_renamed(branches: Repo) -> None:
    """main renumbered a migration while feature built on it under its old name."""
    branches.git("checkout", "-q", "main")
    branches.git("merge", "-q", "--no-edit", "feature")
    branches.fix("--strategy", "renumber", "--move", "0002_price", "--commit")
    branches.publish()
    branches.git("checkout", "-q", "feature")
    branches.migration("shop", "0003_more", "0002_price", operations=(add("more"),))
    branches.migration("cart", "0001_initial", "shop.0002_price")
    branches.commit("more")
    branches.git("merge", "-q", "--no-edit", "main")
    document = branches.check()
    missing = [c for c in document["conflicts"] if c["kind"] == "missing-dependency"]
    assert {c["app"] for c in missing} == {"shop", "cart"}
    assert all(c["reasons"][-1] == "shop.0002_price is 0003_price now" for c in missing)
    assert all(c["commands"] == ["migmerge fix shop"] for c in missing)
    (resolution,) = branches.fix()["resolutions"]
    assert (resolution["status"], resolution["strategy"]) == ("fixed", "repoint")
    assert resolution["edited"] == [
        "cart/migrations/0001_initial.py",
        "shop/migrations/0003_more.py",
    ]
    assert b"('shop', '0003_price')" in branches.read("shop/migrations/0003_more.py")
    assert branches.check()["conflicts"] == []


def test_fix_does_not_guess_at_a_missing_migration(branches: Repo) -> None:
    """Its content is nowhere: edited while it was renamed."""
    branches.git("mv", "shop/migrations/0002_price.py", "shop/migrations/0002_cost.py")
    branches.migration("shop", "0002_cost", "0001_initial", operations=(add("cost"),))
    branches.migration("shop", "0003_more", "0002_price", operations=(add("more"),))
    branches.commit()
    (conflict,) = [c for c in branches.check()["conflicts"] if c["kind"] == "missing-dependency"]
    assert conflict["commands"] == ["git log --all --oneline --name-status -- '*/0002_price.py'"]
    before = branches.state()
    (resolution,) = branches.fix(code=1)["resolutions"]
    assert resolution["status"] == "refused"
    assert branches.state() == before


def test_amend_of_a_published_commit_is_refused(siblings: Repo) -> None:
    siblings.publish("feature")
    before = siblings.state()
    done = siblings.run("fix", "--yes", "--amend")
    assert (done.returncode, done.stderr) == (
        2,
        "migmerge: MM321 the last commit is published\nhint: migmerge fix --commit\n",
    )
    assert siblings.state() == before


def test_amend_in_a_stopped_merge_is_refused(siblings: Repo) -> None:
    siblings.git("reset", "-q", "--hard", "HEAD^")
    siblings.git("merge", "-q", "--no-commit", "main")
    done = siblings.run("fix", "--yes", "--amend")
    assert (done.returncode, done.stderr) == (
        2,
        "migmerge: MM321 a merge is not finished: there is no commit yet\n"
        "hint: run migmerge fix, then git commit\n",
    )


def test_amend_takes_nothing_else_along(siblings: Repo) -> None:
    siblings.write("notes.txt", "staged\n")
    siblings.git("add", "-A")
    assert siblings.fix("--amend")["note"] == "made part of the last commit"
    assert siblings.git("status", "--porcelain") == "A  notes.txt\n"
    assert len(siblings.git("log", "-1", "--format=%P").split()) == 2
    assert siblings.check("--rev", "HEAD")["conflicts"] == []


def test_pull_rebase_then_fix(branches: Repo, tmp_path: Path) -> None:
    branches.git("checkout", "-q", "main")
    branches.git("clone", "-q", str(branches.root), str(tmp_path / "clone"))
    clone = Repo(tmp_path / "clone")
    clone.git("reset", "-q", "--hard", "HEAD^")
    clone.migration("shop", "0002_price", "0001_initial", operations=(PRICE,))
    clone.commit("price")
    clone.git("pull", "-q", "--rebase")
    (resolution,) = clone.fix("--strategy", "renumber", "--amend")["resolutions"]
    assert resolution["status"] == "fixed"
    # origin has a branch with a file of this name: nobody can tell that none has run it
    assert names(clone)[-2:] == ["0003_price.py", "0004_catch_up_0002_stock_price.py"]
    assert clone.git("rev-list", "--count", "origin/main..").strip() == "1"


def test_cherry_pick_then_fix(series: Repo) -> None:
    series.git("checkout", "-q", "main")
    series.git("cherry-pick", "feature~2")
    series.git("update-ref", "refs/remotes/origin/main", "main~1")
    (resolution,) = series.fix("--strategy", "renumber", "--amend")["resolutions"]
    assert list(resolution["renamed"].values()) == ["shop/migrations/0003_price.py"]
    assert series.git("log", "-1", "--format=%s").strip() == "price"


def test_revert_of_a_migration_that_others_build_on(series: Repo) -> None:
    """`fix` restores it; and says which commit took it away."""
    series.git("revert", "--no-edit", "feature~1")
    (conflict,) = [c for c in series.check()["conflicts"] if c["kind"] == "missing-dependency"]
    missing, removed = conflict["reasons"]
    assert missing == "shop.0004_most depends on shop.0003_more, which is not there"
    assert removed.endswith('(Revert "more")')
    assert conflict["commands"] == ["migmerge fix shop"]
    (resolution,) = series.fix()["resolutions"]
    assert resolution["created"] == ["shop/migrations/0003_more.py"]
    assert series.check()["conflicts"] == []


def test_stash_pop_then_fix(branches: Repo) -> None:
    branches.migration("shop", "0003_more", "0002_price", operations=(add("more"),))
    branches.git("stash", "-q", "--include-untracked")
    branches.git("merge", "-q", "--no-edit", "main")
    branches.git("stash", "pop", "-q")
    (resolution,) = branches.fix("--strategy", "renumber")["resolutions"]
    assert len(resolution["renamed"]) == 2
    assert branches.check()["conflicts"] == []


def test_squash_merge_then_fix(branches: Repo) -> None:
    branches.git("merge", "-q", "--squash", "main")
    (resolution,) = branches.fix("--strategy", "renumber")["resolutions"]
    assert list(resolution["renamed"].values()) == ["shop/migrations/0003_price.py"]
    branches.git("commit", "-q", "-m", "squashed")
    assert branches.check("--rev", "HEAD")["conflicts"] == []


def test_octopus_merge_then_fix(branches: Repo) -> None:
    for name in ("third", "fourth"):
        branches.git("checkout", "-q", "-b", name, "main~1")
        branches.migration("shop", f"0002_{name}", "0001_initial", operations=(add(name),))
        branches.commit(name)
    branches.git("checkout", "-q", "feature")
    branches.git("merge", "-q", "--no-edit", "main", "third", "fourth")
    (resolution,) = branches.fix("--strategy", "renumber", "--commit")["resolutions"]
    assert len(resolution["renamed"]) == 3
    assert branches.check()["conflicts"] == []


def test_criss_cross_merge_then_fix(series: Repo) -> None:
    series.git("branch", "side", "feature")
    series.git("checkout", "-q", "-b", "left", "main")
    series.git("merge", "-q", "--no-edit", "side~1")
    series.fix("--strategy", "merge", "--commit")
    series.git("checkout", "-q", "side")
    series.git("merge", "-q", "--no-edit", "main")
    series.fix("--strategy", "merge", "--commit")
    series.git("merge", "-q", "--no-edit", "left")
    (resolution,) = series.fix("--strategy", "merge", "--commit")["resolutions"]
    assert resolution["status"] == "fixed"
    assert series.check()["conflicts"] == []


@pytest.mark.parametrize("made", [("--object-format=sha256",), ("--ref-format=reftable",)])
def test_other_kinds_of_repositories(tmp_path: Path, made: tuple[str, ...]) -> None:
    root = tmp_path / "other"
    root.mkdir()
    repo = Repo(root)
    try:
        repo.git("init", "-q", *made)
    except AssertionError:
        pytest.skip(f"this git makes none with {made[0]}")
    repo.migration("shop", "0001_initial", operations=("CreateModel('Product', fields=[])",))
    repo.commit()
    repo.git("checkout", "-q", "-b", "feature")
    repo.migration("shop", "0002_price", "0001_initial", operations=(PRICE,))
    repo.commit()
    repo.git("checkout", "-q", "main")
    repo.migration("shop", "0002_stock", "0001_initial", operations=(STOCK,))
    repo.commit()
    repo.publish()
    assert repo.run("install", "--hooks", "none").returncode == 0
    repo.git("merge", "-q", "--no-edit", "feature")
    before = repo.state()
    assert repo.fix("--strategy", "renumber")["resolutions"][0]["status"] == "fixed"
    assert repo.check()["conflicts"] == []
    assert repo.run("undo").returncode == 0
    assert repo.state() == before


def test_partial_clone_then_fix(branches: Repo, tmp_path: Path) -> None:
    branches.git("config", "uploadpack.allowFilter", "true")
    branches.git("checkout", "-q", "main")
    source = f"file://{branches.root}"
    branches.git("clone", "-q", "--filter=blob:none", source, str(tmp_path / "clone"))
    clone = Repo(tmp_path / "clone")
    clone.git("checkout", "-q", "feature")
    clone.git("merge", "-q", "--no-edit", "origin/main")
    (resolution,) = clone.fix("--strategy", "renumber", "--commit")["resolutions"]
    assert resolution["status"] == "fixed"
    assert clone.check()["conflicts"] == []


def test_sparse_checkout_then_fix(branches: Repo) -> None:
    """What moves is outside of what is checked out."""
    branches.write("web/readme.txt", "")
    branches.commit("web")
    branches.git("sparse-checkout", "set", "web")
    branches.git("merge", "-q", "--no-edit", "main")
    (resolution,) = branches.fix("--strategy", "renumber", "--commit")["resolutions"]
    assert resolution["status"] == "fixed"
    assert branches.git("status", "--porcelain") == ""
    assert branches.check("--rev", "HEAD")["conflicts"] == []


def test_hooks_path_then_merge(branches: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """core.hooksPath outside of the repository: install writes there, and git runs it."""
    hooks = branches.root.parent / "hooks"
    branches.git("config", "core.hooksPath", str(hooks))
    branches.run("install")
    monkeypatch.setenv("PATH", f"{BIN}:{os.environ['PATH']}")
    branches.git("merge", "-q", "--no-edit", "main", fails=True)
    branches.fix()
    branches.git("commit", "-q", "--no-edit")
    assert len(branches.git("log", "-1", "--format=%P").split()) == 2


def test_merge_with_textual_conflicts_then_fix(branches: Repo) -> None:
    for branch in ("main", "feature"):
        branches.git("checkout", "-q", branch)
        branches.write("notes.txt", f"{branch}\n")
        branches.commit("notes")
    branches.git("merge", "-q", "--no-edit", "main", fails=True)
    document = branches.fix("--strategy", "renumber")
    assert "unmerged" in document["note"] or "resolve" in document["note"]
    branches.write("notes.txt", "both\n")
    branches.git("add", "-A")
    branches.git("commit", "-q", "--no-edit")
    assert branches.check("--rev", "HEAD")["conflicts"] == []


def test_migmerge_merge_makes_the_fix_part_of_the_merge_commit(branches: Repo) -> None:
    done = branches.run("merge", "-m", "both", "main")
    assert done.returncode == 0, done.stderr
    assert branches.git("log", "-1", "--format=%s").strip() == "both"
    assert len(branches.git("log", "-1", "--format=%P").split()) == 2
    assert names(branches)[-1] == "0003_merge_0002_price_0002_stock.py"
    assert branches.git("status", "--porcelain") == ""


def test_migmerge_merge_of_one_file_on_both_sides(repo: Repo) -> None:
    collision(repo)
    done = repo.run("merge", "feature")
    assert done.returncode == 0, done.stderr
    assert repo.check("--rev", "HEAD")["conflicts"] == []


def test_migmerge_merge_that_can_not_be_fixed_stops(branches: Repo) -> None:
    branches.migration("shop", "0003_stock", "0002_price", operations=(STOCK, PRICE))
    branches.commit("the same as main's, and more")
    done = branches.run("merge", "main")
    assert done.returncode == 1
    assert done.stdout.endswith("stopped: correct what it says above, then git commit\n")
    assert (branches.root / ".git/MERGE_HEAD").exists()
    assert branches.run("merge", "--abort").returncode == 0
    assert branches.git("status", "--porcelain") == ""


def test_migmerge_merge_with_a_textual_conflict_stops(branches: Repo) -> None:
    for branch in ("main", "feature"):
        branches.git("checkout", "-q", branch)
        branches.write("notes.txt", f"{branch}\n")
        branches.commit("notes")
    done = branches.run("merge", "main")
    assert done.returncode == 1
    assert done.stdout.endswith("stopped: resolve notes.txt, then git commit\n")
    branches.write("notes.txt", "both\n")
    branches.git("add", "-A")
    branches.git("commit", "-q", "--no-edit")
    assert branches.check("--rev", "HEAD")["conflicts"] == []


def test_migmerge_merge_leaves_the_rest_to_git(branches: Repo) -> None:
    assert branches.run("merge", "--ff-only", "main").returncode == 128
    done = branches.run("merge", "no-such-branch")
    assert done.returncode == 1
    assert "no-such-branch - not something we can merge" in done.stderr
    assert branches.run("merge", "--no-commit", "main").returncode == 0
    assert (branches.root / ".git/MERGE_HEAD").exists()
    branches.git("merge", "--abort")
    branches.git("checkout", "-q", "main~1")
    assert branches.run("merge", "main").returncode == 0  # a fast-forward
    assert branches.git("rev-parse", "HEAD") == branches.git("rev-parse", "main")


def test_migmerge_rebase_makes_every_commit_right(series: Repo) -> None:
    done = series.run("rebase", "main")
    assert done.returncode == 0, done.stderr
    for commit, last in (("HEAD~2", "0003_price"), ("HEAD~1", "0004_more"), ("HEAD", "0005_most")):
        assert names(series, commit)[-1] == f"{last}.py"
        assert series.check("--rev", commit)["conflicts"] == []


def test_migmerge_rebase_that_can_not_be_fixed_stops(branches: Repo) -> None:
    branches.migration("shop", "0003_stock", "0002_price", operations=(STOCK,))
    branches.commit("main's, with something else")
    branches.migration("shop", "0003_stock", "0002_price", operations=(STOCK, PRICE))
    branches.commit("more")
    done = branches.run("rebase", "main")
    assert done.returncode == 1
    assert done.stdout.endswith(
        "stopped: correct what it says above, then migmerge rebase --continue\n"
    )
    assert branches.run("rebase", "--abort").returncode == 0
    assert branches.git("branch", "--show-current").strip() == "feature"


def pending(repo: Repo) -> str:
    """A merge of another branch that waits for its commit."""
    repo.git("branch", "third", "main~1")
    repo.git("checkout", "-q", "third")
    repo.write("third.txt", "x\n")
    repo.commit("third")
    repo.git("checkout", "-q", "feature")
    repo.git("merge", "-q", "--no-commit", "third")
    return repo.git("rev-parse", "HEAD")


@pytest.mark.parametrize("command", ["merge", "rebase"])
def test_migmerge_touches_no_merge_that_somebody_else_began(branches: Repo, command: str) -> None:
    head = pending(branches)
    before = branches.state()
    assert branches.run(command, "main").returncode != 0
    assert branches.git("rev-parse", "HEAD") == head
    assert branches.state() == before
    assert (branches.root / ".git/MERGE_HEAD").exists()


@pytest.mark.parametrize("option", ["--commit", "--no-ff", "--no-verify"])
def test_migmerge_merge_with_options_of_git(branches: Repo, option: str) -> None:
    if option == "--no-verify":
        branches.write(".git/hooks/pre-commit", "#!/bin/sh\nexit 1\n").chmod(0o755)
    done = branches.run("merge", option, "main")
    assert done.returncode == 0, done.stdout + done.stderr
    assert branches.check("--rev", "HEAD")["conflicts"] == []


def test_migmerge_merge_squash_abbreviated(branches: Repo) -> None:
    assert branches.run("merge", "--sq", "main").returncode == 0
    assert branches.check("--staged")["conflicts"] == []
    assert branches.git("rev-parse", "HEAD") == branches.git("rev-parse", "feature")


@pytest.mark.parametrize("command", ["merge", "rebase"])
def test_migmerge_continue_after_a_refusal_asks_again(branches: Repo, command: str) -> None:
    branches.migration("shop", "0002_price", "0001_initial", operations=("DeleteModel('product')",))
    branches.git("commit", "-q", "--amend", "-a", "-m", "gone")
    assert branches.run(command, "main").returncode == 1
    assert branches.run(command, "--continue").returncode == 1
    branches.migration("shop", "0002_price", "0001_initial", operations=(PRICE,))
    branches.git("add", "-A")
    if command == "rebase":
        branches.git("commit", "-q", "--amend", "--no-edit")
    monkey = {"GIT_EDITOR": "true"}
    done = branches.run(command, "--continue", env=monkey)
    assert done.returncode == 0, done.stdout + done.stderr
    assert branches.check("--rev", "HEAD")["conflicts"] == []


def test_migmerge_rebase_continue_of_a_plain_rebase_looks_at_the_end(branches: Repo) -> None:
    for branch in ("main", "feature"):
        branches.git("checkout", "-q", branch)
        branches.write("notes.txt", f"{branch}\n")
        branches.commit("notes")
    branches.publish()
    branches.git("rebase", "-q", "main", fails=True)
    branches.write("notes.txt", "both\n")
    branches.git("add", "-A")
    done = branches.run("rebase", "--continue", env={"GIT_EDITOR": "true"})
    assert done.returncode == 1
    assert "siblings in shop" in done.stdout


def test_migmerge_rebase_of_what_upstream_has_already(branches: Repo) -> None:
    """The commit's only migration is main's: the commit stays, empty."""
    branches.git("checkout", "-q", "-B", "feature", "main~1")
    branches.migration("shop", "0002_mine", "0001_initial", operations=(STOCK,))
    branches.commit("mine")
    done = branches.run("rebase", "main")
    assert done.returncode == 0, done.stdout + done.stderr
    assert names(branches) == ["0001_initial.py", "0002_stock.py"]
    assert branches.git("log", "-1", "--format=%s").strip() == "mine"


def test_migmerge_rebase_over_two_names_that_cross(branches: Repo) -> None:
    """Both sides go on to 0003_more, with another content each."""
    branches.migration("shop", "0003_more", "0002_price", operations=(add("more"),))
    branches.commit("more")
    branches.git("checkout", "-q", "main")
    branches.migration("shop", "0003_more", "0002_stock", operations=(add("theirs"),))
    branches.commit("theirs")
    branches.publish()
    branches.git("checkout", "-q", "feature")
    done = branches.run("rebase", "main")
    assert done.returncode == 0, done.stdout + done.stderr
    assert names(branches)[1:] == [
        "0002_stock.py", "0003_more.py", "0004_price.py", "0005_more.py",
    ]  # fmt: skip
    assert b"'theirs'" in branches.read("shop/migrations/0003_more.py")
    assert b"'more'" in branches.read("shop/migrations/0005_more.py")
    assert branches.check()["conflicts"] == []

"""The hooks under real `git merge`, `commit`, `rebase` and `pull`: native, pre-commit, prek."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Repo

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
STAGES = ("pre-commit", "pre-merge-commit", "post-merge", "post-rewrite")
NEXT = "next: migmerge fix shop"

CONFIG = """\
default_install_hook_types: [pre-commit, pre-merge-commit, post-merge, post-rewrite, pre-push]
repos:
  - repo: {url}
    rev: {rev}
    hooks:
      - id: migmerge-check
      - id: migmerge-report
"""


@pytest.fixture
def native(branches: Repo) -> Repo:
    """The native scripts, and a `migmerge` on PATH as an installation would put it there."""
    for name in STAGES:
        shutil.copy2(ROOT / "hooks" / name, branches.root / ".git" / "hooks" / name)
    if not shutil.which("migmerge"):  # pragma: no cover
        pytest.fail("migmerge is not installed in this environment: pip install -e .")
    return branches


@pytest.fixture(scope="session")
def published_copy(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """This checkout as a git repository that the runners can clone."""
    target = tmp_path_factory.mktemp("published") / "migmerge"
    shutil.copytree(
        ROOT,
        target,
        ignore=shutil.ignore_patterns(
            ".git", ".*_cache", "__pycache__", "*.egg-info", "build", "tests"
        ),
    )
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for arguments in (["init", "-q"], ["add", "-A"], [*who, "commit", "-q", "-m", "x"]):
        subprocess.run(["git", *arguments], cwd=target, check=True, capture_output=True)
    out = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=target, check=True, capture_output=True, text=True
    )
    return str(target), out.stdout.strip()


@pytest.fixture(scope="session")
def runner_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the runners build the hook's environment, once for all tests."""
    return tmp_path_factory.mktemp("runner-home")


@pytest.fixture(params=["pre-commit", "prek"])
def framework(
    request: pytest.FixtureRequest,
    branches: Repo,
    published_copy: tuple[str, str],
    runner_home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Repo:
    runner = str(Path(sys.executable).parent / request.param)
    monkeypatch.setenv("PRE_COMMIT_HOME", str(runner_home / "pre-commit"))
    monkeypatch.setenv("PREK_HOME", str(runner_home / "prek"))
    monkeypatch.delenv("GIT_EDITOR")
    repo = branches
    repo.write(".git/info/exclude", ".pre-commit-config.yaml\n")
    url, rev = published_copy
    repo.write(".pre-commit-config.yaml", CONFIG.format(url=url, rev=rev))
    repo.git("add", "-f", ".pre-commit-config.yaml")
    done = subprocess.run(
        [runner, "install", "--install-hooks"],
        cwd=repo.root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    repo.git("commit", "-q", "-m", "hooks")
    return repo


def try_git(repo: Repo, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        ["git", *arguments], cwd=repo.root, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def check_merge_is_stopped(repo: Repo) -> None:
    """A clean merge is stopped before its commit; after `fix`, `git commit` finishes it."""
    code, out = try_git(repo, "merge", "--no-edit", "main")
    assert code != 0, out
    assert NEXT in out
    assert "not committed yet" not in out
    assert (repo.root / ".git/MERGE_HEAD").exists()
    code, out = try_git(repo, "commit", "--no-edit")
    assert code != 0, out
    assert NEXT in out
    repo.fix()
    code, out = try_git(repo, "commit", "--no-edit")
    assert code == 0, out
    assert repo.check("--rev", "HEAD")["conflicts"] == []
    assert len(repo.git("log", "-1", "--format=%P").split()) == 2


def check_rebase_is_told(repo: Repo) -> None:
    """Nothing can stop a rebase; at its end the report says what to run."""
    code, out = try_git(repo, "rebase", "main")
    assert code == 0, out
    assert NEXT in out
    repo.fix("--strategy", "renumber", "--commit")
    assert repo.check("--rev", "HEAD")["conflicts"] == []


def check_pull_is_told(repo: Repo, tmp_path: Path) -> None:
    """A fast-forward pull of a conflict that somebody else committed: told, not failed."""
    server = tmp_path / "server.git"
    repo.git("clone", "-q", "--bare", ".", str(server))
    other = Repo(tmp_path / "other")
    repo.git("clone", "-q", "--branch", "feature", str(server), str(other.root))
    other.git("merge", "-q", "--no-edit", "origin/main")
    other.git("push", "-q", "origin", "feature")
    repo.git("remote", "add", "origin", str(server))
    code, out = try_git(repo, "pull", "--ff-only", "origin", "feature")
    assert code == 0, out
    assert NEXT in out


def check_commit_of_a_conflict_is_stopped(repo: Repo) -> None:
    repo.migration("shop", "0002_other", "0001_initial")
    repo.git("add", "-A")
    code, out = try_git(repo, "commit", "-m", "conflict")
    assert code != 0, out
    assert "siblings in shop" in out
    repo.git("reset", "-q", "--hard")
    repo.write("notes.txt", "b\n")
    repo.git("add", "-A")
    code, out = try_git(repo, "commit", "-m", "clean")
    assert code == 0, out


def test_native_merge(native: Repo) -> None:
    check_merge_is_stopped(native)


def test_native_rebase(native: Repo) -> None:
    check_rebase_is_told(native)


def test_native_pull(native: Repo, tmp_path: Path) -> None:
    check_pull_is_told(native, tmp_path)


def test_native_commit(native: Repo) -> None:
    check_commit_of_a_conflict_is_stopped(native)


def test_native_switched_off(native: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIGMERGE", "0")
    code, out = try_git(native, "merge", "--no-edit", "main")
    assert (code, NEXT in out) == (0, False)


def test_native_without_migmerge_lets_git_work(
    native: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("git", "sh"):
        found = shutil.which(name)
        assert found
        os.symlink(found, tools / name)
    monkeypatch.setenv("PATH", str(tools))
    assert try_git(native, "merge", "--no-edit", "main")[0] == 0


def test_native_scripts_are_plain_sh() -> None:
    names = sorted(path.name for path in (ROOT / "hooks").iterdir())
    assert names == sorted(STAGES)
    for path in (ROOT / "hooks").iterdir():
        assert subprocess.run(["sh", "-n", path], check=False).returncode == 0
        assert os.access(path, os.X_OK)


@pytest.mark.runners
def test_framework_merge(framework: Repo) -> None:
    check_merge_is_stopped(framework)


@pytest.mark.runners
def test_framework_rebase(framework: Repo) -> None:
    check_rebase_is_told(framework)


@pytest.mark.runners
def test_framework_pull(framework: Repo, tmp_path: Path) -> None:
    check_pull_is_told(framework, tmp_path)


@pytest.mark.runners
def test_framework_commit(framework: Repo) -> None:
    check_commit_of_a_conflict_is_stopped(framework)


@pytest.mark.runners
def test_framework_push(framework: Repo, tmp_path: Path) -> None:
    """Under pre-push it is the pushed commit that is checked, not the index."""
    server = tmp_path / "server.git"
    framework.git("init", "-q", "--bare", str(server))
    framework.git("remote", "add", "origin", str(server))
    code, out = try_git(framework, "push", "origin", "feature")
    assert code == 0, out
    framework.git("merge", "--no-verify", "-q", "--no-edit", "main")
    merged = framework.git("rev-parse", "HEAD").strip()
    framework.git("reset", "-q", "--hard", "HEAD^")
    code, out = try_git(framework, "push", "origin", f"{merged}:refs/heads/feature")
    assert code != 0, out
    assert "siblings in shop" in out


@pytest.mark.parametrize(
    ("way", "carry"), [("merge", "--no-carry"), ("pull", "--no-carry"), ("merge", "--carry")]
)
def test_report_of_a_migration_that_came_back_renumbered(
    native: Repo, way: str, carry: str
) -> None:
    """Somebody else's fix: what my database has run under the old name, unless `migrate` does."""
    native.git("checkout", "-q", "-b", "theirs", "feature")
    native.git("-c", "core.hooksPath=/nonexistent", "merge", "-q", "--no-edit", "main")
    native.fix("--strategy", "renumber", carry, "--commit")
    native.git("checkout", "-q", "feature")
    arguments = {
        "merge": ["merge", "-q", "theirs"],
        "pull": ["pull", "-q", "--ff-only", str(native.root), "theirs"],
    }[way]
    done = subprocess.run(
        ["git", *arguments], cwd=native.root, capture_output=True, text=True, check=True
    )
    note = "note: shop/migrations/0003_price.py: MM205 was 0002_price: "
    told = note + "where a database has that, migmerge db reconcile before migrate" in done.stderr
    assert told is (carry == "--no-carry")
    assert "MM205" not in native.run("check", "--exit-zero").stderr  # not in a hook

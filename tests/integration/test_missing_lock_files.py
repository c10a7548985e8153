"""A new app without a lock file, where the apps beside it have one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import Repo

pytestmark = pytest.mark.once


@pytest.fixture
def linear(repo: Repo) -> Repo:
    """Two apps with lock files, published, and a branch that adds an app without one."""
    for app in ("shop", "users"):
        repo.migration(app, "0001_initial")
        repo.write(f"{app}/migrations/max_migration.txt", "0001_initial\n")
    repo.commit()
    repo.publish()
    repo.migration("cart", "0001_initial")
    return repo


def test_new_app_without_lock_file(linear: Repo) -> None:
    linear.commit("an app")
    (conflict,) = linear.check()["conflicts"]
    assert conflict["kind"] == "lock-file"
    assert conflict["reasons"] == ["is not there, but every other app of this project has one"]
    assert conflict["commands"] == ["migmerge fix cart"]
    (resolution,) = linear.fix()["resolutions"]
    assert resolution["created"] == ["cart/migrations/max_migration.txt"]
    assert linear.read("cart/migrations/max_migration.txt") == b"0001_initial\n"
    assert linear.check()["conflicts"] == []
    assert linear.run("undo").returncode == 0
    assert not (linear.root / "cart/migrations/max_migration.txt").exists()


def without_one_in_users(repo: Repo) -> None:
    repo.git("rm", "-q", "users/migrations/max_migration.txt")


def published_without_one(repo: Repo) -> None:
    repo.commit("published, too")
    repo.publish()


def first_ones(repo: Repo) -> None:
    """The branch is the first to have any."""
    repo.git("checkout", "-q", "-b", "other")
    repo.git("rm", "-q", "shop/migrations/max_migration.txt", "users/migrations/max_migration.txt")
    repo.git("commit", "-q", "-m", "without")
    repo.publish("other")
    repo.git("checkout", "-q", "main")


def with_one(repo: Repo) -> None:
    repo.write("cart/migrations/max_migration.txt", "0001_initial\n")


def elsewhere(repo: Repo) -> None:
    (repo.root / "tests").mkdir()
    (repo.root / "cart").rename(repo.root / "tests" / "cart")


def without_base_branch(repo: Repo) -> None:
    repo.commit("an app")
    repo.forget_base()


@pytest.mark.parametrize(
    "change",
    [
        without_one_in_users,
        published_without_one,
        first_ones,
        with_one,
        elsewhere,
        without_base_branch,
    ],
)
def test_apps_that_need_no_lock_file(linear: Repo, change: Callable[[Repo], None]) -> None:
    change(linear)
    assert linear.check()["conflicts"] == []

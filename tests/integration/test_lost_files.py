"""A migration that others depend on and that is gone: git knows where it is."""

from __future__ import annotations

import subprocess

from tests.conftest import Repo, migration_text


def paste(repo: Repo, command: str) -> None:
    subprocess.run(["sh", "-ec", command], cwd=repo.root, check=True)


def commands(repo: Repo) -> list[list[str]]:
    return [conflict["commands"] for conflict in repo.check()["conflicts"]]


def base(repo: Repo) -> None:
    repo.migration("shop", "0001_initial")
    repo.commit("base")


def test_a_migration_that_was_reverted_is_restored(repo: Repo) -> None:
    base(repo)
    repo.git("checkout", "-q", "-b", "feature")
    repo.migration("shop", "0002_price", "0001_initial")
    repo.commit("price")
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "--no-ff", "--no-edit", "feature")
    repo.git("revert", "-m", "1", "--no-edit", "HEAD")
    repo.git("checkout", "-q", "feature")
    repo.migration("shop", "0003_stock", "0002_price")
    repo.commit("stock")
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "--no-edit", "feature")

    found = repo.check()["conflicts"]
    (missing,) = [conflict for conflict in found if conflict["kind"] == "missing-dependency"]
    assert "it was removed by " in missing["reasons"][-1]
    assert "(Revert " in missing["reasons"][-1]
    restore, again = missing["commands"]
    assert all(conflict["commands"] == missing["commands"] for conflict in found)
    assert restore.startswith("git checkout ") and again == "migmerge check"
    paste(repo, restore)
    assert repo.check()["conflicts"] == []


def test_a_migration_of_another_branch_is_restored_from_there(repo: Repo) -> None:
    base(repo)
    repo.git("checkout", "-q", "-b", "feature")
    for name, parent in (("0002_price", "0001_initial"), ("0003_stock", "0002_price")):
        repo.migration("shop", name, parent)
        repo.commit(name)
    repo.git("checkout", "-q", "main")
    repo.git("cherry-pick", "feature")
    (restore, _), *_ = commands(repo)
    paste(repo, restore)
    assert repo.check()["conflicts"] == []


def test_a_migration_of_a_history_that_was_started_again_is_not_restored(repo: Repo) -> None:
    base(repo)
    repo.migration("shop", "0002_price", "0001_initial")
    repo.commit("price")
    repo.git("checkout", "-q", "-b", "feature")
    repo.migration("shop", "0003_mine", "0002_price")
    repo.commit("mine")
    repo.git("checkout", "-q", "main")
    repo.git("rm", "-q", "shop/migrations/0001_initial.py", "shop/migrations/0002_price.py")
    repo.migration("shop", "0001_begin")
    repo.commit("again")
    repo.git("checkout", "-q", "feature")
    repo.git("merge", "-q", "--no-edit", "main")
    assert {command[0][:13] for command in commands(repo)} == {"git log --all"}


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

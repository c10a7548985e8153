"""Migrations on disk that git ignores (MM114)."""

from __future__ import annotations

import pytest

from tests.conftest import Repo
from tests.integration.test_lost_files import paste

pytestmark = pytest.mark.once

MINE = "shop/migrations/0002_mine.py"


@pytest.fixture
def ignoring(repo: Repo) -> Repo:
    repo.write("shop/models.py", "")
    repo.migration("shop", "0001_initial")
    repo.commit("base")
    (repo.root / ".git/info").mkdir(exist_ok=True)
    (repo.root / ".git/info/exclude").write_text("# mine\n/shop/migrations/0002*\n*.log\n")
    return repo


REASON = (
    "git ignores it (.git/info/exclude:2: /shop/migrations/0002*): whoever has this branch lacks it"
)


@pytest.mark.parametrize("arguments", [(), ("--staged",)], ids=str)
def test_an_ignored_migration_is_found(ignoring: Repo, arguments: tuple[str, ...]) -> None:
    assert [ignoring.run("check", *arguments).returncode for _ in range(2)] == [0, 0]
    ignoring.migration("shop", "0002_mine", "0001_initial")
    done = ignoring.run("check", *arguments)
    assert (done.returncode, f"{MINE}: MM114 ignored in shop: {REASON}" in done.stdout) == (1, True)
    (conflict,) = ignoring.check(*arguments)["conflicts"]
    assert (conflict["kind"], conflict["path"], conflict["reasons"]) == ("ignored", MINE, [REASON])
    assert ignoring.run("check", "--rev", "HEAD").returncode == 0
    assert f"migration-ignored: {MINE}: {REASON}" in ignoring.run("doctor").stdout


def test_the_next_command_shows_git_both_sides(ignoring: Repo) -> None:
    ignoring.migration("shop", "0002_mine", "0001_initial")
    ignoring.git("checkout", "-q", "-b", "theirs")
    ignoring.migration("shop", "0003_theirs", "0001_initial")
    ignoring.commit("theirs")
    (refused,) = ignoring.fix(code=1)["resolutions"]
    assert refused["id"] == "MM405"
    add, again = refused["next"]
    assert again == "migmerge check"
    paste(ignoring, add)
    assert [c["kind"] for c in ignoring.check()["conflicts"]] == ["siblings"]


def test_what_is_no_migration_may_be_ignored(ignoring: Repo) -> None:
    for name in ("0002_x.log", "0002_notes.txt", "_0002_x.py", "0002_x.sql.py", "0002_empty.py"):
        ignoring.write(f"shop/migrations/{name}", "import os\n")
    ignoring.migration("shop/migrations/0002dir", "0001_initial")
    assert ignoring.run("check").returncode == 0


def test_a_rule_that_is_taken_back_ignores_nothing(ignoring: Repo) -> None:
    ignoring.write(".gitignore", "!/shop/migrations/0002*\n")
    ignoring.migration("shop", "0002_mine", "0001_initial")
    (ignoring.root / ".git/info/exclude").write_text("")
    assert ignoring.check()["conflicts"] == []
    assert ignoring.check("--staged")["conflicts"] == []  # nor is it in the index


def test_an_excluded_file_may_be_ignored(ignoring: Repo) -> None:
    ignoring.migration("shop", "0002_mine", "0001_initial")
    assert ignoring.run("check", env={"MIGMERGE_EXCLUDE": "*/0002_*"}).returncode == 0


def test_a_file_with_an_odd_name(ignoring: Repo) -> None:
    (ignoring.root / ".git/info/exclude").write_text("*ünd*\n")
    ignoring.migration("shop", "0002_hühner ünd", "0001_initial")
    (conflict,) = ignoring.check()["conflicts"]
    assert conflict["commands"][0] == "git add -f -- 'shop/migrations/0002_hühner ünd.py'"


def test_where_git_ignores_all_migrations_it_is_one_notice(ignoring: Repo) -> None:
    ignoring.write(".gitignore", "migrations/\n")
    for app in ("cart", "blog"):
        ignoring.write(f"{app}/models.py", "")
    ignoring.commit("apps")
    assert "MM114" not in ignoring.run("check").stderr
    for app in ("cart", "blog"):
        ignoring.migration(app, "0001_initial")
    note = (
        "note: blog/migrations: MM114 git ignores the migrations here and of 1 more app "
        "(.gitignore:1: migrations/): they are not looked at"
    )
    for _ in range(2):
        done = ignoring.run("check")
        assert (done.returncode, done.stderr.splitlines()[0]) == (0, note)
    assert "migration-ignored: blog/migrations: " in ignoring.run("doctor").stdout


def test_behind_a_link_or_in_another_repository_git_says_nothing(ignoring: Repo) -> None:
    for app in ("linked", "nested"):
        ignoring.write(f"{app}/models.py", "")
    ignoring.write(".gitignore", "*/migrations/0001*\n")
    ignoring.migration("other", "0001_initial")
    (ignoring.root / "linked/migrations").symlink_to("../other/migrations")
    ignoring.migration("nested", "0001_initial")
    ignoring.git("init", "-q", "nested/migrations")
    ignoring.git("-C", "nested/migrations", "commit", "-q", "--allow-empty", "-m", "nested")
    ignoring.git("add", ".gitignore", "linked", "nested/models.py")
    ignoring.git("commit", "-q", "-m", "apps")
    done = ignoring.run("check")
    assert (done.returncode, "MM114" in done.stderr) == (0, False)


def test_a_file_that_goes_is_not_remembered(ignoring: Repo) -> None:
    ignoring.migration("shop", "0002_mine", "0001_initial")
    assert ignoring.run("check").returncode == 1
    (ignoring.root / MINE).unlink()
    assert [ignoring.run("check").returncode for _ in range(2)] == [0, 0]

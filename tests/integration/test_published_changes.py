"""A published migration that a branch edits, renames or removes (MM111)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import PRODUCT, Repo
from tests.integration.test_lost_files import paste

pytestmark = pytest.mark.once

B = "AddField('product', 'b', models.CharField(max_length=10, default='x', help_text='h'))"
PATH = "shop/migrations/0002_b.py"
FILL = """\
from django.db import migrations


def fill(apps, schema_editor):
    apps.get_model("shop", "Product").objects.update(b={value})


class Migration(migrations.Migration):
    dependencies = [("shop", "0002_b")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
"""


@pytest.fixture
def branch(repo: Repo) -> Repo:
    """feature, checked out, and main, which is published, are one commit."""
    repo.migration("shop", "0001_initial", operations=(PRODUCT,))
    repo.migration("shop", "0002_b", "0001_initial", operations=(B,))
    repo.write("shop/migrations/0003_fill.py", FILL.format(value=1))
    repo.commit()
    repo.publish()
    repo.git("checkout", "-q", "-b", "feature")
    return repo


def replace(repo: Repo, old: str, new: str, path: str = PATH) -> None:
    text = repo.read(path)
    assert old.encode() in text
    repo.write(path, text.replace(old.encode(), new.encode()))


def reasons(repo: Repo, *arguments: str) -> list[str]:
    document = repo.check(*arguments)
    assert {c["kind"] for c in document["conflicts"]} <= {"published-changed"}
    return [reason for c in document["conflicts"] for reason in c["reasons"]]


def edited(repo: Repo) -> None:
    replace(repo, "=10", "=12")


def renamed(repo: Repo) -> None:
    repo.git("mv", PATH, "shop/migrations/0002_better.py")
    replace(repo, "0002_b", "0002_better", "shop/migrations/0003_fill.py")


def removed(repo: Repo) -> None:
    repo.git("rm", "-q", "shop/migrations/0003_fill.py")


def behind_a_new_one(repo: Repo) -> None:
    repo.migration("shop", "0001_between", "0001_initial")
    replace(repo, "0001_initial", "0001_between")


def run_before(repo: Repo) -> None:
    path = repo.migration("cart", "0001_initial")
    replace(
        repo, "    operations", "    run_before = [('shop', '0003_fill')]\n    operations", path
    )


CHANGES: dict[str, tuple[Callable[[Repo], None], str]] = {
    "edited": (
        edited,
        "shop.0002_b is on origin/main, and was edited: AddField shop.product.b: max_length is 10 in "
        "origin/main, 12 in this tree",
    ),
    "renamed": (renamed, "shop.0002_b is on origin/main, and is 0002_better here"),
    "removed": (removed, "shop.0003_fill is on origin/main, and was removed"),
    "behind a new one": (
        behind_a_new_one,
        "shop.0002_b is on origin/main, and depends on shop.0001_between, which is not: a database "
        "that has run only the one stops with InconsistentMigrationHistory",
    ),
    "run_before": (
        run_before,
        "shop.0003_fill is on origin/main, and depends on cart.0001_initial, which is not: a database "
        "that has run only the one stops with InconsistentMigrationHistory",
    ),
}


@pytest.mark.parametrize(("change", "reason"), CHANGES.values(), ids=CHANGES)
def test_a_change_is_found_wherever_it_is_looked_for(
    branch: Repo, change: Callable[[Repo], None], reason: str
) -> None:
    change(branch)
    assert reasons(branch) == [reason]
    branch.git("add", "-A")
    assert reasons(branch, "--staged") == [reason]
    branch.commit("change")
    found = branch.run("check")
    assert (found.returncode, ": MM111 published-changed in shop: " in found.stdout) == (1, True)
    assert reasons(branch, "--rev", "HEAD") == [reason]
    assert reasons(branch, "--against", "origin/main") == [reason]


@pytest.mark.parametrize("change", [edited, renamed, removed], ids=lambda c: c.__name__)
def test_the_next_command_brings_back_what_is_published(
    branch: Repo, change: Callable[[Repo], None]
) -> None:
    change(branch)
    branch.commit("change")
    (refused,) = branch.fix(code=1)["resolutions"]
    assert refused["id"] == "MM405"
    restore = refused["next"][0]
    paste(branch, restore)
    assert branch.run("check").returncode == 0
    assert branch.git("diff", "--stat", "origin/main", "--", "shop/migrations") == ""


def test_what_builds_on_the_new_name_follows_back(branch: Repo) -> None:
    renamed(branch)
    branch.git("rm", "-q", "-f", "shop/migrations/0003_fill.py")
    branch.migration("cart", "0001_initial", "shop.0002_better")
    branch.commit("change")
    conflicts = branch.check()["conflicts"]
    (restore,) = (c["commands"][0] for c in conflicts if "0002_better" in c["reasons"][0])
    paste(branch, restore)
    (missing,) = (c for c in branch.check()["conflicts"] if c["kind"] == "missing-dependency")
    assert missing["commands"] == ["migmerge fix shop"]


def layout(repo: Repo) -> None:
    replace(repo, "    operations", "    # b\n    operations")
    replace(repo, "\n", "\r\n")


def state_only(repo: Repo) -> None:
    replace(repo, "'h'", "'help'")


def squashed(repo: Repo) -> None:
    names = "0001_initial", "0002_b", "0003_fill"
    path = repo.migration("shop", "0001_squashed_0003_fill", operations=(PRODUCT, B))
    replaces = f"replaces = {[('shop', name) for name in names]}"
    replace(repo, "    operations", f"    {replaces}\n    operations", path)
    repo.git("rm", "-q", *(f"shop/migrations/{name}.py" for name in names))


def renamed_and_carried(repo: Repo) -> None:
    renamed(repo)
    path = "shop/migrations/0002_better.py"
    replace(repo, "    operations", "    replaces = [('shop', '0002_b')]\n    operations", path)


def moved_directory(repo: Repo) -> None:
    (repo.root / "apps").mkdir()
    repo.git("mv", "shop", "apps/shop")


def app_removed(repo: Repo) -> None:
    repo.git("rm", "-q", "-r", "shop")
    repo.migration("cart", "0001_initial")


def behind_the_base(repo: Repo) -> None:
    """What this branch does not know yet is no change of it."""
    repo.git("checkout", "-q", "main")
    edited(repo)
    repo.git("rm", "-q", "shop/migrations/0003_fill.py")
    repo.migration("shop", "0003_more", "0002_b")
    repo.commit("on main")
    repo.publish()
    repo.git("checkout", "-q", "feature")


def laid_out_behind_the_base(repo: Repo) -> None:
    behind_the_base(repo)
    layout(repo)


def same_edit_as_the_base(repo: Repo) -> None:
    behind_the_base(repo)
    repo.git("checkout", "-q", "main", "--", PATH)


NO_CHANGES = (
    layout, state_only, squashed, renamed_and_carried, moved_directory, app_removed, behind_the_base,
    laid_out_behind_the_base, same_edit_as_the_base,
)  # fmt: skip


@pytest.mark.parametrize("change", NO_CHANGES, ids=lambda change: change.__name__)
def test_what_does_no_harm_is_not_reported(branch: Repo, change: Callable[[Repo], None]) -> None:
    change(branch)
    assert reasons(branch) == []
    branch.git("add", "-A")
    branch.git("commit", "-q", "--allow-empty", "-m", "change")
    done = branch.run("check")
    assert (done.returncode, "MM111" in done.stderr) == (0, False)


def test_originals_of_a_published_squash_may_go(branch: Repo) -> None:
    """Django's second step: they are removed, and so is `replaces`."""
    names = "0001_initial", "0002_b", "0003_fill"
    path = branch.migration("shop", "0001_squashed_0003_fill", operations=(PRODUCT, B))
    replaces = f"    replaces = {[('shop', name) for name in names]}\n"
    replace(branch, "    operations", f"{replaces}    operations", path)
    branch.commit("squash")
    branch.publish("feature")
    branch.git("rm", "-q", *(f"shop/migrations/{name}.py" for name in names))
    replace(branch, replaces, "", path)
    assert (reasons(branch), "MM111" in branch.run("check").stderr) == ([], False)


def test_code_that_is_edited_is_a_notice(branch: Repo) -> None:
    replace(branch, "b=1", "b=2", "shop/migrations/0003_fill.py")
    done = branch.run("check")
    assert done.returncode == 0
    note = (
        "note: shop/migrations/0003_fill.py: MM111 shop.0003_fill is on origin/main, and was edited"
    )
    assert note in done.stderr.splitlines()
    assert branch.run("check").stderr == done.stderr


def test_many_edits_of_an_app_are_one_notice(branch: Repo) -> None:
    replace(branch, "b=1", "b=2", "shop/migrations/0003_fill.py")
    replace(branch, "default='x'", "default='y'")
    (note,) = (line for line in branch.run("check").stderr.splitlines() if "MM111" in line)
    assert note == (
        "note: shop/migrations: MM111 2 migrations of shop are on origin/main, and were edited, the "
        "first is 0002_b"
    )


def test_a_history_that_is_started_again_is_one_notice(branch: Repo) -> None:
    branch.git("rm", "-q", "-r", "shop/migrations")
    branch.migration("shop", "0001_initial", operations=(PRODUCT, B))
    done = branch.run("check")
    assert done.returncode == 0
    (note,) = (line for line in done.stderr.splitlines() if "MM111" in line)
    assert note.endswith(
        "shop was started again: 2 migrations of origin/main are gone, and every database that has "
        "them needs migmerge reset"
    )


def test_the_setting_says_what_is_an_error(branch: Repo) -> None:
    edited(branch)
    replace(branch, "b=1", "b=2", "shop/migrations/0003_fill.py")
    results = {}
    for value in ("auto", "error", "notice", "off"):
        done = branch.run("check", env={"MIGMERGE_PUBLISHED_CHANGES": value})
        results[value] = done.stdout.count("MM111"), done.stderr.count("MM111")
    assert results == {"auto": (1, 1), "error": (2, 0), "notice": (0, 2), "off": (0, 0)}


def test_state_only_edits_are_errors_where_every_change_is(branch: Repo) -> None:
    state_only(branch)
    done = branch.run("check", env={"MIGMERGE_PUBLISHED_CHANGES": "error"})
    assert (done.returncode, done.stdout.count("MM111")) == (1, 1)


def test_in_a_stopped_merge_what_comes_in_is_no_change(branch: Repo) -> None:
    branch.git("checkout", "-q", "main")
    branch.migration("shop", "0004_main", "0003_fill")
    branch.commit("on main")
    branch.publish()
    branch.git("checkout", "-q", "feature")
    branch.write("notes.txt", "a")
    branch.commit("notes")
    branch.git("merge", "-q", "--no-commit", "--no-ff", "main")
    assert reasons(branch) == []
    branch.git("rm", "-q", "-f", "shop/migrations/0004_main.py")
    assert reasons(branch) == ["shop.0004_main is on origin/main, and was removed"]


def test_without_a_base_branch_nothing_is_published(branch: Repo) -> None:
    edited(branch)
    branch.forget_base()
    assert reasons(branch) == []
    assert branch.run("check", env={"MIGMERGE_BASE": "nowhere"}).returncode == 0


def test_what_is_remembered_holds_while_the_base_branch_moves(branch: Repo) -> None:
    branch.migration("shop", "0004_mine", "0003_fill")
    branch.commit("mine")
    branch.git("rm", "-q", "shop/migrations/0004_mine.py")
    assert [branch.run("check").returncode for _ in range(2)] == [0, 0]
    branch.publish("feature")
    assert reasons(branch) == ["shop.0004_mine is on origin/main, and was removed"]
    assert branch.run("check").returncode == 1


@pytest.mark.parametrize("commit", ["--commit", "--no-commit"])
def test_a_remembered_result_is_of_one_commit(branch: Repo, commit: str) -> None:
    """The same files are another result once the branch has seen what they lack."""
    branch.write("notes.txt", "a")
    branch.commit("notes")
    assert branch.run("check").returncode == 0
    branch.git("worktree", "add", "-q", "../main", "main")
    other = Repo(branch.root.parent / "main")
    other.migration("shop", "0004_main", "0003_fill")
    other.commit("on main")
    branch.publish()
    assert branch.run("check").returncode == 0
    branch.git("merge", "-q", "-s", "ours", commit, "--no-edit", "main")
    assert reasons(branch) == ["shop.0004_main is on origin/main, and was removed"]
    assert branch.run("check").returncode == 1


def with_siblings(repo: Repo, change: Callable[[Repo], None]) -> None:
    """feature has changed a published migration; beside that, both sides have added one."""
    change(repo)
    repo.commit("change")
    for name in ("mine", "theirs"):
        operation = f"AddField('product', '{name}', models.IntegerField(null=True))"
        repo.migration("shop", f"0004_{name}", "0003_fill", operations=(operation,))
        repo.commit(name)
        repo.git("checkout", "-q", "main")
    repo.publish()
    repo.git("checkout", "-q", "feature")
    repo.git("merge", "-q", "--no-edit", "main")


def test_an_edit_does_not_stand_in_the_way_of_a_fix_and_is_refused_beside_it(branch: Repo) -> None:
    with_siblings(branch, edited)
    fixed, refused = branch.fix(code=1)["resolutions"]
    assert (fixed["status"], fixed["strategy"]) == ("fixed", "merge")
    assert (refused["status"], refused["id"]) == ("refused", "MM405")
    reason = "shop/migrations/0002_b.py: published-changed: shop.0002_b is on origin/main, and was edited"
    assert refused["reasons"][0].startswith(reason)
    (left,) = branch.check()["conflicts"]
    assert (left["id"], left["commands"]) == ("MM111", refused["next"])


def test_a_rename_is_taken_back_before_anything_is_fixed(branch: Repo) -> None:
    """Which migrations are the sides depends on it."""
    with_siblings(branch, renamed)
    (refused,) = branch.fix(code=1)["resolutions"]
    assert (refused["status"], refused["id"]) == ("refused", "MM405")


def test_what_is_not_fixed_is_refused_once(branch: Repo) -> None:
    with_siblings(branch, edited)
    (refused,) = branch.fix("--strategy", "renumber", "--move", "0004_theirs", code=1)[
        "resolutions"
    ]
    assert refused["status"] == "refused"

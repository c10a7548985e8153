"""Renamed migrations that keep their old names, so that `migrate` is all that a database needs."""

from __future__ import annotations

import pytest

from migmerge.analysis.seen_elsewhere import seen_elsewhere
from migmerge.git.repository import find_repository
from migmerge.migrations.catch_up import catch_up_name, catch_up_source, is_catch_up
from migmerge.migrations.reader import read_header
from tests.conftest import PRICE, PRODUCT, STOCK, Repo

pytestmark = pytest.mark.lowest

RENUMBER = ("--strategy", "renumber")
PATH = "shop/migrations/0002_price.py"


@pytest.fixture
def pushed(siblings: Repo) -> Repo:
    """Somebody may have fetched the branch, and run it."""
    siblings.git("update-ref", "refs/remotes/origin/feature", "HEAD^1")
    return siblings


def header(repo: Repo, name: str) -> tuple[list[str], list[str]]:
    """What a migration of shop depends on, and replaces."""
    found = read_header(repo.read(f"shop/migrations/{name}.py"))
    assert found is not None
    return [r.name for r in found.dependencies], [r.name for r in found.replaces]


def names(repo: Repo) -> list[str]:
    return sorted(p.stem for p in (repo.root / "shop/migrations").glob("0*.py"))


def again(repo: Repo, *, onto: str = "0003_weight") -> None:
    """The fix is committed, main gets another migration, and is merged."""
    repo.commit("fixed")
    repo.git("checkout", "-q", "main")
    parent = max(names(repo))
    repo.migration("shop", onto, parent, operations=(STOCK.replace("stock", "weight"),))
    repo.commit(onto)
    repo.publish()
    repo.git("checkout", "-q", "feature")
    repo.git("merge", "-q", "--no-edit", "main")


def test_a_pushed_migration_keeps_its_old_name(pushed: Repo) -> None:
    (resolution,) = pushed.fix(*RENUMBER)["resolutions"]
    assert resolution["carried"] is True
    assert (
        "old names are kept in replaces (origin/feature has them): every database needs migrate only"
        in resolution["reasons"]
    )
    assert names(pushed) == [
        "0001_initial", "0002_stock", "0003_price", "0004_catch_up_0002_stock_price",
    ]  # fmt: skip
    assert header(pushed, "0003_price") == (["0002_stock"], ["0002_price"])
    assert header(pushed, "0004_catch_up_0002_stock_price") == (["0003_price"], [])
    assert resolution["mentions"] == []


def test_what_nobody_can_have_seen_is_only_renamed(siblings: Repo) -> None:
    (resolution,) = siblings.fix(*RENUMBER)["resolutions"]
    assert resolution["carried"] is False
    assert names(siblings) == ["0001_initial", "0002_stock", "0003_price"]
    assert header(siblings, "0003_price") == (["0002_stock"], [])


@pytest.mark.parametrize(
    ("carry", "arguments", "carried"),
    [
        ("always", (), True),
        ("never", (), False),
        ("never", ("--carry",), True),
        ("always", ("--no-carry",), False),
    ],
)
def test_carry_of_the_configuration(
    pushed: Repo, carry: str, arguments: tuple[str, ...], carried: bool
) -> None:
    pushed.write("pyproject.toml", f'[tool.migmerge]\ncarry = "{carry}"\n')
    if carry == "always":
        pushed.git("update-ref", "-d", "refs/remotes/origin/feature")
    (resolution,) = pushed.fix(*RENUMBER, *arguments)["resolutions"]
    assert resolution["carried"] is carried


def seen(repo: Repo, path: str = PATH) -> str:
    base = repo.git("rev-parse", "main").strip()
    return seen_elsewhere(find_repository(str(repo.root)), [path], base)


@pytest.mark.parametrize(
    ("ref", "told"),
    [
        ("refs/remotes/origin/feature", "origin/feature has them"),
        ("refs/remotes/origin/another-name", "origin/another-name has them"),
        ("refs/remotes/a-fork/feature", "a-fork/feature has them"),
        ("refs/tags/preview-7", "preview-7 has them"),
    ],
)
def test_seen_elsewhere_where_it_was_pushed(siblings: Repo, ref: str, told: str) -> None:
    assert seen(siblings) == ""
    siblings.git("update-ref", ref, "HEAD^1")
    assert seen(siblings) == told


def test_seen_elsewhere_where_it_was_rebased_or_deleted_since(siblings: Repo) -> None:
    siblings.git("checkout", "-q", "-b", "old", "HEAD^1")
    siblings.git("commit", "-q", "--amend", "-m", "another commit")
    siblings.git("rm", "-q", PATH)
    siblings.git("commit", "-q", "-m", "gone")
    siblings.git("update-ref", "refs/remotes/origin/old", "old")
    siblings.git("checkout", "-q", "feature")
    assert seen(siblings) == "origin/old has them"


def test_seen_elsewhere_without_a_remote(siblings: Repo) -> None:
    siblings.git("update-ref", "-d", "refs/remotes/origin/main")
    assert seen(siblings) == "there is no remote-tracking branch to compare with"


def test_seen_elsewhere_where_nobody_can_tell(siblings: Repo) -> None:
    siblings.git("config", "remote.origin.url", "../x")
    siblings.git("config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*")
    siblings.git("config", "branch.feature.remote", "origin")
    siblings.git("config", "branch.feature.merge", "refs/heads/feature")
    assert seen(siblings) == "the upstream branch of feature is gone"
    siblings.git("checkout", "-q", "--detach")
    assert seen(siblings) == "HEAD is detached"


def test_seen_elsewhere_in_a_rebase(siblings: Repo) -> None:
    """HEAD is detached there, but the branch is known."""
    siblings.git("reset", "-q", "--hard", "HEAD^1")
    siblings.git("rebase", "-q", "-x", "false", "main", fails=True)
    assert seen(siblings) == ""
    siblings.git("update-ref", "refs/remotes/origin/feature", "refs/heads/feature")
    assert seen(siblings) == "origin/feature has them"


def test_renumbered_again_it_keeps_the_first_name(pushed: Repo) -> None:
    """One catch-up migration, however often; also after what depends on the last one."""
    pushed.fix(*RENUMBER)
    pushed.migration("shop", "0005_color", "0004_catch_up_0002_stock_price", operations=(PRICE,))
    pushed.migration("cart", "0001_initial", "shop.0004_catch_up_0002_stock_price")
    again(pushed)
    (resolution,) = pushed.fix(*RENUMBER)["resolutions"]
    assert names(pushed) == [
        "0001_initial", "0002_stock", "0003_weight", "0004_price", "0005_color",
        "0006_catch_up_0003_weight_color",
    ]  # fmt: skip
    assert header(pushed, "0004_price") == (["0003_weight"], ["0002_price"])
    assert header(pushed, "0005_color") == (["0004_price"], [])
    assert b"('shop', '0004_price')" in pushed.read("cart/migrations/0001_initial.py")
    assert resolution["removed"] == ["shop/migrations/0004_catch_up_0002_stock_price.py"]
    pushed.commit("again")
    assert pushed.check()["conflicts"] == []


def test_a_chain_that_grows_before_its_catch_up_migration(pushed: Repo) -> None:
    """A fix in the middle of a rebase: later commits build on the migration before it."""
    pushed.fix(*RENUMBER)
    more = PRICE.replace("price", "more")
    pushed.migration("shop", "0003_more", "0003_price", operations=(more,))
    pushed.commit("more")
    (conflict,) = pushed.check()["conflicts"]
    sides = {b["migrations"][0]: b["side"] for b in conflict["branches"]}
    assert sides == {"0003_more": "replayed", "0004_catch_up_0002_stock_price": "onto"}
    (resolution,) = pushed.fix(*RENUMBER)["resolutions"]
    assert names(pushed)[2:] == ["0003_price", "0004_more", "0005_catch_up_0002_stock_more"]
    assert header(pushed, "0004_more") == (["0003_price"], ["0003_more"])
    assert resolution["removed"] == ["shop/migrations/0004_catch_up_0002_stock_price.py"]


def test_a_chain_that_grows_where_it_is_not_known_what_is_published(pushed: Repo) -> None:
    """Then the catch-up migration stays, as it may be published."""
    pushed.fix(*RENUMBER)
    pushed.migration("shop", "0003_more", "0003_price", operations=(PRICE.replace("ice", "e"),))
    pushed.commit("more")
    for ref in ("main", "feature"):
        pushed.git("update-ref", "-d", f"refs/remotes/origin/{ref}")
    pushed.git("branch", "-D", "main")
    pushed.fix(*RENUMBER)
    assert names(pushed)[-3:] == [
        "0004_catch_up_0002_stock_price", "0005_more", "0006_catch_up_0004_more",
    ]  # fmt: skip


def test_a_catch_up_migration_that_is_published_stays(pushed: Repo) -> None:
    pushed.fix(*RENUMBER)
    pushed.commit("fixed")
    pushed.git("update-ref", "refs/remotes/origin/main", "HEAD")
    pushed.migration("shop", "0003_more", "0003_price", operations=(PRICE.replace("ice", "e"),))
    pushed.commit("more")
    pushed.fix(*RENUMBER, "--carry")
    assert names(pushed)[3:] == [
        "0004_catch_up_0002_stock_price", "0005_more", "0006_catch_up_0004_more",
    ]  # fmt: skip


def test_a_rename_only_leaves_a_catch_up_migration_behind_its_chain(pushed: Repo) -> None:
    """Without it what was carried would be the leaf node, and a trap."""
    pushed.fix(*RENUMBER)
    again(pushed)
    pushed.fix(*RENUMBER, "--no-carry")
    assert names(pushed)[-2:] == ["0004_price", "0005_catch_up_0002_stock_price"]
    assert header(pushed, "0004_price") == (["0003_weight"], ["0002_price"])


def test_a_rebase_of_what_was_pushed_is_carried(pushed: Repo) -> None:
    """Each commit is right by itself, and one catch-up migration remains."""
    pushed.git("reset", "-q", "--hard", "HEAD^1")
    for number, name in ((3, "more"), (4, "most")):
        operation = PRICE.replace("price", name)
        parent = {3: "0002_price", 4: "0003_more"}[number]
        pushed.migration("shop", f"{number:04d}_{name}", parent, operations=(operation,))
        pushed.commit(name)
    pushed.git("update-ref", "refs/remotes/origin/feature", "HEAD")
    done = pushed.run("rebase", "main")
    assert done.returncode == 0, done.stdout + done.stderr
    for commit in ("feature~2", "feature~1", "feature"):
        assert pushed.check("--rev", commit)["conflicts"] == []
    assert names(pushed)[2:] == [
        "0003_price", "0004_more", "0005_most", "0006_catch_up_0002_stock_most",
    ]  # fmt: skip
    assert header(pushed, "0005_most") == (["0004_more"], ["0004_most"])
    assert pushed.git("rev-list", "--count", "main..feature").strip() == "3"


def test_two_catch_up_migrations_become_one(pushed: Repo) -> None:
    pushed.fix(*RENUMBER)
    path = "shop/migrations/0004_catch_up_0002_stock_price.py"
    second = pushed.read(path).replace(b"'0003_price'", b"'0004_catch_up_0002_stock_price'")
    pushed.write("shop/migrations/0005_catch_up_0002_stock_again.py", second)
    again(pushed)
    pushed.fix(*RENUMBER)
    assert names(pushed)[-2:] == ["0004_price", "0005_catch_up_0003_weight_price"]


def test_a_catch_up_migration_with_operations_moves_like_any_other(pushed: Repo) -> None:
    """It is known by what it is, not by its name alone."""
    pushed.fix(*RENUMBER)
    path = "shop/migrations/0004_catch_up_0002_stock_price.py"
    text = pushed.read(path).decode()
    pushed.write(path, text.replace("operations = []", "operations = [migrations.RunSQL('x')]"))
    again(pushed)
    pushed.fix(*RENUMBER)
    assert names(pushed)[-2:] == [
        "0005_catch_up_0002_stock_price",
        "0006_catch_up_0003_weight_catch_up_0002_stock_price",
    ]


def merged_chain(repo: Repo, first: str, second: str) -> None:
    """A branch of two migrations, merged with main's 0002_stock."""
    repo.migration("shop", "0001_initial")
    repo.commit("base")
    repo.git("checkout", "-q", "-b", "feature")
    repo.migration("shop", first, "0001_initial", operations=(PRICE,))
    repo.migration("shop", second, first, operations=(PRICE.replace("price", "more"),))
    repo.commit("feature")
    repo.git("checkout", "-q", "main")
    repo.migration("shop", "0002_stock", "0001_initial", operations=(STOCK,))
    repo.commit("main")
    repo.publish()
    repo.git("checkout", "-q", "feature")
    repo.git("merge", "-q", "--no-edit", "main")


def test_the_first_of_a_chain_gets_another_name_where_its_number_stays(repo: Repo) -> None:
    """Its row is there, and its new parent's is not: `migrate` would stop."""
    merged_chain(repo, "0003_price", "0004_more")
    repo.fix(*RENUMBER, "--carry")
    assert names(repo)[2:] == ["0003_price_2", "0004_more", "0005_catch_up_0002_stock_more"]
    assert header(repo, "0003_price_2") == (["0002_stock"], ["0003_price"])
    assert header(repo, "0004_more") == (["0003_price_2"], [])


def test_keep_names_keeps_the_numbers_of_what_is_carried(pushed: Repo) -> None:
    pushed.fix(*RENUMBER, "--keep-names")
    assert names(pushed)[1:3] == ["0002_price_2", "0002_stock"]
    assert header(pushed, "0002_price_2") == (["0002_stock"], ["0002_price"])


def test_names_that_shift_get_other_titles(repo: Repo) -> None:
    """An old name must not be that of a file that is there."""
    merged_chain(repo, "0002_x", "0003_x")
    repo.fix(*RENUMBER, "--carry")
    assert names(repo)[2:] == ["0003_x_2", "0004_x", "0005_catch_up_0002_stock_x"]
    assert header(repo, "0003_x_2")[1] == ["0002_x"]
    assert header(repo, "0004_x") == (["0003_x_2"], ["0003_x"])


def test_one_file_name_on_both_sides_is_not_carried(repo: Repo) -> None:
    """One row stands for either content: only the tables tell."""
    repo.migration("shop", "0001_initial")
    repo.commit("base")
    for branch, operation in (("feature", PRICE), ("main", STOCK)):
        repo.git("checkout", "-q", *(() if branch == "main" else ("-b",)), branch)
        repo.migration("shop", "0002_auto", "0001_initial", operations=(operation,))
        repo.commit(branch)
    repo.publish()
    repo.git("checkout", "-q", "feature")
    repo.git("merge", "-q", "main", fails=True)
    done = repo.run("fix", "--yes", *RENUMBER, "--carry", "--skip-verification")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "migmerge db reconcile there, before migrate" in done.stdout
    assert names(repo) == ["0001_initial", "0002_auto", "0003_auto"]
    assert header(repo, "0003_auto")[1] == []


def test_three_branches_are_one_carried_chain(pushed: Repo) -> None:
    pushed.git("checkout", "-q", "-b", "third", "main^")
    pushed.migration(
        "shop", "0002_third", "0001_initial", operations=(PRICE.replace("price", "z"),)
    )
    pushed.commit("third")
    pushed.git("checkout", "-q", "feature")
    pushed.git("merge", "-q", "--no-edit", "third")
    pushed.fix(*RENUMBER)
    assert names(pushed)[-3:] == ["0003_price", "0004_third", "0005_catch_up_0002_stock_third"]
    assert header(pushed, "0004_third") == (["0003_price"], ["0002_third"])


def test_a_squash_of_the_branch_keeps_its_own_replaces(pushed: Repo) -> None:
    """Databases have recorded what it replaces: that is what carries it."""
    pushed.git("reset", "-q", "--hard", "HEAD^1")
    pushed.git("rm", "-q", PATH)
    path = pushed.migration("shop", "0002_squashed", "0001_initial", operations=(PRICE,))
    old = '    replaces = [("shop", "0002_price"), ("shop", "0003_more")]\n    dependencies'
    pushed.write(path, pushed.read(path).decode().replace("    dependencies", old))
    pushed.commit("squashed")
    pushed.git("merge", "-q", "--no-edit", "main")
    pushed.fix(*RENUMBER)
    assert names(pushed)[2] == "0004_squashed"  # the numbers of what it replaces stay taken
    assert header(pushed, "0004_squashed")[1] == ["0002_price", "0003_more"]


def test_a_lock_file_names_the_catch_up_migration(pushed: Repo) -> None:
    pushed.write("shop/migrations/max_migration.txt", "0002_stock\n")
    pushed.commit("lock")
    pushed.fix(*RENUMBER)
    assert pushed.read("shop/migrations/max_migration.txt") == b"0004_catch_up_0002_stock_price\n"


def test_catch_up_names() -> None:
    assert catch_up_name("0003_price", "0002_stock", ()) == "0004_catch_up_0002_stock_price"
    # of another branch's catch-up migration only the number
    name = catch_up_name("0006_x", "0005_catch_up_0002_stock_price", ())
    assert name == "0007_catch_up_0005_x"
    assert catch_up_name("0006_x", "0005_catch_up_0002_y", [name]) == "0007_catch_up_0005_x_2"
    assert catch_up_name("price", "stock", ()) == "0001_catch_up_stock_price"
    assert len(catch_up_name("0003_" + "x" * 200, "0002_" + "y" * 200, ())) <= 120


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"operations = []", b"operations = [migrations.RunSQL('')]"),
        (b"operations = []", b"operations = []\n    replaces = [('shop', '0002_x')]"),
        (b"operations = []", b"operations = []\n    run_before = [('cart', '0001_x')]"),
        (b"('shop', '0003_price')", b"('cart', '0003_price')"),
        (b"('shop', '0003_price')", b"('shop', '0003_price'), ('shop', '0003_stock')"),
        (b"('shop', '0003_price')", b"*computed()"),
        (b"class", b"klass"),
        (b"dependencies = [", b"dependencies = ["),
    ],
)
def test_what_is_a_catch_up_migration(old: bytes, new: bytes) -> None:
    name = "0004_catch_up_0002_stock_price"
    source = catch_up_source("shop", "0003_price", "0002_stock", {"0002_price": "0003_price"})
    assert is_catch_up(source.replace(old, new), name, "shop") is (old == new)
    assert not is_catch_up(source, "0004_merge", "shop")


def test_a_catch_up_migration_holds_no_code_of_a_file_name() -> None:
    """A branch may call a file anything."""
    name = '0002_x"""\nimport os\n"""'
    source = catch_up_source("shop", "0003_price", name, {name: "0003_price"})
    assert b"import os" not in source
    assert is_catch_up(source, "0004_catch_up_0002_x_price", "shop")


def test_one_migration_renamed_on_both_sides_is_no_pair_of_squashes(repo: Repo) -> None:
    """Each keeps the old name in `replaces`; they are one migration under two names."""
    repo.migration("shop", "0001_initial", operations=(PRODUCT,))
    repo.commit("base")
    for branch, name in (("feature", "0003_price"), ("main", "0004_price")):
        repo.git("checkout", "-q", *(["-b", branch] if branch == "feature" else [branch]))
        path = repo.migration("shop", name, "0001_initial", operations=(PRICE,))
        text = repo.read(path).decode()
        replaces = "replaces = [('shop', '0002_price')]\n\n    dependencies"
        repo.write(path, text.replace("dependencies", replaces, 1))
        repo.commit(branch)
    repo.publish()
    repo.git("checkout", "-q", "feature")
    repo.git("merge", "-q", "--no-edit", "main")
    assert "overlapping-squashes" not in [c["kind"] for c in repo.check()["conflicts"]]

"""What `fix` writes: real merges, rebases and cherry-picks, and what it refuses to touch."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from migmerge.analysis.snapshot import read_snapshot
from migmerge.analysis.workspace import open_workspace
from migmerge.git.repository import find_repository
from migmerge.migrations.model import NodeKey
from migmerge.resolve.fix_plan import GraphChange
from migmerge.resolve.plan import prepare_given
from migmerge.resolve.static_check import lost_migrations
from tests.conftest import PRICE, PRODUCT, STOCK, Repo, migration_text

pytestmark = pytest.mark.lowest

MERGED = """\
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('shop', '0002_price'),
        ('shop', '0002_stock'),
    ]

    operations = [
    ]
"""


def test_fix_merge(siblings: Repo) -> None:
    document = siblings.fix()
    (resolution,) = document["resolutions"]
    path = "shop/migrations/0003_merge_0002_price_0002_stock.py"
    assert resolution == {
        "app": "shop",
        "key": "shop",
        "status": "fixed",
        "strategy": "merge",
        "kind": None,
        "id": None,
        "renamed": {},
        "edited": [],
        "created": [path],
        "removed": [],
        "mentions": [],
        "reasons": [],
        "next": [],
        "carried": False,
    }
    assert document["written"] == [path]
    assert document["verification"]["static"] == "ok"
    assert document["verification"]["django"] == "skipped: --skip-verification"
    assert siblings.read(path).decode() == MERGED
    assert siblings.git("status", "--porcelain") == f"A  {path}\n"
    assert siblings.check()["conflicts"] == []


def test_fix_renumber_moves_the_unpublished_side(siblings: Repo) -> None:
    before = siblings.read("shop/migrations/0002_price.py")
    document = siblings.fix("--strategy", "renumber")
    (resolution,) = document["resolutions"]
    assert resolution["renamed"] == {
        "shop/migrations/0002_price.py": "shop/migrations/0003_price.py"
    }
    after = siblings.read("shop/migrations/0003_price.py")
    assert after == before.replace(b"0001_initial", b"0002_stock")
    assert siblings.git("status", "--porcelain") == (
        "R  shop/migrations/0002_price.py -> shop/migrations/0003_price.py\n"
    )
    assert siblings.check()["conflicts"] == []


@pytest.mark.parametrize("onto", ["main", "feature"])
def test_fix_renumber_does_not_depend_on_the_direction_of_the_merge(repo: Repo, onto: str) -> None:
    repo.migration("shop", "0001_initial", operations=(PRODUCT,))
    repo.commit()
    repo.git("checkout", "-q", "-b", "feature")
    repo.migration("shop", "0002_price", "0001_initial", operations=(PRICE,))
    repo.commit()
    repo.git("checkout", "-q", "main")
    repo.migration("shop", "0002_stock", "0001_initial", operations=(STOCK,))
    repo.commit()
    repo.publish()
    repo.git("checkout", "-q", onto)
    repo.git("merge", "-q", "--no-edit", {"main": "feature", "feature": "main"}[onto])
    repo.fix("--strategy", "renumber")
    names = sorted(path.name for path in (repo.root / "shop/migrations").iterdir())
    assert names == ["0001_initial.py", "0002_stock.py", "0003_price.py"]


def test_fix_text(siblings: Repo) -> None:
    done = siblings.run("fix", "--yes", "--strategy", "renumber")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == (
        "shop: fixed (renumber)\n"
        "  renamed shop/migrations/0002_price.py -> 0003_price.py\n"
        "files     ok\n"
        "Django    skipped: no manage.py, and no settings in the configuration\n"
        "databases skipped: the Django project could not be run\n"
        "if a database already applied a migration under its old name: migmerge db reconcile there, "
        "before migrate\n"
        "staged; look, then git commit\n"
        "not verified: Django skipped: no manage.py, and no settings in the configuration\n"
    )
    assert siblings.git("status", "--short").startswith("R  ")


@pytest.mark.parametrize(
    ("option", "last"),
    [
        ("--skip-verification", "not verified: Django skipped: --skip-verification\n"),
        ("--no-verify", "not verified: Django skipped: --skip-verification\n"),
        ("--allow-skipped", "and no settings in the configuration\n"),
    ],
)
def test_fix_exit_code_where_checks_are_not_wanted(siblings: Repo, option: str, last: str) -> None:
    done = siblings.run("fix", "--yes", option)
    assert done.returncode == 0 and done.stdout.endswith(last), done.stdout


def test_fix_nothing_to_do(repo: Repo) -> None:
    repo.migration("shop", "0001_initial")
    done = repo.run("fix", "--yes")
    assert (done.returncode, done.stdout) == (0, "no conflicts\n")


def test_fix_dry_run_prints_a_diff_and_writes_nothing(siblings: Repo) -> None:
    before = siblings.state()
    done = siblings.run("fix", "--dry-run", "--strategy", "renumber")
    assert done.returncode == 0
    assert done.stdout == (
        "diff --git a/shop/migrations/0002_price.py b/shop/migrations/0003_price.py\n"
        "rename from shop/migrations/0002_price.py\n"
        "rename to shop/migrations/0003_price.py\n"
        "--- a/shop/migrations/0002_price.py\n"
        "+++ b/shop/migrations/0003_price.py\n"
        "@@ -4,7 +4,7 @@\n"
        " class Migration(migrations.Migration):\n"
        " \n"
        "     dependencies = [\n"
        "-        ('shop', '0001_initial'),\n"
        "+        ('shop', '0002_stock'),\n"
        "     ]\n"
        " \n"
        "     operations = [\n"
        "shop: planned (renumber)\n"
        "  renamed shop/migrations/0002_price.py -> 0003_price.py\n"
    )
    assert siblings.state() == before


@pytest.mark.parametrize(
    ("directory", "name"),
    [
        ("", "shop"),
        ("", "./shop/"),
        ("", "shop/models.py"),
        ("", "shop/migrations/0002_price.py"),
        ("", "."),
        ("shop", "."),
        ("shop/migrations", "0002_price.py"),
        ("cart", "../shop/migrations"),
    ],
)
def test_fix_of_a_path(siblings: Repo, directory: str, name: str) -> None:
    siblings.write("cart/__init__.py", "")
    done = siblings.run("fix", "--dry-run", name, cwd=siblings.root / directory)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(
        "shop: planned (merge)\n  created shop/migrations/0003_merge_0002_price_0002_stock.py\n"
    )


@pytest.mark.parametrize("name", ["sop", "cart", "../shop", "shop/views", "/tmp"])
def test_fix_of_no_app(siblings: Repo, name: str) -> None:
    siblings.write("cart/models.py", "")
    done = siblings.run("fix", "--dry-run", name)
    assert done.returncode == 2
    assert f"no app {name!r} with migrations here\n" in done.stderr


def add_carriage_returns(repo: Repo) -> None:
    path = repo.root / "shop/migrations/0002_price.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n").rstrip())
    repo.commit("other line ends, and none at the end")


def add_duplicate(repo: Repo) -> None:
    source = repo.read("shop/migrations/0002_stock.py").rstrip()  # no newline at the end
    repo.write("shop/migrations/0002_again.py", source)
    repo.git("rm", "-q", "shop/migrations/0002_price.py")
    repo.commit("the same under another name")


def add_lock_file(repo: Repo) -> None:
    repo.write("shop/migrations/max_migration.txt", "0002_price\n")
    repo.commit("a lock file")


@pytest.mark.parametrize(
    ("change", "options"),
    [
        (None, ("--strategy", "merge")),
        (None, ("--strategy", "renumber", "--carry")),
        (add_carriage_returns, ("--strategy", "renumber")),
        (add_duplicate, ("--strategy", "renumber")),
        (add_lock_file, ("--strategy", "renumber")),
    ],
)
def test_git_apply_takes_the_diff_of_a_dry_run(
    siblings: Repo, tmp_path: Path, change: Callable[[Repo], None] | None, options: tuple[str, ...]
) -> None:
    if change:
        change(siblings)
    done = subprocess.run(
        [sys.executable, "-m", "migmerge", "fix", "--dry-run", *options],
        cwd=siblings.root, capture_output=True, check=True,
    )  # fmt: skip
    patch = tmp_path / "plan.diff"
    patch.write_bytes(done.stdout)
    siblings.git("apply", "--index", str(patch))
    applied = siblings.state()
    siblings.git("reset", "-q", "--hard")
    siblings.fix(*options)
    assert siblings.state() == applied


def test_fix_without_a_terminal_wants_yes(siblings: Repo) -> None:
    before = siblings.state()
    done = siblings.run("fix")
    assert done.returncode == 2
    assert "shop: planned (merge)" in done.stdout
    assert done.stderr == (
        "migmerge: MM315 nothing was written: there is no terminal to ask on\nhint: add --yes\n"
    )
    assert siblings.state() == before


def test_fix_commit_takes_only_what_it_touched(siblings: Repo) -> None:
    siblings.write("notes.txt", "mine")
    siblings.git("add", "notes.txt")
    document = siblings.fix("--commit")
    assert document["note"] == "committed: Resolve migration conflicts in shop"
    assert siblings.git("status", "--porcelain") == "A  notes.txt\n"
    assert siblings.git("show", "--format=%B", "--name-only").strip() == (
        "Resolve migration conflicts in shop\n\n"
        "new: shop/migrations/0003_merge_0002_price_0002_stock.py\n\n\n"
        "shop/migrations/0003_merge_0002_price_0002_stock.py"
    )


def test_fix_commit_after_renumbering(siblings: Repo) -> None:
    siblings.fix("--commit", "--strategy", "renumber")
    assert siblings.git("status", "--porcelain") == ""
    assert siblings.check("--rev", "HEAD")["conflicts"] == []


def test_fix_prefer_renumber_merges_where_no_side_is_known_to_be_published(siblings: Repo) -> None:
    siblings.forget_base()
    done = siblings.run("fix", "--yes", env={"MIGMERGE_PREFER": "renumber"})
    assert done.stdout.startswith("shop: fixed (merge)\n")


def test_fix_prefer_renumber(siblings: Repo) -> None:
    siblings.write("pyproject.toml", '[tool.migmerge]\nprefer = "renumber"\n')
    assert siblings.fix()["resolutions"][0]["strategy"] == "renumber"


def test_fix_whole_chain_with_everything_that_names_it(siblings: Repo) -> None:
    """Dependents in another app, run_before, replaces, lock files; mentions are only told."""
    siblings.migration("shop", "0003_more", "0002_price")
    siblings.migration("cart", "0001_initial", "shop.0003_more", "shop.0001_initial")
    text = migration_text(("cart", "0001_initial"))
    before = text.replace(
        "dependencies", "run_before = [('shop', '0003_more')]\n    dependencies", 1
    )
    siblings.write(
        "early/migrations/0001_initial.py", before.replace("('cart', '0001_initial'),", "")
    )
    siblings.write("shop/migrations/max_migration.txt", "0003_more\n")
    siblings.write("migrations_lockfile.txt", "Locks.\n\ncart: 0001_initial\nshop: 0003_more\n")
    siblings.write("tests/test_more.py", "NAME = '0003_more'\nOTHER = '0003_more_or_less'\n")
    siblings.commit("more")
    document = siblings.fix("--strategy", "renumber")
    (resolution,) = document["resolutions"]
    assert resolution["renamed"] == {
        "shop/migrations/0002_price.py": "shop/migrations/0003_price.py",
        "shop/migrations/0003_more.py": "shop/migrations/0004_more.py",
    }
    assert resolution["edited"] == [
        "cart/migrations/0001_initial.py",
        "early/migrations/0001_initial.py",
        "migrations_lockfile.txt",
        "shop/migrations/max_migration.txt",
    ]
    assert resolution["mentions"] == [
        {"path": "tests/test_more.py", "line": 1, "text": "NAME = '0003_more'"}
    ]
    cart = siblings.read("cart/migrations/0001_initial.py").decode()
    assert "('shop', '0004_more'),\n        ('shop', '0001_initial')" in cart
    assert b"run_before = [('shop', '0004_more')]" in siblings.read(
        "early/migrations/0001_initial.py"
    )
    assert siblings.read("shop/migrations/max_migration.txt") == b"0004_more\n"
    assert siblings.read("migrations_lockfile.txt") == (
        b"Locks.\n\ncart: 0001_initial\nshop: 0004_more\n"
    )
    assert siblings.check()["conflicts"] == []


def test_fix_renumber_rewrites_replaces_and_spares_reserved_names(siblings: Repo) -> None:
    squash = migration_text(("shop", "0001_initial")).replace(
        "    dependencies",
        "    replaces = [('shop', '0003_price'), ('shop', '0002_stock')]\n    dependencies",
        1,
    )
    siblings.write("shop/migrations/0002_squashed.py", squash)
    (resolution,) = siblings.fix("--strategy", "renumber", "--move", "0002_price")["resolutions"]
    assert resolution["renamed"] == {
        "shop/migrations/0002_price.py": "shop/migrations/0004_price.py"
    }


def test_fix_three_branches(siblings: Repo) -> None:
    other = "AddField('product', 'third', models.IntegerField(default=0))"
    siblings.migration("shop", "0002_third", "0001_initial", operations=(other,))
    siblings.fix("--strategy", "renumber")
    names = sorted(path.stem for path in (siblings.root / "shop/migrations").glob("0*"))
    assert names == ["0001_initial", "0002_stock", "0003_price", "0004_third"]
    assert siblings.check()["conflicts"] == []


def test_fix_three_branches_merge(siblings: Repo) -> None:
    other = "AddField('product', 'third', models.IntegerField(default=0))"
    siblings.migration("shop", "0002_third", "0001_initial", operations=(other,))
    siblings.fix("--strategy", "merge")
    (created,) = (siblings.root / "shop/migrations").glob("0003_merge_*.py")
    assert created.read_text().count("('shop', '0002_") == 3


def test_fix_branches_that_share_a_part_of_their_chains(siblings: Repo) -> None:
    for name in ("left", "right"):
        call = f"AddField('product', '{name}', models.IntegerField(default=0))"
        siblings.migration("shop", f"0003_{name}", "0002_price", operations=(call,))
    (conflict,) = siblings.check()["conflicts"]
    assert conflict["verdict"] == "commute"
    siblings.fix("--strategy", "renumber")
    names = sorted(path.stem for path in (siblings.root / "shop/migrations").glob("0*"))
    assert names == ["0001_initial", "0002_stock", "0003_price", "0004_left", "0005_right"]
    assert siblings.check()["conflicts"] == []


def test_fix_replayed_side_with_a_merge_migration_of_its_own(siblings: Repo) -> None:
    siblings.migration("shop", "0002_left", "0001_initial")
    siblings.migration("shop", "0003_merge", "0002_price", "0002_left")
    siblings.fix("--strategy", "renumber")
    names = sorted(path.stem for path in (siblings.root / "shop/migrations").glob("0*"))
    assert names == ["0001_initial", "0002_stock", "0003_left", "0004_price", "0005_merge"]
    assert siblings.check()["conflicts"] == []


def test_fix_keep_names(siblings: Repo) -> None:
    (resolution,) = siblings.fix("--strategy", "renumber", "--keep-names")["resolutions"]
    assert (resolution["renamed"], resolution["edited"]) == ({}, ["shop/migrations/0002_price.py"])
    assert siblings.check()["conflicts"] == []


def test_fix_ticket_numbers_are_kept_by_themselves(repo: Repo) -> None:
    for parent, name in zip(
        ["", "0021_a", "0034_b", "1078_c"], ["0021_a", "0034_b", "1078_c", "1090_d"], strict=True
    ):
        repo.migration("shop", name, *[parent] * bool(parent))
    repo.commit()
    repo.publish()
    repo.migration("shop", "1077_mine", "1078_c")
    (resolution,) = repo.fix("--strategy", "renumber")["resolutions"]
    assert (resolution["renamed"], resolution["edited"]) == ({}, ["shop/migrations/1077_mine.py"])


def test_fix_name_without_a_number_is_kept(siblings: Repo) -> None:
    (siblings.root / "shop/migrations/0002_price.py").rename(
        siblings.root / "shop/migrations/price.py"
    )
    (resolution,) = siblings.fix("--strategy", "renumber")["resolutions"]
    assert (resolution["renamed"], resolution["edited"]) == ({}, ["shop/migrations/price.py"])


def test_fix_app_made_on_both_sides_gets_a_dependency(repo: Repo) -> None:
    repo.migration("shop", "0001_initial", operations=(PRODUCT,))
    repo.commit()
    repo.publish()
    other = PRODUCT.replace("Product", "Order")
    repo.migration("shop", "0001_order", operations=(other,))
    repo.fix("--strategy", "renumber")
    assert b'dependencies = [("shop", "0001_initial")]' in repo.read(
        "shop/migrations/0002_order.py"
    )


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("autocrlf", ["false", "true"])
def test_fix_keeps_line_endings_and_mode(siblings: Repo, newline: str, autocrlf: str) -> None:
    siblings.git("config", "core.autocrlf", autocrlf)
    path = siblings.root / "shop/migrations/0002_price.py"
    path.write_bytes(path.read_bytes().replace(b"\n", newline.encode()))
    path.chmod(0o755)
    siblings.commit("line endings")
    before = path.read_bytes()
    siblings.fix("--strategy", "renumber")
    moved = siblings.root / "shop/migrations/0003_price.py"
    assert moved.read_bytes() == before.replace(b"0001_initial", b"0002_stock")
    assert stat.S_IMODE(moved.stat().st_mode) == 0o755
    assert siblings.git("status", "--porcelain").startswith("R  ")
    assert siblings.git("diff", "--name-only") == ""


def collision(repo: Repo) -> None:
    """Both sides add 0002_product; main's is published; feature goes on to 0003_more."""
    repo.migration("shop", "0001_initial", operations=(PRODUCT,))
    repo.commit()
    repo.git("checkout", "-q", "-b", "feature")
    repo.migration("shop", "0002_product", "0001_initial", operations=(PRICE,))
    repo.migration("shop", "0003_more", "0002_product")
    repo.migration("cart", "0001_initial", "shop.0002_product")
    repo.commit("feature")
    repo.git("checkout", "-q", "main")
    repo.migration("shop", "0002_product", "0001_initial", operations=(STOCK,))
    repo.migration("late", "0001_initial", "shop.0002_product")
    repo.commit("main")
    repo.publish()


@pytest.mark.parametrize("onto", ["main", "feature"])
def test_fix_path_collision(repo: Repo, onto: str) -> None:
    collision(repo)
    repo.git("checkout", "-q", onto)
    repo.git("merge", "-q", {"main": "feature", "feature": "main"}[onto], fails=True)
    stopped = repo.state()
    (resolution,) = repo.fix()["resolutions"]
    assert resolution["strategy"] == "renumber"
    assert resolution["renamed"] == {
        "shop/migrations/0002_product.py": "shop/migrations/0003_product.py",
        "shop/migrations/0003_more.py": "shop/migrations/0004_more.py",
    }
    assert b"'stock'" in repo.read("shop/migrations/0002_product.py")
    assert b"'price'" in repo.read("shop/migrations/0003_product.py")
    assert b"('shop', '0002_product')" in repo.read("shop/migrations/0003_product.py")
    assert b"('shop', '0003_product')" in repo.read("cart/migrations/0001_initial.py")
    assert b"('shop', '0002_product')" in repo.read("late/migrations/0001_initial.py")
    assert repo.git("ls-files", "--unmerged") == ""
    assert repo.check()["conflicts"] == []
    repo.git("merge", "--abort")
    assert repo.git("status", "--porcelain") == ""
    repo.git("merge", "-q", {"main": "feature", "feature": "main"}[onto], fails=True)
    assert repo.state() == stopped


def test_fix_path_collision_by_merge_migration(repo: Repo) -> None:
    collision(repo)
    repo.git("merge", "-q", "feature", fails=True)
    (resolution,) = repo.fix("--strategy", "merge")["resolutions"]
    assert resolution["renamed"] == {
        "shop/migrations/0002_product.py": "shop/migrations/0004_product.py"
    }
    assert resolution["created"] == ["shop/migrations/0005_merge_0002_product_0003_more.py"]
    assert repo.check()["conflicts"] == []
    repo.git("commit", "-q", "--no-edit")


@pytest.mark.parametrize("strategy", ["merge", "renumber"])
@pytest.mark.parametrize(
    ("feature", "main"),
    [
        pytest.param("auto:a auto:b auto:c", "auto:c", id="the last one"),
        pytest.param("x:a x:c y:b", "x:c", id="with one behind it"),
        pytest.param("c:c auto:a auto:b", "d:d auto:c", id="the first one"),
    ],
)
def test_fix_path_collision_with_a_duplicate_under_another_name(
    repo: Repo, feature: str, main: str, strategy: str
) -> None:
    """One of main's migrations is on feature under another name, and its own name is taken there:
    each field is added once."""
    repo.migration("shop", "0001_initial", operations=(PRODUCT,))
    repo.commit("base")
    for branch, chain in (("feature", feature), ("main", main)):
        repo.git("checkout", "-q", *(["-b", branch] if branch == "feature" else [branch]))
        parent = "0001_initial"
        for number, (title, field) in enumerate((p.split(":") for p in chain.split()), start=2):
            name, operation = f"{number:04d}_{title}", STOCK.replace("stock", f"field_{field}")
            repo.migration("shop", name, parent, operations=(operation,))
            parent = name
        repo.commit(branch)
    repo.publish()
    repo.git("merge", "-q", "feature", fails=True)
    (resolution,) = repo.fix("--strategy", strategy)["resolutions"]
    assert len(resolution["removed"]) == 1
    texts = [path.read_text() for path in (repo.root / "shop/migrations").glob("0*.py")]
    for field in {part.partition(":")[2] for part in f"{feature} {main}".split()}:
        assert sum(f"'field_{field}'" in text for text in texts) == 1, (field, resolution)
    assert repo.check()["conflicts"] == []


def test_lost_migrations_are_found(repo: Repo) -> None:
    """A file whose operations are nowhere, where it is not dropped on purpose."""
    for name, operations in (("0001_a", (PRODUCT,)), ("0002_b", (PRICE,)), ("0003_c", (STOCK,))):
        parents = () if name == "0001_a" else ("0001_a",)
        repo.migration("shop", name, *parents, operations=operations)
    repo.commit()
    workspace = open_workspace(find_repository(str(repo.root)), None)
    before = read_snapshot(workspace)
    files = {"shop/migrations/0002_b.py", "shop/migrations/0003_c.py"}
    repo.git("mv", "shop/migrations/0003_c.py", "shop/migrations/0002_b.py", "-f")
    after = read_snapshot(open_workspace(find_repository(str(repo.root)), None))
    lost, kept = NodeKey("shop", "0002_b"), NodeKey("shop", "0003_c")
    assert lost_migrations(before, after, files, {kept}) == [
        ("shop", "what 0002_b does would be in no file")
    ]
    assert lost_migrations(before, after, files, {lost}) == []
    assert lost_migrations(before, after, (), ()) == []


def test_plan_that_would_lose_a_version_is_refused(repo: Repo) -> None:
    """Whatever made it: of two files with one name only one would be kept."""
    collision(repo)
    repo.git("merge", "-q", "feature", fails=True)
    workspace = open_workspace(find_repository(str(repo.root)), None)
    snapshot = read_snapshot(workspace)
    change = GraphChange("shop", "drop", {}, {}, leaf="0003_more")
    prepared = prepare_given(workspace, snapshot, [change], [])
    (resolution,) = prepared.plan.resolutions
    assert "what 0002_product does would be in no file" in resolution.reasons
    assert prepared.plan.changes == {}


def test_fix_path_collision_of_unknown_sides_is_refused(repo: Repo) -> None:
    collision(repo)
    repo.forget_base()
    repo.git("merge", "-q", "feature", fails=True)
    before = repo.state()
    for conflict in repo.check()["conflicts"]:
        if conflict["kind"] == "path":
            assert conflict["recommendation"] == "manual"
            assert conflict["commands"] == [
                "migmerge fix shop --strategy renumber --base HEAD",
                "migmerge fix shop --strategy renumber --base MERGE_HEAD",
            ]
    assert "path" in [conflict["kind"] for conflict in repo.check()["conflicts"]]
    (resolution,) = repo.fix(code=1)["resolutions"]
    assert resolution["status"] == "refused"
    assert resolution["next"] == [
        "migmerge fix shop --strategy renumber --base HEAD",
        "migmerge fix shop --strategy renumber --base MERGE_HEAD",
    ]
    assert repo.state() == before
    assert repo.fix("--base", "HEAD")["resolutions"][0]["status"] == "fixed"


def test_check_path_collision_that_contradicts_names_the_sides(repo: Repo) -> None:
    collision(repo)
    repo.git("checkout", "-q", "main")
    repo.migration("shop", "0002_product", "0001_initial",
                   operations=(PRICE.replace("Integer", "Float"),))  # fmt: skip
    repo.commit("the same field with another type")
    repo.publish()
    repo.git("merge", "-q", "feature", fails=True)
    conflict = next(c for c in repo.check()["conflicts"] if c["kind"] == "path")
    assert conflict["reasons"] == [
        "both add shop.product.price: type is FloatField in 0002_product (ours), "
        "IntegerField in 0002_product (theirs)",
        "migrating 0002_product (theirs) back drops shop.product.price with its data, "
        "where it is applied",
    ]


def twice(repo: Repo, more: tuple[str, ...] = ()) -> None:
    """Both sides made 0002_price, on two days; feature goes on with `more`."""
    repo.migration("shop", "0001_initial", operations=(PRODUCT,))
    repo.commit()
    text = migration_text(("shop", "0001_initial"), operations=(PRICE,))
    for branch, day in (("feature", "21"), ("main", "22")):
        repo.git("checkout", "-q", "-B", branch, "main")
        header = f"# Generated by Django 5.2 on 2026-01-{day}\n\n"
        repo.write("shop/migrations/0002_price.py", header + text)
        if branch == "feature" and more:
            repo.migration("shop", "0003_more", "0002_price", operations=more)
        repo.commit(branch)


@pytest.mark.parametrize("published", ["main", "feature", None])
@pytest.mark.parametrize("strategy", ["auto", "merge"])
def test_fix_one_file_with_the_same_content_on_both_sides(
    repo: Repo, published: str | None, strategy: str
) -> None:
    """The published one stays as it is; where neither is, ours."""
    twice(repo)
    if published:
        repo.publish(published)
    repo.git("merge", "-q", "feature", fails=True)
    (conflict,) = repo.check()["conflicts"]
    assert (conflict["kind"], conflict["verdict"]) == ("path", "commute")
    assert conflict["reasons"] == ["both sides added 0002_price with the same content"]
    (resolution,) = repo.fix("--strategy", strategy)["resolutions"]
    assert (resolution["status"], resolution["strategy"]) == ("fixed", "drop")
    assert resolution["edited"] == ["shop/migrations/0002_price.py"]
    assert resolution["removed"] == []
    text = repo.git("show", f"{published or 'main'}:shop/migrations/0002_price.py")
    assert repo.read("shop/migrations/0002_price.py").decode() == text
    assert repo.git("ls-files", "--unmerged") == ""
    assert repo.check()["conflicts"] == []
    repo.git("commit", "-q", "--no-edit")


def test_fix_one_file_with_the_same_content_below_two_leaves(repo: Repo) -> None:
    twice(repo, more=("AddField('product', 'more', models.IntegerField(default=0))",))
    repo.migration("shop", "0003_stock", "0002_price", operations=(STOCK,))
    repo.commit()
    repo.publish()
    repo.git("merge", "-q", "feature", fails=True)
    (resolution,) = repo.fix()["resolutions"]
    assert (resolution["status"], resolution["strategy"]) == ("fixed", "renumber")
    assert resolution["renamed"] == {"shop/migrations/0003_more.py": "shop/migrations/0004_more.py"}
    assert repo.check()["conflicts"] == []
    repo.git("commit", "-q", "--no-edit")


def test_fix_path_collision_that_somebody_began_to_resolve_is_left_alone(repo: Repo) -> None:
    collision(repo)
    repo.git("merge", "-q", "feature", fails=True)
    path = repo.root / "shop/migrations/0002_product.py"
    path.write_bytes(path.read_bytes().replace(b"<<<<<<< HEAD\n", b"# my own line\n"))
    before = repo.state()
    done = repo.run("fix", "--yes")
    assert done.returncode == 2
    assert done.stderr.startswith(
        "migmerge: MM316 unstaged edits in shop/migrations/0002_product.py\n"
    )
    assert repo.state() == before


def test_fix_in_the_middle_of_a_stopped_merge(siblings: Repo) -> None:
    siblings.git("reset", "-q", "--hard", "HEAD^")
    siblings.git("merge", "-q", "--no-commit", "main")
    document = siblings.fix()
    assert document["note"] == "staged; go on with git commit"
    siblings.git("commit", "-q", "--no-edit")
    assert siblings.check("--rev", "HEAD")["conflicts"] == []
    assert len(siblings.git("log", "-1", "--format=%P").split()) == 2


def test_fix_commit_finishes_a_stopped_merge(siblings: Repo) -> None:
    siblings.git("reset", "-q", "--hard", "HEAD^")
    siblings.git("merge", "-q", "--no-commit", "main")
    assert siblings.fix("--commit")["note"] == "committed the merge"
    assert len(siblings.git("log", "-1", "--format=%P").split()) == 2


def test_fix_in_the_middle_of_a_stopped_rebase(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_EDITOR", "true")
    collision(repo)
    repo.git("checkout", "-q", "feature")
    repo.git("rebase", "-q", "main", fails=True)
    document = repo.fix()
    assert document["note"] == "staged; go on with git rebase --continue"
    assert b"'stock'" in repo.read("shop/migrations/0002_product.py")
    repo.git("rebase", "--continue")
    assert repo.check("--rev", "HEAD")["conflicts"] == []


def test_fix_in_the_middle_of_a_stopped_cherry_pick(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_EDITOR", "true")
    collision(repo)
    repo.git("cherry-pick", "feature", fails=True)
    assert repo.fix()["note"] == "staged; go on with git cherry-pick --continue"
    repo.git("cherry-pick", "--continue")
    assert repo.check("--rev", "HEAD")["conflicts"] == []


def test_fix_in_a_linked_worktree(siblings: Repo, tmp_path: Path) -> None:
    siblings.git("checkout", "-q", "main")
    siblings.git("worktree", "add", "-q", str(tmp_path / "linked"), "feature")
    linked = Repo(tmp_path / "linked")
    linked.fix("--strategy", "renumber", "--commit")
    assert linked.check("--rev", "HEAD")["conflicts"] == []
    assert siblings.git("status", "--porcelain") == ""


def test_fix_in_a_submodule(siblings: Repo, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    around = Repo(outer)
    around.git("init", "-q")
    around.git("submodule", "add", "-q", "-b", "feature", str(siblings.root), "inner")
    inner = Repo(outer / "inner")
    assert around.check()["conflicts"] == []
    inner.fix("--commit")
    assert inner.check("--rev", "HEAD")["conflicts"] == []


def test_fix_with_unstaged_edits_elsewhere(siblings: Repo) -> None:
    siblings.write("notes.txt", "a")
    siblings.commit()
    siblings.write("notes.txt", "b")
    siblings.fix("--strategy", "renumber")
    assert siblings.read("notes.txt") == b"b"
    assert siblings.git("diff", "--name-only") == "notes.txt\n"


def test_fix_refuses_unstaged_edits_in_a_file_it_must_touch(siblings: Repo) -> None:
    path = siblings.root / "shop/migrations/0002_price.py"
    path.write_bytes(path.read_bytes() + b"# mine\n")
    before = siblings.state()
    done = siblings.run("fix", "--yes", "--strategy", "renumber")
    assert done.returncode == 2
    assert done.stderr == (
        "migmerge: MM316 unstaged edits in shop/migrations/0002_price.py\n"
        "hint: git add or git stash them, then run migmerge fix again\n"
    )
    assert siblings.state() == before


def test_fix_untracked_migration(repo: Repo) -> None:
    repo.migration("shop", "0001_initial", operations=(PRODUCT,))
    repo.migration("shop", "0002_stock", "0001_initial", operations=(STOCK,))
    repo.commit()
    repo.publish()
    repo.migration("shop", "0002_price", "0001_initial", operations=(PRICE,))
    repo.fix("--strategy", "renumber", "--commit")
    assert repo.git("status", "--porcelain") == ""


def test_fix_waits_for_gits_lock(siblings: Repo) -> None:
    (siblings.root / ".git/index.lock").touch()
    done = siblings.run("fix", "--yes")
    assert done.returncode == 2
    assert done.stderr.startswith("migmerge: MM318 git holds its index lock: ")


def test_fix_file_in_the_way(siblings: Repo) -> None:
    siblings.write(".gitignore", "0003_merge*")
    siblings.write("shop/migrations/0003_merge_0002_price_0002_stock.py", "mine")
    done = siblings.run("fix", "--yes")
    assert done.returncode == 2
    assert done.stderr == (
        "migmerge: MM317 shop/migrations/0003_merge_0002_price_0002_stock.py is in the way\n"
        "hint: move it away, then run migmerge fix again\n"
    )
    assert siblings.read("shop/migrations/0003_merge_0002_price_0002_stock.py") == b"mine"


def refused(repo: Repo, *arguments: str) -> dict:
    before = repo.state()
    (resolution,) = repo.fix(*arguments, code=1)["resolutions"]
    assert resolution["status"] == "refused"
    assert repo.state() == before
    return resolution


def test_fix_refuses_to_edit_a_published_file(siblings: Repo) -> None:
    siblings.git("checkout", "-q", "main")
    siblings.migration("cart", "0001_initial", "shop.0002_price")
    siblings.commit()
    siblings.publish()
    siblings.git("checkout", "-q", "feature")
    siblings.git("merge", "-q", "--no-edit", "main")
    resolution = refused(siblings, "--strategy", "renumber")
    assert resolution["reasons"] == [
        "cart/migrations/0001_initial.py is published and would have to be edited"
    ]


def test_fix_refuses_to_move_a_published_migration(siblings: Repo) -> None:
    resolution = refused(siblings, "--strategy", "renumber", "--move", "0002_stock")
    assert resolution["reasons"] == ["0002_stock would move, but is published"]
    assert resolution["next"] == ["migmerge fix shop --strategy merge"]


def test_fix_refuses_computed_dependencies_with_their_line(siblings: Repo) -> None:
    path = siblings.root / "shop/migrations/0002_price.py"
    text = path.read_text().replace("('shop', '0001_initial')", "('shop', PREVIOUS)")
    path.write_text("PREVIOUS = '0001_initial'\n" + text)
    siblings.commit()
    resolution = refused(siblings, "--strategy", "renumber")
    assert resolution["reasons"] == [
        "shop/migrations/0002_price.py:8: dependencies are put together from other values"
    ]


def test_fix_auto_merges_what_may_interact_and_says_why(siblings: Repo) -> None:
    siblings.migration("shop", "0003_data", "0002_price", operations=("RunPython(f)",))
    siblings.commit()
    (planned,) = siblings.fix("--dry-run")["resolutions"]
    assert (planned["status"], planned["strategy"]) == ("planned", "merge")
    assert planned["reasons"] == [
        "0003_data: RunPython runs f, which is not a function of this file"
    ]
    assert siblings.fix()["resolutions"] == [{**planned, "status": "fixed"}]


def test_fix_auto_renumbers_where_the_team_does(siblings: Repo) -> None:
    """Three renumberings for each merge migration on the base branch."""
    siblings.git("checkout", "-q", "main")
    for number in (2, 3, 4):
        old, new = (f"cart/migrations/{n:04d}_x.py" for n in (number, number + 1))
        if number == 2:
            siblings.migration("cart", "0002_x")
            siblings.commit()
        siblings.git("mv", old, new)
        siblings.commit()
    siblings.publish()
    siblings.git("checkout", "-q", "feature")
    siblings.git("merge", "-q", "--no-edit", "main")
    (conflict,) = siblings.check()["conflicts"]
    assert conflict["recommendation"] == "renumber"
    assert conflict["commands"] == ["migmerge fix shop --strategy renumber"]
    (resolution,) = siblings.fix()["resolutions"]
    assert resolution["strategy"] == "renumber"


def test_fix_what_both_sides_set_needs_the_projects_models(repo: Repo) -> None:
    repo.migration("shop", "0001_initial", operations=(PRODUCT,))
    for width in (10, 12):
        call = f"AlterField('product', 'name', models.CharField(max_length={width}))"
        repo.migration("shop", f"0002_{width}", "0001_initial", operations=(call,))
    repo.commit()
    both = "both set shop.product.name: max_length is 10 in 0002_10, 12 in 0002_12"
    resolution = refused(repo)
    assert resolution["reasons"] == [
        "both sides set the same thing: the merged models have to decide",
        both,
    ]
    assert resolution["next"] == ["migmerge fix shop --strategy merge"]
    resolution = refused(repo, "--strategy", "merge")
    assert resolution["reasons"] == [
        "what both sides set is read from the project's models: no manage.py, and no settings in the configuration",
        "fix that first",
    ]
    repo.fix("--strategy", "renumber", "--move", "0002_12")


def test_fix_refuses_an_empty_merge_migration_that_would_let_databases_differ(repo: Repo) -> None:
    repo.migration("shop", "0001_initial", operations=(PRODUCT,))
    for field in ("a", "b"):
        call = f"AlterIndexTogether('product', {{('id', '{field}')}})"
        repo.migration("shop", f"0002_{field}", "0001_initial", operations=(call,))
    repo.commit()
    assert refused(repo, "--strategy", "merge")["reasons"] == [
        "no merge migration brings what both sides set to one value in every database",
        "both set index_together of shop.product",
        "index_together of shop.product: index_together can't be set again where it is set already",
    ]


def test_fix_refuses_a_contradiction_with_the_way_back(repo: Repo) -> None:
    repo.migration("shop", "0001_initial", operations=(PRODUCT,))
    repo.migration("shop", "0002_a", "0001_initial", operations=(PRICE,))
    repo.commit()
    repo.publish()
    repo.migration("shop", "0002_b", "0001_initial", operations=(PRICE, "RunPython(f)"))
    for strategy in ("auto", "merge", "renumber"):
        resolution = refused(repo, "--strategy", strategy)
        assert resolution["reasons"] == [
            "the sides contradict each other",
            "both add shop.product.price, with the same operation",
            "0002_b: RunPython runs f, which is not a function of this file",
            "0002_b can't be migrated back: RunPython without a reverse",
            "0002_b is a data migration: copy it by hand, it is not regenerated",
            "migrating 0002_b back drops shop.product.price with its data, where it is applied",
        ]
        assert resolution["next"] == [
            """(trap 'for f in shop/migrations/0002_a.py; do mv -- "$f.aside" "$f"; done' EXIT && """
            'for f in shop/migrations/0002_a.py; do mv -- "$f" "$f.aside"; done && '
            "python manage.py migrate shop 0001_initial) && "
            "$EDITOR shop/migrations/0002_b.py && "
            "python manage.py makemigrations shop && "
            "python manage.py migrate shop"
        ]


@pytest.fixture
def duplicates(branches: Repo) -> Repo:
    """feature cherry-picked main's stock, renumbered it, and went on from there."""
    branches.write("shop/migrations/0003_stock.py", "# mine\n" + migration_text(
        ("shop", "0002_price"), operations=(STOCK,)))  # fmt: skip
    branches.migration("cart", "0001_initial", "shop.0003_stock")
    branches.commit()
    branches.git("merge", "-q", "--no-edit", "main")
    return branches


SAME = (
    "0003_stock has the same content as 0002_stock, which is enough; a database that has applied "
    "it needs migmerge db reconcile"
)


@pytest.mark.parametrize(
    ("strategy", "changed"),
    [
        ("merge", {"created": ["shop/migrations/0003_merge_0002_price_0002_stock.py"]}),
        ("renumber", {"renamed": {"shop/migrations/0002_price.py": "shop/migrations/0003_price.py"}}),
    ],
)  # fmt: skip
def test_fix_keeps_one_of_two_migrations_with_the_same_content(
    duplicates: Repo, strategy: str, changed: dict[str, object]
) -> None:
    assert duplicates.check()["conflicts"][0]["verdict"] == "commute"
    (resolution,) = duplicates.fix("--strategy", strategy)["resolutions"]
    assert resolution["reasons"] == [SAME]
    assert resolution["removed"] == ["shop/migrations/0003_stock.py"]
    assert changed.items() <= resolution.items()
    assert b"('shop', '0002_stock')" in duplicates.read("cart/migrations/0001_initial.py")
    assert duplicates.check()["conflicts"] == []
    assert duplicates.git("status", "--porcelain").splitlines()


def test_fix_compares_what_came_before_a_twin_with_it(branches: Repo) -> None:
    """feature filled the field before it altered it; on main the same alteration came alone."""
    alter = "AlterField('product', 'name', models.TextField())"
    fill = "RunSQL('UPDATE shop_product SET name = id')"
    branches.migration("shop", "0003_fill", "0002_price", operations=(fill,))
    branches.migration("shop", "0004_alter", "0003_fill", operations=(alter,))
    branches.commit()
    branches.git("checkout", "-q", "main")
    branches.migration("shop", "0003_alter", "0002_stock", operations=(alter,))
    branches.commit()
    branches.publish()
    branches.git("merge", "-q", "--no-edit", "feature")
    (conflict,) = branches.check()["conflicts"]
    assert conflict["verdict"] == "overlap"
    assert (
        "0003_fill (RunSQL) runs SQL on the table shop_product, beside 0003_alter (AlterField)"
        in conflict["reasons"]
    )


def test_fix_drops_a_side_that_the_other_has_under_another_name(branches: Repo) -> None:
    branches.git("mv", "shop/migrations/0002_price.py", "shop/migrations/0002_mine.py")
    branches.git("commit", "-q", "--amend", "-m", "mine")
    branches.git("checkout", "-q", "main")
    branches.migration("shop", "0003_price", "0002_stock", operations=(PRICE,))
    branches.commit()
    branches.publish()
    branches.git("checkout", "-q", "feature")
    branches.git("merge", "-q", "--no-edit", "main")
    before = branches.state()
    (resolution,) = branches.fix()["resolutions"]
    assert (resolution["strategy"], resolution["removed"]) == (
        "drop",
        ["shop/migrations/0002_mine.py"],
    )
    assert branches.check()["conflicts"] == []
    branches.git("reset", "-q", "--hard")
    assert branches.state() == before


def test_fix_never_drops_where_no_side_moves(branches: Repo) -> None:
    branches.migration("shop", "0002_same", "0001_initial", operations=(PRICE,))
    branches.commit()
    branches.publish("feature")
    assert "both add shop.product.price, with the same operation" in refused(branches)["reasons"]


def test_fix_refuses_a_contradiction_that_regenerate_mends(branches: Repo) -> None:
    branches.migration("shop", "0003_stock", "0002_price", operations=(STOCK, PRICE))
    branches.commit()
    branches.git("merge", "-q", "--no-edit", "main")
    assert refused(branches)["next"] == [
        """(trap 'for f in shop/migrations/0002_stock.py; do mv -- "$f.aside" "$f"; done' EXIT && """
        'for f in shop/migrations/0002_stock.py; do mv -- "$f" "$f.aside"; done && '
        "python manage.py migrate shop 0001_initial) && "
        "migmerge fix shop --strategy regenerate --yes && "
        "python manage.py migrate shop"
    ]


def test_fix_refuses_an_app_with_a_broken_migration_and_fixes_the_other(siblings: Repo) -> None:
    siblings.migration("cart", "0001_initial")
    siblings.migration("cart", "0002_a", "0001_initial")
    siblings.migration("cart", "0002_b", "0001_initial")
    siblings.write("cart/migrations/0003_c.py", migration_text(("cart", "0002_a")) + "x = (\n")
    document = siblings.fix(code=1)
    assert [(r["app"], r["status"]) for r in document["resolutions"]] == [
        ("cart", "refused"),
        ("shop", "fixed"),
    ]
    assert document["resolutions"][0]["reasons"] == [
        "cart/migrations/0003_c.py:12: unparsable: '(' was never closed"
    ]


def test_fix_only_the_named_app(siblings: Repo) -> None:
    siblings.migration("cart", "0001_initial")
    siblings.migration("cart", "0002_a", "0001_initial")
    siblings.migration("cart", "0002_b", "0001_initial")
    assert [r["app"] for r in siblings.fix("cart")["resolutions"]] == ["cart"]
    assert [c["app"] for c in siblings.check()["conflicts"]] == ["shop"]


def test_fix_two_apps_that_depend_on_each_other_at_once(siblings: Repo) -> None:
    siblings.git("checkout", "-q", "main")
    siblings.migration("cart", "0001_initial")
    siblings.migration("cart", "0002_x", "0001_initial")
    siblings.commit()
    siblings.publish()
    siblings.git("checkout", "-q", "feature")
    siblings.git("merge", "-q", "--no-edit", "main")
    siblings.migration("cart", "0002_y", "0001_initial", "shop.0002_price")
    siblings.migration("shop", "0003_after", "0002_price", "cart.0002_y")
    siblings.fix("--strategy", "renumber")
    assert b"('shop', '0003_price')" in siblings.read("cart/migrations/0003_y.py")
    assert b"('cart', '0003_y')" in siblings.read("shop/migrations/0004_after.py")
    assert siblings.check()["conflicts"] == []


def test_fix_lock_file_only(repo: Repo) -> None:
    repo.migration("shop", "0001_initial")
    repo.write("shop/migrations/max_migration.txt", "0000_old\n")
    repo.commit()
    (resolution,) = repo.fix()["resolutions"]
    assert (resolution["strategy"], resolution["edited"]) == (
        "lock-file",
        ["shop/migrations/max_migration.txt"],
    )
    assert repo.read("shop/migrations/max_migration.txt") == b"0001_initial\n"


def test_fix_lock_file_with_markers_of_a_stopped_merge(siblings: Repo) -> None:
    lock = "shop/migrations/max_migration.txt"
    siblings.git("reset", "-q", "--hard", "HEAD^")
    siblings.write(lock, "0002_price\n")
    siblings.commit()
    siblings.git("checkout", "-q", "main")
    siblings.write(lock, "0002_stock\n")
    siblings.commit()
    siblings.publish()
    siblings.git("checkout", "-q", "feature")
    siblings.git("merge", "-q", "main", fails=True)
    assert [c["kind"] for c in siblings.check()["conflicts"]] == ["siblings"]
    siblings.fix("--strategy", "renumber")
    assert siblings.read(lock) == b"0003_price\n"
    siblings.git("commit", "-q", "--no-edit")


def test_fix_leaves_the_markers_of_an_app_that_is_not_here(siblings: Repo) -> None:
    lock = "migrations_lockfile.txt"
    siblings.git("reset", "-q", "--hard", "HEAD^")
    siblings.write(lock, "other: 0007_a\nshop: 0002_price\n")
    siblings.commit()
    siblings.git("checkout", "-q", "main")
    siblings.write(lock, "other: 0007_b\nshop: 0002_stock\n")
    siblings.commit()
    siblings.publish()
    siblings.git("checkout", "-q", "feature")
    siblings.git("merge", "-q", "main", fails=True)
    before = siblings.read(lock)
    siblings.fix("--strategy", "renumber")
    assert siblings.read(lock) == before
    assert siblings.git("ls-files", "--unmerged", "--", lock)


def test_fix_names_that_look_like_options(repo: Repo) -> None:
    repo.write("-rf/migrations/0001_initial.py", migration_text())
    repo.write("-rf/migrations/--staged.py", migration_text(("-rf", "0001_initial")))
    repo.write("-rf/migrations/0002_b.py", migration_text(("-rf", "0001_initial")))
    assert [c["app"] for c in repo.check()["conflicts"]] == ["-rf"]
    repo.fix()
    assert repo.check()["conflicts"] == []


GIT_THAT_LOSES_THE_RACE = """\
#!/bin/sh
# the real git, but another process takes the index lock just before the index is written
case " $* " in *" --index-info "*) [ -e "{once}" ] || {{ touch "{once}" "{lock}"; }} ;; esac
"{git}" "$@"
code=$?
case " $* " in *" --index-info "*) {then} ;; esac
exit $code
"""


@pytest.mark.parametrize("stays", [False, True])
def test_fix_that_loses_the_race_for_the_index(
    siblings: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stays: bool
) -> None:
    """It waits a moment; then every file is put back."""
    real = shutil.which("git")
    assert real
    lock, once = siblings.root / ".git/index.lock", tmp_path / "once"
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin/git"
    then = "true" if stays else f'rm -f "{lock}"'
    script.write_text(GIT_THAT_LOSES_THE_RACE.format(git=real, lock=lock, once=once, then=then))
    script.chmod(0o755)
    before = siblings.state()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    done = siblings.run("fix", "--yes", "--strategy", "renumber")
    if stays:
        assert (done.returncode, done.stderr) == (
            2,
            f"migmerge: MM318 git holds its index lock: {lock}\n"
            "hint: wait for the other git command, or remove the file if none is running\n",
        )
        assert siblings.state() == before
        lock.unlink()
        assert (
            siblings.run("fix", "--yes", "--strategy", "renumber", "--allow-skipped").returncode
            == 0
        )
    assert siblings.check()["conflicts"] == []


def test_fix_says_what_it_does_not_do_about_numbers(siblings: Repo) -> None:
    siblings.migration("shop", "0003_merge", "0002_price", "0002_stock")
    siblings.write("pyproject.toml", '[tool.migmerge]\nnumbers = "error"\n')
    resolution = refused(siblings)
    assert resolution["reasons"] == [
        "shop/migrations/0002_price.py: number: 0002_price and 0002_stock have the same number"
    ]


def test_fix_commit_that_would_lack_a_parent_is_refused(branches: Repo) -> None:
    """`git commit -- paths` takes the merge migration and not what it depends on."""
    branches.git("checkout", "-q", "main")
    branches.migration("shop", "0002_price", "0001_initial", operations=(PRICE,))
    before = branches.state()
    done = branches.run("fix", "--yes", "--commit")
    assert done.returncode == 2
    assert done.stderr == (
        "migmerge: MM321 the commit would lack shop/migrations/0002_price.py\n"
        "hint: commit them first, or run fix without --commit\n"
    )
    assert branches.state() == before
    assert "staged; git add shop/migrations/0002_price.py, then git commit\n" in (
        branches.run("fix", "--yes").stdout
    )


def test_fix_commit_that_a_hook_stops_is_no_success(siblings: Repo) -> None:
    hook = siblings.root / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\necho nope >&2\nexit 1\n")
    hook.chmod(0o755)
    done = siblings.run("fix", "--yes", "--commit")
    assert done.returncode == 1
    assert "not committed: nope\n" in done.stdout


def test_fix_names_what_else_is_unmerged(branches: Repo) -> None:
    for branch in ("feature", "main"):
        branches.git("checkout", "-q", branch)
        branches.write("shop/models.py", branch)
        branches.commit()
    branches.publish()
    branches.git("checkout", "-q", "feature")
    branches.git("merge", "-q", "main", fails=True)
    done = branches.run("fix", "--yes", "--skip-verification")
    assert "staged; resolve and git add shop/models.py, then git commit\n" in done.stdout


def test_fix_move_is_a_wish_to_renumber(siblings: Repo) -> None:
    siblings.git("update-ref", "-d", "refs/remotes/origin/main")
    (resolution,) = siblings.fix("--move", "0002_price")["resolutions"]
    assert resolution["strategy"] == "renumber"
    assert resolution["renamed"] == {
        "shop/migrations/0002_price.py": "shop/migrations/0003_price.py"
    }


def test_fix_renumber_of_published_sides_is_refused(siblings: Repo) -> None:
    siblings.publish("feature")
    resolution = refused(siblings, "--strategy", "renumber")
    assert resolution["reasons"] == ["every side is published, so none can move"]
    assert resolution["next"] == ["migmerge fix shop --strategy merge"]


def test_fix_path_collision_mentions_no_migration_that_is_right(repo: Repo) -> None:
    collision(repo)
    repo.git("merge", "-q", "feature", fails=True)
    (resolution,) = repo.fix()["resolutions"]
    assert [m for m in resolution["mentions"] if "migrations/" in m["path"]] == []


def both_set(repo: Repo, one: str, other: str) -> None:
    """Two sides that set the same thing; HEAD is the merge commit of feature and main."""
    repo.migration("shop", "0001_initial", operations=(PRODUCT,))
    repo.commit()
    for branch, operation in (("feature", one), ("main", other)):
        repo.git("checkout", "-q", "-B", branch, "main")
        repo.migration("shop", f"0002_{branch}", "0001_initial", operations=(operation,))
        repo.commit(branch)
    repo.publish()
    repo.git("checkout", "-q", "feature")
    repo.git("merge", "-q", "--no-edit", "main")


def width(value: str) -> str:
    return f"AlterField('product', 'name', models.CharField(max_length={value}))"


@pytest.mark.parametrize(
    ("take", "last"),
    [
        ("ours", "30"),
        ("theirs", "40"),
        ("0002_feature", "30"),
        ("shop/migrations/0002_main.py", "40"),
    ],
)
@pytest.mark.parametrize("stopped", [False, True])
def test_fix_take(repo: Repo, take: str, last: str, stopped: bool) -> None:
    both_set(repo, width("30"), width("40"))
    if stopped:
        repo.git("reset", "-q", "--hard", "HEAD^")
        repo.git("merge", "-q", "--no-commit", "main")
    (resolution,) = repo.fix("--take", take)["resolutions"]
    (path,) = resolution["created"]
    text = repo.read(path).decode()
    assert [line for line in text.splitlines() if "max_length" in line][-1].strip() == (
        f"migrations.{width(last)},"
    )
    assert repo.check()["conflicts"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--take", "0009_x"),
            "migmerge: MM313 --take 0009_x: no side that sets anything has that migration\n"
            "hint: name a migration of the side: --take 0002_feature or 0002_main\n",
        ),
        (
            ("--take", "ours", "--strategy", "renumber"),
            "migmerge: MM314 --take goes with --strategy merge, not renumber\nhint: leave one out\n",
        ),
    ],
)
def test_fix_take_that_names_no_side(repo: Repo, arguments: tuple[str, ...], message: str) -> None:
    both_set(repo, width("30"), width("40"))
    done = repo.run("fix", "--yes", *arguments)
    assert (done.returncode, done.stderr) == (2, message)


def test_fix_take_ours_outside_of_a_merge(repo: Repo) -> None:
    both_set(repo, width("30"), width("40"))
    repo.write("notes.txt", "later\n")
    repo.commit("later")
    done = repo.run("fix", "--yes", "--take", "ours")
    assert (done.returncode, done.stderr) == (
        2,
        "migmerge: MM313 there are no ours and theirs outside of a merge\n"
        "hint: name a migration of the side: --take 0002_feature or 0002_main\n",
    )


def test_fix_take_where_nothing_is_set_twice(siblings: Repo) -> None:
    done = siblings.run("fix", "--yes", "--take", "ours")
    assert (done.returncode, done.stderr) == (
        2,
        "migmerge: MM314 --take: there is nothing that both sides set\nhint: migmerge check\n",
    )


def test_fix_take_of_what_another_file_can_not_hold_is_refused(repo: Repo) -> None:
    both_set(repo, width("WIDTH"), width("40"))
    path = "shop/migrations/0002_feature.py"
    repo.write(path, repo.read(path).decode().replace("\n\n\n", "\n\nWIDTH = 3\n\n", 1))
    repo.commit()
    (resolution,) = repo.fix("--take", "0002_feature", code=1)["resolutions"]
    assert resolution["reasons"][0].startswith("0002_feature can't be taken: 0002_feature:")


def test_fix_what_no_merge_migration_can_set_is_rolled_back(repo: Repo) -> None:
    together = "AlterUniqueTogether('product', {{('id', '{}')}})"
    both_set(repo, together.format("a"), together.format("b"))
    (conflict,) = repo.check()["conflicts"]
    assert (conflict["verdict"], conflict["recommendation"]) == ("overlap", "regenerate")
    assert (
        "unique_together of shop.product: unique_together can't be set again where it is set already"
        in conflict["reasons"]
    )
    assert "migmerge fix shop --strategy regenerate --yes" in conflict["commands"][0]
    for strategy in ("auto", "merge"):
        (resolution,) = repo.fix("--strategy", strategy, code=1)["resolutions"]
        assert resolution["reasons"][0] == (
            "no merge migration brings what both sides set to one value in every database"
        )
        assert resolution["next"] == conflict["commands"]


def test_fix_and_check_of_one_app_say_that_there_is_more(siblings: Repo) -> None:
    for name, parents in (
        ("0001_initial", ()),
        ("0002_a", ("0001_initial",)),
        ("0002_b", ("0001_initial",)),
    ):
        siblings.migration("cart", name, *parents)
    siblings.migration("tags", "0001_initial")
    siblings.commit()
    done = siblings.run("check", "tags")
    assert (done.returncode, done.stderr) == (
        0, "1 migration in 1 app: no conflicts\n"
    )  # fmt: skip
    done = siblings.run("fix", "tags", "--yes")
    assert (done.returncode, done.stdout, done.stderr) == (
        0, "no conflicts\n", "note: there are more in other apps: migmerge check\n"
    )  # fmt: skip
    done = siblings.run("fix", "Chop")
    assert done.stderr == (
        "migmerge: MM311 no app 'Chop' with migrations here\n"
        "hint: there are: cart, shop, tags; did you mean shop?\n"
    )


def test_fix_interrupted_in_a_commit_hook_says_that_it_is_written(siblings: Repo) -> None:
    hook = siblings.root / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\ntouch waiting\nsleep 3\n")
    hook.chmod(0o755)
    process = subprocess.Popen(
        [sys.executable, "-m", "migmerge", "fix", "--yes", "--commit"],
        cwd=siblings.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not (siblings.root / "waiting").exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert (process.returncode, said) == (
        130, "migmerge: interrupted; the fix is written: migmerge undo takes it back\n"
    )  # fmt: skip
    assert siblings.check()["conflicts"] == []

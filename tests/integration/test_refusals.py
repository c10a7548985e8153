"""Each refusal with its id, its reason and a next command; nothing is changed by any."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import PRICE, PRODUCT, STOCK, Repo, branch_out, migration_text
from tests.integration.test_fix import both_set, collision, width

pytestmark = pytest.mark.once

TEXT = "AddField('product', 'price', models.TextField())"


def merged(repo: Repo) -> None:
    branch_out(repo)
    repo.git("merge", "-q", "--no-edit", "main")


def contradict(repo: Repo) -> None:
    merged(repo)
    repo.migration("shop", "0002_price", "0001_initial", operations=(TEXT, STOCK))


def nobody_published(repo: Repo) -> None:
    merged(repo)
    repo.forget_base()


def all_published(repo: Repo) -> None:
    merged(repo)
    repo.publish("feature")


def published_dependent(repo: Repo) -> None:
    branch_out(repo)
    repo.git("checkout", "-q", "main")
    repo.migration("cart", "0001_initial", "shop.0002_price")
    repo.commit()
    repo.publish()
    repo.git("checkout", "-q", "feature")
    repo.git("merge", "-q", "--no-edit", "main")


def squash_text(*names: str) -> str:
    listed = ", ".join(f"('shop', '{name}')" for name in names)
    return migration_text(operations=(PRODUCT, PRICE)).replace(
        "    operations", f"    replaces = [{listed}]\n\n    operations", 1
    )


def squashed(repo: Repo) -> None:
    """The branch's side is a squash, with its originals still there."""
    merged(repo)
    repo.migration("shop", "0003_colour", "0002_price",
                   operations=(PRICE.replace("price", "colour"),))  # fmt: skip
    text = migration_text(("shop", "0001_initial"), operations=(PRICE,)).replace(
        "    operations",
        "    replaces = [('shop', '0002_price'), ('shop', '0003_colour')]\n\n    operations",
        1,
    )
    repo.write("shop/migrations/0002_price_squashed_0003_colour.py", text)
    repo.commit()


def squashed_twice(repo: Repo, names: tuple[str, str] = ("z", "a")) -> None:
    """Both sides made one squash, under two names."""
    repo.migration("shop", "0001_initial", operations=(PRODUCT,))
    repo.migration("shop", "0002_price", "0001_initial", operations=(PRICE,))
    repo.commit()
    for branch, name in zip(("feature", "main"), names, strict=True):
        repo.git("checkout", "-q", *(["-b", branch] if branch == "feature" else [branch]))
        squash = f"0001_squashed_{name}"
        repo.write(f"shop/migrations/{squash}.py", squash_text("0001_initial", "0002_price"))
        repo.migration("shop", f"0003_{branch}", squash)
        repo.commit()
    repo.publish()
    repo.git("merge", "-q", "--no-edit", "feature")


def squash_in_one_file(repo: Repo) -> None:
    """Both sides made one squash under one name, with another comment."""
    repo.migration("shop", "0001_initial", operations=(PRODUCT,))
    repo.migration("shop", "0002_price", "0001_initial", operations=(PRICE,))
    repo.commit()
    for branch in ("feature", "main"):
        repo.git("checkout", "-q", *(["-b", branch] if branch == "feature" else [branch]))
        text = f"# {branch}\n" + squash_text("0001_initial", "0002_price")
        repo.write("shop/migrations/0001_squashed_0002_price.py", text)
        repo.migration("shop", f"0003_{branch}", "0001_squashed_0002_price")
        repo.commit()
    repo.publish()
    repo.git("merge", "-q", "--no-edit", "feature", fails=True)


def broken(repo: Repo) -> None:
    merged(repo)
    repo.write("shop/migrations/0003_x.py", migration_text(("shop", "0002_price")) + "x = (\n")


def computed(repo: Repo) -> None:
    merged(repo)
    text = migration_text(("shop", "0002_price"))
    repo.write(
        "cart/migrations/0001_initial.py", text.replace("    ]", "        make(),\n    ]", 1)
    )
    repo.commit()


def linked_twin(repo: Repo) -> None:
    """Both sides have one migration under two names, and the branch's is a link."""
    branch_out(repo)
    repo.write("shop/price.py", migration_text(("shop", "0001_initial"), operations=(STOCK,)))
    (repo.root / "shop/migrations/0002_price.py").unlink()
    (repo.root / "shop/migrations/0002_price.py").symlink_to("../price.py")
    repo.migration("shop", "0003_more", "0002_price", operations=(PRICE,))
    repo.commit()
    repo.git("merge", "-q", "--no-edit", "main")


def broken_dependent(repo: Repo) -> None:
    merged(repo)
    repo.write(
        "cart/migrations/0001_initial.py", migration_text(("shop", "0002_price")) + "x = (\n"
    )
    repo.commit()


def linked_dependent(repo: Repo) -> None:
    merged(repo)
    repo.write("cart/real.py", migration_text(("shop", "0002_price")))
    (repo.root / "cart/migrations").mkdir()
    (repo.root / "cart/migrations/0001_initial.py").symlink_to("../real.py")
    repo.commit()


def settings_of_both(repo: Repo) -> None:
    both_set(repo, width("30"), width("40"))


def computed_setting(repo: Repo) -> None:
    both_set(repo, width("LENGTH"), width("40"))


def a_third_that_sets_nothing(repo: Repo) -> None:
    settings_of_both(repo)
    repo.migration("shop", "0002_third", "0001_initial", operations=(STOCK,))
    repo.commit()


def unlike_settings(repo: Repo) -> None:
    repo.migration("shop", "0001_initial", operations=(PRODUCT,))
    for field in ("a", "b"):
        call = f"AlterIndexTogether('product', {{('id', '{field}')}})"
        repo.migration("shop", f"0002_{field}", "0001_initial", operations=(call,))
    repo.commit()


def not_remade(repo: Repo) -> None:
    merged(repo)
    repo.migration(
        "shop", "0003_data", "0002_price", operations=("RenameField('product', 'a', 'b')",)
    )
    repo.commit()


def built_upon(repo: Repo) -> None:
    merged(repo)
    repo.migration("cart", "0001_initial", "shop.0002_price")
    repo.commit()


def renamed_below(repo: Repo) -> None:
    """main renumbered what the branch builds on, behind one that the branch contradicts."""
    repo.migration("shop", "0001_initial", operations=(PRODUCT,))
    repo.migration(
        "shop",
        "0002_price",
        "0001_initial",
        operations=(PRICE, "AddIndex('product', models.Index(fields=['id'], name='i'))"),
    )
    repo.commit()
    repo.git("checkout", "-q", "-b", "feature")
    repo.migration("shop", "0003_mine", "0002_price", operations=(STOCK,))
    repo.commit()
    repo.git("checkout", "-q", "main")
    repo.git("mv", "shop/migrations/0002_price.py", "shop/migrations/0003_price.py")
    path = repo.root / "shop/migrations/0003_price.py"
    path.write_text(path.read_text().replace("0001_initial", "0002_stock"))
    repo.migration(
        "shop", "0002_stock", "0001_initial", operations=(STOCK.replace("Integer", "Float"),)
    )
    repo.commit()
    repo.publish()
    repo.git("checkout", "-q", "feature")
    repo.git("merge", "-q", "--no-edit", "main")


def hidden(repo: Repo) -> None:
    """A squash on one side hides the other side's leaf from a fresh database."""
    repo.migration("shop", "0001_initial", operations=(PRODUCT,))
    repo.commit()
    repo.publish()
    repo.migration("shop", "0002_price", "0001_initial", operations=(PRICE,))
    repo.migration("shop", "0002_stock", "0001_initial", operations=(STOCK,))
    repo.write(
        "shop/migrations/0001_squashed.py", squash_text("0001_initial", "0002_price", "0002_stock")
    )
    repo.commit()


def hidden_unpublished(repo: Repo) -> None:
    """The same where one side is published, and the other would move."""
    repo.migration("shop", "0001_initial", operations=(PRODUCT,))
    repo.migration("shop", "0002_stock", "0001_initial", operations=(STOCK,))
    repo.commit()
    repo.publish()
    repo.migration("shop", "0002_price", "0001_initial", operations=(PRICE,))
    repo.write(
        "shop/migrations/0001_squashed.py", squash_text("0001_initial", "0002_price", "0002_stock")
    )
    repo.commit()


REFUSALS = {
    "contradict": (contradict, (), "MM401", "the sides contradict each other"),
    "published": (merged, ("--strategy", "renumber", "--move", "0002_stock"), "MM402", "0002_stock would move, but is published"),
    "every side published": (all_published, ("--strategy", "renumber"), "MM402", "every side is published, so none can move"),
    "a published dependent": (published_dependent, ("--strategy", "renumber"), "MM402", "cart/migrations/0001_initial.py is published and would have to be edited"),
    "nobody published": (nobody_published, ("--strategy", "renumber"), "MM403", "it is not known which side is published"),
    "nobody published, made again": (nobody_published, ("--strategy", "regenerate"), "MM403", "it is not known which side is regenerated"),
    "a squash moves": (squashed, ("--strategy", "renumber"), "MM404", "shop.0002_price_squashed_0003_colour belongs to a squash that is not finished"),
    "a squash goes": (squashed, ("--strategy", "regenerate"), "MM404", "a squash would be taken away, and show its originals again"),
    "one squash on both sides": (squashed_twice, (), "MM405", None),
    "one squash on both sides, the other first": (
        lambda repo: squashed_twice(repo, ("a", "z")), (), "MM405", None,
    ),
    "one squash on both sides, in one file": (squash_in_one_file, (), "MM404", "both sides hold one squash"),
    "hidden by a squash": (hidden, (), "MM404", None),
    "hidden by a squash, one side published": (hidden_unpublished, (), "MM404", None),
    "something else first": (broken, (), "MM405", None),
    "a setting that can't be taken": (computed_setting, ("--take", "0002_feature"), "MM406", None),
    "a side that sets nothing": (a_third_that_sets_nothing, ("--take", "0002_third"), "MM406", "0002_third can't be taken: it does not set shop.product.field.name"),
    "settings that can't be set": (unlike_settings, ("--strategy", "merge"), "MM406", "no merge migration brings what both sides set to one value in every database"),
    "nobody to decide": (settings_of_both, (), "MM407", "both sides set the same thing: the merged models have to decide"),
    "no models to decide": (settings_of_both, ("--strategy", "merge"), "MM407", "what both sides set is read from the project's models: no manage.py, and no settings in the configuration"),
    "computed": (computed, ("--strategy", "renumber"), "MM409", "cart/migrations/0001_initial.py:8: dependencies are computed: make()"),
    "a link that goes": (linked_twin, ("--strategy", "renumber"), "MM409", "shop/migrations/0002_price.py is a symbolic link"),
    "a broken dependent": (broken_dependent, ("shop", "--strategy", "renumber"), "MM409", None),
    "a linked dependent": (linked_dependent, ("--strategy", "renumber"), "MM409", "cart/migrations/0001_initial.py is a symbolic link"),
    "a rename": (not_remade, ("--strategy", "regenerate"), "MM410", "0003_data holds RenameField"),
    "built upon": (built_upon, ("--strategy", "regenerate"), "MM410", "cart.0001_initial depends on what would be regenerated"),
    "no project": (merged, ("--strategy", "regenerate"), "MM410", "makemigrations can't regenerate it: no manage.py, and no settings in the configuration"),
    "renamed below": (renamed_below, (), "MM412", "a migration that depends on the renamed one conflicts with what comes before it by now"),
}  # fmt: skip


@pytest.mark.parametrize(("build", "arguments", "id", "reason"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal(
    repo: Repo,
    build: Callable[[Repo], None],
    arguments: tuple[str, ...],
    id: str,
    reason: str | None,
) -> None:
    build(repo)
    before = repo.state()
    found = repo.fix(*arguments, code=1)["resolutions"]
    (resolution,) = (one for one in found if one["status"] == "refused")
    assert resolution["id"] == id, resolution
    assert reason is None or resolution["reasons"][0] == reason
    assert resolution["next"], resolution
    assert repo.state() == before
    told = repo.run("fix", "--yes", *arguments).stdout
    assert f"shop: refused {id}\n" in told
    assert f"  - {resolution['reasons'][0][:60]}" in told


BY_HAND = ("$EDITOR ", "migmerge doctor", "(trap ")  # what needs hands, or a project that runs


@pytest.mark.parametrize(("build", "arguments"), [r[:2] for r in REFUSALS.values()], ids=REFUSALS)
def test_next_commands_lead_on(
    repo: Repo, tmp_path: Path, build: Callable[[Repo], None], arguments: tuple[str, ...]
) -> None:
    """Pasted one after the other they end with a fix, an editor, or a project that has to run; no
    refusal comes twice."""
    build(repo)
    seen: list[list[str]] = []
    refusals = [r for r in repo.fix(*arguments, code=1)["resolutions"] if r["status"] == "refused"]
    while refusals:
        commands = refusals[0]["next"]
        assert commands not in seen, seen
        seen.append(commands)
        command = commands[0]
        if command.startswith(BY_HAND):
            break
        done = paste(repo, command, tmp_path)
        assert done.returncode in (0, 1), (command, done.stdout, done.stderr)
        if "fixed (" in done.stdout:
            break
        options = shlex.split(command)[2:] if command.startswith("migmerge fix") else []
        document = repo.run("fix", "--yes", "--format", "json", "--skip-verification", *options)
        found = json.loads(document.stdout)["resolutions"]
        refusals = [one for one in found if one["status"] == "refused"]


def paste(repo: Repo, command: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run it in a shell, in which `migmerge fix` confirms and has no project to verify with."""
    script = tmp_path / "bin/migmerge"
    if not script.exists():
        script.parent.mkdir()
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m migmerge "$@"\n')
        script.chmod(0o755)
    command = command.replace("migmerge fix", "migmerge fix --yes --skip-verification")
    path = f"{script.parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["sh", "-c", command],
        cwd=repo.root,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_path_collision_of_names_without_a_number(repo: Repo) -> None:
    """The one that moves gets a number behind its name."""
    repo.migration("shop", "initial", operations=(PRODUCT,))
    repo.commit()
    for branch, operation in (("feature", PRICE), ("main", STOCK)):
        repo.git("checkout", "-q", *(["-b", branch] if branch == "feature" else [branch]))
        repo.migration("shop", "more", "initial", operations=(operation,))
        repo.commit()
    repo.publish()
    repo.git("merge", "-q", "feature", fails=True)
    (resolution,) = repo.fix()["resolutions"]
    assert resolution["renamed"] == {"shop/migrations/more.py": "shop/migrations/more_2.py"}
    assert repo.check()["conflicts"] == []


def test_apps_below_one_folder_have_one_project(repo: Repo) -> None:
    for app in ("apps/cart", "apps/shop"):
        label = app.rpartition("/")[2]
        for name, parent in (
            ("0001_initial", ()),
            ("0002_a", ((label, "0001_initial"),)),
            ("0002_b", ((label, "0001_initial"),)),
        ):
            repo.write(f"{app}/migrations/{name}.py", migration_text(*parent))
    repo.commit()
    repo.write("apps/readme.txt", "")
    done = repo.run("fix", "--yes", "--format", "json")
    document = json.loads(done.stdout)
    assert [one["status"] for one in document["resolutions"]] == ["fixed", "fixed"]
    why = "skipped: no manage.py, and no settings in the configuration"
    assert (done.returncode, document["verification"]["django"]) == (1, why)


def test_a_lock_file_of_all_apps_keeps_its_markers_while_an_app_is_undecided(repo: Repo) -> None:
    for app in ("cart", "shop"):
        repo.migration(app, "0001_initial", operations=(PRODUCT,))
    lock = "migrations_lockfile.txt"
    repo.write(lock, "cart: 0001_initial\nshop: 0001_initial\n")
    repo.commit()
    for branch, operation in (("feature", PRICE), ("main", STOCK)):
        repo.git("checkout", "-q", *(["-b", branch] if branch == "feature" else [branch]))
        for app in ("cart", "shop"):
            repo.migration(app, f"0002_{branch}", "0001_initial", operations=(operation,))
        repo.write(lock, f"cart: 0002_{branch}\nshop: 0002_{branch}\n")
        repo.commit()
    repo.publish()
    repo.git("merge", "-q", "feature", fails=True)
    (resolution,) = repo.fix("shop", "--strategy", "merge")["resolutions"]
    assert resolution["status"] == "fixed"
    assert b"<<<<<<<" in repo.read(lock)
    repo.fix("cart", "--strategy", "merge")
    assert b"<<<<<<<" not in repo.read(lock)
    assert repo.check()["conflicts"] == []


def test_a_lock_file_of_all_apps_of_which_one_is_undecided(siblings: Repo) -> None:
    """Only the line of the app that is fixed changes; another app's own file is let alone."""
    for name, parents in (
        ("0001_initial", ()),
        ("0002_a", ("0001_initial",)),
        ("0002_b", ("0001_initial",)),
    ):
        siblings.migration("cart", name, *parents)
    siblings.write("migrations_lockfile.txt", "cart: 0002_a\nshop: 0002_price\n")
    siblings.write("cart/migrations/max_migration.txt", "0002_a\n")
    siblings.commit()
    siblings.fix("shop", "--strategy", "merge")
    assert siblings.read("migrations_lockfile.txt") == (
        b"cart: 0002_a\nshop: 0003_merge_0002_price_0002_stock\n"
    )
    assert siblings.read("cart/migrations/max_migration.txt") == b"0002_a\n"


def test_mentions_are_whole_words(siblings: Repo) -> None:
    siblings.write("notes.txt", "see 0002_price_list, and 0002_price\nsee my0002_price\n")
    path = "shop/migrations/0002_price.py"
    note = b"# after 0002_price_list comes 0002_price\n# my0002_price\n"
    siblings.write(path, note + siblings.read(path))
    siblings.commit()
    (resolution,) = siblings.fix("--strategy", "renumber")["resolutions"]
    assert [(m["path"], m["line"]) for m in resolution["mentions"]] == [
        ("notes.txt", 1),
        ("shop/migrations/0003_price.py", 1),
    ]


def test_collision_that_nobody_published(repo: Repo) -> None:
    collision(repo)
    repo.forget_base()
    repo.git("merge", "-q", "feature", fails=True)
    for strategy in ("auto", "merge", "renumber"):
        (resolution,) = repo.fix("--strategy", strategy, code=1)["resolutions"]
        assert resolution["id"] == "MM403"
        assert resolution["next"] == [
            "migmerge fix shop --strategy renumber --base HEAD",
            "migmerge fix shop --strategy renumber --base MERGE_HEAD",
        ]


def test_a_lock_file_that_nobody_can_read_is_left(repo: Repo) -> None:
    """It has two lines of an app that is not here: which is right?"""
    repo.migration("shop", "0001_initial")
    repo.write("migrations_lockfile.txt", "ghost: 0001_a\nghost: 0002_b\nshop: 0000_old\n")
    repo.commit()
    assert repo.fix()["resolutions"] == []
    assert repo.read("migrations_lockfile.txt").endswith(b"shop: 0000_old\n")


def test_a_conflict_beside_a_migration_that_somebody_renamed(repo: Repo) -> None:
    """main renumbered price behind stock; the branch has another child of the first, and in
    another app what builds on price."""
    merged(repo)
    repo.git("checkout", "-q", "main")
    repo.git("reset", "-q", "--hard", "feature~1")
    repo.git("checkout", "-q", "-B", "feature")
    repo.migration(
        "shop", "0002_colour", "0001_initial", operations=(PRICE.replace("price", "colour"),)
    )
    repo.migration("cart", "0001_initial", "shop.0002_price")
    repo.commit()
    repo.git("checkout", "-q", "main")
    repo.git("mv", "shop/migrations/0002_price.py", "shop/migrations/0003_price.py")
    path = "shop/migrations/0003_price.py"
    repo.migration("shop", "0002_stock", "0001_initial", operations=(STOCK,))
    repo.write(path, repo.read(path).replace(b"0001_initial", b"0002_stock"))
    repo.commit()
    repo.publish()
    repo.git("checkout", "-q", "feature")
    repo.git("merge", "-q", "--no-edit", "main")
    (resolution,) = repo.fix("--strategy", "merge")["resolutions"]
    assert "cart/migrations/0001_initial.py" in resolution["edited"]
    assert repo.check()["conflicts"] == []

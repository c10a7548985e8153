"""`fix` on a terminal: one screen for each conflict, a key, and a way out at every question."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from typing import NamedTuple

import pexpect
import pytest

from tests.conftest import PRICE, PRODUCT, STOCK, Repo
from tests.integration.test_fix import both_set, collision, width
from tests.integration.test_refusals import unlike_settings
from tests.project.conftest import Site, copy_of, site

__all__ = ["copy_of", "site"]  # the fixtures
KEY = r"\[.\]\? "
WRITE = r"Write this\? \[y/N\] "
OTHERS = r"May another database have run .*\? \[y/N\] "
CARRIED = r"May another database have run .*\? \[Y/n\] "
SCREEN = """\

1 of 1  shop/migrations: MM101 siblings in shop: 2 leaf nodes after 0001_initial

  not on origin/main  Ada Lovelace, 2026-01-02
    0002_price
      + add field price to product: IntegerField(default=0)

  published on origin/main, never renamed  Ada Lovelace, 2026-01-02
    0002_stock
      + add field stock to product: IntegerField(default=0)

The sides commute: either order gives the same schema and data.

  m  merge: 0003_merge_0002_price_0002_stock joins them
     recommended: no file changes its name, so no database has to be told
  r  renumber: 0002_price becomes 0003_price, behind 0002_stock
  g  regenerate: 0002_price made again by makemigrations, behind 0002_stock
  s leaves it as it is, q stops and writes nothing
m/r/g/s/q [m]? """


class Done(NamedTuple):
    code: int
    shown: str


def typed(repo: Repo, *steps: tuple[str, str], arguments: tuple[str, ...] = ("fix", "--allow-skipped"),
          rows: int = 60, columns: int = 120, colour: bool = False) -> Done:  # fmt: skip
    """Run migmerge on a pseudo-terminal; of each step wait for the first, then type the second."""
    environment = {**os.environ, "TERM": "xterm-256color"}
    if colour:
        environment.pop("NO_COLOR")
    process = pexpect.spawn(
        sys.executable, ["-m", "migmerge", *arguments], cwd=str(repo.root), env=environment,
        encoding="utf-8", timeout=30, dimensions=(rows, columns), echo=False,
    )  # fmt: skip
    shown = ""
    for awaited, answer in steps:
        process.expect(awaited)
        shown += process.before + process.after
        process.send(answer)
    process.expect(pexpect.EOF)
    shown += process.before
    process.close()
    return Done(process.exitstatus, shown.replace("\r\n", "\n"))


def test_the_screen(siblings: Repo) -> None:
    done = typed(siblings, (KEY, "q\n"))
    assert done == (1, SCREEN + "nothing was changed\n")


def test_the_screen_in_colour(siblings: Repo) -> None:
    done = typed(siblings, (KEY, "q\n"), colour=True)
    assert "\x1b[1;32m  m  merge" in done.shown


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("\n", "shop: fixed (merge)\n  created shop/migrations/0003_merge_0002_price_0002_stock.py\n"),
        ("m\n", "shop: fixed (merge)\n  created shop/migrations/0003_merge_0002_price_0002_stock.py\n"),
        ("R\n", "shop: fixed (renumber)\n  renamed shop/migrations/0002_price.py -> 0003_price.py\n"),
    ],
    ids=["Enter is what is recommended", "merge", "renumber, in any case"],
)  # fmt: skip
def test_a_key_is_carried_out(siblings: Repo, key: str, told: str) -> None:
    others = [(OTHERS, "\n")] if key == "R\n" else []
    done = typed(siblings, (KEY, key), *others, (WRITE, "y\n"))
    assert done.code == 0, done.shown
    assert told in done.shown
    assert siblings.check()["conflicts"] == []


def test_regenerate_by_its_key(site: Site) -> None:
    done = typed(site, (KEY, "g\n"), (WRITE, "y\n"))
    assert done.code == 0, done.shown
    assert "shop: fixed (regenerate)" in done.shown
    assert "removed shop/migrations/0002_price.py" in done.shown


def test_what_means_nothing_is_asked_again(siblings: Repo) -> None:
    done = typed(siblings, (KEY, "wat\n"), (KEY, "-\n"), (KEY, "q\n"))
    told = "m, r, g: what is said above; s leaves it as it is, q stops and writes nothing; Enter is m\n"
    assert done.shown.count(told) == 2


@pytest.mark.parametrize("question", ["the key", "the diff"])
@pytest.mark.parametrize(
    ("key", "code", "told"),
    [("\x03", 130, "interrupted; nothing was changed"), ("\x04", 1, "nothing was")],
    ids=["^C", "^D"],
)
def test_there_is_a_way_out_of_every_question(
    siblings: Repo, question: str, key: str, code: int, told: str
) -> None:
    """Nothing is written, nothing is kept, and nothing is locked afterwards."""
    before, refs = siblings.state(), siblings.git("for-each-ref")
    steps = [(KEY, key)] if question == "the key" else [(KEY, "r\n"), (OTHERS, "n\n"), (WRITE, key)]
    done = typed(siblings, *steps)
    assert done.code == code, done.shown
    assert told in done.shown
    assert siblings.state() == before
    assert siblings.git("for-each-ref") == refs
    assert siblings.fix()["resolutions"][0]["status"] == "fixed"


def two_apps(repo: Repo) -> None:
    for app in ("cart", "shop"):
        repo.migration(app, "0001_initial", operations=(PRODUCT,))
    repo.commit()
    for branch, operation in (("main", STOCK), ("feature", PRICE)):
        repo.git("checkout", "-q", *(["-b", "feature", "HEAD^"] if branch == "feature" else []))
        for app in ("cart", "shop"):
            repo.migration(app, f"0002_{branch}", "0001_initial", operations=(operation,))
        repo.commit(branch)
    repo.publish()
    repo.git("merge", "-q", "--no-edit", "main")


def test_one_app_is_left_and_the_other_fixed(repo: Repo) -> None:
    two_apps(repo)
    done = typed(repo, (KEY, "s\n"), (KEY, "r\n"), (OTHERS, "\n"), (WRITE, "y\n"))
    assert done.code == 1, done.shown  # cart still collides
    assert "1 of 2  cart/migrations" in done.shown
    assert "2 of 2  shop/migrations" in done.shown
    left = "cart: refused MM414\n  - left as it is, as you chose\n  next: migmerge fix cart\n"
    assert left in done.shown
    assert "shop: fixed (renumber)" in done.shown
    assert [conflict["app"] for conflict in repo.check()["conflicts"]] == ["cart"]


def test_q_at_the_second_forgets_the_first(repo: Repo) -> None:
    two_apps(repo)
    before = repo.state()
    assert typed(repo, (KEY, "r\n"), (KEY, "q\n")).code == 1
    assert repo.state() == before


def unknown_sides(repo: Repo) -> None:
    repo.migration("shop", "0001_initial", operations=(PRODUCT,))
    repo.migration("shop", "0002_price", "0001_initial", operations=(PRICE,))
    repo.migration("shop", "0002_stock", "0001_initial", operations=(STOCK,))
    repo.commit()


def unknown_collision(repo: Repo) -> None:
    collision(repo)
    repo.git("update-ref", "-d", "refs/remotes/origin/main")
    repo.git("merge", "-q", "feature", fails=True)


@pytest.mark.parametrize(
    ("build", "key", "told"),
    [
        (unknown_sides, "1", "0002_price.py -> 0003_price.py"),
        (unknown_sides, "2", "0002_stock.py -> 0003_stock.py"),
        (unknown_collision, "1", "0002_product.py -> 0004_product.py"),
        (unknown_collision, "2", "0002_product.py -> 0003_product.py"),
    ],
)
def test_where_no_side_is_known_either_may_move(
    repo: Repo, build: Callable[[Repo], None], key: str, told: str
) -> None:
    build(repo)
    # no remote-tracking branch: nobody can tell who has run it
    others = [(CARRIED, "n\n")] if build is unknown_sides else []
    done = typed(repo, (KEY, f"{key}\n"), *others, (WRITE, "y\n"))
    assert done.code == 0, done.shown
    assert told in done.shown
    assert "r  renumber" not in done.shown
    assert repo.check()["conflicts"] == []


@pytest.mark.parametrize(("key", "last"), [("1", "30"), ("2", "40")])
def test_what_both_sides_set_is_taken_by_its_key(repo: Repo, key: str, last: str) -> None:
    both_set(repo, width("30"), width("40"))
    done = typed(repo, (KEY, f"{key}\n"), (WRITE, "y\n"))
    assert done.code == 0, done.shown
    assert "recommended: databases of both sides then get the same" in done.shown
    (path,) = (repo.root / "shop/migrations").glob("*merge*")
    settings = [line for line in path.read_text().splitlines() if "max_length" in line]
    assert settings[-1].strip() == f"migrations.{width(last)},"


def test_a_contradiction_has_no_recommendation(branches: Repo) -> None:
    branches.migration("shop", "0003_stock", "0002_price", operations=(STOCK, PRICE))
    branches.commit()
    branches.git("merge", "-q", "--no-edit", "main")
    before = branches.state()
    done = typed(branches, (KEY, "m\n"), (KEY, "\n"))
    assert done.code == 1
    assert "  -  merge: not here, the sides contradict each other\n" in done.shown
    assert "\ng/s/q [s]? " in done.shown
    assert "  by hand:\n" in done.shown
    assert branches.state() == before


def test_a_long_chain_fits_the_screen(siblings: Repo) -> None:
    last = "0002_price"
    for number in range(3, 60):
        name = f"{number:04d}_more"
        siblings.migration("shop", name, last, operations=(f"AddField('product', 'f{number}', x)",))
        last = name
    siblings.commit()
    done = typed(siblings, (KEY, "q\n"), rows=30)
    assert len(done.shown.partition("[m]? ")[0].splitlines()) <= 30
    assert "more lines\n" in done.shown
    assert "0002_price becomes 0003_price, 0003_more becomes 0004_more" in done.shown
    assert "and 55 more, behind 0002_stock" in done.shown


@pytest.mark.parametrize(
    "arguments",
    [
        ("fix", "--allow-skipped", "--strategy", "merge"),
        ("fix", "--allow-skipped", "--move", "0002_price"),
    ],
)
def test_what_the_command_line_says_is_not_asked(
    siblings: Repo, arguments: tuple[str, ...]
) -> None:
    others = [(OTHERS, "\n")] if "--move" in arguments else []
    done = typed(siblings, *others, (WRITE, "y\n"), arguments=arguments)
    assert done.code == 0, done.shown
    assert "s leaves it" not in done.shown


OTHER_DATABASES = """\
yes: 0003_price keeps the old name in `replaces`, with a catch-up migration behind it;
     every database needs `migrate` only
no:  renamed only; another database that ran it needs `migmerge db reconcile` first
Enter is {}
May another database have run 0002_price: a colleague's, staging, a preview? {} """


@pytest.mark.parametrize(
    ("answer", "carried"), [("\n", False), ("n\n", False), ("y\n", True), ("what\ny\n", True)]
)
def test_whether_another_database_may_have_run_it_is_asked(
    siblings: Repo, answer: str, carried: bool
) -> None:
    done = typed(siblings, (KEY, "r\n"), (OTHERS, answer), (WRITE, "y\n"))
    asked = OTHER_DATABASES.format("no: no remote-tracking branch has it", "[y/N]")
    assert asked in done.shown
    path = siblings.root / "shop/migrations/0004_catch_up_0002_stock_price.py"
    assert path.exists() is carried
    assert ("old names are kept in replaces (as you said)" in done.shown) is carried


@pytest.mark.parametrize(("answer", "carried"), [("\n", True), ("n\n", False)])
def test_what_was_pushed_is_carried_by_enter(siblings: Repo, answer: str, carried: bool) -> None:
    siblings.git("update-ref", "refs/remotes/origin/feature", "HEAD^1")
    done = typed(siblings, (KEY, "r\n"), (CARRIED, answer), (WRITE, "y\n"))
    assert OTHER_DATABASES.format("yes: origin/feature has them", "[Y/n]") in done.shown
    path = siblings.root / "shop/migrations/0004_catch_up_0002_stock_price.py"
    assert path.exists() is carried


@pytest.mark.parametrize("carry", ["--carry", "--no-carry"])
def test_what_the_options_say_of_other_databases_is_not_asked(siblings: Repo, carry: str) -> None:
    arguments = ("fix", "--allow-skipped", "--strategy", "renumber", carry)
    done = typed(siblings, (WRITE, "y\n"), arguments=arguments)
    assert "May another database" not in done.shown


def test_merge_asks_the_same(branches: Repo) -> None:
    """`migmerge merge` is git's, with the same screen before the commit."""
    steps = ((KEY, "r\n"), (OTHERS, "\n"), (WRITE, "y\n"))
    done = typed(branches, *steps, arguments=("merge", "main"))
    assert done.code == 0, done.shown
    assert branches.git("status", "--porcelain") == ""
    assert branches.check("--rev", "HEAD")["conflicts"] == []


def test_keep_names_says_what_moves(siblings: Repo) -> None:
    done = typed(
        siblings, (KEY, "r\n"), (WRITE, "y\n"), arguments=("fix", "--allow-skipped", "--keep-names")
    )
    assert "renumber: 0002_price goes behind 0002_stock, under its name\n" in done.shown
    assert "edited  shop/migrations/0002_price.py" in done.shown


def test_what_a_hostile_branch_names_reaches_the_terminal_as_text(siblings: Repo) -> None:
    path = "shop/migrations/0002_price.py"
    text = siblings.read(path).decode()
    siblings.write(path, text.replace("'price'", "'pr\\x1b[2Jice\\nx'"))
    siblings.commit()
    done = typed(siblings, (KEY, "q\n"))
    assert "+ add field pr\\x1b[2Jice x to product" in done.shown
    assert "\x1b[2J" not in done.shown


def test_what_is_neither_yes_nor_no_is_asked_again(siblings: Repo) -> None:
    before = siblings.state()
    done = typed(siblings, (KEY, "m\n"), (WRITE, "xyz\n"), (WRITE, "n\n"))
    assert (done.code, siblings.state()) == (1, before)
    assert "y does it; n, or Enter, leaves everything as it is\n" in done.shown


def test_a_narrow_terminal_breaks_between_words(siblings: Repo) -> None:
    done = typed(siblings, (KEY, "q\n"), colour=True, columns=40)
    words = {
        "commute:",
        "either",
        "order",
        "gives",
        "the",
        "same",
        "schema",
        "and",
        "data.",
        "recommended:",
    }
    assert words <= set(re.sub(r"\x1b\[[0-9;]*m", "", done.shown).split())


def test_a_screen_says_each_refusal_once(repo: Repo) -> None:
    unlike_settings(repo)
    done = typed(repo, (KEY, "\n"))
    assert done.shown.count("no merge migration sets what both sides set right") == 1

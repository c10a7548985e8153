"""`forecast`: which open branches will collide, and git's own merges as the judge."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

import pytest

from tests.conftest import PRICE, STOCK, Repo
from tests.integration.test_across_apps import FK, RENAME, RUN, sides

TEXT = """\
  1 origin/a  2026-01-02  Ada Lovelace  (shop)
  2 origin/b  2026-01-02  Ada Lovelace  (shop)

       1  2  origin/main
    1  \\  X  c
    2  X  \\  c
  c commute, ? not known, o touch the same things, X contradict, M no merge as it is

origin/a x origin/main: MM101 siblings in shop, commute
  0002_price  on origin/a
  0002_stock  on origin/main
origin/b x origin/main: MM101 siblings in shop, commute
  0002_cost  on origin/b
  0002_stock  on origin/main
origin/a x origin/b: MM101 siblings in shop, contradict
  0002_price  on origin/a
  0002_cost  on origin/b
  - both set shop.product.price: added in 0002_cost, added in 0002_price
"""
AGE = ("--age", "100000")


@pytest.fixture
def opened(branches: Repo) -> Repo:
    """origin has main, a and b, which collide, docs, which touches no migration, and done, merged."""
    branches.git("checkout", "-q", "-b", "b", "main~1")
    branches.migration("shop", "0002_cost", "0001_initial", operations=(PRICE.replace("0)", "1)"),))
    branches.commit()
    branches.git("checkout", "-q", "-b", "docs", "main")
    branches.write("README", "x")
    branches.commit()
    for name, branch in {"a": "feature", "b": "b", "docs": "docs", "done": "main~1"}.items():
        branches.git("update-ref", f"refs/remotes/origin/{name}", branch)
    branches.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    return branches


def test_forecast_text(opened: Repo) -> None:
    done = opened.run("forecast", *AGE)
    assert done.stdout.replace(_reason(done.stdout), _reason(TEXT)) == TEXT
    assert done.stderr == "3 open branches against origin/main: 2 touch migrations, 3 collisions\n"
    assert done.returncode == 1
    assert opened.run("forecast", *AGE, "--exit-zero").returncode == 0


def _reason(text: str) -> str:
    return text.splitlines()[-1]


def test_forecast_json(opened: Repo) -> None:
    done = opened.run("forecast", *AGE, "--format", "json")
    document = json.loads(done.stdout)
    assert {key: document[key] for key in ("version", "base", "looked_at")} == {
        "version": 1, "base": "origin/main", "looked_at": 3,
    }  # fmt: skip
    assert [b["name"] for b in document["branches"]] == ["origin/a", "origin/b"]
    assert document["branches"][0]["migrations"] == ["shop/migrations/0002_price.py"]
    assert document["collisions"][0] == {
        "id": "MM101",
        "branches": ["origin/a", "origin/main"],
        "app": "shop",
        "directory": "shop/migrations",
        "kind": "siblings",
        "migrations": [["0002_price"], ["0002_stock"]],
        "verdict": "commute",
        "reasons": [],
    }


def test_forecast_html_runs_nothing(opened: Repo) -> None:
    opened.git("update-ref", "refs/remotes/origin/<script>alert(1)</script>", "feature")
    page = opened.run("forecast", *AGE, "--format", "html").stdout
    assert "<script" not in page and "&lt;script&gt;" in page
    assert 'title="shop: contradict">shop X</td>' in page
    assert "default-src 'none'" in page


def test_forecast_named_branches_and_age(opened: Repo) -> None:
    assert opened.run("forecast").stdout == ""  # all are older than 90 days, or will be
    done = opened.run("forecast", "feature", "docs", "--base", "main")
    assert done.stderr == "2 open branches against main: 1 touches migrations, 1 collision\n"
    done = opened.run("forecast", "nothing")
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        2, "migmerge: MM305 no such commit or branch: 'nothing'",
    )  # fmt: skip


def test_forecast_takes_the_branch_that_is_checked_out(opened: Repo) -> None:
    opened.git("checkout", "-q", "-b", "mine", "main~1")
    opened.migration("shop", "0002_mine", "0001_initial")
    opened.commit()
    assert "mine x origin/main: MM101 siblings in shop" in opened.run("forecast", *AGE).stdout


def test_forecast_of_odd_commits(opened: Repo) -> None:
    opened.git("checkout", "-q", "feature")
    env = ("-c", "user.name=A\1B", "-c", "user.email=x@example.org")
    opened.git(
        *env,
        "commit",
        "-q",
        "--amend",
        "--author=A\1B <x@example.org>",
        "--date=@999999999999 +0000",
        "-m",
        "z",
    )
    opened.git("update-ref", "refs/remotes/origin/a", "HEAD")
    opened.git("tag", "-a", "v1", "-m", "t", "b")
    opened.git("update-ref", "refs/remotes/origin/v1", opened.git("rev-parse", "v1").strip())
    opened.git(
        "update-ref", "refs/remotes/origin/tree", opened.git("rev-parse", "b^{tree}").strip()
    )
    done = opened.run("forecast", *AGE)
    assert done.returncode == 1 and "A\\x01B" in done.stdout
    assert "origin/v1 x origin/main" in done.stdout and "origin/tree" not in done.stdout


def test_forecast_of_a_migration_that_both_change(branches: Repo) -> None:
    """Only where git can't merge the texts itself."""
    text = branches.read("shop/migrations/0001_initial.py").decode()
    for name, new in {
        "one": text.replace(
            "dependencies = [", 'dependencies = [\n        ("auth", "0001_initial"),'
        ),
        "two": text.replace(
            "dependencies = [", 'dependencies = [\n        ("sites", "0001_initial"),'
        ),
        "end": text + "\n\n# the end\n",
    }.items():
        branches.git("checkout", "-q", "-b", name, "main")
        branches.write("shop/migrations/0001_initial.py", new)
        branches.commit()
    done = branches.run("forecast", "one", "two", "end", "--base", "main", "--format", "json")
    found = json.loads(done.stdout)["collisions"]
    assert [(c["branches"], c["kind"]) for c in found] == [(["one", "two"], "unparsable")]


def test_forecast_leaves_out_what_check_does(opened: Repo) -> None:
    opened.git("checkout", "-q", "main")
    opened.write("pyproject.toml", '[tool.migmerge]\nexclude = ["shop/*"]\n')
    opened.commit("exclude")
    opened.publish()
    done = opened.run("forecast", *AGE)
    assert (done.returncode, done.stdout) == (0, "")


def test_forecast_without_a_base(repo: Repo) -> None:
    repo.migration("shop", "0001_initial")
    repo.commit()
    done = repo.run("forecast")
    assert (done.returncode, done.stderr) == (
        2,
        "migmerge: MM306 there is no base branch to compare with\nhint: migmerge forecast --base REF\n",
    )


@pytest.mark.corpus
@pytest.mark.slowest
def test_forecast_says_what_merging_each_two_brings(branches: Repo) -> None:
    """Branches of every kind, each merged with the base and with each other by git."""
    repo = branches

    def branch(name: str, start: str) -> None:
        repo.git("checkout", "-q", "-f", "-b", name, start)

    branch("chain", "main~1")
    repo.migration("shop", "0002_x", "0001_initial")
    repo.migration("shop", "0003_y", "0002_x")
    repo.commit()
    branch("stacked", "chain")
    repo.migration("shop", "0004_z", "0003_y")
    repo.commit()
    branch("beside", "chain")
    repo.migration("shop", "0004_w", "0003_y")
    repo.commit()
    branch("renamed", "chain")
    repo.git("mv", "shop/migrations/0003_y.py", "shop/migrations/0003_yy.py")
    repo.commit()
    branch("picked", "main~1")
    repo.git("cherry-pick", "chain")
    branch("renumbered", "main")
    repo.migration("shop", "0003_x", "0002_stock")
    repo.commit()
    branch("joined", "chain")
    repo.git("merge", "-q", "--no-edit", "main")
    repo.migration("shop", "0004_merge", "0003_y", "0002_stock")
    repo.commit()
    branch("new-app", "main~1")
    repo.migration("cart", "0001_initial", "shop.0001_initial")
    repo.commit()
    branch("new-app-too", "main~1")
    repo.migration("cart", "0001_start")
    repo.commit()
    branch("same-file", "main~1")
    repo.migration("shop", "0002_stock", "0001_initial", operations=(STOCK.replace("0)", "9)"),))
    repo.commit()
    branch("inserted", "main")
    repo.migration("shop", "0002_first", "0001_initial")
    repo.migration("shop", "0002_stock", "0002_first", operations=(STOCK,))
    repo.commit()
    branch("squashed", "chain")
    repo.migration("shop", "0002_x_squashed", "0001_initial")
    text = repo.read("shop/migrations/0002_x_squashed.py").decode()
    replaced = '    replaces = [("shop", "0002_x"), ("shop", "0003_y")]\n\n    operations'
    repo.write("shop/migrations/0002_x_squashed.py", text.replace("    operations", replaced))
    repo.git("rm", "-q", "shop/migrations/0002_x.py", "shop/migrations/0003_y.py")
    repo.commit()
    branch("taken-away", "main~1")
    repo.git("rm", "-q", "shop/migrations/0001_initial.py")
    repo.commit()

    names = repo.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()
    names.remove("main")
    document = json.loads(repo.run("forecast", *names, "--base", "main", "--format", "json").stdout)
    said: dict[frozenset[str], set[str]] = {}
    for collision in document["collisions"]:
        said.setdefault(frozenset(collision["branches"]), set()).add(collision["app"])
    alone = {name: _broken(repo, name, name) for name in [*names, "main"]}
    for one, other in combinations([*names, "main"], 2):
        pair = frozenset((one, other))
        # what a branch brings along from the base branch is said where they meet
        known = alone[one] | alone[other]
        known |= said.get(frozenset((one, "main")), set()) if other != "main" else set()
        known |= said.get(frozenset((other, "main")), set()) if other != "main" else set()
        real = _broken(repo, one, other)
        assert real - known <= said.get(pair, set()), (one, other, "missed")
        assert said.get(pair, set()) <= real, (one, other, "not so")


def _broken(repo: Repo, one: str, other: str) -> set[str]:
    repo.git("checkout", "-q", "-f", one)
    done = repo.run("check", "--format", "json", "--against", other)
    if "MM331" in done.stderr:  # nothing would be left
        return set()
    return {c["app"] for c in json.loads(done.stdout)["conflicts"]}


def test_branches_that_contradict_each_other_in_different_apps(repo: Repo) -> None:
    sides(repo, RENAME, FK.format(""))
    for name in ("main", "feature"):
        repo.git("update-ref", f"refs/remotes/origin/{name}", name)
    repo.git("checkout", "-q", "-b", "other", "main~1")
    repo.migration("cart", "0002_other", "0001_initial", operations=("DeleteModel('Line')",))
    repo.migration("docs", "0001_initial", "shop.0001_initial", operations=(RUN,))
    repo.commit()
    repo.git("update-ref", "refs/remotes/origin/other", "other")
    found = json.loads(repo.run("forecast", *AGE, "--format", "json").stdout)["collisions"]
    across = [c for c in found if c["kind"] == "contradiction"]
    assert [(c["branches"], c["app"], c["migrations"], c["verdict"]) for c in across] == [
        (
            ["origin/feature", "origin/main"],
            "cart",
            [["cart.0002_feature"], ["shop.0002_main"]],
            "contradict",
        ),
        (
            ["origin/other", "origin/main"],
            "docs",
            [["docs.0001_initial"], ["shop.0002_main"]],
            "contradict",
        ),
    ]
    assert across[0]["reasons"] == [
        "shop.0002_main renames shop.kind, which cart.0002_feature uses (AddField)"
    ]
    text = repo.run("forecast", *AGE).stdout
    assert "origin/feature x origin/main: MM112 contradiction in cart, contradict\n" in text


def _open(repo: Repo, name: str, start: str = "main") -> None:
    repo.git("checkout", "-q", "-b", name, start)


def _collisions(repo: Repo, *names: str) -> list[tuple[str, list[str], str, Any, list[str]]]:
    done = repo.run("forecast", *names, "--base", "main", "--format", "json")
    return [
        (c["kind"], c["branches"], c["app"], c["migrations"], c["reasons"])
        for c in json.loads(done.stdout)["collisions"]
    ]


IMPORT = "from shop.helpers import token\n"


@pytest.fixture
def helped(repo: Repo) -> Repo:
    """main has an app with a helper module, and one app more; feature's migration imports it."""
    repo.write("shop/__init__.py", "")
    repo.write("shop/helpers.py", "def token():\n    return 1\n\n\nLENGTH = 9\n")
    repo.migration("shop", "0001_initial")
    repo.migration("legacy", "0001_initial")
    repo.commit("base")
    _open(repo, "feature")
    repo.migration("shop", "0002_token", "0001_initial", "legacy.0001_initial")
    text = (repo.root / "shop/migrations/0002_token.py").read_text()
    repo.write("shop/migrations/0002_token.py", IMPORT + text)
    repo.commit("feature")
    return repo


def test_a_module_that_another_branch_removed(helped: Repo) -> None:
    _open(helped, "other")
    helped.git("rm", "-q", "shop/helpers.py")
    helped.commit("other")
    reason = "shop.0002_token imports shop.helpers.token, which {} removed"
    assert _collisions(helped, "feature", "other") == [
        (
            "missing-module",
            ["feature", "other"],
            "shop",
            [["0002_token"], []],
            [reason.format("other")],
        )
    ]
    helped.git("checkout", "-q", "main")
    helped.git("merge", "-q", "other")
    assert _collisions(helped, "feature") == [
        (
            "missing-module",
            ["feature", "main"],
            "shop",
            [["0002_token"], []],
            [reason.format("main")],
        )
    ]
    helped.git("checkout", "-q", "-B", "main", "feature")
    helped.git("checkout", "-q", "-B", "feature", "other~1")
    helped.git("rm", "-q", "shop/helpers.py")
    helped.migration("legacy", "0002_more", "0001_initial")
    helped.commit("now the base branch imports it")
    assert _collisions(helped, "feature") == [
        (
            "missing-module",
            ["feature", "main"],
            "shop",
            [[], ["0002_token"]],
            [reason.format("feature")],
        )
    ]


def test_a_name_that_another_branch_removed(helped: Repo) -> None:
    _open(helped, "other")
    helped.write("shop/helpers.py", "LENGTH = 9\n")
    helped.commit("other")
    _open(helped, "harmless")
    helped.write("shop/helpers.py", "def token():\n    return 2\n")
    helped.commit("harmless")
    assert [found[:2] for found in _collisions(helped, "feature", "other", "harmless")] == [
        ("missing-module", ["feature", "other"])
    ]


@pytest.mark.parametrize("merged", [False, True], ids=["two branches", "with the base branch"])
def test_an_app_that_another_branch_removed(helped: Repo, merged: bool) -> None:
    _open(helped, "other")
    helped.git("rm", "-q", "-r", "legacy")
    helped.commit("other")
    if merged:
        helped.git("branch", "-q", "-f", "main", "other")
    other = "main" if merged else "other"
    ((kind, branches, app, names, reasons),) = _collisions(helped, "feature", *[other][merged:])
    assert (kind, branches, app) == ("missing-dependency", ["feature", other], "shop")
    assert names == [["0002_token"], []]
    assert f"{other} removed" in reasons[0]


def test_a_migration_of_another_app_that_another_branch_renamed(helped: Repo) -> None:
    _open(helped, "other")
    helped.git("mv", "legacy/migrations/0001_initial.py", "legacy/migrations/0001_start.py")
    helped.commit("other")
    assert _collisions(helped, "feature", "other") == [
        (
            "missing-dependency",
            ["feature", "other"],
            "shop",
            [["0002_token"], []],
            [
                "shop.0002_token depends on legacy.0001_initial, which other removed or renamed",
            ],
        )
    ]

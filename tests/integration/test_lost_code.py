"""What one side of a merge removed and the other side's new migration needs (MM104, MM113)."""

from __future__ import annotations

import pytest

from tests.conftest import Repo, migration_text
from tests.integration.test_lost_files import paste

pytestmark = pytest.mark.once

HELPERS = "def token():\n    return 'x'\n\n\nLENGTH = 9\n"
PATH = "shop/migrations/0002_token.py"


def base(repo: Repo) -> None:
    repo.write("shop/__init__.py", "")
    repo.write("shop/helpers.py", HELPERS)
    repo.write("shop/other.py", "from elsewhere import thing\n")
    repo.migration("shop", "0001_initial")
    repo.migration("legacy", "0001_initial")
    repo.migration("legacy", "0002_more", "0001_initial")
    repo.commit("base")
    repo.git("branch", "feature")


def sides(repo: Repo, head: str, default: str = "token") -> None:
    """feature, checked out, has a migration that imports something; main is checked in before."""
    repo.commit("main")
    repo.publish()
    repo.git("checkout", "-q", "feature")
    operation = f"AddField('product', 'token', models.CharField(default={default}, max_length=9))"
    text = migration_text(("shop", "0001_initial"), operations=(operation,))
    repo.write(PATH, f"{head}\n{text}")
    repo.commit("feature")
    assert repo.run("check").returncode == 0
    repo.git("merge", "-q", "--no-edit", "main")


def reasons(repo: Repo, *arguments: str, kind: str = "missing-module") -> list[str]:
    conflicts = repo.check(*arguments)["conflicts"]
    assert all((c["kind"], c["path"]) == (kind, PATH) for c in conflicts)
    return [reason for conflict in conflicts for reason in conflict["reasons"]]


IMPORTS = {
    "from": ("from shop.helpers import token", "token", "shop.helpers.token"),
    "import": ("import shop.helpers", "shop.helpers.token", "shop.helpers"),
    "import as": ("import shop.helpers as h", "h.token", "shop.helpers"),
    "module of a package": ("from shop import helpers", "helpers.token", "shop.helpers"),
    "relative": ("from ..helpers import token", "token", "shop.helpers.token"),
    "relative module": ("from .. import helpers", "helpers.token", "shop.helpers"),
}


@pytest.mark.parametrize(("head", "default", "shown"), IMPORTS.values(), ids=IMPORTS)
def test_a_module_that_is_gone_is_restored(repo: Repo, head: str, default: str, shown: str) -> None:
    base(repo)
    repo.git("rm", "-q", "shop/helpers.py")
    sides(repo, head, default)
    reason = f"shop.0002_token imports {shown}, which the other side removed"
    assert reasons(repo) == [reason]
    assert reasons(repo, "--rev", "HEAD") == [reason]
    done = repo.run("check")
    assert f"{PATH}:1: MM113 missing-module in shop: {reason}" in done.stdout
    (refused,) = repo.fix(code=1)["resolutions"]
    assert refused["id"] == "MM405"
    paste(repo, refused["next"][0])
    assert reasons(repo) == []


GONE = {
    "a function": ("def token()", "def secret()", "token"),
    "a constant": ("LENGTH = 9", "", "LENGTH"),
}


@pytest.mark.parametrize(("old", "new", "name"), GONE.values(), ids=GONE)
@pytest.mark.parametrize("form", ["from shop.helpers import {}", "import shop.helpers"])
def test_a_name_that_is_gone_is_found(repo: Repo, old: str, new: str, name: str, form: str) -> None:
    base(repo)
    repo.write("shop/helpers.py", HELPERS.replace(old, new))
    used = name if "from" in form else f"shop.helpers.{name}"
    sides(repo, form.format(name), used)
    reason = f"shop.0002_token imports shop.helpers.{name}, which the other side removed"
    assert reasons(repo) == [reason]
    (conflict,) = repo.check()["conflicts"]
    assert conflict["commands"] == ["$EDITOR shop/helpers.py", "migmerge check"]


def test_a_very_long_name_is_no_module(repo: Repo) -> None:
    base(repo)
    repo.git("rm", "-q", "shop/helpers.py")
    sides(repo, "import shop.helpers", "shop.helpers.token" + ".a" * 500)
    assert reasons(repo) == ["shop.0002_token imports shop.helpers, which the other side removed"]


def test_a_name_that_never_was_there_is_not_reported(repo: Repo) -> None:
    """Something may put it there."""
    base(repo)
    repo.write("shop/helpers.py", HELPERS.replace("LENGTH", "SIZE"))
    sides(repo, "from shop.helpers import magic", "magic")
    assert reasons(repo) == []


def test_before_the_merge(repo: Repo) -> None:
    base(repo)
    repo.git("rm", "-q", "shop/helpers.py")
    sides(repo, "from shop.helpers import token")
    repo.git("reset", "-q", "--hard", "HEAD^1")
    reason = "shop.0002_token imports shop.helpers.token, which the other side removed"
    assert reasons(repo, "--against", "main") == [reason]


def star(repo: Repo) -> None:
    repo.write("shop/helpers.py", "from shop.other import *\n")


def in_an_if(repo: Repo) -> None:
    text = "try:\n    import x\nexcept ImportError:\n    if 1:\n        def token(): pass\n"
    repo.write("shop/helpers.py", text)


def imported(repo: Repo) -> None:
    repo.write("shop/helpers.py", "from shop.other import token\n")


def package(repo: Repo) -> None:
    repo.git("rm", "-q", "shop/helpers.py")
    repo.write("shop/helpers/__init__.py", HELPERS)


def another(repo: Repo) -> None:
    repo.git("rm", "-q", "shop/other.py")


@pytest.mark.parametrize("change", [star, in_an_if, imported, package, another])
def test_what_is_still_there_is_not_reported(repo: Repo, change: object) -> None:
    base(repo)
    change(repo)  # type: ignore[operator]
    sides(repo, "import os\nfrom django.utils import timezone\nfrom shop.helpers import token")
    assert reasons(repo) == []


def test_what_both_sides_use_is_not_reported(repo: Repo) -> None:
    """The side that removed it has that migration, too, and works."""
    base(repo)
    text = migration_text(("shop", "0001_initial"))
    repo.write("shop/migrations/0002_old.py", f"from shop.helpers import token\n{text}")
    repo.commit("old")
    repo.git("branch", "-f", "feature")
    repo.git("rm", "-q", "shop/helpers.py")
    repo.commit("main")
    repo.publish()
    repo.git("checkout", "-q", "feature")
    repo.migration("cart", "0001_initial")
    repo.commit("feature")
    repo.git("merge", "-q", "--no-edit", "main")
    assert reasons(repo) == []


@pytest.mark.parametrize("name", ["0001_initial", "0002_more", "__first__"])
def test_an_app_that_the_other_side_removed_is_missing(repo: Repo, name: str) -> None:
    base(repo)
    repo.git("rm", "-q", "-r", "legacy")
    repo.commit("main")
    repo.publish()
    repo.git("checkout", "-q", "feature")
    repo.migration("shop", "0002_token", "0001_initial", f"legacy.{name}", "auth.0001_initial")
    repo.commit("feature")
    reason = (
        f"shop.0002_token depends on legacy.{name}, which is not there; the other side removed "
        "legacy/migrations"
    )
    assert reasons(repo, "--against", "main", kind="missing-dependency") == [reason]
    repo.git("merge", "-q", "--no-edit", "main")
    assert reasons(repo, kind="missing-dependency") == [reason]
    assert (
        f"Django failed: missing-dependency: {reason}: migmerge check" in repo.run("verify").stdout
    )
    (refused,) = repo.fix(code=1)["resolutions"]
    assert (refused["id"], refused["next"]) == ("MM405", [f"$EDITOR {PATH}", "migmerge check"])
    repo.migration("shop", "0002_token", "0001_initial")
    assert reasons(repo, kind="missing-dependency") == []

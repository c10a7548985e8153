"""One data migration in two versions under one file name: its change is made once."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from tests.conftest import thinned
from tests.integration.test_choosing import KEY, WRITE, typed
from tests.project.conftest import MODELS, Copy, Site, begin_project

pytestmark = pytest.mark.once

PATH = "shop/migrations/0002_fill.py"
FILL = """\
from django.db import migrations


def {function}(apps, schema_editor):
    {model} = apps.get_model("shop", "{model}")
    {model}.objects.create({field}="first")


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [migrations.RunPython({function}, migrations.RunPython.noop)]
"""
TAG = """

class Tag(models.Model):
    name = models.CharField(max_length=20)
"""
OURS = FILL.format(function="fill", model="Product", field="name")
TIDY = FILL.format(function="create_first_product", model="Product", field="name")
OTHER = FILL.format(function="fill", model="Tag", field="name")
IMPORTED = """\
from django.db import migrations

from shop.fill import fill


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [migrations.RunPython(fill)]
"""
NOTHING = OTHER.replace("RunPython(fill,", "RunPython(migrations.RunPython.noop,")
IN_A_CONSTANT = OURS.replace(
    "[migrations.RunPython(fill, migrations.RunPython.noop)]", "[FILL]"
).replace("class ", "FILL = migrations.RunPython(fill)\n\n\nclass ", 1)
OWN_CLASS = OURS.replace(
    "class ", "class Fill(migrations.RunPython):\n    pass\n\n\nclass ", 1
).replace("[migrations.RunPython(", "[Fill(")
COMPUTED = """\
from django.db import migrations, models

NAME = "".join(["co", "lour"])


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [migrations.AddField("tag", NAME, models.IntegerField(default=0))]
"""
SQL = """\
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [migrations.RunSQL("INSERT INTO shop_product (name) VALUES ('first')", "SELECT 1")]
"""


def build_project(root: Path) -> None:
    """main, which is published, and feature, each without a second migration."""
    made = begin_project(root, MODELS + TAG)
    made.git("branch", "feature")


def stopped_merge(copy_of: Copy, feature: str, main: str, *, on: str = "feature") -> Site:
    """git has stopped: both sides added 0002_fill."""
    site = copy_of(build_project)
    for branch, text in (("feature", feature), ("main", main)):
        site.git("checkout", "-q", branch)
        site.write(PATH, text)
        site.commit("fill")
    site.publish()
    site.git("checkout", "-q", on)
    site.git("merge", "-q", "main" if on == "feature" else "feature", fails=True)
    return site


def products(site: Site) -> str:
    """How often a new database gets the change."""
    site.manage("migrate", "-v0")
    code = "from shop.models import Product; print(Product.objects.count())"
    return site.manage("shell", "-v0", "-c", code).split()[-1]


CASES = {
    "other names": (OURS, TIDY, "100"),
    "in SQL": (OURS, SQL, ""),
    "code that can't be followed": (IMPORTED, TIDY, ""),
    "another table, which a relation may lead to": (OTHER, TIDY, ""),
    "in a constant": (IN_A_CONSTANT, TIDY, ""),
    "of a class of its own": (OWN_CLASS, TIDY, ""),
}


@pytest.mark.parametrize(("case", "on"), thinned(product(CASES, ["feature", "main"])))
def test_two_versions_are_refused_and_git_keeps_the_published_one(
    copy_of: Copy, case: str, on: str
) -> None:
    feature, main, alike = CASES[case]
    site = stopped_merge(copy_of, feature, main, on=on)
    before = site.state()
    for arguments in ((), ("--strategy", "renumber"), ("--strategy", "merge")):
        (refused,) = site.fix(*arguments, code=1)["resolutions"]
        assert (refused["status"], refused["id"]) == ("refused", "MM420")
        assert "look like two versions of one data migration" in refused["reasons"][0]
        assert f"({alike}" in refused["reasons"][0]
    assert site.state() == before
    (conflict,) = site.check()["conflicts"]
    assert conflict["recommendation"] == "manual"
    assert conflict["commands"] == refused["next"]

    side = {"feature": "--theirs", "main": "--ours"}[on]
    assert refused["next"] == [
        f"git checkout {side} -- {PATH} && git add -- {PATH} && migmerge check",
        "migmerge fix shop --strategy renumber",
    ]
    site.git("checkout", side, "--", PATH)
    site.git("add", "--", PATH)
    assert site.run("check").returncode == 0
    assert site.read(PATH).decode() == main
    assert products(site) == "1"


@pytest.mark.parametrize("feature", [NOTHING, COMPUTED], ids=["code", "a computed name"])
def test_what_changes_no_rows_is_no_version(copy_of: Copy, feature: str) -> None:
    site = stopped_merge(copy_of, feature, OURS)
    (fixed,) = site.fix("--skip-verification")["resolutions"]
    assert fixed["renamed"] == {PATH: "shop/migrations/0003_fill.py"}
    assert products(site) == "1"


def test_keep_one_is_offered_first_on_a_terminal(copy_of: Copy) -> None:
    site = stopped_merge(copy_of, OURS, TIDY)
    done = typed(site, (KEY, "\n"), (WRITE, "y\n"))
    assert "  k  keep one: 0002_fill (ours) goes, 0002_fill (theirs) stays\n" in done.shown
    assert "     recommended: they look like one change\n" in done.shown
    assert "k/m/r/s/q [k]? " in done.shown
    assert done.code == 0, done.shown
    assert site.read(PATH).decode() == TIDY
    assert [p.name for p in sorted((site.root / "shop/migrations").glob("0*.py"))] == [
        "0001_initial.py",
        "0002_fill.py",
    ]
    assert products(site) == "1"


def test_both_are_kept_on_a_terminal_where_they_are_two_changes(copy_of: Copy) -> None:
    site = stopped_merge(copy_of, OURS, TIDY)
    done = typed(site, (WRITE, "y\n"), arguments=("fix", "--strategy", "renumber", "--no-carry"))
    assert done.code == 0, done.shown
    assert products(site) == "2"

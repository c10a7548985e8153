"""What makemigrations does not look for, and what stops `migrate`: Django's system checks."""

from __future__ import annotations

import pytest

from tests.project.conftest import Site

TWO = """\
from django.db import models


class Kind(models.Model):
    name = models.CharField(max_length=20)


# a comment between the two, so that git merges the sides


class Product(models.Model):
    kind = models.ForeignKey(Kind, models.CASCADE)

    class Meta:
        ordering = ["id"]


# and another one


class Part(models.Model):
    size = models.IntegerField(default=0)
"""
RENAMED = """\
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [migrations.RenameField("Kind", "name", "title")]
"""


def two_models(site: Site) -> None:
    site.git("checkout", "-q", "--orphan", "start")
    site.git("rm", "-rfq", "shop/migrations")
    site.write("shop/migrations/__init__.py", "")
    site.write("shop/models.py", TWO)
    site.make("initial")
    site.commit("two models")
    site.git("branch", "-f", "main")
    site.git("branch", "-f", "feature")


def edit(site: Site, branch: str, old: str, new: str) -> None:
    site.git("checkout", "-q", branch)
    text = site.read("shop/models.py").decode()
    assert old in text
    site.write("shop/models.py", text.replace(old, new))


def ordering(site: Site) -> str:
    """main orders by a field of another model, which feature renames (E015)."""
    two_models(site)
    edit(site, "main", '["id"]', '["kind__name"]')
    site.make("ordering")
    site.commit("ordering")
    edit(site, "feature", "    name =", "    title =")
    site.write("shop/migrations/0002_title.py", RENAMED)
    site.commit("title")
    return "shop.Product: (models.E015) 'ordering' refers to the nonexistent field"


def test_error_of_the_merged_models_is_not_verified(site: Site) -> None:
    error = ordering(site)
    site.publish()
    site.git("checkout", "-q", "feature")
    site.git("merge", "-q", "--no-edit", "main")
    before = site.state()
    document = site.fix("--strategy", "merge", code=1)
    (refused,) = document["resolutions"]
    assert (refused["id"], site.state()) == ("MM413", before)
    assert f"manage.py check finds errors: {error}" in refused["reasons"][0]
    assert not document["verification"]["verified"]
    assert "E015" in site.manage("check", code=1)


@pytest.mark.parametrize(
    "code",
    ["shop.W001", "fields.E210", "security.E001"],
    ids=["a warning", "what this machine lacks", "no model"],
)
def test_other_results_of_the_system_checks_count_for_nothing(site: Site, code: str) -> None:
    level = "Warning" if "W" in code else "Error"
    site.write(
        "shop/apps.py",
        "from django.apps import AppConfig\nfrom django.core import checks\n\n\n"
        "class ShopConfig(AppConfig):\n    name = 'shop'\n\n    def ready(self):\n"
        f"        @checks.register(checks.Tags.models)\n        def found(**kwargs):\n"
        f"            return [checks.{level}('no matter', id='{code}')]\n",
    )
    site.commit("a check")
    assert site.fix()["verification"]["django"] == "ok"

"""Rows are the same rows where a migration gave their table another name, or saved them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.project.conftest import Copy, Site, begin_project

pytestmark = pytest.mark.once

MODELS = """\
from django.db import models


class Tag(models.Model):
    word = models.CharField(max_length=9)


class Product(models.Model):
    name = models.CharField(max_length=20)
    tags = models.ManyToManyField(Tag)


# far enough away for git


class Shop(models.Model):
    town = models.CharField(max_length=20)
"""
SAVE = """\
from django.db import migrations


def upper(apps, schema_editor):
    for product in apps.get_model("shop", "Product").objects.all():
        product.name = product.name.upper()
        product.save()


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [migrations.RunPython(upper, migrations.RunPython.noop)]
"""
MIGRATION = """\
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [migrations.{}]
"""


def build_tags(root: Path) -> None:
    begin_project(root, MODELS)


@pytest.fixture
def shop(copy_of: Copy, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("MIGMERGE_VERIFY_SECONDS", "120")
    return copy_of(build_tags)


def diverge(site: Site, main: str, change: Callable[[str], str], feature: str) -> None:
    """main changes models.py, with the migration `main`; `feature` is the branch's migration, or
    the name of a field that it adds."""
    site.git("checkout", "-q", "-b", "feature")
    if "\n" in feature:
        site.write("shop/migrations/0002_feature.py", feature)
    else:
        site.field(feature)
        site.make("feature")
    site.commit("feature")
    site.git("checkout", "-q", "main")
    site.write("shop/models.py", change(MODELS))
    if main:
        site.write("shop/migrations/0002_main.py", MIGRATION.format(main))
    else:
        site.make("main")
    site.commit("main")
    site.publish()
    site.git("checkout", "-q", "feature")
    site.git("merge", "-q", "--no-edit", "main")


def with_moment(models: str) -> str:
    """Product with a field that each save changes."""
    line = "    name = models.CharField(max_length=20)\n"
    field = "    updated = models.DateTimeField(auto_now=True, null=True)\n"
    return models.replace(line, line + field)


@pytest.mark.parametrize(
    ("main", "old", "new"),
    [
        ("RenameModel('Tag', 'Label')", "Tag", "Label"),
        (
            "RenameField('product', 'tags', 'labels')",
            "    tags = models.ManyToManyField(Tag)",
            "    labels = models.ManyToManyField(Tag)",
        ),
        (
            "AlterModelTable('tag', 'words')",
            "    word = models.CharField(max_length=9)\n",
            "    word = models.CharField(max_length=9)\n\n"
            "    class Meta:\n        db_table = 'words'\n",
        ),
    ],
    ids=["RenameModel", "a many-to-many field", "AlterModelTable"],
)
def test_renamed_table_beside_another_field(shop: Site, main: str, old: str, new: str) -> None:
    diverge(shop, main, lambda models: models.replace(old, new), "price")
    document = shop.fix("--strategy", "merge")
    assert document["verification"]["verified"], document


def test_moments_of_rows_that_the_other_side_saves(shop: Site) -> None:
    diverge(shop, "", with_moment, SAVE)
    document = shop.fix("--strategy", "merge")
    assert document["verification"]["verified"], document


def test_moments_that_are_lost_are_lost(shop: Site) -> None:
    """A column that goes and comes again has no values, though each save gives it one."""
    diverge(shop, "", with_moment, "price")
    text = shop.read("shop/migrations/0002_feature.py").decode()
    sql = (
        "migrations.RunSQL('UPDATE shop_product SET name = name'),\n"
        "        migrations.RunPython(lambda apps, editor: forget(editor)),\n"
    )
    forget = (
        "def forget(editor):\n"
        "    columns = [row[1] for row in editor.connection.cursor().execute("
        "'PRAGMA table_info(shop_product)')]\n"
        "    if 'updated' in columns:\n"
        "        editor.execute('UPDATE shop_product SET updated = NULL')\n\n\n"
    )
    text = text.replace("class Migration", f"{forget}class Migration", 1)
    shop.write(
        "shop/migrations/0002_feature.py",
        text.replace("    operations = [\n", f"    operations = [\n        {sql}", 1),
    )
    shop.commit("forgets")
    document = shop.fix("--strategy", "merge", code=1)
    assert "values are lost: shop_product.updated" in document["verification"]["databases"]

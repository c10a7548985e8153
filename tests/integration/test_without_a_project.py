"""Both sides set one definition, and no interpreter imports Django to ask models.py."""

from __future__ import annotations

import pytest

from tests.conftest import PRODUCT, Repo

CHOICES = "AlterField('product', 'kind', models.CharField(max_length=9, choices=[{}]))"
BLOCKS = "AlterField('product', 'kind', wagtail.fields.StreamField([{}], blank=True))"
JSON = "AlterField('product', 'kind', wagtail.fields.StreamField([], use_json_field={}))"
CUSTOM = "AlterField('product', 'kind', shop.fields.Short({}))"
LENGTH = "AlterField('product', 'kind', models.CharField(max_length={}))"
NOTE = (
    "models.py was not asked: no manage.py, and no settings in the configuration; what both sides set "
    "is in no table, and makemigrations sets it later"
)


KIND = "AddField('product', 'Kind', models.CharField(max_length=9, choices=[('a', 'A')]))"
ALTER = "AlterField('product', 'Kind', models.CharField({}))"
A, B, C = "('a', 'A')", "('b', 'B')", "('c', 'C')"


def both_set(
    repo: Repo, operation: str, values: tuple[str, str] = ("1", "2"), before: str = ""
) -> None:
    operations = (PRODUCT, before) if before else (PRODUCT,)
    repo.migration("shop", "0001_initial", operations=operations)
    repo.commit("base")
    for branch, value in zip(("feature", "main"), values, strict=True):
        repo.git("checkout", "-q", *(["-b", branch] if branch == "feature" else [branch]))
        text = operation.format(value)
        repo.migration("shop", f"0002_{branch}", "0001_initial", operations=(text,))
        repo.commit(branch)
    repo.publish()
    repo.git("checkout", "-q", "feature")
    repo.git("merge", "-q", "--no-edit", "main")


@pytest.mark.parametrize("operation", [CHOICES, BLOCKS], ids=["choices", "StreamField"])
def test_what_no_table_has_is_left_to_makemigrations(repo: Repo, operation: str) -> None:
    both_set(repo, operation)
    (fixed,) = repo.fix()["resolutions"]
    assert (fixed["strategy"], fixed["reasons"][0]) == ("merge", NOTE)
    (path,) = fixed["created"]
    assert b"operations = [\n    ]" in repo.read(path)
    assert repo.check()["conflicts"] == []


@pytest.mark.parametrize(
    "operation", [JSON, CUSTOM, LENGTH], ids=["type of its column", "a custom field", "length"]
)
def test_what_a_table_may_have_is_refused(repo: Repo, operation: str) -> None:
    both_set(repo, operation)
    before = repo.state()
    (refused,) = repo.fix("--strategy", "merge", code=1)["resolutions"]
    assert (refused["id"], repo.state()) == ("MM407", before)


def both_choose(repo: Repo, ours: str, theirs: str) -> None:
    """feature sets `ours`, and main, which is published, `theirs`."""
    both_set(repo, ALTER, (ours, theirs), KIND)


@pytest.mark.parametrize("strategy", ["auto", "merge"])
def test_choices_of_both_sides_are_merged(repo: Repo, strategy: str) -> None:
    ours = f"max_length=9, choices=[{A}, {B}], help_text='x'"
    both_choose(repo, ours, f"choices=[{A}, {C}], max_length=9")
    (fixed,) = repo.fix("--strategy", strategy)["resolutions"]
    assert fixed["reasons"][0] == (
        "models.py was not asked: no manage.py, and no settings in the configuration; what both "
        "sides set has the changes of both, as their files say"
    )
    (path,) = fixed["created"]
    assert repo.read(path).decode() == """\
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('shop', '0002_feature'),
        ('shop', '0002_main'),
    ]

    operations = [
        migrations.AlterField(
            model_name='product',
            name='Kind',
            field=models.CharField(choices=[('a', 'A'), ('b', 'B'), ('c', 'C')], help_text='x', max_length=9),
        ),
    ]
"""  # fmt: skip
    assert repo.check()["conflicts"] == []


def test_renumbered_choices_of_both_sides_are_merged(repo: Repo) -> None:
    both_choose(repo, f"max_length=9, choices=[{A}, {B}]", f"max_length=9, choices=[{A}, {C}]")
    (fixed,) = repo.fix("--strategy", "renumber")["resolutions"]
    assert fixed["created"] == ["shop/migrations/0004_alter_product_kind.py"]
    assert fixed["reasons"][0] == (
        "0004_alter_product_kind sets what both sides set to what both changed, as their files say"
    )
    text = repo.read("shop/migrations/0004_alter_product_kind.py").decode()
    assert f"choices=[{A}, {B}, {C}]" in text
    assert "('shop', '0003_feature')" in text
    assert repo.check()["conflicts"] == []


def test_renumbered_choices_need_no_more_where_the_last_side_has_all(repo: Repo) -> None:
    both_choose(
        repo,
        f"max_length=9, choices=[{A}, {C}, {B}]",
        f"max_length=9, choices=[{A}, {C}]",
    )
    (fixed,) = repo.fix("--strategy", "renumber")["resolutions"]
    assert fixed["created"] == []


def test_renumbered_definitions_of_a_custom_field_are_not_merged(repo: Repo) -> None:
    field = "AlterField('product', 'kind', models.Short({}))"
    before = field.format("colour='a'").replace("AlterField", "AddField")
    both_set(repo, field, ("colour='a', shade=1", "colour='b'"), before)
    (fixed,) = repo.fix("--strategy", "renumber")["resolutions"]
    assert fixed["created"] == []


def test_one_choice_with_two_meanings_is_refused(repo: Repo) -> None:
    both_choose(
        repo, f"max_length=9, choices=[{A}, ('b', 'Beta')]", f"max_length=9, choices=[{A}, {B}]"
    )
    before = repo.state()
    (refused,) = repo.fix("--strategy", "merge", code=1)["resolutions"]
    assert refused["reasons"] == [
        "'b' of shop.product.kind is 'B' in 0002_main, 'Beta' in 0002_feature",
        "no manage.py, and no settings in the configuration",
    ]
    assert repo.state() == before
    assert refused["next"] == [
        "migmerge fix shop --take 0002_main", "migmerge fix shop --take 0002_feature",
    ]  # fmt: skip
    (path,) = repo.fix("--take", "0002_feature")["resolutions"][0]["created"]
    assert b"'Beta'" in repo.read(path)


@pytest.mark.parametrize(
    "operation",
    [
        "RenameField('product', 'old', 'kind')",
        "AddField('product', 'kind', models.CharField(max_length=9, choices=CHOICES))",
    ],
    ids=["its name before", "computed choices"],
)
def test_a_definition_that_can_not_be_read_is_left_to_makemigrations(
    repo: Repo, operation: str
) -> None:
    both_set(
        repo,
        ALTER,
        (f"max_length=9, choices=[{A}, {B}]", f"max_length=9, choices=[{A}, {C}]"),
        operation,
    )
    (fixed,) = repo.fix()["resolutions"]
    assert fixed["reasons"][0] == NOTE

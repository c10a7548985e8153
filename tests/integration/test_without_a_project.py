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


def both_set(repo: Repo, operation: str) -> None:
    repo.migration("shop", "0001_initial", operations=(PRODUCT,))
    repo.commit("base")
    for branch, value in (("feature", "1"), ("main", "2")):
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

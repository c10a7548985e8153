"""The operations of a file as calls, and the marks by which a migration is known again."""

from __future__ import annotations

import pytest

from migmerge.migrations.discovery import Resolver, apps_of, candidate_directories, read_app_label
from migmerge.migrations.operations import pair_names, read_script, whole_mark

HEAD = "from django.db import migrations, models\n"
ADD = "migrations.AddField('a', 'b', models.TextField())"

LISTS = {
    "a constant": (f"{HEAD}OPS = [{ADD}]\n", "operations = OPS", ["AddField"]),
    "a constant and more": (f"{HEAD}OPS = [{ADD}]\n", f"operations = OPS + [{ADD}]", ["AddField", "AddField"]),
    "another module's": (HEAD, "operations = [a.b.Custom()]", ["Custom"]),
    "Django's own by its whole name": ("import django.db\n", "operations = [django.db.migrations.RunPython(f)]", ["RunPython"]),
    "changed by code": (HEAD, f"operations = [{ADD}]\n    operations[0] = make()", ["operations"]),
}  # fmt: skip


@pytest.mark.parametrize(("head", "body", "names"), LISTS.values(), ids=LISTS)
def test_read_script(head: str, body: str, names: list[str]) -> None:
    source = f"{head}class Migration(migrations.Migration):\n    {body}\n"
    assert [call.name for call in read_script(source.encode(), "shop").calls] == names


def test_marks_pass_over_an_annotated_place_in_the_graph() -> None:
    plain, annotated = (
        f"{HEAD}class Migration(migrations.Migration):\n    {line}\n    operations = [{ADD}]\n".encode()
        for line in ("dependencies = [('a', '1')]", "dependencies: list = [('a', '2')]")
    )
    assert whole_mark(plain) == whole_mark(annotated)
    assert pair_names({"0002_x": plain}, {"0003_x": annotated}) == {"0002_x": "0003_x"}


@pytest.mark.parametrize(
    ("source", "label"),
    [
        (b"class A(AppConfig):\n    name = 'x'\n    label = 'y'\n", "y"),
        (b"class A(AppConfig):\n    def ready(self): pass\n    a.label = 'y'\n", None),
        (b"class A(AppConfig):\n    label = 'y'\nclass B(AppConfig):\n    label = 'z'\n", None),
        (b"class A(AppConfig:\n", None),
    ],
)
def test_read_app_label(source: bytes, label: str | None) -> None:
    assert read_app_label(source) == label


def test_migrations_of_what_is_installed_are_not_ours() -> None:
    paths = ["shop/migrations/0001_a.py", "env/site-packages/x/migrations/0001_b.py"]
    assert candidate_directories(paths) == {"shop/migrations"}


def test_of_two_apps_with_one_label_the_nearer_is_meant() -> None:
    apps = apps_of({"one/users": "users", "one/users/old": "users"})
    assert Resolver(apps).app("users", "one/users") == "one/users"

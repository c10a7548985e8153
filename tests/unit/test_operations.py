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


CANDIDATES = {
    "the usual place": ("shop/migrations/0001_a.py", "shop/migrations"),
    "at the top": ("migrations/0001_a.py", "migrations"),
    "numbered files in any directory": ("shop/history/0001_a.py", "shop/history"),
    "no number in another directory": ("shop/history/initial.py", None),
    "no number in the usual place": ("shop/migrations/initial.py", "shop/migrations"),
    "no Python": ("shop/migrations/0001_a.sql", None),
    "what is installed": ("env/site-packages/x/migrations/0001_b.py", None),
}


@pytest.mark.parametrize(("path", "directory"), CANDIDATES.values(), ids=CANDIDATES)
def test_candidate_directories(path: str, directory: str | None) -> None:
    assert candidate_directories([path]) == ({directory} if directory else set())


def test_candidate_directories_that_are_configured() -> None:
    paths = ["shop/history/initial.py", "cart/other.py"]
    assert candidate_directories(paths, ["shop/history"]) == {"shop/history"}


RESOLVED = {
    "the only one": ({"one/users": "users"}, "two/shop", "one/users"),
    "its own directory": (
        {"one/users": "users", "one/users/old": "users"},
        "one/users",
        "one/users",
    ),
    "the nearer": ({"one/users": "users", "two/users": "users"}, "two/shop", "two/users"),
    "the nearer, named last": ({"a/b/c": "users", "a/x/c": "users"}, "a/x/shop", "a/x/c"),
    "as near": ({"one/users": "users", "two/users": "users"}, "three/shop", None),
    "as near below one directory": ({"a/users": "users", "a/b": "users"}, "a/shop", None),
    "none": ({"one/shop": "shop"}, "one/shop", None),
}


@pytest.mark.parametrize(("labels", "directory", "app"), RESOLVED.values(), ids=RESOLVED)
def test_resolver_of_a_label(labels: dict[str, str], directory: str, app: str | None) -> None:
    resolver = Resolver(apps_of(labels))
    key = resolver.app("users", directory)
    assert (key and apps_of(labels)[app or ""].key) == key
    places = tuple(sorted(d for d, label in labels.items() if label == "users"))
    assert resolver.ambiguous == ({} if app or not places else {("users", directory): places})


def test_resolver_of_a_label_of_another_project() -> None:
    apps = apps_of({"one/users": "users", "two/users": "users"})
    resolver = Resolver(apps, ("one", "two"))
    assert resolver.app("users", "one/shop") == apps["one/users"].key
    assert resolver.app("users", "two/shop") == apps["two/users"].key
    resolver = Resolver(apps_of({"one/users": "users"}), ("one", "two"))
    assert resolver.app("users", "two/shop") is None
    assert resolver.elsewhere("users") == "users"
    assert Resolver(apps).elsewhere("users") is None

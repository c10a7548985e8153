"""How alike two migrations are, in per cent."""

from __future__ import annotations

import pytest

from migmerge.migrations.likeness import likeness

LOOP = b"""
def fill(apps, schema_editor):
    Repo = apps.get_model("core", "Repo")
    for repo in Repo.objects.all():
        repo.slug = repo.name
        repo.save()
"""
UPDATE = b"""
def fill(apps, schema_editor):
    apps.get_model("core", "Repo").objects.update(slug=F("name"))
"""
ALIKE = {
    "equal": (LOOP, LOOP, 100),
    "comments and layout": (LOOP, b"# note\n" + LOOP.replace(b"    ", b"  "), 100),
    "names of its own and texts": (LOOP, LOOP.replace(b"fill", b"set_slugs").replace(b"core", b"shop"), 100),
    "a line more": (LOOP, LOOP + b"    print('done')\n", 91),
    "written differently": (LOOP, UPDATE, 50),
    "nothing": (b"", b"", 100),
    "no Python": (LOOP, b"def", 0),
}  # fmt: skip


@pytest.mark.parametrize(("one", "other", "expected"), ALIKE.values(), ids=ALIKE)
def test_likeness(one: bytes, other: bytes, expected: int) -> None:
    assert likeness(one, other) == likeness(other, one) == expected

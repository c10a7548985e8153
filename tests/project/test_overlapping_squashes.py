"""Two squashes, one of each branch: Django is asked whether a new database survives them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.project.conftest import Copy, Site, begin_project

NAMES = ("0001_initial", "0002_b", "0003_c", "0004_d")


def build_four(root: Path) -> None:
    """An app with four migrations."""
    made = begin_project(root)
    for name in "bcd":
        made.field(name)
        made.make(name)
    made.commit("four")
    made.publish()


def squash(site: Site, branch: str, first: str, last: str, *, originals: bool = True) -> str:
    """A squash on a branch of its own; its path."""
    site.git("checkout", "-q", "-b", branch, "main")
    arguments = [first, last] if first != "0001" else [last]
    site.manage(
        "squashmigrations", "shop", *arguments, "--noinput", "-v0", "--squashed-name", branch
    )
    (path,) = (site.root / "shop/migrations").glob(f"*_{branch}.py")
    if not originals:
        gone = [name for name in NAMES if first <= name[:4] <= last]
        site.git("rm", "-q", *(f"shop/migrations/{name}.py" for name in gone))
    site.commit(branch)
    return str(path.relative_to(site.root))


CASES = {
    "one within the other": (("0001", "0002", True), ("0001", "0004", True), False),
    "its originals are gone": (("0001", "0002", False), ("0001", "0004", True), False),
    "both alike": (("0001", "0004", True), ("0001", "0004", True), False),
    "one after the other": (("0001", "0002", True), ("0003", "0004", True), True),
}


@pytest.mark.parametrize(("published", "other", "sound"), CASES.values(), ids=CASES)
def test_overlapping_squashes_are_found_where_a_new_database_fails(
    copy_of: Copy, published: tuple[str, str, bool], other: tuple[str, str, bool], sound: bool
) -> None:
    site = copy_of(build_four)
    squash(site, "theirs", *published[:2], originals=published[2])
    site.publish("theirs")
    mine = squash(site, "mine", *other[:2], originals=other[2])
    site.git("merge", "-q", "--no-edit", "theirs")
    site.manage("migrate", "-v0", code=0 if sound else 1)
    found = [c for c in site.check()["conflicts"] if c["kind"] == "overlapping-squashes"]
    assert bool(found) != sound
    if sound:
        return

    (conflict,) = found
    assert (conflict["id"], conflict["path"]) == ("MM109", mine)
    assert re.search(r" both replace 0001_initial(, | and )", conflict["reasons"][0])
    (refused,) = site.fix(code=1)["resolutions"]
    assert refused["next"] == conflict["commands"] == [f"git rm -- {mine}"]
    site.git("rm", "-q", "--", mine)
    (site.root / "db.sqlite3").unlink(missing_ok=True)
    assert site.check()["conflicts"] == []
    site.manage("migrate", "-v0")


def test_squash_that_alone_stands_for_removed_migrations_is_not_removed(copy_of: Copy) -> None:
    site = copy_of(build_four)
    squash(site, "theirs", "0001", "0002")
    site.publish("theirs")
    mine = squash(site, "mine", "0001", "0004", originals=False)
    site.git("merge", "-q", "--no-edit", "theirs")
    (conflict,) = [c for c in site.check()["conflicts"] if c["kind"] == "overlapping-squashes"]
    assert conflict["commands"] == [f"$EDITOR {mine}"]

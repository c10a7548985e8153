from __future__ import annotations

import pytest

from migmerge.migrations.driver_merge import merge_lock, merge_migration
from tests.conftest import PRICE, STOCK, migration_text


def text(*parents: str, operations: tuple[str, ...] = (PRICE,)) -> bytes:
    pairs = [("shop", p) if "." not in p else tuple(p.split(".")) for p in parents]
    return migration_text(*pairs, operations=operations).encode()  # type: ignore[arg-type]


BASE = text("0001_a", "cart.0001_b")


@pytest.mark.parametrize(
    ("ours", "theirs", "merged"),
    [
        (text("0002_a", "cart.0001_b"), text("0001_a", "cart.0002_b"), text("0002_a", "cart.0002_b")),
        (text("0001_a", "cart.0001_b", "x.1"), text("0001_a", "cart.0001_b", "y.1"),
         text("0001_a", "cart.0001_b", "x.1", "y.1")),
        (text("0001_a", "cart.0001_b", "x.1"), text("0002_a", "cart.0001_b"),
         text("0002_a", "cart.0001_b", "x.1")),
        (text("0002_a", "cart.0001_b"), text("0001_a", "cart.0001_b", operations=(PRICE, STOCK)),
         text("0002_a", "cart.0001_b", operations=(PRICE, STOCK))),
    ],
    ids=["different entries", "two entries more", "an entry and one more", "an entry and operations"],
)  # fmt: skip
def test_merge_migration_certain(ours: bytes, theirs: bytes, merged: bytes) -> None:
    for one, other in ((ours, theirs), (theirs, ours)):
        found = merge_migration(BASE, one, other)
        assert found is not None
        assert sorted(found.splitlines()) == sorted(merged.splitlines())
    crlf = [version.replace(b"\n", b"\r\n") for version in (BASE, ours, theirs)]
    again = merge_migration(*crlf)
    assert again is not None
    assert b"\n" not in again.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (text("0002_a", "cart.0001_b"), text("0003_a", "cart.0001_b")),
        (text("0001_a"), text("0001_a", "cart.0002_b")),
        (text("0001_a", "cart.0001_b", "x.1"), text("0001_a", "cart.0001_b", "x.1", "y.1")),
        (text("0001_a", "cart.0001_b", operations=(STOCK,)),
         text("0001_a", "cart.0001_b", operations=(PRICE, STOCK))),
        (b"<<<<<<< ours\n" + BASE, text("0002_a", "cart.0001_b")),
        (b"x = 1\n", text("0002_a", "cart.0001_b")),
        (b"", text("0002_a", "cart.0001_b")),
        (text("0002_a", "cart.0001_b", operations=(STOCK,)),
         text("0001_a", "cart.0002_b", operations=(PRICE, STOCK))),
    ],
    ids=["one entry", "an entry removed", "the same added", "operations", "markers",
         "no migration", "emptied", "entries and operations on both"],
)  # fmt: skip
def test_merge_migration_uncertain(ours: bytes, theirs: bytes) -> None:
    assert merge_migration(BASE, ours, theirs) is None
    assert merge_migration(BASE, theirs, ours) is None


MAX = "shop/migrations/max_migration.txt"
LOCK = "migrations_lockfile.txt"
HEAD = "Do not edit.\n\n"


@pytest.mark.parametrize(
    ("path", "base", "ours", "theirs", "merged"),
    [
        (MAX, "0001_a\n", "0002_b\n", "0003_merge_0002_b_0002_c\n", "0003_merge_0002_b_0002_c\n"),
        (LOCK, f"{HEAD}a: 1\nb: 1\n", f"{HEAD}a: 2\nb: 1\n", f"{HEAD}a: 1\nb: 2\n", f"{HEAD}a: 2\nb: 2\n"),
        (LOCK, f"{HEAD}a: 1\nc: 1\n", f"{HEAD}a: 1\nb: 1\nc: 1\n", f"{HEAD}a: 1\nc: 1\nd: 1\n",
         f"{HEAD}a: 1\nb: 1\nc: 1\nd: 1\n"),
        (LOCK, "a: 1\r\n", "a: 2\r\n", "a: 1\r\nb: 1\r\n", "a: 2\r\nb: 1\r\n"),
        (LOCK, "a: 1\r\nb: 1\nc: 1 \n", "a: 2\r\nb: 1\nc: 1 \n", "a: 1\r\nb: 1\nc: 2\n", "a: 2\r\nb: 1\nc: 2\n"),
    ],
    ids=["a merge migration of the other", "two apps", "two new apps", "CRLF", "mixed endings"],
)  # fmt: skip
def test_merge_lock_certain(path: str, base: str, ours: str, theirs: str, merged: str) -> None:
    assert merge_lock(path, base.encode(), ours.encode(), theirs.encode()) == merged.encode()
    assert merge_lock(path, base.encode(), theirs.encode(), ours.encode()) == merged.encode()


@pytest.mark.parametrize(
    ("path", "base", "ours", "theirs"),
    [
        (MAX, "0001_a\n", "0002_b\n", "0003_c\n"),
        (MAX, "0001_a\n", "0002_b\n", "0003_merge_0002_bb_0002_c\n"),
        (MAX, "0001_a\n", "0002_b\n", "0003_merge_0002_b_old_0002_c\n"),
        (LOCK, "a: 1\na: 1\n", "a: 1\na: 2\n", "a: 3\na: 1\n"),
        (MAX, "0001_a\n", "<<<<<<<\n0002_b\n", "0003_c\n"),
        (LOCK, "a: 1\nb: 1\n", "a: 2\nb: 1\n", "a: 3\nb: 1\n"),
        (LOCK, "a: 1\nb: 1\n", "a: 1\n", "a: 1\nb: 2\n"),
        (LOCK, "x\na: 1\nb: 1\n", "y\na: 1\nb: 2\n", "x\na: 2\nb: 1\n"),
    ],
    ids=["two names", "a name inside another", "a name before another", "one app twice", "markers", "one app", "an app removed", "prose"],
)  # fmt: skip
def test_merge_lock_uncertain(path: str, base: str, ours: str, theirs: str) -> None:
    assert merge_lock(path, base.encode(), ours.encode(), theirs.encode()) is None
    assert merge_lock(path, base.encode(), theirs.encode(), ours.encode()) is None


def test_merge_migration_of_what_can_t_be_rewritten_is_uncertain() -> None:
    """One side names by a constant what the other renames: who knows what else means it."""
    constant = b"P = '0001_a'\n" + BASE.replace(b"'0001_a'),", b"P),")
    assert merge_migration(BASE, text("0002_a", "cart.0001_b"), constant) is None


def test_merge_migration_with_another_app_in_an_entry_is_uncertain() -> None:
    ours = text("0001_a", "stock.0001_b")
    theirs = text("0001_a", "cart.0001_b", operations=(PRICE, STOCK))
    assert merge_migration(BASE, ours, theirs) is None


def test_merge_lock_gives_a_last_line_its_newline() -> None:
    path, base = "migrations_lockfile.txt", "cart: 0001_a"
    merged = merge_lock(path, base.encode(), b"cart: 0001_a\nshop: 0001_b\n", b"cart: 0002_a")
    assert merged == b"cart: 0002_a\nshop: 0001_b\n"


def test_merge_lock_gives_the_line_before_a_new_one_its_newline() -> None:
    path = "migrations_lockfile.txt"
    merged = merge_lock(path, b"cart: 0001_a", b"cart: 0001_a\nshop: 0001_b\n", b"cart: 0002_a")
    assert merged == b"cart: 0002_a\nshop: 0001_b\n"
    merged = merge_lock(
        path, b"cart: 0001_a", b"cart: 0001_a\nshop: 0001_b", b"cart: 0001_a\ntags: 0001_c"
    )
    assert merged is not None and merged.splitlines() == [
        b"cart: 0001_a",
        b"shop: 0001_b",
        b"tags: 0001_c",
    ]

from __future__ import annotations

from migmerge.migrations.lockfiles import read_lock_file, write_lock_file

SENTRY = b"Some prose: with a colon.\n\nauth: 0003_a\nshop: 0002_x\n"


def test_read_lock_file_max_migration() -> None:
    (entry,) = read_lock_file("shop/migrations/max_migration.txt", b"0002_x\n").entries
    assert (entry.label, entry.name, entry.line) == ("", "0002_x", 1)


def test_read_lock_file_one_line_an_app() -> None:
    entries = read_lock_file("migrations_lockfile.txt", SENTRY).entries
    assert [(e.label, e.name, e.line) for e in entries] == [
        ("auth", "0003_a", 3),
        ("shop", "0002_x", 4),
    ]


def test_read_lock_file_conflicted() -> None:
    source = b"<<<<<<< ours\n0002_a\n=======\n0002_b\n>>>>>>> theirs\n"
    found = read_lock_file("shop/migrations/max_migration.txt", source)
    assert found.conflicted
    assert [entry.name for entry in found.entries] == ["0002_a", "0002_b"]


def test_write_lock_file_max_migration_keeps_its_ending() -> None:
    path = "shop/migrations/max_migration.txt"
    assert write_lock_file(path, b"0002_x\r\n", {"shop": "0003_y"}) == b"0003_y\r\n"
    assert write_lock_file(path, b"0002_x", {"shop": "0003_y"}) == b"0003_y"


def test_write_lock_file_one_line_an_app() -> None:
    written = write_lock_file("migrations_lockfile.txt", SENTRY, {"shop": "0003_y"})
    assert written == SENTRY.replace(b"0002_x", b"0003_y")


def test_write_lock_file_resolves_markers_for_its_apps() -> None:
    source = b"auth: 1\n<<<<<<< a\nshop: 0002_a\n=======\nshop: 0002_b\n>>>>>>> b\nzoo: 9\n"
    written = write_lock_file("migrations_lockfile.txt", source, {"shop": "0003_m"})
    assert written == b"auth: 1\nshop: 0003_m\nzoo: 9\n"


def test_write_lock_file_keeps_each_lines_own_ending() -> None:
    source = b"app: 1\r\n<<<<<<< a\nshop: 1 \n=======\nshop: 2\n>>>>>>> b\nzed: 1"
    written = write_lock_file("migrations_lockfile.txt", source, {"shop": "3", "zed": "2"})
    assert written == b"app: 1\r\nshop: 3\nzed: 2"

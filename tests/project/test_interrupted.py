"""Files, index and rows change together, wherever a fix or an undo stops."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import KILLS, some
from tests.project.conftest import Copy, Site
from tests.project.test_databases import (
    assert_reconciled,
    build_migrated,
    shop_rows,
    sql,
)

OLD, NEW = ["0001_initial", "0002_price"], ["0001_initial", "0003_price", "0002_stock"]
TAKEN_BACK = ["0001_initial", "0002_price", "0002_stock"]
FIX = ("fix", "--yes", "--strategy", "renumber")
STUCK = (
    "the change is half done: files have the new names, and rows may have; rows could not be "
    "renamed: database default (SQLite, db.sqlite3): OperationalError: database is locked"
)
# Holds the database's lock until its standard input ends.
LOCK = """\
import sqlite3, sys
connection = sqlite3.connect("db.sqlite3", isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def migrated(copy_of: Copy) -> Site:
    """A database has 0002_price with a row, and a merge with 0002_stock waits for its fix."""
    return copy_of(build_migrated)


@pytest.fixture
def fixed(migrated: Site) -> Site:
    """The same after the fix, which renamed the row, too."""
    migrated.fix("--strategy", "renumber")
    return migrated


def names(site: Site) -> list[str]:
    """Migrations of shop, by file."""
    return sorted(p.stem for p in (site.root / "shop/migrations").glob("0*.py"))


def locked(site: Site) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", LOCK], cwd=site.root, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == "locked\n"
    return process


def impatient(site: Site) -> None:
    """SQLite waits for a lock a tenth of a second only."""
    settings = site.read("site_settings.py").decode()
    short = '"NAME": "db.sqlite3", "OPTIONS": {"timeout": 0.1}'
    site.write("site_settings.py", settings.replace('"NAME": "db.sqlite3"', short))
    site.commit("impatient")


@pytest.mark.corpus
def test_undo_where_the_database_is_locked_changes_nothing(migrated: Site) -> None:
    impatient(migrated)
    migrated.fix("--strategy", "renumber")
    before = migrated.state()[1], names(migrated)
    with locked(migrated) as lock:
        done = migrated.run("undo")
        lock.communicate()
    assert done.returncode == 1
    assert "nothing was taken back:\n" in done.stdout
    assert "database default (SQLite, db.sqlite3): OperationalError: database is locked" in (
        done.stdout
    )
    assert (migrated.state()[1], names(migrated)) == before
    assert shop_rows(migrated) == NEW
    assert migrated.run("undo").returncode == 0
    assert shop_rows(migrated) == TAKEN_BACK
    migrated.fix("--strategy", "renumber")
    assert_reconciled(migrated)


LOCKING = """

def lock(apps, editor):
    import subprocess, sys
    if str(editor.connection.settings_dict["NAME"]).endswith("db.sqlite3"):
        process = subprocess.Popen(
            [sys.executable, "-c", %r], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            start_new_session=True)
        process.stdout.readline()
        held.append(process)


held = []
Migration.operations.insert(0, migrations.RunPython(lock, migrations.RunPython.noop))
"""
# outlives the process that started it
SLEEPING = LOCK.replace(
    "sys.stdin.read()", "import time, os\nwhile not os.path.exists('let-go'): time.sleep(.05)"
)


@pytest.fixture
def half_done(migrated: Site) -> Site:
    """A fix met a lock while it ran a migration, and could not rename the row back either."""
    impatient(migrated)
    path = "shop/migrations/0002_stock.py"
    plain = migrated.read(path)
    migrated.git("checkout", "-q", "main")
    migrated.write(path, plain + (LOCKING % SLEEPING).encode())
    migrated.commit("lock")
    migrated.publish()
    migrated.git("checkout", "-q", "feature")
    migrated.git("merge", "-q", "--no-edit", "main")
    done = migrated.run(*FIX)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "not put back yet, since the result doesn't verify: " in done.stdout
    assert "a copy from before is " in done.stdout
    assert "not verified: half done: migmerge undo, once the database can be reached" in done.stdout
    assert STUCK.partition(";")[0] in done.stdout
    assert names(migrated) == ["0001_initial", "0002_stock", "0003_price"]
    return migrated


def let_go(site: Site) -> None:
    site.write("let-go", "")
    time.sleep(0.5)
    (site.root / "let-go").unlink()


@pytest.mark.corpus
def test_fix_where_a_lock_comes_in_the_middle_is_named_by_each_command(half_done: Site) -> None:
    for command in (("check",), ("db", "status"), FIX, ("undo",), ("graph",), ("verify",)):
        done = half_done.run(*command)
        assert "MM328 a fix was interrupted here: " in done.stderr, command
        assert "hint: migmerge undo, once the database can be reached" in done.stderr
    let_go(half_done)
    done = half_done.run("db", "status")
    assert "took back a fix that was interrupted" in done.stderr
    assert names(half_done) == ["0001_initial", "0002_price", "0002_stock"]
    assert shop_rows(half_done) == OLD
    half_done.fix("--strategy", "merge")
    source = half_done.read("shop/migrations/0002_stock.py")
    half_done.write("shop/migrations/0002_stock.py", source.partition(b"\n\ndef lock")[0])
    half_done.manage("migrate", "-v0")
    assert sql(half_done, "SELECT name, price, stock FROM shop_product") == [("a", 777, 0)]


@pytest.mark.corpus
def test_undo_without_databases_takes_back_the_files_of_a_half_done_fix(half_done: Site) -> None:
    done = half_done.run("undo", "--no-databases")
    assert done.returncode == 0
    assert "rows may have either name: database default (SQLite, db.sqlite3)" in done.stderr
    assert names(half_done) == ["0001_initial", "0002_price", "0002_stock"]
    let_go(half_done)
    assert "migmerge" not in half_done.run("check").stderr


# Runs migmerge, and kills or interrupts it where it is about to change something for the nth time;
# or interrupts it after that (late), or kills the project's process.
KILLER = """\
import os, signal, subprocess, sys, tempfile
from subprocess import Popen
left = int(sys.argv.pop(1))
how = sys.argv.pop(1)
def counted(real):
    def step(*arguments, **keywords):
        global left
        left -= 1
        if left == 0:
            os.write(2, b"struck")
        if left == 0 and how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if left == 0 and how == "interrupt":
            os.kill(os.getpid(), signal.SIGINT)
        done = real(*arguments, **keywords)
        if left == 0 and how == "late":
            os.kill(os.getpid(), signal.SIGINT)
        if left == 0 and how == "child" and isinstance(done, Popen):
            import time
            time.sleep(0.4)
            done.kill()
        return done
    return step
for name in ("replace", "unlink"):
    setattr(os, name, counted(getattr(os, name)))
plain = subprocess.run
writing = {"mktree", "update-ref", "update-index"}
def run(command, **keywords):
    known = writing.intersection(command)
    return (counted(plain) if known else plain)(command, **keywords)
subprocess.run = run
import migmerge.project.run as project
real = project.subprocess.Popen
project.subprocess.Popen = counted(real)
subprocess.Popen = counted(real)
from migmerge.cli import main
sys.exit(main(sys.argv[1:]))
"""


def whole(site: Site) -> tuple[object, ...]:
    """Files, index, rows and values."""
    files, index = site.state()
    kept = {path: data for path, data in files.items() if "sqlite3" not in path}
    columns = [row[1] for row in sql(site, "PRAGMA table_info(shop_product)")]
    price = sql(site, "SELECT price FROM shop_product") if "price" in columns else "lost"
    old = "0002_price" in shop_rows(site)
    return kept, index, old, price


def stop_at_every_step(site: Site, tmp_path: Path, how: str, *command: str) -> int:
    pristine = tmp_path / "pristine"
    shutil.copytree(site.root, pristine, symlinks=True)
    before = whole(site)
    assert site.run(*command).returncode == 0
    after = whole(site)
    assert before != after
    for step in some(range(1, 200), 12):
        shutil.rmtree(site.root)
        shutil.copytree(pristine, site.root, symlinks=True)
        site.git("status")  # takes in that these are other inodes now
        done = subprocess.run(
            [sys.executable, "-c", KILLER, str(step), how, *command],
            cwd=site.root, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if "struck" not in done.stderr:
            return step
        told = site.run("check").stderr
        state = whole(site)
        assert state in (before, after), (step, done.stdout, done.stderr, told)
        if "nothing was changed" in done.stderr:
            assert state == before, (step, done.stderr)
        assert not (site.root / ".git/migmerge/journal").exists()
    raise AssertionError("too many steps")


@pytest.mark.corpus
@pytest.mark.parametrize("how", ["kill", "interrupt", "late", "child"])
def test_fix_with_rows_stopped_at_every_step(migrated: Site, tmp_path: Path, how: str) -> None:
    assert stop_at_every_step(migrated, tmp_path, how, *FIX) > 10


@pytest.mark.corpus
@pytest.mark.parametrize("how", ["kill", "interrupt", "late", "child"])
def test_undo_with_rows_stopped_at_every_step(fixed: Site, tmp_path: Path, how: str) -> None:
    assert stop_at_every_step(fixed, tmp_path, how, "undo") > 10


def stop_at_any_time(site: Site, tmp_path: Path, *command: str) -> None:
    """Every second time by ^C, which reaches the project's process, too."""
    pristine = tmp_path / "pristine"
    shutil.copytree(site.root, pristine, symlinks=True)
    before = whole(site)
    started = time.monotonic()
    assert site.run(*command).returncode == 0
    wait = (time.monotonic() - started) * 0.7
    after = whole(site)
    chance = random.Random(7)
    found = {"before": 0, "after": 0}
    for turn in range(KILLS):
        shutil.rmtree(site.root)
        shutil.copytree(pristine, site.root, symlinks=True)
        site.git("status")  # takes in that these are other inodes now
        with subprocess.Popen(
            [sys.executable, "-m", "migmerge", *command], cwd=site.root, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        ) as process:  # fmt: skip
            time.sleep(wait)
            if turn % 2:
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGINT)
            told = process.communicate()[0]
        told += site.run("check").stderr
        state = whole(site)
        assert state in (before, after), (turn, wait, told)
        assert not (site.root / ".git/migmerge/journal").exists()
        found["before" if state == before else "after"] += 1
        # most of it is reading: stay about where it writes, however busy the machine is
        wait *= chance.uniform(1, 1.3) if state == before else chance.uniform(0.75, 1)
    assert KILLS < 20 or min(found.values()) > 0


@pytest.mark.corpus
def test_fix_with_rows_stopped_at_any_time(migrated: Site, tmp_path: Path) -> None:
    stop_at_any_time(migrated, tmp_path, *FIX)


@pytest.mark.corpus
def test_undo_with_rows_stopped_at_any_time(fixed: Site, tmp_path: Path) -> None:
    stop_at_any_time(fixed, tmp_path, "undo")


@pytest.mark.corpus
def test_project_ends_with_the_fix_that_was_killed(migrated: Site) -> None:
    """Its process must not rename rows after the next command took everything back."""
    path = "shop/migrations/0002_stock.py"
    migrated.git("checkout", "-q", "main")
    slow = (
        "\n\ndef wait(apps, editor):\n    import time, pathlib\n"
        "    if str(editor.connection.settings_dict['NAME']).endswith('db.sqlite3'):\n"
        "        pathlib.Path('waiting').touch()\n        time.sleep(3)\n"
        "        pathlib.Path('went-on').touch()\n\n\n"
        "Migration.operations.insert(0, migrations.RunPython(wait, migrations.RunPython.noop))\n"
    )
    migrated.write(path, migrated.read(path) + slow.encode())
    migrated.commit("slow")
    migrated.publish()
    migrated.git("checkout", "-q", "feature")
    migrated.git("merge", "-q", "--no-edit", "main")
    with subprocess.Popen(
        [sys.executable, "-m", "migmerge", *FIX], cwd=migrated.root,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        for _ in range(600):
            if (migrated.root / "waiting").exists():
                break
            time.sleep(0.05)
        process.kill()
    assert "took back a fix that was interrupted" in migrated.run("check").stderr
    assert shop_rows(migrated) == OLD
    time.sleep(3.5)
    assert not (migrated.root / "went-on").exists()
    assert shop_rows(migrated) == OLD

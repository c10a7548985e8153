"""One tool in one scenario: made with real git, looked at by Django and by what is in the tables."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from scenarios import Scenario
from tools import Installed

PUBLISHED, LOCAL, FAR, FRESH = "main's", "here", "a colleague's", "fresh"
_GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_EDITOR": "true",
    "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.org",
}  # fmt: skip


class Verdict(NamedTuple):
    """`yes`: all is right; `files`: the files are, and a database isn't; `stops`: it ended with an
    error and changed nothing; `wrong`. `why` says what is wrong, or what it said; `seconds` is what
    the tool took."""

    outcome: Literal["yes", "files", "stops", "wrong"]
    why: str
    seconds: float


class Place:
    """A repository with the project, and the tool's own interpreter."""

    def __init__(self, root: Path, installed: Installed) -> None:
        self.root, self.installed = root, installed
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "MIGMERGE"))},
            **_GIT, "DJANGO_SETTINGS_MODULE": "settings", "PEER_APP": installed.tool.app,
            "PATH": f"{installed.bin}{os.pathsep}{os.environ['PATH']}",
        }  # fmt: skip

    def run(self, *command: str, database: str = "db.sqlite3") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.root, env={**self._environment, "PEER_DB": database}, text=True,
            capture_output=True, timeout=300, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def git(self, *arguments: str) -> str:
        done = self.run("git", *arguments)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    def manage(self, *arguments: str, database: str = "db.sqlite3") -> str:
        """What went wrong, in a line; nothing where it went well."""
        done = self.run(
            str(self.installed.bin / "python"), "manage.py", *arguments, database=database
        )
        return "" if not done.returncode else last_line(done.stderr or done.stdout)

    def commit(self, files: Mapping[str, str | bytes], shop: str, leaf: str = "") -> None:
        for path, data in files.items():
            full = self.root / path
            full.parent.mkdir(parents=True, exist_ok=True)
            full.write_bytes(data if isinstance(data, bytes) else data.encode())
        for folder in self.root.glob("*/migrations") if self.installed.tool.lock else ():
            names = sorted(path.stem for path in folder.glob("0*.py"))
            if names:
                last = leaf if folder.parent.name == shop else names[-1]
                (folder / "max_migration.txt").write_text(f"{last}\n")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "work")


def last_line(text: str) -> str:
    """The last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def compare_sides(scenario: Scenario, installed: Installed, root: Path) -> Verdict:
    """Make it, let the tool fix it, look at the files, then at four databases."""
    place = Place(root, installed)
    root.mkdir(parents=True)
    _history(place, scenario)
    rows = _databases(place, scenario)
    place.git("checkout", "-q", "main" if scenario.reverse else "feature")
    _merge(place, scenario)
    before = place.git("status", "--porcelain"), place.git("rev-parse", "HEAD")
    words = {
        "python": str(installed.bin / "python"), "bin": str(installed.bin),
        "leaf": scenario.moving, "label": "shop",
    }  # fmt: skip
    begun = time.perf_counter()
    done = place.run(*(word.format_map(words) for word in installed.tool.fix))
    took = time.perf_counter() - begun
    same = before == (place.git("status", "--porcelain"), place.git("rev-parse", "HEAD"))
    said = last_line(done.stderr) or last_line(done.stdout)
    if done.returncode and same:
        return Verdict("yes" if scenario.refuses else "stops", said, took)
    if scenario.refuses or done.returncode:
        left = f"leaves it half done: {said}"
        return Verdict("wrong", "fixes it" if not done.returncode else left, took)
    wrong = _files(place, scenario)
    if wrong:
        return Verdict("wrong", wrong, took)
    wrong = _arrivals(place, rows, words)
    return Verdict("files" if wrong else "yes", wrong, took)


def _history(place: Place, scenario: Scenario) -> None:
    place.git("init", "-q", ".")
    place.git("symbolic-ref", "HEAD", "refs/heads/main")
    place.commit(scenario.base, scenario.shop, "0001_initial")
    for branch, files in (("other", scenario.other), ("feature", scenario.feature)):
        if files:
            place.git("checkout", "-q", "-b", branch, "main")
            place.commit(files, scenario.shop, scenario.moving)
    place.git("checkout", "-q", "main")
    names = [Path(path).stem for path in scenario.main if "/migrations/0" in path]
    place.commit(scenario.main, scenario.shop, names[-1])
    place.git("update-ref", "refs/remotes/origin/main", "main")
    place.git("update-ref", "refs/remotes/origin/feature", "feature")  # as a colleague has it


def _databases(place: Place, scenario: Scenario) -> dict[str, dict[str, object]]:
    """A database on either side, with a row; what is in it by database."""
    rows = {}
    for branch, name in (("main", PUBLISHED), ("feature", LOCAL)):
        place.git("checkout", "-q", branch)
        file = "db.sqlite3" if name == LOCAL else f"{name}.sqlite3"
        wrong = place.manage("migrate", "-v0", database=file)
        assert not wrong, wrong
        rows[name] = _insert(place.root / file)
    shutil.copy(place.root / "db.sqlite3", place.root / f"{FAR}.sqlite3")
    if place.installed.tool.back:
        wrong = place.manage("migrate", "-v0", "shop", "0001_initial")
        return {PUBLISHED: rows[PUBLISHED], FAR: rows[LOCAL]}
    return {**rows, FAR: rows[LOCAL]}


def _insert(file: Path) -> dict[str, object]:
    """One product, with a value of its own in every column."""
    with sqlite3.connect(file) as database:
        columns = database.execute("PRAGMA table_info(shop_product)").fetchall()
        row = {
            c[1]: "tea" if "char" in c[2] or "text" in c[2] else 777
            for c in columns
            if c[1] != "id"
        }
        marks = ", ".join("?" * len(row))
        names = ", ".join(f'"{name}"' for name in row)
        database.execute(
            f"INSERT INTO shop_product ({names}) VALUES ({marks})", tuple(row.values())
        )
    return row


def _merge(place: Place, scenario: Scenario) -> None:
    """As people do: git's merge, and models.py resolved by hand where it collides."""
    if place.installed.tool.rebases:
        _rebase(place)
        return
    into = ("feature",) if scenario.reverse else ("main",)
    for branch in (*(("other",) if scenario.other else ()), *into):
        place.run("git", "merge", "-q", "--no-edit", branch)
        for path in place.git("diff", "--name-only", "--diff-filter=U").split():
            if path.endswith("models.py"):
                place.git("checkout", "-q", "--ours", "--", path)
                place.git("add", "--", path)
        if branch != into[0] and place.git("diff", "--name-only", "--diff-filter=U"):
            place.git("checkout", "-q", "--ours", ".")  # a lock file, before the merge that counts
            place.git("commit", "-q", "-a", "--no-edit")
        if not place.git("diff", "--name-only", "--diff-filter=U"):
            place.run("git", "commit", "-q", "--no-edit")


def _rebase(place: Place) -> None:
    place.git("checkout", "-q", "feature")
    place.run("git", "rebase", "-q", "main")
    for path in place.git("diff", "--name-only", "--diff-filter=U").split():
        if path.endswith("models.py"):
            place.git("checkout", "-q", "--theirs", "--", path)  # the branch's, in a rebase
            place.git("add", "--", path)
    if not place.git("diff", "--name-only", "--diff-filter=U"):
        place.run("git", "rebase", "--continue")


def _files(place: Place, scenario: Scenario) -> str:
    """One leaf node for Django, nothing left to make, nothing published touched, bytes as they were."""
    wrong = place.manage("makemigrations", "--check", "--dry-run", "-v0")
    if wrong:
        return f"Django: {wrong}"
    for path in place.git("ls-tree", "-r", "--name-only", "origin/main").split():
        if "/migrations/" in path and path.endswith(".py"):
            there = place.root / path
            stored = place.run("git", "show", f"origin/main:{path}").stdout
            if not there.exists() or there.read_bytes() != stored.encode():
                return f"{Path(path).name}, which main has, is renamed or edited"
    text = b"".join(
        path.read_bytes() for path in place.root.glob(f"{scenario.shop}/migrations/*.py")
    )
    for word in (
        b"keep: see ticket 12",
        b"swappable_dependency",
        b"('shop', '0002_price')]",
        b"\r\n",
    ):
        if any(word in _bytes(data) for data in scenario.feature.values()) and word not in text:
            return f"{word!r} is gone"
    return ""


def _bytes(data: str | bytes) -> bytes:
    return data if isinstance(data, bytes) else data.encode()


def _arrivals(
    place: Place, rows: Mapping[str, Mapping[str, object]], words: Mapping[str, str]
) -> str:
    """Every database gets to one schema by `migrate`, with its row as it was."""
    schemas = {}
    for name in (FRESH, PUBLISHED, LOCAL, FAR):
        file = "db.sqlite3" if name == LOCAL else f"{name}.sqlite3"
        if name == FAR and place.installed.tool.databases:
            command = [word.format_map(words) for word in place.installed.tool.databases]
            place.run(*command, database=file)
        wrong = place.manage("migrate", "-v0", database=file)
        if wrong:
            return f"{name} database: {wrong}"
        with sqlite3.connect(place.root / file) as database:
            columns = database.execute("PRAGMA table_info(shop_product)").fetchall()
            schemas[name] = {(column[1], column[2]) for column in columns}
            if schemas[name] != schemas[FRESH]:
                return f"{name} database: other columns than a fresh one"
            for column, value in rows.get(name, {}).items():
                found = database.execute(f'SELECT "{column}" FROM shop_product').fetchall()
                if found != [(value,)]:
                    return f"{name} database: {column} was {value!r} and is {found[0][0]!r}"
    return ""

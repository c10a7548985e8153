"""A sealed-off git, and builders that read like the domain."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import pytest
from _pytest.mark.structures import ParameterSet

from migmerge.migrations.graph import Graph, build_graph
from migmerge.migrations.model import Header, Migration, NodeKey, Reference

T = TypeVar("T")
SEALED = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada Lovelace",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_AUTHOR_DATE": "2026-01-02T03:04:05+00:00",
    "GIT_COMMITTER_NAME": "Ada Lovelace",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_COMMITTER_DATE": "2026-01-02T03:04:05+00:00",
    "GIT_EDITOR": "false",
    "GIT_TERMINAL_PROMPT": "0",
    "NO_COLOR": "1",
    "MIGMERGE_VERIFY_SECONDS": "0",  # but in the tests about it
}

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # started in the background of a shell; processes that tests interrupt would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

IN_CI = os.environ.get("CI") == "true"  # before the tests are sealed off
KILLS = int(os.environ.get("MIGMERGE_KILLS", "60"))  # how often a command is killed at any time
STEP = int(os.environ.get("MIGMERGE_STEP", "1"))  # of the wide tests CI takes every so many


def parser_is_older_than_python_314() -> bool:
    """Whether LibCST, too, wants parentheses in `except A, B:`."""
    import libcst

    try:
        libcst.parse_module("try:\n    pass\nexcept A, B:\n    pass\n")
    except libcst.ParserSyntaxError:
        return True
    return False


def unmeasured() -> dict[str, str]:
    """The environment of a process that can't write a file for coverage.py either."""
    return {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE_")}


def some(cases: Sequence[T], every: int = 4) -> Sequence[T]:
    """Every MIGMERGE_STEP-th case, but never less than every fourth (or `every`-th)."""
    return cases[:: min(STEP, every)]


def thinned(cases: Iterable[T], every: int = 3) -> list[T | ParameterSet]:
    """Cases of a test that takes seconds for each: the others than every so many of them are slow
    tests (`corpus`), of which CI takes some."""
    listed = list(cases)
    others = some([case for place, case in enumerate(listed) if place % every])
    return [
        *listed[::every],
        *(
            pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.corpus)
            for case in others
        ),
    ]


@pytest.fixture(autouse=True)
def sealed(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nobody's git configuration, CI variables or virtual environment reach a test."""
    for name in list(os.environ):
        if name.startswith(("GIT_", "MIGMERGE", "GITHUB_", "CI_", "BITBUCKET_", "PRE_COMMIT_")):
            monkeypatch.delenv(name)
    for name in ("VIRTUAL_ENV", "DJANGO_SETTINGS_MODULE", "CHANGE_TARGET", "CI"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path_factory.mktemp("home")
    (home / ".gitconfig").write_text(
        '[init]\n\tdefaultBranch = main\n[protocol "file"]\n\tallow = always\n'
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    # the interpreter of the tests first: it is "the project's python" that imports Django
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    for name, value in SEALED.items():
        monkeypatch.setenv(name, value)


MIGRATION = """\
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [{dependencies}
    ]

    operations = [{operations}
    ]
"""


def migration_text(*parents: tuple[str, str], operations: tuple[str, ...] = ()) -> str:
    """A migration file as Django lays it out."""
    return MIGRATION.format(
        dependencies="".join(f"\n        {pair!r}," for pair in parents),
        operations="".join(f"\n        migrations.{call}," for call in operations),
    )


class Repo:
    """A real repository, and migmerge run in it as its user would."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def git(self, *arguments: str, fails: bool = False) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.root, capture_output=True, text=True, check=False
        )
        assert (done.returncode != 0) == fails, (arguments, done.stdout, done.stderr)
        return done.stdout

    def write(self, path: str, content: str | bytes) -> Path:
        full = self.root / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_bytes(content.encode() if isinstance(content, str) else content)
        return full

    def read(self, path: str) -> bytes:
        return (self.root / path).read_bytes()

    def migration(
        self, app: str, name: str, *parents: str, operations: tuple[str, ...] = ()
    ) -> str:
        """Write `app/migrations/name.py`; a parent is `0001_initial` or `other.0001_initial`."""
        pairs = [tuple(p.rsplit(".", 1)) if "." in p else (app, p) for p in parents]
        path = f"{app}/migrations/{name}.py"
        self.write(path, migration_text(*pairs, operations=operations))  # type: ignore[arg-type]
        return path

    def commit(self, message: str = "work") -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD").strip()

    def publish(self, branch: str = "main") -> None:
        """Make `branch` the base branch, as a clone of a server would have it."""
        self.git("update-ref", "refs/remotes/origin/main", branch)

    def forget_base(self) -> None:
        """Leave no branch that could be the base branch."""
        self.git("update-ref", "-d", "refs/remotes/origin/main")
        self.git("branch", "-m", "main", "trunk")

    def run(self, *arguments: str, env: dict[str, str] | None = None, stdin: str = "",
            cwd: Path | None = None) -> subprocess.CompletedProcess[str]:  # fmt: skip
        return subprocess.run(
            [sys.executable, "-m", "migmerge", *arguments],
            cwd=cwd or self.root,
            env={**os.environ, **(env or {})},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )

    def check(self, *arguments: str) -> dict:
        """`check --format json`, parsed; fails on anything but findings."""
        done = self.run("check", "--format", "json", *arguments)
        assert done.returncode in (0, 1), done.stderr
        document = json.loads(done.stdout)
        assert bool(document["conflicts"]) == bool(done.returncode)
        return document

    def fix(self, *arguments: str, code: int = 0) -> dict:
        """`fix --yes --format json`, parsed; where there is no project, only files are checked."""
        alone = () if any(self.root.rglob("manage.py")) else ("--skip-verification",)
        done = self.run("fix", "--yes", "--format", "json", *alone, *arguments)
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)

    def state(self) -> tuple[dict[str, bytes], str]:
        """Every file and the whole index, to compare before and after."""
        files = {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and ".git/" not in f"{path.relative_to(self.root)}/"
        }
        return files, self.git("ls-files", "--stage")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """An empty repository on branch main."""
    root = tmp_path / "repo"
    root.mkdir()
    made = Repo(root)
    made.git("init", "-q")
    return made


PRICE = "AddField('product', 'price', models.IntegerField(default=0))"
STOCK = "AddField('product', 'stock', models.IntegerField(default=0))"
PRODUCT = "CreateModel('Product', fields=[('id', models.AutoField(primary_key=True))])"


def branch_out(repo: Repo) -> None:
    """main, which is published, has stock; feature, which is checked out, has price."""
    repo.write("shop/migrations/__init__.py", "")
    repo.migration("shop", "0001_initial", operations=(PRODUCT,))
    repo.commit("base")
    repo.git("checkout", "-q", "-b", "feature")
    repo.migration("shop", "0002_price", "0001_initial", operations=(PRICE,))
    repo.commit("price")
    repo.git("checkout", "-q", "main")
    repo.migration("shop", "0002_stock", "0001_initial", operations=(STOCK,))
    repo.commit("stock")
    repo.publish()
    repo.git("checkout", "-q", "feature")


@pytest.fixture
def branches(repo: Repo) -> Repo:
    """See `branch_out`."""
    branch_out(repo)
    return repo


@pytest.fixture
def siblings(branches: Repo) -> Repo:
    """The same, merged by git without a word."""
    branches.git("merge", "-q", "--no-edit", "main")
    return branches


def graph(text: str) -> Graph:
    """`graph("shop: 0001 <- 0002_a, 0001 <- 0002_b; cart: shop.0001 <- 0001")`.

    A chain `a <- b` makes b depend on a; `0002_s replaces 0001+0002` marks a squash.
    """
    parents: dict[tuple[str, str], list[Reference]] = {}
    replaces: dict[tuple[str, str], list[Reference]] = {}
    for part in text.split(";"):
        app, _, chains = part.strip().partition(":")
        for chain in chains.split(","):
            squash, _, old = chain.strip().partition(" replaces ")
            if old:
                pairs = [Reference(app, name, 1) for name in old.split("+")]
                replaces.setdefault((app, squash), []).extend(pairs)
                parents.setdefault((app, squash), [])
                continue
            keys = [tuple(n.rsplit(".", 1)) if "." in n else (app, n) for n in chain.split(" <- ")]
            tidy = [(a.strip(), n.strip()) for a, n in keys]
            for parent, child in zip([None, *tidy], tidy, strict=False):
                own = parents.setdefault(child, []) if child[0] == app else []
                if parent:
                    own.append(Reference(*parent, 1))
    return build_graph(
        [
            Migration(
                NodeKey(*key),
                key[0],
                f"{key[0]}/migrations/{key[1]}.py",
                Header(tuple(own), (), tuple(replaces.get(key, ()))),
            )
            for key, own in parents.items()
        ],
        resolver(parents),
    )


def resolver(known: dict[tuple[str, str], list[Reference]]) -> Callable[..., NodeKey | None]:
    apps = {app for app, _ in known}
    return lambda _, ref: NodeKey(ref.label, ref.name) if ref.label in apps else None

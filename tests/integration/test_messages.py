"""Stable ids: every kind has one, docs/messages.md is the catalogue, explain prints it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from migmerge.arguments import EXAMPLES, make_parser
from migmerge.conflicts.find import _ORDER
from migmerge.report.messages import MESSAGES, messages_page
from migmerge.report.reference import configuration_page
from tests.conftest import Repo

WRITE = os.environ.get("MIGMERGE_WRITE")  # the tests run without
DOCS = Path(__file__).parents[2] / "docs"
EXPLAINED = """\
MM107 lock-file: A lock file that does not name the leaf node

`max_migration.txt` or `migrations_lockfile.txt` names another migration than the app's
last, or holds git's conflict markers.

Run `migmerge fix APP`, which writes the leaf node's name.
"""


def test_every_kind_has_one_id() -> None:
    assert {m.kind for m in MESSAGES if m.id < "MM2"} == set(_ORDER)
    assert len({m.id for m in MESSAGES}) == len({m.kind for m in MESSAGES}) == len(MESSAGES)


@pytest.mark.parametrize(
    ("name", "page"), [("messages.md", messages_page), ("configuration.md", configuration_page)]
)
def test_the_page_is_what_the_code_says(name: str, page: Callable[[], str]) -> None:
    if WRITE:
        (DOCS / name).write_text(page(), encoding="utf-8")
    assert (DOCS / name).read_text(encoding="utf-8") == page()


def test_every_link_of_the_pages_leads_somewhere() -> None:
    for path in (*DOCS.glob("*.md"), *DOCS.parent.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", text):
            if "://" not in target:
                assert (path.parent / target).exists(), (path.name, target)


def test_explain(repo: Repo) -> None:
    for name in ("MM107", "mm107", "lock-file"):
        done = repo.run("explain", name)
        assert (done.returncode, done.stdout, done.stderr) == (0, EXPLAINED, "")
    listed = repo.run("explain").stdout.splitlines()
    assert listed[0] == "MM101  siblings            Two leaf nodes in one app"
    assert len(listed) == len(MESSAGES)
    done = repo.run("explain", "MM999")
    assert (done.returncode, done.stderr) == (
        2, "migmerge: MM314 no such message: 'MM999'\nhint: migmerge explain lists all\n"
    )  # fmt: skip


def test_every_command_s_help_has_an_example(repo: Repo) -> None:
    done = repo.run("--help")
    listed = done.stdout.partition("COMMAND\n")[2]
    commands = {line.split()[0] for line in listed.splitlines() if line[:4] == "    " != line[4:8]}
    # git's own arguments, or git's own call
    assert commands - {"merge", "rebase", "merge-driver"} == EXAMPLES.keys()
    for command, example in EXAMPLES.items():
        assert example in " ".join(repo.run(command, "--help").stdout.split())
        words = example.partition(" > ")[0].split()[1:]
        assert make_parser().parse_args(words).command == command


@pytest.mark.parametrize(("typed", "offered"), [("migmerge fo", "forecast"), ("migmerge check --ag", "--against"), ("migmerge graph --format m", "mermaid")])  # fmt: skip
def test_completion(repo: Repo, typed: str, offered: str) -> None:
    """As a shell asks after `eval "$(register-python-argcomplete migmerge)"`."""
    out = repo.root / "out"
    done = repo.run(
        env={
            "_ARGCOMPLETE": "1", "_ARGCOMPLETE_SHELL": "bash", "_ARGCOMPLETE_STDOUT_FILENAME": str(out),
            "COMP_LINE": typed, "COMP_POINT": str(len(typed)), "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
        }
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert out.read_text().strip() == offered


def test_git_that_is_not_there(repo: Repo) -> None:
    done = repo.run("check", env={"PATH": str(repo.root)})
    assert (done.returncode, done.stderr) == (
        2, "migmerge: MM304 git was not found on PATH\nhint: install git 2.31 or later\n"
    )  # fmt: skip


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root can give a file away")
def test_repository_of_another_user(repo: Repo) -> None:
    os.chown(repo.root, 12345, 12345)
    done = repo.run("check")
    assert (done.returncode, done.stderr) == (
        2,
        f"migmerge: MM302 git does not trust {repo.root}: it belongs to another user\n"
        f"hint: git config --global --add safe.directory {repo.root}\n",
    )


def test_operations_that_are_nested_too_deeply(siblings: Repo) -> None:
    path = "shop/migrations/0002_price.py"
    text = siblings.read(path).decode().partition("    operations")[0]
    siblings.write(path, f"{text}    operations = {' + '.join(['[]'] * 1500)}\n")
    done = siblings.run("check")
    assert (done.returncode, done.stderr) == (
        2,
        "migmerge: MM326 a migration is nested too deeply to be read\n"
        "hint: leave it out with exclude in [tool.migmerge]\n",
    )


def test_every_message_stands_in_a_test() -> None:
    texts = "".join(
        path.read_text(encoding="utf-8") for path in Path(__file__).parents[1].rglob("*.py")
    )
    assert [m.id for m in MESSAGES if m.id not in texts] == []

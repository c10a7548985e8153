"""Stable ids: every kind has one, docs/messages.md is the catalogue, explain prints it."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from migmerge import __version__ as VERSION
from migmerge.arguments import EXAMPLES, make_parser
from migmerge.conflicts.detect import _ORDER
from migmerge.report.messages import MESSAGES
from tests.conftest import Repo

DOCS = Path(__file__).parents[2] / "docs"
EXPLAINED = """\
MM107 lock-file: A lock file that does not name the leaf node

`max_migration.txt` or `migrations_lockfile.txt` names another migration than the app's
last, or holds git's conflict markers. Or an app that is new on this branch has no
max_migration.txt, and each app beside it has one.

Run `migmerge fix APP`, which writes the leaf node's name.
"""


def test_every_kind_has_one_id() -> None:
    assert {m.kind for m in MESSAGES if m.id < "MM2"} == set(_ORDER)
    assert len({m.id for m in MESSAGES}) == len({m.kind for m in MESSAGES}) == len(MESSAGES)


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
    both = repo.run("explain", "MM107", "MM105").stdout
    assert both.startswith(f"{EXPLAINED}\nMM105 cycle: ")
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


def after_tab(repo: Repo, typed: str) -> list[str]:
    """What a shell is offered after `eval "$(register-python-argcomplete migmerge)"`."""
    out = repo.root / "out"
    done = repo.run(
        env={
            "_ARGCOMPLETE": "1", "_ARGCOMPLETE_SHELL": "bash", "_ARGCOMPLETE_STDOUT_FILENAME": str(out),
            "COMP_LINE": typed, "COMP_POINT": str(len(typed)), "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
        }
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return re.split(r"[\s\v]+", out.read_text().strip())


@pytest.mark.parametrize(("typed", "offered"), [("migmerge fo", "forecast"), ("migmerge check --ag", "--against"), ("migmerge graph --format m", "mermaid"), ("migmerge fix sh", "shop"), ("migmerge check --base fe", "feature"), ("migmerge explain MM10", "MM101 MM102 MM103 MM104 MM105 MM106 MM107 MM108 MM109")])  # fmt: skip
def test_completion(siblings: Repo, typed: str, offered: str) -> None:
    assert after_tab(siblings, typed) == offered.split()


def test_completion_outside_of_a_repository(tmp_path: Path) -> None:
    assert not {"shop", "feature"}.intersection(after_tab(Repo(tmp_path), "migmerge fix "))


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


def _parsers(parser: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, argparse.Action]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command, sub in action.choices.items():
                yield from _parsers(sub, f"{name} {command}")
        elif action.help != argparse.SUPPRESS:
            yield name, action


def test_every_option_has_a_help_text() -> None:
    for name, action in _parsers(make_parser(), "migmerge"):
        if name not in ("migmerge merge", "migmerge rebase"):  # git's arguments
            assert action.help, f"{name} {action.dest}"


def test_help_of_a_command(repo: Repo) -> None:
    for words in (("help", "fix"), ("fix", "--help")):
        done = repo.run(*words)
        assert done.returncode == 0
        assert done.stdout.startswith("usage: migmerge fix [-h] ")
    assert "usage: migmerge db status" in repo.run("help", "db", "status").stdout
    assert repo.run("help").stdout.startswith("usage: migmerge [-h] ")
    assert repo.run("help", "merge").returncode == 0
    done = repo.run("help", "nothing")
    assert (done.returncode, "invalid choice: 'nothing'" in done.stderr) == (2, True)


def test_no_command_prints_help(repo: Repo) -> None:
    done = repo.run()
    assert (done.returncode, done.stderr) == (2, "")
    assert "resolve what check finds" in done.stdout


BUG = """\
import sys
import migmerge.commands.explain as command
def broken(options):
    {body}
command.explain = broken
from migmerge.cli import main
sys.exit(main(["explain"]))
"""


def run_broken(tmp_path: Path, body: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BUG.format(body=body)], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "TMPDIR": str(tmp_path), **env}, check=False,
    )  # fmt: skip


def test_a_bug_keeps_its_traceback_in_a_file(tmp_path: Path) -> None:
    done = run_broken(tmp_path, "raise KeyError('oh')")
    (log,) = tmp_path.glob("migmerge-*.log")
    assert done.returncode == 3
    assert done.stderr == (
        "migmerge: a bug in migmerge: KeyError: 'oh'\n"
        f"hint: the traceback is in {log}; please report it: "
        "https://github.com/migmerge/migmerge/issues\n"
    )
    text = log.read_text()
    assert text.startswith(f"migmerge {VERSION}, Python ")
    assert "in broken\n" in text
    assert text.endswith("KeyError: 'oh'\n")


def test_a_bug_without_end_is_not_the_users_fault(tmp_path: Path) -> None:
    done = run_broken(tmp_path, "return broken(options)")
    assert done.returncode == 3
    assert "a bug in migmerge: RecursionError" in done.stderr


def test_a_bug_where_no_file_can_be_written(tmp_path: Path) -> None:
    body = "import tempfile; tempfile.NamedTemporaryFile = open; raise KeyError('oh')"
    done = run_broken(tmp_path, body.replace("open", "lambda *a, **k: open('/nowhere/x')"))
    assert done.returncode == 3
    assert done.stderr.endswith("KeyError: 'oh'\n")

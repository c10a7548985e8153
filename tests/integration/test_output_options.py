"""--quiet, --verbose and --color."""

from __future__ import annotations

import re
import sys

import pexpect
import pytest

from tests.conftest import Repo

CODES = re.compile("\x1b\\[[0-9;]*m")


def test_color_always(siblings: Repo) -> None:
    plain = siblings.run("check").stdout
    assert CODES.search(plain) is None
    done = siblings.run("check", "--color", "always")
    assert CODES.sub("", done.stdout) == plain
    assert done.stdout.startswith(
        "\x1b[1mshop/migrations\x1b[m: \x1b[1;31mMM101\x1b[m siblings in shop: 2 leaf nodes"
    )
    assert "next: \x1b[36mmigmerge fix shop\x1b[m\n" in done.stdout
    assert "\x1b[32mpublished on origin/main    \x1b[m" in done.stdout
    assert siblings.run("--color", "always", "check").stdout == done.stdout


def test_color_of_doctor(siblings: Repo) -> None:
    plain = siblings.run("doctor").stdout
    coloured = siblings.run("doctor", "--color", "always").stdout
    assert CODES.search(plain) is None
    assert CODES.sub("", coloured) == plain
    assert "\x1b[1;31mdriver-missing\x1b[m: git knows no merge driver\n" in coloured


@pytest.mark.parametrize(
    ("arguments", "env", "coloured"),
    [
        ([], {}, True),
        (["--color", "never"], {}, False),
        ([], {"NO_COLOR": "1"}, False),
        ([], {"TERM": "dumb"}, False),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
    ],
)
def test_color_on_a_terminal(
    siblings: Repo,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    env: dict[str, str],
    coloured: bool,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    words = ["-m", "migmerge", "check", *arguments]
    child = pexpect.spawn(
        sys.executable, words, cwd=str(siblings.root), encoding="utf-8", timeout=60
    )
    child.expect(pexpect.EOF)
    assert bool(CODES.search(child.before)) is coloured


def test_quiet_prints_findings_only(siblings: Repo) -> None:
    loud, quiet = siblings.run("check"), siblings.run("check", "-q")
    assert (quiet.stdout, quiet.stderr) == (loud.stdout, "")
    assert quiet.returncode == loud.returncode == 1
    assert "1 conflict\n" in loud.stderr
    siblings.git("reset", "-q", "--hard", "main")
    for _ in range(2):  # the second time from the cache
        done = siblings.run("--quiet", "check")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "no conflicts\n" in siblings.run("check").stderr
    done = siblings.run("check", "-q", "--rev", "nothing")
    assert (done.returncode, "nothing" in done.stderr) == (2, True)


def test_verbose_tells_what_was_read(siblings: Repo) -> None:
    commit = siblings.git("rev-parse", "--short=12", "main").strip()
    done = siblings.run("check", "-v")
    assert done.stderr == (
        "read from: worktree\n"
        f"base branch: origin/main ({commit})\n"
        "app shop: shop/migrations, 3 migrations\n"
        "3 migrations in 1 app: 1 conflict\n"
    )
    siblings.git("reset", "-q", "--hard", "main")
    for _ in range(2):
        done = siblings.run("check", "--verbose")
        assert done.stderr.startswith("read from: worktree\napp shop: shop/migrations, 2 migra")


def test_options_stand_on_either_side_of_the_command(siblings: Repo) -> None:
    for words in (["-q", "check"], ["check", "-q"], ["doctor", "-q"], ["graph", "--quiet"]):
        assert siblings.run(*words).returncode in (0, 1), words
    assert siblings.run("db", "status", "-q").returncode == siblings.run("db", "status").returncode


def test_quiet_and_verbose_exclude_each_other(repo: Repo) -> None:
    assert repo.run("check", "-q", "-v").returncode == 2

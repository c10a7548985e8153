"""What only a terminal sees: the question and the colours."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from tests.conftest import Repo
from tests.project.conftest import Site, copy_of, site

pytestmark = pytest.mark.once

__all__ = ["copy_of", "site"]  # the fixtures


@pytest.fixture(autouse=True)
def without_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIGMERGE_VERIFY_SECONDS")


def on_a_terminal(repo: Repo, answer: str, *arguments: str, colour: bool = True) -> tuple[int, str]:
    """Run migmerge with a pseudo-terminal as all three streams, and type `answer`."""
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    if colour:
        environment.pop("NO_COLOR")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "migmerge", *arguments],
        cwd=repo.root,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    os.write(ours, answer.encode())
    shown = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    return process.wait(), shown.decode()


@pytest.mark.parametrize(
    ("answer", "written"), [("\ny\n", True), ("\nn\n", False), ("\n\n", False)]
)
def test_fix_asks(siblings: Repo, answer: str, written: bool) -> None:
    before = siblings.state()
    code, shown = on_a_terminal(siblings, answer, "fix")
    assert "Write this? [y/N]" in shown
    assert (code, siblings.state() != before) == (
        1,
        written,
    )  # 1: there is no project to verify with


def test_fix_shows_a_coloured_diff(siblings: Repo) -> None:
    code, shown = on_a_terminal(siblings, "", "fix", "--dry-run")
    assert code == 0
    assert "\x1b[" in shown
    assert "0003_merge_0002_price_0002_stock.py" in shown


def test_no_color_is_obeyed(siblings: Repo) -> None:
    code, shown = on_a_terminal(siblings, "", "fix", "--dry-run", colour=False)
    assert code == 0
    assert "\x1b[" not in shown


def test_verify_shows_how_far_it_is(site: Site) -> None:
    """On a terminal, and only there."""
    site.fix("--strategy", "merge", "--skip-verification")
    code, shown = on_a_terminal(site, "", "verify")
    assert code == 0, shown
    assert "migrating from" in shown or "building" in shown
    done = site.run("verify")
    assert "migrating from" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("start", "answer", "written"),
    [
        (None, "m\n\n", "[migmerge]\nprefer = merge\nbase = origin/main\n"),
        ("[project]", "l\nfeature\n", '[tool.migmerge]\nprefer = "renumber"\nbase = "feature"\n'),
        (None, "\n\n", "[migmerge]\nprefer = auto\nbase = origin/main\n"),
    ],
    ids=["merge migrations", "a straight line", "the defaults"],
)
def test_install_asks_how_the_team_likes_it(
    siblings: Repo, start: str | None, answer: str, written: str
) -> None:
    """Once; and uninstall takes the answers out again."""
    name = "pyproject.toml" if start else "setup.cfg"
    if start:
        siblings.write(name, start)
    code, shown = on_a_terminal(siblings, answer, "install")
    assert code == 0, shown
    assert written in siblings.read(name).decode()
    assert siblings.run("check").returncode == 1
    code, shown = on_a_terminal(siblings, "", "install")
    assert "your team likes" not in shown
    assert siblings.run("uninstall").returncode == 0
    assert (siblings.root / name).exists() == bool(start)
    if start:
        assert siblings.read(name).decode() == start


@pytest.mark.parametrize(
    ("answer", "message"),
    [("x\n", "no such answer: x"), ("m\ngone\n", "no such branch: gone")],
)
def test_install_takes_no_answer_that_it_does_not_know(
    siblings: Repo, answer: str, message: str
) -> None:
    code, shown = on_a_terminal(siblings, answer, "install")
    assert code == 2
    assert message in shown
    assert not (siblings.root / ".git/info/attributes").exists()

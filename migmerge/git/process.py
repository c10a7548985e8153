"""The one function through which every git process of ours goes."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from migmerge.errors import UserError

# what a user's configuration could change in git's output, set for every process of ours
_SETTINGS = (
    "core.quotePath=false", "color.ui=false", "color.diff=false", "color.branch=false",
    "log.showSignature=false", "log.follow=false", "log.showRoot=true", "log.diffMerges=separate",
    "i18n.logOutputEncoding=UTF-8", "diff.relative=false", "diff.renames=false",
    "submodule.recurse=false",
)  # fmt: skip
_BEFORE = (
    "--no-pager", "--literal-pathspecs", *(part for one in _SETTINGS for part in ("-c", one)),
)  # fmt: skip


class GitError(Exception):
    """git exited with a code that the caller did not expect; `stderr` is git's own words."""

    def __init__(self, arguments: Sequence[str], returncode: int, stderr: str) -> None:
        super().__init__(f"git {' '.join(arguments)}: exit {returncode}: {stderr.strip()}")
        self.returncode = returncode
        self.stderr = stderr

    @property
    def reason(self) -> str:
        """The last line of git's own words."""
        return (self.stderr.strip().splitlines() or ["git said nothing"])[-1]


@contextmanager
def unbroken() -> Iterator[None]:
    """^C waits until what runs inside has ended, git's own processes too (they inherit the mask).

    `subprocess.run` kills a process a quarter of a second after ^C, and git that is killed leaves
    its lock.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return

    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def git(
    *arguments: str,
    cwd: str,
    stdin: bytes | None = None,
    expected: Sequence[int] = (0,),
    env: dict[str, str] | None = None,
) -> bytes:
    """git's standard output, bytes as they are.

    Raises GitError for an exit code that is not `expected`, UserError where git is missing.
    """
    try:
        done = subprocess.run(
            ["git", *_BEFORE, *arguments],
            cwd=cwd,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            env=_environment(env),
            check=False,
        )
    except FileNotFoundError:
        if not os.path.isdir(cwd):
            raise UserError("no-repository", f"no such directory: {cwd}") from None

        raise UserError(
            "no-git", "git was not found on PATH", "install git 2.31 or later"
        ) from None
    except NotADirectoryError:
        raise UserError("no-repository", f"not a directory: {cwd}") from None

    if done.returncode not in expected:
        raise GitError(arguments, done.returncode, done.stderr.decode("utf-8", "replace"))
    return done.stdout


def _environment(env: dict[str, str] | None) -> dict[str, str]:
    # GIT_OPTIONAL_LOCKS: reading must never take the index lock from under somebody
    return {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C", **(env or {})}


@contextmanager
def streaming(*arguments: str, cwd: str, env: dict[str, str] | None = None) -> Iterator[IO[bytes]]:
    """git's standard output as it comes; git is ended when the block is left."""
    with subprocess.Popen(
        ["git", *_BEFORE, *arguments],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(env),
    ) as process:
        try:
            yield process.stdout  # type: ignore[misc]  # there is one: PIPE
        finally:
            process.kill()


def interactive(*arguments: str, cwd: str, editor: str | None = None) -> int:
    """git as the user would run it, at their terminal; its exit code."""
    env = {**os.environ, "GIT_EDITOR": editor} if editor else None
    try:
        return subprocess.run(["git", *arguments], cwd=cwd, env=env, check=False).returncode
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(
            "no-git", f"git can't be run in {cwd}", "install git 2.31 or later"
        ) from None

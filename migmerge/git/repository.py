"""Where the repository is, and which commits its names mean."""

from __future__ import annotations

import os
import shlex
from contextlib import AbstractContextManager
from typing import IO, NamedTuple, NoReturn

from migmerge.errors import UserError
from migmerge.git.process import GitError, git, streaming


class Repository(NamedTuple):
    """`root` is the top of the work tree (the git directory when bare); `head` the commit that was
    checked out when it was looked for, empty before the first one and where it is bare."""

    root: str
    git_dir: str
    bare: bool
    head: str = ""

    def git(
        self,
        *arguments: str,
        stdin: bytes | None = None,
        expected: tuple[int, ...] = (0,),
        env: dict[str, str] | None = None,
    ) -> bytes:
        """Run git at the top of the work tree; see `process.git`."""
        env = {**self._places(), **(env or {})}
        return git(*arguments, cwd=self.root, stdin=stdin, expected=expected, env=env)

    def streaming(self, *arguments: str) -> AbstractContextManager[IO[bytes]]:
        """Read git's output while it runs; see `process.streaming`."""
        return streaming(*arguments, cwd=self.root, env=self._places())

    def _places(self) -> dict[str, str]:
        # what the environment says may be relative to where we were started
        places = {"GIT_DIR": self.git_dir, "GIT_WORK_TREE": self.root}
        return {name: place for name, place in places.items() if name in os.environ}

    def git_path(self, name: str) -> str:
        """The file of this name under the git directory, as this worktree sees it."""
        return os.path.join(self.git_dir, name)


def find_repository(directory: str) -> Repository:
    """The repository around `directory`; UserError when there is none."""
    places = ("--absolute-git-dir", "--show-toplevel")
    try:
        out = git("rev-parse", *places, "HEAD", cwd=directory)
    except GitError:  # mostly of HEAD, before the first commit
        try:
            out = git("rev-parse", *places, cwd=directory)
        except GitError as error:
            return _without_work_tree(error, directory)

    git_dir, top, head = os.fsdecode(out + b"\n").split("\n")[:3]
    return Repository(top, git_dir, bare=False, head=head)


def find_work_tree(directory: str, command: str) -> Repository:
    """The same for a command that needs a work tree; UserError for a bare repository."""
    repository = find_repository(directory)
    if repository.bare:
        raise UserError(
            "bare", f"{repository.root} is a bare repository", f"run {command} in a work tree"
        )
    return repository


def find_directory(directory: str, command: str) -> Repository:
    """The same, or the directory of a project (with its manage.py) where there is no repository, or
    no git: its `git_dir` is empty, and nothing is known of its history."""
    try:
        return find_work_tree(directory, command)
    except UserError as error:
        project = os.path.exists(os.path.join(directory, "manage.py"))
        if error.kind not in ("no-repository", "no-git") or not project:
            raise
    return Repository(os.path.abspath(directory), "", bare=False)


def _without_work_tree(error: GitError, directory: str) -> Repository:
    try:
        out = git("rev-parse", "--is-bare-repository", "--absolute-git-dir", cwd=directory)
    except GitError:
        return _explain(error, directory)
    bare, git_dir = os.fsdecode(out).split("\n")[:2]
    return Repository(git_dir, git_dir, bare=True) if bare == "true" else _explain(error, directory)


def _explain(error: GitError, directory: str) -> NoReturn:
    place = os.path.abspath(directory)
    if "dubious ownership" in error.stderr:
        raise UserError(
            "untrusted",
            f"git does not trust {place}: it belongs to another user",
            f"git config --global --add safe.directory {shlex.quote(place)}",
        )
    if "must be run in a work tree" in error.stderr:
        raise UserError(
            "no-repository", f"{place} is inside a git directory", "cd to the work tree"
        )

    raise UserError(
        "no-repository",
        f"not a git repository: {place}",
        "cd to your project, or: migmerge -C DIR …",
    )


def find_commit(repository: Repository, ref: str) -> str | None:
    """The commit that `ref` names, None if it names none."""
    out = repository.git(
        "rev-parse", "--verify", "--quiet", "--end-of-options", ref + "^{commit}",
        expected=(0, 1, 128),
    )  # fmt: skip
    return out.decode().strip() or None


def commit_of(repository: Repository, ref: str) -> str:
    """The commit that `ref` names; UserError with the way out when it names none."""
    commit = find_commit(repository, ref) if ref and "\0" not in ref else None
    if commit is None:
        if is_shallow(repository):
            hint = "this is a shallow clone: git fetch --unshallow (in CI, fetch-depth: 0)"
        else:
            hint = "git fetch, then git branch --all shows the names"
        raise UserError("unknown-ref", f"no such commit or branch: {ref!r}", hint)
    return commit


def current_branch(repository: Repository) -> str:
    """The branch that is checked out; empty where none is, as in CI."""
    out = repository.git("symbolic-ref", "--quiet", "--short", "HEAD", expected=(0, 1))
    return os.fsdecode(out).strip()


def is_shallow(repository: Repository) -> bool:
    """Whether history was cut off by `clone --depth`."""
    return repository.git("rev-parse", "--is-shallow-repository").strip() == b"true"

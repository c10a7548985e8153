"""Whether files on disk may be other than what git has of them, though git calls them unchanged."""

from __future__ import annotations

import os
from collections.abc import Iterable

from migmerge.errors import UserError
from migmerge.git.repository import Repository
from migmerge.regular import read_regular

_MARKS = (b"filter", b"working-tree-encoding", b"[attr]")


def may_differ(repository: Repository, paths: Iterable[str]) -> bool:
    """Judged by .gitattributes and migrations among `paths`, and the user's attributes: a filter
    (git-crypt, say) that may be for Python files, or a migration directory that is a link now."""
    files = list(_user_attributes(repository))
    directories = set()
    for path in paths:
        if path.endswith(".gitattributes"):
            files.append(os.path.join(repository.root, path))
        else:
            directories.add(path.rpartition("/")[0])

    if any(_filters_python(path) for path in files):
        return True
    above = {"/".join(p.split("/")[: n + 1]) for p in directories for n in range(p.count("/") + 1)}
    return any(os.path.islink(os.path.join(repository.root, path)) for path in above)


def _user_attributes(repository: Repository) -> Iterable[str]:
    """The attributes that are no part of the tree, where git looks for them by itself."""
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    yield os.path.join(home, "git", "attributes")
    common = repository.git_dir
    try:
        with open(repository.git_path("commondir"), encoding="utf-8") as handle:
            common = os.path.join(common, handle.read().strip())
    except OSError:
        pass  # no linked worktree
    yield os.path.join(common, "info", "attributes")


def _filters_python(path: str) -> bool:
    try:
        lines = (read_regular(path) or b"").splitlines()
    except (OSError, UserError):  # no file that git reads either
        return False
    return any(_is_for_python(line) for line in lines if any(mark in line for mark in _MARKS))


def _is_for_python(line: bytes) -> bool:
    """Whether the pattern of a line may match `*.py`: one for another extension can't."""
    pattern = line.strip().split(b" ")[0].split(b"\t")[0]
    extension = pattern.rpartition(b"/")[2].rpartition(b".")[2]
    return b"." not in pattern or not extension.isalnum() or extension == b"py"

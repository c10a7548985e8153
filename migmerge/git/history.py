"""Who added a file, and when."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from migmerge.git.repository import Repository, find_commit, is_shallow
from migmerge.git.state import stopped_operation

if TYPE_CHECKING:
    from git import Repo

_SHA1 = 40


class Added(NamedTuple):
    """The commit that brought a file in."""

    author: str
    when: datetime
    commit: str


def added_by(repository: Repository, paths: Iterable[str], tips: Iterable[str]) -> dict[str, Added]:
    """Path -> its addition, in the history of the first of `tips` that has one.

    A path is left out where nobody has committed it, or a shallow clone hides who did.
    """
    from git import Repo  # GitPython: only paid when there is something to tell

    known = list(dict.fromkeys(tips))
    hidden = _shallow_boundary(repository)
    found = {}
    with Repo(repository.git_dir if repository.bare else repository.root) as repo:
        # GitPython starts its processes one directory above a bare repository not named *.git
        repo.git.update_environment(GIT_DIR=repository.git_dir)
        for path in paths:
            for tip in known:
                out = repository.git("log", "-1", "--diff-filter=A", "--format=%H", tip, "--", path)
                oid = out.decode().strip()
                if oid and oid not in hidden:
                    found[path] = _added(repository, repo, oid)
                    break
    return found


def _added(repository: Repository, repo: Repo, oid: str) -> Added:
    if len(oid) > _SHA1:  # GitPython knows no other names
        out = repository.git("show", "-s", "--format=%aI%x00%an", oid).decode("utf-8", "replace")
        when, _, author = out.rstrip("\n").partition("\0")
        return Added(author, datetime.fromisoformat(when), oid)
    made = repo.commit(oid)
    return Added(str(made.author.name), made.authored_datetime, oid)


def current_tips(repository: Repository, environment: Mapping[str, str] = os.environ) -> list[str]:
    """HEAD and what is being merged into it.

    While a clean merge runs its hooks there is no MERGE_HEAD yet, but GITHEAD_<commit> is set
    (git merge, for its drivers).
    """
    stopped = stopped_operation(repository)
    heads = [name[len("GITHEAD_") :] for name in sorted(environment) if name.startswith("GITHEAD_")]
    tips = [find_commit(repository, "HEAD"), stopped.theirs if stopped else None]
    tips += [find_commit(repository, head) for head in heads]
    return [tip for tip in tips if tip]


def _shallow_boundary(repository: Repository) -> set[str]:
    """Commits whose parents were cut off: they seem to add every file."""
    if not is_shallow(repository):
        return set()
    place = os.fsdecode(repository.git("rev-parse", "--git-path", "shallow")).strip()
    with open(os.path.join(repository.root, place), encoding="ascii") as handle:
        return set(handle.read().split())

"""The commits that one commit has and another has not, in one process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from migmerge.git.repository import Repository


class OwnCommits(NamedTuple):
    """The parents of each of them, children first; `forks` are those commits of the other one that
    are a parent of these. Where there is only one fork, it is the merge base."""

    parents: Mapping[str, tuple[str, ...]]
    forks: tuple[str, ...]

    def last_merge(self, head: str) -> tuple[str, ...]:
        """The parents of the newest merge commit on the first parents' line; none without one."""
        while head in self.parents:
            parents = self.parents[head]
            if len(parents) > 1:
                return parents
            head = parents[0] if parents else ""
        return ()


def read_own_commits(repository: Repository, head: str, base: str) -> OwnCommits:
    """What `head` has and `base` has not, both full ids."""
    if head == base:
        return OwnCommits({}, ())
    out = repository.git(
        "rev-list", "--parents", "--boundary", head, "--not", base, "--", expected=(0, 128)
    )
    parents = {}
    forks = []
    for line in out.decode().splitlines():
        commit, *above = line.split()
        if commit.startswith("-"):
            forks.append(commit[1:])
        else:
            parents[commit] = tuple(above)
    return OwnCommits(parents, tuple(forks))

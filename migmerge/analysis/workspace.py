"""A repository with its configuration, and what one command asks for more than once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from migmerge.config import Config, read_config
from migmerge.errors import UserError
from migmerge.git.base import Base, find_base
from migmerge.git.own_commits import OwnCommits, read_own_commits
from migmerge.git.repository import Repository, find_commit
from migmerge.git.state import Stopped, stopped_operation
from migmerge.git.trees import Listing, Records, commit_records, listing_of

if TYPE_CHECKING:
    from migmerge.project.interpreter import NoProject, Project


class Workspace:
    """Each fact is read from git when it is first needed, and kept.

    It holds as long as no branch moves, so each command opens its own. `asked_base` is the `--base`
    of the command line.
    """

    def __init__(
        self, repository: Repository, config: Config, asked_base: str | None = None
    ) -> None:
        self.repository = repository
        self.config = config
        self.asked_base = asked_base
        self._commits: dict[str, str | None] = {}
        self._projects: dict[str | None, Project | NoProject] = {}
        self._records: dict[str, Records] = {}
        self._listings: dict[str, Listing] = {}
        self._own_commits: dict[tuple[str, str], OwnCommits] = {}

    @cached_property
    def base(self) -> Base | None:
        """The base branch, None where there is none; UserError as `find_base`."""
        return find_base(self.repository, self.asked_base, self.config.base)

    @cached_property
    def base_or_none(self) -> Base | None:
        """The base branch; None also where one is named that is not there."""
        try:
            return self.base
        except UserError:
            return None

    @property
    def head(self) -> str | None:
        """The commit that is checked out; None before the first one."""
        return self.repository.head or self.find_commit("HEAD")

    @cached_property
    def stopped(self) -> Stopped | None:
        """The merge, rebase, cherry-pick or revert that waits for the user."""
        return stopped_operation(self.repository)

    def find_commit(self, ref: str) -> str | None:
        """The commit that `ref` names, None if it names none."""
        if ref not in self._commits:
            self._commits[ref] = find_commit(self.repository, ref)
        return self._commits[ref]

    def parents(self, commit: str) -> tuple[str, ...]:
        """The parents of a commit (a full id); none of a tree."""
        out = self.repository.git("rev-list", "--parents", "-1", commit, "--", expected=(0, 128))
        return tuple(out.decode().split()[1:])

    def own_commits(self, head: str, base: str) -> OwnCommits:
        """What `head` has and `base` has not, both full ids."""
        if (head, base) not in self._own_commits:
            self._own_commits[head, base] = read_own_commits(self.repository, head, base)
        return self._own_commits[head, base]

    def merge_base(self, one: str, other: str) -> str | None:
        """The last commit that two commits have in common, None where there is none."""
        own = self.own_commits(one, other)
        if len(own.forks) == 1 or not own.parents:
            return own.forks[0] if own.parents else one
        out = self.repository.git("merge-base", one, other, expected=(0, 1, 128)).decode().split()
        return out[0] if out else None

    def project(self, place: str | None, *, several: bool) -> Project | NoProject:
        """The project of the manage.py in `place`; see `find_project`."""
        from migmerge.project.interpreter import find_project  # not for a check

        if place not in self._projects:
            self._projects[place] = find_project(
                self.repository.root, self.config, place, several=several
            )
        return self._projects[place]

    def commit_records(self, commit: str) -> Records:
        """What git lists of a commit; `commit` is a full id."""
        if commit not in self._records:
            self._records[commit] = commit_records(self.repository, commit)
        return self._records[commit]

    def list_commit(self, commit: str) -> Listing:
        """The same, by path."""
        if commit not in self._listings:
            self._listings[commit] = listing_of(self.commit_records(commit))
        return self._listings[commit]


def open_workspace(
    repository: Repository, config_file: str | None, asked_base: str | None = None
) -> Workspace:
    """With the configuration of the work tree, or of `config_file`; UserError where it is wrong."""
    return Workspace(repository, read_config(repository.root, config_file), asked_base)

"""Which branch is the base: what it has is published."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from migmerge.git.process import GitError
from migmerge.git.repository import Repository, commit_of, find_commit

_CI_VARIABLES = (
    "GITHUB_BASE_REF",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
    "BITBUCKET_PR_DESTINATION_BRANCH",
    "CHANGE_TARGET",
)


class Base(NamedTuple):
    """The base branch by the name it was found under, and its commit."""

    name: str
    commit: str


def find_base(
    repository: Repository,
    asked: str | None,
    configured: str | None,
    environment: Mapping[str, str] = os.environ,
) -> Base | None:
    """`--base`, configuration, CI's target branch, origin/HEAD, origin/main, the upstream.

    None when there is none. UserError when one was asked for or configured and is not there.
    """
    for name in (asked, configured):
        if name:
            return Base(name, commit_of(repository, name))
    targets = [environment[name] for name in _CI_VARIABLES if environment.get(name)]
    candidates = [f"origin/{target}" for target in targets] + targets
    candidates += [_remote_head(repository), "origin/main", "origin/master"]
    for name in candidates:
        commit = find_commit(repository, f"refs/remotes/{name}") if name else None
        if name in targets:
            commit = find_commit(repository, f"refs/heads/{name}")
        if name and commit:
            return Base(name, commit)
    return _upstream(repository)


def _remote_head(repository: Repository) -> str:
    out = repository.git(
        "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD", expected=(0, 1, 128)
    )
    return os.fsdecode(out).strip()


def _upstream(repository: Repository) -> Base | None:
    try:
        name = os.fsdecode(
            repository.git("rev-parse", "--abbrev-ref", "--symbolic-full-name", "@{upstream}")
        ).strip()
    except GitError:  # no upstream, a detached or an unborn HEAD
        return None
    commit = find_commit(repository, "@{upstream}")
    return Base(name, commit) if commit else None

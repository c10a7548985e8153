"""Which branch is the base: what it has is published."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from migmerge.errors import UserError
from migmerge.git.process import GitError
from migmerge.git.repository import Repository, commit_of, find_commit, is_shallow

_CI_VARIABLES = (
    "GITHUB_BASE_REF",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
    "BITBUCKET_PR_DESTINATION_BRANCH",
    "CHANGE_TARGET",
)
_REMOTE_HEAD = "refs/remotes/origin/HEAD"
_LOCAL = ("refs/heads/main", "refs/heads/master")
_QUEUE = "gh-readonly-queue/"


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
    """`--base`, configuration, CI's target branch, origin/HEAD, origin/main, the upstream; in a
    repository without any remote the local main or master, unless it is the branch that comes in.

    None when there is none. UserError when one was asked for or configured and is not there.
    """
    for name in (asked, configured):
        if name:
            return Base(name, commit_of(repository, name))

    targets = target_branches(environment)
    wanted = [f"refs/remotes/origin/{target}" for target in targets]
    wanted += [f"refs/heads/{target}" for target in targets]
    wanted += [_REMOTE_HEAD, "refs/remotes/origin/main", "refs/remotes/origin/master"]
    refs = _refs(repository, wanted)
    for ref in wanted:
        if ref in refs and (refs[ref].name or ref != _REMOTE_HEAD):
            name = refs[ref].name if ref == _REMOTE_HEAD else ref
            return Base(short_name(name), refs[ref].commit)

    return _upstream(repository) or _local(repository)


def find_target(
    repository: Repository,
    configured: str | None,
    environment: Mapping[str, str] = os.environ,
) -> Base:
    """What a merge would go into: CI's target branch, else the base branch. UserError if it is
    not there."""
    targets = target_branches(environment)
    base = find_base(repository, None, None if targets else configured, environment)
    names = {name for target in targets for name in (target, f"origin/{target}")}
    if base and (not targets or base.name in names):
        return base
    if targets:
        branch = shlex.quote(targets[0])
        deeper = "--unshallow " if is_shallow(repository) else ""
        raise UserError(
            "no-base",
            f"the target branch {targets[0]} is not in this clone",
            f"git fetch {deeper}origin +refs/heads/{branch}:refs/remotes/origin/{branch} "
            "(GitHub: actions/checkout with fetch-depth: 0)",
        )

    raise UserError(
        "no-base", "there is no base branch to merge with", "migmerge check --against REF"
    )


def target_branches(environment: Mapping[str, str]) -> list[str]:
    """The branch that CI's merge request, or merge queue, goes into; nothing outside of CI.

    GitHub's queue has it in the name of its own branch: gh-readonly-queue/main/pr-7-….
    """
    targets = [environment[name] for name in _CI_VARIABLES if environment.get(name)]
    queue = environment.get("GITHUB_REF_NAME", "")
    if environment.get("GITHUB_EVENT_NAME") == "merge_group" and queue.startswith(_QUEUE):
        targets.append(queue[len(_QUEUE) :].rpartition("/pr-")[0])
    return [target for target in targets if target]


def _refs(repository: Repository, wanted: Sequence[str]) -> dict[str, Base]:
    """Those of `wanted` that there are, in one process; a symbolic one with what it names."""
    form = "--format=%(refname)%00%(symref)%00%(objectname)"
    by_ref = {}
    for line in os.fsdecode(repository.git("for-each-ref", form, "--", *wanted)).splitlines():
        ref, name, commit = line.split("\0")
        by_ref[ref] = Base(name, commit)
    return by_ref


def short_name(ref: str) -> str:
    """A full ref as people write it."""
    for prefix in ("refs/remotes/", "refs/heads/", "refs/tags/"):
        if ref.startswith(prefix):
            return ref[len(prefix) :]
    return ref


def _local(repository: Repository) -> Base | None:
    """main or master where nothing was ever pushed or fetched, as it was before a merge into it."""
    refs = _refs(repository, _LOCAL)
    if not refs or repository.git("for-each-ref", "--count=1", "refs/remotes/").strip():
        return None
    incoming = find_commit(repository, "MERGE_HEAD")
    for ref in _LOCAL:
        commit = refs[ref].commit if ref in refs else ""
        if not commit or commit == incoming:
            continue
        if commit == find_commit(repository, "HEAD") and not incoming:
            # what is committed here without a merge is no side of anything
            merged = find_commit(repository, "HEAD^2")
            commit = (merged and find_commit(repository, "HEAD^1")) or ""
        if commit:
            return Base(short_name(ref), commit)
    return None


def _upstream(repository: Repository) -> Base | None:
    try:
        name = os.fsdecode(
            repository.git("rev-parse", "--abbrev-ref", "--symbolic-full-name", "@{upstream}")
        ).strip()
    except GitError:  # no upstream, a detached or an unborn HEAD
        return None
    commit = find_commit(repository, "@{upstream}")
    return Base(name, commit) if commit else None

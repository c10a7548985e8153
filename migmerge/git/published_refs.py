"""Branches of remotes and tags that count as published beside the base branch."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from migmerge.git.base import short_name
from migmerge.git.process import GitError
from migmerge.git.repository import Repository

# what somebody may have deployed; `**` stands for a remote, whose name may have slashes
DEFAULT = (
    "refs/remotes/**/HEAD", "refs/remotes/**/main", "refs/remotes/**/master",
    "refs/remotes/**/production", "refs/tags/",
)  # fmt: skip
_KINDS = ("refs/remotes/", "refs/tags/", "refs/heads/")
_MOST = 5000  # a conflict is about what is new


class PublishedRef(NamedTuple):
    """A remote-tracking branch, tag or branch by its short name, and its commit."""

    name: str
    commit: str


def published_refs(
    repository: Repository, patterns: Sequence[str] | None, without: str
) -> list[PublishedRef]:
    """The refs that match `patterns`, the newest 5,000, without those at the commit `without`.

    A pattern is one of `git for-each-ref`, where `*` matches no slash, and is tried on
    remote-tracking branches, tags and local branches. None: those of `DEFAULT`.
    """
    full = [kind + pattern for pattern in patterns or () for kind in _KINDS]
    if patterns is None:
        full = list(DEFAULT)
    if not full:
        return []

    # of an annotated tag the second object is the commit
    form = "--format=%(refname)%00%(symref)%00%(objectname)%00"
    newest = ("for-each-ref", f"--count={_MOST}")
    try:
        dated = ("--sort=-creatordate", f"{form}%(*objectname)")
        out = repository.git(*newest, *dated, "--", *full)
    except GitError:  # a ref whose object is missing has no date
        out = repository.git(*newest, form, "--", *full)

    refs = []
    for line in os.fsdecode(out).rstrip("\n").split("\n") if out else ():
        ref, target, commit, peeled = line.split("\0")
        if (peeled or commit) != without:
            refs.append(PublishedRef(short_name(target or ref), peeled or commit))
    return refs


def find_paths(
    repository: Repository, refs: Sequence[PublishedRef], paths: Collection[str]
) -> Mapping[str, str]:
    """Those of `paths` that a ref has, each with the name of the first one, in one process."""
    pairs = [(ref, path) for ref in refs for path in sorted(paths) if "\n" not in path]
    if not pairs:
        return {}

    lines = b"".join(os.fsencode(f"{ref.commit}:{path}\n") for ref, path in pairs)
    out = repository.git("cat-file", "--batch-check=%(objecttype)", stdin=lines)
    names: dict[str, str] = {}
    for (ref, path), kind in zip(pairs, out.rstrip(b"\n").split(b"\n"), strict=True):
        if kind == b"blob":
            names.setdefault(path, ref.name)
    return names

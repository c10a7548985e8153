"""Whether a database out of sight may have run migrations: who can have seen their files."""

from __future__ import annotations

import os
from collections.abc import Collection

from migmerge.git.repository import Repository, current_branch
from migmerge.git.state import is_rebasing


def seen_elsewhere(repository: Repository, paths: Collection[str], base: str = "") -> str:
    """Why another database may have run the migrations of these paths; empty where that is certain
    not to be: remote-tracking branches are there, and none of them, nor a tag, ever had one.

    `base` is a commit with none of them, or empty. Somebody else's database has what was pushed, or
    is where nobody can tell what was.
    """
    if not repository.git("for-each-ref", "--count=1", "refs/remotes").strip():
        return "there is no remote-tracking branch to compare with"

    branch = _branch(repository)
    if not branch:
        return "HEAD is detached"

    head = f"refs/heads/{branch}"
    track = repository.git("for-each-ref", "--format=%(upstream:track)", "--", head)
    if track.strip() == b"[gone]":
        return f"the upstream branch of {branch} is gone"

    without_base = [f"^{base}"] if base else []
    out = repository.git(
        "log", "-1", "--format=%H", "--remotes", "--tags", *without_base, "--", *sorted(paths)
    )
    commit = out.decode().strip()
    if not commit:
        return ""

    refs = repository.git(
        "for-each-ref", "--count=1", "--format=%(refname:short)", f"--contains={commit}",
        "refs/remotes", "refs/tags",
    )  # fmt: skip
    return f"{os.fsdecode(refs).strip() or 'a remote-tracking branch'} has them"


def _branch(repository: Repository) -> str:
    """The branch that is checked out, or being rebased; empty where there is none."""
    branch = current_branch(repository)
    if branch or not is_rebasing(repository):
        return branch

    for place in ("rebase-merge", "rebase-apply"):
        try:
            with open(repository.git_path(f"{place}/head-name"), "rb") as file:
                name = os.fsdecode(file.read(4096)).strip()
        except OSError:
            continue

        return name.removeprefix("refs/heads/") if name.startswith("refs/heads/") else ""

    return ""

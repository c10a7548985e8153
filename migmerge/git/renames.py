"""What became of a migration that others still depend on: found by its content in history."""

from __future__ import annotations

import os

from migmerge.git.compare import source_of
from migmerge.git.repository import Repository, find_commit
from migmerge.git.snapshot import Snapshot
from migmerge.git.state import stopped_operation
from migmerge.git.trees import read_blobs
from migmerge.migrations.model import NodeKey
from migmerge.migrations.operations import fingerprint


def find_renames(repository: Repository, snapshot: Snapshot) -> dict[NodeKey, NodeKey]:
    """Missing migration -> the one that has its content now, under another name.

    One side renumbered what the other builds on, or a rebase that goes commit by commit did.
    """
    found = {}
    for key in sorted({missing.key for missing in snapshot.graph.missing}):
        old = _old_content(repository, snapshot, key) if key.app in snapshot.apps else b""
        mark = fingerprint(old) if old else ""
        same = [
            node
            for node in snapshot.graph.app_nodes(key.app)
            if mark and fingerprint(source_of(snapshot, node)) == mark
        ]
        if len(same) == 1:
            found[key] = same[0]
    return found


def _old_content(repository: Repository, snapshot: Snapshot, key: NodeKey) -> bytes:
    directory = snapshot.apps[key.app].directory
    path = f"{directory}/{key.name}.py".lstrip("/")
    for commit in (*_tips(repository), *_removal(repository, path)):
        out = repository.git("rev-parse", "--verify", "--quiet", "--end-of-options",
                             f"{commit}:{path}", expected=(0, 1, 128))  # fmt: skip
        oid = out.decode().strip()
        if oid:
            return read_blobs(repository, {oid})[oid]
    return b""


def _tips(repository: Repository) -> list[str]:
    """Commits of the other side, and of the branch as it was before a rebase."""
    stopped = stopped_operation(repository)
    found = [stopped.theirs] if stopped else []
    for name in ("rebase-merge", "rebase-apply"):
        try:
            with open(repository.git_path(os.path.join(name, "orig-head"))) as handle:
                found.append(find_commit(repository, handle.read().strip()) or "")
        except OSError:
            continue
    found += [find_commit(repository, name) or "" for name in ("HEAD^2", "HEAD^1", "ORIG_HEAD")]
    return [commit for commit in found if commit]


def _removal(repository: Repository, path: str) -> list[str]:
    """The parent of the last commit that took the path away."""
    out = repository.git("log", "-1", "-m", "--no-renames", "--diff-filter=D", "--format=%H",
                         "HEAD", "--", path, expected=(0, 128))  # fmt: skip
    lines = out.decode().split()
    parent = find_commit(repository, f"{lines[0]}^1") if lines else None
    return [parent] if parent else []

"""What paths held in git's history."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import NamedTuple

from migmerge.git.repository import Repository
from migmerge.git.state import BACKUPS


class Version(NamedTuple):
    """What a path held, and where; `there` tells that the commit itself has it."""

    place: str
    oid: str
    there: bool = False


def read_versions_of(
    repository: Repository, paths: Collection[str], *, checked_out: bool = False
) -> dict[str, list[Version]]:
    """All that each path ever held, the newest first; also on branches that are gone, and in
    fixes that were never committed. With `checked_out` in the history of what was HEAD only:
    somebody has run that here, while other branches may come from anywhere."""
    if not paths:
        return {}

    commits: tuple[str, ...] = ("--all", "--reflog")
    if checked_out:
        reflog = repository.git(
            "rev-list", "--walk-reflogs", "-n", "1000", "HEAD", "--", expected=(0, 128)
        ).decode()  # 128: no commit yet
        commits = ("HEAD", *dict.fromkeys(reflog.split()))
    out = repository.git("log", *commits, "-m", "--no-renames", "--raw", "-z",
                         "--no-abbrev", "--format=%x01%H", "--", *sorted(paths),
                         expected=(0, 128))  # fmt: skip
    by_path: dict[str, list[Version]] = {}
    for commit, path, oids in _records(out.decode("utf-8", "surrogateescape")):
        seen_versions = {(version.oid, version.there) for version in by_path.setdefault(path, [])}
        by_path[path] += [
            Version(commit[:10], oid, there)
            for oid, there in oids.items()
            if (oid, there) not in seen_versions and (oid, True) not in seen_versions
        ]

    for ref, path, oid in () if checked_out else _backed_up(repository):
        if path in paths and oid not in {version.oid for version in by_path.setdefault(path, [])}:
            by_path[path].append(Version(ref, oid))
    return by_path


def _backed_up(repository: Repository) -> Iterator[tuple[str, str, str]]:
    """`(ref, path, blob)` of what fixes wrote, while their backups are kept."""
    out = repository.git("for-each-ref", "--format=%(refname)", BACKUPS).decode()
    for ref in out.split():
        text = repository.git("cat-file", "blob", f"{ref}:journal", expected=(0, 128))
        after = json.loads(text).get("after", {}) if text else {}
        for path, state in after.items():
            if state["data"]:
                yield ref, path, state["data"]


def _records(text: str) -> Iterator[tuple[str, str, dict[str, bool]]]:
    """`commit, path, {new blob: True, old blob: False}` of `log --raw -z`."""
    for part in text.split("\x01")[1:]:
        commit, *fields = part.strip("\0\n").split("\0")
        for index in range(len(fields) - 1):
            if fields[index].lstrip("\n").startswith(":"):
                _, _, old, new, _ = fields[index].lstrip("\n").split(" ")
                oids = {oid: oid == new for oid in (new, old) if oid.strip("0")}
                yield commit, fields[index + 1], oids

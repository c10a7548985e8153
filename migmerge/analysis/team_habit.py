"""What a team does about colliding migrations, read from its base branch's history."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from migmerge.conflicts.conflict import Notice, Place
from migmerge.git.repository import Repository, find_commit
from migmerge.migrations.naming import migration_name, number, width
from migmerge.migrations.reader import read_header

_COMMITS = 1000  # about a second of git log
_ENOUGH = 3


def team_preference(repository: Repository, commit: str, directories: Iterable[str]) -> str:
    """`renumber` where there are three renumberings for each merge migration, else `merge`.

    Looks at the last thousand commits that added or renamed a file in the migration
    `directories`: a renumbering is a rename that changes nothing of the name but its number.
    """
    out = repository.git(
        "log", f"-n{_COMMITS}", "--no-ext-diff", "--diff-filter=AR", "--find-renames",
        "--name-status", "-z", "--format=", commit, "--", *sorted(directories),
    )  # fmt: skip
    renumberings, merges = set(), set()
    fields = iter(os.fsdecode(out).split("\0"))
    for status in fields:
        kind = status.strip()[:1]
        if kind == "R":
            pair = next(fields, ""), next(fields, "")
            if _is_renumbering(*pair):
                renumberings.add(pair)
        elif kind == "A":
            path = next(fields, "")
            if "_merge" in path.rpartition("/")[2]:
                merges.add(path)

    often = len(renumberings) >= max(_ENOUGH, _ENOUGH * len(merges))
    return "renumber" if often else "merge"


def renumbered(repository: Repository, environment: Mapping[str, str] = os.environ) -> list[Notice]:
    """In a hook after a merge or pull: migrations that got another number by it.

    A database that has the old name would run the new one again, unless the file says which name it
    `replaces`. ORIG_HEAD is where we were.
    """
    action = environment.get("GIT_REFLOG_ACTION", "").split(" ")[0]
    before, after = find_commit(repository, "ORIG_HEAD"), find_commit(repository, "HEAD")
    if action not in ("merge", "pull") or not before or not after:
        return []

    out = repository.git(
        "diff-tree", "-r", "-z", "--no-ext-diff", "--diff-filter=R", "--find-renames",
        "--name-status", before, after,
    )  # fmt: skip
    fields = os.fsdecode(out).split("\0")
    pairs = zip(fields[1::3], fields[2::3], strict=False)
    return [
        Notice(
            Place(new, 0),
            f"was {migration_name(old)}: where a database has that, "
            "migmerge db reconcile before migrate",
            "renumbered",
        )
        for old, new in pairs
        if new.endswith(".py") and _is_renumbering(old, new)
        and not _is_carried(repository.git("cat-file", "blob", f"{after}:{new}"))
    ]  # fmt: skip


def _is_carried(source: bytes) -> bool:
    header = read_header(source)
    return bool(header and header.replaces)


def _is_renumbering(old: str, new: str) -> bool:
    (place, _, left), (other, _, right) = old.rpartition("/"), new.rpartition("/")
    return (
        place == other
        and number(left) != number(right)
        and width(left) > 0
        and left[width(left) :] == right[width(right) :]
    )

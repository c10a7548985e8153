"""What a team does about colliding migrations, read from its base branch's history."""

from __future__ import annotations

import os
from collections.abc import Iterable

from migmerge.git.repository import Repository
from migmerge.migrations.naming import number, width

_COMMITS = 1000  # about a second of git log
_ENOUGH = 3


def habit(repository: Repository, commit: str, directories: Iterable[str]) -> str:
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


def _is_renumbering(old: str, new: str) -> bool:
    (place, _, left), (other, _, right) = old.rpartition("/"), new.rpartition("/")
    return (
        place == other
        and number(left) != number(right)
        and width(left) > 0
        and left[width(left) :] == right[width(right) :]
    )

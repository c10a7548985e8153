"""Other places that name a renamed migration: reported, never silently edited."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from migmerge.git.repository import Repository
from migmerge.resolve.fix_plan import Change, Mention


def find_mentions(
    repository: Repository, names: Iterable[str], changes: Mapping[str, Change]
) -> list[Mention]:
    """Lines of tracked text files that hold one of `names` as a word.

    Files that the fix writes are searched as they will be.
    """
    wanted = sorted(set(names))
    if not wanted:
        return []

    patterns = [part for name in wanted for part in ("-e", name)]
    out = repository.git(
        "grep", "-z", "-n", "-I", "-w", "-F", "--full-name", *patterns, "--", expected=(0, 1)
    )
    mentions = [m for line in out.split(b"\n") if (m := _mention(line)) and m.path not in changes]
    for path, change in changes.items():
        for number, line in enumerate((change.data or b"").splitlines(), 1):
            text = line.decode("utf-8", "replace")
            if any(_has_word(text, name) for name in wanted):
                mentions.append(Mention(path, number, text.strip()))

    return sorted(mentions)


def _mention(line: bytes) -> Mention | None:
    """git grep -z separates path, line number and text by NUL."""
    parts = line.split(b"\0", 2)
    if len(parts) != 3:
        return None
    text = parts[2].decode("utf-8", "replace").strip()
    return Mention(os.fsdecode(parts[0]), int(parts[1]), text)


def _has_word(text: str, name: str) -> bool:
    start = text.find(name)
    while start >= 0:
        before, after = text[start - 1 : start], text[start + len(name) :][:1]
        if not (_is_word(before) or _is_word(after)):
            return True
        start = text.find(name, start + 1)
    return False


def _is_word(character: str) -> bool:
    return character == "_" or character.isalnum()

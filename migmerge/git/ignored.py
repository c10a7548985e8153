"""Which paths git ignores, and by which rule."""

from __future__ import annotations

import os
from collections.abc import Iterable

from migmerge.git.repository import Repository


def find_ignored_paths(repository: Repository, paths: Iterable[str]) -> dict[str, str]:
    """Those of `paths` that git ignores, each with the rule (`.gitignore:3: *.py`); untracked ones
    that it does not ignore are left out. None of the paths may be behind a symbolic link or in a
    submodule."""
    # check-ignore takes no literal pathspecs; `./` keeps a path from being one with magic
    out = repository.git(
        "--no-literal-pathspecs", "check-ignore", "-z", "--verbose", "--stdin", expected=(0, 1),
        stdin=b"".join(b"./" + os.fsencode(path) + b"\0" for path in paths),
    )  # fmt: skip
    fields = os.fsdecode(out).split("\0")[:-1]
    rules = {}
    for source, line, pattern, path in zip(*(iter(fields),) * 4, strict=True):
        if not pattern.startswith("!"):  # which takes a rule back
            rules[path.removeprefix("./")] = f"{source}:{line}: {pattern}"
    return rules

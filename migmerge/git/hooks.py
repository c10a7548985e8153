"""The native hook scripts, and how they stand beside hooks that were there."""

from __future__ import annotations

import os
from typing import NamedTuple

_TEXT = """\
#!/bin/sh
# {what}
command -v migmerge >/dev/null 2>&1 || exit 0
exec migmerge check {options}
"""
_CHAINED = """\
#!/bin/sh
# migmerge: first the hook that was here before
before="$(dirname "$0")/{name}{suffix}"
if [ -x "$before" ]; then "$before" "$@" || exit; fi
"""
SUFFIX = ".before-migmerge"
_STOP = "Stop a {} whose Django migrations collide. Skip once: MIGMERGE=0 git ..."
_TELL = "After a {}, tell what to run about Django migrations that collide; never fails."
HOOKS = {
    "pre-commit": _TEXT.format(what=_STOP.format("commit"), options="--staged"),
    "pre-merge-commit": _TEXT.format(what=_STOP.format("merge"), options="--staged"),
    "post-merge": _TEXT.format(what=_TELL.format("merge"), options="--exit-zero"),
    "post-rewrite": _TEXT.format(
        what=_TELL.format("rebase or an amended commit"), options="--exit-zero"
    ),
}


class Hook(NamedTuple):
    """What stands at a hook's place: `nothing`, `ours`, `chained` or `foreign`."""

    name: str
    path: str
    kind: str
    executable: bool


def chained(name: str) -> str:
    """Our script for a hook that is there already."""
    head = _CHAINED.format(name=name, suffix=SUFFIX)
    return head + HOOKS[name].partition("\n")[2]


def read_hooks(directory: str) -> list[Hook]:
    """The four hooks of a hooks directory."""
    found = []
    for name in HOOKS:
        path = os.path.join(directory, name)
        try:
            with open(path, encoding="utf-8", errors="replace") as handle:
                text = handle.read()
        except OSError:
            kind = "foreign" if os.path.lexists(path) else "nothing"  # a link that leads nowhere
            found.append(Hook(name, path, kind, executable=False))
            continue
        kind = {HOOKS[name]: "ours", chained(name): "chained"}.get(text, "foreign")
        found.append(Hook(name, path, kind, os.access(path, os.X_OK)))
    return found

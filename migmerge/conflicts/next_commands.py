"""Commands of ours that a message says to run next."""

from __future__ import annotations

import shlex


def fix_command(app: str, strategy: str = "", *options: str) -> str:
    """`migmerge fix APP …`, quoted for a shell; `app` is an app's key, which no other app has."""
    given = ("--strategy", strategy) if strategy else ()
    return shlex.join(["migmerge", "fix", app, *given, *options])

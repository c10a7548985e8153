"""Commands that a message says to run next."""

from __future__ import annotations

import shlex
from typing import NamedTuple


class ManageCommand(NamedTuple):
    """How the project's manage.py is run, as a shell reads it, and in which directory, from the top
    of the repository."""

    command: str = "python manage.py"
    directory: str = ""

    def run(self, *arguments: str) -> str:
        """The command line; it leaves the shell where it is."""
        line = f"{self.command} {shlex.join(arguments)}"
        return f"(cd {shlex.quote(self.directory)} && {line})" if self.directory else line


def fix_command(app: str, strategy: str = "", *options: str) -> str:
    """`migmerge fix APP …`, quoted for a shell; `app` is an app's key, which no other app has."""
    given = ("--strategy", strategy) if strategy else ()
    return shlex.join(["migmerge", "fix", app, *given, *options])

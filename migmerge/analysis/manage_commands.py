"""How a message names the project's manage.py, in a command that can be pasted at the top."""

from __future__ import annotations

import shlex

from migmerge.analysis.snapshot import Snapshot
from migmerge.config import Config
from migmerge.conflicts.next_commands import ManageCommand
from migmerge.migrations.membership import owners
from migmerge.migrations.model import App


def manage_command(config: Config, snapshot: Snapshot, app: App) -> ManageCommand:
    """That of the configuration, else the manage.py of the first project that has the app."""
    if config.manage:
        return ManageCommand(shlex.join(shlex.split(config.manage)))
    places = owners(app.directory, snapshot.projects)
    return ManageCommand(directory=places[0] if places else "")

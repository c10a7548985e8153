"""The one exception that a user sees as a line instead of a traceback."""

from __future__ import annotations


class UserError(Exception):
    """What the user must do before migmerge can look; ends in exit code 2.

    `kind` is one of report/messages.py, `message` is one line that says what and where, `hint`
    the next command.
    """

    def __init__(self, kind: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.hint = hint

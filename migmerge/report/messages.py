"""Every finding, notice, error and refusal by a stable id: what it means and what to do."""

from __future__ import annotations

from migmerge.report.catalogue.check_messages import FINDINGS
from migmerge.report.catalogue.entry import Message
from migmerge.report.catalogue.refusals import REFUSALS
from migmerge.report.catalogue.user_errors import ERRORS
from migmerge.report.screen import printable

MESSAGES = (*FINDINGS, *ERRORS, *REFUSALS)
BY_KIND = {message.kind: message for message in MESSAGES}


def id_of(kind: str) -> str:
    """The id of a kind."""
    return BY_KIND[kind].id


def error_text(kind: str, message: str, hint: str) -> str:
    """An error in two lines, whatever a branch named its files."""
    hint_text = hint or f"migmerge explain {id_of(kind)}"
    return f"migmerge: {id_of(kind)} {printable(message)}\nhint: {printable(hint_text)}\n"


def find_message(name: str) -> Message | None:
    """By id or kind, in any case."""
    wanted = name.lower()
    return next((m for m in MESSAGES if wanted in (m.id.lower(), m.kind)), None)

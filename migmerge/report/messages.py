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
    told = hint or f"migmerge explain {id_of(kind)}"
    return f"migmerge: {id_of(kind)} {printable(message)}\nhint: {printable(told)}\n"


def find_message(name: str) -> Message | None:
    """By id or kind, in any case."""
    wanted = name.lower()
    return next((m for m in MESSAGES if wanted in (m.id.lower(), m.kind)), None)


_CHAPTERS = {
    "MM1": "## Findings\n\nOn stdout; `check` then exits with 1.",
    "MM2": "## Notices\n\nOn stderr; nothing fails.",
    "MM3": "## Errors\n\nOn stderr, with exit code 2: something has to be done before migmerge can look. Nothing was changed.",
    "MM4": "## Refusals\n\nIn the report of `fix`, `reset` and `db reconcile`, with exit code 1 and the next command. Nothing was changed.",
}


def messages_page() -> str:
    """docs/messages.md."""
    parts = [
        "# Messages",
        "Each message has an id that stays. `migmerge explain MM101` prints its page on a terminal.",
    ]
    for message in MESSAGES:
        if message.id[:3] in _CHAPTERS and message.id.endswith("01"):
            parts.append(_CHAPTERS[message.id[:3]])
        parts.append(f"### {message.id}\n\n**{message.title}** (`{message.kind}`)")
        parts += [message.means, f"*What to do:* {message.todo}"]
    return "\n\n".join(parts) + "\n"

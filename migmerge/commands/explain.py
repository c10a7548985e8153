"""`migmerge explain MM101`: what a finding means, and what to do."""

from __future__ import annotations

import textwrap
from typing import NamedTuple

from migmerge.errors import UserError
from migmerge.report.catalogue.message import Message
from migmerge.report.messages import MESSAGES, find_message


class ExplainOptions(NamedTuple):
    """What the command line said: an id or a kind, or nothing for the list."""

    name: str = ""


def explain(options: ExplainOptions) -> int:
    """Print the message's page, or the list of all."""
    if not options.name:
        for message in MESSAGES:
            print(f"{message.id}  {message.kind:18}  {message.title}")
        return 0
    found = find_message(options.name)
    if found is None:
        raise UserError(
            "options", f"no such message: {options.name!r}", "migmerge explain lists all"
        )
    print(_page(found), end="")
    return 0


def _page(message: Message) -> str:
    parts = [f"{message.id} {message.kind}: {message.title}"]
    parts += [textwrap.fill(text, 88) for text in (message.means, message.todo)]
    return "\n\n".join(parts) + "\n"

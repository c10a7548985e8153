"""`migmerge explain MM101`: what a finding means, and what to do."""

from __future__ import annotations

import textwrap
from typing import NamedTuple

from migmerge.errors import UserError
from migmerge.report.catalogue.entry import Message
from migmerge.report.messages import MESSAGES, find_message


class ExplainOptions(NamedTuple):
    """What the command line said: ids or kinds, or nothing for the list."""

    names: tuple[str, ...] = ()


def explain(options: ExplainOptions) -> int:
    """Print each message's page, or the list of all."""
    if not options.names:
        for message in MESSAGES:
            print(f"{message.id}  {message.kind:18}  {message.title}")
        return 0
    print("\n".join([_page(_find(name)) for name in options.names]), end="")
    return 0


def _find(name: str) -> Message:
    message = find_message(name)
    if message is None:
        raise UserError("options", f"no such message: {name!r}", "migmerge explain lists all")
    return message


def _page(message: Message) -> str:
    parts = [f"{message.id} {message.kind}: {message.title}"]
    parts += [textwrap.fill(text, 88) for text in (message.means, message.todo)]
    return "\n\n".join(parts) + "\n"

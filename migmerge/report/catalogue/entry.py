"""What is known of a message."""

from __future__ import annotations

from typing import NamedTuple


class Message(NamedTuple):
    """`kind` is a conflict's, a notice's, an error's or a refusal's; `means` and `todo` are
    paragraphs."""

    id: str
    kind: str
    title: str
    means: str
    todo: str

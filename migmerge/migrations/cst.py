"""LibCST's parser, kept from overflowing the stack on hostile input."""

from __future__ import annotations

import contextlib
import re
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import libcst

# Its native parser recurses without a limit of its own: 9,000 parentheses end the process.
# A real migration nests a dozen brackets; what is left can't use up this stack.
_DEEPEST = 100
_LONGEST = 500_000
_STACK = 256 * 1024 * 1024
_BRACKET = re.compile(r"[()\[\]{}]")


def parse_module(text: str) -> libcst.Module | None:
    """The module, None where LibCST can't parse `text` or it is too deep or long to try.

    Besides ParserSyntaxError it raises CSTValidationError, TypeError and others, for nodes that
    its own checks do not accept.
    """
    import libcst  # heavy: a check without findings never comes here

    if len(text) > _LONGEST or _depth(text) > _DEEPEST:
        return None
    found: list[libcst.Module] = []

    def work() -> None:
        with contextlib.suppress(Exception):  # whatever it is: what isn't parsed isn't rewritten
            found.append(libcst.parse_module(text))

    before = threading.stack_size(_STACK)
    try:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    return found[0] if found else None


def _depth(text: str) -> int:
    """The deepest nesting of brackets, those in strings counted too."""
    deepest = depth = 0
    for match in _BRACKET.finditer(text):
        depth = depth + 1 if match.group() in "([{" else max(depth - 1, 0)
        deepest = max(deepest, depth)
    return deepest

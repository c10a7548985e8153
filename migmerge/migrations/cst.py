"""LibCST's parser, kept from overflowing the stack on hostile input."""

from __future__ import annotations

import contextlib
import io
import re
import threading
import tokenize
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import libcst

# Its native parser recurses without a limit of its own: 9,000 parentheses end the process.
# A real migration nests a dozen brackets; what is left can't use up this stack.
_DEEPEST = 100
_LONGEST = 500_000
# its time grows with the square of an expression's length: a[0][0]… of 27 kB takes minutes
_LONGEST_EXPRESSION = 2_000  # in characters, then in tokens
_STACK = 256 * 1024 * 1024
_BRACKET = re.compile(r"[()\[\]{}]")


def parse_module(text: str) -> libcst.Module | None:
    """The module, None where LibCST can't parse `text` or it is too deep or long to try.

    Besides ParserSyntaxError it raises CSTValidationError, TypeError and others, for nodes that
    its own checks do not accept.
    """
    import libcst  # heavy: a check without findings never comes here

    if len(text) > _LONGEST or _depth(text) > _DEEPEST or _has_long_expression(text):
        return None

    modules: list[libcst.Module] = []

    def work() -> None:
        with contextlib.suppress(Exception):  # whatever it is: what isn't parsed isn't rewritten
            modules.append(libcst.parse_module(text))

    before = threading.stack_size(_STACK)
    try:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)

    return modules[0] if modules else None


def _has_long_expression(text: str) -> bool:
    """Whether something between two commas has more tokens than anybody writes."""
    if all(len(part) <= _LONGEST_EXPRESSION for part in text.split(",")):
        return False

    length = 0
    ends = (tokenize.NEWLINE, tokenize.NL, tokenize.COMMENT)
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            length = 0 if token.string == "," or token.type == tokenize.NEWLINE else length + 1
            length -= token.type in ends
            if length > _LONGEST_EXPRESSION:
                return True
    except (tokenize.TokenError, SyntaxError):
        return True

    return False


def _depth(text: str) -> int:
    """The deepest nesting of brackets, those in strings counted too."""
    deepest = depth = 0
    for match in _BRACKET.finditer(text):
        depth = depth + 1 if match.group() in "([{" else max(depth - 1, 0)
        deepest = max(deepest, depth)
    return deepest

"""Numbers and names of migrations, as Django makes them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

_NUMBER = re.compile(r"([0-9]+)(?=_|$)")
_CATCH_UP = re.compile(r"[0-9]+_catch_up_")
_LONGEST_LEAF_NAMES = 47  # makemigrations --merge takes a timestamp for longer ones


def migration_name(path: str) -> str:
    """The name of the migration in a file: `shop/migrations/0012_title.py` -> `0012_title`."""
    return path.rpartition("/")[2].removesuffix(".py")


def number(name: str) -> int | None:
    """The number in front: `0012_title` -> 12 (MigrationAutodetector.parse_number)."""
    match = _NUMBER.match(name)
    return int(match.group(1)) if match and len(match.group(1)) < 20 else None


def width(name: str) -> int:
    """How many digits the number in front has."""
    match = _NUMBER.match(name)
    return len(match.group(1)) if match else 0


def renumbered(name: str, to: int) -> str:
    """`name` with another number of at least the same width; unnumbered names stay."""
    digits = width(name)
    return f"{to:0{digits}d}{name[digits:]}" if digits else name


def merge_name(leaves: Sequence[str], above: Iterable[str] = ()) -> str:
    """The name of the merge migration of these leaves.

    Django's own (makemigrations' handle_merge), but where Django puts the local time for long
    names, a hash of them stands: two developers get one name. Its number is also higher than
    those of `above`.
    """
    numbers = [n for n in map(number, (*leaves, *above)) if n is not None]
    joined = "_".join(sorted(leaves))
    if len(joined) > _LONGEST_LEAF_NAMES:
        import hashlib  # a check never needs it

        joined = hashlib.sha256(joined.encode("utf-8", "surrogateescape")).hexdigest()[:8]

    return f"{max(numbers, default=1) + 1:04d}_merge_{joined}"


def is_catch_up_name(name: str) -> bool:
    """Whether a migration of this name may be a catch-up migration."""
    return bool(_CATCH_UP.match(name))


def merge_suffix(name: str) -> str:
    """The part that `makemigrations --merge --name` takes: all but the number."""
    return name[width(name) + 1 :]


def is_sequence(edges: Collection[tuple[int | None, int | None]]) -> bool:
    """Whether an app numbers its migrations one after the other, given (parent, child) numbers.

    Squashes and old renumberings leave gaps here and there; ticket numbers leave little else.
    """
    steps = [child - parent for parent, child in edges if parent is not None and child is not None]
    odd = sum(step < 0 or step > 1 for step in steps)
    return odd < 2 or odd * 2 <= len(steps)

"""The last line of a check."""

from __future__ import annotations

from migmerge.report.screen import printable


def summary(migrations: int, apps: int, conflicts: int, against: str = "") -> str:
    """How much was looked at, as a merge with which ref, and what was found."""
    looked = f"merged with {printable(against)}: " if against else ""
    looked += f"{count(migrations, 'migration')} in {count(apps, 'app')}"
    return f"{looked}: {count(conflicts, 'conflict') if conflicts else 'no conflicts'}"


def count(number: int, one: str, many: str = "") -> str:
    """`1 app`, `2,000 apps`."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"

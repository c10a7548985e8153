"""The last line of a check."""

from __future__ import annotations


def summary(migrations: int, apps: int, conflicts: int) -> str:
    """How much was looked at, and what was found."""
    looked = f"{_count(migrations, 'migration')} in {_count(apps, 'app')}"
    return f"{looked}: {_count(conflicts, 'conflict') if conflicts else 'no conflicts'}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"

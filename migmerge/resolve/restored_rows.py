"""Rows of configured databases get the names back that they had before a change."""

from __future__ import annotations

from collections.abc import Iterable

from migmerge.project.configured_databases import Database, rename_again, take_back
from migmerge.resolve.journal import DatabaseRows


def restore_rows(databases: Iterable[DatabaseRows], *, old: bool) -> list[str]:
    """Give rows their `old` names, or the new ones again; rows that have them stay.

    A line for each database where that failed, with why.
    """
    rename = take_back if old else rename_again
    stuck = []
    for database in databases:
        reply = rename(database.project, Database(database.alias), database.rows)
        if reply.why:
            stuck.append(f"{database.name}: {reply.why}")

    return stuck

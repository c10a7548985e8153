"""The empty migration behind a carried chain: with it a plain `migrate` runs what came in before.

A file that `replaces` the name of an applied migration counts as applied (Django's
MigrationLoader.build_graph), and `migrate` plans nothing for a leaf node that is applied: what the
other side has would be left out. No database has applied this one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from migmerge.migrations.naming import is_catch_up_name, number
from migmerge.migrations.operations import read_script, title
from migmerge.migrations.reader import read_header

_PLAIN = re.compile(r"[\w.-]+")
_LONGEST = 120  # of file names, which may have 255 bytes


def is_catch_up(source: bytes, name: str, label: str) -> bool:
    """Whether a migration is no more than that: no operation, and one parent in its own app."""
    if not is_catch_up_name(name):
        return False
    header = read_header(source)
    if header is None or header.error or header.opaque or header.replaces or header.run_before:
        return False
    labels = [reference.label for reference in header.dependencies]
    return labels == [label] and not read_script(source, label, name).calls


def catch_up_name(behind: str, onto: str, taken: Collection[str]) -> str:
    """A name that no database has recorded: that of the leaf node which came in before, and what
    the last of the chain is about, so that two branches never give one name."""
    at = number(onto) if is_catch_up_name(onto) else None
    before = onto if at is None else f"{at:04d}"
    stem = f"{(number(behind) or number(onto) or 0) + 1:04d}_catch_up_{before}_{title(behind)}"
    if len(stem) > _LONGEST:
        import hashlib  # a check never needs it

        mark = hashlib.sha256(stem.encode("utf-8", "surrogateescape")).hexdigest()[:8]
        stem = f"{stem[: _LONGEST - 9]}_{mark}"

    names = (stem, *(f"{stem}_{again}" for again in range(2, 10_000)))
    return next(name for name in names if name not in taken)


def catch_up_source(label: str, behind: str, onto: str, names: Mapping[str, str]) -> bytes:
    """Its bytes; `names` are the renamed migrations of the chain, old name -> new name."""
    old, new = map(_shown, next(iter(names.items())))
    text = f'''\
"""Catch-up migration: makes `migrate` run {_shown(onto)} and what is before it
on a database that ran {old} before it was renamed to {new}.
It may go once every database has run it: `migmerge transition {_shown(label)}`.
"""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        {(label, behind)!r},
    ]

    operations = []
'''
    return text.encode()


def _shown(name: str) -> str:
    """The name, where it can end no string: a file of a branch may be called anything."""
    return name if _PLAIN.fullmatch(name) else "another migration"

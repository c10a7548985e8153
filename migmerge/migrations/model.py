"""The values that a migration file is read into.

NamedTuples rather than dataclasses: `check` imports this module on every commit.
"""

from __future__ import annotations

from typing import NamedTuple


class NodeKey(NamedTuple):
    """A node of the migration graph: Django's `(app label, migration name)`.

    `app` is the label, or the directory where two directories of one repository share a
    label. `version` is 0, but 3 for the "theirs" content of a path collision (git's stage 3).
    """

    app: str
    name: str
    version: int = 0

    def __str__(self) -> str:
        return f"{self.app}.{self.name}"


class Reference(NamedTuple):
    """A migration named by a literal: an entry of `dependencies`, `run_before` or `replaces`."""

    label: str
    name: str
    line: int


class Opaque(NamedTuple):
    """Code that decides on dependencies and can't be read without running it."""

    line: int
    text: str


class ParseError(NamedTuple):
    """Why a migration file is not Python; `line` is 1-based, 0 when it is not known."""

    line: int
    message: str


class Header(NamedTuple):
    """What a migration file says about its place in the graph.

    `newer` is the complaint of the running Python about a file that a later one would take.
    """

    dependencies: tuple[Reference, ...] = ()
    run_before: tuple[Reference, ...] = ()
    replaces: tuple[Reference, ...] = ()
    opaque: tuple[Opaque, ...] = ()
    error: ParseError | None = None
    newer: ParseError | None = None


class Migration(NamedTuple):
    """A migration file with its place in the tree; `label` is its app's label."""

    key: NodeKey
    label: str
    path: str
    header: Header


class App(NamedTuple):
    """A migration directory; `key` is `label`, or `directory` where the label is not unique."""

    key: str
    label: str
    directory: str

    def path_of(self, name: str) -> str:
        """Where a migration of this name is, or would be."""
        return f"{self.directory}/{name}.py" if self.directory else f"{name}.py"

"""Which names migrations get: the next free number, another title where it has to be."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Set
from typing import NamedTuple

from migmerge.conflicts.conflict import Conflict
from migmerge.migrations.graph import Graph
from migmerge.migrations.model import NodeKey
from migmerge.migrations.naming import number, renumbered


class NamingRules(NamedTuple):
    """Which names migrations may get. `reserved` are names that none of the app may get: files in
    the directory, and names that some `replaces` still needs.

    With `carry` every old name stays reserved, and the first of a chain always gets a new one.
    `removed` are migrations without operations that the chain no longer needs: catch-up migrations,
    in whose place a new one comes, and merge migrations.
    """

    reserved: Collection[str]
    keep_names: bool = False
    carry: bool = False
    removed: Collection[NodeKey] = ()


class Naming:
    """Hands out the next free number after onto's `tail`, never downwards."""

    def __init__(self, graph: Graph, conflict: Conflict, tail: NodeKey, rules: NamingRules) -> None:
        moving = {key for b in conflict.branches if b.side == "replayed" for key in b.nodes}
        moving -= graph.ancestors(tail)
        dropped = {
            *dict(conflict.assessment.duplicates), *predecessors(graph, rules.removed, moving)
        }  # fmt: skip
        gone = moving | dropped
        kept = [key for key in graph.nodes if key.app == tail.app and key not in gone]
        self.names = {key: key.name for key in kept}
        self.moved: list[NodeKey] = []
        self._keep_names = rules.keep_names
        free = {key.name for key in gone}
        self._taken = {n for n in rules.reserved if n not in free} | set(self.names.values())
        self._numbers = _numbers(self._taken)
        # databases may have the row of what is dropped: nothing else may get its name
        self._taken |= {key.name for key in dropped}
        self._old = {key.name for key in moving} if rules.carry else set[str]()
        top = number(tail.name)
        self._last = max(_numbers(self.names.values()), default=0) if top is None else top

    def start_after(self, last: int) -> None:
        """Give numbers above `last` only."""
        self._last = max(self._last, last)

    def place(self, key: NodeKey, *, first: bool = False) -> None:
        """Give `key` its name after everything placed before; to the `first` of a chain that is
        carried, another one than it has."""
        name = self._name(key)
        if name in self._old and (first or name != key.name):
            name = self._titled(name)
        self.names[key] = name
        self.moved.append(key)
        self._taken.add(name)
        self._last = max(self._last, number(name) or 0)

    def _name(self, key: NodeKey) -> str:
        value = number(key.name)
        free = key.name not in self._taken
        if free and (self._keep_names or value is None or self._fits(value)):
            return key.name
        if value is None:
            return self._titled(key.name)
        to = self._last + 1
        while to in self._numbers or renumbered(key.name, to) in self._taken:
            to += 1
        return renumbered(key.name, to)

    def _titled(self, name: str) -> str:
        """The name with another title."""
        taken = self._taken | self._old
        return next(new for i in range(2, 10_000) if (new := f"{name}_{i}") not in taken)

    def _fits(self, value: int) -> bool:
        return value > self._last and value not in self._numbers


def _numbers(names: Iterable[str]) -> set[int]:
    return {value for name in names if (value := number(name)) is not None}


def name_after(name: str, tail: str, used: Set[str]) -> str:
    """The name with the next free number after that of `tail`; without a number, as it is."""
    to = (number(tail) or number(name) or 0) + 1
    while number(name) is not None and (renumbered(name, to) in used or to in _numbers(used)):
        to += 1
    return renumbered(name, to)


def predecessors(
    graph: Graph, removed: Collection[NodeKey], moving: Set[NodeKey]
) -> dict[NodeKey, NodeKey]:
    """For each migration that is removed the one that it stands behind; of several parents that is
    the one which moves."""
    behind = {}
    for key in removed:
        parents = graph.parents[key]
        behind[key] = min(parents if len(parents) == 1 else parents & moving)

    for key, parent in behind.items():
        while parent in behind:
            parent = behind[parent]
        behind[key] = parent
    return behind


def name_behind(title: str, leaf: str, reserved: Collection[str]) -> str:
    """A name that no migration has, with the next number after that of the leaf."""
    value = (number(leaf) or 0) + 1
    name = f"{value:04d}_{title}"
    names = (name, *(f"{name}_{i}" for i in range(2, 10_000)))
    return next(free for free in names if free not in reserved)

"""What collides in a migration graph."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from migmerge.conflicts.conflict import Branch, Conflict, Notice, Place
from migmerge.conflicts.lock_files import stale_lock_files
from migmerge.migrations.graph import Graph, is_lost
from migmerge.migrations.lockfiles import LockFile
from migmerge.migrations.model import App, Migration, NodeKey
from migmerge.migrations.naming import number


class Found(NamedTuple):
    """All findings, sorted by app, kind and place, and what could not be ruled out."""

    conflicts: tuple[Conflict, ...]
    notices: tuple[Notice, ...]


_ORDER = ("siblings", "path", "case", "number", "ignored", "missing-dependency", "missing-module",
          "cycle", "unparsable", "overlapping-squashes", "unmerged", "published-changed",
          "contradiction", "lock-file")  # fmt: skip


def find_conflicts(
    graph: Graph,
    apps: Mapping[str, App],
    lock_files: Iterable[LockFile] = (),
    midway: Graph | None = None,
) -> Found:
    """Every conflict of the graph; `apps` is by app key.

    `midway` is the graph without its unfinished squashes, where there are such.
    """
    conflicts: list[Conflict] = []
    notices: list[Notice] = []
    branching: set[str] = set()
    for app, leaves in graph.all_leaves().items():
        if len(leaves) > 1:
            definite, doubts = _definite(graph, app, leaves)
            notices += doubts
            if len(definite) > 1:
                branching.add(app)
                conflicts += _branching(graph, apps[app], definite)

    if midway:
        conflicts += _midway(graph, midway, apps, branching)
    conflicts += _missing(graph, apps)
    conflicts += [_cycle(graph, apps, group) for group in graph.cycles()]
    conflicts += _alike(graph, apps)
    conflicts += _overlapping_squashes(graph, apps)
    conflicts += [_unparsable(apps, m) for m in graph.nodes.values() if m.header.error]
    notices += [
        Notice(
            Place(migration.path, migration.header.newer.line),
            "newer syntax than the Python that runs migmerge "
            f"({migration.header.newer.message}); its dependencies are read all the same",
            "newer-python",
        )
        for migration in graph.nodes.values()
        if migration.header.newer
    ]
    notices += _traps(graph)
    conflicts += stale_lock_files(graph, apps, lock_files, branching)
    return Found(ranked(conflicts), tuple(sorted(notices)))


def ranked(conflicts: Iterable[Conflict]) -> tuple[Conflict, ...]:
    """By app, kind and place."""
    return tuple(sorted(conflicts, key=_rank))


def _rank(conflict: Conflict) -> tuple[str, int, Place]:
    place = conflict.place or Place("", 0)
    return conflict.app.directory, _ORDER.index(conflict.kind), place


def _definite(graph: Graph, app: str, leaves: list[NodeKey]) -> tuple[list[NodeKey], list[Notice]]:
    """Leaves on which no unreadable dependency can build, and where such are.

    A node whose dependencies are computed may depend on any leaf that it isn't an ancestor of.
    """
    nodes = graph.nodes
    unread = [k for k in graph.app_nodes(app) if nodes[k].header.opaque and not is_lost(nodes[k])]
    above = {leaf: graph.ancestors(leaf) for leaf in leaves} if unread else {}
    definite = [leaf for leaf in leaves if all(key in above[leaf] for key in unread)]
    definite += [leaf for leaf in leaves if leaf in unread and leaf not in definite]
    if len(definite) > 1:
        return sorted(definite), []

    return definite, [
        Notice(
            Place(graph.nodes[key].path, graph.nodes[key].header.opaque[0].line),
            "dependencies are computed here, so whether "
            f"{_names(leaves)} are one line can't be determined",
            "computed",
        )
        for key in unread
    ]


def _names(keys: Iterable[NodeKey]) -> str:
    return _names_of([key.name for key in keys])


def _names_of(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else names[0]


def _branching(graph: Graph, app: App, leaves: list[NodeKey]) -> list[Conflict]:
    """A sibling conflict, a path collision, or both at once in the same chains."""
    # a leaf of the app may still be below another one, by way of a second app
    shared = graph.common_ancestors(leaves) - set(leaves)
    branches = tuple(
        Branch(tuple(graph.in_order(k for k in graph.ancestors(leaf) - shared if k.app == app.key)))
        for leaf in leaves
    )
    ancestor = graph.common_ancestor(leaves, app.key)
    collided = {key.name for key in graph.app_nodes(app.key) if key.version}
    conflicts = []
    # two versions of one file would be one node to Django; what is left are its leaves
    covered = _covered(graph, leaves, collided)
    siblings = tuple(branch for branch in branches if branch.leaf.name not in covered)
    if len({branch.leaf.name for branch in siblings}) > 1:
        conflicts.append(Conflict(app, "siblings", ancestor, siblings))
    for name in sorted(collided):
        place = Place(graph.nodes[NodeKey(app.key, name)].path, 0)
        conflicts.append(Conflict(app, "path", ancestor, branches, place))
    return conflicts


def _midway(
    graph: Graph, midway: Graph, apps: Mapping[str, App], branching: set[str]
) -> list[Conflict]:
    """Leaves that only a database sees which has applied a part of what a squash replaces."""
    conflicts = []
    for app, leaves in midway.all_leaves().items():
        if len(leaves) > 1 and app not in branching:
            hidden = [graph.replaced_by[leaf] for leaf in leaves if leaf in graph.replaced_by]
            for conflict in _branching(midway, apps[app], leaves) if hidden else []:
                squash = graph.nodes[hidden[0]]
                reason = (
                    f"a database that has a part of what {squash.key.name} replaces "
                    f"sees the leaf nodes {_names(leaves)}"
                )
                place = Place(squash.path, 0)
                conflicts.append(conflict._replace(place=place, reasons=(reason,)))

    return conflicts


def _covered(graph: Graph, leaves: list[NodeKey], collided: set[str]) -> set[str]:
    """Names of collided leaves whose other version has dependents in the app."""
    return {
        leaf.name
        for leaf in leaves
        if leaf.name in collided
        and any(
            child.app == leaf.app
            for version in (0, 3)
            for child in graph.children.get(leaf._replace(version=version), ())
        )
    }


def _traps(graph: Graph) -> list[Notice]:
    """Leaves that a database may count as applied by their old name alone.

    Django then skips what comes before them, "No migrations to apply" (4.2 to 6.1).
    """
    return [
        Notice(
            Place(node.path, node.header.replaces[0].line),
            f"a database that has {node.header.replaces[0].name} would skip what comes before "
            f"{leaf.name}: run migmerge db reconcile there before migrate",
            "trap",
        )
        for leaves in graph.all_leaves().values()
        for leaf in leaves
        if len((node := graph.nodes[leaf]).header.replaces) == 1
        and NodeKey(leaf.app, node.header.replaces[0].name) not in graph.nodes
        and any(parent.app == leaf.app for parent in graph.parents[leaf])
    ]


def _alike(graph: Graph, apps: Mapping[str, App]) -> list[Conflict]:
    """Files whose names differ in nothing but case: one file where the file system knows none."""
    by_name: dict[tuple[str, str], list[NodeKey]] = defaultdict(list)
    for key in sorted(graph.nodes):
        if not key.version:
            by_name[key.app, key.name.casefold()].append(key)

    return [
        Conflict(
            apps[app],
            "case",
            branches=tuple(Branch((key,)) for key in keys),
            place=Place(graph.nodes[keys[-1]].path, 0),
            reasons=(f"{_names(keys)} are one file on Windows and macOS",),
        )
        for (app, _), keys in by_name.items()
        if len(keys) > 1
    ]


def _overlapping_squashes(graph: Graph, apps: Mapping[str, App]) -> list[Conflict]:
    """Two squashes that replace one migration, neither of which replaces the other.

    Django lets the one come after the other (MigrationLoader.build_graph, remove_replaced_nodes),
    so that a new database runs what both stand for twice.
    """
    by_name: dict[tuple[str, str], list[NodeKey]] = defaultdict(list)
    squashes_and_carried = [key for key in graph.parents if graph.nodes[key].header.replaces]
    for key in sorted(squashes_and_carried):
        node = graph.nodes[key]
        for old in node.header.replaces:
            if old.label == node.label:
                by_name[key.app, old.name].append(key)

    shared: dict[tuple[NodeKey, NodeKey], list[str]] = {}
    for (_, name), squashes in by_name.items():
        # a renamed migration that keeps its old name is no squash
        if any(len(graph.nodes[key].header.replaces) > 1 for key in squashes):
            for first, second in pairwise(squashes):
                if first.name != second.name:  # else both sides added the file
                    shared.setdefault((first, second), []).append(name)

    return [
        Conflict(
            apps[first.app],
            "overlapping-squashes",
            branches=(Branch((first,)), Branch((second,))),
            place=Place(graph.nodes[second].path, graph.nodes[second].header.replaces[0].line),
            reasons=(
                f"{first.name} and {second.name} both replace {_names_of(names)}: a new database "
                "would run them twice",
            ),
        )
        for (first, second), names in shared.items()
    ]


def _missing(graph: Graph, apps: Mapping[str, App]) -> list[Conflict]:
    by_migration: dict[NodeKey, list[str]] = defaultdict(list)
    missing: dict[NodeKey, list[NodeKey]] = defaultdict(list)
    lines: dict[NodeKey, int] = {}
    for migration, reference, node in graph.missing:
        reason = (
            f"{migration.key} depends on {reference.label}.{reference.name}, which is not there"
        )
        by_migration[migration.key].append(reason)
        missing[migration.key].append(node)
        lines.setdefault(migration.key, reference.line)

    return [
        Conflict(
            apps[key.app],
            "missing-dependency",
            branches=(Branch((key,)),),
            place=Place(graph.nodes[key].path, lines[key]),
            reasons=tuple(reasons),
            missing=tuple(missing[key]),
        )
        for key, reasons in sorted(by_migration.items())
    ]


def _cycle(graph: Graph, apps: Mapping[str, App], group: list[NodeKey]) -> Conflict:
    names = ", ".join(str(key) for key in group)
    place = Place(graph.nodes[group[0]].path, 0)
    replaced = ", ".join(sorted(str(old) for old, new in graph.replaced_by.items() if new in group))
    reason = f"these depend on each other: {names}"
    if len(group) == 1 and replaced:
        reason = f"{names} replaces {replaced}, and one of them depends on it, or it on them"
    return Conflict(
        apps[group[0].app],
        "cycle",
        branches=(Branch(tuple(group)),),
        place=place,
        reasons=(reason,),
    )


def _unparsable(apps: Mapping[str, App], migration: Migration) -> Conflict:
    error = migration.header.error
    assert error is not None
    return Conflict(
        apps[migration.key.app],
        "unparsable",
        branches=(Branch((migration.key,)),),
        place=Place(migration.path, error.line),
        reasons=(error.message,),
    )


def number_collisions(graph: Graph, apps: Mapping[str, App], old: frozenset[str]) -> list[Conflict]:
    """Two nodes of one app with one number in a graph that has a single leaf there.

    Harmless to Django. `old` holds paths of the base branch: a pair in which both are old
    is not reported again.
    """
    by_number: dict[tuple[str, int], list[NodeKey]] = defaultdict(list)
    branching = {app for app, leaves in graph.all_leaves().items() if len(leaves) > 1}
    for key in graph.parents:
        value = number(key.name)
        if value is not None and key.app not in branching:
            by_number[key.app, value].append(key)

    conflicts = []
    for (app, _), keys in sorted(by_number.items()):
        fresh = [key for key in keys if graph.nodes[key].path not in old]
        if len(keys) > 1 and fresh:
            branches = tuple(Branch((key,)) for key in sorted(keys))
            reason = f"{_names(sorted(keys))} have the same number"
            place = Place(graph.nodes[min(fresh)].path, 0)
            conflicts.append(Conflict(apps[app], "number", None, branches, place, (reason,)))

    return conflicts

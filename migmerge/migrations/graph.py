"""The migration graph, as Django's loader builds it, from any iterable of migrations.

Mirrors django.db.migrations.loader.MigrationLoader.build_graph for a database in which nothing
is applied: a squashed migration stands in for what it replaces. Knows neither disk nor git.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

from migmerge.migrations.model import Migration, NodeKey, Reference

Resolve = Callable[[Migration, Reference], NodeKey | None]
FIRST_AND_LATEST = ("__first__", "__latest__")  # the latter before Django 2


class Missing(NamedTuple):
    """A reference to a migration that should be in the repository and is not."""

    migration: Migration
    reference: Reference
    key: NodeKey


class Graph(NamedTuple):
    """Nodes, with edges both ways; replaced migrations are gone from `parents` and `children`.

    `nodes` holds every migration that was read, the replaced ones too.
    """

    nodes: Mapping[NodeKey, Migration]
    parents: Mapping[NodeKey, frozenset[NodeKey]]
    children: Mapping[NodeKey, frozenset[NodeKey]]
    missing: tuple[Missing, ...]
    replaced_by: Mapping[NodeKey, NodeKey]

    def app_nodes(self, app: str) -> list[NodeKey]:
        """The app's nodes that are in the graph, sorted."""
        return sorted(key for key in self.parents if key.app == app)

    def apps(self) -> list[str]:
        """The keys of all apps, sorted."""
        return sorted({key.app for key in self.parents})

    def leaves(self, app: str) -> list[NodeKey]:
        """The app's nodes on which no node of the same app depends (leaf_nodes)."""
        return self._placed(
            [
                key
                for key in self.app_nodes(app)
                if all(child.app != app for child in self.children[key])
            ]
        )

    def all_leaves(self) -> dict[str, list[NodeKey]]:
        """App key -> its leaf nodes, all in one pass."""
        by_app: dict[str, list[NodeKey]] = {}
        for key, children in self.children.items():
            if all(child.app != key.app for child in children):
                by_app.setdefault(key.app, []).append(key)
        return {app: self._placed(sorted(leaves)) for app, leaves in sorted(by_app.items())}

    def _placed(self, leaves: list[NodeKey]) -> list[NodeKey]:
        """Without files of which neither syntax nor place can be read, as long as others are left:
        what is known of them is that they are broken."""
        lost = {key for key in leaves if is_lost(self.nodes[key])}
        return [key for key in leaves if key not in lost] or leaves

    def ancestors(self, key: NodeKey) -> set[NodeKey]:
        """`key` and everything that must run before it, in all apps."""
        return _reach({key}, self.parents)

    def descendants(self, key: NodeKey) -> set[NodeKey]:
        """`key` and everything that needs it, in all apps."""
        return _reach({key}, self.children)

    def ancestors_of(self, keys: Iterable[NodeKey]) -> set[NodeKey]:
        """`keys` and everything that must run before any of them, in all apps."""
        return _reach(set(keys), self.parents)

    def descendants_of(self, keys: Iterable[NodeKey]) -> set[NodeKey]:
        """`keys` and everything that needs any of them, in all apps."""
        return _reach(set(keys), self.children)

    def in_order(self, keys: Iterable[NodeKey]) -> list[NodeKey]:
        """`keys` with parents before children, else by name; cycles are put at the end."""
        waiting = sorted(set(keys))
        within = set(waiting)
        above = {key: self.ancestors(key) & within - {key} for key in waiting}
        done: dict[NodeKey, None] = {}
        while waiting:
            ready = next((key for key in waiting if above[key] <= done.keys()), waiting[0])
            waiting.remove(ready)
            done[ready] = None
        return list(done)

    def common_ancestors(self, leaves: Iterable[NodeKey]) -> set[NodeKey]:
        """What every one of `leaves` builds on, in all apps."""
        return set.intersection(*(self.ancestors(leaf) for leaf in leaves))

    def common_ancestor(self, leaves: Collection[NodeKey], app: str) -> NodeKey | None:
        """The last node of `app` that all `leaves` share; of several, the last in order."""
        shared = {key for key in self.common_ancestors(leaves) if key.app == app} - set(leaves)
        above = _reach({parent for key in shared for parent in self.parents[key]}, self.parents)
        last = self.in_order(shared - above)
        return last[-1] if last else None

    def cycles(self) -> list[list[NodeKey]]:
        """Every strongly connected group of more than one node (or a node upon itself)."""
        # what is not on a cycle can be peeled off from one end or the other
        left = _peeled(set(self.parents), self.parents, self.children)
        left = _peeled(left, self.children, self.parents)
        groups: list[list[NodeKey]] = []
        seen: set[NodeKey] = set()
        for key in sorted(left):
            if key not in seen:
                group = self.ancestors(key) & self.descendants(key)
                if len(group) > 1 or key in self.parents[key]:
                    groups.append(sorted(group))
                    seen |= group

        return groups


def is_lost(migration: Migration) -> bool:
    """Whether a file neither parses nor shows what it depends on."""
    return bool(migration.header.error and migration.header.opaque)


def _reach(keys: set[NodeKey], edges: Mapping[NodeKey, frozenset[NodeKey]]) -> set[NodeKey]:
    reached = set(keys)
    waiting = list(keys)
    while waiting:
        for other in edges.get(waiting.pop(), ()):
            if other not in reached:
                reached.add(other)
                waiting.append(other)
    return reached


def _peeled(
    keys: set[NodeKey],
    above: Mapping[NodeKey, frozenset[NodeKey]],
    below: Mapping[NodeKey, frozenset[NodeKey]],
) -> set[NodeKey]:
    """What is left of `keys` when all with none above are taken away, again and again."""
    waiting = {key: len(above[key] & keys) for key in keys}
    free = [key for key, count in waiting.items() if not count]
    while free:
        for key in below[free.pop()] & keys:
            waiting[key] -= 1
            if not waiting[key]:
                free.append(key)

    return {key for key, count in waiting.items() if count}


def build_graph(migrations: Iterable[Migration], resolve: Resolve) -> Graph:
    """The graph of `migrations`; `resolve` says which node a reference means, None if outside."""
    nodes = {migration.key: migration for migration in migrations}
    parents: dict[NodeKey, set[NodeKey]] = {key: set() for key in nodes}
    replaced_by, circular = _replacements(nodes, resolve)
    missing: list[Missing] = []

    def link(migration: Migration, reference: Reference, *, reverse: bool) -> None:
        named = _target(migration, reference, resolve, nodes)
        if named is None:
            return

        other = _standing(named, replaced_by)
        if other not in nodes:
            missing.append(Missing(migration, reference, other))
            return

        standing = _standing(migration.key, replaced_by)
        child, parent = (other, standing) if reverse else (standing, other)
        # between two that one squash replaces nothing is left; between it and one of them there is
        if child != parent or standing in (migration.key, named):
            parents[child].add(parent)

    for migration in nodes.values():
        for reference in migration.header.dependencies:
            link(migration, reference, reverse=False)

        for reference in migration.header.run_before:
            link(migration, reference, reverse=True)

    for key in circular:
        parents[key].add(key)

    for key in replaced_by:
        parents.pop(key, None)

    children: dict[NodeKey, set[NodeKey]] = {key: set() for key in parents}
    for child, above in parents.items():
        for parent in above:
            children[parent].add(child)

    return Graph(
        nodes,
        {key: frozenset(value) for key, value in parents.items()},
        {key: frozenset(value) for key, value in children.items()},
        tuple(missing),
        replaced_by,
    )


def without_squashes(graph: Graph, resolve: Resolve) -> Graph | None:
    """The graph for a database that has applied a part of what a squash replaces.

    Django then leaves the squash out, and what depends on it hangs below the last original
    (MigrationGraph.remove_replacement_node). None where no squash has all its originals left.
    """
    originals: dict[NodeKey, list[NodeKey]] = {}
    for old, new in graph.replaced_by.items():
        originals.setdefault(new, []).append(old)

    nodes = graph.nodes
    squashes = {
        new: _last(olds, nodes, resolve)
        for new, olds in originals.items()
        if all(old in nodes for old in olds)
    }
    if not squashes:
        return None

    def resolve_original(migration: Migration, reference: Reference) -> NodeKey | None:
        other = resolve(migration, reference)
        while other in squashes:
            other = squashes[other]
        return other

    return build_graph((m for m in nodes.values() if m.key not in squashes), resolve_original)


def _last(keys: list[NodeKey], nodes: Mapping[NodeKey, Migration], resolve: Resolve) -> NodeKey:
    """Of a chain the node on which no other depends."""
    below = {resolve(nodes[key], ref) for key in keys for ref in nodes[key].header.dependencies}
    return max(key for key in keys if key not in below) if set(keys) - below else max(keys)


def _replacements(
    nodes: Mapping[NodeKey, Migration], resolve: Resolve
) -> tuple[dict[NodeKey, NodeKey], set[NodeKey]]:
    """What stands for each replaced node; and those that replace what replaces them."""
    replacements: dict[NodeKey, NodeKey] = {}
    circular: set[NodeKey] = set()
    for key in sorted(nodes):
        for reference in nodes[key].header.replaces:
            other = resolve(nodes[key], reference)
            if other is not None and _standing(key, replacements) == other:
                circular.add(other)
            elif other is not None:
                replacements.setdefault(other, key)  # of two for the same Django takes the first

    return replacements, circular


def replaced_strangers(
    migrations: Iterable[Migration], resolve: Resolve
) -> dict[NodeKey, tuple[NodeKey, Reference]]:
    """Migrations that replace one of the same app which has another place than theirs.

    A squash of one migration depends on what that one does. A renamed migration that keeps its
    old name need not: the name may be another migration's by now.
    """
    nodes = {migration.key: migration for migration in migrations}
    strangers = {}
    for key, migration in nodes.items():
        if len(migration.header.replaces) != 1:
            continue

        (reference,) = migration.header.replaces
        other = resolve(migration, reference)
        if other in nodes and other.app == key.app and other != key:
            if _parents_inside(migration, resolve) != _parents_inside(nodes[other], resolve):
                strangers[key] = (other, reference)

    return strangers


def _parents_inside(migration: Migration, resolve: Resolve) -> set[NodeKey]:
    """What it depends on in its own app."""
    named = (resolve(migration, reference) for reference in migration.header.dependencies)
    return {key for key in named if key is not None and key.app == migration.key.app}


def _standing(key: NodeKey, replaced_by: Mapping[NodeKey, NodeKey]) -> NodeKey:
    """What stands for `key` in the graph, through squashes of squashes."""
    seen = {key}
    while key in replaced_by and replaced_by[key] not in seen:
        key = replaced_by[key]
        seen.add(key)
    return key


def _target(
    migration: Migration,
    reference: Reference,
    resolve: Resolve,
    nodes: Mapping[NodeKey, Migration],
) -> NodeKey | None:
    other = resolve(migration, reference)
    if other is None or other in nodes or reference.name not in FIRST_AND_LATEST:
        return other
    if other.app == migration.key.app:
        return None  # Django ignores __first__ of the same app (#22325)
    return _special(other, nodes, resolve)


def _special(key: NodeKey, nodes: Mapping[NodeKey, Migration], resolve: Resolve) -> NodeKey | None:
    """`__first__` is the first root node, `__latest__` (before Django 2) the first leaf node."""
    app_nodes = sorted(k for k in nodes if k.app == key.app)
    inside = {
        k: {resolve(nodes[k], ref) for ref in nodes[k].header.dependencies} for k in app_nodes
    }
    if key.name == "__first__":
        candidates = [k for k in app_nodes if not any(k2 in inside[k] for k2 in app_nodes)]
    else:
        candidates = [k for k in app_nodes if not any(k in inside[k2] for k2 in app_nodes)]
    return candidates[0] if candidates else None

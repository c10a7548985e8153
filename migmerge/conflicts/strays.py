"""Chains whose parent is missing: until it is found they are no side of anything."""

from __future__ import annotations

from migmerge.conflicts.conflict import Conflict
from migmerge.migrations.graph import Graph
from migmerge.migrations.model import NodeKey


def without_strays(graph: Graph, conflict: Conflict) -> Conflict | None:
    """The sibling conflict without the branches that hang on a missing migration of the app, which
    is reported by itself; None where fewer than two are left."""
    strays = _strays(graph, conflict.app.key) if graph.missing else set()
    if conflict.kind != "siblings" or not strays:
        return conflict

    attached = [b for b in conflict.branches if strays.isdisjoint(b.nodes)]
    if len(attached) == len(conflict.branches):
        return conflict
    if len(attached) < 2:
        return None

    leaves = [branch.leaf for branch in attached]
    shared = graph.common_ancestors(leaves)
    branches = tuple(
        b._replace(nodes=tuple(key for key in b.nodes if key not in shared)) for b in attached
    )
    ancestor = graph.common_ancestor(leaves, conflict.app.key)
    return conflict._replace(branches=branches, common_ancestor=ancestor)


def _strays(graph: Graph, app: str) -> set[NodeKey]:
    """The app's nodes of which every parent in the app is missing."""
    missing = {one.migration.key for one in graph.missing if one.key.app == app}
    return {
        key
        for key in missing
        if key.app == app
        and key in graph.parents
        and all(parent.app != app for parent in graph.parents[key])
    }

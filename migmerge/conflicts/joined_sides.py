"""Sides that an unpublished merge migration has joined, for a team that wants one line."""

from __future__ import annotations

from collections.abc import Collection
from itertools import permutations

from migmerge.conflicts.conflict import Branch, Conflict
from migmerge.migrations.graph import Graph
from migmerge.migrations.model import App, NodeKey


def find_joined_sides(
    graph: Graph, app: App, published: Collection[NodeKey], merges: Collection[NodeKey]
) -> Conflict | None:
    """The sibling conflict that an app would have without `merges`, which are not published.

    None where they join nothing with what is published, or what is published has more than one leaf
    node itself.
    """
    nodes = set(graph.app_nodes(app.key))
    moving = nodes.difference(published)
    stays = nodes - moving
    leaves = [key for key in stays if stays.isdisjoint(graph.children[key])]
    joining = {key for key in moving.intersection(merges) if stays & graph.parents[key]}
    if len(leaves) != 1 or not joining:
        return None

    left = moving.difference(joining)
    attached_to = {parent for key in left for parent in graph.parents[key]} & stays
    shared = graph.ancestors_of(attached_to)
    onto = graph.in_order((graph.ancestors(leaves[0]) & nodes) - shared)
    if not (onto and left):
        return None
    ancestors = graph.in_order(attached_to)
    branches = (Branch(tuple(onto)), Branch(tuple(graph.in_order(moving))))
    return Conflict(app, "siblings", ancestors[-1] if ancestors else None, branches)


def find_joined_unpublished(
    graph: Graph,
    app: App,
    published: Collection[NodeKey],
    merges: Collection[NodeKey],
    moved: Collection[str],
) -> Conflict | None:
    """The sibling conflict that an app would have without the first of `merges` that joins two
    lines of which neither is published, and one has a migration of a `moved` name."""
    nodes = set(graph.app_nodes(app.key))
    for merge in graph.in_order(merges):
        parents = graph.parents[merge] & nodes
        for stays, moves in permutations(parents, 2):
            shared = graph.ancestors(stays) & graph.ancestors(moves) & nodes
            onto = (graph.ancestors(stays) & nodes) - shared
            replayed = (graph.ancestors(moves) & nodes) - shared
            fresh = len(parents) == 2 and (onto | replayed).isdisjoint(published)
            if fresh and any(key.name in moved for key in replayed):
                moving = replayed | (graph.descendants(merge) & nodes)
                ancestor = graph.in_order(shared)[-1] if shared else None
                lines = (Branch(tuple(graph.in_order(line))) for line in (onto, moving))
                return Conflict(app, "siblings", ancestor, tuple(lines))

    return None

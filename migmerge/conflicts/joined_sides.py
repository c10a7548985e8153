"""Sides that an unpublished merge migration has joined, for a team that wants one line."""

from __future__ import annotations

from collections.abc import Collection

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

"""A migration graph as it is to be drawn, whatever draws it."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from migmerge.analysis.findings import BROKEN
from migmerge.migrations.model import NodeKey
from migmerge.report.checked import Checked
from migmerge.report.text import side_text


class Node(NamedTuple):
    """A migration; `side` is empty where it is in no conflict, else `onto`, `replayed` or
    `unknown`, and `note` says where it is."""

    key: NodeKey
    label: str
    path: str
    side: str = ""
    note: str = ""


class Picture(NamedTuple):
    """Nodes by app key in graph order, and edges from parent to child, all sorted."""

    apps: dict[str, list[Node]]
    edges: list[tuple[NodeKey, NodeKey]]

    @property
    def nodes(self) -> dict[NodeKey, Node]:
        """All nodes by their key."""
        return {node.key: node for nodes in self.apps.values() for node in nodes}


def picture_of(checked: Checked) -> Picture:
    """The whole graph with what collides lit."""
    graph, findings = checked.snapshot.graph, checked.findings
    base = findings.base.name if findings.base else None
    lit = {
        key: (branch.side, side_text(branch, base))
        for conflict in findings.conflicts
        if conflict.kind in ("siblings", "path")
        for branch in conflict.branches
        for key in branch.nodes
    }
    lit |= {
        key: ("unknown", conflict.kind)
        for conflict in findings.conflicts
        if conflict.kind in ("number", "case", *BROKEN)
        for branch in conflict.branches
        for key in branch.nodes
        if key not in lit
    }
    apps: dict[str, list[Node]] = {}
    for app in graph.apps():
        keys = graph.in_order(graph.app_nodes(app))
        apps[app] = [
            Node(key, _label(key), graph.nodes[key].path, *lit.get(key, ("", ""))) for key in keys
        ]

    edges = sorted((parent, child) for child, above in graph.parents.items() for parent in above)
    return Picture(apps, edges)


def _label(key: NodeKey) -> str:
    return f"{key.name} (theirs)" if key.version else key.name


def only_apps(picture: Picture, keys: Collection[str]) -> Picture:
    """The picture of the apps with these keys."""
    return _kept(picture, {key for key in picture.nodes if key.app in keys})


def conflicts_only(picture: Picture) -> Picture:
    """What is lit, with what it builds on and what builds on it directly."""
    lit = {key for key, node in picture.nodes.items() if node.side}
    near = {key for edge in picture.edges for key in edge if lit.intersection(edge)}
    return _kept(picture, lit | near)


def _kept(picture: Picture, keys: Collection[NodeKey]) -> Picture:
    apps = {app: [n for n in nodes if n.key in keys] for app, nodes in picture.apps.items()}
    edges = [(parent, child) for parent, child in picture.edges if parent in keys and child in keys]
    return Picture({app: nodes for app, nodes in apps.items() if nodes}, edges)

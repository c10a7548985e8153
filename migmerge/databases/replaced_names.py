"""The end of a renumbering: `replaces` and catch-up migrations that no database needs any more."""

from __future__ import annotations

from collections.abc import Iterable

from migmerge.analysis.compare import source_of
from migmerge.analysis.snapshot import Snapshot
from migmerge.migrations.catch_up import is_catch_up
from migmerge.migrations.model import NodeKey
from migmerge.migrations.operations import keeps_title
from migmerge.project.configured_databases import Row, Status
from migmerge.resolve.fix_plan import GraphChange


def carried_nodes(snapshot: Snapshot, app: str) -> list[NodeKey]:
    """Migrations of an app that `replaces` one name that was theirs, and is nobody's now.

    A squash of a single migration has another title.
    """
    graph, carried = snapshot.graph, []
    for key in graph.in_order(graph.app_nodes(app)):
        old = [reference.name for reference in graph.nodes[key].header.replaces]
        if len(old) == 1 and NodeKey(app, old[0]) not in graph.nodes:
            if keeps_title(old[0], key.name):
                carried.append(key)

    return carried


def transition_of(snapshot: Snapshot, app: str) -> GraphChange | None:
    """The app without its `replaces`, and without a catch-up migration that is its leaf node and on
    which nothing depends; None where nothing is carried."""
    graph = snapshot.graph
    leaves = graph.leaves(app)
    gone: dict[NodeKey, NodeKey] = {}
    for key in leaves[:1] if len(leaves) == 1 else ():
        parents = [parent for parent in graph.parents[key] if parent.app == app]
        source = source_of(snapshot, key)
        catch_up = is_catch_up(source, key.name, snapshot.apps[app].label)
        if catch_up and len(parents) == 1 and not graph.children.get(key):
            gone[key] = parents[0]

    carried = frozenset(carried_nodes(snapshot, app))
    if len(leaves) != 1 or not (carried or gone):
        return None
    leaf = gone.get(leaves[0], leaves[0]).name
    return GraphChange(app, "transition", {}, {}, dropped=gone, leaf=leaf, without_replaces=carried)


def still_needed(snapshot: Snapshot, app: str, statuses: Iterable[Status]) -> list[str]:
    """What stands against it in databases, in sentences: those that have an old name of a carried
    migration, but not the new one, or not all that comes before it."""
    label = snapshot.apps[app].label
    reasons = []
    for status in statuses:
        if status.absent:
            continue

        name = f"database {status.alias} ({status.engine}, {status.place})"
        if status.error:
            reasons.append(f"{name} is not looked at: {status.error}")
            continue

        late = [".".join(row) for row in _late(snapshot, app, label, status)]
        if late:
            reasons.append(f"{name} has not run {', '.join(late)}: migrate there first")

    return reasons


def _late(snapshot: Snapshot, app: str, label: str, status: Status) -> list[Row]:
    """New names, and what is before them, that a database with the old names lacks."""
    graph, recorded = snapshot.graph, set(status.recorded)
    carried = [
        key
        for key in carried_nodes(snapshot, app)
        if (label, graph.nodes[key].header.replaces[0].name) in recorded
    ]
    before = {(snapshot.apps[k.app].label, k.name) for k in graph.ancestors_of(carried)}
    names = {(label, key.name) for key in carried}
    return sorted((names - recorded) | before.intersection(status.unapplied))

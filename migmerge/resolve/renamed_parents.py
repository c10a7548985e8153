"""Apps in which others depend on a migration by a name that is gone: renamed, squashed, or started
again."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence

from migmerge.analysis.compare import footprints_of
from migmerge.analysis.renames import created_again_below, unseen_dependents
from migmerge.analysis.snapshot import Snapshot
from migmerge.conflicts.commute import compare_sides
from migmerge.conflicts.conflict import Verdict
from migmerge.resolve.files import reserved_names
from migmerge.resolve.fix_plan import GraphChange, Refusal
from migmerge.resolve.graph_changes import straighten
from migmerge.resolve.strategy import Decision, FixRequest

_SQUASHED = (
    "{} no longer says what it replaces: a database that ran that and has not recorded {} needs "
    "migmerge db reconcile before migrate"
)


def with_renamed_parents(
    snapshot: Snapshot, decision: Decision, published: Collection[str], request: FixRequest
) -> tuple[Decision, Mapping[str, tuple[str, ...]]]:
    """The decision with the apps of migrations that others depend on by a name that is gone; and,
    by app key, what is reported of these."""
    changes = {change.app: change for change in decision.graph_changes}
    refusals = {refusal.app: refusal for refusal in decision.refusals}
    reasons: dict[str, tuple[str, ...]] = {}
    for app in sorted({key.app for key in snapshot.renamed.values()}):
        judgement = compare_sides(footprints_of(snapshot, unseen_dependents(snapshot, app)))
        squashes = sorted(key.name for key in snapshot.renames.squashes if key.app == app)
        reasons[app] = (*(_SQUASHED.format(name, name) for name in squashes), *judgement.reasons)
        again = created_again_below(snapshot, app)
        if judgement.verdict is Verdict.CONTRADICT or again:
            changes.pop(app, None)
            above = _unpublished_children(snapshot, app, published)
            reasons_why = (*again, *judgement.reasons)
            refusals[app] = _contradicts_what_came_before(app, reasons_why, above)
        elif app not in changes and app not in refusals:
            changes[app] = _update_dependencies(snapshot, app, published, request)

    decided = decision._replace(
        graph_changes=tuple(changes.values()), refusals=tuple(refusals.values())
    )
    return decided, reasons


def _unpublished_children(snapshot: Snapshot, app: str, published: Collection[str]) -> list[str]:
    """The files of what depends on a renamed migration of the app."""
    graph = snapshot.graph
    renamed = {key for key in snapshot.renamed.values() if key.app == app}
    children = {child for key in renamed for child in graph.children.get(key, ())}
    return sorted({graph.nodes[key].path for key in children}.difference(published))


def _contradicts_what_came_before(
    app: str, reasons: Sequence[str], children: Sequence[str]
) -> Refusal:
    reason = (
        "a migration that depends on the renamed one conflicts with what comes before it by now"
    )
    edit = (f"$EDITOR {shlex.join(children)}",) if children else ()
    return Refusal(app, "renamed-below", (reason, *reasons), (*edit, "migmerge check"))


def _update_dependencies(
    snapshot: Snapshot, app: str, published: Collection[str], request: FixRequest
) -> GraphChange:
    """An app in which nothing moves, but what others mean by a name that is gone."""
    graph = snapshot.graph
    collided = any(key.version for key in graph.app_nodes(app))  # two files, and one has to move
    straight = "renumber" in (request.strategy, request.prefer) and not request.keep_names
    if not collided and not straight:
        return GraphChange(app, "repoint", {}, {}, leaf=graph.leaves(app)[0].name)

    renamed = set(snapshot.renamed.values())
    below = graph.descendants_of(renamed) - renamed
    may_change = {key for key in below if key.version or graph.nodes[key].path not in published}
    return straighten(graph, app, may_change, reserved_names(snapshot, snapshot.apps[app]))

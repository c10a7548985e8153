"""Starting points handed to the project: what is asked of its Django, and for which apps."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping, Sequence
from functools import partial

from migmerge.analysis.compare import source_of
from migmerge.analysis.snapshot import Snapshot
from migmerge.analysis.starting_points import Nodes, StartingPoints, starts_of_conflicts
from migmerge.analysis.workspace import Workspace
from migmerge.migrations.model import NodeKey
from migmerge.migrations.naming import is_catch_up_name
from migmerge.project.configured_databases import Renamed
from migmerge.project.interpreter import Project
from migmerge.project.outcome import Outcome, failed, skipped
from migmerge.project.scenarios import (
    ALONE,
    AUTO,
    OF_SETTINGS,
    SQLITE,
    ScenarioRequest,
    ScenarioResult,
    ScenarioResults,
    Tree,
    Trial,
    try_scenarios,
)
from migmerge.project.scratch_servers import trial_of
from migmerge.resolve.plan import PreparedFix
from migmerge.resolve.project_input import apps_of
from migmerge.resolve.sides_alone import SidesByCommit, sides_migrate_alone


def prove(
    workspace: Workspace,
    project: Project,
    snapshot: Snapshot,
    starts: StartingPoints,
    trial: Trial,
) -> ScenarioResults:
    """How databases of all starting points arrive at the files of `snapshot`.

    `auto` is SQLite; where that can't hold the databases, the server of the project's settings.
    """
    prove_on = partial(_prove_on, workspace, project, snapshot, starts)
    if trial.server != AUTO:
        return prove_on(trial)

    on_sqlite = trial._replace(server=SQLITE)
    results = prove_on(on_sqlite._replace(hurry=True))
    if not (results.has_server and results.is_incomplete):
        return results
    results = prove_on(trial._replace(server=OF_SETTINGS))
    if not results.why:
        return results
    return prove_on(on_sqlite)._replace(no_server=results.why)


def _prove_on(
    workspace: Workspace,
    project: Project,
    snapshot: Snapshot,
    starts: StartingPoints,
    trial: Trial,
) -> ScenarioResults:
    labels = {key: snapshot.apps[key].label for key in apps_of(snapshot, project)}
    trees = {name: _tree(snapshot, nodes, labels) for name, nodes in starts.trees.items()}
    rows = [
        Renamed(labels[app], old, new)
        for app, old, new in starts.renamed
        if app in labels and not _is_carried(snapshot, NodeKey(app, new))
    ]
    wanted = sorted({labels[app] for app in starts.apps if app in labels})
    request = ScenarioRequest(wanted, trees, starts.points, rows, starts.later, trial.code)
    arrivals = try_scenarios(project, request, trial)
    if trial.hurry and arrivals.has_server and arrivals.is_incomplete:
        return arrivals
    if _lacks_a_side(arrivals):
        with tempfile.TemporaryDirectory(prefix="migmerge-") as directory:
            sides = SidesByCommit(workspace, project, starts.trees, directory)
            arrivals = _with_own_code(sides, request, trial) or arrivals
    if _may_have_failed(arrivals) and sides_migrate_alone(
        workspace, project, snapshot, wanted, trial
    ):
        arrivals = _with_fresh(arrivals, failed_before=False)

    carried = {
        (app, old)
        for app, old, new in starts.renamed
        if app in labels and _is_carried(snapshot, NodeKey(app, new))
    }
    harmless = {*starts.surplus, *carried}
    names = {f"{labels[app]}.{name}" for app, name in harmless if app in labels}
    points = [
        point._replace(rows_without_file=_without(point.rows_without_file, names))
        for point in arrivals.points
    ]
    return arrivals._replace(points=tuple(points))


def _lacks_a_side(arrivals: ScenarioResults) -> bool:
    """Whether something stops the database of one side, or of what they have in common, which may
    have been made with other code than there is now."""
    return not arrivals.effects and any(p.name in ALONE and p.unbuilt for p in arrivals.points)


def _may_have_failed(arrivals: ScenarioResults) -> bool:
    """Whether something stops a new database of the merged files."""
    return not arrivals.effects and any(p.name == "fresh" and p.unbuilt for p in arrivals.points)


def _with_own_code(
    sides: SidesByCommit, request: ScenarioRequest, trial: Trial
) -> ScenarioResults | None:
    """The same from databases that each side's own code made; None where that can't be tried.

    What stops a new database may have stopped it before, where a side needs its own code.
    """
    with sides.built(request, trial) as built:
        if not built:
            return None
        again = request._replace(built=built)
        arrivals = try_scenarios(sides.project, again, trial)

    return None if arrivals.why else _with_fresh(arrivals, failed_before=True)


def _with_fresh(arrivals: ScenarioResults, *, failed_before: bool) -> ScenarioResults:
    """What stops a new database proves nothing where it may have stopped it before; it is a failure
    where it stops neither side's own files with their own code."""

    def judged(point: ScenarioResult) -> ScenarioResult:
        if point.name != "fresh":
            return point
        if failed_before:
            return point._replace(unbuilt=point.error, error="")
        return point._replace(unbuilt="", error=point.unbuilt)

    return arrivals._replace(points=tuple(map(judged, arrivals.points)))


def _without(rows_without_file: Sequence[str], harmless: Collection[str]) -> tuple[str, ...]:
    """Rows without a file, but for names that a chain had between two renumberings, and those of
    duplicates that were applied under both names: they do no harm."""
    return tuple(
        row
        for row in rows_without_file
        if row not in harmless and not is_catch_up_name(row.rpartition(".")[2])
    )


def prove_fix(
    workspace: Workspace, project: Project, prepared: PreparedFix, after: Snapshot
) -> Outcome:
    """How scratch databases arrive at the files that a fix wrote.

    A side that is regenerated is rolled back first where it was applied: no database stands there.
    """
    project_apps = apps_of(after, project)
    apps = [app for app in prepared.leaves if app in project_apps]
    again = "migmerge verify " + " ".join(sorted({after.apps[app].label for app in apps}))
    config = workspace.config
    if not config.verify_seconds:
        return skipped(f"verify_seconds is 0; run {again}", waived=True)

    starts = starts_of_conflicts(prepared.snapshot, after, prepared.conflicts, apps)
    resolutions = prepared.plan.resolutions
    regenerated = any(r.strategy == "regenerate" for r in resolutions if r.key in apps)
    starts = starts._replace(abandoned=regenerated)
    seconds = config.verify_seconds * max(1, len(apps))  # each app has a history to be run
    results = prove(workspace, project, after, starts, trial_of(config, seconds=seconds))

    if results.why:
        return skipped(f"{results.why}; run {again}")

    wrong = [f"{point.name}: {point.wrong}" for point in results.points if point.wrong]
    if wrong:
        return failed("; ".join(wrong))
    if results.effects:
        return skipped(f"{'; '.join(results.effects)}: refused, since it is no scratch database")

    unbuilt = [f"{point.name} ({point.unbuilt})" for point in results.points if point.unbuilt]
    if unbuilt:
        return skipped(_not_built(unbuilt[0], results, again))
    if results.left_out:
        names = ", ".join(results.left_out)
        return skipped(f"verify_code is false: the code of {names} was not run", waived=True)

    reconciled = sum(point.reconciled for point in results.points)
    how = f"{reconciled} of them after migmerge db reconcile" if reconciled else "by migrate alone"
    kind = "scratch files, not your databases" if results.where == "SQLite" else "scratch databases"
    where = f"on {results.where} ({kind})"
    if results.from_state:
        how += ", from the state at the common ancestor"
    tried = f"{len(results.points)} starting points"
    if len(results.points) == 1:
        tried = f"one starting point ({results.points[0].name})"
    return Outcome(detail=f"{tried} {where}, {how}")


def _not_built(point: str, results: ScenarioResults, again: str) -> str:
    """Why there is no database at a starting point, and where else there may be one."""
    if results.where != "SQLite":
        return f"no database at {point}, on {results.where}"
    nor = f", nor on the server of the settings ({results.no_server})"
    nor = nor if results.no_server else ""
    return f"no SQLite database at {point}{nor}; run {again} --database URL"


def _tree(snapshot: Snapshot, nodes: Nodes, labels: Mapping[str, str]) -> Tree:
    """What of a tree is not as in the work tree; of every app the names that it has."""
    files: dict[str, dict[str, bytes | None]] = {label: {} for label in labels.values()}
    for key, source in nodes.items():
        if key.app not in labels:
            continue  # an app that is gone
        plain = NodeKey(key.app, key.name)
        same = plain in snapshot.graph.nodes and source_of(snapshot, plain) == source
        files[labels[key.app]][key.name] = None if same else source
    return files


def _is_carried(snapshot: Snapshot, key: NodeKey) -> bool:
    """Whether databases need nothing but `migrate` for it, though they know it by another name."""
    return bool(snapshot.graph.nodes[key].header.replaces) or is_catch_up_name(key.name)

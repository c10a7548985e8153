"""`migmerge verify`: databases of every starting point, migrated to the files as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from migmerge.analysis.findings import BROKEN, LOADABLE, analyse
from migmerge.analysis.snapshot import Snapshot, read_snapshot
from migmerge.analysis.starting_points import starts_of_history
from migmerge.analysis.workspace import open_workspace
from migmerge.commands.arguments_of_apps import apps_named, scope_of
from migmerge.commands.exclusive import tidy_up
from migmerge.conflicts.conflict import Conflict
from migmerge.errors import UserError
from migmerge.git.repository import find_work_tree
from migmerge.project.interpreter import NoProject, Project
from migmerge.project.outcome import Outcome, failed, skipped
from migmerge.project.questions import verify as compare_sides
from migmerge.project.scenarios import ScenarioResults
from migmerge.project.scratch_servers import trial_of
from migmerge.report.verify import Proof, verify_json, verify_text
from migmerge.resolve.project_input import projects_of
from migmerge.resolve.proof import prove


class VerifyOptions(NamedTuple):
    """What the command line said."""

    directory: str
    config: str | None = None
    apps: tuple[str, ...] = ()
    database: str = ""
    full: bool = False
    base: str | None = None
    format: str = "text"


def verify(options: VerifyOptions) -> int:
    """0 when every database arrives, 1 when one doesn't or could not be tried."""
    repository = find_work_tree(options.directory, "verify")
    tidy_up(repository)
    workspace = open_workspace(repository, options.config, options.base)
    trial = trial_of(workspace.config, options.database)._replace(full=options.full)
    snapshot = read_snapshot(workspace)
    findings = analyse(workspace, snapshot)
    scope = scope_of(repository, snapshot, options.directory)
    conflicts = [
        conflict
        for conflict in findings.conflicts
        if conflict.app.key in scope.apps and conflict.kind not in LOADABLE
    ]
    if conflicts:
        return _in_the_way(conflicts, options)
    if not scope.apps:
        raise UserError("unknown-app", "no migrations here to verify", "migmerge -C DIR verify")

    starts = starts_of_history(workspace, snapshot)
    named = [a.key for name in options.apps for a in apps_named(snapshot, name, scope)]
    # an app that one side alone has is there no more
    changed = [app for app in starts.apps if app in scope.apps]
    chosen = named or changed or scope.apps
    places = None if named else scope.places
    proofs = []
    projects = projects_of(workspace, snapshot, sorted(chosen), places)
    for project, apps in projects.items():
        labels = sorted(snapshot.apps[app].label for app in apps)
        if isinstance(project, NoProject):
            proofs.append(Proof(labels, skipped(project.why), ScenarioResults((), why=project.why)))
            continue

        answer = _judge(project, snapshot, apps)
        results = prove(workspace, project, snapshot, starts._replace(apps=tuple(apps)), trial)
        proofs.append(Proof(labels, answer, results, project.place))

    text = verify_json if options.format == "json" else verify_text
    print(text(proofs, starts.origin), end="")
    return 0 if all(proof.proven for proof in proofs) else 1


def _in_the_way(conflicts: Sequence[Conflict], options: VerifyOptions) -> int:
    """With two leaf nodes no database is migrated anywhere."""
    labels = sorted({conflict.app.label for conflict in conflicts})
    broken = next((c for c in conflicts if c.kind in BROKEN), None)
    why = f"{broken.kind}: {broken.reasons[0]}: migmerge check" if broken else ""
    answer = failed(why or "there are conflicts in the way: migmerge fix")
    proof = Proof(labels, answer, ScenarioResults((), why="not tried"))
    text = verify_json if options.format == "json" else verify_text
    print(text([proof], ""), end="")
    return 1


def _judge(project: Project, snapshot: Snapshot, apps: Sequence[str]) -> Outcome:
    graph = snapshot.graph
    nodes = {
        snapshot.apps[app].label: [k.name for k in graph.nodes if k.app == app] for app in apps
    }
    leaves = {snapshot.apps[app].label: graph.leaves(app)[0].name for app in apps}
    return compare_sides(project, nodes, leaves)

"""`migmerge transition`: old names in `replaces` go, once no database needs them any more."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from migmerge.analysis.manage_commands import manage_command
from migmerge.analysis.snapshot import Snapshot, read_snapshot
from migmerge.analysis.workspace import Workspace, open_workspace
from migmerge.commands.apply import apply_fix
from migmerge.commands.arguments_of_apps import keys_named, scope_of
from migmerge.commands.exclusive import exclusive
from migmerge.commands.fix_options import FixOptions
from migmerge.commands.fix_terminal import print_report
from migmerge.databases.reconcile import untouched_rule
from migmerge.databases.replaced_names import still_needed, transition_of
from migmerge.git.repository import find_work_tree
from migmerge.project.configured_databases import Database, Permission, Status, read_status
from migmerge.project.interpreter import NoProject
from migmerge.project.run import Unanswered
from migmerge.resolve.fix_plan import GraphChange, Refusal
from migmerge.resolve.plan import prepare_given
from migmerge.resolve.project_input import projects_of


def transition(options: FixOptions) -> int:
    """0 when it is done and verified, or nothing is carried; 1 when a database needs old names."""
    repository = find_work_tree(options.directory, "transition")
    with exclusive(repository) as held:
        workspace = open_workspace(repository, options.config)
        snapshot = read_snapshot(workspace)
        scope = scope_of(repository, snapshot, options.directory)
        apps = sorted(keys_named(snapshot, options.apps, scope))
        graph_changes = [change for app in apps if (change := transition_of(snapshot, app))]
        if not graph_changes:
            print("nothing is carried")
            return 0

        refusals = _refusals(workspace, snapshot, graph_changes, options)
        refused = {refusal.app for refusal in refusals}
        free = [change for change in graph_changes if change.app not in refused]
        planned = prepare_given(workspace, snapshot, free, refusals)
        report = apply_fix(workspace, planned, options, held)
        return print_report(repository, report, options)


def _refusals(
    workspace: Workspace,
    snapshot: Snapshot,
    graph_changes: Sequence[GraphChange],
    options: FixOptions,
) -> list[Refusal]:
    """Apps that a configured database has not run as they are; none with --no-databases."""
    if options.no_databases:
        return []

    rule = untouched_rule()
    apps = [change.app for change in graph_changes]
    reasons: dict[str, list[str]] = {app: [] for app in apps}
    allowed = Permission(options.databases, workspace.config.protected_databases)
    for project, project_apps in projects_of(workspace, snapshot, apps).items():
        why, statuses = "", list[Status]()
        if rule:
            why = f"no database is looked at {rule}"
        elif isinstance(project, NoProject):
            why = project.why
        else:
            answer = read_status(project, Database(), allowed)
            if isinstance(answer, Unanswered):
                why = answer.why
            else:
                statuses = answer

        for app in project_apps:
            reasons[app] += [why] if why else still_needed(snapshot, app, statuses)

    return [
        Refusal(
            app,
            "still-needed",
            tuple(dict.fromkeys(sentences)),
            (
                manage_command(workspace.config, snapshot, snapshot.apps[app]).run("migrate"),
                f"migmerge transition {shlex.quote(app)}",
            ),
        )
        for app, sentences in reasons.items()
        if sentences
    ]

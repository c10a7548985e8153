"""`migmerge transition`: old names in `replaces` go, once no database needs them any more."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from migmerge.analysis.snapshot import Snapshot, read_snapshot
from migmerge.commands.apply import apply_fix
from migmerge.commands.arguments_of_apps import keys_named, scope_of
from migmerge.commands.exclusive import exclusive
from migmerge.commands.fix import agreed, tell
from migmerge.commands.fix_options import FixOptions
from migmerge.config import Config, read_config
from migmerge.databases.reconcile import untouched_rule
from migmerge.databases.replaced_names import still_needed, transition_of
from migmerge.git.repository import Repository, find_work_tree
from migmerge.project.configured_databases import Database, Permission, Status, read_status
from migmerge.resolve.fix_plan import FixPlan, GraphChange, Refusal
from migmerge.resolve.plan import prepare_given
from migmerge.resolve.project_input import projects_of


def transition(options: FixOptions) -> int:
    """0 when it is done and verified, or nothing is carried; 1 when a database needs old names."""
    repository = find_work_tree(options.directory, "transition")
    with exclusive(repository) as held:
        config = read_config(repository.root, options.config)
        snapshot = read_snapshot(repository, config)
        scope = scope_of(repository, snapshot, options.directory)
        apps = sorted(keys_named(snapshot, options.apps, scope))
        moves = [move for app in apps if (move := transition_of(snapshot, app))]
        if not moves:
            print("nothing is carried")
            return 0
        refusals = _refusals(repository, config, snapshot, moves, options)
        refused = {refusal.app for refusal in refusals}
        free = [move for move in moves if move.app not in refused]
        planned = prepare_given(repository, config, snapshot, free, refusals)

        def ask(plan: FixPlan) -> bool:
            return agreed(repository, plan, options)

        report = apply_fix(repository, config, snapshot, planned, (), options, ask, held)
        return tell(repository, report, options)


def _refusals(
    repository: Repository,
    config: Config,
    snapshot: Snapshot,
    moves: Sequence[GraphChange],
    options: FixOptions,
) -> list[Refusal]:
    """Apps that a configured database has not run as they are; none with --no-databases."""
    if options.no_databases:
        return []
    rule = untouched_rule()
    apps = [move.app for move in moves]
    reasons: dict[str, list[str]] = {app: [] for app in apps}
    allowed = Permission(options.databases, config.protected_databases)
    for project, own in projects_of(repository, config, snapshot, apps).items():
        found: Sequence[Status] | str = rule and f"no database is looked at {rule}"
        if not found:
            found = (
                project if isinstance(project, str) else read_status(project, Database(), allowed)
            )
        for app in own:
            reasons[app] += (
                [found] if isinstance(found, str) else still_needed(snapshot, app, found)
            )
    return [
        Refusal(
            app,
            "still-needed",
            tuple(dict.fromkeys(sentences)),
            ("python manage.py migrate", f"migmerge transition {shlex.quote(app)}"),
        )
        for app, sentences in reasons.items()
        if sentences
    ]

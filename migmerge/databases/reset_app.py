"""All migrations of an app replaced by new ones: what goes, what comes, what would be lost."""

from __future__ import annotations

import shlex
from typing import NamedTuple

from migmerge.analysis.compare import source_of
from migmerge.analysis.manage_commands import manage_command
from migmerge.analysis.snapshot import Snapshot, Tree, understand
from migmerge.analysis.workspace import Workspace
from migmerge.conflicts.conflict import Operation
from migmerge.conflicts.next_commands import ManageCommand
from migmerge.conflicts.recommend import REGENERABLE
from migmerge.migrations.model import App, NodeKey
from migmerge.migrations.operations import read_script
from migmerge.project.interpreter import Project
from migmerge.project.questions import make_migrations
from migmerge.project.run import Unanswered
from migmerge.resolve.files import Files, Texts, plan_files
from migmerge.resolve.fix_plan import GraphChange, Refusal
from migmerge.resolve.static_check import problems


class Reset(NamedTuple):
    """The new files of an app: old names, new names, apps that build on it, and how the project's
    manage.py is run."""

    files: Files
    old: tuple[str, ...]
    new: tuple[str, ...]
    dependents: tuple[str, ...]
    manage: ManageCommand


def not_regenerable(snapshot: Snapshot, app: App) -> list[Operation]:
    """What of an app's migrations makemigrations would not make again."""
    operations = set()
    for key in snapshot.graph.app_nodes(app.key):
        for call in read_script(source_of(snapshot, key), app.label, key.name).calls:
            if call.opaque or call.name not in REGENERABLE:
                operations.add(Operation(key.name, call.name))
    return sorted(operations)


def plan_reset(
    workspace: Workspace, snapshot: Snapshot, project: Project, app: App
) -> Reset | Refusal:
    """The app's migrations as makemigrations makes them without any; nothing is written."""
    graph = snapshot.graph
    nodes = [key for key in graph.nodes if key.app == app.key]
    made = make_migrations(project, app.label, [key.name for key in nodes])
    if isinstance(made, Unanswered):
        return Refusal(app.key, "reset", (f"makemigrations can't regenerate it: {made.why}",))
    if not made:
        return Refusal(app.key, "reset", ("makemigrations makes nothing: the app has no models",))

    last = NodeKey(app.key, list(made)[-1])
    change = GraphChange(
        app.key, "reset", {}, {}, dropped=dict.fromkeys(nodes, last), leaf=last.name
    )
    files = plan_files(snapshot, [change], Texts(regenerated={app.key: made}))
    if isinstance(files, Refusal):
        return files

    changed = {path: change.data for path, change in files.changes.items()}
    after = understand(workspace, Tree("plan", snapshot.listing, changed))
    wrong = problems(snapshot, after, files.leaves)
    if wrong:
        return Refusal(app.key, "reset", tuple(text for _, text in wrong))

    above = {child.app for key in nodes for child in graph.children.get(key, ())} - {app.key}
    names = [key.name for key in nodes]
    labels = tuple(sorted(snapshot.apps[key].label for key in above))
    manage = manage_command(workspace.config, snapshot, app)
    return Reset(files, tuple(sorted(names)), tuple(made), labels, manage)


def ritual(label: str, plan: Reset) -> tuple[str, ...]:
    """What the owner of any other database runs."""
    manage = plan.manage
    migrate = manage.run("migrate", label)
    if plan.dependents:  # zero would take these along, and not all of them can be faked again
        return (
            f"{migrate}   # with the old files",
            f"migmerge reset {shlex.quote(label)} --rows --database default --apply"
            "   # with the new ones",
        )

    return (
        f"{migrate} && {manage.run('migrate', '--fake', label, 'zero')}   # with the old files",
        f"{manage.run('migrate', '--fake-initial')}   # with the new ones",
    )

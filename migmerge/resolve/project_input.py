"""What the project's Django has to say to the graph changes, before anything is written."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from migmerge.analysis.compare import source_of
from migmerge.analysis.snapshot import Snapshot
from migmerge.analysis.workspace import Workspace
from migmerge.conflicts.conflict import Conflict, Verdict
from migmerge.conflicts.next_commands import fix_command
from migmerge.migrations.membership import owners
from migmerge.migrations.model import NodeKey
from migmerge.migrations.naming import merge_name
from migmerge.project.interpreter import NoProject, Project
from migmerge.project.questions import (
    FinalWanted,
    Merges,
    PlannedApp,
    Tried,
    Wanted,
    final_definitions,
    make_migrations,
    merge_texts,
)
from migmerge.project.run import Unanswered
from migmerge.resolve.files import reserved_names
from migmerge.resolve.fix_plan import FinalMigration, GraphChange, Refusal
from migmerge.resolve.new_names import name_behind

_DOCTOR = "migmerge doctor"  # says why the project does not run


class ProjectInput(NamedTuple):
    """By app key, the project's own merge migrations and what Django thinks of both orders;
    refusals, where only the project could decide or Django disagrees; and why no project was asked
    where its models only decide what no table has."""

    merges: Mapping[str, bytes]
    django_results: Mapping[str, str]
    refusals: tuple[Refusal, ...]
    unanswered: Mapping[str, str] = {}


def projects_of(
    workspace: Workspace,
    snapshot: Snapshot,
    apps: Iterable[str],
    within: Collection[str] | None = None,
) -> dict[Project | NoProject, list[str]]:
    """The Django projects that have the apps (or why there is none) with these apps' keys.

    An app outside of all projects is each one's. `within` are the only directories of projects
    that are meant.
    """
    places = snapshot.projects
    by_place: dict[str | None, list[str]] = {}
    for app in apps:
        for place in owners(snapshot.apps[app].directory, places) or (None,):
            if within and place not in within:
                continue
            by_place.setdefault(place, []).append(app)

    projects: dict[Project | NoProject, list[str]] = {}
    for place, app_keys in by_place.items():
        project = workspace.project(place, several=len(places) > 1)
        if isinstance(project, NoProject) and len(places) > 1:
            project = project._replace(why=f"{place}: {project.why}")
        projects.setdefault(project, []).extend(app_keys)

    return projects


def apps_of(snapshot: Snapshot, project: Project) -> tuple[str, ...]:
    """The keys of all apps that are the project's."""
    places = snapshot.projects
    return tuple(
        key
        for key, app in sorted(snapshot.apps.items())
        if project.place in (owners(app.directory, places) or (project.place,))
    )


def ask_project(
    workspace: Workspace,
    snapshot: Snapshot,
    graph_changes: Sequence[GraphChange],
    unsure: Mapping[str, Conflict],
) -> ProjectInput:
    """Merge migrations, but where a file has to be renamed first; and of the apps of `unsure`,
    which nobody decided yet, whether both orders are alike."""
    merging = {m.app: m for m in graph_changes if m.merge and not m.names and not m.text}
    wanted = {m.app: _wanted(m, m.app in merging, unsure.get(m.app)) for m in graph_changes}
    asked = sorted(app for app, want in wanted.items() if want.name or want.tried)
    texts = {change.app: change.text for change in graph_changes if change.text}
    why: dict[str, str] = {}
    tried: dict[str, Tried] = {}
    without_project: set[str] = set()
    for project, apps in projects_of(workspace, snapshot, asked).items():
        labels = {snapshot.apps[app].label: app for app in apps}
        answer = (
            Merges({}, {}, project.why)
            if isinstance(project, NoProject)
            else merge_texts(project, {label: wanted[app] for label, app in labels.items()})
        )
        why |= dict.fromkeys(apps, answer.why)
        if isinstance(project, NoProject):
            without_project |= set(apps)
        texts |= {labels[label]: text for label, text in answer.texts.items()}
        tried |= {labels[label]: order for label, order in answer.orders.items()}

    opposed = [
        _opposed(app, order.differs)
        for app, order in tried.items()
        if order.differs and unsure[app].assessment.verdict == Verdict.COMMUTE
    ]
    open_changes = [m for m in merging.values() if m.set_on_both_sides and m.app not in texts]
    unanswered = {
        m.app: why[m.app]
        for m in open_changes
        if m.app in without_project and all(setting.certain for setting in m.set_on_both_sides)
    }
    before = _before(snapshot)
    undecided = [_undecided(m, why[m.app], before) for m in open_changes if m.app not in unanswered]
    django_results = {
        app: _django_result(order)
        for app, order in tried.items()
        if unsure[app].assessment.verdict is not Verdict.COMMUTE
    }
    return ProjectInput(texts, django_results, (*opposed, *undecided), unanswered)


def _wanted(change: GraphChange, merging: bool, conflict: Conflict | None) -> Wanted:
    named = (
        conflict
        and not conflict.assessment.duplicates  # both orders run one operation twice
        and not any(key.version for b in conflict.branches for key in b.nodes)
    )
    leaves = [branch.leaf.name for branch in conflict.branches] if conflict and named else []
    if merging:
        return Wanted(merge_name(change.merge), change.merge, change.set_on_both_sides, leaves)
    return Wanted("", (), (), leaves)


def _opposed(app: str, differs: str) -> Refusal:
    reason = f"the files commute, but not for Django, which tried both orders: {differs}"
    return Refusal(app, "orders", (reason,), (fix_command(app, "merge"),))


def _before(snapshot: Snapshot) -> str:
    """What somebody has to do before the project's own code can be asked."""
    migrations = {migration.path for migration in snapshot.graph.nodes.values()}
    left = sorted(p for p in snapshot.listing.unmerged if p.endswith(".py") and p not in migrations)
    return f"resolve {', '.join(left)} and git add that first" if left else "fix that first"


def _undecided(change: GraphChange, why: str, before: str) -> Refusal:
    reason = f"what both sides set is read from the project's models: {why}"
    takes = [fix_command(change.app, "", "--take", leaf) for leaf in change.merge]
    again = fix_command(change.app, "merge")
    return Refusal(change.app, "undecided", (reason, before), (_DOCTOR, *takes, again))


def _django_result(tried: Tried) -> str:
    """The careful answer holds; that Django disagrees is reported."""
    outcome = tried.differs or "no difference"
    return f"Django tried both orders {tried.where}, without running code: {outcome}"


def regenerate_files(
    workspace: Workspace, snapshot: Snapshot, graph_changes: Sequence[GraphChange]
) -> tuple[dict[str, dict[str, bytes]], list[Refusal]]:
    """What makemigrations makes of the models without the sides that go, by app key and name."""
    regenerated_changes = {
        change.app: change for change in graph_changes if change.strategy == "regenerate"
    }
    regenerated: dict[str, dict[str, bytes]] = {}
    why: dict[str, str] = {}
    for project, apps in projects_of(workspace, snapshot, sorted(regenerated_changes)).items():
        for app in apps:
            change = regenerated_changes[app]
            hidden = {*change.dropped, *change.kept_data_migrations}
            names = {key.name for key in hidden}
            stay = {key.name for key in snapshot.graph.app_nodes(app) if key not in hidden}
            answer = (
                project
                if isinstance(project, NoProject)
                else make_migrations(
                    project,
                    snapshot.apps[app].label,
                    sorted(names - stay),
                    _without_markers(snapshot, apps_of(snapshot, project), hidden),
                )
            )
            if isinstance(answer, NoProject | Unanswered):
                why[app] = f"makemigrations can't regenerate it: {answer.why}"
            else:
                regenerated[app] = answer

    return regenerated, [
        Refusal(
            app,
            "not-remade",
            (reason, _before(snapshot)),
            (_DOCTOR, fix_command(app, "regenerate")),
        )
        for app, reason in why.items()
    ]


def _without_markers(
    snapshot: Snapshot, apps: Iterable[str], hidden: Collection[NodeKey]
) -> dict[str, PlannedApp]:
    """By label, the apps in which both sides added one file, with one version of it: the one that
    is not `hidden`. On disk it has git's markers."""
    planned = {}
    for app in apps:
        nodes = snapshot.graph.app_nodes(app)
        if any(key.version for key in nodes):
            files = {k.name: source_of(snapshot, k) for k in sorted(nodes) if k not in hidden}
            names = {key.name for key in nodes}
            planned[snapshot.apps[app].label] = PlannedApp(files, sorted(names))
    return planned


class FinalAnswers(NamedTuple):
    """By app key, what sets what both sides set to what the models say, where anything is left to
    set; why there is no answer; and which of these apps have no project that could be asked."""

    migrations: dict[str, FinalMigration]
    unanswered: dict[str, str]
    without_project: set[str]


def final_migrations(
    workspace: Workspace, before: Snapshot, after: Snapshot, graph_changes: Sequence[GraphChange]
) -> FinalAnswers:
    """For apps in which both sides set something that a merge migration does not set.

    `after` is the tree as it is planned.
    """
    changes = {
        change.app: change
        for change in graph_changes
        if change.set_on_both_sides and (change.names or not change.merge)
    }
    found: dict[str, FinalMigration] = {}
    unanswered: dict[str, str] = {}
    without_project: set[str] = set()
    for project, apps in projects_of(workspace, before, sorted(changes)).items():
        if isinstance(project, NoProject):
            unanswered |= dict.fromkeys(apps, project.why)
            without_project |= set(apps)
            continue
        own = apps_of(before, project)
        planned = {after.apps[app].label: _planned(before, after, app) for app in own}
        wanted = {after.apps[app].label: final_wanted(after, changes[app]) for app in apps}
        answers = final_definitions(project, planned, wanted)
        for app in apps:
            label = after.apps[app].label
            answer = answers if isinstance(answers, Unanswered) else answers[label]
            if isinstance(answer, Unanswered):
                unanswered[app] = answer.why
            elif answer:
                found[app] = FinalMigration(wanted[label].name, answer)
    return FinalAnswers(found, unanswered, without_project)


def _planned(before: Snapshot, after: Snapshot, app: str) -> PlannedApp:
    """The app's files as they would be."""
    nodes = after.graph.app_nodes(app)
    names = {key.name for key in before.graph.app_nodes(app)}
    return PlannedApp({key.name: source_of(after, key) for key in nodes}, sorted(names))


def final_wanted(after: Snapshot, change: GraphChange) -> FinalWanted:
    """The name of a migration behind an app's leaf node, the leaf, and what it is to set."""
    leaf = after.graph.leaves(change.app)[0].name
    first = change.set_on_both_sides[0]
    title = f"alter_{first.model.partition('.')[2]}_{first.field or first.kind}"
    if len(change.set_on_both_sides) > 1:
        title += "_and_more"
    reserved = reserved_names(after, after.apps[change.app])
    return FinalWanted(name_behind(title, leaf, reserved), leaf, change.set_on_both_sides)

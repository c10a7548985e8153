"""The whole plan for all apps: decide, write in memory, look at the result, drop what fails."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from migmerge.analysis.compare import needs_old_state
from migmerge.analysis.snapshot import Snapshot, Tree, understand
from migmerge.analysis.workspace import Workspace
from migmerge.conflicts.conflict import Conflict
from migmerge.conflicts.next_commands import fix_command
from migmerge.migrations.naming import is_catch_up_name, migration_name
from migmerge.resolve.files import (
    UNRESTRICTED,
    Files,
    Restrictions,
    Texts,
    plan_files,
    reserved_names,
)
from migmerge.resolve.fix_plan import (
    FixPlan,
    FixStatus,
    GraphChange,
    Mention,
    PlanDraft,
    Refusal,
    Resolution,
    refused,
)
from migmerge.resolve.graph_changes import move_behind_regenerated
from migmerge.resolve.mentions import find_mentions
from migmerge.resolve.project_input import (
    ask_project,
    regenerate_files,
)
from migmerge.resolve.renamed_parents import with_renamed_parents
from migmerge.resolve.set_on_both_sides import (
    with_final_migrations,
    with_merged_definitions,
    with_notes_on_both_sides,
)
from migmerge.resolve.static_check import lost_migrations, problems
from migmerge.resolve.strategy import Decision, FixRequest, decide

_OTHERS = (
    "any other database must have run migrate with the files as they were, before it gets these: "
    "showmigrations has to show [X] for each of them"
)


class PreparedFix(NamedTuple):
    """A plan with the snapshot and the conflicts that it was made from, the leaf that each fixed
    app must end with, and paths that must be free.

    `uncommitted` are migrations of the fixed apps that HEAD lacks and the fix doesn't write:
    without them a commit of the fix would be broken.
    """

    plan: FixPlan
    snapshot: Snapshot
    leaves: Mapping[str, str]
    conflicts: Sequence[Conflict] = ()
    new_paths: frozenset[str] = frozenset()
    uncommitted: tuple[str, ...] = ()


def prepare_fix(
    workspace: Workspace,
    snapshot: Snapshot,
    conflicts: Sequence[Conflict],
    request: FixRequest,
    published: Collection[str],
) -> PreparedFix:
    """What to write for `conflicts`, with a refusal for each app that can't be fixed."""
    decision = decide(snapshot, conflicts, request)
    decision, reasons = with_renamed_parents(snapshot, decision, published, request)
    decision = _with_restored_files(snapshot, decision)
    plan = PlanDraft(list(decision.graph_changes), list(decision.refusals), dict(reasons))
    sided = {c.app.key: c for c in conflicts if c.assessment.verdict}
    plan = plan._replace(reasons={**plan.reasons, **{a: c.reasons for a, c in sided.items()}})

    # a strategy that is named is carried out, whatever Django thinks of the orders
    unsure = {app: c for app, c in sided.items() if request.of(app).strategy == "auto"}
    answers = ask_project(workspace, snapshot, plan.graph_changes, unsure)
    regenerated, failed = regenerate_files(workspace, snapshot, plan.graph_changes)
    plan = plan.refuse([*answers.refusals, *failed])
    plan = plan.with_reasons({app: (opinion,) for app, opinion in answers.django_results.items()})
    plan = with_merged_definitions(snapshot, plan, sided, answers.unanswered)
    plan = _with_kept_data_migrations(snapshot, plan, sided, regenerated)

    stale = [c.place.path for c in decision.stale_locks if c.place]
    merges = {**answers.merges, **{c.app: c.text for c in plan.graph_changes if c.text}}
    texts, restrictions = Texts(merges, regenerated), Restrictions(published, stale)
    files, plan = _plan_files(workspace, snapshot, plan, texts, restrictions)
    with_finals = with_final_migrations(workspace, snapshot, files, plan, sided)
    if with_finals != plan:
        files, plan = _plan_files(workspace, snapshot, with_finals, texts, restrictions)
    touched = set().union(*files.causes.values())
    plan = plan._replace(
        graph_changes=[c for c in plan.graph_changes if c.strategy != "repoint" or c.app in touched]
    )
    databases = {change.app: _about_databases(change, request) for change in plan.graph_changes}
    plan = with_notes_on_both_sides(plan).with_reasons(databases)
    plan = plan.with_reasons(_about_restored_files(snapshot, plan.graph_changes))
    plan = plan._replace(refusals=_with_restore_first(snapshot, plan.refusals))

    resolutions = [
        *_resolutions(workspace, snapshot, files, plan),
        *_lock_file_resolutions(decision, files, plan),
    ]
    old = {m.path for m in snapshot.graph.nodes.values()} - snapshot.restored.keys()
    targets = {path for path, change in files.changes.items() if change.data is not None}
    new_paths = {p for p in targets - old if p in files.created or p in files.renamed.values()}
    locked = {r.key for r in resolutions if r.strategy == "lock-file"}
    leaves = {app: snapshot.graph.leaves(app)[0].name for app in locked}
    return PreparedFix(
        FixPlan(files.changes, _sorted(resolutions)), snapshot, {**leaves, **files.leaves},
        conflicts, frozenset(new_paths), _uncommitted(workspace, snapshot, files),
    )  # fmt: skip


def _with_restored_files(snapshot: Snapshot, decision: Decision) -> Decision:
    """The decision with the apps in which nothing changes but that a file is restored."""
    decided = {change.app for change in decision.graph_changes}
    decided |= {refusal.app for refusal in decision.refusals}
    restored = {key.app for key, m in snapshot.graph.nodes.items() if m.path in snapshot.restored}
    changes = [
        GraphChange(app, "restore", {}, {}, leaf=snapshot.graph.leaves(app)[0].name)
        for app in sorted(restored - decided)
    ]
    return decision._replace(graph_changes=(*decision.graph_changes, *changes))


def _about_restored_files(
    snapshot: Snapshot, changes: Collection[GraphChange]
) -> dict[str, list[str]]:
    """By app key, what became of the files that are restored."""
    directories = {snapshot.apps[change.app].directory: change.app for change in changes}
    reasons: dict[str, list[str]] = {}
    for path, lost in sorted(snapshot.restored.items()):
        app = directories.get(path.rpartition("/")[0])
        if app:
            reasons.setdefault(app, []).append(f"{migration_name(path)} is restored: {lost.why}")
    return reasons


def _with_restore_first(snapshot: Snapshot, refusals: Collection[Refusal]) -> list[Refusal]:
    """What is refused of apps that lack files is to be looked at with these: they were not
    written."""
    nodes, restored = snapshot.graph.nodes.values(), snapshot.restored
    found = []
    for refusal in refusals:
        lost = [restored[m.path] for m in nodes if m.key.app == refusal.app and m.path in restored]
        commands = (*(file.restore for file in lost), fix_command(refusal.app))
        found.append(refusal._replace(next=commands) if lost else refusal)
    return found


def prepare_given(
    workspace: Workspace,
    snapshot: Snapshot,
    graph_changes: Sequence[GraphChange],
    refusals: Sequence[Refusal],
) -> PreparedFix:
    """What to write for graph changes that nothing but themselves decides; published files, too."""
    plan = PlanDraft(list(graph_changes), list(refusals), {})
    files, plan = _plan_files(workspace, snapshot, plan, Texts(), UNRESTRICTED)
    plan = plan.with_reasons({c.app: (_OTHERS,) for c in plan.graph_changes if c.without_replaces})
    resolutions = _sorted(_resolutions(workspace, snapshot, files, plan))
    return PreparedFix(FixPlan(files.changes, resolutions), snapshot, files.leaves)


def _plan_files(
    workspace: Workspace,
    snapshot: Snapshot,
    plan: PlanDraft,
    texts: Texts,
    restrictions: Restrictions,
) -> tuple[Files, PlanDraft]:
    """The files of the graph changes that can be made; the others are refused."""
    while True:
        files = plan_files(snapshot, plan.graph_changes, texts, restrictions)
        if isinstance(files, Refusal):
            refusal: Refusal | None = files
        else:
            refusal = _refuse_wrong_result(workspace, snapshot, files, plan)

        if refusal is None or refusal.app not in {c.app for c in plan.graph_changes}:
            break
        plan = plan.refuse([refusal])

    if isinstance(files, Refusal):
        # a refusal always names an app that changes
        raise AssertionError(files)  # pragma: no cover (a bug, which is to be seen as one)
    if refusal is not None:  # a fault outside the fixed apps: then nothing is written
        plan = plan.refuse([refusal._replace(app=change.app) for change in plan.graph_changes])
        files = Files()
    return files, plan


def _refuse_wrong_result(
    workspace: Workspace, snapshot: Snapshot, files: Files, plan: PlanDraft
) -> Refusal | None:
    """Look at the tree as it would be."""
    changed: dict[str, bytes | None] = dict.fromkeys(snapshot.restored)
    changed |= {path: change.data for path, change in files.changes.items()}
    after = understand(workspace, Tree("plan", snapshot.listing, changed))
    dropped = {key for change in plan.graph_changes for key in change.dropped}
    wrong = problems(snapshot, after, files.leaves)
    wrong += lost_migrations(snapshot, after, files.changes.keys(), dropped)
    if not wrong:
        return None
    app = wrong[0][0]
    reasons = tuple(text for key, text in wrong if key == app)
    return Refusal(app, "unverified", reasons, ("migmerge graph",))


def _about_databases(change: GraphChange, request: FixRequest) -> list[str]:
    """What databases that ran a renamed migration need."""
    if not change.carry:
        return []
    why = request.carried[change.app]
    return [f"old names are kept in replaces ({why}): every database needs migrate only"]


def _with_kept_data_migrations(
    snapshot: Snapshot,
    plan: PlanDraft,
    conflicts: Mapping[str, Conflict],
    regenerated: Mapping[str, Mapping[str, bytes]],
) -> PlanDraft:
    """Regenerated sides with their data migrations behind them; refused where one of these needs
    the old state."""
    changes: list[GraphChange] = []
    refusals: list[Refusal] = []
    for change in plan.graph_changes:
        if change.strategy != "regenerate":
            changes.append(change)
            continue

        files, conflict = regenerated[change.app], conflicts[change.app]
        blocked = needs_old_state(snapshot, conflict, change.kept_data_migrations, files)
        if blocked:
            reasons = [f"{key.name} needs the old state: {why}" for key, why in blocked.items()]
            commands = conflict.advice.commands
            refusals.append(Refusal(change.app, "not-remade", tuple(reasons), commands))
            continue
        reserved = reserved_names(snapshot, snapshot.apps[change.app])
        changes.append(move_behind_regenerated(snapshot.graph, change, list(files), reserved))

    return plan._replace(graph_changes=changes, refusals=[*plan.refusals, *refusals])


def _uncommitted(workspace: Workspace, snapshot: Snapshot, files: Files) -> tuple[str, ...]:
    """Migrations of the fixed apps that a commit of the fix would lack.

    In a stopped merge the commit takes all that is staged: then only untracked files count.
    """
    migrations = {m.path for m in snapshot.graph.nodes.values() if m.key.app in files.leaves}
    if workspace.stopped:
        committed = {path for path, file in snapshot.listing.files.items() if file.oid}
    else:
        head = workspace.head
        committed = set(workspace.list_commit(head).files) if head else set()

    there = migrations - snapshot.restored.keys()
    return tuple(sorted(there - committed - files.changes.keys()))


def _resolutions(
    workspace: Workspace, snapshot: Snapshot, files: Files, plan: PlanDraft
) -> list[Resolution]:
    """What happens to each app that is changed or refused."""
    apps = {app.directory: app.key for app in snapshot.apps.values()}
    resolutions = []
    for change in plan.graph_changes:
        paths = {path for path, causes in files.causes.items() if change.app in causes}
        renamed = {
            old: new
            for old, new in files.renamed.items()
            if apps.get(old.rpartition("/")[0]) == change.app
        }
        created = paths & set(files.created) - set(renamed.values())
        removed = {path for key, path in files.removed.items() if key in change.dropped}
        edited = paths - set(renamed.values()) - created - removed
        resolutions.append(
            Resolution(
                snapshot.apps[change.app].label,
                FixStatus.PLANNED,
                change.strategy,
                renamed,
                tuple(sorted(edited)),
                tuple(sorted(created)),
                tuple(sorted(removed)),
                _mentions(workspace, snapshot, files, change),
                plan.reasons.get(change.app, ()),
                key=change.app,
                carried=change.carry,
            )
        )

    resolutions += [refused(snapshot.apps[one.app].label, one) for one in plan.refusals]
    return resolutions


def _mentions(
    workspace: Workspace, snapshot: Snapshot, files: Files, change: GraphChange
) -> tuple[Mention, ...]:
    """Lines that name a renamed migration and that the fix does not change."""
    names = [key.name for key in (*change.names, *change.dropped) if not key.version]
    migrations = {m.path for m in snapshot.graph.nodes.values()} | set(files.changes)
    # the other side's file keeps the name: a migration that depends on it is right
    other_side = any(key.version for key in snapshot.graph.app_nodes(change.app))
    carried = change.carry or not snapshot.reused.keys().isdisjoint(change.names)
    mentions = []
    for mention in find_mentions(workspace.repository, names, files.changes):
        ours = mention.path in files.created or is_catch_up_name(migration_name(mention.path))
        replaces = carried and mention.text.startswith("replaces = ")
        if not (ours or replaces or (other_side and mention.path in migrations)):
            mentions.append(mention)

    return tuple(mentions)


def _lock_file_resolutions(decision: Decision, files: Files, plan: PlanDraft) -> list[Resolution]:
    """Apps of which nothing but a stale lock file is written."""
    done = {change.app for change in plan.graph_changes} | {one.app for one in plan.refusals}
    resolutions = []
    for conflict in decision.stale_locks:
        place, app = conflict.place.path if conflict.place else "", conflict.app
        if app.key not in done and place in files.changes:
            resolution = Resolution(app.label, FixStatus.PLANNED, "lock-file", key=app.key)
            if place in files.created:
                resolutions.append(resolution._replace(created=(place,)))
            else:
                resolutions.append(resolution._replace(edited=(place,)))
    return resolutions


def _sorted(resolutions: Collection[Resolution]) -> tuple[Resolution, ...]:
    return tuple(sorted(resolutions, key=lambda one: (one.key, one.status)))

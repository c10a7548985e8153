"""What both sides set, in the plan: by the project's models, by the files' text, or later."""

from __future__ import annotations

from collections.abc import Mapping

from migmerge.analysis.snapshot import Snapshot, Tree, understand
from migmerge.analysis.workspace import Workspace
from migmerge.conflicts.conflict import Conflict
from migmerge.migrations.merge_migration import merge_source
from migmerge.migrations.naming import merge_name
from migmerge.resolve.files import Files
from migmerge.resolve.final_definitions import merge_definitions
from migmerge.resolve.fix_plan import FinalMigration, GraphChange, PlanDraft, Refusal
from migmerge.resolve.project_input import final_migrations, final_wanted

_LEFT_TO_MAKEMIGRATIONS = (
    "models.py was not asked: {}; what both sides set is in no table, and makemigrations sets it "
    "later"
)
_MERGED_TEXTS = (
    "models.py was not asked: {}; what both sides set has the changes of both, as their files say"
)


def with_final_migrations(
    workspace: Workspace,
    snapshot: Snapshot,
    files: Files,
    plan: PlanDraft,
    conflicts: Mapping[str, Conflict],
) -> PlanDraft:
    """The plan with a migration behind each chain that has to set what both sides set."""
    if not any(change.set_on_both_sides for change in plan.graph_changes):
        return plan
    changed = {path: change.data for path, change in files.changes.items()}
    after = understand(workspace, Tree("plan", snapshot.listing, changed))
    answers = final_migrations(workspace, snapshot, after, plan.graph_changes)
    changes = []
    for change in plan.graph_changes:
        final = answers.migrations.get(change.app)
        if change.app in answers.without_project:
            final = _merged_migration(snapshot, after, conflicts[change.app], change)
        changes.append(change._replace(final=final))

    reasons = {app: (f"models.py was not asked: {why}",) for app, why in answers.unanswered.items()}
    return plan._replace(graph_changes=changes).with_reasons(reasons)


def _merged_migration(
    snapshot: Snapshot, after: Snapshot, conflict: Conflict, change: GraphChange
) -> FinalMigration | None:
    """What sets the three-way merge of both sides' texts behind a renumbered chain, where that is
    not what the chain sets. Of a custom field only the project could say that no table has it."""
    if not all(setting.certain for setting in change.set_on_both_sides):
        return None
    merged = merge_definitions(snapshot, conflict, renumbered=True)
    if not merged or isinstance(merged, Refusal):
        return None
    wanted = final_wanted(after, change)
    source = merge_source(conflict.app.label, [wanted.leaf], merged)
    return FinalMigration(wanted.name, source, merged=True)


def with_notes_on_both_sides(plan: PlanDraft) -> PlanDraft:
    """Before the reasons, of which there may be many: what becomes of what both sides set."""
    reasons = dict(plan.reasons)
    for change in plan.graph_changes:
        decided = "models.py says now"
        if change.final:
            name = change.final.name
            if change.final.merged:
                decided = "both changed, as their files say"
        elif change.merge and change.set_on_both_sides and not (change.names or change.text):
            name = merge_name(change.merge)
        else:
            continue

        note = f"{name} sets what both sides set to what {decided}"
        reasons[change.app] = (note, *reasons.get(change.app, ()))

    return plan._replace(reasons=reasons)


def with_merged_definitions(
    snapshot: Snapshot,
    plan: PlanDraft,
    conflicts: Mapping[str, Conflict],
    unanswered: Mapping[str, str],
) -> PlanDraft:
    """The merge migrations of these apps, for which no project was asked, set what both sides set
    to the three-way merge of their texts, or leave it to makemigrations."""
    changes, refusals = [], []
    reasons = dict(plan.reasons)
    for change in plan.graph_changes:
        why = unanswered.get(change.app)
        if why is not None:
            merged = merge_definitions(snapshot, conflicts[change.app])
            if isinstance(merged, Refusal):
                refusals.append(merged._replace(reasons=(*merged.reasons, why)))
                continue

            label = snapshot.apps[change.app].label
            text = merge_source(label, change.merge, merged) if merged else b""
            change = change._replace(set_on_both_sides=(), text=text)
            note = _MERGED_TEXTS if merged else _LEFT_TO_MAKEMIGRATIONS
            reasons[change.app] = (note.format(why), *reasons.get(change.app, ()))
        changes.append(change)

    refused = [*plan.refusals, *refusals]
    return plan._replace(graph_changes=changes, refusals=refused, reasons=reasons)

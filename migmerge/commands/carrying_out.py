"""What `fix` does once it is decided: write, verify, reconcile, commit; or put everything back."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence

from migmerge.commands.fix_options import FixOptions
from migmerge.config import Config
from migmerge.conflicts.model import Conflict
from migmerge.errors import UserError
from migmerge.git.commit import Committed, amend_paths, commit_paths
from migmerge.git.repository import Repository
from migmerge.git.snapshot import Snapshot, read_snapshot
from migmerge.git.state import stopped_operation
from migmerge.git.trees import list_index
from migmerge.project.ask import Answer, verify
from migmerge.project.databases import Renamed
from migmerge.project.run import undisturbed
from migmerge.report.fix import (
    FixReport,
    Verification,
)
from migmerge.resolve.asking import projects_of
from migmerge.resolve.model import Plan, Refusal, Resolution, refused
from migmerge.resolve.planning import Planned
from migmerge.resolve.proving import prove_fix
from migmerge.resolve.reconciling import (
    Sight,
    going_rows,
    in_sight,
    reconcile_in_sight,
    renamed_rows,
)
from migmerge.resolve.static import problems
from migmerge.resolve.transaction import Transaction, read_states
from migmerge.resolve.write import refuse_changed, refuse_unsafe, states_after

_HALF_WAY = (
    "files, and the names of rows, are as before; what ran in a database stays: migmerge db status"
)


def carry_out(
    repository: Repository,
    config: Config,
    snapshot: Snapshot,
    planned: Planned,
    conflicts: Sequence[Conflict],
    options: FixOptions,
    agreed: Callable[[Plan], bool],
) -> FixReport:
    """Ask by `agreed`, write, verify; the report says what was done."""
    verification = Verification()
    plan = planned.plan
    if not plan.changes:
        return FixReport(plan, verification, "", written=False)
    refuse_unsafe(repository, plan.changes, planned.new_paths)
    if (options.commit or options.amend) and planned.uncommitted:
        raise UserError(
            "commit",
            f"the commit would lack {', '.join(planned.uncommitted)}",
            "commit them first, or run fix without --commit",
        )
    names = renamed_rows(plan.resolutions, kept=options.carry)
    projects = projects_of(repository, config, snapshot, sorted(planned.leaves))
    sights = in_sight(projects, snapshot, names) if options.verify else []
    plan = _with_sights(plan, sights)
    held = in_sight(projects, snapshot, going_rows(plan.resolutions)) if options.verify else []
    if any(sight.rows for sight in held):
        return FixReport(_held(plan, held, conflicts), verification, "", written=False)
    if options.dry_run:
        return FixReport(plan, verification, "", written=False)
    if not options.yes and not agreed(plan):
        return FixReport(plan, verification, "nothing was written", written=False)
    before = read_states(repository, plan.changes)
    refuse_changed(before, {p: d for p, d in snapshot.contents.items() if p not in snapshot.theirs})
    after = states_after(repository, plan.changes, before)
    transaction = Transaction(repository, before, after)
    transaction.apply()
    try:
        verification = _verify(repository, config, snapshot, planned, conflicts, options)
        if verification.failed:
            transaction.roll_back()
            return FixReport(_failed(plan, verification), verification, "", written=False)
    except BaseException:
        with undisturbed():
            transaction.roll_back()
        raise
    transaction.finish()
    told = _reconcile(repository, config, transaction, sights, names)
    verification = verification._replace(reconciled=told)
    if verification.failed:
        return FixReport(_failed(plan, verification), verification, "", written=False)
    done = plan._replace(resolutions=tuple(_fixed(r) for r in plan.resolutions))
    try:
        committed = _commit(repository, done, options)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("the fix is written: migmerge undo takes it back") from None
    if committed:
        return FixReport(done, verification, committed.told, written=True, whole=committed.done)
    return FixReport(done, verification, _finish(repository, planned.uncommitted), written=True)


def _commit(repository: Repository, done: Plan, options: FixOptions) -> Committed | None:
    """What became of --commit or --amend; None where neither is asked for."""
    if options.amend:
        return amend_paths(repository, done.changes)
    if options.commit:
        text = _message(done, carried=options.carry)
        return commit_paths(repository, text, done.changes)
    return None


def _held(plan: Plan, held: Sequence[Sight], conflicts: Sequence[Conflict]) -> Plan:
    """Nothing is made again that a database has applied: it would run once more, on new columns."""
    told = tuple(
        f"database {sight.alias} has applied {', '.join(map('.'.join, sight.rows))}: made again it "
        "would run again, and what its columns hold would be lost"
        for sight in held
        if sight.rows
    )
    ways = {c.app.label: c.commands for c in conflicts if c.verdict == "contradict"}
    return plan._replace(
        resolutions=tuple(
            refused(
                r.app,
                Refusal(
                    r.app,
                    "applied",
                    told,
                    ways.get(r.app, (f"migmerge fix {shlex.quote(r.app)} --strategy renumber",)),
                ),
            )
            if r.status == "planned"
            else r
            for r in plan.resolutions
        )
    )


def _reconcile(
    repository: Repository,
    config: Config,
    transaction: Transaction,
    sights: Sequence[Sight],
    names: Sequence[Renamed],
) -> str:
    """Databases in sight follow the files, which go back where that fails.

    The files are in place by then: killed in between, `db reconcile` finishes it.
    """
    if not sights:
        return ""
    try:
        told = reconcile_in_sight(repository, read_snapshot(repository, config), sights, names)
    except BaseException as error:
        with undisturbed():
            transaction.revoke()
        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt(_HALF_WAY) from None
        raise
    if told.startswith("failed"):
        transaction.revoke()
    return told


def _with_sights(plan: Plan, sights: Sequence[Sight]) -> Plan:
    """The plan with what becomes of databases that have applied what is renamed."""
    told = [str(sight) for sight in sights]
    return plan._replace(
        resolutions=tuple(
            r._replace(reasons=(*r.reasons, *told)) if r.renamed else r for r in plan.resolutions
        )
    )


def _verify(
    repository: Repository,
    config: Config,
    before: Snapshot,
    planned: Planned,
    conflicts: Sequence[Conflict],
    options: FixOptions,
) -> Verification:
    after = read_snapshot(repository, config)
    wrong = problems(before, after, planned.leaves)
    if wrong:
        return Verification(static="failed: " + "; ".join(text for _, text in wrong))
    if not options.verify:
        return Verification("ok", "skipped: --no-verify", "skipped: --no-verify")
    answers, databases = [], []
    for project, apps in projects_of(repository, config, after, sorted(planned.leaves)).items():
        if isinstance(project, str):
            answers.append(Answer("skipped", project))
            databases.append(project)
            continue
        nodes = {
            after.apps[app].label: [k.name for k in after.graph.nodes if k.app == app]
            for app in apps
        }
        leaves = {after.apps[app].label: planned.leaves[app] for app in apps}
        answers.append(verify(project, nodes, leaves))
        if answers[-1].status == "ok":
            seconds, labels = config.verify_seconds, {after.apps[app].label for app in apps}
            strategies = {r.strategy for r in planned.plan.resolutions if r.app in labels}
            remade = "regenerate" in strategies
            told = prove_fix(project, before, after, conflicts, apps, seconds, remade=remade)
            databases.append(told)
    django = _worst([str(answer) for answer in answers])
    told = _worst(databases) if databases else django
    known = told.startswith(("ok", "skipped", "failed"))
    return Verification("ok", django, told if known else f"skipped: {told}")


def _worst(told: Sequence[str]) -> str:
    """What failed, else what was skipped, else the first; each begins with such a word."""
    return max(
        told, key=lambda text: text.startswith("skip") + 2 * text.startswith("fail"), default="ok"
    )


def _fixed(resolution: Resolution) -> Resolution:
    if resolution.status == "planned":
        return resolution._replace(status="fixed")
    return resolution


def _failed(plan: Plan, verification: Verification) -> Plan:
    """Everything was put back: what was planned is refused, with what went wrong."""
    reason = f"put back, since the result doesn't verify: {verification.failed}"
    hint = ("mend what it says, or run again with --no-verify",)
    if verification.reconciled.startswith("failed"):
        hint = ("mend what it says, or fix --strategy merge, which renames nothing",)
    return plan._replace(
        resolutions=tuple(
            refused(r.app, Refusal(r.app, "unverified", (reason, *r.reasons), hint))._replace(
                strategy=r.strategy
            )
            if r.status == "planned"
            else r
            for r in plan.resolutions
        )
    )


def _message(plan: Plan, *, carried: bool) -> str:
    labels = ", ".join(r.app for r in plan.resolutions if r.status == "fixed")
    lines = [f"Resolve migration conflicts in {labels}", ""]
    for resolution in plan.resolutions:
        lines += [f"{old} -> {new}" for old, new in sorted(resolution.renamed.items())]
        lines += [f"new: {path}" for path in resolution.created]
    if carried:
        lines += ["", "Where an old name was applied run migmerge db reconcile before migrate,",
                  "which would skip what comes before the renamed migrations."]  # fmt: skip
    return "\n".join(lines)


def _finish(repository: Repository, uncommitted: Sequence[str]) -> str:
    """What git waits for, and what it would leave out."""
    stopped = stopped_operation(repository)
    unmerged = sorted(list_index(repository).unmerged)
    if stopped and unmerged:
        return f"staged; resolve and git add {', '.join(unmerged)}, then {stopped.finish}"
    staged = list_index(repository).files
    untracked = [path for path in uncommitted if path not in staged]
    if untracked:
        return f"staged; git add {' '.join(untracked)}, then git commit"
    return f"staged; go on with {stopped.finish}" if stopped else "staged; look, then git commit"

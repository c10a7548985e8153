"""What `fix` does once it is decided: write, verify, reconcile, commit; or put everything back."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence

from migmerge.analysis.snapshot import Snapshot, read_snapshot
from migmerge.commands.exclusive import Held
from migmerge.commands.fix_options import FixOptions
from migmerge.config import Config
from migmerge.conflicts.conflict import Conflict
from migmerge.conflicts.next_commands import fix_command
from migmerge.databases.reconcile import (
    AffectedDatabase,
    RowsByApp,
    database_rows,
    find_affected,
    reconcile_affected,
    removed_rows,
    renamed_rows,
    untouched_rule,
)
from migmerge.errors import UserError
from migmerge.git.commit import Committed, amend_paths, commit_paths
from migmerge.git.process import unbroken
from migmerge.git.repository import Repository
from migmerge.git.state import stopped_operation
from migmerge.git.trees import list_index
from migmerge.project.configured_databases import Permission
from migmerge.project.outcome import Outcome, Status, combine, failed, skipped
from migmerge.project.questions import verify
from migmerge.project.run import undisturbed
from migmerge.report.fix import (
    FixReport,
    Verification,
)
from migmerge.report.screen import printable
from migmerge.resolve.fix_plan import FixPlan, Refusal, Resolution, refused
from migmerge.resolve.plan import PreparedFix
from migmerge.resolve.project_input import apps_of, projects_of
from migmerge.resolve.proof import prove_fix
from migmerge.resolve.static_check import problems
from migmerge.resolve.transaction import TAKE_BACK, TakenBack, Transaction, read_states
from migmerge.resolve.write import refuse_changed, refuse_unsafe, states_after

_HALF_WAY = (
    "files, and the names of rows, are as before; what ran in a database stays: migmerge db status"
)


def apply_fix(
    repository: Repository,
    config: Config,
    snapshot: Snapshot,
    planned: PreparedFix,
    conflicts: Sequence[Conflict],
    options: FixOptions,
    agreed: Callable[[FixPlan], bool],
    held: Held,
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
    names = renamed_rows(plan.resolutions)
    projects = projects_of(repository, config, snapshot, sorted(planned.leaves))
    rule = untouched_rule(no_databases=options.no_databases)
    affected, blocking = [], []
    if options.verify:
        allowed = Permission(options.databases, config.protected_databases)
        affected = find_affected(projects, names, allowed, rule)
        blocking = find_affected(projects, removed_rows(plan.resolutions), allowed, rule)
    plan = _with_databases(plan, affected)
    if any(database.rows for database in blocking):
        return FixReport(_held(plan, blocking, conflicts), verification, "", written=False)
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
        if affected and not verification.failed:
            configured = _reconcile(repository, config, transaction, affected, names)
            verification = verification._replace(configured=configured)
    except BaseException as error:
        with undisturbed():
            back = transaction.roll_back()
        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt(_interrupted(back, transaction)) from None
        raise
    if verification.failed:
        back = transaction.roll_back()
        return FixReport(
            _failed(plan, verification, back), verification, "", written=False,
            half_done=bool(back.stuck),
        )  # fmt: skip
    with unbroken():
        held.done = "the fix is written: migmerge undo takes it back"
        transaction.finish()
    done = plan._replace(resolutions=tuple(_fixed(r) for r in plan.resolutions))
    committed = _commit(repository, done, options)
    if committed:
        return FixReport(done, verification, committed.told, written=True, whole=committed.done)
    return FixReport(done, verification, _finish(repository, planned.uncommitted), written=True)


def _commit(repository: Repository, done: FixPlan, options: FixOptions) -> Committed | None:
    """What became of --commit or --amend; None where neither is asked for."""
    if options.amend:
        return amend_paths(repository, done.changes)
    if options.commit:
        text = _message(done)
        return commit_paths(repository, text, done.changes)
    return None


def _held(
    plan: FixPlan, held: Sequence[AffectedDatabase], conflicts: Sequence[Conflict]
) -> FixPlan:
    """Nothing is regenerated that a database has applied: it would run again, on new columns."""
    told = tuple(
        f"{database.name} has applied {', '.join(map('.'.join, database.rows))}: made again it "
        "would run again, and what its columns hold would be lost"
        for database in held
        if database.rows
    )
    ways = {c.app.key: c.commands for c in conflicts if c.verdict == "contradict"}
    return plan._replace(
        resolutions=tuple(
            refused(
                r.app,
                Refusal(
                    r.key,
                    "applied",
                    told,
                    ways.get(r.key, (fix_command(r.key, "renumber"),)),
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
    affected: Sequence[AffectedDatabase],
    names: RowsByApp,
) -> Outcome:
    """Affected databases follow the files; each is named, and in the journal, before."""
    rows = database_rows(affected, names)
    if rows:
        transaction.touch_databases(rows)
    for database in rows:
        print(printable(f"migmerge: renaming rows in {database.name}"), file=sys.stderr)
    return reconcile_affected(repository, read_snapshot(repository, config), affected, names)


def _interrupted(back: TakenBack, transaction: Transaction) -> str:
    """What is true after ^C."""
    if back.stuck or back.left:
        return "; ".join(back.lines)
    return _HALF_WAY if transaction.touches_databases else ""


def _with_databases(plan: FixPlan, affected: Sequence[AffectedDatabase]) -> FixPlan:
    """The plan with what becomes of databases that have applied what is renamed."""
    found = []
    for resolution in plan.resolutions:
        own = [str(database) for database in affected if resolution.key in database.apps]
        reasons = (*resolution.reasons, *own) if resolution.renamed else resolution.reasons
        found.append(resolution._replace(reasons=reasons))
    return plan._replace(resolutions=tuple(found))


def _verify(
    repository: Repository,
    config: Config,
    before: Snapshot,
    planned: PreparedFix,
    conflicts: Sequence[Conflict],
    options: FixOptions,
) -> Verification:
    after = read_snapshot(repository, config)
    wrong = problems(before, after, planned.leaves)
    if wrong:
        return Verification(failed("; ".join(text for _, text in wrong)))
    if not options.verify:
        unwanted = skipped("--skip-verification", waived=True)
        return Verification(Outcome(), unwanted, unwanted)
    answers: list[tuple[str, Outcome]] = []
    databases: list[tuple[str, Outcome]] = []
    for project, apps in projects_of(repository, config, after, sorted(planned.leaves)).items():
        if isinstance(project, str):
            answers.append((project, skipped(project)))
            databases.append((project, skipped("the Django project could not be run")))
            continue
        nodes = {
            after.apps[app].label: [k.name for k in after.graph.nodes if k.app == app]
            for app in apps
        }
        leaves = {after.apps[app].label: planned.leaves[app] for app in apps}
        answer = verify(project, nodes, leaves)
        answers.append((project.name, answer))
        if answer.status is not Status.OK:
            why = f"not tried, since Django {answer.status.value}"
            databases.append((project.name, skipped(why)))
            continue
        strategies = {r.strategy for r in planned.plan.resolutions if r.key in apps}
        proof = prove_fix(
            project, before, after, conflicts, apps, apps_of(after, project),
            config, remade="regenerate" in strategies,
        )  # fmt: skip
        databases.append((project.name, proof))
    return Verification(Outcome(), combine(answers), combine(databases))


def _fixed(resolution: Resolution) -> Resolution:
    if resolution.status == "planned":
        return resolution._replace(status="fixed")
    return resolution


def _failed(plan: FixPlan, verification: Verification, back: TakenBack) -> FixPlan:
    """Everything was put back: what was planned is refused, with what went wrong."""
    done = "not put back yet" if back.stuck else "put back"
    reasons = (f"{done}, since the result doesn't verify: {verification.failed}", *back.lines)
    hint = ("correct what it says, or run again with --skip-verification",)
    if verification.configured and verification.configured.status is Status.FAILED:
        hint = ("correct what it says, or fix --strategy merge, which renames nothing",)
    if back.stuck:
        hint = (TAKE_BACK,)
    return plan._replace(
        resolutions=tuple(
            refused(r.app, Refusal(r.key, "unverified", (*reasons, *r.reasons), hint))._replace(
                strategy=r.strategy
            )
            if r.status == "planned"
            else r
            for r in plan.resolutions
        )
    )


def _message(plan: FixPlan) -> str:
    labels = ", ".join(r.app for r in plan.resolutions if r.status == "fixed")
    dropped = any(r.strategy == "transition" for r in plan.resolutions)
    what = "Drop old names of migrations" if dropped else "Resolve migration conflicts"
    lines = [f"{what} in {labels}", ""]
    for resolution in plan.resolutions:
        lines += [f"{old} -> {new}" for old, new in sorted(resolution.renamed.items())]
        lines += [f"new: {path}" for path in resolution.created]
    return "\n".join(lines)


def _finish(repository: Repository, uncommitted: Sequence[str]) -> str:
    """What git waits for, and what it would leave out."""
    stopped = stopped_operation(repository)
    unmerged = sorted(list_index(repository).unmerged)
    if stopped and unmerged:
        return f"staged; resolve and git add {shlex.join(unmerged)}, then {stopped.finish}"
    staged = list_index(repository).files
    untracked = [path for path in uncommitted if path not in staged]
    if untracked:
        return f"staged; git add {shlex.join(untracked)}, then git commit"
    return f"staged; go on with {stopped.finish}" if stopped else "staged; look, then git commit"

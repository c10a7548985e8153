"""What `fix` does once it is decided: write, verify, reconcile, commit; or put everything back."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from migmerge.analysis.lost_files import revert_removal
from migmerge.analysis.snapshot import Snapshot, read_snapshot
from migmerge.analysis.workspace import Workspace
from migmerge.commands.exclusive import Held
from migmerge.commands.fix_options import FixOptions
from migmerge.commands.fix_terminal import agreed
from migmerge.conflicts.conflict import Conflict, Verdict
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
from migmerge.git.trees import list_index
from migmerge.migrations.naming import migration_name
from migmerge.project.configured_databases import Permission
from migmerge.project.interpreter import NoProject
from migmerge.project.outcome import Outcome, Status, combine, failed, skipped
from migmerge.project.questions import verify
from migmerge.project.run import undisturbed
from migmerge.project.scratch_servers import trial_of
from migmerge.report.fix import (
    FixReport,
    Verification,
)
from migmerge.report.screen import printable
from migmerge.resolve.fix_plan import FixPlan, FixStatus, Refusal, Resolution, refused
from migmerge.resolve.plan import PreparedFix
from migmerge.resolve.project_input import projects_of
from migmerge.resolve.proof import prove_fix
from migmerge.resolve.static_check import problems
from migmerge.resolve.transaction import TAKE_BACK, TakenBack, Transaction, read_states
from migmerge.resolve.write import refuse_changed, refuse_unsafe, states_after

_HALF_WAY = (
    "files, and the names of rows, are as before; what ran in a database stays: migmerge db status"
)


class _Databases(NamedTuple):
    """Configured databases that a fix is about: `affected` have applied what it renames (`names`),
    `blocking` what it removes, or may have."""

    names: RowsByApp
    affected: Sequence[AffectedDatabase] = ()
    blocking: Sequence[AffectedDatabase] = ()


def apply_fix(
    workspace: Workspace, prepared: PreparedFix, options: FixOptions, held: Held
) -> FixReport:
    """Ask, write, verify, reconcile, commit; the report says what was done."""
    repository, plan = workspace.repository, prepared.plan
    if not plan.changes:
        return FixReport(plan, Verification(), "", written=False)

    trial_of(workspace.config)  # a wrong server is reported before anything is written
    refuse_unsafe(repository, plan.changes, prepared.new_paths)
    _refuse_incomplete_commit(prepared, options)
    databases = _databases(workspace, prepared, options)
    plan = _with_databases(plan, databases.affected)
    if any(database.rows for database in databases.blocking):
        blocked = _blocked(plan, databases.blocking, prepared.conflicts)
        return FixReport(blocked, Verification(), "", written=False)
    if options.dry_run:
        return FixReport(plan, Verification(), "", written=False)
    if not options.yes and not agreed(repository, plan, options):
        return FixReport(plan, Verification(), "nothing was written", written=False)

    transaction = _write(repository, prepared)
    try:
        verification = _verify_and_reconcile(workspace, prepared, databases, transaction, options)
    except BaseException as error:
        with undisturbed():
            back = transaction.roll_back()

        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt(_interrupted(back, transaction)) from None
        raise

    if verification.failed:
        back = transaction.roll_back()
        refused_plan = _failed(
            plan, verification, back, _reverts(workspace, prepared, verification)
        )
        half_done = bool(back.stuck)
        return FixReport(refused_plan, verification, "", written=False, half_done=half_done)

    with unbroken():
        held.done = "the fix is written: migmerge undo takes it back"
        transaction.finish()

    done = plan._replace(resolutions=tuple(_fixed(r) for r in plan.resolutions))
    committed = _commit(repository, done, options)
    if committed:
        return FixReport(done, verification, committed.message, written=True, whole=committed.done)
    return FixReport(done, verification, _finish(workspace, prepared.uncommitted), written=True)


def _refuse_incomplete_commit(prepared: PreparedFix, options: FixOptions) -> None:
    if (options.commit or options.amend) and prepared.uncommitted:
        raise UserError(
            "commit",
            f"the commit would lack {', '.join(prepared.uncommitted)}",
            "commit them first, or run fix without --commit",
        )


def _databases(workspace: Workspace, prepared: PreparedFix, options: FixOptions) -> _Databases:
    """The configured databases that have applied what changes; none where nothing is verified."""
    resolutions = prepared.plan.resolutions
    names = renamed_rows(resolutions)
    if not options.verify:
        return _Databases(names)

    projects = projects_of(workspace, prepared.snapshot, sorted(prepared.leaves))
    rule = untouched_rule(no_databases=options.no_databases)
    allowed = Permission(options.databases, workspace.config.protected_databases)
    return _Databases(
        names,
        find_affected(projects, names, allowed, rule),
        find_affected(projects, removed_rows(resolutions), allowed, rule),
    )


def _write(repository: Repository, prepared: PreparedFix) -> Transaction:
    """The files and the index, as long as they are what the plan was made from."""
    snapshot, changes = prepared.snapshot, prepared.plan.changes
    before = read_states(repository, changes)
    read = {p: data for p, data in snapshot.contents.items() if p not in snapshot.theirs}
    refuse_changed(before, read)
    transaction = Transaction(repository, before, states_after(repository, changes, before))
    transaction.apply()
    return transaction


def _verify_and_reconcile(
    workspace: Workspace,
    prepared: PreparedFix,
    databases: _Databases,
    transaction: Transaction,
    options: FixOptions,
) -> Verification:
    """Look at what was written; where it is right, configured databases follow."""
    after = read_snapshot(workspace)
    verification = _verify(workspace, prepared, after, options)
    if verification.failed or not databases.affected:
        return verification

    # each database is named, and in the journal, before it is touched
    rows = database_rows(databases.affected, databases.names)
    if rows:
        transaction.touch_databases(rows)
    for database in rows:
        print(printable(f"migmerge: renaming rows in {database.name}"), file=sys.stderr)

    outcome = reconcile_affected(workspace.repository, after, databases.affected, databases.names)
    return verification._replace(configured=outcome)


def _commit(repository: Repository, done: FixPlan, options: FixOptions) -> Committed | None:
    """What became of --commit or --amend; None where neither is asked for."""
    if options.amend:
        return amend_paths(repository, done.changes)
    if options.commit:
        text = _message(done)
        return commit_paths(repository, text, done.changes)
    return None


def _blocked(
    plan: FixPlan, blocking: Sequence[AffectedDatabase], conflicts: Sequence[Conflict]
) -> FixPlan:
    """Nothing is regenerated that a database has applied: it would run again, on new columns."""
    reasons = tuple(
        f"{database.name} has applied {', '.join(map('.'.join, database.rows))}: made again it "
        "would run again, and what its columns hold would be lost"
        for database in blocking
        if database.rows
    )
    ways = {
        c.app.key: c.advice.commands
        for c in conflicts
        if c.assessment.verdict == Verdict.CONTRADICT
    }
    return plan._replace(
        resolutions=tuple(
            refused(
                r.app,
                Refusal(
                    r.key,
                    "applied",
                    reasons,
                    ways.get(r.key, (fix_command(r.key, "renumber"),)),
                ),
            )
            if r.status is FixStatus.PLANNED
            else r
            for r in plan.resolutions
        )
    )


def _interrupted(back: TakenBack, transaction: Transaction) -> str:
    """What is true after ^C."""
    if back.stuck or back.left:
        return "; ".join(back.lines)
    return _HALF_WAY if transaction.touches_databases else ""


def _with_databases(plan: FixPlan, affected: Sequence[AffectedDatabase]) -> FixPlan:
    """The plan with what becomes of databases that have applied what is renamed."""
    resolutions = []
    for resolution in plan.resolutions:
        # of a file that both sides added the other version stays
        kept = [old for old in resolution.renamed if (c := plan.changes.get(old)) and c.data]
        kept_names = {migration_name(path) for path in kept}
        sentences = [
            database.describe(kept_names)
            for database in affected
            if resolution.key in database.apps
        ]
        reasons = (*resolution.reasons, *sentences) if resolution.renamed else resolution.reasons
        resolutions.append(resolution._replace(reasons=reasons))
    return plan._replace(resolutions=tuple(resolutions))


def _verify(
    workspace: Workspace, prepared: PreparedFix, after: Snapshot, options: FixOptions
) -> Verification:
    """The files by our own graph, then by each project's Django, then with scratch databases."""
    wrong = problems(prepared.snapshot, after, prepared.leaves)
    if wrong:
        return Verification(failed("; ".join(text for _, text in wrong)))
    if not options.verify:
        unwanted = skipped("--skip-verification", waived=True)
        return Verification(Outcome(), unwanted, unwanted)

    django: list[tuple[str, Outcome]] = []
    databases: list[tuple[str, Outcome]] = []
    for project, apps in projects_of(workspace, after, sorted(prepared.leaves)).items():
        if isinstance(project, NoProject):
            django.append((project.why, skipped(project.why)))
            databases.append((project.why, skipped("the Django project could not be run")))
            continue

        nodes = {
            after.apps[app].label: [k.name for k in after.graph.nodes if k.app == app]
            for app in apps
        }
        leaves = {after.apps[app].label: prepared.leaves[app] for app in apps}
        checked = verify(project, nodes, leaves)
        django.append((project.name, checked))
        if checked.status is Status.OK:
            proof = prove_fix(workspace, project, prepared, after)
        else:
            proof = skipped(f"not tried, since Django {checked.status.value}")

        databases.append((project.name, proof))

    return Verification(Outcome(), combine(django), combine(databases))


def _fixed(resolution: Resolution) -> Resolution:
    if resolution.status is FixStatus.PLANNED:
        return resolution._replace(status=FixStatus.FIXED)
    return resolution


def _reverts(
    workspace: Workspace, prepared: PreparedFix, verification: Verification
) -> dict[str, tuple[str, ...]]:
    """By app key, the commands that bring back what was removed with a restored migration: where
    Django fails, models.py is most likely without what the migration makes."""
    if not (verification.django and verification.django.status is Status.FAILED):
        return {}
    nodes, restored = prepared.snapshot.graph.nodes, prepared.snapshot.restored
    reverts: dict[str, tuple[str, ...]] = {}
    for key in sorted(key for key in nodes if nodes[key].path in restored):
        commands = revert_removal(workspace, nodes[key].path)
        reverts[key.app] = tuple(dict.fromkeys((*reverts.get(key.app, ()), *commands)))
    return {app: (*commands, "migmerge check") for app, commands in reverts.items() if commands}


def _failed(
    plan: FixPlan,
    verification: Verification,
    back: TakenBack,
    reverts: Mapping[str, tuple[str, ...]],
) -> FixPlan:
    """Everything was put back: what was planned is refused, with what went wrong."""
    done = "not put back yet" if back.stuck else "put back"
    reasons = (f"{done}, since the result doesn't verify: {verification.failed}", *back.lines)
    return plan._replace(
        resolutions=tuple(
            refused(
                r.app,
                Refusal(
                    r.key,
                    "unverified",
                    (*reasons, *r.reasons),
                    _ways(r, verification, back, reverts.get(r.key, ())),
                ),
            )._replace(strategy=r.strategy)
            if r.status is FixStatus.PLANNED
            else r
            for r in plan.resolutions
        )
    )


def _ways(
    resolution: Resolution,
    verification: Verification,
    back: TakenBack,
    reverts: tuple[str, ...],
) -> tuple[str, ...]:
    """What to run after a verification that failed: the other strategy, unless Django finds a fault
    in the project as it is; or the same without verification."""
    if back.stuck:
        return (TAKE_BACK,)
    if reverts:
        return reverts
    if resolution.strategy == "transition":
        return (shlex.join(["migmerge", "verify", resolution.key]),)

    other = {"renumber": "merge", "merge": "renumber"}.get(resolution.strategy, "")
    named = resolution.strategy if other or resolution.strategy == "regenerate" else ""
    django_failed = verification.django and verification.django.status is Status.FAILED
    ways = [fix_command(resolution.key, other)] if other and not django_failed else []
    return (*ways, fix_command(resolution.key, named, "--skip-verification"))


def _message(plan: FixPlan) -> str:
    labels = ", ".join(r.app for r in plan.resolutions if r.status is FixStatus.FIXED)
    dropped = any(r.strategy == "transition" for r in plan.resolutions)
    what = "Drop old names of migrations" if dropped else "Resolve migration conflicts"
    lines = [f"{what} in {labels}", ""]
    for resolution in plan.resolutions:
        lines += [f"{old} -> {new}" for old, new in sorted(resolution.renamed.items())]
        lines += [f"new: {path}" for path in resolution.created]
    return "\n".join(lines)


def _finish(workspace: Workspace, uncommitted: Sequence[str]) -> str:
    """What git waits for, and what it would leave out."""
    stopped = workspace.stopped
    index = list_index(workspace.repository)
    if stopped and index.unmerged:
        unmerged = shlex.join(sorted(index.unmerged))
        return f"staged; resolve and git add {unmerged}, then {stopped.finish}"
    untracked = [path for path in uncommitted if path not in index.files]
    if untracked:
        return f"staged; git add {shlex.join(untracked)}, then git commit"
    return f"staged; go on with {stopped.finish}" if stopped else "staged; look, then git commit"

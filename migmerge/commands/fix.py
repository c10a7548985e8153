"""`migmerge fix`: resolve what `check` finds, all or nothing, and look at the result."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NamedTuple

from migmerge.commands.exclusive import exclusive
from migmerge.commands.named import app_named, says_yes
from migmerge.config import Config, read_config
from migmerge.conflicts.model import Conflict
from migmerge.errors import UserError
from migmerge.git.base import find_base
from migmerge.git.commit import amend_paths, commit_paths, refuse_amend
from migmerge.git.findings import Findings, find
from migmerge.git.renames import find_renames, find_taken
from migmerge.git.repository import Repository, find_repository
from migmerge.git.snapshot import Snapshot, read_snapshot, with_renames
from migmerge.git.state import stopped_operation
from migmerge.git.take import taken_leaves
from migmerge.git.trees import list_commit, list_index
from migmerge.migrations.model import NodeKey
from migmerge.project.ask import Answer, verify
from migmerge.project.databases import Renamed
from migmerge.report.fix import (
    FixReport,
    Verification,
    diff_text,
    report_json,
    report_text,
    resolutions_text,
)
from migmerge.resolve.asking import projects_of
from migmerge.resolve.decide import Wish
from migmerge.resolve.model import Plan, Resolution
from migmerge.resolve.planning import Planned, plan_all
from migmerge.resolve.proving import prove_fix
from migmerge.resolve.reconciling import Sight, in_sight, reconcile_in_sight, renamed_rows
from migmerge.resolve.static import problems
from migmerge.resolve.transaction import Transaction, read_states
from migmerge.resolve.write import refuse_changed, refuse_unsafe, states_after


class FixOptions(NamedTuple):
    """What the command line said."""

    directory: str
    config: str | None = None
    apps: tuple[str, ...] = ()
    strategy: str = "auto"
    move: tuple[str, ...] = ()
    take: str | None = None
    keep_names: bool = False
    carry: bool = False
    base: str | None = None
    dry_run: bool = False
    yes: bool = False
    commit: bool = False
    amend: bool = False
    verify: bool = True
    format: str = "text"


def fix(options: FixOptions) -> int:
    """0 when everything is fixed and verified, 1 when something is refused or doesn't verify."""
    repository = find_repository(options.directory)
    if repository.bare:
        raise UserError(f"{repository.root} is a bare repository", "run fix in a work tree")
    with exclusive(repository):
        return _fix(repository, options)


def _fix(repository: Repository, options: FixOptions) -> int:
    config = read_config(repository.root, options.config)
    snapshot = _as_meant(repository, config, read_snapshot(repository, config), options)
    moved = tuple(_name(name) for name in options.move)
    learn = options.strategy == "auto" and not options.keep_names
    found = find(repository, config, snapshot, options.base, moved, learn=learn)
    conflicts = _chosen(snapshot, found, options.apps)
    _check_move(conflicts, moved)
    strategy = options.strategy
    if (moved or options.carry) and strategy == "auto":
        strategy = "renumber"  # to name a side that moves is to ask for a move
    if options.carry and (strategy != "renumber" or options.keep_names):
        raise UserError("--carry goes with names that change", "fix --strategy renumber --carry")
    take = frozenset[NodeKey]()
    if options.take:
        strategy = _strategy_of_take(strategy, conflicts)
        take = taken_leaves(repository, snapshot, conflicts, _name(options.take))
    asks = _asks(options) and not options.yes
    wish = Wish(strategy, options.keep_names, found.prefer, asks, take, options.carry)
    planned = plan_all(repository, config, snapshot, conflicts, wish, _published(repository, found))
    if options.amend and planned.plan.changes:
        refuse_amend(repository, found.base.commit if found.base else "")
    report = _carry_out(repository, config, snapshot, planned, conflicts, options)
    return _tell(repository, report, options)


def _as_meant(
    repository: Repository, config: Config, snapshot: Snapshot, options: FixOptions
) -> Snapshot:
    """With migrations that somebody renamed under those that depend on them found again."""
    base = find_base(repository, options.base, config.base)
    renames = find_taken(repository, snapshot, base.commit if base else "")
    if snapshot.graph.missing:
        found = find_renames(repository, snapshot)
        renames = renames._replace(gone=found.gone, known=renames.known | found.known)
    asked = {name.rstrip("/") for name in options.apps}
    meant = {
        app.key
        for app in snapshot.apps.values()
        if not asked or asked & {app.label, app.directory, app.key}
    }
    gone, taken = (
        {key: node for key, node in names.items() if key.app in meant}
        for names in (renames.gone, renames.taken)
    )
    if not gone and not taken:
        return snapshot
    return with_renames(snapshot, renames._replace(gone=gone, taken=taken))


def _name(name: str) -> str:
    """`shop/migrations/0003_x.py`, `shop.0003_x` and `0003_x` all name a migration."""
    last = name.rpartition("/")[2]
    return last[: -len(".py")] if last.endswith(".py") else last.rpartition(".")[2]


def _chosen(snapshot: Snapshot, found: Findings, apps: Sequence[str]) -> list[Conflict]:
    """The conflicts of the named apps (labels, or directories where a label is ambiguous)."""
    keys = {app_named(snapshot, name).key for name in apps}
    return [c for c in found.conflicts if not apps or c.app.key in keys]


def _check_move(conflicts: Sequence[Conflict], moved: Sequence[str]) -> None:
    known = {k.name for c in conflicts for b in c.branches for k in b.nodes}
    for name in moved:
        if name not in known:
            raise UserError(f"--move {name}: no such migration in a conflict", "migmerge check")


def _strategy_of_take(strategy: str, conflicts: Sequence[Conflict]) -> str:
    """Like --move: to name a side is to ask for the merge migration that takes it."""
    if strategy not in ("auto", "merge"):
        raise UserError(f"--take goes with --strategy merge, not {strategy}", "leave one out")
    if not any(conflict.disputed for conflict in conflicts):
        raise UserError("--take: there is nothing that both sides set", "migmerge check")
    return "merge"


def _published(repository: Repository, found: Findings) -> frozenset[str]:
    if not found.base:
        return frozenset()
    return frozenset(list_commit(repository, found.base.commit).files)


def _carry_out(
    repository: Repository,
    config: Config,
    snapshot: Snapshot,
    planned: Planned,
    conflicts: Sequence[Conflict],
    options: FixOptions,
) -> FixReport:
    """Ask, write, verify; the report says what was done."""
    verification = Verification()
    plan = planned.plan
    if not plan.changes:
        return FixReport(plan, verification, "", written=False)
    refuse_unsafe(repository, plan.changes, planned.new_paths)
    if (options.commit or options.amend) and planned.uncommitted:
        raise UserError(
            f"the commit would lack {', '.join(planned.uncommitted)}",
            "commit them first, or run fix without --commit",
        )
    names = renamed_rows(plan.resolutions, kept=options.carry)
    projects = projects_of(repository, config, snapshot, sorted(planned.leaves))
    sights = in_sight(projects, snapshot, names) if options.verify else []
    plan = _with_sights(plan, sights)
    if options.dry_run or not (options.yes or _agreed(repository, plan, options)):
        return FixReport(plan, verification, "", written=False)
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
        transaction.roll_back()
        raise
    transaction.finish()
    told = _reconcile(repository, config, transaction, sights, names)
    verification = verification._replace(reconciled=told)
    if verification.failed:
        return FixReport(_failed(plan, verification), verification, "", written=False)
    done = plan._replace(resolutions=tuple(_fixed(r) for r in plan.resolutions))
    if options.commit or options.amend:
        committed = (
            amend_paths(repository, plan.changes)
            if options.amend
            else commit_paths(repository, _message(done, carried=options.carry), plan.changes)
        )
        return FixReport(done, verification, committed.told, written=True, whole=committed.done)
    return FixReport(done, verification, _finish(repository, planned.uncommitted), written=True)


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
    except BaseException:
        transaction.revoke()
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


def _asks(options: FixOptions) -> bool:
    return options.format == "text" and sys.stdin.isatty() and sys.stdout.isatty()


def _agreed(repository: Repository, plan: Plan, options: FixOptions) -> bool:
    """Ask on a terminal; without one, or in JSON, print the plan and stop."""
    if not _asks(options):
        report = FixReport(plan, Verification(), "", written=False)
        _tell(repository, report, options._replace(dry_run=True))
        raise UserError("nothing was written: there is no terminal to ask on", "add --yes")
    diff_text(repository, plan)
    reasons = [r for r in plan.resolutions if r.reasons]
    print(resolutions_text(reasons), end="")
    return says_yes("Write this?")


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
            Resolution(r.app, "refused", r.strategy, reasons=(reason, *r.reasons), next=hint)
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


def _tell(repository: Repository, report: FixReport, options: FixOptions) -> int:
    if options.format == "json":
        print(report_json(report))
    else:
        if options.dry_run:
            diff_text(repository, report.plan)
        text = report_text(report)
        print(text or "no conflicts", end="" if text else "\n")
    statuses = {resolution.status for resolution in report.plan.resolutions}
    if "refused" in statuses or not report.whole:
        return 1
    return 0 if report.written or options.dry_run or not report.plan.changes else 1

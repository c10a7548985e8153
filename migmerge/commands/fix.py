"""`migmerge fix`: resolve what `check` finds, all or nothing, and look at the result."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from migmerge.analysis.findings import Findings, analyse
from migmerge.analysis.lost_files import with_lost_files
from migmerge.analysis.renames import find_renames, find_taken
from migmerge.analysis.seen_elsewhere import seen_elsewhere
from migmerge.analysis.snapshot import Snapshot, read_snapshot, with_renames
from migmerge.analysis.taken_sides import taken_leaves
from migmerge.analysis.workspace import Workspace, open_workspace
from migmerge.commands.apply import apply_fix
from migmerge.commands.arguments_of_apps import keys_named, scope_of
from migmerge.commands.exclusive import Held, exclusive
from migmerge.commands.fix_options import FixOptions, is_interactive
from migmerge.commands.fix_terminal import print_report
from migmerge.commands.prompt import ask_carried, choose
from migmerge.conflicts.conflict import Conflict
from migmerge.errors import UserError
from migmerge.git.commit import refuse_amend
from migmerge.git.repository import Repository, find_work_tree
from migmerge.migrations.model import NodeKey
from migmerge.migrations.naming import migration_name
from migmerge.report.screen import printable
from migmerge.resolve.fix_plan import FixPlan, FixStatus, Resolution, refused
from migmerge.resolve.plan import PreparedFix, prepare_fix
from migmerge.resolve.strategy import FixRequest, catch_ups, refuse_broken, undecided

_NOTHING_LINEAR = (
    "--linear removes merge migrations that are not published, have no operations, and join a side "
    "with what is published, or with the side of --move NAME; there is none"
)


def fix(options: FixOptions) -> int:
    """0 when everything is fixed and verified, 1 when something is refused or doesn't verify."""
    repository = find_work_tree(options.directory, "fix")
    with exclusive(repository) as held:
        return _fix(repository, options, held)


class _Situation(NamedTuple):
    """What was asked for, and what was found."""

    workspace: Workspace
    snapshot: Snapshot
    findings: Findings
    options: FixOptions

    @property
    def interactive(self) -> bool:
        """Whether questions are asked."""
        return is_interactive(self.options) and not self.options.yes

    @property
    def carry(self) -> str:
        """Whether old names are kept: "auto", "always" or "never"."""
        return self.options.carry or self.workspace.config.carry


def _fix(repository: Repository, options: FixOptions, held: Held) -> int:
    workspace = open_workspace(repository, options.config, options.base)
    snapshot = read_snapshot(workspace)
    keys = keys_named(snapshot, options.apps, scope_of(repository, snapshot, options.directory))
    snapshot = _with_renames_found(workspace, snapshot, keys)
    moved = tuple(_name(name) for name in options.move)
    linear = keys if _is_linear(options) else frozenset()
    findings = _analyse(workspace, snapshot, moved, linear)
    lost = _lost_dependencies(findings.conflicts, keys)
    if lost:
        snapshot = with_lost_files(workspace, snapshot, lost)
        snapshot = _with_renames_found(workspace, snapshot, keys)
        findings = _analyse(workspace, snapshot, moved, linear)
    conflicts = [conflict for conflict in findings.conflicts if conflict.app.key in keys]
    _refuse_ambiguous(snapshot, conflicts)
    _check_move(conflicts, moved)

    situation = _Situation(workspace, snapshot, findings, options)
    request = _request(situation, conflicts)
    answer = _prepare(situation, conflicts, request)
    if answer is None:
        print("nothing was changed")
        return 1
    prepared, left = answer
    if options.amend and prepared.plan.changes:
        refuse_amend(repository, findings.base.commit if findings.base else "")

    report = apply_fix(workspace, prepared, options, held)
    left = (*left, *_left_as_they_are(conflicts, report.plan))
    report = report._replace(plan=_with_left(report.plan, left))
    code = print_report(repository, report, options)
    if options.linear and not (options.quiet or conflicts):
        print(f"note: {_NOTHING_LINEAR}", file=sys.stderr)
    if not options.quiet and any(c.app.key not in keys for c in findings.conflicts):
        top = shlex.quote(repository.root)
        where = "other apps: migmerge check" if options.apps else f"others: migmerge -C {top} check"
        print(printable(f"note: there are more in {where}"), file=sys.stderr)
    return code


def _analyse(
    workspace: Workspace, snapshot: Snapshot, moved: Collection[str], linear: Collection[str]
) -> Findings:
    # a published file is not edited, not even where all that is wrong is a name that is gone
    always_base = bool(snapshot.renamed)
    return analyse(workspace, snapshot, moved, always_base=always_base, linear=linear)


def _lost_dependencies(conflicts: Sequence[Conflict], keys: Collection[str]) -> set[NodeKey]:
    """Missing dependencies whose files git has."""
    return {
        key
        for conflict in conflicts
        if conflict.advice.recommendation == "restore"
        for key in conflict.missing
        if key.app in keys
    }


def _is_linear(options: FixOptions) -> bool:
    """Whether merge migrations that are not published make room; UserError where another strategy
    is named."""
    if options.linear and options.strategy not in ("auto", "renumber"):
        raise UserError(
            "options",
            f"--linear goes with --strategy renumber, not {options.strategy}",
            "leave one out",
        )
    return options.linear or (options.strategy == "renumber" and bool(options.apps))


def _request(situation: _Situation, conflicts: Sequence[Conflict]) -> FixRequest:
    """What the options ask for; UserError where they contradict each other."""
    options, strategy = situation.options, situation.options.strategy
    moves = options.move or options.linear or options.carry == "always"
    if moves and strategy == "auto":
        strategy = "renumber"  # to name a side that moves is to ask for a move
    if options.carry == "always" and strategy != "renumber":
        raise UserError(
            "options", "--carry goes with names that change", "fix --strategy renumber --carry"
        )

    take = frozenset[NodeKey]()
    if options.take:
        strategy = _strategy_of_take(strategy, conflicts)
        name = _name(options.take)
        take = taken_leaves(situation.workspace, situation.snapshot, conflicts, name)
    prefer, carried = situation.findings.prefer, _carried(situation, conflicts)
    return FixRequest(strategy, options.keep_names, prefer, situation.interactive, take, carried)


def _prepare(
    situation: _Situation, conflicts: Sequence[Conflict], request: FixRequest
) -> tuple[PreparedFix, tuple[Resolution, ...]] | None:
    """What to write, and what somebody at the terminal left as it is; None where they stopped."""
    workspace, snapshot, findings, options = situation
    asks = situation.interactive and not options.dry_run
    left: tuple[Resolution, ...] = ()
    if asks and request.strategy == "auto":
        chosen = choose(workspace, snapshot, findings, conflicts, request)
        if chosen is None:
            return None
        if chosen.conflicts != conflicts:  # some sides are known only now
            request = chosen.request._replace(carried=_carried(situation, chosen.conflicts))
        else:
            request = chosen.request
        conflicts, left = chosen.conflicts, chosen.left

    prepared = prepare_fix(workspace, snapshot, conflicts, request, findings.published)
    if asks and situation.carry == "auto":
        answered = ask_carried(_renamed(snapshot, prepared.plan, conflicts), request)
        if answered.carried.keys() != request.carried.keys():
            prepared = prepare_fix(workspace, snapshot, conflicts, answered, findings.published)
    return prepared, left


def _carried(situation: _Situation, conflicts: Sequence[Conflict]) -> Mapping[str, str]:
    """The apps whose renamed migrations keep their old names, each with why."""
    workspace, snapshot, findings, _ = situation
    base = findings.base.commit if findings.base else ""
    reasons = {}
    for conflict in undecided(conflicts):
        moving = [k for b in conflict.branches if b.side == "replayed" for k in b.nodes]
        if situation.carry == "never" or not moving or _one_name_for_two(snapshot, conflict):
            continue  # of two with one name only the tables show which one a database ran

        nodes = [snapshot.graph.nodes[key] for key in moving if key in snapshot.graph.nodes]
        if situation.carry == "always":
            why = "as asked for"
        elif any(node.header.replaces for node in nodes) or catch_ups(snapshot, conflict):
            why = "they were carried before"
        else:
            why = seen_elsewhere(workspace.repository, {node.path for node in nodes}, base)
        if why:
            reasons[conflict.app.key] = why
    return reasons


def _one_name_for_two(snapshot: Snapshot, conflict: Conflict) -> bool:
    """Whether databases record two migrations of the app under one name."""
    return conflict.kind == "path" or any(key.app == conflict.app.key for key in snapshot.reused)


def _renamed(
    snapshot: Snapshot, plan: FixPlan, conflicts: Sequence[Conflict]
) -> dict[str, dict[str, str]]:
    """App key -> old name -> new name, of the chains that can be carried."""
    sided = {c.app.key for c in undecided(conflicts) if not _one_name_for_two(snapshot, c)}
    return {
        r.key: {migration_name(old): migration_name(new) for old, new in sorted(r.renamed.items())}
        for r in plan.resolutions
        if r.renamed and r.strategy == "renumber" and r.key in sided
    }


def _left_as_they_are(conflicts: Sequence[Conflict], plan: FixPlan) -> list[Resolution]:
    """What stands in the way of nothing in apps that are fixed, and is wrong all the same."""
    done = {r.key for r in plan.resolutions if r.status is not FixStatus.REFUSED}
    left: dict[str, list[Conflict]] = {}
    for conflict in conflicts:
        if conflict.app.key in done and conflict.in_place:
            left.setdefault(conflict.app.key, []).append(conflict)
    return [refused(found[0].app.label, refuse_broken(found)) for found in left.values()]


def _with_left(plan: FixPlan, left: Sequence[Resolution]) -> FixPlan:
    """The plan with what somebody left as it is."""
    resolutions = sorted((*plan.resolutions, *left), key=lambda r: (r.key, r.status))
    return plan._replace(resolutions=tuple(resolutions))


def _with_renames_found(
    workspace: Workspace, snapshot: Snapshot, keys: Collection[str]
) -> Snapshot:
    """With migrations that somebody renamed under those that depend on them found again."""
    base = workspace.base
    renames = find_taken(workspace, snapshot, base.commit if base else "")
    if snapshot.graph.missing:
        missing = find_renames(workspace, snapshot)
        renames = renames._replace(
            gone=missing.gone,
            known_paths=renames.known_paths | missing.known_paths,
            squashes=missing.squashes,
        )

    gone, taken = (
        {key: node for key, node in names.items() if key.app in keys}
        for names in (renames.gone, renames.taken)
    )
    if not gone and not taken:
        return snapshot
    return with_renames(snapshot, renames._replace(gone=gone, taken=taken))


def _name(name: str) -> str:
    """`shop/migrations/0003_x.py`, `shop.0003_x` and `0003_x` all name a migration."""
    last = name.rpartition("/")[2]
    return last[: -len(".py")] if last.endswith(".py") else last.rpartition(".")[2]


def _refuse_ambiguous(snapshot: Snapshot, conflicts: Sequence[Conflict]) -> None:
    """UserError where it is not known which migrations depend on those of a conflict."""
    labels = {conflict.app.label for conflict in conflicts}
    directories = {conflict.app.directory for conflict in conflicts}
    for (label, directory), places in sorted(snapshot.oddities.ambiguous.items()):
        if label in labels or directory in directories:
            raise UserError(
                "same-label",
                f"the app label {label!r}, which {directory} depends on, is ambiguous: "
                f"{', '.join(places)}",
                "give one of them another label in [tool.migmerge] app_labels, "
                "or leave one out with exclude",
            )


def _check_move(conflicts: Sequence[Conflict], moved: Sequence[str]) -> None:
    names = {k.name for c in conflicts for b in c.branches for k in b.nodes}
    for name in moved:
        if name not in names:
            raise UserError(
                "unknown-side", f"--move {name}: no such migration in a conflict", "migmerge check"
            )


def _strategy_of_take(strategy: str, conflicts: Sequence[Conflict]) -> str:
    """Like --move: to name a side is to ask for the merge migration that takes it."""
    if strategy not in ("auto", "merge"):
        raise UserError(
            "options", f"--take goes with --strategy merge, not {strategy}", "leave one out"
        )
    if not any(conflict.assessment.set_on_both_sides for conflict in conflicts):
        raise UserError("options", "--take: there is nothing that both sides set", "migmerge check")
    return "merge"

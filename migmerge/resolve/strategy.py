"""Which strategy each app gets, by DESIGN's decision table."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from migmerge.analysis.compare import source_of
from migmerge.analysis.findings import BROKEN
from migmerge.analysis.reused_names import reused_names
from migmerge.analysis.snapshot import Snapshot
from migmerge.conflicts.conflict import Conflict, Verdict
from migmerge.conflicts.decision_table import choose_strategy
from migmerge.conflicts.duplicates import without_dropped
from migmerge.conflicts.next_commands import fix_command
from migmerge.migrations.catch_up import is_catch_up
from migmerge.migrations.merge_migration import is_empty_merge
from migmerge.migrations.model import NodeKey
from migmerge.resolve.files import reserved_names
from migmerge.resolve.final_definitions import final_definition_source
from migmerge.resolve.fix_plan import GraphChange, Refusal
from migmerge.resolve.graph_changes import merge, regenerate, renumber
from migmerge.resolve.new_names import NamingRules

_SIDED = ("siblings", "path")
_FIRST = (*BROKEN, "number", "case", "published-changed", "contradiction")


class Choice(NamedTuple):
    """What was chosen for one app, in place of what is requested for all."""

    strategy: str
    take: frozenset[NodeKey] = frozenset()


class FixRequest(NamedTuple):
    """What the user asked for; `interactive` that there is a terminal to confirm the plan on,
    `take` are the leaves of the sides whose definition holds, `chosen` what holds for single apps,
    by key.

    `carried` are the apps, by key, whose renamed files keep their old names in `replaces`, each
    with why.
    """

    strategy: str = "auto"
    keep_names: bool = False
    prefer: str = "auto"
    interactive: bool = False
    take: frozenset[NodeKey] = frozenset()
    carried: Mapping[str, str] = {}
    chosen: Mapping[str, Choice] = {}

    def of(self, app: str) -> FixRequest:
        """What is requested for this app."""
        choice = self.chosen.get(app)
        return self._replace(strategy=choice.strategy, take=choice.take) if choice else self


class Decision(NamedTuple):
    """The graph changes to make, what is refused, and lock files that are merely stale."""

    graph_changes: tuple[GraphChange, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    stale_locks: tuple[Conflict, ...] = ()


def decide(snapshot: Snapshot, conflicts: Iterable[Conflict], request: FixRequest) -> Decision:
    """A graph change or a refusal for every app that has a conflict."""
    changes: list[GraphChange] = []
    refusals: list[Refusal] = []
    stale: list[Conflict] = []
    for app, app_conflicts in _by_app(conflicts).items():
        first = [conflict for conflict in app_conflicts if conflict.kind in _FIRST]
        sided = undecided(app_conflicts)
        if first and not sided:
            refusals.append(refuse_broken(first))
        elif sided:
            answer = decide_one(snapshot, sided[0], request.of(app))
            if isinstance(answer, Refusal):
                refusals.append(answer)
            else:
                changes.append(answer)
        else:
            stale += [conflict for conflict in app_conflicts if conflict.kind == "lock-file"]

    return Decision(tuple(changes), tuple(refusals), tuple(stale))


def undecided(conflicts: Iterable[Conflict]) -> list[Conflict]:
    """Of each app the conflict that has sides, unless something has to be fixed before it."""
    conflicts_to_decide = []
    for app_conflicts in _by_app(conflicts).values():
        sided = sorted((c for c in app_conflicts if c.kind in _SIDED), key=lambda c: c.kind)
        first = [c for c in app_conflicts if c.kind in _FIRST and not c.in_place]
        if sided and not first:
            conflicts_to_decide.append(sided[0])
    return conflicts_to_decide


def _by_app(conflicts: Iterable[Conflict]) -> dict[str, list[Conflict]]:
    by_app: dict[str, list[Conflict]] = {}
    for conflict in sorted(without_dropped(conflicts), key=lambda c: c.app.key):
        by_app.setdefault(conflict.app.key, []).append(conflict)
    return by_app


def refuse_broken(conflicts: Sequence[Conflict]) -> Refusal:
    """The refusal of one app, by what has to be repaired before it can be fixed."""
    reasons: list[str] = []
    commands: list[str] = []
    for conflict in conflicts:
        place = conflict.place
        line = f":{place.line}" if place and place.line else ""
        where = f"{place.path}{line}: " if place else ""
        reasons.append(f"{where}{conflict.kind}: {'; '.join(conflict.reasons)}")
        commands += conflict.advice.commands
    return Refusal(conflicts[0].app.key, "first", tuple(reasons), tuple(dict.fromkeys(commands)))


def decide_one(
    snapshot: Snapshot, conflict: Conflict, request: FixRequest
) -> GraphChange | Refusal:
    """The graph change that one app's conflict gets, or why it gets none."""
    app, graph = conflict.app, snapshot.graph
    refusal = _refuse_squash(snapshot, conflict)
    if refusal:
        return refusal
    if request.strategy == "regenerate":
        return _refuse_published(conflict) or regenerate(graph, conflict)
    if conflict.assessment.verdict is Verdict.CONTRADICT:
        reasons = ("the sides contradict each other", *conflict.reasons)
        return Refusal(app.key, "contradict", reasons, conflict.advice.commands)

    if conflict.assessment.two_versions and not (
        request.interactive and request.strategy != "auto"
    ):
        return Refusal(app.key, "two-versions", conflict.reasons, conflict.advice.commands)

    reused = reused_names(snapshot.reused, app.key)
    if reused and request.strategy == "merge":
        return Refusal(app.key, "name-reused", reused, (fix_command(app.key, "renumber"),))

    strategy = request.strategy
    if strategy == "auto":
        prefer = "renumber" if request.keep_names else request.prefer
        strategy = choose_strategy(conflict, prefer, name_reused=bool(reused))

    # what both sides set is for the merged models to decide, or refused with what is recommended
    setting = conflict.assessment.set_on_both_sides
    undecided_setting = setting and not conflict.set_in_state_only and request.strategy == "auto"
    if strategy in ("merge", "regenerate") or undecided_setting:
        return _merge(snapshot, conflict, request)

    carry = app.key in request.carried
    removed = _empty_merges(snapshot, conflict)
    if carry:
        removed |= catch_ups(snapshot, conflict)
    rules = NamingRules(reserved_names(snapshot, app), request.keep_names, carry, removed)
    refusal = _refuse_published(conflict)
    if refusal:
        return refusal
    change = renumber(graph, conflict, rules)
    if isinstance(change, Refusal) or not conflict.set_in_state_only:
        return change
    return change._replace(set_on_both_sides=setting)


def _refuse_squash(snapshot: Snapshot, conflict: Conflict) -> Refusal | None:
    """Leaves that a squash hides, and one squash on both sides."""
    app, nodes = conflict.app, snapshot.graph.nodes
    if any(key not in snapshot.graph.parents for b in conflict.branches for key in b.nodes):
        return Refusal(app.key, "squash", conflict.reasons, conflict.advice.commands)
    dropped = [key for key, _ in conflict.assessment.duplicates if nodes[key].header.replaces]
    if dropped:
        reasons = ("both sides hold one squash", *conflict.reasons)
        away = f"git rm -- {shlex.quote(nodes[dropped[0]].path)}"
        return Refusal(app.key, "squash", reasons, (away, "migmerge check"))
    return None


def catch_ups(snapshot: Snapshot, conflict: Conflict) -> frozenset[NodeKey]:
    """The catch-up migrations of the sides that move, each behind one that moves, too; and one that
    is all of the side that stays, if it is not published. A squash may hide those of a side."""
    parents = snapshot.graph.parents
    moving = {k for b in conflict.branches if b.side == "replayed" for k in b.nodes}
    candidates = {key for key in moving if key in parents and parents[key] <= moving}
    stays = [b for b in conflict.branches if b.side == "onto" and b.published is False]
    candidates |= {branch.leaf for branch in stays if len(branch.nodes) == 1}
    label = conflict.app.label
    return frozenset(
        key
        for key in candidates
        if len(parents[key]) == 1 and is_catch_up(source_of(snapshot, key), key.name, label)
    )


def _empty_merges(snapshot: Snapshot, conflict: Conflict) -> frozenset[NodeKey]:
    """Merge migrations of the sides that move which join one line of these with what stays: behind
    it, that line needs none."""
    parents = snapshot.graph.parents
    moving = {
        key
        for branch in conflict.branches
        if branch.side == "replayed" and branch.published is False
        for key in branch.nodes
    }
    return frozenset(
        key
        for key in moving
        if len(parents[key]) > 1
        and len(parents[key] & moving) == 1
        and is_empty_merge(source_of(snapshot, key), key.name, conflict.app.label)
    )


def _refuse_published(conflict: Conflict) -> Refusal | None:
    """What the base branch has never moves."""
    names = [b.leaf.name for b in conflict.branches if b.side == "replayed" and b.published]
    if not names:
        return None
    reason = f"{', '.join(names)} would move, but is published"
    merge = fix_command(conflict.app.key, "merge")
    return Refusal(conflict.app.key, "published", (reason,), (merge,))


def _merge(snapshot: Snapshot, conflict: Conflict, request: FixRequest) -> GraphChange | Refusal:
    """A merge migration, with the final definition of what both sides set inside."""
    app, set_on_both_sides = conflict.app, conflict.assessment.set_on_both_sides
    joined = merge(snapshot.graph, conflict, reserved_names(snapshot, app))
    if isinstance(joined, Refusal) or not set_on_both_sides:
        return joined
    in_state_only = conflict.set_in_state_only
    impossible = joined.names and not in_state_only
    if impossible or any(setting.obstacle for setting in set_on_both_sides):
        reason = "no merge migration brings what both sides set to one value in every database"
        return Refusal(app.key, "unlike", (reason, *conflict.reasons), conflict.advice.commands)

    side = next((branch for branch in conflict.branches if branch.leaf in request.take), None)
    if side:
        text = final_definition_source(snapshot, conflict, side, joined.merge)
        return text if isinstance(text, Refusal) else joined._replace(text=text)
    if request.strategy == "auto" and not (request.interactive or in_state_only):
        reason = "both sides set the same thing: the merged models have to decide"
        command = fix_command(app.key, "merge")
        return Refusal(app.key, "undecided", (reason, *conflict.reasons), (command,))
    return joined._replace(set_on_both_sides=set_on_both_sides)

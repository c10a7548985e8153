"""The questions of `fix` on a terminal: one screen for each conflict, and a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from migmerge.analysis.authors import added_by, current_tips
from migmerge.analysis.findings import Findings
from migmerge.analysis.snapshot import Snapshot
from migmerge.analysis.workspace import Workspace
from migmerge.commands.arguments_of_apps import says_yes
from migmerge.conflicts.conflict import Conflict
from migmerge.report.prompt import KEYS, Seen, show_choice
from migmerge.resolve.fix_plan import Refusal, Resolution, refused
from migmerge.resolve.options import Option, options
from migmerge.resolve.strategy import Choice, FixRequest, undecided


class Chosen(NamedTuple):
    """The conflicts that are to be fixed, each with its sides as they are meant, what is requested,
    and what is left as it is."""

    conflicts: list[Conflict]
    request: FixRequest
    left: tuple[Resolution, ...] = ()


def choose(
    workspace: Workspace,
    snapshot: Snapshot,
    findings: Findings,
    conflicts: Sequence[Conflict],
    request: FixRequest,
) -> Chosen | None:
    """Ask about each conflict that has sides; None where the user wants to stop."""
    asked = undecided(conflicts)
    nodes = snapshot.graph.nodes
    leaves = {b.leaf for c in asked for b in c.branches if b.leaf in nodes}
    base = findings.base
    tips = [*current_tips(workspace), *([base.commit] if base else [])]
    added = added_by(workspace.repository, {(nodes[key].path, key.version) for key in leaves}, tips)
    seen = Seen(snapshot, base.name if base else None, added, findings.prefer)
    chosen: dict[str, Choice] = {}
    with_sides: dict[Conflict, Conflict] = {}
    left: list[Resolution] = []
    for index, conflict in enumerate(asked, 1):
        ways = options(snapshot, conflict, request)
        show_choice(conflict, ways, seen, f"{index} of {len(asked)}")
        key = _answer(ways)
        if key == "q":
            return None
        if key == "s":
            left.append(_left(conflict))
        else:
            option = next(option for option in ways if option.key == key)
            chosen[conflict.app.key] = option.choice
            with_sides[conflict] = option.conflict

    skipped = {conflict.app.key for conflict in asked} - chosen.keys()
    kept = [with_sides.get(c, c) for c in conflicts if c.app.key not in skipped]
    return Chosen(kept, request._replace(chosen=chosen), tuple(left))


def ask_carried(moves: Mapping[str, Mapping[str, str]], request: FixRequest) -> FixRequest:
    """Ask whether another database may have run what is renamed: (app key -> old name -> new name).

    What the rule says of it is the answer of Enter, and where input ends.
    """
    carried = dict(request.carried)
    for app, names in moves.items():
        old, new = next(iter(names.items()))
        why = carried.get(app, "")
        print(f"yes: {new} keeps the old name in `replaces`, with a catch-up migration behind it;")
        print("     every database needs `migrate` only")
        print("no:  renamed only; another database that ran it needs `migmerge db reconcile` first")
        print(f"Enter is {'yes: ' + why if why else 'no: no remote-tracking branch has it'}")
        question = f"May another database have run {old}: a colleague's, staging, a preview?"
        if says_yes(question, default=bool(why)):
            carried.setdefault(app, "as you said")
        else:
            carried.pop(app, None)

    return request._replace(carried=carried)


def _answer(ways: Sequence[Option]) -> str:
    """A key that means something; Enter is what is recommended, else s. Where input ends, q."""
    keys = [option.key for option in ways if not option.refused]
    best = next((option.key for option in ways if option.recommended), "s")
    while True:
        try:
            typed = input(f"{'/'.join([*keys, 's', 'q'])} [{best}]? ").strip().lower() or best
        except EOFError:
            print()
            return "q"

        if typed in (*keys, "s", "q"):
            return typed
        above = f"{', '.join(keys)}: what is said above; " if keys else ""
        print(f"{above}{KEYS}; Enter is {best}")


def _left(conflict: Conflict) -> Resolution:
    reasons = ("left as it is, as you chose",)
    return refused(
        conflict.app.label, Refusal(conflict.app.key, "left", reasons, conflict.advice.commands)
    )

"""What to do about a conflict, and the commands that do it."""

from __future__ import annotations

import shlex
from typing import NamedTuple

from migmerge.conflicts.commute import Pair, judge
from migmerge.conflicts.model import Conflict, Place
from migmerge.migrations.marks import Footprint

_CODE = ("RunPython", "RunSQL")


class Apart(NamedTuple):
    """Paths of the migrations that only one side has: of the side that stays, with what other
    apps build on it, and of the side that goes."""

    aside: tuple[str, ...] = ()
    going: tuple[str, ...] = ()


def recommend(
    conflict: Conflict, pairs: list[Pair], apart: Apart, prefer: str, asked_base: str | None
) -> Conflict:
    """The conflict with verdict, reasons, recommendation and commands.

    `pairs` are the footprints of each two branches; empty for kinds without sides, as is `apart`.
    The commands repeat `asked_base`, the `--base` that the user gave.
    """
    fix = f"migmerge fix {shlex.quote(conflict.app.key)}"
    if asked_base:
        fix += f" --base {shlex.quote(asked_base)}"
    if conflict.kind in ("siblings", "path"):
        return _two_sides(conflict, pairs, apart, prefer, fix)
    if conflict.kind == "lock-file":
        return conflict._replace(recommendation="manual", commands=(fix,))
    if conflict.kind == "unparsable" and conflict.place:
        return conflict._replace(commands=(f"$EDITOR {shlex.quote(conflict.place.path)}",))
    if conflict.kind == "missing-dependency" and conflict.place:
        name = conflict.reasons[0].split(" depends on ")[1].split(",")[0].split(".", 1)[1]
        command = f"git log --all --oneline --name-status -- {shlex.quote(f'*/{name}.py')}"
        return conflict._replace(commands=(command,))
    return conflict


def _going(conflict: Conflict, pairs: list[Pair]) -> list[Footprint]:
    """What is done by the migrations that the recipe removes."""
    stays = next((b for b in conflict.branches if b.side == "onto"), conflict.branches[0])
    nodes = {key for branch in conflict.branches for key in branch.nodes}
    names = {key.name for key in nodes.difference(stays.nodes)}
    return [f for pair in pairs for side in pair for f in side if f.migration in names]


def _price(going: list[Footprint]) -> tuple[str, ...]:
    """What rolling back and making again costs: told before anything runs."""
    found = set()
    for footprint in going:
        name = footprint.migration
        if footprint.operation in ("AddField", "CreateModel"):
            what = ".".join(part for part in (footprint.model, footprint.field) if part)
            found.add(f"migrating {name} back drops {what} with its data, where it is applied")
        if not footprint.reversible:
            found.add(f"{name} can't be migrated back: {footprint.operation} without a reverse")
        if footprint.operation in _CODE:
            found.add(f"{name} runs code: carry it over by hand, it is not made again")
    return tuple(sorted(found))


def _hidden_by_a_squash(conflict: Conflict, place: Place, fix: str) -> Conflict:
    """Only without the squash can its originals be joined; afterwards it is made again."""
    label = shlex.quote(conflict.app.label)
    commands = (
        f"git rm -- {shlex.quote(place.path)}",
        fix,
        f"python manage.py squashmigrations {label} FIRST LAST",
    )
    return conflict._replace(commands=commands)


def _two_sides(
    conflict: Conflict, pairs: list[Pair], apart: Apart, prefer: str, fix: str
) -> Conflict:
    judgement = judge(pairs)
    sided = any(branch.side == "replayed" for branch in conflict.branches)
    twins = tuple(
        f"{key.name} has the same content as {kept.name}, which is enough; a database that has "
        f"applied it needs UPDATE django_migrations SET name = '{kept.name}' "
        f"WHERE app = '{conflict.app.label}' AND name = '{key.name}'"
        for key, kept in conflict.twins
    )
    reasons = conflict.reasons + judgement.reasons + twins
    done = conflict._replace(verdict=judgement.verdict, reasons=reasons)
    if conflict.kind == "siblings" and conflict.place:
        return _hidden_by_a_squash(done, conflict.place, fix)
    if judgement.verdict == "contradict":
        return done._replace(
            recommendation="regenerate",
            reasons=done.reasons + _price(_going(conflict, pairs)),
            commands=_rollback(conflict, apart),
        )
    done = done._replace(disputed=judgement.disputed)
    if judgement.disputed and conflict.kind == "siblings":
        return done._replace(recommendation="merge", commands=(f"{fix} --strategy merge",))
    if sided and (prefer == "renumber" or conflict.kind == "path"):
        return done._replace(recommendation="renumber", commands=(f"{fix} --strategy renumber",))
    named = "" if judgement.verdict == "commute" else " --strategy merge"
    return done._replace(recommendation="merge", commands=(fix + named,))


def _rollback(conflict: Conflict, apart: Apart) -> tuple[str, ...]:
    """Undo the side that goes in this database, then let Django make it again on the other.

    `migrate` refuses to go anywhere while there are two leaf nodes, so the files of the side
    that stays are put aside meanwhile. One chain: after a step that fails the next would lose data.
    """
    label = shlex.quote(conflict.app.label)
    ancestor = conflict.common_ancestor.name if conflict.common_ancestor else "zero"
    aside, going = shlex.join(apart.aside), shlex.join(apart.going)
    back = f"python manage.py migrate {label} {shlex.quote(ancestor)}"
    again = (f"python manage.py makemigrations {label}", f"python manage.py migrate {label}")
    if conflict.kind == "path" and conflict.place:
        path = shlex.quote(conflict.place.path)
        stays = next((b for b in conflict.branches if b.side == "onto"), conflict.branches[0])
        theirs = any(key.version for key in stays.nodes)
        first, then = ("--ours", "--theirs") if theirs else ("--theirs", "--ours")
        steps = [f"git checkout {first} -- {path}", back, f"git checkout {then} -- {path}"]
        steps += [f"git add -- {path}", *again]
    else:
        away = f'for f in {aside}; do mv -- "$f" "$f.aside"; done'
        home = f'for f in {aside}; do mv -- "$f.aside" "$f"; done'
        steps = [away, back, home, f"git rm -- {going}", *again]
    return (" && ".join(steps),)

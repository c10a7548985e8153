"""What to do about a conflict, and the commands that do it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import NamedTuple

from migmerge.conflicts.commute import Pair, compare_sides
from migmerge.conflicts.conflict import Conflict, Place
from migmerge.conflicts.decision_table import choose_strategy
from migmerge.conflicts.kept_data_migrations import CODE, kept_data_migrations
from migmerge.conflicts.next_commands import fix_command
from migmerge.migrations.model import NodeKey
from migmerge.migrations.naming import migration_name
from migmerge.migrations.recorder import Footprint

# what makemigrations finds by itself; a rename it would make a removal and an addition
FOUND = (
    "CreateModel", "DeleteModel", "AddField", "RemoveField", "AlterField", "AlterModelOptions",
    "AlterModelManagers", "AlterModelTable", "AlterModelTableComment", "AlterUniqueTogether",
    "AlterIndexTogether", "AlterOrderWithRespectTo", "AddIndex", "RemoveIndex", "AddConstraint",
    "RemoveConstraint", "AlterConstraint",
)  # fmt: skip


class SideFiles(NamedTuple):
    """Paths of the migrations that only one side has: of the side that stays, with what other
    apps build on it, and of the side that goes."""

    aside: tuple[str, ...] = ()
    going: tuple[str, ...] = ()


class Evidence(NamedTuple):
    """What the sides' files say: the footprints of each two branches, where the files are, and a
    sentence for each old name that another migration has by now. Empty for kinds without sides."""

    pairs: Sequence[Pair] = ()
    side_files: SideFiles = SideFiles()
    reused: tuple[str, ...] = ()


def recommend(
    conflict: Conflict, evidence: Evidence, prefer: str, asked_base: str | None
) -> Conflict:
    """The conflict with verdict, reasons, recommendation and commands.

    The commands repeat `asked_base`, the `--base` that the user gave.
    """
    base = ("--base", asked_base) if asked_base else ()
    fix = fix_command(conflict.app.key, "", *base)
    if conflict.kind in ("siblings", "path"):
        return _two_sides(conflict, evidence, prefer, fix)
    if conflict.kind == "lock-file":
        return conflict._replace(recommendation="manual", commands=(fix,))
    if conflict.kind == "number":
        return conflict._replace(commands=("migmerge explain number",))
    path = conflict.place.path if conflict.place else conflict.app.directory
    if conflict.kind == "case":
        new = f"{path[: -len('.py')]}_2.py"
        return conflict._replace(commands=(f"git mv -- {shlex.quote(path)} {shlex.quote(new)}",))
    if conflict.kind == "missing-dependency":
        name = conflict.reasons[0].split(" depends on ")[1].split(",")[0].split(".", 1)[1]
        command = f"git log --all --oneline --name-status -- {shlex.quote(f'*/{name}.py')}"
        return conflict._replace(commands=(command,))
    return conflict._replace(commands=(f"$EDITOR {shlex.quote(path)}",))  # unparsable, cycle


def _going(conflict: Conflict, pairs: Sequence[Pair]) -> list[Footprint]:
    """What is done by the migrations that the recipe removes."""
    nodes = {key for branch in conflict.branches for key in branch.nodes}
    names = {conflict.shown(key) for key in nodes.difference(conflict.stays.nodes)}
    return [f for pair in pairs for side in pair for f in side if f.migration in names]


def _lasts(footprint: Footprint) -> bool:
    """Whether makemigrations would not regenerate it as it was."""
    return bool(footprint.opaque) or footprint.operation not in FOUND or not footprint.whole


def _price(going: list[Footprint], kept: set[str]) -> tuple[str, ...]:
    """What rolling back and making again costs: told before anything runs."""
    found = set()
    for footprint in going:
        name = footprint.migration
        if footprint.operation in ("AddField", "CreateModel"):
            what = ".".join(part for part in (footprint.model, footprint.field) if part)
            found.add(f"migrating {name} back drops {what} with its data, where it is applied")
        if not footprint.reversible:
            found.add(f"{name} can't be migrated back: {footprint.operation} without a reverse")
        if name in kept:
            found.add(
                f"{name} is a data migration: it is kept and moved after the regenerated migrations"
            )
        elif footprint.operation in CODE:
            found.add(f"{name} is a data migration: copy it by hand, it is not regenerated")
    return tuple(sorted(found))


def _hidden_by_a_squash(conflict: Conflict, place: Place, fix: str) -> Conflict:
    """Only without the squash can its originals be joined; afterwards it is regenerated."""
    label = shlex.quote(conflict.app.label)
    commands = (
        f"git rm -- {shlex.quote(place.path)}",
        fix,
        f"python manage.py squashmigrations {label} FIRST LAST",
    )
    return conflict._replace(commands=commands)


def _twice(conflict: Conflict, key: NodeKey, kept: NodeKey) -> str:
    if key.name == kept.name:
        return f"both sides added {key.name} with the same content"
    return (
        f"{key.name} has the same content as {kept.name}, which is enough; "
        "a database that has applied it needs migmerge db reconcile"
    )


def _two_sides(conflict: Conflict, evidence: Evidence, prefer: str, fix: str) -> Conflict:
    pairs, reused = evidence.pairs, evidence.reused
    judgement = compare_sides(pairs)
    duplicates = tuple(_twice(conflict, key, kept) for key, kept in conflict.duplicates)
    reasons = reused + conflict.reasons + judgement.reasons + duplicates
    going = _going(conflict, pairs)
    carry = kept_data_migrations(conflict, pairs)
    kept = {key.name for key in carry}
    lasts = {f"{f.migration} holds {f.operation}" for f in going if _lasts(f)}
    lasting = sorted(text for text in lasts if text.partition(" ")[0] not in kept)
    done = conflict._replace(
        verdict=judgement.verdict,
        reasons=reasons,
        lasting=tuple(lasting),
        disputed=judgement.disputed,
        kept_data_migrations=carry,
    )
    if conflict.kind == "siblings" and conflict.place:
        return _hidden_by_a_squash(done, conflict.place, fix)

    strategy = choose_strategy(done, prefer, name_reused=bool(reused))
    done = done._replace(recommendation=strategy)
    if strategy == "manual":
        renumber = f"{fix} --strategy renumber --base"  # who goes first keeps the name
        return done._replace(commands=(f"{renumber} HEAD", f"{renumber} MERGE_HEAD"))
    if strategy == "regenerate":
        unlike = [f"{d.kind} of {d.model}: {d.unlike}" for d in judgement.disputed if d.unlike]
        return done._replace(
            reasons=(*done.reasons, *unlike, *_price(going, kept)),
            commands=_rollback(done, evidence.side_files, going, fix),
        )
    by_itself = strategy == "merge" and judgement.verdict == "commute" and not judgement.disputed
    return done._replace(commands=(fix if by_itself else f"{fix} --strategy {strategy}",))


def _rollback(
    conflict: Conflict, side_files: SideFiles, going: list[Footprint], fix: str
) -> tuple[str, ...]:
    """Undo the side that goes in this database, then regenerate it on top of the other.

    `migrate` refuses to go anywhere while there are two leaf nodes, so the files of the side
    that stays are put aside meanwhile. One chain: after a step that fails the next would lose data.
    """
    label = shlex.quote(conflict.app.label)
    ancestor = conflict.common_ancestor.name if conflict.common_ancestor else "zero"
    back = f"python manage.py migrate {label} {shlex.quote(ancestor)}"
    if conflict.kind == "path" and conflict.place:
        path = shlex.quote(conflict.place.path)
        theirs = any(key.version for key in conflict.stays.nodes)
        first, then = ("--ours", "--theirs") if theirs else ("--theirs", "--ours")
        steps = [f"git checkout {first} -- {path}", back, f"git checkout {then} -- {path}"]
        steps += [f"git add -- {path}", f"python manage.py makemigrations {label}"]
    else:
        aside = shlex.join(side_files.aside)
        steps = [f'for f in {aside}; do mv -- "$f" "$f.aside"; done', back]
        steps += [f'for f in {aside}; do mv -- "$f.aside" "$f"; done']
        steps += _again(conflict, side_files, going, fix)
    return (" && ".join([*steps, f"python manage.py migrate {label}"]),)


def _again(
    conflict: Conflict, side_files: SideFiles, going: list[Footprint], fix: str
) -> list[str]:
    """Files with code or a rename are edited by hand; the others are regenerated."""
    if conflict.stays.side == "onto" and not conflict.lasting:
        return [f"{fix} --strategy regenerate --yes"]
    by_hand = {footprint.migration for footprint in going if _lasts(footprint)}
    files = [path for path in side_files.going if migration_name(path) in by_hand]
    others = [path for path in side_files.going if path not in files]
    steps = [f"git rm -- {shlex.join(others)}"] if others else []
    steps += [f"$EDITOR {shlex.join(files)}"] if files else []
    return [*steps, f"python manage.py makemigrations {shlex.quote(conflict.app.label)}"]

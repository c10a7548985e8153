"""What to do about a conflict, and the commands that do it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from typing import NamedTuple

from migmerge.conflicts.commute import Pair, compare_sides
from migmerge.conflicts.conflict import Advice, Conflict, Operation, Verdict
from migmerge.conflicts.decision_table import choose_strategy
from migmerge.conflicts.kept_data_migrations import CODE, kept_data_migrations
from migmerge.conflicts.next_commands import ManageCommand, fix_command
from migmerge.conflicts.rollback_recipe import SideFiles, rollback_recipe
from migmerge.conflicts.two_versions import (
    describe_two_versions,
    find_two_versions,
    keep_one_commands,
)
from migmerge.migrations.model import NodeKey
from migmerge.migrations.recorder import Footprint

# what makemigrations finds by itself; a rename it would make a removal and an addition
REGENERABLE = (
    "CreateModel", "DeleteModel", "AddField", "RemoveField", "AlterField", "AlterModelOptions",
    "AlterModelManagers", "AlterModelTable", "AlterModelTableComment", "AlterUniqueTogether",
    "AlterIndexTogether", "AlterOrderWithRespectTo", "AddIndex", "RemoveIndex", "AddConstraint",
    "RemoveConstraint", "AlterConstraint",
)  # fmt: skip


class Evidence(NamedTuple):
    """What the sides' files say: the footprints of each two branches, where the files are, a
    sentence for each old name that another migration has by now, and how alike two migrations are,
    in per cent; and how the project's manage.py is run. Empty for kinds without sides."""

    pairs: Sequence[Pair] = ()
    side_files: SideFiles = SideFiles()
    reused: tuple[str, ...] = ()
    likeness: Callable[[NodeKey, NodeKey], int] = lambda ours, theirs: 0
    manage: ManageCommand = ManageCommand()


def recommend(
    conflict: Conflict, evidence: Evidence, prefer: str, asked_base: str | None
) -> Conflict:
    """The conflict with its assessment, reasons and advice.

    The commands repeat `asked_base`, the `--base` that the user gave.
    """
    base = ("--base", asked_base) if asked_base else ()
    fix = fix_command(conflict.app.key, "", *base)
    if conflict.kind in ("siblings", "path"):
        return _two_sides(conflict, evidence, prefer, fix)
    return conflict._replace(advice=Advice(commands=(_command_without_sides(conflict, fix),)))


def _command_without_sides(conflict: Conflict, fix: str) -> str:
    """What to run, or to edit, for a finding that is in one file."""
    path = conflict.place.path if conflict.place else conflict.app.directory
    if conflict.kind == "lock-file":
        return fix
    if conflict.kind == "number":
        return "migmerge explain number"
    if conflict.kind == "case":
        new = f"{path[: -len('.py')]}_2.py"
        return f"git mv -- {shlex.quote(path)} {shlex.quote(new)}"
    if conflict.kind == "unmerged" and conflict.branches[0].published is not None:
        keep = "add" if conflict.branches[0].published else "rm"  # as the base branch has it
        return f"git {keep} -- {shlex.quote(path)}"
    if conflict.kind == "overlapping-squashes" and not conflict.missing:
        return f"git rm -- {shlex.quote(path)}"
    if conflict.kind == "missing-dependency":
        file = shlex.quote(f"*/{conflict.missing[0].name}.py")
        return f"git log --all --oneline --name-status -- {file}"
    return f"$EDITOR {shlex.quote(path)}"  # unparsable, cycle, what only this squash stands for


def _two_sides(conflict: Conflict, evidence: Evidence, prefer: str, fix: str) -> Conflict:
    judgement = compare_sides(evidence.pairs)
    moving = _moving(conflict, evidence.pairs)
    kept = kept_data_migrations(conflict, evidence.pairs)
    kept_names = {key.name for key in kept}
    not_regenerable = {
        Operation(footprint.migration, footprint.operation)
        for footprint in moving
        if not _is_regenerable(footprint) and footprint.migration not in kept_names
    }
    assessment = conflict.assessment._replace(
        verdict=judgement.verdict,
        set_on_both_sides=judgement.set_on_both_sides,
        not_regenerable=tuple(sorted(not_regenerable)),
        kept_data_migrations=kept,
        two_versions=find_two_versions(conflict, evidence.pairs, evidence.likeness),
    )
    versions = tuple(describe_two_versions(conflict, one) for one in assessment.two_versions)
    duplicates = tuple(_duplicate_text(*pair) for pair in assessment.duplicates)
    reasons = (
        *evidence.reused, *conflict.reasons, *versions, *judgement.reasons, *duplicates,
    )  # fmt: skip
    assessed = conflict._replace(assessment=assessment, reasons=reasons)

    if conflict.kind == "siblings" and conflict.place:
        return assessed._replace(advice=_hidden_by_a_squash(conflict, evidence.manage, fix))

    if assessment.two_versions and judgement.verdict is not Verdict.CONTRADICT:
        return assessed._replace(advice=Advice(commands=keep_one_commands(assessed)))

    strategy = choose_strategy(assessed, prefer, name_reused=bool(evidence.reused))
    if strategy == "regenerate":
        set_on_both_sides = [place for place in judgement.set_on_both_sides if place.obstacle]
        not_mergeable = [
            f"{place.kind} of {place.model}: {place.obstacle}" for place in set_on_both_sides
        ]
        reasons = (*reasons, *not_mergeable, *_price(moving, kept_names))
        by_hand = {f.migration for f in moving if not _is_regenerable(f)}
        commands = rollback_recipe(assessed, evidence.side_files, by_hand, evidence.manage, fix)
        return assessed._replace(reasons=reasons, advice=Advice(strategy, commands))

    return assessed._replace(advice=Advice(strategy, _commands(assessed, strategy, fix)))


def _commands(conflict: Conflict, strategy: str, fix: str) -> tuple[str, ...]:
    """The command that makes `fix` do it."""
    if strategy == "manual":
        renumber = f"{fix} --strategy renumber --base"  # who goes first keeps the name
        return f"{renumber} HEAD", f"{renumber} MERGE_HEAD"
    assessment = conflict.assessment
    commutes = assessment.verdict is Verdict.COMMUTE and not assessment.set_on_both_sides
    by_itself = strategy == "merge" and commutes
    return (fix if by_itself else f"{fix} --strategy {strategy}",)


def _moving(conflict: Conflict, pairs: Sequence[Pair]) -> list[Footprint]:
    """What is done by the migrations that a rollback removes."""
    nodes = {key for branch in conflict.branches for key in branch.nodes}
    names = {conflict.shown(key) for key in nodes.difference(conflict.stays.nodes)}
    return [f for pair in pairs for side in pair for f in side if f.migration in names]


def _is_regenerable(footprint: Footprint) -> bool:
    """Whether makemigrations would make it again as it was."""
    return not footprint.opaque and footprint.operation in REGENERABLE and footprint.whole


def _price(moving: list[Footprint], kept: set[str]) -> tuple[str, ...]:
    """What rolling back and regenerating costs: reported before anything runs."""
    lines = set()
    for footprint in moving:
        name = footprint.migration
        if footprint.operation in ("AddField", "CreateModel"):
            what = ".".join(part for part in (footprint.model, footprint.field) if part)
            lines.add(f"migrating {name} back drops {what} with its data, where it is applied")

        if not footprint.reversible:
            lines.add(f"{name} can't be migrated back: {footprint.operation} without a reverse")
        if name in kept:
            lines.add(
                f"{name} is a data migration: it is kept and moved after the regenerated migrations"
            )
        elif footprint.operation in CODE:
            lines.add(f"{name} is a data migration: copy it by hand, it is not regenerated")

    return tuple(sorted(lines))


def _hidden_by_a_squash(conflict: Conflict, manage: ManageCommand, fix: str) -> Advice:
    """Only without the squash can its originals be joined; afterwards it is regenerated."""
    path = conflict.place.path if conflict.place else ""
    squash = manage.run("squashmigrations", conflict.app.label, "FIRST", "LAST")
    return Advice(commands=(f"git rm -- {shlex.quote(path)}", fix, squash))


def _duplicate_text(key: NodeKey, kept: NodeKey) -> str:
    if key.name == kept.name:
        return f"both sides added {key.name} with the same content"
    return (
        f"{key.name} has the same content as {kept.name}, which is enough; "
        "a database that has applied it needs migmerge db reconcile"
    )

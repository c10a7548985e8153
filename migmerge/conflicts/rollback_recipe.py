"""The shell commands that take the side which goes back in one database, then make it again."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from typing import NamedTuple

from migmerge.conflicts.conflict import Conflict
from migmerge.conflicts.next_commands import ManageCommand
from migmerge.migrations.naming import migration_name


class SideFiles(NamedTuple):
    """The paths of migrations that only one side has.

    - `aside`: for each chain that is rolled back, the files of all other chains, with what other
      apps build on them. Each group is put aside meanwhile.
    - `removed`: those of the chains that are rolled back.
    - `collided`: those that both sides added.
    """

    aside: tuple[tuple[str, ...], ...] = ()
    removed: tuple[str, ...] = ()
    collided: tuple[str, ...] = ()


def rollback_recipe(
    conflict: Conflict,
    side_files: SideFiles,
    by_hand: Collection[str],
    manage: ManageCommand,
    fix: str,
) -> tuple[str, ...]:
    """One command line: after a step that fails, the next one would lose data.

    `migrate` goes nowhere while it sees two leaf nodes, so the files of the other chains are put
    aside meanwhile. The subshell restores them, whether or not it gets to its end. `by_hand` are
    names of migrations that makemigrations does not make again.
    """
    steps = [_roll_back(conflict, side_files, files, manage) for files in side_files.aside]
    if side_files.collided:
        kept = shlex.join(side_files.collided)
        steps += [f"git checkout {_sides(conflict)[0]} -- {kept}", f"git add -- {kept}"]

    steps += _make_again(conflict, side_files, by_hand, manage, fix)
    return (" && ".join([*steps, manage.run("migrate", conflict.app.label)]),)


def _roll_back(
    conflict: Conflict, side_files: SideFiles, aside: Sequence[str], manage: ManageCommand
) -> str:
    """Migrate back to the common ancestor with the files of a single chain."""
    ancestor = conflict.common_ancestor.name if conflict.common_ancestor else "zero"
    back = manage.run("migrate", conflict.app.label, ancestor)
    setup, restore = [], []
    if side_files.collided:
        collided = shlex.join(side_files.collided)
        setup.append(f"git checkout {_sides(conflict)[1]} -- {collided}")
        restore.append(f"git checkout --merge -- {collided}")
    if aside:
        files = shlex.join(aside)
        setup.append(f'for f in {files}; do mv -- "$f" "$f.aside"; done')
        restore.append(f'for f in {files}; do mv -- "$f.aside" "$f"; done')

    trap = f"trap {shlex.quote('; '.join(restore))} EXIT"
    return f"({' && '.join([trap, *setup, back])})"


def _sides(conflict: Conflict) -> tuple[str, str]:
    """The options of `git checkout` for the version that stays, and for the one that goes."""
    return ("--theirs", "--ours") if conflict.stays_is_theirs else ("--ours", "--theirs")


def _make_again(
    conflict: Conflict,
    side_files: SideFiles,
    by_hand: Collection[str],
    manage: ManageCommand,
    fix: str,
) -> list[str]:
    """Files with code or a rename are edited by hand; the others are regenerated."""
    one_moves = conflict.stays.side == "onto"
    if one_moves and not conflict.assessment.not_regenerable:
        return [f"{fix} --strategy regenerate --yes"]

    edited = [path for path in side_files.removed if migration_name(path) in by_hand]
    others = [path for path in side_files.removed if path not in edited]
    # in a stopped merge git has them in its index only
    remove = "git rm -f" if side_files.collided else "git rm"
    steps = [f"{remove} -- {shlex.join(others)}"] if others else []
    steps += [f"$EDITOR {shlex.join(edited)}"] if edited else []
    return [*steps, manage.run("makemigrations", conflict.app.label)]

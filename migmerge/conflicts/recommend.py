"""What to do about a conflict, and the commands that do it."""

from __future__ import annotations

import shlex

from migmerge.conflicts.commute import Pair, judge
from migmerge.conflicts.model import Conflict


def recommend(
    conflict: Conflict, pairs: list[Pair], prefer: str, asked_base: str | None
) -> Conflict:
    """The conflict with verdict, reasons, recommendation and commands.

    `pairs` are the footprints of each two branches; empty for kinds without sides. The
    commands repeat `asked_base`, the `--base` that the user gave.
    """
    fix = f"migmerge fix {shlex.quote(conflict.app.key)}"
    if asked_base:
        fix += f" --base {shlex.quote(asked_base)}"
    if conflict.kind in ("siblings", "path"):
        return _two_sides(conflict, pairs, prefer, fix)
    if conflict.kind == "lock-file":
        return conflict._replace(recommendation="manual", commands=(fix,))
    if conflict.kind == "unparsable" and conflict.place:
        return conflict._replace(commands=(f"$EDITOR {shlex.quote(conflict.place.path)}",))
    if conflict.kind == "missing-dependency" and conflict.place:
        name = conflict.reasons[0].split(" depends on ")[1].split(",")[0].split(".", 1)[1]
        command = f"git log --all --oneline --name-status -- {shlex.quote(f'*/{name}.py')}"
        return conflict._replace(commands=(command,))
    return conflict


def _two_sides(conflict: Conflict, pairs: list[Pair], prefer: str, fix: str) -> Conflict:
    judgement = judge(pairs)
    sided = any(branch.side == "replayed" for branch in conflict.branches)
    done = conflict._replace(verdict=judgement.verdict, reasons=judgement.reasons)
    if judgement.verdict == "contradict":
        return done._replace(recommendation="regenerate", commands=_rollback(conflict))
    if conflict.kind == "path" and not sided:
        either = (f"{fix} --base HEAD", f"{fix} --base MERGE_HEAD")
        return done._replace(recommendation="manual", commands=either)
    if judgement.diverges or prefer == "renumber" or conflict.kind == "path":
        if sided:
            return done._replace(
                recommendation="renumber", commands=(f"{fix} --strategy renumber",)
            )
        if judgement.diverges:
            commands = (f"{fix} --strategy renumber --move {shlex.quote(_last(conflict))}",)
            return done._replace(recommendation="manual", commands=commands)
    named = "" if judgement.verdict == "commute" else " --strategy merge"
    return done._replace(recommendation="merge", commands=(fix + named,))


def _last(conflict: Conflict) -> str:
    return conflict.branches[-1].leaf.name


def _rollback(conflict: Conflict) -> tuple[str, ...]:
    """Roll back to the common ancestor, remove one side's files, and let Django make them again."""
    label = shlex.quote(conflict.app.label)
    onto = [branch for branch in conflict.branches if branch.side == "onto"]
    stays = set(onto[0].nodes) if onto else set(conflict.branches[0].nodes)
    going = {key.name for branch in conflict.branches for key in branch.nodes if key not in stays}
    files = " ".join(shlex.quote(f"{conflict.app.directory}/{name}.py") for name in sorted(going))
    ancestor = conflict.common_ancestor.name if conflict.common_ancestor else "zero"
    return (
        f"python manage.py migrate {label} {shlex.quote(ancestor)}",
        f"git rm -- {files}",
        f"python manage.py makemigrations {label}",
        f"python manage.py migrate {label}",
    )

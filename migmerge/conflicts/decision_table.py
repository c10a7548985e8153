"""The decision table: what is done about a conflict where nobody asks for a strategy.

`check` recommends by it and `fix` acts by it, so that they can't disagree.
"""

from __future__ import annotations

from typing import Literal

from migmerge.conflicts.conflict import Conflict, Verdict

Strategy = Literal["merge", "renumber", "regenerate", "manual"]


def choose_strategy(conflict: Conflict, prefer: str, *, name_reused: bool = False) -> Strategy:
    """The strategy for a conflict whose sides, verdict, disputes and duplicates are known.

    `prefer` is what the team does; `name_reused` that another migration has an old name that one of
    the app's migrations replaces. `manual`: no strategy of ours fits.
    """
    if conflict.kind not in ("siblings", "path"):
        return "manual"
    if conflict.kind == "siblings" and conflict.place:
        return "manual"  # hidden by a squash

    verdict, set_on_both_sides, duplicates, *_ = conflict.assessment
    if verdict is Verdict.CONTRADICT or any(place.obstacle for place in set_on_both_sides):
        return "regenerate"

    sided = any(branch.side == "replayed" for branch in conflict.branches)
    # a merge migration leaves the names as they are; of two equal files one is dropped
    collided = conflict.kind == "path"
    names_must_change = collided or name_reused
    if not sided and (name_reused or (collided and not duplicates)):
        return "manual"
    if set_on_both_sides and not names_must_change and not conflict.set_in_state_only:
        return "merge"  # with the final definition inside

    if sided and (names_must_change or prefer == "renumber"):
        return "renumber"
    return "merge"

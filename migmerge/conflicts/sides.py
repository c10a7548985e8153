"""Which side of a conflict stays (onto) and which moves (replayed).

Not ours or theirs: what the base branch already has stays.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from migmerge.conflicts.conflict import Branch
from migmerge.migrations.model import NodeKey
from migmerge.migrations.naming import is_catch_up_name


def decide_sides(
    branches: tuple[Branch, ...],
    published: Collection[object] | None,
    moved: Collection[str] = (),
    elsewhere: Mapping[NodeKey, str] = {},
) -> tuple[Branch, ...]:
    """The branches with `published` and `side` set.

    `published` holds the node keys that the base branch has; None when there is no base.
    `moved` names migrations whose branch the user wants to move (`--move`). `elsewhere` are those
    of `published` that the base has not, each with the ref that has it.
    """
    with_published = [
        branch._replace(
            published=_is_published(branch, published),
            published_on=next((elsewhere[key] for key in branch.nodes if key in elsewhere), ""),
        )
        for branch in branches
    ]
    if moved:
        moving = [
            branch for branch in with_published if any(key.name in moved for key in branch.nodes)
        ]
    else:
        moving = [branch for branch in with_published if branch.published is False]

    staying = [branch for branch in with_published if branch not in moving]
    behind = [branch for branch in with_published if _is_catch_up(branch)]
    if not moved and len(behind) == 1 and not any(branch.published for branch in with_published):
        # what stood behind a chain that has grown since, as in a rebase: it makes room
        staying = behind
    elif len(staying) != 1 or not (moved or staying[0].published):
        return tuple(with_published)

    return tuple(
        branch._replace(side="onto" if branch in staying else "replayed")
        for branch in with_published
    )


def _is_catch_up(branch: Branch) -> bool:
    return all(is_catch_up_name(key.name) for key in branch.nodes)


def _is_published(branch: Branch, published: Collection[object] | None) -> bool | None:
    if published is None:
        return None
    there = {key in published for key in branch.nodes}
    return there.pop() if len(there) == 1 else None

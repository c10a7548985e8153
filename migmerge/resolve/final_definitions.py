"""What sets what both sides set, where the project's models are not asked: one of the sides, or a
three-way merge of both."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import NamedTuple

from migmerge.analysis.compare import source_of
from migmerge.analysis.snapshot import Snapshot
from migmerge.conflicts.conflict import Branch, Conflict, SetOnBothSides
from migmerge.conflicts.next_commands import fix_command
from migmerge.migrations.merge_migration import (
    NotMovable,
    Setting,
    find_setting,
    merge_source,
    settle,
    with_value,
)
from migmerge.migrations.merged_definitions import TwoMeanings, find_definition, merge_values
from migmerge.migrations.model import NodeKey
from migmerge.migrations.operations import Script, read_script
from migmerge.resolve.fix_plan import Refusal

_Scripts = Sequence[tuple[Script, bytes]]
_STORED = ("field", "db_table_comment")  # the rest is only in Django's state


def final_definition_source(
    snapshot: Snapshot, conflict: Conflict, taken: Branch, leaves: Sequence[str]
) -> bytes | Refusal:
    """Written from the sides' own operations, with those of `taken` last."""
    settings = _settings(snapshot, conflict, taken)
    wrong = [setting.why for setting in settings if isinstance(setting, NotMovable)]
    if wrong:
        reasons = tuple(f"{taken.leaf.name} can't be taken: {text}" for text in wrong)
        others = [branch for branch in conflict.branches if branch != taken]
        return Refusal(conflict.app.key, "unlike", reasons, _other_ways(snapshot, conflict, others))
    movable = [setting for setting in settings if isinstance(setting, Setting)]
    return merge_source(conflict.app.label, leaves, movable)


def _settings(snapshot: Snapshot, conflict: Conflict, taken: Branch) -> list[Setting | NotMovable]:
    taken_scripts = _scripts(snapshot, taken)
    others = [_scripts(snapshot, branch) for branch in conflict.branches if branch != taken]
    return [
        _settle(set_on_both_sides, taken_scripts, others)
        for set_on_both_sides in conflict.assessment.set_on_both_sides
    ]


def _other_ways(
    snapshot: Snapshot, conflict: Conflict, others: Sequence[Branch]
) -> tuple[str, ...]:
    """To take another side that can be taken, to ask the models, or to let the side that moves come
    last."""
    app = conflict.app.key
    takes = []
    for branch in others:
        settings = _settings(snapshot, conflict, branch)
        if all(isinstance(setting, Setting) for setting in settings):
            takes.append(fix_command(app, "", "--take", branch.leaf.name))
    renumber = [fix_command(app, "renumber")] if conflict.only_onto else []
    return (*takes, fix_command(app, "merge"), *renumber)


def merge_definitions(
    snapshot: Snapshot, conflict: Conflict, *, renumbered: bool = False
) -> list[Setting] | Refusal | None:
    """What sets everything that both sides set to what both of them changed; of sides that are
    `renumbered` only what the one that moves does not set so itself.

    A Refusal where they give one key two values; None where the text does not say.
    """
    if len(conflict.branches) != 2:
        return None

    onto = conflict.stays
    other = next(branch for branch in conflict.branches if branch != onto)
    base = _scripts(snapshot, Branch(tuple(_before(snapshot, conflict))))
    sides = _scripts(snapshot, onto), _scripts(snapshot, other)
    settings = []
    for place in conflict.assessment.set_on_both_sides:
        merged = _merge(place, base, *sides)
        if isinstance(merged, TwoMeanings):
            return _two_meanings(conflict, place, merged, (onto, other))
        if merged is None:
            return None
        if not (renumbered and merged.is_theirs):
            settings.append(merged.setting)

    return settings


class _Merged(NamedTuple):
    """An operation that sets a merged definition; `is_theirs` that it is the other side's."""

    setting: Setting
    is_theirs: bool


def _before(snapshot: Snapshot, conflict: Conflict) -> list[NodeKey]:
    """The app's migrations up to the common ancestor."""
    if conflict.common_ancestor is None:
        return []
    graph = snapshot.graph
    ancestors = graph.ancestors(conflict.common_ancestor)
    return graph.in_order(key for key in ancestors if key.app == conflict.app.key)


def _merge(
    place: SetOnBothSides, base: _Scripts, ours: _Scripts, theirs: _Scripts
) -> _Merged | TwoMeanings | None:
    where = place.model, place.kind, place.field.lower()
    one, other = find_setting(ours, *where), find_setting(theirs, *where)
    if not isinstance(one, Setting) or not isinstance(other, Setting):
        return None
    before, left, right = (
        find_definition([script for script, _ in scripts], *where)
        for scripts in (base, ours, theirs)
    )
    if before is None or left is None or right is None:
        return None
    merged = merge_values(before, left, right)
    if isinstance(merged, TwoMeanings):
        return merged if merged.key else None
    if merged is None:
        return None

    argument = "field" if place.kind == "field" else "options"
    setting = with_value(one, argument, merged)
    setting = settle(setting._replace(imports=one.imports | other.imports), ())
    return _Merged(setting, ast.unparse(merged) == ast.unparse(right))


def _two_meanings(
    conflict: Conflict, place: SetOnBothSides, values: TwoMeanings, sides: tuple[Branch, Branch]
) -> Refusal:
    onto, other = (side.leaf.name for side in sides)
    name = f"{place.model}.{place.field}" if place.field else f"{place.kind} of {place.model}"
    left, right = (value or "not there" for value in (values.ours, values.theirs))
    reason = f"{values.key} of {name} is {left} in {onto}, {right} in {other}"
    takes = [fix_command(conflict.app.key, "", "--take", leaf) for leaf in (onto, other)]
    return Refusal(conflict.app.key, "undecided", (reason,), tuple(takes))


def _scripts(snapshot: Snapshot, branch: Branch) -> _Scripts:
    sources = [(key, source_of(snapshot, key)) for key in branch.nodes]
    labels = {key: snapshot.graph.nodes[key].label for key in branch.nodes}
    return [(read_script(source, labels[key], key.name), source) for key, source in sources]


def _settle(
    set_on_both_sides: SetOnBothSides, taken_scripts: _Scripts, others: Sequence[_Scripts]
) -> Setting | NotMovable:
    """One operation in the merge migration, whichever side's definition a database has."""
    place = set_on_both_sides.model, set_on_both_sides.kind, set_on_both_sides.field
    final = find_setting(taken_scripts, *place)
    if final is None:
        return NotMovable(f"it does not set {'.'.join(part for part in place if part)}")
    if isinstance(final, NotMovable):
        return final
    if set_on_both_sides.kind not in _STORED:
        return settle(final, ())

    theirs = []
    for scripts in others:
        setting = find_setting(scripts, *place)
        if isinstance(setting, NotMovable):
            return setting
        if setting:
            theirs.append(setting)

    return settle(final, theirs)

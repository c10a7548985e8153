"""A merge migration that sets what both sides set to what one of them says."""

from __future__ import annotations

from collections.abc import Sequence

from migmerge.analysis.compare import source_of
from migmerge.analysis.snapshot import Snapshot
from migmerge.conflicts.conflict import Branch, Conflict, SetOnBothSides
from migmerge.migrations.merge_migration import (
    NotMovable,
    Setting,
    find_setting,
    merge_source,
    settle,
)
from migmerge.migrations.operations import Script, read_script
from migmerge.resolve.fix_plan import Refusal

_STORED = ("field", "db_table_comment")  # the rest is only in Django's state


def final_definition_source(
    snapshot: Snapshot, conflict: Conflict, taken: Branch, leaves: Sequence[str]
) -> bytes | Refusal:
    """Written from the sides' own operations, with those of `taken` last."""
    taken_scripts = _scripts(snapshot, taken)
    others = [_scripts(snapshot, branch) for branch in conflict.branches if branch != taken]
    settings = [
        _settle(set_on_both_sides, taken_scripts, others)
        for set_on_both_sides in conflict.assessment.set_on_both_sides
    ]
    wrong = [setting.why for setting in settings if isinstance(setting, NotMovable)]
    if wrong:
        reasons = tuple(f"{taken.leaf.name} can't be taken: {text}" for text in wrong)
        return Refusal(conflict.app.key, "unlike", reasons, conflict.advice.commands)
    movable = [setting for setting in settings if isinstance(setting, Setting)]
    return merge_source(conflict.app.label, leaves, movable)


_Scripts = Sequence[tuple[Script, bytes]]


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

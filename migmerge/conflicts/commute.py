"""Whether two operations give the same state, schema and data in either order.

Two operations interact where one writes what the other reads or writes. Whatever can't be
shown to commute is said to interact, with a reason that a person understands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from migmerge.conflicts.conflict import SetOnBothSides, Verdict
from migmerge.conflicts.mergeable_fields import (
    OPTIONS,
    STATE_OPTIONS,
    find_obstacle,
    is_state_only,
    is_surely_state_only,
)
from migmerge.conflicts.value_difference import describe_difference
from migmerge.migrations.recorder import ANY, Footprint, Touch


class Relation(NamedTuple):
    """How two operations stand to each other, with the reason where they don't commute, and what
    both set."""

    verdict: Verdict
    reason: str = ""
    set_on_both_sides: SetOnBothSides | None = None


class Judgement(NamedTuple):
    """The worst relation between any two operations of two sides, and all reasons, sorted."""

    verdict: Verdict
    reasons: tuple[str, ...]
    set_on_both_sides: tuple[SetOnBothSides, ...]


class Contradiction(NamedTuple):
    """Two operations of which one fails wherever the other has run before it, and why."""

    ours: Footprint
    theirs: Footprint
    reason: str


# what two sides do, without what they have in common
Pair = tuple[Sequence[Footprint], Sequence[Footprint]]

_COMMUTE = Relation(Verdict.COMMUTE)
# setting the same thing twice is no matter; making or renaming it twice is
_SETTERS = ("AlterField", "AlterModelOptions", "AlterModelManagers", "AlterModelTable",
            "AlterModelTableComment", "AlterUniqueTogether", "AlterIndexTogether",
            "AlterOrderWithRespectTo")  # fmt: skip


# beyond so many pairs of operations that touch one thing nobody reads the reasons
_MOST_PAIRS = 50_000
_TOO_MANY = Relation(Verdict.OPAQUE, "too many operations touch the same things to be compared")


def compare_sides(pairs: Iterable[Pair]) -> Judgement:
    """The operations of one side against those of the other, for each pair of sides."""
    relations = {relation for ours, theirs in pairs for relation in _relations(ours, theirs)}
    verdicts = [relation.verdict for relation in relations]
    worst = max(verdicts, key=lambda verdict: verdict.severity, default=Verdict.COMMUTE)
    ranked = sorted({(-r.verdict.severity, r.reason) for r in relations if r.reason})
    set_on_both_sides = sorted(
        {relation.set_on_both_sides for relation in relations if relation.set_on_both_sides}
    )
    return Judgement(worst, tuple(reason for _, reason in ranked), tuple(set_on_both_sides))


def _relations(ours: Sequence[Footprint], theirs: Sequence[Footprint]) -> Iterator[Relation]:
    """What `commute` says of every pair; those that touch nothing in common are passed over."""
    yield from _opaque(ours, theirs, first=True)
    yield from _opaque(theirs, ours, first=False)
    index = _Index([footprint for footprint in theirs if not footprint.opaque])
    left = _MOST_PAIRS
    for one in ours:
        if one.opaque:
            continue

        for other in index.meeting(one):
            left -= 1
            if left < 0:
                yield _TOO_MANY
                return
            yield commute(one, other)


def contradictions(
    ours: Mapping[str, Sequence[Footprint]], theirs: Mapping[str, Sequence[Footprint]]
) -> Iterator[Contradiction]:
    """What can't go together of two sides, each by app, in different apps; nothing of what can't
    be read, nor of more pairs than anybody would read of."""
    left = _MOST_PAIRS
    for app, side in ours.items():
        others = [f for other, footprints in theirs.items() if other != app for f in footprints]
        index = _Index([footprint for footprint in others if not footprint.opaque])
        for one in side:
            for other in index.meeting(one) if not one.opaque else ():
                left -= 1
                if left < 0:
                    return
                relation = commute(one, other)
                reason = relation.reason if relation.verdict is Verdict.CONTRADICT else ""
                reason = reason or _code_on_a_lost_field(one, other)
                reason = reason or _code_on_a_lost_field(other, one)
                if reason:
                    yield Contradiction(one, other, reason)


def _code_on_a_lost_field(code: Footprint, field: Footprint) -> str:
    """Code or SQL that uses a field which the other side removes or renames; it fails where that
    comes first."""
    if field.operation not in ("RemoveField", "RenameField"):
        return ""

    verb = "removes" if field.operation == "RemoveField" else "renames"
    place = f"{field.model}.{field.field}"
    names_model = Touch("lost rows", field.model) not in code.writes or (
        Touch("model", field.model) in code.reads
    )  # not only by way of what it deletes
    rows, word = Touch("rows", field.model), Touch("word", field.field)
    if names_model and {rows, word} <= code.writes:
        what = f"which the code of {_side(code)} names"
    elif any(_clash(kind, code, field) is not None for kind in _SQL) and re.search(
        rf"\b{field.field}\b", code.body, re.IGNORECASE
    ):
        what = f"which the SQL of {_side(code)} names"
    else:
        return ""
    return f"{_side(field)} {verb} {place}, {what}"


def _opaque(
    side: Sequence[Footprint], other: Sequence[Footprint], *, first: bool
) -> Iterator[Relation]:
    """The relations of a side's opaque operations; of two such ones the earlier is reported."""
    clear = any(not footprint.opaque for footprint in other)
    last = max((_place(footprint) for footprint in other), default=None)
    for footprint in side:
        if not footprint.opaque or last is None:
            continue

        place = _place(footprint)
        if clear or place < last or (first and place == last):
            yield Relation(Verdict.OPAQUE, f"{_side(footprint)}: {footprint.opaque}")


class _Index:
    """Operations by what they touch, so that a side is not compared with all of the other."""

    def __init__(self, footprints: Sequence[Footprint]) -> None:
        self.footprints = footprints
        self.read: dict[Touch, list[int]] = {}
        self.written: dict[Touch, list[int]] = {}
        self.kinds: dict[str, list[int]] = {}
        self.fields: dict[tuple[str, str], list[int]] = {}
        for number, footprint in enumerate(footprints):
            for touches, index in ((footprint.reads, self.read), (footprint.writes, self.written)):
                for touch in touches:
                    index.setdefault(touch, []).append(number)
                    self.kinds.setdefault(touch.kind, []).append(number)

            if footprint.field:
                place = (footprint.model, footprint.field)
                self.fields.setdefault(place, []).append(number)

    def meeting(self, one: Footprint) -> list[Footprint]:
        """Those that write what `one` reads or writes, or read what it writes, in their order."""
        places = set(self.fields.get((one.model, one.field), ())) if one.field else set()
        for touch in one.writes:
            places.update(self._of(self.read, touch))
            if touch.kind not in _SHARED:
                places.update(self._of(self.written, touch))
        for touch in one.reads:
            places.update(self._of(self.written, touch))
        return [self.footprints[number] for number in sorted(places)]

    def _of(self, touched: Mapping[Touch, list[int]], touch: Touch) -> Iterable[int]:
        if touch.name == ANY:
            return self.kinds.get(touch.kind, ())
        every = touched.get(Touch(touch.kind, ANY), ())
        return (*touched.get(touch, ()), *every)


def _place(footprint: Footprint) -> tuple[str, int]:
    return footprint.migration, footprint.line


def commute(one: Footprint, other: Footprint) -> Relation:
    """How two operations on different sides stand to each other; the order is no matter."""
    one, other = sorted((one, other), key=_place)
    for footprint in (one, other):
        if footprint.opaque:
            return Relation(Verdict.OPAQUE, f"{_side(footprint)}: {footprint.opaque}")

    if one.operation in _SETTERS and one.body == other.body:
        return _COMMUTE
    if one.field and one.field == other.field and one.model == other.model:
        return _same_field(one, other)

    for kind, rule in _RULES.items():
        relations = [
            rule(writer, reader, clash)
            for writer, reader in ((one, other), (other, one))
            if (clash := _clash(kind, writer, reader)) is not None
        ]
        if relations:
            return max(relations, key=lambda relation: relation.verdict.severity)

    return _COMMUTE


def _clash(kind: str, writer: Footprint, reader: Footprint) -> str | None:
    """The first thing of a kind that one writes and the other reads or writes, if any."""
    written = {touch.name for touch in writer.writes if touch.kind == kind}
    if not written:
        return None

    touched = reader.reads if kind in _SHARED else reader.reads | reader.writes
    used = {touch.name for touch in touched if touch.kind == kind}
    both = written & used
    if both:
        return min(both)
    if ANY in written and used:
        return min(used)
    return min(written) if ANY in used else None


def _same_field(one: Footprint, other: Footprint) -> Relation:
    place = f"{one.model}.{one.field}"
    if one.operation == other.operation == "AlterField":
        reason = f"both set {place}{_difference(one, other)}"
        why = find_obstacle(one.keywords, other.keywords)
        # one text may mean two things, by what each file imports
        differ = one.keywords != other.keywords
        state_only = differ and is_state_only(one.keywords, other.keywords)
        certain = differ and is_surely_state_only(one.keywords, other.keywords)
        setting = SetOnBothSides(one.model, "field", one.field, why, state_only, certain)
        return Relation(Verdict.OVERLAP, reason, setting)
    if one.operation == other.operation:
        verb = {"AddField": "add", "RemoveField": "remove"}.get(one.operation, "rename")
        if one.body == other.body:
            return Relation(Verdict.CONTRADICT, f"both {verb} {place}, with the same operation")
        return Relation(Verdict.CONTRADICT, f"both {verb} {place}{_difference(one, other)}")
    return Relation(Verdict.CONTRADICT, f"{one.operation} against {other.operation} of {place}")


def _difference(one: Footprint, other: Footprint) -> str:
    """What two definitions of a field have unlike: `: max_digits is 10 in 0003_a, 12 in 0003_b`."""
    parts = []
    for key in sorted(one.keywords.keys() | other.keywords.keys()):
        left, right = one.keywords.get(key, "not set"), other.keywords.get(key, "not set")
        if left != right:
            parts.append(describe_difference(key, left, right, one.migration, other.migration))
    return f": {'; '.join(parts)}" if parts else ""


def _model(writer: Footprint, reader: Footprint, name: str) -> Relation:
    both = {"CreateModel": "create", "DeleteModel": "delete"}.get(writer.operation, "rename")
    if writer.operation == reader.operation and Touch("model", name) in reader.writes:
        return Relation(Verdict.CONTRADICT, f"both {both} the model {name}")
    return Relation(
        Verdict.CONTRADICT,
        f"{_side(writer)} {both}s {name}, which {_side(reader)} uses ({reader.operation})",
    )


def _field(writer: Footprint, reader: Footprint, name: str) -> Relation:
    verb = {"AddField": "adds", "RemoveField": "removes", "RenameField": "renames"}
    what = verb.get(writer.operation, "alters")
    # PostgreSQL alters no column that a generated one reads
    generated = reader.keywords.get("type") == "GeneratedField"
    verdict = Verdict.OVERLAP if what == "alters" and not generated else Verdict.CONTRADICT
    return Relation(
        verdict, f"{_side(writer)} {what} {name}, which {_side(reader)} names ({reader.operation})"
    )


def _option(writer: Footprint, reader: Footprint, name: str) -> Relation:
    model, _, option = name.rpartition(".")
    if Touch("option", name) not in reader.writes:
        clash = f"{_side(writer)} sets {option} of {model}, which {_side(reader)} uses"
        return Relation(Verdict.OVERLAP, f"{clash} ({reader.operation})")
    why = "" if option in OPTIONS else f"{option} can't be set again where it is set already"
    state_only = option in STATE_OPTIONS
    setting = SetOnBothSides(model, option, "", why, state_only, certain=state_only)
    return Relation(Verdict.OVERLAP, f"both set {option} of {model}", setting)


def _taken(what: str) -> Callable[[Footprint, Footprint, str], Relation]:
    def rule(writer: Footprint, reader: Footprint, name: str) -> Relation:
        return Relation(Verdict.CONTRADICT, f"both name {what} {name}")

    return rule


def _overlap(text: str) -> Callable[[Footprint, Footprint, str], Relation]:
    """`text` with {writer}, {reader} and {name} is the reason."""

    def rule(writer: Footprint, reader: Footprint, name: str) -> Relation:
        reason = text.format(
            writer=f"{_side(writer)} ({writer.operation})",
            reader=f"{_side(reader)} ({reader.operation})",
            name=name,
        )
        return Relation(Verdict.OVERLAP, reason)

    return rule


def _sql(writer: Footprint, reader: Footprint, name: str) -> Relation:
    tables = {touch.name for touch in writer.writes if touch.kind in _SQL}
    gone = sorted(tables & {t.name for t in reader.writes if t.kind == "relation"})
    runs = f"{_side(writer)} ({writer.operation}) runs SQL on the table {gone[0] if gone else name}"
    if gone:
        changes = f"{_side(reader)} ({reader.operation}) makes, renames or removes"
        return Relation(Verdict.CONTRADICT, f"{runs}, which {changes}")
    return Relation(Verdict.OVERLAP, f"{runs}, beside {_side(reader)} ({reader.operation})")


def _code(writer: Footprint, reader: Footprint, name: str) -> Relation:
    return Relation(Verdict.OPAQUE, f"{_side(writer)} and {_side(reader)} both run code on rows")


def _side(footprint: Footprint) -> str:
    return footprint.migration or "one side"


_SQL = ("sql", "sql rows")
# two writers of these don't disturb each other
_SHARED = ("columns", "tables", "kin", "removal", "swap", "rows", "new rows", "lost rows", "word",
           "sql column", *_SQL)  # fmt: skip
# in this order, since the first that is found becomes the reason
_RULES: Mapping[str, Callable[[Footprint, Footprint, str], Relation]] = {
    "model": _model,
    "field": _field,
    "reverse": _taken("the reverse name"),
    "column": _taken("the column"),
    "relation": _taken("the table, index or constraint"),
    "columns": _overlap("{writer} may free the column that {reader} takes"),
    "tables": _overlap("{writer} may free the table that {reader} takes"),
    "collation": _taken("the collation"),
    "option": _option,
    "key": _overlap("{writer} may change the type of the key that {reader} copies"),
    "swap": _overlap("{writer} is on what may be the swappable model that {reader} uses"),
    "storage": _overlap("{writer} changes the table of {name} as a whole, beside {reader}"),
    "address": _overlap("{writer} changes the name of the table of {name}, which {reader} uses"),
    "state": _overlap("{writer} changes state and table of {name} unlike, beside {reader}"),
    "kin": _overlap("{writer} takes away a relative of {name}, whose fields {reader} changes"),
    "removal": _overlap("{writer} may take a field of {name} from what {reader} names"),
    "code": _code,
    "rows": _overlap("{writer} runs code on rows of {name}, beside {reader}"),
    "new rows": _overlap("{writer} makes rows of {name}, beside {reader}"),
    "lost rows": _overlap("{writer} deletes rows of {name}, beside {reader}"),
    "word": _overlap("{writer} runs code that names {name}, beside {reader}"),
    **dict.fromkeys(_SQL, _sql),
    "sql column": _overlap("{writer} runs SQL that names {name}, beside {reader}"),
}

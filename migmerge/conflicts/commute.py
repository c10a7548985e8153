"""Whether two operations give the same state, schema and data in either order.

A first, cautious comparison: whatever can't be shown to commute is said to interact, with a
reason that a person understands.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from migmerge.migrations.operations import Operation

VERDICTS = ("commute", "opaque", "overlap", "contradict")
_OPTION_OPERATIONS = (
    "AlterModelOptions", "AlterModelManagers", "AlterModelTable", "AlterModelTableComment",
    "AlterUniqueTogether", "AlterIndexTogether", "AlterOrderWithRespectTo",
)  # fmt: skip
_DESTROYING = ("DeleteModel", "RenameModel")


class Relation(NamedTuple):
    """One of VERDICTS, with the reason where it isn't `commute`.

    `diverges` tells that databases end up different after an empty merge migration.
    """

    verdict: str
    reason: str = ""
    diverges: bool = False


class Judgement(NamedTuple):
    """The worst relation between any two operations of two sides, and all reasons, sorted."""

    verdict: str
    reasons: tuple[str, ...]
    diverges: bool


# what two sides do, without what they have in common
Pair = tuple[Sequence[Operation], Sequence[Operation]]

_COMMUTE = Relation("commute")


def judge(pairs: Iterable[Pair], label: str) -> Judgement:
    """Every operation of one side against every one of the other, for each pair of sides."""
    relations = [
        commute(one, other, label) for ours, theirs in pairs for one in ours for other in theirs
    ]
    worst = max((VERDICTS.index(r.verdict) for r in relations), default=0)
    reasons = sorted({(-VERDICTS.index(r.verdict), r.reason) for r in relations if r.reason})
    return Judgement(
        VERDICTS[worst], tuple(reason for _, reason in reasons), any(r.diverges for r in relations)
    )


def commute(one: Operation, other: Operation, label: str) -> Relation:
    """How two operations of app `label` on different sides stand to each other."""
    for operation in (one, other):
        if operation.opaque:
            return Relation("opaque", f"{operation.opaque}, which can't be told from the file")
    for rule in (_models, _same_model, _objects, _foreign):
        for first, second in ((one, other), (other, one)):
            relation = rule(first, second, label)
            if relation is not None:
                return relation
    return _COMMUTE


def _models(one: Operation, other: Operation, label: str) -> Relation | None:
    """A model's own life: made twice, or deleted or renamed against any use of it."""
    used = {other.model, other.new_model} - {""}
    used |= {r.partition(".")[2] for r in other.references if r.startswith(f"{label}.")}
    if one.name == "CreateModel" and other.name == "CreateModel" and one.model == other.model:
        return Relation("contradict", f"both create the model {label}.{one.model}")
    if one.name in _DESTROYING:
        for model in sorted({one.model, one.new_model} & used):
            what = "deletes" if one.name == "DeleteModel" else "renames"
            return Relation(
                "contradict",
                f"one side {what} {label}.{one.model}, the other uses {label}.{model} "
                f"({other.name})",
            )
        if any(r.startswith("settings.") for r in other.references):
            return Relation("overlap", f"{one.name} {label}.{one.model} against a swappable model")
    if one.name == "RenameModel" and f"{label}.{one.model}" in other.strings:
        return Relation("contradict", f"one side renames {label}.{one.model}, the other names it")
    return None


def _same_model(one: Operation, other: Operation, label: str) -> Relation | None:
    if not one.model or one.model != other.model:
        return None
    place = f"{label}.{one.model}"
    shared = sorted(one.fields & other.fields)
    if shared:
        return _same_field(one, other, f"{place}.{shared[0]}")
    if one.name == other.name and one.name in _OPTION_OPERATIONS:
        if one.body == other.body:
            return _COMMUTE
        return Relation("overlap", f"both set {_option(one)} of {place}", diverges=True)
    if one.name in ("RemoveField", "RenameField", "AlterField") and one.fields & other.strings:
        field = min(one.fields & other.strings)
        verdict = "overlap" if one.name == "AlterField" else "contradict"
        what = {"RemoveField": "removes", "RenameField": "renames"}.get(one.name, "alters")
        return Relation(verdict, f"one side {what} {place}.{field}, which {other.name} names")
    if {one.name, other.name} == {"RenameIndex", "AlterIndexTogether"}:
        return Relation("overlap", f"RenameIndex and AlterIndexTogether on {place}")
    if one.name == "AlterModelTable" or one.is_rename or one.state_only:
        why = "a change of state only" if one.state_only else one.name
        return Relation("overlap", f"{why} and {other.name} on {place} (SQLite rebuilds the table)")
    return None


def _same_field(one: Operation, other: Operation, place: str) -> Relation:
    if one.name == "AlterField" and other.name == "AlterField":
        if one.body == other.body:
            return _COMMUTE
        return Relation("overlap", f"both set {place} (AlterField)", diverges=True)
    if one.name == other.name:
        verb = {"AddField": "add", "RemoveField": "remove"}.get(one.name, "rename")
        same = ", with the same operation" if one.body == other.body else ""
        return Relation("contradict", f"both {verb} {place}{same}")
    return Relation("contradict", f"{one.name} against {other.name} of {place}")


def _option(operation: Operation) -> str:
    return {
        "AlterModelOptions": "the options",
        "AlterModelManagers": "the managers",
        "AlterModelTable": "the table name",
        "AlterModelTableComment": "the table comment",
        "AlterUniqueTogether": "unique_together",
        "AlterIndexTogether": "index_together",
    }.get(operation.name, "order_with_respect_to")


def _objects(one: Operation, other: Operation, label: str) -> Relation | None:
    """Indexes and constraints share one namespace in a database, and so do tables."""
    for name in sorted(one.objects & other.objects):
        return Relation("contradict", f"both name {name}")
    return None


def _foreign(one: Operation, other: Operation, label: str) -> Relation | None:
    """A foreign key copies the type of the column that it points at; a child model has its
    parent's fields."""
    place = f"{label}.{one.model}"
    if place in other.references and other.name == "CreateModel" and one.fields & other.fields:
        field = min(one.fields & other.fields)
        return Relation("overlap", f"{place}.{field} may clash with a child's of {other.model}")
    swappable = any(reference.startswith("settings.") for reference in other.references)
    if one.name == "AlterField" and (place in other.references or swappable):
        key = "primary_key" in one.body
        if key or (not swappable and one.fields & ({"id", "pk"} | other.strings)):
            field = min(one.fields)
            return Relation(
                "overlap",
                f"one side alters {place}.{field}, which a foreign key of {other.name} may copy",
            )
    return None

"""Questions to the project's Django, and its answers as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from migmerge.conflicts.conflict import SetOnBothSides
from migmerge.conflicts.mergeable_fields import PLAIN
from migmerge.migrations.naming import merge_suffix
from migmerge.migrations.reader import read_header
from migmerge.project.interpreter import Project
from migmerge.project.outcome import Outcome, failed, skipped
from migmerge.project.run import ReplyStatus, Unanswered, run


class Wanted(NamedTuple):
    """A merge migration (its name, the leaves that it joins, and what it is to set), and the
    leaves of sides to be `tried` in both orders. Either may be empty."""

    name: str
    leaves: Sequence[str] = ()
    set_on_both_sides: Sequence[SetOnBothSides] = ()
    tried: Sequence[str] = ()


class Tried(NamedTuple):
    """Where Django tried both orders of the sides, and how they differ, if they do."""

    where: str
    differs: str


class Merges(NamedTuple):
    """By app label, the project's own texts of merge migrations, and Django's second opinion.

    An app without a text is one where the project can't be asked (`why`), or whose text doesn't
    join exactly these leaves.
    """

    texts: Mapping[str, bytes]
    orders: Mapping[str, Tried]
    why: str


def merge_texts(project: Project, wanted: Mapping[str, Wanted]) -> Merges:
    """What the project's Django writes, and what it thinks of the two orders."""
    merges = {
        label: merge_suffix(w.name)
        for label, w in wanted.items()
        if w.name and not w.set_on_both_sides
    }
    settles = {label: w[:3] for label, w in wanted.items() if w.set_on_both_sides}
    orders = {label: list(w.tried) for label, w in wanted.items() if w.tried}
    request = {"merge": merges, "settle": settles, "orders": orders, "plain": PLAIN}
    reply = run(project, "texts", request)
    texts = {}
    for label, text in (reply.result or {"texts": {}})["texts"].items():
        header = read_header(text.encode())
        if header and {(r.label, r.name) for r in header.dependencies} == {
            (label, name) for name in wanted[label].leaves
        }:
            texts[label] = text.encode()

    tried = {label: Tried(*t) for label, t in (reply.result or {"orders": {}})["orders"].items()}
    return Merges(texts, tried, reply.why or "no answer")


class PlannedApp(NamedTuple):
    """The migrations of an app as they would be, by name, and the names of those on disk."""

    files: Mapping[str, bytes]
    migrations: Sequence[str]


def make_migrations(
    project: Project,
    label: str,
    hidden: Sequence[str],
    planned: Mapping[str, PlannedApp] | None = None,
) -> dict[str, bytes] | Unanswered:
    """Name -> text of what makemigrations makes of an app whose `hidden` migrations are gone.

    In order; nothing is written. Of the `planned` apps, by label, nothing on disk is imported.
    """
    request = {"label": label, "hidden": list(hidden), "planned": _as_request(planned or {})}
    reply = run(project, "make_migrations", request)
    if reply.why:
        return Unanswered(reply.why)
    return {name: text.encode() for name, text in reply.result}


def _as_request(planned: Mapping[str, PlannedApp]) -> dict[str, object]:
    return {
        label: {
            "files": {name: data.decode("latin-1") for name, data in app.files.items()},
            "migrations": list(app.migrations),
        }
        for label, app in planned.items()
    }


class FinalWanted(NamedTuple):
    """A migration of this name behind the leaf, which sets places that both sides set."""

    name: str
    leaf: str
    places: Sequence[SetOnBothSides]


def final_definitions(
    project: Project, planned: Mapping[str, PlannedApp], wanted: Mapping[str, FinalWanted]
) -> Mapping[str, bytes | Unanswered] | Unanswered:
    """By app label, the migration that sets what the models have; empty where nothing is left to
    set. Asked of files that are planned, so nothing is imported from those on disk."""
    request = {
        "plain": PLAIN,
        "planned": _as_request(planned),
        "wanted": {
            label: {"name": w.name, "leaf": w.leaf, "places": [list(p)[:3] for p in w.places]}
            for label, w in wanted.items()
        },
    }
    reply = run(project, "final_definitions", request)
    if reply.why:
        return Unanswered(reply.why)
    return {
        label: Unanswered(answer["why"]) if "why" in answer else answer["text"].encode()
        for label, answer in reply.result.items()
    }


def verify(project: Project, nodes: Mapping[str, Sequence[str]],
           leaves: Mapping[str, str]) -> Outcome:  # fmt: skip
    """Whether Django's loader sees the same nodes and leaves, and no fault in installed packages;
    models.py no change, and the system checks no error in the models."""
    reply = run(project, "check_project", {"labels": sorted(nodes)})
    if reply.why:
        return skipped(reply.why) if reply.status is ReplyStatus.SKIPPED else failed(reply.why)

    result = reply.result
    for label in result["installed"]:
        if result["leaves"][label] != [leaves[label]]:
            return failed(f"Django sees the leaf nodes {result['leaves'][label]}")
        if result["nodes"][label] != sorted(nodes[label]):
            odd = sorted(set(result["nodes"][label]) ^ set(nodes[label]))
            return failed(f"Django and migmerge differ on {label}: {', '.join(odd)}")

    if result["changed"]:
        lines = " / ".join(line.strip() for line in result["changed"].splitlines() if line.strip())
        return failed(f"makemigrations --check finds changes: {lines[:400]}")

    if result["broken"]:
        return failed(f"manage.py check finds errors: {' / '.join(result['broken'])[:400]}")

    if result["packages"]:
        return failed(result["packages"][0])

    absent = sorted(set(nodes) - set(result["installed"]))
    if absent:
        return skipped(f"not in INSTALLED_APPS: {', '.join(absent)}")
    return Outcome()

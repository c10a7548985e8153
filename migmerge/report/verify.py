"""Who arrives where: the outcome of `verify`, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal, NamedTuple

from migmerge.project.outcome import Outcome, Status
from migmerge.project.scenarios import ScenarioResult, ScenarioResults
from migmerge.report.database_documents import PointDocument, VerifyDocument
from migmerge.report.documents import VERSION
from migmerge.report.screen import printable


class Proof(NamedTuple):
    """What a project's Django says of some apps, and how databases arrive at their leaves.

    `place` is the project's directory, from the top of the repository.
    """

    labels: Sequence[str]
    django: Outcome
    arrivals: ScenarioResults
    place: str = ""

    @property
    def proven(self) -> bool:
        """Whether everything was tried, and is right."""
        points = self.arrivals.points
        right = not any(point.wrong or point.unbuilt for point in points)
        untried = self.arrivals.why or self.arrivals.effects or self.arrivals.left_out
        return self.django.status is Status.OK and not untried and right


def verify_text(proofs: Sequence[Proof], source: str) -> str:
    """A table for each project."""
    lines = []
    for proof in proofs:
        project = f"{proof.place}: " if proof.place else ""
        lines.append(f"{project}{', '.join(proof.labels)}: Django {proof.django}")
        if proof.arrivals.why:
            lines.append(f"  databases: {proof.arrivals.why}")
            continue

        took = f"in {proof.arrivals.seconds:.1f} s"
        where = _where(proof.arrivals)
        lines.append(f"  scratch databases on {where}, as before {source}, {took}:")
        several = len({point.alias for point in proof.arrivals.points}) > 1
        lines += [f"  {_line(point, several)}" for point in proof.arrivals.points]
        lines += [f"  no row in {line}" for line in proof.arrivals.empty]
        lines += [f"  refused: {line}" for line in proof.arrivals.effects]
        lines += [f"  not run (verify_code): {line}" for line in proof.arrivals.left_out]
        if proof.arrivals.from_state:
            lines.append("  migrations that both sides have were not run (--full runs them)")
        if proof.arrivals.no_server:
            lines.append(f"  not on the server of the settings: {proof.arrivals.no_server}")
        if proof.arrivals.is_incomplete and proof.arrivals.where == "SQLite":
            lines.append("  next: migmerge verify --database postgres://user@host:5432")

    proven = all(proof.proven for proof in proofs)
    lines.append("verified" if proven else "not verified")
    return "".join(f"{printable(line)}\n" for line in lines)


def _where(results: ScenarioResults) -> str:
    return "SQLite (files of our own)" if results.where == "SQLite" else results.where


def _line(point: ScenarioResult, several: bool) -> str:
    name = f"{point.alias}: {point.name}" if several else point.name
    return f"{name:<20} {outcome(point)}"


def outcome(point: ScenarioResult) -> str:
    """One point in a few words."""
    if point.unbuilt:
        return f"skipped: can't stand there: {point.unbuilt}"
    if point.wrong:
        return f"FAILS: {point.wrong}"
    return "ok, after migmerge db reconcile" if point.reconciled else "ok"


def verify_json(proofs: Sequence[Proof], source: str) -> str:
    """`{"version", "since", "projects": [...]}`."""
    document: VerifyDocument = {
        "version": VERSION,
        "since": source,
        "server": ", ".join(dict.fromkeys(filter(None, (_where(p.arrivals) for p in proofs)))),
        "verified": all(proof.proven for proof in proofs),
        "projects": [
            {
                "apps": list(proof.labels),
                "django": str(proof.django),
                "databases": proof.arrivals.why or None,
                "seconds": proof.arrivals.seconds,
                "from_state": proof.arrivals.from_state,
                "points": [_point(point) for point in proof.arrivals.points],
                "no_rows": list(proof.arrivals.empty),
                "refused_effects": list(proof.arrivals.effects),
                "code_left_out": list(proof.arrivals.left_out),
            }
            for proof in proofs
        ],
    }
    return json.dumps(document, indent=1) + "\n"


def _point(point: ScenarioResult) -> PointDocument:
    return {
        "alias": point.alias,
        "name": point.name,
        "unbuilt": point.unbuilt,
        "error": point.error,
        "lost": point.lost,
        "unlike": point.schema_differs,
        "differs": point.rows_differ,
        "left": point.rows_without_file,
        "reconciled": point.reconciled,
        "status": _status(point),
    }


def _status(point: ScenarioResult) -> Literal["ok", "failed", "skipped"]:
    if point.unbuilt:
        return "skipped"
    return "failed" if point.wrong else "ok"

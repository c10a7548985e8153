"""What branches will collide, for people and for programs."""

from __future__ import annotations

import json
from datetime import datetime, timezone

from migmerge.analysis.forecast import Forecast
from migmerge.analysis.open_branches import OpenBranch
from migmerge.conflicts.forecast import Collision
from migmerge.git.base import Base
from migmerge.report.documents import VERSION, ForecastDocument
from migmerge.report.messages import id_of
from migmerge.report.screen import printable, short
from migmerge.report.summary import count

_WIDE = 24  # branches, from which a matrix fits no terminal
# how bad a cell of the matrix is, and what stands in it
LETTERS = {"": "M", "contradict": "X", "overlap": "o", "opaque": "?", "commute": "c"}
LEGEND = "c commute, ? not known, o touch the same things, X contradict, M no merge as it is"


def forecast_text(forecast: Forecast, base: Base, looked: int) -> tuple[str, str]:
    """Branches, matrix and collisions, oldest branch first; and the last line."""
    last = (
        f"{count(looked, 'open branch', 'open branches')} against {printable(base.name)}: "
        f"{count(len(forecast.branches), 'touches', 'touch')} migrations, "
        f"{count(len(forecast.collisions), 'collision')}"
    )
    if not forecast.collisions:
        return "", last

    branches = involved(forecast)
    lines = [*_table(forecast, branches), ""]
    if len(branches) <= _WIDE:
        lines += [*_matrix(forecast, branches, base), f"  {LEGEND}", ""]
    for collision in forecast.collisions:
        lines += _paragraph(collision)
    return "".join(f"{printable(line).rstrip()}\n" for line in lines), last


def involved(forecast: Forecast) -> list[OpenBranch]:
    """Branches that collide with anything, oldest first."""
    names = {name for c in forecast.collisions for name in (c.one, c.other)}
    return [branch for branch, _ in forecast.branches if branch.name in names]


def day(branch: OpenBranch) -> str:
    """The day of the last commit, in UTC."""
    try:
        return datetime.fromtimestamp(branch.when, timezone.utc).strftime("%Y-%m-%d")
    except (ValueError, OverflowError, OSError):
        return "some day"  # a commit may say anything


def cells(forecast: Forecast) -> dict[tuple[str, str], list[Collision]]:
    """The collisions of each two branches, under both orders."""
    by_pair: dict[tuple[str, str], list[Collision]] = {}
    for collision in forecast.collisions:
        for pair in ((collision.one, collision.other), (collision.other, collision.one)):
            by_pair.setdefault(pair, []).append(collision)
    return by_pair


def worst(collisions: list[Collision]) -> str:
    """The letter of the worst verdict."""
    return next(LETTERS[v] for v in LETTERS if any(c.verdict == v for c in collisions))


def _table(forecast: Forecast, branches: list[OpenBranch]) -> list[str]:
    adds = {branch.name: apps for branch, apps in forecast.branches}
    width = max(len(branch.name) for branch in branches)
    lines = []
    for place, branch in enumerate(branches, 1):
        apps = sorted(app.label for app, side in adds[branch.name].items() if side.added)
        details = f"{day(branch)}  {branch.author}  ({', '.join(apps)})"
        lines.append(f"{place:3} {branch.name:{width}}  {details}")
    return lines


def _matrix(forecast: Forecast, branches: list[OpenBranch], base: Base) -> list[str]:
    by_pair = cells(forecast)
    heads = "".join(f"{place:3}" for place in range(1, len(branches) + 1))
    lines = [f"     {heads}  {base.name}"]
    for place, branch in enumerate(branches, 1):
        row = [worst(c) if (c := by_pair.get((branch.name, o.name))) else "." for o in branches]
        row[place - 1] = "\\"
        last = worst(c) if (c := by_pair.get((branch.name, base.name))) else "."
        lines.append(f"  {place:3}" + "".join(f"{cell:>3}" for cell in row) + f"  {last}")
    return lines


def _paragraph(collision: Collision) -> list[str]:
    app, clash = collision.app, collision.clash
    verdict = f", {collision.verdict.value}" if collision.verdict else ""
    what = f"{id_of(clash.kind)} {clash.kind} in {app.label}{verdict}"
    lines = [f"{collision.one} x {collision.other}: {what}"]
    for name, names in ((collision.one, clash.one), (collision.other, clash.other)):
        if names:
            lines.append(f"  {some(names)}  on {name}")

    lines += [f"  - {short(reason)}" for reason in collision.reasons[:3]]
    if len(collision.reasons) > 3:
        lines.append(f"  - and {len(collision.reasons) - 3} more (--format json lists all)")
    return lines


def some(names: tuple[str, ...]) -> str:
    """The names, or of many the first, the last and their number."""
    if len(names) <= 4:
        return ", ".join(names)
    return f"{', '.join(names[:2])}, … {names[-1]} ({len(names)})"


def forecast_json(forecast: Forecast, base: Base, looked: int) -> str:
    """The document; keys are only ever added."""
    document: ForecastDocument = {
        "version": VERSION,
        "base": base.name,
        "looked_at": looked,
        "branches": [
            {
                "name": branch.name,
                "commit": branch.commit,
                "fork": branch.fork,
                "date": day(branch),
                "author": branch.author,
                "migrations": sorted(f.path for s in apps.values() for f in s.added.values()),
            }
            for branch, apps in forecast.branches
        ],
        "collisions": [
            {
                "id": id_of(c.clash.kind),
                "branches": [c.one, c.other],
                "app": c.app.label,
                "directory": c.app.directory,
                "kind": c.clash.kind,
                "migrations": [list(c.clash.one), list(c.clash.other)],
                "verdict": c.verdict or None,
                "reasons": list(c.reasons),
            }
            for c in forecast.collisions
        ],
    }
    return json.dumps(document, indent=1)

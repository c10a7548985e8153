"""A forecast as one HTML file: a matrix whose cells say which app, and how bad."""

from __future__ import annotations

from migmerge.analysis.forecast import Forecast
from migmerge.analysis.open_branches import OpenBranch
from migmerge.conflicts.forecast import Collision
from migmerge.git.base import Base
from migmerge.report.forecast import LEGEND, cells, day, involved, some, worst
from migmerge.report.screen import short
from migmerge.report.summary import count
from migmerge.report.svg import text_of

_STYLE = """
:root { color-scheme: light dark }
body { font: 14px system-ui, sans-serif; margin: 16px }
table { border-collapse: collapse } td { border: 1px solid #8888; text-align: center }
td, th { padding: 3px 7px } tbody th { text-align: left; font-weight: 400; white-space: nowrap }
thead th { position: sticky; top: 0; background: Canvas }
tbody th:first-child { position: sticky; left: 0; background: Canvas }
td.X, td.M { background: #cf222e; color: #fff } td.o { background: #bc4c00; color: #fff }
td.q { background: #9a6700; color: #fff } td.c { background: #1a7f37; color: #fff }
small { opacity: .75 }
"""


def forecast_page(forecast: Forecast, base: Base) -> str:
    """The document; without a script, and nothing from a network."""
    branches = involved(forecast)
    heads = "".join(f'<th scope="col">{place}</th>' for place in range(1, len(branches) + 1))
    by_pair = cells(forecast)
    columns = [branch.name for branch in branches] + [base.name]
    rows = "\n".join(
        _row(place, branch, columns, by_pair) for place, branch in enumerate(branches, 1)
    )
    items = "\n".join(_item(collision) for collision in forecast.collisions)
    many = count(len(forecast.collisions), "collision")
    title = f"{many} of {count(len(branches), 'branch', 'branches')} with {base.name}"
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>migmerge: {text_of(title)}</title><style>{_STYLE}</style></head>
<body><h1>{text_of(title)}, and each other</h1>
<p>{text_of(LEGEND)}</p>
<table><thead><tr><th scope="col">oldest first</th>{heads}<th scope="col">{text_of(base.name)}</th>
</tr></thead><tbody>
{rows}
</tbody></table>
<ul>
{items}
</ul></body>
</html>
"""


def _row(
    place: int,
    branch: OpenBranch,
    columns: list[str],
    by_pair: dict[tuple[str, str], list[Collision]],
) -> str:
    head = (
        f'<tr><th scope="row">{place} {text_of(branch.name)} '
        f"<small>{day(branch)}, {text_of(branch.author)}</small></th>"
    )
    return (
        head + "".join(_cell(by_pair.get((branch.name, other), [])) for other in columns) + "</tr>"
    )


def _cell(collisions: list[Collision]) -> str:
    if not collisions:
        return "<td></td>"
    letter = worst(collisions)
    apps = ", ".join(sorted({c.app.label for c in collisions}))
    says = text_of("; ".join(f"{c.app.label}: {c.what}" for c in collisions))
    kind = "q" if letter == "?" else letter
    return f'<td class="{kind}" title="{says}">{text_of(apps)} {letter}</td>'


def _item(collision: Collision) -> str:
    sides = " | ".join(map(some, (collision.clash.one, collision.clash.other)))
    head = f"{collision.one} x {collision.other}: {collision.app.label}"
    details = ", ".join((collision.what, sides))
    reasons = "; ".join(short(reason) for reason in collision.reasons[:4])
    return f"<li><b>{text_of(head)}</b>: {text_of(details)} <small>{text_of(reasons)}</small></li>"

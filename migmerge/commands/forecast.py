"""`migmerge forecast`: which open branches will collide, before anyone merges."""

from __future__ import annotations

import sys
import time
from typing import NamedTuple

from migmerge.analysis.forecast import forecast as foresee
from migmerge.analysis.open_branches import open_branches
from migmerge.analysis.snapshot import recollect
from migmerge.commands.gate import open_gate
from migmerge.errors import UserError
from migmerge.git.repository import find_repository, is_shallow
from migmerge.git.trees import commit_records
from migmerge.report.forecast import forecast_json, forecast_text


class ForecastOptions(NamedTuple):
    """What the command line said; `age` is in days."""

    directory: str
    config: str | None = None
    refs: tuple[str, ...] = ()
    base: str | None = None
    age: int = 90
    format: str = "text"


def forecast(options: ForecastOptions) -> int:
    """Print who will collide with whom; 1 if anybody does."""
    repository = find_repository(options.directory)
    workspace = open_gate(repository, options.config, options.base, always=True).workspace
    base = workspace.base
    if base is None:
        raise UserError(
            "no-base", "there is no base branch to compare with", "migmerge forecast --base REF"
        )
    if is_shallow(repository):
        raise UserError(
            "shallow",
            "this clone is too shallow to see where branches left the base branch",
            "git fetch --unshallow (in CI, fetch-depth: 0)",
        )

    records = commit_records(repository, base.commit)
    snapshot, _ = recollect(workspace, records)
    branches = open_branches(repository, base.commit, options.refs, options.age, time.time())
    forecast_of_branches = foresee(workspace, snapshot, base, branches)
    if options.format == "html":
        from migmerge.report.forecast_page import forecast_page

        print(forecast_page(forecast_of_branches, base), end="")
    elif options.format == "json":
        print(forecast_json(forecast_of_branches, base, len(branches)))
    else:
        text, note = forecast_text(forecast_of_branches, base, len(branches))
        print(text, end="")
        print(note, file=sys.stderr)

    return 1 if forecast_of_branches.collisions else 0

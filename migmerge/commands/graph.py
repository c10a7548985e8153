"""`migmerge graph`: the migration graph as a picture."""

from __future__ import annotations

import sys
from typing import NamedTuple

from migmerge.analysis.findings import analyse
from migmerge.analysis.snapshot import recollect
from migmerge.analysis.workspace import open_workspace
from migmerge.commands.arguments_of_apps import keys_named, scope_of
from migmerge.commands.exclusive import tidy_up
from migmerge.git.repository import find_work_tree
from migmerge.git.trees import find_records
from migmerge.report.checked import Checked
from migmerge.report.picture import Picture, conflicts_only, only_apps, picture_of


class GraphOptions(NamedTuple):
    """What the command line said."""

    directory: str
    config: str | None = None
    apps: tuple[str, ...] = ()
    base: str | None = None
    conflicts: bool = False
    format: str = "text"


def graph(options: GraphOptions) -> int:
    """Print the picture; 0, whatever it shows."""
    repository = find_work_tree(options.directory, "graph")

    tidy_up(repository)
    workspace = open_workspace(repository, options.config, options.base)
    snapshot, _ = recollect(workspace, find_records(repository))
    checked = Checked(snapshot, analyse(workspace, snapshot))
    picture = picture_of(checked)
    if options.apps:
        scope = scope_of(repository, snapshot, options.directory)
        picture = only_apps(picture, keys_named(snapshot, options.apps, scope))

    if options.conflicts:
        picture = conflicts_only(picture)
    if not picture.apps:
        print("no conflicts" if options.conflicts else "no migrations", file=sys.stderr)
    print(_drawn(picture, options.format), end="")
    return 0


def _drawn(picture: Picture, form: str) -> str:
    # each format pays for its own imports
    if form == "mermaid":
        from migmerge.report.mermaid import mermaid

        return mermaid(picture)
    if form == "dot":
        from migmerge.report.dot import dot

        return dot(picture)
    if form == "svg":
        from migmerge.report.svg import svg

        return svg(picture)
    if form == "html":
        from migmerge.report.page import page

        return page(picture)

    from migmerge.report.tree import tree

    return tree(picture)

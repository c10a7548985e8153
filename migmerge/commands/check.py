"""`migmerge check`: find every way in which two lines of migrations collide."""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

from migmerge.commands.exclusive import tidy_up
from migmerge.config import read_config
from migmerge.conflicts.model import Conflict
from migmerge.errors import UserError
from migmerge.git.findings import Findings, find
from migmerge.git.repository import Repository, commit_of, find_repository
from migmerge.git.snapshot import Snapshot, read_snapshot


class CheckOptions(NamedTuple):
    """What the command line said; `paths` are relative to `directory`."""

    directory: str
    config: str | None = None
    paths: tuple[str, ...] = ()
    staged: bool = False
    rev: str | None = None
    base: str | None = None
    format: str = "text"


def check(options: CheckOptions) -> int:
    """Print the findings; 0 when there are none, 1 when there are."""
    repository = find_repository(options.directory)
    if repository.bare and not options.rev:
        raise UserError(
            f"{repository.root} is a bare repository", "name a commit: migmerge check --rev REF"
        )
    if not repository.bare:
        tidy_up(repository)
    config = read_config(repository.root, options.config)
    prefixes = _prefixes(repository, options)
    commit = commit_of(repository, options.rev) if options.rev else _pushed(options, repository)
    snapshot = read_snapshot(repository, config, staged=options.staged, commit=commit)
    found = find(repository, config, snapshot, options.base, always_base=options.format == "json")
    found = found._replace(conflicts=tuple(c for c in found.conflicts if _inside(c, prefixes)))
    _print(repository, snapshot, found, options, commit)
    return 1 if found.conflicts else 0


def _pushed(options: CheckOptions, repository: Repository) -> str:
    """Under a pre-push hook of pre-commit, the commit that is being pushed; else nothing."""
    pushed = os.environ.get("PRE_COMMIT_TO_REF") if options.staged else None
    return commit_of(repository, pushed) if pushed else ""


def _prefixes(repository: Repository, options: CheckOptions) -> list[str]:
    """The PATH filters, relative to the top of the work tree."""
    top = os.path.realpath(repository.root)
    found = []
    for path in options.paths:
        full = os.path.realpath(os.path.join(options.directory, path))
        relative = os.path.relpath(full, top).replace(os.sep, "/")
        if relative == ".." or relative.startswith("../"):
            raise UserError(f"{path} is outside the repository {top}")
        found.append("" if relative == "." else relative)
    return found


def _inside(conflict: Conflict, prefixes: list[str]) -> bool:
    if not prefixes:
        return True
    place = conflict.place.path if conflict.place else conflict.app.directory
    return any(
        not prefix
        or f"{place}/".startswith(f"{prefix}/")
        or f"{conflict.app.directory}/".startswith(f"{prefix}/")
        or prefix.startswith(f"{conflict.app.directory}/")
        for prefix in prefixes
    )


def _print(
    repository: Repository,
    snapshot: Snapshot,
    found: Findings,
    options: CheckOptions,
    commit: str,
) -> None:
    if options.format == "json":
        from migmerge.report.as_json import findings_json  # each format pays for itself

        print(findings_json(snapshot, found))
        return
    from migmerge.report.text import findings_text, notice_line, summary

    for notice in found.notices:
        print(notice_line(notice), file=sys.stderr)
    if found.conflicts:
        from migmerge.git.history import added_by, current_tips

        paths = {
            snapshot.graph.nodes[key].path
            for conflict in found.conflicts
            for branch in conflict.branches
            for key in branch.nodes
        }
        tips = [commit] if commit else current_tips(repository)
        tips += [found.base.commit] if found.base else []
        print(findings_text(snapshot, found, added_by(repository, sorted(paths), tips)), end="")
    print(summary(snapshot, found), file=sys.stderr)

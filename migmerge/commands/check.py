"""`migmerge check`: find every way in which two lines of migrations collide."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from migmerge.commands.exclusive import tidy_up
from migmerge.config import Config, read_config
from migmerge.errors import UserError
from migmerge.git.remembered import Clean, recall, remember
from migmerge.git.repository import Repository, commit_of, find_repository
from migmerge.git.trees import Records, find_records, listing_of
from migmerge.report.summary import summary

if TYPE_CHECKING:
    from migmerge.conflicts.model import Conflict
    from migmerge.git.findings import Findings
    from migmerge.git.snapshot import Snapshot


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
    records = find_records(repository, staged=options.staged, commit=commit)
    usual = options.format == "text"  # any other says more than that there is nothing
    told = recall(repository, config, records, options.base) if usual else None
    if told is None:
        return _look(repository, config, records, options, prefixes, commit)
    for notice in told.notices:
        print(notice, file=sys.stderr)
    print(summary(told.migrations, told.apps, 0), file=sys.stderr)
    return 0


def _look(
    repository: Repository,
    config: Config,
    records: Records,
    options: CheckOptions,
    prefixes: list[str],
    commit: str,
) -> int:
    # a check that finds what it found before never comes so far
    from migmerge.git.findings import find
    from migmerge.git.reading import Memory, read_cache
    from migmerge.git.snapshot import understand
    from migmerge.report.text import notice_line

    listing = listing_of(records)
    memory = Memory(listing, read_cache(repository))
    snapshot = understand(repository, config, records.source, listing, memory=memory)
    memory.keep(repository)
    found = find(repository, config, snapshot, options.base, always_base=options.format == "json")
    if not found.conflicts:
        notices = tuple(notice_line(notice) for notice in found.notices)
        clean = Clean(
            len(snapshot.graph.nodes), len(snapshot.apps), found.asked, found.base, notices
        )
        remember(repository, config, records, options.base, clean)
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
    from migmerge.report.text import findings_text, notice_line

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
    looked = len(snapshot.graph.nodes), len(snapshot.apps)
    print(summary(*looked, len(found.conflicts)), file=sys.stderr)

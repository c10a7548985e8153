"""What `check` does where it can't say what it said before: reads, finds, and tells people."""

from __future__ import annotations

import sys

from migmerge.commands.against import with_refs
from migmerge.config import Config
from migmerge.conflicts.model import Conflict
from migmerge.errors import UserError
from migmerge.git.findings import find
from migmerge.git.history import added_by, current_tips
from migmerge.git.remembered import Clean, remember
from migmerge.git.repository import Repository
from migmerge.git.snapshot import recollect
from migmerge.git.trees import Records
from migmerge.report.checked import Checked
from migmerge.report.summary import summary
from migmerge.report.text import findings_text, notice_line


def look(
    repository: Repository,
    config: Config,
    tree: tuple[str, Records],
    prefixes: list[str],
    asked_base: str | None,
    always_base: bool,
) -> Checked:
    """The findings in, around or about `prefixes`; remembered where there are none at all.

    `tree` is what git lists, with the ref that it would be a merge with, if any.
    """
    ref, records = tree
    snapshot, sound = recollect(repository, config, records, asked_base)
    found = find(repository, config, snapshot, asked_base, always_base=always_base)
    checked = Checked(snapshot, found, ref)
    if sound and not found.conflicts:
        notices = tuple(notice_line(notice) for notice in found.notices)
        clean = Clean(*checked.size, found.asked, found.base, notices)
        remember(repository, config, records, asked_base, clean)
    for prefix in prefixes:
        if not any(_is_around(app.directory, prefix) for app in snapshot.apps.values()):
            known = ", ".join(sorted(app.directory for app in snapshot.apps.values())) or "nowhere"
            raise UserError(
                "unknown-app", f"no migrations in or around {prefix}", f"there are some in {known}"
            )
    conflicts = tuple(c for c in found.conflicts if _inside(c, prefixes))
    hidden = len(found.conflicts) - len(conflicts)
    if ref:
        conflicts = with_refs(repository, snapshot, conflicts, ref)
    return checked._replace(findings=found._replace(conflicts=conflicts), hidden=hidden)


def _inside(conflict: Conflict, prefixes: list[str]) -> bool:
    place = conflict.place.path if conflict.place else conflict.app.directory
    return not prefixes or any(
        f"{place}/".startswith(f"{prefix}/") or _is_around(conflict.app.directory, prefix)
        for prefix in prefixes
    )


def _is_around(directory: str, prefix: str) -> bool:
    """Whether migrations in `directory` are meant by a path; the empty one is the top."""
    return (
        not prefix or f"{directory}/".startswith(f"{prefix}/") or prefix.startswith(f"{directory}/")
    )


def tell(repository: Repository, checked: Checked) -> None:
    """Findings on standard output, the rest on standard error."""
    snapshot, found, ref, hidden = checked
    for notice in found.notices:
        print(notice_line(notice), file=sys.stderr)
    if found.conflicts:
        files = {
            (snapshot.graph.nodes[key].path, key.version)
            for conflict in found.conflicts
            for branch in conflict.branches
            for key in branch.nodes
        }
        tips = list(snapshot.listing.commits) or current_tips(repository)
        tips += [found.base.commit] if found.base else []
        print(findings_text(checked, added_by(repository, files, tips)), end="")
    print(summary(*checked.size, len(found.conflicts), ref), file=sys.stderr)
    if hidden:
        print(f"note: {hidden} more elsewhere: migmerge check", file=sys.stderr)

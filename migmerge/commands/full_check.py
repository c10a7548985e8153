"""What `check` does where the cache has no answer: read, find, print."""

from __future__ import annotations

import sys

from migmerge.analysis.authors import added_by, current_tips
from migmerge.analysis.clean_checks import Clean, changed_at, remember
from migmerge.analysis.findings import analyse
from migmerge.analysis.ignored_migrations import ON_DISK, directories_on_disk
from migmerge.analysis.snapshot import Snapshot, recollect
from migmerge.analysis.workspace import Workspace
from migmerge.commands.against import with_refs
from migmerge.commands.arguments_of_apps import scope_of
from migmerge.commands.check import CheckOptions
from migmerge.config import Config
from migmerge.conflicts.conflict import Conflict
from migmerge.errors import UserError
from migmerge.git.trees import Records
from migmerge.migrations.discovery import candidate_directories, is_around, split
from migmerge.report.checked import Checked
from migmerge.report.colour import paint_for
from migmerge.report.summary import summary
from migmerge.report.text import findings_text, notice_line, what_was_read


def look(
    workspace: Workspace,
    tree: tuple[str, Records],
    prefixes: list[str],
    options: CheckOptions,
) -> Checked:
    """The findings in, around or about `prefixes`, else those of the projects that a command in
    this directory means; remembered where there are none at all.

    `tree` is what git lists, with the ref that it would be a merge with, if any.
    """
    ref, records = tree
    always_base = options.format == "json"
    if prefixes:
        # what nothing here depends on is not even read, as long as nothing is found here
        snapshot, _ = recollect(workspace, records, prefixes)
        _refuse_unknown(workspace.config, snapshot, prefixes)
        within = [*prefixes, *_named_elsewhere(workspace.config, snapshot)]
        whole, _ = recollect(workspace, records, within)
        findings = analyse(workspace, whole, always_base=always_base)
        if not any(_inside(conflict, prefixes) for conflict in findings.conflicts):
            return Checked(snapshot, findings._replace(conflicts=()), ref)

    snapshot, sound = recollect(workspace, records)
    on_disk = directories_on_disk(snapshot) if snapshot.source in ON_DISK else []
    times = changed_at(workspace, on_disk)
    findings = analyse(workspace, snapshot, always_base=always_base)
    checked = Checked(snapshot, findings, ref)
    if sound and not findings.conflicts and not snapshot.oddities.settings_read:
        notices = tuple(notice_line(notice) for notice in findings.notices)
        asked = findings.asked or not _is_of_a_commit(workspace, snapshot)
        base = workspace.base_or_none if asked else None
        clean = Clean(*checked.size, asked, base, notices, times)
        remember(workspace, records, clean)

    conflicts = tuple(c for c in findings.conflicts if _inside(c, prefixes))
    if conflicts and not prefixes:
        scope = scope_of(workspace.repository, snapshot, options.directory)
        conflicts = tuple(c for c in conflicts if c.app.key in scope.apps)

    hidden = len(findings.conflicts) - len(conflicts)
    if ref:
        conflicts = with_refs(workspace, snapshot, conflicts, ref)
    return checked._replace(findings=findings._replace(conflicts=conflicts), hidden=hidden)


def _is_of_a_commit(workspace: Workspace, snapshot: Snapshot) -> bool:
    """Whether the migrations are those of one commit, so that nothing which becomes published can
    be other than here, wherever the base branch goes."""
    commits = snapshot.listing.commits or ((workspace.head,) if workspace.head else ())
    if len(commits) != 1:
        return False
    directories = {app.directory for app in snapshot.apps.values()}
    here, there = (
        {
            path: file.oid
            for path, file in files.items()
            if path.endswith(".py") and split(path)[0] in directories
        }
        for files in (snapshot.listing.files, workspace.list_commit(commits[0]).files)
    )
    return here == there


def count_migrations(workspace: Workspace, commit: str) -> int:
    """How many migrations a commit has."""
    snapshot, _ = recollect(workspace, workspace.commit_records(commit))
    return len(snapshot.graph.nodes)


def _named_elsewhere(config: Config, snapshot: Snapshot) -> list[str]:
    """Directories of apps that the migrations read so far name, by what they are called."""
    labels = {
        reference.label
        for migration in snapshot.graph.nodes.values()
        for reference in (*migration.header.dependencies, *migration.header.run_before)
    }
    places = candidate_directories(snapshot.listing.files, config.migration_modules.values())
    directories = {app.directory for app in snapshot.apps.values()}
    return sorted(d for d in places - directories if labels.intersection(d.split("/")[-2:]))


def _refuse_unknown(config: Config, snapshot: Snapshot, prefixes: list[str]) -> None:
    """UserError for a path in or around which there are no migrations."""
    for prefix in prefixes:
        if any(is_around(app.directory, prefix) for app in snapshot.apps.values()):
            continue
        modules = config.migration_modules.values()
        places = sorted(candidate_directories(snapshot.listing.files, modules))
        listed = ", ".join(place or "." for place in places) or "nowhere"
        raise UserError(
            "unknown-app", f"no migrations in or around {prefix}", f"there are some in {listed}"
        )


def _inside(conflict: Conflict, prefixes: list[str]) -> bool:
    place = conflict.place.path if conflict.place else conflict.app.directory
    return not prefixes or any(
        f"{place}/".startswith(f"{prefix}/") or is_around(conflict.app.directory, prefix)
        for prefix in prefixes
    )


def print_findings(workspace: Workspace, checked: Checked, options: CheckOptions) -> None:
    """Findings on standard output, the rest on standard error."""
    snapshot, findings, ref, hidden = checked
    if not options.quiet:
        for notice in findings.notices:
            print(notice_line(notice), file=sys.stderr)

    if findings.conflicts:
        files = {
            (snapshot.graph.nodes[key].path, key.version)
            for conflict in findings.conflicts
            for branch in conflict.branches
            for key in branch.nodes
        }
        tips = list(snapshot.listing.commits) or current_tips(workspace)
        tips += [findings.base.commit] if findings.base else []
        paint = paint_for(options.color, sys.stdout)
        print(findings_text(checked, added_by(workspace.repository, files, tips), paint), end="")

    if options.quiet:
        return
    if options.verbose:
        print("".join(f"{line}\n" for line in what_was_read(checked)), end="", file=sys.stderr)
    print(summary(*checked.size, len(findings.conflicts), ref), file=sys.stderr)
    if hidden:
        print(f"note: {hidden} more elsewhere: migmerge check", file=sys.stderr)

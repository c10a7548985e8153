"""`migmerge undo`: take back the last fix: files, index, and rows of configured databases."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from migmerge.analysis.snapshot import Snapshot, Tree, read_snapshot, understand
from migmerge.analysis.workspace import Workspace, open_workspace
from migmerge.commands.arguments_of_apps import says_yes
from migmerge.commands.exclusive import Held, exclusive
from migmerge.databases.reconcile import (
    RowsByApp,
    database_rows,
    find_affected,
    untouched_rule,
)
from migmerge.databases.reset_record import reset_records
from migmerge.errors import UserError
from migmerge.git.process import unbroken
from migmerge.git.repository import Repository, find_work_tree
from migmerge.migrations.catch_up import is_catch_up
from migmerge.migrations.naming import migration_name
from migmerge.migrations.operations import pair_names
from migmerge.migrations.reader import read_header
from migmerge.project.configured_databases import Permission, Renamed
from migmerge.project.run import undisturbed
from migmerge.report.screen import has_terminal, printable
from migmerge.resolve import journal
from migmerge.resolve.journal import DatabaseRows, Journal, State
from migmerge.resolve.project_input import projects_of
from migmerge.resolve.restored_rows import restore_rows
from migmerge.resolve.transaction import Transaction, read_states


class UndoOptions(NamedTuple):
    """What the command line said; `reset` that it is a reset that is taken back."""

    directory: str
    config: str | None = None
    reset: bool = False
    yes: bool = False
    no_databases: bool = False
    databases: tuple[str, ...] = ()


def undo(options: UndoOptions) -> int:
    """0 when the last fix was taken back, 1 when files or index aren't as it left them."""
    repository = find_work_tree(options.directory, "undo")
    with exclusive(repository, databases=not options.no_databases) as held:
        if held.recovered:
            return 0

        change = last_change(repository)
        if change is None:
            raise UserError(
                "nothing-to-undo", "there is no fix to take back in this worktree", "git reflog"
            )

        resets = [set(entry.paths) for entry in reset_records(repository)]
        if not options.reset and set(change.before) in resets:
            raise UserError(
                "nothing-to-undo",
                "the last change is a reset, which has rows, too",
                "migmerge reset --undo",
            )
        workspace = open_workspace(repository, options.config)
        return _take_back(workspace, change, options, held)


def last_change(repository: Repository) -> Journal | None:
    """The last change that git has not taken back already, as with merge --abort, nor an undo that
    was killed before it forgot both."""
    while change := journal.last_backup(repository):
        now = read_states(repository, change.before)
        if change.undoes:
            if not any(differs(now[path], state) for path, state in change.after.items()):
                journal.drop_number(repository, change.undoes)
        elif any(differs(now[path], state) for path, state in change.before.items()):
            return change

        journal.drop(repository, change)

    return None


def why_not(repository: Repository, paths: Sequence[str]) -> str:
    """Why the last change is not the one of these paths, as it left them; empty where it is."""
    change = last_change(repository)
    if change is None or set(change.before) != set(paths):
        return "something else was changed since: migmerge undo takes that back first"
    now = read_states(repository, change.before)
    odd = sorted(p for p, state in now.items() if differs(state, change.after[p]))
    return f"not as it was left: {', '.join(odd)}" if odd else ""


def _take_back(workspace: Workspace, change: Journal, options: UndoOptions, held: Held) -> int:
    now = read_states(workspace.repository, change.before)
    later = journal.standing(workspace.repository) != (change.head, change.theirs)
    odd = sorted(p for p, state in now.items() if differs(state, change.after[p]))
    if odd:
        print("nothing was taken back; these are not as the fix left them:")
        print("".join(f"  {printable(path)}\n" for path in odd), end="")
        return 1
    if later and any(_is_unmerged(state) for state in change.before.values()):
        print("nothing was taken back; the merge that the fix belonged to is over")
        print("  next: git revert -m 1 HEAD, or git reset, whichever commit it is in")
        return 1

    broken = _would_break(workspace, change) if later else []
    if broken:
        print("nothing was taken back; what came later builds on the fix:")
        print("".join(f"  {printable(text)}\n" for text in broken), end="")
        return 1

    snapshot = read_snapshot(workspace)
    names = _renamed(snapshot, change)
    turned = {
        app: [Renamed(row.label, row.new, row.old) for row in rows] for app, rows in names.items()
    }
    projects = projects_of(workspace, snapshot, sorted(names))
    rule = untouched_rule(no_databases=options.no_databases)
    allowed = Permission(options.databases, workspace.config.protected_databases)
    affected = find_affected(projects, turned, allowed, rule)
    rows = database_rows(affected, names)
    if not _agreed(rows, options):
        print("nothing was taken back")
        return 1

    transaction = Transaction(workspace.repository, now, change.before, change.number)
    why = _carry_back(workspace.repository, transaction, rows, change, held)
    if why:
        print("nothing was taken back:")
        print("".join(f"  {printable(line)}\n" for line in why), end="")
        return 1

    for path, state in sorted(change.before.items()):
        print(f"{'restored' if state.data is not None else 'removed '} {printable(path)}")

    for other in affected:
        if other.why:
            print(printable(str(other)))

    print("staged; look, then git commit" if later else "as it was before the fix")
    return 0


def _agreed(rows: Sequence[DatabaseRows], options: UndoOptions) -> bool:
    """Whether rows may be renamed; each database is named before. Only a terminal is asked."""
    for database in rows:
        renames = [f"{r.label}.{r.new} to {r.old}" for r in database.rows if not r.kept]
        removes = [f"{r.label}.{r.new}" for r in database.rows if r.kept]
        parts = [f"renames {', '.join(renames)}"] if renames else []
        parts += [f"removes {', '.join(removes)}"] if removes else []
        print(printable(f"{database.name}: {'; '.join(parts)}"), flush=True)
    if not rows or options.yes or not has_terminal():
        return True
    return says_yes("Take the fix back, in the database, too?")


def _carry_back(
    repository: Repository,
    transaction: Transaction,
    rows: list[DatabaseRows],
    change: Journal,
    held: Held,
) -> list[str]:
    """Rows first, then files: as long as rows may have new names, so have the files. Why nothing
    was done, where a database stands in the way."""
    transaction.begin()
    try:
        if rows:
            transaction.touch_databases(rows, undoing=True)
        stuck = restore_rows(rows, old=True)
        if stuck:
            return [*stuck, *transaction.roll_back().lines]
        transaction.write()
    except BaseException as error:
        with undisturbed():
            back = transaction.roll_back()

        if isinstance(error, KeyboardInterrupt) and back.lines:
            raise KeyboardInterrupt("; ".join(back.lines)) from None
        raise

    with unbroken():
        held.done = "the fix is taken back"
        for done in (transaction.finish(), change):
            journal.drop(repository, done)

    return []


def _renamed(snapshot: Snapshot, change: Journal) -> RowsByApp:
    """What the fix renamed: a file's operations that are in another one since."""
    apps = {app.directory: app for app in snapshot.apps.values()}
    changed = [p for p, state in change.before.items() if state.data != change.after[p].data]
    went = {p: data for p in changed if (data := change.before[p].data) is not None}
    came = {p: data for p in changed if (data := change.after[p].data) is not None}
    by_app = {}
    for place in sorted({os.path.dirname(path) for path in went}):
        old, new = (
            {
                migration_name(path): data
                for path, data in files.items()
                if os.path.dirname(path) == place
            }
            for files in (went, came)
        )
        pairs = pair_names(old, new) if place in apps else {}
        if pairs:
            label = apps[place].label
            rows = [Renamed(label, name, other) for name, other in sorted(pairs.items())]
            rows += _catch_ups(label, new, pairs.values())
            by_app[apps[place].key] = rows

    return by_app


def _catch_ups(label: str, new: Mapping[str, bytes], renamed: Collection[str]) -> list[Renamed]:
    """Rows of catch-up migrations that the fix made: they go where a carried name was recorded."""
    headers = [header for data in new.values() if (header := read_header(data))]
    carried = [header.replaces[0].name for header in headers if header.replaces]
    return [
        Renamed(label, carried[0], name, kept=True)
        for name, data in new.items()
        if carried and name not in renamed and is_catch_up(data, name, label)
    ]


def differs(now: State, after: State) -> bool:
    """Whether a path has other bytes or another index entry; its mode is not compared."""
    return (now.data, now.entries) != (after.data, after.entries)


def _would_break(workspace: Workspace, change: Journal) -> list[str]:
    """Migrations that would be left without one that they depend on."""
    snapshot = read_snapshot(workspace)
    files = {path: state.data for path, state in change.before.items()}
    after = understand(workspace, Tree("plan", snapshot.listing, files))
    missing_before = {missing.migration.path for missing in snapshot.graph.missing}
    old = [workspace.list_commit(c).files for c in (change.head, change.theirs) if c]
    now = snapshot.listing.files

    def is_as_it_was(path: str) -> bool:
        return any(path in then and then[path].oid == now[path].oid for then in old)

    return sorted(
        f"{missing.migration.path} depends on {missing.key}"
        for missing in after.graph.missing
        if missing.migration.path not in missing_before
        and missing.migration.path not in files
        and not is_as_it_was(missing.migration.path)
    )


def _is_unmerged(state: State) -> bool:
    return any(entry.split(b"\t")[0].split()[2] != b"0" for entry in state.entries)

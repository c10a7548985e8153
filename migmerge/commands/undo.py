"""`migmerge undo`: take back the last fix, files and index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from migmerge.commands.exclusive import exclusive
from migmerge.config import read_config
from migmerge.errors import UserError
from migmerge.git.repository import Repository, find_repository
from migmerge.git.snapshot import Snapshot, read_snapshot, understand
from migmerge.migrations.operations import database_mark
from migmerge.project.databases import Renamed
from migmerge.report.screen import printable
from migmerge.resolve import journal
from migmerge.resolve.asking import projects_of
from migmerge.resolve.journal import Journal, State
from migmerge.resolve.reconciling import name_of, rename_back
from migmerge.resolve.transaction import Transaction, read_states


class UndoOptions(NamedTuple):
    """What the command line said."""

    directory: str


def undo(options: UndoOptions) -> int:
    """0 when the last fix was taken back, 1 when files or index aren't as it left them."""
    repository = find_repository(options.directory)
    if repository.bare:
        raise UserError(f"{repository.root} is a bare repository", "run undo in a work tree")
    with exclusive(repository) as recovered:
        if recovered:
            return 0
        while change := journal.last_backup(repository):
            now = read_states(repository, change.before)
            if any(_differs(now[path], state) for path, state in change.before.items()):
                return _take_back(repository, change, now)
            journal.drop(repository, change)  # git took it back, as with merge --abort
        raise UserError("there is no fix to take back in this worktree", "git reflog")


def _take_back(repository: Repository, change: Journal, now: Mapping[str, State]) -> int:
    later = journal.standing(repository) != (change.head, change.theirs)
    odd = sorted(p for p, state in now.items() if _differs(state, change.after[p]))
    if odd:
        print("nothing was taken back; these are not as the fix left them:")
        print("".join(f"  {printable(path)}\n" for path in odd), end="")
        return 1
    if later and any(_is_unmerged(state) for state in change.before.values()):
        print("nothing was taken back; the merge that the fix belonged to is over")
        print("  next: git revert -m 1 HEAD, or git reset, whichever commit it is in")
        return 1
    broken = _would_break(repository, change) if later else []
    if broken:
        print("nothing was taken back; what came later builds on the fix:")
        print("".join(f"  {printable(text)}\n" for text in broken), end="")
        return 1
    config = read_config(repository.root)
    snapshot = read_snapshot(repository, config)
    names = _renamed(snapshot, change)
    transaction = Transaction(repository, now, change.before)
    own = transaction.apply()
    transaction.finish()
    for done in (own, change):
        journal.drop(repository, done)
    for path, state in sorted(change.before.items()):
        print(f"{'restored' if state.data is not None else 'removed '} {printable(path)}")
    projects = projects_of(repository, config, snapshot, sorted(snapshot.apps)) if names else {}
    for line in rename_back(projects, snapshot, names):
        print(printable(line))
    print("staged; look, then git commit" if later else "as it was before the fix")
    return 0


def _renamed(snapshot: Snapshot, change: Journal) -> list[Renamed]:
    """What the fix renamed: a file that went, and one that came with its operations."""
    labels = {node.path: node.label for node in snapshot.graph.nodes.values()}
    went = {p: s.data for p, s in change.before.items() if s.data and not change.after[p].data}
    came = {p: s.data for p, s in change.after.items() if s.data and not change.before[p].data}
    return [
        Renamed(labels[new], name_of(old), name_of(new))
        for old, before in sorted(went.items())
        for new, after in sorted(came.items())
        if new in labels and database_mark(before) and database_mark(before) == database_mark(after)
    ]


def _differs(now: State, after: State) -> bool:
    return (now.data, now.entries) != (after.data, after.entries)


def _would_break(repository: Repository, change: Journal) -> list[str]:
    """Migrations that would be left without one that they depend on."""
    config = read_config(repository.root)
    snapshot = read_snapshot(repository, config)
    files = {path: state.data for path, state in change.before.items()}
    after = understand(repository, config, "plan", snapshot.listing, files)
    known = {missing.migration.path for missing in snapshot.graph.missing}
    return sorted(
        f"{missing.migration.path} depends on {missing.key}"
        for missing in after.graph.missing
        if missing.migration.path not in known and missing.migration.path not in files
    )


def _is_unmerged(state: State) -> bool:
    return any(entry.split(b"\t")[0].split()[2] != b"0" for entry in state.entries)

"""`migmerge check`: find every way in which two lines of migrations collide."""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

from migmerge.analysis.clean_checks import recall
from migmerge.analysis.workspace import Workspace
from migmerge.commands.exclusive import tidy_up
from migmerge.commands.gate import Gate, open_gate, refuse_empty
from migmerge.errors import UserError
from migmerge.git.repository import Repository, commit_of, find_repository
from migmerge.git.trees import Records, find_records
from migmerge.report.summary import summary


class CheckOptions(NamedTuple):
    """What the command line said; `paths` are relative to `directory`.

    An empty ref of `against` is CI's target branch, or the base branch. `exit_zero`: it never
    fails, as in the hook after a merge.
    """

    directory: str
    config: str | None = None
    paths: tuple[str, ...] = ()
    staged: bool = False
    rev: str | None = None
    against: tuple[str, ...] = ()
    base: str | None = None
    format: str = "text"
    exit_zero: bool = False
    quiet: bool = False
    verbose: bool = False
    color: str = "auto"


def check(options: CheckOptions) -> int:
    """Print the findings; 0 when there are none, 1 when there are."""
    repository = find_repository(options.directory)
    if repository.bare and not options.rev and not options.against:
        raise UserError(
            "bare",
            f"{repository.root} is a bare repository",
            "name a commit: migmerge check --rev REF",
        )
    if not repository.bare:
        tidy_up(repository)
    gate = open_gate(repository, options.config, options.base, options.against)
    workspace = gate.workspace
    prefixes = _prefixes(repository, options)
    if options.exit_zero and "GIT_REFLOG_ACTION" in os.environ and not options.quiet:
        _print_renumbered(repository)
    trees = _trees(workspace, options)
    # any other format says more than that there is nothing
    if options.format == "text" and not prefixes:
        trees = [tree for tree in trees if not _is_known(gate, options, *tree)]
    if not trees:
        return 0

    # a check that finds nothing once more never comes here
    from migmerge.commands.full_check import count_migrations, look, print_findings

    checked = [look(workspace, tree, prefixes, options) for tree in trees]
    if gate.target and not all(one.size[0] for one in checked):
        refuse_empty(gate, 0, count_migrations(workspace, gate.target.commit))
    if options.format == "text":
        for one in checked:
            print_findings(workspace, one, options)
    else:
        from migmerge.report.formats import document  # each format pays for itself

        print(document(options.format, checked))

    return 1 if any(one.findings.conflicts for one in checked) else 0


def _print_renumbered(repository: Repository) -> None:
    from migmerge.analysis.team_habit import renumbered  # only after a merge
    from migmerge.report.text import notice_line

    for notice in renumbered(repository):
        print(notice_line(notice), file=sys.stderr)


def _trees(workspace: Workspace, options: CheckOptions) -> list[tuple[str, Records]]:
    """What is to be looked at, each with the ref that it would be a merge with."""
    if options.against:
        from migmerge.commands.against import merges  # not for hooks

        return merges(workspace, options.against)

    commit = (
        commit_of(workspace.repository, options.rev)
        if options.rev
        else _pushed(options, workspace.repository)
    )
    return [("", find_records(workspace.repository, staged=options.staged, commit=commit))]


def _is_known(gate: Gate, options: CheckOptions, ref: str, records: Records) -> bool:
    """Whether nothing was found here before; then it is said again."""
    clean = recall(gate.workspace, records)
    if clean is None or (gate.target and not clean.migrations):
        return False
    if options.verbose:
        return False  # what is remembered is no more than the result
    if not options.quiet:
        for notice in clean.notices:
            print(notice, file=sys.stderr)

        print(summary(clean.migrations, clean.apps, 0, ref), file=sys.stderr)

    return True


def _pushed(options: CheckOptions, repository: Repository) -> str:
    """Under a pre-push hook of pre-commit, the commit that is being pushed; else nothing."""
    pushed = os.environ.get("PRE_COMMIT_TO_REF") if options.staged else None
    return commit_of(repository, pushed) if pushed else ""


def _prefixes(repository: Repository, options: CheckOptions) -> list[str]:
    """The PATH filters, relative to the top of the work tree."""
    top = os.path.realpath(repository.root)
    prefixes = []
    for path in options.paths:
        full = os.path.realpath(os.path.join(options.directory, path))
        if os.path.isfile(full):
            full = os.path.dirname(full)  # of models.py its app is meant
        relative = os.path.relpath(full, top).replace(os.sep, "/")
        if relative == ".." or relative.startswith("../"):
            raise UserError("no-repository", f"{path} is outside the repository {top}")
        prefixes.append("" if relative == "." else relative)

    return prefixes

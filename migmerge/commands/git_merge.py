"""`migmerge merge` and `migmerge rebase`: git's own, with the fix made part of what they make."""

from __future__ import annotations

import os
import shlex
import sys
from typing import NamedTuple

from migmerge.commands.check import CheckOptions, check
from migmerge.commands.db import reconcile_renamed
from migmerge.commands.fix import fix
from migmerge.commands.fix_options import FixOptions
from migmerge.config import read_config
from migmerge.databases.reconcile import untouched_rule
from migmerge.errors import UserError
from migmerge.git.process import interactive
from migmerge.git.repository import Repository, find_repository
from migmerge.git.state import is_busy, is_merging, is_rebasing
from migmerge.report.screen import has_terminal, printable

# what of git merge's options is the commit's
_PASSED = ("--no-verify", "--cleanup", "-S", "--gpg-sign", "--no-gpg-sign", "--edit")
_OTHERS = ("--abort", "--quit", "--edit-todo", "--show-current-patch")


class GitOptions(NamedTuple):
    """What the command line said; `arguments` are git's."""

    directory: str
    config: str | None
    arguments: tuple[str, ...]


_HELP = """\
usage: migmerge {0} [git {0}'s options and arguments]

git {0}, with the fix made part of {1}. Every option is git's: git help {0}.
{2}
example: migmerge {0} origin/main
"""
_MERGE = _HELP.format(
    "merge", "the merge commit", "On a terminal it shows the fix and asks before it is written."
)
_REBASE = _HELP.format(
    "rebase",
    "each commit",
    "Your migrations move behind the others, without a question. At the end, databases in the\n"
    "project's settings that have the old names are reconciled.",
)


def merge(options: GitOptions) -> int:
    """0 when the merge commit holds the fix; 1 where git or the fix waits for somebody."""
    arguments = options.arguments
    if {"-h", "--help"} & set(arguments):
        print(_MERGE, end="")
        return 0

    repository = find_repository(options.directory)
    if "--continue" in arguments and is_merging(repository):
        if not _fixed(repository, options, "auto", "migmerge merge --continue"):
            return 1
        return interactive("merge", *arguments, cwd=options.directory)
    if is_busy(repository) or set(arguments) & {"--continue", *_OTHERS}:
        return interactive("merge", *arguments, cwd=options.directory)  # git knows what to say

    squash = _is_given(arguments, "--squash")
    code = interactive("merge", *_uncommitted(arguments), cwd=options.directory)
    if not is_merging(repository) and (code or not squash):
        return code  # a fast-forward, nothing to do, or git's own refusal
    if not _fixed(repository, options, "auto", "git commit"):
        return 1
    if squash or _is_given(arguments, "--no-commit"):
        print("as asked, nothing is committed: look, then git commit")
        return 0

    passed = [a for a in arguments if a.startswith(_PASSED) or a == "-e"]
    edit = [] if {"-e", "--edit"} & set(arguments) else ["--no-edit"]
    return interactive("commit", *edit, *passed, cwd=options.directory)


def _uncommitted(arguments: tuple[str, ...]) -> list[str]:
    """Git's arguments with --no-commit as the last option, so that it is the one that counts."""
    at = arguments.index("--") if "--" in arguments else len(arguments)
    return [*arguments[:at], "--no-commit", *arguments[at:]]


def _is_given(arguments: tuple[str, ...], option: str) -> bool:
    """Also where it is abbreviated, as git allows."""
    return any(len(a) > 3 and option.startswith(a) for a in arguments if a.startswith("--"))


def rebase(options: GitOptions) -> int:
    """0 when every commit is right by itself; 1 where git or the fix waits for somebody."""
    arguments = options.arguments
    if {"-h", "--help"} & set(arguments):
        print(_REBASE, end="")
        return 0

    repository = find_repository(options.directory)
    going_on = bool({"--continue", "--skip"} & set(arguments))
    if set(arguments) & set(_OTHERS) or is_busy(repository) != going_on:
        return interactive("rebase", *arguments, cwd=options.directory)

    prefer = read_config(repository.root, options.config).prefer
    strategy = "auto" if prefer == "merge" else "renumber"  # nobody has what is rebased
    each = ("--reschedule-failed-exec", "-x", _each(options, strategy))
    code = interactive("rebase", *(() if going_on else each), *arguments, cwd=options.directory)
    while code and is_rebasing(repository) and _unmerged(repository):
        if not _fixed(repository, options, strategy, "migmerge rebase --continue"):
            return 1
        # the message is the commit's own: nobody has to look at it
        code = interactive("rebase", "--continue", cwd=options.directory, editor="true")

    if code and is_rebasing(repository):
        print("stopped: correct what it says above, then migmerge rebase --continue")
    if code:
        return 1
    # who knows how it began
    wrong = check(CheckOptions(options.directory, options.config)) if going_on else 0
    return wrong or _follow(options)


def _follow(options: GitOptions) -> int:
    """Databases follow once, at the end: they are ahead of every commit but the last."""
    return 0 if untouched_rule() else reconcile_renamed(options.directory, options.config)


def _each(options: GitOptions, strategy: str) -> str:
    """Run after each commit; isolated (-I): what is in the work tree is never imported."""
    command = [sys.executable, "-I", "-m", "migmerge"]
    if options.config:
        command += ["--config", os.path.abspath(options.config)]
    command += ["fix", "--yes", "--amend", "--allow-skipped", "--no-databases"]
    return shlex.join([*command, "--strategy", strategy])


def _fixed(repository: Repository, options: GitOptions, strategy: str, then: str) -> bool:
    """Fix what can be; False, with words, where somebody has to go on."""
    asks = has_terminal() and strategy == "auto"
    request = FixOptions(
        repository.root, options.config, strategy=strategy, yes=not asks,
        no_databases=is_rebasing(repository), allow_skipped=True,
    )  # fmt: skip
    try:
        done = fix(request) == 0
    except UserError:
        print(printable(f"stopped: correct what it says below, then {then}"))
        raise

    left = _unmerged(repository)
    if done and not left:
        return True

    what = f"resolve {', '.join(left)}" if done else "correct what it says above"
    print(printable(f"stopped: {what}, then {then}"))
    return False


def _unmerged(repository: Repository) -> list[str]:
    out = repository.git("diff", "--name-only", "--diff-filter=U", "-z")
    return sorted(os.fsdecode(path) for path in out.split(b"\0") if path)

"""`migmerge merge` and `migmerge rebase`: git's own, with the fix made part of what they make."""

from __future__ import annotations

import os
import shlex
import sys
from typing import NamedTuple

from migmerge.commands.fix import FixOptions, fix
from migmerge.config import read_config
from migmerge.errors import UserError
from migmerge.git.process import interactive
from migmerge.git.repository import Repository, find_repository
from migmerge.git.state import stopped_operation

_OTHERS = ("--abort", "--quit", "--edit-todo", "--show-current-patch")


class GitOptions(NamedTuple):
    """What the command line said; `arguments` are git's."""

    directory: str
    config: str | None
    arguments: tuple[str, ...]


def merge(options: GitOptions) -> int:
    """0 when the merge commit holds the fix; 1 where git or the fix waits for somebody."""
    arguments = options.arguments
    if "--continue" in arguments or set(arguments) & set(_OTHERS):
        return interactive("merge", *arguments, cwd=options.directory)
    code = interactive("merge", "--no-commit", *arguments, cwd=options.directory)
    repository = find_repository(options.directory)
    if stopped_operation(repository) is None and not ("--squash" in arguments and not code):
        return code  # a fast-forward, nothing to do, or git's own refusal
    if not _fixed(repository, options, "auto", "git commit"):
        return 1
    if {"--no-commit", "--squash"} & set(arguments):
        print("as asked, nothing is committed: look, then git commit")
        return 0
    edit = {"-e", "--edit"} & set(arguments)
    return interactive("commit", *(() if edit else ("--no-edit",)), cwd=options.directory)


def rebase(options: GitOptions) -> int:
    """0 when every commit is right by itself; 1 where git or the fix waits for somebody."""
    arguments = options.arguments
    if set(arguments) & set(_OTHERS):
        return interactive("rebase", *arguments, cwd=options.directory)
    repository = find_repository(options.directory)
    prefer = read_config(repository.root, options.config).prefer
    strategy = "auto" if prefer == "merge" else "renumber"  # nobody has what is rebased
    run = () if {"--continue", "--skip"} & set(arguments) else ("-x", _each(options, strategy))
    code = interactive("rebase", *run, *arguments, cwd=options.directory)
    while code and _unmerged(repository):
        if not _fixed(repository, options, strategy, "migmerge rebase --continue"):
            return 1
        # the message is the commit's own: nobody has to look at it
        code = interactive("rebase", "--continue", cwd=options.directory, editor="true")
    if code and os.path.isdir(repository.git_path("rebase-merge")):
        print("stopped: mend what is said above, then migmerge rebase --continue")
    return 1 if code else 0


def _each(options: GitOptions, strategy: str) -> str:
    """Run after each commit; isolated (-I): what is in the work tree is never imported."""
    command = [sys.executable, "-I", "-m", "migmerge"]
    if options.config:
        command += ["--config", os.path.abspath(options.config)]
    return shlex.join([*command, "fix", "--yes", "--amend", "--strategy", strategy])


def _fixed(repository: Repository, options: GitOptions, strategy: str, then: str) -> bool:
    """Fix what can be; False, with words, where somebody has to go on."""
    asks = sys.stdin.isatty() and sys.stdout.isatty() and strategy == "auto"
    wish = FixOptions(options.directory, options.config, strategy=strategy, yes=not asks)
    try:
        done = fix(wish) == 0
    except UserError:
        print(f"stopped: mend what is said below, then {then}")
        raise
    left = _unmerged(repository)
    if done and not left:
        return True
    what = f"resolve {', '.join(left)}" if done else "mend what is said above"
    print(f"stopped: {what}, then {then}")
    return False


def _unmerged(repository: Repository) -> list[str]:
    out = repository.git("diff", "--name-only", "--diff-filter=U", "-z")
    return sorted(os.fsdecode(path) for path in out.split(b"\0") if path)

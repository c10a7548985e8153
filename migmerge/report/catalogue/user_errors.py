"""What the user must do before migmerge can look."""

from __future__ import annotations

from migmerge.report.catalogue.entry import Message

ERRORS = (
    Message(
        "MM301", "no-repository", "Not in a git repository",
        "The directory is not there, is in no work tree of git, or the path is outside of the repository.",
        "`cd` to the project, or `migmerge -C DIR …`.",
    ),
    Message(
        "MM302", "untrusted", "git does not trust the repository",
        "It belongs to another user, as in a container that mounts it. git does nothing there, nor does migmerge.",
        "Paste the `git config --global --add safe.directory` of the hint, if you trust it.",
    ),
    Message(
        "MM303", "bare", "A bare repository",
        "There is no work tree that could be read or written.",
        "Name a commit (`migmerge check --rev REF`), or run it in a work tree.",
    ),
    Message(
        "MM304", "no-git", "git is not there",
        "No `git` is on PATH, or it can't be run in this directory.",
        "Install git 2.31 or later.",
    ),
    Message(
        "MM305", "unknown-ref", "No such commit or branch",
        "What `--rev`, `--against`, `--base` or the configuration names is not in this clone.",
        "`git fetch`, or `git branch --all` for the names that there are.",
    ),
    Message(
        "MM306", "no-base", "No base branch",
        "The branch to compare or merge with is not in this clone, or there is none: neither `--base`, `base` of the "
        "configuration, CI's target branch, origin/HEAD, origin/main, origin/master nor an upstream.",
        "Fetch it with the command of the hint, or name one: `--base REF`.",
    ),
    Message(
        "MM307", "shallow", "A clone that is too shallow",
        "The history was cut off (`git clone --depth`, CI's default) before the commit that both branches share.",
        "`git fetch --unshallow`; in CI `fetch-depth: 0` (GitHub), `GIT_DEPTH: 0` (GitLab), `clone: depth: full` (Bitbucket).",
    ),
    Message(
        "MM308", "unrelated", "Two histories with nothing in common",
        "git merges only what has a commit in common.",
        "Name a branch of this repository.",
    ),
    Message(
        "MM309", "git", "git failed",
        "A command of git's ended with an error that migmerge knows no way around; its words are in the message.",
        "`git status` and `git fsck` say more. Nothing was changed.",
    ),
    Message(
        "MM310", "configuration", "A configuration that can't be read",
        "A key, a value or the file itself is not what docs/configuration.md says; the message has the place.",
        "Fix the file, or the `MIGMERGE_` variable, that it names.",
    ),
    Message(
        "MM311", "unknown-app", "No such app",
        "No app with migrations has this label or directory, or there are none around the path.",
        "The hint lists the apps that there are.",
    ),
    Message(
        "MM312", "same-label", "One label for two apps",
        "Two directories of the repository are apps with one label, as in an example project beside the real one, and "
        "something names the label.",
        "Name the directory in place of the label; or `app_labels` or `exclude` in the configuration.",
    ),
    Message(
        "MM313", "unknown-side", "No such migration in a conflict",
        "`--move` and `--take` name a migration of the side that is meant, and none of a conflict has this name.",
        "`migmerge check` shows the names.",
    ),
    Message(
        "MM314", "options", "Options that don't go together",
        "Two options contradict each other, or one asks for what is not there.",
        "The hint says which to leave out; `migmerge COMMAND --help` has an example.",
    ),
    Message(
        "MM315", "no-terminal", "Nobody to ask",
        "The command would change something and asks before, but input or output is no terminal.",
        "Look at the plan that it printed, then add `--yes`.",
    ),
    Message(
        "MM316", "unstaged", "Unstaged edits in files that would be written",
        "The fix would write over what is neither committed nor staged.",
        "`git add` or `git stash` them, then run it again.",
    ),
    Message(
        "MM317", "in-the-way", "Something is where a file has to go",
        "An untracked file has the name that a migration gets, or the path is a link, a directory or beyond a link.",
        "Move it away, then run it again.",
    ),
    Message(
        "MM318", "locked", "Somebody else is at work",
        "git holds its index lock, or another migmerge runs in this work tree.",
        "Wait for it. If none runs, remove the lock file that the message names.",
    ),
    Message(
        "MM319", "journal", "A journal that can't be read",
        "A fix was interrupted, and what it wrote down to take it back is damaged.",
        "The backup refs have the old bytes: `git for-each-ref refs/migmerge/backup`, then `git show REF:PATH`.",
    ),
    Message(
        "MM320", "nothing-to-undo", "Nothing to take back",
        "No fix, or no reset, was done in this work tree, or it has been taken back.",
        "The hint names the command that takes back what there is; `git reflog` has the commits.",
    ),
    Message(
        "MM321", "commit", "A commit that would be wrong",
        "What is to be committed or amended lacks a migration that is not committed, is published, or is not there yet.",
        "Commit what the message names first, or run `fix` without `--commit` and `--amend`.",
    ),
    Message(
        "MM322", "no-project", "No Django project that runs",
        "Databases are reached through the project's own interpreter and settings, and none was found or it stops.",
        "`python manage.py check` has to run in the environment that is active; `manage` in the configuration names another command.",
    ),
    Message(
        "MM323", "database", "A database that can't be used",
        "The URL or alias of `--database` names none, or it can't be reached or read.",
        "`postgres://user@host:5432/name`, `mysql://…`, `sqlite:///path`, or an alias of the settings.",
    ),
    Message(
        "MM324", "extra", "A part that is not installed",
        "Pictures as svg and html need Graphviz, which is an extra.",
        "`pip install 'migmerge[graph]'`, or another `--format`.",
    ),
    Message(
        "MM325", "wiring", "git can't be wired",
        "Another merge driver has our name, a hook or its chained name is in the way, this configuration of git can't be written, or "
        "git could not run migmerge from where it is installed.",
        "The hint says what fixes it; `migmerge install --dry-run` shows every change before. Nothing is left half done.",
    ),
    Message(
        "MM326", "nested", "A migration that is nested too deeply",
        "A file is nested so deeply that Python's own parser would give up on it.",
        "Leave it out with `exclude` in the configuration.",
    ),
    Message(
        "MM327", "changed", "A file changed meanwhile",
        "Something else, an editor or a formatter, wrote a file between reading and writing it. Everything was put back.",
        "Run it again.",
    ),
    Message(
        "MM328", "half-done", "A change that is half done",
        "A fix or an undo was interrupted while it renamed rows of a configured database, and the database can't be "
        "reached to take that back. The files have the new names; rows may have the old or the new ones.",
        "`migmerge undo` once the database can be reached, or `migmerge undo --no-databases`, then `migmerge db status`.",
    ),
    Message(
        "MM329", "system", "The operating system refused",
        "A file can't be read or written: permission denied, no space left, a read-only file system. The message names it.",
        "Fix what the message says, and run it again. What was begun has been put back, or is by the next command.",
    ),
    Message(
        "MM330", "not-regular", "A file that can't be read safely",
        "A configuration, attributes or hook file is a device, a pipe or a directory, or has more than 4 MiB: reading it could "
        "block, or never end.",
        "Move it away, or put a regular file in its place.",
    ),
    Message(
        "MM331", "nothing-left", "No migrations where the target has some",
        "A merge would leave no migration that migmerge looks at, though the branch that is merged into has some: they were removed, "
        "moved, or are left out.",
        "Look where they went with the command of the hint.",
    ),
)  # fmt: skip

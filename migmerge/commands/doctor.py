"""`migmerge doctor`: does the whole chain work, and what mends what doesn't?"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from typing import NamedTuple

from migmerge.config import Config, read_config
from migmerge.errors import UserError
from migmerge.git.base import find_base
from migmerge.git.hooks import SUFFIX, Hook, read_hooks
from migmerge.git.precommit import CONFIG, missing_types
from migmerge.git.probe import probe
from migmerge.git.repository import Repository, find_repository
from migmerge.git.snapshot import Snapshot, read_snapshot
from migmerge.git.state import JOURNAL
from migmerge.git.wiring import (
    SECTION,
    driver_command,
    git_place,
    interpreter_of,
    merge_attributes,
    read_driver,
)
from migmerge.report.documents import VERSION, DoctorDocument
from migmerge.report.screen import printable

_STALE_DAYS = 14


class DoctorOptions(NamedTuple):
    """What the command line said."""

    directory: str
    config: str | None = None
    format: str = "text"


class Problem(NamedTuple):
    """Something that isn't as it should be; `id` is stable, `command` mends it."""

    id: str
    text: str
    command: str


def doctor(options: DoctorOptions) -> int:
    """0 when all is well, 1 when there are problems."""
    repository = find_repository(options.directory)
    if repository.bare:
        raise UserError(
            "bare", f"{repository.root} is a bare repository", "run doctor in a work tree"
        )
    config = read_config(repository.root, options.config)
    snapshot = read_snapshot(repository, config)
    problems = [
        *_driver(repository),
        *_reach(repository, snapshot),
        *_hooks(repository),
        *_hazards(repository),
        *_base(repository, config),
    ]
    if not any(p.id.startswith("driver") for p in problems):
        problems += _probe(repository, snapshot)
    if options.format == "json":
        document: DoctorDocument = {
            "version": VERSION,
            "problems": [{"id": p.id, "text": p.text, "command": p.command} for p in problems],
        }
        print(json.dumps(document, indent=1))
    else:
        for problem in problems:
            print(printable(f"{problem.id}: {problem.text}"))
            print(printable(f"  next: {problem.command}"))
        print(f"{len(problems)} problem{'s' * (len(problems) != 1)}" if problems else "all is well")
    return 1 if problems else 0


def _driver(repository: Repository) -> Iterator[Problem]:
    found = read_driver(repository)
    if not found.command:
        if found.name:
            text = "the driver has a name and no command: every merge of a migration dies"
            yield Problem("driver-without-command", text, "migmerge install")
        else:
            yield Problem("driver-missing", "git knows no merge driver", "migmerge install")
        return
    python = interpreter_of(found.command)
    if not python:
        text = f"git runs {found.command!r}, which is not migmerge's"
        yield Problem("driver-foreign", text, f"git config --unset {SECTION}.driver")
    elif not shutil.which(python):
        text = f"the driver's interpreter is gone: {python} (git merges as text)"
        yield Problem("driver-interpreter", text, "migmerge install")
    elif subprocess.run([python, "-I", "-c", "import migmerge"], capture_output=True).returncode:
        text = f"{python} can't import migmerge (git merges as text)"
        yield Problem("driver-package", text, f"{python} -m pip install migmerge")
    elif found.command != driver_command(python):
        yield Problem("driver-outdated", "the driver is another version's", "migmerge install")
    elif found.recursive != "text":
        text = "merges of merge bases would ask the driver, too"
        yield Problem("driver-recursive", text, "migmerge install")


def _reach(repository: Repository, snapshot: Snapshot) -> Iterator[Problem]:
    paths = sorted({m.path for m in snapshot.graph.nodes.values()})
    paths += [lock.path for lock in snapshot.lock_files]
    told = merge_attributes(repository, paths) if paths else {}
    missed: dict[tuple[str, str], list[str]] = {}
    for path, value in sorted(told.items()):
        if value != "migmerge":
            missed.setdefault((path.rpartition("/")[0], value), []).append(path)
    for (directory, value), own in missed.items():
        place = f"{directory}/" if directory else own[0]
        if value == "unspecified":
            text = f"the attribute does not reach {place} ({len(own)} files)"
            yield Problem("attribute-missing", text, "migmerge install")
        else:
            text = f"another attribute wins for {place}: merge is {value}"
            command = f"git check-attr -a -- {own[0]}, then remove the line that says so"
            yield Problem("attribute-other", text, command)


def _hooks(repository: Repository) -> Iterator[Problem]:
    directory = git_place(repository, "hooks")
    path = os.path.join(repository.root, CONFIG)
    hooks = read_hooks(directory)
    if os.path.exists(path):
        with open(path, "rb") as handle:
            source = handle.read()
        if b"migmerge-check" in source:
            yield from _framework_hooks(source, hooks)
            return
    if os.path.relpath(directory, repository.root).startswith("..") and not os.path.isdir(
        directory
    ):
        text = f"core.hooksPath names {directory}, which is not there: no hook runs"
        yield Problem("hooks-path", text, "git config --unset core.hooksPath")
        return
    for hook in hooks:
        if hook.kind == "nothing":
            text = f"there is no {hook.name} hook"
            yield Problem("hook-missing", text, "migmerge install")
        elif hook.kind == "chained" and not os.path.lexists(hook.path + SUFFIX):
            text = f"the {hook.name} hook that was there before is gone: {hook.path}{SUFFIX}"
            yield Problem("hook-lost", text, "put it back, or migmerge uninstall and install")
        elif not hook.executable:
            yield Problem("hook-mode", f"{hook.path} is not executable", f"chmod +x {hook.path}")
        elif hook.kind == "foreign" and not _calls_us(hook):
            text = f"the {hook.name} hook does not run migmerge"
            yield Problem("hook-foreign", text, "migmerge install")
    if any(h.kind in ("ours", "chained") for h in hooks) and not shutil.which("migmerge"):
        text = "migmerge is not on PATH: the hooks pass without looking"
        yield Problem("hook-path", text, "put it on PATH (pipx install migmerge)")


def _framework_hooks(source: bytes, hooks: list[Hook]) -> Iterator[Problem]:
    missing = missing_types(source)
    if missing:
        text = f"default_install_hook_types lacks {', '.join(missing)}: plain merges go unseen"
        yield Problem("pre-commit-types", text, f"add them to {CONFIG}, then pre-commit install")
    absent = [hook.name for hook in hooks if hook.kind == "nothing"]
    if absent:
        text = f"pre-commit is configured, but not installed for {', '.join(absent)}"
        types = " ".join(f"-t {name}" for name in absent)
        yield Problem("pre-commit-install", text, f"pre-commit install {types}")


def _calls_us(hook: Hook) -> bool:
    with open(hook.path, encoding="utf-8", errors="replace") as handle:
        return "migmerge" in handle.read()


def _hazards(repository: Repository) -> Iterator[Problem]:
    if os.environ.get("MIGMERGE") == "0":
        yield Problem("switched-off", "MIGMERGE=0 switches hooks and driver off", "unset MIGMERGE")
    if os.path.exists(repository.git_path(JOURNAL)):
        yield Problem("journal", "a fix was interrupted here", "migmerge undo")
    if _is_true(repository, "rerere.autoUpdate"):
        text = "rerere stages what it remembers, also for two migrations of one name"
        yield Problem("rerere", text, "git config rerere.autoUpdate false")
    for key in ("rebase.autoStash", "merge.autoStash"):
        if _is_true(repository, key):
            text = f"{key} puts edits back after the hooks have run: look once more then"
            yield Problem("autostash", text, f"git config {key} false")


def _is_true(repository: Repository, key: str) -> bool:
    out = repository.git("config", "--type=bool", "--get", key, expected=(0, 1, 128))
    return out.strip() == b"true"


def _base(repository: Repository, config: Config) -> Iterator[Problem]:
    try:
        base = find_base(repository, None, config.base)
    except UserError as error:
        yield Problem("base-missing", f"the base branch is not there: {error.message}", "git fetch")
        return
    if base is None:
        text = "there is no base branch: nothing is known to be published"
        yield Problem("base-unknown", text, "git remote set-head origin --auto, or configure base")
        return
    fetched = git_place(repository, "FETCH_HEAD")
    if base.name.startswith("origin/") and os.path.exists(fetched):
        days = int((time.time() - os.path.getmtime(fetched)) / 86400)
        if days >= _STALE_DAYS:
            text = f"{base.name} was fetched {days} days ago: what is published may be older news"
            yield Problem("base-stale", text, "git fetch")


def _probe(repository: Repository, snapshot: Snapshot) -> Iterator[Problem]:
    directories = sorted(app.directory for app in snapshot.apps.values())
    answer = probe(repository, directories[0] if directories else "probe/migrations")
    if answer:
        yield Problem("probe", f"a merge that was tried failed: {answer}", "migmerge install")

"""`migmerge doctor`: does the whole chain work, and what mends what doesn't?"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from migmerge.analysis.ignored_migrations import find_ignored
from migmerge.analysis.snapshot import Snapshot, read_snapshot
from migmerge.analysis.workspace import Workspace, open_workspace
from migmerge.commands.doctor_project import (
    Problem,
    examine_projects,
    project_documents,
    project_lines,
    project_problems,
)
from migmerge.errors import UserError
from migmerge.git.repository import Repository, find_work_tree
from migmerge.git.state import JOURNAL
from migmerge.install.hook_managers import (
    Manager,
    find_manager,
    lefthook_names,
    runs_us,
    with_lefthook,
)
from migmerge.install.hooks import NAMES, PYTHON_KEY, SUFFIX, Hook, interpreter_of_hook, read_hooks
from migmerge.install.marked_blocks import NotEditable
from migmerge.install.merge_driver_config import (
    SECTION,
    driver_command,
    git_place,
    interpreter_of,
    merge_attributes,
    read_driver,
)
from migmerge.install.precommit import CONFIG, missing_types
from migmerge.install.probe import probe
from migmerge.report.colour import paint_for
from migmerge.report.documents import VERSION, DoctorDocument
from migmerge.report.screen import printable
from migmerge.report.summary import count

_STALE_DAYS = 14


class DoctorOptions(NamedTuple):
    """What the command line said."""

    directory: str
    config: str | None = None
    format: str = "text"
    color: str = "auto"


def doctor(options: DoctorOptions) -> int:
    """0 when all is well, 1 when there are problems."""
    repository = find_work_tree(options.directory, "doctor")
    workspace = open_workspace(repository, options.config)
    snapshot = read_snapshot(workspace)
    driver = list(_driver(repository))
    problems = [
        *driver,
        *_reach(repository, snapshot),
        *_hooks(repository),
        *_hazards(repository),
        *_base(workspace),
        *_ignored(workspace, snapshot),
    ]
    if not driver:
        problems += _probe(repository, snapshot)
    examined = examine_projects(workspace, snapshot, options.directory)
    problems += project_problems(examined)
    if options.format == "json":
        document: DoctorDocument = {
            "version": VERSION,
            "problems": [{"id": p.id, "text": p.text, "command": p.command} for p in problems],
            "projects": project_documents(examined),
        }
        print(json.dumps(document, indent=1))
    else:
        for line in (_hooks_line(repository), *project_lines(examined)):
            print(printable(line))

        paint = paint_for(options.color, sys.stdout)
        for problem in problems:
            print(f"{paint(problem.id, 'red')}: {printable(problem.text)}")
            print(f"  next: {paint(printable(problem.command), 'cyan')}")

        summary = count(len(problems), "problem") if problems else "all is well"
        print(paint(summary, "red" if problems else "green"))

    return 1 if problems else 0


def _driver(repository: Repository) -> Iterator[Problem]:
    driver = read_driver(repository)
    if not driver.command:
        if driver.name:
            text = "the driver has a name and no command: every merge of a migration dies"
            yield Problem("driver-without-command", text, "migmerge install")
        else:
            yield Problem("driver-missing", "git knows no merge driver", "migmerge install")

        return

    python = interpreter_of(driver.command)
    if not python:
        text = f"git runs {driver.command!r}, which is not migmerge's"
        yield Problem("driver-foreign", text, f"git config --unset {SECTION}.driver")
    elif not shutil.which(python):
        text = f"the driver's interpreter is gone: {python} (git merges as text)"
        yield Problem("driver-interpreter", text, "migmerge install")
    elif subprocess.run([python, "-I", "-c", "import migmerge"], capture_output=True).returncode:
        text = f"{python} can't import migmerge (git merges as text)"
        yield Problem("driver-package", text, f"{python} -m pip install migmerge")
    elif driver.command != driver_command(python):
        yield Problem("driver-outdated", "the driver is another version's", "migmerge install")
    elif driver.recursive != "text":
        text = "the driver also runs for virtual merge bases"
        yield Problem("driver-recursive", text, "migmerge install")


def _reach(repository: Repository, snapshot: Snapshot) -> Iterator[Problem]:
    paths = sorted({m.path for m in snapshot.graph.nodes.values()})
    paths += [lock.path for lock in snapshot.lock_files]
    attributes = merge_attributes(repository, paths) if paths else {}
    missed: dict[tuple[str, str], list[str]] = {}
    for path, value in sorted(attributes.items()):
        if value != "migmerge":
            missed.setdefault((path.rpartition("/")[0], value), []).append(path)

    for (directory, value), paths_missed in missed.items():
        place = f"{directory}/" if directory else paths_missed[0]
        if value == "unspecified":
            text = f"the attribute does not reach {place} ({len(paths_missed)} files)"
            yield Problem("attribute-missing", text, "migmerge install")
        else:
            text = f"another attribute wins for {place}: merge is {value}"
            command = f"git check-attr -a -- {paths_missed[0]}, then remove the line that says so"
            yield Problem("attribute-other", text, command)


def _ignored(workspace: Workspace, snapshot: Snapshot) -> Iterator[Problem]:
    """Migrations on disk that git does not take."""
    ignored = find_ignored(workspace, snapshot)
    for conflict in ignored.conflicts:
        path = conflict.place.path if conflict.place else conflict.app.directory
        text = f"{path}: {conflict.reasons[0]}"
        yield Problem("migration-ignored", text, f"git add -f -- {shlex.quote(path)}")

    for notice in ignored.notices:
        path = notice.place.path
        command = f"git add -f -- {shlex.quote(path)}"
        yield Problem("migration-ignored", f"{path}: {notice.text}", command)


def _hooks_line(repository: Repository) -> str:
    """Who runs the hooks, for people."""
    manager = find_manager(repository)
    if _framework(repository):
        return f"hooks: pre-commit or prek, by {CONFIG}"
    if manager.kind == "lefthook":
        return f"hooks: lefthook, by {os.path.basename(manager.place)}, and native ones"

    place = git_place(repository, "hooks")
    if manager.kind:
        place = manager.place
    shown = os.path.relpath(place, repository.root)
    where = place if shown.startswith("..") else shown
    return f"hooks: {manager.kind or 'native'}, in {where}"


def _framework(repository: Repository) -> bytes:
    """pre-commit's configuration, where it has our check; else nothing."""
    path = os.path.join(repository.root, CONFIG)
    if not os.path.exists(path):
        return b""
    with open(path, "rb") as handle:
        source = handle.read()
    return source if b"migmerge-check" in source else b""


def _hooks(repository: Repository) -> Iterator[Problem]:
    directory = git_place(repository, "hooks")
    manager = find_manager(repository)
    source = _framework(repository)
    if source and manager.kind not in ("husky", "tracked"):
        yield from _framework_hooks(source, read_hooks(directory))
        return
    if manager.kind == "husky" and not os.path.isdir(directory):
        text = f"husky has not written {os.path.relpath(directory, repository.root)}: no hook runs"
        yield Problem("hooks-path", text, "npx husky")
        return

    outside = os.path.relpath(directory, repository.root).startswith("..")
    if outside and not os.path.isdir(directory):
        text = f"core.hooksPath names {directory}, which is not there: no hook runs"
        scope = _scope(repository, "core.hooksPath")
        yield Problem("hooks-path", text, f"git config {scope} --unset core.hooksPath")
        return
    if manager.kind in ("husky", "tracked"):
        yield from _shared_hooks(repository, manager)
        return

    managed = _managed(manager)
    if any(managed.values()) and not shutil.which("migmerge"):
        text = "lefthook runs migmerge from PATH, where there is none: nothing is checked"
        yield Problem("hook-path", text, "put it on PATH (pipx install migmerge)")

    yield from _native_hooks(repository, directory, managed)


def _scope(repository: Repository, key: str) -> str:
    """The option of git config for the file that says it."""
    out = repository.git("config", "--show-scope", "--get", key, expected=(0, 1))
    scope = os.fsdecode(out).partition("\t")[0]
    return f"--{scope}" if scope in ("global", "system", "worktree") else "--local"


def _managed(manager: Manager) -> dict[str, bool]:
    """The hooks that lefthook writes, each with whether our check is among its commands."""
    if manager.kind != "lefthook":
        return {}
    with open(manager.place, "rb") as handle:
        source = handle.read()
    after = with_lefthook(source)
    if isinstance(after, NotEditable):  # it can't be edited, but it can be looked at
        return dict.fromkeys(lefthook_names(source), b"migmerge check" in source)
    return dict.fromkeys(lefthook_names(source), after == source)


def _shared_hooks(repository: Repository, manager: Manager) -> Iterator[Problem]:
    paths = {name: os.path.join(manager.place, name) for name in NAMES}
    missing = [name for name, path in paths.items() if not runs_us(path)]
    asleep = [n for n in NAMES if n not in missing and not os.access(paths[n], os.X_OK)]
    if asleep and os.path.samefile(git_place(repository, "hooks"), manager.place):
        text = f"{', '.join(asleep)} in {manager.place} is not executable: git ignores it"
        yield Problem("hook-mode", text, shlex.join(["chmod", "+x", *(paths[n] for n in asleep)]))

    if missing:
        place = os.path.relpath(manager.place, repository.root)
        text = f"{', '.join(missing)} in {place} does not run migmerge"
        yield Problem("hook-missing", text, "migmerge install")
    elif not _runs(_configured_python(repository)):
        if not shutil.which("migmerge"):
            text = "this clone names no interpreter for them, and migmerge is not on PATH"
            yield Problem(
                "hook-path", f"the hooks pass without looking: {text}", "migmerge install"
            )


def _native_hooks(
    repository: Repository, directory: str, managed: Mapping[str, bool]
) -> Iterator[Problem]:
    hooks = read_hooks(directory)
    for hook in hooks:
        if hook.name in managed:
            if not managed[hook.name]:
                text = f"lefthook runs the {hook.name} hook, without migmerge"
                yield Problem("hook-foreign", text, "migmerge install")
        elif hook.kind == "nothing":
            text = f"there is no {hook.name} hook"
            yield Problem("hook-missing", text, "migmerge install")
        elif hook.kind == "chained" and not os.path.lexists(hook.path + SUFFIX):
            text = f"the {hook.name} hook that was there before is gone: {hook.path}{SUFFIX}"
            yield Problem("hook-lost", text, "migmerge uninstall && migmerge install")
        elif not hook.executable:
            path = shlex.quote(hook.path)
            yield Problem("hook-mode", f"{hook.path} is not executable", f"chmod +x {path}")
        elif hook.kind == "foreign" and not runs_us(hook.path):
            text = f"the {hook.name} hook does not run migmerge"
            yield Problem("hook-foreign", text, "migmerge install")

    yield from _interpreters(hooks, _configured_python(repository))


def _configured_python(repository: Repository) -> str:
    """The interpreter for scripts that name none."""
    return os.fsdecode(repository.git("config", "--get", PYTHON_KEY, expected=(0, 1))).strip()


def _interpreters(hooks: list[Hook], configured: str) -> Iterator[Problem]:
    """Whether hooks of ours find a migmerge to run."""
    ours = [hook for hook in hooks if hook.kind in ("ours", "chained")]
    named = {interpreter_of_hook(hook.text) or configured for hook in ours}
    gone = {python for python in named if not _runs(python)}
    if gone and not shutil.which("migmerge"):
        names = ", ".join(sorted(filter(None, gone))) or "none"
        text = f"the hooks pass without looking: they name {names}, and migmerge is not on PATH"
        yield Problem("hook-path", text, "migmerge install")


def _runs(python: str) -> bool:
    if not python or not shutil.which(python):
        return False
    command = [python, "-I", "-c", "import migmerge"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


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


def _base(workspace: Workspace) -> Iterator[Problem]:
    try:
        base = workspace.base
    except UserError as error:
        yield Problem("base-missing", f"the base branch is not there: {error.message}", "git fetch")
        return

    if base is None:
        text = "there is no base branch: nothing is known to be published"
        remotes = workspace.repository.git("remote").split()
        command = "git remote set-head origin --auto" if b"origin" in remotes else (
            'name one in [tool.migmerge]: base = "main"')  # fmt: skip
        yield Problem("base-unknown", text, command)
        return

    fetched = git_place(workspace.repository, "FETCH_HEAD")
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

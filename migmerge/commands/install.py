"""`migmerge install` and `uninstall`: merge driver and hooks, and nothing left of them."""

from __future__ import annotations

import difflib
import os
import re
import shlex
import subprocess
import sys
from typing import NamedTuple

from migmerge.analysis.snapshot import read_snapshot
from migmerge.analysis.workspace import Workspace
from migmerge.commands.install_files import (
    File,
    discard,
    prepare,
    put,
    read_file,
    refuse_links,
    sweep,
)
from migmerge.commands.install_hooks import Wiring, edited_hooks, hooks_back, plan_hooks
from migmerge.commands.team_preferences import ask_preferences, is_preference
from migmerge.config import Config, read_config
from migmerge.errors import UserError
from migmerge.git.process import GitError
from migmerge.git.repository import Repository, find_repository
from migmerge.install.hooks import PYTHON_KEY
from migmerge.install.marked_blocks import (
    has_other_lines,
    with_block,
    without_block,
    without_blocks,
)
from migmerge.install.merge_driver_config import (
    NAME,
    SECTION,
    driver_command,
    git_place,
    global_attributes,
    interpreter_of,
    is_attribute_line,
    is_plain,
    patterns_for,
    read_driver,
)
from migmerge.install.precommit import CONFIG, is_our_line
from migmerge.report.screen import printable, printable_lines

_OPEN_END = f"{SECTION}.openEnd"
_EMPTY = f"{SECTION}.emptySection"
_HEADER = re.compile(rb'^[ \t]*\[merge "migmerge"\][ \t]*\r?\n', re.MULTILINE)
_BY_HAND = "take out by hand what is not wanted"
# the lines that we write into configuration files of the project, without the blanks around them
IS_OURS = {
    CONFIG: is_our_line,
    "pyproject.toml": is_preference,
    "setup.cfg": is_preference,
}


class InstallOptions(NamedTuple):
    """What the command line said; `scope` is local, global or worktree."""

    directory: str
    config: str | None = None
    scope: str = "local"
    shared: bool = False
    hooks: str = "auto"
    dry_run: bool = False


def install(options: InstallOptions) -> int:
    """0 when everything is in its place, 1 where something has to be added by hand; what was there
    already is left as it is."""
    repository = find_repository(options.directory)
    config = read_config(repository.root, options.config)
    _refuse_unreachable(sys.executable)
    _refuse_scope(repository, options.scope)
    driver = read_driver(repository).command
    if driver and not interpreter_of(driver):
        hint = f"git config --unset {SECTION}.driver, if it is not needed"
        raise UserError("wiring", f"{SECTION}.driver is another one: {driver}", hint)

    wiring = _wiring(repository, config, options)
    preferences = (
        None if options.dry_run or repository.bare else ask_preferences(repository, config)
    )
    if preferences:
        path, after = preferences
        wiring = wiring._replace(files=(*wiring.files, File(path, read_file(path), after)))
    return _install(repository, wiring, options)


def uninstall(options: InstallOptions) -> int:
    """The same the other way round: files byte for byte as they were before."""
    repository = find_repository(options.directory)
    _refuse_scope(repository, options.scope)
    files = []
    notes: tuple[str, ...] = ()
    if options.scope == "worktree":
        notes = ("other worktrees share hooks and attributes: migmerge uninstall takes them out",)
    else:
        for path in _attribute_files(repository, options):
            before = read_file(path)
            files.append(File(path, before, without_block(before, is_attribute_line)))

    if options.scope == "local":
        files += hooks_back(repository)
        notes = tuple(edited_hooks(repository))
        for name in (CONFIG, "pyproject.toml", "setup.cfg"):
            path = os.path.join(repository.root, name)
            before = read_file(path)
            if has_other_lines(before, IS_OURS[name]):
                notes = (*notes, f"{name}: the lines between our marks were edited: {_BY_HAND}")
                continue
            files.append(File(path, before, without_blocks(before)))

    driver = _value(repository, options.scope, f"{SECTION}.driver")
    settings = []
    if driver and not interpreter_of(driver):
        notes = (*notes, f"{SECTION}.driver is another one: left as it is")
    elif _has_settings(repository, options.scope):
        settings.append((SECTION, ""))

    if _is_named(repository, options.scope):
        settings.insert(0, (PYTHON_KEY, ""))
    wiring = Wiring(tuple(files), tuple(settings), notes)
    return _install(repository, wiring, options)


def _has_settings(repository: Repository, scope: str) -> bool:
    """Whether the merge driver's section has any."""
    pattern = r"^merge\.migmerge\."
    return bool(repository.git("config", f"--{scope}", "--get-regexp", pattern, expected=(0, 1)))


def _value(repository: Repository, scope: str, key: str) -> str:
    out = repository.git("config", f"--{scope}", "--get", key, expected=(0, 1))
    return os.fsdecode(out).rstrip("\n")


def _refuse_scope(repository: Repository, scope: str) -> None:
    """git refuses --worktree where several worktrees share one configuration."""
    try:
        repository.git("config", f"--{scope}", "--get", SECTION, expected=(0, 1))
    except GitError:
        hint = "git config extensions.worktreeConfig true, then run it again"
        raise UserError("wiring", f"this repository has no {scope} configuration", hint) from None


def _refuse_unreachable(python: str) -> None:
    done = subprocess.run([python, "-I", "-c", "import migmerge"], capture_output=True, check=False)
    if done.returncode:
        hint = "install it into a virtual environment (or with pipx), and run install from there"
        raise UserError("wiring", f"git could not reach migmerge through {python}", hint)


def _wiring(repository: Repository, config: Config, options: InstallOptions) -> Wiring:
    snapshot = None if repository.bare else read_snapshot(Workspace(repository, config))
    directories = {a.directory for a in snapshot.apps.values()} if snapshot else set()
    lines = patterns_for(directories, config.lock_files)
    odd = sorted(name for name in directories if not is_plain(name))
    notes = tuple(f"no merge driver for {name}: its name would have to be quoted" for name in odd)
    path = _attribute_files(repository, options)[-1 if options.shared else 0]
    before = read_file(path)
    files = [File(path, before, with_block(before, lines))]
    # the command before the name: a name alone makes every merge die
    settings = [
        (f"{SECTION}.driver", driver_command()),
        (f"{SECTION}.recursive", "text"),
        (f"{SECTION}.name", NAME),
    ]
    if options.scope == "local" and _has_open_end(git_place(repository, "config")):
        settings.append((_OPEN_END, "true"))
    if options.scope == "local" and _has_empty_section(repository):
        settings.append((_EMPTY, "true"))
    hooks = Wiring((), ())
    if options.hooks != "none" and options.scope != "global" and not repository.bare:
        hooks = plan_hooks(repository, options.hooks)
    return hooks._replace(
        files=(*files, *hooks.files),
        settings=(*settings, *hooks.settings),
        notes=(*notes, *hooks.notes),
    )


def _has_open_end(path: str) -> bool:
    """Whether the last line has no end: git gives it one when it adds a section."""
    return (read_file(path) or b"\n")[-1:] != b"\n"


def _has_empty_section(repository: Repository) -> bool:
    """Whether the section is there without any setting: it stays when ours are taken out."""
    text = read_file(git_place(repository, "config")) or b""
    return bool(_HEADER.search(text)) and not _has_settings(repository, "local")


def _attribute_files(repository: Repository, options: InstallOptions) -> list[str]:
    """Where attributes may be: of the scope, and the one that is shared by committing it."""
    if options.scope == "global":
        paths = [global_attributes(repository)]
    else:
        paths = [git_place(repository, os.path.join("info", "attributes"))]
        paths += [] if repository.bare else [os.path.join(repository.root, ".gitattributes")]
        return paths
    return [os.path.realpath(path) for path in paths]  # the user's own, wherever it leads


def _is_named(repository: Repository, scope: str) -> bool:
    """Whether the configuration names an interpreter for shared hooks."""
    return bool(repository.git("config", f"--{scope}", "--get", PYTHON_KEY, expected=(0, 1)))


def _install(repository: Repository, wiring: Wiring, options: InstallOptions) -> int:
    files = [file for file in wiring.files if file.before != file.after]
    scope = f"--{options.scope}"
    settings = [pair for pair in wiring.settings if not _is_set(repository, scope, *pair)]
    in_repository = [place for file in files if (place := _in_work_tree(repository, file.path))]
    if in_repository:
        print(f"part of the repository, for everybody who clones it: {', '.join(in_repository)}")
    for file in files:
        _print_diff(repository, file)

    for key, value in settings:
        print(printable(_config_command(scope, key, value)))

    refuse_links(repository, files)
    if not options.dry_run:
        prepared = prepare(files)
        try:
            for key, value in settings:
                _set(repository, scope, key, value)

            put(prepared)
        finally:
            discard(prepared)

        directories = [git_place(repository, name) for name in ("hooks", "info")]
        sweep({*directories, *(os.path.dirname(file.path) for file in wiring.files)})

    if (files or settings) and not options.dry_run:
        installed = any(value for _, value in wiring.settings)
        print("done; migmerge uninstall takes it out again" if installed else "done")
        changed = [p for p in in_repository if os.path.exists(os.path.join(repository.root, p))]
        if changed:
            print(f"next: git add -- {shlex.join(changed)}")

    for note in wiring.notes:
        print(printable_lines(note))

    if not files and not settings:
        print("nothing to change")
    return 0 if wiring.complete else 1


def _config_command(scope: str, key: str, value: str) -> str:
    """What is done to git's configuration, as it could be typed."""
    if value:
        return shlex.join(["git", "config", scope, key, value])
    option = "--remove-section" if key == SECTION else "--unset-all"
    return shlex.join(["git", "config", scope, option, key])


def _in_work_tree(repository: Repository, path: str) -> str:
    """The path as git would track it; empty where it is the user's or git's own."""
    shown = os.path.relpath(path, repository.root)
    outside = shown.startswith(os.pardir) or os.path.isabs(shown)
    hidden = os.path.commonpath([repository.git_dir, os.path.realpath(path)]) == repository.git_dir
    return "" if outside or hidden else shown.replace(os.sep, "/")


def _is_set(repository: Repository, scope: str, key: str, value: str) -> bool:
    out = repository.git("config", scope, "--get", key, expected=(0, 1))
    return bool(value) and os.fsdecode(out) == f"{value}\n"


def _set(repository: Repository, scope: str, key: str, value: str) -> None:
    try:
        if value:
            repository.git("config", scope, "--replace-all", key, value)
        elif key == PYTHON_KEY:
            repository.git("config", scope, "--unset-all", key)
        else:
            _remove_section(repository, scope, key)
    except GitError as error:
        raise UserError(
            "wiring", f"git config {scope}: {error.reason}", "nothing else was changed"
        ) from None


def _remove_section(repository: Repository, scope: str, section: str) -> None:
    path = git_place(repository, "config")
    before = read_file(path) or b""
    opened = scope == "--local" and _is_set(repository, scope, _OPEN_END, "true")
    empty = scope == "--local" and _is_set(repository, scope, _EMPTY, "true")
    for key in ("driver", "recursive", "name", "openEnd", "emptySection"):
        repository.git("config", scope, "--unset-all", f"{section}.{key}", expected=(0, 5))

    after = read_file(path) or b""
    header = _HEADER.search(before)
    if empty and header and not _HEADER.search(after):
        at = header.start()
        after = after[:at] + header[0] + after[at:]

    if opened and before.startswith(after.removesuffix(b"\n")):  # nothing came behind it
        after = after.removesuffix(b"\n")
    if after != (read_file(path) or b""):
        put(prepare([File(path, before, after)]))


def _print_diff(repository: Repository, file: File) -> None:
    """The change as a diff."""
    shown = os.path.relpath(file.path, repository.root)
    old, new = (_lines(data) for data in (file.before, file.after))
    left = shown if file.before is not None else "/dev/null"
    right = shown if file.after is not None else "/dev/null"
    for line in difflib.unified_diff(old, new, left, right, lineterm=""):
        print(printable(line))


def _lines(data: bytes | None) -> list[str]:
    return (data or b"").decode("utf-8", "replace").splitlines()

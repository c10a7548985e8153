"""`migmerge install` and `uninstall`: merge driver and hooks, and nothing left of them."""

from __future__ import annotations

import contextlib
import difflib
import os
import shlex
import stat
import subprocess
import sys
from collections.abc import Collection
from typing import NamedTuple

from migmerge.commands.preferences import ask_preferences
from migmerge.config import Config, read_config
from migmerge.errors import UserError
from migmerge.git.blocks import with_block, without_block, without_blocks
from migmerge.git.hooks import (
    NAMES,
    PYTHON_KEY,
    SUFFIX,
    chained,
    command,
    read_hook,
    read_hooks,
    script,
)
from migmerge.git.managers import (
    Manager,
    find_manager,
    lefthook_lines,
    lefthook_names,
    shared_script,
    with_lefthook,
)
from migmerge.git.precommit import CONFIG, with_hooks
from migmerge.git.process import GitError
from migmerge.git.repository import Repository, find_repository
from migmerge.git.snapshot import read_snapshot
from migmerge.git.wiring import (
    NAME,
    SECTION,
    driver_command,
    git_place,
    global_attributes,
    interpreter_of,
    patterns_for,
    read_driver,
)
from migmerge.report.screen import printable, printable_lines

_OPEN_END = f"{SECTION}.openEnd"


class InstallOptions(NamedTuple):
    """What the command line said; `scope` is local, global or worktree."""

    directory: str
    config: str | None = None
    scope: str = "local"
    shared: bool = False
    hooks: str = "auto"
    dry_run: bool = False


class File(NamedTuple):
    """What becomes of a file; None: there is none. `moved` is where its old content goes."""

    path: str
    before: bytes | None
    after: bytes | None
    executable: bool = False
    moved: str = ""


class Wiring(NamedTuple):
    """All that an installation changes: files, git's settings, and notes; `complete` is whether
    nothing is left to be done by hand."""

    files: tuple[File, ...]
    settings: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()
    complete: bool = True


def install(options: InstallOptions) -> int:
    """0 when everything is in its place, 1 where something has to be added by hand; what was there
    already is left as it is."""
    repository = find_repository(options.directory)
    config = read_config(repository.root, options.config)
    _refuse_unreachable(sys.executable)
    _refuse_scope(repository, options.scope)
    found = read_driver(repository).command
    if found and not interpreter_of(found):
        hint = f"git config --unset {SECTION}.driver, if it is not needed"
        raise UserError("wiring", f"{SECTION}.driver is another one: {found}", hint)
    wiring = _wiring(repository, config, options)
    told = None if options.dry_run or repository.bare else ask_preferences(repository, config)
    if told:
        path, after = told
        wiring = wiring._replace(files=(*wiring.files, File(path, _read(path), after)))
    return _carry_out(repository, wiring, options)


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
            before = _read(path)
            files.append(File(path, before, without_block(before)))
    if options.scope == "local":
        files += _hooks_back(repository)
        notes = tuple(_edited_hooks(repository))
        for name in (CONFIG, "pyproject.toml", "setup.cfg"):
            path = os.path.realpath(os.path.join(repository.root, name))
            before = _read(path)
            files.append(File(path, before, without_blocks(before)))
    has = repository.git("config", f"--{options.scope}", "--get-regexp", r"^merge\.migmerge\.",
                         expected=(0, 1))  # fmt: skip
    settings = [(SECTION, "")] if has else []
    if _is_named(repository, options.scope):
        settings.insert(0, (PYTHON_KEY, ""))
    wiring = Wiring(tuple(files), tuple(settings), notes)
    return _carry_out(repository, wiring, options)


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
    snapshot = None if repository.bare else read_snapshot(repository, config)
    directories = {a.directory for a in snapshot.apps.values()} if snapshot else set()
    lines = patterns_for(directories, config.lock_files)
    path = _attribute_files(repository, options)[-1 if options.shared else 0]
    before = _read(path)
    files = [File(path, before, with_block(before, lines))]
    # the command before the name: a name alone makes every merge die
    settings = [
        (f"{SECTION}.driver", driver_command()),
        (f"{SECTION}.recursive", "text"),
        (f"{SECTION}.name", NAME),
    ]
    if options.scope == "local" and _has_open_end(git_place(repository, "config")):
        settings.append((_OPEN_END, "true"))
    hooks = _hooks(repository, options)
    return hooks._replace(files=(*files, *hooks.files), settings=(*settings, *hooks.settings))


def _has_open_end(path: str) -> bool:
    """Whether the last line has no end: git gives it one when it adds a section."""
    return (_read(path) or b"\n")[-1:] != b"\n"


def _attribute_files(repository: Repository, options: InstallOptions) -> list[str]:
    """Where attributes may be: of the scope, and the one that is shared by committing it."""
    if options.scope == "global":
        found = [global_attributes(repository)]
    else:
        found = [git_place(repository, os.path.join("info", "attributes"))]
        found += [] if repository.bare else [os.path.join(repository.root, ".gitattributes")]
    return [os.path.realpath(path) for path in found]  # what a link leads to is what is written


def _hooks(repository: Repository, options: InstallOptions) -> Wiring:
    """The part of an installation that is about hooks."""
    if options.hooks == "none" or options.scope == "global" or repository.bare:
        return Wiring((), ())
    manager = find_manager(repository)
    path = os.path.realpath(os.path.join(repository.root, CONFIG))
    source = _read(path)
    shared = manager.kind in ("husky", "tracked")
    if options.hooks == "pre-commit" or (options.hooks == "auto" and source and not shared):
        return _framework(path, source)
    if shared:
        return _shared(repository, manager)
    directory = git_place(repository, "hooks")
    if os.path.lexists(directory) and not os.path.isdir(directory):
        return Wiring((), (), (f"core.hooksPath is {directory}: no hook runs here",))
    own = os.path.join(repository.git_path(""), "")
    common = git_place(repository, "")
    outside = not directory.startswith((own, os.path.join(common, "")))
    text = f"core.hooksPath is {directory}: other repositories may run these hooks, too"
    notes = (text,) if outside else ()
    if manager.kind == "lefthook":
        return _lefthook(manager, directory, notes)
    return Wiring(tuple(_hook_files(directory, NAMES)), (), notes)


def _framework(path: str, source: bytes | None) -> Wiring:
    from migmerge.git.precommit import TYPES, missing_types, snippet

    after = with_hooks(b"repos:\n" if source is None else source)
    again = "then, once in each clone: pre-commit install (or prek install)"
    if isinstance(after, str):
        lines = "\n".join(snippet(source))
        text = f"{CONFIG} can't be edited ({after}); add to what it says:\n{lines}"
        return Wiring((), (), (text, again), complete=False)
    notes = [again] if after != source else []
    missing = missing_types(after)
    if missing:
        listed = f"[{', '.join(TYPES)}]"
        notes.insert(0, f"set in {CONFIG}: default_install_hook_types: {listed}")
    return Wiring((File(path, source, after),), (), tuple(notes), complete=not missing)


def _shared(repository: Repository, manager: Manager) -> Wiring:
    """Into scripts that are part of the repository: they find the interpreter of each clone in its
    configuration."""
    files, notes = [], []
    for name in NAMES:
        path = os.path.join(manager.place, name)
        before = _read(path)
        after = shared_script(path, before)
        if isinstance(after, str):
            shown = os.path.relpath(path, repository.root)
            notes.append(f"{shown} can't be edited ({after}); have it run: {command(name)}")
        else:
            files.append(File(path, before, after, executable=before is None))
    who = "husky's hooks" if manager.kind == "husky" else "hooks that are part of the repository"
    place = os.path.relpath(manager.place, repository.root)
    told = (f"{place} has {who}: in another clone migmerge install names its interpreter", *notes)
    return Wiring(tuple(files), ((PYTHON_KEY, sys.executable),), told, complete=not notes)


def _lefthook(manager: Manager, directory: str, notes: tuple[str, ...]) -> Wiring:
    """Hooks that lefthook writes are configured there; it leaves the others alone."""
    source = _read(manager.place) or b""
    theirs = lefthook_names(source)
    files = _hook_files(directory, [name for name in NAMES if name not in theirs])
    after = with_lefthook(source)
    name = os.path.basename(manager.place)
    if isinstance(after, str):
        lines = "\n".join(lefthook_lines(theirs))
        text = f"lefthook's {name} can't be edited ({after}); add to what it says:\n{lines}"
        return Wiring(tuple(files), (), (*notes, text), complete=False)
    files.append(File(manager.place, source, after))
    told = (
        (f"lefthook runs {', '.join(theirs)} by {name}; then: lefthook install",) if theirs else ()
    )
    return Wiring(tuple(files), (), (*notes, *told))


def _hook_files(directory: str, names: Collection[str]) -> list[File]:
    """Hooks of our own; they name the interpreter that runs this."""
    found = []
    for hook in read_hooks(directory):
        if hook.name not in names:
            continue
        make = script if hook.kind in ("nothing", "ours") else chained
        moved = hook.path + SUFFIX if hook.kind == "foreign" else ""
        if moved and os.path.lexists(moved):
            raise UserError("wiring", f"{moved} is in the way", "move it away, or --hooks none")
        text = make(hook.name, sys.executable).encode()
        found.append(File(hook.path, _read(hook.path), text, executable=True, moved=moved))
    return found


def _hooks_back(repository: Repository) -> list[File]:
    manager = find_manager(repository)
    if manager.kind in ("husky", "tracked"):
        return [_shared_back(os.path.join(manager.place, name)) for name in NAMES]
    found = []
    if manager.kind == "lefthook":
        before = _read(manager.place)
        found.append(File(manager.place, before, without_blocks(before)))
    for hook in read_hooks(git_place(repository, "hooks")):
        if hook.kind == "ours":
            found.append(File(hook.path, _read(hook.path), None))
        elif hook.kind == "chained":
            old = hook.path + SUFFIX
            # where somebody took it away just ours goes
            moved = old if os.path.lexists(old) else ""
            found.append(File(hook.path, _read(hook.path), _read(old), moved=moved))
    return found


def _shared_back(path: str) -> File:
    before = _read(path)
    ours = read_hook(path).kind == "ours"
    return File(path, before, None if ours else without_blocks(before))


def _edited_hooks(repository: Repository) -> list[str]:
    return [
        f"{hook.path} was edited since: take the call of migmerge out by hand"
        for hook in read_hooks(git_place(repository, "hooks"))
        if hook.kind == "foreign" and b"migmerge check" in (_read(hook.path) or b"")
    ]


def _is_named(repository: Repository, scope: str) -> bool:
    """Whether the configuration names an interpreter for shared hooks."""
    return bool(repository.git("config", f"--{scope}", "--get", PYTHON_KEY, expected=(0, 1)))


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as handle:
            return handle.read()
    except FileNotFoundError:
        return None


def _carry_out(repository: Repository, wiring: Wiring, options: InstallOptions) -> int:
    files = [file for file in wiring.files if file.before != file.after]
    scope = f"--{options.scope}"
    settings = [pair for pair in wiring.settings if not _is_set(repository, scope, *pair)]
    for file in files:
        _tell(repository, file)
    for key, value in settings:
        print(printable(f"git config {scope} {key} {value}" if value else f"remove {key}"))
    if not options.dry_run:
        for key, value in settings:
            _set(repository, scope, key, value)
        for file in files:
            _write(file)
    if (files or settings) and not options.dry_run:
        installed = any(value for _, value in wiring.settings)
        print("done; migmerge uninstall takes it out again" if installed else "done")
        own = [name for file in files if (name := _in_work_tree(repository, file.path))]
        if own:
            print(f"next: git add -- {shlex.join(own)}")
    for note in wiring.notes:
        print(printable_lines(note))
    if not files and not settings:
        print("nothing to change")
    return 0 if wiring.complete else 1


def _in_work_tree(repository: Repository, path: str) -> str:
    """The path as git would track it; empty where it is the user's or git's own."""
    shown = os.path.relpath(path, repository.root)
    outside = shown.startswith(os.pardir) or os.path.isabs(shown)
    hidden = os.path.commonpath([repository.git_dir, os.path.realpath(path)]) == repository.git_dir
    return "" if outside or hidden or not os.path.exists(path) else shown.replace(os.sep, "/")


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
    before = _read(path) or b""
    opened = scope == "--local" and _is_set(repository, scope, _OPEN_END, "true")
    repository.git("config", scope, "--remove-section", section)
    after = _read(path) or b""
    if opened and before.startswith(after):  # nothing came behind it
        _write(File(path, before, after.removesuffix(b"\n")))


def _tell(repository: Repository, file: File) -> None:
    """The change as a diff."""
    shown = os.path.relpath(file.path, repository.root)
    old, new = (_lines(data) for data in (file.before, file.after))
    left = shown if file.before is not None else "/dev/null"
    right = shown if file.after is not None else "/dev/null"
    for line in difflib.unified_diff(old, new, left, right, lineterm=""):
        print(printable(line))


def _lines(data: bytes | None) -> list[str]:
    return (data or b"").decode("utf-8", "replace").splitlines()


def _write(file: File) -> None:
    """A hook that was there goes aside, and comes back from there."""
    if file.moved and file.executable:
        os.rename(file.path, file.moved)
    elif file.moved:
        os.replace(file.moved, file.path)
        return
    if file.after is None:
        os.unlink(file.path)
        with contextlib.suppress(OSError):  # there was none before, or it isn't empty
            os.rmdir(os.path.dirname(file.path))
        return
    os.makedirs(os.path.dirname(file.path), exist_ok=True)
    mode = stat.S_IMODE(os.stat(file.path).st_mode) if os.path.exists(file.path) else 0o644
    temporary = f"{file.path}.migmerge-new"
    with open(temporary, "wb") as handle:
        handle.write(file.after)
    os.chmod(temporary, 0o755 if file.executable else mode)
    os.replace(temporary, file.path)

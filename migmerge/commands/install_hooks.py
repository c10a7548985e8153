"""What an installation does with hooks: native ones, pre-commit's, and those of hook managers."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from typing import NamedTuple

from migmerge.commands.install_files import File, read_file
from migmerge.errors import UserError
from migmerge.git.repository import Repository
from migmerge.install.hook_managers import (
    Manager,
    find_manager,
    lefthook_lines,
    lefthook_names,
    shared_script,
    with_check,
    with_lefthook,
    without_check,
)
from migmerge.install.hooks import (
    NAMES,
    PYTHON_KEY,
    SUFFIX,
    Hook,
    chained,
    command,
    read_hook,
    read_hooks,
    script,
)
from migmerge.install.marked_blocks import BEGIN, NotEditable, without_blocks
from migmerge.install.merge_driver_config import git_place
from migmerge.install.precommit import CONFIG, with_hooks


class Wiring(NamedTuple):
    """All that an installation changes: files, git's settings, and notes; `complete` is whether
    nothing is left to be done by hand."""

    files: tuple[File, ...]
    settings: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()
    complete: bool = True


def plan_hooks(repository: Repository, choice: str) -> Wiring:
    """The part of an installation that is about hooks; `choice` is auto, native or pre-commit."""
    manager = find_manager(repository)
    path = os.path.join(repository.root, CONFIG)
    source = read_file(path)
    shared = manager.kind in ("husky", "tracked")
    if choice == "pre-commit" or (choice == "auto" and source and not shared):
        return _framework(path, source)
    if shared:
        return _shared(repository, manager)

    directory = git_place(repository, "hooks")
    if os.path.lexists(directory) and not os.path.isdir(directory):
        return Wiring((), (), (f"core.hooksPath is {directory}: no hook runs here",))

    git_directory = os.path.join(repository.git_path(""), "")
    common = git_place(repository, "")
    outside = not directory.startswith((git_directory, os.path.join(common, "")))
    text = f"core.hooksPath is {directory}: other repositories may run these hooks, too"
    notes = (text,) if outside else ()
    if manager.kind == "lefthook":
        return _lefthook(manager, directory, notes)
    return Wiring(tuple(_hook_files(directory, NAMES)), (), notes)


def _framework(path: str, source: bytes | None) -> Wiring:
    from migmerge.install.precommit import TYPES, missing_types, snippet

    after = with_hooks(b"repos:\n" if source is None else source)
    again = "then, once in each clone: pre-commit install (or prek install)"
    if isinstance(after, NotEditable):
        lines = "\n".join(snippet(source))
        text = f"{CONFIG} can't be edited ({after.why}); add to what it says:\n{lines}"
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
        before = read_file(path)
        after = shared_script(path, before)
        if isinstance(after, NotEditable):
            shown = os.path.relpath(path, repository.root)
            notes.append(f"{shown} can't be edited ({after.why}); have it run: {command(name)}")
        else:
            files.append(File(path, before, after, executable=before is None))

    who = "husky's hooks" if manager.kind == "husky" else "hooks that are part of the repository"
    place = os.path.relpath(manager.place, repository.root)
    hints = (f"{place} has {who}: in another clone migmerge install names its interpreter", *notes)
    return Wiring(tuple(files), ((PYTHON_KEY, sys.executable),), hints, complete=not notes)


def _lefthook(manager: Manager, directory: str, notes: tuple[str, ...]) -> Wiring:
    """Hooks that lefthook writes are configured there; it leaves the others alone."""
    source = read_file(manager.place) or b""
    theirs = lefthook_names(source)
    files = _hook_files(directory, [name for name in NAMES if name not in theirs])
    after = with_lefthook(source)
    name = os.path.basename(manager.place)
    if isinstance(after, NotEditable):
        lines = "\n".join(lefthook_lines(theirs))
        text = f"lefthook's {name} can't be edited ({after.why}); add to what it says:\n{lines}"
        return Wiring(tuple(files), (), (*notes, text), complete=False)

    files.append(File(manager.place, source, after))
    hints = (
        (f"lefthook runs {', '.join(theirs)} by {name}; then: lefthook install",) if theirs else ()
    )
    return Wiring(tuple(files), (), (*notes, *hints))


def _hook_files(directory: str, names: Collection[str]) -> list[File]:
    """Hooks of our own; they name the interpreter that runs this."""
    return [_hook_file(hook) for hook in read_hooks(directory) if hook.name in names]


def _hook_file(hook: Hook) -> File:
    """A shell script gets our check as its first step, and so keeps its name, standard input and
    arguments; any other hook is set aside and run before ours."""
    before = read_file(hook.path)
    aside = hook.path + SUFFIX
    left_over = os.path.lexists(aside)
    if hook.kind == "foreign":
        text = with_check(hook, sys.executable)
        if text is not None:
            return File(hook.path, before, text, executable=True)
        if left_over and read_file(aside) != before:
            raise UserError("wiring", f"{aside} is in the way", "move it away, or --hooks none")

    # set aside by an installation that was killed: nothing runs it
    killed = hook.kind == "nothing" and left_over
    make = script if hook.kind in ("nothing", "ours") and not killed else chained
    text = make(hook.name, sys.executable).encode()
    moved = aside if hook.kind == "foreign" or killed else ""
    return File(hook.path, before, text, executable=True, moved=moved)


def hooks_back(repository: Repository) -> list[File]:
    manager = find_manager(repository)
    if manager.kind in ("husky", "tracked"):
        return [_shared_back(os.path.join(manager.place, name)) for name in NAMES]

    files = []
    if manager.kind == "lefthook":
        before = read_file(manager.place)
        files.append(File(manager.place, before, without_blocks(before)))

    for hook in read_hooks(git_place(repository, "hooks")):
        old = hook.path + SUFFIX
        # where somebody took it away just ours goes
        moved = old if os.path.lexists(old) else ""
        if hook.kind == "ours":
            files.append(File(hook.path, read_file(hook.path), None))
        elif hook.kind == "chained" or (hook.kind == "nothing" and moved):
            files.append(File(hook.path, read_file(hook.path), _read_link(old), moved=moved))
        elif hook.kind == "foreign" and BEGIN.decode() in hook.text:
            before = read_file(hook.path)
            after = without_check(before)
            files.append(File(hook.path, before, after, executable=hook.executable))
        elif moved and _read_link(old) == _read_link(hook.path):
            files.append(File(old, read_file(old), None))  # killed before it took the place

    return files


def _read_link(path: str) -> bytes | None:
    """The bytes of a file, or where a link leads that leads nowhere."""
    content = read_file(path)
    return os.fsencode(os.readlink(path)) if content is None and os.path.islink(path) else content


def _shared_back(path: str) -> File:
    before = read_file(path)
    ours = read_hook(path).kind == "ours"
    return File(path, before, None if ours else without_check(before))


def edited_hooks(repository: Repository) -> list[str]:
    return [
        f"{hook.path} was edited since: take the call of migmerge out by hand"
        for hook in read_hooks(git_place(repository, "hooks"))
        if hook.kind == "foreign"
        and b"migmerge check" in (without_check(read_file(hook.path)) or b"")
    ]

"""The files of an installation, all prepared before the first is put in its place."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from migmerge.errors import UserError
from migmerge.git.repository import Repository
from migmerge.regular import TEMPORARY, read_regular, write_temporary


class File(NamedTuple):
    """What becomes of a file; None: there is none. `moved` is where its old content goes, or comes
    from where there is one already."""

    path: str
    before: bytes | None
    after: bytes | None
    executable: bool = False
    moved: str = ""


class Prepared(NamedTuple):
    """A file whose new content waits beside its place."""

    file: File
    temporary: str


def read_file(path: str) -> bytes | None:
    """The bytes of a file; None where there is none."""
    return read_regular(path)


def refuse_links(repository: Repository, files: Sequence[File]) -> None:
    """UserError for a file that is a symbolic link, or is beyond one in the work tree: a branch
    could have it written anywhere."""
    top = os.path.join(repository.root, "")
    inside = os.path.join(repository.git_dir, "")
    for file in files:
        places = [] if file.moved or file.after is None else [file.path]
        if file.path.startswith(top) and not file.path.startswith(inside):
            parts = file.path[len(top) :].split(os.sep)[:-1]
            places += [os.path.join(repository.root, *parts[: n + 1]) for n in range(len(parts))]

        for link in places:
            if os.path.islink(link):
                shown = os.path.relpath(link, repository.root)
                raise UserError(
                    "wiring", f"{shown} is a symbolic link: migmerge writes through none",
                    "edit the file that it leads to by hand, or move the link away",
                )  # fmt: skip


def prepare(files: Sequence[File]) -> list[Prepared]:
    """New contents beside their places; UserError, with nothing left, where one can't be."""
    prepared: list[Prepared] = []
    made: list[str] = []
    try:
        for file in files:
            made += _make_directories(os.path.dirname(file.path))
            prepared.append(Prepared(file, _temporary(file) if file.after is not None else ""))
            if not os.access(os.path.dirname(file.path), os.W_OK):
                raise PermissionError(13, "Permission denied", file.path)
    except OSError as error:
        discard(prepared, made)
        place = error.filename or file.path
        text = f"{place} can't be written: {error.strerror or error}"
        raise UserError("wiring", text, "nothing was changed") from None
    except BaseException:
        discard(prepared, made)
        raise

    return prepared


def discard(prepared: Sequence[Prepared], made: Sequence[str] = ()) -> None:
    """Take away what was prepared."""
    for one in prepared:
        with contextlib.suppress(OSError):
            os.unlink(one.temporary)
    for directory in reversed(made):
        with contextlib.suppress(OSError):
            os.rmdir(directory)


def put(prepared: Sequence[Prepared]) -> None:
    """Each file in its place by one rename; a hook that was there is in two places meanwhile."""
    for file, temporary in prepared:
        if file.moved and file.executable:
            _copy_aside(file.path, file.moved)
        elif file.moved:
            os.replace(file.moved, file.path)
            discard([Prepared(file, temporary)])
            _remove_alias(file)
            continue

        if file.after is None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(file.path)

            with contextlib.suppress(OSError):  # there was none before, or it isn't empty
                os.rmdir(os.path.dirname(file.path))
        else:
            os.replace(temporary, file.path)

        _add_alias(file)


def sweep(directories: Iterable[str]) -> None:
    """Take away what an installation that was killed had prepared."""
    for directory in directories:
        for name in os.listdir(directory) if os.path.isdir(directory) else ():
            if name.startswith(TEMPORARY):
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(directory, name))


def alias_of(path: str) -> str:
    """By this link a hook that was set aside runs under its own name, since it may go by it."""
    return os.path.join(os.path.dirname(path), "before-migmerge", os.path.basename(path))


def _add_alias(file: File) -> None:
    if not (file.moved and file.executable):
        return
    alias = alias_of(file.path)
    with contextlib.suppress(OSError):  # where there are no links it runs under the other name
        os.makedirs(os.path.dirname(alias), exist_ok=True)
        os.symlink(os.path.join(os.pardir, os.path.basename(file.moved)), alias)


def _remove_alias(file: File) -> None:
    alias = alias_of(file.path)
    with contextlib.suppress(OSError):
        os.unlink(alias)
        os.rmdir(os.path.dirname(alias))


def _copy_aside(path: str, moved: str) -> None:
    """The same file under a second name: whoever is killed now has lost nothing."""
    if os.path.lexists(moved) or not os.path.lexists(path):
        return
    if os.path.islink(path):
        os.symlink(os.readlink(path), moved)
        return

    try:
        os.link(path, moved)
    except OSError:  # a file system without hard links
        name = write_temporary(moved, b"", 0o600)
        shutil.copy2(path, name)
        os.replace(name, moved)


def _make_directories(directory: str) -> list[str]:
    missing = []
    while directory and not os.path.isdir(directory):
        missing.append(directory)
        directory = os.path.dirname(directory)
    for place in reversed(missing):
        os.mkdir(place)
    return missing[::-1]


def _temporary(file: File) -> str:
    """A name that nobody can prepare, opened exclusively."""
    mode = 0o644
    if os.path.exists(file.path):
        mode = stat.S_IMODE(os.stat(file.path).st_mode)
    return write_temporary(file.path, file.after or b"", mode | 0o111 if file.executable else mode)

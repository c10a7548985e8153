"""Files that are read only where they are regular and not too large, and replaced in one step."""

from __future__ import annotations

import contextlib
import os
import stat

from migmerge.errors import UserError

CONFIGURATION = 4 * 2**20  # bytes; the largest pyproject.toml of 500 public projects has 60 kB

TEMPORARY = ".migmerge-"  # how the names of files begin that a killed process leaves


def read_regular(path: str, most: int = CONFIGURATION) -> bytes | None:
    """The bytes of a file; None where there is none.

    UserError for a device, a pipe or a directory, which could block or never end, and for more
    than `most` bytes. Symbolic links are followed. OSError where it can't be read.
    """
    try:
        # O_NONBLOCK: to open a pipe must not wait for somebody who writes into it
        handle = os.open(
            path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        )
    except (FileNotFoundError, NotADirectoryError):
        return None

    with os.fdopen(handle, "rb") as stream:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise UserError("not-regular", f"{path} is not a regular file", "move it away")
        data = stream.read(most + 1)

    if len(data) > most:
        raise UserError("not-regular", f"{path} has more than {most} bytes", "make it smaller")
    return data


def write_temporary(path: str, data: bytes, mode: int, prefix: str = TEMPORARY) -> str:
    """Bytes that are on the disk under a name beside `path` that nobody can prepare; that name."""
    import tempfile  # not for who only reads

    handle, name = tempfile.mkstemp(prefix=prefix, dir=os.path.dirname(path))
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())

        os.chmod(name, mode)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)

        raise

    return name


def replace_file(path: str, data: bytes, mode: int = 0o600, prefix: str = TEMPORARY) -> None:
    """The file with these bytes, in one step; killed at any instant it is as before or as after."""
    name = write_temporary(path, data, mode, prefix)
    try:
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise

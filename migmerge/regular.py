"""Files that a branch brings, read only where they are regular files of a bounded size."""

from __future__ import annotations

import os
import stat

from migmerge.errors import UserError

CONFIGURATION = 4 * 2**20  # bytes; the largest pyproject.toml of 500 public projects has 60 kB


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
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise UserError("not-regular", f"{path} is not a regular file", "move it away")
        data = stream.read(most + 1)
    if len(data) > most:
        raise UserError("not-regular", f"{path} has more than {most} bytes", "make it smaller")
    return data

"""Files under the git directory that are safe to delete: read whole or not at all, and never
needed. What can't be read or written is as if it were not there.

Each version of Python has its own: what a syntax error is depends on it, and a hook's Python may
not be the project's.
"""

from __future__ import annotations

import os
import sys
import zlib
from contextlib import suppress

from migmerge.git.repository import Repository


def load(repository: Repository, name: str, form: str) -> bytes:
    """What `store` wrote in this form; empty where that is not so, byte for byte."""
    try:
        with open(_place(repository, name), "rb") as handle:
            head, data = handle.readline(1 << 16), handle.read()
    except OSError:
        return b""
    return data if head == _head(form, data) else b""


def store(repository: Repository, name: str, form: str, data: bytes) -> None:
    """Write at once or not at all; not being able to is no error. Nothing beside bare git files."""
    if repository.bare:
        return

    path = _place(repository, name)
    fresh = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(fresh, "xb") as handle:
            handle.write(_head(form, data))
            handle.write(data)

        os.replace(fresh, path)
    except OSError:
        with suppress(OSError):
            os.unlink(fresh)


def _place(repository: Repository, name: str) -> str:
    version = "{}.{}".format(*sys.version_info)
    return repository.git_path(os.path.join("migmerge", "cache", version, name))


def _head(form: str, data: bytes) -> bytes:
    return f"migmerge {form} {len(data)} {zlib.crc32(data):08x}\n".encode()

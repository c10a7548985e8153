"""The files of a commit, beside the work tree."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from migmerge.git.repository import Repository


@contextmanager
def exported(repository: Repository, commit: str) -> Iterator[str]:
    """A temporary directory with the files of a commit, as git would check them out.

    `commit` is a full id. Neither the index nor the work tree is touched.
    """
    with tempfile.TemporaryDirectory(prefix="migmerge-") as directory:
        files = os.path.join(directory, "files")
        env = {"GIT_INDEX_FILE": os.path.join(directory, "index")}
        repository.git("read-tree", commit, env=env)
        repository.git("checkout-index", "--all", f"--prefix={files}/", env=env)
        yield files

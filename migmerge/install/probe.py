"""Whether the merge driver answers: two made-up commits, merged by git without a trace."""

from __future__ import annotations

import os
import tempfile

from migmerge.git.process import GitError
from migmerge.git.repository import Repository
from migmerge.migrations.merge_migration import merge_source

_IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "migmerge"), ("EMAIL", "migmerge@localhost"))
}


def probe(repository: Repository, directory: str) -> str | None:
    """How a merge fares in which both sides changed another dependency of one migration.

    Empty when the driver merged it, else what is wrong; None where this git can't tell (before
    2.38). `directory` is one with migrations. The objects are made in a place of their own.
    """
    path = f"{directory}/9999_probe.py" if directory else "9999_probe.py"
    base = merge_source("probe", ["0001_a", "0001_b"])
    sides = [base.replace(b"0001_a", b"0002_a"), base.replace(b"0001_b", b"0002_b")]
    wanted = sides[0].replace(b"0001_b", b"0002_b")
    objects = repository.git("rev-parse", "--path-format=absolute", "--git-path", "objects")
    with tempfile.TemporaryDirectory() as place:
        env = {
            "GIT_OBJECT_DIRECTORY": place,
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": os.fsdecode(objects).rstrip("\n"),
            **_IDENTITY,
        }
        root = _commit(repository, path, base, (), env)
        tips = [_commit(repository, path, side, (root,), env) for side in sides]
        try:
            out = repository.git(
                "merge-tree", "--write-tree", *tips, env=env, expected=(0, 1)
            ).decode()
        except GitError as error:
            if error.returncode == 129:
                return None
            return error.reason

        tree = out.split()[0]
        merged = repository.git("cat-file", "blob", f"{tree}:{path}", env=env)
        return "" if merged == wanted else "git merged two migrations without asking the driver"


def _commit(
    repository: Repository, path: str, data: bytes, parents: tuple[str, ...], env: dict[str, str]
) -> str:
    oid = repository.git("hash-object", "-w", "--stdin", stdin=data, env=env).decode().strip()
    mode = "100644 blob"
    for name in reversed(path.split("/")):
        entry = f"{mode} {oid}\t{name}\n".encode()
        oid = repository.git("mktree", stdin=entry, env=env).decode().strip()
        mode = "040000 tree"
    flags = [part for parent in parents for part in ("-p", parent)]
    return repository.git("commit-tree", oid, *flags, "-m", "probe", env=env).decode().strip()

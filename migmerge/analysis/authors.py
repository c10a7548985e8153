"""Who added a file, and when."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import IO, TYPE_CHECKING, NamedTuple

from migmerge.analysis.snapshot import THEIRS
from migmerge.analysis.workspace import Workspace
from migmerge.git.repository import Repository, is_shallow

if TYPE_CHECKING:
    from git import Repo

_SHA1 = 40
_CHUNK = 1 << 16
_HEADER = re.compile(rb"\x01([0-9a-f]+) ([0-9a-f]+)\x01")
_LOG = (
    "-c", "log.showSignature=false", "-c", "log.follow=false",
    # -c: a file that a merge commit itself adds is in a combined diff only
    "log", "--source", "-c", "--no-renames", "--diff-filter=A", "--name-only", "-z",
    "--format=%x01%H %S%x01",
)  # fmt: skip

# a path, and which version of it where both sides added it (see NodeKey)
Versioned = tuple[str, int]


class Added(NamedTuple):
    """The commit that brought a file in."""

    author: str
    when: datetime
    commit: str


def added_by(
    repository: Repository, files: Collection[Versioned], tips: Iterable[str]
) -> dict[Versioned, Added]:
    """The commit that added each file, from one walk through the history of `tips`.

    The version 3 of a path that both sides added is looked for on the second tip. A file is left
    out where nobody has committed it, or a shallow clone hides who did.
    """
    from git import Repo  # GitPython: only paid when there is something to report

    unique_tips = list(dict.fromkeys(tips))
    oids = _find_additions(repository, _committed(repository, files, unique_tips), unique_tips)
    if not oids:
        return {}

    with Repo(repository.git_dir if repository.bare else repository.root) as repo:
        # GitPython starts its processes one directory above a bare repository not named *.git
        repo.git.update_environment(GIT_DIR=repository.git_dir)
        return {file: _added(repository, repo, oid) for file, oid in oids.items()}


def _committed(
    repository: Repository, files: Collection[Versioned], tips: list[str]
) -> set[Versioned]:
    """The files that a tip has: the walk ends when all of these are found."""
    names = [(file, f"{tip}:{file[0]}") for file in files for tip in tips if "\n" not in file[0]]
    stdin = os.fsencode("".join(f"{name}\n" for _, name in names))
    lines = repository.git("cat-file", "--batch-check", stdin=stdin).splitlines()
    return {
        file for (file, _), line in zip(names, lines, strict=True) if not line.endswith(b" missing")
    }


def _find_additions(
    repository: Repository, files: set[Versioned], tips: list[str]
) -> dict[Versioned, str]:
    """File -> id of the newest commit that added it, on the tip where it is looked for first."""
    additions: dict[Versioned, str] = {}
    if not files:
        return additions

    hidden = _shallow_boundary(repository)
    two_versions = {path for path, version in files if version}
    walked = tips[:2] if two_versions else tips
    directories = sorted({os.path.dirname(path) or "." for path, _ in files})
    with repository.streaming(*_LOG, *walked, "--", *directories) as stream:
        for oid, tip, path in _read_additions(stream):
            version = THEIRS if path in two_versions and tip != walked[0] else 0
            if oid not in hidden and (path, version) in files:
                additions.setdefault((path, version), oid)
            if len(additions) == len(files):
                break

    return additions


def _read_additions(stream: IO[bytes]) -> Iterator[tuple[str, str, str]]:
    """`(commit, tip, path)` of each file that a commit adds, as git prints them."""
    oid = tip = ""
    rest = b""
    while data := stream.read1(_CHUNK):  # type: ignore[attr-defined]  # a pipe is buffered
        *tokens, rest = (rest + data).split(b"\0")
        for token in tokens:
            header = _HEADER.fullmatch(token)
            if header:
                oid, tip = header[1].decode(), header[2].decode()
            elif path := token.removeprefix(b"\n"):
                yield oid, tip, os.fsdecode(path)


def _added(repository: Repository, repo: Repo, oid: str) -> Added:
    if len(oid) > _SHA1:  # GitPython knows no other names
        out = repository.git("show", "-s", "--format=%aI%x00%an", oid).decode("utf-8", "replace")
        when, _, author = out.rstrip("\n").partition("\0")
        return Added(author, datetime.fromisoformat(when), oid)
    made = repo.commit(oid)
    return Added(str(made.author.name), made.authored_datetime, oid)


def current_tips(workspace: Workspace, environment: Mapping[str, str] = os.environ) -> list[str]:
    """HEAD and what is being merged into it.

    While a clean merge runs its hooks there is no MERGE_HEAD yet, but GITHEAD_<commit> is set
    (git merge, for its drivers).
    """
    stopped = workspace.stopped
    heads = [name[len("GITHEAD_") :] for name in sorted(environment) if name.startswith("GITHEAD_")]
    tips = [workspace.head, stopped.theirs if stopped else None]
    tips += [workspace.find_commit(head) for head in heads]
    return [tip for tip in tips if tip]


def _shallow_boundary(repository: Repository) -> set[str]:
    """Commits whose parents were cut off: they seem to add every file."""
    if not is_shallow(repository):
        return set()
    place = os.fsdecode(repository.git("rev-parse", "--git-path", "shallow")).strip()
    with open(os.path.join(repository.root, place), encoding="ascii") as handle:
        return set(handle.read().split())

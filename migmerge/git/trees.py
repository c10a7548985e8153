"""The files of a work tree, of the index or of a commit, and their bytes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from migmerge.git.repository import Repository

SYMLINK = 0o120000
SUBMODULE = 0o160000
_REGULAR = (0o100644, 0o100755)


class File(NamedTuple):
    """An entry of a tree; `oid` is empty for a file that git does not track."""

    path: str
    mode: int
    oid: str
    on_disk: bool


class Unmerged(NamedTuple):
    """A path with index stages: 1 base, 2 ours, 3 theirs, those that there are."""

    path: str
    stages: Mapping[int, File]


class Listing(NamedTuple):
    """What a tree holds by path, and what of it is unmerged."""

    files: Mapping[str, File]
    unmerged: Mapping[str, Unmerged]


def list_worktree(repository: Repository) -> Listing:
    """Tracked files that are on disk, and untracked ones that are not ignored."""
    out = repository.git(
        "ls-files", "-z", "-t", "--stage", "--cached", "--others", "--exclude-standard"
    )
    return _listing(out.split(b"\0"), on_disk=True)


def list_index(repository: Repository) -> Listing:
    """What the next commit would hold (obeys GIT_INDEX_FILE)."""
    return _listing(repository.git("ls-files", "-z", "-t", "--stage").split(b"\0"), on_disk=False)


def list_commit(repository: Repository, commit: str) -> Listing:
    """The tree of a commit, given by its full id."""
    out = repository.git("ls-tree", "-r", "-z", "--full-tree", commit)
    files = {}
    for record in out.split(b"\0"):
        if record:
            head, _, path = record.partition(b"\t")
            mode, _, oid = head.split(b" ")
            file = File(os.fsdecode(path), int(mode, 8), oid.decode(), on_disk=False)
            files[file.path] = file
    return Listing(files, {})


def _listing(records: list[bytes], *, on_disk: bool) -> Listing:
    """Records are `H 100644 <oid> <stage>\\t<path>`, or `? <path>` for untracked files.

    Status `S` is a file left out by a sparse checkout: it counts, from the index.
    """
    files: dict[str, File] = {}
    stages: dict[str, dict[int, File]] = {}
    decode = os.fsdecode
    for record in records:
        if record[:2] == b"? ":
            path = decode(record[2:])
            files[path] = File(path, 0, "", on_disk=True)
        elif record:
            head, _, raw = record.partition(b"\t")
            status, mode, oid, stage = head.split(b" ")
            path = decode(raw)
            file = File(path, int(mode, 8), oid.decode(), on_disk and status != b"S")
            if stage == b"0":
                files[path] = file
            else:
                stages.setdefault(path, {})[int(stage)] = file
    for path, found in stages.items():
        if 2 in found or 3 in found:
            files[path] = found[2] if 2 in found else found[3]
    return Listing(files, {path: Unmerged(path, found) for path, found in stages.items()})


def read_files(repository: Repository, listing: Listing, paths: Iterable[str]) -> dict[str, bytes]:
    """The bytes of those `paths` that are regular files (or links to such inside the tree).

    A tracked file that was deleted on disk is left out, as is a link out of the repository.
    """
    found: dict[str, bytes] = {}
    blobs: dict[str, str] = {}
    safe: dict[str, bool] = {}
    for path in paths:
        file = listing.files.get(path)
        if file is None or file.mode not in _REGULAR:
            file = _follow(repository, listing, path)
        if file is None:
            continue
        if not file.on_disk:
            blobs[path] = file.oid
            continue
        data = _read_disk(repository, file.path, safe)
        if data is not None:
            found[path] = data
    if blobs:
        contents = read_blobs(repository, set(blobs.values()))
        found.update({path: contents[oid] for path, oid in blobs.items()})
    return found


def is_outward_link(repository: Repository, listing: Listing, path: str) -> bool:
    """Whether `path` is a symbolic link that leads to no file of this tree."""
    file = listing.files[path]
    link = file.mode == SYMLINK or (
        file.on_disk and os.path.islink(os.path.join(repository.root, path))
    )
    return link and _follow(repository, listing, path) is None


def _follow(repository: Repository, listing: Listing, path: str) -> File | None:
    """The file itself, or what a symbolic link leads to, as long as that is in the listing."""
    file: File | None = listing.files.get(path)
    for _ in range(8):
        if file is None or file.mode == SUBMODULE:
            return None
        if file.mode not in (SYMLINK, 0):
            return file
        full = os.path.join(repository.root, file.path)
        if file.on_disk:
            if not os.path.islink(full):
                return file
            target = os.fsencode(os.readlink(full))
        elif file.mode == SYMLINK:
            target = read_blobs(repository, {file.oid})[file.oid]
        else:
            return file
        step = os.path.join(os.path.dirname(file.path), os.fsdecode(target))
        file = listing.files.get(os.path.normpath(step).replace(os.sep, "/"))
    return None


_CHUNK = 1 << 17
_READ = os.O_RDONLY
for _flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):
    _READ |= getattr(os, _flag, 0)


def _read_disk(repository: Repository, path: str, safe: dict[str, bool]) -> bytes | None:
    """Never through a directory that was replaced by a link, and never a device or a pipe."""
    directory = path.rpartition("/")[0]
    if directory not in safe:
        full_directory = os.path.join(repository.root, directory)
        expected = os.path.join(os.path.realpath(repository.root), directory)
        safe[directory] = os.path.realpath(full_directory) == os.path.normpath(expected)
    if not safe[directory]:
        return None
    try:
        descriptor = os.open(f"{repository.root}/{path}", _READ)
    except OSError:
        return None
    try:
        parts = [os.read(descriptor, _CHUNK)]
        while len(parts[-1]) == _CHUNK:
            parts.append(os.read(descriptor, _CHUNK))
        return b"".join(parts) if len(parts) > 1 else parts[0]
    except OSError:  # a directory, or gone meanwhile
        return None
    finally:
        os.close(descriptor)


def read_blobs(repository: Repository, oids: Iterable[str]) -> dict[str, bytes]:
    """Object id -> content, in one git process."""
    wanted = sorted(set(oids))
    if not wanted:
        return {}
    out = repository.git("cat-file", "--batch", stdin="".join(f"{o}\n" for o in wanted).encode())
    found, position = {}, 0
    for oid in wanted:
        end = out.index(b"\n", position)
        size = int(out[position:end].rsplit(b" ", 1)[1])
        found[oid] = out[end + 1 : end + 1 + size]
        position = end + size + 2
    return found

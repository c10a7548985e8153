"""The files of a work tree, of the index or of a commit, and their bytes."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from migmerge.errors import UserError
from migmerge.git.filters import may_differ
from migmerge.git.repository import Repository

SYMLINK = 0o120000
SUBMODULE = 0o160000
_REGULAR = (0o100644, 0o100755)
_DECISIVE = (b".py", b".gitattributes")


class File(NamedTuple):
    """An entry of a tree; `oid` is empty for a file that git does not track.

    `changed`: the file on disk is not what the index has.
    """

    path: str
    mode: int
    oid: str
    on_disk: bool
    changed: bool = False

    @property
    def is_regular(self) -> bool:
        """Whether it is no link and no submodule."""
        return self.mode in _REGULAR

    @property
    def stamp(self) -> str:
        """What its bytes are known by; empty where only reading them would tell.

        A filter may give the disk other bytes than the object has, so both have a stamp.
        """
        if not self.is_regular or self.changed:
            return ""
        return f"{self.oid}+" if self.on_disk else self.oid


class Unmerged(NamedTuple):
    """A path with index stages: 1 base, 2 ours, 3 theirs, those that there are."""

    path: str
    stages: Mapping[int, File]


class Listing(NamedTuple):
    """What a tree holds by path, what of it is unmerged, and the commits whose tree it is."""

    files: Mapping[str, File]
    unmerged: Mapping[str, Unmerged]
    commits: tuple[str, ...] = ()


class Records(NamedTuple):
    """What git lists of a source (`worktree`, `index`, `commit` or `merge`), in git's own words:
    `form` is `index` (ls-files) or `tree` (ls-tree). `commits`: the one, or the two merged.
    `doubtful`: the files on disk may be other than what the index says of them."""

    source: str
    records: tuple[bytes, ...]
    form: str = "index"
    commits: tuple[str, ...] = ()
    doubtful: bool = False


def path_of(record: bytes) -> bytes:
    """The path in a record, which has no status but `?` where git doesn't track it."""
    return record[2:] if record.startswith(b"? ") else record[record.find(b"\t") + 1 :]


def worktree_records(repository: Repository) -> Records:
    """Tracked files, those that are not on disk as the index has them a second time, and
    untracked files that are not ignored."""
    out = repository.git(
        "ls-files", "-z", "-v", "--stage", "--cached", "--modified", "--others",
        "--exclude-standard",
    )  # fmt: skip
    records = tuple(out.split(b"\0"))
    places = [
        os.fsdecode(path_of(record))
        for record in records
        if record.endswith(_DECISIVE) and (b"igration" in record or not record.endswith(b".py"))
    ]
    return Records("worktree", records, doubtful=may_differ(repository, places))


def directory_records(repository: Repository) -> Records:
    """Files on disk as if git tracked none of them, as in a container that has the code only; what
    is installed beside them is left out."""
    records = []
    for place, directories, names in os.walk(repository.root):
        left_out = {"node_modules", "site-packages", "__pycache__"}
        directories[:] = [
            name for name in directories
            if not name.startswith(".") and name not in left_out
            and not os.path.exists(os.path.join(place, name, "pyvenv.cfg"))
        ]  # fmt: skip
        inside = os.path.relpath(place, repository.root)
        records += [b"? " + os.fsencode(os.path.normpath(os.path.join(inside, n))) for n in names]

    return Records("worktree", tuple(records))


def index_records(repository: Repository) -> Records:
    """What the next commit would hold (obeys GIT_INDEX_FILE)."""
    out = repository.git("ls-files", "-z", "-t", "--stage")
    return Records("index", tuple(out.split(b"\0")))


def commit_records(repository: Repository, commit: str) -> Records:
    """The tree of a commit, or a tree, given by its full id."""
    out = repository.git("ls-tree", "-r", "-z", "--full-tree", commit)
    return Records("commit", tuple(out.split(b"\0")), "tree", (commit,))


def find_records(repository: Repository, *, staged: bool = False, commit: str = "") -> Records:
    """What git lists of the work tree, the index or a commit; where there is no git, the disk."""
    if not repository.git_dir:
        return directory_records(repository)
    if commit:
        return commit_records(repository, commit)
    return index_records(repository) if staged else worktree_records(repository)


def list_index(repository: Repository) -> Listing:
    """What the next commit would hold, by path."""
    return listing_of(index_records(repository))


def listing_of(records: Records) -> Listing:
    """The records by path."""
    if records.form == "index":
        listing = _listing(records.records, on_disk=records.source == "worktree")
        if records.doubtful:
            files = {path: file._replace(changed=True) for path, file in listing.files.items()}
            listing = listing._replace(files=files)
        return listing._replace(commits=records.commits)

    files = {}
    for record in records.records:
        if record:
            head, _, path = record.partition(b"\t")
            mode, _, oid = head.split(b" ")
            file = File(os.fsdecode(path), int(mode, 8), oid.decode(), on_disk=False)
            files[file.path] = file

    return Listing(files, {}, records.commits)


def _listing(records: Iterable[bytes], *, on_disk: bool) -> Listing:
    """Records are `H 100644 <oid> <stage>\\t<path>`, or `? <path>` for untracked files.

    Status `S` is a file left out by a sparse checkout: it counts, from the index. `C` comes
    after the others, for what is changed or gone on disk; `h` may be either, the user forbade git
    to look (--assume-unchanged).
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
            file = File(
                path, int(mode, 8), oid.decode(), on_disk and status not in b"Ss", status in b"Ch"
            )
            if stage == b"0":
                files[path] = file
            else:
                stages.setdefault(path, {})[int(stage)] = file

    for path, by_stage in stages.items():
        if 2 in by_stage or 3 in by_stage:
            side = by_stage[2] if 2 in by_stage else by_stage[3]
            # a merge that was only tried lists the file with git's markers, too
            if path not in files:
                files[path] = side._replace(changed=on_disk)  # there the disk has them

    return Listing(files, {path: Unmerged(path, by_stage) for path, by_stage in stages.items()})


def with_changes(listing: Listing, changed: Mapping[str, bytes | None]) -> Listing:
    """The listing with a file at each path of `changed`, and none where it has no bytes (None).

    A changed file has no stamp: nothing that is remembered of the old content applies to it.
    """
    if not changed:
        return listing

    files = {path: file for path, file in listing.files.items() if path not in changed}
    for path, data in changed.items():
        if data is not None:
            files[path] = File(path, _REGULAR[0], "", on_disk=False, changed=True)
    return listing._replace(files=files)


def read_files(repository: Repository, listing: Listing, paths: Iterable[str]) -> dict[str, bytes]:
    """The bytes of those `paths` that are regular files (or links to such inside the tree).

    A tracked file that was deleted on disk is left out, as is a link out of the repository.
    """
    bytes_by_path: dict[str, bytes] = {}
    blobs: dict[str, str] = {}
    safe: dict[str, bool] = {}
    for path in paths:
        file = listing.files.get(path)
        if file is None or not file.is_regular:
            file = _follow(repository, listing, path)
        if file is None:
            continue
        if not file.on_disk:
            blobs[path] = file.oid
            continue

        data = _read_disk(repository, file.path, safe)
        if data is not None:
            bytes_by_path[path] = data

    if blobs:
        contents = read_blobs(repository, set(blobs.values()))
        bytes_by_path.update({path: contents[oid] for path, oid in blobs.items()})
    return bytes_by_path


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
_UNREADABLE = (errno.EACCES, errno.EPERM, errno.EIO)
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
    except OSError as error:
        if error.errno in _UNREADABLE:  # what it says is not known, so neither is the result
            text = f"cannot read {path}: {error.strerror}"
            raise UserError("system", text, "make it readable") from None
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
    blobs, position = {}, 0
    for oid in wanted:
        end = out.index(b"\n", position)
        size = int(out[position:end].rsplit(b" ", 1)[1])
        blobs[oid] = out[end + 1 : end + 1 + size]
        position = end + size + 2

    return blobs

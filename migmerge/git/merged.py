"""The tree that merging two commits would give, without touching index or work tree."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence

from migmerge.errors import UserError
from migmerge.git.process import GitError
from migmerge.git.repository import Repository, is_shallow
from migmerge.git.trees import Records, commit_records, read_blobs

# git's own merge of a text: our driver would take a process for each file, and decide nothing
_WITHOUT_DRIVER = (
    "-c",
    "merge.migmerge.driver=git merge-file --marker-size=%L -L ours -L base -L theirs %A %O %B",
)


def merge_records(repository: Repository, ours: str, theirs: str) -> Records:
    """What git would list after `git merge theirs` at `ours` (full ids), unmerged paths as such.

    UserError where the two have no history in common.
    """
    try:
        out = repository.git(
            *_WITHOUT_DRIVER, "merge-tree", "--write-tree", "-z", "--no-messages", ours, theirs,
            expected=(0, 1),
        )  # fmt: skip
    except GitError as error:
        if error.returncode != 129:
            raise _unrelated(repository, error) from None
        return merge_records_of_old_git(repository, ours, theirs)

    tree, *stages = out.rstrip(b"\0").split(b"\0")
    records = commit_records(repository, tree.decode())
    if not stages:
        return Records("merge", records.records, records.form, (ours, theirs))

    merged = [_staged(record) for record in records.records if record]  # with git's markers
    merged += [b"M " + record for record in stages]
    return Records("merge", tuple(merged), "index", (ours, theirs))


def merge_records_of_old_git(repository: Repository, ours: str, theirs: str) -> Records:
    """The same before git 2.38, by an index of its own and a merge of each text."""
    try:
        base = repository.git("merge-base", ours, theirs).decode().split()[0]
    except GitError as error:
        raise _unrelated(repository, error) from None

    with tempfile.TemporaryDirectory() as place:
        env = {"GIT_INDEX_FILE": os.path.join(place, "index")}
        repository.git("read-tree", "-i", "-m", "--aggressive", base, ours, theirs, env=env)
        listed = repository.git("ls-files", "-z", "-t", "--stage", env=env).split(b"\0")
        records = _with_texts(repository, place, listed)

    return Records("merge", tuple(records), "index", (ours, theirs))


def _with_texts(repository: Repository, place: str, records: list[bytes]) -> list[bytes]:
    """The records with what merging the texts makes of files that both sides changed; those that
    merge without a conflict are unmerged no more."""
    stages: dict[bytes, dict[bytes, str]] = {}
    for record in records:
        head, _, path = record.partition(b"\t")
        if head.startswith(b"M "):
            stages.setdefault(path, {})[head[-1:]] = head.split(b" ")[2].decode()

    clean = set()
    for path, oids in stages.items():
        if len(oids) == 3:
            done, oid = _merged_text(repository, place, [oids[n] for n in (b"2", b"1", b"3")])
            records = [*records, b"H 100644 %s 0\t%s" % (oid.encode(), path)]
            clean |= {path} if done else set()

    return [r for r in records if r[:2] != b"M " or r.partition(b"\t")[2] not in clean]


def _merged_text(repository: Repository, place: str, oids: Sequence[str]) -> tuple[bool, str]:
    """Whether ours, base and theirs merge without a conflict, and the object with the result."""
    blobs = read_blobs(repository, oids)
    names = []
    for number, oid in enumerate(oids):
        names.append(os.path.join(place, str(number)))
        with open(names[-1], "wb") as handle:
            handle.write(blobs[oid])

    expected = tuple(range(128))  # the number of conflicts
    labels = ("-L", "ours", "-L", "base", "-L", "theirs")
    text = repository.git("merge-file", "-p", *labels, *names, expected=expected)
    clean = not any(line.startswith(b"<<<<<<< ") for line in text.splitlines())
    oid = repository.git("hash-object", "-w", "--stdin", stdin=text).decode().strip()
    return clean, oid


def _staged(record: bytes) -> bytes:
    """A line of ls-tree as ls-files would write it."""
    head, _, path = record.partition(b"\t")
    mode, _, oid = head.split(b" ")
    return b"H %s %s 0\t%s" % (mode, oid, path)


def _unrelated(repository: Repository, error: GitError) -> UserError:
    if is_shallow(repository):
        return UserError(
            "shallow",
            "this clone is too shallow to merge: the common history was cut off",
            "git fetch --unshallow (GitHub: actions/checkout with fetch-depth: 0; "
            "GitLab: GIT_DEPTH: 0; Bitbucket: clone: depth: full)",
        )
    if error.returncode == 1 or "unrelated histories" in error.stderr:
        return UserError(
            "unrelated", "the two have no history in common", "name a branch of this repository"
        )
    return UserError("git", f"git could not merge: {error.reason}", "git merge-tree says more")

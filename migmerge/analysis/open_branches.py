"""Open branches, and what each has changed since it left the base branch, in a few processes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from migmerge.git.repository import Repository, commit_of, current_branch, find_commit

_SECONDS_A_DAY = 86_400
_REGULAR = (b"100644", b"100755")
_REMOTE = "refs/remotes/origin/"


# from a commit to a later one
Way = tuple[str, str]


class OpenBranch(NamedTuple):
    """A branch with the `commits` that the base branch lacks, children first; `when` is its last
    commit's time, in seconds since 1970, and `fork` the newest commit that the base branch has."""

    name: str
    commit: str
    when: int
    author: str
    fork: str
    commits: tuple[str, ...]


class Changed(NamedTuple):
    """A path that differs between two trees; `old` or `oid` is empty where it isn't there."""

    path: str
    old: str
    oid: str


def open_branches(
    repository: Repository, base: str, names: Sequence[str], days: int, now: float
) -> list[OpenBranch]:
    """The branches `names`, or the one that is checked out and all of origin's whose last commit
    is at most `days` old, oldest first; those that have nothing new to `base` (a commit), or
    nothing in common with it, are left out."""
    if names:
        tips = {name: commit_of(repository, name) for name in names}
    else:
        tips = _remote_tips(repository)
        tips |= {n: tip for n, tip in _checked_out(repository) if tip not in tips.values()}

    commit_texts = _read_commits(repository, tips.values())
    if not names:
        oldest = now - days * _SECONDS_A_DAY
        tips = {name: tip for name, tip in tips.items() if commit_texts[tip][0] >= oldest}

    forks = _forks(repository, base, set(tips.values()))
    branches = [
        OpenBranch(name, tip, *commit_texts[tip], *forks[tip])
        for name, tip in tips.items()
        if tip in forks
    ]
    return sorted(branches, key=lambda branch: (branch.when, branch.name))


def _remote_tips(repository: Repository) -> dict[str, str]:
    """Origin's branches, and what an annotated tag among them is a tag of."""
    form = "--format=%(refname)%00%(symref)%00%(objecttype) %(objectname)"
    form += "%00%(*objecttype) %(*objectname)"
    out = os.fsdecode(repository.git("for-each-ref", form, "--", _REMOTE))
    tips = {}
    for ref, symbolic, *objects in (line.split("\0") for line in out.splitlines()):
        commits = [oid for kind, _, oid in (o.partition(" ") for o in objects) if kind == "commit"]
        if commits and not symbolic:
            tips[ref[len("refs/remotes/") :]] = commits[0]
    return tips


def _checked_out(repository: Repository) -> list[tuple[str, str]]:
    name, tip = current_branch(repository), find_commit(repository, "HEAD")
    return [(name, tip)] if name and tip else []


def _read_commits(repository: Repository, tips: Iterable[str]) -> dict[str, tuple[int, str]]:
    """Commit -> when it was made, and who wrote it."""
    wanted = sorted(set(tips))
    if not wanted:
        return {}

    out = repository.git(
        "log", "--no-walk=unsorted", "-z", "--format=%H%x01%ct%x01%an", "--stdin",
        stdin="".join(f"{tip}\n" for tip in wanted).encode(),
    )  # fmt: skip
    records = [record.split("\1", 2) for record in out.decode("utf-8", "replace").split("\0")]
    return {
        oid: (int(when), author) for oid, when, author in filter(lambda r: len(r) == 3, records)
    }


def _forks(
    repository: Repository, base: str, tips: set[str]
) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Tip -> the newest commit of the base branch that it holds, and those that are its own; none
    for what is merged, or has nothing in common with it."""
    if not tips:
        return {}

    wanted = "".join(f"{tip}\n" for tip in sorted(tips)) + f"^{base}\n"
    out = repository.git("rev-list", "--topo-order", "--parents", "--stdin", stdin=wanted.encode())
    parents = {line.split()[0]: line.split()[1:] for line in out.decode().splitlines()}
    place = {commit: index for index, commit in enumerate(parents)}
    reached = {tip: _reach(tip, parents) for tip in tips if tip in parents}
    order: dict[str, int] = {}
    if any(len(shared) > 1 for _, shared in reached.values()):
        history = repository.git("rev-list", "--topo-order", base).decode().split()
        order = {commit: index for index, commit in enumerate(history)}

    return {
        tip: (
            min(shared, key=lambda commit: order.get(commit, 0)),
            tuple(sorted(unshared, key=place.__getitem__)),
        )
        for tip, (unshared, shared) in reached.items()
        if shared
    }


def _reach(tip: str, parents: Mapping[str, Sequence[str]]) -> tuple[set[str], set[str]]:
    """What can be reached from `tip` inside of `parents`, and the commits at which that ends."""
    unshared, shared, waiting = {tip}, set(), [tip]
    while waiting:
        for parent in parents[waiting.pop()]:
            if parent not in parents:
                shared.add(parent)
            elif parent not in unshared:
                unshared.add(parent)
                waiting.append(parent)
    return unshared, shared


def changes(
    repository: Repository, ways: Iterable[Way], within: Iterable[str] = ()
) -> dict[Way, list[Changed]]:
    """Python files that were added, changed or taken away between them, if
    the path speaks of migrations or has a number; or all `within` directories, much faster."""
    by_way: dict[tuple[str, str], list[Changed]] = {way: [] for way in ways}
    wanted = sorted(way for way in by_way if way[0] != way[1])
    if not wanted:
        return by_way

    # a commit with the commits to compare it with in place of its parents
    lines = "".join(f"{new} {old}\n" for old, new in wanted)
    out = repository.git(
        "diff-tree", "--stdin", "-r", "-z", "--no-renames", "--raw", "--always", "--", *within,
        stdin=lines.encode(),
    )  # fmt: skip
    fields = iter(out.split(b"\0"))
    way = iter(wanted)
    changed: list[Changed] = []
    for field in fields:
        if not field.startswith(b":"):
            changed = by_way[next(way)] if field else changed
            continue

        path = next(fields)
        if path.endswith(b".py") and (within or _may_be_one(path)):
            before, mode, old, oid, _ = field[1:].split(b" ")
            oids = [o.decode() if m in _REGULAR else "" for m, o in ((before, old), (mode, oid))]
            changed.append(Changed(os.fsdecode(path), *oids))

    return by_way


def _may_be_one(path: bytes) -> bool:
    return b"migration" in path.lower() or path[path.rfind(b"/") + 1 :][:1].isdigit()

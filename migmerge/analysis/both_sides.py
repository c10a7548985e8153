"""Files that both sides of a merge have, or one of them alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from migmerge.analysis.workspace import Workspace
from migmerge.git.trees import Listing, read_blobs


class Versions(NamedTuple):
    """The bytes that each side has of the paths that both sides added (git's add/add)."""

    ours: Mapping[str, bytes]
    theirs: Mapping[str, bytes]


def read_versions(workspace: Workspace, listing: Listing, paths: Sequence[str]) -> Versions:
    """The two versions of those of `paths` that both sides added."""
    collided = [path for path in paths if _is_collision(listing, path)]
    stages = {path: listing.unmerged[path].stages for path in collided}
    oids = {by_number[number].oid for by_number in stages.values() for number in (2, 3)}
    blobs = read_blobs(workspace.repository, oids)
    return Versions(
        {path: blobs[by_number[2].oid] for path, by_number in stages.items()},
        {path: blobs[by_number[3].oid] for path, by_number in stages.items()},
    )


def _is_collision(listing: Listing, path: str) -> bool:
    """Stages 2 and 3 without 1."""
    unmerged = listing.unmerged.get(path)
    return unmerged is not None and set(unmerged.stages) == {2, 3}


def find_theirs_only(
    workspace: Workspace, listing: Listing, paths: Sequence[str]
) -> frozenset[str]:
    """Paths that come in with the other side of the merge, or of the stopped operation."""
    sides = _sides_under_way(workspace, listing)
    if not sides:
        return frozenset()
    ours, theirs = (workspace.list_commit(side).files for side in sides)
    return frozenset(path for path in paths if path in theirs and path not in ours)


def paths_of_both_sides(workspace: Workspace, listing: Listing) -> frozenset[str]:
    """Paths that both sides of a merge have; empty where it is not known what the sides were.

    The merge is under way, or the commit that is looked at is its merge commit.
    """
    sides = sides_of_merge(workspace, listing)
    if not sides:
        return frozenset()
    ours, theirs = (workspace.list_commit(side).files for side in sides)
    return frozenset(ours.keys() & theirs.keys())


def sides_of_merge(workspace: Workspace, listing: Listing) -> tuple[str, ...]:
    """The two commits that were, or would be, merged: of a merge that is only tried, of the
    operation that is stopped, or of the merge commit that is looked at; else nothing."""
    sides = _sides_under_way(workspace, listing)
    if sides:
        return sides
    commit = listing.commits[0] if listing.commits else workspace.head
    parents = workspace.parents(commit) if commit else ()
    return parents[:2] if len(parents) > 1 else ()


def _sides_under_way(workspace: Workspace, listing: Listing) -> tuple[str, ...]:
    """The two commits of the merge that is only tried, or of the operation that is stopped."""
    if len(listing.commits) == 2:
        return listing.commits
    head, stopped = workspace.head, workspace.stopped
    return (head, stopped.theirs) if stopped and head else ()

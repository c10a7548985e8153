"""Files that both sides of a merge have, or one of them alone."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from migmerge.analysis.workspace import Workspace
from migmerge.git.trees import File, Listing, read_blobs
from migmerge.migrations.graph import Graph
from migmerge.migrations.model import NodeKey


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
    """The two commits that were, or would be, merged; nothing where that is not known.

    Of a merge that is only tried, of the operation that is stopped, of the merge commit that is
    looked at; else of the last merge on this branch, or of the rebase that made it.
    """
    sides = _sides_under_way(workspace, listing)
    commit = listing.commits[0] if listing.commits else workspace.head
    if sides or not commit:
        return sides

    base = None if listing.commits else workspace.base_or_none
    own = workspace.own_commits(commit, base.commit) if base else None
    if base is None or own is None or commit not in own.parents:
        parents = workspace.parents(commit)
        return parents[:2] if len(parents) > 1 else ()

    merge = own.last_merge(commit)
    if merge:
        return merge[:2]
    tip = left_behind(workspace)
    return (tip, base.commit) if tip else ()


def own_nodes(graph: Graph, here: Mapping[str, File], there: Mapping[str, File]) -> list[NodeKey]:
    """The nodes of the graph whose files only one side has, given the files of this and of the
    other one."""
    paths = here.keys() - there.keys()
    return sorted(key for key in graph.parents if graph.nodes[key].path in paths)


def left_behind(workspace: Workspace) -> str:
    """ORIG_HEAD where HEAD does not hold it: the tip that a finished rebase left."""
    place = workspace.repository.git_path
    if not os.path.exists(place("ORIG_HEAD")) and not os.path.exists(place("reftable")):
        return ""  # nearly always

    before, head = workspace.find_commit("ORIG_HEAD"), workspace.head
    if (
        not before
        or not head
        or not workspace.repository.git("rev-list", "-1", before, "--not", head)
    ):
        return ""
    return before


def _sides_under_way(workspace: Workspace, listing: Listing) -> tuple[str, ...]:
    """The two commits of the merge that is only tried, or of the operation that is stopped."""
    if len(listing.commits) == 2:
        return listing.commits
    head, stopped = workspace.head, workspace.stopped
    return (head, stopped.theirs) if stopped and head else ()

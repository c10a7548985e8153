"""What is published: what the base branch or another published ref has, as it is in this tree."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from migmerge.analysis.snapshot import THEIRS, Snapshot
from migmerge.analysis.workspace import Workspace
from migmerge.conflicts.conflict import Conflict
from migmerge.git.published_refs import find_paths, published_refs
from migmerge.git.trees import File, Listing
from migmerge.migrations.model import NodeKey


def published_files(snapshot: Snapshot, base: Listing) -> dict[str, File]:
    """The base branch's files by path; also by the path that they have in this tree, where the
    directory of an app was moved."""
    return {**base.files, **_in_moved_directories(snapshot, base)}


def _in_moved_directories(snapshot: Snapshot, base: Listing) -> dict[str, File]:
    """The base's files by their paths in this tree, where the directory of an app was moved.

    A directory is a moved one where it is new, and has a file of one that is gone, unchanged.
    """
    files = snapshot.listing.files
    old, new = _by_directory(base.files), _by_directory(files)
    gone = {
        (name, file.oid): directory
        for directory in old.keys() - new.keys()
        for name, file in old[directory].items()
        if name != "__init__.py"
    }
    moved = {}
    for directory in {app.directory for app in snapshot.apps.values()} - old.keys():
        here = new.get(directory, {})
        origins = {gone[name, file.oid] for name, file in here.items() if (name, file.oid) in gone}
        if len(origins) == 1:
            for name, file in old[origins.pop()].items():
                moved[f"{directory}/{name}"] = file

    return moved


def _by_directory(files: Mapping[str, File]) -> dict[str, dict[str, File]]:
    """Directory -> file name -> file."""
    by_directory: dict[str, dict[str, File]] = {}
    for path, file in files.items():
        directory, _, name = path.rpartition("/")
        by_directory.setdefault(directory, {})[name] = file
    return by_directory


def published_nodes(snapshot: Snapshot, base: Mapping[str, File]) -> frozenset[NodeKey]:
    """Nodes that the base branch has; of a path collision only the version that is the base's."""
    published = set()
    for key, migration in snapshot.graph.nodes.items():
        there = base.get(migration.path)
        if there is None:
            continue
        if migration.path in snapshot.theirs:
            stages = snapshot.listing.unmerged[migration.path].stages
            if there.oid != stages[3 if key.version == THEIRS else 2].oid:
                continue

        published.add(key)

    return frozenset(published)


def published_elsewhere(
    workspace: Workspace,
    snapshot: Snapshot,
    conflicts: Iterable[Conflict],
    published: Collection[NodeKey],
) -> dict[NodeKey, str]:
    """What the sides have that is not on the base branch and that another ref published: a hotfix
    that is merged into develop, what upstream released. Each with the ref's name.

    Of two files with one name one has to move, so of their apps nothing is looked for.
    """
    found = list(conflicts)
    collided = {conflict.app.key for conflict in found if conflict.kind == "path"}
    paths = {
        key: snapshot.graph.nodes[key].path
        for conflict in found
        if conflict.kind == "siblings" and conflict.app.key not in collided
        for branch in conflict.branches
        for key in branch.nodes
        if key not in published
    }
    base = workspace.base
    if not paths or base is None:
        return {}

    refs = published_refs(workspace.repository, workspace.config.published, base.commit)
    names = find_paths(workspace.repository, refs, set(paths.values()))
    return {key: names[path] for key, path in paths.items() if path in names}

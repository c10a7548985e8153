"""What a migration was called before: found by its operations, in all of git's history."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from migmerge.analysis.compare import source_of
from migmerge.analysis.path_history import Version, read_versions_of
from migmerge.analysis.snapshot import Snapshot
from migmerge.git.repository import Repository
from migmerge.git.trees import read_blobs
from migmerge.migrations.model import NodeKey
from migmerge.migrations.operations import (
    database_mark,
    keeps_title,
    read_script,
    title,
    whole_mark,
)
from migmerge.migrations.reader import read_header


class Former(NamedTuple):
    """An old name: the migrations that have the same operations now, and where it was seen, a
    short commit or the ref of a fix that was not committed. `empty`: it never had an operation.

    `commit` has the file, and `parent` is the migration of its own app that it depends on there, by
    name ("zero" for none).

    Not `seen`: history doesn't know it. No `now`: nothing there has its operations. Not `compared`:
    there is no git to compare it with.
    """

    key: NodeKey
    now: tuple[NodeKey, ...] = ()
    seen: str = ""
    compared: bool = True
    empty: bool = False
    commit: str = ""
    parent: str = ""


def find_former_names(
    repository: Repository, snapshot: Snapshot, keys: Collection[NodeKey]
) -> dict[NodeKey, Former]:
    """For names that databases know: what has their operations, under other names."""
    paths = {key: path_of(snapshot, key) for key in keys}
    versions = read_versions_of(repository, set(paths.values()))
    oids = {version.oid for of_path in versions.values() for version in of_path}
    blobs = read_blobs(repository, oids)
    marks: dict[str, dict[NodeKey, str]] = {}
    formers = {}
    for key, path in paths.items():
        of_path = versions.get(path, [])
        if of_path and key.app not in marks:
            nodes = snapshot.graph.app_nodes(key.app)
            marks[key.app] = {node: whole_mark(source_of(snapshot, node)) for node in nodes}

        now: dict[NodeKey, str] = {}
        for version in reversed(of_path):
            for node in _alike(key, blobs[version.oid], marks[key.app]):
                now[node] = version.place

        seen = next(iter(now.values()), of_path[0].place if of_path else "")
        scripts = [read_script(blobs[version.oid], key.app, key.name) for version in of_path]
        empty = bool(scripts) and not any(script.calls for script in scripts)
        formers[key] = _with_commit(
            Former(key, tuple(sorted(now)), seen, empty=empty), snapshot, of_path, blobs
        )

    return formers


def _with_commit(
    former: Former, snapshot: Snapshot, versions: Sequence[Version], blobs: Mapping[str, bytes]
) -> Former:
    """With the last commit that has the file."""
    last = next((version for version in versions if version.there), None)
    header = read_header(blobs[last.oid]) if last else None
    if last is None or header is None:
        return former
    label = snapshot.apps[former.key.app].label
    parents = [reference.name for reference in header.dependencies if reference.label == label]
    return former._replace(commit=last.place, parent=max(parents, default="zero"))


def find_former_squashes(
    repository: Repository, snapshot: Snapshot, keys: Collection[NodeKey]
) -> dict[NodeKey, tuple[str, ...]]:
    """Of `keys` those that say no more what they replace, with the names of it in their own app as
    their files once had them; only where they still do the same. Not what was only renamed, and
    kept its old name for a while."""
    nodes = snapshot.graph.nodes
    paths = {key: nodes[key].path for key in keys if not nodes[key].header.replaces}
    versions = read_versions_of(repository, set(paths.values()))
    oids = {version.oid for of_path in versions.values() for version in of_path}
    blobs = read_blobs(repository, oids)
    squashes = {}
    for key, path in paths.items():
        mark = whole_mark(source_of(snapshot, key))
        for version in versions.get(path, []):
            header = read_header(blobs[version.oid])
            label = nodes[key].label
            names = [old.name for old in header.replaces if old.label == label] if header else []
            renamed = len(names) == 1 and keeps_title(names[0], key.name)
            if names and not renamed and whole_mark(blobs[version.oid]) == mark:
                squashes[key] = tuple(names)
                break

    return squashes


def _alike(key: NodeKey, source: bytes, marks: Mapping[NodeKey, str]) -> list[NodeKey]:
    """Other names of what does the same, those of the same title if there are such."""
    mark = whole_mark(source)
    same = [node for node, other in marks.items() if other == mark and node.name != key.name]
    titled = [node for node in same if title(node.name) == title(key.name)]
    return titled or (same if database_mark(source) else [])


def path_of(snapshot: Snapshot, key: NodeKey) -> str:
    """Where a migration of this name is, or would be."""
    if key in snapshot.graph.nodes:
        return snapshot.graph.nodes[key].path
    return snapshot.apps[key.app].path_of(key.name)

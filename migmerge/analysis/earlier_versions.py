"""Versions of a migration's file that were checked out here, and did something else."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from migmerge.analysis.compare import source_of
from migmerge.analysis.path_history import read_versions_of
from migmerge.analysis.snapshot import Snapshot
from migmerge.git.repository import Repository
from migmerge.git.trees import read_blobs
from migmerge.migrations.model import NodeKey
from migmerge.migrations.operations import whole_mark

_MOST = 20  # of one file: somebody who tries edits it often


class EarlierVersion(NamedTuple):
    """What a short commit has at the migration's path."""

    commit: str
    source: bytes


def find_earlier_versions(
    repository: Repository, snapshot: Snapshot, keys: Collection[NodeKey]
) -> dict[NodeKey, tuple[EarlierVersion, ...]]:
    """Of migrations whose file had other operations, these versions, the newest first."""
    paths = {key: snapshot.graph.nodes[key].path for key in keys}
    versions = read_versions_of(repository, set(paths.values()), checked_out=True)
    oids = {version.oid for of_path in versions.values() for version in of_path}
    blobs = read_blobs(repository, oids)
    earlier = {}
    for key, path in paths.items():
        marks = {whole_mark(source_of(snapshot, key))}
        others = []
        for version in versions.get(path, []):
            source = blobs[version.oid]
            if version.there and whole_mark(source) not in marks:
                marks.add(whole_mark(source))
                others.append(EarlierVersion(version.place, source))

        if others:
            earlier[key] = tuple(others[:_MOST])

    return earlier

"""Migrations that were edited after a database ran them."""

from __future__ import annotations

from typing import NamedTuple

from migmerge.analysis.earlier_versions import find_earlier_versions
from migmerge.analysis.snapshot import Snapshot
from migmerge.databases.project_diagnosis import Inquiry
from migmerge.git.repository import Repository
from migmerge.migrations.model import NodeKey
from migmerge.project.configured_databases import Row, Status, ran_versions


class EditedMigration(NamedTuple):
    """A row whose file had other operations when the database ran it: those of a short commit."""

    row: Row
    path: str
    commit: str


def find_edited(
    repository: Repository, snapshot: Snapshot, inquiry: Inquiry, status: Status
) -> tuple[EditedMigration, ...]:
    """Of what the database `inquiry.asked` has applied, whose tables differ from the files."""
    if not repository.git_dir:
        return ()
    apps = {snapshot.apps[key].label: key for key in inquiry.app_keys}
    keys = {
        NodeKey(apps[label], name): (label, name)
        for label, name in status.recorded
        if label in apps
    }
    there = keys.keys() & snapshot.graph.nodes.keys()
    earlier = find_earlier_versions(repository, snapshot, there)
    order = sorted(earlier)
    versions = [(keys[key], [one.source for one in earlier[key]]) for key in order]
    places = ran_versions(inquiry.project, inquiry.asked, versions) if versions else []
    return tuple(
        EditedMigration(keys[key], snapshot.graph.nodes[key].path, earlier[key][place].commit)
        for key, place in zip(order, places, strict=True)
        if place is not None
    )

"""What a migration was called before, where there is no git to tell: by title and tables."""

from __future__ import annotations

from collections.abc import Collection

from migmerge.analysis.compare import source_of
from migmerge.analysis.former_names import Former
from migmerge.analysis.snapshot import Snapshot
from migmerge.migrations.model import NodeKey
from migmerge.migrations.operations import read_script, title
from migmerge.project.configured_databases import Status


def formers_by_tables(
    snapshot: Snapshot, status: Status, keys: Collection[NodeKey]
) -> dict[NodeKey, Former]:
    """For names that a database has recorded and no file has: the unapplied migration of this
    title, if there is one, and every column that it adds is in the database already.

    Only names as Django gives them are compared: a table named by `db_table` proves nothing.
    """
    there = set(status.endangered)
    unapplied = set(status.unapplied)
    formers = {}
    for key in keys:
        alike = [
            node
            for node in snapshot.graph.app_nodes(key.app)
            if title(node.name) == title(key.name)
            and (snapshot.graph.nodes[node].label, node.name) in unapplied
        ]
        columns = _added(snapshot, alike[0]) if len(alike) == 1 else set()
        proven = bool(columns) and columns <= there
        formers[key] = Former(key, (alike[0],)) if proven else Former(key, compared=False)

    return formers


def _added(snapshot: Snapshot, key: NodeKey) -> set[str]:
    """`table.column` of each AddField that acts on the database."""
    label = snapshot.graph.nodes[key].label
    script = read_script(source_of(snapshot, key), label, key.name)
    columns = set()
    for call in script.calls:
        if call.name == "AddField" and call.route != "state":
            model, field = (
                script.text(call.arguments.get(name)) for name in ("model_name", "name")
            )
            columns.add(f"{label}_{(model or '').lower()}.{field}")

    return columns

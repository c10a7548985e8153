"""Old names that a renamed migration replaces, and that another migration has by now.

Django takes the other one for replaced, and never runs it (MigrationLoader.build_graph).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from migmerge.analysis.file_cache import Contents
from migmerge.migrations.model import Migration, NodeKey, Reference
from migmerge.migrations.operations import fingerprint


def find_reused(
    migrations: Iterable[Migration],
    strangers: Mapping[NodeKey, tuple[NodeKey, Reference]],
    contents: Contents,
) -> dict[NodeKey, Reference]:
    """Of `strangers` those that do something else than what they replace (`Snapshot.reused`)."""
    paths = {migration.key: migration.path for migration in migrations}
    contents.read([paths[key] for pair in strangers.items() for key in (pair[0], pair[1][0])])
    reused = {}
    for key, (other, reference) in strangers.items():
        one, two = (
            fingerprint(contents[paths[k]], ("dependencies", "replaces")) for k in (key, other)
        )
        if one and two and one != two:
            reused[key] = reference

    return reused


def reused_names(reused: Mapping[NodeKey, Reference], app: str) -> tuple[str, ...]:
    """A sentence for each old name of the app that two migrations claim."""
    return tuple(
        f"{key.name} replaces {reference.name}, and that is another migration now: "
        "Django would not run it"
        for key, reference in sorted(reused.items())
        if key.app == app
    )

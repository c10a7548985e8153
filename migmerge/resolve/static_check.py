"""The static verdict: what a tree has that it should not have after a fix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from migmerge.analysis.compare import source_of
from migmerge.analysis.snapshot import Snapshot
from migmerge.migrations.model import NodeKey
from migmerge.migrations.operations import whole_mark


def problems(before: Snapshot, after: Snapshot, leaves: Mapping[str, str]) -> list[tuple[str, str]]:
    """`(app key, what is wrong)` in `after`; `leaves` is the only leaf that each app must have.

    What was wrong elsewhere before the fix is not its doing.
    """
    faults = []
    for app, leaf in sorted(leaves.items()):
        names = [key.name for key in after.graph.leaves(app)]
        if names != [leaf]:
            faults.append((app, f"leaf nodes would be {', '.join(names)}, not {leaf} alone"))

    missing_before = {
        (m.migration.path, m.reference.label, m.reference.name) for m in before.graph.missing
    }
    for missing in after.graph.missing:
        label, name = missing.reference.label, missing.reference.name
        if missing.key.app not in leaves and _is_restored(before, missing.key):
            continue  # it is still missing, as before
        if (missing.migration.path, label, name) not in missing_before:
            text = f"{missing.migration.key} would depend on {label}.{name}, which is not there"
            faults.append((missing.migration.key.app, text))

    old_cycles = before.graph.cycles()
    for cycle in after.graph.cycles():
        if cycle not in old_cycles:
            faults.append((cycle[0].app, f"a cycle: {', '.join(map(str, cycle))}"))
    return faults


def _is_restored(before: Snapshot, key: NodeKey) -> bool:
    return key in before.graph.nodes and before.graph.nodes[key].path in before.restored


def lost_migrations(
    before: Snapshot, after: Snapshot, changed: Collection[str], dropped: Collection[NodeKey]
) -> list[tuple[str, str]]:
    """`(app key, what is wrong)` for each migration at one of the `changed` paths, and not
    `dropped`, whose operations no file at these paths has any more."""
    left: Counter[tuple[str, str]] = Counter()
    for key, migration in after.graph.nodes.items():
        if migration.path in changed:
            left[key.app, whole_mark(source_of(after, key))] += 1

    faults = []
    for key, migration in sorted(before.graph.nodes.items()):
        if migration.path not in changed or key in dropped:
            continue
        mark = key.app, whole_mark(source_of(before, key))
        left[mark] -= 1
        if left[mark] < 0:
            faults.append((key.app, f"what {key.name} does would be in no file"))

    return faults

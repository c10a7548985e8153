"""The static verdict: what a tree has that it should not have after a fix."""

from __future__ import annotations

from collections.abc import Mapping

from migmerge.analysis.snapshot import Snapshot


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
        if (missing.migration.path, label, name) not in missing_before:
            text = f"{missing.migration.key} would depend on {label}.{name}, which is not there"
            faults.append((missing.migration.key.app, text))

    old_cycles = before.graph.cycles()
    for cycle in after.graph.cycles():
        if cycle not in old_cycles:
            faults.append((cycle[0].app, f"a cycle: {', '.join(map(str, cycle))}"))
    return faults

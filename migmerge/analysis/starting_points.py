"""Where databases may stand: trees of migrations that one was migrated with before a merge."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import permutations
from typing import NamedTuple

from migmerge.analysis.both_sides import left_behind
from migmerge.analysis.compare import source_of
from migmerge.analysis.snapshot import Snapshot, read_snapshot
from migmerge.analysis.workspace import Workspace
from migmerge.conflicts.conflict import Conflict
from migmerge.migrations.merge_migration import is_empty_merge
from migmerge.migrations.model import NodeKey
from migmerge.migrations.operations import pair_names, read_script

Nodes = Mapping[NodeKey, bytes]


class StartingPoints(NamedTuple):
    """The migrations of each tree by name (`ancestor`, `onto`, `replayed`, `both`; those that
    there are), the apps that are meant by key, and `(app key, old, new)` names of nodes."""

    trees: Mapping[str, Nodes]
    apps: tuple[str, ...]
    renamed: tuple[tuple[str, str, str], ...]
    origin: str = ""
    abandoned: bool = False  # no database stays on the replayed side: it is regenerated
    later: bool = False  # migrations that neither side had came after the merge
    # rows that do no harm without a file, by app key: of duplicates and of merge migrations
    surplus: frozenset[tuple[str, str]] = frozenset()

    @property
    def points(self) -> dict[str, tuple[str, ...]]:
        """Each starting point by name, with the trees that its database saw, in order."""
        paths = {
            "fresh": (),
            "ancestor": ("ancestor",),
            "onto": ("ancestor", "onto"),
            "replayed": ("ancestor", "replayed"),
            "onto, then replayed": ("ancestor", "onto", "both"),
            "replayed, then onto": ("ancestor", "replayed", "both"),
        }
        there = self.trees.keys() - ({"replayed", "both"} if self.abandoned else set())
        return {name: path for name, path in paths.items() if there >= set(path)}


def starts_of_conflicts(
    before: Snapshot, after: Snapshot, conflicts: Sequence[Conflict], apps: Collection[str]
) -> StartingPoints:
    """From the files with the conflicts in them, and those of `apps` without."""
    graph = before.graph
    sided = [c for c in conflicts if c.kind in ("siblings", "path") and c.app.key in apps]
    if not sided:  # nothing but names that are put right
        return StartingPoints({}, tuple(sorted(apps)), ())

    onto, replayed = set[NodeKey](), set[NodeKey]()
    for conflict in sided:
        stays = conflict.stays
        onto |= set(stays.nodes)
        replayed |= {k for b in conflict.branches if b != stays for k in b.nodes} - set(stays.nodes)

    above_onto, above_replayed = (graph.descendants_of(side) for side in (onto, replayed))
    everything = {key: source_of(before, key) for key in graph.nodes}
    trees = {
        "ancestor": _without(everything, above_onto | above_replayed),
        "onto": _without(everything, above_replayed),
        "replayed": _without(everything, above_onto),
    }
    collided = any(key.version for key in graph.nodes)
    duplicates = {key for c in sided for key, _ in c.assessment.duplicates}
    if not collided and _can_run_twice({key: everything[key] for key in duplicates}):
        trees["both"] = everything
    changed_apps = {key.app for key in above_onto | above_replayed} | set(apps)
    renamed = _renamed(everything, after)
    surplus = _surplus({*duplicates, *_removed_merges(everything, after)})
    return StartingPoints(trees, tuple(sorted(changed_apps)), renamed, surplus=surplus)


# operations that a database may run although it has their result already
_REPEATABLE = (
    "AlterField", "AlterModelOptions", "AlterModelManagers", "AlterModelTableComment",
    "RunPython", "RunSQL",
)  # fmt: skip


def _can_run_twice(duplicates: Nodes) -> bool:
    """Whether a database can have run both sides: not where both have one migration that adds or
    removes something."""
    scripts = [read_script(source, key.app) for key, source in duplicates.items()]
    return all(call.name in _REPEATABLE for script in scripts for call in script.calls)


def _without(nodes: Nodes, gone: Collection[NodeKey]) -> Nodes:
    return {key: source for key, source in nodes.items() if key not in gone}


def starts_of_history(workspace: Workspace, snapshot: Snapshot) -> StartingPoints:
    """From the last merge, or the one that is stopped; else from the base branch and what a rebase
    left behind."""
    commits, origin = side_commits(workspace)
    snapshots = {name: read_snapshot(workspace, commit=commit) for name, commit in commits.items()}
    trees: dict[str, Nodes] = {
        name: {key: source_of(old, key) for key in old.graph.nodes if key.app in snapshot.apps}
        for name, old in snapshots.items()
    }
    sides = [trees[name] for name in ("onto", "replayed") if name in trees]
    if len(sides) == 2 and all(sides[0][k] == sides[1][k] for k in sides[0].keys() & sides[1]):
        trees["both"] = {**sides[0], **sides[1]}
    before = {key: source for nodes in trees.values() for key, source in nodes.items()}
    renamed = _renamed(before, snapshot)
    duplicates = _duplicates(sides, renamed)
    if not _can_run_twice(duplicates):
        trees.pop("both", None)
    surplus = _surplus({*duplicates, *_removed_merges(before, snapshot)})
    later = _came_later(snapshot, before, renamed)
    apps = _changed_apps(snapshot, trees)
    return StartingPoints(trees, apps, renamed, origin, later=later, surplus=surplus)


def _surplus(keys: Iterable[NodeKey]) -> frozenset[tuple[str, str]]:
    return frozenset((key.app, key.name) for key in keys)


def _removed_merges(before: Nodes, after: Snapshot) -> list[NodeKey]:
    """Merge migrations without operations that are gone."""
    return [
        key
        for key, source in before.items()
        if key not in after.graph.nodes
        and key.app in after.apps
        and is_empty_merge(source, key.name, after.apps[key.app].label)
    ]


def _duplicates(sides: Sequence[Nodes], renamed: Iterable[tuple[str, str, str]]) -> Nodes:
    """Migrations that one side had under a name that is gone, and the other side as it is now."""
    found = {}
    for app, old, new in renamed:
        for one, other in permutations(sides, 2):
            if NodeKey(app, old) in one and NodeKey(app, new) in other:
                found[NodeKey(app, old)] = one[NodeKey(app, old)]
    return found


def _came_later(
    snapshot: Snapshot, before: Nodes, renamed: Collection[tuple[str, str, str]]
) -> bool:
    """Whether migrations came after both sides. Not said where one of theirs is gone: what looks
    new may be the same under another name."""
    nodes = snapshot.graph.nodes
    old = {NodeKey(app, name) for app, name, _ in renamed}
    if any(NodeKey(key.app, key.name) not in {*nodes, *old} for key in before):
        return False
    new = {NodeKey(app, name) for app, _, name in renamed}
    return any(_does_anything(snapshot, key) for key in nodes if key not in {*before, *new})


def _does_anything(snapshot: Snapshot, key: NodeKey) -> bool:
    """Whether a migration is more than a merge migration without operations."""
    migration = snapshot.graph.nodes[key]
    script = read_script(source_of(snapshot, key), migration.label, key.name)
    return bool(script.calls or migration.header.opaque)


def side_commits(workspace: Workspace) -> tuple[dict[str, str], str]:
    """The commits of the last merge, or of the one that is stopped, by the names of
    StartingPoints.trees; and in words where they come from."""
    base = workspace.base.commit if workspace.base else ""
    head = workspace.head or ""
    if workspace.stopped and head:
        sides = (head, workspace.stopped.theirs)
        return _of_two(workspace, base, sides), "the operation that is stopped"

    merge_and_parents = workspace.repository.git(
        "log", "-1", "--first-parent", "--merges", "--format=%H %P", "HEAD", "--",
        expected=(0, 128),
    )  # fmt: skip
    if merge_and_parents:
        merge, one, other = merge_and_parents.decode().split()[:3]
        return _of_two(workspace, base, (one, other)), f"the merge {merge[:10]}"

    if base and head and base != head:
        # where the branch holds the base's tip already: what a rebase left behind, if there is that
        tip = left_behind(workspace) if _holds(workspace, head, base) else head
        trees = _of_two(workspace, base, (tip, base)) if tip else {"ancestor": base}
        return trees, "a rebase" if tip not in ("", head) else "the base branch"
    return {}, "no merge in sight"


def _of_two(workspace: Workspace, base: str, sides: tuple[str, str]) -> dict[str, str]:
    """Commits by tree name; of the two sides the one that the base branch has is onto."""
    one, other = sides
    ancestor = workspace.merge_base(one, other)
    if base and _holds(workspace, base, other) and not _holds(workspace, base, one):
        one, other = other, one
    return {**({"ancestor": ancestor} if ancestor else {}), "onto": one, "replayed": other}


def _holds(workspace: Workspace, commit: str, other: str) -> bool:
    return not workspace.repository.git("rev-list", "-1", other, "--not", commit)


def _changed_apps(snapshot: Snapshot, trees: Mapping[str, Nodes]) -> tuple[str, ...]:
    """Apps that are not the same in all trees and now, with those that build on them."""
    now = {key: source_of(snapshot, key) for key in snapshot.graph.nodes}
    changed = {
        key
        for nodes in trees.values()
        for key in nodes.keys() | now.keys()
        if nodes.get(key) != now.get(key)
    }
    above = snapshot.graph.descendants_of(changed & now.keys())
    return tuple(sorted({key.app for key in changed | above}))


def _renamed(old: Nodes, after: Snapshot) -> tuple[tuple[str, str, str], ...]:
    """Nodes that are there under another name now, found by their operations."""
    new = {key: source_of(after, key) for key in after.graph.nodes}
    gone = {k: s for k, s in old.items() if new.get(NodeKey(k.app, k.name)) != s}
    renamed = []
    for app in sorted({key.app for key in gone}):
        old_sources = {key.name: source for key, source in gone.items() if key.app == app}
        now = {key.name: source for key, source in new.items() if key.app == app}
        renamed += [
            (app, name, other) for name, other in sorted(pair_names(old_sources, now).items())
        ]

    return tuple(renamed)

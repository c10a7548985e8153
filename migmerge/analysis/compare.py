"""What the sides of a conflict do, read from their files."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import combinations

from migmerge.analysis.imports import helper_paths
from migmerge.analysis.snapshot import THEIRS, Snapshot
from migmerge.conflicts.commute import Pair
from migmerge.conflicts.conflict import Branch, Conflict
from migmerge.conflicts.kept_data_migrations import in_the_way
from migmerge.conflicts.rollback_recipe import SideFiles
from migmerge.migrations.facts import Facts
from migmerge.migrations.footprints import footprints
from migmerge.migrations.gather_facts import gather_all, runs_code
from migmerge.migrations.model import NodeKey
from migmerge.migrations.operations import Script, read_script, with_helpers
from migmerge.migrations.recorder import Footprint

# each is compared with each; nobody has seen more than five
_MOST_BRANCHES = 40


def source_of(snapshot: Snapshot, key: NodeKey) -> bytes:
    """The bytes of a node's file, of the right side for a path collision; none of a file that
    can't be read, as a link that leads nowhere."""
    path = snapshot.graph.nodes[key].path
    return snapshot.theirs[path] if key.version == THEIRS else snapshot.contents.get(path, b"")


def read_node(snapshot: Snapshot, key: NodeKey, name: str) -> Script:
    """The operations of a node, under a name, and the modules that its code imports from."""
    node = snapshot.graph.nodes[key]
    script = read_script(source_of(snapshot, key), node.label, name)
    paths = helper_paths(script, node.path, snapshot.listing.files)
    sources = snapshot.contents.beside(paths.values())
    return with_helpers(script, {n: sources[p] for n, p in paths.items() if p in sources})


def footprints_of(
    snapshot: Snapshot,
    conflict: Conflict,
    published: Collection[NodeKey] = (),
    shared: Collection[str] = (),
) -> list[Pair]:
    """What each two branches do that the other doesn't; nothing for kinds without sides.

    Of three branches two may share a part of their chains. What is on both sides under two
    names is not compared, nor are migrations of other apps at paths that both sides have
    (`shared`).
    """
    if conflict.kind not in ("siblings", "path"):
        return []
    if len(conflict.branches) > _MOST_BRANCHES:
        why = f"{len(conflict.branches)} leaf nodes are too many to be compared"
        unknown = Footprint("", conflict.app.label, 0, opaque=why)
        return [((unknown,), (unknown,))]

    pairs = [
        (
            _own(snapshot, one, other, published, shared),
            _own(snapshot, other, one, published, shared),
        )
        for one, other in combinations(conflict.branches, 2)
    ]
    fresh = {key for pair in pairs for side in pair for key in side}
    scripts = {key: read_node(snapshot, key, conflict.shown(key)) for key in fresh}
    facts = facts_of(snapshot, fresh, scripts.values())
    same = {key for pair in conflict.assessment.duplicates for key in pair}
    by_node = {key: footprints(script, facts) for key, script in scripts.items()}

    def done(side: list[NodeKey]) -> list[Footprint]:
        return [footprint for key in side if key not in same for footprint in by_node[key]]

    # what came before the duplicate that goes will come after the one that stays
    swapped = [
        (by_node[kept], done(_before(snapshot, conflict, dropped)))
        for dropped, kept in conflict.assessment.duplicates
    ]
    return [*((done(one), done(other)) for one, other in pairs), *swapped]


def facts_of(snapshot: Snapshot, fresh: Collection[NodeKey], scripts: Iterable[Script]) -> Facts:
    """What the earlier migrations tell, and these scripts, which stand for `fresh`."""
    return facts_of_apps(snapshot, {key.app for key in fresh}, fresh, scripts)


def facts_of_apps(
    snapshot: Snapshot,
    apps: Collection[str],
    fresh: Collection[NodeKey],
    scripts: Iterable[Script],
) -> Facts:
    """What the migrations of these apps tell but for `fresh`, and these scripts."""
    scripts = list(scripts)
    return gather_all(_sources(snapshot, apps, fresh, every=runs_code(scripts)), scripts)


def _sources(
    snapshot: Snapshot, apps: Collection[str], fresh: Collection[NodeKey], *, every: bool
) -> Iterator[tuple[bytes, str]]:
    """The bytes and labels of the apps' migrations, or of `every` app's, but for `fresh`."""
    nodes = snapshot.graph.nodes
    if every:
        list(snapshot.contents)  # read in one go
    for key in nodes:
        if key not in fresh and (every or key.app in apps):
            yield source_of(snapshot, key), nodes[key].label


def needs_old_state(
    snapshot: Snapshot,
    conflict: Conflict,
    carried: Collection[NodeKey],
    regenerated: Mapping[str, bytes],
) -> dict[NodeKey, str]:
    """Why data migrations can't run behind what was regenerated (name -> text) in place of their
    side's schema migrations."""
    if not carried:
        return {}

    label = conflict.app.label
    moving = [k for b in conflict.branches if b != conflict.stays for k in b.nodes]
    scripts = {key: read_node(snapshot, key, key.name) for key in moving}
    made = [read_script(text, label, name) for name, text in regenerated.items()]
    facts = facts_of(snapshot, moving, (*scripts.values(), *made))
    done = {key: footprints(script, facts) for key, script in scripts.items()}
    again = [footprint for script in made for footprint in footprints(script, facts)]
    reasons = {}
    for key in carried:
        before = [f for other in moving[: moving.index(key)] for f in done[other]]
        reason = in_the_way(done[key], before, again)
        if reason:
            reasons[key] = reason

    return reasons


def _before(snapshot: Snapshot, conflict: Conflict, duplicate: NodeKey) -> list[NodeKey]:
    """The nodes of a duplicate's branch that don't build on it."""
    after = snapshot.graph.descendants(duplicate)
    return [
        key
        for branch in conflict.branches
        if duplicate in branch.nodes
        for key in branch.nodes
        if key not in after
    ]


def side_files(snapshot: Snapshot, conflict: Conflict) -> SideFiles:
    """The files of a sibling conflict or path collision, by what becomes of them in a rollback."""
    if conflict.kind not in ("siblings", "path"):
        return SideFiles()

    graph, branches = snapshot.graph, conflict.branches
    every = {key for branch in branches for key in branch.nodes}
    collided = {graph.nodes[key].path for key in every if key.version}
    moving = [branch for branch in branches if branch != conflict.stays]
    aside = []
    for branch in moving:
        others = graph.descendants_of(every.difference(branch.nodes))
        aside.append(_paths(snapshot, others.difference(branch.nodes), collided))

    stays = set(conflict.stays.nodes)
    removed = {key for branch in moving for key in branch.nodes} - stays
    return SideFiles(
        tuple(dict.fromkeys(aside)),
        _paths(snapshot, removed, collided),
        tuple(sorted(collided)),
    )


def _paths(
    snapshot: Snapshot, keys: Iterable[NodeKey], collided: Collection[str]
) -> tuple[str, ...]:
    paths = {snapshot.graph.nodes[key].path for key in keys}
    return tuple(sorted(paths.difference(collided)))


def _own(
    snapshot: Snapshot,
    branch: Branch,
    other: Branch,
    published: Collection[NodeKey],
    shared: Collection[str],
) -> list[NodeKey]:
    """The nodes of `branch` that `other` lacks, with those of other apps that go with them.

    These are what builds on it, and what it builds on in apps of which the other side knows an
    earlier state. What is published isn't the replayed side's, and what is `shared` is neither's.
    """
    graph = snapshot.graph
    below = graph.descendants_of(branch.nodes) - graph.descendants_of(other.nodes)
    above = graph.ancestors_of(branch.nodes)
    others = graph.ancestors_of(other.nodes)
    other_apps = {key.app for key in others}
    above = {key for key in above if key.app in other_apps}
    if branch.side == "replayed":
        above -= set(published)
    foreign = {
        key
        for key in (above - others) | below
        if key.app != branch.leaf.app and graph.nodes[key].path not in shared
    }
    return sorted(set(branch.nodes).difference(other.nodes) | foreign)

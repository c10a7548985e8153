"""A snapshot's conflicts with what only git can tell of them: which side is published."""

from __future__ import annotations

from collections.abc import Collection
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from migmerge.config import Config
from migmerge.conflicts.find import Found, find_conflicts, number_collisions
from migmerge.conflicts.model import Branch, Conflict, Notice, Place
from migmerge.git.repository import Repository
from migmerge.git.snapshot import THEIRS, Snapshot
from migmerge.git.trees import Listing, list_commit
from migmerge.migrations.graph import without_squashes
from migmerge.migrations.model import NodeKey

if TYPE_CHECKING:
    from migmerge.conflicts.commute import Pair
    from migmerge.conflicts.recommend import Apart
    from migmerge.git.base import Base
    from migmerge.migrations.marks import Footprint


# nothing else of an app can be mended before these
BROKEN = ("missing-dependency", "cycle", "unparsable")


class Findings(NamedTuple):
    """`base` is None where there is no base branch, or nothing made it worth asking.

    `prefer` is the configuration's, or what the team does where that was asked for.
    """

    conflicts: tuple[Conflict, ...]
    notices: tuple[Notice, ...]
    base: Base | None
    prefer: str = "auto"


def find(
    repository: Repository,
    config: Config,
    snapshot: Snapshot,
    asked_base: str | None,
    moved: Collection[str] = (),
    *,
    always_base: bool = False,
    learn: bool = False,
) -> Findings:
    """The snapshot's conflicts, each with sides, verdict, recommendation and commands.

    `learn` takes the time, about a second, to see from history what the team prefers.
    """
    midway = without_squashes(snapshot.graph, snapshot.resolve)
    found = find_conflicts(snapshot.graph, snapshot.apps, snapshot.lock_files, midway)
    numbers: list[Conflict] = []
    if config.numbers != "off":
        numbers = number_collisions(snapshot.graph, snapshot.apps, frozenset())
    if not (found.conflicts or numbers or asked_base or always_base):
        return Findings((), found.notices, None)
    return _complete(repository, config, snapshot, found, numbers, asked_base, moved, learn)


def _complete(
    repository: Repository,
    config: Config,
    snapshot: Snapshot,
    found: Found,
    numbers: list[Conflict],
    asked_base: str | None,
    moved: Collection[str],
    learn: bool,
) -> Findings:
    # only here: a check that finds nothing, the common case, never comes so far
    from migmerge.conflicts.recommend import Apart, recommend
    from migmerge.conflicts.sides import decide_sides
    from migmerge.conflicts.twins import find_twins
    from migmerge.git.base import find_base
    from migmerge.migrations.operations import fingerprint

    base = find_base(repository, asked_base, config.base)
    listing = list_commit(repository, base.commit) if base else None
    published = _published(snapshot, listing) if listing else None
    old = frozenset(listing.files) if listing else None
    if numbers and old is not None:
        numbers = number_collisions(snapshot.graph, snapshot.apps, old)
    elif config.numbers != "error":
        numbers = []  # without a base branch it can't be told which are new
    notices = list(found.notices)
    if config.numbers == "notice":
        notices += [Notice(c.place or Place(c.app.directory, 0), c.reasons[0]) for c in numbers]
        numbers = []
    prefer = config.prefer
    if learn and prefer == "auto" and base and any(c.kind == "siblings" for c in found.conflicts):
        from migmerge.git.habit import habit

        prefer = habit(repository, base.commit, {a.directory for a in snapshot.apps.values()})
    complete = []
    broken = {c.app.key: c for c in reversed(found.conflicts) if c.kind in BROKEN}
    for conflict in (*found.conflicts, *numbers):
        sided = conflict._replace(branches=decide_sides(conflict.branches, published, moved))
        if sided.place and sided.kind == "siblings" and all(b.published for b in sided.branches):
            # hidden by a squash, and nothing that this branch could mend
            notices.append(Notice(sided.place, sided.reasons[0]))
            continue
        sided = sided._replace(
            twins=find_twins(sided, lambda key: fingerprint(source_of(snapshot, key)))
        )
        pairs = footprints_of(snapshot, sided, published or ())
        told = recommend(sided, pairs, _apart(snapshot, sided), prefer, asked_base)
        if sided.app.key in broken and sided.kind not in BROKEN:
            first = recommend(broken[sided.app.key], [], Apart(), prefer, asked_base)
            told = told._replace(recommendation="manual", commands=first.commands)
        complete.append(told)
    return Findings(tuple(complete), tuple(sorted(notices)), base, prefer)


def _published(snapshot: Snapshot, base: Listing) -> frozenset[NodeKey]:
    """Nodes that the base branch has; of a path collision only the version that is the base's."""
    found = set()
    for key, migration in snapshot.graph.nodes.items():
        there = base.files.get(migration.path)
        if there is None:
            continue
        if migration.path in snapshot.theirs:
            stages = snapshot.listing.unmerged[migration.path].stages
            if there.oid != stages[3 if key.version == THEIRS else 2].oid:
                continue
        found.add(key)
    return frozenset(found)


def source_of(snapshot: Snapshot, key: NodeKey) -> bytes:
    """The bytes of a node's file, of the right side for a path collision."""
    path = snapshot.graph.nodes[key].path
    return snapshot.theirs[path] if key.version == THEIRS else snapshot.contents[path]


def footprints_of(
    snapshot: Snapshot, conflict: Conflict, published: Collection[NodeKey] = ()
) -> list[Pair]:
    """What each two branches do that the other doesn't; nothing for kinds without sides.

    Of three branches two may share a part of their chains. What is on both sides under two
    names is not compared.
    """
    if conflict.kind not in ("siblings", "path"):
        return []
    from migmerge.migrations.facts import gather, may_matter  # as in _complete
    from migmerge.migrations.footprints import footprints
    from migmerge.migrations.operations import read_script

    nodes = snapshot.graph.nodes
    pairs = [
        (_own(snapshot, one, other, published), _own(snapshot, other, one, published))
        for one, other in combinations(conflict.branches, 2)
    ]
    fresh = {key for pair in pairs for side in pair for key in side}
    scripts = {
        key: read_script(source_of(snapshot, key), nodes[key].label, key.name) for key in fresh
    }
    apps = {key.app for key in fresh}
    sources = {k: source_of(snapshot, k) for k in nodes if k.app in apps and k not in fresh}
    settled = (read_script(s, nodes[k].label) for k, s in sources.items() if may_matter(s))
    facts = gather(settled, scripts.values())
    same = {key for pair in conflict.twins for key in pair}
    found = {key: footprints(script, facts) for key, script in scripts.items()}

    def done(side: list[NodeKey]) -> list[Footprint]:
        return [footprint for key in side if key not in same for footprint in found[key]]

    return [(done(one), done(other)) for one, other in pairs]


def _apart(snapshot: Snapshot, conflict: Conflict) -> Apart:
    """The files of a sibling conflict or path collision, by what becomes of them."""
    from migmerge.conflicts.recommend import Apart  # as in _complete

    if conflict.kind not in ("siblings", "path"):
        return Apart()
    graph = snapshot.graph
    stays = next((b for b in conflict.branches if b.side == "onto"), conflict.branches[0])
    going = {key for b in conflict.branches for key in b.nodes if key not in stays.nodes}
    above = set().union(*(graph.descendants(key) for key in stays.nodes if key not in going))
    paths = [tuple(sorted({graph.nodes[k].path for k in keys})) for keys in (above, going)]
    return Apart(*paths)


def _own(
    snapshot: Snapshot, branch: Branch, other: Branch, published: Collection[NodeKey]
) -> list[NodeKey]:
    """The nodes of `branch` that `other` lacks, with those of other apps that go with them.

    These are what builds on it, and what it builds on in apps of which the other side knows an
    earlier state. What is published isn't the replayed side's.
    """
    graph = snapshot.graph
    below = set().union(*(graph.descendants(key) for key in branch.nodes))
    above = set().union(*(graph.ancestors(key) for key in branch.nodes))
    others = set().union(*(graph.ancestors(key) for key in other.nodes))
    known = {key.app for key in others}
    above = {key for key in above if key.app in known}
    if branch.side == "replayed":
        above -= set(published)
    for key in other.nodes:
        below -= graph.descendants(key)
    foreign = {key for key in (above - others) | below if key.app != branch.leaf.app}
    return sorted({key for key in branch.nodes if key not in other.nodes} | foreign)

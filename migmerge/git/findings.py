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
from migmerge.migrations.model import NodeKey

if TYPE_CHECKING:
    from migmerge.conflicts.commute import Pair
    from migmerge.git.base import Base
    from migmerge.migrations.marks import Footprint


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
    found = find_conflicts(snapshot.graph, snapshot.apps, snapshot.lock_files)
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
    from migmerge.conflicts.recommend import recommend
    from migmerge.conflicts.sides import decide_sides
    from migmerge.git.base import find_base

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
    complete = [
        recommend(
            conflict._replace(branches=decide_sides(conflict.branches, published, moved)),
            footprints_of(snapshot, conflict),
            prefer,
            asked_base,
        )
        for conflict in (*found.conflicts, *numbers)
    ]
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


def footprints_of(snapshot: Snapshot, conflict: Conflict) -> list[Pair]:
    """What each two branches do that the other doesn't; nothing for kinds without sides.

    Of three branches two may share a part of their chains.
    """
    if conflict.kind not in ("siblings", "path"):
        return []
    from migmerge.migrations.facts import gather, may_matter  # as in _complete
    from migmerge.migrations.footprints import footprints
    from migmerge.migrations.operations import read_script

    label = conflict.app.label
    sources = {key: source_of(snapshot, key) for key in snapshot.graph.app_nodes(conflict.app.key)}
    fresh = {
        key: read_script(sources[key], label, key.name)
        for branch in conflict.branches
        for key in branch.nodes
    }
    settled = (s for key, s in sources.items() if key not in fresh and may_matter(s))
    facts = gather((read_script(source, label) for source in settled), fresh.values())
    found = {key: footprints(script, facts) for key, script in fresh.items()}

    def own(branch: Branch, other: Branch) -> list[Footprint]:
        fresh = [key for key in branch.nodes if key not in other.nodes]
        return [footprint for key in fresh for footprint in found[key]]

    return [(own(one, other), own(other, one)) for one, other in combinations(conflict.branches, 2)]

"""All open branches against the base branch and each other: trees and blobs are read once each."""

from __future__ import annotations

from collections import ChainMap, defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from migmerge.analysis.compare import facts_of_apps
from migmerge.analysis.forecast_across_apps import Meetings, find_across_apps
from migmerge.analysis.open_branches import Changed, OpenBranch, Way, changes
from migmerge.analysis.snapshot import Snapshot, members_of
from migmerge.analysis.workspace import Workspace
from migmerge.config import Config
from migmerge.conflicts.commute import compare_sides
from migmerge.conflicts.conflict import Verdict
from migmerge.conflicts.forecast import Clash, Collision, Fresh, Side, collide
from migmerge.git.base import Base
from migmerge.git.merged import merge_records
from migmerge.git.repository import Repository
from migmerge.git.trees import listing_of, read_blobs
from migmerge.migrations.discovery import NUMBERED, candidate_directories, split
from migmerge.migrations.footprints import footprints
from migmerge.migrations.model import App, Header
from migmerge.migrations.naming import migration_name
from migmerge.migrations.operations import fingerprint, read_script
from migmerge.migrations.reader import read_header
from migmerge.migrations.recorder import Footprint


class Forecast(NamedTuple):
    """Branches that add migrations, oldest first, with those by app, and all collisions."""

    branches: tuple[tuple[OpenBranch, Mapping[App, Side]], ...]
    collisions: tuple[Collision, ...]


def forecast(
    workspace: Workspace,
    snapshot: Snapshot,
    base: Base,
    branches: Sequence[OpenBranch],
) -> Forecast:
    """What will collide; `snapshot` is the base branch's."""
    met = _meetings(base, branches)
    since = {branch.commit: (branch.fork, base.commit) for branch in branches}
    ends = {way for ways in met.values() for way in ways}
    ends |= {(branch.fork, branch.commit) for branch in branches}
    directories = {app.directory: app for app in snapshot.apps.values()}
    changed = changes(workspace.repository, ends - set(since.values()))
    places = {
        split(change.path)[0]
        for changes_of_branch in changed.values()
        for change in changes_of_branch
    }
    places |= directories.keys()
    within = () if "" in places else sorted(places)  # the top has no name for git
    changed |= changes(workspace.repository, set(since.values()), within)
    wanted = {way: _candidates(f, directories, workspace.config) for way, f in changed.items()}
    blobs = read_blobs(
        workspace.repository,
        {c.oid for changes_of_branch in wanted.values() for c in changes_of_branch if c.oid},
    )
    reader = _Reader(directories, blobs, {})
    files = {path: file.oid for path, file in snapshot.listing.files.items()}
    trees = {base.commit: ChainMap(files)}
    for branch in branches:
        before = {change.path: change.old for change in wanted[since[branch.commit]]}
        base_files = {change.path: change.oid for change in wanted[branch.fork, branch.commit]}
        trees[branch.commit] = ChainMap(base_files, before, files)

    sides = {way: _sides(reader, wanted[way], trees[way[1]]) for way in ends}
    changes_of_branch = [
        (Collision(*names, app, clash), sides[one][app], sides[other][app])
        for names, (one, other) in met.items()
        for app in sorted(sides[one].keys() & sides[other].keys())
        if (
            clash := _clash(
                workspace.repository, (one, other), app, sides[one][app], sides[other][app]
            )
        )
    ]
    adding = [(branch, sides[branch.fork, branch.commit]) for branch in branches]
    touching = tuple((branch, apps) for branch, apps in adding if apps)
    judged = _judged(snapshot, changes_of_branch, blobs)
    meetings = Meetings(met, sides, blobs, reader.headers)
    return Forecast(touching, (*judged, *find_across_apps(workspace, snapshot, meetings)))


def _clash(
    repository: Repository, ways: tuple[Way, Way], app: App, one: Side, other: Side
) -> Clash | None:
    """How they collide; of a file that both changed git's own merge of the texts tells."""
    clash = collide(one, other)
    if clash is None or clash.kind != "unparsable":
        return clash
    unmerged = listing_of(merge_records(repository, ways[0][1], ways[1][1])).unmerged
    if any(app.path_of(name) in unmerged for name in clash.one):
        return clash
    return collide(one._replace(changed={}), other)


def _meetings(base: Base, branches: Sequence[OpenBranch]) -> dict[tuple[str, str], tuple[Way, Way]]:
    """The names of each two branches -> the ways on which they come to meet.

    Two that share commits come from the newest of them, others from where they left the base.
    """
    met = {(b.name, base.name): ((b.fork, b.commit), (b.fork, base.commit)) for b in branches}
    commits = {branch.commit: frozenset(branch.commits) for branch in branches}
    for one, other in combinations(branches, 2):
        if one.commit == other.commit:
            continue

        forks = one.fork, other.fork
        if not commits[one.commit].isdisjoint(commits[other.commit]):
            shared = next(commit for commit in one.commits if commit in commits[other.commit])
            forks = shared, shared

        met[one.name, other.name] = ((forks[0], one.commit), (forks[1], other.commit))

    return met


def _candidates(
    changed: Sequence[Changed], directories: Mapping[str, App], config: Config
) -> list[Changed]:
    """Those that may be migrations, by their names."""
    paths = [change.path for change in changed]
    within = candidate_directories(paths, directories)
    kept = frozenset(members_of(paths, within, config))
    return [change for change in changed if change.path in kept]


class _Reader(NamedTuple):
    """The base branch's apps by directory, new contents, and what was read of them before."""

    directories: Mapping[str, App]
    blobs: Mapping[str, bytes]
    headers: dict[str, Header | None]


def _sides(
    reader: _Reader, changed_files: Sequence[Changed], tree: Mapping[str, str]
) -> dict[App, Side]:
    """What a branch, whose files are `tree`, does to each app."""
    added: dict[App, dict[str, Fresh]] = defaultdict(dict)
    gone: dict[App, set[str]] = defaultdict(set)
    replaced: dict[App, set[str]] = defaultdict(set)
    below: dict[App, set[str]] = defaultdict(set)
    changed: dict[App, dict[str, str]] = defaultdict(dict)
    for change in changed_files:
        directory, file = split(change.path)
        app = reader.directories.get(directory) or _new_app(directory)
        name = migration_name(file)
        if not change.oid:
            gone[app].add(name)
        elif header := _header(reader, change.oid, file):
            above = {r.name for r in header.dependencies if r.label == app.label}
            if change.old:
                below[app] |= above
                changed[app][name] = change.oid
                continue

            old = {r.name for r in header.replaces}
            replaced[app] |= old
            added[app][name] = Fresh(
                name, change.path, change.oid, frozenset(above), frozenset(old)
            )

    return {
        app: Side(
            added[app],
            frozenset(gone[app] - replaced[app]),
            frozenset(below[app]),
            tree,
            changed[app],
        )
        for app in {*added, *gone, *changed}
    }


def _header(reader: _Reader, oid: str, file: str) -> Header | None:
    if oid not in reader.headers:
        numbered = NUMBERED.match(file) is not None
        reader.headers[oid] = read_header(reader.blobs[oid], numbered=numbered)
    return reader.headers[oid]


def _new_app(directory: str) -> App:
    """An app that the base branch doesn't have, by its directory's name alone."""
    label = split(directory)[0].rpartition("/")[2] or directory
    return App(label, label, directory)


def _judged(
    snapshot: Snapshot,
    collisions: Sequence[tuple[Collision, Side, Side]],
    blobs: Mapping[str, bytes],
) -> list[Collision]:
    """The collisions with their verdicts; what has the same content on both sides is left out."""
    fresh: dict[App, dict[str, Fresh]] = defaultdict(dict)
    for collision, one, other in collisions:
        for side in (one, other):
            fresh[collision.app] |= {f.oid: f for f in side.added.values()}

    done = {app: _footprints(snapshot, app, files, blobs) for app, files in fresh.items()}
    marks = {oid: fingerprint(blobs[oid]) for files in fresh.values() for oid in files}
    judged = []
    for collision, one, other in collisions:
        if collision.clash.kind in ("missing-dependency", "unparsable"):
            judged.append(collision)
            continue

        oids = [[side.added[n].oid for n in names] for side, names in
                ((one, collision.clash.one), (other, collision.clash.other))]  # fmt: skip
        alike = {marks[oid] for oid in oids[0]} & {marks[oid] for oid in oids[1]} - {""}
        left = [[oid for oid in files if marks[oid] not in alike] for files in oids]
        if alike and not any(left):
            reason = "both have the same content"
            judged.append(collision._replace(verdict=Verdict.COMMUTE, reasons=(reason,)))
            continue

        pair = tuple([f for oid in files for f in done[collision.app][oid]] for files in left)
        judgement = compare_sides([(pair[0], pair[1])])
        judged.append(collision._replace(verdict=judgement.verdict, reasons=judgement.reasons))

    return judged


def _footprints(
    snapshot: Snapshot, app: App, fresh: Mapping[str, Fresh], blobs: Mapping[str, bytes]
) -> dict[str, tuple[Footprint, ...]]:
    """Content -> what its operations read and write, as the whole app's history tells."""
    nodes = snapshot.graph.nodes
    new = {f.path for f in fresh.values()}
    present = {key for key in snapshot.graph.app_nodes(app.key) if nodes[key].path in new}
    scripts = {oid: read_script(blobs[oid], app.label, f.name) for oid, f in fresh.items()}
    facts = facts_of_apps(snapshot, {app.key}, present, scripts.values())
    return {oid: footprints(script, facts) for oid, script in scripts.items()}

"""What two open branches do to each other in different apps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from migmerge.analysis.compare import facts_of_apps
from migmerge.analysis.imports import Import, imports_of, path_of
from migmerge.analysis.lost_code import find_lost_code, names_of_module
from migmerge.analysis.open_branches import Changed, Way, changes
from migmerge.analysis.snapshot import Snapshot, recollect
from migmerge.analysis.workspace import Workspace
from migmerge.conflicts.commute import contradictions
from migmerge.conflicts.conflict import Verdict
from migmerge.conflicts.forecast import Clash, Collision, Fresh, Side
from migmerge.git.merged import merge_records
from migmerge.git.trees import read_blobs
from migmerge.migrations.discovery import split
from migmerge.migrations.footprints import footprints
from migmerge.migrations.model import App, Header
from migmerge.migrations.naming import migration_name
from migmerge.migrations.operations import read_script
from migmerge.migrations.recorder import Footprint

_EVERYWHERE = (".",)


class Meeting(NamedTuple):
    """Two branches, seen from the first (place 0) or the second (1): its way and the other's."""

    names: tuple[str, str]
    place: int
    way: Way
    other: Way

    def collision(self, app: App, kind: str, name: str, reasons: tuple[str, ...]) -> Collision:
        """Of a migration on this branch alone."""
        clash = Clash(kind, (), (name,)) if self.place else Clash(kind, (name,), ())
        return Collision(*self.names, app, clash, reasons=reasons)


class Meetings(NamedTuple):
    """The names of each two branches -> the ways on which they come to meet, what each way does to
    each app, and contents and headers by object id."""

    met: Mapping[tuple[str, str], tuple[Way, Way]]
    sides: Mapping[Way, Mapping[App, Side]]
    blobs: Mapping[str, bytes]
    headers: Mapping[str, Header | None]

    def directed(self) -> Iterator[Meeting]:
        """Each meeting as either branch sees it."""
        for names, (one, other) in self.met.items():
            yield Meeting(names, 0, one, other)
            yield Meeting(names, 1, other, one)

    def fresh(self, way: Way, other: Way) -> Iterator[tuple[App, Fresh]]:
        """The migrations that the first adds and the second has not."""
        there: Mapping[str, str] = next((side.tree for side in self.sides[other].values()), {})
        for app, side in self.sides[way].items():
            for fresh in side.added.values():
                if there.get(fresh.path) != fresh.oid:
                    yield app, fresh


def find_across_apps(
    workspace: Workspace, snapshot: Snapshot, meetings: Meetings
) -> list[Collision]:
    """Migrations of different apps that can't go together, and what one branch removed though the
    other's new migrations need it; `snapshot` is the base branch's."""
    return [
        *_contradictions(snapshot, meetings),
        *_lost_dependencies(meetings),
        *_lost_code(workspace, snapshot, meetings),
    ]


def _contradictions(snapshot: Snapshot, meetings: Meetings) -> list[Collision]:
    """Migrations, one on each branch, that can't go together."""
    added = {
        (app, fresh.oid): f"{app.key}.{name}"
        for way in {way for ways in meetings.met.values() for way in ways}
        for app, side in meetings.sides[way].items()
        for name, fresh in side.added.items()
    }
    app_of = {name: app for (app, _), name in added.items()}
    done = _footprints(snapshot, added, meetings.blobs)

    def own(way: Way, other: Way) -> dict[str, list[Footprint]]:
        """What the first does that the other has not, by app."""
        by_app: dict[str, list[Footprint]] = defaultdict(list)
        for app, fresh in meetings.fresh(way, other):
            by_app[app.key] += done[app, fresh.oid]
        return by_app

    collisions = []
    for names, (one, other) in meetings.met.items():
        reasons: dict[tuple[str, str], set[str]] = defaultdict(set)
        for found in contradictions(own(one, other), own(other, one)):
            reasons[found.ours.migration, found.theirs.migration].add(found.reason)

        for (ours, theirs), texts in sorted(reasons.items()):
            clash = Clash("contradiction", (ours,), (theirs,))
            why = tuple(sorted(texts))
            collisions.append(Collision(*names, app_of[ours], clash, Verdict.CONTRADICT, why))

    return collisions


def _footprints(
    snapshot: Snapshot, added: Mapping[tuple[App, str], str], blobs: Mapping[str, bytes]
) -> dict[tuple[App, str], tuple[Footprint, ...]]:
    """What added migrations, `(app, content)` -> their names, do: as the history of all their apps
    tells."""
    scripts = {key: read_script(blobs[key[1]], key[0].label, name) for key, name in added.items()}
    facts = facts_of_apps(snapshot, {app.key for app, _ in added}, (), scripts.values())
    return {key: footprints(script, facts) for key, script in scripts.items()}


def _lost_dependencies(meetings: Meetings) -> list[Collision]:
    """Dependencies on a migration of another app that the other branch removed or renamed."""
    collisions = []
    for meeting in meetings.directed():
        gone = {
            (app.label, name)
            for app, side in meetings.sides[meeting.other].items()
            for name in side.gone
        }
        for app, fresh in meetings.fresh(meeting.way, meeting.other) if gone else ():
            header = meetings.headers[fresh.oid]
            reasons = tuple(
                f"{app.label}.{fresh.name} depends on {reference.label}.{reference.name}, "
                f"which {meeting.names[1 - meeting.place]} removed or renamed"
                for reference in (header.dependencies if header else ())
                if reference.label != app.label and (reference.label, reference.name) in gone
            )
            if reasons:
                collisions.append(meeting.collision(app, "missing-dependency", fresh.name, reasons))

    return collisions


class _Needs(NamedTuple):
    """What a new migration imports of other modules than Django's, and the migrations, label and
    name, that it depends on in apps that the base branch has not."""

    importer: str
    imports: list[Import]
    nodes: frozenset[tuple[str, str]]


def _lost_code(workspace: Workspace, snapshot: Snapshot, meetings: Meetings) -> list[Collision]:
    """Modules, names and apps that one branch removed and the other's new migrations need.

    Where the paths that one changed say that it may have, the two are merged and the result is
    read.
    """
    needs = _needs(snapshot, meetings)
    doubtful = [
        (meeting, fresh_needs)
        for meeting in meetings.directed()
        for _, fresh in meetings.fresh(meeting.way, meeting.other)
        if (fresh_needs := needs.get((fresh.path, fresh.oid)))
    ]
    ways = {meeting.other for meeting, _ in doubtful}
    changed = {
        way: {change.path: change for change in changes_of_way if change.old}
        for way, changes_of_way in changes(workspace.repository, ways, _EVERYWHERE).items()
    }
    losing: dict[Meeting, None] = {}
    edits: dict[tuple[Changed, str], list[Meeting]] = defaultdict(list)
    for meeting, fresh_needs in doubtful:
        for change, name in _changed_needs(fresh_needs, changed[meeting.other]):
            if change.oid:
                edits[change, name].append(meeting)
            else:
                losing[meeting] = None

    losing |= dict.fromkeys(
        meeting for edit in _removed_names(workspace, edits) for meeting in edits[edit]
    )
    return [
        collision for meeting in losing for collision in _read_merged(workspace, meetings, meeting)
    ]


def _needs(snapshot: Snapshot, meetings: Meetings) -> dict[tuple[str, str], _Needs]:
    """Path and content of the new migrations that need anything -> what they need."""
    labels = {app.label for app in snapshot.apps.values()}
    added = {
        (fresh.path, fresh.oid)
        for way in {way for ways in meetings.met.values() for way in ways}
        for side in meetings.sides[way].values()
        for fresh in side.added.values()
    }
    needs = {}
    for path, oid in added:
        header = meetings.headers[oid]
        nodes = frozenset(
            (reference.label, reference.name)
            for reference in (header.dependencies if header else ())
            if reference.label not in labels
        )
        imports = imports_of(meetings.blobs[oid], path)
        if nodes or imports:
            needs[path, oid] = _Needs(path, imports, nodes)

    return needs


def _changed_needs(needs: _Needs, changed: Mapping[str, Changed]) -> Iterator[tuple[Changed, str]]:
    """What is needed among the changed paths, each with the name that is imported from it."""
    for found in needs.imports:
        inner = Import((*found.module, found.name), "", found.line)
        for module in (found, inner):
            path = path_of(module, needs.importer, changed)
            if path:
                yield changed[path], module.name

    for path, change in changed.items() if needs.nodes else ():
        if _node_of(path) in needs.nodes and not change.oid:
            yield change, ""


def _removed_names(
    workspace: Workspace, edits: Iterable[tuple[Changed, str]]
) -> Iterator[tuple[Changed, str]]:
    """The edits of a module that take the name away."""
    edits = [edit for edit in edits if edit[1]]
    oids = {oid for change, _ in edits for oid in (change.old, change.oid)}
    blobs = read_blobs(workspace.repository, oids)
    names = {oid: names_of_module(source) for oid, source in blobs.items()}
    for change, name in edits:
        before, after = names[change.old], names[change.oid]
        if after is not None and name not in after and name in (before or ()):
            yield change, name


def _node_of(path: str) -> tuple[str, str]:
    """Label and name of a migration at a path, by the names of its directories."""
    directory, file = split(path)
    return split(directory)[0].rpartition("/")[2], migration_name(file)


def _read_merged(workspace: Workspace, meetings: Meetings, meeting: Meeting) -> list[Collision]:
    """What this branch's migrations lack once the two are merged."""
    commits = meeting.way[1], meeting.other[1]
    merged, _ = recollect(workspace, merge_records(workspace.repository, *commits))
    added = {fresh.path for _, fresh in meetings.fresh(meeting.way, meeting.other)}
    collisions = []
    for conflict in find_lost_code(workspace, merged, commits):
        (key,) = conflict.branches[0].nodes
        if merged.graph.nodes[key].path in added:
            other = meeting.names[1 - meeting.place]
            reasons = tuple(r.replace("the other side", other) for r in conflict.reasons)
            collisions.append(meeting.collision(conflict.app, conflict.kind, key.name, reasons))

    return collisions

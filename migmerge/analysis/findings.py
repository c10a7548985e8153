"""A snapshot's conflicts with what only git can tell of them: which side is published."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

from migmerge.analysis.both_sides import paths_of_both_sides, sides_of_merge
from migmerge.analysis.ignored_migrations import find_ignored
from migmerge.analysis.published import published_elsewhere, published_files, published_nodes
from migmerge.analysis.published_versions import find_published
from migmerge.analysis.snapshot import Snapshot
from migmerge.analysis.workspace import Workspace
from migmerge.config import Config
from migmerge.conflicts.conflict import Advice, Assessment, Branch, Conflict, Notice, Place
from migmerge.conflicts.detect import Found, find_conflicts, number_collisions, ranked
from migmerge.conflicts.lock_files import apps_without_lock_file, missing_lock_files
from migmerge.conflicts.next_commands import fix_command
from migmerge.git.trees import Listing
from migmerge.migrations.graph import without_squashes
from migmerge.migrations.model import NodeKey
from migmerge.migrations.reader import MARKERS

if TYPE_CHECKING:
    from migmerge.git.base import Base

# nothing else of an app can be fixed before these
BROKEN = ("ignored", "missing-dependency", "missing-module", "cycle", "unparsable",
          "overlapping-squashes", "unmerged")  # fmt: skip
# Django loads the files all the same, and databases show what comes of it
LOADABLE = ("published-changed", "contradiction")
# the name by itself, which a class or an import may bind
_MIGRATION = re.compile(rb"(?<![.\w])Migration\b")


class Findings(NamedTuple):
    """`base` is None where there is no base branch, or nothing made it worth asking (`asked`).

    `prefer` is the configuration's, or what the team does where that was asked for. `published` are
    the paths of what the base branch, or another published ref, has, as they are in this tree.
    """

    conflicts: tuple[Conflict, ...]
    notices: tuple[Notice, ...]
    base: Base | None
    prefer: str = "auto"
    asked: bool = False
    published: frozenset[str] = frozenset()


def analyse(
    workspace: Workspace,
    snapshot: Snapshot,
    moved: Collection[str] = (),
    *,
    always_base: bool = False,
    linear: Collection[str] = (),
) -> Findings:
    """The snapshot's conflicts, each with sides, verdict, recommendation and commands.

    `linear` are apps, by key, in which sides count that an unpublished merge migration has joined.
    """
    findings = _collisions(workspace, snapshot, moved, always_base=always_base, linear=linear)
    ignored = find_ignored(workspace, snapshot)
    conflicts = [*findings.conflicts, *ignored.conflicts]
    notices = [*findings.notices, *ignored.notices]

    published = find_published(workspace, snapshot)
    if published and published.is_changed(snapshot):
        from migmerge.analysis.published_changes import describe_published_changes

        changes = describe_published_changes(workspace, snapshot, published)
        conflicts += changes.conflicts
        notices += changes.notices

    sides = sides_of_merge(workspace, snapshot.listing)
    if sides:
        from migmerge.analysis.across_apps import find_contradictions
        from migmerge.analysis.lost_code import find_lost_code

        conflicts += find_contradictions(workspace, snapshot, sides, findings.conflicts)
        conflicts += find_lost_code(workspace, snapshot, sides)

    return findings._replace(conflicts=ranked(conflicts), notices=tuple(sorted(notices)))


def _collisions(
    workspace: Workspace,
    snapshot: Snapshot,
    moved: Collection[str],
    *,
    always_base: bool,
    linear: Collection[str],
) -> Findings:
    """What collides in the tree as it is."""
    midway = without_squashes(snapshot.graph, snapshot.resolve)
    collisions = find_conflicts(snapshot.graph, snapshot.apps, snapshot.lock_files, midway)
    collisions = Found(
        (*collisions.conflicts, *_unmerged(snapshot), *_without_class(snapshot)),
        (*collisions.notices, *_oddities(snapshot)),
    )
    asked = workspace.asked_base or always_base or bool(linear) or bool(collisions.conflicts)
    if not (asked or _depends_on_base(workspace.config, snapshot)):
        return Findings((), tuple(sorted(collisions.notices)), None)
    return _complete(workspace, snapshot, collisions, moved, linear)


def _depends_on_base(config: Config, snapshot: Snapshot) -> bool:
    """Whether there is something of which only the base branch tells whether it is new."""
    if apps_without_lock_file(snapshot.apps.values(), snapshot.lock_files):
        return True
    if config.numbers == "off":
        return False
    return bool(number_collisions(snapshot.graph, snapshot.apps, frozenset()))


def _unmerged(snapshot: Snapshot) -> list[Conflict]:
    """Migrations that one side removed and the other changed: git leaves the changed one on disk,
    and asks what is meant."""
    unmerged = snapshot.listing.unmerged
    paths = {path for path in unmerged if set(unmerged[path].stages) in ({1, 2}, {1, 3})}
    if not paths:  # nearly always
        return []
    reason = "one side removed this file, and the other changed it"
    return [
        Conflict(
            snapshot.apps[key.app], "unmerged", None, (Branch((key,)),), Place(node.path, 0),
            (reason,),
        )
        for key, node in sorted(snapshot.graph.nodes.items())
        if node.path in paths
    ]  # fmt: skip


def _without_class(snapshot: Snapshot) -> list[Conflict]:
    """Files among migrations that Django's loader imports, and that bind no name Migration."""
    apps = {app.directory: app for app in snapshot.apps.values()}
    reason = "no class Migration: Django stops with BadMigrationError"
    return [
        Conflict(
            apps[path.rpartition("/")[0]], "unparsable", place=Place(path, 0), reasons=(reason,)
        )
        for path in snapshot.oddities.without_class
        if path in snapshot.contents and not _MIGRATION.search(snapshot.contents[path])
    ]


def _oddities(snapshot: Snapshot) -> list[Notice]:
    """What was not read, or not resolved, though nothing that was asked for needs it."""
    archives = [
        Notice(
            Place(directory, 0),
            f"not read: {winner} holds the migrations of this label "
            "(exclude it, or name another one in migration_modules)",
            "archive",
        )
        for directory, winner in snapshot.oddities.archives.items()
    ]
    ambiguous = [
        Notice(
            Place(directory, 0),
            f"the app label {label!r}, which is named here, may mean {' or '.join(places)} "
            "(app_labels gives one of them another)",
            "same-label",
        )
        for (label, directory), places in snapshot.oddities.ambiguous.items()
    ]
    return [*archives, *ambiguous]


def _complete(
    workspace: Workspace,
    snapshot: Snapshot,
    collisions: Found,
    moved: Collection[str],
    linear: Collection[str],
) -> Findings:
    # only here: a check that finds nothing, the common case, never comes so far
    from migmerge.conflicts.sides import decide_sides

    base = workspace.base
    listing = workspace.list_commit(base.commit) if base else None
    old = published_files(snapshot, listing) if listing else None
    published = published_nodes(snapshot, old) if old is not None else None
    joined = _joined_sides(snapshot, published, moved, linear)
    collisions = collisions._replace(conflicts=(*collisions.conflicts, *joined))
    elsewhere = published_elsewhere(workspace, snapshot, collisions.conflicts, published or ())
    if published is not None:
        published = published.union(elsewhere)
    numbers = _number_collisions(workspace.config, snapshot, old)
    notices = list(collisions.notices)
    if workspace.config.numbers == "notice":
        for one in numbers:
            place = one.place or Place(one.app.directory, 0)
            notices.append(Notice(place, one.reasons[0], one.kind))
        numbers = []

    apps = snapshot.apps.values()
    locks = missing_lock_files(snapshot.graph, apps, snapshot.lock_files, old or ())
    before = listing or _committed(workspace, snapshot)
    conflicts = []
    for conflict in (*collisions.conflicts, *numbers, *locks):
        branches = decide_sides(conflict.branches, published, moved, elsewhere)
        conflict = conflict._replace(branches=branches)
        notice = _beyond_this_branch(conflict) or _broken_before(snapshot, conflict, before)
        if notice:
            notices.append(notice)
        else:
            conflicts.append(_with_place(snapshot, conflict))

    prefer = _preference(workspace, snapshot, collisions)
    assessed = _assess(workspace, snapshot, conflicts, published or (), prefer)
    if snapshot.graph.missing:
        assessed = _with_missing_found(workspace, snapshot, assessed)
    assessed = _with_first_commands(assessed)
    paths = frozenset(old or ()).union(snapshot.graph.nodes[key].path for key in elsewhere)
    return Findings(assessed, tuple(sorted(notices)), base, prefer, asked=True, published=paths)


def _joined_sides(
    snapshot: Snapshot,
    published: Collection[NodeKey] | None,
    moved: Collection[str],
    linear: Collection[str],
) -> list[Conflict]:
    """Conflicts that merge migrations have ended, in apps that shall have one line."""
    if not linear or published is None:
        return []
    from migmerge.analysis.compare import source_of
    from migmerge.conflicts.joined_sides import find_joined_sides, find_joined_unpublished
    from migmerge.migrations.merge_migration import is_empty_merge

    graph, joined = snapshot.graph, []
    for app in sorted(app for app in linear if len(graph.leaves(app)) == 1):
        label = snapshot.apps[app].label
        merges = [
            key
            for key in graph.app_nodes(app)
            if key not in published
            and len(graph.parents[key]) > 1
            and is_empty_merge(source_of(snapshot, key), key.name, label)
        ]
        conflict = find_joined_sides(
            graph, snapshot.apps[app], published, merges
        ) or find_joined_unpublished(graph, snapshot.apps[app], published, merges, moved)
        if conflict:
            joined.append(conflict)

    return joined


def _number_collisions(
    config: Config, snapshot: Snapshot, old: Collection[str] | None
) -> list[Conflict]:
    """Those that are new since the base branch, whose paths are `old`; without a base branch it
    can't be determined which are new."""
    if config.numbers == "off" or (old is None and config.numbers != "error"):
        return []
    return number_collisions(snapshot.graph, snapshot.apps, frozenset(old or ()))


def _preference(workspace: Workspace, snapshot: Snapshot, collisions: Found) -> str:
    """The configured one, or what the team does where that matters."""
    prefer, base = workspace.config.prefer, workspace.base
    if prefer == "auto" and snapshot.lock_files:
        return "renumber"  # a lock file is for teams with one line of migrations
    if prefer != "auto" or not base or all(c.kind != "siblings" for c in collisions.conflicts):
        return prefer
    from migmerge.analysis.team_habit import team_preference  # one git log

    directories = {app.directory for app in snapshot.apps.values()}
    return team_preference(workspace.repository, base.commit, directories)


def _beyond_this_branch(conflict: Conflict) -> Notice | None:
    """What a squash hides and what differs in case only can't be fixed where all is published."""
    kinds = {"siblings": "hidden", "case": "case"}
    if conflict.place and conflict.kind in kinds and all(b.published for b in conflict.branches):
        return Notice(conflict.place, conflict.reasons[0], kinds[conflict.kind])
    return None


def _committed(workspace: Workspace, snapshot: Snapshot) -> Listing | None:
    """What HEAD has, where the work tree or the index is looked at."""
    head = workspace.head if snapshot.source in ("worktree", "index") else None
    return workspace.list_commit(head) if head else None


def _broken_before(snapshot: Snapshot, conflict: Conflict, before: Listing | None) -> Notice | None:
    """A file that does not parse, and that nobody touched: it belongs to neither side."""
    if conflict.kind != "unparsable" or not conflict.place or before is None:
        return None

    path = conflict.place.path
    if path not in snapshot.contents or MARKERS in conflict.reasons:
        return None  # a link that leads out, or a merge that somebody left half done

    now, then = snapshot.listing.files.get(path), before.files.get(path)
    if path in snapshot.listing.unmerged or not now or not then or now.changed:
        return None
    if now.oid != then.oid:
        return None
    return Notice(conflict.place, f"not a valid migration: {conflict.reasons[0]}", "unparsable")


def _with_place(snapshot: Snapshot, conflict: Conflict) -> Conflict:
    """Of names that differ in case only, and of two squashes, the file at fault is one that is not
    published; `missing` is what would go with the squash."""
    fresh = [branch.leaf for branch in conflict.branches if not branch.published]
    if conflict.kind == "case" and fresh:
        return conflict._replace(place=Place(snapshot.graph.nodes[fresh[-1]].path, 0))
    if conflict.kind != "overlapping-squashes":
        return conflict

    nodes = snapshot.graph.nodes
    leaves = [branch.leaf for branch in conflict.branches]
    removed = (fresh or leaves)[-1]
    old = {key: {ref.name for ref in nodes[key].header.replaces} for key in leaves}
    other = next(key for key in leaves if key != removed)
    lost = sorted(NodeKey(removed.app, name) for name in old[removed] - old[other])
    return conflict._replace(
        place=Place(nodes[removed].path, nodes[removed].header.replaces[0].line),
        missing=tuple(key for key in lost if key not in nodes),
    )


def _assess(
    workspace: Workspace,
    snapshot: Snapshot,
    conflicts: list[Conflict],
    published: Collection[NodeKey],
    prefer: str,
) -> tuple[Conflict, ...]:
    """The conflicts with all that reading the sides' operations tells."""
    from migmerge.analysis.compare import footprints_of, side_files, source_of
    from migmerge.analysis.manage_commands import manage_command
    from migmerge.analysis.reused_names import reused_names
    from migmerge.conflicts.duplicates import find_duplicates
    from migmerge.conflicts.recommend import Evidence, recommend
    from migmerge.conflicts.strays import without_strays
    from migmerge.migrations.likeness import likeness
    from migmerge.migrations.operations import fingerprint

    sided = any(conflict.kind in ("siblings", "path") for conflict in conflicts)
    shared = paths_of_both_sides(workspace, snapshot.listing) if sided else frozenset()
    with_duplicates = []
    for conflict in conflicts:
        duplicates = find_duplicates(conflict, lambda key: fingerprint(source_of(snapshot, key)))
        assessment = Assessment(duplicates=duplicates)
        attached = conflict if duplicates else without_strays(snapshot.graph, conflict)
        if attached:
            with_duplicates.append(attached._replace(assessment=assessment))

    complete = []
    for conflict in with_duplicates:
        evidence = Evidence(
            footprints_of(snapshot, conflict, published, shared),
            side_files(snapshot, conflict),
            reused_names(snapshot.reused, conflict.app.key),
            lambda ours, theirs: likeness(source_of(snapshot, ours), source_of(snapshot, theirs)),
            manage_command(workspace.config, snapshot, conflict.app),
        )
        complete.append(recommend(conflict, evidence, prefer, workspace.asked_base))

    return tuple(complete)


def _with_missing_found(
    workspace: Workspace, snapshot: Snapshot, conflicts: tuple[Conflict, ...]
) -> tuple[Conflict, ...]:
    """Missing dependencies that are there under another name, so that fix can repair them, or that
    git can restore."""
    from migmerge.analysis.renames import find_renames
    from migmerge.conflicts.duplicates import without_dropped

    renamed = find_renames(workspace, snapshot).gone
    alive = without_dropped(conflicts)
    complete = []
    for conflict in conflicts:
        if conflict.kind == "missing-dependency" and conflict not in alive:
            advice = Advice(commands=(fix_command(conflict.app.key),))  # it goes with its file
            conflict = conflict._replace(advice=advice)
        elif conflict.kind == "missing-dependency":
            missing = sorted(set(conflict.missing))
            now = {key: renamed[key] for key in missing if key in renamed}
            if now and not conflict.branches[0].published:  # a published file is not edited
                sentences = [f"{key} is {node.name} now" for key, node in now.items()]
                apps = sorted({node.app for node in now.values()})
                advice = Advice("renumber", tuple(fix_command(app) for app in apps))
                reasons = (*conflict.reasons, *sentences)
                conflict = conflict._replace(reasons=reasons, advice=advice)
            else:
                conflict = _with_restore(workspace, snapshot, conflict)
        complete.append(conflict)

    return tuple(complete)


def _with_first_commands(conflicts: Sequence[Conflict]) -> tuple[Conflict, ...]:
    """Nothing else of an app can be fixed before what is broken: a missing file, then the rest."""
    from migmerge.conflicts.duplicates import without_dropped

    broken = [conflict for conflict in without_dropped(conflicts) if conflict.kind in BROKEN]
    broken.sort(key=lambda conflict: not conflict.missing)
    commands = {conflict.app.key: conflict.advice.commands for conflict in reversed(broken)}
    return tuple(
        conflict._replace(advice=Advice(commands=commands[conflict.app.key]))
        if conflict.app.key in commands and conflict.kind not in BROKEN
        else conflict
        for conflict in conflicts
    )


def _with_restore(workspace: Workspace, snapshot: Snapshot, conflict: Conflict) -> Conflict:
    from migmerge.analysis.lost_files import find_lost_file

    missing = sorted(set(conflict.missing))
    lost = {key: find_lost_file(workspace, snapshot, key) for key in missing}
    found = {key: file for key, file in lost.items() if file}
    if len(found) < len(lost):
        return conflict
    commands = tuple(fix_command(app) for app in sorted({key.app for key in missing}))
    advice = Advice("restore", commands)
    if any(file.in_head for file in found.values()):  # somebody's edit, which is not committed
        advice = Advice(commands=(*(file.restore for file in found.values()), "migmerge check"))
    sentences = (f"{key}: {file.why}" for key, file in found.items())
    return conflict._replace(reasons=(*conflict.reasons, *sentences), advice=advice)

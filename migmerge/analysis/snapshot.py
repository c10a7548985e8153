"""A tree's migrations: files listed and read through git, understood by `migrations/`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from migmerge.analysis.app_directories import find_apps
from migmerge.analysis.both_sides import find_theirs_only, read_versions
from migmerge.analysis.file_cache import Contents, Memory, decoded, encoded, open_memory
from migmerge.analysis.parallel_reading import read_headers
from migmerge.analysis.workspace import Workspace
from migmerge.config import Config
from migmerge.git.repository import Repository
from migmerge.git.trees import (
    Listing,
    Records,
    find_records,
    is_outward_link,
    listing_of,
    read_blobs,
    with_changes,
)
from migmerge.migrations.discovery import (
    NUMBERED,
    Resolver,
    Source,
    candidate_directories,
    is_around,
    is_candidate_name,
    migrations_of,
    split,
)
from migmerge.migrations.graph import Graph, Resolve, build_graph, replaced_strangers
from migmerge.migrations.lockfiles import LockFile, is_lock_file, read_lock_file
from migmerge.migrations.model import App, Header, Migration, NodeKey, Opaque, ParseError, Reference
from migmerge.migrations.reader import read_header

if TYPE_CHECKING:
    from migmerge.analysis.lost_files import LostFile

THEIRS = 3


class Renames(NamedTuple):
    """Migrations under another name than others know: `gone` for everybody; `taken`, whose name
    is another migration's now, for the files at `paths`. `known_paths` are those that were there
    when the old names were; `squashes` are those of `gone` that once said in `replaces` what they
    stand for."""

    gone: Mapping[NodeKey, NodeKey] = {}
    taken: Mapping[NodeKey, NodeKey] = {}
    paths: frozenset[str] = frozenset()
    known_paths: frozenset[str] = frozenset()
    squashes: frozenset[NodeKey] = frozenset()


class Oddities(NamedTuple):
    """What of a tree is left unread or unresolved, which stands in the way of nothing.

    `archives` are directories with the one that counts in their place; `ambiguous` are labels with
    the directory of the app that names them, and the directories that may be meant.
    `settings_read`: what is read depends on files that are no migrations. `without_class` are paths
    of files that are named as migrations, lie among migrations, and have no Migration to be read.
    """

    archives: Mapping[str, str] = {}
    ambiguous: Mapping[tuple[str, str], tuple[str, ...]] = {}
    settings_read: bool = False
    without_class: tuple[str, ...] = ()


class Snapshot(NamedTuple):
    """The migrations of one tree. `contents` has their bytes and the lock files' by path,
    `theirs` the other version of each path that both sides added. `renames` are names that
    mean another migration than the one that has them, if any has. `reused` are the old names that
    renamed migrations replace though another migration has them by now; Django would leave that
    one out, and the graph does not. `restored` are files that others depend on and that the tree
    lacks, by path."""

    source: str
    listing: Listing
    contents: Contents
    theirs: Mapping[str, bytes]
    theirs_only: frozenset[str]
    apps: Mapping[str, App]
    graph: Graph
    resolve: Resolve
    lock_files: tuple[LockFile, ...]
    projects: tuple[str, ...] = ()
    oddities: Oddities = Oddities()
    renames: Renames = Renames()
    reused: Mapping[NodeKey, Reference] = {}
    restored: Mapping[str, LostFile] = {}

    @property
    def renamed(self) -> dict[NodeKey, NodeKey]:
        """Each old name with the migration that is meant by it."""
        return {**self.renames.gone, **self.renames.taken}


def with_renames(snapshot: Snapshot, renames: Renames) -> Snapshot:
    """The snapshot as it is meant: who names a migration by its old name means the other one."""

    def resolve(migration: Migration, reference: Reference) -> NodeKey | None:
        other = snapshot.resolve(migration, reference)
        if other is None:
            return None
        renamed = renames.taken if migration.path in renames.paths else {}
        return renamed.get(other) or renames.gone.get(other, other)

    graph = build_graph(snapshot.graph.nodes.values(), resolve)
    return snapshot._replace(graph=graph, resolve=resolve, renames=renames)


class Tree(NamedTuple):
    """What is read: the files of a `source` as git lists them, with other bytes (None: no file) at
    the `changed` paths."""

    source: str
    listing: Listing
    changed: Mapping[str, bytes | None] = {}


def read_snapshot(workspace: Workspace, *, staged: bool = False, commit: str = "") -> Snapshot:
    """The migrations of the work tree, or of the index (`staged`), or of a commit by its id."""
    records = find_records(workspace.repository, staged=staged, commit=commit)
    return understand(workspace, Tree(records.source, listing_of(records)))


def understand(
    workspace: Workspace, tree: Tree, memory: Memory | None = None, within: Sequence[str] = ()
) -> Snapshot:
    """The migrations of a tree.

    With a `memory` no file is read before it is asked for whose content was read before. Where
    `within` has any paths, only migrations in or around these are read.
    """
    listing = with_changes(tree.listing, tree.changed)
    memory = memory or Memory(listing)
    members, locks = _find_paths(workspace.config, listing, within)
    versions = read_versions(workspace, listing, [p for p in members if p not in tree.changed])
    theirs_only = find_theirs_only(workspace, listing, members) if versions.theirs else frozenset()

    both = (*members, *locks)
    given = {path: data for path in both if (data := tree.changed.get(path)) is not None}
    contents = Contents(workspace.repository, listing, both, {**given, **versions.ours})
    headers = _headers(workspace.repository, members, contents, memory)
    sources = [Source(path, header) for path, header in headers.items() if header is not None]
    for path, data in versions.theirs.items():
        header = read_header(data)
        if header is not None:
            sources.append(Source(path, header, THEIRS))

    directories = find_apps(workspace, listing, sources, memory)
    sources = [source for source in sources if split(source.path)[0] in directories.apps]
    without_class = [
        path
        for path, header in headers.items()
        if header is None and _is_numbered(path) and split(path)[0] in directories.apps
    ]
    migrations = migrations_of(sources, directories.apps)
    resolver = Resolver(directories.apps, directories.projects)
    resolve = _resolve_by(resolver, migrations, theirs_only)
    migrations, reused = _without_reused_names(migrations, resolve, contents)
    graph = build_graph(migrations, resolve)
    return Snapshot(
        tree.source, listing, contents, versions.theirs, theirs_only,
        {app.key: app for app in directories.apps.values()}, graph, resolve,
        _read_lock_files(locks, contents, memory), directories.projects,
        Oddities(
            directories.archives,
            resolver.ambiguous,
            directories.settings_read,
            tuple(sorted(without_class)),
        ),
        reused=reused,
    )  # fmt: skip


def _find_paths(
    config: Config, listing: Listing, within: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Migrations and lock files; in or around the paths of `within`, where it has any."""
    paths = list(listing.files)
    modules = [path.strip("/") for path in config.migration_modules.values()]
    directories = candidate_directories(paths, modules)
    locks = [path for path in paths if is_lock_file(path) or path in config.lock_files]
    if within:
        directories = {d for d in directories if any(is_around(d, path) for path in within)}
        locks = [path for path in locks if any(is_around(split(path)[0], p) for p in within)]
    return members_of(paths, directories, config), locks


def _without_reused_names(
    migrations: list[Migration], resolve: Resolve, contents: Contents
) -> tuple[list[Migration], Mapping[NodeKey, Reference]]:
    """The migrations without a `replaces` whose name another one has by now; and these names."""
    strangers = replaced_strangers(migrations, resolve)
    if not strangers:
        return migrations, {}

    from migmerge.analysis.reused_names import find_reused  # nearly no check comes here

    reused = find_reused(migrations, strangers, contents)
    left = [
        m._replace(header=m.header._replace(replaces=())) if m.key in reused else m
        for m in migrations
    ]
    return left, reused


def _read_lock_files(paths: list[str], contents: Contents, memory: Memory) -> tuple[LockFile, ...]:
    contents.read(paths)
    for path in paths:
        memory.is_listed(path, contents.get(path))
    return tuple(read_lock_file(p, contents[p]) for p in sorted(paths) if p in contents)


def recollect(
    workspace: Workspace, records: Records, within: Sequence[str] = ()
) -> tuple[Snapshot, bool]:
    """The snapshot of what git lists, with what the cache knows of it, and keeping what is new;
    and whether all files were as listed. `within` as for `understand`."""
    listing = listing_of(records)
    memory = open_memory(workspace, listing)
    snapshot = understand(workspace, Tree(records.source, listing), memory, within)
    memory.write(workspace.repository)
    return snapshot, memory.sound


def members_of(paths: list[str], directories: set[str], config: Config) -> list[str]:
    """Paths of files that Django's loader would import as migrations."""
    members = []
    for path in paths:
        directory, name = split(path)
        if directory in directories and is_candidate_name(name):
            members.append(path)

    if config.exclude:
        from fnmatch import fnmatch  # only paid by repositories that leave something out

        members = [p for p in members if not any(fnmatch(p, pattern) for pattern in config.exclude)]

    return sorted(members)


def _headers(
    repository: Repository, members: list[str], contents: Contents, memory: Memory
) -> dict[str, Header | None]:
    """What each member says of its place, None for those that are no migrations."""
    listing = contents.listing
    headers: dict[str, Header | None] = dict.fromkeys(members)
    unknown = []
    for path in members:
        is_known, header = memory.lookup(path, _about(path), decoded)
        if is_known:
            headers[path] = header
        else:
            unknown.append(path)

    contents.read(unknown)
    there = [path for path in unknown if path in contents]
    trusted = memory.trusted(there)
    texts = [(contents[path], _is_numbered(path), path in trusted) for path in there]
    headers.update(zip(there, read_headers(texts), strict=True))
    for path in unknown:
        headers[path] = _header(repository, listing, path, headers[path])
        memory.remember(path, _about(path), encoded(headers[path]), contents.get(path))
    return headers


def _about(path: str) -> str:
    """What of the path decides how its content is read."""
    return "" if _is_numbered(path) else "unnumbered "


def _is_numbered(path: str) -> bool:
    return NUMBERED.match(split(path)[1]) is not None


def _header(
    repository: Repository, listing: Listing, path: str, header: Header | None
) -> Header | None:
    """What a member says, given what its bytes do, if it has any."""
    if header:
        unmerged = header.error and path in listing.unmerged
        return _unmerged_header(repository, listing, path, header) if unmerged else header
    if path not in listing.files or not _is_numbered(path):
        return None
    if is_outward_link(repository, listing, path):
        why = "a symbolic link that leads out of the repository"
        return Header(opaque=(Opaque(0, why),), error=ParseError(0, why))
    return None


def _unmerged_header(repository: Repository, listing: Listing, path: str, broken: Header) -> Header:
    """What a file with conflict markers said on one side: the markers are the finding,
    not that its place in the graph is lost."""
    stages = listing.unmerged[path].stages
    oid = (stages.get(2) or stages[3]).oid
    header = read_header(read_blobs(repository, {oid})[oid])
    return header._replace(error=broken.error) if header else broken


def _resolve_by(
    resolver: Resolver, migrations: list[Migration], theirs_only: frozenset[str]
) -> Resolve:
    collided = {migration.key for migration in migrations if migration.key.version}
    keys = {migration.key for migration in migrations}

    def resolve(migration: Migration, reference: Reference) -> NodeKey | None:
        app = resolver.app(reference.label, split(migration.path)[0])
        if app is None:
            # another project's app, when it is the only one and has such a migration
            elsewhere = resolver.elsewhere(reference.label)
            key = NodeKey(elsewhere or "", reference.name)
            return key if key in keys else None
        if collided and (migration.key.version or migration.path in theirs_only):
            other = NodeKey(app, reference.name, THEIRS)
            if other in collided:
                return other

        return NodeKey(app, reference.name)

    return resolve

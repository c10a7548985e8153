"""A tree's migrations: files listed and read through git, understood by `migrations/`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from migmerge.analysis.file_cache import Contents, Memory, decoded, encoded, remembering
from migmerge.analysis.named_directories import Named, directories_named_by_settings
from migmerge.analysis.parallel_reading import read_headers
from migmerge.config import Config
from migmerge.git.repository import Repository, find_commit
from migmerge.git.state import stopped_operation
from migmerge.git.trees import (
    Listing,
    Records,
    find_records,
    is_outward_link,
    list_commit,
    listing_of,
    read_blobs,
    read_files,
    with_changes,
)
from migmerge.migrations.discovery import (
    NUMBERED,
    Resolver,
    Source,
    app_label,
    apps_of,
    candidate_directories,
    is_around,
    is_candidate_name,
    migrations_of,
    read_app_label,
    set_aside,
    split,
)
from migmerge.migrations.graph import Graph, Resolve, build_graph, replaced_strangers
from migmerge.migrations.lockfiles import LockFile, is_lock_file, read_lock_file
from migmerge.migrations.membership import manage_directories
from migmerge.migrations.model import App, Header, Migration, NodeKey, Opaque, ParseError, Reference
from migmerge.migrations.reader import read_header

THEIRS = 3


class Renames(NamedTuple):
    """Migrations under another name than others know: `gone` for everybody; `taken`, whose name
    is another migration's now, for the files at `paths`. `known` are the paths that were there
    when the old names were."""

    gone: Mapping[NodeKey, NodeKey] = {}
    taken: Mapping[NodeKey, NodeKey] = {}
    paths: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()


class Oddities(NamedTuple):
    """What of a tree is left unread or unresolved, which stands in the way of nothing.

    `archives` are directories with the one that counts in their place; `ambiguous` are labels with
    the directory of the app that names them, and the directories that may be meant.
    `settings_read`: what is read depends on files that are no migrations.
    """

    archives: Mapping[str, str] = {}
    ambiguous: Mapping[tuple[str, str], tuple[str, ...]] = {}
    settings_read: bool = False


class Snapshot(NamedTuple):
    """The migrations of one tree. `contents` has their bytes and the lock files' by path,
    `theirs` the other version of each path that both sides added. `renames` are names that
    mean another migration than the one that has them, if any has. `reused` are the old names that
    renamed migrations replace though another migration has them by now; Django would leave that
    one out, and the graph does not."""

    source: str
    listing: Listing
    contents: Mapping[str, bytes]
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
        own = renames.taken if migration.path in renames.paths else {}
        return own.get(other) or renames.gone.get(other, other)

    graph = build_graph(snapshot.graph.nodes.values(), resolve)
    return snapshot._replace(graph=graph, resolve=resolve, renames=renames)


def read_snapshot(
    repository: Repository, config: Config, *, staged: bool = False, commit: str = ""
) -> Snapshot:
    """The migrations of the work tree, or of the index (`staged`), or of a commit by its id."""
    found = find_records(repository, staged=staged, commit=commit)
    return understand(repository, config, found.source, listing_of(found))


def understand(
    repository: Repository,
    config: Config,
    source: str,
    listing: Listing,
    changed: Mapping[str, bytes | None] | None = None,
    memory: Memory | None = None,
    within: Sequence[str] = (),
) -> Snapshot:
    """The snapshot of a listing; `changed` lays other bytes (None: no file) over the tree's.

    With a `memory` no file is read before it is asked for whose content was read before. Where
    `within` has any paths, only migrations in or around these are read.
    """
    changed = changed or {}
    listing = with_changes(listing, changed)
    memory = memory or Memory(listing)
    paths = list(listing.files)
    modules = {path.strip("/"): label for label, path in config.migration_modules.items()}
    directories = candidate_directories(paths, modules)
    if within:
        directories = {d for d in directories if any(is_around(d, path) for path in within)}
    members = members_of(paths, directories, config)
    collided = {p for p in members if _is_collision(listing, p) and p not in changed}
    locks = [p for p in paths if _is_lock(p, config)]
    if within:
        locks = [path for path in locks if any(is_around(split(path)[0], p) for p in within)]
    ours, theirs = _versions(repository, listing, collided)
    theirs_only = _theirs_only(repository, listing, members) if theirs else frozenset()
    given = {p: d for p in (*members, *locks) if (d := changed.get(p)) is not None}
    contents = Contents(repository, listing, (*members, *locks), {**given, **ours})
    headers = _headers(repository, listing, members, contents, memory)
    sources = [Source(path, header) for path, header in headers.items() if header is not None]
    sources += [
        Source(path, header, THEIRS)
        for path, data in theirs.items()
        if (header := read_header(data)) is not None
    ]
    projects = ("",) if config.manage else manage_directories(listing.files)
    apps, oddities = _apps(repository, config, listing, sources, modules, memory, projects)
    sources = [source for source in sources if split(source.path)[0] in apps]
    migrations = migrations_of(sources, apps)
    resolver = Resolver(apps, projects)
    resolve = _resolve_by(resolver, migrations, theirs_only)
    reused: dict[NodeKey, Reference] = {}
    strangers = replaced_strangers(migrations, resolve)
    if strangers:
        from migmerge.analysis.reused_names import find_reused  # nearly no check comes here

        reused = find_reused(migrations, strangers, contents)
        migrations = [
            m._replace(header=m.header._replace(replaces=())) if m.key in reused else m
            for m in migrations
        ]
    graph = build_graph(migrations, resolve)
    contents.read(locks)
    for path in locks:
        memory.is_listed(path, contents.get(path))
    lock_files = tuple(read_lock_file(p, contents[p]) for p in sorted(locks) if p in contents)
    by_key = {app.key: app for app in apps.values()}
    oddities = oddities._replace(ambiguous=resolver.ambiguous)
    return Snapshot(
        source, listing, contents, theirs, theirs_only, by_key, graph, resolve, lock_files,
        projects, oddities, reused=reused,
    )  # fmt: skip


def recollect(
    repository: Repository,
    config: Config,
    records: Records,
    asked_base: str | None = None,
    within: Sequence[str] = (),
) -> tuple[Snapshot, bool]:
    """The snapshot of what git lists, with what the cache knows of it, and keeping what is new;
    and whether all files were as listed. `within` as for `understand`."""
    listing = listing_of(records)
    memory = remembering(repository, config, listing, asked_base)
    source = records.source
    snapshot = understand(repository, config, source, listing, memory=memory, within=within)
    memory.keep(repository)
    return snapshot, memory.sound


def members_of(paths: list[str], directories: set[str], config: Config) -> list[str]:
    """Paths of files that Django's loader would import as migrations."""
    found = []
    for path in paths:
        directory, name = split(path)
        if directory in directories and is_candidate_name(name):
            found.append(path)
    if config.exclude:
        from fnmatch import fnmatch  # only paid by repositories that leave something out

        found = [p for p in found if not any(fnmatch(p, pattern) for pattern in config.exclude)]
    return sorted(found)


def _is_lock(path: str, config: Config) -> bool:
    return is_lock_file(path) or path in config.lock_files


def _is_collision(listing: Listing, path: str) -> bool:
    """Both sides added the path (git's add/add): stages 2 and 3 without 1."""
    unmerged = listing.unmerged.get(path)
    return unmerged is not None and set(unmerged.stages) == {2, 3}


def _versions(
    repository: Repository, listing: Listing, collided: set[str]
) -> tuple[dict[str, bytes], dict[str, bytes]]:
    stages = {path: listing.unmerged[path].stages for path in collided}
    blobs = read_blobs(repository, {s[n].oid for s in stages.values() for n in (2, 3)})
    ours = {path: blobs[found[2].oid] for path, found in stages.items()}
    theirs = {path: blobs[found[3].oid] for path, found in stages.items()}
    return ours, theirs


def _theirs_only(repository: Repository, listing: Listing, members: list[str]) -> frozenset[str]:
    """Members that come in with the other side of the merge, or of the stopped operation."""
    sides = _sides_under_way(repository, listing)
    if not sides:
        return frozenset()
    ours, theirs = (list_commit(repository, side).files for side in sides)
    return frozenset(path for path in members if path in theirs and path not in ours)


def _sides_under_way(repository: Repository, listing: Listing) -> tuple[str, ...]:
    """The two commits of the merge that is only tried, or of the operation that is stopped."""
    if len(listing.commits) == 2:
        return listing.commits
    stopped = stopped_operation(repository)
    head = find_commit(repository, "HEAD")
    return (head, stopped.theirs) if stopped and head else ()


def paths_of_both_sides(repository: Repository, listing: Listing) -> frozenset[str]:
    """Paths that both sides of a merge have; empty where it is not known what the sides were.

    The merge is under way, or the commit that is looked at is its merge commit.
    """
    sides = _sides_under_way(repository, listing)
    if not sides:
        commit = listing.commits[0] if listing.commits else "HEAD"
        parents = [find_commit(repository, f"{commit}^{number}") for number in (1, 2)]
        sides = tuple(parent for parent in parents if parent)
    if len(sides) < 2:
        return frozenset()
    ours, theirs = (list_commit(repository, side).files for side in sides)
    return frozenset(ours.keys() & theirs.keys())


def _headers(
    repository: Repository,
    listing: Listing,
    members: list[str],
    contents: Contents,
    memory: Memory,
) -> dict[str, Header | None]:
    """What each member says of its place, None for those that are no migrations."""
    found: dict[str, Header | None] = dict.fromkeys(members)
    unknown = []
    for path in members:
        known, header = memory.ask(path, _about(path), decoded)
        if known:
            found[path] = header
        else:
            unknown.append(path)
    contents.read(unknown)
    there = [path for path in unknown if path in contents]
    trusted = memory.trusted(there)
    texts = [(contents[path], _is_numbered(path), path in trusted) for path in there]
    found.update(zip(there, read_headers(texts), strict=True))
    for path in unknown:
        found[path] = _header(repository, listing, path, found[path])
        memory.tell(path, _about(path), encoded(found[path]), contents.get(path))
    return found


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


def _apps(
    repository: Repository,
    config: Config,
    listing: Listing,
    sources: list[Source],
    modules: Mapping[str, str],
    memory: Memory,
    projects: tuple[str, ...],
) -> tuple[dict[str, App], Oddities]:
    """Directory -> App, and what is left out of it."""
    headers: dict[str, dict[str, Header]] = {}
    for source in sources:
        directory, name = split(source.path)
        headers.setdefault(directory, {})[name[: -len(".py")]] = source.header
    declared = {**_declared(repository, listing, headers, memory), **modules}
    for path, label in config.app_labels.items():
        for directory in headers:
            if directory == path.strip("/") or split(directory)[0] == path.strip("/"):
                declared[directory] = label
    labels = {d: app_label(d, found, declared.get(d)) for d, found in headers.items()}
    several = len(set(labels.values())) < len(labels)
    named = Named(frozenset(), frozenset())
    if several:
        named = directories_named_by_settings(repository, config, listing, labels, projects)
    configured = {labels[d] for d in modules if d in labels}
    chosen = {d for d in named.directories if labels[d] not in configured} | set(modules)
    archives = set_aside(labels, declared, chosen, projects, named.unread)
    apps = apps_of({d: label for d, label in labels.items() if d not in archives})
    return apps, Oddities(archives, {}, several)


def _declared(
    repository: Repository,
    listing: Listing,
    directories: Mapping[str, object],
    memory: Memory,
) -> dict[str, str]:
    """Directory -> the label that the apps.py beside it gives."""
    places = {d: f"{split(d)[0]}/apps.py".lstrip("/") for d in directories if "/" in d}
    there = sorted({path for path in places.values() if path in listing.files})
    labels: dict[str, str | None] = {}
    for path in there:
        known, label = memory.ask(path, "label ", _text)
        if known:
            labels[path] = label
    unknown = [path for path in there if path not in labels]
    for path, source in read_files(repository, listing, unknown).items():
        labels[path] = read_app_label(source) if b"label" in source else None
        memory.tell(path, "label ", labels[path], source)
    return {d: label for d, p in places.items() if (label := labels.get(p))}


def _text(answer: object) -> str | None:
    if answer is not None and not isinstance(answer, str):
        raise TypeError("not an answer of ours")
    return answer


def _resolve_by(
    resolver: Resolver, migrations: list[Migration], theirs_only: frozenset[str]
) -> Resolve:
    collided = {migration.key for migration in migrations if migration.key.version}
    known = {migration.key for migration in migrations}

    def resolve(migration: Migration, reference: Reference) -> NodeKey | None:
        app = resolver.app(reference.label, split(migration.path)[0])
        if app is None:
            # another project's app, when it is the only one and has such a migration
            elsewhere = resolver.elsewhere(reference.label)
            key = NodeKey(elsewhere or "", reference.name)
            return key if key in known else None
        if collided and (migration.key.version or migration.path in theirs_only):
            other = NodeKey(app, reference.name, THEIRS)
            if other in collided:
                return other
        return NodeKey(app, reference.name)

    return resolve

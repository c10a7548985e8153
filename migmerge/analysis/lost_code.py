"""What one side of a merge removed though the other side's new migrations need it: an app, or a
module or name that they import."""

from __future__ import annotations

import ast
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from migmerge.analysis.both_sides import own_nodes
from migmerge.analysis.compare import source_of
from migmerge.analysis.imports import Import, imports_of, path_of
from migmerge.analysis.snapshot import Snapshot
from migmerge.analysis.workspace import Workspace
from migmerge.conflicts.conflict import Advice, Branch, Conflict, Place
from migmerge.git.trees import File, read_blobs, read_files
from migmerge.migrations.discovery import split
from migmerge.migrations.graph import FIRST_AND_LATEST
from migmerge.migrations.model import Migration, Reference
from migmerge.migrations.naming import migration_name
from migmerge.migrations.reader import parse

_Files = Mapping[str, File]


class Side(NamedTuple):
    """One side of a merge: its commit and files, those of the other side, and the migrations that
    it alone has."""

    commit: str
    files: _Files
    other: _Files
    own: list[Migration]


def find_lost_code(
    workspace: Workspace, snapshot: Snapshot, commits: Sequence[str]
) -> list[Conflict]:
    """Only what one of the sides, two commits, had and the merged tree lacks: what is installed is
    not known here."""
    one, other = (workspace.list_commit(commit).files for commit in commits)
    nodes = snapshot.graph.nodes
    conflicts = []
    for commit, here, there in ((commits[0], one, other), (commits[1], other, one)):
        own = [nodes[key] for key in own_nodes(snapshot.graph, here, there)]
        side = Side(commit, here, there, own)
        if own:
            conflicts += _lost_apps(snapshot, side)
            conflicts += _lost_modules(workspace, snapshot, side)

    return conflicts


def _lost_apps(snapshot: Snapshot, side: Side) -> list[Conflict]:
    """Dependencies on migrations of an app that the other side removed as a whole."""
    known = {app.label for app in snapshot.apps.values()}
    gone: dict[tuple[str, str], str] = {}
    for path in side.files.keys() - side.other.keys() - snapshot.listing.files.keys():
        directory, name = split(path)
        if name.endswith(".py"):
            label = split(directory)[0].rpartition("/")[2]
            gone |= {(label, each): directory for each in (migration_name(name), *FIRST_AND_LATEST)}

    conflicts = []
    for migration in side.own if gone else ():
        for reference in migration.header.dependencies:
            directory = gone.get((reference.label, reference.name), "")
            if directory and reference.label not in known:
                conflicts.append(_lost_app(snapshot, migration, reference, directory))

    return conflicts


def _lost_app(
    snapshot: Snapshot, migration: Migration, reference: Reference, directory: str
) -> Conflict:
    reason = (
        f"{migration.key} depends on {reference.label}.{reference.name}, which is not there; "
        f"the other side removed {directory}"
    )
    commands = (f"$EDITOR {shlex.quote(migration.path)}", "migmerge check")
    return _conflict(snapshot, migration, "missing-dependency", reference.line, reason, commands)


def _lost_modules(workspace: Workspace, snapshot: Snapshot, side: Side) -> list[Conflict]:
    """Imports of what this side has in a module, and the merged tree has not."""
    conflicts = []
    for migration in side.own:
        for found in imports_of(source_of(snapshot, migration.key), migration.path):
            inner = Import((*found.module, found.name), "", found.line)
            if found.name and path_of(inner, migration.path, side.files):
                found = inner
            path = path_of(found, migration.path, side.files)
            if path and not _has(workspace, snapshot, side, path, found.name):
                where = shlex.quote(path)
                gone = path not in snapshot.listing.files
                restore = f"git checkout {side.commit[:12]} -- {where}"
                commands = (restore if gone else f"$EDITOR {where}", "migmerge check")
                reason = f"{migration.key} imports {found.shown}, which the other side removed"
                conflicts.append(
                    _conflict(snapshot, migration, "missing-module", found.line, reason, commands)
                )
                break

    return conflicts


def _has(workspace: Workspace, snapshot: Snapshot, side: Side, path: str, name: str) -> bool:
    """Whether the merged tree has the module, and in it the name, if this side has it."""
    files = snapshot.listing.files
    if path not in files:
        return _is_module(path, files)
    if not name or (files[path].oid == side.files[path].oid and not files[path].changed):
        return True

    oid = side.files[path].oid
    before = read_blobs(workspace.repository, {oid})[oid]
    after = read_files(workspace.repository, snapshot.listing, [path]).get(path, b"")
    names = names_of_module(after)
    return names is None or name in names or name not in (names_of_module(before) or ())


def _is_module(path: str, files: _Files) -> bool:
    """Whether a module became a package, or the other way round."""
    stem = path.removesuffix("/__init__.py").removesuffix(".py")
    return any(f"{stem}{end}" in files for end in (".py", "/__init__.py"))


def names_of_module(source: bytes) -> set[str] | None:
    """The names that a module has; None where only running it would tell."""
    try:
        module = parse(source)
    except ValueError:
        return None

    names: set[str] = set()
    for node in _statements(module.body):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        else:
            names |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}

    return None if names & {"*", "__getattr__", "globals"} else names


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Those of a module, also within `if`, `try` and `with`."""
    for node in body:
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            for inner in ast.iter_child_nodes(node):
                if isinstance(inner, ast.stmt):
                    yield from _statements([inner])
                elif isinstance(inner, ast.ExceptHandler):
                    yield from _statements(inner.body)


def _conflict(
    snapshot: Snapshot,
    migration: Migration,
    kind: str,
    line: int,
    reason: str,
    commands: tuple[str, ...],
) -> Conflict:
    return Conflict(
        snapshot.apps[migration.key.app],
        kind,
        branches=(Branch((migration.key,)),),
        place=Place(migration.path, line),
        reasons=(reason,),
        advice=Advice(commands=commands),
    )

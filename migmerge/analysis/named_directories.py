"""Which migration directories the settings of the projects in a tree name, read statically."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from migmerge.analysis.workspace import Workspace
from migmerge.git.repository import Repository
from migmerge.git.trees import Listing, read_files
from migmerge.migrations.membership import owners
from migmerge.migrations.settings import (
    NAME,
    module_paths,
    read_settings,
    settings_module,
)

_MOST_FILES = 10
_MOST_CANDIDATES = 100


class Named(NamedTuple):
    """Directories that MIGRATION_MODULES names, and the projects in which only running the settings
    would tell which it names."""

    directories: frozenset[str]
    unread: frozenset[str]


def directories_named_by_settings(
    workspace: Workspace,
    listing: Listing,
    labels: Mapping[str, str],
    projects: Sequence[str],
) -> Named:
    """What the settings of each manage.py say of the directories (with their labels) below it."""
    named, unread = set(), set()
    for place in projects:
        manage = f"{place}/manage.py".lstrip("/")
        source = read_files(workspace.repository, listing, [manage]).get(manage, b"")
        module = workspace.config.settings or settings_module(source)
        modules = _settings(workspace.repository, listing, place, module)
        if modules is None:
            unread.add(place)
            continue

        for directory, label in labels.items():
            dotted = modules.get(label, "").replace(".", "/")
            is_owner = place in owners(directory, projects)
            if is_owner and dotted and f"/{directory}".endswith(f"/{dotted}"):
                named.add(directory)

    return Named(frozenset(named), frozenset(unread))


def _settings(
    repository: Repository, listing: Listing, place: str, module: str
) -> dict[str, str] | None:
    """MIGRATION_MODULES of a settings module and of what it imports with `*`; None where it is set
    in a way that can't be read."""
    modules: dict[str, str] = {}
    waiting = list(module_paths(module, place, "")) if module else []
    seen: set[str] = set()
    while waiting and len(seen) < _MOST_FILES:
        path = waiting.pop(0)
        if path in seen or path not in listing.files:
            continue

        seen.add(path)
        settings = read_settings(read_files(repository, listing, [path]).get(path, b""))
        if settings.opaque:
            return None

        modules = {**settings.modules, **modules}
        for star in settings.stars:
            waiting += module_paths(star, place, path)

    if not seen and _is_set_somewhere(repository, listing, place):
        return None
    return modules


def _is_set_somewhere(repository: Repository, listing: Listing, place: str) -> bool:
    """Whether any file of a project that may be its settings names MIGRATION_MODULES."""
    prefix = f"{place}/" if place else ""
    paths = [
        path
        for path in sorted(listing.files)
        if path.startswith(prefix)
        and path.endswith(".py")
        and ("settings" in path or "conf" in path)
    ]
    sources = read_files(repository, listing, paths[:_MOST_CANDIDATES])
    return any(NAME.encode() in source for source in sources.values())

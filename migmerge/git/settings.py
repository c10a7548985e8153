"""Which migration directories the settings of the projects in a tree name, read statically."""

from __future__ import annotations

from collections.abc import Mapping

from migmerge.config import Config
from migmerge.git.repository import Repository
from migmerge.git.trees import Listing, read_files
from migmerge.migrations.membership import manage_directories
from migmerge.migrations.settings import module_paths, read_settings, settings_module

_MOST_FILES = 10


def directories_named_by_settings(
    repository: Repository, config: Config, listing: Listing, labels: Mapping[str, str]
) -> set[str]:
    """Directories that MIGRATION_MODULES names, in the settings of the manage.py above them."""
    found = set()
    for place in manage_directories(listing.files):
        manage = f"{place}/manage.py".lstrip("/")
        source = read_files(repository, listing, [manage]).get(manage, b"")
        module = config.settings or settings_module(source)
        modules = _settings(repository, listing, place, module) if module else {}
        for directory, label in labels.items():
            dotted = modules.get(label, "").replace(".", "/")
            if dotted and f"/{directory}".endswith(f"/{dotted}"):
                found.add(directory)
    return found


def _settings(repository: Repository, listing: Listing, place: str, module: str) -> dict[str, str]:
    """MIGRATION_MODULES of a settings module and of what it imports with `*`."""
    found: dict[str, str] = {}
    waiting = list(module_paths(module, place, ""))
    seen: set[str] = set()
    while waiting and len(seen) < _MOST_FILES:
        path = waiting.pop(0)
        if path in seen or path not in listing.files:
            continue
        seen.add(path)
        source = read_files(repository, listing, [path]).get(path, b"")
        settings = read_settings(source)
        found = {**settings.modules, **found}
        for star in settings.stars:
            waiting += module_paths(star, place, path)
    return found

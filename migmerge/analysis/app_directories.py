"""Which directories are apps, and under which labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from migmerge.analysis.file_cache import Memory
from migmerge.analysis.named_directories import Named, directories_named_by_settings
from migmerge.analysis.workspace import Workspace
from migmerge.git.trees import Listing, read_files
from migmerge.migrations.discovery import (
    Source,
    app_label,
    apps_of,
    find_archives,
    read_app_label,
    split,
)
from migmerge.migrations.membership import manage_directories
from migmerge.migrations.model import App, Header


class AppDirectories(NamedTuple):
    """Directory -> app; the directories of projects; and `archives`, which are left out, with the
    directory that counts in place of each.

    `settings_read`: the answer depends on files that are no migrations.
    """

    apps: Mapping[str, App]
    projects: tuple[str, ...]
    archives: Mapping[str, str]
    settings_read: bool


def find_apps(
    workspace: Workspace, listing: Listing, sources: Sequence[Source], memory: Memory
) -> AppDirectories:
    """The apps of all migrations that were read."""
    config = workspace.config
    projects = ("",) if config.manage else manage_directories(listing.files)
    modules = {path.strip("/"): label for label, path in config.migration_modules.items()}
    headers: dict[str, dict[str, Header]] = {}
    for source in sources:
        directory, name = split(source.path)
        headers.setdefault(directory, {})[name[: -len(".py")]] = source.header

    declared = {**_declared_labels(workspace, listing, headers, memory), **modules}
    for path, label in config.app_labels.items():
        for directory in headers:
            if path.strip("/") in (directory, split(directory)[0]):
                declared[directory] = label

    labels = {d: app_label(d, names, declared.get(d)) for d, names in headers.items()}

    several = len(set(labels.values())) < len(labels)
    named = Named(frozenset(), frozenset())
    if several:
        named = directories_named_by_settings(workspace, listing, labels, projects)
    configured = {labels[directory] for directory in modules if directory in labels}
    chosen = {d for d in named.directories if labels[d] not in configured} | set(modules)
    archives = find_archives(labels, declared, chosen, projects, named.unread)
    apps = apps_of({d: label for d, label in labels.items() if d not in archives})
    return AppDirectories(apps, projects, archives, several)


def _declared_labels(
    workspace: Workspace, listing: Listing, directories: Mapping[str, object], memory: Memory
) -> dict[str, str]:
    """Directory -> the label that the apps.py beside it gives."""
    places = {d: f"{split(d)[0]}/apps.py".lstrip("/") for d in directories if "/" in d}
    there = sorted({path for path in places.values() if path in listing.files})
    labels: dict[str, str | None] = {}
    for path in there:
        is_known, label = memory.lookup(path, "label ", _text)
        if is_known:
            labels[path] = label

    unknown = [path for path in there if path not in labels]
    for path, source in read_files(workspace.repository, listing, unknown).items():
        labels[path] = read_app_label(source) if b"label" in source else None
        memory.remember(path, "label ", labels[path], source)
    return {d: label for d, path in places.items() if (label := labels.get(path))}


def _text(answer: object) -> str | None:
    if answer is not None and not isinstance(answer, str):
        raise TypeError("not an answer of ours")
    return answer

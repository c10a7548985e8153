"""Which directories hold migrations, and what app label each has."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from migmerge.errors import UserError
from migmerge.migrations.literals import Constants, string_value
from migmerge.migrations.model import App, Header, Migration, NodeKey
from migmerge.migrations.reader import parse

NUMBERED = re.compile(r"[0-9]+_|[0-9]+$")
_DJANGO = ("admin", "auth", "contenttypes", "flatpages", "redirects", "sessions", "sites")
_SKIPPED_PARTS = frozenset(("node_modules", "site-packages", "__pycache__"))


class Source(NamedTuple):
    """A migration file as read: where it is and what it says. `version` as in NodeKey."""

    path: str
    header: Header
    version: int = 0
    theirs_only: bool = False


def split(path: str) -> tuple[str, str]:
    """`(directory, file name)` of a `/`-separated path."""
    directory, _, name = path.rpartition("/")
    return directory, name


def is_candidate_name(name: str) -> bool:
    """Whether Django's loader would import a file of this name from a migrations package.

    It takes pkgutil.iter_modules' names but those that start with `_` or `~`
    (django.db.migrations.loader); a further dot makes a file no module.
    """
    return name.endswith(".py") and name[0] not in "_~" and name.count(".") == 1


def candidate_directories(paths: Iterable[str], configured: Iterable[str] = ()) -> set[str]:
    """Directories that may hold migrations, judged by names alone.

    A directory counts when its own name speaks of migrations, when it holds a file with a
    number in front, or when it is configured.
    """
    found = set(configured)
    for path in paths:
        if not path.endswith(".py"):
            continue
        directory, name = split(path)
        if directory in found or not is_candidate_name(name):
            continue
        own = directory.rpartition("/")[2]
        if "migration" in own.lower() or NUMBERED.match(name):
            if _SKIPPED_PARTS.isdisjoint(directory.split("/")):
                found.add(directory)
    return found


def read_app_label(source: bytes) -> str | None:
    """The only literal `label = "…"` in an apps.py; None when there is none or several."""
    try:
        module = parse(source)
    except ValueError:
        return None
    constants = Constants.of(module)
    labels = set()
    for node in module.body:
        if not isinstance(node, ast.ClassDef):
            continue
        for statement in node.body:
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                if statement.targets[0].id == "label":
                    labels.add(string_value(statement.value, constants))
    return labels.pop() if len(labels) == 1 else None


def app_label(directory: str, headers: Mapping[str, Header], declared: str | None) -> str:
    """The label of a migration directory, given its files' headers by migration name.

    Order: `declared` (configuration or apps.py), the label by which its own files name each
    other, the directory's name (of the package around it, for `…/shop/migrations`).
    """
    if declared:
        return declared
    votes = Counter(
        reference.label
        for name, header in headers.items()
        for reference in (*header.dependencies, *header.replaces)
        if reference.name in headers and reference.name != name
    )
    parent, _, own = directory.rpartition("/")
    named = parent.rpartition("/")[2] if "migration" in own.lower() and parent else own
    if not votes:
        return named
    # auth and contenttypes have a 0001_initial too: a tie is not theirs
    return max(votes, key=lambda label: (votes[label], label == named, label not in _DJANGO, label))


def apps_of(labels: Mapping[str, str]) -> dict[str, App]:
    """Directory -> App; the label is the key unless two directories share it."""
    shared = Counter(labels.values())
    return {
        directory: App(directory if shared[label] > 1 else label, label, directory)
        for directory, label in labels.items()
    }


def migrations_of(sources: Iterable[Source], apps: Mapping[str, App]) -> list[Migration]:
    """The migrations with their node keys, sorted by path."""
    found = []
    for source in sources:
        directory, name = split(source.path)
        app = apps[directory]
        key = NodeKey(app.key, name[: -len(".py")], source.version)
        found.append(Migration(key, app.label, source.path, source.header))
    return sorted(found, key=lambda migration: (migration.path, migration.key.version))


class Resolver:
    """Which app a label means, seen from a directory: nearest first where it is not unique."""

    def __init__(self, apps: Mapping[str, App]) -> None:
        self._by_label: dict[str, list[App]] = {}
        for app in apps.values():
            self._by_label.setdefault(app.label, []).append(app)

    def app(self, label: str, directory: str) -> str | None:
        """The app's key; None for an app outside the repository. UserError when ambiguous."""
        apps = self._by_label.get(label)
        if not apps:
            return None
        if len(apps) == 1:
            return apps[0].key
        ranked = sorted(apps, key=lambda app: -_shared_prefix(app.directory, directory))
        best = _shared_prefix(ranked[0].directory, directory)
        if best == _shared_prefix(ranked[1].directory, directory):
            places = ", ".join(sorted(app.directory for app in apps))
            raise UserError(
                "same-label",
                f"the app label {label!r}, which {directory} depends on, is ambiguous: {places}",
                "give one of them another label in [tool.migmerge] app_labels, "
                "or leave one out with exclude",
            )
        return ranked[0].key


def _shared_prefix(one: str, other: str) -> int:
    if one == other:
        return 1_000_000
    count = 0
    for left, right in zip(one.split("/"), other.split("/"), strict=False):
        if left != right:
            break
        count += 1
    return count

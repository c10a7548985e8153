"""Which directories hold migrations, and what app label each has."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from migmerge.migrations.literals import Constants, string_value
from migmerge.migrations.membership import SKIPPED_PARTS, may_refer, owners
from migmerge.migrations.model import App, Header, Migration, NodeKey
from migmerge.migrations.reader import parse

NUMBERED = re.compile(r"[0-9]+_|[0-9]+$")
_DJANGO = ("admin", "auth", "contenttypes", "flatpages", "redirects", "sessions", "sites")


class Source(NamedTuple):
    """A migration file as read: where it is and what it says. `version` as in NodeKey."""

    path: str
    header: Header
    version: int = 0


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
    directories = set(configured)
    for path in paths:
        if not path.endswith(".py"):
            continue

        directory, name = split(path)
        if directory in directories or not is_candidate_name(name):
            continue

        last_part = directory.rpartition("/")[2]
        if "migration" in last_part.lower() or NUMBERED.match(name):
            if SKIPPED_PARTS.isdisjoint(directory.split("/")):
                directories.add(directory)

    return directories


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
    parent, _, last_part = directory.rpartition("/")
    named = parent.rpartition("/")[2] if "migration" in last_part.lower() and parent else last_part
    if not votes:
        return named
    # auth and contenttypes have a 0001_initial too: a tie is not theirs
    return max(votes, key=lambda label: (votes[label], label == named, label not in _DJANGO, label))


def is_around(directory: str, prefix: str) -> bool:
    """Whether migrations in `directory` are meant by a path; the empty one is the top."""
    return (
        not prefix or f"{directory}/".startswith(f"{prefix}/") or prefix.startswith(f"{directory}/")
    )


def find_archives(
    labels: Mapping[str, str],
    declared: Mapping[str, str],
    chosen: Collection[str],
    projects: Sequence[str] = (),
    unread: Collection[str] = (),
) -> dict[str, str]:
    """Directories that hold an archive of an app's migrations, each with the one that counts.

    Of several with one label in a project those that are `chosen` (by configuration or settings)
    count. Else it is the app's `migrations`, and what is beside or below it in the app's package
    does not; but not in `unread` projects, whose settings may name either.
    """
    archives: dict[str, str] = {}
    by_label: dict[str, list[str]] = {}
    for directory, label in labels.items():
        by_label.setdefault(label, []).append(directory)

    for label, directories in by_label.items():
        winners = [d for d in directories if d in chosen]
        usual = [d for d in directories if _is_usual(d, label, declared.get(d))]
        for directory in directories:
            here = [d for d in winners if not projects or may_refer(directory, d, projects)]
            if here and directory not in winners:
                archives[directory] = here[0]
            elif (
                not here
                and directory not in usual
                and not (set(owners(directory, projects)) & set(unread))
            ):
                near = [d for d in usual if f"{directory}/".startswith(_package(d))]
                if near:
                    archives[directory] = near[0]

    return archives


def _is_usual(directory: str, label: str, declared: str | None) -> bool:
    """Whether a directory is where Django looks by itself for the migrations of a label."""
    parent, _, name = directory.rpartition("/")
    return name == "migrations" and label in (declared, parent.rpartition("/")[2])


def _package(directory: str) -> str:
    parent = directory.rpartition("/")[0]
    return f"{parent}/" if parent else ""


def apps_of(labels: Mapping[str, str]) -> dict[str, App]:
    """Directory -> App; the label is the key unless two directories share it."""
    shared = Counter(labels.values())
    return {
        directory: App(directory if shared[label] > 1 else label, label, directory)
        for directory, label in labels.items()
    }


def migrations_of(sources: Iterable[Source], apps: Mapping[str, App]) -> list[Migration]:
    """The migrations with their node keys, sorted by path."""
    migrations = []
    for source in sources:
        directory, name = split(source.path)
        app = apps[directory]
        key = NodeKey(app.key, name[: -len(".py")], source.version)
        migrations.append(Migration(key, app.label, source.path, source.header))
    return sorted(migrations, key=lambda migration: (migration.path, migration.key.version))


class Resolver:
    """Which app a label means, seen from a directory: nearest first where it is not unique.

    Never one of another project; `projects` are the directories that have a manage.py.
    `ambiguous` has each label that could not be resolved, with the directories that it may mean.
    """

    def __init__(self, apps: Mapping[str, App], projects: Sequence[str] = ()) -> None:
        self._by_label: dict[str, list[App]] = {}
        self._projects = projects
        self.ambiguous: dict[tuple[str, str], tuple[str, ...]] = {}
        for app in apps.values():
            self._by_label.setdefault(app.label, []).append(app)

    def app(self, label: str, directory: str) -> str | None:
        """The app's key; None for an app outside the repository, and where it is ambiguous."""
        apps = self._by_label.get(label, [])
        if len(self._projects) > 1:
            apps = [a for a in apps if may_refer(directory, a.directory, self._projects)]
        if not apps:
            return None
        if len(apps) == 1:
            return apps[0].key

        ranked = sorted(apps, key=lambda app: -_shared_prefix(app.directory, directory))
        best = _shared_prefix(ranked[0].directory, directory)
        if best == _shared_prefix(ranked[1].directory, directory):
            places = tuple(sorted(app.directory for app in apps))
            self.ambiguous[label, directory] = places
            return None
        return ranked[0].key

    def elsewhere(self, label: str) -> str | None:
        """The key of the only app of a label, in whichever project; None where there is none, or
        several."""
        apps = self._by_label.get(label, [])
        return apps[0].key if len(apps) == 1 else None


def _shared_prefix(one: str, other: str) -> int:
    if one == other:
        return 1_000_000
    count = 0
    for left, right in zip(one.split("/"), other.split("/"), strict=False):
        if left != right:
            break
        count += 1
    return count

"""Which project of a repository an app belongs to, and which projects a command is about.

A project is a directory with a manage.py.
"""

from __future__ import annotations

from collections.abc import Iterable

SKIPPED_PARTS = frozenset(("node_modules", "site-packages", "__pycache__"))


def manage_directories(paths: Iterable[str]) -> tuple[str, ...]:
    """The directories of a tree that hold a manage.py, sorted; the top is the empty one."""
    directories = {
        path.rpartition("/")[0]
        for path in paths
        if path.endswith("manage.py") and path.rpartition("/")[2] == "manage.py"
    }
    return tuple(sorted(d for d in directories if SKIPPED_PARTS.isdisjoint(d.split("/"))))


def owners(directory: str, projects: Iterable[str]) -> tuple[str, ...]:
    """The projects that have the app in `directory`: the deepest one around it.

    An app outside of all of them may be installed by any: it belongs to each.
    """
    places = tuple(projects)
    around = [project for project in places if _contains(project, directory)]
    return (max(around, key=len),) if around else places


def projects_in_scope(directory: str, projects: Iterable[str]) -> tuple[str, ...]:
    """What a command run in `directory` (relative to the top) means: the nearest project above
    it; at the top, or where there is none above, each."""
    return owners(directory, projects) if directory else tuple(projects)


def may_refer(directory: str, other: str, projects: Iterable[str]) -> bool:
    """Whether an app in `directory` can mean the one in `other` by a label.

    Not where they belong to two projects of which neither contains the other.
    """
    places = tuple(projects)
    return any(
        _contains(one, two) or _contains(two, one)
        for one in owners(directory, places)
        for two in owners(other, places)
    )


def _contains(project: str, directory: str) -> bool:
    return not project or f"{directory}/".startswith(f"{project}/")

"""Which interpreter runs a project, and how its manage.py is run by it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable
from typing import NamedTuple

from migmerge.config import Config

_VARIABLE = "DJANGO_SETTINGS_MODULE"
_SECONDS = 30


class Project(NamedTuple):
    """How to run code inside a project.

    `command` takes the code as its last argument. `manage` is the manage.py that sets up the
    environment before Django starts; it is empty where `command` runs one itself, or where there
    is none. `settings` overrides what that one sets, as `--settings` does. `place` is the
    project's directory, relative to the top of the repository.
    """

    command: tuple[str, ...]
    directory: str
    settings: str = ""
    manage: str = ""
    place: str = ""

    @property
    def name(self) -> str:
        """Its directory, for people."""
        return self.place or "."

    @property
    def top(self) -> str:
        """The top of the repository."""
        return self.directory[: -len(self.place) - 1] if self.place else self.directory


class NoProject(NamedTuple):
    """There is no project that can be run, and why; `no_interpreter`: for want of Django."""

    why: str
    no_interpreter: bool = False


def find_project(
    root: str, config: Config, place: str | None, *, several: bool = False
) -> Project | NoProject:
    """The project of the manage.py in `place` (None: there is none).

    With `several` projects in the repository each may have an environment of its own, which wins
    over the active one.
    """
    if config.manage:
        return Project((*shlex.split(config.manage), "shell", "-c"), root)

    settings = config.settings or (os.environ.get(_VARIABLE, "") if place is None else "")
    if place is None and not settings:
        return NoProject("no manage.py, and no settings in the configuration")

    directory = os.path.join(root, place or "")
    manage = os.path.join(directory, "manage.py") if place is not None else ""
    for command in _interpreters(root, directory, several=several):
        if _imports_django(command, directory):
            return Project((*command, "-c"), directory, settings, manage, place or "")
    return NoProject("no interpreter that imports Django", no_interpreter=True)


def _interpreters(root: str, directory: str, *, several: bool) -> Iterable[tuple[str, ...]]:
    if several:
        yield from _environments(directory)
    active = os.environ.get("VIRTUAL_ENV")
    # pre-commit sets VIRTUAL_ENV to the environment that it made for us
    if active and os.path.realpath(active) != os.path.realpath(sys.prefix):
        yield (_python(active),)
    places = tuple(dict.fromkeys((directory, root) if several else (root, directory)))
    for place in places:
        yield from _environments(place)

    if any(os.path.exists(os.path.join(p, "uv.lock")) for p in places) and shutil.which("uv"):
        yield ("uv", "run", "--no-sync", "python")
    if any(os.path.exists(os.path.join(p, "poetry.lock")) for p in places):
        command = ("env", "-u", "VIRTUAL_ENV", "poetry", "env", "info", "--executable")
        out = _output(command, directory) if shutil.which("poetry") else ""
        if out:
            yield (out,)

    for name in ("python", "python3"):
        if shutil.which(name):
            yield (name,)


def _environments(place: str) -> Iterable[tuple[str, ...]]:
    for name in (".venv", "venv"):
        python = _python(os.path.join(place, name))
        if os.path.exists(python):
            yield (python,)


def _python(environment: str) -> str:
    scripts = "Scripts" if os.name == "nt" else "bin"
    return os.path.join(environment, scripts, "python.exe" if os.name == "nt" else "python")


def _imports_django(command: tuple[str, ...], directory: str) -> bool:
    return _output((*command, "-c", "import django; print('yes')"), directory) == "yes"


def _output(command: tuple[str, ...], directory: str) -> str:
    try:
        done = subprocess.run(
            command, cwd=directory, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""

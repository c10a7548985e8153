"""Which interpreter runs the project, and where its manage.py is."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from migmerge.config import Config

_SETTINGS = re.compile(r"""DJANGO_SETTINGS_MODULE['"]\s*,\s*['"]([\w.]+)['"]""")
_SECONDS = 30


class Project(NamedTuple):
    """How to run code inside the project; `settings` is empty when `command` is a manage.py."""

    command: tuple[str, ...]
    directory: str
    settings: str


def find_project(
    root: str,
    config: Config,
    paths: Iterable[str],
    app_directory: str,
    environment: Mapping[str, str] = os.environ,
) -> Project | str:
    """The project around `app_directory`, or why there is none; `paths` are the tree's files."""
    if config.manage:
        return Project((*shlex.split(config.manage), "shell", "-c"), root, "")
    manage = _manage_directory(paths, app_directory)
    if manage is None:
        return "no manage.py"
    directory = os.path.join(root, manage)
    settings = config.settings or _settings(directory) or environment.get(_VARIABLE, "")
    if not settings:
        return f"{os.path.join(manage, 'manage.py')} names no settings module"
    for command in _interpreters(root, directory, environment):
        if _imports_django(command, root):
            return Project((*command, "-c"), directory, settings)
    return "no interpreter that imports Django"


_VARIABLE = "DJANGO_SETTINGS_MODULE"


def _manage_directory(paths: Iterable[str], app_directory: str) -> str | None:
    """The deepest directory with a manage.py around the app, else the only one there is."""
    places = [p.rpartition("/")[0] for p in paths if p.rpartition("/")[2] == "manage.py"]
    around = [p for p in places if not p or f"{app_directory}/".startswith(f"{p}/")]
    if around:
        return max(around, key=len)
    return places[0] if len(places) == 1 else None


def _settings(directory: str) -> str:
    try:
        with open(os.path.join(directory, "manage.py"), encoding="utf-8") as handle:
            match = _SETTINGS.search(handle.read())
    except (OSError, ValueError):
        return ""
    return match[1] if match else ""


def _interpreters(
    root: str, directory: str, environment: Mapping[str, str]
) -> Iterable[tuple[str, ...]]:
    active = environment.get("VIRTUAL_ENV")
    # pre-commit sets VIRTUAL_ENV to the environment that it made for us
    if active and os.path.realpath(active) != os.path.realpath(sys.prefix):
        yield (_python(active),)
    for place in dict.fromkeys((root, directory)):
        for name in (".venv", "venv"):
            if os.path.exists(_python(os.path.join(place, name))):
                yield (_python(os.path.join(place, name)),)
    if os.path.exists(os.path.join(root, "uv.lock")) and shutil.which("uv"):
        yield ("uv", "run", "--no-sync", "python")
    if os.path.exists(os.path.join(root, "poetry.lock")) and shutil.which("poetry"):
        command = ("env", "-u", "VIRTUAL_ENV", "poetry", "env", "info", "--executable")
        out = _output(command, root)
        if out:
            yield (out,)
    for name in ("python", "python3"):
        if shutil.which(name):
            yield (name,)


def _python(environment: str) -> str:
    scripts = "Scripts" if os.name == "nt" else "bin"
    return os.path.join(environment, scripts, "python.exe" if os.name == "nt" else "python")


def _imports_django(command: tuple[str, ...], root: str) -> bool:
    return _output((*command, "-c", "import django; print('yes')"), root) == "yes"


def _output(command: tuple[str, ...], root: str) -> str:
    try:
        done = subprocess.run(
            command, cwd=root, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""

"""The tools, each as its own documentation says to use it, in an environment of its own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parents[2]


class Tool(NamedTuple):
    """`install` is what pip gets; `{python}`, `{leaf}` and `{label}` stand in the commands.

    `fix` is run in the merge, committed or stopped; `databases` where a database had the branch's
    migrations applied before and was not in sight. `lock`: it keeps a max_migration.txt, over which git
    stops the merge. `app` goes into INSTALLED_APPS. `back`: its documentation has the branch's migrations
    migrated back first, and so they are, in the database that the settings name. `rebases`: it is run after `git rebase main`, not a merge.
    """

    name: str
    install: tuple[str, ...]
    fix: tuple[str, ...]
    databases: tuple[str, ...] = ()
    app: str = ""
    lock: bool = False
    back: bool = False
    rebases: bool = False
    python: str = ""


MIGMERGE = (str(HERE), "Django")
TOOLS = (
    Tool(
        "migmerge", MIGMERGE, ("{bin}/migmerge", "fix", "--yes", "--strategy", "merge"),
        ("{bin}/migmerge", "db", "reconcile", "--yes"),
    ),
    Tool("migmerge, renumber", MIGMERGE, ("{bin}/migmerge", "fix", "--yes", "--strategy", "renumber")),
    Tool(
        "makemigrations --merge", ("Django",),
        ("{python}", "manage.py", "makemigrations", "--merge", "--noinput"),
    ),
    Tool(
        "django-linear-migrations", ("Django", "django-linear-migrations"),
        ("{python}", "manage.py", "rebase_migration", "{label}"),
        app="django_linear_migrations", lock=True, back=True,
    ),
    Tool(
        "django-migration-fixer", ("Django", "django-migration-fixer", "setuptools<81"),
        ("{python}", "manage.py", "makemigrations", "--fix", "-b", "main", "-s"),
        app="migration_fixer", python="3.12",
    ),
    Tool(
        "django-auto-rebase", ("django-auto-rebase",), ("{bin}/dar", "{label}", "{leaf}"), python="3.8",
    ),
    Tool(
        "django-migraid fix-conflicts", ("Django", "django-migraid"),
        ("{python}", "manage.py", "migraid", "fix-conflicts", "--yes", "--update-db", "--noinput"),
        ("{python}", "manage.py", "migraid", "repair", "--noinput"),
        app="migraid",
    ),
    Tool(
        "django-migraid rebase", ("Django", "django-migraid"),
        ("{python}", "manage.py", "migraid", "rebase", "--base", "main", "--yes", "--update-db", "--noinput"),
        ("{python}", "manage.py", "migraid", "repair", "--noinput"),
        app="migraid", rebases=True,
    ),
    Tool(
        "django-migration-doctor", ("Django", "django-migration-doctor"),
        ("{python}", "manage.py", "drmigrate", "conflicts", "--apply"), app="drmigrate",
    ),
    Tool(
        "django-modern-migration-fixer", ("Django", "django-modern-migration-fixer"),
        ("{python}", "manage.py", "makemigrations", "--fix", "-b", "main", "-s"),
        app="django_modern_migration_fixer",
    ),
    Tool(
        "django-sync-migrations -r", ("Django", "django-sync-migrations"),
        ("{bin}/django-sync-migrations", "-r", "--branch", "main", "--apply", "--yes"),
        rebases=True,
    ),
    Tool("rebase-migrations", ("Django", "rebase-migrations"), ("{bin}/rebase-migrations", "{label}")),
)  # fmt: skip


class Installed(NamedTuple):
    """A tool in its environment, or why it isn't; `versions` are the tool's and Django's."""

    tool: Tool
    bin: Path
    versions: str = ""
    why: str = ""


def install(tool: Tool, place: Path) -> Installed:
    """Make the environment with pip; one for all tools that want the same."""
    python = _interpreter(tool.python)
    if not python:
        return Installed(tool, place, why=f"needs Python {tool.python}, which is not here")
    where = place / "-".join(Path(want).name for want in tool.install)
    if not (where / "ready").exists():
        subprocess.run([python, "-m", "venv", where], check=True)
        done = subprocess.run(
            [where / "bin/pip", "install", "-q", "--disable-pip-version-check", *tool.install],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            return Installed(tool, where, why="pip could not install it")
        (where / "ready").touch()
    return Installed(tool, where / "bin", _versions(tool, where / "bin"))


def _interpreter(version: str) -> str | None:
    if not version:
        return shutil.which("python3")
    found = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    return str(found[-1]) if found else shutil.which(f"python{version}")


def _versions(tool: Tool, bin: Path) -> str:
    out = subprocess.run([bin / "pip", "freeze"], capture_output=True, text=True, check=True).stdout
    known = dict(line.split("==") for line in out.lower().splitlines() if line.count("==") == 1)
    own = known.get(tool.install[1 if len(tool.install) > 1 else 0].lower())
    django = f"Django {known['django']}"
    return django if tool.install == ("Django",) or tool.install == MIGMERGE else f"{own}, {django}"

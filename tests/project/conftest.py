"""A real Django project, made by Django itself."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import IN_CI, Repo

SETTINGS = """\
SECRET_KEY = "x"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "shop", "cart"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
"""
MANAGE = """\
import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_settings")
from django.core.management import execute_from_command_line

execute_from_command_line(sys.argv)
"""
MODELS = """\
from django.db import models


class Product(models.Model):
    name = models.CharField(max_length=20)
"""


class Site(Repo):
    """A repository that holds a project, and the interpreter that runs it."""

    def __init__(self, root: Path, python: str = sys.executable) -> None:
        super().__init__(root)
        self.python = python

    def manage(self, *arguments: str, code: int = 0, env: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            [self.python, "manage.py", *arguments],
            cwd=self.root,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def field(self, name: str, kind: str = "IntegerField(default=0)") -> None:
        """Add a field to shop's Product, above `name` on main and below it elsewhere."""
        text = (self.root / "shop/models.py").read_text()
        line = f"    {name} = models.{kind}\n"
        above = self.git("branch", "--show-current").strip() == "main"
        anchor = "    name ="
        text = text.replace(anchor, line + anchor, 1) if above else text + line
        self.write("shop/models.py", text)

    def make(self, name: str) -> None:
        self.manage("makemigrations", "shop", "-v0", "-n", name)


_BUILT: dict[str, Path] = {}
Copy = Callable[[Callable[[Path], None]], Site]


@pytest.fixture
def copy_of(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A project made by a function, once for all tests that ask for it."""

    def copy(build: Callable[[Path], None]) -> Site:
        name = build.__name__
        if name not in _BUILT:
            _BUILT[name] = tmp_path_factory.mktemp("built") / name
            _BUILT[name].mkdir()
            build(_BUILT[name])
        root = tmp_path / "site"
        shutil.copytree(_BUILT[name], root, symlinks=True)
        made = Site(root)
        made.git("update-index", "-q", "--refresh")  # these are other inodes
        return made

    return copy


@pytest.fixture
def site(copy_of: Copy) -> Site:
    """main has stock, feature has price, each made by makemigrations; feature has merged main."""
    return copy_of(build_site)


def begin_project(root: Path, models: str = MODELS) -> Site:
    """A project with one migration, of shop, on main."""
    made = Site(root)
    made.git("init", "-q")
    made.write("site_settings.py", SETTINGS)
    made.write("manage.py", MANAGE)
    made.write(".gitignore", "__pycache__/\n*.sqlite3\n")
    for app in ("shop", "cart"):
        made.write(f"{app}/__init__.py", "")
        made.write(f"{app}/models.py", "")
        made.write(f"{app}/migrations/__init__.py", "")
    made.write("shop/models.py", models)
    made.make("initial")
    made.commit("base")
    return made


def build_site(root: Path) -> None:
    """See `site`."""
    branch_out(begin_project(root))


def branch_out(made: Site) -> None:
    """From main as it is: feature adds price, main adds stock, and feature merges main."""
    made.git("checkout", "-q", "-b", "feature")
    made.field("price")
    made.make("price")
    made.commit("price")
    made.git("checkout", "-q", "main")
    made.field("stock")
    made.make("stock")
    made.commit("stock")
    made.publish()
    made.git("checkout", "-q", "feature")
    made.git("merge", "-q", "--no-edit", "main")


@pytest.fixture
def postgresql() -> None:
    """A server at its usual place; CI must have one."""
    need_server("PostgreSQL", 5432)


@pytest.fixture
def mariadb() -> None:
    """The same."""
    need_server("MariaDB", 3306)


def need_server(name: str, port: int) -> None:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError as error:
        if IN_CI:
            raise
        pytest.skip(f"no {name} at 127.0.0.1:{port} ({error})")

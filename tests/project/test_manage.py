"""The project's own manage.py sets up the environment in which its Django is asked."""

from __future__ import annotations

import json
import os
import sys

import pytest

from tests.conftest import thinned
from tests.project.conftest import SETTINGS, Site

pytestmark = pytest.mark.once

RUN = """\
    from django.core.management import execute_from_command_line
    execute_from_command_line(sys.argv)
"""
SET_UP = """\
import os
import sys


def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_settings")
{before}
{run}

if __name__ == "__main__":
    main()
"""
ENV_FILE = """\
    for line in open(".env"):
        key, _, value = line.strip().partition("=")
        os.environ.setdefault(key, value)
"""
FROM_ENVIRONMENT = SETTINGS.replace(
    '"NAME": "db.sqlite3"', '"NAME": __import__("os").environ["DB"]'
)


def manage(site: Site, before: str = "", run: str = RUN) -> None:
    site.write("manage.py", SET_UP.format(before=before, run=run))


def database(site: Site, *arguments: str, env: dict[str, str] | None = None) -> dict:
    """The only database that `db status` looks at."""
    done = site.run("db", "status", "--format", "json", *arguments, env=env)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    (found,) = json.loads(done.stdout)["databases"]
    return found


def test_manage_py_that_loads_an_env_file(site: Site) -> None:
    site.write("site_settings.py", FROM_ENVIRONMENT)
    site.write(".env", "DB=real.sqlite3\n")
    manage(site, ENV_FILE)
    assert database(site)["name"] == "real.sqlite3"


def test_fix_reconciles_the_database_of_the_env_file(site: Site) -> None:
    site.write("site_settings.py", FROM_ENVIRONMENT)
    site.write(".env", "DB=real.sqlite3\n")
    manage(site, ENV_FILE)
    site.commit("an env file")
    site.git("checkout", "-q", "HEAD~1^1", "--", "shop")
    site.git("rm", "-q", "--cached", "shop/migrations/0002_stock.py")
    (site.root / "shop/migrations/0002_stock.py").unlink()
    site.manage("migrate", "-v0")
    site.git("reset", "-q", "--hard")
    document = site.fix("--strategy", "renumber")
    assert "database default (SQLite, real.sqlite3)" in document["verification"]["reconciled"]
    assert "No migrations to apply" in site.manage("migrate")


def test_manage_py_that_changes_sys_path(site: Site) -> None:
    """The apps are below src/, which only manage.py puts on the path."""
    for app in ("shop", "cart"):
        site.git("mv", app, f"src_{app}")
        (site.root / "src").mkdir(exist_ok=True)
        site.git("mv", f"src_{app}", f"src/{app}")
    manage(site, '    sys.path.insert(0, os.path.join(os.path.dirname(__file__), "src"))\n')
    site.commit("src")
    document = site.fix()
    assert document["verification"]["django"] == "ok"
    assert database(site)["name"] == "db.sqlite3"


def test_manage_py_that_reads_the_settings_module_from_a_file(site: Site) -> None:
    site.git("mv", "site_settings.py", "other_settings.py")
    site.write("which.txt", "other_settings\n")
    manage(site, '    os.environ["DJANGO_SETTINGS_MODULE"] = open("which.txt").read().strip()\n')
    site.commit("which")
    assert site.fix()["verification"]["django"] == "ok"


def test_manage_py_of_django_configurations(site: Site) -> None:
    site.write(
        "site_settings.py",
        "from configurations import Configuration\n\n\n"
        "class Dev(Configuration):\n"
        + "".join(f"    {line}\n" for line in SETTINGS.splitlines())
        + "    DATABASES['default']['NAME'] = 'dev.sqlite3'\n",
    )
    run = RUN.replace("django.core.management", "configurations.management")
    manage(site, '    os.environ.setdefault("DJANGO_CONFIGURATION", "Dev")\n', run)
    site.commit("configurations")
    assert database(site)["name"] == "dev.sqlite3"
    assert site.fix()["verification"]["django"] == "ok"


def test_manage_py_that_calls_the_utility_itself(site: Site) -> None:
    run = "    from django.core.management import ManagementUtility\n    ManagementUtility(sys.argv).execute()\n"
    manage(site, run=run)
    assert database(site)["name"] == "db.sqlite3"


def test_manage_py_that_starts_another_process(site: Site) -> None:
    """As a wrapper for a container or another environment does."""
    site.git("mv", "manage.py", "inner.py")
    site.write(
        "manage.py",
        "import os, sys\nos.environ['DB'] = 'wrapped.sqlite3'\n"
        f"os.execv({sys.executable!r}, [{sys.executable!r}, 'inner.py', *sys.argv[1:]])\n",
    )
    site.write("site_settings.py", FROM_ENVIRONMENT)
    site.commit("wrapped")
    assert database(site)["name"] == "wrapped.sqlite3"
    assert site.fix()["verification"]["django"] == "ok"


def test_manage_py_before_which_nothing_of_django_is_imported(site: Site) -> None:
    before = "    assert not any(name.partition('.')[0] == 'django' for name in sys.modules)\n"
    manage(site, before)
    assert database(site)["name"] == "db.sqlite3"


def test_manage_py_sees_its_own_directory_and_arguments(site: Site) -> None:
    before = (
        "    assert os.path.samefile(sys.path[0], os.path.dirname(os.path.abspath(__file__)))\n"
        "    assert os.path.samefile(os.getcwd(), sys.path[0]) and os.path.isfile(sys.argv[0])\n"
        "    assert 'migrate' not in sys.argv and 'test' not in sys.argv\n"
    )
    manage(site, before)
    assert database(site)["name"] == "db.sqlite3"


def test_manage_py_that_stops_is_no_verified_result(site: Site) -> None:
    manage(site, "    sys.exit('set SECRET first')\n")
    site.commit("stops")
    document = site.fix(code=1)
    assert document["resolutions"][0]["status"] == "fixed"
    assert document["verification"]["django"] == (
        "skipped: the project does not run: set SECRET first"
    )
    assert document["verification"]["verified"] is False
    done = site.run("db", "status")
    assert done.returncode == 2 and "set SECRET first" in done.stderr


def test_settings_that_fail_to_import_are_no_verified_result(site: Site) -> None:
    site.write("site_settings.py", "import no_such_package\n")
    site.commit("broken settings")
    done = site.run("fix", "--yes", "--strategy", "renumber")
    assert done.returncode == 1
    why = "ModuleNotFoundError: No module named 'no_such_package'"
    assert done.stdout.splitlines()[-1].startswith(f"not verified: Django skipped: {why}")
    assert "\nverified" not in done.stdout


def test_settings_of_the_configuration_win(site: Site) -> None:
    site.write("more.py", SETTINGS.replace("db.sqlite3", "more.sqlite3"))
    assert database(site, env={"MIGMERGE_SETTINGS": "more"})["name"] == "more.sqlite3"


def test_settings_without_a_manage_py(site: Site) -> None:
    site.git("rm", "-q", "manage.py")
    site.commit("no manage.py")
    assert database(site, env={"MIGMERGE_SETTINGS": "site_settings"})["name"] == "db.sqlite3"
    env = {"DJANGO_SETTINGS_MODULE": "site_settings"}
    assert database(site, env=env)["name"] == "db.sqlite3"
    assert site.run("db", "status").returncode == 2


@pytest.mark.postgresql
def test_db_status_names_engine_host_and_database(site: Site, postgresql: None) -> None:
    there = '"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"'
    other = '"ENGINE": "django.db.backends.postgresql", "HOST": "127.0.0.1", "USER": "postgres", "NAME": "postgres"'
    site.write("site_settings.py", SETTINGS.replace(there, other))
    assert "default (PostgreSQL, postgres at 127.0.0.1): " in site.run("db", "status").stdout
    site.write(
        "site_settings.py", SETTINGS.replace(there, other.replace('"HOST": "127.0.0.1", ', ""))
    )
    assert "default (PostgreSQL, postgres at the local socket): " in site.run("db", "status").stdout
    found = database(site)
    assert (found["engine"], found["host"], found["project"]) == ("PostgreSQL", "", "")


@pytest.mark.mariadb
def test_db_status_names_mariadb(site: Site, mariadb: None) -> None:
    there = '"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"'
    other = (
        '"ENGINE": "django.db.backends.mysql", "HOST": "127.0.0.1", "USER": "root", "NAME": "mysql"'
    )
    text = "import pymysql\npymysql.version_info = (2, 2, 7, 'final', 0)\npymysql.install_as_MySQLdb()\n"
    site.write("site_settings.py", text + SETTINGS.replace(there, other))
    assert "default (MariaDB, mysql at 127.0.0.1): " in site.run("db", "status").stdout


REMOTE = {
    "another host": ('"HOST": "192.0.2.1"', {}),
    "a name": ('"HOST": "db.example.org"', {}),
    "a name like an address": ('"HOST": "127.example.org"', {}),
    "one of several hosts": ('"HOST": "127.0.0.1,192.0.2.1"', {}),
    "PGHOST": ('"HOST": ""', {"PGHOST": "192.0.2.1"}),
    "PGSERVICE": ('"HOST": ""', {"PGSERVICE": "production"}),
    "a service": ('"OPTIONS": {"service": "production"}', {}),
    "a host among the options": ('"OPTIONS": {"host": "192.0.2.1"}', {}),
}


@pytest.mark.parametrize("case", thinned(REMOTE))
def test_fix_does_not_connect_to_another_machine(site: Site, case: str) -> None:
    """192.0.2.0/24 answers nowhere (RFC 5737): to connect would take a minute, or fail."""
    where, env = REMOTE[case]
    there = '"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"'
    other = f'"ENGINE": "django.db.backends.postgresql", {where}, "NAME": "prod"'
    site.write("site_settings.py", SETTINGS.replace(there, other))
    site.commit("production")
    done = site.run("fix", "--yes", "--strategy", "renumber", "--dry-run", env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not touched (not on this machine): " in done.stdout
    assert "run migmerge db reconcile there before migrate" in done.stdout
    document = json.loads(
        site.run("fix", "--yes", "--strategy", "renumber", "--format", "json", env=env).stdout
    )
    assert document["verification"]["reconciled"].startswith("skipped: database default (Postgre")
    assert "can't be read" not in document["verification"]["reconciled"]


@pytest.mark.parametrize(
    ("arguments", "env", "rule"),
    [
        (("--no-databases",), {}, "--no-databases"),
        ((), {"CI": "true"}, "in CI"),
    ],
    ids=["--no-databases", "CI"],
)
def test_fix_leaves_configured_databases_alone(
    site: Site, arguments: tuple[str, ...], env: dict[str, str], rule: str
) -> None:
    site.git("reset", "-q", "--hard", "HEAD^1")
    site.manage("migrate", "-v0")
    site.git("merge", "-q", "--no-edit", "main")
    before = (site.root / "db.sqlite3").read_bytes()
    done = site.run("fix", "--yes", "--strategy", "renumber", *arguments, env=env)
    assert f"  - configured databases not touched ({rule}): " in done.stdout
    assert f"configured skipped: configured databases not touched ({rule}): " in done.stdout
    assert (site.root / "db.sqlite3").read_bytes() == before
    assert site.run("undo", env=env).returncode == 0
    assert (site.root / "db.sqlite3").read_bytes() == before


def test_fix_verified_with_a_database_left_alone(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIGMERGE_VERIFY_SECONDS", "60")
    done = site.run("fix", "--yes", "--strategy", "renumber", "--no-databases")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "verified")


def test_the_interpreter_beside_manage_py(site: Site) -> None:
    """uv, poetry and .venv may be there, too, and not at the top."""
    (site.root / "backend").mkdir()
    for name in ("manage.py", "site_settings.py", "shop", "cart"):
        site.git("mv", name, f"backend/{name}")
    python = site.root / "backend/.venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\ntouch "{site.root}/used"\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    site.write(".git/info/exclude", ".venv\nused\n")
    site.commit("backend")
    assert site.fix()["verification"]["django"] == "ok"
    assert (site.root / "used").exists()
    assert os.path.relpath(database(site)["name"], "backend") == "db.sqlite3"


def doctor(site: Site, **env: str) -> tuple[int, str]:
    done = site.run("doctor", env=env)
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_doctor_names_what_the_project_runs_on(site: Site) -> None:
    import django

    site.run("install", "--hooks", "none")
    _, out = doctor(site)
    version = ".".join(map(str, sys.version_info[:3]))
    assert (
        f"project .: {site.root}/manage.py, settings site_settings, Django {django.get_version()}, "
        f"Python {version} ({sys.executable})\n"
        "  database default (SQLite, db.sqlite3): reachable\n"
    ) in out
    (site.root / "db.sqlite3").unlink()
    assert "(SQLite, db.sqlite3): not there yet; migrate makes it\n" in doctor(site)[1]
    assert not (site.root / "db.sqlite3").exists()


def test_doctor_sees_settings_that_fail(site: Site) -> None:
    site.write("site_settings.py", "import no_such_package\n")
    code, out = doctor(site)
    assert code == 1
    why = "ModuleNotFoundError: No module named 'no_such_package'"
    assert f"project .: not run: {why}\n" in out
    assert f"project: the project in . does not run: {why}\n  next: python manage.py check\n" in out
    document = json.loads(site.run("doctor", "--format", "json").stdout)
    assert document["projects"] == [
        {"project": "", "error": why, "python": None, "executable": None, "django": None,
         "settings": None, "databases": []}
    ]  # fmt: skip


def test_doctor_sees_a_database_that_is_down(site: Site) -> None:
    there = '"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"'
    down = '"ENGINE": "django.db.backends.postgresql", "HOST": "127.0.0.1", "PORT": 1, "NAME": "x"'
    site.write("site_settings.py", SETTINGS.replace(there, down))
    code, out = doctor(site)
    assert code == 1
    assert (
        "database: database default (PostgreSQL, x at 127.0.0.1:1) can't be reached: Operat" in out
    )
    site.write("site_settings.py", SETTINGS.replace(there, down.replace("127.0.0.1", "192.0.2.1")))
    assert "x at 192.0.2.1:1): not on this machine, so not tried\n" in doctor(site)[1]
    document = json.loads(site.run("doctor", "--format", "json").stdout)
    (database,) = document["projects"][0]["databases"]
    assert database["reachable"] is None

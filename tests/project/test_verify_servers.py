"""Scratch databases on the server of the project's own settings, where SQLite can't hold them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

from tests.project.conftest import Site, need_server
from tests.project.matrix import SETTINGS
from tests.project.test_verify import STARTS, points, verify

pytestmark = [pytest.mark.once, pytest.mark.postgresql]

POSTGRESQL = {
    "ENGINE": "django.db.backends.postgresql",
    "NAME": "migmerge_is_never_connected_to",
    "USER": "postgres",
    "HOST": "127.0.0.1",
}
OWN = f"migmerge_own_{os.getpid()}"
MARIADB = {**POSTGRESQL, "ENGINE": "django.db.backends.mysql", "USER": "root"}
SKIPPED = "skipped: no SQLite database at "


@pytest.fixture(autouse=True)
def _server(postgresql: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIGMERGE_VERIFY_SECONDS", "120")


def only_there(site: Site, sql: str = "CREATE SEQUENCE s", **settings: object) -> None:
    """feature, merged, has SQL of the server that the settings name."""
    site.git("reset", "-q", "--hard", "HEAD^1")
    pymysql = SETTINGS.partition("USE_TZ = True\n")[2]
    default = {**POSTGRESQL, **settings}
    text = site.read("site_settings.py").decode()
    site.write("site_settings.py", f"{text}{pymysql}DATABASES = {{'default': {default!r}}}\n")
    path = "shop/migrations/0002_price.py"
    text = site.read(path).decode()
    only = f"migrations.RunSQL({sql!r}),\n        migrations.AddField("
    site.write(path, text.replace("migrations.AddField(", only, 1))
    site.commit("SQL of one engine")
    site.git("merge", "-q", "--no-edit", "main")


def fix(site: Site, code: int = 0) -> str:
    databases = site.fix("--strategy", "merge", code=code)["verification"]["databases"]
    assert isinstance(databases, str)
    return databases


def execute(statement: str, name: str = "postgres") -> list[tuple[str, ...]]:
    text = (
        "import json, psycopg, sys\n"
        f"with psycopg.connect(host='127.0.0.1', user='postgres', dbname={name!r}, "
        "autocommit=True) as c:\n"
        "    done = c.execute(sys.argv[1])\n"
        "    print(json.dumps(done.fetchall() if done.description else []))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", text, statement], capture_output=True, text=True, check=True
    )
    return [tuple(row) for row in json.loads(done.stdout)]


def test_fix_is_verified_on_the_server_of_the_settings(site: Site) -> None:
    only_there(site)
    where = "PostgreSQL at 127.0.0.1 (scratch databases)"
    assert fix(site) == f"ok: 6 starting points on {where}, by migrate alone"
    found = points(site)
    assert list(found) == STARTS
    assert {point["status"] for point in found.values()} == {"ok"}
    assert "  scratch databases on PostgreSQL at 127.0.0.1, as before the merge " in verify(site)


@pytest.mark.mariadb
def test_fix_is_verified_on_mariadb(site: Site) -> None:
    need_server("MariaDB", 3306)
    only_there(site, "ALTER TABLE shop_product ENGINE = InnoDB", **MARIADB)
    where = "MySQL or MariaDB at 127.0.0.1 (scratch databases)"
    assert fix(site) == f"ok: 6 starting points on {where}, by migrate alone"


def test_what_sqlite_can_hold_is_tried_there(site: Site) -> None:
    only_there(site, "UPDATE shop_product SET name = name")
    assert fix(site).startswith(
        "ok: 6 starting points on SQLite (scratch files, not your databases)"
    )


def test_what_breaks_new_databases_fails_there(site: Site) -> None:
    only_there(site)
    path = "shop/migrations/0002_stock.py"
    text = site.read(path).decode().replace("migrations.AddField(", "migrations.RunSQL('CREATE SEQUENCE s'),\n        migrations.AddField(", 1)  # fmt: skip
    site.write(path, text)
    site.commit("the same on the other side")
    reason = fix(site, code=1)
    assert reason.startswith('failed: fresh: ProgrammingError: relation "s" already exists'), reason


@pytest.mark.parametrize(
    ("settings", "environment", "reason"),
    [
        ({"HOST": "db.invalid"}, {}, "the server of database default is not on this machine"),
        ({}, {"PROTECTED_DATABASES": "default"}, "the server of database default is in protected_databases"),
        ({"PORT": "1"}, {}, "OperationalError: "),
        ({"TEST": {"TEMPLATE": "none"}}, {}, 'ProgrammingError: template database "none" does not exist'),
        ({"TEST": {"TEMPLATE": POSTGRESQL["NAME"]}}, {}, "the TEMPLATE of TEST is database default itself"),
        ({"USER": "migmerge_powerless"}, {}, "ProgrammingError: permission denied to create database"),
    ],
    ids=["elsewhere", "protected", "not there", "no rights", "no template", "itself"],
)  # fmt: skip
def test_servers_that_are_not_used(
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, object],
    environment: dict[str, str],
    reason: str,
) -> None:
    only_there(site, "CREATE SEQUENCE s", **settings)
    for key, value in environment.items():
        monkeypatch.setenv(f"MIGMERGE_{key}", value)
    role = settings.get("USER")
    if role:
        execute(f"DROP ROLE IF EXISTS {role}")
        execute(f"CREATE ROLE {role} LOGIN")
    try:
        databases = fix(site, code=1)
        text = verify(site, code=1)
    finally:
        if role:
            execute(f"DROP ROLE {role}")
    assert databases.startswith(SKIPPED), databases
    assert f", nor on the server of the settings ({reason}" in databases
    assert databases.endswith("; run migmerge verify shop --database URL")
    assert f"  not on the server of the settings: {reason}" in text


def test_sqlite_alone_where_that_is_configured(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    only_there(site)
    monkeypatch.setenv("MIGMERGE_VERIFY_DATABASE", "sqlite")
    databases = fix(site, code=1)
    assert databases.startswith(SKIPPED)
    assert "settings" not in databases


def test_a_project_without_a_database(site: Site) -> None:
    only_there(site, ENGINE="django.db.backends.dummy")
    databases = fix(site, code=1)
    assert databases.startswith(SKIPPED)
    assert "settings" not in databases


def test_a_server_that_is_configured(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIGMERGE_VERIFY_DATABASE", "postgres://postgres@127.0.0.1")
    where = "PostgreSQL at 127.0.0.1 (scratch databases)"
    assert fix(site) == f"ok: 6 starting points on {where}, by migrate alone"


@pytest.mark.parametrize(
    "options", [{"dbname": OWN}, {"conninfo": f"dbname={OWN}"}], ids=["dbname", "conninfo"]
)
def test_a_database_that_the_options_name_is_not_connected_to(
    site: Site, options: dict[str, str]
) -> None:
    """The driver's options win over NAME."""
    execute(f"DROP DATABASE IF EXISTS {OWN}")
    execute(f"CREATE DATABASE {OWN}")
    try:
        only_there(site, NAME=OWN, OPTIONS=options)
        fix(site)
        url = f"postgres://postgres@127.0.0.1?dbname={OWN}"
        assert "verified\n" in verify(site, "--database", url)
        tables = "SELECT relname FROM pg_class WHERE relname LIKE 'shop%' OR relname LIKE 'django%'"
        assert execute(tables, OWN) == []
    finally:
        execute(f"DROP DATABASE {OWN}")


@pytest.mark.parametrize("url", ["postgres://127.0.0.1/mine", "sqlite:///x", "oracle://h", "no"])
def test_a_wrong_server_is_told_before_anything_is_written(
    site: Site, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("MIGMERGE_VERIFY_DATABASE", url)
    before = site.state()
    done = site.run("fix", "--yes", "--strategy", "merge")
    assert done.returncode == 2
    assert done.stderr.startswith("migmerge: MM323 ")
    assert site.state() == before


def test_databases_of_a_killed_process_are_dropped_a_day_later(site: Site) -> None:
    ends = "0123456789ab"
    day = 24 * 3600
    names = {
        f"migmerge_{int(time.time()) - day - 60}_{ends}": False,
        f"migmerge_{int(time.time()) - day + 600}_{ends}": True,  # somebody may be at work there
        f"migmerge_1000000000_{ends}_mine": True,
        "migmerge_1000000000": True,
    }
    only_there(site)
    there = "SELECT datname FROM pg_database WHERE datname = '{}'"
    try:
        for name in names:
            execute(f"DROP DATABASE IF EXISTS {name}")
            execute(f"CREATE DATABASE {name}")
        fix(site)
        assert {name: bool(execute(there.format(name))) for name in names} == names
    finally:
        for name in names:
            execute(f"DROP DATABASE IF EXISTS {name}")


def test_nothing_is_left_on_the_server(site: Site) -> None:
    execute("DROP ROLE IF EXISTS migmerge_tidy")
    execute("CREATE ROLE migmerge_tidy LOGIN CREATEDB")
    try:
        only_there(site, USER="migmerge_tidy")
        assert fix(site).startswith("ok: 6 starting points on PostgreSQL")
        owned = "SELECT datname FROM pg_database WHERE datdba = 'migmerge_tidy'::regrole"
        assert execute(owned) == []
    finally:
        execute("DROP ROLE migmerge_tidy")

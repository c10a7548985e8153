"""Which configured databases are connected to, and which are changed."""

from __future__ import annotations

import shutil
import socket
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project.conftest import Copy, Site
from tests.project.test_databases import (
    build_migrated,
    shop_rows,
    sql,
)

pytestmark = pytest.mark.once

NAMED = '"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}'
# libpq connects to hostaddr; the host's name is not this machine's
REMOTE = (
    '"prod": {{"ENGINE": "django.db.backends.postgresql", "NAME": "shop", "USER": "postgres", '
    '"HOST": "db.example.com", "PORT": {port}, "OPTIONS": {{"hostaddr": "127.0.0.1"}}}}'
)
FIX = ("fix", "--yes", "--strategy", "renumber")


@pytest.fixture
def migrated(copy_of: Copy) -> Site:
    return copy_of(build_migrated)


@pytest.fixture
def production() -> Iterator[tuple[int, list[object]]]:
    """A port in place of production's server, which hangs up, and who connected to it."""
    connected: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        done = threading.Event()

        def accept() -> None:
            while not done.is_set():
                try:
                    client, address = server.accept()
                except TimeoutError:
                    continue
                connected.append(address)
                client.close()

        thread = threading.Thread(target=accept)
        thread.start()
        yield server.getsockname()[1], connected
        done.set()
        thread.join()


def add_database(site: Site, settings: str) -> None:
    path = site.root / "site_settings.py"
    path.write_text(path.read_text().replace(NAMED, f"{NAMED}, {settings}"))
    site.git("add", "site_settings.py")
    site.git("commit", "-q", "-m", "another database")


ASKING = [FIX, ("undo",), ("db", "reconcile", "--yes")]
OTHERS = [("db", "status"), ("doctor",), ("verify",),
    ("check",), ("check", "--against", "main"), ("graph",), ("forecast",),
    ("db", "status", "--schema"), (*FIX, "--dry-run"), ("fix", "--yes", "--strategy", "merge"),
    ("undo", "--yes"), ("merge", "main"), ("rebase", "main"), ("install",), ("uninstall",),
    ("reset", "shop"), ("reset", "shop", "--database", "default"),
]  # fmt: skip


@pytest.mark.parametrize(
    "command",
    [*ASKING, *(pytest.param(command, marks=pytest.mark.corpus) for command in OTHERS)],
    ids=lambda command: " ".join(command),
)
def test_nothing_connects_to_production_that_nobody_named(
    migrated: Site, production: tuple[int, list[object]], command: tuple[str, ...]
) -> None:
    port, connected = production
    add_database(migrated, REMOTE.format(port=port))
    if command[0] == "undo":
        assert migrated.run(*FIX).returncode in (0, 1)
    if command[0] in ("merge", "rebase"):
        migrated.git("reset", "-q", "--hard", "HEAD~2")
        migrated.git("merge", "-q", "--no-edit", "main", "-X", "ours")
        migrated.git("reset", "-q", "--hard", "HEAD^1")
    done = migrated.run(*command)
    assert done.returncode in (0, 1), done.stderr
    assert connected == []


@pytest.mark.parametrize(
    "command",
    [
        ("db", "status", "--database", "prod"),
        ("db", "reconcile", "--yes", "--database", "prod"),
        (*FIX, "--database", "prod"),
    ],
    ids=" ".join,
)
def test_a_named_database_is_connected_to(
    migrated: Site, production: tuple[int, list[object]], command: tuple[str, ...]
) -> None:
    port, connected = production
    add_database(migrated, REMOTE.format(port=port))
    assert migrated.run(*command).returncode == 1
    assert connected != []


@pytest.mark.corpus
def test_fix_names_what_it_leaves_alone(
    migrated: Site, production: tuple[int, list[object]]
) -> None:
    port, _ = production
    add_database(migrated, REMOTE.format(port=port))
    done = migrated.run(*FIX)
    where = f"database prod (PostgreSQL, shop at db.example.com,127.0.0.1:{port})"
    assert f"{where} not touched (not on this machine)" in done.stdout
    assert_reconciled_here(migrated)
    told = migrated.run("db", "status")
    assert told.returncode == 1
    assert "not looked at (not on this machine)\n  name it" in told.stdout


def assert_reconciled_here(site: Site) -> None:
    assert "0003_price" in shop_rows(site)
    assert sql(site, "SELECT name, price, stock FROM shop_product") == [("a", 777, 0)]


@pytest.mark.parametrize("protected", ["default", pytest.param("def*", marks=pytest.mark.corpus)])
def test_a_protected_database_is_left_alone(migrated: Site, protected: str) -> None:
    migrated.write("pyproject.toml", f'[tool.migmerge]\nprotected_databases = ["{protected}"]\n')
    migrated.commit("protect")
    before = sql(migrated, "SELECT * FROM django_migrations")
    told = migrated.run(*FIX).stdout
    assert "not touched (in protected_databases)" in told
    assert sql(migrated, "SELECT * FROM django_migrations") == before
    for quiet in (("db", "reconcile", "--yes"), ("undo",)):
        migrated.run(*quiet)
        assert sql(migrated, "SELECT * FROM django_migrations") == before
    migrated.run(*FIX)
    for command in (
        ("db", "reconcile", "--yes", "--database", "default"),
        ("undo", "--database", "default"),
        ("reset", "shop", "--apply", "--database", "default"),
    ):
        done = migrated.run(*command)
        assert done.returncode == 2, (command, done.stdout)
        assert "database default is protected" in done.stderr
    assert sql(migrated, "SELECT * FROM django_migrations") == before
    assert migrated.run("db", "status", "--database", "default").returncode == 1


@pytest.mark.corpus
def test_a_file_outside_of_the_project_is_not_touched(migrated: Site, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.sqlite3"
    (migrated.root / "db.sqlite3").rename(elsewhere)
    (migrated.root / "db.sqlite3").symlink_to(elsewhere)
    before = elsewhere.read_bytes()
    told = migrated.run(*FIX).stdout
    assert "not touched (outside of the project)" in told
    assert elsewhere.read_bytes() == before
    migrated.run("undo")
    migrated.run(*FIX, "--database", "default")
    assert "0003_price" in shop_rows(migrated)


def test_fix_where_an_alias_is_a_read_only_replica(migrated: Site) -> None:
    """Only what can be written is renamed; the replica follows it."""
    copy = '"replica": {"ENGINE": "django.db.backends.sqlite3", "NAME": "file:db.sqlite3?mode=ro", "OPTIONS": {"uri": True}}'
    add_database(migrated, copy)
    document = migrated.fix("--strategy", "renumber")
    assert document["verification"]["reconciled"].startswith(
        "skipped: database default (SQLite, db.sqlite3): shop.0002_price is 0003_price now"
    )
    assert "database replica" in document["verification"]["reconciled"]
    assert_reconciled_here(migrated)


@pytest.mark.corpus
def test_fix_where_two_aliases_are_one_database(migrated: Site) -> None:
    add_database(migrated, NAMED.replace('"default"', '"same"'))
    migrated.fix("--strategy", "renumber")
    assert_reconciled_here(migrated)
    assert migrated.run("undo").returncode == 0
    assert sorted(shop_rows(migrated)) == ["0001_initial", "0002_price", "0002_stock"]


def test_fix_runs_only_what_the_renamed_migrations_depend_on(migrated: Site) -> None:
    cart = "cart/migrations/0001_initial.py"
    text = migrated.read("shop/migrations/0001_initial.py").decode().replace("Product", "Basket")
    migrated.write(cart, text)
    models = migrated.read("shop/models.py").decode().partition("    name")[0]
    migrated.write(
        "cart/models.py",
        models.replace("Product", "Basket") + "    name = models.CharField(max_length=20)\n",
    )
    migrated.commit("basket")
    document = migrated.fix("--strategy", "renumber")
    told = document["verification"]["reconciled"]
    assert "ran shop.0002_stock" in told
    assert "cart" not in told
    assert "1 more to run: manage.py migrate" in told
    assert "cart.0001_initial" in "".join(migrated.manage("migrate", "--plan").split("\n"))


def test_db_status_sees_the_schemas_of_tenants(
    migrated: Site, postgresql: None, tmp_path: Path
) -> None:
    name = f"migmerge_{uuid.uuid4().hex}"
    own = (
        f'"tenants": {{"ENGINE": "django.db.backends.postgresql", "NAME": "{name}", '
        '"HOST": "127.0.0.1", "USER": "postgres"}'
    )
    import psycopg

    server = "host=127.0.0.1 user=postgres dbname=postgres"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            add_database(migrated, own)
            migrated.fix("--strategy", "renumber", "--no-databases")
            migrated.manage("migrate", "-v0", "--database", "tenants")
            with psycopg.connect(
                server.replace("=postgres", f"={name}", 2).replace(f"user={name}", "user=postgres"),
                autocommit=True,
            ) as tenants:
                tenants.execute("CREATE SCHEMA acme")
                tenants.execute(
                    "CREATE TABLE acme.django_migrations (LIKE public.django_migrations)"
                )
                tenants.execute(
                    "INSERT INTO acme.django_migrations SELECT id, app, "
                    "replace(name, '0003_price', '0002_price'), applied FROM public.django_migrations"
                )
            done = migrated.run("db", "status", "--database", "tenants")
            shutil.copytree(
                migrated.root, tmp_path / "container", ignore=shutil.ignore_patterns(".git")
            )
            alone = Site(tmp_path / "container").run(
                "db", "status", "--database", "tenants",
                env={"GIT_CEILING_DIRECTORIES": str(tmp_path)},
            )  # fmt: skip
        finally:
            connection.execute(f"DROP DATABASE {name}")
    # without git nothing can be said of rows in a schema whose columns are not looked at
    assert (alone.returncode, "tenant" in alone.stdout.partition(":")[2]) == (0, False), alone
    assert done.returncode == 1, done.stdout + done.stderr
    assert "  tenant    in schema acme shop.0002_price is 0003_price now\n" in done.stdout
    assert "python manage.py migrate_schemas" in done.stdout

"""Several Django projects in one repository: each app, row and database is its own project's."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import thinned
from tests.project.conftest import MANAGE, Copy, Site

pytestmark = pytest.mark.once

SETTINGS = """\
import pathlib
SECRET_KEY = "x"
INSTALLED_APPS = [{apps}]
NAME = str(pathlib.Path(__file__).parent / "db.sqlite3")
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": NAME}}}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
"""
MODELS = "from django.db import models\n\n\nclass User(models.Model):\n    name = models.CharField(max_length=20)\n"
PLACES = ("services/billing", "services/orders")


def project(site: Site, place: str, *apps: str) -> Site:
    """A project with these apps in a directory of the repository; `manage` runs there."""
    site.write(f"{place}/manage.py", MANAGE)
    names = ", ".join(f'"{app}"' for app in apps)
    site.write(f"{place}/site_settings.py", SETTINGS.format(apps=names))
    for app in apps:
        site.write(f"{place}/{app}/__init__.py", "")
        site.write(f"{place}/{app}/migrations/__init__.py", "")
        site.write(f"{place}/{app}/models.py", MODELS)
    made = Site(site.root / place)
    made.manage("makemigrations", "-v0", *apps)
    return made


def add_field(made: Site, app: str, name: str, top: bool) -> None:
    text = (made.root / app / "models.py").read_text()
    line = f"    {name} = models.IntegerField(default=1)\n"
    anchor = "    name ="
    made.write(f"{app}/models.py", text.replace(anchor, line + anchor) if top else text + line)
    made.manage("makemigrations", app, "-v0", "-n", name)


def build_two(root: Path) -> None:
    """Two projects, each with an app `users` and a database that ran feature's migration; both
    branches added one to each."""
    site = Site(root)
    site.git("init", "-q")
    site.write(".gitignore", "__pycache__/\n*.sqlite3\n")
    projects = [project(site, place, "users") for place in PLACES]
    site.commit("base")
    site.git("checkout", "-q", "-b", "feature")
    for number, made in enumerate(projects):
        add_field(made, "users", "mine", top=False)
        made.manage("migrate", "-v0")
        execute(made, f"insert into users_user (name, mine) values ('u', {70 + number})")
    site.commit("mine")
    site.git("checkout", "-q", "main")
    for made in projects:
        add_field(made, "users", "theirs", top=True)
    site.commit("theirs")
    site.publish()
    site.git("checkout", "-q", "feature")
    site.git("merge", "-q", "--no-edit", "main")


def execute(made: Site, statement: str) -> list[tuple]:
    with closing(sqlite3.connect(made.root / "db.sqlite3")) as connection, connection:
        return connection.execute(statement).fetchall()


@pytest.fixture
def two(copy_of: Copy) -> Site:
    site = copy_of(build_two)
    # the copies are elsewhere: their settings name the database beside them
    return site


def values(two: Site) -> list[list[tuple]]:
    return [execute(Site(two.root / place), "select mine from users_user") for place in PLACES]


def names(two: Site, place: str) -> list[str]:
    rows = execute(Site(two.root / place), "select name from django_migrations where app = 'users'")
    return sorted(name for (name,) in rows)


def test_fix_at_the_top_means_each_project(two: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIGMERGE_VERIFY_SECONDS", "60")
    done = two.run("fix", "--yes", "--strategy", "renumber")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "services/billing/users/migrations: fixed (renumber)"
    assert "Django    ok: services/billing; services/orders" in lines
    (databases,) = [line for line in lines if line.startswith("databases")]
    assert databases.count("6 starting points") == 2
    (configured,) = [line for line in lines if line.startswith("configured ok")]
    for place in PLACES:
        assert f"{place}/db.sqlite3): users.0002_mine is 0003_mine now" in configured
    assert lines[-1] == "verified"
    for place in PLACES:
        assert names(two, place) == ["0001_initial", "0002_theirs", "0003_mine"]
        assert "No migrations to apply" in Site(two.root / place).manage("migrate")
    assert values(two) == [[(70,)], [(71,)]]


def test_fix_json_tells_the_apps_apart(two: Site) -> None:
    document = two.fix("--strategy", "renumber")
    keys = [(r["app"], r["key"]) for r in document["resolutions"]]
    assert keys == [("users", f"{place}/users/migrations") for place in PLACES]
    for resolution, place in zip(document["resolutions"], PLACES, strict=True):
        (reason,) = resolution["reasons"]
        assert f"{place}/db.sqlite3" in reason


def test_fix_in_a_directory_means_its_project(two: Site) -> None:
    before = names(two, PLACES[0])
    done = two.run("-C", PLACES[1], "fix", "--yes", "--strategy", "renumber")
    assert done.stdout.startswith("services/orders/users/migrations: fixed (renumber)\n")
    assert "billing" not in done.stdout
    assert done.stderr == (
        "migmerge: renaming rows in database default (SQLite, services/orders/db.sqlite3)\n"
        f"note: there are more in others: migmerge -C {two.root} check\n"
    )
    assert names(two, PLACES[0]) == before
    assert names(two, PLACES[1]) == ["0001_initial", "0002_theirs", "0003_mine"]
    paths = {conflict["directory"] for conflict in two.check()["conflicts"]}
    assert paths == {"services/billing/users/migrations"}


def test_fix_of_a_label_means_the_app_of_this_project(two: Site) -> None:
    done = two.run("fix", "users", "--yes")
    assert done.returncode == 2 and "MM312" in done.stderr and "name the directory" in done.stderr
    inside = two.root / "services/orders/users"
    done = two.run("fix", "users", "--yes", "--strategy", "renumber", cwd=inside)
    assert done.stdout.startswith("services/orders/users/migrations: fixed (renumber)\n")


def test_check_in_a_directory_tells_its_own_conflicts(two: Site) -> None:
    done = two.run("check", cwd=two.root / PLACES[0])
    assert done.returncode == 1
    assert done.stdout.startswith("services/billing/users/migrations: MM101")
    assert "orders" not in done.stdout
    assert done.stderr.endswith("note: 1 more elsewhere: migmerge check\n")


def test_undo_renames_the_rows_of_each_project(two: Site) -> None:
    before = [names(two, place) for place in PLACES]
    two.fix("--strategy", "renumber")
    done = two.run("undo")
    assert done.returncode == 0
    for place in PLACES:
        assert f"{place}/db.sqlite3): renames users.0003_mine to 0002_mine" in done.stdout
    assert [sorted({*names(two, p)} - {"0002_theirs"}) for p in PLACES] == before


@pytest.fixture
def renumbered(two: Site) -> Site:
    """Fixed, but for the databases."""
    assert two.run("fix", "--yes", "--strategy", "renumber", "--no-databases").returncode == 0
    two.commit("renumbered")
    return two


def test_db_status_at_the_top_names_each_project(renumbered: Site) -> None:
    done = renumbered.run("db", "status")
    assert done.returncode == 1
    heads = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert heads == [
        f"{place}: default (SQLite, {place}/db.sqlite3): 2 applied, 2 not" for place in PLACES
    ]
    databases = json.loads(renumbered.run("db", "status", "--format", "json").stdout)["databases"]
    assert [database["project"] for database in databases] == list(PLACES)


@pytest.mark.parametrize("inside", thinned(["users", "", "users/migrations"]))
def test_db_reconcile_in_a_directory_changes_its_own_database(
    renumbered: Site, inside: str
) -> None:
    before = names(renumbered, PLACES[0])
    done = renumbered.run("db", "reconcile", "--yes", cwd=renumbered.root / PLACES[1] / inside)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "billing" not in done.stdout
    assert names(renumbered, PLACES[0]) == before
    assert names(renumbered, PLACES[1]) == ["0001_initial", "0002_theirs", "0003_mine"]
    done = renumbered.run("db", "reconcile", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert values(renumbered) == [[(70,)], [(71,)]]


def test_verify_names_each_project(renumbered: Site) -> None:
    done = renumbered.run("verify")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line for line in done.stdout.splitlines() if "Django" in line] == [
        f"{place}: users: Django ok" for place in PLACES
    ]
    done = renumbered.run("-C", PLACES[0], "verify")
    assert "orders" not in done.stdout and done.returncode == 0


def test_merge_fixes_all_projects_from_a_directory(two: Site) -> None:
    two.git("reset", "-q", "--hard", "HEAD^1")
    done = two.run("merge", "main", cwd=two.root / PLACES[0])
    assert done.returncode == 0, done.stdout + done.stderr
    assert two.check()["conflicts"] == []


def test_a_label_of_another_project_is_not_meant(two: Site) -> None:
    """orders installs a package `catalog`; billing has an app of that label."""
    made = project(two, "services/billing", "catalog", "users2")
    made.manage("makemigrations", "-v0")
    path = "services/orders/users/migrations/0003_catalog.py"
    text = "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n"
    dependencies = (
        '[("users", "0002_mine"), ("users", "0002_theirs"), ("catalog", "0007_of_the_package")]'
    )
    two.write(path, f"{text}    dependencies = {dependencies}\n")
    kinds = {c["kind"] for c in two.check("services/orders")["conflicts"]}
    assert kinds == set()


def test_a_project_inside_another_may_mean_its_apps(two: Site) -> None:
    """An example project depends on the app that the repository is about."""
    made = project(two, "services/orders/example", "blog")
    path = "services/orders/example/blog/migrations/0002_x.py"
    text = "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n"
    two.write(
        path, f'{text}    dependencies = [("blog", "0001_initial"), ("users", "0009_gone")]\n'
    )
    assert made.root.is_dir()
    kinds = {c["kind"] for c in two.check("services/orders/example")["conflicts"]}
    assert kinds == {"missing-dependency"}


def test_an_app_outside_of_all_projects_is_each_ones(repo_with_shared: Site) -> None:
    document = repo_with_shared.fix("--strategy", "merge")
    assert document["verification"]["django"] == "ok: services/billing; services/orders"


@pytest.fixture
def repo_with_shared(two: Site) -> Site:
    """libs/shared is installed by both projects; both branches have a migration of it."""
    two.fix("--strategy", "renumber")
    two.commit("fixed")
    for place in PLACES:
        path = f"{place}/site_settings.py"
        text = two.read(path).decode().replace('"users"', '"users", "shared"')
        two.write(path, f"import sys\nsys.path.insert(0, '{two.root}/libs')\n{text}")
    two.write("libs/shared/__init__.py", "")
    two.write("libs/shared/migrations/__init__.py", "")
    two.write("libs/shared/models.py", MODELS)
    made = Site(two.root / PLACES[0])
    made.manage("makemigrations", "shared", "-v0")
    model = (
        MODELS + "    a = models.IntegerField(default=1)\n    b = models.IntegerField(default=1)\n"
    )
    two.write("libs/shared/models.py", model)
    for name in ("a", "b"):
        two.write(
            f"libs/shared/migrations/0002_{name}.py",
            "from django.db import migrations, models\n\n\nclass Migration(migrations.Migration):\n"
            '    dependencies = [("shared", "0001_initial")]\n    operations = [\n'
            f'        migrations.AddField("user", "{name}", models.IntegerField(default=1)),\n    ]\n',
        )
    two.commit("shared")
    return two


def test_doctor_names_each_project(two: Site) -> None:
    out = two.run("doctor").stdout
    for place in PLACES:
        assert f"project {place}: {two.root}/{place}/manage.py, settings site_settings, " in out
        assert f"  database default (SQLite, {place}/db.sqlite3): reachable\n" in out
    assert "project services/orders" not in two.run("-C", PLACES[0], "doctor").stdout


def test_db_status_says_which_project_it_can_not_run(renumbered: Site) -> None:
    renumbered.run("db", "reconcile", "--yes")
    assert renumbered.run("db", "status").returncode == 0
    renumbered.write(f"{PLACES[0]}/manage.py", "raise SystemExit('set SECRET first')\n")
    done = renumbered.run("db", "status")
    assert done.returncode == 2 and "set SECRET first" in done.stderr


def test_verify_in_a_directory_is_not_stopped_by_another_project(two: Site) -> None:
    two.run("-C", PLACES[0], "fix", "--yes", "--strategy", "renumber")
    two.commit("fixed in billing")
    assert two.run("-C", PLACES[0], "verify").returncode == 0
    assert "conflicts in the way" in two.run("-C", PLACES[1], "verify").stdout

"""After a fix, Django's own loader, writer and databases are asked."""

from __future__ import annotations

import json
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path

import pytest

from migmerge.migrations.merge_migration import merge_source
from migmerge.migrations.naming import merge_name, merge_suffix
from tests.conftest import some
from tests.project.conftest import SETTINGS, Site

LOADER = """\
import json
from django.db.migrations.loader import MigrationLoader
loader = MigrationLoader(None)
print(json.dumps({"nodes": sorted(k[1] for k in loader.disk_migrations if k[0] == "shop"),
                  "leaves": [k[1] for k in loader.graph.leaf_nodes("shop")],
                  "conflicts": loader.detect_conflicts()}))
"""


@pytest.fixture(autouse=True)
def with_databases(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is made again is tried on databases, too."""
    if "regenerate" in request.node.name:
        monkeypatch.setenv("MIGMERGE_VERIFY_SECONDS", "60")


def django_sees(site: Site) -> dict:
    return json.loads(site.manage("shell", "-v0", "-c", LOADER).splitlines()[-1])


@pytest.mark.parametrize("strategy", ["merge", "renumber"])
def test_fix_is_what_django_wants(site: Site, strategy: str) -> None:
    assert django_sees(site)["conflicts"] == {"shop": ["0002_price", "0002_stock"]}
    document = site.fix("--strategy", strategy)
    assert document["verification"]["django"] == "ok"
    seen = django_sees(site)
    assert seen["conflicts"] == {}
    assert len(seen["leaves"]) == 1
    names = [p.stem for p in (site.root / "shop/migrations").glob("0*.py")]
    assert seen["nodes"] == sorted(names)
    site.manage("makemigrations", "--check", "--dry-run")


APPLY = """\
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
for name in {names!r}:
    executor = MigrationExecutor(connection)
    executor.migrate([("shop", name)])
"""
STARTS = {
    "fresh": [],
    "ancestor": ["0001_initial"],
    "onto": ["0002_stock"],
    "replayed": ["0002_price"],
    "both": ["0002_stock", "0002_price"],
    "both, the other way": ["0002_price", "0002_stock"],
}


def rows(site: Site) -> list[dict[str, object]]:
    with closing(sqlite3.connect(site.root / "db.sqlite3")) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM shop_product")]


@pytest.mark.parametrize("applied", STARTS.values(), ids=STARTS)
def test_fix_merge_is_right_for_every_database_by_a_plain_migrate(
    site: Site, applied: list[str]
) -> None:
    """From wherever a database stands: one schema, and the rows as they were."""
    known = {"id": 1, "name": "row"}
    known |= {name[5:]: 7 for name in applied if name != "0001_initial"}
    if applied:
        site.manage("shell", "-v0", "-c", APPLY.format(names=applied))
        with closing(sqlite3.connect(site.root / "db.sqlite3")) as connection:
            marks = ", ".join("?" * len(known))
            names = ", ".join(known)
            connection.execute(
                f"INSERT INTO shop_product ({names}) VALUES ({marks})", list(known.values())
            )
            connection.commit()
    site.fix("--strategy", "merge")
    site.manage("migrate", "-v0")
    with closing(sqlite3.connect(site.root / "db.sqlite3")) as connection:
        columns = sorted(row[1] for row in connection.execute("PRAGMA table_info(shop_product)"))
    assert columns == ["id", "name", "price", "stock"]
    assert rows(site) == ([{"price": 0, "stock": 0, **known}] if applied else [])


@pytest.fixture
def disputed(site: Site) -> Site:
    """Both sides altered one field and the model's options; models.py has a third answer."""
    site.git("reset", "-q", "--hard", "main")
    plain = site.read("shop/models.py").decode()
    for branch, width, meta in (
        ("one", 30, "ordering = ['name']"),
        ("two", 40, "verbose_name = 'x'"),
    ):
        site.git("checkout", "-q", "-B", branch, "main")
        text = plain.replace("max_length=20", f"max_length={width}")
        site.write("shop/models.py", f"{text}\n    class Meta:\n        {meta}\n")
        site.make(branch)
        site.commit(branch)
    site.publish("one")
    site.git("merge", "-q", "one", fails=True)
    text = plain.replace("max_length=20", "max_length=35")
    meta = "ordering = ['name']\n        verbose_name = 'x'"
    site.write("shop/models.py", f"{text}\n    class Meta:\n        {meta}\n")
    site.git("add", "-A")
    return site


BOTH = ["0003_one", "0003_two"]
MET = {
    "fresh": [],
    "ancestor": ["0002_stock"],
    "onto": BOTH[:1],
    "replayed": BOTH[1:],
    "both": BOTH,
    "both, the other way": BOTH[::-1],
}
# the third answer of models.py, or one of the sides'
WIDTHS = {"35": 35, "ours": 40, "0003_one": 30}
EVERY = [(start, final) for start in MET for final in WIDTHS]
HARDEST = ("both", "0003_one")  # an empty merge never heals it
# all of them take a minute on each kind of database
WAYS = pytest.mark.parametrize(
    ("start", "final"),
    [
        HARDEST,
        *(pytest.param(*way, marks=pytest.mark.corpus) for way in some(EVERY) if way != HARDEST),
    ],
)


def settle(site: Site, start: str, final: str) -> None:
    """The merge migration of what both sides set, migrated from where a database stands."""
    command = "migmerge fix shop --strategy merge"
    assert site.fix(code=1)["resolutions"][0]["next"] == [command]
    apply_as_branches_do(site, MET[start])
    taking = ["--skip-verification"] if final == "35" else ["--skip-verification", "--take", final]
    document = site.fix("--strategy", "merge", *taking)
    (path,) = document["resolutions"][0]["created"]
    assert f"max_length={WIDTHS[final]})" in site.read(path).decode()
    site.manage("migrate", "-v0")


def apply_as_branches_do(site: Site, applied: list[str]) -> None:
    """Each side's migration while the other side's file isn't there, as on its own branch."""
    own = {name: site.root / f"shop/migrations/{name}.py" for name in ("0003_one", "0003_two")}
    for name in applied:
        aside = [path for other, path in own.items() if other != name]
        for path in aside:
            path.rename(path.with_suffix(".aside"))
        site.manage("migrate", "-v0", "shop", name)
        for path in aside:
            path.with_suffix(".aside").rename(path)


@WAYS
def test_fix_merge_sets_what_both_sides_set(disputed: Site, start: str, final: str) -> None:
    """One definition holds in every database."""
    settle(disputed, start, final)
    with closing(sqlite3.connect(disputed.root / "db.sqlite3")) as connection:
        types = {row[1]: row[2] for row in connection.execute("PRAGMA table_info(shop_product)")}
    assert types["name"] == f"varchar({WIDTHS[final]})"


WIDTH = (
    "SELECT character_maximum_length FROM information_schema.columns "
    "WHERE table_name = 'shop_product' AND column_name = 'name' AND table_schema = {schema}"
)


@WAYS
@pytest.mark.postgresql
@pytest.mark.usefixtures("postgresql")
def test_fix_merge_sets_what_both_sides_set_on_postgresql(
    disputed: Site, start: str, final: str
) -> None:
    import psycopg

    name = f"migmerge_{uuid.uuid4().hex[:12]}"
    server = "host=127.0.0.1 user=postgres"
    use_server(disputed, "postgresql", name, "postgres")
    with psycopg.connect(f"{server} dbname=postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        try:
            settle(disputed, start, final)
            with psycopg.connect(f"{server} dbname={name}") as connection:
                found = connection.execute(WIDTH.format(schema="'public'")).fetchall()
        finally:
            admin.execute(f"DROP DATABASE {name}")
    assert found == [(WIDTHS[final],)]


@WAYS
@pytest.mark.mariadb
@pytest.mark.usefixtures("mariadb")
def test_fix_merge_sets_what_both_sides_set_on_mariadb(
    disputed: Site, start: str, final: str
) -> None:
    import pymysql

    name = f"migmerge_{uuid.uuid4().hex[:12]}"
    use_server(disputed, "mysql", name, "root")
    with (
        closing(pymysql.connect(host="127.0.0.1", user="root", autocommit=True)) as admin,
        admin.cursor() as cursor,
    ):
        cursor.execute(f"CREATE DATABASE {name}")
        try:
            settle(disputed, start, final)
            cursor.execute(WIDTH.format(schema=f"'{name}'"))
            found = cursor.fetchall()
        finally:
            cursor.execute(f"DROP DATABASE {name}")
    assert found == ((WIDTHS[final],),)


def use_server(site: Site, engine: str, name: str, user: str) -> None:
    text = SETTINGS.replace("sqlite3", engine, 1).replace("db.sqlite3", name)
    text += f"DATABASES['default'] |= {{'HOST': '127.0.0.1', 'USER': {user!r}}}\n"
    if engine == "mysql":
        # Django asks for mysqlclient, which needs a compiler; this one speaks for it
        text += "import pymysql\npymysql.version_info = (2, 2, 8, 'final', 0)\n"
        text += "pymysql.install_as_MySQLdb()\n"
    site.write("site_settings.py", text)
    site.git("add", "-A")


def test_fix_merge_of_what_both_sides_set_reads_the_models(disputed: Site) -> None:
    document = disputed.fix("--strategy", "merge")
    assert document["verification"]["django"] == "ok"
    (path,) = document["resolutions"][0]["created"]
    text = disputed.read(path).decode()
    assert "options={'ordering': ['name'], 'verbose_name': 'x'}," in text
    assert text.count("max_length=35") == 2
    assert text.count("# a database that ran both sides before they met may have this") == 2


def test_fix_take_that_the_models_contradict_is_put_back(disputed: Site) -> None:
    (resolution,) = disputed.fix("--take", "theirs", code=1)["resolutions"]
    assert "makemigrations --check finds changes" in resolution["reasons"][0]


def test_fix_merge_where_the_models_add_an_index_is_refused(disputed: Site) -> None:
    text = disputed.read("shop/models.py").decode()
    disputed.write("shop/models.py", text.replace("max_length=35", "max_length=35, unique=True"))
    disputed.git("add", "-A")
    (resolution,) = disputed.fix("--strategy", "merge", code=1)["resolutions"]
    assert resolution["reasons"][0].endswith(
        "ValueError: shop.product.name has another index, constraint or column"
    )


@pytest.mark.parametrize("resolved", [True, False])
def test_fix_merge_of_what_both_set_needs_models_that_load(disputed: Site, resolved: bool) -> None:
    if resolved:
        disputed.write("shop/models.py", "<<<<<<< ours\n")
        disputed.git("add", "-A")
    else:
        disputed.git("checkout", "-q", "--merge", "shop/models.py")
    (resolution,) = disputed.fix("--strategy", "merge", code=1)["resolutions"]
    assert resolution["status"] == "refused"
    reason, first = resolution["reasons"]
    assert reason.startswith("what both sides set is read from the project's models: SyntaxError: ")
    assert first == (
        "fix that first" if resolved else "resolve shop/models.py and git add that first"
    )


STATE = """

class AddField(migrations.AddField):
    def state_forwards(self, label, state):
        super().state_forwards(label, state)
        product = state.models[label, "product"]
        if self.name == "price":
            product.options["seen"] = "stock" in product.fields


migrations.AddField = AddField
"""
TABLE = """

class AddField(migrations.AddField):
    def database_forwards(self, label, editor, before, after):
        super().database_forwards(label, editor, before, after)
        if self.name == "price" and "stock" in before.models[label, "product"].fields:
            editor.execute("CREATE TABLE late (id integer)")


migrations.AddField = AddField
"""


@pytest.mark.parametrize(
    ("patch", "differs"),
    [(STATE, "they differ in shop.product"), (TABLE, "the tables differ in late")],
)
@pytest.mark.parametrize("strategy", ["merge", "renumber"])
def test_fix_asks_django_for_a_second_opinion(
    site: Site, strategy: str, patch: str, differs: str
) -> None:
    """An operation that does more than its name says, which no reading of its call can tell."""
    path = "shop/migrations/0002_price.py"
    text = site.read(path).decode()
    site.write(path, text.replace("\n\nclass Migration", patch + "\n\nclass Migration", 1))
    site.write("pyproject.toml", f'[tool.migmerge]\nprefer = "{strategy}"\n')
    site.commit("a patched operation")
    (conflict,) = site.check()["conflicts"]
    assert conflict["verdict"] == "commute"
    (resolution,) = site.fix(code=1)["resolutions"]
    assert resolution["reasons"] == [
        f"the files commute, but not for Django, which tried both orders: {differs}"
    ]
    assert resolution["id"] == "MM408"
    assert resolution["next"] == ["migmerge fix shop --strategy merge"]


@pytest.mark.parametrize(
    ("operation", "where"),
    [
        (
            "migrations.RunSQL('INSERT INTO shop_product SELECT * FROM shop_product WHERE 1 = 0')",
            "in its state and on an empty SQLite database",
        ),
        (  # no such thing on SQLite
            "migrations.SeparateDatabaseAndState([migrations.RunSQL('DO $$ BEGIN END $$')], [])",
            "in its state",
        ),
    ],
)
def test_fix_tells_what_django_thinks_of_a_careful_answer(
    site: Site, operation: str, where: str
) -> None:
    path = "shop/migrations/0002_price.py"
    text = site.read(path).decode()
    site.write(path, text.replace("operations = [", f"operations = [\n        {operation},"))
    site.commit("code")
    (conflict,) = site.check()["conflicts"]
    assert conflict["verdict"] in ("overlap", "opaque")
    (resolution,) = site.fix()["resolutions"]
    assert resolution["reasons"] == [
        *conflict["reasons"],
        f"Django tried both orders {where}, without running code: no difference",
    ]


def test_merge_source_is_what_django_writes(site: Site) -> None:
    """Ours, without the project, is byte for byte `makemigrations --merge --no-header`."""
    leaves = ["0002_price", "0002_stock"]
    name = merge_name(leaves)
    site.manage(
        "makemigrations", "--merge", "--noinput", "--no-header", "--name", merge_suffix(name)
    )
    written = site.read(f"shop/migrations/{name}.py")
    assert written == merge_source("shop", leaves)


def test_fix_uses_the_projects_own_makemigrations(site: Site) -> None:
    site.write("cart/management/__init__.py", "")
    site.write("cart/management/commands/__init__.py", "")
    site.write(
        "cart/management/commands/makemigrations.py",
        "from django.core.management.commands.makemigrations import Command as Base\n"
        "from django.db.migrations import writer\n\n\n"
        "class Command(Base):\n"
        "    def handle_merge(self, loader, conflicts):\n"
        "        plain = writer.MigrationWriter.as_string\n"
        "        writer.MigrationWriter.as_string = lambda self: '# house style\\n' + plain(self)\n"
        "        super().handle_merge(loader, conflicts)\n",
    )
    site.commit("house style")
    site.fix()
    created = site.read("shop/migrations/0003_merge_0002_price_0002_stock.py")
    assert created.startswith(b"# house style\nfrom django.db import migrations\n")


def test_fix_without_the_project_writes_the_same(site: Site) -> None:
    site.fix()
    with_project = site.read("shop/migrations/0003_merge_0002_price_0002_stock.py")
    site.git("reset", "-q", "--hard")
    site.write("shop/models.py", "<<<<<<< ours\n=======\n>>>>>>> theirs\n")
    site.git("add", "-A")
    document = site.fix(code=1)
    assert document["verification"]["django"].startswith("skipped: SyntaxError: ")
    assert document["verification"]["databases"] == "skipped: not tried, since Django skipped"
    without = site.read("shop/migrations/0003_merge_0002_price_0002_stock.py")
    assert without == with_project


def test_fix_works_where_the_database_does_not(site: Site) -> None:
    broken = SETTINGS.replace("django.db.backends.sqlite3", "no.such.backend")
    site.write("site_settings.py", broken + "DATABASE_ROUTERS = ['no.such.Router']\n")
    site.commit("another database")
    assert site.fix()["verification"]["django"] == "ok"


def test_fix_puts_everything_back_when_models_disagree(site: Site) -> None:
    site.field("forgotten")
    site.commit("a field without a migration")
    before = site.state()
    document = site.fix(code=1)
    (resolution,) = document["resolutions"]
    assert (resolution["status"], resolution["id"]) == ("refused", "MM413")
    assert resolution["reasons"][0].startswith(
        "put back, since the result doesn't verify: makemigrations --check finds changes: "
    )
    assert resolution["next"] == ["migmerge fix shop --strategy merge --skip-verification"]
    assert document["written"] == []
    assert site.state() == before
    assert (
        site.fix("--skip-verification")["verification"]["django"] == "skipped: --skip-verification"
    )


def test_fix_puts_an_unfinished_merge_back(site: Site) -> None:
    """Index stages and all: what `git merge` stopped at is there again."""
    site.git("reset", "-q", "--hard", "HEAD^")
    site.write("notes.txt", "feature\n")
    site.commit()
    site.git("checkout", "-q", "main")
    site.write("notes.txt", "main\n")
    site.field("forgotten")
    site.commit()
    site.publish()
    site.git("checkout", "-q", "feature")
    site.git("merge", "-q", "main", fails=True)
    before = site.state()
    site.fix(code=1)
    assert site.state() == before


def test_fix_app_that_is_not_installed_is_said(site: Site) -> None:
    site.write("site_settings.py", SETTINGS.replace('"shop", ', ""))
    site.commit()
    document = site.fix(code=1)
    assert document["verification"]["django"] == "skipped: not in INSTALLED_APPS: shop"
    assert document["verification"]["verified"] is False


def test_fix_manage_of_the_configuration(site: Site) -> None:
    (site.root / "manage.py").rename(site.root / "run.py")
    site.write("pyproject.toml", '[tool.migmerge]\nmanage = "python run.py"\n')
    site.commit()
    document = json.loads(site.run("fix", "--yes", "--format", "json").stdout)
    assert document["verification"]["django"] == "ok"


def test_fix_interpreter_of_the_projects_own_environment(site: Site) -> None:
    """`.venv` at the root comes before the python on PATH."""
    python = site.root / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    real = Path(__import__("sys").executable)
    python.write_text(f'#!/bin/sh\ntouch "{site.root}/.venv/used"\nexec "{real}" "$@"\n')
    python.chmod(0o755)
    site.write(".git/info/exclude", ".venv\n")
    assert site.fix()["verification"]["django"] == "ok"
    assert (site.root / ".venv/used").exists()


@pytest.fixture
def contradiction(site: Site) -> Site:
    """feature added price as an integer, main as a decimal; models.py has main's, and extra."""
    site.git("reset", "-q", "--hard", "feature~1")
    site.git("checkout", "-q", "main")
    site.field("price", "DecimalField(max_digits=9, decimal_places=2, default=0)")
    site.make("price")
    site.commit("price as a decimal")
    site.publish()
    site.git("checkout", "-q", "feature")
    site.git("merge", "-q", "--no-commit", "main")
    site.write("shop/models.py", site.git("show", "main:shop/models.py"))
    text = site.read("shop/models.py").decode()
    site.write("shop/models.py", text + "    extra = models.IntegerField(default=0)\n")
    site.git("add", "-A")
    return site


def test_fix_regenerate_makes_the_moved_side_again(contradiction: Site) -> None:
    site = contradiction
    (refused,) = site.fix(code=1)["resolutions"]
    assert refused["reasons"][0] == "the sides contradict each other"
    document = site.fix("--strategy", "regenerate")
    assert document["verification"]["django"] == "ok"
    (done,) = document["resolutions"]
    assert (done["status"], done["strategy"]) == ("fixed", "regenerate")
    assert done["removed"] == ["shop/migrations/0002_price.py"]
    assert done["created"] == ["shop/migrations/0004_product_extra.py"]
    assert "migrating 0002_price back drops shop.product.price with its data" in str(
        done["reasons"]
    )
    assert django_sees(site)["leaves"] == ["0004_product_extra"]
    site.manage("migrate", "-v0")
    site.manage("makemigrations", "--check", "--dry-run")


def test_fix_regenerate_that_leaves_nothing_to_make(contradiction: Site) -> None:
    contradiction.write("shop/models.py", contradiction.git("show", "main:shop/models.py"))
    contradiction.git("add", "-A")
    (done,) = contradiction.fix("--strategy", "regenerate")["resolutions"]
    assert (done["removed"], done["created"]) == (["shop/migrations/0002_price.py"], [])
    assert django_sees(contradiction)["leaves"] == ["0003_price"]


def test_fix_regenerate_with_one_file_name_on_both_sides(contradiction: Site) -> None:
    """The version that stays is what makemigrations builds on: the file on disk has markers."""
    site, path = contradiction, "shop/migrations/0003_price.py"
    site.git("checkout", "-q", "-f", "feature")
    site.git("mv", "shop/migrations/0002_price.py", path)
    site.commit("under the name that main gives its own")
    site.git("merge", "-q", "--no-commit", "main", fails=True)
    main = site.git("show", "main:shop/models.py")
    site.write("shop/models.py", main + "    extra = models.IntegerField(default=0)\n")
    site.git("add", "shop/models.py")
    assert b"<<<<<<<" in site.read(path)
    document = site.fix("--strategy", "regenerate")
    assert document["verification"]["django"] == "ok"
    (done,) = document["resolutions"]
    assert (done["status"], done["strategy"]) == ("fixed", "regenerate")
    assert (done["removed"], done["edited"]) == ([], [path])
    assert done["created"] == ["shop/migrations/0004_product_extra.py"]
    assert site.read(path).decode() == site.git("show", f"main:{path}")
    assert django_sees(site)["leaves"] == ["0004_product_extra"]
    site.manage("makemigrations", "--check", "--dry-run")


FILL = """\
from django.db import migrations


def fill(apps, schema_editor):
    apps.get_model("shop", "Product").objects.update({}=7)


class Migration(migrations.Migration):
    dependencies = [("shop", "0003_extra")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
"""


def with_code(site: Site, field: str) -> None:
    """feature's side goes on with extra, and with code that fills `field`."""
    site.git("checkout", "-q", "-f", "feature")
    site.field("extra")
    site.make("extra")
    site.write("shop/migrations/0004_fill.py", FILL.format(field))
    site.commit("extra")
    site.git("merge", "-q", "--no-commit", "main")
    text = site.git("show", "main:shop/models.py")
    site.write("shop/models.py", text + "    extra = models.IntegerField(default=0)\n")
    site.git("add", "-A")


@pytest.mark.corpus
def test_fix_regenerate_keeps_code_that_needs_no_old_state(contradiction: Site) -> None:
    """It comes behind what is made again, and does there what it did."""
    site = contradiction
    with_code(site, "extra")
    (done,) = site.fix("--strategy", "regenerate")["resolutions"]
    assert done["removed"] == [
        "shop/migrations/0002_price.py",
        "shop/migrations/0003_extra.py",
    ]
    assert done["created"] == ["shop/migrations/0004_product_extra.py"]
    assert done["renamed"] == {"shop/migrations/0004_fill.py": "shop/migrations/0005_fill.py"}
    assert (
        "0004_fill is a data migration: it is kept and moved after the regenerated migrations"
        in done["reasons"]
    )
    assert b'("shop", "0004_product_extra")' in site.read("shop/migrations/0005_fill.py")
    assert django_sees(site)["leaves"] == ["0005_fill"]
    site.manage("migrate", "-v0", "shop", "0003_price")
    with closing(sqlite3.connect(site.root / "db.sqlite3")) as connection:
        connection.execute("INSERT INTO shop_product (name, stock, price) VALUES ('row', 1, 2)")
        connection.commit()
    site.manage("migrate", "-v0")
    assert rows(site) == [{"id": 1, "name": "row", "stock": 1, "price": 2, "extra": 7}]
    site.manage("makemigrations", "--check", "--dry-run")


@pytest.mark.corpus
def test_fix_regenerate_keeps_code_where_nothing_is_made_again(contradiction: Site) -> None:
    site = contradiction
    with_code(site, "stock")
    site.git("rm", "-q", "--cached", "-f", "shop/migrations/0003_extra.py")
    (site.root / "shop/migrations/0003_extra.py").unlink()
    path = "shop/migrations/0004_fill.py"
    fill = site.read(path).replace(b"0003_extra", b"0002_price").replace(b"stock", b"name")
    site.write(path, fill)
    site.write("shop/models.py", site.git("show", "main:shop/models.py"))
    site.git("add", "-A")
    (done,) = site.fix("--strategy", "regenerate")["resolutions"]
    assert done["created"] == []
    assert django_sees(site)["leaves"] == ["0004_fill"]
    assert b'("shop", "0003_price")' in site.read(path)


def test_fix_regenerate_refuses_code_that_the_other_side_touches(contradiction: Site) -> None:
    with_code(contradiction, "price")
    (refused,) = contradiction.fix("--strategy", "regenerate", code=1)["resolutions"]
    assert refused["reasons"] == ["0004_fill holds RunPython", "it can't be regenerated"]


def test_fix_regenerate_refuses_code_whose_field_is_not_made_again(contradiction: Site) -> None:
    with_code(contradiction, "extra")
    contradiction.write("shop/models.py", contradiction.git("show", "main:shop/models.py"))
    contradiction.git("add", "-A")
    before = contradiction.state()
    (refused,) = contradiction.fix("--strategy", "regenerate", code=1)["resolutions"]
    assert refused["reasons"] == [
        "0004_fill needs the old state: AddField shop.product.extra is not regenerated"
    ]
    assert contradiction.state() == before


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        ("migrations.RunPython(migrations.RunPython.noop)", "0002_price holds RunPython"),
        ("migrations.RenameField('product', 'price', 'cost')", "0002_price holds RenameField"),
        (
            "migrations.SeparateDatabaseAndState(state_operations=["
            "migrations.AlterModelOptions('product', {})])",
            "0002_price holds AlterModelOptions",
        ),
    ],
)
def test_fix_regenerate_never_throws_code_or_a_rename_away(
    contradiction: Site, operation: str, reason: str
) -> None:
    text = contradiction.read("shop/migrations/0002_price.py").decode()
    text = text.replace("operations = [", f"operations = [\n        {operation},")
    contradiction.write("shop/migrations/0002_price.py", text)
    contradiction.git("add", "-A")
    before = contradiction.state()
    (refused,) = contradiction.fix("--strategy", "regenerate", code=1)["resolutions"]
    assert refused["reasons"] == [reason, "it can't be regenerated"]
    assert contradiction.state() == before


def test_fix_regenerate_refuses_what_others_depend_on(contradiction: Site) -> None:
    contradiction.migration("cart", "0001_initial", "shop.0002_price")
    contradiction.git("add", "-A")
    (refused,) = contradiction.fix("shop", "--strategy", "regenerate", code=1)["resolutions"]
    assert refused["reasons"] == ["cart.0001_initial depends on what would be regenerated"]


def test_fix_regenerate_that_would_ask_a_question_is_refused(contradiction: Site) -> None:
    text = contradiction.read("shop/models.py").decode()
    contradiction.write(
        "shop/models.py",
        text.replace("extra = models.IntegerField(default=0)", "extra = models.IntegerField()"),
    )
    contradiction.git("add", "-A")
    (refused,) = contradiction.fix("--strategy", "regenerate", code=1)["resolutions"]
    assert refused["reasons"][0].startswith("makemigrations can't regenerate it: ")

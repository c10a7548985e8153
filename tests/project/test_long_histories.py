"""A history that both sides have and that is long is not run: its tables are made from its state,
where the sides only change models."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from tests.project.conftest import Copy, Site, begin_project, branch_out
from tests.project.test_verify import SCRATCH, STARTS, points, verify

pytestmark = pytest.mark.once

NOT_RUN = "  migrations that both sides have were not run (--full runs them)\n"
STATE = ", from the state at the common ancestor"
FROM_STATE = f"ok: 6 starting points {SCRATCH}, by migrate alone{STATE}"
IMPORTS = "from django.db import migrations, models\n\n\n"
TAG = """\
class Tag(models.Model):
    slug = models.SlugField(unique=True)
    products = models.ManyToManyField("shop.Product")
    parent = models.ForeignKey("self", models.CASCADE, null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["slug", "parent"], name="one_slug")]
        indexes = [models.Index(fields=["slug", "id"], name="slug_id")]


class NotManaged(models.Model):
    class Meta:
        managed = False
        db_table = "shop_product"


class Elsewhere(models.Model):
    class Meta:
        db_table = "shop_product"


class Plain(models.Model):
    name = models.CharField(max_length=9, db_index=True)
    note = models.CharField(max_length=9)


class Proxy(Tag):
    class Meta:
        proxy = True
"""


CODE = f"""{IMPORTS}def code(apps, schema_editor):
    pass


class Migration(migrations.Migration):
    dependencies = [("cart", "0050_step")]
    operations = [migrations.RunPython(code, migrations.RunPython.noop)]
"""
EFFECT = CODE.replace("    pass\n", '    open(__file__ + ".ran", "a").close()\n')
# only the history knows that the second model of this table is not to be made
MIRROR = f"""{IMPORTS}class Migration(migrations.Migration):
    dependencies = [("cart", "0050_step")]
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    "Mirror",
                    [("id", models.BigAutoField(primary_key=True))],
                    options={{"db_table": "shop_product"}},
                ),
            ],
        ),
    ]
"""


ROUTER = """\
class Router:
    def allow_migrate(self, db, app_label, model_name=None, **hints):
        return False if model_name == "elsewhere" else None
"""
EXTENSION = """\
import django.contrib.postgres.indexes
from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cart", "0050_step")]
    operations = [
        TrigramExtension(),
        migrations.CreateModel(
            "Note",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("text", models.TextField()),
            ],
            options={
                "indexes": [
                    django.contrib.postgres.indexes.GinIndex(
                        fields=["text"], name="text_trigrams", opclasses=["gin_trgm_ops"]
                    )
                ]
            },
        ),
    ]
"""


def build(root: Path, last: str, models: str = "") -> None:
    """shop and cart, of which shop comes to need all 51 migrations before the sides part; `last` is
    the last one of cart, and `models` those that it makes."""
    made = begin_project(root)
    made.write("routers.py", ROUTER)
    settings = made.read("site_settings.py").decode() + "DATABASE_ROUTERS = ['routers.Router']\n"
    made.write(
        "site_settings.py", f"{settings}SILENCED_SYSTEM_CHECKS = ['models.E028', 'postgres.E005']\n"
    )
    made.write("cart/models.py", f"from django.db import models\n\n\n{TAG}")
    made.manage("makemigrations", "cart", "-v0", "-n", "initial")
    made.write("cart/models.py", f"from django.db import models\n\n\n{TAG}{models}")
    names = ["0001_initial", *(f"{number:04}_step" for number in range(2, 51))]
    for parent, name in pairwise(names):
        made.migration("cart", name, parent)
    made.write("cart/migrations/0051_last.py", last)
    path = "cart/migrations/0001_initial.py"  # as if it stood for another one: that has a row, too
    text = made.read(path).decode()
    replaces = "    replaces = [('cart', '0001_old')]\n\n    operations = ["
    made.write(path, text.replace("    operations = [", replaces))
    made.write(
        "shop/migrations/0002_after_cart.py",
        f"{IMPORTS}class Migration(migrations.Migration):\n"
        "    dependencies = [('shop', '0001_initial'), ('cart', '0051_last')]\n",
    )
    made.commit("a long history")
    branch_out(made)


def build_with_code(root: Path) -> None:
    build(root, CODE)


def build_with_effect(root: Path) -> None:
    build(root, EFFECT)


def build_with_extension(root: Path) -> None:
    """With an index that needs it, of a field that the state's tables have."""
    field = """
    class Meta:
        indexes = [
            GinIndex(fields=["text"], name="text_trigrams", opclasses=["gin_trgm_ops"]),
        ]
"""
    head = "\n\nfrom django.contrib.postgres.indexes import GinIndex\n\n\n"
    model = f"class Note(models.Model):\n    text = models.TextField()\n{field}"
    build(root, EXTENSION, f"{head}{model}")


def build_with_mirror(root: Path) -> None:
    model = "class Mirror(models.Model):\n    id = models.BigAutoField(primary_key=True)\n"
    build(root, MIRROR, f"\n\n{model}\n    class Meta:\n        db_table = 'shop_product'\n")


@pytest.fixture(autouse=True)
def _seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIGMERGE_VERIFY_SECONDS", "120")


@pytest.fixture
def long(copy_of: Copy) -> Site:
    return copy_of(build_with_code)


@pytest.mark.parametrize("strategy", ["merge", "renumber --carry"])
def test_what_both_sides_have_is_not_run(long: Site, strategy: str) -> None:
    document = long.fix("shop", "--strategy", *strategy.split())
    assert document["verification"]["databases"] == FROM_STATE
    assert NOT_RUN in verify(long)
    found = points(long)
    assert list(found) == STARTS
    assert {point["status"] for point in found.values()} == {"ok"}


def test_code_with_an_effect_is_not_run(copy_of: Copy) -> None:
    site = copy_of(build_with_effect)
    site.fix("shop", "--strategy", "merge")
    assert "verified\n" in verify(site)
    assert "  refused: cart.0051_last writes to " in verify(site, "--full", code=1)


def test_tables_are_those_that_the_history_makes(long: Site) -> None:
    """The rows of django_migrations, too: `migrate` has nothing more to do than on any database."""
    site = long
    site.fix("--strategy", "merge")
    assert NOT_RUN in verify(site)
    assert NOT_RUN not in verify(site, "--full")
    assert {p["status"] for p in points(site, "--full").values()} == {"ok"}


SIDES = {
    "code": "migrations.RunPython(migrations.RunPython.noop)",
    "sql": "migrations.RunSQL('SELECT 1')",
    "state and tables apart": "migrations.SeparateDatabaseAndState()",
    "an operation of its own": "Own()",
}
OWN = """\
class Own(migrations.operations.base.Operation):
    def state_forwards(self, app_label, state):
        pass

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        pass


"""


@pytest.mark.parametrize("operation", SIDES.values(), ids=SIDES)
@pytest.mark.parametrize("name", ["0003_price", "0003_stock"])
def test_where_a_side_does_more_all_is_run(long: Site, operation: str, name: str) -> None:
    site = long
    path = f"shop/migrations/{name}.py"
    text = site.read(path).decode().replace("operations = [", f"operations = [{operation},")
    site.write(path, text.replace("class Migration", f"{OWN}class Migration"))
    site.commit("more")
    result = site.fix("--strategy", "merge")["verification"]["databases"]
    assert result == FROM_STATE.removesuffix(STATE)


def test_where_a_migration_is_applied_in_its_own_way_all_is_run(long: Site) -> None:
    site = long
    path = "shop/migrations/0003_price.py"
    own = "    def apply(self, *arguments, **more):\n        return super().apply(*arguments, **more)\n\n"
    text = site.read(path).decode().replace("    dependencies =", f"{own}    dependencies =")
    site.write(path, text)
    site.commit("more")
    result = site.fix("--strategy", "merge")["verification"]["databases"]
    assert result == FROM_STATE.removesuffix(STATE)


def test_where_the_state_can_not_be_made_all_is_run(copy_of: Copy) -> None:
    site = copy_of(build_with_mirror)
    result = site.fix("shop", "--strategy", "merge")["verification"]["databases"]
    assert result == FROM_STATE.removesuffix(STATE)


def test_what_is_wrong_is_found_with_all_of_it_run(long: Site) -> None:
    """The rename that somebody made by hand: two ways to the same name, and other operations."""
    long.fix("--strategy", "renumber", "--skip-verification")
    for path in ("shop/migrations/0004_price.py", "shop/models.py"):
        text = long.read(path).decode()
        changed = text.replace("price = models.IntegerField(default=0", "price = models.IntegerField(default=0, help_text='edited'")  # fmt: skip
        long.write(path, changed.replace("IntegerField(default=0)),", "IntegerField(default=0, help_text='edited')),"))  # fmt: skip
    text = long.read("shop/migrations/0004_price.py").decode()
    long.write("shop/migrations/0004_price.py", text.replace("IntegerField(default=0)", "IntegerField(default=0, help_text='edited')"))  # fmt: skip
    long.commit("renamed and edited")
    result = verify(long, code=1)
    assert "  replayed             FAILS: values are lost: shop_product.price" in result
    assert NOT_RUN not in result


NEW = "migrations.CreateModel({!r}, [('id', models.BigAutoField(primary_key=True))], options={!r})"
FIELD = "migrations.AddField('Plain', {!r}, models.IntegerField(null=True, db_column={!r}))"
NAMES = {
    "a model's": ("RenameModel('Plain', 'Label')", NEW.format("Plain", {})),
    "a field's": ("RenameField('Plain', 'name', 'text')", FIELD.format("name", None)),
    "a field's that is gone": ("RemoveField('Plain', 'note')", FIELD.format("note", None)),
    "a table's": ("AlterModelTable('Plain', 'x')", NEW.format("Other", {"db_table": "cart_plain"})),
    "a column's": (
        "AlterField('Plain', 'note', models.CharField(max_length=9, db_column='text'))",
        FIELD.format("other", "note"),
    ),
    "that of SQL": (
        "RunSQL('CREATE INDEX taken ON cart_plain (name)', migrations.RunSQL.noop)",
        "migrations.AddIndex('Plain', models.Index(fields=['name'], name='taken'))",
    ),
    "that of a state apart": (
        "SeparateDatabaseAndState(state_operations=[migrations.RenameIndex('Tag', old_name='slug_id', "
        "new_name='taken')])",
        "migrations.AddIndex('Tag', models.Index(fields=['slug'], name='slug_id'))",
    ),
}
MANAGED = {
    "became managed": (
        "AlterModelOptions('NotManaged', {})",
        "migrations.AddField('NotManaged', 'x', models.IntegerField(null=True))",
    ),
    "is managed no more": (
        "AlterModelOptions('Plain', {'managed': False})",
        NEW.format("Other", {"db_table": "cart_plain"}),
    ),
}


def last_with(operation: str) -> str:
    return CODE.replace("RunPython(code, migrations.RunPython.noop)", operation)


def began_from_state(site: Site, history: str, side: str) -> bool:
    """With an operation at the end of what both sides have, and one more of the branch."""
    site.git("reset", "-q", "--hard", "HEAD^1~1")
    site.write("cart/migrations/0051_last.py", last_with(history))
    site.commit("history")
    site.git("branch", "-q", "-f", "main")
    site.publish()
    text = last_with("X").replace("0050_step", "0051_last").replace("migrations.X", side)
    site.write("cart/migrations/0052_new.py", text)
    site.commit("branch")
    site.git("checkout", "-q", "-b", "more", "main")
    site.migration("shop", "0003_empty", "0002_after_cart")
    site.commit("main")
    site.git("checkout", "-q", "feature")
    site.git("merge", "-q", "--no-edit", "more")
    done = site.run("verify", "cart", "--format", "json")
    (project,) = json.loads(done.stdout)["projects"]
    return bool(project["from_state"])


@pytest.mark.parametrize(
    ("history", "side"), [*NAMES.values(), *MANAGED.values()], ids=[*NAMES, *MANAGED]
)
def test_where_a_side_takes_a_name_that_something_had_all_is_run(
    long: Site, history: str, side: str
) -> None:
    assert not began_from_state(long, history, side)


@pytest.mark.parametrize("history", [history for history, _ in NAMES.values()], ids=NAMES)
def test_where_a_side_takes_another_name_it_is_not_run(long: Site, history: str) -> None:
    assert began_from_state(long, history, NEW.format("Another", {}))


ODD = """\
import subprocess

from django.db import models


class OddField(models.IntegerField):
    def db_type(self, connection):
        subprocess.run(["true"])
        return super().db_type(connection)
"""
ONLY_STATE = f"""import cart.fields
{IMPORTS}class Migration(migrations.Migration):
    dependencies = [("cart", "0050_step")]
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    "Odd",
                    [
                        ("id", models.BigAutoField(primary_key=True)),
                        ("odd", cart.fields.OddField()),
                    ],
                ),
            ],
        ),
    ]
"""


def build_with_odd(root: Path) -> None:
    (root / "cart").mkdir()
    (root / "cart/fields.py").write_text(ODD)
    model = "class Odd(models.Model):\n    id = models.BigAutoField(primary_key=True)\n    odd = OddField()\n"
    build(root, ONLY_STATE, f"\n\nfrom cart.fields import OddField\n\n\n{model}")


def test_an_effect_of_the_state_alone_is_none_of_the_migrations(copy_of: Copy) -> None:
    site = copy_of(build_with_odd)
    result = site.fix("shop", "--strategy", "merge")["verification"]["databases"]
    assert result == FROM_STATE.removesuffix(STATE)


def test_no_driver_is_loaded_for_another_engine(long: Site) -> None:
    long.write("psycopg.py", "import subprocess\n\nsubprocess.run(['true'])\n")
    document = long.fix("shop", "--strategy", "merge")
    assert document["verification"]["databases"] == FROM_STATE


@pytest.mark.postgresql
def test_extensions_are_installed(
    copy_of: Copy, postgresql: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIGMERGE_VERIFY_DATABASE", "postgres://postgres@127.0.0.1")
    site = copy_of(build_with_extension)
    result = site.fix("shop", "--strategy", "merge")["verification"]["databases"]
    assert result.endswith(STATE)
    assert "PostgreSQL at 127.0.0.1" in result

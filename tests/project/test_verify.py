"""`migmerge verify`: databases at every starting point, and what it finds on them."""

from __future__ import annotations

import json
import re

import pytest

from tests.project.conftest import Site, need_server
from tests.project.matrix import PAGE, SETTINGS

pytestmark = pytest.mark.once

SCRATCH = "on SQLite (scratch files, not your databases)"


def verify(site: Site, *arguments: str, code: int = 0) -> str:
    done = site.run("verify", *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def points(site: Site, *arguments: str, code: int = 0) -> dict[str, dict]:
    (project,) = json.loads(verify(site, "--format", "json", *arguments, code=code))["projects"]
    return {point["name"]: point for point in project["points"]}


STARTS = ["fresh", "ancestor", "onto", "replayed", "onto, then replayed", "replayed, then onto"]


def test_verify_is_as_documented(site: Site) -> None:
    site.fix("--strategy", "renumber", "--commit")
    merge = site.git("rev-parse", "--short=10", "HEAD^").strip()
    text = verify(site).replace(merge, "COMMIT")
    text = re.sub(r"in \d+\.\d s:", "in SECONDS:", text)
    assert text in PAGE.read_text()


@pytest.mark.parametrize("strategy", ["merge", "renumber", "renumber --carry"])
def test_verify_from_history(site: Site, strategy: str) -> None:
    site.fix("--strategy", *strategy.split())
    found = points(site)
    assert list(found) == STARTS
    assert {point["status"] for point in found.values()} == {"ok"}
    after = {name for name, point in found.items() if point["reconciled"]}
    assert after == (set(STARTS[3:]) if strategy == "renumber" else set())


def test_verify_makes_nothing_and_connects_to_nothing(site: Site) -> None:
    site.fix("--strategy", "renumber", "--commit")
    settings = site.read("site_settings.py").decode().replace("db.sqlite3", "/nowhere/db.sqlite3")
    site.write("site_settings.py", settings)
    before = site.state()
    verify(site)
    assert site.state() == before


def test_verify_finds_a_column_that_is_reset(site: Site) -> None:
    """The rename that somebody made by hand: two ways to the same name, and other operations."""
    site.fix("--strategy", "renumber", "--skip-verification")
    path = "shop/migrations/0003_price.py"
    text = site.read(path).decode()
    site.write(path, text.replace("default=0", "default=0, help_text='edited'"))
    models = site.read("shop/models.py").decode()
    site.write("shop/models.py", models.replace(
        "price = models.IntegerField(default=0", "price = models.IntegerField(default=0, help_text='edited'"))  # fmt: skip
    site.commit("renamed and edited")
    text = verify(site, code=1)
    assert "  replayed             FAILS: values are lost: shop_product.price; without a file: shop.0002_price\n" in text  # fmt: skip


def test_verify_where_two_sides_run_code_on_the_same_rows(site: Site) -> None:
    code = (
        "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n"
        "    dependencies = [('shop', '{}')]\n"
        "    operations = [migrations.RunSQL(\"UPDATE shop_product SET name = name || '{}'\")]\n"
    )
    site.git("reset", "-q", "--hard", "HEAD^1")
    site.write("shop/migrations/0003_b.py", code.format("0002_price", "b"))
    site.commit("b")
    site.git("checkout", "-q", "main")
    site.write("shop/migrations/0003_a.py", code.format("0002_stock", "a"))
    site.commit("a")
    site.publish()
    site.git("checkout", "-q", "feature")
    site.git("merge", "-q", "--no-edit", "main")
    site.fix("--strategy", "merge", "--skip-verification")
    found = points(site, code=1)
    assert {n for n, p in found.items() if p["differs"] == "shop_product"} == {
        "onto",
        "onto, then replayed",
    }


def test_verify_passes_over_values_that_are_others_each_time(site: Site) -> None:
    """A key that every row gets by chance, as Django's documentation has it."""
    site.git("reset", "-q", "--hard", "HEAD^1")
    code = (
        "import uuid\nfrom django.db import migrations, models\n\n\n"
        "def fill(apps, schema_editor):\n"
        "    for row in apps.get_model('shop', 'Product').objects.all():\n"
        "        row.mark = str(uuid.uuid4())\n        row.save()\n\n\n"
        "class Migration(migrations.Migration):\n"
        "    dependencies = [('shop', '0002_price')]\n"
        "    operations = [\n"
        "        migrations.AddField('Product', 'mark', models.CharField(max_length=40, null=True)),\n"
        "        migrations.RunPython(fill),\n    ]\n"
    )
    site.write("shop/migrations/0003_mark.py", code)
    site.field("mark", "CharField(max_length=40, null=True)")
    site.commit("mark")
    site.git("merge", "-q", "--no-edit", "main")
    site.fix("--strategy", "merge")
    assert {point["status"] for point in points(site).values()} == {"ok"}


def test_fix_is_put_back_where_databases_would_differ(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A custom operation hides what it does from the files."""
    monkeypatch.setenv("MIGMERGE_VERIFY_SECONDS", "60")
    site.git("reset", "-q", "--hard", "HEAD^1")
    code = (
        "from django.db import migrations\n\n\n"
        "class Shout(migrations.RunSQL):\n    pass\n\n\n"
        "class Migration(migrations.Migration):\n"
        "    dependencies = [('shop', '{}')]\n"
        "    operations = [Shout(\"UPDATE shop_product SET name = name || '{}'\")]\n"
    )
    site.write("shop/migrations/0003_b.py", code.format("0002_price", "b"))
    site.commit("b")
    site.git("checkout", "-q", "main")
    site.write("shop/migrations/0003_a.py", code.format("0002_stock", "a"))
    site.commit("a")
    site.publish()
    site.git("checkout", "-q", "feature")
    site.git("merge", "-q", "--no-edit", "main")
    before = site.state()
    (resolution,) = site.fix("--strategy", "merge", code=1)["resolutions"]
    assert resolution["reasons"][0].startswith(
        "put back, since the result doesn't verify: onto: rows unlike those of ancestor: shop_product"
    )
    assert site.state() == before
    document = site.fix("--strategy", "merge", "--skip-verification")
    assert document["verification"]["databases"] == "skipped: --skip-verification"


def test_fix_verifies_within_its_seconds(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIGMERGE_VERIFY_SECONDS", "60")
    document = site.fix()
    assert (
        document["verification"]["databases"]
        == f"ok: 6 starting points {SCRATCH}, by migrate alone"
    )
    assert document["verification"]["verified"] is True
    site.run("undo")
    slow = site.read("shop/migrations/0001_initial.py").decode()
    site.write("shop/migrations/0001_initial.py", f"import time\n{slow}\ntime.sleep(1.2)\n")
    site.git("add", "-A")
    monkeypatch.setenv("MIGMERGE_VERIFY_SECONDS", "3")
    document = site.fix(code=1)
    assert document["verification"]["databases"] == (
        "skipped: the project took more than 3 seconds; run migmerge verify shop"
    )


def test_fix_of_two_apps_may_take_twice_as_long(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.migration("cart", "0001_initial")
    for name in ("0002_a", "0002_b"):
        site.migration("cart", name, "0001_initial")
    slow = site.read("shop/migrations/0001_initial.py").decode()
    site.write("shop/migrations/0001_initial.py", f"import time\n{slow}\ntime.sleep(1.2)\n")
    site.commit("two conflicts")
    monkeypatch.setenv("MIGMERGE_VERIFY_SECONDS", "2")
    document = site.fix(code=1)
    assert document["verification"]["databases"] == (
        "skipped: the project took more than 4 seconds; run migmerge verify cart shop"
    )


def test_verify_says_what_does_not_run_on_sqlite(site: Site) -> None:
    site.git("reset", "-q", "--hard", "HEAD^1")
    text = site.read("shop/migrations/0002_price.py").decode()
    only = "migrations.RunSQL('CREATE SEQUENCE s'),\n        migrations.AddField("
    site.write("shop/migrations/0002_price.py", text.replace("migrations.AddField(", only, 1))
    site.commit("a sequence")
    site.git("merge", "-q", "--no-edit", "main")
    site.fix("--strategy", "merge")
    text = verify(site, code=1)
    assert "  replayed             skipped: can't stand there: OperationalError: near " in text
    assert text.endswith(
        "  next: migmerge verify --database postgres://user@host:5432\nnot verified\n"
    )


def test_fix_of_one_app_while_another_has_a_conflict(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIGMERGE_VERIFY_SECONDS", "60")
    for name in ("0001_a", "0001_b"):
        site.migration("cart", name)
    site.git("add", "-A")
    document = site.fix("shop", "--strategy", "renumber")
    assert document["verification"]["databases"] == (
        f"ok: 6 starting points {SCRATCH}, 3 of them after migmerge db reconcile"
    )


@pytest.mark.corpus
@pytest.mark.postgresql
@pytest.mark.mariadb
@pytest.mark.parametrize(
    ("name", "port", "url"),
    [
        ("PostgreSQL", 5432, "postgres://postgres@127.0.0.1:5432"),
        ("MariaDB", 3306, "mysql://root@127.0.0.1:3306"),
    ],
)
def test_verify_on_a_server(site: Site, name: str, port: int, url: str) -> None:
    need_server(name, port)
    site.fix("--strategy", "renumber")
    tail = SETTINGS.partition("USE_TZ = True\n")[2]
    site.write("site_settings.py", site.read("site_settings.py").decode() + tail)
    found = points(site, "--database", url)
    assert list(found) == STARTS
    assert {point["status"] for point in found.values()} == {"ok"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nothing",), "migmerge: MM311 no app 'nothing' with migrations here\nhint: there are: shop\n"),
        (("--database", "default"), "migmerge: MM323 --database default: not a server to make scratch databases on\nhint: auto, sqlite, postgres://user@host:5432 or mysql://user@host:3306\n"),
    ],
)  # fmt: skip
def test_verify_of_what_is_not_there(site: Site, arguments: tuple[str, ...], told: str) -> None:
    site.fix()
    done = site.run("verify", *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", told)


def test_verify_with_conflicts(site: Site) -> None:
    assert verify(site, code=1) == (
        "shop: Django failed: there are conflicts in the way: migmerge fix\n"
        "  databases: not tried\n"
        "not verified\n"
    )


def test_verify_without_a_merge(site: Site) -> None:
    """Then a fresh database is all that there is to try."""
    site.git("checkout", "-q", "main")
    site.git("update-ref", "-d", "refs/remotes/origin/main")
    assert list(points(site)) == ["fresh"]


@pytest.mark.corpus
def test_verify_after_a_rebase(site: Site) -> None:
    """Databases may stand where the branch was before."""
    site.git("reset", "-q", "--hard", "HEAD^1")
    site.git("rebase", "-q", "main")
    site.fix("--strategy", "renumber", "--commit")
    assert list(points(site)) == STARTS
    assert "scratch databases on SQLite (files of our own), as before a rebase, in " in verify(site)
    site.git("update-ref", "-d", "ORIG_HEAD")
    assert list(points(site)) == ["fresh", "ancestor"]


@pytest.mark.corpus
def test_fix_where_an_app_is_gone_since(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """main removed an app that databases of the ancestor have."""
    monkeypatch.setenv("MIGMERGE_VERIFY_SECONDS", "60")
    site.git("checkout", "-q", "main~1")
    site.migration("old", "0001_initial")
    site.write("old/__init__.py", "")
    site.commit("an app that nobody installed")
    site.git("branch", "-f", "base")
    for branch in ("main", "feature"):
        commit = site.git("rev-parse", branch if branch == "main" else "feature^1").strip()
        site.git("checkout", "-q", "-B", branch, "base")
        site.git("cherry-pick", commit)
    site.git("checkout", "-q", "main")
    site.git("rm", "-rq", "old")
    site.commit("gone")
    site.publish()
    site.git("checkout", "-q", "feature")
    site.git("merge", "-q", "--no-edit", "main")
    document = site.fix("--strategy", "merge")
    assert document["verification"]["databases"].startswith("ok: "), document
    site.commit("fixed")
    assert {point["status"] for point in points(site).values()} == {"ok"}


def test_fix_where_sqlite_can_not_stand(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What came before both sides is for another database."""
    monkeypatch.setenv("MIGMERGE_VERIFY_SECONDS", "60")
    path = "shop/migrations/0001_initial.py"
    text = (
        site.read(path).decode().rstrip()[:-1]
        + "        migrations.RunSQL('CREATE EXTENSION hstore'),\n    ]\n"
    )
    site.write(path, text)
    site.commit("hstore")
    document = site.fix("--strategy", "merge", code=1)
    assert document["verification"]["databases"].startswith("skipped: no SQLite database at "), (
        document
    )


LATER = """\
from django.db import migrations, models


def fill(apps, schema_editor):
    apps.get_model("shop", "Product").objects.update(stock=7)


class Migration(migrations.Migration):
    dependencies = [("shop", "0003_merge_0002_price_0002_stock")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
"""


def test_verify_long_after_the_merge(site: Site) -> None:
    """What came later changes values on purpose; what a side loses is still seen."""
    site.fix("--strategy", "merge")
    site.commit("merged")
    site.write("shop/migrations/0004_fill.py", LATER)
    site.commit("later")
    assert {point["status"] for point in points(site).values()} == {"ok"}


def test_verify_long_after_the_merge_sees_what_one_side_loses(site: Site) -> None:
    """Something later resets a column where only one order of migrations was run."""
    site.fix("--strategy", "merge")
    site.commit("merged")
    late = LATER.replace(
        'apps.get_model("shop", "Product").objects.update(stock=7)',
        "from django.db.migrations.recorder import MigrationRecorder\n"
        "    names = list(MigrationRecorder.Migration.objects.filter(app='shop').order_by('id').values_list('name', flat=True))\n"
        "    if names.index('0002_price') < names.index('0002_stock'):\n"
        '        apps.get_model("shop", "Product").objects.update(price=0)',
    )
    site.write("shop/migrations/0004_fill.py", late)
    site.commit("later")
    done = site.run("verify", "--format", "json")
    assert done.returncode == 1, done.stdout
    (project,) = json.loads(done.stdout)["projects"]
    lost = {point["name"]: point["lost"] for point in project["points"] if point["lost"]}
    assert lost == {name: ["shop_product.price"] for name in ("replayed", "replayed, then onto")}


def test_verify_where_there_is_nothing(repo: Site) -> None:
    repo.write("readme.txt", "")
    repo.commit()
    done = repo.run("verify")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("migmerge: MM311 no migrations here to verify\n")


@pytest.mark.parametrize(
    "command", [("verify",), ("db", "status"), ("reset", "shop"), ("doctor",), ("fix",), ("undo",)]
)
def test_commands_in_a_bare_repository(site: Site, command: tuple[str, ...]) -> None:
    site.git("config", "core.bare", "true")
    done = site.run(*command, cwd=site.root / ".git")
    assert done.returncode == 2 and " is a bare repository\n" in done.stderr

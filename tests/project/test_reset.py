"""The last resort, on a real project: new files and rows, and back again."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import KILLS, STEP
from tests.integration.test_undo import is_tidy, run_killed
from tests.project.conftest import Copy, Site, build_site
from tests.project.test_databases import TWO, shop_rows, sql

pytestmark = pytest.mark.once

LINE = """\
from django.db import models


class Line(models.Model):
    product = models.ForeignKey("shop.Product", models.CASCADE)

    class Meta:
        indexes = [models.Index(fields=["product"], name="by_product")]
        constraints = [models.UniqueConstraint(fields=["product"], name="one_line")]
"""
FIRST = ["0001_initial", "0002_stock", "0003_price"]


@pytest.fixture
def settled(copy_of: Copy) -> Site:
    """One line of migrations, all applied, and another app that builds on it."""
    return copy_of(build_settled)


def build_settled(root: Path) -> None:
    """See `settled`."""
    build_site(root)
    site = Site(root)
    site.fix("--strategy", "renumber")
    site.write("cart/models.py", LINE)  # with an index and a constraint that have names
    site.manage("makemigrations", "cart", "-v0", "-n", "line")
    site.write("site_settings.py", site.read("site_settings.py").decode() + TWO)
    for alias in ("default", "other"):
        site.manage("migrate", "-v0", "--database", alias)
    sql(site, "INSERT INTO shop_product (id, name, price, stock) VALUES (1, 'a', 7, 3)")
    sql(site, "INSERT INTO cart_line (product_id) VALUES (1)")
    site.commit("settled")


def reset(site: Site, *arguments: str, code: int = 0) -> str:
    done = site.run("reset", *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def names(site: Site) -> list[str]:
    return sorted(path.stem for path in (site.root / "shop/migrations").glob("0*.py"))


def test_reset_is_a_plan(settled: Site) -> None:
    before = settled.state()
    output = reset(settled, "shop", "--database", "default")
    assert settled.state() == before
    assert output[output.index("shop: 3") :] == (
        "shop: 3 migrations become 0001_initial\n"
        "default: 3 rows become 1\n"
        "every other database:\n"
        "  python manage.py migrate shop   # with the old files\n"
        "  migmerge reset shop --rows --database default --apply   # with the new ones\n"
        "nothing was changed: this is the plan; add --apply\n"
    )


def test_reset_apply(settled: Site) -> None:
    """Files, dependents in other apps, and the rows of the database that was named."""
    reset(settled, "shop", "--database", "default", "--apply")
    assert names(settled) == ["0001_initial"]
    assert b"('shop', '0001_initial')" in settled.read("cart/migrations/0001_line.py")
    assert shop_rows(settled) == ["0001_initial"]
    assert shop_rows(settled, "other.sqlite3") == FIRST
    assert settled.run("db", "status", "--schema", "--database", "default").returncode == 0
    settled.manage("makemigrations", "--check")
    assert "No migrations to apply" in settled.manage("migrate")
    assert sql(settled, "SELECT name, price, stock FROM shop_product") == [("a", 7, 3)]
    (settled.root / "db.sqlite3").unlink()
    settled.manage("migrate", "-v0")


@pytest.mark.corpus
def test_reset_of_the_other_database_afterwards(settled: Site) -> None:
    reset(settled, "shop", "--apply")
    output = reset(settled, "shop", "--rows", "--database", "other", "--apply")
    assert output == ("other: 3 rows become 1\ndone\nto take it back: migmerge reset --undo\n")
    assert shop_rows(settled, "other.sqlite3") == ["0001_initial"]
    settled.manage("migrate", "-v0", "--database", "other")


def test_reset_undo(settled: Site) -> None:
    before = settled.state()
    rows = sql(settled, "SELECT app, name, applied FROM django_migrations WHERE app = 'shop'")
    reset(settled, "shop", "--database", "default", "--apply")
    output = reset(settled, "--undo")
    assert output.startswith("default: 3 rows as before\nrestored ")
    files, index = settled.state()
    assert index == before[1]
    assert [files[p] for p in files if p.endswith(".py")] == [
        before[0][p] for p in before[0] if p.endswith(".py")
    ]
    again = sql(settled, "SELECT app, name, applied FROM django_migrations WHERE app = 'shop'")
    assert again == rows
    done = settled.run("reset", "--undo")
    assert (done.returncode, done.stderr) == (
        2,
        "migmerge: MM320 there is no reset to take back here\nhint: migmerge undo\n",
    )


def test_reset_undo_killed_just_before_it_forgets(settled: Site) -> None:
    """The next one finishes it, and takes back nothing else."""
    settled.migration("cart", "0002_a", "0001_line")
    settled.migration("cart", "0002_b", "0001_line")
    settled.fix("cart", "--skip-verification", "--strategy", "merge")
    settled.commit("cart")
    before = settled.state()[1], shop_rows(settled)
    reset(settled, "shop", "--database", "default", "--apply")
    kept = settled.root / ".git/migmerge/resets.json"
    there = kept.read_bytes()
    reset(settled, "--undo")
    kept.write_bytes(there)
    assert reset(settled, "--undo") == "as it was before the reset\n"
    assert (settled.state()[1], shop_rows(settled)) == before
    assert settled.run("reset", "--undo").returncode == 2


@pytest.mark.corpus
def test_reset_of_named_indexes_and_constraints(settled: Site) -> None:
    reset(settled, "cart", "--database", "default", "--apply")
    assert settled.run("db", "status", "--schema", "--database", "default").returncode == 0


@pytest.mark.corpus
def test_reset_is_not_undone_without_its_rows(settled: Site) -> None:
    reset(settled, "shop", "--database", "default", "--apply")
    done = settled.run("undo")
    assert (done.returncode, done.stderr) == (
        2,
        "migmerge: MM320 the last change is a reset, which has rows, too\nhint: migmerge reset --undo\n",
    )
    reset(settled, "--undo")
    assert (names(settled), shop_rows(settled)) == (FIRST, FIRST)


@pytest.mark.corpus
def test_reset_undo_one_after_the_other(settled: Site) -> None:
    reset(settled, "shop", "--database", "default", "--apply")
    reset(settled, "shop", "--rows", "--database", "other", "--apply")
    reset(settled, "--undo")
    assert shop_rows(settled, "other.sqlite3") == FIRST
    assert (names(settled), shop_rows(settled)) == (["0001_initial"], ["0001_initial"])
    reset(settled, "--undo")
    assert (names(settled), shop_rows(settled)) == (FIRST, FIRST)


@pytest.mark.corpus
def test_reset_undo_of_what_somebody_changed_since(settled: Site) -> None:
    """Neither rows nor files, and it can be tried again."""
    reset(settled, "shop", "--database", "default", "--apply")
    text = settled.read("shop/migrations/0001_initial.py")
    settled.write("shop/migrations/0001_initial.py", text + b"# mine\n")
    output = reset(settled, "--undo", code=1)
    assert output == "nothing was taken back: not as it was left: shop/migrations/0001_initial.py\n"
    assert shop_rows(settled) == ["0001_initial"]
    settled.write("shop/migrations/0001_initial.py", text)
    reset(settled, "--undo")
    assert (names(settled), shop_rows(settled)) == (FIRST, FIRST)


@pytest.mark.corpus
def test_reset_undo_after_another_fix(settled: Site) -> None:
    reset(settled, "shop", "--database", "default", "--apply")
    settled.git("commit", "-q", "-m", "reset")
    settled.migration("cart", "0002_a", "0001_line")
    settled.migration("cart", "0002_b", "0001_line")
    settled.fix("cart", "--skip-verification", "--strategy", "merge")
    output = reset(settled, "--undo", code=1)
    assert output == (
        "nothing was taken back: something else was changed since: "
        "migmerge undo takes that back first\n"
    )
    assert shop_rows(settled) == ["0001_initial"]


def test_reset_rows_of_code_that_never_ran(settled: Site) -> None:
    settled.write(
        "shop/migrations/0004_data.py",
        "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n"
        "    dependencies = [('shop', '0003_price')]\n"
        "    operations = [migrations.RunSQL('SELECT 1')]\n",
    )
    output = reset(settled, "shop", "--rows", "--database", "default", "--apply", code=1)
    assert output == (
        "shop: refused MM415\n  - default: 0004_data holds RunSQL, and has no row: "
        "it would never run (--lose-data-migrations)\n"
    )
    assert shop_rows(settled) == FIRST


def test_reset_rows_alone(settled: Site) -> None:
    """The milder form: a history that got confused, over tables that are right."""
    sql(settled, "DELETE FROM django_migrations WHERE name IN ('0002_stock', '0003_price')")
    sql(
        settled,
        "INSERT INTO django_migrations (app, name, applied) VALUES ('shop', '0002_price', '2026-01-01')",
    )
    settled.manage("migrate", code=1)
    before = settled.state()[1]
    reset(settled, "shop", "--rows", "--database", "default", "--apply")
    assert shop_rows(settled) == FIRST
    assert settled.state()[1] == before
    settled.manage("migrate", "-v0")
    reset(settled, "--undo")
    assert shop_rows(settled) == ["0001_initial", "0002_price"]


REFUSED = {
    "tables that differ": (
        lambda site: sql(site, "ALTER TABLE shop_product ADD COLUMN odd integer"),
        "default: models and tables differ: shop_product.odd is there, but no applied migration has it",
    ),
    "a data migration": (
        lambda site: site.write(
            "shop/migrations/0004_data.py",
            "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n"
            "    dependencies = [('shop', '0003_price')]\n"
            "    operations = [migrations.RunSQL('SELECT 1')]\n",
        ),
        "0004_data holds RunSQL, which would be lost (--lose-data-migrations)",
    ),
    "no such database": (
        lambda site: (site.root / "site_settings.py").write_text(
            site.read("site_settings.py").decode().replace('"default": {', '"default": {}, "main": {')
        ),
        "default: ",
    ),
    "models that changed": (
        lambda site: site.write(
            "shop/models.py", site.read("shop/models.py") + b"    more = models.IntegerField()\n"
        ),
        "shop: refused MM415\n  - before anything is replaced: failed: makemigrations --check finds changes: ",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "output"), REFUSED.values(), ids=REFUSED)
def test_reset_refused(settled: Site, change: Callable[[Site], object], output: str) -> None:
    change(settled)
    settled.git("add", "-A")
    index = settled.state()[1]
    assert output in reset(settled, "shop", "--database", "default", "--apply", code=1)
    assert settled.state()[1] == index
    assert names(settled)[:3] == FIRST
    assert shop_rows(settled) == FIRST


def test_reset_takes_edited_published_migrations_for_what_they_are(settled: Site) -> None:
    """Nothing of them is left afterwards."""
    settled.publish("feature")
    path = "shop/migrations/0002_stock.py"
    add = 'migrations.AddField("product", "x", models.TextField()), '
    both = f'operations = [{add}migrations.RemoveField("product", "x"),'
    settled.write(path, settled.read(path).decode().replace("operations = [", both))
    (conflict,) = settled.check()["conflicts"]
    assert conflict["kind"] == "published-changed"
    assert "has a conflict" not in reset(settled, "shop", code=0)


def test_reset_where_there_is_a_conflict(site: Site) -> None:
    assert reset(site, "shop", code=1).startswith(
        "shop: refused MM415\n  - shop has a conflict: migmerge fix shop\n"
    )


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (("nothing",), "migmerge: MM311 no app 'nothing' with migrations here\nhint: there are: cart, shop\n"),
        ((), "migmerge: MM311 no app '' with migrations here\nhint: there are: cart, shop\n"),
    ],
)  # fmt: skip
def test_reset_of_no_app(settled: Site, arguments: tuple[str, ...], output: str) -> None:
    assert reset(settled, *arguments, code=2) == output


@pytest.mark.corpus
@pytest.mark.slowest
def test_reset_killed(settled: Site, tmp_path: Path) -> None:
    """Wherever it is killed, running it again finishes, or undo takes it back."""
    pristine = tmp_path / "pristine"
    shutil.copytree(settled.root, pristine, symlinks=True)
    command = ("reset", "shop", "--database", "default", "--apply")
    killed = 0
    for step in range(1, 60, 6 if STEP == 1 else 12):
        shutil.rmtree(settled.root)
        shutil.copytree(pristine, settled.root, symlinks=True)
        settled.git("status")
        code = run_killed(settled, step, *command)
        if code == 0:
            break
        assert code == -signal.SIGKILL
        killed += 1
        rows = shop_rows(settled)
        assert rows in (FIRST, ["0001_initial"])
        reset(settled, "shop", "--database", "default", "--apply")
        assert (names(settled), shop_rows(settled)) == (["0001_initial"], ["0001_initial"])
        is_tidy(settled)
        reset(settled, "--undo")
        assert (names(settled), shop_rows(settled)) == (FIRST, FIRST)
    assert killed > 3


def test_rows_are_undone_though_the_backup_of_an_earlier_change_is_gone(settled: Site) -> None:
    """A reset of rows has no files, so no backup is its own."""
    reset(settled, "shop", "--apply")
    reset(settled, "shop", "--rows", "--database", "other", "--apply")
    for ref in settled.git("for-each-ref", "--format=%(refname)", "refs/migmerge/backup").split():
        settled.git("update-ref", "-d", ref)
    reset(settled, "--undo")
    assert shop_rows(settled, "other.sqlite3") == FIRST


def test_reset_killed_after_files_and_rows_is_still_undone(settled: Site) -> None:
    """All is written but the record that it is done; running it again writes no file."""
    reset(settled, "shop", "--database", "default", "--apply")
    record = settled.root / ".git/migmerge/resets.json"
    document = json.loads(record.read_text())
    document["resets"][-1] |= {"done": False, "backup": ""}
    record.write_text(json.dumps(document))
    reset(settled, "shop", "--database", "default", "--apply")
    reset(settled, "--undo")
    assert (names(settled), shop_rows(settled)) == (FIRST, FIRST)
    is_tidy(settled)


@pytest.mark.corpus
def test_reset_undo_killed_at_every_step(settled: Site, tmp_path: Path) -> None:
    before = settled.state()[1], names(settled), shop_rows(settled)
    reset(settled, "shop", "--database", "default", "--apply")
    pristine = tmp_path / "pristine"
    shutil.copytree(settled.root, pristine, symlinks=True)
    for step in range(1, 100, 1 if STEP == 1 else 14):
        shutil.rmtree(settled.root)
        shutil.copytree(pristine, settled.root, symlinks=True)
        settled.git("status")
        killed = run_killed(settled, step, "reset", "--undo")
        again = settled.run("reset", "--undo")
        assert again.returncode == (0 if killed else 2), (step, again.stdout, again.stderr)
        assert (settled.state()[1], names(settled), shop_rows(settled)) == before, step
        is_tidy(settled)
        if killed == 0:
            break
    assert step > 15


@pytest.mark.corpus
def test_reset_undo_killed_at_any_time(settled: Site, tmp_path: Path) -> None:
    """What was taken back is taken back whole by running it again."""
    before = settled.state()[1], names(settled), shop_rows(settled)
    reset(settled, "shop", "--database", "default", "--apply")
    pristine = tmp_path / "pristine"
    shutil.copytree(settled.root, pristine, symlinks=True)
    started = time.monotonic()
    reset(settled, "--undo")
    lasts = time.monotonic() - started
    chance = random.Random(7)
    for turn in range(KILLS):
        shutil.rmtree(settled.root)
        shutil.copytree(pristine, settled.root, symlinks=True)
        settled.git("status")
        with subprocess.Popen(
            [sys.executable, "-m", "migmerge", "reset", "--undo"], cwd=settled.root,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            time.sleep(lasts * chance.uniform(0.3, 1.1))
            process.kill()
        again = settled.run("reset", "--undo")
        assert again.returncode in (0, 2), (turn, again.stdout, again.stderr)
        assert (settled.state()[1], names(settled), shop_rows(settled)) == before, turn
        assert again.returncode == 0 or "MM320 there is no reset" in again.stderr
        is_tidy(settled)


def test_reset_where_the_settings_stop(settled: Site) -> None:
    settled.write(
        "site_settings.py", settled.read("site_settings.py").decode() + "raise RuntimeError('no')\n"
    )
    output = reset(settled, "shop", code=1)
    assert "shop: refused MM415\n  - makemigrations can't regenerate it: " in output


def test_reset_of_an_app_without_models(settled: Site) -> None:
    settled.write("cart/models.py", "")
    output = reset(settled, "cart", code=1)
    assert "  - makemigrations makes nothing: the app has no models\n" in output


def test_reset_below_a_migration_that_computes_its_dependencies(settled: Site) -> None:
    path = "cart/migrations/0001_line.py"
    text = settled.read(path).decode()
    text = text.replace("dependencies = [", "dependencies = [\n        make(),", 1)
    text = text.replace(
        "\n\nclass", "\n\ndef make():\n    return ('shop', '0001_initial')\n\n\nclass", 1
    )
    settled.write(path, text)
    output = reset(settled, "shop", code=1)
    assert f"  - {path}:" in output and "dependencies are computed: make()" in output


@pytest.mark.corpus
def test_reset_of_apps_that_need_each_other(settled: Site) -> None:
    """What is regenerated depends on an app that depends on it: that would be a cycle."""
    text = settled.read("shop/models.py").decode()
    line = (
        "    last = models.ForeignKey('cart.Line', models.CASCADE, null=True, related_name='x')\n"
    )
    settled.write("shop/models.py", text + line)
    settled.manage("makemigrations", "shop", "-v0", "-n", "last")
    output = reset(settled, "shop", "--lose-data-migrations", code=1)
    assert "  - a cycle: " in output

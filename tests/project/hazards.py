"""What stock Django makes of two sides that don't fit together, and what migmerge says.

    python -m tests.project.hazards > docs/hazards.md

Each hazard becomes a real project and a real repository: two branches, a merge, then
`makemigrations --merge` and `migrate` on a database of either side, and `migmerge check`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.project.conftest import MANAGE
from tests.project.operations_pool import BASE, HEAD, INT, KEY, ROWS, M

ROOT = Path(__file__).parents[2]
SETTINGS = """\
import os
SECRET_KEY = "x"
INSTALLED_APPS = ["django.contrib.contenttypes", "shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3",
                         "NAME": os.environ.get("NAME", "default") + ".sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
"""
# a database of one side: to the ancestor, rows, and that side's migration
BEFORE = """\
import json, sys
import django
django.setup()
from django.core.management import call_command
from django.db import connection
call_command("migrate", "shop", "0001", verbosity=0)
with connection.cursor() as cursor:
    for statement in json.loads(sys.argv[1]):
        cursor.execute(statement)
call_command("migrate", verbosity=0)
"""
# then a plain migrate on the merged files, and what is left
AFTER = """\
import json, sys
import django
django.setup()
from django.core.management import call_command
from django.db import connection
try:
    call_command("migrate", verbosity=0)
except Exception as error:
    print(json.dumps({"fails": type(error).__name__}))
    sys.exit()
found = {}
with connection.cursor() as cursor:
    for table in connection.introspection.table_names(cursor):
        if table.startswith("django_"):
            continue
        columns = connection.introspection.get_table_description(cursor, table)
        constraints = connection.introspection.get_constraints(cursor, table).values()
        cursor.execute('SELECT * FROM "%s"' % table)
        names = [c.name for c in columns]
        found[table] = [
            sorted(str((c.name, c.type_code, c.display_size, c.null_ok)) for c in columns),
            sorted(str((sorted(c["columns"]), c["unique"], c["check"])) for c in constraints),
            sorted(str(sorted(zip(names, map(str, row)))) for row in cursor.fetchall()),
        ]
print(json.dumps({"tables": found}))
"""


class Hazard(NamedTuple):
    """Two sides, each the operations of its migration and, maybe, a function before them."""

    title: str
    one: str
    other: str
    code: str = ""


def _code(body: str) -> str:
    return f"def forwards(apps, schema_editor):\n    {body}\n"


PRODUCT = "Product = apps.get_model('shop', 'Product')\n    "
TAG_KEY = "models.ForeignKey('shop.Tag', models.CASCADE, null=True, related_name='+')"
HAZARDS = (
    Hazard("both add one field, with two types", f"{M}AddField('Product', 'x', {INT})", f"{M}AddField('Product', 'x', models.CharField(max_length=9, default=''))"),
    Hazard("both add one field, the same", f"{M}AddField('Product', 'x', {INT})", f"{M}AddField('Product', 'x', {INT})" + f", {M}AddField('Product', 'y', {INT})"),
    Hazard("both remove one field", f"{M}RemoveField('Product', 'old')", f"{M}RemoveField('Product', 'old'), {M}AddField('Tag', 'x', {INT})"),
    Hazard("both alter one field", f"{M}AlterField('Product', 'name', models.CharField(max_length=60))", f"{M}AlterField('Product', 'name', models.CharField(max_length=70))"),
    Hazard("rename against alter", f"{M}RenameField('Product', 'stock', 'amount')", f"{M}AlterField('Product', 'stock', models.BigIntegerField(default=0))"),
    Hazard("two renames of one field", f"{M}RenameField('Product', 'stock', 'amount')", f"{M}RenameField('Product', 'stock', 'number')"),
    Hazard("two fields renamed to one name", f"{M}RenameField('Product', 'stock', 'amount')", f"{M}RenameField('Product', 'old', 'amount')"),
    Hazard("remove against rename", f"{M}RemoveField('Product', 'stock')", f"{M}RenameField('Product', 'stock', 'amount')"),
    Hazard("remove against an index on it", f"{M}RemoveField('Product', 'stock')", f"{M}AddIndex('Product', models.Index(fields=['stock'], name='si'))"),
    Hazard("remove against unique_together", f"{M}RemoveField('Order', 'place')", f"{M}AlterUniqueTogether('Order', {{('place', 'number')}})"),
    Hazard("remove against a constraint", f"{M}RemoveField('Order', 'place')", f"{M}AddConstraint('Order', models.CheckConstraint({KEY}=Q(place__gte=0), name='pc'))"),
    Hazard("delete model against a new foreign key to it", f"{M}DeleteModel('Legacy')", f"{M}AddField('Tag', 'legacy', models.ForeignKey('shop.Legacy', models.CASCADE, null=True))"),
    Hazard("delete model against a field added to it", f"{M}DeleteModel('Legacy')", f"{M}AddField('Legacy', 'x', {INT})"),
    Hazard("one field on a model and on its child", f"{M}AddField('Special', 'kid', {INT})", f"{M}AddField('Product', 'kid', {INT})"),
    Hazard("rename model against a field added to it", f"{M}RenameModel('Legacy', 'Ancient')", f"{M}AddField('Legacy', 'x', {INT})"),
    Hazard("rename model against a new foreign key to it", f"{M}RenameModel('Tag', 'Label')", f"{M}AddField('Order', 'tag', {TAG_KEY})"),
    Hazard("two renames of one model", f"{M}RenameModel('Tag', 'Label')", f"{M}RenameModel('Tag', 'Mark')"),
    Hazard("both create one model", f"{M}CreateModel('New', [('id', models.BigAutoField(primary_key=True))])", f"{M}CreateModel('New', [('id', models.BigAutoField(primary_key=True)), ('x', {INT})])"),
    Hazard("one table for two models", f"{M}CreateModel('New', [('id', models.BigAutoField(primary_key=True))], options={{'db_table': 'things'}})", f"{M}AlterModelTable('Tag', 'things')"),
    Hazard("two tables for one model", f"{M}AlterModelTable('Tag', 'tags_a')", f"{M}AlterModelTable('Tag', 'tags_b')"),
    Hazard("one index name twice", f"{M}AddIndex('Product', models.Index(fields=['stock'], name='i'))", f"{M}AddIndex('Order', models.Index(fields=['place'], name='i'))"),
    Hazard("unique_together twice", f"{M}AlterUniqueTogether('Product', {{('name', 'stock')}})", f"{M}AlterUniqueTogether('Product', {{('name', 'price')}})"),
    Hazard("ordering against ordering", f"{M}AlterModelOptions('Product', {{'ordering': ['stock']}})", f"{M}AlterModelOptions('Product', {{'ordering': ['price']}})"),
    Hazard("two reverse names alike", f"{M}AddField('Order', 'one', models.ForeignKey('shop.Tag', models.CASCADE, null=True))", f"{M}AddField('Order', 'two', models.ForeignKey('shop.Tag', models.CASCADE, null=True))"),
    Hazard("one column for two fields", f"{M}AddField('Product', 'tag_id', {INT})", f"{M}AddField('Product', 'tag', {TAG_KEY})"),
    Hazard("the type of a primary key against a new foreign key to it", f"{M}AlterField('Tag', 'id', models.AutoField(primary_key=True))", f"{M}AddField('Order', 'tag', {TAG_KEY})"),
    Hazard("state-only removal beside a rebuild of the table", f"{M}SeparateDatabaseAndState(state_operations=[{M}RemoveField('Product', 'stock')])", f"{M}AlterField('Product', 'price', models.BigIntegerField(null=True))"),
    Hazard("a rename beside a rebuild of the table", f"{M}RenameField('Product', 'price', 'cost')", f"{M}AddField('Product', 'x', {INT})"),
    Hazard("RunPython against removal of what it reads", f"{M}RunPython(forwards)", f"{M}RemoveField('Product', 'stock')", _code(PRODUCT + "Product.objects.filter(stock__gt=5).update(old='new')")),
    Hazard("RunPython that makes rows against a new field", f"{M}RunPython(forwards)", f"{M}AddField('Tag', 'x', models.IntegerField(default=1)), {M}AlterField('Tag', 'x', models.IntegerField(default=2))", _code("apps.get_model('shop', 'Tag').objects.create(word='made')")),
    Hazard("RunPython against ordering", f"{M}RunPython(forwards)", f"{M}AlterModelOptions('Product', {{'ordering': ['-name']}})", _code(PRODUCT + "Product.objects.filter(pk=Product.objects.first().pk).update(old='first')")),
    Hazard("RunPython against RunPython", f"{M}RunPython(forwards)", f"{M}RunSQL('UPDATE shop_product SET stock = stock * 2')", _code(PRODUCT + "for p in Product.objects.all():\n        p.stock += 1\n        p.save()")),
    Hazard("RunSQL against the field that it changes", f"{M}RunSQL('UPDATE shop_product SET stock = stock + 1')", f"{M}RemoveField('Product', 'stock')"),
)  # fmt: skip


def text(operations: str, *parents: str, code: str = "") -> str:
    dependencies = ", ".join(f'("shop", "{parent}")' for parent in parents)
    return (
        f"{HEAD}{code if 'forwards' in operations else ''}\n\nclass Migration(migrations.Migration):\n"
        f"    dependencies = [{dependencies}]\n    operations = [{operations}]\n"
    )


def run(root: Path, name: str, *arguments: str) -> str:
    """The last line that Python prints, in the project with the database of this name."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=root, capture_output=True, text=True, check=False,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "settings", "PYTHONPATH": str(root),
             "NAME": name},
    )  # fmt: skip
    if done.returncode and arguments[0] != "-m":
        raise RuntimeError(done.stderr[-1000:])
    return done.stdout.strip().rpartition("\n")[2]


def project(root: Path, hazard: Hazard) -> None:
    """A repository in which main, published, and feature have been merged."""

    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
        subprocess.run(
            ["git", *identity, *arguments], cwd=root, check=True, capture_output=True,
            env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
        )  # fmt: skip

    def write(name: str, content: str) -> None:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)

    git("init", "-q", "-b", "main")
    write("settings.py", SETTINGS)
    write("before.py", BEFORE)
    write("after.py", AFTER)
    write(".gitignore", "*.sqlite3\n__pycache__/\n")
    write("shop/__init__.py", "")
    write("shop/migrations/__init__.py", "")
    base = BASE.replace("    operations", "    dependencies = []\n    operations")
    write("shop/migrations/0001_initial.py", base)
    git("add", "-A")
    git("commit", "-qm", "base")
    for branch, operations in (("feature", hazard.one), ("main", hazard.other)):
        git("checkout", "-q", "-B", branch, *(["main"] if branch == "feature" else []))
        name = "0002_one" if branch == "feature" else "0002_other"
        write(f"shop/migrations/{name}.py", text(operations, "0001_initial", code=hazard.code))
        git("add", "-A")
        git("commit", "-qm", branch)
        run(root, branch, "before.py", json.dumps(ROWS))
        git("checkout", "-q", "main")
    git("update-ref", "refs/remotes/origin/main", "main")
    git("merge", "-q", "--no-edit", "feature")


def ours(root: Path) -> tuple[str, str]:
    """The verdict and the first reason of `migmerge check`."""
    done = subprocess.run(
        [sys.executable, "-m", "migmerge", "check", "--format", "json"],
        cwd=root, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    (conflict,) = json.loads(done.stdout)["conflicts"]
    return conflict["verdict"], (conflict["reasons"] or [""])[0]


def stock(root: Path) -> str:
    """What becomes of a database of either side after `makemigrations --merge` and `migrate`."""
    run(root, "default", "-m", "django", "makemigrations", "--merge", "--noinput", "shop")
    if len(list((root / "shop/migrations").glob("0003_merge*"))) != 1:
        return "`makemigrations --merge` fails"
    results = [json.loads(run(root, name, "after.py")) for name in ("feature", "main")]
    fails = [
        f"`migrate` fails where {side} came first ({result['fails']})"
        for side, result in zip(("one", "the other"), results, strict=True)
        if "fails" in result
    ]
    if fails:
        return "; ".join(fails)
    one, other = (result["tables"] for result in results)
    different = sorted(t for t in one.keys() | other.keys() if one.get(t) != other.get(t))
    return f"databases differ in {', '.join(different)}" if different else "both databases alike"


def verified(root: Path) -> str:
    """The starting points of which `migmerge verify` says that they don't arrive."""
    (root / "manage.py").write_text(MANAGE.replace("site_settings", "settings"))
    done = subprocess.run(
        [sys.executable, "-m", "migmerge", "verify", "--format", "json"],
        cwd=root, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    (project,) = json.loads(done.stdout)["projects"]
    wrong = [point["name"] for point in project["points"] if point["status"] == "failed"]
    return "fails: " + "; ".join(wrong) if wrong else "all arrive alike"


def row(hazard: Hazard) -> str:
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        project(root, hazard)
        verdict, reason = ours(root)
        outcome = stock(root)
        merged = "makemigrations" not in outcome
        found = verified(root) if merged else "nothing to migrate"
        return f"| {hazard.title} | {outcome} | **{verdict}**: {reason} | {found} |"


TOP = (
    "# Two sides that don't fit together",
    "",
    "Each line is a real project: *one* on a branch, *the other* on main, merged by git without a word.",
    "The second column is what stock `makemigrations --merge` and then `migrate` make of an SQLite",
    "database of either side, the third what `migmerge check` says before anything runs, and the last which",
    "databases don't arrive by what stock Django made, as `migmerge verify` finds by trying it.",
    "`python -m tests.project.hazards > docs/hazards.md` writes this page, and a test keeps it true.",
    "",
    "| one against the other | stock Django | migmerge check | migmerge verify of stock Django's merge |",
    "|---|---|---|---|",
)  # the first lines of docs/hazards.md


def rows(hazards: Sequence[Hazard]) -> list[str]:
    """A line of docs/hazards.md for each."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(row, hazards))


if __name__ == "__main__":
    print("\n".join((*TOP, *rows(HAZARDS))))

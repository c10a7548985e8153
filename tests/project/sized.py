"""Projects of a given number of migrations: several apps, dependents, squashes, two branches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.project.conftest import MANAGE, SETTINGS, Site

APPS = (
    "shop", "cart", "account", "product", "order", "payment", "shipping", "discount", "tax",
    "page", "menu", "webhook", "channel", "giftcard", "invoice", "warehouse", "plugin",
    "attribute", "checkout", "thumbnail",
)  # fmt: skip
SQUASHED = 5  # the first migrations of every third app


class Step(NamedTuple):
    """One migration of an app, and the lines of models.py that belong to it."""

    name: str
    parents: tuple[tuple[str, str], ...]
    operations: tuple[str, ...]


ID = (
    "('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, "
    "verbose_name='ID'))"
)
HEAD = "from django.db import migrations, models\n\n\nclass Migration(migrations.Migration):\n"


def migration(step: Step, replaces: tuple[tuple[str, str], ...] = ()) -> str:
    """The text of a migration, as Django lays it out."""
    lines = [HEAD]
    if replaces:
        lines.append(f"    replaces = {list(replaces)!r}\n")
    lines.append(
        "    dependencies = [" + "".join(f"\n        {p!r}," for p in step.parents) + "\n    ]\n"
    )
    operations = "".join(f"\n        migrations.{call}," for call in step.operations)
    return "\n".join([*lines, f"    operations = [{operations}\n    ]\n"])


def app_steps(app: str, before: str, length: int) -> Iterator[Step]:
    """A chain of `length` migrations; every tenth makes a model that refers to the app `before`."""
    last: tuple[tuple[str, str], ...] = ()
    model = "Thing"
    for number in range(1, length + 1):
        parents = last
        if number == 1:
            name = "0001_initial"
            call = f"CreateModel('Thing', fields=[{ID}, ('name', models.CharField(max_length=20))])"
        elif number % 10 == 0 and before:
            name, model = f"{number:04d}_part{number}", f"Part{number}"
            parents = (*last, (before, "0001_initial"))
            key = f"('thing', models.ForeignKey('{before}.Thing', models.CASCADE))"
            call = f"CreateModel('{model}', fields=[{ID}, {key}])"
        elif number % 7 == 0:
            name = f"{number:04d}_fill"
            call = "RunPython(migrations.RunPython.noop, migrations.RunPython.noop)"
        else:
            name = f"{number:04d}_field{number}"
            field = "models.IntegerField(null=True)"
            call = f"AddField('{model}', 'field{number}', {field})"
        yield Step(name, parents, (call,))
        last = ((app, name),)


def models_text(app: str, before: str, length: int) -> str:
    """The models.py of `app_steps`."""
    lines = ["from django.db import models\n\n"]
    lines.append("\nclass Thing(models.Model):\n    name = models.CharField(max_length=20)\n")
    for step in list(app_steps(app, before, length))[1:]:
        kind, _, title = step.name.partition("_")
        if title.startswith("part"):
            key = f"models.ForeignKey('{before}.Thing', models.CASCADE)"
            lines.append(f"\n\nclass Part{int(kind)}(models.Model):\n    thing = {key}\n")
        elif title.startswith("field"):
            lines.append(f"    {title} = models.IntegerField(null=True)\n")
    return "".join(lines)


def squash(app: str, steps: list[Step]) -> tuple[Step, tuple[tuple[str, str], ...]]:
    """The first migrations of an app in one, and what it replaces."""
    old = steps[:SQUASHED]
    operations = tuple(call for step in old for call in step.operations)
    name = f"0001_squashed_{old[-1].name}"
    return Step(name, (), operations), tuple((app, step.name) for step in old)


def build_sized(root: Path, count: int) -> None:
    """`count` migrations in all once feature (checked out) and main, which is published, have met.

    Both add a migration to shop; from 200 on, cart's last one on feature depends on shop's.
    Every third app has a squash; of these every second still has the originals.
    """
    made = Site(root)
    made.git("init", "-q")
    own = 1 if count < 20 else min(len(APPS), count // 20)
    apps = APPS[:own]
    added = 2 if own == 1 else 3
    settings = SETTINGS.replace('"shop", "cart"', ", ".join(f'"{app}"' for app in apps))
    made.write("site_settings.py", settings)
    made.write("manage.py", MANAGE)
    made.write(".gitignore", "__pycache__/\n*.sqlite3\n")
    left = count - added
    lengths: dict[str, int] = {}
    for index, app in enumerate(apps):
        before = apps[index - 1] if index else ""
        target = left // (own - index)
        left -= write_app(made, app, before, index, target, lengths)
    made.commit("base")
    price, stock = (f"{lengths['shop'] + 1:04d}_{title}" for title in ("price", "stock"))
    parent = list(app_steps("shop", "", lengths["shop"]))[-1].name
    made.git("checkout", "-q", "-b", "feature")
    add_field(made, "shop", price, ("shop", parent))
    if own > 1:
        last = list(app_steps("cart", "shop", lengths["cart"]))[-1].name
        name = f"{lengths['cart'] + 1:04d}_price"
        add_field(made, "cart", name, ("cart", last), ("shop", price))
    made.commit("price")
    made.git("checkout", "-q", "main")
    add_field(made, "shop", stock, ("shop", parent), top=True)
    made.commit("stock")
    made.publish()
    made.git("checkout", "-q", "feature")


def write_app(
    made: Site, app: str, before: str, index: int, target: int, lengths: dict[str, int]
) -> int:
    """The files of one app with `target` migrations, which is returned."""
    squashes, originals = index % 3 == 1, index % 2 == 0
    length = target
    if squashes:
        length = target - 1 if originals else target + SQUASHED - 1
    lengths[app] = length
    steps = list(app_steps(app, before, length))
    made.write(f"{app}/__init__.py", "")
    made.write(f"{app}/migrations/__init__.py", "")
    made.write(f"{app}/models.py", models_text(app, before, length))
    if squashes:
        short, replaces = squash(app, steps)
        made.write(f"{app}/migrations/{short.name}.py", migration(short, replaces))
        if not originals:
            steps = steps[SQUASHED:]
            steps[0] = steps[0]._replace(parents=((app, short.name),))
    for step in steps:
        made.write(f"{app}/migrations/{step.name}.py", migration(step))
    return target


def add_field(
    made: Site, app: str, name: str, *parents: tuple[str, str], top: bool = False
) -> None:
    """A migration that adds a field to the app's Thing, and the field in models.py."""
    title = name.partition("_")[2]
    call = f"AddField('thing', '{title}', models.IntegerField(null=True))"
    made.write(f"{app}/migrations/{name}.py", migration(Step(name, parents, (call,))))
    text = (made.root / app / "models.py").read_text()
    line = f"    {title} = models.IntegerField(null=True)\n"
    anchor = "    name = models.CharField(max_length=20)\n"
    made.write(f"{app}/models.py", text.replace(anchor, line + anchor if top else anchor + line, 1))

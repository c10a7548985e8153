"""The situations that every tool is put into: three commits' files, and what has to come out."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

SETTINGS = """\
import os

SECRET_KEY = "x"
INSTALLED_APPS = ["{shop}", "cart", *filter(None, os.environ.get("PEER_APP", "").split())]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ.get("PEER_DB", "db.sqlite3")}}}}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = True
"""
MANAGE = """\
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
# main's fields stand above, the branch's below: git merges the two without a word
MODELS = """\
from django.db import models


class Product(models.Model):
{above}    name = models.CharField(max_length={length})

    def __str__(self):
        return self.name

    # more fields
{below}"""
CART = """\
from django.db import models


class Line(models.Model):
    product = models.ForeignKey("shop.Product", on_delete=models.CASCADE, default=1)
"""
FIELD = "    {name} = models.{kind}\n"
INTEGER = "IntegerField(default=0)"
CREATE = "migrations.CreateModel('Product', [('id', models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')), ('name', models.CharField(max_length=20))])"
LINE = "migrations.CreateModel('Line', [('id', models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')), ('product', models.ForeignKey(default=1, on_delete=models.CASCADE, to='shop.Product'))])"

Files = Mapping[str, "str | bytes"]


class Scenario(NamedTuple):
    """What the base, main and the branch have; a path that a side lacks is as it is in the base.

    `moving` is the branch's leaf, `refuses` that the only right answer is not to fix it,
    `reverse` that the branch is merged into main. `leaves` are more branches beside the branch.
    """

    name: str
    what: str
    base: Files
    main: Files
    feature: Files
    moving: str = "0002_price"
    refuses: bool = False
    reverse: bool = False
    other: Files = MappingProxyType({})
    shop: str = "shop"


def migration(parents: str, *operations: str, before: str = "", depends: str = "") -> str:
    """A file; `parents` is `shop.0001_initial cart.0002_x`, `depends` the whole assignment."""
    pairs = [parent.split(".") for parent in parents.split()]
    listed = "".join(f"        ('{label}', '{name}'),\n" for label, name in pairs)
    depends = depends or f"dependencies = [\n{listed}    ]"
    run = "".join(f"        {operation},\n" for operation in operations)
    return (
        f"from django.db import migrations, models\n\n\n{before}"
        f"class Migration(migrations.Migration):\n\n    {depends}\n\n    operations = [\n{run}    ]\n"
    )


def add(name: str, kind: str = INTEGER) -> str:
    return f"migrations.AddField('product', '{name}', models.{kind})"


def models(above: str = "", below: str = "", length: int = 20) -> str:
    """shop's models: fields as `stock price`, all integers."""
    lines = [
        "".join(FIELD.format(name=name, kind=INTEGER) for name in names.split())
        for names in (above, below)
    ]
    return MODELS.format(above=lines[0], below=lines[1], length=length)


BASE: Files = {
    "manage.py": MANAGE,
    "settings.py": SETTINGS.format(shop="shop"),
    ".gitignore": "__pycache__/\n*.sqlite3\n",
    "shop/__init__.py": "",
    "shop/migrations/__init__.py": "",
    "shop/models.py": models(),
    "shop/migrations/0001_initial.py": migration("", CREATE),
    "cart/__init__.py": "",
    "cart/migrations/__init__.py": "",
    "cart/models.py": "",
}
STOCK = {
    "shop/models.py": models("stock"),
    "shop/migrations/0002_stock.py": migration("shop.0001_initial", add("stock")),
}
PRICE = {
    "shop/models.py": models(below="price"),
    "shop/migrations/0002_price.py": migration("shop.0001_initial", add("price")),
}


def written(depends: str) -> Files:
    """The branch's migration with its dependencies in another form."""
    text = migration("", add("price"), depends=depends)
    return {**PRICE, "shop/migrations/0002_price.py": text}


FILL = """\
def fill(apps, schema_editor):
    Product = apps.get_model("shop", "Product")
    for product in Product.objects.all():
        product.price = product.price + 1
        product.save(update_fields=["price"])


"""
LABELLED = {
    path.replace("shop/", "store/"): text for path, text in BASE.items() if path != "settings.py"
} | {
    "settings.py": SETTINGS.format(shop="store.apps.StoreConfig"),
    "store/apps.py": 'from django.apps import AppConfig\n\n\nclass StoreConfig(AppConfig):\n    name = "store"\n    label = "shop"\n',
}


def length(to: int) -> Files:
    alter = f"migrations.AlterField('product', 'name', models.CharField(max_length={to}))"
    return {
        "shop/models.py": models(length=to),
        f"shop/migrations/0002_length_{to}.py": migration("shop.0001_initial", alter),
    }


SCENARIOS = (
    Scenario("one each", "a field on either side", BASE, STOCK, PRICE),
    Scenario(
        "into main", "the same, and main is checked out while the branch is merged into it",
        BASE, STOCK, PRICE, reverse=True,
    ),
    Scenario(
        "chain", "three migrations on the branch", BASE, STOCK,
        {
            "shop/models.py": models(below="price colour weight"),
            "shop/migrations/0002_price.py": migration("shop.0001_initial", add("price")),
            "shop/migrations/0003_colour.py": migration("shop.0002_price", add("colour")),
            "shop/migrations/0004_weight.py": migration("shop.0003_colour", add("weight")),
        },
        moving="0004_weight",
    ),
    Scenario(
        "other app", "another app's migration depends on the branch's", BASE, STOCK,
        {
            **PRICE, "cart/models.py": CART,
            "cart/migrations/0001_initial.py": migration("shop.0002_price", LINE),
        },
    ),
    Scenario(
        "one line", "dependencies = [(…)] on one line, double quotes", BASE, STOCK,
        written('dependencies = [("shop", "0001_initial")]'),
    ),
    Scenario("tuple", "dependencies as a tuple", BASE, STOCK, written("dependencies = (('shop', '0001_initial'),)")),
    Scenario(
        "annotated", "dependencies: list = […]", BASE, STOCK,
        written("dependencies: list = [\n        ('shop', '0001_initial'),\n    ]"),
    ),
    Scenario(
        "CRLF", "Windows line endings stay", BASE, STOCK,
        {**PRICE, "shop/migrations/0002_price.py": PRICE["shop/migrations/0002_price.py"].replace("\n", "\r\n").encode()},
    ),
    Scenario(
        "comments", "a comment among the dependencies stays", BASE, STOCK,
        written("dependencies = [\n        # keep: see ticket 12\n        ('shop', '0001_initial'),\n    ]"),
    ),
    Scenario(
        "swappable", "swappable_dependency(…) among the dependencies stays", BASE, STOCK,
        written(
            "dependencies = [\n        migrations.swappable_dependency('cart.Line'),\n        ('shop', '0001_initial'),\n    ]",
        ) | {"cart/models.py": CART, "cart/migrations/0001_initial.py": migration("shop.0001_initial", LINE)},
    ),
    Scenario(
        "look-alikes", "pairs in operations that look like dependencies stay", BASE, STOCK,
        {
            "shop/models.py": models(below="price"),
            "shop/migrations/0002_price.py": migration(
                "shop.0001_initial", add("price"), "migrations.RunPython(fill, migrations.RunPython.noop)",
                before="WORDS = [('shop', '0001_initial'), ('shop', '0002_price')]\n\n\n" + FILL,
            ),
        },
    ),
    Scenario(
        "data", "a RunPython on the branch, which may run once only", BASE, STOCK,
        {
            "shop/models.py": models(below="price"),
            "shop/migrations/0002_price.py": migration(
                "shop.0001_initial", add("price"), "migrations.RunPython(fill, migrations.RunPython.noop)", before=FILL
            ),
        },
    ),
    Scenario(
        "one name", "both sides added 0002_more.py, with other content", BASE,
        {"shop/models.py": models("stock"), "shop/migrations/0002_more.py": migration("shop.0001_initial", add("stock"))},
        {"shop/models.py": models(below="price"), "shop/migrations/0002_more.py": migration("shop.0001_initial", add("price"))},
        moving="0002_more",
    ),
    Scenario(
        "three leaves", "two branches, both merged", BASE, STOCK, PRICE,
        other={
            "cart/models.py": "", "shop/more.py": "",
            "shop/migrations/0002_colour.py": migration(
                "shop.0001_initial", "migrations.RunSQL(migrations.RunSQL.noop, migrations.RunSQL.noop)"
            ),
        },
    ),
    Scenario(
        "diamond", "the branch has a merge migration of its own", BASE, STOCK,
        {
            "shop/models.py": models(below="price colour"),
            "shop/migrations/0002_price.py": migration("shop.0001_initial", add("price")),
            "shop/migrations/0002_colour.py": migration("shop.0001_initial", add("colour")),
            "shop/migrations/0003_merge.py": migration("shop.0002_price shop.0002_colour"),
        },
        moving="0003_merge",
    ),
    Scenario(
        "label", "the app's label is not its directory's name", LABELLED,
        {path.replace("shop/", "store/"): text for path, text in STOCK.items()},
        {path.replace("shop/", "store/"): text for path, text in PRICE.items()},
        shop="store",
    ),
    Scenario("both set", "both sides alter one field", BASE, length(40), length(30), moving="0002_length_30"),
    Scenario(
        "contradiction", "both sides add one field, of two types: only a person can say", BASE,
        {
            "shop/models.py": models("price"),
            "shop/migrations/0002_cents.py": migration("shop.0001_initial", add("price", "IntegerField(default=0)")),
        },
        {
            "shop/models.py": models().replace("    # more fields\n", "    # more fields\n    price = models.TextField(default='')\n"),
            "shop/migrations/0002_price.py": migration("shop.0001_initial", add("price", "TextField(default='')")),
        },
        refuses=True,
    ),
    Scenario(
        "rename against use", "main renames what the branch's migration uses", BASE,
        {
            "shop/models.py": models().replace("name = models", "title = models").replace("self.name", "self.title"),
            "shop/migrations/0002_title.py": migration("shop.0001_initial", "migrations.RenameField('product', 'name', 'title')"),
        },
        {
            "shop/migrations/0002_price.py": migration(
                "shop.0001_initial", "migrations.AlterField('product', 'name', models.CharField(max_length=50))"
            ),
        },
        refuses=True,
    ),
)  # fmt: skip

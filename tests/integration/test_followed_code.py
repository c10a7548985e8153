"""What the code of a data migration is followed into: modules of the repository, and rows of other
apps that go with what it deletes."""

from __future__ import annotations

import pytest

from tests.conftest import Repo

pytestmark = pytest.mark.once

ID = "('id', models.AutoField(primary_key=True))"
PRODUCT = f"CreateModel('Product', [{ID}, ('name', models.TextField())])"
LINE = "CreateModel('Line', [('product', models.ForeignKey('shop.Product', models.CASCADE))])"
NOTE = (
    f"CreateModel('Note', [{ID}, ('line', models.ForeignKey('cart.Line', models.CASCADE)), "
    "('text', models.TextField())])"
)
DELETES = "RunPython(lambda apps, e: apps.get_model('shop', 'Product').objects.all().delete())"
CODE = """\
from django.db import migrations
{head}

def forwards(apps, schema_editor):
    for product in apps.get_model("shop", "Product").objects.all():
        product.name = shorten(product.name)
        product.save()


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [migrations.RunPython(forwards)]
"""
HELPER = "def shorten(text):\n    return text[:5]\n"
NEW = "AddField('product', 'size', models.IntegerField(default=0))"


def verdict(repo: Repo) -> tuple[str, list[str]]:
    (conflict,) = repo.check()["conflicts"]
    return conflict["verdict"], conflict["reasons"]


@pytest.mark.parametrize(
    ("head", "path"),
    [
        ("from shop.tools import shorten", "shop/tools.py"),
        ("from shop.tools import shorten", "backend/shop/tools/__init__.py"),
        ("from ..tools import shorten", "shop/tools.py"),
        ("from . import shorten", "shop/migrations/__init__.py"),
    ],
)
def test_a_module_of_the_repository_is_read(repo: Repo, head: str, path: str) -> None:
    top = "backend/" if path.startswith("backend") else ""
    repo.migration(f"{top}shop", "0001_initial", operations=(PRODUCT,))
    repo.migration(f"{top}shop", "0002_size", "shop.0001_initial", operations=(NEW,))
    repo.write(f"{top}shop/migrations/0002_shorter.py", CODE.format(head=head))
    assert verdict(repo)[0] == "opaque"
    repo.write(path, HELPER)
    assert verdict(repo) == ("commute", [])


def test_a_module_that_uses_the_real_models_is_opaque(repo: Repo) -> None:
    repo.migration("shop", "0001_initial", operations=(PRODUCT,))
    repo.migration("shop", "0002_size", "0001_initial", operations=(NEW,))
    head = "from shop.tools import shorten"
    repo.write("shop/migrations/0002_shorter.py", CODE.format(head=head))
    repo.write("shop/models.py", "class Product:\n    pass\n")
    head = "from shop.models import Product\n\n"
    repo.write("shop/tools.py", f"{head}{HELPER}\ndef count():\n    Product()\n")
    assert verdict(repo) == ("commute", [])  # nobody calls it
    repo.write("shop/tools.py", f"{head}{HELPER}    Product()\n")
    why = "0002_shorter: RunPython uses shorten of shop.tools, which uses Product of shop.models"
    assert verdict(repo) == ("opaque", [why])


def test_rows_that_go_by_way_of_another_app(repo: Repo) -> None:
    """Deleted products take lines of the cart with them, and these the notes of the shop."""
    repo.migration("shop", "0001_initial", operations=(PRODUCT,))
    repo.migration("cart", "0001_initial", "shop.0001_initial", operations=(LINE,))
    repo.migration("shop", "0002_note", "0001_initial", "cart.0001_initial", operations=(NOTE,))
    repo.migration("shop", "0003_delete", "0002_note", operations=(DELETES,))
    alters = "AlterField('note', 'text', models.CharField(max_length=9))"
    repo.migration("shop", "0003_text", "0002_note", operations=(alters,))
    reason = "0003_delete (RunPython) runs code on rows of shop.note, beside 0003_text (AlterField)"
    assert verdict(repo) == ("overlap", [reason])


def test_what_goes_with_deleted_rows_is_not_named(repo: Repo) -> None:
    """Only code that names a field fails where the field is gone (MM112)."""
    name = DELETES.replace("all()", "filter(text='')")
    repo.migration("shop", "0001_initial", operations=(PRODUCT.replace("'name'", "'text'"),))
    line = LINE.replace("[(", "[('text', models.TextField()), (", 1)
    repo.migration("cart", "0001_initial", "shop.0001_initial", operations=(line,))
    repo.commit("base")
    repo.git("branch", "feature")
    removes = ("RemoveField('line', 'text')",)
    repo.migration("cart", "0002_main", "0001_initial", operations=removes)
    repo.commit("main")
    repo.publish()
    repo.git("checkout", "-q", "feature")
    repo.migration("shop", "0002_feature", "0001_initial", operations=(name,))
    repo.commit("feature")
    assert repo.check("--against", "main")["conflicts"] == []

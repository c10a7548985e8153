"""What RunPython and RunSQL are known to touch, and when they are opaque."""

from __future__ import annotations

import ast

import pytest

from migmerge.migrations.functions import Code, read_code
from migmerge.migrations.operations import OpaqueCode, read_script
from migmerge.migrations.statements import Sql, read_sql

HEAD = """\
import subprocess
from decimal import Decimal
from django.apps import apps as registry
from django.contrib.auth.models import User
from django.db import migrations
from django.db.models import F
from shop.models import Product as Real

LABEL = "shop"
WORDS = ["colour"]
PAIR = (WORDS, LABEL)


def helper(apps, words):
    Order = apps.get_model("shop", "Order")
    for order in Order.objects.all():
        order.total = Decimal(1)
        order.save(update_fields=words)


"""
GET = "Product = apps.get_model('shop', 'Product')\n"


def code(body: str) -> Code | OpaqueCode:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    script = read_script(f"{HEAD}def forwards(apps, editor):\n{lines}\n".encode(), "shop")
    return read_code(script, ast.Name("forwards", ast.Load()))


KNOWN = {
    "update": (GET + "Product.objects.filter(name='x').update(price=F('cost'))", {"shop.product"}, set()),
    "a label in a constant": ("P = apps.get_model(LABEL, 'Product')", {"shop.product"}, set()),
    "one string": ("P = apps.get_model('shop.Product')", {"shop.product"}, set()),
    "by keywords": ("apps.get_model(app_label='shop', model_name='Tag').objects.count()", {"shop.tag"}, set()),
    "through a function of the file": ("helper(apps, ['total'])", {"shop.order"}, set()),
    "rows made by the manager": (GET + "Product.objects.create(name='x')", {"shop.product"}, {"shop.product"}),
    "rows made by the class": (GET + "Product(name='x').save()", {"shop.product"}, {"shop.product"}),
    "rows made by using()": (GET + "Product.objects.using('x').create()", {"shop.product"}, {"shop.product"}),
    "rows made by a relation": (GET + "Product.objects.first().orders.create()", {"shop.product"}, {"*"}),
    "rows copied": (GET + "p = Product.objects.first()\np.pk = None\np.save()", {"shop.product"}, {"*"}),
    "rows between": (GET + "Product.objects.first().tags.set([1])", {"shop.product"}, {"*"}),
    "rows between, by a variable": (GET + "tags = Product.objects.first().tags\ntags.add(1)", {"shop.product"}, {"*"}),
    "a set": (GET + "seen = set()\nseen.add(1)", {"shop.product"}, set()),
    "a function of the file, twice": ("helper(apps, ['a'])\nhelper(apps, ['b'])", {"shop.order"}, set()),
    "another name for apps": ("helper(apps, [])", {"shop.order"}, set()),
    "all columns": (GET + "list(Product.objects.values())", {"shop.product"}, {"*"}),
    "a class in a loop": ("for name in ['A']:\n    M = apps.get_model('shop', 'A')\n    N = M\n    N()", {"shop.a"}, {"*"}),
    "the alias of the connection": (GET + "Product.objects.using(editor.connection.alias).count()", {"shop.product"}, set()),
    "an annotation": ("def inner(p: Real) -> Real:\n    return p\n" + GET, {"shop.product"}, set()),
}  # fmt: skip


@pytest.mark.parametrize(("body", "models", "makes"), KNOWN.values(), ids=KNOWN)
def test_read_code_known(body: str, models: set[str], makes: set[str]) -> None:
    found = code(body)
    assert isinstance(found, Code)
    assert (set(found.models), set(found.makes)) == (models, makes)


def test_read_code_words_are_all_names_and_parts_of_lookups() -> None:
    found = code(GET + "Product.objects.filter(category__name='x', **{'a__b': 1}).only('-c')")
    assert isinstance(found, Code)
    assert {"category", "name", "a", "b", "c"} <= found.words


def test_read_code_words_of_constants() -> None:
    found = code(GET + "for word in WORDS:\n    setattr(Product, 'x', word)")
    assert isinstance(found, Code) and "colour" in found.words


@pytest.mark.parametrize("body", ["pass", "print('done')", "if 1:\n    return"])
def test_read_code_without_models_runs_nothing(body: str) -> None:
    assert code(body) == Code(runs=False)


OPAQUE = {
    "delete": (GET + "Product.objects.all().delete()", "deletes rows, which may take others with them"),
    "the real model": ("Real.objects.count()", "uses Real of shop.models"),
    "a model of django": ("User.objects.count()", "uses User of django.contrib.auth.models"),
    "the global registry": ("registry.get_model('shop', 'A')", "gets a model from elsewhere than apps"),
    "a computed name": ("for n in ['A']:\n    apps.get_model('shop', n)", "gets a model by a computed name"),
    "computed attributes": (GET + "for n in WORDS:\n    setattr(Product, n, 1)", "names attributes by computed strings"),
    "computed keywords": (GET + "values = {}\nProduct.objects.filter(**values)", "passes arguments that are put together"),
    "the schema editor": ("editor.execute('x')", "uses editor in another way than Django's documentation"),
    "the connection": ("editor.connection.ensure()", "uses the connection"),
    "a cursor": ("editor.connection.cursor()", "uses .cursor"),
    "another process": ("subprocess.run(['x'])", "uses subprocess"),
    "the connection under another name": ("from django.db import connection as c\nc.ops", "uses c"),
    "a module by its name": ("from django.utils.module_loading import import_string as i\ni('x')", "uses i"),
    "a module of another name": ("import shop.models as m\nm.Product", "uses m of shop"),
    "a name from nowhere": ("magic()", "uses magic, which is not plain in this file"),
    "an import inside": ("from shop.tools import f\nf()", "uses f of shop.tools"),
    "a global": ("global LABEL\nLABEL = 'x'", "changes names outside of itself"),
    "apps handed on": ("print(apps)", "uses apps in another way than Django's documentation"),
    "get_model under another name": ("get = apps.get_model\nget('shop', 'A')", "uses get_model without calling it"),
    "get_model in a partial": ("print(apps.get_model, ['shop.A'])", "uses get_model without calling it"),
    "get_model by its name": ("getattr(registry, 'get_model')", "names attributes by computed strings"),
    "the table of a many-to-many field": ("apps.get_model('shop', 'Product_tags')", "gets the table of a many-to-many field"),
    "raw SQL": (GET + "from django.db.models.expressions import RawSQL\nProduct.objects.update(x=RawSQL('1', []))", "uses RawSQL"),
    "the shape of an object": (GET + "print(Product.__dict__)", "uses .__dict__"),
    "its documentation": (GET + "print(Product.__doc__)", "uses .__doc__"),
    "dir": (GET + "print(dir(Product))", "uses dir"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "reason"), OPAQUE.values(), ids=OPAQUE)
def test_read_code_opaque(body: str, reason: str) -> None:
    assert code(body) == OpaqueCode(f"RunPython {reason}")


@pytest.mark.parametrize("text", ["migrations.RunPython.noop", "None"])
def test_read_code_noop(text: str) -> None:
    script = read_script(HEAD.encode(), "shop")
    assert read_code(script, ast.parse(text, mode="eval").body) == Code(runs=False)


def sql(text: str) -> Sql | OpaqueCode:
    return read_sql(read_script(HEAD.encode(), "shop"), ast.parse(text, mode="eval").body)


TABLES = {
    "update": ("'UPDATE shop_a SET x = 1 WHERE y IN (SELECT z FROM Shop_B)'", {"shop_a", "shop_b"}, set()),
    "several": ("'INSERT INTO a (x) VALUES (1); UPDATE public.b SET x = 2;'", {"a", "b"}, set()),
    "a list with parameters": ("['UPDATE a SET x = 1', ('UPDATE b SET x = %s', [1])]", {"a", "b"}, set()),
    "an index": ("'CREATE INDEX CONCURRENTLY i ON a (x)'", {"a"}, {"i"}),
    "a constraint": ("'ALTER TABLE a ADD CONSTRAINT c CHECK (x > 0)'", {"a"}, {"c"}),
    "nothing": ("''", set(), set()),
    "noop": ("migrations.RunSQL.noop", set(), set()),
}  # fmt: skip


@pytest.mark.parametrize(("text", "tables", "objects"), TABLES.values(), ids=TABLES)
def test_read_sql_tables(text: str, tables: set[str], objects: set[str]) -> None:
    assert sql(text) == Sql(frozenset(tables), frozenset(objects))


UNKNOWN = {
    "delete": ("'DELETE FROM a'", "runs a DELETE statement"),
    "a function": ("'SELECT my_function(1)'", "runs SQL that can't be followed"),
    "a block": ("'DO $$ BEGIN END $$'", "runs a COMMAND statement"),
    "a view": ("'CREATE VIEW v AS SELECT 1'", "runs a CREATE statement"),
    "a drop": ("'ALTER TABLE a DROP COLUMN b'", "runs SQL that can't be followed"),
    "computed": ("open('x.sql').read()", "runs computed SQL"),
    "nonsense": ("'this is (not SQL'", "runs SQL that does not parse"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "reason"), UNKNOWN.values(), ids=UNKNOWN)
def test_read_sql_opaque(text: str, reason: str) -> None:
    assert sql(text) == OpaqueCode(f"RunSQL {reason}")


def test_read_code_of_a_lambda() -> None:
    node = ast.parse("lambda apps, editor: apps.get_model('shop', 'Product').objects.count()")
    found = read_code(read_script(HEAD.encode(), "shop"), node.body[0].value)  # type: ignore[attr-defined]
    assert isinstance(found, Code) and found.models == {"shop.product"}


def test_read_code_from_elsewhere_is_opaque() -> None:
    node = ast.parse("tools.forwards").body[0].value  # type: ignore[attr-defined]
    answer = read_code(read_script(HEAD.encode(), "shop"), node)
    assert answer == OpaqueCode("RunPython runs code that is not a function of this file")


MORE = {
    "a function that calls itself": "def again(n):\n    again(n)\n" + GET + "again(1)",
    "a function that is called twice": "def again(n):\n    return n\n" + GET + "again(1)\nagain(2)",
    "what a list holds is called": GET + "[print][0](Product)",
    "what a call gives is called": GET + "print(type(Product)())",
    "an error by its name": GET
    + "try:\n    Product.objects.get()\nexcept ValueError as error:\n    print(error)",
    "a constant of constants": GET + "print(PAIR)",
    "an import inside": GET + "import decimal\nprint(decimal.Decimal(1))",
}


@pytest.mark.parametrize("body", MORE.values(), ids=MORE)
def test_read_code_known_without_a_doubt(body: str) -> None:
    found = code(body)
    assert isinstance(found, Code), found
    assert found.models == {"shop.product"}


def test_read_sql_without_the_extra_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migmerge.migrations.statements.find_spec", lambda name: None)
    assert sql("'UPDATE a SET x = 1'") == OpaqueCode(
        "RunSQL runs SQL, which migmerge[sql] would read"
    )


def test_read_sql_of_a_computed_statement_in_a_list() -> None:
    assert sql("['UPDATE a SET x = 1', make()]") == OpaqueCode("RunSQL runs computed SQL")

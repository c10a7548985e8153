"""What RunPython and RunSQL are known to touch, and when they are opaque."""

from __future__ import annotations

import ast

import pytest

from migmerge.migrations.functions import Code, read_code, read_default
from migmerge.migrations.operations import OpaqueCode, read_script, with_helpers
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
    "rows between": (GET + "Product.objects.first().tags.set([1])", {"shop.product"}, set()),
    "a set": (GET + "seen = set()\nseen.add(1)", {"shop.product"}, set()),
    "a function of the file, twice": ("helper(apps, ['a'])\nhelper(apps, ['b'])", {"shop.order"}, set()),
    "another name for apps": ("helper(apps, [])", {"shop.order"}, set()),
    "a class in a list": (GET + "for model in [Product]:\n    model.objects.count()", {"shop.product"}, {"*"}),
    "a class without a name in a list": ("kinds = [apps.get_model('shop', 'Product')]", {"shop.product"}, {"*"}),
    "all columns": (GET + "list(Product.objects.values())", {"shop.product"}, {"*"}),
    "a class in a loop": ("for name in ['A']:\n    M = apps.get_model('shop', 'A')\n    N = M\n    N()", {"shop.a"}, {"shop.a"}),
    "one of two classes": (GET + "Tag = apps.get_model('shop', 'Tag')\nfor M in (Product, Tag):\n    M()", {"shop.product", "shop.tag"}, {"*"}),
    "a class that is another one later": (GET + "Product = apps.get_model('shop', 'Tag')\nProduct()", {"shop.product", "shop.tag"}, {"*"}),
    "the alias of the connection": (GET + "Product.objects.using(editor.connection.alias).count()", {"shop.product"}, set()),
    "an annotation": ("def inner(p: Real) -> Real:\n    return p\n" + GET, {"shop.product"}, set()),
}  # fmt: skip


@pytest.mark.parametrize(("body", "models", "makes"), KNOWN.values(), ids=KNOWN)
def test_read_code_known(body: str, models: set[str], makes: set[str]) -> None:
    found = code(body)
    assert isinstance(found, Code)
    assert (set(found.models), set(found.makes)) == (models, makes)


DELETED = {
    "a queryset": "Product.objects.filter(name='x').exclude(name='y').delete()",
    "a row": "Product.objects.get(name='x').delete()",
    "each row": "for product in Product.objects.order_by('pk').iterator():\n    product.delete()",
    "rows in a list": "for product in list(Product.objects.all())[1:]:\n    product.delete()",
    "a queryset that is narrowed": "rows = Product.objects.all()\nrows = rows.filter(name='x')\nrows.delete()",
    "without a name": "apps.get_model('shop', 'Product').objects.all().delete()",
    "at once": "rows = Product.objects.all()\nrows._raw_delete('default')",
}


@pytest.mark.parametrize("body", DELETED.values(), ids=DELETED)
def test_read_code_deletes(body: str) -> None:
    found = code(GET + body)
    assert isinstance(found, Code) and found.deletes == {"shop.product"}


def test_read_code_joins_by_a_field() -> None:
    found = code(GET + "for product in Product.objects.all():\n    product.tags.add(1)")
    assert isinstance(found, Code) and found.joins == {"tags"}


HIDDEN_JOINS = {
    "a variable": "tags = Product.objects.first().tags\ntags.add(1)",
    "a method": "getattr(Product.objects.first(), 'tags').add(1)",
    "an argument": "def link(tags):\n    tags.add(1)\nlink(Product.objects.first().tags)",
    "a name of two things": "tags = set()\nif tags:\n    tags = Product.objects.first().tags\ntags.add(1)",
    "a list of them": "for tags in [p.tags for p in Product.objects.all()]:\n    tags.add(1)",
}


@pytest.mark.parametrize("body", HIDDEN_JOINS.values(), ids=HIDDEN_JOINS)
def test_read_code_joins_by_a_hidden_field(body: str) -> None:
    found = code(GET + body)
    assert isinstance(found, Code) and found.joins == {"*"}


@pytest.mark.parametrize("value", ["set()", "[]", "{1}", "{x for x in 'ab'}", "defaultdict(set)"])
def test_read_code_joins_of_containers_are_none(value: str) -> None:
    inside = "from collections import defaultdict\n" + GET
    found = code(f"{inside}seen = {value}\nseen.clear()")
    assert isinstance(found, Code) and found.joins == frozenset()


@pytest.mark.parametrize("line", ["p.pk = None", "setattr(p, 'pk', 1)", "p.pk += 1"])
def test_read_code_assigns(line: str) -> None:
    found = code(f"{GET}p = Product.objects.first()\n{line}\np.save()")
    assert isinstance(found, Code) and found.assigns == {"pk"}


STATEMENTS = {
    "the schema editor": "editor.execute('UPDATE a SET x = 1')",
    "a cursor": "with editor.connection.cursor() as cursor:\n    cursor.execute('UPDATE a SET x = %s', [1])",
    "the imported connection": "from django.db import connection\nconnection.cursor().execute('UPDATE a SET x = 1')",
}


@pytest.mark.parametrize("body", STATEMENTS.values(), ids=STATEMENTS)
def test_read_code_runs_sql(body: str) -> None:
    found = code(body)
    assert (
        isinstance(found, Code)
        and found.runs
        and found.sql == Sql(frozenset({"a"}), columns=frozenset({"x"}))
    )


def test_read_code_words_do_not_hold_the_names_of_models() -> None:
    found = code("apps.get_model('shop', 'Order').objects.update(x=1)")
    assert isinstance(found, Code) and "order" not in found.words


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
    "rows of a relation deleted": (GET + "Product.objects.first().orders.all().delete()", "deletes rows of a model that it does not name"),
    "what is handed on deleted": ("def drop(rows):\n    rows.delete()\n" + GET + "drop(Product.objects.all())", "deletes rows of a model that it does not name"),
    "rows of a list": (GET + "rows = list(Product.objects.all())\nrows.clear()\nfor row in rows:\n    row.delete()", "deletes rows of a model that it does not name"),
    "rows of a list that is a slice": (GET + "rows = Product.objects.all()[::2]\nfor row in rows:\n    row.delete()", "deletes rows of a model that it does not name"),
    "rows of a function that is named as a builtin": (GET + "def sorted(rows):\n    return rows\nfor row in sorted(Product.objects.all()):\n    row.delete()", "deletes rows of a model that it does not name"),
    "what is bound by match": (GET + "row = Product.objects.first()\nmatch {}:\n    case {**row}:\n        row.delete()", "deletes rows of a model that it does not name"),
    "delete under another name": (GET + "drop = Product.objects.all().delete\ndrop()", "uses .delete"),
    "delete by its name": (GET + "getattr(Product.objects.all(), 'delete')()", "names attributes by computed strings"),
    "the real model": ("Real.objects.count()", "uses Real of shop.models"),
    "a model of django": ("User.objects.count()", "uses User of django.contrib.auth.models"),
    "the global registry": ("registry.get_model('shop', 'A')", "gets a model from elsewhere than apps"),
    "a computed name": ("for n in ['A']:\n    apps.get_model('shop', n)", "gets a model by a computed name"),
    "computed attributes": (GET + "for n in WORDS:\n    setattr(Product, n, 1)", "names attributes by computed strings"),
    "computed keywords": (GET + "values = {}\nProduct.objects.filter(**values)", "passes arguments that are put together"),
    "the schema editor": ("editor.table_sql('x')", "uses editor in another way than Django's documentation"),
    "the connection": ("editor.connection.ensure()", "uses the connection"),
    "a cursor under another name": ("cursor = editor.connection.cursor\ncursor()", "uses .cursor"),
    "computed SQL": ("editor.execute(str(1))", "runs computed SQL"),
    "SQL in a local name": ("LABEL = str(1)\neditor.execute(LABEL)", "runs computed SQL"),
    "SQL that can't be read": ("editor.execute('DO $$ BEGIN END $$')", "runs a COMMAND statement"),
    "a copy": ("with editor.connection.cursor() as cursor:\n    cursor.copy('COPY a FROM STDIN')", "copies into a table"),
    "many statements": ("editor.connection.cursor().executemany('UPDATE a SET x = %s', [[1]])", "uses .executemany"),
    "the imported connection": ("from django.db import connection\nconnection.close()", "uses the connection"),
    "the imported connection handed on": ("from django.db import connection\nprint(connection)", "uses the connection"),
    "another process": ("subprocess.run(['x'])", "uses subprocess"),
    "the connection under another name": ("from django.db import connection as c\nc.ops", "uses the connection"),
    "a module by its name": ("from django.utils.module_loading import import_string as i\ni('x')", "uses i"),
    "a module of another name": ("import shop.models as m\nm.Product", "uses m of shop"),
    "a name from nowhere": ("magic()", "uses magic, which is not plain in this file"),
    "an import inside": ("from shop.tools import f\nf()", "uses f of shop.tools"),
    "a global": ("global LABEL\nLABEL = 'x'", "changes names outside of itself"),
    "apps handed on": ("print(apps)", "uses apps in another way than Django's documentation"),
    "get_model under another name": ("get = apps.get_model\nget('shop', 'A')", "uses get_model without calling it"),
    "get_model in a partial": ("print(apps.get_model, ['shop.A'])", "uses get_model without calling it"),
    "get_model by its name": ("getattr(registry, 'get_model')", "names attributes by computed strings"),
    "raw SQL": (GET + "from django.db.models.expressions import RawSQL\nProduct.objects.update(x=RawSQL('1', []))", "uses RawSQL"),
    "the shape of an object": (GET + "print(Product.__dict__)", "uses .__dict__"),
    "its documentation": (GET + "print(Product.__doc__)", "uses .__doc__"),
    "dir": (GET + "print(dir(Product))", "uses dir"),
    "getattr under another name": (GET + "get = getattr\nget(Product, 'objects')", "uses getattr without calling it"),
    "a lookup that is put together": (GET + "Product.objects.filter(**{f'{GET}__x': 1})", "passes arguments that are put together"),
    "a field that is put together": (GET + "Product.objects.values(f'{GET}__x')", "names fields by computed strings"),
    "the query of a queryset": (GET + "print(Product.objects.all().query)", "uses .query"),
    "a module that calls by name": (GET + "from operator import methodcaller\nmethodcaller('delete')(Product)", "uses methodcaller"),
    "a builtin by its module": (GET + "import builtins as b\nb.exec('x')", "uses b"),
    "another module of Python": (GET + "import pydoc\npydoc.locate('x')", "uses pydoc of pydoc"),
    "a local name in a model's": (GET + "LABEL = 'x'\napps.get_model(LABEL, 'Product')", "gets a model by a computed name"),
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


def named(tables: str, columns: str = "", objects: str = "", emptied: str = "") -> Sql:
    named_tables, named_columns, named_objects, emptied_tables = (
        frozenset(names.split()) for names in (tables, columns, objects, emptied)
    )
    return Sql(named_tables, named_objects, emptied_tables, columns=named_columns)


TABLES = {
    "update": ("'UPDATE shop_a SET x = 1 WHERE y IN (SELECT z FROM Shop_B)'", named("shop_a shop_b", "x y z")),
    "several": ("'INSERT INTO a (x) VALUES (1); UPDATE public.b SET y = 2;'", named("a b", "y")._replace(rows_only=False)),
    "a list with parameters": ("['UPDATE a SET x = 1', ('UPDATE b SET x = %s', [1])]", named("a b", "x")),
    "a function of PostgreSQL": ("'UPDATE a SET x = uuid_generate_v4()'", named("a", "x")),
    "rows that are counted": ("'UPDATE a SET x = (SELECT COUNT(*) FROM b)'", named("a b", "x")),
    "all columns": ("'SELECT * FROM a'", named("a")._replace(rows_only=False)),
    "the columns of a row": ("'UPDATE a AS t SET x = concat(t)'", named("a", "x t")._replace(rows_only=False)),
    "columns of one name": ("'UPDATE a SET x = 1 FROM b NATURAL JOIN c'", named("a b c", "x")._replace(rows_only=False)),
    "rows made inside": ("'WITH n AS (INSERT INTO b (y) VALUES (1) RETURNING y) UPDATE a SET x = 1'", named("a b", "x y")._replace(rows_only=False)),
    "a delete": ("'DELETE FROM a USING b WHERE a.x = b.x'", named("a b", "x", emptied="a b")),
    "an index": ("'CREATE INDEX CONCURRENTLY i ON a (x)'", named("a", "x", objects="i")._replace(rows_only=False)),
    "a constraint": ("'ALTER TABLE a ADD CONSTRAINT c CHECK (x > 0)'", named("a", "x", objects="a c")._replace(rows_only=False)),
    "a column that goes": ("'ALTER TABLE a DROP COLUMN b'", named("a", "b", objects="a")._replace(rows_only=False)),
    "a table that goes": ("'DROP TABLE IF EXISTS a'", named("a", objects="a")._replace(rows_only=False)),
    "an index that goes": ("'DROP INDEX CONCURRENTLY IF EXISTS i'", named("*", objects="i")._replace(rows_only=False)),
    "the comment of a column": ("\"COMMENT ON COLUMN a.x IS 'y'\"", named("a", "x")._replace(rows_only=False)),
    "nothing": ("''", Sql()),
    "noop": ("migrations.RunSQL.noop", Sql()),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), TABLES.values(), ids=TABLES)
def test_read_sql_tables(text: str, expected: Sql) -> None:
    assert sql(text) == expected


UNKNOWN = {
    "a function": ("'SELECT my_function(1)'", "runs SQL that can't be followed"),
    "a block": ("'DO $$ BEGIN END $$'", "runs a COMMAND statement"),
    "a view": ("'CREATE VIEW v AS SELECT 1'", "runs a CREATE statement"),
    "a column with what uses it": ("'ALTER TABLE a DROP COLUMN b CASCADE'", "runs SQL that can't be followed"),
    "a table with what uses it": ("'DROP TABLE a CASCADE'", "runs a DROP statement"),
    "an index that may be missing": ("'DROP INDEX i'", "runs a DROP statement"),
    "a view that goes": ("'DROP VIEW IF EXISTS v'", "runs a DROP statement"),
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


def test_read_code_of_a_function_of_the_class() -> None:
    text = (
        "class Migration(migrations.Migration):\n    def fill(apps, editor):\n"
        "        apps.get_model('shop', 'Product').objects.update(x=1)\n\n    operations = []\n"
    )
    found = read_code(read_script(f"{HEAD}{text}".encode(), "shop"), ast.Name("fill", ast.Load()))
    assert isinstance(found, Code) and found.models == {"shop.product"}


def test_read_code_from_elsewhere_is_opaque() -> None:
    node = ast.parse("tools.forwards").body[0].value  # type: ignore[attr-defined]
    answer = read_code(read_script(HEAD.encode(), "shop"), node)
    assert answer == OpaqueCode("RunPython runs code that is not a function of this file")


TOOLS = b"""\
from enum import Enum
from django.db import connection, connection as db, models
from shop.models import Product as Real
from shop.other import far

LIMIT = 5


class Kind(models.TextChoices):
    SMALL = "small"


class Stock(models.Model):
    pass


class Made(metaclass=Stock):
    pass


def shorten(text):
    return text[:LIMIT]


def fill(apps, word):
    Tag = apps.get_model("shop", "Tag")
    Tag.objects.filter(word=word).update(kind=Kind.SMALL)


def count():
    return Real.objects.count()


def stock():
    return Stock.objects.count()


def forwards(registry, editor):
    registry.get_model("shop", "Order").objects.update(x=1)
"""


def code_with_tools(body: str, entry: str = "forwards") -> Code | OpaqueCode:
    head, lines = body.split("\n", 1)
    text = f"{head}\ndef forwards(apps, editor):\n    " + lines.replace("\n", "\n    ")
    script = with_helpers(
        read_script(f"{text}\n".encode(), "shop"),
        {"shop.tools": TOOLS, ".tools": TOOLS, "shop.broken": b"def f(:"},
    )
    return read_code(script, ast.Name(entry, ast.Load()))


HELPED = {
    "a function": ("from shop.tools import shorten\nshorten('x')", set()),
    "a function that gets models": ("from shop.tools import fill\nfill(apps, 'x')", {"shop.tag"}),
    "by a relative import": ("from .tools import fill as f\nf(apps, 'x')", {"shop.tag"}),
    "an import inside": ("\nfrom shop.tools import fill\nfill(apps, 'x')", {"shop.tag"}),
    "an enumeration": ("from shop.tools import Kind\nKind.SMALL.value", set()),
    "a constant": ("from shop.tools import LIMIT\nprint(LIMIT)", set()),
}


@pytest.mark.parametrize(("body", "models"), HELPED.values(), ids=HELPED)
def test_read_code_of_a_module_of_the_repository(body: str, models: set[str]) -> None:
    found = code_with_tools(f"{body}\napps.get_model('shop', 'Product').objects.update(x=1)")
    assert isinstance(found, Code), found
    assert found.models == {"shop.product", *models}


def test_read_code_that_is_imported_as_a_whole() -> None:
    found = code_with_tools("from shop.tools import forwards as fill\npass", "fill")
    assert isinstance(found, Code) and found.models == {"shop.order"}


NO_HELP = {
    "a real model": ("from shop.tools import count\ncount()", "uses count of shop.tools, which uses Real of shop.models"),
    "a model of the module": ("from shop.tools import Stock\nStock.objects.count()", "uses Stock of shop.tools, which uses the class Stock"),
    "a function on a model of the module": ("from shop.tools import stock\nstock()", "uses stock of shop.tools, which uses the class Stock"),
    "what the module imports": ("from shop.tools import far\nfar()", "uses far of shop.tools, which uses far of shop.other"),
    "its connection": ("from shop.tools import connection as c\nc.ops", "uses c"),
    "its connection under another name": ("from shop.tools import db as c\nc.ops", "uses c of shop.tools, which uses the connection"),
    "one name from two places": ("from shop.tools import fill\nfrom shop.other import far as fill\nfill(apps, 'x')", "imports fill from two places"),
    "a class that another class makes": ("from shop.tools import Made\nMade()", "uses Made of shop.tools, which uses the class Made"),
    "what is not there": ("from shop.tools import gone\ngone()", "uses gone of shop.tools, which uses gone, which is not plain in this file"),
    "the module itself": ("import shop.tools as tools\ntools.count()", "uses tools of shop"),
    "what does not parse": ("from shop.broken import f\nf()", "uses f of shop.broken"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "reason"), NO_HELP.values(), ids=NO_HELP)
def test_read_code_of_a_module_that_is_opaque(body: str, reason: str) -> None:
    assert code_with_tools(body) == OpaqueCode(f"RunPython {reason}")


def default_of(text: str, head: str = "") -> str:
    source = f"{HEAD}{head}\n"
    script = with_helpers(read_script(source.encode(), "shop"), {"shop.tools": TOOLS})
    node = ast.parse(text, mode="eval").body
    assert isinstance(node, (ast.Name, ast.Attribute))
    return read_default(script, node)


COUNT = (
    "from django.db import connection\n"
    "def count():\n    with connection.cursor() as c:\n        c.execute('SELECT COUNT(*) FROM shop_tag')"
)
DEFAULTS = {
    "a builtin": ("list", "", ""),
    "a function of Python": ("uuid.uuid4", "import uuid", ""),
    "a function of Django": ("django.utils.timezone.now", "import django.utils.timezone", ""),
    "a function of the file": ("token", "def token():\n    return 'x'", ""),
    "a function of the file that asks": ("count", COUNT, "runs code on rows"),
    "a function of the repository": ("shorten", "from shop.tools import shorten", ""),
    "the same by its module": ("shop.tools.shorten", "import shop.tools", ""),
    "an enumeration by its module": ("shop.tools.Kind.SMALL", "import shop.tools", "uses shop.tools.Kind.SMALL of shop.tools.Kind"),
    "one that asks the real models": ("shop.tools.count", "import shop.tools", "uses shop.tools.count of shop.tools, which uses Real of shop.models"),
    "a module that can't be read": ("shop.models.token", "import shop.models", "uses shop.models.token of shop.models"),
    "a method of a class of the file": ("Maker.make", "class Maker(Base):\n    pass", "uses the class Maker"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "head", "why"), DEFAULTS.values(), ids=DEFAULTS)
def test_read_default(text: str, head: str, why: str) -> None:
    assert default_of(text, head) == why


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

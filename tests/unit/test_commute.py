from __future__ import annotations

import pytest

from migmerge.conflicts.commute import judge
from migmerge.migrations.operations import read_operations

HEAD = "from django.db import migrations, models\nfrom x import Custom\n\nclass Migration(migrations.Migration):\n"


def verdict(ours: str, theirs: str) -> tuple[str, list[str]]:
    one, other = (
        read_operations(f"{HEAD}    operations = [{side}]\n".encode(), "shop")
        for side in (ours, theirs)
    )
    found = judge([(one, other)], "shop")
    assert judge([(other, one)], "shop").verdict == found.verdict  # the order is no matter
    return found.verdict, list(found.reasons)


M = "migrations."
ADD_A = M + "AddField('product', 'a', models.IntegerField())"
ADD_B = M + "AddField('product', 'b', models.IntegerField())"
FK = M + "AddField('order', 'product', models.ForeignKey('Product', models.CASCADE))"
FK_LABEL = (
    M
    + "AddField('order', 'product', models.ForeignKey(to='shop.Product', on_delete=models.CASCADE))"
)
INDEX = M + "AddIndex('product', models.Index(fields=['a'], name='a_idx'))"
OPTIONS = M + "AlterModelOptions('product', options={'ordering': ['a']})"

COMMUTE = {
    "nothing on one side": ("", M + "RunPython(f)"),
    "two fields of one model": (ADD_A, ADD_B),
    "fields of two models": (ADD_A, M + "AddField('order', 'a', models.IntegerField())"),
    "two models": (M + "CreateModel('A', fields=[])", M + "CreateModel('B', fields=[])"),
    "the same AlterField": (M + "AlterField('product', 'a', models.TextField())",) * 2,
    "the same options": (OPTIONS, OPTIONS),
    "index and another field": (INDEX, ADD_B),
    "two extensions": (M + "CreateExtension('x')", M + "CreateExtension('x')"),
    "foreign key and another field of its target": (FK, ADD_A),
    "two many-to-many fields": (M + "AddField('product', 'a', models.ManyToManyField('shop.Tag'))", M + "AddField('product', 'b', models.ManyToManyField('shop.Tag'))"),
    "a child of another model": (M + "CreateModel('child', fields=[('z', models.TextField())], bases=('shop.product',))", ADD_A),
    "two indexes": (INDEX, M + "AddIndex('product', models.Index(fields=['b'], name='b_idx'))"),
}  # fmt: skip


@pytest.mark.parametrize(("ours", "theirs"), COMMUTE.values(), ids=COMMUTE)
def test_judge_commute(ours: str, theirs: str) -> None:
    assert verdict(ours, theirs) == ("commute", [])


INTERACT = {
    "field added twice": (ADD_A, ADD_A, "contradict", "both add shop.product.a, with the same operation"),
    "field added with two types": (ADD_A, M + "AddField('Product', 'A', models.TextField())", "contradict", "both add shop.product.a"),
    "field removed twice": (M + "RemoveField('product', 'a')",) * 2 + ("contradict", "both remove shop.product.a, with the same operation"),
    "removed and altered": (M + "RemoveField('product', 'a')", M + "AlterField('product', 'a', models.TextField())", "contradict", "RemoveField against AlterField of shop.product.a"),
    "renamed and altered": (M + "RenameField('product', 'a', 'z')", M + "AlterField('product', 'a', models.TextField())", "contradict", "RenameField against AlterField of shop.product.a"),
    "two AlterField": (M + "AlterField('product', 'a', models.TextField())", M + "AlterField('product', 'a', models.CharField(max_length=3))", "overlap", "both set shop.product.a (AlterField)"),
    "two options": (OPTIONS, M + "AlterModelOptions('product', options={})", "overlap", "both set the options of shop.product"),
    "two unique_together": (M + "AlterUniqueTogether('product', {('a', 'b')})", M + "AlterUniqueTogether('product', set())", "overlap", "both set unique_together of shop.product"),
    "model made twice": (M + "CreateModel('A', fields=[])", M + "CreateModel(name='a', fields=[])", "contradict", "both create the model shop.a"),
    "model deleted and a field added": (M + "DeleteModel('product')", ADD_A, "contradict", "one side deletes shop.product, the other uses shop.product (AddField)"),
    "model deleted and pointed at": (M + "DeleteModel('product')", FK, "contradict", "one side deletes shop.product, the other uses shop.product (AddField)"),
    "model renamed and pointed at": (M + "RenameModel('Product', 'Item')", FK_LABEL, "contradict", "one side renames shop.product, the other uses shop.product (AddField)"),
    "model renamed to a made one": (M + "RenameModel('Product', 'Item')", M + "CreateModel('Item', fields=[])", "contradict", "one side renames shop.product, the other uses shop.item (CreateModel)"),
    "field removed that an index names": (M + "RemoveField('product', 'a')", INDEX, "contradict", "one side removes shop.product.a, which AddIndex names"),
    "field renamed that unique_together names": (M + "RenameField('product', 'a', 'z')", M + "AlterUniqueTogether('product', {('a', 'b')})", "contradict", "one side renames shop.product.a, which AlterUniqueTogether names"),
    "index of one name": (INDEX, M + "AddIndex('order', models.Index(fields=['x'], name='a_idx'))", "contradict", "both name the index or constraint a_idx"),
    "one table for two models": (M + "CreateModel('A', fields=[], options={'db_table': 'things'})", M + "CreateModel('B', fields=[], options={'db_table': 'things'})", "contradict", "both name the table things"),
    "a model whose table another takes": (M + "CreateModel('A', fields=[])", M + "AlterModelTable('product', 'shop_a')", "contradict", "both name the table shop_a"),
    "a model on the table of a many-to-many field": (M + "CreateModel('product_tags', fields=[])", M + "AddField('product', 'tags', models.ManyToManyField('shop.Tag'))", "contradict", "both name the table shop_product_tags"),
    "index inside CreateModel": (M + "CreateModel('A', fields=[], options={'indexes': [models.Index(fields=['x'], name='a_idx')]})", INDEX, "contradict", "both name the index or constraint a_idx"),
    "field of a child model": (M + "CreateModel('child', fields=[('a', models.TextField())], bases=('shop.product',))", ADD_A, "overlap", "shop.product.a may clash with a child's of child"),
    "RenameIndex of index_together": (M + "RenameIndex('product', new_name='z', old_fields=('a', 'b'))", M + "AlterIndexTogether('product', {('c', 'd')})", "overlap", "RenameIndex and AlterIndexTogether on shop.product"),
    "swappable and a key": (M + "AddField('order', 'by', models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE))", M + "AlterField('user', 'id', models.BigAutoField(primary_key=True))", "overlap", "one side alters shop.user.id, which a foreign key of AddField may copy"),
    "computed field name": (M + "AddField('product', NAME, models.IntegerField())", ADD_B, "opaque", "AddField has a computed name, which can't be told from the file"),
    "field in a variable": (M + "AddField('product', 'a', FIELD)", ADD_B, "opaque", "AddField has a computed field, which can't be told from the file"),
    "fields put together": (M + "CreateModel('A', fields=[*COMMON])", ADD_B, "opaque", "CreateModel has a computed fields, which can't be told from the file"),
    "arguments put together": (M + "AddField(**ARGUMENTS)", ADD_B, "opaque", "AddField has a computed list of arguments, which can't be told from the file"),
    "rename beside another field": (M + "RenameField('product', 'c', 'z')", ADD_A, "overlap", "RenameField and AddField on shop.product (SQLite rebuilds the table)"),
    "state only beside another field": (M + "SeparateDatabaseAndState(state_operations=[" + ADD_A + "])", ADD_B, "overlap", "a change of state only and AddField on shop.product (SQLite rebuilds the table)"),
    "key altered and pointed at": (M + "AlterField('product', 'id', models.BigAutoField(primary_key=True))", FK, "overlap", "one side alters shop.product.id, which a foreign key of AddField may copy"),
    "RunPython": (M + "RunPython(f)", ADD_A, "opaque", "RunPython runs code, which can't be told from the file"),
    "RunSQL": (ADD_A, M + "RunSQL('SELECT 1')", "opaque", "RunSQL runs code, which can't be told from the file"),
    "somebody's operation": ("Custom('product')", ADD_A, "opaque", "Custom is not one of Django's operations, which can't be told from the file"),
    "computed model": (M + "AddField(NAME, 'a', models.IntegerField())", ADD_B, "opaque", "AddField has a computed model, which can't be told from the file"),
    "not a call": ("OPERATION", ADD_B, "opaque", "not a plain call of an operation, which can't be told from the file"),
}  # fmt: skip


@pytest.mark.parametrize(("ours", "theirs", "expected", "reason"), INTERACT.values(), ids=INTERACT)
def test_judge_interact(ours: str, theirs: str, expected: str, reason: str) -> None:
    assert verdict(ours, theirs) == (expected, [reason])


def test_read_operations_put_together() -> None:
    source = f"{HEAD}    operations = [{ADD_A}] + [{ADD_B}]\n    operations += [{INDEX}]\n"
    assert [o.name for o in read_operations(source.encode(), "shop")] == [
        "AddField",
        "AddField",
        "AddIndex",
    ]


@pytest.mark.parametrize("value", ["compute()", "[x for x in y]", "A if B else C"])
def test_read_operations_computed_is_opaque(value: str) -> None:
    (operation,) = read_operations(f"{HEAD}    operations = {value}\n".encode(), "shop")
    assert operation.opaque == "operations are computed"


def test_read_operations_none_given() -> None:
    assert read_operations(f"{HEAD}    dependencies = []\n".encode(), "shop") == ()


def test_read_operations_of_a_base_class_in_the_same_file() -> None:
    base = f"class Base(migrations.Migration):\n    operations = [{ADD_A}]\n\n"
    source = f"from django.db import migrations\n{base}class Migration(Base):\n    pass\n"
    assert [o.name for o in read_operations(source.encode(), "shop")] == ["AddField"]


def test_read_operations_of_a_base_class_elsewhere_are_opaque() -> None:
    source = b"from x import OtherMigration\nclass Migration(OtherMigration):\n    pass\n"
    (operation,) = read_operations(source, "shop")
    assert operation.opaque == "operations may come from a base class"

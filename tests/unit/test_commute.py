from __future__ import annotations

import random

import pytest

from migmerge.conflicts.commute import commute, compare_sides
from migmerge.migrations.footprints import footprints
from migmerge.migrations.gather_facts import gather
from migmerge.migrations.operations import fingerprint, read_script
from migmerge.migrations.recorder import ANY, Footprint, Touch

HEAD = "from django.db import migrations, models\nfrom x import Custom\n\nclass Migration(migrations.Migration):\n"


def verdict(ours: str, theirs: str) -> tuple[str, list[str]]:
    scripts = [
        read_script(f"{HEAD}    operations = [{side}]\n".encode(), "shop", name)
        for side, name in ((ours, "0002_a"), (theirs, "0002_b"))
    ]
    facts = gather([read_script(f"{HEAD}    operations = [{BASE}]\n".encode(), "shop")], scripts)
    one, other = (footprints(script, facts) for script in scripts)
    found = compare_sides([(one, other)])
    assert compare_sides([(other, one)]) == found  # the order is no matter
    return found.verdict, list(found.reasons)


M = "migrations."
BASE = (
    M + "AddField('product', 'n', models.IntegerField()), "
    +    M + "CreateModel('Kid', fields=[('c', models.TextField())], bases=('shop.product',)), "
    + M + "CreateModel('Sibling', fields=[('c', models.TextField())], bases=('shop.product',)), "
    + M + "CreateModel('Part', fields=[('p', models.ForeignKey('Product', models.CASCADE, "
    "to_field='sku')), ('tags', models.ManyToManyField('Tag', through='Link')), "
    "('shelves', models.ManyToManyField('Shelf', db_table='part_on_shelf'))]), "
    + M + "CreateModel('Old', fields=[('a', models.TextField(db_column='was'))], "
    "options={'db_table': 'ancient', 'managed': False}), "
    + M + "AddIndex('product', models.Index(fields=['-d'], name='d_i'))"
)  # fmt: skip
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
    "two many-to-many fields": (M + "AddField('product', 'a', models.ManyToManyField('shop.Tag', related_name='x'))", M + "AddField('product', 'b', models.ManyToManyField('shop.Tag', related_name='y'))"),
    "fields of one name in two children of one model": (
        M + "AddField('kid', 'a', models.IntegerField())",
        M + "AddField('sibling', 'a', models.IntegerField())",
    ),
    "a new child of a model whose other child gets its field": (
        M + "CreateModel('third', fields=[('a', models.TextField())], bases=('shop.product',))",
        M + "AddField('kid', 'a', models.IntegerField())",
    ),
    "code on the parent of a new model": (
        M + "CreateModel('child', fields=[('z', models.TextField())], bases=('shop.product',))",
        M + "RunPython(lambda a, s: a.get_model('shop', 'Product').objects.update(x=1))",
    ),
    "code on what a new model's primary key names": (
        M + "CreateModel('extra', fields=[('p', models.OneToOneField('Product', models.CASCADE, primary_key=True))])",
        M + "RunPython(lambda a, s: a.get_model('shop', 'Product').objects.update(x=1))",
    ),
    "code on the model of a new proxy": (
        M + "CreateModel('like', fields=[], options={'proxy': True}, bases=('shop.product',))",
        M + "RunPython(lambda a, s: a.get_model('shop', 'Product').objects.update(x=1))",
    ),
    "the help text of a field, and code on its model": (
        M + "AlterField('kid', 'c', models.TextField(help_text='h'))",
        M + "RunPython(lambda a, s: a.get_model('shop', 'Kid').objects.update(c='x'))",
    ),
    "the choices of a field, and an index on it": (
        M + "AlterField('kid', 'c', models.TextField(choices=[('a', 'A')]))",
        M + "AddIndex('kid', models.Index(fields=['c'], name='c_i'))",
    ),
    "the label of a field, and another name for the table": (
        M + "AlterField('kid', 'c', models.TextField(verbose_name='v'))",
        M + "AlterModelTable('kid', 'kids')",
    ),
    "SQL on rows, and another field": (M + "RunSQL('UPDATE shop_product SET x = 1')", ADD_A),
    "SQL on rows, and an index": (M + "RunSQL('DELETE FROM shop_product WHERE x = 1')", M + "AddIndex('product', models.Index(fields=['n'], name='n_i'))"),
    "SQL on two tables": (M + "RunSQL('UPDATE shop_product SET x = 1')", M + "RunSQL('UPDATE shop_tag SET x = 1')"),
    "code on two models": (
        M + "RunPython(lambda a, s: a.get_model('shop', 'Tag').objects.update(x=1))",
        M + "RunPython(lambda a, s: a.get_model('shop', 'Order').objects.update(x=1))",
    ),
    "code that deletes rows, and a new field": (M + "RunPython(lambda a, s: a.get_model('shop', 'Product').objects.all().delete())", ADD_A),
    "code that names a model as a new relation does": (
        M + "RunPython(lambda a, s: a.get_model('shop', 'Order').objects.update(x=1))",
        M + "AddField('order', 'tag', models.ForeignKey('shop.Tag', models.CASCADE, null=True))",
    ),
    "code that joins rows, and a field of the target": (
        M + "RunPython(lambda a, s: a.get_model('shop', 'Part').objects.first().shelves.add(1))",
        M + "AddField('shelf', 'b', models.IntegerField())",
    ),
    "SQL that drops another table": (M + "RunSQL('DROP TABLE IF EXISTS celery_results')", ADD_A),
    "a child of another model": (M + "CreateModel('child', fields=[('z', models.TextField())], bases=('shop.product',))", ADD_A),
    "rename beside another field": (M + "RenameField('product', 'c', 'z')", ADD_A),
    "fields of one name in two children": (M + "AlterField('kid', 'c', models.CharField(max_length=3))", M + "AlterField('sibling', 'c', models.CharField(max_length=4))"),
    "two indexes": (INDEX, M + "AddIndex('product', models.Index(fields=['b'], name='b_idx'))"),
}  # fmt: skip


@pytest.mark.parametrize(("ours", "theirs"), COMMUTE.values(), ids=COMMUTE)
def test_judge_commute(ours: str, theirs: str) -> None:
    assert verdict(ours, theirs) == ("commute", [])


INTERACT = {
    "the worse of two reasons": (M + "AlterField('product', 'z', models.TextField())", M + "RenameField('product', 'c', 'z')", "contradict", "0002_b renames shop.product.z, which 0002_a names (AlterField)"),
    "rename beside unique_together": (M + "AlterUniqueTogether('product', {('a', 'b')})", M + "RenameField('product', 'c', 'z')", "overlap", "0002_a sets unique_together of shop.product, which 0002_b uses (RenameField)"),
    "field added twice": (ADD_A, ADD_A, "contradict", "both add shop.product.a, with the same operation"),
    "field added with two types": (ADD_A, M + "AddField('Product', 'A', models.TextField())", "contradict", "both add shop.product.a: type is IntegerField in 0002_a, TextField in 0002_b"),
    "field removed twice": (M + "RemoveField('product', 'a')",) * 2 + ("contradict", "both remove shop.product.a, with the same operation"),
    "removed and altered": (M + "RemoveField('product', 'a')", M + "AlterField('product', 'a', models.TextField())", "contradict", "RemoveField against AlterField of shop.product.a"),
    "renamed and altered": (M + "RenameField('product', 'a', 'z')", M + "AlterField('product', 'a', models.TextField())", "contradict", "RenameField against AlterField of shop.product.a"),
    "two AlterField": (M + "AlterField('product', 'a', models.TextField())", M + "AlterField('product', 'a', models.CharField(max_length=3))", "overlap", "both set shop.product.a: max_length is not set in 0002_a, 3 in 0002_b; type is TextField in 0002_a, CharField in 0002_b"),
    "two options": (OPTIONS, M + "AlterModelOptions('product', options={})", "overlap", "both set options of shop.product"),
    "two unique_together": (M + "AlterUniqueTogether('product', {('a', 'b')})", M + "AlterUniqueTogether('product', set())", "overlap", "both set unique_together of shop.product"),
    "model made twice": (M + "CreateModel('A', fields=[])", M + "CreateModel(name='a', fields=[])", "contradict", "both create the model shop.a"),
    "model deleted and a field added": (M + "DeleteModel('product')", ADD_A, "contradict", "0002_a deletes shop.product, which 0002_b uses (AddField)"),
    "model deleted and pointed at": (M + "DeleteModel('product')", FK, "contradict", "0002_a deletes shop.product, which 0002_b uses (AddField)"),
    "model renamed and pointed at": (M + "RenameModel('Product', 'Item')", FK_LABEL, "contradict", "0002_a renames shop.product, which 0002_b uses (AddField)"),
    "model renamed to a made one": (M + "RenameModel('Product', 'Item')", M + "CreateModel('Item', fields=[])", "contradict", "0002_a renames shop.item, which 0002_b uses (CreateModel)"),
    "field removed that an index names": (M + "RemoveField('product', 'a')", INDEX, "contradict", "0002_a removes shop.product.a, which 0002_b names (AddIndex)"),
    "field renamed that unique_together names": (M + "RenameField('product', 'a', 'z')", M + "AlterUniqueTogether('product', {('a', 'b')})", "contradict", "0002_a renames shop.product.a, which 0002_b names (AlterUniqueTogether)"),
    "index of one name": (INDEX, M + "AddIndex('order', models.Index(fields=['x'], name='a_idx'))", "contradict", "both name the table, index or constraint a_idx"),
    "one table for two models": (M + "CreateModel('A', fields=[], options={'db_table': 'things'})", M + "CreateModel('B', fields=[], options={'db_table': 'things'})", "contradict", "both name the table, index or constraint things"),
    "a model whose table another takes": (M + "CreateModel('A', fields=[])", M + "AlterModelTable('product', 'shop_a')", "contradict", "both name the table, index or constraint shop_a"),
    "a model on the table of a many-to-many field": (M + "CreateModel('product_tags', fields=[])", M + "AddField('product', 'tags', models.ManyToManyField('shop.Tag'))", "contradict", "both name the table, index or constraint shop_product_tags"),
    "index inside CreateModel": (M + "CreateModel('A', fields=[], options={'indexes': [models.Index(fields=['x'], name='a_idx')]})", INDEX, "contradict", "both name the table, index or constraint a_idx"),
    "field of a child model": (M + "CreateModel('child', fields=[('a', models.TextField())], bases=('shop.product',))", ADD_A, "contradict", "0002_b adds shop.product.a, which 0002_a names (CreateModel)"),
    "RenameIndex of index_together": (M + "RenameIndex('product', new_name='z', old_fields=('a', 'b'))", M + "AlterIndexTogether('product', {('c', 'd')})", "overlap", "both set index_together of shop.product"),
    "swappable and a key": (M + "AddField('order', 'by', models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE))", M + "AlterField('user', 'id', models.BigAutoField(primary_key=True))", "overlap", "0002_b (AlterField) may change the type of the key that 0002_a (AddField) copies"),
    "a child model deleted and its field's name taken": (M + "DeleteModel('Kid')", M + "AddField('product', 'c', models.IntegerField())", "overlap", "0002_a (DeleteModel) takes away a relative of shop.product, whose fields 0002_b (AddField) changes"),
    "a field of a child and of its parent": (M + "AddField('kid', 'x', models.TextField())", M + "AddField('product', 'x', models.TextField())", "contradict", "0002_a adds shop.kid.x, which 0002_b names (AddField)"),
    "a field that a key copies, and a key to the copy": (M + "AlterField('product', 'sku', models.CharField(max_length=40))", M + "AddField('x', 'y', models.ForeignKey('Product', models.CASCADE, to_field='sku'))", "overlap", "0002_a alters shop.product.sku, which 0002_b names (AddField)"),
    "a column that an older field had": (M + "RemoveField('old', 'a')", M + "AddField('old', 'was', models.TextField())", "overlap", "0002_a (RemoveField) may free the column that 0002_b (AddField) takes"),
    "a table that an older model had": (M + "DeleteModel('old')", M + "CreateModel('New', fields=[], options={'db_table': 'ancient'})", "contradict", "both name the table, index or constraint ancient"),
    "options of a model that is not managed": (M + "AlterModelOptions('old', options={})", M + "AddField('old', 'z', models.TextField())", "overlap", "0002_a (AlterModelOptions) changes the table of shop.old as a whole, beside 0002_b (AddField)"),
    "ordering and order_with_respect_to": (M + "AlterOrderWithRespectTo('product', 'tag')", M + "AlterModelOptions('product', options={'ordering': ['x']})", "overlap", "0002_b sets options of shop.product, which 0002_a uses (AlterOrderWithRespectTo)"),
    "a collation taken away": (M + "RemoveCollation('de', 'x')", M + "AddField('product', 'n', models.TextField(db_collation='de'))", "contradict", "both name the collation de"),
    "another column of one name": (M + "AddField('product', 'tag_id', models.IntegerField())", M + "AddField('product', 'tag', models.ForeignKey('Tag', models.CASCADE))", "contradict", "both name the column shop.product.tag_id"),
    "an index whose fields are not named": (M + "RemoveIndex('product', 'a_idx')", M + "RemoveField('product', 'a')", "overlap", "0002_b (RemoveField) may take a field of shop.product from what 0002_a (RemoveIndex) names"),
    "computed field name": (M + "AddField('product', NAME, models.IntegerField())", ADD_B, "opaque", "0002_a: AddField has a computed name"),
    "field in a variable": (M + "AddField('product', 'a', FIELD)", ADD_B, "opaque", "0002_a: AddField has a computed field"),
    "fields put together": (M + "CreateModel('A', fields=[*COMMON])", ADD_B, "opaque", "0002_a: CreateModel has a computed fields"),
    "arguments put together": (M + "AddField(**ARGUMENTS)", ADD_B, "opaque", "0002_a: AddField has a computed list of arguments"),
    "rename of what an index names beside another field": (M + "RenameField('product', 'd', 'z')", ADD_A, "overlap", "0002_a (RenameField) changes the table of shop.product as a whole, beside 0002_b (AddField)"),
    "state only beside another field": (M + "SeparateDatabaseAndState(state_operations=[" + ADD_A + "])", ADD_B, "overlap", "0002_a (AddField) changes the table of shop.product as a whole, beside 0002_b (AddField)"),
    "key altered and pointed at": (M + "AlterField('product', 'id', models.BigAutoField(primary_key=True))", FK, "overlap", "0002_a (AlterField) may change the type of the key that 0002_b (AddField) copies"),
    "RunPython": (M + "RunPython(f)", ADD_A, "opaque", "0002_a: RunPython runs f, which is not a function of this file"),
    "RunSQL that makes rows": (ADD_A, M + "RunSQL('INSERT INTO shop_product (x) VALUES (1)')", "overlap", "0002_b (RunSQL) runs SQL on the table shop_product, beside 0002_a (AddField)"),
    "SQL on a many-to-many table that goes": (M + "RemoveField('product', 'labels')", M + "RunSQL('UPDATE shop_product_labels SET x = 1')", "contradict", "0002_b (RunSQL) runs SQL on the table shop_product_labels, which 0002_a (RemoveField) makes, renames or removes"),
    "SQL on a many-to-many table of an explicit name": (M + "RemoveField('part', 'shelves')", M + "RunSQL('UPDATE part_on_shelf SET x = 1')", "contradict", "0002_b (RunSQL) runs SQL on the table part_on_shelf, which 0002_a (RemoveField) makes, renames or removes"),
    "SQL on a many-to-many table that is renamed": (M + "RenameField('product', 'labels', 'marks')", M + "RunSQL('UPDATE shop_product_labels SET x = 1')", "contradict", "0002_b (RunSQL) runs SQL on the table shop_product_labels, which 0002_a (RenameField) makes, renames or removes"),
    "code on the model of a many-to-many table that goes": (M + "RemoveField('product', 'labels')", M + "RunPython(lambda a, e: a.get_model('shop', 'product_labels').objects.update(x=1))", "overlap", "0002_b (RunPython) runs code that names labels, beside 0002_a (RemoveField)"),
    "code on the table between two models, and one of them renamed": (M + "RenameModel('tag', 'label')", M + "RunPython(lambda a, e: a.get_model('shop', 'product_tags').objects.filter(tag_id=1).update(tag_id=2))", "overlap", "0002_b (RunPython) runs code that names tag, beside 0002_a (RenameModel)"),
    "code that deletes rows, and what goes with them": (M + "AlterField('part', 'c', models.TextField())", M + "RunPython(lambda a, e: a.get_model('shop', 'product').objects.all().delete())", "overlap", "0002_b (RunPython) runs code on rows of shop.part, beside 0002_a (AlterField)"),
    "code that deletes rows, and a field that is unique": (M + "AddField('product', 'u', models.IntegerField(default=0, unique=True))", M + "RunPython(lambda a, e: a.get_model('shop', 'product').objects.all().delete())", "overlap", "0002_b (RunPython) deletes rows of shop.product, beside 0002_a (AddField)"),
    "SQL that deletes rows, and a relation to one of them": (M + "AddField('order', 'p', models.ForeignKey('Product', models.CASCADE, default=1))", M + "RunSQL('DELETE FROM shop_product')", "overlap", "0002_b (RunSQL) runs SQL on the table shop_order, beside 0002_a (AddField)"),
    "code that deletes rows, and code on what points at them": (M + "RunPython(lambda a, e: a.get_model('shop', 'part').objects.update(x=1))", M + "RunPython(lambda a, e: a.get_model('shop', 'product').objects.all().delete())", "opaque", "0002_a and 0002_b both run code on rows"),
    "code that reaches the other's model by a relation": (M + "RunPython(lambda a, e: a.get_model('shop', 'part').objects.first().tags.update(x=1))", M + "RunPython(lambda a, e: a.get_model('shop', 'tag').objects.update(x=1))", "opaque", "0002_a and 0002_b both run code on rows"),
    "code on a table of a many-to-many field, and code on its model": (M + "RunSQL('UPDATE shop_product_labels SET x = 1')", M + "RunPython(lambda a, e: a.get_model('shop', 'product').objects.update(x=1))", "opaque", "0002_a and 0002_b both run code on rows"),
    "code on a table of a many-to-many field with a name of its own": (M + "RunSQL('UPDATE part_on_shelf SET x = 1')", M + "RunPython(lambda a, e: a.get_model('shop', 'part').objects.update(x=1))", "opaque", "0002_a and 0002_b both run code on rows"),
    "the help text of a relation, and its target renamed": (M + "AlterField('part', 'p', models.ForeignKey('Product', models.CASCADE, to_field='sku', help_text='h'))", M + "RenameModel('product', 'item')", "contradict", "0002_b renames shop.product, which 0002_a uses (AlterField)"),
    "the choices of a field, and code that shows them": (M + "AlterField('kid', 'c', models.TextField(choices=[('a', 'A')]))", M + "RunPython(lambda a, e: print(a.get_model('shop', 'kid').objects.first().get_c_display()))", "overlap", "0002_b (RunPython) runs code that names get_c_display, beside 0002_a (AlterField)"),
    "the default of a field, and code on its model": (M + "AlterField('kid', 'c', models.TextField(default='d'))", M + "RunPython(lambda a, e: a.get_model('shop', 'kid').objects.update(x=1))", "overlap", "0002_b (RunPython) runs code on rows of shop.kid, beside 0002_a (AlterField)"),
    "the help text of a field that had another type": (M + "AlterField('kid', 'c', models.IntegerField()), " + M + "AlterField('kid', 'c', models.TextField(help_text='h'))", M + "RunPython(lambda a, e: a.get_model('shop', 'kid').objects.update(x=1))", "overlap", "0002_b (RunPython) runs code on rows of shop.kid, beside 0002_a (AlterField)"),
    "two alike alterations of a field that nothing defines": (M + "AlterField('kid', 'u', models.TextField())", M + "RunSQL('UPDATE shop_kid SET u = 1'), " + M + "AlterField('kid', 'u', models.TextField())", "overlap", "0002_b (RunSQL) runs SQL on the table shop_kid, beside 0002_a (AlterField)"),
    "the help text of a field that was renamed": (M + "RenameField('other', 'b', 'c'), " + M + "AlterField('kid', 'c', models.TextField(help_text='h'))", M + "RunPython(lambda a, e: a.get_model('shop', 'kid').objects.update(x=1))", "overlap", "0002_b (RunPython) runs code on rows of shop.kid, beside 0002_a (AlterField)"),
    "code on models of other apps": (M + "RunPython(lambda a, e: a.get_model('auth', 'user').objects.update(x=1))", M + "RunPython(lambda a, e: a.get_model('shop', 'tag').objects.update(x=1))", "opaque", "0002_a and 0002_b both run code on rows"),
    "SQL on a table with a quoted name": (M + "CreateModel('Q', fields=[], options={'db_table': '\"quoted\"'})", M + "RunSQL('INSERT INTO quoted (a) VALUES (7)')", "contradict", "0002_b (RunSQL) runs SQL on the table quoted, which 0002_a (CreateModel) makes, renames or removes"),
    "SQL on a table in a schema": (M + "AlterModelTable('kid', 'other\".\"kids')", M + "RunSQL('UPDATE kids SET a = 7')", "contradict", "0002_b (RunSQL) runs SQL on the table kids, which 0002_a (AlterModelTable) makes, renames or removes"),
    "SQL that drops an index, and an altered field": (M + "AlterField('product', 'a', models.TextField())", M + "RunSQL('DROP INDEX IF EXISTS i')", "overlap", "0002_b (RunSQL) runs SQL on the table shop_product, beside 0002_a (AlterField)"),
    "SQL that drops the table of a new model": (M + "CreateModel('Box', fields=[])", M + "RunSQL('DROP TABLE IF EXISTS shop_box')", "contradict", "both name the table, index or constraint shop_box"),
    "an altered source of a generated column": (M + "AlterField('product', 'a', models.TextField())", M + "AddField('product', 'g', models.GeneratedField(expression=models.F('a'), output_field=models.TextField(), db_persist=True))", "contradict", "0002_a alters shop.product.a, which 0002_b names (AddField)"),
    "code that writes the source of a generated column": (M + "RunPython(lambda a, e: a.get_model('shop', 'product').objects.update(a=1))", M + "AddField('product', 'g', models.GeneratedField(expression=models.F('a'), output_field=models.TextField(), db_persist=True, unique=True))", "overlap", "0002_a (RunPython) runs code on rows of shop.product, beside 0002_b (AddField)"),
    "an index and a table of one name": (M + "AddIndex('product', models.Index(fields=['a'], name='shop_box'))", M + "CreateModel('Box', fields=[('x', models.TextField())])", "contradict", "both name the table, index or constraint shop_box"),
    "code on the permissions of a renamed model": (M + "RenameModel('product', 'item')", M + "RunPython(lambda a, e: a.get_model('auth', 'Permission').objects.filter(codename='add_box').update(x=1))", "overlap", "0002_b (RunPython) runs code on rows of auth.permission, beside 0002_a (RenameModel)"),
    "two relations without a reverse name": (M + "AddField('product', 'a', models.ForeignKey('shop.Tag', models.CASCADE))", M + "AddField('product', 'b', models.ForeignKey('shop.Tag', models.CASCADE))", "contradict", "both name the reverse name shop.tag.product"),
    "somebody's operation": ("Custom('product')", ADD_A, "opaque", "0002_a: Custom is not one of Django's operations"),
    "computed model": (M + "AddField(NAME, 'a', models.IntegerField())", ADD_B, "opaque", "0002_a: AddField has a computed model_name"),
    "not a call": ("OPERATION", ADD_B, "opaque", "0002_a: not a plain call of an operation"),
}  # fmt: skip


@pytest.mark.parametrize(("ours", "theirs", "expected", "reason"), INTERACT.values(), ids=INTERACT)
def test_judge_interact(ours: str, theirs: str, expected: str, reason: str) -> None:
    assert verdict(ours, theirs) == (expected, [reason])


def test_one_text_with_another_constant_is_another_operation() -> None:
    """Also where the constant is named by a function of the file."""
    alter = M + "AlterField('product', 'a', models.CharField(max_length={}))"
    for value, named in (
        ("SIZE", "SIZE = {}"),
        ("size()", "SIZE = {}\n\ndef size():\n    return SIZE"),
    ):
        scripts = [
            read_script(
                f"{named.format(size)}\n\n{HEAD}    operations = [{alter.format(value)}]\n".encode(),
                "shop",
                name,
            )
            for name, size in (("0002_a", 1), ("0002_b", 2), ("0002_c", 1))
        ]
        (one,), (other,), (same,) = (footprints(script, gather([], scripts)) for script in scripts)
        relation = commute(one, other)
        assert relation.verdict == "overlap"
        assert relation.set_on_both_sides is not None
        assert not relation.set_on_both_sides.state_only
        assert commute(one, same).verdict == "commute"


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ("from x import size", "from x import other, size", "commute"),
        ("from x import size", "from y import size", "overlap"),
        ("import x.y", "import x.z, x.y", "commute"),
    ],
)
def test_one_text_with_names_from_elsewhere(ours: str, theirs: str, expected: str) -> None:
    alter = M + "AlterField('product', 'a', models.CharField(max_length=size))"
    one, other = (
        footprints(read_script(f"{line}\n{HEAD}    operations = [{alter}]\n".encode(), "shop", name), gather([]))
        for line, name in ((ours, "0002_a"), (theirs, "0002_b"))
    )  # fmt: skip
    relation = commute(one[0], other[0])
    assert relation.verdict == expected
    assert relation.set_on_both_sides is None or not relation.set_on_both_sides.state_only


def test_read_script_put_together() -> None:
    source = f"{HEAD}    operations = [{ADD_A}] + [{ADD_B}]\n    operations += [{INDEX}]\n"
    assert [c.name for c in read_script(source.encode(), "shop").calls] == [
        "AddField",
        "AddField",
        "AddIndex",
    ]


@pytest.mark.parametrize("value", ["compute()", "[x for x in y]", "A if B else C"])
def test_read_script_computed_is_opaque(value: str) -> None:
    (operation,) = read_script(f"{HEAD}    operations = {value}\n".encode(), "shop").calls
    assert operation.opaque == "operations are computed"


def test_read_script_none_given() -> None:
    assert read_script(f"{HEAD}    dependencies = []\n".encode(), "shop").calls == ()


def test_read_script_of_a_base_class_in_the_same_file() -> None:
    base = f"class Base(migrations.Migration):\n    operations = [{ADD_A}]\n\n"
    source = f"from django.db import migrations\n{base}class Migration(Base):\n    pass\n"
    assert [c.name for c in read_script(source.encode(), "shop").calls] == ["AddField"]


def test_read_script_of_a_base_class_elsewhere_are_opaque() -> None:
    source = b"from x import OtherMigration\nclass Migration(OtherMigration):\n    pass\n"
    (operation,) = read_script(source, "shop").calls
    assert operation.opaque == "operations may come from a base class"


FUNCTION = "def f(apps, editor):\n    apps.get_model('shop', 'A').objects.update(x=1)\n\n"
ALIKE = {
    "comments and dependencies": (f"# mine\n{HEAD}    dependencies = [('shop', '1')]\n    operations = [{ADD_A}]\n", f'"""Doc."""\n{HEAD}    """Doc."""\n    dependencies = []\n    operations = [\n        {ADD_A},\n    ]\n'),
    "the same function": (FUNCTION + HEAD + "    operations = [migrations.RunPython(f)]\n",) * 2,
}  # fmt: skip
UNLIKE = {
    "another field": (f"{HEAD}    operations = [{ADD_A}]\n", f"{HEAD}    operations = [{ADD_B}]\n"),
    "no operations": (f"{HEAD}    operations = []\n",) * 2,
    "one line of code": (f"{HEAD}    operations = [migrations.RunSQL('UPDATE a SET x = 1')]\n",) * 2,
    "computed operations": (f"{HEAD}    operations = made()\n",) * 2,
    "a broken file": (f"{HEAD}    operations = [\n",) * 2,
}  # fmt: skip


@pytest.mark.parametrize(("one", "other"), ALIKE.values(), ids=ALIKE)
def test_fingerprint_alike(one: str, other: str) -> None:
    assert fingerprint(one.encode()) == fingerprint(other.encode()) != ""


@pytest.mark.parametrize(("one", "other"), UNLIKE.values(), ids=UNLIKE)
def test_fingerprint_unlike(one: str, other: str) -> None:
    left, right = fingerprint(one.encode()), fingerprint(other.encode())
    assert left != right or left == ""


def random_footprint(chance: random.Random, migration: str, line: int) -> Footprint:
    """Of few names, so that many of them meet."""
    kinds = ("model", "field", "column", "columns", "option", "rows", "key", "removal")

    def touches() -> frozenset[Touch]:
        return frozenset(
            Touch(chance.choice(kinds), chance.choice(("a", "b", "c", ANY)))
            for _ in range(chance.randrange(3))
        )

    operation = chance.choice(("AddField", "AlterField", "RenameField", "CreateModel"))
    return Footprint(
        operation, migration, line, chance.choice("mn"), chance.choice(("", "f", "g")),
        touches(), touches(), chance.choice("xy"), {"type": chance.choice(("a", "b"))},
        opaque=chance.choice(("", "", "", "a function")),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_judge_says_what_every_pair_says(seed: int) -> None:
    """Operations that touch nothing in common are passed over, and nothing else."""
    chance = random.Random(seed)
    ours, theirs = (
        [random_footprint(chance, name, line) for line in range(12)]
        for name in ("0002_a", "0002_b")
    )
    relations = [commute(one, other) for one in ours for other in theirs]
    found = compare_sides([(ours, theirs)])
    assert set(found.reasons) == {relation.reason for relation in relations if relation.reason}
    assert set(found.set_on_both_sides) == {
        r.set_on_both_sides for r in relations if r.set_on_both_sides
    }
    assert found.verdict.severity == max(r.verdict.severity for r in relations)


def test_judge_gives_up_where_everything_meets() -> None:
    sides = [
        [
            Footprint("AddIndex", name, line, "shop.product", writes=frozenset({Touch("rows", ANY)}),
                      reads=frozenset({Touch("rows", "shop.product")}))
            for line in range(300)
        ]
        for name in ("0002_a", "0002_b")
    ]  # fmt: skip
    found = compare_sides([(sides[0], sides[1])])
    assert found.verdict == "overlap"
    assert "too many operations touch the same things to be compared" in found.reasons


def test_what_has_no_name_is_no_less_the_same() -> None:
    touches = frozenset({Touch("code", ""), Touch("code", "shop_product")})
    one, other = (Footprint("RunPython", name, 1, writes=touches) for name in ("0002_a", "0002_b"))
    assert commute(one, other).verdict == "opaque"

"""A small shop, and operations of every kind that are valid on it."""

from __future__ import annotations

import django

KEY = "condition" if django.VERSION >= (5, 1) else "check"
HEAD = """\
from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q
from django.db.models.functions import Upper

"""
# what is imported only where it is used
POSTGRES_IMPORTS = {
    "operations as postgres": "",
    "ExclusionConstraint": ".constraints",
    "ArrayField": ".fields",
    "IntegerRangeField": ".fields",
    "BrinIndex": ".indexes",
    "GistIndex": ".indexes",
    "HashIndex": ".indexes",
}
CLASS = """

class Migration(migrations.Migration):
    operations = [
        {}
    ]
"""


def migration(operations: str, function: str = "") -> str:
    """The text of a migration file."""
    imports = "".join(
        f"from django.contrib.postgres{module} import {name}\n"
        for name, module in POSTGRES_IMPORTS.items()
        if f"{name.rpartition(' ')[2]}{'(' if module else '.'}" in operations
    )
    return imports + HEAD + function + CLASS.format(operations)


M = "migrations."
ID = "('id', models.BigAutoField(primary_key=True))"
BASE = migration(
    f"""{M}CreateModel('Category', [{ID}, ('name', models.CharField(max_length=30)),
            ('slug', models.CharField(max_length=30, unique=True))]),
        {M}CreateModel('Tag', [{ID}, ('word', models.CharField(max_length=30))]),
        {M}CreateModel('Product', [{ID},
            ('name', models.CharField(max_length=50)), ('price', models.IntegerField(null=True)),
            ('stock', models.IntegerField(default=0)),
            ('code', models.CharField(max_length=20, unique=True)),
            ('old', models.CharField(max_length=20, default='', db_column='oldest')),
            ('category', models.ForeignKey('shop.Category', models.SET_NULL, null=True,
                related_name='products')),
            ('tags', models.ManyToManyField('shop.Tag', related_name='tagged'))],
            options={{'ordering': ['name'],
                     'indexes': [models.Index(fields=['price'], name='price_idx')]}}),
        {M}CreateModel('Special', [
            ('product_ptr', models.OneToOneField('shop.Product', models.CASCADE, auto_created=True,
                parent_link=True, primary_key=True, serialize=False)),
            ('discount', models.IntegerField(default=1))], bases=('shop.product',)),
        {M}CreateModel('Order', [('id', models.AutoField(primary_key=True)),
            ('product', models.ForeignKey('shop.Product', models.CASCADE)),
            ('number', models.IntegerField()), ('note', models.TextField(default='')),
            ('place', models.IntegerField(default=0))],
            options={{'constraints': [models.CheckConstraint({KEY}=Q(number__gte=0),
                     name='number_gte')], 'unique_together': {{('product', 'number')}}}}),
        {M}CreateModel('Legacy', [{ID}, ('label', models.CharField(max_length=9, default='z')),
            ('size', models.IntegerField(default=3)), ('at', models.ForeignKey('shop.Category',
                models.CASCADE, to_field='slug', null=True, related_name='+'))],
            options={{'db_table': 'old_things'}}),
        {M}CreateModel('Outside', [{ID}, ('x', models.IntegerField(default=0))],
            options={{'managed': False}}),""",
)
ROWS = (
    "INSERT INTO shop_category (name, slug) VALUES ('a', 'a'), ('b', 'b')",
    "INSERT INTO shop_tag (word) VALUES ('x'), ('y')",
    "INSERT INTO shop_product (name, price, stock, code, oldest, category_id) VALUES "
    "('p', 1, 5, 'p1', 'o', 1), ('q', NULL, 6, 'p2', 'o', 2), ('r', 7, 7, 'p3', '', NULL)",
    "INSERT INTO shop_product_tags (product_id, tag_id) VALUES (1, 1), (2, 1)",
    "INSERT INTO shop_special (product_ptr_id, discount) VALUES (3, 9)",
    "INSERT INTO shop_order (product_id, number, note, place) VALUES (1, 1, 'n', 0), (2, 1, '', 1)",
    "INSERT INTO old_things (label, size) VALUES ('l', 3)",
)
INT = "models.IntegerField(default=0)"
TEXT = "models.TextField(default='')"


def operation_on_code(body: str) -> tuple[str, str]:
    """A RunPython, and the function that it runs."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return f"{M}RunPython(forwards)", f"def forwards(apps, schema_editor):\n{lines}\n"


_FIELDS = {
    "int": INT,
    "text": TEXT,
    "unique null": "models.IntegerField(null=True, unique=True)",
    "indexed": "models.CharField(max_length=5, default='d', db_index=True)",
    "column": "models.IntegerField(default=2, db_column='col')",
    "freed column": "models.IntegerField(default=2, db_column='oldest_2')",
    "to category": "models.ForeignKey('shop.Category', models.CASCADE, null=True, related_name='+')",
    "to product": "models.ForeignKey('Product', models.CASCADE, null=True, related_name='+')",
    "to special": "models.ForeignKey('Special', models.CASCADE, null=True, related_name='+')",
    "to slug": "models.ForeignKey('Category', models.CASCADE, null=True, to_field='slug', "
    "related_name='+')",
    "one to one": "models.OneToOneField('shop.Tag', models.CASCADE, null=True, related_name='+')",
    "many": "models.ManyToManyField('shop.Tag', related_name='+')",
}
POOL: dict[str, tuple[str, ...]] = {}
for _model in ("Product", "Order", "Category", "Special", "Legacy", "Tag"):
    for _kind, _field in _FIELDS.items():
        _name = _kind.replace(" ", "_")
        POOL[f"add {_kind} to {_model}"] = (f"{M}AddField('{_model}', '{_name}', {_field})",)
for _model, _old in (
    ("Product", "name"), ("Product", "price"), ("Product", "stock"), ("Product", "old"),
    ("Order", "number"), ("Order", "note"), ("Order", "place"), ("Category", "name"),
    ("Special", "discount"), ("Legacy", "size"), ("Tag", "word"),
):  # fmt: skip
    _kind = "Integer" if _old in ("price", "stock", "number", "place", "discount", "size") else ""
    _alter = (
        "models.BigIntegerField(default=1)"
        if _kind
        else "models.CharField(max_length=99, default='')"
    )
    POOL[f"alter {_model}.{_old}"] = (f"{M}AlterField('{_model}', '{_old}', {_alter})",)
    POOL[f"index {_model}.{_old}"] = (
        f"{M}AddIndex('{_model}', models.Index(fields=['-{_old}'], name='{_old}_i'))",
    )
    POOL[f"rename {_model}.{_old}"] = (f"{M}RenameField('{_model}', '{_old}', '{_old}_2')",)
    if _old not in ("price", "number"):
        POOL[f"remove {_model}.{_old}"] = (f"{M}RemoveField('{_model}', '{_old}')",)
POOL |= {
    "alter to text": (f"{M}AlterField('Product', 'name', models.TextField(db_index=True))",),
    "alter null": (f"{M}AlterField('Product', 'price', models.IntegerField(default=4))",),
    "alter unique": (f"{M}AlterField('Order', 'place', models.IntegerField(default=0, unique=True))",),
    "alter column": (f"{M}AlterField('Product', 'stock', models.IntegerField(default=0, db_column='oldest_2'))",),
    "alter column back": (f"{M}AlterField('Product', 'old', models.CharField(max_length=20, default=''))",),
    "alter key of product": (f"{M}AlterField('Product', 'id', models.AutoField(primary_key=True))",),
    "alter key of order": (f"{M}AlterField('Order', 'id', models.BigAutoField(primary_key=True))",),
    "alter key of tag": (f"{M}AlterField('Tag', 'id', models.AutoField(primary_key=True))",),
    "alter slug": (f"{M}AlterField('Category', 'slug', models.CharField(max_length=77, unique=True))",),
    "alter relation": (f"{M}AlterField('Product', 'category', models.ForeignKey('shop.Category', models.CASCADE, null=True, related_name='items'))",),
    "remove relation": (f"{M}RemoveField('Product', 'category')",),
    "remove many": (f"{M}RemoveField('Product', 'tags')",),
    "remove code": (f"{M}RemoveField('Product', 'code')",),
    "rename relation": (f"{M}RenameField('Product', 'category', 'kind')",),
    "rename slug": (f"{M}RenameField('Category', 'slug', 'slug_2')",),
    "add oldest": (f"{M}AddField('Product', 'oldest_2', {INT})",),
    "add category_2 with id": (f"{M}AddField('Product', 'kind_id', {INT})",),
    "add generated": (f"{M}AddField('Product', 'double', models.GeneratedField(expression=F('stock') * 2, output_field=models.IntegerField(), db_persist=True))",),
    "add a child's field": (f"{M}AddField('Product', 'kid', {INT})",),
    "add the field to the child": (f"{M}AddField('Special', 'kid', {INT})",),
    "rename to a child's field": (f"{M}RenameField('Product', 'old', 'kid')",),
    "add named column": (f"{M}AddField('Product', 'other', models.IntegerField(default=0, db_column='int'))",),
    "create plain": (f"{M}CreateModel('New', [{ID}, ('a', {INT})])",),
    "create other": (f"{M}CreateModel('Other', [{ID}, ('a', {TEXT})], options={{'indexes': [models.Index(fields=['a'], name='name_i')]}})",),
    "create pointing": (f"{M}CreateModel('Pointing', [{ID}, ('p', models.ForeignKey('shop.Product', models.CASCADE)), ('t', models.ForeignKey('shop.Tag', models.CASCADE))])",),
    "create many": (f"{M}CreateModel('Many', [{ID}, ('p', models.ManyToManyField('shop.Product'))])",),
    "create child": (f"{M}CreateModel('Child', [('product_ptr', models.OneToOneField('shop.Product', models.CASCADE, auto_created=True, parent_link=True, primary_key=True)), ('int', {INT})], bases=('shop.product',))",),
    "create child of special": (f"{M}CreateModel('Sub', [('special_ptr', models.OneToOneField('shop.Special', models.CASCADE, auto_created=True, parent_link=True, primary_key=True)), ('z', {INT})], bases=('shop.special',))",),
    "create proxy": (f"{M}CreateModel('Proxy', [], options={{'proxy': True}}, bases=('shop.product',))",),
    "create on old_things": (f"{M}CreateModel('Fresh', [{ID}], options={{'db_table': 'newest'}})",),
    "create table like many": (f"{M}CreateModel('Product_many', [{ID}])",),
    "create to slug": (f"{M}CreateModel('Slugged', [{ID}, ('c', models.ForeignKey('shop.Category', models.CASCADE, to_field='slug'))])",),
    "create own slug": (f"{M}CreateModel('Slugged', [{ID}, ('c', {INT})])",),
    "delete order": (f"{M}DeleteModel('Order')",),
    "delete legacy": (f"{M}DeleteModel('Legacy')",),
    "delete special": (f"{M}DeleteModel('Special')",),
    "delete outside": (f"{M}DeleteModel('Outside')",),
    "rename order": (f"{M}RenameModel('Order', 'Purchase')",),
    "rename tag": (f"{M}RenameModel('Tag', 'Label')",),
    "rename category": (f"{M}RenameModel('Category', 'New')",),
    "rename legacy": (f"{M}RenameModel('Legacy', 'Ancient')",),
    "table of order": (f"{M}AlterModelTable('Order', 'orders')",),
    "table of product": (f"{M}AlterModelTable('Product', 'goods')",),
    "table of category": (f"{M}AlterModelTable('Category', 'newest')",),
    "table of legacy": (f"{M}AlterModelTable('Legacy', None)",),
    "comment": (f"{M}AlterModelTableComment('Product', 'c')",),
    "comment of order": (f"{M}AlterModelTableComment('Order', 'd')",),
    "options": (f"{M}AlterModelOptions('Product', {{'verbose_name': 'p', 'ordering': ['price']}})",),
    "options of order": (f"{M}AlterModelOptions('Order', {{'ordering': ['-number']}})",),
    "options of legacy": (f"{M}AlterModelOptions('Legacy', {{'managed': False}})",),
    "options of outside": (f"{M}AlterModelOptions('Outside', {{'verbose_name': 'o'}})",),
    "add to outside": (f"{M}AddField('Outside', 'y', {INT})",),
    "managers": (f"{M}AlterModelManagers('Product', [('stuff', models.Manager())])",),
    "managers of order": (f"{M}AlterModelManagers('Order', [('stuff', models.Manager())])",),
    "unique together": (f"{M}AlterUniqueTogether('Product', {{('name', 'price')}})",),
    "unique together of order": (f"{M}AlterUniqueTogether('Order', {{('number', 'place'), ('product', 'number')}})",),
    "no unique together": (f"{M}AlterUniqueTogether('Order', set())",),
    "order with respect to": (f"{M}AlterOrderWithRespectTo('Order', 'product')",),
    "order category": (f"{M}AlterOrderWithRespectTo('Special', 'product_ptr')",),
    "add index": (f"{M}AddIndex('Product', models.Index(fields=['stock', 'code'], name='sc'))",),
    "add index with condition": (f"{M}AddIndex('Product', models.Index(fields=['code'], name='cc', condition=Q(stock__gt=0)))",),
    "add index of expression": (f"{M}AddIndex('Category', models.Index(Upper('name'), name='up'))",),
    "add index of one name": (f"{M}AddIndex('Order', models.Index(fields=['place'], name='sc'))",),
    "remove index": (f"{M}RemoveIndex('Product', 'price_idx')",),
    "rename index": (f"{M}RenameIndex('Product', 'price_idx_2', 'price_idx')",),
    "add unique": (f"{M}AddConstraint('Product', models.UniqueConstraint(fields=['name', 'category'], name='nc'))",),
    "add unique with condition": (f"{M}AddConstraint('Order', models.UniqueConstraint(fields=['place'], name='pl', condition=Q(number__gt=0)))",),
    "add check": (f"{M}AddConstraint('Order', models.CheckConstraint({KEY}=Q(place__gte=0), name='pc'))",),
    "add check of one name": (f"{M}AddConstraint('Product', models.UniqueConstraint(fields=['stock'], name='pl'))",),
    "remove constraint": (f"{M}RemoveConstraint('Order', 'number_gte')",),
    "state only field": (f"{M}SeparateDatabaseAndState(state_operations=[{M}RemoveField('Product', 'stock')])",),
    "state only model": (f"{M}SeparateDatabaseAndState(state_operations=[{M}DeleteModel('Legacy')])",),
    "state only other field": (f"{M}SeparateDatabaseAndState(state_operations=[{M}RemoveField('Order', 'note')])",),
    "both halves": (f"{M}SeparateDatabaseAndState(database_operations=[{M}AddField('Order', 'half', {INT})], state_operations=[{M}AddField('Order', 'half', {INT})])",),
    "python nothing": (f"{M}RunPython({M}RunPython.noop)",),
    "python update": operation_on_code("Product = apps.get_model('shop', 'Product')\nProduct.objects.filter(stock__gt=5).update(old='new')"),
    "python save": operation_on_code("Product = apps.get_model('shop', 'Product')\nfor p in Product.objects.all():\n    p.price = (p.price or 0) + p.stock\n    p.save()"),
    "python create": operation_on_code("Tag = apps.get_model('shop', 'Tag')\nTag.objects.create(word='made')\nTag(word='too').save()"),
    "python create order": operation_on_code("Order = apps.get_model('shop', 'Order')\nOrder.objects.create(product_id=3, number=8)"),
    "python through relation": operation_on_code("Product = apps.get_model('shop', 'Product')\nfor p in Product.objects.exclude(category=None):\n    p.category.name = p.name\n    p.category.save()"),
    "python create through relation": operation_on_code("Product = apps.get_model('shop', 'Product')\np = Product.objects.get(code='p3')\np.order_set.create(number=4)"),
    "python delete": operation_on_code("apps.get_model('shop', 'Product').objects.filter(code='p1').delete()"),
    "python hasattr": operation_on_code("Tag = apps.get_model('shop', 'Tag')\nfor tag in Tag.objects.all():\n    if hasattr(tag, 'int'):\n        tag.int = 9\n        tag.save()"),
    "python many": operation_on_code("Product = apps.get_model('shop', 'Product')\nProduct.objects.get(code='p3').tags.set([1, 2])"),
    "python another way": operation_on_code("get = apps.get_model\nget('shop', 'Product').objects.update(price=7)"),
    "python first": operation_on_code("Order = apps.get_model('shop', 'Order')\nfirst = Order.objects.first()\nfirst.note = 'first'\nfirst.save()"),
    "python children": operation_on_code("Special = apps.get_model('shop', 'Special')\nSpecial.objects.create(name='s', code='s', discount=2)"),
    "python related first": operation_on_code("Category = apps.get_model('shop', 'Category')\nfor c in Category.objects.all():\n    first = c.products.first()\n    c.name = first.name if first else ''\n    c.save()"),
    "python category": operation_on_code("Category = apps.get_model('shop', 'Category')\nCategory.objects.filter(slug='a').update(name='zz')"),
    "python category rows": operation_on_code("Category = apps.get_model('shop', 'Category')\nCategory.objects.create(name='n', slug='n')"),
    "sql update": (f"{M}RunSQL('UPDATE shop_product SET stock = stock + 1')",),
    "sql update order": (f"{M}RunSQL('UPDATE shop_order SET place = place + 7', {M}RunSQL.noop)",),
    "sql index": (f"{M}RunSQL('CREATE INDEX name_i ON shop_category (name)')",),
    "sql legacy": (f"{M}RunSQL('UPDATE old_things SET size = 8')",),
    "sql insert": (f"{M}RunSQL(\"INSERT INTO shop_tag (word) VALUES ('sql')\")",),
    "sql read": (f"{M}RunSQL('UPDATE shop_category SET name = (SELECT MAX(name) FROM shop_product)')",),
    "sql delete": (f"{M}RunSQL('DELETE FROM shop_order')",),
}  # fmt: skip
POSTGRES = {
    "trigram": ("postgres.TrigramExtension()",),
    "extension": ("postgres.CreateExtension('hstore')",),
    "collation": ("postgres.CreateCollation('german', 'de-x-icu', provider='icu')",),
    "not valid": (f"postgres.AddConstraintNotValid('Order', models.CheckConstraint({KEY}=Q(place__lt=99), name='nv'))",),
    "validate": ("postgres.ValidateConstraint('Order', 'number_gte')",),
}  # fmt: skip

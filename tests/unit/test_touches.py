"""What each operation reads and writes, in full: `commute` compares nothing else.

A change here changes verdicts: it has to be right on a real Django, in both orders (tests/project/test_orders.py).
"""

from __future__ import annotations

from collections.abc import Collection

import pytest

from migmerge.migrations.footprints import footprints
from migmerge.migrations.gather_facts import gather
from migmerge.migrations.operations import Script, read_script
from migmerge.migrations.recorder import Footprint, Touch

HISTORY = (
    "CreateModel('Category', fields=[('id', models.AutoField(primary_key=True)), ('name', models.TextField())])",
    "CreateModel('Product', fields=[('id', models.AutoField(primary_key=True)), ('name', models.TextField()), ('price', models.IntegerField()), ('category', models.ForeignKey('shop.Category', models.CASCADE, related_name='products')), ('tags', models.ManyToManyField('shop.Category'))], options={'unique_together': {('name', 'price')}})",
    "CreateModel('Book', fields=[], bases=('shop.product',))",
)
CASES = {
    "create": (
        "CreateModel('Order', fields=[('id', models.AutoField(primary_key=True)), ('product', models.ForeignKey('shop.Product', models.CASCADE)), ('number', models.IntegerField(db_column='no'))], options={'db_table': 'orders', 'ordering': ['number'], 'indexes': [models.Index(fields=['number'], name='by_no')], 'constraints': [models.CheckConstraint(condition=models.Q(number__gt=0), name='positive')]})",
        """
        of shop.order
        writes model: shop.order
        writes relation: by_no, orders, positive
        writes reverse: shop.product.order, shop.product.order_set
        reads address: shop.product
        reads key: shop.book, shop.product
        reads model: shop.product
        reads sql: orders, shop_product
        reads sql rows: orders
        reads word: order, order_set
        """,
    ),
    "create child": (
        "CreateModel('Disc', fields=[], bases=('shop.product',))",
        """
        of shop.disc
        writes model: shop.disc
        writes relation: shop_disc
        writes reverse: shop.product.disc
        reads key: shop.book, shop.product
        reads model: shop.product
        reads sql: shop_disc
        reads sql rows: shop_disc
        reads word: disc
        """,
    ),
    "create proxy": (
        "CreateModel('Sale', fields=[], options={'proxy': True}, bases=('shop.product',))",
        """
        of shop.sale
        writes model: shop.sale
        writes relation: shop_sale
        reads key: shop.book, shop.product
        reads model: shop.product
        reads sql: shop_sale
        reads sql rows: shop_sale
        """,
    ),
    "create many": (
        "CreateModel('Shelf', fields=[('id', models.AutoField(primary_key=True)), ('products', models.ManyToManyField('shop.Product', related_name='shelves'))])",
        """
        of shop.shelf
        writes model: shop.shelf
        writes relation: shop_shelf, shop_shelf_products
        writes reverse: shop.product.shelves
        reads address: shop.product
        reads key: shop.book, shop.product, shop.shelf
        reads model: shop.product
        reads sql: shop_product, shop_shelf, shop_shelf_products
        reads sql rows: shop_shelf, shop_shelf_products
        reads word: shelves
        """,
    ),
    "delete": (
        "DeleteModel('Product')",
        """
        of shop.product
        writes kin: shop.book
        writes model: shop.product
        writes relation: shop_product
        writes swap: *
        writes tables: *
        reads model: shop.product
        reads rows: shop.product
        reads sql: *, shop_product
        reads sql rows: *, shop_product
        reads storage: shop.product
        reads word: product, product_set, products
        """,
    ),
    "rename": (
        "RenameModel('Product', 'Item')",
        """
        of shop.product
        writes address: shop.product
        writes model: shop.item, shop.product
        writes relation: shop_item, shop_product
        writes storage: shop.book, shop.item, shop.product
        writes swap: *
        writes tables: *
        reads model: shop.product
        reads rows: auth.permission, contenttypes.contenttype, shop.product
        reads sql: *, shop_item, shop_product
        reads sql rows: *, shop_item, shop_product
        reads state: *
        reads storage: shop.product
        reads word: item, item_set, product, product_set, products
        """,
    ),
    "table": (
        "AlterModelTable('product', 'items')",
        """
        of shop.product
        writes address: shop.product
        writes option: shop.product.db_table
        writes relation: items, shop_product
        writes storage: shop.book, shop.product
        writes tables: *
        reads model: shop.product
        reads rows: shop.product
        reads sql: *, items, shop_product
        reads sql rows: *, items, shop_product
        reads state: *
        reads storage: shop.product
        reads word: product, product_set, products
        """,
    ),
    "table comment": (
        "AlterModelTableComment('product', 'x')",
        """
        of shop.product
        writes option: shop.product.db_table_comment
        reads model: shop.product
        reads rows: shop.product
        reads sql: shop_product
        reads sql rows: shop_product
        reads storage: shop.product
        reads word: product, product_set, products
        """,
    ),
    "unique": (
        "AlterUniqueTogether('product', {('name', 'category')})",
        """
        of shop.product
        writes option: shop.product.unique_together
        reads field: shop.product.category, shop.product.name
        reads model: shop.product
        reads rows: shop.product
        reads sql: shop_product
        reads sql rows: shop_product
        reads storage: shop.product
        reads word: category, name, product, product_set, products
        """,
    ),
    "index together": (
        "AlterIndexTogether('product', {('name', 'price')})",
        """
        of shop.product
        writes option: shop.product.index_together
        reads field: shop.product.name, shop.product.price
        reads model: shop.product
        reads rows: shop.product
        reads sql: shop_product
        reads sql rows: shop_product
        reads storage: shop.product
        reads word: name, price, product, product_set, products
        """,
    ),
    "order": (
        "AlterOrderWithRespectTo('product', 'category')",
        """
        of shop.product
        writes column: shop.product._order
        writes field: shop.product._order
        writes option: shop.product.order_with_respect_to
        reads field: shop.product.category
        reads model: shop.product
        reads option: shop.product.options
        reads rows: shop.product
        reads sql: shop_product
        reads sql rows: shop_product
        reads storage: shop.product
        reads word: product, product_set, products
        """,
    ),
    "options": (
        "AlterModelOptions('product', options={'ordering': ['-price'], 'verbose_name': 'x', 'get_latest_by': 'price'})",
        """
        of shop.product
        writes option: shop.product.options
        reads field: shop.product.price
        reads model: shop.product
        reads rows: shop.product
        reads sql: shop_product
        reads sql rows: shop_product
        reads storage: shop.product
        reads word: product, product_set, products
        """,
    ),
    "permissions": (
        "AlterModelOptions('product', options={'permissions': [('a', 'A')], 'default_related_name': 'x'})",
        """
        of shop.product
        writes option: shop.product.options
        reads model: shop.product
        reads rows: shop.product
        reads sql: shop_product
        reads sql rows: shop_product
        reads storage: shop.product
        reads word: product, product_set, products, x
        """,
    ),
    "managers": (
        "AlterModelManagers('product', managers=[])",
        """
        of shop.product
        writes option: shop.product.managers
        reads model: shop.product
        reads rows: shop.product
        reads sql: shop_product
        reads sql rows: shop_product
        reads storage: shop.product
        reads word: product, product_set, products
        """,
    ),
    "add": (
        "AddField('product', 'stock', models.IntegerField(default=0))",
        """
        of shop.product.stock
        writes column: shop.product.stock
        writes field: shop.product.stock
        reads field: shop.book.stock, shop.product.stock
        reads kin: shop.product
        reads model: shop.product
        reads new rows: shop.book, shop.product
        reads reverse: shop.product.stock
        reads sql: shop_product
        reads sql column: stock, stock_id
        reads storage: shop.product
        reads word: stock
        """,
    ),
    "add unique": (
        "AddField('product', 'code', models.CharField(max_length=3, unique=True, db_column='c', db_collation='nocase'))",
        """
        of shop.product.code
        writes column: shop.product.c
        writes field: shop.product.code
        reads collation: nocase
        reads field: shop.book.code, shop.product.code
        reads kin: shop.product
        reads lost rows: shop.product
        reads model: shop.product
        reads new rows: shop.book, shop.product
        reads reverse: shop.product.code
        reads sql: shop_product
        reads sql column: c, code, code_id
        reads sql rows: shop_product
        reads storage: shop.product
        reads word: code
        """,
    ),
    "add key": (
        "AddField('product', 'number', models.AutoField(primary_key=True))",
        """
        of shop.product.number
        writes column: shop.product.number
        writes field: shop.product.number
        writes key: shop.product
        reads field: shop.book.number, shop.product.number
        reads kin: shop.product
        reads model: shop.product
        reads new rows: shop.book, shop.product
        reads reverse: shop.product.number
        reads sql: shop_product
        reads sql column: number, number_id
        reads storage: shop.product
        reads word: number
        """,
    ),
    "add relation": (
        "AddField('category', 'best', models.ForeignKey('shop.Product', models.SET_NULL, null=True, to_field='name', related_name='best_of'))",
        """
        of shop.category.best
        writes column: shop.category.best_id
        writes field: shop.category.best
        writes reverse: shop.product.best_of
        reads address: shop.product
        reads field: shop.category.best, shop.product.name
        reads kin: shop.category
        reads model: shop.category, shop.product
        reads new rows: shop.category
        reads reverse: shop.category.best
        reads sql: shop_category, shop_product
        reads sql column: best, best_id
        reads storage: shop.category
        reads word: best, best_of
        """,
    ),
    "add many": (
        "AddField('category', 'all', models.ManyToManyField('shop.Product', db_table='all_products'))",
        """
        of shop.category.all
        writes field: shop.category.all
        writes relation: all_products, all_products_all, shop_category_all
        writes reverse: shop.product.category, shop.product.category_set
        reads address: shop.product
        reads field: shop.category.all
        reads key: shop.book, shop.category, shop.product
        reads kin: shop.category
        reads model: shop.category, shop.product
        reads new rows: shop.category
        reads reverse: shop.category.all
        reads sql: all_products, all_products_all, shop_category, shop_category_all, shop_product
        reads sql column: all, all_id
        reads sql rows: all_products, all_products_all, shop_category_all
        reads storage: shop.category
        reads word: all, category, category_set
        """,
    ),
    "add through": (
        "AddField('category', 'some', models.ManyToManyField('shop.Product', through='shop.Book'))",
        """
        of shop.category.some
        writes field: shop.category.some
        writes reverse: shop.product.category, shop.product.category_set
        reads address: shop.book, shop.product
        reads field: shop.category.some
        reads key: shop.book, shop.product
        reads kin: shop.category
        reads model: shop.book, shop.category, shop.product
        reads new rows: shop.category
        reads reverse: shop.category.some
        reads sql: shop_book, shop_category, shop_product
        reads sql column: some, some_id
        reads storage: shop.category
        reads word: category, category_set, some
        """,
    ),
    "add not null": (
        "AddField('product', 'weight', models.IntegerField())",
        """
        of shop.product.weight
        writes column: shop.product.weight
        writes field: shop.product.weight
        reads field: shop.book.weight, shop.product.weight
        reads kin: shop.product
        reads model: shop.product
        reads new rows: shop.book, shop.product
        reads reverse: shop.product.weight
        reads sql: shop_product
        reads sql column: weight, weight_id
        reads storage: shop.product
        reads word: weight
        """,
    ),
    "remove": (
        "RemoveField('product', 'price')",
        """
        of shop.product.price
        writes column: shop.product.price, shop.product.price_id
        writes columns: shop.product
        writes field: shop.product.price
        writes relation: shop_product_price
        writes removal: shop.product
        reads field: shop.book.price, shop.product.price
        reads kin: shop.product
        reads model: shop.product
        reads reverse: shop.product.price
        reads rows: shop.product
        reads sql: shop_product, shop_product_price
        reads sql rows: shop_product, shop_product_price
        reads storage: shop.product
        reads word: price, product, product_set, products
        """,
    ),
    "remove many": (
        "RemoveField('product', 'tags')",
        """
        of shop.product.tags
        writes column: shop.product.tags, shop.product.tags_id
        writes columns: shop.product
        writes field: shop.product.tags
        writes relation: shop_product_tags
        writes removal: shop.product
        reads field: shop.book.tags, shop.product.tags
        reads kin: shop.product
        reads model: shop.product
        reads reverse: shop.product.tags
        reads rows: shop.product
        reads sql: shop_product, shop_product_tags
        reads sql rows: shop_product, shop_product_tags
        reads storage: shop.product
        reads word: product, product_set, products, tags
        """,
    ),
    "alter": (
        "AlterField('product', 'price', models.BigIntegerField())",
        """
        of shop.product.price
        writes column: shop.product.price, shop.product.price_id
        writes columns: shop.product
        writes field: shop.product.price
        reads kin: shop.product
        reads model: shop.product
        reads reverse: shop.product.price
        reads rows: shop.product
        reads sql: shop_product
        reads sql rows: shop_product
        reads storage: shop.product
        reads word: price, product, product_set, products
        """,
    ),
    "alter key": (
        "AlterField('product', 'id', models.BigAutoField(primary_key=True))",
        """
        of shop.product.id
        writes column: shop.product.id, shop.product.id_id
        writes columns: shop.product
        writes field: shop.product.id
        writes key: shop.product
        writes storage: shop.book, shop.product
        reads kin: shop.product
        reads model: shop.product
        reads reverse: shop.product.id
        reads rows: shop.product
        reads sql: *, shop_product
        reads sql rows: *, shop_product
        reads state: *
        reads storage: shop.product
        reads word: id, product, product_set, products
        """,
    ),
    "alter relation": (
        "AlterField('product', 'category', models.ForeignKey('shop.Category', models.PROTECT))",
        """
        of shop.product.category
        writes column: shop.product.category, shop.product.category_id
        writes columns: shop.product
        writes field: shop.product.category
        writes reverse: shop.category.product, shop.category.product_set
        reads address: shop.category
        reads key: shop.category
        reads kin: shop.product
        reads model: shop.category, shop.product
        reads reverse: shop.product.category
        reads rows: shop.product
        reads sql: shop_category, shop_product
        reads sql rows: shop_product
        reads storage: shop.product
        reads word: category, product, product_set, products
        """,
    ),
    "rename field": (
        "RenameField('product', 'price', 'cost')",
        """
        of shop.product.price
        writes column: shop.product.cost, shop.product.cost_id, shop.product.price, shop.product.price_id
        writes columns: shop.product
        writes field: shop.product.cost, shop.product.price
        writes relation: shop_product_cost, shop_product_price
        writes removal: shop.product
        reads field: shop.book.cost, shop.book.price, shop.product.cost, shop.product.price
        reads kin: shop.product
        reads model: shop.product
        reads option: shop.product.index_together, shop.product.unique_together
        reads reverse: shop.product.cost, shop.product.price
        reads rows: shop.product
        reads sql: shop_product, shop_product_cost, shop_product_price
        reads sql rows: shop_product, shop_product_cost, shop_product_price
        reads storage: shop.product
        reads word: cost, price, product, product_set, products
        """,
    ),
    "rename many": (
        "RenameField('product', 'tags', 'labels')",
        """
        of shop.product.tags
        writes column: shop.product.labels, shop.product.labels_id, shop.product.tags, shop.product.tags_id
        writes columns: shop.product
        writes field: shop.product.labels, shop.product.tags
        writes relation: shop_product_labels, shop_product_tags
        writes removal: shop.product
        reads field: shop.book.labels, shop.book.tags, shop.product.labels, shop.product.tags
        reads kin: shop.product
        reads model: shop.product
        reads option: shop.product.index_together, shop.product.unique_together
        reads reverse: shop.product.labels, shop.product.tags
        reads rows: shop.product
        reads sql: shop_product, shop_product_labels, shop_product_tags
        reads sql rows: shop_product, shop_product_labels, shop_product_tags
        reads storage: shop.product
        reads word: labels, product, product_set, products, tags
        """,
    ),
    "add index": (
        "AddIndex('product', models.Index(fields=['name', '-price'], name='by_name'))",
        """
        of shop.product
        writes relation: by_name
        reads field: shop.product.name, shop.product.price
        reads model: shop.product
        reads rows: shop.product
        reads sql: shop_product
        reads sql rows: shop_product
        reads storage: shop.product
        reads word: name, price, product, product_set, products
        """,
    ),
    "add partial index": (
        "AddIndex('product', models.Index(models.F('name'), name='by_name', condition=models.Q(price__gt=1), include=['category']))",
        """
        of shop.product
        writes relation: by_name
        reads field: shop.product.category, shop.product.name, shop.product.price
        reads model: shop.product
        reads rows: shop.product
        reads sql: shop_product
        reads sql rows: shop_product
        reads storage: shop.product
        reads word: category, name, price, product, product_set, products
        """,
    ),
    "remove index": (
        "RemoveIndex('product', 'by_name')",
        """
        of shop.product
        writes relation: by_name
        reads model: shop.product
        reads removal: shop.product
        reads sql: shop_product
        reads storage: shop.product
        """,
    ),
    "rename index": (
        "RenameIndex('product', new_name='by_title', old_name='by_name')",
        """
        of shop.product
        writes relation: by_name, by_title
        reads model: shop.product
        reads removal: shop.product
        reads rows: shop.product
        reads sql: shop_product
        reads sql rows: shop_product
        reads storage: shop.product
        reads word: product, product_set, products
        """,
    ),
    "rename index by fields": (
        "RenameIndex('product', new_name='by_title', old_fields=('name', 'price'))",
        """
        of shop.product
        writes option: shop.product.index_together
        writes relation: by_title
        reads field: shop.product.name, shop.product.price
        reads model: shop.product
        reads removal: shop.product
        reads rows: shop.product
        reads sql: shop_product
        reads sql rows: shop_product
        reads storage: shop.product
        reads word: product, product_set, products
        """,
    ),
    "add constraint": (
        "AddConstraint('product', models.UniqueConstraint(fields=['name'], name='one_name'))",
        """
        of shop.product
        writes relation: one_name
        reads field: shop.product.name
        reads model: shop.product
        reads rows: shop.product
        reads sql: shop_product
        reads sql rows: shop_product
        reads storage: shop.product
        reads word: name, product, product_set, products
        """,
    ),
    "remove constraint": (
        "RemoveConstraint('product', 'one_name')",
        """
        of shop.product
        writes relation: one_name
        reads model: shop.product
        reads removal: shop.product
        reads rows: shop.product
        reads sql: shop_product
        reads sql rows: shop_product
        reads storage: shop.product
        reads word: product, product_set, products
        """,
    ),
    "alter constraint": (
        "AlterConstraint('product', 'one_name', models.UniqueConstraint(fields=['name'], name='one_name', violation_error_message='x'))",
        """
        of shop.product
        writes relation: one_name
        reads model: shop.product
        reads removal: shop.product
        reads rows: shop.product
        reads sql: shop_product
        reads sql rows: shop_product
        reads storage: shop.product
        reads word: product, product_set, products
        """,
    ),
    "state only": (
        "SeparateDatabaseAndState(state_operations=[migrations.AddField('product', 'x', models.IntegerField())])",
        """
        of shop.product.x
        writes column: shop.product.x
        writes field: shop.product.x
        writes state: shop.product
        writes storage: shop.product
        reads field: shop.book.x, shop.product.x
        reads kin: shop.product
        reads model: shop.product
        reads new rows: shop.book, shop.product
        reads reverse: shop.product.x
        reads rows: shop.product
        reads sql: shop_product
        reads sql column: x, x_id
        reads sql rows: shop_product
        reads storage: shop.product
        reads word: product, product_set, products, x
        in part
        """,
    ),
    "database only": (
        "SeparateDatabaseAndState(database_operations=[migrations.RunSQL('UPDATE shop_product SET price = 1')])",
        """
        writes code: shop_product
        writes sql column: price
        writes sql rows: shop_product
        irreversible
        in part
        """,
    ),
    "sql": (
        "RunSQL('UPDATE shop_product SET price = 1', migrations.RunSQL.noop)",
        """
        writes code: shop_product
        writes sql column: price
        writes sql rows: shop_product
        """,
    ),
    "sql index": (
        "RunSQL('CREATE INDEX i ON shop_product (price)')",
        """
        writes code: shop_product
        writes relation: i
        writes sql: shop_product
        writes sql column: price
        irreversible
        """,
    ),
    "code": (
        "RunPython(lambda apps, editor: apps.get_model('shop', 'Product').objects.update(price=1), migrations.RunPython.noop)",
        """
        writes code: shop_book, shop_product
        writes rows: shop.book, shop.product
        writes word: get_model, objects, price, update
        reads model: shop.product
        """,
    ),
    "code that makes": (
        "RunPython(lambda apps, editor: apps.get_model('shop', 'Category').objects.create(name='x'))",
        """
        writes code: shop_category
        writes new rows: shop.category
        writes rows: shop.category
        writes word: create, get_model, name, objects, x
        reads model: shop.category
        irreversible
        """,
    ),
}  # fmt: skip


def script(name: str, operations: Collection[str]) -> Script:
    listed = "".join(f"        migrations.{operation},\n" for operation in operations)
    text = (
        "from django.db import migrations, models\n\n\n"
        f"class Migration(migrations.Migration):\n    operations = [\n{listed}    ]\n"
    )
    return read_script(text.encode(), "shop", name)


def described(footprint: Footprint) -> list[str]:
    """The footprint, a line for each kind of thing that it touches."""

    def lines(verb: str, touches: Collection[Touch]) -> list[str]:
        kinds = sorted({touch.kind for touch in touches})
        names = {kind: sorted(t.name for t in touches if t.kind == kind) for kind in kinds}
        return [f"{verb} {kind}: {', '.join(names[kind])}" for kind in kinds]

    place = ".".join(part for part in (footprint.model, footprint.field) if part)
    return [
        *([f"opaque: {footprint.opaque}"] if footprint.opaque else []),
        *([f"of {place}"] if place else []),
        *lines("writes", footprint.writes),
        *lines("reads", footprint.reads),
        *([] if footprint.reversible else ["irreversible"]),
        *([] if footprint.whole else ["in part"]),
    ]


@pytest.mark.parametrize(("operation", "expected"), CASES.values(), ids=CASES)
def test_touches(operation: str, expected: str) -> None:
    history, own = script("0001_initial", HISTORY), script("0002_a", [operation])
    (footprint,) = footprints(own, gather([history], [own]))
    assert described(footprint) == [line.strip() for line in expected.strip().splitlines()]

"""Migrations as people write them every day, for the shop of `further_operations`, and 120 pairs.

    python -m tests.project.everyday_pairs sqlite|postgresql|mariadb

The migrations were written, and the pairs drawn, before `commute` was made less careful. What
they do follows 1,176 operations with code or SQL in 19 public repositories: a third of the code
imports a helper or deletes rows, a third of the SQL drops something.
"""

from __future__ import annotations

import random
import sys

from tests.project.commute_pairs import Pair, describe, tally
from tests.project.operations_pool import ID, INT, KEY, M, migration, operation_on_code

HELPERS = "from tests.project.shop_helpers import Grade, shorten\n\n\n"


def _field(operation: str, model: str, name: str, field: str) -> tuple[str]:
    return (f"{M}{operation}('{model}', '{name}', models.{field})",)


def _code(body: str, before: str = "") -> tuple[str, str]:
    operation, function = operation_on_code(body)
    return operation, before + function


def _sql(text: str) -> tuple[str]:
    return (f'{M}RunSQL("{text}", {M}RunSQL.noop)',)


SCHEMA: dict[str, tuple[str, ...]] = {
    "add Product.size": _field("AddField", "Product", "size", "IntegerField(null=True)"),
    "add Product.active": _field("AddField", "Product", "active", "BooleanField(default=True)"),
    "add Product.sku": _field("AddField", "Product", "sku", "CharField(max_length=9, null=True, unique=True)"),
    "add Order.state": _field("AddField", "Order", "state", "CharField(max_length=9, default='new', db_index=True)"),
    "add Order.category": _field("AddField", "Order", "category", "ForeignKey('shop.Category', models.SET_NULL, null=True)"),
    "add Tag.colour": _field("AddField", "Tag", "colour", "CharField(max_length=9, blank=True, default='')"),
    "add Category.parent": _field("AddField", "Category", "parent", "ForeignKey('self', models.CASCADE, null=True)"),
    "add Category.tags": _field("AddField", "Category", "tags", "ManyToManyField('shop.Tag', blank=True)"),
    "add Ticket.made": _field("AddField", "Ticket", "made", "DateTimeField(null=True)"),
    "help_text of Product.name": _field("AlterField", "Product", "name", "CharField(max_length=50, help_text='What it is called')"),
    "label of Product.stock": _field("AlterField", "Product", "stock", "IntegerField(default=0, verbose_name='in stock')"),
    "blank Order.note": _field("AlterField", "Order", "note", "TextField(blank=True, default='')"),
    "choices of Order.place": _field("AlterField", "Order", "place", "IntegerField(default=0, choices=[(0, 'here'), (1, 'there')])"),
    "choices of Tag.word": _field("AlterField", "Tag", "word", "CharField(max_length=30, choices=[('x', 'X'), ('y', 'Y')])"),
    "help_text of Product.category": _field("AlterField", "Product", "category", "ForeignKey('shop.Category', models.SET_NULL, null=True, related_name='products', help_text='h')"),
    "label of Product.tags": _field("AlterField", "Product", "tags", "ManyToManyField('shop.Tag', related_name='tagged', verbose_name='labels')"),
    "longer Category.name": _field("AlterField", "Category", "name", "CharField(max_length=200)"),
    "longer Product.name": _field("AlterField", "Product", "name", "CharField(max_length=200)"),
    "null Order.note": _field("AlterField", "Order", "note", "TextField(null=True)"),
    "default of Product.stock": _field("AlterField", "Product", "stock", "IntegerField(default=1)"),
    "create Invoice": (f"{M}CreateModel('Invoice', [{ID}, ('order', models.ForeignKey('shop.Order', models.CASCADE)), ('total', {INT})])",),
    "create Review": (f"{M}CreateModel('Review', [{ID}, ('product', models.ForeignKey('shop.Product', models.CASCADE, related_name='reviews')), ('text', models.TextField())], options={{'ordering': ['id']}})",),
    "create Setting": (f"{M}CreateModel('Setting', [{ID}, ('key', models.CharField(max_length=9, unique=True))])",),
    "index Product.stock": (f"{M}AddIndex('Product', models.Index(fields=['stock'], name='stock_idx'))",),
    "index Order.place": (f"{M}AddIndex('Order', models.Index(fields=['place', 'number'], name='place_idx'))",),
    "check of Order.place": (f"{M}AddConstraint('Order', models.CheckConstraint({KEY}=Q(place__gte=0), name='place_gte'))",),
    "unique Placement": (f"{M}AlterUniqueTogether('Placement', {{('shelf', 'product')}})",),
    "remove Product.old": (f"{M}RemoveField('Product', 'old')",),
    "remove Ticket.gone": (f"{M}RemoveField('Ticket', 'gone')",),
    "rename Category.name": (f"{M}RenameField('Category', 'name', 'title')",),
    "rename Tag": (f"{M}RenameModel('Tag', 'Label')",),
    "delete Legacy": (f"{M}DeleteModel('Legacy')",),
    "options of Product": (f"{M}AlterModelOptions('Product', {{'verbose_name': 'product', 'ordering': ['name']}})",),
    "ordering of Order": (f"{M}AlterModelOptions('Order', {{'ordering': ['-number']}})",),
}  # fmt: skip
DATA: dict[str, tuple[str, ...]] = {
    "fill Product.old": _code("Product = apps.get_model('shop', 'Product')\nProduct.objects.filter(old='').update(old='unknown')"),
    "trim Order.note": _code("Order = apps.get_model('shop', 'Order')\nfor order in Order.objects.exclude(note='').iterator():\n    order.note = order.note.strip()\n    order.save(update_fields=['note'])"),
    "slugs": _code("from django.utils.text import slugify\nCategory = apps.get_model('shop', 'Category')\nfor category in Category.objects.all():\n    category.slug = slugify(category.slug)\n    category.save()"),
    "default tags": _code("Tag = apps.get_model('shop', 'Tag')\nfor word in ('x', 'new', 'sale'):\n    Tag.objects.get_or_create(word=word)"),
    "delete gone tickets": _code("Ticket = apps.get_model('shop', 'Ticket')\nTicket.objects.filter(gone=True).delete()"),
    "delete orders": _code("Order = apps.get_model('shop', 'Order')\nOrder.objects.filter(number__lt=1).delete()"),
    "delete placements": _code("Placement = apps.get_model('shop', 'Placement')\nfor placement in Placement.objects.filter(row__gt=2):\n    placement.delete()"),
    "delete tags": _code("apps.get_model('shop', 'Tag').objects.filter(word='y').delete()"),
    "stock by loop": _code("Product = apps.get_model('shop', 'Product')\nfor product in Product.objects.all():\n    if product.price is None:\n        product.price = 0\n    product.save()"),
    "orders in batches": _code("Order = apps.get_model('shop', 'Order')\nbatch = []\nfor order in Order.objects.order_by('pk'):\n    order.place += 1\n    batch.append(order)\nOrder.objects.bulk_update(batch, ['place'], batch_size=100)"),
    "names by helper": _code("Product = apps.get_model('shop', 'Product')\nfor product in Product.objects.all():\n    product.name = shorten(product.name)\n    product.save()", HELPERS),
    "words by helper": _code("Tag = apps.get_model('shop', 'Tag')\nfor tag in Tag.objects.all():\n    tag.word = shorten(tag.word)\n    tag.save()", HELPERS),
    "grades": _code("Gauge = apps.get_model('shop', 'Gauge')\nGauge.objects.filter(low__gt=2).update(grade=Grade.GOOD.value)", HELPERS),
    "case when": _code("from django.db.models import Case, Value, When\nOrder = apps.get_model('shop', 'Order')\nOrder.objects.update(note=Case(When(place=0, then=Value('first')), default=Value('later')))"),
    "subquery": _code("from django.db.models import OuterRef, Subquery\nProduct = apps.get_model('shop', 'Product')\nCategory = apps.get_model('shop', 'Category')\nProduct.objects.exclude(category=None).update(old=Subquery(Category.objects.filter(pk=OuterRef('category_id')).values('slug')[:1]))"),
    "by schema editor": _code("schema_editor.execute(\"UPDATE shop_tag SET word = 'zz' WHERE word = 'y'\")"),
    "by cursor": _code("with schema_editor.connection.cursor() as cursor:\n    cursor.execute(\"UPDATE shop_category SET name = 'none' WHERE name = ''\")"),
    "by alias": _code("alias = schema_editor.connection.alias\nShelf = apps.get_model('shop', 'Shelf')\nShelf.objects.using(alias).filter(place='x').update(place='first')"),
    "tags between": _code("Between = apps.get_model('shop', 'Product_tags')\nBetween.objects.filter(tag_id=1).update(tag_id=2)"),
    "tag products": _code("Product = apps.get_model('shop', 'Product')\nTag = apps.get_model('shop', 'Tag')\ntag = Tag.objects.get(word='y')\nfor product in Product.objects.filter(stock__gt=5):\n    product.tags.add(tag)"),
    "count orders": _code("Product = apps.get_model('shop', 'Product')\nfor product in Product.objects.all():\n    product.stock = product.order_set.count()\n    product.save()"),
    "nodes in two functions": _code("number(apps)", "def number(apps):\n    Node = apps.get_model('shop', 'Node')\n    for place, node in enumerate(Node.objects.order_by('pk')):\n        node.word = str(place)\n        node.save()\n\n\n"),
    "make placements": _code("Placement = apps.get_model('shop', 'Placement')\nShelf = apps.get_model('shop', 'Shelf')\nfor shelf in Shelf.objects.all():\n    Placement.objects.create(shelf=shelf, product_id=3)"),
    "check and warn": _code("import logging\nGauge = apps.get_model('shop', 'Gauge')\nif Gauge.objects.filter(high__lt=0).exists():\n    logging.getLogger(__name__).warning('odd gauges')"),
    "in a transaction": _code("from django.db import transaction\nTicket = apps.get_model('shop', 'Ticket')\nwith transaction.atomic():\n    Ticket.objects.filter(text='T').update(text='TT')"),
    "sql on products": _sql("UPDATE shop_product SET stock = 0 WHERE stock < 0"),
    "sql on categories": _sql("UPDATE shop_category SET name = UPPER(name)"),
    "sql insert tag": _sql("INSERT INTO shop_tag (word) VALUES ('bulk')"),
    "sql delete orders": _sql("DELETE FROM shop_order WHERE number < 0"),
    "sql drop table": _sql("DROP TABLE IF EXISTS celery_results"),
    "sql drop index": _sql("DROP INDEX IF EXISTS long_gone"),
    "sql index": _sql("CREATE INDEX raw_idx ON shop_shelf (place)"),
}  # fmt: skip
MIGRATIONS = {name: migration(*parts) for name, parts in (SCHEMA | DATA).items()}
UNFIT = {"sqlite": (), "postgresql": (), "mariadb": ("sql drop index",)}  # alone


def everyday_pairs(engine: str) -> list[Pair]:
    """120 pairs of two migrations, each with code or SQL as often as not (as in 50 % of 4,447
    resolved conflicts); without those that the engine can't run."""
    choice = random.Random(20)
    pairs: set[Pair] = set()
    while len(pairs) < 120:
        one, other = (choice.choice(list(choice.choice((SCHEMA, DATA)))) for _ in range(2))
        if one != other and (other, one) not in pairs:
            pairs.add((one, other))
    return sorted(pair for pair in pairs if not {*pair} & {*UNFIT[engine]})


def main(engine: str) -> None:
    print(describe(engine, tally(engine, everyday_pairs(engine), MIGRATIONS)))


if __name__ == "__main__":
    main(*sys.argv[1:])

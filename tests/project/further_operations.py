"""What Django derives from another name, and what only some databases have: more models and
operations for the shop of `operations_pool`.

Generated columns, defaults and comments of the database, tables between two models, proxies,
fields that are no class of Django's, conditional and exclusion constraints, statements of one
engine.
"""

from __future__ import annotations

import django

from tests.project.operations_pool import BASE as SHOP
from tests.project.operations_pool import (
    ID,
    INT,
    KEY,
    POOL,
    POSTGRES,
    M,
    migration,
    operation_on_code,
)
from tests.project.operations_pool import ROWS as SHOP_ROWS

CUSTOM = """\
class Shouted(models.CharField):
    def get_prep_value(self, value):
        return value and value.upper()


class Coded(models.TextField):
    def db_type(self, connection):
        return "varchar(30)"


"""
SHELF = "('shelf', models.ForeignKey('shop.Shelf', models.CASCADE))"
MODELS = f"""\
        {M}CreateModel('Gauge', [{ID}, ('low', models.IntegerField(default=1)),
            ('high', models.IntegerField(default=5)),
            ('span', models.GeneratedField(expression=F('high') - F('low'),
                output_field=models.IntegerField(), db_persist=True)),
            ('unit', models.CharField(max_length=9, db_default='cm')),
            ('grade', models.CharField(max_length=9, default='g', db_comment='how good'))],
            options={{'db_table_comment': 'measures'}}),
        {M}AddConstraint('Gauge', models.UniqueConstraint(fields=['low'], condition=Q(high__gt=0),
            name='low_u')),
        {M}CreateModel('Shelf', [{ID}, ('place', models.CharField(max_length=9, unique=True))]),
        {M}CreateModel('Placement', [{ID}, {SHELF}, ('row', models.IntegerField(default=0)),
            ('product', models.ForeignKey('shop.Product', models.CASCADE))]),
        {M}AddField('Shelf', 'products', models.ManyToManyField('shop.Product',
            through='shop.Placement', related_name='shelves')),
        {M}CreateModel('Cheap', [], bases=('shop.product',),
            options={{'proxy': True, 'permissions': [('sell', 'Sell')]}}),
        {M}CreateModel('Ticket', [{ID}, ('text', Shouted(max_length=9, default='t')),
            ('gauge', models.ForeignKey('shop.Gauge', models.CASCADE)),
            ('gone', models.BooleanField(default=False))],
            options={{'order_with_respect_to': 'gauge'}}),
        {M}CreateModel('Node', [{ID}, ('word', models.CharField(max_length=9, default='w')),
            ('parent', models.ForeignKey('self', models.CASCADE, null=True)),
            ('friends', models.ManyToManyField('self'))]),
        {M}CreateModel('Keyed', [('key', models.CharField(max_length=9, primary_key=True))]),
        {M}CreateModel('Odd', [{ID}, ('word', models.CharField(max_length=9)),
            ('product', models.ForeignKey('shop.Product', models.CASCADE))]),
        {M}RenameModel('Odd', 'Even'),
        {M}CreateModel('KeyOnly', [('key', models.CharField(max_length=9, primary_key=True))],
            options={{'managed': False, 'db_table': 'shop_keyed'}}),
        {M}CreateModel('Line', [{ID}, ('qty', models.IntegerField(default=1)),
            ('url', models.URLField(max_length=9000, default='')),
            ('product', models.ForeignKey('shop.Product', models.CASCADE))],
            options={{'default_related_name': 'lines'}}),
        {M}CreateModel('Profile', [('tag', models.OneToOneField('shop.Tag', models.CASCADE,
            primary_key=True)), ('bio', models.CharField(max_length=9, default=''))]),
    ]
"""
BASE = SHOP.replace("class Migration", CUSTOM + "class Migration").replace(
    "\n    ]\n", "\n" + MODELS
)
ROWS: tuple[str, ...] = (
    *SHOP_ROWS,
    "INSERT INTO shop_gauge (low, high, grade) VALUES (1, 5, 'a'), (6, 9, 'b')",
    "INSERT INTO shop_shelf (place) VALUES ('x'), ('y')",
    "INSERT INTO shop_placement (shelf_id, product_id, row) VALUES (1, 1, 0), (2, 1, 3)".replace(
        "row)", '"row")'
    ),
    "INSERT INTO shop_ticket (text, gauge_id, gone, _order) VALUES ('T', 1, '0', 0), ('U', 1, '0', 1)",
    "INSERT INTO shop_node (word, parent_id) VALUES ('a', NULL), ('b', 1)",
    "INSERT INTO shop_keyed (\"key\") VALUES ('k')",
    "INSERT INTO shop_line (qty, url, product_id) VALUES (1, '', 1)",
    "INSERT INTO shop_profile (tag_id, bio) VALUES (1, 'b')",
    "INSERT INTO shop_even (word, product_id) VALUES ('e', 1)",
    "INSERT INTO shop_node_friends (from_node_id, to_node_id) VALUES (1, 2), (2, 1)",
)


def _code(model: str, body: str, name: str = "it") -> tuple[str, str]:
    return operation_on_code(f"{name} = apps.get_model('shop', '{model}')\n{body}")


def _index(model: str, rest: str) -> tuple[str]:
    return (f"{M}AddIndex('{model}', models.Index({rest}))",)


def _constraint(model: str, rest: str, kind: str = "UniqueConstraint") -> tuple[str]:
    return (f"{M}AddConstraint('{model}', models.{kind}({rest}))",)


def _generated(name: str, expression: str, output: str = "models.IntegerField()") -> tuple[str]:
    field = f"models.GeneratedField(expression={expression}, output_field={output}, db_persist=True"
    return (f"{M}AddField('Gauge', '{name}', {field}))",)


PRODUCTS = "models.ManyToManyField('shop.Product', through='shop.Placement', related_name='{}')"
LINK = f"{M}CreateModel('Link', [{ID}, ('tag', models.ForeignKey('shop.Tag', models.CASCADE)), ('gauge', models.ForeignKey('shop.Gauge', models.CASCADE))])"
FURTHER: dict[str, tuple[str, ...]] = {
    "generated from low": _generated("twice", "F('low') * 2"),
    "generated from grade": _generated("shout", "Upper('grade')", "models.CharField(max_length=9)"),
    "generated and unique": _generated("one", "F('low') * 3", "models.IntegerField(), unique=True"),
    "remove span": (f"{M}RemoveField('Gauge', 'span')",),
    "rename span": (f"{M}RenameField('Gauge', 'span', 'extent')",),
    "low default": (f"{M}AlterField('Gauge', 'low', models.IntegerField(default=9))",),
    "low validators": (f"{M}AlterField('Gauge', 'low', models.IntegerField(default=1, help_text='h'))",),
    "low to big": (f"{M}AlterField('Gauge', 'low', models.BigIntegerField(default=1))",),
    "index low": _index("Gauge", "fields=['low'], name='low_i'"),
    "index span": _index("Gauge", "fields=['-span'], name='span_i'"),
    "check of span": _constraint("Gauge", f"{KEY}=Q(span__gte=0), name='span_c'", "CheckConstraint"),
    "add unit default": (f"{M}AlterField('Gauge', 'unit', models.CharField(max_length=9, db_default='in'))",),
    "drop unit default": (f"{M}AlterField('Gauge', 'unit', models.CharField(max_length=9, default='mm'))",),
    "unit to text": (f"{M}AlterField('Gauge', 'unit', models.CharField(max_length=40, db_default='cm'))",),
    "rename unit": (f"{M}RenameField('Gauge', 'unit', 'unity')",),
    "remove unit": (f"{M}RemoveField('Gauge', 'unit')",),
    "add with db_default": (f"{M}AddField('Gauge', 'worth', models.IntegerField(db_default=7))",),
    "add with computed db_default": (f"{M}AddField('Ticket', 'worth', models.CharField(max_length=9, db_default=Upper(models.Value('q'))))",),
    "add not null db_default to ticket": (f"{M}AddField('Ticket', 'rank', models.IntegerField(db_default=3))",),
    "comment of grade": (f"{M}AlterField('Gauge', 'grade', models.CharField(max_length=9, default='g', db_comment='how bad'))",),
    "grade longer": (f"{M}AlterField('Gauge', 'grade', models.CharField(max_length=19, default='g', db_comment='how good'))",),
    "rename grade": (f"{M}RenameField('Gauge', 'grade', 'mark')",),
    "remove grade": (f"{M}RemoveField('Gauge', 'grade')",),
    "comment of gauge": (f"{M}AlterModelTableComment('Gauge', 'other measures')",),
    "rename gauge": (f"{M}RenameModel('Gauge', 'Meter')",),
    "table of gauge": (f"{M}AlterModelTable('Gauge', 'gauges')",),
    "gauge constraint of expression": _constraint("Gauge", "Upper('grade'), name='grade_u'"),
    "gauge constraint with condition": _constraint("Gauge", "fields=['grade'], condition=Q(low__gt=0), name='grade_c'"),
    "gauge without constraint": (f"{M}RemoveConstraint('Gauge', 'low_u')",),
    "key of gauge": (f"{M}AlterField('Gauge', 'id', models.AutoField(primary_key=True))",),
    "gauge ordering": (f"{M}AlterModelOptions('Gauge', {{'ordering': ['span']}})",),
    "many to gauge": (f"{M}AddField('Shelf', 'gauges', models.ManyToManyField('shop.Gauge', related_name='+'))",),
    "link": (f"{LINK}, {M}AddField('Tag', 'gauges', models.ManyToManyField('shop.Gauge', through='shop.Link'))",),
    "remove products": (f"{M}RemoveField('Shelf', 'products')",),
    "products gone with placement": (f"{M}RemoveField('Shelf', 'products'), {M}DeleteModel('Placement')",),
    "rename products": (f"{M}RenameField('Shelf', 'products', 'goods')",),
    "products by another name": (f"{M}AlterField('Shelf', 'products', {PRODUCTS.format('places')})",),
    "rename placement": (f"{M}RenameModel('Placement', 'Place')",),
    "table of placement": (f"{M}AlterModelTable('Placement', 'placed')",),
    "add to placement": (f"{M}AddField('Placement', 'depth', {INT})",),
    "rename placement.row": (f"{M}RenameField('Placement', 'row', 'line')",),
    "rename placement.product": (f"{M}RenameField('Placement', 'product', 'thing')",),
    "placement together": (f"{M}AlterUniqueTogether('Placement', {{('shelf', 'product')}})",),
    "placement constraint": _constraint("Placement", "fields=['shelf', 'row'], name='shelf_row'"),
    "rename shelf": (f"{M}RenameModel('Shelf', 'Rack')",),
    "table of shelf": (f"{M}AlterModelTable('Shelf', 'racks')",),
    "key of shelf": (f"{M}AlterField('Shelf', 'id', models.AutoField(primary_key=True))",),
    "rename tags": (f"{M}RenameField('Product', 'tags', 'labels')",),
    "tags by table": (f"{M}AlterField('Product', 'tags', models.ManyToManyField('shop.Tag', related_name='tagged', db_table='tagging'))",),
    "rename special": (f"{M}RenameModel('Special', 'Offer')",),
    "rename cheap": (f"{M}RenameModel('Cheap', 'Bargain')",),
    "delete cheap": (f"{M}DeleteModel('Cheap')",),
    "permissions of cheap": (f"{M}AlterModelOptions('Cheap', {{'proxy': True, 'permissions': [('buy', 'Buy')]}})",),
    "permissions of tag": (f"{M}AlterModelOptions('Tag', {{'permissions': [('stick', 'Stick')], 'default_permissions': ()}})",),
    "managers of cheap": (f"{M}AlterModelManagers('Cheap', [('cheap', models.Manager())])",),
    "proxy of special": (f"{M}CreateModel('Rare', [], options={{'proxy': True}}, bases=('shop.special',))",),
    "key to cheap": (f"{M}AddField('Gauge', 'cheap', models.ForeignKey('shop.Cheap', models.SET_NULL, null=True, related_name='+'))",),
    "custom field": (f"{M}AddField('Ticket', 'loud', Shouted(max_length=9, default='l'))", CUSTOM),
    "custom type": (f"{M}AddField('Ticket', 'coded', Coded(default='c'))", CUSTOM),
    "custom to plain": (f"{M}AlterField('Ticket', 'text', models.CharField(max_length=9, default='t'))",),
    "custom to longer": (f"{M}AlterField('Ticket', 'text', Shouted(max_length=19, default='t'))", CUSTOM),
    "custom to other": (f"{M}AlterField('Gauge', 'grade', Shouted(max_length=9, default='g'))", CUSTOM),
    "rename custom": (f"{M}RenameField('Ticket', 'text', 'words')",),
    "remove custom": (f"{M}RemoveField('Ticket', 'text')",),
    "ticket in no order": (f"{M}AlterOrderWithRespectTo('Ticket', None)",),
    "ticket gauge null": (f"{M}AlterField('Ticket', 'gauge', models.ForeignKey('shop.Gauge', models.CASCADE, null=True))",),
    "ticket options": (f"{M}AlterModelOptions('Ticket', {{'get_latest_by': 'gone'}})",),
    "node in order": (f"{M}AlterOrderWithRespectTo('Node', 'parent')",),
    "rename node": (f"{M}RenameModel('Node', 'Knot')",),
    "table of node": (f"{M}AlterModelTable('Node', 'knots')",),
    "key of node": (f"{M}AlterField('Node', 'id', models.AutoField(primary_key=True))",),
    "rename friends": (f"{M}RenameField('Node', 'friends', 'mates')",),
    "remove friends": (f"{M}RemoveField('Node', 'friends')",),
    "rename node.parent": (f"{M}RenameField('Node', 'parent', 'above')",),
    "remove node.parent": (f"{M}RemoveField('Node', 'parent')",),
    "add to node": (f"{M}AddField('Node', 'depth', {INT})",),
    "key to node": (f"{M}AddField('Shelf', 'node', models.ForeignKey('shop.Node', models.CASCADE, null=True))",),
    "index of two": _index("Node", "fields=['word', 'parent'], name='wp', condition=Q(word__gt='')"),
    "code on gauges": _code("Gauge", "it.objects.filter(low=1).update(high=20)"),
    "code that adds gauges": _code("Gauge", "it.objects.create(low=30, high=31)\nit.objects.bulk_create([it(low=40)])"),
    "code that saves gauges": _code("Gauge", "for gauge in it.objects.order_by('low'):\n    gauge.grade = str(gauge.span)\n    gauge.save(update_fields=['grade'])"),
    "code on placements": _code("Placement", "it.objects.filter(row=3).update(row=4)"),
    "code that adds placements": _code("Placement", "it.objects.create(shelf_id=1, product_id=2)"),
    "code over shelves": _code("Shelf", "for shelf in it.objects.all():\n    shelf.place = 'p%d-%d' % (shelf.pk, shelf.products.count())\n    shelf.save()"),
    "code that adds to shelves": _code("Shelf", "it.objects.get(place='y').products.add(2, through_defaults={'row': 8})"),
    "code on cheap": _code("Cheap", "it.objects.filter(stock=5).update(stock=50)"),
    "code that adds cheap": _code("Cheap", "it.objects.create(name='c', code='c')"),
    "code on special": _code("Special", "it.objects.filter(discount=9).update(discount=10)"),
    "code on tickets": _code("Ticket", "it.objects.filter(gone=False).update(text='v')"),
    "code that adds tickets": _code("Ticket", "it.objects.create(gauge_id=2, text='new')"),
    "code over ticket's gauge": _code("Ticket", "for ticket in it.objects.select_related('gauge'):\n    ticket.text = ticket.gauge.grade\n    ticket.save()"),
    "code on nodes": _code("Node", "it.objects.filter(parent=None).update(word='root')"),
    "code over nodes": _code("Node", "for node in it.objects.all():\n    node.word = str(node.friends.count())\n    node.save()"),
    "code that adds nodes": _code("Node", "it.objects.get(word='b').friends.add(it.objects.create(word='c'))"),
    "code on tags": _code("Tag", "it.objects.filter(word='x').update(word='xx')"),
    "code that gets or creates": _code("Tag", "it.objects.get_or_create(word='x')\nit.objects.update_or_create(word='w', defaults={'word': 'ww'})"),
    "code with values": _code("Order", "numbers = list(it.objects.values_list('number', flat=True))\nit.objects.filter(number__in=numbers).update(place=len(numbers))"),
    "code that counts": _code("Order", "count = it.objects.count()\nit.objects.update(note=str(count))"),
    "code that deletes tickets": _code("Ticket", "it.objects.filter(text='U').delete()"),
    "code that deletes gauges": _code("Gauge", "it.objects.filter(low=6).delete()"),
    "code that deletes nodes": _code("Node", "it.objects.filter(word='a').delete()"),
    "sql on placement": (f"{M}RunSQL('UPDATE shop_placement SET shelf_id = 1')",),
    "sql on tags of products": (f"{M}RunSQL('INSERT INTO shop_product_tags (product_id, tag_id) VALUES (3, 2)')",),
    "sql on friends": (f"{M}RunSQL('UPDATE shop_node_friends SET to_node_id = from_node_id WHERE from_node_id = 2')",),
    "sql column": (f"{M}RunSQL('ALTER TABLE shop_gauge ADD COLUMN raw integer NULL', state_operations=[{M}AddField('Gauge', 'raw', models.IntegerField(null=True))])",),
    "sql table": (f"{M}RunSQL('CREATE TABLE shop_raw (id integer PRIMARY KEY)', 'DROP TABLE shop_raw')",),
    "sql view": (f"{M}RunSQL('CREATE VIEW shop_view AS SELECT id, low FROM shop_gauge')",),
    "sql delete tickets": (f"{M}RunSQL('DELETE FROM shop_ticket WHERE gone = (1 = 1)')",),
    "state and database": (f"{M}SeparateDatabaseAndState(database_operations=[{M}RunSQL('ALTER TABLE shop_node RENAME TO knots')], state_operations=[{M}AlterModelTable('Node', 'knots')])",),
}  # fmt: skip
if django.VERSION >= (5, 2):
    FURTHER["alter constraint"] = (
        f"{M}AlterConstraint('Order', 'number_gte', models.CheckConstraint({KEY}=Q(number__gte=0), "
        "name='number_gte', violation_error_message='m'))",
    )
RANGE = "models.Func(F('low'), F('high'), function='int4range')"
ONLY: dict[str, dict[str, tuple[str, ...]]] = {
    "postgresql": {
        **POSTGRES,
        "exclusion": (f"{M}AddConstraint('Gauge', ExclusionConstraint(name='apart', expressions=[({RANGE}, '&&')]))",),
        "gist index": (f"{M}AddIndex('Gauge', GistIndex({RANGE}, name='gist'))",),
        "brin index": (f"{M}AddIndex('Product', BrinIndex(fields=['stock'], name='brin'))",),
        "hash index": (f"{M}AddIndex('Tag', HashIndex(fields=['word'], name='hash'))",),
        "array": (f"{M}AddField('Tag', 'words', ArrayField(models.CharField(max_length=9), default=list))",),
        "range": (f"{M}AddField('Tag', 'span', IntegerRangeField(null=True))",),
        "concurrent index": ("postgres.AddIndexConcurrently('Gauge', models.Index(fields=['high'], name='hc'))",),
        "concurrent index of product": ("postgres.AddIndexConcurrently('Product', models.Index(fields=['stock', 'price'], name='sp'))",),
        "concurrent removal": ("postgres.RemoveIndexConcurrently('Product', 'price_idx')",),
        "deferred unique": _constraint("Order", "fields=['place'], name='pl_d', deferrable=models.Deferrable.DEFERRED"),
        "unique with nulls": _constraint("Product", "fields=['price'], name='pr_n', nulls_distinct=False"),
        "unique that includes": _constraint("Ticket", "fields=['text'], include=['gone'], name='t_inc'"),
        "collated": (f"{M}AlterField('Tag', 'word', models.CharField(max_length=30, db_collation='C'))",),
        "sql trigger": (f"{M}RunSQL(\"CREATE FUNCTION f() RETURNS trigger AS $$ BEGIN NEW.word := upper(NEW.word); RETURN NEW; END $$ LANGUAGE plpgsql; CREATE TRIGGER up BEFORE INSERT OR UPDATE ON shop_node FOR EACH ROW EXECUTE FUNCTION f()\")",),
        "sql comment": (f"{M}RunSQL(\"COMMENT ON COLUMN shop_gauge.grade IS 'sql'\")",),
        "sql update from": (f"{M}RunSQL('UPDATE shop_ticket SET text = g.grade FROM shop_gauge g WHERE g.id = gauge_id')",),
        "sql do": (f"{M}RunSQL(\"DO $$ BEGIN UPDATE shop_tag SET word = 'do'; END $$\")",),
        "sql sequence": (f"{M}RunSQL(\"SELECT setval(pg_get_serial_sequence('shop_tag', 'id'), 500)\")",),
        "sql type": (f"{M}RunSQL('ALTER TABLE shop_gauge ALTER COLUMN grade TYPE varchar(50)')",),
        "sql not null": (f"{M}RunSQL('ALTER TABLE shop_node ALTER COLUMN word DROP NOT NULL')",),
    },
    "mariadb": {
        "collated": (f"{M}AlterField('Tag', 'word', models.CharField(max_length=30, db_collation='utf8mb4_bin'))",),
        "sql update join": (f"{M}RunSQL('UPDATE shop_ticket t JOIN shop_gauge g ON g.id = t.gauge_id SET t.text = g.grade')",),
        "sql modify": (f"{M}RunSQL('ALTER TABLE shop_gauge MODIFY grade varchar(50) NULL')",),
        "sql engine": (f"{M}RunSQL('ALTER TABLE shop_tag ROW_FORMAT=COMPRESSED')",),
        "sql ignore": (f"{M}RunSQL(\"INSERT IGNORE INTO shop_tag (id, word) VALUES (1, 'z'), (50, 'z')\")",),
    },
    "sqlite": {
        "collated": (f"{M}AlterField('Tag', 'word', models.CharField(max_length=30, db_collation='NOCASE'))",),
        "sql trigger": (f"{M}RunSQL(\"CREATE TRIGGER up AFTER INSERT ON shop_node BEGIN UPDATE shop_node SET word = 'up' WHERE id = NEW.id; END\")",),
        "sql replace": (f"{M}RunSQL(\"INSERT OR REPLACE INTO shop_tag (id, word) VALUES (1, 'z')\")",),
        "sql pragma": (f"{M}RunSQL('PRAGMA user_version = 7')",),
    },
}  # fmt: skip
# what the database of an engine refuses in this shop, also alone
UNFIT: dict[str, tuple[str, ...]] = {"sqlite": (), "postgresql": ("low to big",), "mariadb": ()}


def pool(engine: str) -> dict[str, str]:
    """The text of a migration for each operation that works on the engine, by name."""
    operations = {**POOL, **FURTHER, **ONLY[engine]}
    return {
        name: migration(*operations[name])
        for name in sorted(operations)
        if name not in UNFIT[engine]
    }

"""Pairs of migrations for the shop of `further_operations` that must not be said to commute.

Each works alone, and the two orders differ on some database: a footprint that forgot something
was found wrong by it.
"""

from __future__ import annotations

from tests.project.operations_pool import migration, operation_on_code


def _code(models: str, body: str) -> tuple[str, str]:
    """A data migration with these models under their own names."""
    names = "".join(f"{name} = apps.get_model('shop', '{name}')\n" for name in models.split())
    return operation_on_code(names + body)


_PAIRS: dict[str, tuple[str | tuple[str, str], str | tuple[str, str]]] = {
    'a field that is set on save, and code that saves': (_code('Product', 'for p in Product.objects.all():\n    p.stock += 1\n    p.save()'), "migrations.AddField('Product','changed',models.DateTimeField(auto_now=True,null=True))"),
    'rows deleted from a list that got others': (_code('Product Tag', "rows = list(Product.objects.filter(code='p2'))\nrows.extend(Tag.objects.filter(word='y'))\nfor r in rows:\n    r.delete()"), "migrations.AddField('Category','t',models.ForeignKey('shop.Tag',models.CASCADE,default=2,related_name='+'))"),
    'rows deleted from a set that got others': (_code('Product Tag', "rows = set(Product.objects.filter(code='p2'))\nrows.update(Tag.objects.filter(word='y'))\nfor r in rows:\n    r.delete()"), "migrations.AddField('Category','t',models.ForeignKey('shop.Tag',models.CASCADE,default=2,related_name='+'))"),
    'rows deleted from a list, one by one': (_code('Product Tag', "rows = list(Product.objects.filter(code='p2'))\nfor t in Tag.objects.filter(word='y'):\n    rows.append(t)\nfor r in rows:\n    r.delete()"), "migrations.AddField('Category','t',models.ForeignKey('shop.Tag',models.CASCADE,default=2,related_name='+'))"),
    'a query that deletes': (_code('Tag', "from django.db.models.sql import DeleteQuery\nDeleteQuery(Tag).delete_batch([2], 'default')"), "migrations.AddField('Category','t',models.ForeignKey('shop.Tag',models.CASCADE,default=2,related_name='+'))"),
    'the class of a manager': (_code('Tag', "Tag.objects.model(word='made').save()"), "migrations.AddField('Tag','x',models.IntegerField(default=5),preserve_default=False)"),
    'a class from a dictionary': (_code('Tag Shelf', "kinds = {'t': Tag, 's': Shelf}\nkinds['t'](word='made').save()"), "migrations.AddField('Tag','x',models.IntegerField(default=5),preserve_default=False)"),
    'one of two classes': (_code('Tag Shelf', "(Tag if Shelf else Shelf)(word='made').save()"), "migrations.AddField('Tag','x',models.IntegerField(default=5),preserve_default=False)"),
    'a class that is handed on': (_code('Tag', "for t in map(Tag, [50], ['w']):\n    t.save()"), "migrations.AddField('Tag','x',models.IntegerField(default=5),preserve_default=False)"),
    'all columns of two models': (_code('Tag Shelf Order', 'n = len(list(Tag.objects.all().union(Shelf.objects.all())))\nOrder.objects.filter(number=1).update(note=str(n))'), "migrations.AddField('Tag','x',models.IntegerField(default=5))"),
    'a default that names a changed value': (_code('Category', "Category.objects.filter(slug='a').update(slug='zz')"), "migrations.AddField('Tag','c',models.ForeignKey('shop.Category',models.CASCADE,to_field='slug',default='a',related_name='+'))"),
    'a default that names a changed key': (_code('Tag', "Tag.objects.filter(word='y').update(id=70)"), "migrations.AddField('Category','t',models.ForeignKey('shop.Tag',models.CASCADE,default=2,related_name='+'))"),
    'a relation by its name': (_code('Shelf', "s = Shelf.objects.get(place='y')\nrel = getattr(s, 'products')\nrel.add(2)"), "migrations.AddField('Placement','depth',models.IntegerField(default=5),preserve_default=False)"),
    'a relation that is handed on': (('migrations.RunPython(forwards)', "def link(rel):\n    rel.add(2)\n\ndef forwards(apps, schema_editor):\n    Shelf = apps.get_model('shop','Shelf')\n    link(Shelf.objects.get(place='y').products)\n"), "migrations.AddField('Placement','depth',models.IntegerField(default=5),preserve_default=False)"),
    'a relation in a loop': (_code('Shelf', 'for rel in [s.products for s in Shelf.objects.all()]:\n    rel.add(2)'), "migrations.AddField('Placement','depth',models.IntegerField(default=5),preserve_default=False)"),
    'rows between that are cleared': (_code('Shelf', 'for s in Shelf.objects.all():\n    s.products.clear()'), "migrations.AddField('Gauge','pl',models.ForeignKey('shop.Placement',models.CASCADE,default=1,related_name='+'))"),
    'another query name': (_code('Tag', "Tag.objects.filter(tagged__stock=5).update(word='z')"), "migrations.AlterField('Product','tags',models.ManyToManyField('shop.Tag',related_name='tagged',related_query_name='tq'))"),
    'another query name of a foreign key': (_code('Category', "Category.objects.filter(products__stock=5).update(name='z')"), "migrations.AlterField('Product','category',models.ForeignKey('shop.Category', models.SET_NULL, null=True, related_name='products', related_query_name='item'))"),
    "a class of one name with Django's": (("migrations.AlterField('Order','place',IntegerField(default=0,help_text='h'))", "class IntegerField(models.IntegerField):\n    def db_type(self, connection):\n        return 'bigint'\n"), "migrations.RunSQL('CREATE INDEX raw ON shop_order (place)')"),
    'a row by way of the table between': (_code('', "L = apps.get_model('shop','Product_tags')\nfor row in L.objects.all():\n    row.tag.word = row.tag.word + '1'\n    row.tag.save()"), _code('Tag', "Tag.objects.filter(word='x').update(word='yy')")),
    'a row by way of the table between, and SQL': (_code('', "L = apps.get_model('shop','Product_tags')\nfor row in L.objects.all():\n    row.tag.word = row.tag.word + '1'\n    row.tag.save()"), 'migrations.RunSQL("UPDATE shop_tag SET word = \'yy\' WHERE word = \'x\'")'),
    'a field that the table lacks': (_code('Tag', "for t in Tag.objects.all():\n    t.word += '1'\n    t.save()"), "migrations.SeparateDatabaseAndState(state_operations=[migrations.AddField('Tag','x',models.IntegerField(default=5))])"),
    'rows deleted, and a key of a table that is not there': (_code('Product', "Product.objects.filter(code='p1').delete()"), "migrations.AddField('Outside','p',models.ForeignKey('shop.Product',models.CASCADE,null=True))"),
    'rows deleted, and a new table that is not there': (_code('Product', "Product.objects.filter(code='p1').delete()"), "migrations.CreateModel('Ext',[('id', models.BigAutoField(primary_key=True)),('p',models.ForeignKey('shop.Product',models.CASCADE,null=True))],options={'managed':False})"),
    'a local name in SQL': (('migrations.RunPython(forwards)', 'table = \'shop_tag\'\n\ndef forwards(apps, schema_editor):\n    table = \'shop_category\'\n    schema_editor.execute(\'UPDATE \' + table + " SET name = \'b\'")\n'), _code('Category', "Category.objects.filter(name='b').update(name='c')")),
    'a function that is another one': (('migrations.RunPython(forwards)', "def forwards(apps, schema_editor):\n    pass\n\n\ndef real(apps, schema_editor):\n    apps.get_model('shop', 'Category').objects.filter(name='a').update(name='b')\n\n\nforwards = real\n"), _code('Category', "Category.objects.filter(name='b').update(name='c')")),
    'code that asks for tables': (_code('Tag', "conn = schema_editor.connection\nif 'shop_new' in conn.introspection.table_names():\n    Tag.objects.filter(word='x').update(word='z')"), "migrations.CreateModel('New',[('id', models.BigAutoField(primary_key=True))])"),
    'a row that is bound by match': (_code('Product Tag', "row = Product.objects.get(code='p2')\nmatch Tag.objects.get(word='y'):\n    case row:\n        row.delete()"), "migrations.AddField('Category','t',models.ForeignKey('shop.Tag',models.CASCADE,default=2,related_name='+'))"),
    'a column that SQL takes for another': ("migrations.RunSQL('UPDATE shop_order SET place = 7 WHERE product_id IN (SELECT id FROM shop_product WHERE number > 5)')", "migrations.AddField('Product','number',models.IntegerField(default=9))"),
    'a column that makes SQL ambiguous': ("migrations.RunSQL('UPDATE shop_tag SET word = (SELECT max(note) FROM shop_order, shop_category WHERE number = 1)')", "migrations.AddField('Category','number',models.IntegerField(default=5))"),
    'columns that join by their names': ('migrations.RunSQL("UPDATE shop_order SET note = \'z\' WHERE EXISTS (SELECT 1 FROM shop_tag NATURAL JOIN shop_category)")', "migrations.AddField('Tag','name',models.CharField(max_length=9,default='q'))"),
    'a whole row as text': ("migrations.RunSQL('UPDATE shop_tag t SET word = left(cast(t AS text), 20)')", "migrations.AddField('Tag','x',models.IntegerField(default=5))"),
    'a whole row in a function': ('migrations.RunSQL("UPDATE shop_tag t SET word = concat(t, \'x\')")', "migrations.AddField('Tag','x',models.IntegerField(default=5))"),
    'a whole row as JSON': ('migrations.RunSQL("UPDATE shop_tag t SET word = left(cast(jsonb_build_object(\'a\', t) as text), 30)")', "migrations.AddField('Tag','x',models.IntegerField(default=5))"),
    'an INSERT inside an UPDATE': ('migrations.RunSQL("WITH n AS (INSERT INTO shop_tag (word) VALUES (\'n\') RETURNING id) UPDATE shop_order SET place = 4 FROM n WHERE n.id > 0")', "migrations.AddField('Tag','x',models.IntegerField(default=5))"),
    'an INSERT inside a SELECT': ('migrations.RunSQL("WITH n AS (INSERT INTO shop_tag (word) VALUES (\'n\') RETURNING id) SELECT count(*) FROM n")', "migrations.AddField('Tag','x',models.IntegerField(default=5))"),
    'an index that goes, and a table that is made again': ("migrations.RunSQL('DROP INDEX IF EXISTS price_idx')", "migrations.AddField('Product','x',models.IntegerField(default=5))"),
    'a table renamed by SQL, and a key to it': ("migrations.RunSQL('ALTER TABLE shop_tag RENAME TO labels')", "migrations.AddField('Order','t',models.ForeignKey('shop.Tag',models.CASCADE,null=True))"),
    'a table that goes, and a key to it': ("migrations.RunSQL('DROP TABLE shop_ticket')", "migrations.AddField('Order','t',models.ForeignKey('shop.Ticket',models.CASCADE,null=True))"),
    'a table that goes, and a new model with a key to it': ("migrations.RunSQL('DROP TABLE shop_ticket')", "migrations.CreateModel('New',[('id', models.BigAutoField(primary_key=True)),('t',models.ForeignKey('shop.Ticket',models.CASCADE,null=True))])"),
    'a primary key that goes, and a key to it': ("migrations.RunSQL('ALTER TABLE shop_ticket DROP CONSTRAINT shop_ticket_pkey')", "migrations.AddField('Order','t',models.ForeignKey('shop.Ticket',models.CASCADE,null=True))"),
    'a table that goes, and a table between': ("migrations.RunSQL('DROP TABLE shop_ticket')", "migrations.AddField('Order','t',models.ManyToManyField('shop.Ticket'))"),
    'a column that was a string': ('migrations.RunSQL(\'UPDATE shop_tag SET word = "code"\')', "migrations.AddField('Tag','code',models.CharField(max_length=5,default='d'))"),
    'an index of an expression, and SQL on its rows': ("migrations.RunSQL('UPDATE shop_product SET stock = 0')", "migrations.AddIndex('Product', models.Index(10 / F('stock'), name='dv'))"),
    'an index of an expression, and code on its rows': (_code('Product', 'Product.objects.update(stock=0)'), "migrations.AddIndex('Product', models.Index(10 / F('stock'), name='dv'))"),
    'an index, and values too long for it': (_code('Order', "import random\nr = random.Random(3)\nOrder.objects.update(note=''.join(chr(r.randrange(33, 5000)) for i in range(9000)))"), "migrations.AddIndex('Order', models.Index(fields=['note'], name='nt'))"),
    'two tables that go': ("migrations.RunSQL('DROP TABLE shop_ticket, shop_gauge')", "migrations.AddField('Order','t',models.ForeignKey('shop.Gauge',models.CASCADE,null=True))"),
    'a column that goes, and a key to it': ("migrations.RunSQL('ALTER TABLE shop_shelf DROP COLUMN place')", "migrations.AddField('Order','t',models.ForeignKey('shop.Shelf',models.CASCADE,to_field='place',null=True))"),
    'the SQL of a queryset': (_code('Tag Order', "Order.objects.update(note=str(Tag.objects.all().query))"), "migrations.AddField('Tag','x',models.IntegerField(default=5))"),
    'the attributes of a class': (_code('Tag Order', 'import inspect\nOrder.objects.update(note=str([n for n, v in inspect.getmembers(Tag)]))'), "migrations.AddField('Tag','x',models.IntegerField(default=5))"),
    'SQL that is executed by name': (_code('Tag', 'from operator import methodcaller\nmethodcaller(\'execute\', "UPDATE shop_category SET name = \'b\'")(schema_editor.connection.cursor())'), _code('Category', "Category.objects.filter(name='b').update(name='c')")),
    'a renamed model by its accessor': (_code('Product', "for p in Product.objects.all():\n    for e in p.even_set.all():\n        e.word += '1'\n        e.save()"), _code('Even', "Even.objects.filter(word='e').update(word='zz')")),
    'a renamed model by its query name': (_code('Product', "Product.objects.filter(even__word='e').update(stock=77)"), 'migrations.RunSQL("UPDATE shop_even SET word = \'q\'")'),
    'a row that is copied by its key': (_code('Keyed', "k = Keyed.objects.get(key='k')\nk.key = 'l'\nk.save()"), "migrations.AddField('Keyed','x',models.IntegerField(default=5,unique=True))"),
    'a row that is copied by its id': (_code('Category', "k = Category.objects.get(slug='b')\nk.slug='c'\nsetattr(k, 'id', None)\nk.save()"), "migrations.AddField('Category','u',models.DateTimeField(auto_now_add=True, null=True))"),
    'a row that is copied by its pk': (_code('Tag', "k = Tag.objects.get(word='x')\nsetattr(k, 'pk', None)\nk.save()"), "migrations.AddField('Tag','u',models.DateTimeField(auto_now_add=True, null=True))"),
    'a custom field, and code that saves': (_code('Product', 'for p in Product.objects.all():\n    p.stock += 1\n    p.save()'), ("migrations.AddField('Product','slug9',AutoSlug(max_length=9,null=True))", 'class AutoSlug(models.CharField):\n    def pre_save(self, obj, add):\n        value = str(obj.name)[:9]\n        setattr(obj, self.attname, value)\n        return value\n')),
    'a field that is set on save of a related row': (_code('Order', 'for o in Order.objects.all():\n    o.product.stock += 1\n    o.product.save()'), "migrations.AddField('Product','changed',models.DateTimeField(auto_now=True,default='2020-01-01T00:00:00Z'))"),
    'rows between by a value of their ends': (_code('', "L = apps.get_model('shop','Product_tags')\nL.objects.filter(tag__word='x').delete()"), _code('Tag', "Tag.objects.filter(word='x').update(word='yy')")),
    'a lookup that is put together': (_code('Product', "for kind in ('tag',):\n    Product.objects.filter(**{f'{kind}s__word': 'x'}).update(stock=70)"), _code('Tag', "Tag.objects.filter(word='x').update(word='yy')")),
    'what goes with a row of a list': (_code('Tag Category', "rows = list(Tag.objects.filter(word='y'))\nrows.extend(Category.objects.filter(slug='a'))\nfor r in rows:\n    r.delete()"), _code('Legacy', "Legacy.objects.update(at_id='a')")),
    'an index that goes, and a field with a default': ("migrations.RunSQL('DROP INDEX IF EXISTS price_idx')", "migrations.AddField('Product','q',models.IntegerField(default=1))"),
    'a function named as a builtin': (('migrations.RunPython(forwards)', "def sorted(rows, apps):\n    return apps.get_model('shop','Tag').objects.filter(word='y')\n\ndef forwards(apps, schema_editor):\n    Product = apps.get_model('shop','Product')\n    for r in sorted(Product.objects.all(), apps):\n        r.delete()\n"), "migrations.AddField('Category','t',models.ForeignKey('shop.Tag',models.CASCADE,default=2,related_name='+'))"),
    'a slice that is replaced': (_code('Product Tag', "rows = list(Product.objects.none())\nrows[:] = Tag.objects.filter(word='y')\nfor r in rows:\n    r.delete()"), "migrations.AddField('Category','t',models.ForeignKey('shop.Tag',models.CASCADE,default=2,related_name='+'))"),
    'rows between that are replaced': (_code('Shelf', "Shelf.objects.get(place='x').products.set([])"), "migrations.AddField('Gauge','pl',models.ForeignKey('shop.Placement',models.CASCADE,default=1,related_name='+'))"),
    'rows deleted, and a key that the table lacks': (_code('Tag', "Tag.objects.filter(word='y').delete()"), "migrations.SeparateDatabaseAndState(state_operations=[migrations.AddField('Gauge','t',models.ForeignKey('shop.Tag',models.CASCADE,null=True))])"),
    'rows deleted, and a model without a table': (_code('Tag', "Tag.objects.filter(word='y').delete()"), "migrations.SeparateDatabaseAndState(state_operations=[migrations.CreateModel('Ext',[('id', models.BigAutoField(primary_key=True)),('t',models.ForeignKey('shop.Tag',models.CASCADE,null=True))])])"),
    'code that asks for columns': (_code('Shelf', "conn = schema_editor.connection\nwith conn.cursor() as c:\n    n = len(conn.introspection.get_table_description(c, 'shop_tag'))\nShelf.objects.filter(id=1).update(place=str(n))"), "migrations.AddField('Tag','depth',models.IntegerField(default=5))"),
    'rows deleted by name': (_code('Gauge Tag', "from operator import methodcaller\nd = list(map(methodcaller('delete'), Tag.objects.filter(word='y')))"), "migrations.AddField('Category','owner',models.ForeignKey('shop.Tag',models.CASCADE,default=2,related_name='+'))"),
    'a builtin by its module': (_code('Tag', 'import builtins\nbuiltins.exec("M.objects.filter(word=\'y\').delete()", {\'M\': Tag})'), "migrations.AddField('Category','owner',models.ForeignKey('shop.Tag',models.CASCADE,default=2,related_name='+'))"),
    'a row from the database that is none': (_code('Tag', "Tag.from_db('default', ['id','word'], [60,'k']).save(force_insert=True)"), "migrations.AddField('Tag','depth',models.IntegerField(default=5),preserve_default=False)"),
}  # fmt: skip


def _text(part: str | tuple[str, str]) -> str:
    return migration(part) if isinstance(part, str) else migration(*part)


INTERACTING = {title: (_text(one), _text(other)) for title, (one, other) in _PAIRS.items()}

"""What one operation reads and writes, and when that can't be determined."""

from __future__ import annotations

import pytest

from migmerge.conflicts.commute import commute
from migmerge.conflicts.conflict import Verdict
from migmerge.conflicts.kept_data_migrations import in_the_way
from migmerge.migrations.footprints import footprints
from migmerge.migrations.gather_facts import gather, gather_all
from migmerge.migrations.operations import read_script
from migmerge.migrations.recorder import Footprint, Touch

HEAD = "from django.db import migrations, models\n\nFIELD = 'b'\n\n\nclass Migration(migrations.Migration):\n"


def marks(*operations: str) -> tuple[Footprint, ...]:
    listed = "".join(f"migrations.{operation}, " for operation in operations)
    script = read_script(f"{HEAD}    operations = [{listed}]\n".encode(), "shop", "0002_a")
    return footprints(script, gather([], [script]))


COMPUTED = {
    "a table": ("CreateModel('A', fields=[], options={'db_table': NAME})", "db_table"),
    "a list of fields": ("CreateModel('A', fields=FIELDS)", "fields"),
    "a list of fields that is made": ("CreateModel('A', fields=BASE + [])", "fields"),
    "options that are made": ("AlterModelOptions('a', options=dict(OPTIONS))", "options"),
    "sets that are made": ("AlterUniqueTogether('a', {*SETS})", "unique_together"),
    "half a field": ("CreateModel('A', fields=[('a',)])", "fields"),
    "a field's name": ("CreateModel('A', fields=[(X, models.TextField())])", "fields"),
    "options": ("AlterModelOptions('a', options=OPTIONS)", "options"),
    "an ordering": ("AlterModelOptions('a', options={'ordering': ORDER})", "ordering"),
    "unique_together": ("AlterUniqueTogether('a', SETS)", "unique_together"),
    "a field": ("AddField('a', 'f', FIELD)", "field"),
    "no field": ("AddField('a', 'f')", "field"),
    "a column": ("AddField('a', 'f', models.TextField(db_column=NAME))", "db_column"),
    "starred fields": ("AddIndex('a', models.Index(*FIELDS, name='i'))", "index"),
    "a comprehension": ("AddIndex('a', models.Index(fields=[f for f in 'ab'], name='i'))", "index"),
    "keywords from elsewhere": ("AddIndex('a', models.Index(name='i', **MORE))", "index"),
    "a variable": ("AddIndex('a', models.Index(fields=[F], name='i'))", "index"),
    "an index from elsewhere": ("AddIndex('a', INDEX)", "index"),
    "no index": ("AddIndex('a')", "index"),
    "an index without a name": ("AddIndex('a', models.Index(fields=['a']))", "index"),
}


@pytest.mark.parametrize(("operation", "what"), COMPUTED.values(), ids=COMPUTED)
def test_footprints_of_what_is_computed_are_opaque(operation: str, what: str) -> None:
    (found,) = marks(operation)
    assert found.opaque == f"{found.operation} has a computed {what}"


READS = {
    "a collation": ("CreateModel('A', fields=[('a', models.TextField(db_collation='De'))])", "collation", "de"),
    "a parent model, and not a mixin": ("CreateModel('A', fields=[], bases=('Shop.Product', Mixin))", "model", "shop.product"),
    "a table that may be a many-to-many field's": ("RenameModel('Old', 'new_one')", "tables", "*"),
    "any model of another module": ("AddField('a', 'f', models.ForeignKey(other.THING, models.CASCADE))", "model", "*"),
    "a name that is a constant": ("AddIndex('a', models.Index(fields=[FIELD], name='i'))", "field", "shop.a.b"),
    "its own model": ("AddField('a', 'f', models.ForeignKey('self', models.CASCADE))", "key", "shop.a"),
    "any model": ("AddField('a', 'f', models.ForeignKey(target(), models.CASCADE))", "model", "*"),
    "keywords that are written out": ("AddIndex('a', models.Index(name='i', **{'fields': ['b']}))", "field", "shop.a.b"),
    "the field to order by": ("AlterOrderWithRespectTo('a', 'b')", "field", "shop.a.b"),
}  # fmt: skip


@pytest.mark.parametrize(("operation", "kind", "name"), READS.values(), ids=READS)
def test_footprints_read(operation: str, kind: str, name: str) -> None:
    (found,) = marks(operation)
    assert not found.opaque
    assert (kind, name) in found.reads


def test_footprints_write_the_key_where_the_primary_key_goes() -> None:
    (found,) = marks("RemoveField('a', 'id')")
    assert ("key", "shop.a") in found.writes


def test_footprints_of_order_with_respect_to_nothing_name_no_field() -> None:
    (found,) = marks("AlterOrderWithRespectTo('a', None)")
    assert "field" not in {touch.kind for touch in found.reads}


def test_footprints_of_sql_that_says_nothing_touch_nothing() -> None:
    (found,) = marks("RunSQL('')")
    assert not found.writes and not found.opaque


def test_a_call_of_no_name_is_opaque() -> None:
    script = read_script(f"{HEAD}    operations = [(lambda: 1)()]\n".encode(), "shop", "0002_a")
    (call,) = script.calls
    assert call.opaque.endswith(": 1 is not one of Django's operations")


def test_commute_of_a_deletion_and_a_swappable_model() -> None:
    """Which model the settings name can't be determined: any that is deleted may be it."""
    (deletes,) = marks("DeleteModel('Person')")
    (points,) = marks(
        "AddField('a', 'f', models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE))"
    )
    for pair in ((deletes, points), (points, deletes)):
        assert commute(*pair).verdict is not Verdict.COMMUTE


def test_commute_of_any_and_some() -> None:
    """Who writes all of a kind writes what the other reads, in whichever order they are asked."""
    every = Footprint("RunPython", "0002_a", 1, writes=frozenset({Touch("relation", "*")}))
    one = Footprint("AddIndex", "0002_b", 1, writes=frozenset({Touch("relation", "by_x")}))
    for pair in ((every, one), (one, every)):
        assert commute(*pair).verdict is not Verdict.COMMUTE


def test_data_migration_blocked_by_newly_generated_operation() -> None:
    code = marks("RunSQL('UPDATE shop_a SET x = 1')")
    made = marks("RemoveField('a', 'x')")
    assert in_the_way(code, made, made) == ""
    assert in_the_way(code, [], made) != ""
    assert in_the_way(code, made, []) == "RemoveField shop.a.x is not regenerated"


def _of_app(label: str, *operations: str) -> tuple[bytes, str]:
    listed = "".join(f"migrations.{operation}, " for operation in operations)
    return f"{HEAD}    operations = [{listed}]\n".encode(), label


DELETES = "RunPython(lambda a, e: a.get_model('shop', '{}').objects.all().delete())"
# what another app has between a model of this app and one that points back at it
BETWEEN = {
    "by the name of the model": ("Product", "'shop.Product'", Verdict.OVERLAP),
    "by the setting": ("User", "settings.AUTH_USER_MODEL", Verdict.OVERLAP),
    "by the setting, to something else": ("Product", "settings.AUTH_USER_MODEL", Verdict.COMMUTE),
}


@pytest.mark.parametrize(("model", "target", "verdict"), BETWEEN.values(), ids=BETWEEN)
def test_commute_of_deleted_rows_by_way_of_another_app(
    model: str, target: str, verdict: Verdict
) -> None:
    """Rows that point at what goes may be another app's, and what points at these this app's."""
    key = f"models.ForeignKey({target}, models.CASCADE)"
    sources = [
        _of_app("shop", f"CreateModel('{model}', fields=[('n', models.TextField())])"),
        _of_app("cart", f"CreateModel('Line', fields=[('p', {key})])"),
        _of_app("shop", "AddField('note', 'l', models.ForeignKey('cart.Line', models.CASCADE))"),
    ]
    scripts = [
        read_script(_of_app("shop", operation)[0], "shop", name)
        for operation, name in (
            (DELETES.format(model), "0002_a"),
            ("AlterField('note', 'text', models.TextField())", "0002_b"),
        )
    ]
    facts = gather_all(sources, scripts)
    (deletes,), (alters,) = (footprints(script, facts) for script in scripts)
    assert commute(deletes, alters).verdict is verdict


def test_facts_of_definitions_come_from_every_file_that_names_the_field() -> None:
    """Most files can't hold a fact and are not parsed."""
    longer = _of_app("shop", "AlterField('a', 'title', models.CharField(max_length=9))")
    sources = [longer, _of_app("shop", "AddField('a', 'title', models.TextField())")]
    alters = "AlterField('a', 'title', models.CharField(max_length=9, help_text='h'))"
    script = read_script(_of_app("shop", alters)[0], "shop", "0002_a")
    (alone,) = footprints(script, gather_all(sources[:1], [script]))
    (later,) = footprints(script, gather_all(sources, [script]))
    assert not alone.writes and later.writes

"""What an edit of a published migration changes."""

from __future__ import annotations

import pytest

from migmerge.conflicts.changed_operations import EditKind, compare_operations

FILE = """\
from django.contrib.postgres.operations import BtreeGinExtension, TrigramExtension
from django.db import migrations, models

{head}
class Migration(migrations.Migration):
    dependencies = {dependencies}
    operations = [{operations}]
"""
B = "migrations.AddField('repo', 'b', models.CharField(max_length=10, default='x', help_text='h'))"
MODEL = (
    "migrations.CreateModel('Repo', [('a', models.IntegerField())], options={'ordering': ['a']})"
)
UNIQUE = "migrations.AlterUniqueTogether('repo', set([('a', 'b'), ('c', 'd')]))"
PAIRS = "{(b'c', 'd'), ('a', 'b')}"
CHECK = "migrations.AddConstraint('repo', models.CheckConstraint(check=models.Q(a=1), name='c'))"
FK = "migrations.AddField('repo', 'user', models.ForeignKey('auth.User', on_delete=models.CASCADE))"
RUN = "migrations.RunPython(fill)"


def file(operations: str, head: str = "", dependencies: str = "[]") -> bytes:
    return FILE.format(operations=operations, head=head, dependencies=dependencies).encode()


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (file(B), file(B, dependencies="[('core', '0001_initial')]"), EditKind.LAYOUT),
        (file(B), file(B).replace(b"'", b'"'), EditKind.LAYOUT),
        (file(B), file(B.replace("'h'", "'help'")), EditKind.STATE),
        (file(B), file(B.replace("default='x'", "default='y'")), EditKind.CODE),
        (file(B), file(B.replace("models.CharField", "x.Text")), EditKind.CODE),
        (file(B.replace("models.CharField", "x.A(encoder=1, ")), file(B), EditKind.CODE),
        (
            file(B.replace("CharField(", "NullBooleanField(")),
            file(B.replace("CharField(", "BooleanField(null=True, ")),
            EditKind.CODE,
        ),
        (
            file(B.replace("CharField(", "JSONField(encoder=a.B, ")),
            file(B.replace("CharField(", "JSONField(encoder=c.B, ")),
            EditKind.STATE,
        ),
        (
            file(UNIQUE),
            file(UNIQUE.replace("set([('a', 'b'), ('c', 'd')])", PAIRS)),
            EditKind.STATE,
        ),
        (
            file(UNIQUE),
            file(UNIQUE.replace("set([('a', 'b'), ('c', 'd')])", "[('c', 'd'), ['a', 'b']]")),
            EditKind.STATE,
        ),
        (file(CHECK), file(CHECK.replace("check=", "condition=")), EditKind.STATE),
        (file(B), file(B.replace("'x'", "b'x'")), EditKind.CODE),
        (file(FK), file(FK.replace("'auth.User'", "settings.AUTH_USER_MODEL")), EditKind.STATE),
        (file(FK), file(FK.replace("'auth.User'", "to='auth.user', null=False")), EditKind.STATE),
        (file(MODEL), file(MODEL.replace("['a']", "['-a']")), EditKind.STATE),
        (file(MODEL), file(f"{MODEL}, migrations.AlterModelOptions('repo', {{}})"), EditKind.STATE),
        (
            file(RUN, "def fill(apps, editor): pass\n"),
            file(RUN, "def fill(apps, editor): return 1\n"),
            EditKind.CODE,
        ),
        (file(f"{B}, {RUN}", "fill = None\n"), file(B), EditKind.CODE),
        (file(B), file(f"*[{B}]"), EditKind.CODE),
        (file(B), b"<<<<<<< HEAD\n", EditKind.CODE),
        (file(f"{B}, {MODEL}"), file(f"{MODEL}, {B}"), EditKind.STATE),
        (file(B), file(B.replace("'h'", "+".join(["'h'"] * 3000))), EditKind.CODE),
    ],
)
def test_what_no_table_has_is_no_change_of_the_schema(
    before: bytes, after: bytes, kind: EditKind
) -> None:
    edit = compare_operations(before, after, "core", ("main", "here"))
    assert (edit.kind, edit.reasons) == (kind, ())


@pytest.mark.parametrize(
    ("before", "after", "reasons"),
    [
        (
            B,
            B.replace("10", "12"),
            ("AddField core.repo.b: max_length is 10 in main, 12 in here",),
        ),
        (
            B,
            B.replace("CharField", "TextField"),
            ("AddField core.repo.b: type is CharField in main, TextField in here",),
        ),
        (
            B,
            B.replace("'b'", "'bb'"),
            ("AddField core.repo.b is gone", "AddField core.repo.bb is new"),
        ),
        (B, "", ("AddField core.repo.b is gone",)),
        (f"{B}, {B}", B, ("AddField core.repo.b (2) is gone",)),
        (
            MODEL,
            MODEL.replace("'ordering': ['a']", "'db_table': 'repos'"),
            ("CreateModel core.repo: db_table is not set in main, 'repos' in here",),
        ),
        (
            "TrigramExtension()",
            "TrigramExtension(), BtreeGinExtension()",
            ("BtreeGinExtension is new",),
        ),
        (
            "migrations.RenameField('repo', 'a', 'b')",
            "migrations.RenameField('repo', 'a', 'c')",
            ("RenameField core.repo.a: new_name is 'b' in main, 'c' in here",),
        ),
        (
            "migrations.AddIndex('repo', models.Index(fields=['a'], name='i'))",
            "migrations.AddIndex('repo', models.Index(fields=['b'], name='i'))",
            (
                "AddIndex core.repo: index is models.Index(fields=['a'], name='i') in main, "
                "models.Index(fields=['b'], name='i') in here",
            ),
        ),
        (
            ", ".join(B.replace("'b'", f"'b{number}'") for number in range(5)),
            "",
            (*(f"AddField core.repo.b{number} is gone" for number in range(3)), "2 more"),
        ),
    ],
)
def test_what_a_table_has_is_named(before: str, after: str, reasons: tuple[str, ...]) -> None:
    edit = compare_operations(file(before), file(after), "core", ("main", "here"))
    assert (edit.kind, edit.reasons) == (EditKind.SCHEMA, reasons)

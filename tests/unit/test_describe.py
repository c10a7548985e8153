"""Each operation in a line for people."""

from __future__ import annotations

import pytest

from migmerge.migrations.describe import _SAYS, describe
from migmerge.migrations.operations import SIGNATURES, read_script

HEAD = "from django.db import migrations, models\nfrom elsewhere import Odd\n\nNAME = 'price'\n\n\n"

LINES = {
    "a model": ("migrations.CreateModel('Tag', fields=[])", "+ create model Tag"),
    "a model goes": ("migrations.DeleteModel(name='Tag')", "- delete model Tag"),
    "a field": (
        "migrations.AddField('product', NAME, models.IntegerField(default=0))",
        "+ add field price to product: IntegerField(default=0)",
    ),
    "a long definition": (
        f"migrations.AlterField('product', 'x', models.CharField(help_text='{'y' * 80}'))",
        f"~ alter field x of product: CharField(help_text='{'y' * 38}…",
    ),
    "an index by its name": (
        "migrations.AddIndex('product', models.Index(fields=['x'], name='By_X'))",
        "+ add index by_x to product",
    ),
    "an index without one": (
        "migrations.AddIndex('product', models.Index(fields=['x']))",
        "+ add index models.Index(fields=['x']) to product",
    ),
    "an index from elsewhere": ("migrations.AddIndex('product', INDEX)", "+ add index INDEX to product"),
    "code": ("migrations.RunPython(forwards, noop)", "* run Python: forwards"),
    "statements on several lines": (
        "migrations.RunSQL('''UPDATE a\n    SET x = 1''')", "* run SQL: UPDATE a SET x = 1",
    ),
    "an extension": ("migrations.TrigramExtension()", "* TrigramExtension"),
    "a collation": ("migrations.CreateCollation('de', 'de_DE')", "* CreateCollation de"),
    "half of one": (
        "migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField('a', 'b')])",
        "- remove field b from a (in the state only)",
    ),
    "the other half": (
        "migrations.SeparateDatabaseAndState([migrations.RunSQL(sql)])",
        "* run SQL: sql (in the database only)",
    ),
    "an argument that is not there": ("migrations.AddField('product', 'x')", "+ add field x to product: …"),
    "no operation of Django's": ("Odd(1)", "? Odd is not one of Django's operations"),
}  # fmt: skip


@pytest.mark.parametrize(("operation", "line"), LINES.values(), ids=LINES)
def test_describe(operation: str, line: str) -> None:
    source = f"{HEAD}class Migration(migrations.Migration):\n    operations = [{operation}]\n"
    assert describe(read_script(source.encode(), "shop")) == [line]


def test_every_operation_on_a_model_has_its_words() -> None:
    """And the words name only arguments that it has."""
    for name, parameters in SIGNATURES.items():
        if "model_name" in parameters or "Model" in name or "Alter" in name:
            assert name in _SAYS
        if name in _SAYS:
            filled = _SAYS[name].format_map(dict.fromkeys(parameters, ""))
            assert "{" not in filled

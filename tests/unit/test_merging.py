from __future__ import annotations

import pytest

from migmerge.conflicts.mergeable_fields import find_obstacle
from migmerge.migrations.merge_migration import (
    NotMovable,
    Setting,
    find_setting,
    merge_source,
    settle,
)
from migmerge.migrations.operations import read_script
from tests.conftest import migration_text

NAME = "AlterField('Product', 'Name', models.CharField(max_length={}))"


def found(text: str, kind: str = "field", field: str = "name") -> Setting | NotMovable | None:
    return find_setting([(read_script(text.encode(), "shop", "0002_a"), text.encode())],
                        "shop.product", kind, field)  # fmt: skip


def test_find_setting_is_the_last_one() -> None:
    text = migration_text(operations=(NAME.format(3), NAME.format(4)))
    assert found(text) == Setting(
        f"migrations.{NAME.format(4)}",
        frozenset({"from django.db import migrations", "from django.db import models"}),
    )


def test_find_setting_takes_lines_as_they_are_written_and_dedents_them() -> None:
    text = migration_text().replace(
        "operations = [",
        "operations = [\r\n\tmigrations.AlterModelOptions(\r\n\t    'product', {}\r\n\t),",
    )
    setting = found(text, "options", "")
    assert isinstance(setting, Setting)
    assert setting.text == "migrations.AlterModelOptions(\n    'product', {}\n)"


def test_find_setting_never_changes_a_string_of_several_lines() -> None:
    text = "help_text='''one\n            two''')"
    setting = found(migration_text(operations=(f"AlterField('product', 'name', models.F({text})",)))
    assert isinstance(setting, Setting)
    assert "help_text='one\\n            two'" in setting.text


@pytest.mark.parametrize("head", ["import shop.checks", "from shop import checks as shop"])
def test_find_setting_brings_its_imports(head: str) -> None:
    operation = "AlterField('product', 'name', models.CharField(validators=[shop.is_name]))"
    setting = found(f"{head}\n{migration_text(operations=(operation,))}")
    assert isinstance(setting, Setting)
    assert head in setting.imports


def test_find_setting_of_a_name_that_the_file_defines() -> None:
    operation = "AlterField('product', 'name', models.CharField(default=first))"
    text = f"def first():\n    return 1\n\n{migration_text(operations=(operation,))}"
    setting = found(text)
    assert isinstance(setting, NotMovable)
    assert setting.why.endswith("it uses first, which that file defines")


def test_find_setting_inside_another_operation() -> None:
    inner = f"migrations.{NAME.format(3)}"
    operation = f"SeparateDatabaseAndState(state_operations=[{inner}])"
    setting = found(migration_text(operations=(operation,)))
    assert isinstance(setting, NotMovable)
    assert setting.why.endswith("it is inside another operation")


def test_find_setting_that_is_not_there() -> None:
    assert found(migration_text(operations=(NAME.format(3),)), "options", "") is None


def test_merge_source_with_settings() -> None:
    final = Setting("final()", frozenset({"from a import b", "from django.db import models"}))
    other = Setting("other(\n    1\n)", frozenset({"import c.d"}))
    text = merge_source("shop", ["0002_b", "0002_a"], [settle(final, [other, final])])
    assert text.decode() == (
        "import c.d\n"
        "from a import b\n"
        "from django.db import migrations, models\n\n\n"
        "class Migration(migrations.Migration):\n\n"
        "    dependencies = [\n"
        "        ('shop', '0002_a'),\n"
        "        ('shop', '0002_b'),\n"
        "    ]\n\n"
        "    operations = [\n"
        "        # a database that ran both sides before they met may have this, "
        "whatever the state says\n"
        "        migrations.SeparateDatabaseAndState(\n"
        "            state_operations=[\n"
        "                other(\n"
        "                    1\n"
        "                ),\n"
        "            ],\n"
        "        ),\n"
        "        final(),\n"
        "    ]\n"
    )


CHAR = {"type": "CharField", "max_length": "3"}


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        (CHAR, {**CHAR, "max_length": "4"}, ""),
        (CHAR, {"type": "TextField", "null": "True", "help_text": "'x'"}, ""),
        (CHAR, {**CHAR, "unique": "False"}, ""),
        ({**CHAR, "unique": "True"}, {**CHAR, "unique": "True", "max_length": "4"}, ""),
        (CHAR, {**CHAR, "unique": "True"}, "unique can't be set again where it is set already"),
        (CHAR, {**CHAR, "db_column": "'x'"}, "db_column can't be set again where it is set already"),
        (
            {**CHAR, "db_index": "True"},
            {"type": "TextField", "db_index": "True"},
            "CharField and TextField may differ in an index or a constraint",
        ),
        (
            {"type": "IntegerField"},
            {"type": "PositiveIntegerField"},
            "IntegerField and PositiveIntegerField may differ in an index or a constraint",
        ),
        (
            {"type": "ForeignKey", "to": "'a.b'"},
            {"type": "ForeignKey", "to": "'a.c'"},
            "to can't be set again where it is set already",
        ),
        (
            {"type": "GeneratedField"},
            {"type": "GeneratedField", "expression": "F('x')"},
            "a generated column can't be altered",
        ),
    ],
)  # fmt: skip
def test_unlike(one: dict[str, str], other: dict[str, str], why: str) -> None:
    assert find_obstacle(one, other) == why
    assert find_obstacle(other, one) == why


def test_find_setting_passes_over_names_that_nobody_imports() -> None:
    """`global` and the like have names, too."""
    text = f"global NOTHING\n{migration_text(operations=(NAME.format(3),))}"
    assert isinstance(found(text), Setting)

"""What a line of migrations has created, and another one would create again."""

from __future__ import annotations

import pytest

from migmerge.migrations.created import created_again
from migmerge.migrations.operations import read_script

PRODUCT = (
    "CreateModel('Product', fields=[('id', models.AutoField()), ('price', models.IntegerField())])"
)
PRICE = "AddField('Product', 'Price', models.IntegerField())"
STOCK = "AddField('product', 'stock', models.IntegerField())"
AGAIN = "mine creates shop.product.price, which 0001_a has created"
CASES = {
    "another field": ([PRODUCT], [STOCK], []),
    "another model": ([PRODUCT], ["CreateModel('Tag', fields=[])"], []),
    "a field that was removed": ([PRODUCT, "RemoveField('product', 'price')"], [PRICE], []),
    "a field that got another name": ([PRODUCT, "RenameField('product', 'price', 'cost')"], [PRICE], []),
    "of a model that is gone": ([PRODUCT, "DeleteModel('Product')"], [PRODUCT], []),
    "of a model with another name": ([PRODUCT, "RenameModel('Product', 'Thing')"], [PRODUCT], []),
    "removed before by itself": ([PRODUCT], ["RemoveField('product', 'price')", PRICE], []),
    "computed names": ([PRODUCT], ["AddField(NAME, 'price', models.IntegerField())"], []),
    "a field of a new model": ([PRODUCT], [PRICE], [AGAIN]),
    "a field that was added": ([STOCK], [STOCK], ["mine creates shop.product.stock, which 0001_a has created"]),
    "the new name of a field": (
        ["RenameField('product', 'cost', 'price')"], [PRICE], [AGAIN],
    ),
    "the new name of a model": (
        ["RenameModel('Thing', 'Product')"], [PRODUCT],
        ["mine creates shop.product, which 0001_a has created"],
    ),
    "a model": ([PRODUCT], [PRODUCT], ["mine creates shop.product, which 0001_a has created"]),
    "twice by itself": ([], [STOCK, STOCK], ["mine creates shop.product.stock, which mine has created"]),
}  # fmt: skip


def script(name: str, operations: list[str]):  # type: ignore[no-untyped-def]
    calls = ", ".join(f"migrations.{call}" for call in operations)
    text = f"class Migration(migrations.Migration):\n    operations = [{calls}]\n"
    return read_script(text.encode(), "shop", name)


@pytest.mark.parametrize(("earlier", "later", "expected"), CASES.values(), ids=CASES)
def test_created_again(earlier: list[str], later: list[str], expected: list[str]) -> None:
    assert created_again([script("0001_a", earlier)], [script("mine", later)]) == expected

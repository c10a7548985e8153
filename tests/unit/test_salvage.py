"""What is read of a migration file that does not parse."""

from __future__ import annotations

import pytest

from migmerge.migrations.model import Header, Opaque, Reference
from migmerge.migrations.salvage import salvage

BROKEN = "print 'Python 2'\n\n\nclass Migration(migrations.Migration):\n"
A, B = Reference("shop", "0001_a", 5), Reference("shop", "0002_b", 6)

CASES = {
    "a list": ("    dependencies = [('shop', '0001_a')]\n", Header((A,))),
    "a tuple, annotated": ("    dependencies: tuple = (('shop', '0001_a'),)\n", Header((A,))),
    "over lines": (
        "    dependencies = [('shop', '0001_a'),\n        ('shop', '0002_b')]\n", Header((A, B)),
    ),
    "indented by a tab": ("\tdependencies = [('shop', '0001_a')]\n", Header((A,))),
    "a bracket in a string": (
        "    dependencies = [('shop', '0001_]')]\n",
        Header((Reference("shop", "0001_]", 5),)),
    ),
    "a bracket in a comment": (
        "    dependencies = [  # ]\n        ('shop', '0002_b')]\n", Header((B,)),
    ),
    "a bracket in a long string": (
        "    dependencies = [('shop', '''0001_]''')]\n",
        Header((Reference("shop", "0001_]", 5),)),
    ),
    "a quote that is escaped": (
        "    dependencies = [('shop', 'it\\'s]')]\n",
        Header((Reference("shop", "it's]", 5),)),
    ),
    "all three": (
        "    dependencies = [('shop', '0001_a')]\n    run_before = [('shop', '0002_b')]\n"
        "    replaces = [('shop', '0003_c')]\n",
        Header((A,), (B,), (Reference("shop", "0003_c", 7),)),
    ),
    "a call": ("    dependencies = [f('shop')]\n", Header(opaque=(Opaque(5, "dependencies"),))),
    "one attribute twice": (
        "    dependencies = [('shop', '0001_a')]\n    dependencies = [('shop', '0002_b')]\n",
        Header((A,), opaque=(Opaque(6, "dependencies"),)),
    ),
    "no end": ("    dependencies = [('shop', '0001_a')\n", Header(opaque=(Opaque(5, "dependencies"),))),
    "none": ("    operations = []\n", Header(opaque=(Opaque(1, "dependencies"),))),
    "not in a class": ("dependencies = []\n", Header(opaque=(Opaque(1, "dependencies"),))),
    "an opaque one, and no dependencies": (
        "    replaces = [f()]\n", Header(opaque=(Opaque(5, "replaces"),)),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("body", "header"), CASES.values(), ids=CASES)
def test_salvage(body: str, header: Header) -> None:
    assert salvage((BROKEN + body).encode()) == header

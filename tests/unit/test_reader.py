from __future__ import annotations

import ast
import sys

import pytest

from migmerge.migrations.literals import as_text
from migmerge.migrations.model import Header
from migmerge.migrations.reader import read_header
from tests.conftest import parser_is_older_than_python_314

CLASS = "class Migration(migrations.Migration):\n"


def said(header: Header | None, attribute: str = "dependencies") -> list[tuple[str, str]]:
    assert header is not None
    return [(ref.label, ref.name) for ref in getattr(header, attribute)]


PAIR = [("shop", "0001_a")]
READABLE = {
    "list": ('    dependencies = [("shop", "0001_a")]', PAIR),
    "single quotes": ("    dependencies = [('shop', '0001_a')]", PAIR),
    "tuple": ('    dependencies = (("shop", "0001_a"),)', PAIR),
    "pair as list": ('    dependencies = [["shop", "0001_a"]]', PAIR),
    "empty": ("    dependencies = []", []),
    "annotated without a value": ("    run_before: list\n    dependencies = [('shop', '0001_a')]", PAIR),
    "extended in the body": ("    dependencies = []\n    dependencies.extend([('shop', '0001_a')])", PAIR),
    "something else is extended": ("    dependencies = [('shop', '0001_a')]\n    f(1, 2)\n    other.x.append(1)\n    x = []\n    x.insert(0, 1)", PAIR),
    "another attribute is added to": ("    dependencies = [('shop', '0001_a')]\n    other.x += [1]", PAIR),
    "an annotated constant": ("    D: list = [('shop', '0001_a')]\n    dependencies = D", PAIR),
    "an annotated attribute of something, beside a constant": ("    D = [('shop', '0001_a')]\n    other.x: list = []\n    dependencies = D", PAIR),
    "a constant twice": ("    D = [('shop', '0001_a')]\n    dependencies = D + D", PAIR * 2),
    "an annotated attribute of something": ("    dependencies = [('shop', '0001_a')]\n    other.x: list = []", PAIR),
    "another annotation": ("    x: int = 1\n    dependencies = [('shop', '0001_a')]", PAIR),
    "a constant pair": ("    PAIR = ('shop', '0001_a')\n    dependencies = [PAIR]", PAIR),
    "added and emptied": ("    dependencies = list()\n    dependencies += [('shop', '0001_a')]", PAIR),
    "another's attribute": ("    dependencies = [('shop', '0001_a')]\n    def __init__(self, other):\n        other.dependencies = []", PAIR),
    "none given": ("    operations = []", []),
    "annotated": ('    dependencies: list = [("shop", "0001_a")]', PAIR),
    "concatenated": ('    dependencies = [] + [("shop", "0001_a")]', PAIR),
    "list()": ('    dependencies = list([("shop", "0001_a")])', PAIR),
    "empty list()": ("    dependencies = list()", []),
    "starred": ('    dependencies = [*[("shop", "0001_a")]]', PAIR),
    "added to": ('    dependencies = []\n    dependencies += [("shop", "0001_a")]', PAIR),
    "appended in the body": ('    dependencies = []\n    dependencies.append(("shop", "0001_a"))', PAIR),
    "pair over several lines": ('    dependencies = [\n        (\n            "shop",\n            "0001_a",\n        ),\n    ]', PAIR),
    "comment inside": ('    dependencies = [\n        # why\n        ("shop", "0001_a"),  # because\n    ]', PAIR),
    "strings side by side": ('    dependencies = [("shop", "0001" "_a")]', PAIR),
    "strings added": ('    dependencies = [("shop", "0001" + "_a")]', PAIR),
    "swappable": ('    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL), ("shop", "0001_a")]', PAIR),
    "swappable tuple": ('    dependencies = [SwappableTuple(("shop", "0001_a"), "X")]', PAIR),
    "__first__": ('    dependencies = [("auth", "__first__")]', [("auth", "__first__")]),
    "constant of the class": ('    APP = "shop"\n    dependencies = [(APP, "0001_a")]', PAIR),
    "under a condition": ('    dependencies = []\n    if X:\n        dependencies = [("shop", "0001_a")]', PAIR),
    "conditional expression": ('    dependencies = [("shop", "0001_a")] if X else []', PAIR),
    "tabs": ('\tdependencies = [("shop", "0001_a")]', PAIR),
    "hyphen and blank in the name": ('    dependencies = [("shop", "0001-a b")]', [("shop", "0001-a b")]),
    "other attributes": ('    atomic = False\n    safe = True\n    dependencies = [("shop", "0001_a")]', PAIR),
    "overridden apply": ('    dependencies = [("shop", "0001_a")]\n    def apply(self, *a):\n        return self.dependencies', PAIR),
}  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), READABLE.values(), ids=READABLE)
def test_read_header_form(body: str, expected: list[tuple[str, str]]) -> None:
    header = read_header((CLASS + body + "\n").encode())
    assert said(header) == expected
    assert header is not None and not header.opaque and not header.error


MODULES = {
    "constant": ('P = "0001_a"\n' + CLASS + '    dependencies = [("shop", P)]', PAIR),
    "list constant": ('D = [("shop", "0001_a")]\n' + CLASS + "    dependencies = D", PAIR),
    "constant of the same name": ('dependencies = [("shop", "0001_a")]\n' + CLASS + "    dependencies = dependencies", PAIR),
    "list constant added to": ('D = []\nif X:\n    D.append(("shop", "0001_a"))\n' + CLASS + "    dependencies = D", PAIR),
    "custom base class": ('class Migration(CheckedMigration):\n    dependencies = [("shop", "0001_a")]', PAIR),
    "base class of the same file": ('class Base(migrations.Migration):\n    dependencies = [("shop", "0001_a")]\nclass Migration(Base):\n    pass', PAIR),
    "bases in a circle": ('class A(B):\n    pass\nclass B(A):\n    pass\nclass Migration(A):\n    dependencies = [("shop", "0001_a")]', PAIR),
    "no base class": ('class Migration:\n    dependencies = [("shop", "0001_a")]', PAIR),
    "several classes": ("class Helper:\n    dependencies = [1]\n" + CLASS + '    dependencies = [("shop", "0001_a")]', PAIR),
    "inside if": ("if True:\n    " + CLASS + '        dependencies = [("shop", "0001_a")]', PAIR),
    "byte order mark": ("\ufeff" + CLASS + '    dependencies = [("shop", "0001_a")]', PAIR),
    "CRLF": ((CLASS + '    dependencies = [("shop", "0001_a")]\n').replace("\n", "\r\n"), PAIR),
    "no newline at the end": (CLASS + '    dependencies = [("shop", "0001_a")]', PAIR),
}  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), MODULES.values(), ids=MODULES)
def test_read_header_module_form(source: str, expected: list[tuple[str, str]]) -> None:
    header = read_header(source.encode())
    assert said(header) == expected
    assert header is not None and not header.opaque


def test_read_header_declared_encoding() -> None:
    source = (
        "# -*- coding: latin-1 -*-\n# é\n" + CLASS + '    dependencies = [("shop", "0001_é")]\n'
    )
    assert said(read_header(source.encode("latin-1"))) == [("shop", "0001_é")]


def test_read_header_run_before_and_replaces() -> None:
    body = '    run_before = [("cart", "0002_b")]\n    replaces = [("shop", "0001_a")]\n'
    header = read_header((CLASS + body).encode())
    assert said(header, "run_before") == [("cart", "0002_b")]
    assert said(header, "replaces") == PAIR


OPAQUE = {
    "call": (CLASS + "    dependencies = compute()", 2),
    "a call with keywords": (CLASS + "    dependencies = list(D, key=1)", 2),
    "a chain of constants without an end": (
        "".join(f"D{i} = D{i + 1}\n" for i in range(30)) + CLASS + "    dependencies = D0", 21,
    ),
    "comprehension": (CLASS + "    dependencies = [x for x in y]", 2),
    "name from elsewhere": ("from x import D\n" + CLASS + "    dependencies = D", 3),
    "f-string": (CLASS + '    dependencies = [("shop", f"{x}")]', 2),
    "format": (CLASS + '    dependencies = [("shop", "%s" % x)]', 2),
    "constant assigned twice": ('P = "a"\nP = "b"\n' + CLASS + '    dependencies = [("shop", P)]', 4),
    "changed in __init__": (CLASS + "    def __init__(self, *a):\n        self.dependencies = []", 3),
    "changed after the class": (CLASS + "    operations = []\nMigration.dependencies.append(1)", 3),
    "imported": ("from .other import Migration", 1),
    "assigned": ("Migration = make()", 1),
    "imported under another name": ("import os\nfrom .other import Squash, Real as Migration", 2),
}  # fmt: skip


@pytest.mark.parametrize(("source", "line"), OPAQUE.values(), ids=OPAQUE)
def test_read_header_opaque(source: str, line: int) -> None:
    header = read_header((source + "\n").encode())
    assert header is not None
    assert [opaque.line for opaque in header.opaque] == [line]


NO_MIGRATION = {
    "empty": "",
    "helper": "def helper():\n    return 'Migration'\n",
    "another class": "class Migration:\n    pass\n",
    "base class only": "from django.db.migrations import Migration\n\nclass Base(Migration):\n    pass\n",
    "a value of that name": "class Migration(NamedTuple):\n    name: str\n",
    "other assignments": "LABEL = 'shop'\nfrom .other import something\n# no Migration here\n",
    "South": "from south.db import db\nclass Migration(SchemaMigration):\n    def forwards(self): pass\n",
    "South, imported": "import south.v2\nclass Migration(south.v2.DataMigration):\n    models = {}\n",
}  # fmt: skip


@pytest.mark.parametrize("source", NO_MIGRATION.values(), ids=NO_MIGRATION)
def test_read_header_no_migration(source: str) -> None:
    assert read_header(source.encode()) is None


def test_read_header_imported_class_counts_only_in_a_numbered_file() -> None:
    source = b"from .model import Migration\n"
    assert read_header(source, numbered=True) is not None
    assert read_header(source, numbered=False) is None


BROKEN = {
    "syntax error": (CLASS + '    dependencies = [("shop", "0001_a")]\n    operations = [\n', PAIR),
    "Python 2": ('print "x"\n' + CLASS + '    dependencies = [("shop", "0001_a")]\n', PAIR),
    "NUL byte": (CLASS + '    dependencies = [("shop", "0001_a")]\n\0', PAIR),
    "markers elsewhere": (CLASS + '    dependencies = [("shop", "0001_a")]\n<<<<<<< a\n=======\n>>>>>>> b\n', PAIR),
    "deep nesting": (CLASS + '    dependencies = [("shop", "0001_a")]\n    x = ' + "(" * 9000 + "\n", PAIR),
}  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), BROKEN.values(), ids=BROKEN)
def test_read_header_broken_keeps_literal_dependencies(
    source: str, expected: list[tuple[str, str]]
) -> None:
    header = read_header(source.encode())
    assert header is not None and header.error is not None
    assert said(header) == expected


@pytest.mark.parametrize("start", ["{% load x %}\n", "\n{# note #}\n", "{{ license }}\n"])
def test_read_header_of_a_template_is_what_can_be_read(start: str) -> None:
    header = read_header(f'{start}{CLASS}    dependencies = [("shop", "0001_a")]\n'.encode())
    assert header is not None and header.error is None
    assert said(header) == PAIR


def test_read_header_of_a_template_in_which_a_merge_has_stopped() -> None:
    header = read_header(f"{{% load x %}}\n<<<<<<< a\n=======\n>>>>>>> b\n{CLASS}".encode())
    assert header is not None and header.error is not None


def test_read_header_of_bytes_that_are_not_text() -> None:
    header = read_header(
        CLASS.encode() + b'    dependencies = [("shop", "0001_a")]\n    x = "\xff"\n'
    )
    assert header is not None and header.error is not None
    assert said(header) == PAIR


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("dependencies", '[(b"shop", b"0001_a")]'),
        ("replaces", '[("shop", b"0001_a")]'),
        ("run_before", '(("shop", "0001_a"), (b"shop", "0002_b"))'),
    ],
)
def test_read_header_names_in_bytes(attribute: str, value: str) -> None:
    header = read_header(f"{CLASS}    {attribute} = {value}\n".encode())
    assert header is not None and header.error is not None
    assert header.error.line == 2
    assert header.error.message.startswith(f"{attribute} has bytes (b'")


def test_read_header_bytes_that_are_no_names() -> None:
    source = (
        CLASS
        + '    dependencies = [(f(b"shop"), b"0001_a".decode())]\n    operations = [(b"a", b"b")]\n'
    )
    header = read_header(source.encode())
    assert header is not None and header.opaque and not header.error


def test_read_header_markers_name_their_line() -> None:
    source = CLASS + "    dependencies = [\n<<<<<<< ours\n=======\n>>>>>>> theirs\n    ]\n"
    header = read_header(source.encode())
    assert header is not None and header.error is not None
    assert (header.error.line, header.error.message) == (3, "git's conflict markers")
    assert header.opaque


def test_read_header_broken_file_without_number_and_class_is_no_migration() -> None:
    assert read_header(b"Migration (\n", numbered=False) is None
    assert read_header(b"Migration (\n", numbered=True) is not None


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="this parses here")
@pytest.mark.skipif(parser_is_older_than_python_314(), reason="LibCST does not parse this yet")
def test_read_header_newer_python_is_read_and_told() -> None:
    # parentheses may be left out since Python 3.14
    source = (
        "try:\n    pass\nexcept A, B:\n    pass\n"
        + CLASS
        + '    dependencies = [("shop", "0001_a")]\n'
    )
    header = read_header(source.encode())
    assert said(header) == PAIR
    assert header is not None and header.error is None
    assert header.newer is not None and header.newer.line == 3


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="PEP 695 parses here")
def test_read_header_type_parameters_on_older_python() -> None:
    source = "class A[T]:\n    pass\n" + CLASS + '    dependencies = [("shop", "0001_a")]\n'
    assert said(read_header(source.encode())) == PAIR


def test_read_header_invalid_escape_warns_nobody() -> None:
    source = CLASS + '    dependencies = [("shop", "0001_a")]\n    x = "\\d"\n'
    assert said(read_header(source.encode())) == PAIR


def test_read_header_of_a_file_that_no_parser_takes() -> None:
    for deep in (b"not " * 100_000, b"-" * 100_000):
        header = read_header(CLASS.encode() + b"    x = " + deep + b"1\n")
        assert header is not None and header.error is not None


def test_read_header_of_a_large_broken_file_asks_no_second_parser() -> None:
    source = CLASS + '    dependencies = [("shop", "0001_a")]\n    x = (\n' + "# x\n" * 300_000
    header = read_header(source.encode())
    assert header is not None and header.error is not None and header.newer is None
    assert said(header) == PAIR


def test_read_header_of_a_list_that_is_never_closed() -> None:
    header = read_header((CLASS + '    dependencies = [("shop", "0001_a"),\n').encode())
    assert header is not None and header.error is not None and header.opaque


def test_as_text_of_what_is_nested_too_deeply() -> None:
    node: ast.expr = ast.Name("x", ast.Load())
    for _ in range(20_000):
        node = ast.UnaryOp(ast.Not(), node)
    assert as_text(node) == "(nested too deeply)"


HIDDEN = {
    "a star": "from shop.hidden import *\n",
    "exec": 'exec("class Migration: pass")\n',
    "globals": 'globals()["Migration"] = 1\n',
    "vars": 'vars()["Migration"] = 1\n',
    "a module's __getattr__": "def __getattr__(name):\n    return 1\n",
    "setattr": 'import sys\nsetattr(sys.modules[__name__], "Migration", 1)\n',
    "the module's dict": "import sys\nsys.modules[__name__].__dict__.update(Migration=1)\n",
    "an import under a condition": "if True:\n    from shop.hidden import Migration\n",
    "a walrus": "print(Migration := 3)\n",
    "a loop": "for Migration in [1]: pass\n",
    "an annotation": "Migration: type = hidden.x\n",
}


@pytest.mark.parametrize("source", HIDDEN.values(), ids=HIDDEN.keys())
def test_read_header_of_a_migration_that_does_not_show(source: str) -> None:
    """Django would find it; what it depends on can't be determined."""
    header = read_header(source.encode())
    assert header is not None and header.opaque
    assert read_header(source.encode(), numbered=False) is None


@pytest.mark.parametrize(
    "source",
    [
        "def helper():\n    exec('x')\n",
        "from django.db.models import *\n",
        "modules = [1]\n",
        "x = 1\n",
    ],
)
def test_read_header_of_what_binds_no_migration(source: str) -> None:
    assert read_header(source.encode()) is None

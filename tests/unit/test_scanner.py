"""The scanner says what the syntax tree says, or nothing."""

from __future__ import annotations

import ast
import inspect
import symtable
from pathlib import Path

import django
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migmerge.migrations.model import Header
from migmerge.migrations.reader import read_header
from migmerge.migrations.scanner import scan_header
from tests.unit.test_reader import MODULES, READABLE

HEAD = "from django.db import migrations, models\n\n\n"
CLASS = HEAD + "class Migration(migrations.Migration):\n"
PAIR = '    dependencies = [("shop", "0001_a")]\n'


def by_tree(source: bytes, monkeypatch: pytest.MonkeyPatch) -> Header | None:
    with monkeypatch.context() as patch:
        patch.setattr("migmerge.migrations.reader.scan_header", lambda _, **__: None)
        return read_header(source)


SCANNED = {
    "usual": CLASS + PAIR + "\n    operations = []\n",
    "no line end": CLASS + PAIR.rstrip(),
    "CRLF": (CLASS + "    dependencies = [\n        ('a', 'b'),\n        ('c', 'd'),\n    ]\n").replace("\n", "\r\n"),
    "swappable": CLASS + "    dependencies = [\n        migrations.swappable_dependency(settings.AUTH_USER_MODEL),\n        ('a', 'b')\n    ]\n",
    "comments": CLASS + "    dependencies = [  # one\n        # two\n        ('a', 'b'),  # three\n    ]  # four\n",
    "a pair in a comment": CLASS + '    dependencies = [\n        ("shop", "0001_a"),\n        # ("shop", "0002_b"),\n    ]  # was ("shop", "0003_c")\n',
    "other letters in a string": "# é\n" + CLASS + PAIR + '    operations = [x("Größe", "ü")]\n',
    "pair over lines": CLASS + "    dependencies = [\n        (\n            'a',\n            'b',\n        ),\n    ]\n",
    "all three": CLASS + PAIR + "    run_before = [('a', 'b')]\n    replaces = [('c', 'd')]\n",
    "empty": CLASS + "    dependencies = [\n    ]\n",
    "none": CLASS + "    operations = []\n",
    "declared UTF-8": "# -*- coding: utf-8 -*-\n" + CLASS + PAIR,
    "BOM": "\ufeff" + CLASS + PAIR,
    "a function and another class": CLASS + PAIR + "\n\ndef f(apps, editor):\n    pass\n\n\nclass Other:\n    x = 1\n",
}  # fmt: skip

LEFT = {
    "a keyword of a call": CLASS + '    x = f(\n    dependencies = [("shop", "0001_a")]\n    )\n',
    "in a string": CLASS + f'    x = """\n{PAIR}"""\n',
    "class in a string": f'x = """\n{CLASS}{PAIR}"""\n',
    "another class has them": CLASS + "    operations = []\n\n\nclass Other:\n" + PAIR,
    "a function has them": CLASS + "    def f(self):\n    " + PAIR,
    "two classes": CLASS + PAIR + "\n\nif x:\n    class Migration: pass\n",
    "twice": CLASS + PAIR + PAIR,
    "added to": CLASS + PAIR + '    dependencies += [("a", "b")]\n',
    "added to from outside": CLASS + PAIR + '\n\nMigration.dependencies.append(("a", "b"))\n',
    "two lists": CLASS + '    dependencies = [("a", "b")] + [("c", "d")]\n',
    "called": CLASS + '    dependencies = [("a", "b")("c", "d")]\n',
    "a tuple": CLASS + '    dependencies = (("a", "b"),)\n',
    "a constant": 'A = "shop"\n' + CLASS + '    dependencies = [(A, "b")]\n',
    "strings side by side": CLASS + '    dependencies = [("a" "b", "c")]\n',
    "an escape": CLASS + '    dependencies = [("a", "\\x62")]\n',
    "annotated": CLASS + '    dependencies: list = [("a", "b")]\n',
    "after a semicolon": CLASS + '    x = 1; dependencies = [("a", "b")]\n',
    "before a semicolon": CLASS + '    dependencies = [("a", "b")]; dependencies = []\n',
    "a line that goes on": CLASS + "    dependencies = \\\n    [('a', 'b')]\n",
    "another base": HEAD + "class Migration(Base):\n" + PAIR,
    "a syntax error below": CLASS + PAIR + "    operations = [a b]\n",
    "markers": CLASS + "<<<<<<< ours\n" + PAIR + ">>>>>>> theirs\n",
    "another encoding": "# coding: latin-1\n" + CLASS + PAIR,
    "old line ends": (CLASS + PAIR).replace("\n", "\r"),
    "a NUL": CLASS + PAIR + "\0",
    "South": "from south.v2 import SchemaMigration\n" + CLASS + PAIR,
    "another class, two blanks": CLASS + PAIR + "class  Migration(migrations.Migration):\n    operations = []\n",
    "another class, a tab": CLASS + PAIR + "class\tMigration(migrations.Migration):\n    operations = []\n",
    "another class, other letters": CLASS + PAIR + "class Ｍigration(migrations.Migration):\n    operations = []\n",
    "other letters for the same": CLASS + PAIR + "    ｄependencies = []\n",
    "of a lambda": CLASS + '    x = (lambda\n    dependencies = [("shop", "0001_a")]\n    : 0)\n',
    "too deep": CLASS + PAIR + "    x = " + "(" * 500 + ")" * 500 + "\n",
}  # fmt: skip


@pytest.mark.parametrize("text", SCANNED.values(), ids=SCANNED)
def test_scan_header_usual_form(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source = text.encode()
    assert scan_header(source) == by_tree(source, monkeypatch) is not None


@pytest.mark.parametrize("text", SCANNED.values(), ids=SCANNED)
def test_scan_header_trusted_asks_no_parser(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source = text.encode()
    wanted = by_tree(source, monkeypatch)
    monkeypatch.setattr(symtable, "symtable", None)
    assert scan_header(source, trusted=True) == wanted


NO_PYTHON = ("a syntax error below", "too deep")


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize("case", LEFT)
def test_scan_header_leaves_other_forms(case: str, trusted: bool) -> None:
    if trusted and case in NO_PYTHON:
        assert (
            scan_header(LEFT[case].encode(), trusted=True) is not None
        )  # it was said to be Python
    else:
        assert scan_header(LEFT[case].encode(), trusted=trusted) is None


REAL = sorted(Path(inspect.getfile(django)).parent.glob("contrib/*/migrations/0*.py"))


@pytest.mark.parametrize("path", REAL, ids=lambda path: f"{path.parts[-3]}-{path.stem[:4]}")
def test_scan_header_reads_django_s_own(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = path.read_bytes()
    assert scan_header(source) == by_tree(source, monkeypatch) is not None
    assert scan_header(source, trusted=True) == by_tree(source, monkeypatch)


FORMS = [text for text, _ in (*READABLE.values(), *MODULES.values())]


@pytest.mark.parametrize("text", FORMS)
def test_scan_header_is_the_tree_s_answer_or_none(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for source in (text.encode(), (CLASS + text + "\n").encode()):
        for trusted in (False, True):
            assert scan_header(source, trusted=trusted) in (None, by_tree(source, monkeypatch))


PIECES = [
    *(line + "\n" for line in (CLASS + PAIR).splitlines()), '"""', "'", "[", "]", "(", ")", "#", ",",
    "\n", "    ", "=", "dependencies", "replaces = []", "\\", "    pass\n", "x", '("a", "b")', "\r\n",
    "        # ('e', 'f'),\n", "lambda", "class\tMigration(migrations.Migration):\n", "ｄependencies = []\n", "{", "}", "f'", "é",
    "if x:\n", "class Migration(migrations.Migration):\n", "    run_before = [('c', 'd'),]\n", ";",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=14), st.integers(0, 4))
def test_scan_header_of_anything_is_the_tree_s_answer_or_none(pieces: list[str], at: int) -> None:
    lines = (CLASS + PAIR + "    operations = []\n").splitlines(keepends=True)
    source = "".join([*lines[:at], *pieces, *lines[at:]]).encode()
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        assert scan_header(source) is None
        return
    with pytest.MonkeyPatch.context() as patch:
        wanted = by_tree(source, patch)
    for trusted in (False, True):
        assert scan_header(source, trusted=trusted) in (None, wanted)

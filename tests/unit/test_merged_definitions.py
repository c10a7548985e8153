"""Two definitions merged by key, as git merges two texts by line."""

from __future__ import annotations

import ast

import pytest

from migmerge.migrations.merged_definitions import TwoMeanings, find_definition, merge_values
from migmerge.migrations.operations import read_script
from tests.conftest import migration_text


def merge(base: str, ours: str, theirs: str) -> str | TwoMeanings:
    nodes = [ast.parse(text, mode="eval").body if text else None for text in (base, ours, theirs)]
    merged = merge_values(nodes[0], nodes[1], nodes[2])
    return merged if isinstance(merged, TwoMeanings) else ast.unparse(merged) if merged else ""


A, B, C, D = (f"('{letter}', '{letter.upper()}')" for letter in "abcd")


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [
        pytest.param("1", "1", "1", "1", id="nobody changed it"),
        pytest.param("1", "2", "1", "2", id="ours changed it"),
        pytest.param("1", "1", "2", "2", id="theirs changed it"),
        pytest.param("1", "2", "2", "2", id="both changed it alike"),
        pytest.param("1", "", "1", "", id="ours removed it"),
        pytest.param(f"[{A}]", f"[{A}, {B}]", f"[{A}, {C}]", f"[{A}, {C}, {B}]", id="each added"),
        pytest.param("", f"[{A}]", f"[{B}]", f"[{B}, {A}]", id="each began with it"),
        pytest.param(f"[{A}, {B}]", f"[{B}]", f"[{A}, {B}, {C}]", f"[{B}, {C}]", id="ours removed one"),
        pytest.param(f"[{A}, {B}]", f"[{B}, {A}]", f"[{A}, {B}, {C}]", f"[{B}, {C}, {A}]", id="ours sorted them"),
        pytest.param(
            f"[{A}]", "[('a', 'new')]", f"[{A}, {B}]", f"[('a', 'new'), {B}]", id="ours changed a label"
        ),
        pytest.param(
            f"m.C(choices=[{A}], max_length=9)",
            f"m.C(choices=[{A}, {B}], max_length=9)",
            f"m.C(choices=[{A}], help_text='x', max_length=9)",
            f"m.C(choices=[{A}, {B}], help_text='x', max_length=9)",
            id="other keywords",
        ),
        pytest.param(
            "{'ordering': ['a']}",
            "{'ordering': ['a'], 'verbose_name': 'x'}",
            "{'ordering': ['b']}",
            "{'ordering': ['b'], 'verbose_name': 'x'}",
            id="options",
        ),
        pytest.param(f"({A},)", f"({A}, {B})", f"({A}, {C})", f"({A}, {C}, {B})", id="a tuple"),
    ],
)  # fmt: skip
def test_merge_values_keeps_both_changes(base: str, ours: str, theirs: str, merged: str) -> None:
    assert merge(base, ours, theirs) == merged


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "key"),
    [
        pytest.param("1", "2", "3", "", id="one value"),
        pytest.param(f"[{A}]", "[('a', 'x')]", "[('a', 'y')]", "'a'", id="one key, two labels"),
        pytest.param(f"[{A}]", "[]", "[('a', 'y')]", "'a'", id="removed against changed"),
        pytest.param("m.C(a=1)", "m.C(a=2)", "m.C(a=3)", "a", id="one keyword"),
        pytest.param("m.C(a=1)", "m.C(a=2)", "m.D(a=1, b=1)", "", id="another class"),
        pytest.param("m.C(1)", "m.C(2)", "m.C(1, b=1)", "", id="a positional argument"),
        pytest.param("[1]", "[1, 2]", "[1, 3]", "", id="a list of no pairs"),
        pytest.param(f"[{A}]", f"[{A}, {B}, {B}]", f"[{A}, {C}]", "", id="one key twice"),
        pytest.param("m.C(**x)", "m.C(**x, a=1)", "m.C(**x, b=1)", "", id="computed keywords"),
        pytest.param(f"[{A}]", f"[{A}, {B}]", f"({A}, {C})", "", id="a list and a tuple"),
        pytest.param("1", f"[{A}, {B}]", f"[{A}, {C}]", "", id="another kind in the base"),
        pytest.param("m.B(a=1)", "m.C(a=1)", "m.C(b=1)", "", id="another class in the base"),
    ],
)
def test_merge_values_never_chooses(base: str, ours: str, theirs: str, key: str) -> None:
    merged = merge(base, ours, theirs)
    assert isinstance(merged, TwoMeanings)
    assert merged.key == key


CREATE = "CreateModel('Product', fields=[('kind', models.C(a=1))], options={'x': 1})"
ADD = "AddField('Product', 'kind', models.C(a=2))"
RENAME = "RenameField('product', 'old', 'kind')"


@pytest.mark.parametrize(
    ("operations", "kind", "definition"),
    [
        pytest.param([CREATE], "field", "models.C(a=1)", id="made with the model"),
        pytest.param([CREATE], "options", "{'x': 1}", id="options of the model"),
        pytest.param([CREATE, ADD], "field", "models.C(a=2)", id="the last one"),
        pytest.param([ADD, RENAME], "field", None, id="it had another name"),
        pytest.param([ADD, "RenameModel('Old', 'Product')"], "field", None, id="a renamed model"),
        pytest.param([ADD, "*more()"], "field", None, id="operations that are computed"),
        pytest.param([ADD, CREATE.replace("kind", "other")], "field", None, id="another model now"),
        pytest.param([ADD.replace("Product", "Other")], "field", None, id="another model"),
        pytest.param([ADD.replace("kind", "other")], "field", None, id="another field"),
    ],
)
def test_find_definition(operations: list[str], kind: str, definition: str | None) -> None:
    source = migration_text(operations=tuple(operations)).replace("migrations.*more", "*more")
    script = read_script(source.encode(), "shop", "0001_initial")
    found = find_definition([script], "shop.product", kind, "kind" if kind == "field" else "")
    assert (ast.unparse(found) if found else None) == definition

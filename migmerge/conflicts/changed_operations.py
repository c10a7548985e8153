"""How an edited migration differs from the one that databases have run."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from migmerge.conflicts.kept_data_migrations import CODE
from migmerge.conflicts.value_difference import describe_difference
from migmerge.migrations.definitions import STATE_ONLY, read_field
from migmerge.migrations.gather_facts import defined_fields, named_values
from migmerge.migrations.operations import (
    SIGNATURES,
    Call,
    Script,
    called,
    read_script,
    whole_mark,
)

# what a new database does not get otherwise: only Django's state has it
_IN_STATE = ("AlterModelOptions", "AlterModelManagers")
_NOT_STORED = STATE_ONLY | {
    "auto_created", "auto_now", "auto_now_add", "decoder", "default", "encoder", "on_delete",
    "parent_link", "related_name", "serialize", "storage", "swappable", "symmetrical",
    "unique_for_date", "unique_for_month", "unique_for_year", "upload_to",
}  # fmt: skip
_STORED_OPTIONS = ("constraints", "db_table", "index_together", "indexes", "managed",
                   "order_with_respect_to", "unique_together")  # fmt: skip
_OTHER_CLASS = "another class"
_MOST_REASONS = 3

# an operation with what it acts on -> argument or keyword of a field -> source text
_Schema = Mapping[str, Mapping[str, str]]


class EditKind(Enum):
    """What an edit changes, the worst last: nothing, Django's state, rows, tables."""

    LAYOUT = "layout"
    STATE = "state"
    CODE = "code"
    SCHEMA = "schema"


class OperationsEdit(NamedTuple):
    """The kind of an edit; `reasons` say what is otherwise in the schema."""

    kind: EditKind
    reasons: tuple[str, ...] = ()


def compare_operations(
    before: bytes, after: bytes, label: str, names: tuple[str, str]
) -> OperationsEdit:
    """The operations of one migration `before` and `after` an edit; `names` are of the two places.

    What can't be read counts as code, and so does what is nested too deeply.
    """
    try:
        return _compare(before, after, label, names)
    except RecursionError:
        return OperationsEdit(EditKind.CODE)


def _compare(before: bytes, after: bytes, label: str, names: tuple[str, str]) -> OperationsEdit:
    if whole_mark(before) == whole_mark(after):
        return OperationsEdit(EditKind.LAYOUT)

    old, new = read_script(before, label), read_script(after, label)
    if any(call.opaque for script in (old, new) for call in script.calls):
        return OperationsEdit(EditKind.CODE)

    reasons = _differences(_schema(old), _schema(new), names)
    if reasons:
        shown = reasons[:_MOST_REASONS]
        more = len(reasons) - len(shown)
        return OperationsEdit(EditKind.SCHEMA, (*shown, *([f"{more} more"] if more else [])))

    bodies = [[call.body for call in s.calls if call.name in CODE] for s in (old, new)]
    of_rows = [_defaults_and_classes(script) for script in (old, new)]
    same_rows = bodies[0] == bodies[1] and of_rows[0] == of_rows[1]
    return OperationsEdit(EditKind.STATE if same_rows else EditKind.CODE)


def _differences(old: _Schema, new: _Schema, names: tuple[str, str]) -> list[str]:
    reasons = [f"{key} is gone" for key in old if key not in new]
    reasons += [f"{key} is new" for key in new if key not in old]
    for key in old.keys() & new.keys():
        left, right = old[key], new[key]
        if _OTHER_CLASS in (left.get("type"), right.get("type")):
            continue
        if "settings." in left.get("to", "") + right.get("to", ""):  # it may mean the same model
            left, right = ({**side, "to": ""} for side in (left, right))
        parts = [
            describe_difference(name, left.get(name, "not set"), right.get(name, "not set"), *names)
            for name in sorted(left.keys() | right.keys())
            if left.get(name) != right.get(name)
        ]
        reasons += [f"{key}: {'; '.join(parts)}"] if parts else []

    return sorted(reasons)


def _schema(script: Script) -> dict[str, Mapping[str, str]]:
    """What a migration does to tables."""
    schema: dict[str, Mapping[str, str]] = {}

    def add(what: str, arguments: Mapping[str, str]) -> None:
        count = 1
        while (key := what if count == 1 else f"{what} ({count})") in schema:
            count += 1
        schema[key] = arguments

    for call in script.calls:
        if call.name in CODE or call.name in _IN_STATE:
            continue

        first, *rest = SIGNATURES.get(call.name) or ("",)
        model = f"{script.label}.{(script.text(call.arguments.get(first)) or '?').lower()}"
        name = rest[0] if rest and rest[0] in ("name", "old_name") else ""
        field = f".{(script.text(call.arguments.get(name)) or '?').lower()}" if name else ""
        if call.name not in ("AddField", "AlterField"):
            on = f" {model}{field}" if first else ""
            add(f"{call.name}{on}", _arguments(call, {first, name}))
        for of_field, node in defined_fields(script, call):
            add(f"{call.name} {model}.{of_field}", _stored(script, node))

    return schema


def _stored(script: Script, node: ast.expr) -> dict[str, str]:
    """What a table has of a field; of a class that is not Django's nobody knows that here, and it
    may have taken the place of another one without a change (docs.djangoproject.com, "Removing
    custom model fields")."""
    definition = read_field(script, node, "", "")
    if definition is None or not isinstance(node, ast.Call) or called(node)[1] != "models":
        return {"type": _OTHER_CLASS}

    keywords = {**definition.keywords}
    if definition.relation:
        keywords["to"] = definition.relation.to
    if keywords["type"] == "NullBooleanField":  # as Django has replaced it
        keywords = {**keywords, "type": "BooleanField", "null": "True"}
    return {
        key: _text(value)
        for key, value in keywords.items()
        if key not in _NOT_STORED and value not in ("False", "None")
    }


def _arguments(call: Call, named: set[str]) -> dict[str, str]:
    """Source text of all arguments but fields, and of the options that tables have."""
    left_out = {*named, "fields", "field", "managers", "options", "preserve_default"}
    nodes = {key: node for key, node in call.arguments.items() if key not in left_out}
    options = call.arguments.get("options")
    for key, value in named_values(options) if options is not None else ():
        if key in _STORED_OPTIONS:
            nodes[key] = value

    texts = {key: _text(ast.unparse(node)) for key, node in nodes.items()}
    for key in ("unique_together", "index_together"):  # what is in it, in whatever order
        if key in texts:
            texts[key] = _text(f"set({texts[key]})")
    return texts


def _text(value: str) -> str:
    """Source text as it would be written today: without Python 2's bytes, and with sets, lists and
    tuples alike."""
    try:
        node = ast.parse(value, mode="eval")
    except SyntaxError:  # a text with the meaning of its names behind it
        return value
    return ast.unparse(_Modern().visit(node))


class _Modern(ast.NodeTransformer):
    """Rewrites an expression, the inner parts first."""

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        text = node.value.decode("latin-1") if isinstance(node.value, bytes) else node.value
        return ast.Constant(text)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        name, _ = called(node)
        if name in ("set", "frozenset", "list", "tuple") and len(node.args) == 1:
            inner = node.args[0]
            items = inner.elts if isinstance(inner, ast.List) else None
            if items is not None:
                return ast.List(_sorted(items) if "set" in name else items, ast.Load())
        if name == "CheckConstraint":  # Django 5.1 has renamed its keyword
            for keyword in node.keywords:
                keyword.arg = "condition" if keyword.arg == "check" else keyword.arg
        return node

    def visit_Set(self, node: ast.Set) -> ast.expr:
        self.generic_visit(node)
        return ast.List(_sorted(node.elts), ast.Load())

    def visit_Tuple(self, node: ast.Tuple) -> ast.expr:
        self.generic_visit(node)
        return ast.List(node.elts, ast.Load())


def _sorted(items: list[ast.expr]) -> list[ast.expr]:
    return sorted(items, key=ast.unparse)


def _defaults_and_classes(script: Script) -> list[str]:
    """The source of all defaults, which rows get that are there, and of fields' classes."""
    texts = []
    for call in script.calls:
        for _, node in defined_fields(script, call):
            texts += [ast.unparse(node.func)] if isinstance(node, ast.Call) else []
            texts += [
                ast.unparse(keyword.value)
                for keyword in getattr(node, "keywords", ())
                if keyword.arg == "default"
            ]
    return sorted(texts)

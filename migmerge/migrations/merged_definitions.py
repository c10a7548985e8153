"""The three-way merge of two definitions of a field, or of a model's options, from their text."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from migmerge.migrations.gather_facts import defined_fields
from migmerge.migrations.operations import SIGNATURES, Call, Script


class TwoMeanings(NamedTuple):
    """A key to which each side gives another value; the values are source text, empty where a side
    removed it. No `key`: what each side changed is not known."""

    key: str
    ours: str
    theirs: str


Merged = ast.expr | TwoMeanings | None


def find_definition(
    scripts: Sequence[Script], model: str, kind: str, field: str
) -> ast.expr | None:
    """The last definition of a field, or the last options, of `label.model` in an app's migrations.

    None where there is none, or where a rename or another operation hides it.
    """
    for script in reversed(scripts):
        for call in reversed(script.calls):
            if call.opaque or call.name == "RenameModel":
                return None
            first = next(iter(SIGNATURES[call.name]), "")  # none of an extension
            if f"{script.label}.{_lower(script, call, first)}" != model:
                continue
            if call.name == "RenameField" and field == _lower(script, call, "new_name"):
                return None

            definition = _definition(script, call, kind, field)
            if definition is not None or call.name == "CreateModel":
                return definition

    return None


def _lower(script: Script, call: Call, argument: str) -> str:
    return (script.text(call.arguments.get(argument)) or "").lower()


def _definition(script: Script, call: Call, kind: str, field: str) -> ast.expr | None:
    """What an operation sets the field, or the options, to."""
    if kind == "options":
        sets = call.name in ("CreateModel", "AlterModelOptions")
        return call.arguments.get("options") if sets else None
    return dict(defined_fields(script, call)).get(field)


def merge_values(
    base: ast.expr | None, ours: ast.expr | None, theirs: ast.expr | None, key: str = ""
) -> Merged:
    """What has the changes of both sides; None where it is removed.

    Calls are merged by keyword, dicts by key, and lists of pairs, as `choices`, by the first of
    each pair, in the order of ours. All else is one value.
    """
    base_text, ours_text, theirs_text = map(_text, (base, ours, theirs))
    if ours_text in (theirs_text, base_text):
        return theirs
    if theirs_text == base_text:
        return ours

    members, their_members = _members(ours), _members(theirs)
    base_members = _members(base) if base else {}
    alike = type(ours) is type(theirs) and _frame(ours) == _frame(theirs)
    if ours is None or members is None or their_members is None or not alike:
        return TwoMeanings(key, ours_text, theirs_text)
    if base_members is None or (base and _frame(base) != _frame(ours)):
        return TwoMeanings("", ours_text, theirs_text)

    merged: dict[str, ast.expr] = {}
    for name in _in_order(list(members), list(their_members)):
        value = merge_values(
            base_members.get(name), members.get(name), their_members.get(name), name
        )
        if isinstance(value, TwoMeanings):
            return value
        if value is not None:
            merged[name] = value

    return _with_members(ours, merged)


def _text(node: ast.expr | None) -> str:
    return ast.unparse(node) if node else ""


def _frame(node: ast.expr | None) -> str:
    """What of a value is no member: the class and the positional arguments of a call."""
    if isinstance(node, ast.Call):
        return ", ".join(map(ast.unparse, (node.func, *node.args)))
    return ""


def _members(node: ast.expr | None) -> Mapping[str, ast.expr] | None:
    """Keyword, or the text of a key, -> value; None for a value that has no members."""
    pairs: list[tuple[str, ast.expr]] = []
    if isinstance(node, ast.Call) and all(keyword.arg for keyword in node.keywords):
        pairs = [(keyword.arg or "", keyword.value) for keyword in node.keywords]
    elif isinstance(node, ast.Dict) and all(node.keys):
        pairs = [(_text(key), value) for key, value in zip(node.keys, node.values, strict=True)]
    elif isinstance(node, (ast.List, ast.Tuple)) and all(map(_is_pair, node.elts)):
        pairs = [(_text(item.elts[0]), item.elts[1]) for item in node.elts
                 if isinstance(item, (ast.List, ast.Tuple))]  # fmt: skip
    else:
        return None
    members = dict(pairs)
    return members if len(members) == len(pairs) else None


def _is_pair(item: ast.expr) -> bool:
    return (
        isinstance(item, (ast.Tuple, ast.List))
        and len(item.elts) == 2
        and isinstance(item.elts[0], ast.Constant)
    )


def _in_order(ours: Sequence[str], theirs: Sequence[str]) -> list[str]:
    """All names: in the order of ours, and each that only theirs has behind the one before it."""
    names = list(ours)
    for index, name in enumerate(theirs):
        if name not in names:
            at = names.index(theirs[index - 1]) + 1 if index else 0
            names.insert(at, name)
    return names


def _with_members(node: ast.expr, members: Mapping[str, ast.expr]) -> ast.expr:
    """A value of the same kind with other members."""
    if isinstance(node, ast.Call):
        keywords = [ast.keyword(name, value) for name, value in members.items()]
        return ast.Call(node.func, node.args, keywords)

    keys = [ast.parse(name, mode="eval").body for name in members]
    if isinstance(node, ast.Dict):
        return ast.Dict([*keys], [*members.values()])
    pairs: list[ast.expr] = [
        ast.Tuple([key, value], ast.Load())
        for key, value in zip(keys, members.values(), strict=True)
    ]
    if isinstance(node, ast.Tuple):
        return ast.Tuple(pairs, ast.Load())
    return ast.List(pairs, ast.Load())

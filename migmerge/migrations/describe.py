"""What each operation of a migration does, in a line for people."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from migmerge.migrations.definitions import object_name
from migmerge.migrations.literals import as_text
from migmerge.migrations.operations import Call, Script

# by name of the operation, in the words of Django's own `describe()`; + makes, - removes
_SAYS: Mapping[str, str] = {
    "CreateModel": "+ create model {name}",
    "DeleteModel": "- delete model {name}",
    "RenameModel": "~ rename model {old_name} to {new_name}",
    "AlterModelTable": "~ table of {name}: {table}",
    "AlterModelTableComment": "~ table comment of {name}",
    "AlterUniqueTogether": "~ unique_together of {name}: {unique_together}",
    "AlterIndexTogether": "~ index_together of {name}: {index_together}",
    "AlterOrderWithRespectTo": "~ order_with_respect_to of {name}: {order_with_respect_to}",
    "AlterModelOptions": "~ options of {name}: {options}",
    "AlterModelManagers": "~ managers of {name}",
    "AddField": "+ add field {name} to {model_name}: {field}",
    "RemoveField": "- remove field {name} from {model_name}",
    "AlterField": "~ alter field {name} of {model_name}: {field}",
    "RenameField": "~ rename field {old_name} of {model_name} to {new_name}",
    "AddIndex": "+ add index {index} to {model_name}",
    "AddIndexConcurrently": "+ add index {index} to {model_name}",
    "RemoveIndex": "- remove index {name} from {model_name}",
    "RemoveIndexConcurrently": "- remove index {name} from {model_name}",
    "RenameIndex": "~ rename index {old_name} of {model_name} to {new_name}",
    "AddConstraint": "+ add constraint {constraint} to {model_name}",
    "AddConstraintNotValid": "+ add constraint {constraint} to {model_name}",
    "RemoveConstraint": "- remove constraint {name} from {model_name}",
    "AlterConstraint": "~ alter constraint {name} of {model_name}",
    "ValidateConstraint": "~ validate constraint {name} of {model_name}",
    "RunPython": "* run Python: {code}",
    "RunSQL": "* run SQL: {sql}",
}
_HALVES = {"state": " (in the state only)", "database": " (in the database only)"}
_MOST = 60


class _Words(dict[str, str]):
    """What is not written is shown as three dots."""

    def __missing__(self, key: str) -> str:
        return "…"


def describe(script: Script) -> list[str]:
    """A line for each operation of the migration, in order."""
    return [_line(script, call) for call in script.calls]


def _line(script: Script, call: Call) -> str:
    half = _HALVES.get(call.route, "")
    if call.opaque:
        return f"? {call.opaque}{half}"
    says = _SAYS.get(call.name, f"* {call.name} {{name}}" if call.arguments else f"* {call.name}")
    words = _Words({name: _word(script, name, node) for name, node in call.arguments.items()})
    return says.format_map(words) + half


def _word(script: Script, name: str, node: ast.expr) -> str:
    text = script.text(node)
    if name in ("index", "constraint"):
        text = object_name(script, node) or None
    if text is None:
        text = as_text(node)
        text = text.removeprefix("models.") if name == "field" else text
    text = " ".join(text.split())
    return text if len(text) <= _MOST else f"{text[: _MOST - 1]}…"

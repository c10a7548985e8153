"""What a line of migrations has created, to see whether another one would create it again."""

from __future__ import annotations

from collections.abc import Iterable

from migmerge.migrations.gather_facts import defined_fields
from migmerge.migrations.operations import Call, Script


def created_again(earlier: Iterable[Script], later: Iterable[Script]) -> list[str]:
    """The models and fields that `later` creates although they are there after `earlier`, as
    sentences; both in their order."""
    creators: dict[str, str] = {}
    for script in earlier:
        for call in script.calls:
            _apply(script, call, creators)

    sentences = []
    for script in later:
        for call in script.calls:
            again = [name for name in _names(script, call) if name in creators]
            sentences += [
                f"{script.name} creates {name}, which {creators[name]} has created"
                for name in again[:1]
            ]
            _apply(script, call, creators)

    return sentences


def _names(script: Script, call: Call) -> list[str]:
    """What an operation creates: `label.model` with its fields, or `label.model.field`."""
    model = _model(script, call)
    if call.name == "CreateModel" and model:
        fields = [name for name, _ in defined_fields(script, call)]
        return [model, *(f"{model}.{name}" for name in fields)]
    if call.name == "AddField" and model:
        return [f"{model}.{name}" for name, _ in defined_fields(script, call)]
    return []


def _model(script: Script, call: Call) -> str:
    key = "name" if call.name in ("CreateModel", "DeleteModel") else "model_name"
    name = script.text(call.arguments.get("old_name" if call.name == "RenameModel" else key))
    return f"{script.label}.{name.lower()}" if name else ""


def _apply(script: Script, call: Call, creators: dict[str, str]) -> None:
    """Note what an operation creates, removes or renames."""
    creators.update(dict.fromkeys(_names(script, call), script.name))
    model, name = _model(script, call), script.text(call.arguments.get("name")) or ""
    if call.name == "DeleteModel":
        _remove(creators, model)
    elif call.name == "RemoveField":
        _remove(creators, f"{model}.{name.lower()}")
    elif call.name in ("RenameModel", "RenameField"):
        old = script.text(call.arguments.get("old_name")) or ""
        new = script.text(call.arguments.get("new_name")) or ""
        prefix = script.label if call.name == "RenameModel" else model
        _remove(creators, f"{prefix}.{old.lower()}")
        creators[f"{prefix}.{new.lower()}"] = script.name


def _remove(creators: dict[str, str], gone: str) -> None:
    for name in [one for one in creators if one == gone or one.startswith(f"{gone}.")]:
        del creators[name]

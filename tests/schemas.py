"""JSON schemas, and the page about them, from the types in migmerge/report/documents.py.

`MIGMERGE_WRITE=1 pytest tests/integration/test_schema.py` writes docs/schema and docs/json.md.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter

from migmerge.report.documents import DOCUMENTS

COMMANDS = {
    "check": "migmerge check --format json",
    "fix": "migmerge fix --format json",
    "verify": "migmerge verify --format json",
    "db-status": "migmerge db status --format json",
    "doctor": "migmerge doctor --format json",
    "forecast": "migmerge forecast --format json",
}
POLICY = """\
# JSON

Each document has a `version`, which is 1, and a schema in [docs/schema](schema). What they promise:

- Within a version keys are only ever added, and so are values of `id` and `kind`. Read what you know, and pass
  over the rest.
- What goes, or means something else, makes a new version. The old one stays for one minor release behind
  `--format json1`, and the changelog names both.
- Order is part of it: the same repository gives the same bytes.
- A document is all of stdout; notes and errors are on stderr. With exit code 2 or 3 there may be none.
"""


def schema(name: str) -> dict[str, Any]:
    """The JSON schema (2020-12) of one command's document."""
    document = DOCUMENTS[name]
    _describe(document)
    made = TypeAdapter(document).json_schema()
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    made["title"] = COMMANDS[name]
    return made


def _describe(document: Any, seen: set[Any] | None = None) -> None:
    """Let pydantic take the strings below the keys for their descriptions."""
    import typing

    seen = set() if seen is None else seen
    if document in seen:
        return
    seen.add(document)
    document.__pydantic_config__ = {"use_attribute_docstrings": True}
    pending = list(typing.get_type_hints(document).values())
    while pending:
        hint = pending.pop()
        pending += typing.get_args(hint)
        if typing.is_typeddict(hint):
            _describe(hint, seen)


def as_text(made: dict[str, Any]) -> str:
    """The schema's file."""
    return json.dumps(made, indent=1) + "\n"


def page() -> str:
    """docs/json.md."""
    parts = [POLICY]
    for name, command in COMMANDS.items():
        made = schema(name)
        parts.append(f"## {name}\n\n`{command}` ([schema](schema/{name}.json))\n")
        tables = [made, *made.get("$defs", {}).values()]
        for table in tables:
            if table is not made:
                parts.append(f"**{table['title']}**: {table['description']}\n")
            parts.append("| key | type | what |\n|---|---|---|\n" + "".join(_rows(table)))
    return "\n".join(parts)


def _rows(table: dict[str, Any]) -> list[str]:
    return [
        f"| `{key}` | {_type(value)} | {value.get('description', '')} |\n"
        for key, value in table["properties"].items()
    ]


def _type(value: dict[str, Any]) -> str:
    if "$ref" in value:
        return str(value["$ref"]).rpartition("/")[2]
    if "anyOf" in value:
        return " or ".join(_type(one) for one in value["anyOf"])
    if "const" in value:
        return f"`{value['const']}`"
    if "enum" in value:
        return ", ".join(f"`{one}`" for one in value["enum"])
    if value["type"] == "array":
        return f"list of {_type(value['items'])}"
    if value["type"] == "object":
        return f"object of {_type(value['additionalProperties'])}"
    return str(value["type"])

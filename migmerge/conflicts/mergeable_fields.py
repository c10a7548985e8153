"""What a merge migration can set to one value in every database, though both sides set it.

A database that ran both sides before they met may have either definition, and nothing tells
which. What is set again must therefore do no harm where it is set already: the type of a column
or a comment, but not an index, a constraint, or a column's name.
"""

from __future__ import annotations

from collections.abc import Mapping

OPTIONS = ("options", "managers", "db_table_comment")
# these may change into each other: no index, constraint or sequence goes with them
PLAIN = (
    "BigIntegerField", "BinaryField", "BooleanField", "CharField", "DateField", "DateTimeField",
    "DecimalField", "DurationField", "EmailField", "FileField", "FilePathField", "FloatField",
    "ImageField", "IntegerField", "SmallIntegerField", "TextField", "TimeField", "URLField",
    "UUIDField",
)  # fmt: skip
_MADE_ONCE = ("unique", "db_index", "primary_key", "db_column", "db_constraint", "to", "through",
              "db_table", "to_field", "arguments")  # fmt: skip


def find_obstacle(one: Mapping[str, str], other: Mapping[str, str]) -> str:
    """Why two definitions of a field (keyword -> source) can't be told apart in a database and
    set again; empty where they can."""
    for key in _MADE_ONCE:
        left, right = (_given(definition.get(key, "")) for definition in (one, other))
        if left != right:
            return f"{key} can't be set again where it is set already"

    kinds = {one["type"], other["type"]}
    indexed = any(_given(d.get(key, "")) for d in (one, other) for key in ("unique", "db_index"))
    if len(kinds) > 1 and (indexed or not kinds.issubset(PLAIN)):
        return f"{' and '.join(sorted(kinds))} may differ in an index or a constraint"
    if "GeneratedField" in kinds:
        return "a generated column can't be altered"
    return ""


def _given(value: str) -> str:
    return "" if value in ("False", "None") else value

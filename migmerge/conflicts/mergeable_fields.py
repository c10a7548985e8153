"""What a merge migration can set to one value in every database, though both sides set it.

A database that ran both sides before they met may have either definition, and nothing tells
which. What is set again must therefore do no harm where it is set already: the type of a column
or a comment, but not an index, a constraint, or a column's name.
"""

from __future__ import annotations

from collections.abc import Mapping

from migmerge.migrations.definitions import STATE_ONLY, differing_keywords, given

STATE_OPTIONS = ("options", "managers")
OPTIONS = (*STATE_OPTIONS, "db_table_comment")
# these may change into each other: no index, constraint or sequence goes with them
PLAIN = (
    "BigIntegerField", "BinaryField", "BooleanField", "CharField", "DateField", "DateTimeField",
    "DecimalField", "DurationField", "EmailField", "FileField", "FilePathField", "FloatField",
    "ImageField", "IntegerField", "SmallIntegerField", "TextField", "TimeField", "URLField",
    "UUIDField",
)  # fmt: skip
_MADE_ONCE = ("unique", "db_index", "primary_key", "db_column", "db_constraint", "to", "through",
              "db_table", "to_field", "arguments")  # fmt: skip

# those that change a table, whatever the class of the field
_SCHEMA = frozenset({
    *_MADE_ONCE, "type", "null", "max_length", "max_digits", "decimal_places", "default",
    "db_default", "db_collation", "db_comment", "expression", "output_field", "db_persist",
    "on_delete", "auto_now", "auto_now_add", "base_field", "size", "dimensions", "srid", "dim",
    "geography",
}) - {"arguments"}  # fmt: skip
_BLOCKS = frozenset({"arguments", "block_lookup"})
_DJANGO = frozenset({
    *PLAIN, "ArrayField", "AutoField", "BigAutoField", "BigIntegerRangeField",
    "CompositePrimaryKey",
    "DateRangeField", "DateTimeRangeField", "DecimalRangeField", "ForeignKey", "GeneratedField",
    "GenericIPAddressField", "GeometryCollectionField", "GeometryField", "HStoreField",
    "IntegerRangeField", "JSONField", "LineStringField", "ManyToManyField", "MultiLineStringField",
    "MultiPointField", "MultiPolygonField", "NullBooleanField", "OneToOneField", "PointField",
    "PolygonField", "PositiveBigIntegerField", "PositiveIntegerField", "PositiveSmallIntegerField",
    "RasterField", "SearchVectorField", "SlugField", "SmallAutoField",
})  # fmt: skip


def is_state_only(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether two definitions of a field differ in nothing that a table has.

    Of a custom field's own arguments, as the blocks of a StreamField, only the project's Django can
    say so for certain; it is asked before anything is written.
    """
    differing = differing_keywords(one, other)
    if differing <= STATE_ONLY:
        return True
    return one["type"] not in _DJANGO and differing.isdisjoint(_SCHEMA)


def is_surely_state_only(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """The same, where it needs no project to be certain: of Django's own keywords, and of the
    blocks of Wagtail's StreamField."""
    blocks = one["type"] == other["type"] == "StreamField"
    return differing_keywords(one, other) <= (STATE_ONLY | _BLOCKS if blocks else STATE_ONLY)


def find_obstacle(one: Mapping[str, str], other: Mapping[str, str]) -> str:
    """Why two definitions of a field (keyword -> source) can't be told apart in a database and
    set again; empty where they can."""
    if is_state_only(one, other):
        return ""
    for key in _MADE_ONCE:
        left, right = (given(definition, key) for definition in (one, other))
        if left != right:
            return f"{key} can't be set again where it is set already"

    kinds = {one["type"], other["type"]}
    indexed = any(
        definition.get(key, "False") != "False"
        for definition in (one, other)
        for key in ("unique", "db_index")
    )
    if len(kinds) > 1 and (indexed or not kinds.issubset(PLAIN)):
        return f"{' and '.join(sorted(kinds))} may differ in an index or a constraint"
    if "GeneratedField" in kinds:
        return "a generated column can't be altered"
    return ""

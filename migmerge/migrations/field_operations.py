"""What the operations on fields read and write."""

from __future__ import annotations

import ast

from migmerge.migrations.definitions import Definition, Relation, read_field
from migmerge.migrations.recorder import ANY, Computed, Marks, Touch, Unknown

# names by which code comes to a field's choices, validators and messages
_VALIDATING = ("choices", "clean", "clean_fields", "flatchoices", "full_clean", "run_validators",
               "validate", "validators")  # fmt: skip
# keywords of a field that sets its own value when a row is saved
_SET_ON_SAVE = frozenset(("auto_now", "auto_now_add"))


def _own_definition(marks: Marks) -> Definition:
    node = marks.argument("field")
    definition = None
    if node is not None:
        definition = read_field(marks.script, node, marks.model, marks.field)
    if definition is None:
        raise Computed("field")
    for key, value in (("db_column", definition.column), ("db_table", definition.table)):
        if key in definition.keywords and definition.keywords[key] != "None" and not value:
            raise Computed(key)
    return definition


def _defined(marks: Marks, name: str, definition: Definition) -> None:
    """What a new definition of field `name` takes and refers to."""
    marks.of_fields(definition.reads)
    if definition.collation:
        marks.read("collation", definition.collation)
    copied = f"{marks.model}.{name}" in marks.facts.copied
    if definition.primary_key or copied or name in ("id", "pk"):
        marks.write("key", marks.model)
    many = definition.relation is not None and definition.relation.many
    if not many:
        relation = definition.relation is not None
        marks.take_column(definition.column or (f"{name}_id" if relation else name))

    if definition.relation is not None:
        related(marks, name, definition.relation, definition.table)


def related(marks: Marks, name: str, relation: Relation, table: str) -> None:
    """What a relation refers to; `table` is the explicit one of a many-to-many field."""
    targets = {relation.to, relation.through} - {""}
    if relation.many and not relation.through:
        tables = marks.tables_of(marks.model)
        marks.take_table(table or f"{marks.model.replace('.', '_')}_{name}")
        marks.take_table(*(f"{table}_{name}" for table in tables))
        marks.read("key", *marks.facts.family(marks.model))

    for target in targets:
        if target.startswith("settings."):
            marks.read("swap", ANY)
            marks.read("key", ANY)
        else:
            marks.read("model", target)
            marks.read("sql", *marks.tables_of(target))
            marks.read("address", target)  # its table's name is in that of the constraint

    label = relation.to.partition(".")[0]
    if relation.to_fields:
        marks.of_fields(relation.to_fields, relation.to)
    elif label == marks.script.label:
        marks.read("key", *marks.facts.family(relation.to))
    else:
        marks.read("key", ANY)  # what a model of another app inherits isn't known here

    marks.read("word", *relation.reverse, *marks.facts.default_names.get(marks.model, ()))
    marks.write("reverse", *(f"{relation.to}.{name}" for name in relation.reverse))


def _of_field(marks: Marks, name: str) -> None:
    marks.of_model("model_name")
    marks.field = name
    marks.write("field", f"{marks.model}.{name}")
    marks.read("kin", marks.model)
    marks.read("reverse", f"{marks.model}.{name}")


def _of_relatives(marks: Marks, name: str) -> None:
    """What brings or takes a name: a model and its children have no field of one name
    (models.E006)."""
    marks.read("field", *(f"{relative}.{name}" for relative in marks.facts.line(marks.model)))


def add_field(marks: Marks) -> None:
    _of_field(marks, marks.text("name"))
    _of_relatives(marks, marks.field)
    definition = _own_definition(marks)
    marks.keywords = definition.keywords
    _check_default(marks)
    # rows that are there get the default; only code that makes rows sees a difference, or that has
    # a field set its value whenever a row is saved
    saved = definition.own_class or not _SET_ON_SAVE.isdisjoint(definition.keywords)
    there = marks.call.route == "both" and marks.model not in marks.facts.unmanaged
    if there and not saved and definition.kind != "GeneratedField":
        marks.without_code()
    marks.read("new rows", *marks.facts.family(marks.model))
    marks.read("word", marks.field)  # code may ask whether it is there
    columns = (marks.field, f"{marks.field}_id", definition.column)
    marks.read("sql column", *(column for column in columns if column))
    _needs_rows(marks, definition)
    _defined(marks, marks.field, definition)


def _check_default(marks: Marks) -> None:
    """A function that gives the default runs for the rows that are there."""
    from migmerge.migrations.functions import read_default  # only where there is one

    field = marks.argument("field")
    keywords = {k.arg: k.value for k in field.keywords} if isinstance(field, ast.Call) else {}
    default = keywords.get("default")
    if isinstance(default, (ast.Name, ast.Attribute)):
        why = read_default(marks.script, default)
        if why:
            raise Unknown(f"{marks.call.name} has a default that {why}")


def _needs_rows(marks: Marks, definition: Definition) -> None:
    """A default for more than one row is not unique, and one that names a row needs it."""
    models = [marks.model] if "unique" in definition.keywords else []
    if definition.relation and not definition.keywords.keys().isdisjoint(("default", "db_default")):
        models += [marks.model, definition.relation.to]
    for model in models:
        marks.read("lost rows", model)
        marks.read("sql rows", *marks.tables_of(model))
        if model != marks.model:
            marks.read("rows", model)


def alter_field(marks: Marks) -> None:
    _of_field(marks, marks.text("name"))
    definition = _own_definition(marks)
    marks.keywords = definition.keywords
    _check_default(marks)
    marks.free_column(marks.field)
    marks.read("word", marks.field)
    _defined(marks, marks.field, definition)
    if Touch("key", marks.model) in marks.writes:
        rebuild_pointing(marks)
    place = f"{marks.model}.{marks.field}"
    if not definition.own_class and marks.facts.is_state_only(place, definition.keywords):
        _change_no_table(marks)


def _change_no_table(marks: Marks) -> None:
    """What the definition names has to be there; only code that validates sees a difference."""
    marks.writes.clear()
    marks.reads = {touch for touch in marks.reads if touch.kind in ("model", "field", "swap")}
    marks.read("word", *_VALIDATING, f"get_{marks.field}_display")


def remove_field(marks: Marks) -> None:
    _of_field(marks, marks.text("name"))
    _of_relatives(marks, marks.field)
    marks.free_column(marks.field)
    marks.write("removal", marks.model)
    marks.read("word", marks.field)
    _free_table_between(marks, marks.field)
    if marks.field in ("id", "pk") or f"{marks.model}.{marks.field}" in marks.facts.copied:
        marks.write("key", marks.model)


def rename_field(marks: Marks) -> None:
    old, new = marks.text("old_name"), marks.text("new_name")
    _of_field(marks, old)
    marks.write("field", f"{marks.model}.{new}")
    marks.read("reverse", f"{marks.model}.{new}")
    _of_relatives(marks, old)
    _of_relatives(marks, new)
    marks.free_column(old)
    marks.take_column(new, f"{new}_id")
    named = set().union(*(marks.facts.indexed.get(m, ()) for m in marks.facts.family(marks.model)))
    if named & {old, ANY}:
        # an index or constraint goes on naming the old field until a later operation, and SQLite
        # fails to rebuild the table for as long
        marks.write("storage", marks.model)

    marks.read("option", f"{marks.model}.unique_together", f"{marks.model}.index_together")
    marks.write("removal", marks.model)
    marks.read("word", old, new)
    _free_table_between(marks, old)
    _free_table_between(marks, new)


def _free_table_between(marks: Marks, name: str) -> None:
    """If the field is a many-to-many one, its table goes, or has another name."""
    tables = {f"{table}_{name}" for table in marks.tables_of(marks.model)}
    tables |= marks.facts.tables_between.get(f"{marks.model}.{name}", frozenset())
    marks.write("relation", *tables)
    marks.read_by_sql(*tables)


def rebuild_pointing(marks: Marks) -> None:
    """Its table changes as a whole, and so do those that point at it: rebuilt on SQLite, and
    with the table's name in those of their constraints."""
    for relative in marks.facts.family(marks.model):
        marks.write("storage", relative, *marks.facts.pointing.get(relative, ()))
    marks.read("state", ANY)
    marks.read_by_sql(ANY)

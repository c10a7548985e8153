"""What the operations on models read and write."""

from __future__ import annotations

import ast
from collections.abc import Callable

from migmerge.migrations.definitions import (
    is_computed,
    names_in,
    object_name,
    plain_table,
    read_field,
)
from migmerge.migrations.field_operations import rebuild_pointing, related
from migmerge.migrations.gather_facts import named_values
from migmerge.migrations.recorder import ANY, Computed, Marks, Touch


def create_model(marks: Marks) -> None:
    marks.model = model = f"{marks.script.label}.{marks.text('name')}"
    marks.write("model", model)
    names = _fields_of_new_model(marks)
    options = marks.argument("options")
    table = ""
    for key, value in named_values(options) if options is not None else []:
        if key == "db_table":
            table = plain_table(marks.script.text(value) or "")
            if not table:
                raise Computed(key)

        for inner in ast.walk(value):
            if isinstance(inner, ast.Call) and object_name(marks.script, inner):
                marks.write("relation", object_name(marks.script, inner))

    if marks.call.route != "both" or "managed" in dict(named_values(options) if options else ()):
        # rows of a table that is not there are looked for where what they point at is deleted
        marks.read("lost rows", *(t.name for t in marks.reads if t.kind == "model"))
    marks.take_table(table or model.replace(".", "_"))
    if "_" in model.partition(".")[2]:
        marks.read("tables", ANY)  # the table of somebody's many-to-many field, maybe
    bases = marks.argument("bases")
    for base in bases.elts if isinstance(bases, (ast.Tuple, ast.List)) else []:
        text = marks.script.text(base)
        if text and "." in text:
            marks.read("model", text.lower())
            if "proxy" not in dict(named_values(options) if options else ()):
                marks.read("word", model.partition(".")[2])
                marks.write("reverse", f"{text.lower()}.{model.partition('.')[2]}")
            for ancestor in marks.facts.ancestors(text.lower()) - {model}:
                marks.of_fields(names, ancestor)
            for relative in marks.facts.family(text.lower()) - {model}:
                marks.read("key", relative)


def _fields_of_new_model(marks: Marks) -> list[str]:
    names = []
    fields = marks.argument("fields")
    if fields is not None and not isinstance(fields, (ast.List, ast.Tuple)):
        raise Computed("fields")

    for pair in fields.elts if isinstance(fields, (ast.List, ast.Tuple)) else []:
        if not isinstance(pair, (ast.Tuple, ast.List)) or len(pair.elts) != 2:
            raise Computed("fields")

        name = marks.script.text(pair.elts[0])
        field = name and read_field(marks.script, pair.elts[1], marks.model, name.lower())
        if not name or not field:
            raise Computed("fields")

        names.append(name.lower())
        if field.collation:
            marks.read("collation", field.collation)
        if field.relation:
            related(marks, name.lower(), field.relation, field.table)

    marks.reads.discard(Touch("model", marks.model))  # a relation to itself
    return names


def delete_model(marks: Marks) -> None:
    marks.of_model("name")
    marks.write("model", marks.model)
    marks.write("swap", ANY)
    marks.write("kin", *(marks.facts.family(marks.model) - {marks.model}))
    marks.free_table(marks.model)


def rename_model(marks: Marks) -> None:
    marks.of_model("old_name")
    new = f"{marks.script.label}.{marks.text('new_name')}"
    marks.write("model", marks.model, new)
    marks.write("address", marks.model)
    marks.write("swap", ANY)
    rebuild_pointing(marks)
    marks.read("word", marks.text("new_name"), f"{marks.text('new_name')}_set")
    # the content type follows the name, and from Django 6.1 on so do the default permissions
    marks.read("rows", "contenttypes.contenttype", "auth.permission")
    marks.free_table(marks.model)
    marks.take_table(new.replace(".", "_"))
    if "_" in marks.text("new_name"):
        marks.read("tables", ANY)


def alter_table(marks: Marks) -> None:
    marks.of_model("name")
    table = marks.argument("table")
    marks.write("option", f"{marks.model}.db_table")
    marks.write("address", marks.model)
    rebuild_pointing(marks)
    marks.free_table(marks.model)
    default = marks.model.replace(".", "_")
    marks.take_table(plain_table(marks.text("table")) if table is not None else default)


def alter_options(marks: Marks) -> None:
    marks.of_model("name")
    marks.write("option", f"{marks.model}.options")
    options = marks.argument("options")
    if not isinstance(options, ast.Dict):
        raise Computed("options")

    for key, value in named_values(options):
        if key in ("ordering", "get_latest_by", "order_with_respect_to"):
            if is_computed(marks.script, value):
                raise Computed(key)
            marks.of_fields(names_in(marks.script, value))

        if key == "managed":
            marks.write("storage", marks.model)

    if marks.model in marks.facts.unmanaged:
        marks.write("storage", marks.model)


def option(name: str) -> Callable[[Marks], None]:
    """A setter of one option, its strings being fields of the model."""

    def reader(marks: Marks) -> None:
        marks.of_model("name")
        marks.write("option", f"{marks.model}.{name}")
        node = marks.argument(name)
        if name in ("unique_together", "index_together") and node is not None:
            if is_computed(marks.script, node):
                raise Computed(name)
            marks.of_fields(names_in(marks.script, node))
            marks.read("word", *names_in(marks.script, node))

    return reader


def order_with_respect_to(marks: Marks) -> None:
    marks.of_model("name")
    node = marks.argument("order_with_respect_to")
    marks.write("option", f"{marks.model}.order_with_respect_to")
    marks.read("option", f"{marks.model}.options")  # not together with ordering: models.E021
    marks.write("field", f"{marks.model}._order")
    marks.take_column("_order")
    if node is not None:
        marks.of_fields([marks.text("order_with_respect_to")])

"""What each operation reads and writes."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping

from migmerge.migrations.definitions import (
    Definition,
    Relation,
    is_computed,
    names_in,
    object_name,
    read_field,
)
from migmerge.migrations.facts import Facts, named_values
from migmerge.migrations.marks import ANY, Computed, Footprint, Marks, Touch, Unknown
from migmerge.migrations.operations import EXTENSIONS, Call, Script


def footprints(script: Script, facts: Facts) -> tuple[Footprint, ...]:
    """The footprints of a migration's operations, in order."""
    return tuple(_footprint(script, facts, call) for call in script.calls)


def _footprint(script: Script, facts: Facts, call: Call) -> Footprint:
    back = {"RunPython": "reverse_code", "RunSQL": "reverse_sql"}.get(call.name)
    reversible = back is None or back in call.arguments
    plain = Footprint(
        call.name,
        script.name,
        call.line,
        body=call.body,
        reversible=reversible,
        whole=call.route == "both",
    )
    if call.opaque:
        return plain._replace(opaque=call.opaque)
    marks = Marks(script, facts, call)
    try:
        READERS[call.name](marks)
    except Computed as computed:
        return plain._replace(opaque=f"{call.name} has a computed {computed}")
    except Unknown as unknown:
        return plain._replace(opaque=str(unknown))
    return plain._replace(
        model=marks.model,
        field=marks.field,
        writes=frozenset(marks.writes),
        reads=frozenset(marks.reads),
        keywords=marks.keywords,
    )


def _own_definition(marks: Marks) -> Definition:
    node = marks.argument("field")
    found = None
    if node is not None:
        found = read_field(marks.script, node, marks.model, marks.field)
    if found is None:
        raise Computed("field")
    for key, value in (("db_column", found.column), ("db_table", found.table)):
        if key in found.keywords and found.keywords[key] != "None" and not value:
            raise Computed(key)
    return found


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
        _related(marks, name, definition.relation, definition.table)


def _related(marks: Marks, name: str, relation: Relation, table: str) -> None:
    """What a relation refers to; `table` is the explicit one of a many-to-many field."""
    targets = {relation.to, relation.through} - {""}
    if relation.many and not relation.through:
        own = marks.tables_of(marks.model)
        marks.take_table(table or f"{marks.model.replace('.', '_')}_{name}")
        marks.take_table(*(f"{table}_{name}" for table in own))
        marks.read("key", *marks.facts.family(marks.model))
    for target in targets:
        if target.startswith("settings."):
            marks.read("swap", ANY)
            marks.read("key", ANY)
        else:
            marks.read("model", target)
            marks.read("address", target)  # its table's name is in that of the constraint
    label = relation.to.partition(".")[0]
    if relation.to_fields:
        marks.of_fields(relation.to_fields, relation.to)
    elif label == marks.script.label:
        marks.read("key", *marks.facts.family(relation.to))
    else:
        marks.read("key", ANY)  # what a model of another app inherits isn't known here
    marks.read("word", *relation.reverse)
    marks.write("reverse", *(f"{relation.to}.{name}" for name in relation.reverse))


def _create_model(marks: Marks) -> None:
    marks.model = model = f"{marks.script.label}.{marks.text('name')}"
    marks.write("model", model)
    names = _fields_of_new_model(marks)
    options = marks.argument("options")
    table = ""
    for key, value in named_values(options) if options is not None else []:
        if key == "db_table":
            table = (marks.script.text(value) or "").lower()
            if not table:
                raise Computed(key)
        for inner in ast.walk(value):
            if isinstance(inner, ast.Call) and object_name(marks.script, inner):
                marks.write("object", object_name(marks.script, inner))
    marks.take_table(table or model.replace(".", "_"))
    if "_" in model.partition(".")[2]:
        marks.read("tables", ANY)  # the table of somebody's many-to-many field, maybe
    bases = marks.argument("bases")
    for base in bases.elts if isinstance(bases, (ast.Tuple, ast.List)) else []:
        text = marks.script.text(base)
        if text and "." in text:
            marks.read("model", text.lower())
            for relative in marks.facts.family(text.lower()) - {model}:
                marks.of_fields(names, relative)
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
        found = name and read_field(marks.script, pair.elts[1], marks.model, name.lower())
        if not name or not found:
            raise Computed("fields")
        names.append(name.lower())
        if found.collation:
            marks.read("collation", found.collation)
        if found.relation:
            _related(marks, name.lower(), found.relation, found.table)
    marks.reads.discard(Touch("model", marks.model))  # a relation to itself
    return names


def _delete_model(marks: Marks) -> None:
    marks.of_model("name")
    marks.write("model", marks.model)
    marks.write("swap", ANY)
    marks.write("kin", *(marks.facts.family(marks.model) - {marks.model}))
    marks.free_table(marks.model)


def _rename_model(marks: Marks) -> None:
    marks.of_model("old_name")
    new = f"{marks.script.label}.{marks.text('new_name')}"
    marks.write("model", marks.model, new)
    marks.write("address", marks.model)
    marks.write("swap", ANY)
    _rebuild_pointing(marks)
    marks.read("word", marks.text("new_name"), f"{marks.text('new_name')}_set")
    marks.read("rows", "contenttypes.contenttype")
    marks.free_table(marks.model)
    marks.take_table(new.replace(".", "_"))
    if "_" in marks.text("new_name"):
        marks.read("tables", ANY)


def _rebuild_pointing(marks: Marks) -> None:
    """Its table changes as a whole, and so do those that point at it: rebuilt on SQLite, and
    with the table's name in those of their constraints."""
    for relative in marks.facts.family(marks.model):
        marks.write("storage", relative, *marks.facts.pointing.get(relative, ()))
    marks.read("state", ANY)
    marks.read("sql", ANY)


def _alter_table(marks: Marks) -> None:
    marks.of_model("name")
    table = marks.argument("table")
    marks.write("option", f"{marks.model}.db_table")
    marks.write("address", marks.model)
    _rebuild_pointing(marks)
    marks.free_table(marks.model)
    marks.take_table(marks.text("table") if table is not None else marks.model.replace(".", "_"))


def _alter_options(marks: Marks) -> None:
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


def _option(name: str) -> Callable[[Marks], None]:
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


def _order_with_respect_to(marks: Marks) -> None:
    marks.of_model("name")
    node = marks.argument("order_with_respect_to")
    marks.write("option", f"{marks.model}.order_with_respect_to")
    marks.read("option", f"{marks.model}.options")  # not together with ordering: models.E021
    marks.write("field", f"{marks.model}._order")
    marks.take_column("_order")
    if node is not None:
        marks.of_fields([marks.text("order_with_respect_to")])


def _of_field(marks: Marks, name: str) -> None:
    marks.of_model("model_name")
    marks.field = name
    marks.write("field", f"{marks.model}.{name}")
    # a model and its children have no field of one name (models.E006)
    marks.read("kin", marks.model)
    for relative in marks.facts.family(marks.model):
        marks.of_fields([name], relative)
    marks.read("reverse", f"{marks.model}.{name}")


def _add_field(marks: Marks) -> None:
    _of_field(marks, marks.text("name"))
    # rows that are there get the default; only code that makes rows sees a difference
    marks.without_code()
    marks.read("new rows", *marks.facts.family(marks.model))
    marks.read("word", marks.field)  # code may ask whether it is there
    definition = _own_definition(marks)
    marks.keywords = definition.keywords
    _defined(marks, marks.field, definition)


def _alter_field(marks: Marks) -> None:
    _of_field(marks, marks.text("name"))
    definition = _own_definition(marks)
    marks.keywords = definition.keywords
    marks.free_column(marks.field)
    marks.read("word", marks.field)
    _defined(marks, marks.field, definition)
    if Touch("key", marks.model) in marks.writes:
        _rebuild_pointing(marks)


def _remove_field(marks: Marks) -> None:
    _of_field(marks, marks.text("name"))
    marks.free_column(marks.field)
    marks.write("removal", marks.model)
    marks.read("word", marks.field)
    marks.write("table", f"{marks.model.replace('.', '_')}_{marks.field}")
    if marks.field in ("id", "pk") or f"{marks.model}.{marks.field}" in marks.facts.copied:
        marks.write("key", marks.model)


def _rename_field(marks: Marks) -> None:
    old, new = marks.text("old_name"), marks.text("new_name")
    _of_field(marks, old)
    marks.write("field", f"{marks.model}.{new}")
    marks.read("reverse", f"{marks.model}.{new}")
    for relative in marks.facts.family(marks.model):
        marks.of_fields([new], relative)
    marks.free_column(old)
    marks.take_column(new, f"{new}_id")
    # indexes and constraints go on naming the old field until a later operation, and SQLite
    # fails to rebuild the table for as long
    marks.write("storage", marks.model)
    marks.write("removal", marks.model)
    marks.read("word", old, new)
    tables = {f"{marks.model.replace('.', '_')}_{name}" for name in (old, new)}
    marks.write("table", *tables)


def _add_object(key: str) -> Callable[[Marks], None]:
    """AddIndex and AddConstraint: a name is taken, and fields are read."""

    def reader(marks: Marks) -> None:
        marks.of_model("model_name")
        node = marks.argument(key)
        name = object_name(marks.script, node) if node is not None else ""
        if node is None or not name or is_computed(marks.script, node):
            raise Computed(key)
        fields = names_in(marks.script, node)
        marks.write("object", name)
        marks.of_fields(fields)
        marks.read("word", *fields)
        if key == "index":
            marks.without_code()

    return reader


def _known_object(marks: Marks) -> None:
    """An index or constraint that is there: its name is known, its fields are not."""
    marks.of_model("model_name")
    names = [k for k in ("name", "new_name", "old_name") if marks.argument(k) is not None]
    marks.write("object", *(marks.text(name) for name in names))
    marks.read("removal", marks.model)
    fields = marks.argument("old_fields")
    if marks.call.name == "RenameIndex" and fields is not None:
        marks.of_fields(names_in(marks.script, fields))
        marks.write("option", f"{marks.model}.index_together")
    if marks.call.name == "RemoveIndex":
        marks.without_code()


def _collation(marks: Marks) -> None:
    marks.write("collation", marks.text("name"))


def _extension(marks: Marks) -> None:
    """CREATE EXTENSION IF NOT EXISTS: nothing that an operation could miss."""


def _run_python(marks: Marks) -> None:
    from migmerge.migrations.functions import read_code  # only where code runs

    code = read_code(marks.script, marks.call.arguments.get("code"))
    if isinstance(code, str):
        raise Unknown(code)
    if not code.runs:
        return
    models = {relative for model in code.models for relative in marks.facts.family(model)}
    marks.write("rows", *models)
    marks.read("model", *models)
    made = {relative for model in code.makes for relative in marks.facts.family(model)}
    marks.write("new rows", *made)
    marks.write("word", *code.words)
    marks.write("code", ANY)


def _run_sql(marks: Marks) -> None:
    from migmerge.migrations.statements import read_sql  # only where SQL runs

    sql = read_sql(marks.script, marks.call.arguments.get("sql"))
    if isinstance(sql, str):
        raise Unknown(sql)
    if not sql.tables and not sql.objects:
        return
    marks.write("sql", *sql.tables)
    marks.write("object", *sql.objects)
    marks.write("code", ANY)


READERS: Mapping[str, Callable[[Marks], None]] = {
    "CreateModel": _create_model,
    "DeleteModel": _delete_model,
    "RenameModel": _rename_model,
    "AlterModelTable": _alter_table,
    "AlterModelTableComment": _option("db_table_comment"),
    "AlterUniqueTogether": _option("unique_together"),
    "AlterIndexTogether": _option("index_together"),
    "AlterOrderWithRespectTo": _order_with_respect_to,
    "AlterModelOptions": _alter_options,
    "AlterModelManagers": _option("managers"),
    "AddField": _add_field,
    "RemoveField": _remove_field,
    "AlterField": _alter_field,
    "RenameField": _rename_field,
    "AddIndex": _add_object("index"),
    "RemoveIndex": _known_object,
    "RenameIndex": _known_object,
    "AddConstraint": _add_object("constraint"),
    "RemoveConstraint": _known_object,
    "AlterConstraint": _known_object,
    "AddIndexConcurrently": _add_object("index"),
    "RemoveIndexConcurrently": _known_object,
    "AddConstraintNotValid": _add_object("constraint"),
    "ValidateConstraint": _known_object,
    "CreateCollation": _collation,
    "RemoveCollation": _collation,
    "CreateExtension": _extension,
    **dict.fromkeys(EXTENSIONS, _extension),
    "RunPython": _run_python,
    "RunSQL": _run_sql,
}

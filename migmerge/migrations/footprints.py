"""What each operation reads and writes."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from migmerge.migrations import field_operations as fields
from migmerge.migrations import model_operations as models
from migmerge.migrations.definitions import is_computed, names_in, object_name
from migmerge.migrations.facts import Facts, owners_and_fields
from migmerge.migrations.operations import EXTENSIONS, Call, OpaqueCode, Script
from migmerge.migrations.recorder import ANY, Computed, Footprint, Marks, Unknown

if TYPE_CHECKING:
    from migmerge.migrations.statements import Sql


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


def _add_object(key: str) -> Callable[[Marks], None]:
    """AddIndex and AddConstraint: a name is taken, and fields are read."""

    def reader(marks: Marks) -> None:
        marks.of_model("model_name")
        node = marks.argument(key)
        name = object_name(marks.script, node) if node is not None else ""
        if node is None or not name or is_computed(marks.script, node):
            raise Computed(key)

        fields = names_in(marks.script, node)
        marks.write("relation", name)
        marks.of_fields(fields)
        marks.read("word", *fields)
        computed = isinstance(node, ast.Call) and bool(node.args)
        long = any(marks.facts.may_be_long(f"{marks.model}.{field}") for field in fields)
        if key == "index" and not computed and not long:
            marks.without_code()

    return reader


def _known_object(marks: Marks) -> None:
    """An index or constraint that is there: its name is known, its fields are not."""
    marks.of_model("model_name")
    names = [k for k in ("name", "new_name", "old_name") if marks.argument(k) is not None]
    marks.write("relation", *(marks.text(name) for name in names))
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
    if isinstance(code, OpaqueCode):
        raise Unknown(code.why)
    if not code.runs:
        return

    facts = marks.facts
    lost = facts.cascade(code.deletes)
    marks.write("lost rows", *lost)
    marks.write("rows", *facts.families(code.models), *lost)
    marks.read("model", *code.models)  # what shares rows with these may come and go
    made = facts.families({ANY} if code.assigns & facts.keys else code.makes)
    marks.write("new rows", *made)
    for model in _joined(facts, code.joins):
        marks.write("new rows", model)
        marks.write("lost rows", *(facts.cascade({model}) if model != ANY else {ANY}))
    marks.write("word", *code.words, *(word.removesuffix("_id") for word in code.words))
    reached = facts.reached(code.models, code.words) | lost
    for model in code.models:
        for owner, field in owners_and_fields(model):
            marks.write("word", owner.partition(".")[2], field)
    _runs_on(marks, reached)
    _run_statements(marks, code.sql)


def _joined(facts: Facts, fields: Iterable[str]) -> set[str]:
    """Models between two others that get rows through many-to-many fields of these names."""
    models: set[str] = set()
    for field in fields:
        handled = {model for model, names in facts.handles.items() if field in names}
        models |= handled & facts.through if handled else {ANY}
    return models


def _runs_on(marks: Marks, models: Iterable[str]) -> None:
    """Code changes rows of these models; nobody knows which of other apps' it reaches from one."""
    for model in models:
        if marks.facts.is_foreign(model):
            marks.write("code", ANY)
        for table in marks.tables_of(model):
            marks.write("code", table, *marks.facts.tables_beside(table))
        between = marks.facts.tables_between
        marks.write("code", *(t for f in between if f.startswith(f"{model}.") for t in between[f]))


def _run_sql(marks: Marks) -> None:
    from migmerge.migrations.statements import read_sql  # only where SQL runs

    sql = read_sql(marks.script, marks.call.arguments.get("sql"))
    if isinstance(sql, OpaqueCode):
        raise Unknown(sql.why)
    _run_statements(marks, sql)


def _run_statements(marks: Marks, sql: Sql) -> None:
    lost = marks.facts.cascade(marks.facts.models_of(sql.emptied))
    tables = sql.tables.union(*(marks.tables_of(model) for model in lost))
    marks.write("sql rows" if sql.rows_only else "sql", *tables)
    marks.write("sql column", *sql.columns)
    marks.write("relation", *sql.objects)
    for table in tables:
        marks.write("code", table, *marks.facts.tables_beside(table))


READERS: Mapping[str, Callable[[Marks], None]] = {
    "CreateModel": models.create_model,
    "DeleteModel": models.delete_model,
    "RenameModel": models.rename_model,
    "AlterModelTable": models.alter_table,
    "AlterModelTableComment": models.option("db_table_comment"),
    "AlterUniqueTogether": models.option("unique_together"),
    "AlterIndexTogether": models.option("index_together"),
    "AlterOrderWithRespectTo": models.order_with_respect_to,
    "AlterModelOptions": models.alter_options,
    "AlterModelManagers": models.option("managers"),
    "AddField": fields.add_field,
    "RemoveField": fields.remove_field,
    "AlterField": fields.alter_field,
    "RenameField": fields.rename_field,
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

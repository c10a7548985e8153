"""The text of merge migrations, with what they set where both sides set it."""

from __future__ import annotations

import ast
import builtins
import textwrap
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from migmerge.migrations.operations import SIGNATURES, Call, Script, read_script
from migmerge.migrations.reader import read_header

_MAY_BE = """\
# a database that ran both sides before they met may have this, whatever the state says
migrations.SeparateDatabaseAndState(
    state_operations=[
{},
    ],
),
"""
_SETTERS = {
    "AlterField": "field",
    "AlterModelOptions": "options",
    "AlterModelManagers": "managers",
    "AlterModelTableComment": "db_table_comment",
}


class Setting(NamedTuple):
    """An operation as its file has it (dedented), and the imports that it needs."""

    text: str
    imports: frozenset[str] = frozenset()


class NotMovable(NamedTuple):
    """An operation that can't be written in another file as it is, and why."""

    why: str


def is_empty_merge(source: bytes, name: str, label: str) -> bool:
    """Whether a migration joins leaf nodes of its own app, and does nothing else."""
    header = read_header(source)
    if header is None or header.error or header.opaque or header.replaces or header.run_before:
        return False
    labels = {reference.label for reference in header.dependencies}
    joins = len(header.dependencies) > 1 and labels == {label}
    return joins and not read_script(source, label, name).calls


def find_setting(
    scripts: Sequence[tuple[Script, bytes]], model: str, kind: str, field: str
) -> Setting | NotMovable | None:
    """The last operation of a side's migrations that sets `field`, or an option, of `label.model`.

    None where there is none.
    """
    for script, source in reversed(scripts):
        for call in reversed(script.calls):
            if _sets(script, call) == (model, kind, field):
                return _setting(script, source, call)

    return None


def with_value(setting: Setting, argument: str, value: ast.expr) -> Setting:
    """The same operation with another value of one of its arguments, laid out as Django does."""
    call = ast.parse(setting.text, mode="eval").body
    assert isinstance(call, ast.Call)
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)
    given = dict(zip(SIGNATURES[name], call.args, strict=False))
    given |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    lines = [
        f"    {key}={ast.unparse(value if key == argument else node)},\n"
        for key, node in given.items()
    ]
    return setting._replace(text=f"{ast.unparse(call.func)}(\n{''.join(lines)})")


def _sets(script: Script, call: Call) -> tuple[str, str, str]:
    kind = _SETTERS.get(call.name, "")
    key, field = ("model_name", "name") if kind == "field" else ("name", "")
    model = (script.text(call.arguments.get(key)) or "").lower()
    field_name = (script.text(call.arguments.get(field)) or "").lower() if field else ""
    return f"{script.label}.{model}", kind, field_name


def _setting(script: Script, source: bytes, call: Call) -> Setting | NotMovable:
    node = call.node
    if node is None or call.route != "both":
        return NotMovable(f"{script.name}:{call.line}: it is inside another operation")

    imports = _imports(script.module)
    needed: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and not hasattr(builtins, inner.id):
            if inner.id not in imports:
                place = f"{script.name}:{inner.lineno}"
                return NotMovable(f"{place}: it uses {inner.id}, which that file defines")
            needed |= imports[inner.id]

    return Setting(_text(source, node), frozenset(needed))


def _text(source: bytes, node: ast.Call) -> str:
    """As it is written, but for lines inside strings, which an indentation would change."""
    inner = [n for n in ast.walk(node) if isinstance(n, (ast.Constant, ast.JoinedStr))]
    if any(n.lineno != n.end_lineno for n in inner):
        return ast.unparse(node)
    text = source.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n")
    segment = ast.get_source_segment(text, node)
    before = text.splitlines()[node.lineno - 1][: node.col_offset]
    indent = "" if before.strip() else before
    return textwrap.dedent(indent + segment) if segment else ast.unparse(node)


def _imports(module: ast.Module) -> dict[str, set[str]]:
    """Name -> the statements that bind it, one name each."""
    statements: dict[str, set[str]] = {}
    for statement in module.body:
        if not isinstance(statement, (ast.Import, ast.ImportFrom)):
            continue

        origin = ""
        if isinstance(statement, ast.ImportFrom):
            origin = f"from {'.' * statement.level}{statement.module or ''} "
        for alias in statement.names:
            name = alias.asname or alias.name.partition(".")[0]
            imported = f"{alias.name} as {alias.asname}" if alias.asname else alias.name
            statements.setdefault(name, set()).add(f"{origin}import {imported}")

    return statements


def settle(final: Setting, others: Iterable[Setting]) -> Setting:
    """`final`, after each other definition that a database may have instead.

    Django alters a column from what its state has, so the state is told first what that may be.
    """
    different = [other for other in others if other.text != final.text]
    parts = [_MAY_BE.format(textwrap.indent(other.text, " " * 8)) for other in different]
    text = f"{final.text},\n".join([*parts, ""]) if parts else f"{final.text},\n"
    return Setting(text, final.imports.union(*(other.imports for other in different)))


def merge_source(label: str, leaves: Collection[str], settings: Sequence[Setting] = ()) -> bytes:
    """The bytes that `makemigrations --merge --no-header` writes for these leaves, and what the
    merge migration sets."""
    lines = sorted(f"        {(label, name)!r}," for name in leaves)
    imports = {"from django.db import migrations"}.union(*(setting.imports for setting in settings))
    plain = imports - {"from django.db import migrations", "from django.db import models"}
    both = imports != {"from django.db import migrations", *plain}
    head = [*plain, f"from django.db import migrations{', models' if both else ''}"]
    head.sort(key=lambda line: (line.startswith("from"), line.split()[1], line))
    operations = textwrap.indent("".join(setting.text for setting in settings), " " * 8)
    text = (
        "\n".join(head) + "\n\n\n"
        "class Migration(migrations.Migration):\n\n"
        "    dependencies = [\n" + "\n".join(lines) + "\n    ]\n\n"
        f"    operations = [\n{operations}    ]\n"
    )
    return text.encode()

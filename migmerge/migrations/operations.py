"""The operations of a migration, read from its text as calls."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

from migmerge.migrations.literals import Constants, string_value
from migmerge.migrations.reader import GRAPH_ATTRIBUTES, family, find_migration_class, parse

EXTENSIONS = (
    "BloomExtension", "BtreeGinExtension", "BtreeGistExtension", "CITextExtension",
    "CryptoExtension", "HStoreExtension", "TrigramExtension", "UnaccentExtension",
)  # fmt: skip
# The positional parameters of Django's operations (4.2 to 6.1) and of django.contrib.postgres.
SIGNATURES: Mapping[str, tuple[str, ...]] = {
    "CreateModel": ("name", "fields", "options", "bases", "managers"),
    "DeleteModel": ("name",),
    "RenameModel": ("old_name", "new_name"),
    "AlterModelTable": ("name", "table"),
    "AlterModelTableComment": ("name", "table_comment"),
    "AlterUniqueTogether": ("name", "unique_together"),
    "AlterIndexTogether": ("name", "index_together"),
    "AlterOrderWithRespectTo": ("name", "order_with_respect_to"),
    "AlterModelOptions": ("name", "options"),
    "AlterModelManagers": ("name", "managers"),
    "AddField": ("model_name", "name", "field", "preserve_default"),
    "RemoveField": ("model_name", "name", "field"),
    "AlterField": ("model_name", "name", "field", "preserve_default"),
    "RenameField": ("model_name", "old_name", "new_name"),
    "AddIndex": ("model_name", "index"),
    "RemoveIndex": ("model_name", "name"),
    "RenameIndex": ("model_name", "new_name", "old_name", "old_fields"),
    "AddConstraint": ("model_name", "constraint"),
    "RemoveConstraint": ("model_name", "name"),
    "AlterConstraint": ("model_name", "name", "constraint"),
    "AddIndexConcurrently": ("model_name", "index"),
    "RemoveIndexConcurrently": ("model_name", "name"),
    "AddConstraintNotValid": ("model_name", "constraint"),
    "ValidateConstraint": ("model_name", "name"),
    "CreateCollation": ("name", "locale"),
    "RemoveCollation": ("name", "locale"),
    "CreateExtension": ("name",),
    **dict.fromkeys(EXTENSIONS, ()),
    "RunPython": ("code", "reverse_code", "atomic", "hints", "elidable"),
    "RunSQL": ("sql", "reverse_sql", "state_operations", "hints", "elidable"),
    "SeparateDatabaseAndState": ("database_operations", "state_operations"),
}


class Call(NamedTuple):
    """One operation as it is written.

    `route` is `both`, or the half that it acts on inside SeparateDatabaseAndState or
    RunSQL(state_operations): `state`, `database`. `opaque` says why the rest can't be read.
    """

    name: str
    line: int
    arguments: Mapping[str, ast.expr] = {}
    body: str = ""
    route: str = "both"
    opaque: str = ""
    node: ast.Call | None = None


class OpaqueCode(NamedTuple):
    """Code or SQL whose effect can't be determined, and why."""

    why: str


class Script(NamedTuple):
    """The operations of a migration file in order, and what their arguments may refer to.

    `helpers` are the modules of the repository from which it imports, by their names as they are
    written there (`..tasks`); they have no operations.
    """

    label: str
    name: str
    module: ast.Module
    constants: Constants
    calls: tuple[Call, ...] = ()
    helpers: Mapping[str, Script] = {}

    @property
    def own_names(self) -> frozenset[str]:
        """Functions and classes of the file."""
        defined = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        return frozenset(s.name for s in self.module.body if isinstance(s, defined))

    def text(self, node: ast.expr | None) -> str | None:
        """The string that an argument is; None if there is none or it is computed."""
        return None if node is None else string_value(node, self.constants)


def read_script(source: bytes, label: str, name: str = "") -> Script:
    """The operations of migration `name` of app `label`.

    Anything that isn't a literal list of calls comes back as one opaque call.
    """
    try:
        module = parse(source)
    except ValueError as error:
        nothing = ast.Module([], [])
        call = _opaque("operations", 0, f"the file does not parse ({error})")
        return Script(label, name, nothing, Constants(), (call,))

    node = find_migration_class(module)
    constants = Constants.of(module)
    if node is None:
        call = _opaque("operations", 0, "the Migration class is defined elsewhere")
        return Script(label, name, module, constants, (call,))

    members = family(node, module)
    for member in members:
        constants = constants.within(member)

    foreign = _foreign_names(module)
    parts = constants.values.get("operations")
    if parts is None:
        calls = _no_operations(members, foreign)
    else:
        calls = [c for part in parts for c in _listed(part, constants, foreign, "both")]

    definitions = _defined_names(module)
    calls = [call._replace(body=call.body + _meaning(call.node, definitions)) for call in calls]
    return Script(label, name, module, constants, tuple(calls))


def with_helpers(script: Script, sources: Mapping[str, bytes]) -> Script:
    """The script with the modules from which it imports; one that does not parse is left out."""
    helpers = {}
    for name, source in sources.items():
        try:
            module = parse(source)
        except ValueError:
            continue
        helpers[name] = Script(script.label, script.name, module, Constants.of(module))
    return script._replace(helpers=helpers)


def _defined_names(module: ast.Module) -> dict[str, list[ast.stmt]]:
    """Name -> the statements of a module that say what it is; but for imports from Django."""
    names: dict[str, list[ast.stmt]] = {}
    for statement in module.body:
        if isinstance(statement, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            bound = {statement.name}
        elif isinstance(statement, ast.ImportFrom):
            if (statement.module or "").partition(".")[0] != "django":
                for alias in statement.names:  # each by itself, whatever is imported with it
                    one = ast.ImportFrom(statement.module, [alias], statement.level)
                    names.setdefault(alias.asname or alias.name, []).append(one)
            continue
        elif isinstance(statement, ast.Import):
            continue  # a.b.c says itself where it is from
        else:  # assignments, and what adds to a list
            bound = _names_in(statement)
        for name in bound:
            names.setdefault(name, []).append(statement)

    return names


def _names_in(node: ast.AST) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def _meaning(node: ast.Call | None, definitions: Mapping[str, list[ast.stmt]]) -> str:
    """What the file says of the names in a call: one text with another constant is another
    operation."""
    if node is None or not definitions:
        return ""

    text, seen = "", set[str]()
    waiting = sorted(_names_in(node) & definitions.keys())
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            for statement in definitions[name]:
                text += f"\n{ast.dump(statement)}"
                waiting += sorted(_names_in(statement) & definitions.keys() - seen)
    return text


def database_mark(source: bytes) -> str:
    """The same for migrations that do the same to a database, wherever they stand in the graph."""
    return fingerprint(source, GRAPH_ATTRIBUTES)


def pair_names(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> dict[str, str]:
    """Old names of one app, each with the new one that does the same to a database.

    Those of one title first, in their order; what is too short to be known by its content
    (see `fingerprint`) is known by its title, too, or not at all.
    """
    marks: dict[str, list[str]] = {}
    for name, source in sorted(new.items()):
        marks.setdefault(whole_mark(source), []).append(name)

    pairs: dict[str, str] = {}
    for titled in (True, False):
        for name, source in sorted(old.items()):
            there = marks.get(whole_mark(source), [])
            alike = [other for other in there if not titled or title(other) == title(name)]
            certain = titled or (len(alike) == 1 and bool(database_mark(source)))
            if name not in pairs and alike and certain:
                pairs[name] = alike[0]
                there.remove(alike[0])

    return {name: other for name, other in pairs.items() if name != other}


def title(name: str) -> str:
    """A name without its number."""
    number, _, rest = name.partition("_")
    return rest if number.isdigit() else name


def keeps_title(old: str, new: str) -> bool:
    """Whether a new name is the old one with another number, and maybe a number behind it."""
    return re.fullmatch(rf"{re.escape(title(old))}(_[0-9]+)?", title(new)) is not None


def whole_mark(source: bytes) -> str:
    """Like `database_mark`, also of what is short; what doesn't parse is like itself only."""
    try:
        module = parse(source)
    except ValueError:
        return repr(source)
    node = find_migration_class(module)
    members: list[ast.Module | ast.ClassDef] = [module]
    for member in [*members, *([node] if node else [])]:
        member.body = [s for s in member.body if not _is_passed_over(s, GRAPH_ATTRIBUTES)]
    return ast.dump(module)


def fingerprint(source: bytes, ignored: Collection[str] = ("dependencies",)) -> str:
    """The same for migrations with the same content, whatever their comments and what is `ignored`.

    Empty where there is nothing to compare: a file that doesn't parse, no operations, or one
    line of code, which two people may well have written alike.
    """
    try:
        module = parse(source)
    except ValueError:
        return ""

    node = find_migration_class(module)
    script = read_script(source, "")
    if node is None or not script.calls or any(call.name == "operations" for call in script.calls):
        return ""

    functions = any(isinstance(statement, ast.FunctionDef) for statement in module.body)
    if not functions and all(call.name in ("RunPython", "RunSQL") for call in script.calls):
        return ""

    for member in (module, node):
        member.body = [s for s in member.body if not _is_passed_over(s, ignored)]
    return ast.dump(module)


def _is_passed_over(statement: ast.stmt, ignored: Collection[str]) -> bool:
    """Docstrings, and where the migration stands in the graph."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    if isinstance(statement, ast.AnnAssign):
        return isinstance(statement.target, ast.Name) and statement.target.id in ignored
    return isinstance(statement, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id in ignored for target in statement.targets
    )


def _no_operations(members: list[ast.ClassDef], foreign: frozenset[str]) -> list[Call]:
    """None, unless they are computed or come from a base class of another module."""
    node = members[-1]
    if any(isinstance(n, ast.Name) and n.id == "operations" for m in members for n in ast.walk(m)):
        return [_opaque("operations", node.lineno, "operations are computed")]
    names = {member.name for member in members}
    bases = [base for member in members for base in member.bases if isinstance(base, ast.Name)]
    if any(base.id in foreign - names for base in bases):
        return [_opaque("operations", node.lineno, "operations may come from a base class")]
    return []


def _opaque(name: str, line: int, why: str) -> Call:
    return Call(name, line, opaque=why)


def _foreign_names(module: ast.Module) -> frozenset[str]:
    """Names that are not Django's: defined in the file or imported from elsewhere."""
    names: set[str] = set()
    for statement in module.body:
        if isinstance(statement, (ast.ClassDef, ast.FunctionDef)):
            names.add(statement.name)
        elif isinstance(statement, ast.ImportFrom):
            if not (statement.module or "").startswith("django"):
                names |= {name.asname or name.name for name in statement.names}
        elif isinstance(statement, ast.Import):
            modules = [n for n in statement.names if n.name.partition(".")[0] != "django"]
            names |= {n.asname or n.name.partition(".")[0] for n in modules}

    return frozenset(names)


def _listed(
    node: ast.expr, constants: Constants, foreign: frozenset[str], route: str
) -> list[Call]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left = _listed(node.left, constants, foreign, route)
        return left + _listed(node.right, constants, foreign, route)
    if isinstance(node, ast.Name) and node.id in constants.values:
        inner = constants.without(node.id)
        parts = constants.values[node.id]
        return [call for part in parts for call in _listed(part, inner, foreign, route)]
    if not isinstance(node, (ast.List, ast.Tuple)):
        return [_opaque("operations", node.lineno, "operations are computed")]

    calls: list[Call] = []
    for element in node.elts:
        if isinstance(element, ast.Call):
            calls += _calls(element, constants, foreign, route)
        else:
            text = ast.unparse(element)[:60]
            calls.append(_opaque(text, element.lineno, "not a plain call of an operation"))

    return calls


def _calls(node: ast.Call, constants: Constants, foreign: frozenset[str], route: str) -> list[Call]:
    """The operation and those inside it."""
    name, owner = called(node)
    if (owner or name) in foreign or name not in SIGNATURES:
        return [_opaque(name, node.lineno, f"{name} is not one of Django's operations")]
    if any(k.arg is None for k in node.keywords) or any(
        isinstance(argument, ast.Starred) for argument in node.args
    ):
        return [_opaque(name, node.lineno, f"{name} has a computed list of arguments")]

    arguments = dict(zip(SIGNATURES[name], node.args, strict=False))
    arguments |= {k.arg: k.value for k in node.keywords if k.arg}
    inner = []
    for key, half in (("database_operations", "database"), ("state_operations", "state")):
        value = arguments.get(key)
        if value is not None and not is_none(value):
            inner += _listed(value, constants, foreign, half)

    if name == "SeparateDatabaseAndState":
        return inner
    return [Call(name, node.lineno, arguments, ast.dump(node), route, node=node), *inner]


def called(node: ast.Call) -> tuple[str, str]:
    """`(name, the name it is looked up on)`: `migrations.AddField` -> (AddField, migrations)."""
    if isinstance(node.func, ast.Attribute):
        owner = node.func.value
        while isinstance(owner, ast.Attribute):
            owner = owner.value
        return node.func.attr, owner.id if isinstance(owner, ast.Name) else ""
    return (node.func.id, "") if isinstance(node.func, ast.Name) else (ast.unparse(node.func), "")


def is_none(node: ast.expr) -> bool:
    """Whether it is the literal None."""
    return isinstance(node, ast.Constant) and node.value is None

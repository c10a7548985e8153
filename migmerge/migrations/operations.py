"""The operations of a migration as values, read from its text."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import NamedTuple

from migmerge.migrations.literals import Constants, string_value
from migmerge.migrations.reader import family, find_migration_class, parse

_MODEL_REFERENCE = re.compile(r"\w+\.\w+$")
_IDENTIFIER = re.compile(r"\w+$")

# The positional parameters of Django's operations, as far as they name something.
_SIGNATURES: Mapping[str, tuple[str, ...]] = {
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
    "AddField": ("model_name", "name", "field"),
    "RemoveField": ("model_name", "name"),
    "AlterField": ("model_name", "name", "field"),
    "RenameField": ("model_name", "old_name", "new_name"),
    "AddIndex": ("model_name", "index"),
    "RemoveIndex": ("model_name", "name"),
    "RenameIndex": ("model_name", "new_name", "old_name"),
    "AddConstraint": ("model_name", "constraint"),
    "RemoveConstraint": ("model_name", "name"),
    "AlterConstraint": ("model_name", "name", "constraint"),
    "AddIndexConcurrently": ("model_name", "index"),
    "RemoveIndexConcurrently": ("model_name", "name"),
    "AddConstraintNotValid": ("model_name", "constraint"),
    "ValidateConstraint": ("model_name", "name"),
}
_EXTENSIONS = (
    "BloomExtension", "BtreeGinExtension", "BtreeGistExtension", "CITextExtension",
    "CreateExtension", "CryptoExtension", "HStoreExtension", "TrigramExtension",
    "UnaccentExtension",
)  # fmt: skip
_FIELD_OPERATIONS = ("AddField", "RemoveField", "AlterField", "RenameField")
_NAMED_OBJECTS = ("Index", "Constraint")


class Operation(NamedTuple):
    """What one operation does, names lower-cased as in Django's state.

    `model` is the model it acts on; `fields` the fields it acts on or names in its arguments;
    `objects` the indexes, constraints and tables that it
    names; `references` models it points at, as `label.model` or
    `settings.NAME`; `body` tells identical operations; `opaque` why it can't be read.
    """

    name: str
    line: int
    body: str
    model: str = ""
    new_model: str = ""
    fields: frozenset[str] = frozenset()
    objects: frozenset[str] = frozenset()
    references: frozenset[str] = frozenset()
    strings: frozenset[str] = frozenset()
    state_only: bool = False
    opaque: str = ""

    @property
    def is_rename(self) -> bool:
        """Whether a model or field has another name afterwards."""
        return self.name in ("RenameModel", "RenameField")


def read_operations(source: bytes, label: str) -> tuple[Operation, ...]:
    """The operations in order, those inside SeparateDatabaseAndState too.

    Anything that isn't a literal list of calls comes back as one opaque operation.
    """
    try:
        module = parse(source)
    except ValueError as error:
        return (_opaque("operations", 0, f"the file does not parse ({error})"),)
    node = find_migration_class(module)
    if node is None:
        return (_opaque("operations", 0, "the Migration class is defined elsewhere"),)
    members = family(node, module)
    constants = Constants.of(module)
    for member in members:
        constants = constants.within(member)
    foreign = _foreign_names(module)
    parts = constants.values.get("operations")
    if parts is None:
        return _no_operations(members, foreign)
    reader = _Reader(label, constants, foreign)
    return tuple(operation for part in parts for operation in reader.listed(part, state=False))


def _no_operations(members: list[ast.ClassDef], foreign: frozenset[str]) -> tuple[Operation, ...]:
    """None, unless they are computed or come from a base class of another module."""
    node = members[-1]
    if any(isinstance(n, ast.Name) and n.id == "operations" for m in members for n in ast.walk(m)):
        return (_opaque("operations", node.lineno, "operations are computed"),)
    own = {member.name for member in members}
    bases = [base for member in members for base in member.bases if isinstance(base, ast.Name)]
    if any(base.id in foreign - own for base in bases):
        return (_opaque("operations", node.lineno, "operations may come from a base class"),)
    return ()


def _opaque(name: str, line: int, why: str) -> Operation:
    return Operation(name, line, "", opaque=why)


def _foreign_names(module: ast.Module) -> frozenset[str]:
    """Names that are not Django's: defined in the file or imported from elsewhere."""
    found: set[str] = set()
    for statement in module.body:
        if isinstance(statement, (ast.ClassDef, ast.FunctionDef)):
            found.add(statement.name)
        elif isinstance(statement, ast.ImportFrom):
            if not (statement.module or "").startswith("django"):
                found |= {name.asname or name.name for name in statement.names}
    return frozenset(found)


class _Reader(NamedTuple):
    label: str
    constants: Constants
    foreign: frozenset[str]

    def listed(self, node: ast.expr, *, state: bool) -> list[Operation]:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self.listed(node.left, state=state) + self.listed(node.right, state=state)
        if isinstance(node, ast.Name) and node.id in self.constants.values:
            parts = self.constants.values[node.id]
            inner = self._replace(constants=self.constants.without(node.id))
            return [op for part in parts for op in inner.listed(part, state=state)]
        if not isinstance(node, (ast.List, ast.Tuple)):
            return [_opaque("operations", node.lineno, "operations are computed")]
        found: list[Operation] = []
        for element in node.elts:
            if isinstance(element, ast.Call):
                found += self.call(element, state=state)
            else:
                text = ast.unparse(element)[:60]
                found.append(_opaque(text, element.lineno, "not a plain call of an operation"))
        return found

    def call(self, node: ast.Call, *, state: bool) -> list[Operation]:
        name, owner = _called(node)
        if (owner or name) in self.foreign:
            return [_opaque(name, node.lineno, f"{name} is not one of Django's operations")]
        if name == "SeparateDatabaseAndState":
            return self.separated(node)
        if name in ("RunPython", "RunSQL"):
            return [_opaque(name, node.lineno, f"{name} runs code")]
        if name in _EXTENSIONS:
            return [Operation(name, node.lineno, ast.dump(node))]  # CREATE … IF NOT EXISTS
        if name not in _SIGNATURES:
            return [_opaque(name, node.lineno, f"{name} is not one of Django's operations")]
        return [self.operation(name, node, state=state)]

    def separated(self, node: ast.Call) -> list[Operation]:
        arguments = dict(zip(("database_operations", "state_operations"), node.args, strict=False))
        arguments |= {k.arg: k.value for k in node.keywords if k.arg}
        found: list[Operation] = []
        for key, value in arguments.items():
            inner = self.listed(value, state=True) if not _is_none(value) else []
            found += inner if key.endswith("_operations") else []
        return found

    def operation(self, name: str, node: ast.Call, *, state: bool) -> Operation:
        arguments = dict(zip(_SIGNATURES[name], node.args, strict=False))
        arguments |= {k.arg: k.value for k in node.keywords if k.arg}
        texts = {
            key: value.lower()
            for key, expression in arguments.items()
            if (value := string_value(expression, self.constants)) is not None
        }
        computed = _computed(name, node, arguments, texts)
        if computed:
            return _opaque(name, node.lineno, f"{name} has a computed {computed}")
        first = _SIGNATURES[name][0]
        return Operation(
            name,
            node.lineno,
            ast.dump(node),
            model=texts[first],
            new_model=texts.get("new_name", "") if name == "RenameModel" else "",
            fields=self.fields(name, arguments, texts),
            objects=self.objects(name, node, texts) | self.tables(name, arguments, texts),
            references=self.references(node),
            strings=self.strings(node),
            state_only=state,
        )

    def fields(
        self, name: str, arguments: dict[str, ast.expr], texts: dict[str, str]
    ) -> frozenset[str]:
        if name in _FIELD_OPERATIONS:
            keys = ("name", "old_name", "new_name")
            return frozenset(texts[key] for key in keys if key in texts)
        if name == "CreateModel" and isinstance(arguments.get("fields"), (ast.List, ast.Tuple)):
            pairs = [e for e in arguments["fields"].elts if isinstance(e, ast.Tuple) and e.elts]  # type: ignore[attr-defined]
            found = (string_value(pair.elts[0], self.constants) for pair in pairs)
            return frozenset(field.lower() for field in found if field)
        return frozenset()

    def objects(self, name: str, node: ast.Call, texts: dict[str, str]) -> frozenset[str]:
        """Names of indexes and constraints: the operation's own, and those made inside it."""
        found = set()
        if any(part in name for part in _NAMED_OBJECTS):
            found = {texts[key] for key in ("name", "old_name", "new_name") if key in texts}
        for inner in ast.walk(node):
            if isinstance(inner, ast.Call) and _called(inner)[0].endswith(_NAMED_OBJECTS):
                values = [k.value for k in inner.keywords if k.arg == "name"]
                names = (string_value(value, self.constants) for value in values)
                found |= {text.lower() for text in names if text}
        return frozenset(f"the index or constraint {text}" for text in found)

    def tables(
        self, name: str, arguments: dict[str, ast.expr], texts: dict[str, str]
    ) -> frozenset[str]:
        """Tables that the operation makes or renames, also those behind many-to-many fields."""
        found = {texts[key] for key in ("table",) if key in texts}
        if name == "CreateModel":
            found.add(f"{self.label}_{texts['name']}")
        model = texts.get("model_name") or texts.get("name", "")
        for argument in arguments.values():
            for inner in ast.walk(argument):
                if isinstance(inner, ast.Call) and _called(inner)[0].endswith("ManyToManyField"):
                    found.add(f"{self.label}_{model}_{texts.get('name', '')}")
                for key, value in _named_values(inner):
                    text = string_value(value, self.constants) if key == "db_table" else None
                    found |= {text.lower()} if text else set()
        return frozenset(f"the table {text}" for text in found)

    def references(self, node: ast.Call) -> frozenset[str]:
        """Models named in the arguments: `"app.Model"`, `to="Model"`, `settings.X`."""
        found = set()
        for text in self.strings(node):
            if _MODEL_REFERENCE.match(text):
                found.add(text)
        for inner in ast.walk(node):
            if isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name):
                if inner.value.id == "settings":
                    found.add(f"settings.{inner.attr}")
            elif isinstance(inner, ast.Call):
                found |= self.targets(inner)
        return frozenset(found)

    def targets(self, call: ast.Call) -> set[str]:
        name = _called(call)[0]
        values = [k.value for k in call.keywords if k.arg in ("to", "through")]
        if name.endswith(("ForeignKey", "OneToOneField", "ManyToManyField")):
            values += call.args[:1]
        texts = (string_value(value, self.constants) for value in values)
        return {f"{self.label}.{t}".lower() for t in texts if t and _IDENTIFIER.match(t)}

    def strings(self, node: ast.AST) -> frozenset[str]:
        return frozenset(
            inner.value.lower()
            for inner in ast.walk(node)
            if isinstance(inner, ast.Constant) and isinstance(inner.value, str)
        )


def _computed(
    name: str, node: ast.Call, arguments: dict[str, ast.expr], texts: dict[str, str]
) -> str:
    """What of an operation can't be read: a name that it acts on, or a whole argument."""
    if any(keyword.arg is None for keyword in node.keywords):
        return "list of arguments"
    if any(isinstance(argument, ast.Starred) for argument in node.args):
        return "list of arguments"
    if _SIGNATURES[name][0] not in texts:
        return "model"
    for key in ("name", "old_name", "new_name"):
        if key in _SIGNATURES[name] and key in arguments and key not in texts:
            return key
    for key, value in arguments.items():
        if isinstance(value, ast.Name) and key not in texts:
            return key
        if isinstance(value, (ast.List, ast.Tuple)):
            if any(isinstance(element, (ast.Starred, ast.Name)) for element in value.elts):
                return key if key != "bases" else ""
    return ""


def _named_values(node: ast.AST) -> list[tuple[str, ast.expr]]:
    """`key=value` of a call and `"key": value` of a dictionary."""
    if isinstance(node, ast.keyword) and node.arg:
        return [(node.arg, node.value)]
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return [(str(k.value), v) for k, v in pairs if isinstance(k, ast.Constant)]
    return []


def _called(node: ast.Call) -> tuple[str, str]:
    """`(name, the name it is looked up on)`: `migrations.AddField` -> (AddField, migrations)."""
    if isinstance(node.func, ast.Attribute):
        owner = node.func.value
        return node.func.attr, owner.id if isinstance(owner, ast.Name) else ""
    return (node.func.id, "") if isinstance(node.func, ast.Name) else (ast.unparse(node.func), "")


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None

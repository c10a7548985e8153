"""What an expression of `dependencies`, `run_before` or `replaces` names, without running it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import NamedTuple

from migmerge.migrations.model import Opaque, Reference

_SEQUENCES = (ast.List, ast.Tuple, ast.Set)
_MOST = 5_000  # entries or characters that a name may stand for
_COPIES = ("list", "tuple", "sorted")


class Entries(NamedTuple):
    """The literal references of an expression, and what of it can't be determined."""

    references: tuple[Reference, ...]
    opaque: tuple[Opaque, ...]

    def plus(self, other: Entries) -> Entries:
        """Both, in order."""
        return Entries(self.references + other.references, self.opaque + other.opaque)


class Constants:
    """Names of a module or class body with every expression that makes up their value.

    The first is what was assigned; the rest are lists that were added, also under a condition:
    a dependency that may be there is read as there. A name that is changed in any other way
    is left out. Looked for when first asked: most migrations name nothing.
    """

    __slots__ = ("_bodies", "_values", "entries", "strings")

    def __init__(self, *bodies: list[ast.stmt]) -> None:
        self._bodies = bodies
        self._values: dict[str, tuple[ast.expr, ...]] | None = None
        # what names were found to be: each may be named by others many times over
        self.entries: dict[str, Entries] = {}
        self.strings: dict[str, str | None] = {}

    @classmethod
    def of(cls, module: ast.Module) -> Constants:
        """The constants of a module's top level."""
        return cls(module.body)

    def within(self, node: ast.ClassDef) -> Constants:
        """These constants as a class body sees them."""
        return Constants(*self._bodies, node.body)

    def without(self, name: str) -> Constants:
        """The same but for one name, which is being looked into."""
        other = Constants()
        other._values = {key: parts for key, parts in self.values.items() if key != name}
        return other

    @property
    def values(self) -> dict[str, tuple[ast.expr, ...]]:
        """Name -> its parts."""
        if self._values is None:
            self._values = {}
            for body in self._bodies:
                for name, parts in _constants(body).items():
                    if not (isinstance(parts[0], ast.Name) and parts[0].id == name):
                        self._values[name] = parts  # but for `a = a`, which means the module's
        return self._values


def _constants(body: list[ast.stmt]) -> dict[str, tuple[ast.expr, ...]]:
    values: dict[str, tuple[ast.expr, ...]] = {}
    spoilt: set[str] = set()
    _collect(body, values, spoilt, certain=True)
    return {name: parts for name, parts in values.items() if name not in spoilt}


def _collect(
    body: list[ast.stmt],
    values: dict[str, tuple[ast.expr, ...]],
    spoilt: set[str],
    *,
    certain: bool,
) -> None:
    for statement in body:
        plain = _plain_assignment(statement)
        added = addition(statement)
        if plain and certain and plain[0] not in values:
            values[plain[0]] = (plain[1],)
        elif added and added[0] in values:
            values[added[0]] += (added[1],)
        elif isinstance(statement, ast.If):
            _collect(statement.body, values, spoilt, certain=False)
            _collect(statement.orelse, values, spoilt, certain=False)
        elif not isinstance(statement, (ast.ClassDef, ast.FunctionDef, ast.Import, ast.ImportFrom)):
            spoilt |= {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)}


def addition(statement: ast.stmt) -> tuple[str, ast.expr] | None:
    """`name += […]`, `name.append(…)` and `name.extend(…)` as the name and the list added."""
    if isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Add):
        if isinstance(statement.target, ast.Name):
            return statement.target.id, statement.value

    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        call = statement.value
        if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
            if len(call.args) == 1 and not call.keywords:
                if call.func.attr == "extend":
                    return call.func.value.id, call.args[0]
                if call.func.attr == "append":
                    return call.func.value.id, ast.List(elts=call.args, ctx=ast.Load())

    return None


def _plain_assignment(statement: ast.stmt) -> tuple[str, ast.expr] | None:
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target, value = statement.targets[0], statement.value
        if isinstance(target, ast.Name):
            return target.id, value
    if isinstance(statement, ast.AnnAssign) and statement.value is not None:
        if isinstance(statement.target, ast.Name):
            return statement.target.id, statement.value
    return None


def references(node: ast.expr, constants: Constants, depth: int = 0) -> Entries:
    """Every pair that `node` lists; what is computed is marked opaque, never guessed."""
    if isinstance(node, _SEQUENCES):
        return _joined([_entry(element, constants, depth) for element in node.elts])
    if depth > 20:
        return _opaque(node)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left = references(node.left, constants, depth + 1)
        return left.plus(references(node.right, constants, depth + 1))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id in _COPIES and not node.keywords and len(node.args) <= 1:
            return references(node.args[0], constants, depth + 1) if node.args else Entries((), ())

    if isinstance(node, ast.Name) and node.id in constants.values:
        if node.id not in constants.entries:
            parts = constants.values[node.id]
            joined = _joined([references(part, constants, depth + 1) for part in parts])
            few = len(joined.references) + len(joined.opaque) <= _MOST
            constants.entries[node.id] = joined if few else _opaque(node)

        return constants.entries[node.id]
    if isinstance(node, ast.IfExp):
        either = references(node.body, constants, depth + 1)
        return either.plus(references(node.orelse, constants, depth + 1))
    return _opaque(node)


def _joined(parts: Sequence[Entries]) -> Entries:
    return Entries(
        tuple([reference for part in parts for reference in part.references]),
        tuple([opaque for part in parts for opaque in part.opaque]),
    )


def _opaque(node: ast.expr) -> Entries:
    return Entries((), (Opaque(node.lineno, as_text(node)),))


def as_text(node: ast.AST) -> str:
    """The code again, in one form; of code that is nested too deeply only that."""
    try:
        return ast.unparse(node)
    except RecursionError:
        return "(nested too deeply)"


def _entry(node: ast.expr, constants: Constants, depth: int) -> Entries:
    if isinstance(node, ast.Starred):
        return references(node.value, constants, depth + 1)
    if isinstance(node, ast.Call):
        return _call(node, constants)
    if isinstance(node, ast.Name) and node.id in constants.values and depth < 20:
        return _entry(constants.values[node.id][0], constants, depth + 1)
    if isinstance(node, (ast.Tuple, ast.List)) and len(node.elts) == 2:
        label = string_value(node.elts[0], constants)
        name = string_value(node.elts[1], constants)
        if label is not None and name is not None:
            return Entries((Reference(label, name, node.lineno),), ())

    return _opaque(node)


def _call(node: ast.Call, constants: Constants) -> Entries:
    """`swappable_dependency(...)` is `(app, "__first__")` of an app that settings name.

    https://docs.djangoproject.com/en/stable/ref/migration-operations/ and
    django.db.migrations.migration.swappable_dependency. It never orders an app's own nodes.
    """
    function = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if isinstance(node.func, ast.Name):
        function = node.func.id
    if function == "swappable_dependency":
        return Entries((), ())
    if function == "SwappableTuple" and node.args:
        return _entry(node.args[0], constants, 20)
    return _opaque(node)


def string_value(node: ast.expr, constants: Constants, depth: int = 0) -> str | None:
    """The string that `node` is, through module constants and `+`; None if it is computed."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.Name) and node.id in constants.values and depth < 20:
        if node.id not in constants.strings:
            value = string_value(constants.values[node.id][0], constants, depth + 1)
            constants.strings[node.id] = None if value and len(value) > _MOST else value
        return constants.strings[node.id]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and depth < 20:
        left = string_value(node.left, constants, depth + 1)
        right = string_value(node.right, constants, depth + 1)
        return None if left is None or right is None else left + right
    return None

"""Of which model the rows are that an expression of a data migration gives."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator, Mapping

from migmerge.migrations.scopes import bindings_of

_MANAGERS = frozenset(("objects", "_default_manager", "_base_manager"))
# methods of managers and querysets that give rows of the same model
SAME_MODEL = frozenset((
    "alias", "all", "annotate", "create", "defer", "distinct", "earliest", "exclude", "filter",
    "first", "get", "iterator", "last", "latest", "none", "only", "order_by", "prefetch_related",
    "reverse", "select_for_update", "select_related", "using",
))  # fmt: skip
# what gives the elements of its first argument
_SAME_ELEMENTS = frozenset(("iter", "list", "reversed", "set", "sorted", "tqdm", "tuple"))

# the model of an `apps.get_model` call; empty for any other
GetModel = Callable[[ast.Call], str]


class Querysets:
    """The variables of a function that stand for one model, or its rows, wherever they are bound;
    `local` are names that are no builtins there."""

    def __init__(self, function: ast.AST, get_model: GetModel, local: Collection[str]) -> None:
        self._get_model = get_model
        self._elements = _SAME_ELEMENTS.difference(local)
        self.bindings = bindings_of(function)
        self._iterated = {
            id(node.iter)
            for node in ast.walk(function)
            if isinstance(node, (ast.For, ast.comprehension))
        }
        self.variables: dict[str, str] = {}
        for _ in self.bindings:  # a name may be bound by way of another
            before = len(self.variables)
            for name, values in self.bindings.items():
                self._bind(name, values)
            if len(self.variables) == before:
                break

    def _bind(self, name: str, values: Collection[ast.expr | None]) -> None:
        given = [value for value in values if value is not None]
        if name in self.variables or len(given) < len(values):
            return
        if any(self._is_container(value) for value in given):
            return  # that may get other rows later

        for model in {self.model_of(value) for value in given} - {""}:
            variables = {**self.variables, name: model}  # as in `rows = rows.filter(…)`
            if all(self._model_of(value, variables) == model for value in given):
                self.variables[name] = model

    def _is_container(self, value: ast.expr) -> bool:
        """Whether a name is bound to a list or set of rows, and does not run over one."""
        if self.is_iterated(value):
            return False
        for node in ast.walk(value):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                if node.func.id in _SAME_ELEMENTS:
                    return True
            if isinstance(node, ast.Slice) and node.step is not None:
                return True
        return False

    def is_iterated(self, value: ast.expr) -> bool:
        """Whether a name runs over its elements."""
        return id(value) in self._iterated

    def model_of(self, node: ast.expr) -> str:
        """The model that an expression is, or whose rows it gives; empty where it is hidden."""
        return self._model_of(node, self.variables)

    def _model_of(self, node: ast.expr, variables: Mapping[str, str]) -> str:
        while not isinstance(node, ast.Name):
            if isinstance(node, ast.Subscript):
                node = node.value
            elif isinstance(node, ast.Attribute):
                if node.attr not in _MANAGERS:
                    return ""
                node = node.value
            elif not isinstance(node, ast.Call):
                return ""
            elif model := self._get_model(node):
                return model
            elif isinstance(node.func, ast.Attribute):
                if node.func.attr not in SAME_MODEL:
                    return ""
                node = node.func.value
            elif isinstance(node.func, ast.Name) and node.func.id in self._elements and node.args:
                node = node.args[0]
            else:
                node = node.func  # a row that the class makes

        return variables.get(node.id, "")

    def find_bare_classes(self, function: ast.AST) -> Iterator[ast.expr]:
        """Classes of models that are neither called nor asked for an attribute where they stand, so
        that somebody else may make rows of them."""
        bound = {id(v) for values in self.bindings.values() for v in values if v is not None}
        fine = bound - self._iterated
        for node in ast.walk(function):
            if isinstance(node, ast.Attribute):
                fine.add(id(node.value))
            elif isinstance(node, ast.Call):
                fine.add(id(node.func))

        for node in ast.walk(function):
            if isinstance(node, (ast.Name, ast.Call)) and id(node) not in fine:
                if self._is_class(node):
                    yield node

    def _is_class(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Call):
            return bool(self._get_model(node))
        if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
            return False
        values = self.bindings.get(node.id, ())
        return any(isinstance(value, ast.Call) and bool(self._get_model(value)) for value in values)

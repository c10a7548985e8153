"""What the calls of a function do to rows: make, delete or join them, or execute SQL."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection

from migmerge.migrations.allowed_names import UNSAFE_ATTRIBUTES, Lost
from migmerge.migrations.querysets import SAME_MODEL, GetModel, Querysets
from migmerge.migrations.recorder import ANY
from migmerge.migrations.scopes import functions_and_imports, local_names

_MAKING = frozenset((
    "create", "bulk_create", "get_or_create", "update_or_create", "acreate", "abulk_create",
    "aget_or_create", "aupdate_or_create",
))  # fmt: skip
_DELETING = frozenset(("delete", "adelete", "_raw_delete"))
# of many-to-many managers: rows of the table between
_JOINING = frozenset(("add", "set", "remove", "clear", "aadd", "aset", "aremove", "aclear"))
# that give all columns, or need as many as another queryset has
_ALL_COLUMNS = frozenset(("values", "values_list"))
_COMBINING = frozenset(("union", "intersection", "difference"))
# by which a model is come to without its name
_HIDING = frozenset(("model", "from_db", "related_model", "remote_field", "through"))
# what rows, managers and querysets of historical models have
_OF_ROWS = frozenset((
    "aggregate", "alias", "annotate", "as_manager", "bulk_update", "clean", "clean_fields",
    "complex_filter", "contains", "count", "exists", "explain", "full_clean", "refresh_from_db",
    "save", "save_base", "serializable_value", "update", "validate_constraints", "validate_unique",
    "aaggregate", "abulk_update", "acount", "aexists", "afirst", "aget", "aiterator", "alast",
    "arefresh_from_db", "asave", "aupdate",
))  # fmt: skip
# whose arguments are names of fields
_OF_FIELDS = frozenset((
    "Avg", "Count", "F", "Max", "Min", "OuterRef", "Prefetch", "Sum", "dates", "datetimes", "defer",
    "distinct", "earliest", "in_bulk", "latest", "only", "order_by", "prefetch_related",
    "select_related", "values", "values_list",
))  # fmt: skip
_OF_LOOKUPS = frozenset(("Q", "exclude", "filter", "get"))
_CONTAINERS = frozenset((
    "Counter", "OrderedDict", "defaultdict", "deque", "dict", "frozenset", "list", "set",
))  # fmt: skip
_DISPLAYS = (ast.Dict, ast.DictComp, ast.List, ast.ListComp, ast.Set, ast.SetComp)
# only called, and then seen
CALLED = frozenset((*_DELETING, "execute", "cursor"))
BY_NAME = frozenset(("getattr", "setattr", "hasattr"))


class Collected:
    """What is found on the way through the functions of a data migration."""

    def __init__(self) -> None:
        self.models: set[str] = set()
        self.makes: set[str] = set()
        self.deletes: set[str] = set()
        self.joins: set[str] = set()
        self.assigns: set[str] = set()
        self.words: set[str] = set()
        self.statements: list[str] = []


class RowCalls:
    """The calls of one function; `text` gives the string that an argument is, if it is one, and
    `shadowed` are builtins that the file has functions of its own for."""

    def __init__(
        self,
        function: ast.AST,
        collected: Collected,
        get_model: GetModel,
        text: Callable[[ast.expr | None], str | None],
        shadowed: Collection[str],
    ) -> None:
        self._collected, self._get_model, self._text = collected, get_model, text
        callables = functions_and_imports(function)
        local = local_names(function)
        self._values = local - callables
        self._querysets = Querysets(function, get_model, {*shadowed, *local})
        self._called: set[int] = set()
        self._named_models: set[int] = set()
        if any(self._querysets.find_bare_classes(function)):
            collected.makes.add(ANY)
        self._check_names(function)

    def is_called(self, node: ast.Attribute) -> bool:
        """Whether it is the method of a call that was seen."""
        return id(node) in self._called

    def names_model(self, node: ast.Constant) -> bool:
        """Whether it is an argument of `get_model`."""
        return id(node) in self._named_models

    def call(self, call: ast.Call) -> None:
        """Note what it does."""
        model = self._get_model(call)
        if model:
            self._collected.models.add(model)
            arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
            self._named_models |= {id(part) for a in arguments for part in ast.walk(a)}
            return

        function = call.func
        name = getattr(function, "id", "") or getattr(function, "attr", "")
        if name in _OF_FIELDS and any(self._is_computed(argument) for argument in call.args):
            raise Lost("names fields by computed strings")
        if name in _OF_LOOKUPS and any(_is_computed_pair(argument) for argument in call.args):
            raise Lost("names fields by computed strings")
        if isinstance(function, ast.Attribute):
            self._method(call, function)
        elif not isinstance(function, ast.Name):
            self._collected.makes.add(ANY)
        elif function.id in BY_NAME:
            self._attribute_by_name(call, function.id)
        elif function.id in self._values:  # a model, or something that may be one
            self._collected.makes.add(self._querysets.model_of(function) or ANY)

    def _is_computed(self, argument: ast.expr) -> bool:
        """Whether a name of a field is put together, there or where the name is bound."""
        values: list[ast.expr | None] = [argument]
        if isinstance(argument, ast.Starred):
            return False
        if isinstance(argument, ast.Name):
            values = self._querysets.bindings.get(argument.id, [])
        return any(value is not None and _is_put_together(value) for value in values)

    def uncalled(self, name: str) -> None:
        """A method that is handed on."""
        if name in _JOINING:
            self._collected.joins.add(ANY)
        if name in _MAKING:
            self._collected.makes.add(ANY)

    def _attribute_by_name(self, call: ast.Call, name: str) -> None:
        text = self._text(call.args[1] if len(call.args) > 1 else None)
        if text is None or text in UNSAFE_ATTRIBUTES | CALLED | _HIDING | {"get_model"}:
            raise Lost("names attributes by computed strings")
        if name == "setattr":
            self._collected.assigns.add(text.lower())

    def _method(self, call: ast.Call, function: ast.Attribute) -> None:
        owner, name = function.value, function.attr
        self._called.add(id(function))
        if name in _MAKING:
            self._collected.makes.add(self._querysets.model_of(owner) or ANY)
        elif name in _DELETING:
            model = self._querysets.model_of(owner)
            if not model:
                raise Lost("deletes rows of a model that it does not name")
            self._collected.deletes.add(model)
        elif (
            name in _HIDING
            or name in _COMBINING
            or (name in _ALL_COLUMNS and not call.args)
            or name[:1].isupper()
        ):
            self._collected.makes.add(ANY)
        elif name in _JOINING:
            self._join(owner)
        elif name == "execute":
            statement = self._text(call.args[0] if call.args else None)
            if statement is None:
                raise Lost("runs computed SQL")
            self._collected.statements.append(statement)
        elif name == "copy" and call.args:
            raise Lost("copies into a table")
        elif self._querysets.model_of(owner) and not _is_of_django(name):
            raise Lost(f"uses .{name} of a manager")

    def _join(self, owner: ast.expr) -> None:
        """`add`, `set` and the like, of a container of Python's or of a many-to-many field."""
        if isinstance(owner, ast.Attribute):
            self._collected.joins.add(owner.attr.lower())
            return

        values = self._querysets.bindings.get(owner.id) if isinstance(owner, ast.Name) else None
        if not values or not all(self._is_container(value) for value in values):
            self._collected.joins.add(ANY)

    def _is_container(self, value: ast.expr | None) -> bool:
        """Whether a name is bound to a container of Python's, and does not run over one."""
        if value is None or self._querysets.is_iterated(value):
            return False
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
            return value.func.id in _CONTAINERS
        return isinstance(value, _DISPLAYS)

    def _check_names(self, function: ast.AST) -> None:
        """`getattr` and the like are called where they stand."""
        called = {id(n.func) for n in ast.walk(function) if isinstance(n, ast.Call)}
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and node.id in BY_NAME and id(node) not in called:
                raise Lost(f"uses {node.id} without calling it")


def _is_of_django(name: str) -> bool:
    """Whether it is a method of Django's own managers, querysets or models."""
    known = name in _OF_ROWS or name in _OF_FIELDS or name in SAME_MODEL
    return known or name.startswith(("get_", "set_"))


def _is_put_together(node: ast.expr) -> bool:
    """Whether a string is computed somewhere in an expression."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.JoinedStr):
            return True
        if isinstance(inner, ast.BinOp):
            if any(_is_string(side) for side in (inner.left, inner.right)):
                return True
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute):
            if inner.func.attr in ("format", "join"):
                return True
    return False


def _is_string(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_computed_pair(node: ast.expr) -> bool:
    """Whether a lookup is a pair whose name is computed: `Q((name, value))`."""
    return isinstance(node, ast.Tuple) and not isinstance(node.elts[0], ast.Constant)

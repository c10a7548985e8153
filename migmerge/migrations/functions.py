"""Which models the function of a RunPython reaches, read from its text.

Historical models come from `apps.get_model` alone (the Django documentation of RunPython), so
a function that uses nothing else can be followed. Whatever leaves that path is reported as a
reason why the function is opaque.
"""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Iterator
from typing import NamedTuple

from migmerge.migrations.operations import OpaqueCode, Script, is_none
from migmerge.migrations.recorder import ANY

_SAFE_MODULES = (
    "django.conf", "django.core.exceptions", "django.core.paginator", "django.core.validators",
    "django.db", "django.db.models", "django.db.models.functions", "django.db.models.expressions",
    "django.db.models.aggregates", "django.db.transaction", "django.db.utils", "django.utils",
    "django.db.migrations", "django.apps.registry", "django.contrib.auth.hashers",
    "django.contrib.postgres", "tqdm", "dateutil", "pytz",
)  # fmt: skip
_UNSAFE_NAMES = frozenset((
    "eval", "exec", "compile", "open", "__import__", "globals", "locals", "vars", "delattr",
    "call_command", "connection", "connections", "os", "subprocess", "importlib", "sys", "shutil",
    "dir", "RawSQL", "Func", "sqlite3", "runpy", "import_string", "import_module",
    "autodiscover_modules", "get_connection",
))  # fmt: skip
_UNSAFE_ATTRIBUTES = frozenset((
    "delete", "adelete", "_raw_delete", "get_connection", "raw", "extra", "cursor", "execute",
    "get_models", "get_app_config", "get_app_configs", "get_containing_app_config", "_meta",
    "__dict__", "__class__", "truncate", "RawSQL", "Func", "get_registered_model", "all_models",
    "app_configs", "quote_name", "create_model", "delete_model", "add_field", "alter_field",
    "remove_field", "add_index", "remove_index", "add_constraint", "remove_constraint",
    "alter_db_table", "deferred_sql",
))  # fmt: skip
_MAKING = frozenset((
    "create", "bulk_create", "get_or_create", "update_or_create", "acreate", "abulk_create",
    "aget_or_create", "aupdate_or_create",
))  # fmt: skip
# of many-to-many managers: rows of the table between
_JOINING = frozenset(("add", "set", "remove", "clear", "aadd", "aset", "aremove", "aclear"))
_ALIASES = ("alias", "vendor", "features", "settings_dict")
_BUILTINS = frozenset(dir(builtins)) - _UNSAFE_NAMES


class Code(NamedTuple):
    """What a function does: models it gets, those it may make rows of, and all names it uses.

    `makes` holds `*` where rows are made in a way that hides the model.
    """

    runs: bool
    models: frozenset[str] = frozenset()
    makes: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()


def read_code(script: Script, node: ast.expr | None) -> Code | OpaqueCode:
    """What the function does."""
    if node is None or is_none(node) or (isinstance(node, ast.Attribute) and node.attr == "noop"):
        return Code(runs=False)

    follower = _Follower(script)
    try:
        if isinstance(node, ast.Lambda):
            follower.function(node, entry=True)
        elif isinstance(node, ast.Name):
            follower.named(node.id, entry=True)
        else:
            return OpaqueCode("RunPython runs code that is not a function of this file")
    except _Lost as lost:
        return OpaqueCode(f"RunPython {lost}")

    if not follower.models:
        return Code(runs=False)

    return Code(
        True, frozenset(follower.models), frozenset(follower.makes), frozenset(follower.words)
    )


class _Lost(Exception):
    """Why the function can't be followed, as the end of a sentence."""


class _Scope(NamedTuple):
    """Names in a function: all local ones, functions and imports among them, those of models
    with their model, and those that were taken from an attribute."""

    local: set[str]
    callables: set[str]
    models: dict[str, str]
    attributes: set[str]


class _Follower:
    """Walks a function and those of the same file that it calls."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.models: set[str] = set()
        self.makes: set[str] = set()
        self.words: set[str] = set()
        self._seen: set[str] = set()
        self._apps: set[str] = set()
        self._functions = {
            s.name: s for s in script.module.body if isinstance(s, (ast.FunctionDef, ast.ClassDef))
        }
        self._imports = dict(_imports(script.module))

    def named(self, name: str, *, entry: bool = False) -> None:
        if name in self._seen:
            return
        self._seen.add(name)
        if name not in self._functions:
            raise _Lost(f"runs {name}, which is not a function of this file")
        self.function(self._functions[name], entry=entry)

    def function(
        self, node: ast.FunctionDef | ast.ClassDef | ast.Lambda, *, entry: bool = False
    ) -> None:
        handed = _handed_names(node, entry=entry)
        self._apps |= handed
        self._check_handed(node, handed)
        scope = _Scope(
            _local_names(node),
            _functions_and_imports(node),
            self._variables(node),
            {
                target.id
                for inner in ast.walk(node)
                if isinstance(inner, ast.Assign) and isinstance(inner.value, ast.Attribute)
                for target in inner.targets
                if isinstance(target, ast.Name)
            },
        )
        for inner in _without_annotations(node):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load):
                self._name(inner.id, scope.local)
            elif isinstance(inner, ast.Attribute):
                self._attribute(inner)
            elif isinstance(inner, ast.Call):
                self._call(inner, scope)
            elif isinstance(inner, ast.keyword):
                if inner.arg is None and not isinstance(inner.value, ast.Dict):
                    raise _Lost("passes arguments that are put together")
                self._word(inner.arg or "")
            elif isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                self._word(inner.value)
            elif isinstance(inner, (ast.Import, ast.ImportFrom)):
                self._check_imports(inner)
            elif isinstance(inner, (ast.Global, ast.Nonlocal)):
                raise _Lost("changes names outside of itself")

    def _variables(self, node: ast.AST) -> dict[str, str]:
        """Local names of model classes."""
        variables: dict[str, str] = {}
        for inner in ast.walk(node):
            if isinstance(inner, ast.Assign) and isinstance(inner.value, ast.Call):
                model = self._got(inner.value)
                if model:
                    names = [t.id for t in inner.targets if isinstance(t, ast.Name)]
                    variables |= dict.fromkeys(names, model)
        return variables

    def _got(self, call: ast.Call) -> str:
        """The model of an `apps.get_model` call; empty for any other call."""
        if not isinstance(call.func, ast.Attribute) or call.func.attr != "get_model":
            return ""
        if not (isinstance(call.func.value, ast.Name) and call.func.value.id in self._apps):
            raise _Lost("gets a model from elsewhere than apps")

        keywords = {k.arg: k.value for k in call.keywords}
        nodes = [*call.args]
        nodes += [keywords[k] for k in ("app_label", "model_name") if k in keywords]
        texts = [self.script.text(node) for node in nodes]
        named = ".".join(text for text in texts[:2] if text)
        if None in texts[:2] or named.count(".") != 1:
            raise _Lost("gets a model by a computed name")
        if "_" in named.partition(".")[2]:
            raise _Lost("gets the table of a many-to-many field")
        return named.lower()

    def _call(self, call: ast.Call, scope: _Scope) -> None:
        model = self._got(call)
        if model:
            self.models.add(model)
            return

        function = call.func
        if isinstance(function, ast.Name):
            if (
                function.id in scope.local - scope.callables
            ):  # a model, or something that may be one
                self.makes.add(scope.models.get(function.id, ANY))

            if function.id in ("getattr", "setattr", "hasattr"):
                text = self.script.text(call.args[1] if len(call.args) > 1 else None)
                if text is None or text in _UNSAFE_ATTRIBUTES | {"get_model"}:
                    raise _Lost("names attributes by computed strings")
        elif isinstance(function, ast.Call):
            self.makes.add(ANY)
        elif isinstance(function, ast.Attribute):
            self._method(call, function, scope)

    def _method(self, call: ast.Call, function: ast.Attribute, scope: _Scope) -> None:
        owner = function.value
        if function.attr in _MAKING:
            while isinstance(owner, (ast.Attribute, ast.Call)):
                owner = owner.value if isinstance(owner, ast.Attribute) else owner.func
            model = scope.models.get(owner.id) if isinstance(owner, ast.Name) else None
            manager = ast.unparse(function.value).count(".") <= 2 and model
            self.makes.add(model if manager and model else ANY)
        elif function.attr in ("values", "values_list") and not call.args:
            self.makes.add(ANY)  # all columns, whatever is made of them
        elif function.attr in _JOINING:
            plain = isinstance(owner, ast.Name) and owner.id not in scope.attributes
            self.makes |= set() if plain else {ANY}

    def _check_handed(self, node: ast.AST, handed: set[str]) -> None:
        """`apps` gets models and the schema editor names its database, or they are handed on
        to a function of this file."""
        fine: set[int] = set()
        for inner in ast.walk(node):
            if isinstance(inner, ast.Call):
                if isinstance(inner.func, ast.Name) and inner.func.id in self._functions:
                    arguments = [*inner.args, *(keyword.value for keyword in inner.keywords)]
                    fine |= {id(argument) for argument in arguments}
                elif isinstance(inner.func, ast.Attribute) and inner.func.attr == "get_model":
                    fine |= {id(inner.func.value), id(inner.func)}
            elif isinstance(inner, ast.Attribute) and inner.attr == "connection":
                fine.add(id(inner.value))

        for inner in ast.walk(node):
            if isinstance(inner, ast.Attribute) and inner.attr == "get_model":
                if id(inner) not in fine:
                    raise _Lost("uses get_model without calling it")
            elif isinstance(inner, ast.Name) and inner.id in handed and id(inner) not in fine:
                raise _Lost(f"uses {inner.id} in another way than Django's documentation")

    def _name(self, name: str, local: set[str]) -> None:
        if name in _UNSAFE_NAMES and name not in local:
            raise _Lost(f"uses {name}")
        if name in local or name in _BUILTINS:
            return
        if name in self._functions:
            self.named(name)
        elif name in self._imports:
            self._check_module(self._imports[name], name)
        elif name in self.script.constants.values:
            for part in self.script.constants.values[name]:
                for inner in ast.walk(part):
                    if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                        self._word(inner.value)
                    elif isinstance(inner, ast.Name) and inner.id != name:
                        self._name(inner.id, local)
        else:
            raise _Lost(f"uses {name}, which is not plain in this file")

    def _attribute(self, node: ast.Attribute) -> None:
        if node.attr in _UNSAFE_ATTRIBUTES:
            raise _Lost(
                "deletes rows, which may take others with them"
                if node.attr in ("delete", "adelete", "_raw_delete")
                else f"uses .{node.attr}"
            )
        if node.attr in ("pk", "id") and isinstance(node.ctx, ast.Store):
            self.makes.add(ANY)
        if node.attr.startswith("__") and node.attr != "__name__":
            raise _Lost(f"uses .{node.attr}")
        if isinstance(node.value, ast.Attribute) and node.value.attr == "connection":
            if node.attr not in _ALIASES:
                raise _Lost("uses the connection")

        self._word(node.attr)

    def _word(self, text: str) -> None:
        for piece in text.replace("-", "").replace(",", " ").replace(".", " ").split():
            self.words |= {part.lower() for part in piece.split("__") if part.isidentifier()}

    def _check_imports(self, node: ast.Import | ast.ImportFrom) -> None:
        for name, module in _imported(node):
            self._check_module(module, name)

    def _check_module(self, path: str, name: str) -> None:
        if not _UNSAFE_NAMES.isdisjoint([name, *path.split(".")]):
            raise _Lost(f"uses {name}")
        if path.partition(".")[0] in sys.stdlib_module_names:
            return
        if not any(path == safe or path.startswith(f"{safe}.") for safe in _SAFE_MODULES):
            raise _Lost(f"uses {name} of {path.rpartition('.')[0] or path}")


def _imports(module: ast.Module) -> Iterator[tuple[str, str]]:
    for statement in module.body:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            yield from _imported(statement)


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """`(name, what it is)` of what an import statement binds: `(c, django.db.connection)`."""
    for name in node.names:
        if isinstance(node, ast.Import):
            yield name.asname or name.name.partition(".")[0], name.name
        else:
            origin = "." * node.level + (node.module or "")
            yield name.asname or name.name, f"{origin}.{name.name}"


def _without_annotations(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns"):
            continue
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, ast.AST):
                yield from _without_annotations(inner)


def _functions_and_imports(node: ast.AST) -> set[str]:
    names = set()
    for inner in ast.walk(node):
        if isinstance(inner, (ast.FunctionDef, ast.ClassDef)):
            names.add(inner.name)
        elif isinstance(inner, (ast.Import, ast.ImportFrom)):
            names |= {name for name, _ in _imported(inner)}
    return names


def _local_names(node: ast.AST) -> set[str]:
    names = _functions_and_imports(node)
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, (ast.Store, ast.Del)):
            names.add(inner.id)
        elif isinstance(inner, ast.arg):
            names.add(inner.arg)
        elif isinstance(inner, ast.ExceptHandler) and inner.name:
            names.add(inner.name)
    return names


def _handed_names(node: ast.AST, *, entry: bool) -> set[str]:
    """Parameters that stand for `apps` and the schema editor: of the function that RunPython
    calls the first two, of others those that are called so."""
    names = {
        inner.arg
        for inner in ast.walk(node)
        if isinstance(inner, ast.arg) and ("apps" in inner.arg.lower() or "editor" in inner.arg)
    }
    if entry and isinstance(node, (ast.FunctionDef, ast.Lambda)):
        names |= {argument.arg for argument in [*node.args.posonlyargs, *node.args.args][:2]}
    return names

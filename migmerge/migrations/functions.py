"""Which models the function of a RunPython reaches, read from its text.

Historical models come from `apps.get_model` alone (the Django documentation of RunPython), so
a function that uses nothing else can be followed. Whatever leaves that path is reported as a
reason why the function is opaque.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection
from typing import NamedTuple

from migmerge.migrations.allowed_names import (
    BUILTINS,
    CONNECTION,
    OF_CONNECTION,
    SAFE_MODULES,
    SAFE_STANDARD_MODULES,
    UNSAFE_ATTRIBUTES,
    UNSAFE_NAMES,
    Lost,
    is_plain_class,
)
from migmerge.migrations.operations import OpaqueCode, Script, is_none
from migmerge.migrations.reader import find_migration_class
from migmerge.migrations.row_calls import CALLED, Collected, RowCalls
from migmerge.migrations.scopes import (
    bindings_of,
    handed_names,
    imported_names,
    local_names,
    module_bindings,
    module_imports,
    without_annotations,
)
from migmerge.migrations.statements import Sql, read_statements


class Code(NamedTuple):
    """What a function does: models it gets, those it makes rows of or deletes rows of, fields
    that join rows of two models, attributes that it sets, all names that it uses, and the SQL that
    it runs.

    `makes` and `joins` hold `*` where rows are made, or joined, in a way that hides the model.
    """

    runs: bool
    models: frozenset[str] = frozenset()
    makes: frozenset[str] = frozenset()
    deletes: frozenset[str] = frozenset()
    joins: frozenset[str] = frozenset()
    assigns: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    sql: Sql = Sql()


def read_code(script: Script, node: ast.expr | None) -> Code | OpaqueCode:
    """What the function does."""
    if node is None or is_none(node) or (isinstance(node, ast.Attribute) and node.attr == "noop"):
        return Code(runs=False)

    collected = Collected()
    follower = _Follower(script, collected)
    try:
        if isinstance(node, ast.Lambda):
            follower.function(node, entry=True)
        elif isinstance(node, ast.Name):
            follower.named(node.id, entry=True)
        else:
            return OpaqueCode("RunPython runs code that is not a function of this file")
    except Lost as lost:
        return OpaqueCode(f"RunPython {lost}")

    sql = read_statements(collected.statements)
    if isinstance(sql, OpaqueCode):
        return OpaqueCode(f"RunPython {sql.why}")
    if not collected.models and not collected.statements:
        return Code(runs=False)

    return Code(
        True,
        frozenset(collected.models),
        frozenset(collected.makes),
        frozenset(collected.deletes),
        frozenset(collected.joins),
        frozenset(collected.assigns),
        frozenset(collected.words),
        sql,
    )


def read_default(script: Script, node: ast.Name | ast.Attribute) -> str:
    """Why a function that gives a default may do more than that, as the end of a sentence; empty
    where it does not."""
    collected = Collected()
    try:
        _Follower(script, collected).default(node)
    except Lost as lost:
        return str(lost)
    return "runs code on rows" if collected.models or collected.statements else ""


class _Follower:
    """Walks a function, those of the same file that it calls, and those of the repository's modules
    from which the file imports."""

    def __init__(self, script: Script, collected: Collected) -> None:
        self.script, self.collected = script, collected
        self._seen: set[str] = set()
        self._apps: set[str] = set()
        self._local: set[str] = set()
        migration = find_migration_class(script.module)
        # RunPython may name a method of the class as it stands there
        statements = [*script.module.body, *(migration.body if migration else ())]
        self._functions = {
            s.name: s for s in statements if isinstance(s, (ast.FunctionDef, ast.ClassDef))
        }
        self._bound = module_bindings(statements)
        self._imports = dict(module_imports(script.module))

    def export(self, name: str, *, entry: bool = False) -> None:
        """What another module of the repository imports from this one."""
        if entry or name in self._functions:
            self.named(name, entry=entry)
        elif self._imports.get(name) == CONNECTION:
            raise Lost("uses the connection")
        else:
            self.name(name)

    def default(self, node: ast.Name | ast.Attribute) -> None:
        """A function by its name, or by that of its module: `shop.models.make_token`."""
        owner: ast.expr = node
        while isinstance(owner, ast.Attribute):
            owner = owner.value
        if not isinstance(owner, ast.Name):
            raise Lost("is computed")
        if isinstance(node, ast.Name) or owner.id not in self._imports:
            self.name(owner.id)
            return

        path, origin = ast.unparse(node), self._imports[owner.id]
        plain = f"{origin}.".startswith(f"{owner.id}.")  # `import shop.models` binds `shop`
        self._check_module(path if plain else origin + path.removeprefix(owner.id), path)

    def named(self, name: str, *, entry: bool = False) -> None:
        """A function or class by its name."""
        if name in self._seen:
            return
        self._seen.add(name)
        if name not in self._functions:
            if self._is_followed(name):
                self._check_module(self._imports[name], name, entry=entry)
                return
            raise Lost(f"runs {name}, which is not a function of this file")
        if self._bound[name] > 1:
            raise Lost(f"runs {name}, which stands for two things in this file")

        node = self._functions[name]
        if isinstance(node, ast.ClassDef) and not is_plain_class(node):
            raise Lost(f"uses the class {name}")
        self.function(node, entry=entry)

    def function(
        self, node: ast.FunctionDef | ast.ClassDef | ast.Lambda, *, entry: bool = False
    ) -> None:
        outer, self._local = self._local, local_names(node)
        handed = handed_names(node, entry=entry)
        self._apps |= handed
        self._take_imports(node)
        self._check_handed(node, handed)
        self._check_connection(node)
        passing = {name for name in self._functions if name in BUILTINS}
        rows = RowCalls(node, self.collected, self._got, self._text, passing)
        for inner in without_annotations(node):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load):
                self.name(inner.id, self._local)
            elif isinstance(inner, ast.Attribute):
                self._attribute(inner, rows)
            elif isinstance(inner, ast.Call):
                rows.call(inner)
            elif isinstance(inner, ast.keyword):
                self._keyword(inner)
            elif isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                if not rows.names_model(inner):
                    self._word(inner.value)
            elif isinstance(inner, (ast.Import, ast.ImportFrom)):
                for name, path in imported_names(inner):
                    self._check_module(path, name)
            elif isinstance(inner, (ast.Global, ast.Nonlocal)):
                raise Lost("changes names outside of itself")

        self._local = outer

    def _text(self, node: ast.expr | None) -> str | None:
        """The string that an expression is; None where a local name has a part in it."""
        names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} if node else set()
        return self.script.text(node) if names.isdisjoint(self._local) else None

    def _got(self, call: ast.Call) -> str:
        """The model of an `apps.get_model` call; empty for any other call."""
        if not isinstance(call.func, ast.Attribute) or call.func.attr != "get_model":
            return ""
        if not (isinstance(call.func.value, ast.Name) and call.func.value.id in self._apps):
            raise Lost("gets a model from elsewhere than apps")

        keywords = {k.arg: k.value for k in call.keywords}
        nodes = [*call.args]
        nodes += [keywords[k] for k in ("app_label", "model_name") if k in keywords]
        texts = [self._text(node) for node in nodes]
        named = ".".join(text for text in texts[:2] if text)
        if None in texts[:2] or named.count(".") != 1:
            raise Lost("gets a model by a computed name")
        return named.lower()

    def _check_handed(self, node: ast.AST, handed: set[str]) -> None:
        """`apps` gets models and the schema editor names its database, or they are handed on
        to a function that is followed."""
        fine: set[int] = set()
        for inner in ast.walk(node):
            if isinstance(inner, ast.Call):
                if isinstance(inner.func, ast.Name) and self._is_followed(inner.func.id):
                    arguments = [*inner.args, *(keyword.value for keyword in inner.keywords)]
                    fine |= {id(argument) for argument in arguments}
                elif isinstance(inner.func, ast.Attribute):
                    if inner.func.attr in ("get_model", "execute"):
                        fine |= {id(inner.func.value), id(inner.func)}
            elif isinstance(inner, ast.Attribute) and inner.attr == "connection":
                fine.add(id(inner.value))

        for inner in ast.walk(node):
            if isinstance(inner, ast.Attribute) and inner.attr == "get_model":
                if id(inner) not in fine:
                    raise Lost("uses get_model without calling it")
            elif isinstance(inner, ast.Name) and inner.id in handed and id(inner) not in fine:
                raise Lost(f"uses {inner.id} in another way than Django's documentation")

    def _take_imports(self, node: ast.AST) -> None:
        """What a function imports itself."""
        for inner in ast.walk(node):
            if isinstance(inner, (ast.Import, ast.ImportFrom)):
                for name, path in imported_names(inner):
                    if self._imports.setdefault(name, path) != path:
                        raise Lost(f"imports {name} from two places")

    def _is_followed(self, name: str) -> bool:
        """Whether it is a function of this file, or of a module that can be read."""
        module = self._imports.get(name, "").rpartition(".")[0]
        return name in self._functions or module in self.script.helpers

    def _check_connection(self, node: ast.AST) -> None:
        """A connection opens a cursor, or names its database, also under a local name."""
        names = {name for name, path in self._imports.items() if path == CONNECTION}
        fine = {
            id(inner.value)
            for inner in ast.walk(node)
            if isinstance(inner, ast.Attribute) and inner.attr in OF_CONNECTION
        }
        for name, values in bindings_of(node).items():
            if all(isinstance(v, ast.Attribute) and v.attr == "connection" for v in values):
                names.add(name)
                fine |= {id(value) for value in values}

        for inner in ast.walk(node):
            if isinstance(inner, ast.Attribute):
                connection = inner.attr == "connection"
            elif isinstance(inner, ast.Name):
                connection = inner.id in names and isinstance(inner.ctx, ast.Load)
            else:
                continue
            if connection and id(inner) not in fine:
                raise Lost("uses the connection")

    def name(self, name: str, local: Collection[str] = ()) -> None:
        """A name that is used; `local` are those of the function."""
        if name in local or self._imports.get(name) == CONNECTION:
            return
        if name in UNSAFE_NAMES:
            raise Lost(f"uses {name}")
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
                        self.name(inner.id, local)
                        self._check_connection(inner)
        elif name not in BUILTINS:
            raise Lost(f"uses {name}, which is not plain in this file")

    def _attribute(self, node: ast.Attribute, rows: RowCalls) -> None:
        if node.attr in UNSAFE_ATTRIBUTES or (node.attr in CALLED and not rows.is_called(node)):
            raise Lost(f"uses .{node.attr}")
        if node.attr.startswith("__") and node.attr != "__name__":
            raise Lost(f"uses .{node.attr}")
        if isinstance(node.ctx, ast.Store):
            self.collected.assigns |= {node.attr.lower(), node.attr.lower().removesuffix("_id")}
        elif not rows.is_called(node):
            rows.uncalled(node.attr)

        self._word(node.attr)

    def _keyword(self, node: ast.keyword) -> None:
        if node.arg is None:
            keys = node.value.keys if isinstance(node.value, ast.Dict) else [None]
            if not all(isinstance(key, ast.Constant) for key in keys):
                raise Lost("passes arguments that are put together")

        self._word(node.arg or "")

    def _word(self, text: str) -> None:
        for piece in re.findall(r"\w+", text.lower()):
            self.collected.words |= {part for part in piece.split("__") if part.isidentifier()}

    def _check_module(self, path: str, name: str, *, entry: bool = False) -> None:
        if path == CONNECTION:
            return
        if not UNSAFE_NAMES.isdisjoint([name, *path.split(".")]):
            raise Lost(f"uses {name}")

        module, _, attribute = path.rpartition(".")
        if module in self.script.helpers:
            helper = _Follower(self.script.helpers[module], self.collected)
            try:
                helper.export(attribute, entry=entry)
            except Lost as lost:
                raise Lost(f"uses {name} of {module.lstrip('.')}, which {lost}") from None
        elif path.partition(".")[0] not in SAFE_STANDARD_MODULES:
            if not any(path == safe or path.startswith(f"{safe}.") for safe in SAFE_MODULES):
                raise Lost(f"uses {name} of {path.rpartition('.')[0] or path}")

"""Names in a function: local ones, imported ones, and those that are handed to it."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator


def module_imports(module: ast.Module) -> Iterator[tuple[str, str]]:
    for statement in module.body:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            yield from imported_names(statement)


def imported_names(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """`(name, what it is)` of what an import statement binds: `(c, django.db.connection)`."""
    for name in node.names:
        if isinstance(node, ast.Import):
            yield name.asname or name.name.partition(".")[0], name.name
        else:
            origin = "." * node.level + (node.module or "")
            yield name.asname or name.name, f"{origin}.{name.name}"


def without_annotations(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns"):
            continue
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, ast.AST):
                yield from without_annotations(inner)


def functions_and_imports(node: ast.AST) -> set[str]:
    names = set()
    for inner in ast.walk(node):
        if isinstance(inner, (ast.FunctionDef, ast.ClassDef)):
            names.add(inner.name)
        elif isinstance(inner, (ast.Import, ast.ImportFrom)):
            names |= {name for name, _ in imported_names(inner)}
    return names


def local_names(node: ast.AST) -> set[str]:
    return set(bindings_of(node))


def handed_names(node: ast.AST, *, entry: bool) -> set[str]:
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


def bindings_of(function: ast.AST) -> dict[str, list[ast.expr | None]]:
    """What each name of a function is bound to, or runs over; None where that can't be said."""
    values: dict[int, ast.expr | None] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            values |= {id(target): node.value for target in node.targets}
        elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)):
            values[id(node.target)] = node.value
        elif isinstance(node, (ast.For, ast.comprehension)):
            values[id(node.target)] = node.iter

    bindings: defaultdict[str, list[ast.expr | None]] = defaultdict(list)
    for node in ast.walk(function):
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                bindings[node.id].append(values.get(id(node)))
        else:
            for name in _names_bound_by(node):
                bindings[name].append(None)

    return bindings


def _names_bound_by(node: ast.AST) -> list[str]:
    """Names that a node binds without an `ast.Name`."""
    if isinstance(node, ast.arg):
        return [node.arg]
    if isinstance(node, ast.alias):
        return [node.asname or node.name.partition(".")[0]]
    if isinstance(node, ast.MatchMapping):
        return [node.rest] if node.rest else []
    bound = (ast.FunctionDef, ast.ClassDef, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)
    return [node.name] if isinstance(node, bound) and node.name else []


def module_bindings(statements: Iterable[ast.stmt]) -> Counter[str]:
    """How often each name is bound by statements outside of functions and classes."""
    bound: Counter[str] = Counter()
    waiting: list[ast.AST] = [*statements]
    while waiting:
        node = waiting.pop()
        bound.update(_names_bound_by(node))
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound[node.id] += 1
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            waiting += ast.iter_child_nodes(node)
    return bound

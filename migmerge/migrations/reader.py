"""Reading a migration file's place in the graph from its text, never by running it."""

from __future__ import annotations

import ast
import re
import warnings

from migmerge.migrations.literals import Constants, Entries, addition, as_text, references
from migmerge.migrations.model import Header, Opaque, ParseError
from migmerge.migrations.salvage import salvage
from migmerge.migrations.scanner import scan_header

GRAPH_ATTRIBUTES = ("dependencies", "run_before", "replaces")
MARKERS = "git's conflict markers"
_NESTED = "too deeply nested"
_LARGE = 1_000_000  # bytes, from which no second opinion is worth its time
_CLASS = re.compile(rb"^[ \t]*class[ \t]+Migration\b", re.MULTILINE)
# what came before Django's own migrations, mostly in Python 2
_SOUTH = re.compile(rb"^(?:from|import)[ \t]+south\b", re.MULTILINE)
# a file of which a project is made (startproject, cookiecutter): it becomes a migration elsewhere
_TEMPLATE = re.compile(rb"\s*\{[%#{]")
# ways to give a module a Migration that its text does not show
_HIDING = re.compile(
    rb"import[ \t(]*\*|\b(?:exec|eval|globals|vars|locals|setattr|__import__|__getattr__|modules)\b"
)
_HIDING_CALLS = ("exec", "eval", "globals", "vars", "locals", "setattr", "__import__")
_MARKER = re.compile(rb"^<{7}(?: |\r?$)", re.MULTILINE)


def read_header(source: bytes, *, numbered: bool = True, trusted: bool = False) -> Header | None:
    """What `source` says about its place in the graph; None when it is no migration.

    `numbered` tells that the file's name starts with digits: then a file that is not Python
    counts as a broken migration even where its class can't be seen. A broken file keeps the
    literal dependencies that can be found in its text, and its `error` is set. `trusted` is a file
    that others have run: of the usual form it is not parsed as a whole.
    """
    plain = source.replace(b"\0", b"") if b"\0" in source else source
    may_hide = numbered and _HIDING.search(plain)
    if b"Migration" not in plain and not may_hide and not _MARKER.search(plain):
        return None

    usual = scan_header(source, trusted=trusted)
    if usual is not None:
        return usual

    try:
        module = parse(source)
    except ValueError as error:
        if (not numbered and not _CLASS.search(plain)) or _SOUTH.search(plain):
            return None
        return _broken(plain, error, newer=b"\0" not in source)

    return _module_header(module, numbered=numbered)


def parse(source: bytes) -> ast.Module:
    """The module's syntax tree; ValueError with a `lineno` where known (SyntaxError is none)."""
    try:
        if b"\\" not in source:
            return ast.parse(source)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "\d" in somebody's regex is not our business
            return ast.parse(source)
    except SyntaxError as error:
        raise _Unparsable(error.lineno or 0, error.msg or "invalid syntax") from None
    except (RecursionError, MemoryError):
        raise _Unparsable(0, _NESTED) from None
    except ValueError as error:  # pragma: no cover (NUL bytes, before Python 3.12)
        raise _Unparsable(0, str(error)) from None


class _Unparsable(ValueError):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def _broken(source: bytes, error: ValueError, *, newer: bool) -> Header:
    marker = _MARKER.search(source)
    header = salvage(source)
    if marker:
        line = source.count(b"\n", 0, marker.start()) + 1
        return header._replace(error=ParseError(line, MARKERS))
    if _TEMPLATE.match(source):
        return header  # what can be read of it counts
    complaint = ParseError(getattr(error, "line", 0), str(error))
    nested = str(error) == _NESTED
    if newer and not nested and not header.opaque and _is_newer_python(source):
        return header._replace(newer=complaint)
    return header._replace(error=complaint)


def _is_newer_python(source: bytes) -> bool:
    """Whether a later Python than ours would take `source`: LibCST's grammar is its own."""
    if len(source) > _LARGE:
        return False
    from migmerge.migrations.cst import parse_module  # only here: broken files are rare

    try:
        return parse_module(source.decode()) is not None
    except UnicodeDecodeError:
        return False


def _module_header(module: ast.Module, *, numbered: bool) -> Header | None:
    node = find_migration_class(module)
    if node is None:
        return _imported(module) if numbered else None
    if _is_south(module):
        return None

    constants = Constants.of(module)
    collected = dict.fromkeys(GRAPH_ATTRIBUTES, Entries((), ()))
    hidden: list[Opaque] = []
    for member in family(node, module):
        _read_body(member.body, constants.within(member), collected, hidden, certain=True)

    hidden += _edits_from_outside(module)
    for entries in collected.values():
        hidden += entries.opaque

    return Header(
        collected["dependencies"].references,
        collected["run_before"].references,
        collected["replaces"].references,
        tuple(sorted(set(hidden))) if hidden else (),
        _second_class(module) or (_bytes_entry(node, module) if hidden else None),
    )


def _bytes_entry(node: ast.ClassDef, module: ast.Module) -> ParseError | None:
    """Names in bytes, `(b"shop", b"0001_initial")`, as Python 2 took them: Python 3 finds no such.

    Django then fails on a dependency, and runs a squash beside what it replaces.
    """
    for member in family(node, module):
        for statement in member.body:
            name, value = _assignment(statement)
            for pair in ast.walk(value) if value is not None else ():
                for part in pair.elts if isinstance(pair, (ast.Tuple, ast.List)) else ():
                    if isinstance(part, ast.Constant) and isinstance(part.value, bytes):
                        reason = f"{name} has bytes ({part.value!r}), which name no migration"
                        return ParseError(part.lineno, reason)

    return None


def _second_class(module: ast.Module) -> ParseError | None:
    """A merge of two texts may leave both classes; Python then goes on with the last one."""
    classes = [s for s in module.body if isinstance(s, ast.ClassDef) and s.name == "Migration"]
    if len(classes) < 2:
        return None
    return ParseError(classes[-1].lineno, "two classes Migration: Django takes the last one")


def find_migration_class(module: ast.Module) -> ast.ClassDef | None:
    """The last top-level `class Migration` with Django's shape, as the loader would see it."""
    for statement in reversed(list(_top_level(module.body))):
        if isinstance(statement, ast.ClassDef) and statement.name == "Migration":
            return statement if _has_shape(statement, module) else None
    return None


def _top_level(body: list[ast.stmt]) -> list[ast.stmt]:
    statements: list[ast.stmt] = []
    for statement in body:
        statements.append(statement)
        if isinstance(statement, (ast.If, ast.Try)):
            statements += _top_level(statement.body)
        if isinstance(statement, ast.If):
            statements += _top_level(statement.orelse)
    return statements


def _has_shape(node: ast.ClassDef, module: ast.Module) -> bool:
    """Django's own base class, one that is called after it, or Django's attributes.

    A class of this name may be anything; so may be a module called migrations.
    """
    return any(
        _assigns_any(member) or any("Migration" in _last_name(base) for base in member.bases)
        for member in family(node, module)
    )


def family(node: ast.ClassDef, module: ast.Module) -> list[ast.ClassDef]:
    """The class and those of its bases that the same file defines, farthest first."""
    if not any(isinstance(base, ast.Name) for base in node.bases):
        return [node]  # the usual `migrations.Migration`

    classes: dict[str, ast.ClassDef] = {node.name: node}
    waiting = [node]
    while waiting:
        names = {base.id for base in waiting.pop().bases if isinstance(base, ast.Name)}
        for other in module.body:
            if isinstance(other, ast.ClassDef) and other.name in names - classes.keys():
                classes[other.name] = other
                waiting.append(other)

    return list(reversed(classes.values()))


def _last_name(base: ast.expr) -> str:
    return base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")


def _assigns_any(node: ast.ClassDef) -> bool:
    return any(
        isinstance(target, ast.Name) and target.id in (*GRAPH_ATTRIBUTES, "operations")
        for statement in node.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
    )


def _is_south(module: ast.Module) -> bool:
    """South, Django's migrations before 1.7, kept its own graph in files of the same look."""
    for statement in module.body:
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("south"):
            return True
        if isinstance(statement, ast.Import) and statement.names[0].name.startswith("south"):
            return True
    return False


def _imported(module: ast.Module) -> Header | None:
    """A module that may get its Migration by `from .other import Migration`, `Migration = …`, a
    star, `exec`, `globals()`, a `__getattr__` or the like: a migration that can't be read here."""
    waiting: list[ast.AST] = [module]
    while waiting:
        node = waiting.pop(0)
        if _may_bind(node):
            line = getattr(node, "lineno", 0)
            return Header(opaque=(Opaque(line, as_text(node).partition("\n")[0]),))
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            waiting += ast.iter_child_nodes(node)  # their bodies don't run when it is imported

    return None


def _may_bind(node: ast.AST) -> bool:
    """Whether this may be what binds the module's name Migration."""
    if isinstance(node, ast.ImportFrom):
        # `from django.db.migrations import Migration` only brings the base class
        names = {name.asname or name.name for name in node.names}
        return bool(names & {"Migration", "*"}) and not (node.module or "").startswith("django")
    if isinstance(node, ast.Name):
        return node.id == "Migration" and isinstance(node.ctx, ast.Store)
    if isinstance(node, ast.FunctionDef):
        return node.name == "__getattr__"
    if isinstance(node, ast.Attribute):
        return (
            node.attr == "modules" and isinstance(node.value, ast.Name) and node.value.id == "sys"
        )
    called = node.func if isinstance(node, ast.Call) else None
    return isinstance(called, ast.Name) and called.id in _HIDING_CALLS


def _read_body(
    body: list[ast.stmt],
    constants: Constants,
    collected: dict[str, Entries],
    hidden: list[Opaque],
    *,
    certain: bool,
) -> None:
    for statement in body:
        name, value = _assignment(statement)
        added = addition(statement)
        if value is not None:
            entries = references(value, constants)
            collected[name] = entries if certain else collected[name].plus(entries)
        elif added and added[0] in collected:
            collected[added[0]] = collected[added[0]].plus(references(added[1], constants))
        elif isinstance(statement, (ast.If, ast.Try, ast.For, ast.While, ast.With)):
            for inner in (statement.body, getattr(statement, "orelse", [])):
                _read_body(inner, constants, collected, hidden, certain=False)
        elif isinstance(statement, (ast.FunctionDef, ast.Expr)):
            hidden += _mentions(statement)


def _assignment(statement: ast.stmt) -> tuple[str, ast.expr | None]:
    if isinstance(statement, ast.Assign):
        for target in statement.targets:
            if isinstance(target, ast.Name) and target.id in GRAPH_ATTRIBUTES:
                return target.id, statement.value
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        if statement.target.id in GRAPH_ATTRIBUTES:
            return statement.target.id, statement.value
    return "", None


def _edits_from_outside(module: ast.Module) -> list[Opaque]:
    """`Migration.dependencies.append(...)` and the like, beside the class."""
    return [
        opaque
        for statement in _top_level(module.body)
        if isinstance(statement, (ast.Expr, ast.Assign, ast.AugAssign))
        for opaque in _mentions(statement)
    ]


def _mentions(statement: ast.stmt) -> list[Opaque]:
    """Code that changes a graph attribute in a way that only running it would tell.

    In a method only what runs before the graph is built counts.
    """
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return []  # a docstring
    if isinstance(statement, ast.FunctionDef):
        if statement.name not in ("__init__", "__new__", "__init_subclass__"):
            return []

    for node in ast.walk(statement):
        if isinstance(node, ast.Attribute) and node.attr in GRAPH_ATTRIBUTES:
            if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls", "Migration"):
                return [Opaque(node.lineno, as_text(node))]

    return []

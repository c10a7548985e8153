"""What a migration imports, and where it is in the repository."""

from __future__ import annotations

import ast
import re
from collections.abc import Container
from typing import NamedTuple

from migmerge.migrations.operations import Script
from migmerge.migrations.reader import parse

_LONGEST_NAME = 20  # parts of a dotted name
_FOREIGN_IMPORT = re.compile(rb"^[ \t]*(?:from|import)[ \t]+(?!django\b)", re.MULTILINE)


class Import(NamedTuple):
    """A module that a migration imports, as parts of its name, and maybe a name of that module."""

    module: tuple[str, ...]
    name: str
    line: int

    @property
    def shown(self) -> str:
        """As people write it."""
        return ".".join((*self.module, self.name) if self.name else self.module)


def imports_of(source: bytes, path: str) -> list[Import]:
    """What a migration at a path imports, each name by itself; nothing of a file that does not
    parse. A name of a plain `import` is known by its uses."""
    if not _FOREIGN_IMPORT.search(source):  # most import Django alone, and need no parsing
        return []
    try:
        module = parse(source)
    except ValueError:
        return []

    package = tuple(path.split("/")[:-1])
    imports = []
    known: dict[str, tuple[str, ...]] = {}  # names that may be modules
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom):
            origin = _module_of(node, package)
            imports += [Import(origin, alias.name, node.lineno) for alias in node.names]
            known |= {a.asname or a.name: (*origin, a.name) for a in node.names}
        elif isinstance(node, ast.Import):
            names = [tuple(alias.name.split(".")) for alias in node.names]
            imports += [Import(name, "", node.lineno) for name in names]
            known |= {a.asname or a.name: n for a, n in zip(node.names, names, strict=True)}

    for node in ast.walk(module):
        owner = known.get(_dotted(node.value)) if isinstance(node, ast.Attribute) else None
        if owner and isinstance(node, ast.Attribute):
            imports.append(Import(owner, node.attr, node.lineno))

    return imports


def helper_paths(script: Script, path: str, files: Container[str]) -> dict[str, str]:
    """The modules of this repository from which a migration at a path imports names, as it writes
    them, with their files."""
    package = tuple(path.split("/")[:-1])
    paths = {}
    for node in ast.walk(script.module):
        if isinstance(node, ast.ImportFrom):
            module = Import(_module_of(node, package), "", node.lineno)
            paths["." * node.level + (node.module or "")] = path_of(module, path, files)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                module = Import(tuple(alias.name.split(".")), "", node.lineno)
                paths[alias.name] = path_of(module, path, files)
    return {name: helper for name, helper in paths.items() if helper}


def _module_of(node: ast.ImportFrom, package: tuple[str, ...]) -> tuple[str, ...]:
    above = package[: len(package) + 1 - node.level] if node.level else ()
    return (*above, *node.module.split(".")) if node.module else above


def _dotted(node: ast.expr) -> str:
    """`a.b.c` as it is written; empty for any other expression, and for what is no module's name
    for its length."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute) and len(parts) < _LONGEST_NAME:
        parts.append(node.attr)
        node = node.value
    return ".".join((node.id, *reversed(parts))) if isinstance(node, ast.Name) else ""


def path_of(found: Import, importer: str, files: Container[str]) -> str:
    """The file of a module of this repository; empty for another one. Of several that may be meant
    the one that is nearest to the file that imports it."""
    if not found.module or found.name == "*":
        return ""
    steps = importer.split("/")[:-1]
    for depth in range(len(steps), -1, -1):
        place = "/".join((*steps[:depth], *found.module))
        for path in (f"{place}.py", f"{place}/__init__.py"):
            if path in files:
                return path
    return ""

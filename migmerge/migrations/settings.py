"""What a settings file says statically about where migrations are (MIGRATION_MODULES)."""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

from migmerge.migrations.reader import parse

_MANAGE = re.compile(rb"""DJANGO_SETTINGS_MODULE['"]\s*(?:,|\]\s*=)\s*['"]([\w.]+)['"]""")
NAME = "MIGRATION_MODULES"


class SettingsFile(NamedTuple):
    """Label -> dotted module of the literal entries, and the modules that are imported with `*`,
    relative ones with their dots. `opaque`: MIGRATION_MODULES is also set in a way that only
    running the file would tell."""

    modules: dict[str, str]
    stars: tuple[str, ...]
    opaque: bool = False


def settings_module(manage: bytes) -> str:
    """The settings module that a manage.py names; empty where it names none by a literal."""
    match = _MANAGE.search(manage)
    return match[1].decode() if match else ""


def read_settings(source: bytes) -> SettingsFile:
    """The literal entries of MIGRATION_MODULES; opaque where the file can't be parsed."""
    named = NAME.encode() in source
    try:
        module = parse(source)
    except ValueError:
        return SettingsFile({}, (), opaque=named)

    modules: dict[str, str] = {}
    stars: list[str] = []
    literal: set[int] = set()
    for node in module.body:
        if isinstance(node, ast.ImportFrom) and any(name.name == "*" for name in node.names):
            stars.append("." * node.level + (node.module or ""))
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Dict):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            assigned = [t for t in targets if isinstance(t, ast.Name) and t.id == NAME]
            if assigned and _is_literal(node.value):
                modules |= _strings(node.value)
                literal |= set(map(id, assigned))

    uses = (
        [n for n in ast.walk(module) if isinstance(n, ast.Name) and n.id == NAME] if named else []
    )
    return SettingsFile(modules, tuple(stars), any(id(use) not in literal for use in uses))


def _is_literal(node: ast.Dict) -> bool:
    return all(isinstance(part, ast.Constant) for part in (*node.keys, *node.values))


def _strings(node: ast.Dict) -> dict[str, str]:
    """The pairs of string literals; None switches an app's migrations off."""
    strings = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if isinstance(key, ast.Constant) and isinstance(value, ast.Constant):
            if isinstance(key.value, str) and isinstance(value.value, str):
                strings[key.value] = value.value
    return strings


def module_paths(module: str, place: str, within: str) -> tuple[str, str]:
    """Paths that a module may have: `place` is the project's directory, `within` the path of the
    file that imports it, which matters for a relative module."""
    name = module.lstrip(".")
    level = len(module) - len(name)
    directory = place
    if level:
        parts = within.split("/")
        directory = "/".join(parts[: len(parts) - level])
    path = "/".join(part for part in (directory, *name.split(".")) if part)
    return f"{path}.py", f"{path}/__init__.py"

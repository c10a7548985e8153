"""What a settings file says statically about where migrations are (MIGRATION_MODULES)."""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

from migmerge.migrations.reader import parse

_MANAGE = re.compile(rb"""DJANGO_SETTINGS_MODULE['"]\s*,\s*['"]([\w.]+)['"]""")
_NAME = "MIGRATION_MODULES"


class SettingsFile(NamedTuple):
    """Label -> dotted module of the literal entries, and the modules that are imported with `*`,
    relative ones with their dots."""

    modules: dict[str, str]
    stars: tuple[str, ...]


def settings_module(manage: bytes) -> str:
    """The settings module that a manage.py names; empty where it names none by a literal."""
    match = _MANAGE.search(manage)
    return match[1].decode() if match else ""


def read_settings(source: bytes) -> SettingsFile:
    """The literal entries of MIGRATION_MODULES; none where the file can't be parsed."""
    try:
        body = parse(source).body
    except ValueError:
        return SettingsFile({}, ())
    modules: dict[str, str] = {}
    stars: list[str] = []
    for node in body:
        if isinstance(node, ast.ImportFrom) and any(name.name == "*" for name in node.names):
            stars.append("." * node.level + (node.module or ""))
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            if any(isinstance(t, ast.Name) and t.id == _NAME for t in node.targets):
                modules |= _strings(node.value)
    return SettingsFile(modules, tuple(stars))


def _strings(node: ast.Dict) -> dict[str, str]:
    """The pairs of string literals."""
    found = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if isinstance(key, ast.Constant) and isinstance(value, ast.Constant):
            if isinstance(key.value, str) and isinstance(value.value, str):
                found[key.value] = value.value
    return found


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

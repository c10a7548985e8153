"""The folders are the storeys of a house: an import only points down."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import migmerge
from migmerge.project import run

PACKAGE = Path(migmerge.__file__).parent
STOREYS = [
    "errors", "regular", "config", "migrations", "conflicts", "git", "project", "resolve", "report",
    "commands", "arguments", "cli", "__main__",
]  # fmt: skip
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
HEAVY = {"libcst", "git", "rich", "django", "pygraphviz", "argcomplete"}


def storey(dotted: str) -> int:
    parts = dotted.split(".")
    return STOREYS.index(parts[1]) if len(parts) > 1 else -1


def imports(path: Path) -> list[tuple[str, bool]]:
    """(module, at the top level) of every import."""
    tree = ast.parse(path.read_text())
    top = set(map(id, tree.body))
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found.append((node.module or "", id(node) in top))
        elif isinstance(node, ast.Import):
            found += [(name.name, id(node) in top) for name in node.names]
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_only_point_down(path: Path) -> None:
    own = storey("migmerge." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts))
    for module, _ in imports(path):
        if module.startswith("migmerge"):
            assert storey(module) <= own, f"{path.name} imports {module}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_imports_are_not_at_the_top(path: Path) -> None:
    heavy = [module for module, top in imports(path) if top and module.split(".")[0] in HEAVY]
    assert heavy == []


@pytest.mark.parametrize("folder", ["migrations", "conflicts"])
def test_pure_storeys_know_neither_disk_nor_processes(folder: str) -> None:
    known = {m.split(".")[0] for p in (PACKAGE / folder).glob("*.py") for m, _ in imports(p)}
    assert known & {"os", "subprocess", "pathlib", "git", "django", "time"} == set()


def test_texts_that_run_together_name_nothing_twice() -> None:
    for names in run._SCRIPTS.values():
        defined = [
            node.name
            for name in ("start", *names)
            for node in ast.parse((PACKAGE / f"project/inside/{name}.py").read_text()).body
            if isinstance(node, (ast.FunctionDef, ast.ClassDef))
        ]
        assert len(defined) == len(set(defined)), defined

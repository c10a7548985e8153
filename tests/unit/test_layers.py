"""The folders are layers: an import only points down."""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

import migmerge
from migmerge.project import run

PACKAGE = Path(migmerge.__file__).parent
# folders of one layer do not know each other
LAYERS = [
    {"errors"}, {"exit_codes"}, {"regular"}, {"config"}, {"git", "migrations"}, {"conflicts", "install"},
    {"project"}, {"analysis"}, {"resolve"}, {"databases"}, {"report"}, {"commands"}, {"arguments"},
    {"cli"}, {"__main__"},
]  # fmt: skip
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
HEAVY = {"libcst", "git", "rich", "django", "pygraphviz", "argcomplete"}


def folder_of(dotted: str) -> str:
    return dotted.split(".")[1] if "." in dotted else ""


def layer(folder: str) -> int:
    return next((i for i, layer in enumerate(LAYERS) if folder in layer), -1)


@cache
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
    own = path.relative_to(PACKAGE).with_suffix("").parts[0]
    for module, _ in imports(path):
        if module.startswith("migmerge") and (other := folder_of(module)) not in ("", own):
            assert layer(other) < layer(own), f"{path.name} imports {module}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_imports_are_not_at_the_top(path: Path) -> None:
    heavy = [module for module, top in imports(path) if top and module.split(".")[0] in HEAVY]
    assert heavy == []


@pytest.mark.parametrize("folder", ["migrations", "conflicts"])
def test_pure_layers_know_neither_disk_nor_processes(folder: str) -> None:
    modules = list((PACKAGE / folder).glob("*.py"))
    known = {m.split(".")[0] for p in modules for m, _ in imports(p)}
    assert known & {"os", "subprocess", "pathlib", "git", "django", "time"} == set()
    called = {
        node.func.id
        for path in modules
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert called & {"open", "input", "print", "exec", "eval", "__import__"} == set()


def test_git_knows_no_migration() -> None:
    text = "".join(path.read_text() for path in (PACKAGE / "git").glob("*.py"))
    assert "migmerge.migrations" not in text


# a command shares its name with what it shows, or with what does its work
SHARED = {"final_definitions", "fix", "forecast", "graph", "prompt", "verify"}


def test_no_two_modules_share_a_name() -> None:
    stems = [path.stem for path in MODULES]
    assert {stem for stem in stems if stems.count(stem) > 1} <= SHARED


def test_texts_that_run_together_name_nothing_twice() -> None:
    for names in run._SCRIPTS.values():
        defined = [
            node.name
            for name in ("bootstrap", *names)
            for node in ast.parse((PACKAGE / f"project/inside/{name}.py").read_text()).body
            if isinstance(node, (ast.FunctionDef, ast.ClassDef))
        ]
        assert len(defined) == len(set(defined)), defined


@pytest.mark.parametrize("question", run._SCRIPTS)
def test_scripts_that_run_as_one_text_share_no_name(question: str) -> None:
    names: Counter[str] = Counter()
    for script in ("bootstrap", *run._SCRIPTS[question]):
        source = (PACKAGE / "project/inside" / f"{script}.py").read_text()
        for node in ast.parse(source).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                names[node.name] += 1
            elif isinstance(node, ast.Assign):
                names.update(ast.unparse(target) for target in node.targets)
    assert [name for name, times in names.items() if times > 1] == []

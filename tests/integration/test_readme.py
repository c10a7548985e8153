"""What the README says is run."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.conftest import Site, copy_of, site

__all__ = ["copy_of", "site"]  # the fixtures

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_readme_worked_example(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIGMERGE_VERIFY_SECONDS")
    (example,) = blocks("console")
    site.git("reset", "-q", "--hard", "HEAD^")
    steps = re.split(r"^\$ ", example, flags=re.MULTILINE)[1:]
    assert len(example.splitlines()) <= 22
    for step in steps:
        command, _, expected = step.partition("\n")
        arguments = shlex.split(command)
        if arguments[0] == "migmerge":
            arguments = [sys.executable, "-m", *arguments]
        done = subprocess.run(
            arguments,
            cwd=site.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert sorted(done.stdout.splitlines()) == sorted(expected.splitlines()), command


def test_readme_names_every_hook() -> None:
    hooks = re.findall(r"^- id: (\S+)", (ROOT / ".pre-commit-hooks.yaml").read_text(), re.MULTILINE)
    assert hooks == ["migmerge-check", "migmerge-report"]
    (configuration,) = blocks("yaml")
    assert all(f"- id: {hook}" in configuration for hook in hooks)


def test_readme_test_command_is_what_ci_runs() -> None:
    command = next(block for block in blocks("sh") if "pytest" in block)
    assert command.startswith("python -m venv .venv && ")
    assert "grep -F 'python -m venv .venv'" in (ROOT / ".ci/run").read_text()

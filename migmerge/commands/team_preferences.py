"""How the team likes it: asked on a terminal by `install`, written into the configuration."""

from __future__ import annotations

import os

from migmerge.config import Config
from migmerge.errors import UserError
from migmerge.git.base import find_base
from migmerge.git.repository import Repository, find_commit
from migmerge.install.marked_blocks import with_block
from migmerge.regular import read_regular
from migmerge.report.screen import has_terminal

_HABITS = {"m": "merge", "l": "renumber", "a": "auto"}


def ask_preferences(repository: Repository, config: Config) -> tuple[str, bytes] | None:
    """The configuration file and its new bytes; None where nothing is to be asked.

    Only on a terminal, and only of a repository that has no configuration of ours.
    """
    if config != Config() or not has_terminal():
        return None

    print("How does your team resolve conflicts?")
    habit = _answer("[m]erge migrations, [l]inear history, [a]uto-detect", "a")
    if habit[:1] not in _HABITS:
        raise UserError("options", f"no such answer: {habit}", "m, l or a")

    base_branch = find_base(repository, None, None)
    base = _answer("Which branch has what is published?", base_branch.name if base_branch else "")
    if base and not find_commit(repository, base):
        raise UserError(
            "unknown-ref", f"no such branch: {base}", "git branch --all shows the names"
        )
    lines = {"prefer": _HABITS[habit[:1]], "base": base}
    return _written(repository, {key: value for key, value in lines.items() if value})


def is_preference(line: bytes) -> bool:
    """Whether a line, without the blanks around it, is one that `ask_preferences` writes."""
    key = line.partition(b"=")[0].strip()
    return line in (b"[tool.migmerge]", b"[migmerge]") or key in (b"prefer", b"base")


def _answer(question: str, default: str) -> str:
    try:
        return input(f"{question} [{default}] ").strip() or default
    except EOFError:
        return default


def _written(repository: Repository, values: dict[str, str]) -> tuple[str, bytes]:
    """Into pyproject.toml where there is one; else setup.cfg, which means nothing to others."""
    path = os.path.join(repository.root, "pyproject.toml")
    toml = os.path.exists(path)
    if not toml:
        path = os.path.join(repository.root, "setup.cfg")
    quote = '"' if toml else ""
    lines = ["[tool.migmerge]" if toml else "[migmerge]"]
    lines += [f"{key} = {quote}{value}{quote}" for key, value in values.items()]
    return path, with_block(read_regular(path), lines)

"""Hook managers: where husky, lefthook and a tracked hooks directory keep a repository's hooks."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import NamedTuple

from migmerge.git.repository import Repository
from migmerge.install.hooks import (
    NAMES,
    Hook,
    block_lines,
    command,
    is_block_line,
    read_hook,
    script,
)
from migmerge.install.marked_blocks import BEGIN, NotEditable, block, without_blocks
from migmerge.install.merge_driver_config import git_place
from migmerge.regular import read_regular

LEFTHOOK = ("lefthook.yml", "lefthook.yaml", ".lefthook.yml", ".lefthook.yaml")
_SHELL = re.compile(rb"#!.*\b(?:ba|da|k|z)?sh\b")
_OUR_LINE = "migmerge check"


class Manager(NamedTuple):
    """`kind` is `husky`, `tracked` (a hooks directory that is part of the repository), `lefthook`
    or empty; `place` is the directory of its scripts, or its configuration file."""

    kind: str = ""
    place: str = ""


def find_manager(repository: Repository) -> Manager:
    """Who writes the hooks of a repository that has a work tree."""
    directory = git_place(repository, "hooks")
    inside = os.path.relpath(directory, repository.root).replace(os.sep, "/")
    parts = inside.split("/")
    if ".husky" in parts and parts[0] != "..":
        place = parts[: parts.index(".husky") + 1]
        return Manager("husky", os.path.join(repository.root, *place))
    if parts[0] != ".." and ".git" not in parts:
        return Manager("tracked", directory)

    for name in LEFTHOOK:
        path = os.path.join(repository.root, name)
        if os.path.isfile(path):
            return Manager("lefthook", path)

    return Manager()


def shared_script(path: str, source: bytes | None) -> bytes | NotEditable:
    """A hook that is part of the repository, with our check as its first step."""
    name = os.path.basename(path)
    if source is None:
        return script(name).encode()
    if runs_us(path):
        return source
    edited = _with_first_step(source, block_lines(name))
    return NotEditable("it is no shell script") if edited is None else edited


def _with_first_step(source: bytes, lines: list[str]) -> bytes | None:
    """A shell script with a block behind its first line; None for any other file."""
    first, newline, rest = source.partition(b"\n")
    if not first.startswith(b"#!"):
        return None if b"\0" in source else block(lines) + source
    if not _SHELL.match(first):
        return None
    return first + (newline or b"\n") + block(lines) + rest


def with_check(hook: Hook, python: str) -> bytes | None:
    """A native hook of somebody else's with our check as its first step; None where it is no shell
    script that runs, or is a symbolic link."""
    if not hook.executable or os.path.islink(hook.path):
        return None
    source = read_regular(hook.path)
    plain = without_check(source)
    return None if not plain else _with_first_step(plain, block_lines(hook.name, python))


def without_check(source: bytes | None) -> bytes | None:
    """A script without our check; other lines between our marks stay."""
    return without_blocks(source, is_block_line)


def runs_us(path: str) -> bool:
    """Whether a hook's script runs our check."""
    hook = read_hook(path)
    return hook.kind in ("ours", "chained") or BEGIN.decode() in hook.text or (
        _OUR_LINE in hook.text)  # fmt: skip


def lefthook_names(source: bytes) -> list[str]:
    """Those of our hooks that lefthook's configuration has, so that lefthook writes them."""
    text = source.decode("utf-8", "replace")
    return [name for name in NAMES if re.search(rf"^{name}[ \t]*:", text, re.MULTILINE)]


def lefthook_lines(names: Iterable[str]) -> list[str]:
    """What to add to lefthook's configuration by hand."""
    lines = []
    for name in names:
        lines += [f"{name}:", "  commands:", "    migmerge:", f"      run: {_shared_command(name)}"]
    return lines


def _shared_command(name: str) -> str:
    """Quoted for YAML; where migmerge is not on PATH it says so, and goes on."""
    echo = "echo 'migmerge: migrations were not checked: it is not on PATH'"
    return f'"command -v migmerge >/dev/null || {{ {echo}; exit 0; }}; {command(name)}"'


def with_lefthook(source: bytes) -> bytes | NotEditable:
    """lefthook's configuration with our check among the commands of each of our hooks that it
    has. All other bytes stay."""
    try:
        from ruamel.yaml import YAML  # of the extra `install`
        from ruamel.yaml.error import YAMLError
    except ImportError:
        return NotEditable("ruamel.yaml is not installed (pip install migmerge[install])")

    yaml = YAML()
    lines = source.splitlines(keepends=True)
    newline = b"\r\n" if b"\r\n" in source else b"\n"
    try:
        before = yaml.load(source)
        before.items()  # AttributeError for what is no mapping
        wanted = [n for n in NAMES if n in before and _OUR_LINE not in str(before[n])]
        # from the end, so that the lines above keep their numbers
        for name in sorted(wanted, key=lambda n: -before.lc.data[n][0]):
            line, added = _lefthook_entry(before[name], name)
            lines.insert(line, block(added, newline))

        result = b"".join(lines)
        after = yaml.load(result)
    except (YAMLError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        return NotEditable("its hooks are no plain mappings")

    for name in wanted:
        if _without_ours(after[name]) != _without_ours(before[name]):
            return NotEditable("it would not be the same afterwards")
        if command(name) not in str(after[name]):
            return NotEditable("its hooks are no plain mappings")

    others = {key: value for key, value in after.items() if key not in wanted}
    if others != {key: value for key, value in before.items() if key not in wanted}:
        return NotEditable("it would not be the same afterwards")
    return result


def _lefthook_entry(hook: object, name: str) -> tuple[int, list[str]]:
    """The line before which our lines go, and these."""
    if "commands" in hook:  # type: ignore[operator]  # a TypeError is reported
        line, column = _first(hook["commands"])  # type: ignore[index]
        return line, _indented(column, ["migmerge:", f"  run: {_shared_command(name)}"])
    if "jobs" in hook:  # type: ignore[operator]
        line, column = hook["jobs"].lc.data[0]  # type: ignore[index]
        dash = hook["jobs"].lc.col  # type: ignore[index]
        pad = " " * (column - dash - 1)
        entry = [f"-{pad}name: migmerge", f" {pad}run: {_shared_command(name)}"]
        return line, _indented(dash, entry)

    line, column = _first(hook)
    return line, _indented(
        column, ["commands:", "  migmerge:", f"    run: {_shared_command(name)}"]
    )


def _first(mapping: object) -> tuple[int, int]:
    """Line and column of a mapping's first key; ValueError for one in braces."""
    places = mapping.lc.data.values()  # type: ignore[attr-defined]
    if mapping.fa.flow_style():  # type: ignore[attr-defined]
        raise ValueError("in braces")
    line, column = min((place[0], place[1]) for place in places)
    return line, column


def _indented(column: int, lines: list[str]) -> list[str]:
    return [" " * column + line for line in lines]


def _without_ours(hook: object) -> object:
    """A hook's settings without our command."""
    settings = dict(hook.items())  # type: ignore[attr-defined]
    if "commands" in settings:
        settings["commands"] = {k: v for k, v in settings["commands"].items() if k != "migmerge"}
    if not settings.get("commands"):
        settings.pop("commands", None)
    if "jobs" in settings:
        settings["jobs"] = [job for job in settings["jobs"] if job.get("name") != "migmerge"]
    return settings

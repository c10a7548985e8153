"""The configuration of pre-commit and prek: our hooks added to it, every other byte kept."""

from __future__ import annotations

import codecs
import re

from migmerge import __version__
from migmerge.install.marked_blocks import NotEditable, block

CONFIG = ".pre-commit-config.yaml"
TYPES = ("pre-commit", "pre-merge-commit", "post-merge", "post-rewrite", "pre-push")
CHECK = "migmerge-check"
REPOSITORY = "https://github.com/migmerge/migmerge"
_TYPES = f"default_install_hook_types: [{', '.join(TYPES)}]"
_LISTED = re.compile(
    r"^default_install_hook_types:[ \t]*(\[[^\]]*\]|(?:\r?\n[ \t]*-[^\r\n]*)+)", re.MULTILINE
)


def entry(width: int = 2) -> list[str]:
    """Our entry of `repos`; `width` is that of a dash with its blanks (pre-commit's own is 4)."""
    pad = " " * width
    dash = f"-{' ' * (width - 1)}"
    item = f"{pad}{pad if width == 2 else ''}{dash}id: "
    return [
        f"{dash}repo: {REPOSITORY}",
        f"{pad}rev: v{__version__}",
        f"{pad}hooks:",
        f"{item}{CHECK}",
        f"{item}migmerge-report",
    ]


def is_our_line(line: bytes) -> bool:
    """Whether a line, without the blanks around it, is of our entry, whichever version wrote it."""
    text = line.decode("utf-8", "replace").lstrip("- ")
    entry_lines = {each.lstrip("- ").partition(" v")[0] for each in entry()}
    return text.partition(" v")[0] in entry_lines or text.startswith("default_install_hook_types:")


def snippet(source: bytes | None) -> list[str]:
    """All that is to be added by hand: types that are missing, and our entry."""
    listed = [*_listed_types(source or b""), *missing_types(source or b"")]
    return [
        f"default_install_hook_types: [{', '.join(listed)}]",
        "repos:",
        *(f"  {line}" for line in entry()),
    ]


def with_hooks(source: bytes) -> bytes | NotEditable:
    """The configuration with our entry as the first of `repos`.

    Read by ruamel.yaml before and after: all that was there is there afterwards.
    """
    try:
        from ruamel.yaml import YAML  # of the extra `install`
        from ruamel.yaml.error import YAMLError
    except ImportError:
        return NotEditable("ruamel.yaml is not installed (pip install migmerge[install])")

    yaml = YAML()
    try:
        before = yaml.load(source)
        repos = before["repos"]
        line, column = repos.lc.data[0]
        first = min(place[0] for place in before.lc.data.values())
    except (YAMLError, ValueError, KeyError, TypeError, AttributeError):
        return NotEditable("its repos are no plain list")

    if not all(isinstance(repo, dict) for repo in repos) or source.startswith(codecs.BOM_UTF8):
        return NotEditable("its repos are no plain list")
    if any(_is_ours(repo) for repo in repos):
        return source

    lines = source.splitlines(keepends=True)
    newline = b"\r\n" if b"\r\n" in source else b"\n"
    dash = len(lines[line]) - len(lines[line].lstrip())
    if not lines[line].lstrip().startswith(b"-"):
        return NotEditable("its repos are no plain list")

    entry_lines = entry(column - dash)
    lines.insert(line, block(entry_lines, newline, indent=lines[line][:dash].decode()))
    if "default_install_hook_types" not in before:
        lines.insert(first, block([_TYPES], newline))
    result = b"".join(lines)
    try:
        after = yaml.load(result)
    except YAMLError:
        return NotEditable("it would not be valid afterwards")

    kept = {key: value for key, value in after.items() if key in before}
    if {**kept, "repos": after["repos"][1:]} != before:
        return NotEditable("it would not be the same afterwards")
    return result


def _is_ours(repo: dict[str, object]) -> bool:
    """Whether an entry of `repos` runs our check, from wherever it is installed."""
    hooks = repo.get("hooks")
    listed = hooks if isinstance(hooks, list) else []
    return any(isinstance(hook, dict) and hook.get("id") == CHECK for hook in listed)


def missing_types(source: bytes) -> list[str]:
    """Hook types that `default_install_hook_types` should have and hasn't."""
    listed = _listed_types(source)
    return [kind for kind in TYPES if kind not in listed]


def _listed_types(source: bytes) -> list[str]:
    match = _LISTED.search(source.decode("utf-8", "replace"))
    return re.findall(r"[\w-]+", match[1]) if match else []

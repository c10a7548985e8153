"""The configuration of pre-commit and prek: our hooks added to it, every other byte kept."""

from __future__ import annotations

import codecs
import re

from migmerge import __version__
from migmerge.git.blocks import block

CONFIG = ".pre-commit-config.yaml"
TYPES = ("pre-commit", "pre-merge-commit", "post-merge", "post-rewrite", "pre-push")
CHECK = "migmerge-check"
REPOSITORY = "https://github.com/migmerge/migmerge"
_TYPES = f"default_install_hook_types: [{', '.join(TYPES)}]"
_LISTED = re.compile(
    r"^default_install_hook_types:[ \t]*(\[[^\]]*\]|(?:\r?\n[ \t]*-[^\r\n]*)+)", re.MULTILINE
)
ENTRY = (
    f"- repo: {REPOSITORY}",
    f"  rev: v{__version__}",
    "  hooks:",
    f"    - id: {CHECK}",
    "    - id: migmerge-report",
)


def with_hooks(source: bytes) -> bytes | str:
    """The configuration with our entry as the first of `repos`; a string says why it can't be.

    Read by ruamel.yaml before and after: all that was there is there afterwards.
    """
    try:
        from ruamel.yaml import YAML  # of the extra `install`
        from ruamel.yaml.error import YAMLError
    except ImportError:
        return "ruamel.yaml is not installed (pip install migmerge[install])"
    yaml = YAML()
    try:
        before = yaml.load(source)
        repos = before["repos"]
        line, column = repos.lc.data[0]
        first = min(place[0] for place in before.lc.data.values())
    except (YAMLError, ValueError, KeyError, TypeError, AttributeError):
        return "its repos are no plain list"
    if not all(isinstance(repo, dict) for repo in repos) or source.startswith(codecs.BOM_UTF8):
        return "its repos are no plain list"
    if any(_is_ours(repo) for repo in repos):
        return source
    lines = source.splitlines(keepends=True)
    newline = b"\r\n" if b"\r\n" in source else b"\n"
    indent = lines[line][: column - 2].decode()
    if indent.strip() or not lines[line].lstrip().startswith(b"-"):
        return "its repos are no plain list"
    lines.insert(line, block(ENTRY, newline, indent=indent))
    if "default_install_hook_types" not in before:
        lines.insert(first, block([_TYPES], newline))
    result = b"".join(lines)
    try:
        after = yaml.load(result)
    except YAMLError:
        return "it would not be valid afterwards"
    kept = {key: value for key, value in after.items() if key in before}
    if {**kept, "repos": after["repos"][1:]} != before:
        return "it would not be the same afterwards"
    return result


def _is_ours(repo: dict[str, object]) -> bool:
    """Whether an entry of `repos` runs our check, from wherever it is installed."""
    hooks = repo.get("hooks")
    listed = hooks if isinstance(hooks, list) else []
    return any(isinstance(hook, dict) and hook.get("id") == CHECK for hook in listed)


def missing_types(source: bytes) -> list[str]:
    """Hook types that `default_install_hook_types` should have and hasn't."""
    text = source.decode("utf-8", "replace")
    match = _LISTED.search(text)
    listed = re.findall(r"[\w-]+", match[1]) if match else []
    return [kind for kind in TYPES if kind not in listed]

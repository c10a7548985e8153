"""The hook scripts, and how they stand beside hooks that were there."""

from __future__ import annotations

import os
import re
import shlex
from typing import NamedTuple

# the local configuration names the interpreter for scripts that are shared by committing them
PYTHON_KEY = "migmerge.python"
_SHARED = f'"$(git config --get {PYTHON_KEY} || :)"'
_CHECK = """\
python={python}
if [ -x "$python" ]; then
  code=0
  # isolated (-I): what is in the work tree is never imported
  "$python" -I -c 'import sys
try:
    from migmerge.cli import main
except ImportError:
    sys.exit(127)
sys.exit(main(sys.argv[1:]))' check {options} || code=$?
  [ $code -eq 127 ] || exit $code
fi
command -v migmerge >/dev/null 2>&1 && exec migmerge check {options}
echo "migmerge: migrations were not checked: no migmerge at '$python' or on PATH" >&2
"""
_CHAINED = """\
#!/bin/sh
# migmerge: first the hook that was here before
before="$(dirname "$0")/{name}{suffix}"
if [ -x "$before" ]; then "$before" "$@" || exit; fi
"""
SUFFIX = ".before-migmerge"
_STOP = "# Stop a {} whose Django migrations collide. Skip once: MIGMERGE=0 git ...\n"
_TELL = "# After a {}, tell what to run about Django migrations that collide; never fails.\n"


class _Kind(NamedTuple):
    """What a hook says of itself, and the options of its check."""

    comment: str
    options: str


_KINDS = {
    "pre-commit": _Kind(_STOP.format("commit"), "--staged"),
    "pre-merge-commit": _Kind(_STOP.format("merge"), "--staged"),
    "post-merge": _Kind(_TELL.format("merge"), "--exit-zero"),
    "post-rewrite": _Kind(_TELL.format("rebase or an amended commit"), "--exit-zero"),
}
NAMES = tuple(_KINDS)
_PYTHON = re.compile(r"^python=.*$", re.MULTILINE)
# what version 0.1 wrote
_BEFORE = "command -v migmerge >/dev/null 2>&1 || exit 0\nexec migmerge check {}\n"


class Hook(NamedTuple):
    """What stands at a hook's place: `nothing`, `ours`, `chained` or `foreign`; `text` is its
    source."""

    name: str
    path: str
    kind: str
    executable: bool
    text: str = ""


def script(name: str, python: str = "") -> str:
    """A hook that runs the check by this interpreter, else by the one that the configuration
    names; where there is none, by what is on PATH."""
    return f"#!/bin/sh\n{_body(name, python)}"


def chained(name: str, python: str = "") -> str:
    """The same for a place where another hook was, which then runs first."""
    return _CHAINED.format(name=name, suffix=SUFFIX) + _body(name, python)


def block_lines(name: str) -> list[str]:
    """The same as lines to be put into a script of somebody else's, which goes on after them."""
    return ["(", *_body(name, "").splitlines(), ") || exit $?"]


def command(name: str) -> str:
    """The check of a hook in one line, for hook managers that run commands."""
    return f"migmerge check {_KINDS[name].options}"


def _body(name: str, python: str) -> str:
    kind = _KINDS[name]
    quoted = shlex.quote(python) if python else _SHARED
    return kind.comment + _CHECK.format(python=quoted, options=kind.options)


def read_hooks(directory: str) -> list[Hook]:
    """The four hooks of a hooks directory."""
    return [read_hook(os.path.join(directory, name)) for name in NAMES]


def read_hook(path: str) -> Hook:
    """The hook at a path, whichever interpreter one of ours names."""
    name = os.path.basename(path)
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            text = handle.read()
    except OSError:
        kind = "foreign" if os.path.lexists(path) else "nothing"  # a link that leads nowhere
        return Hook(name, path, kind, executable=False)
    plain = _PYTHON.sub("python=", text)
    known = {_PYTHON.sub("python=", script(name)): "ours"}
    known[_PYTHON.sub("python=", chained(name))] = "chained"
    old = _KINDS[name].comment + _BEFORE.format(_KINDS[name].options)
    known[f"#!/bin/sh\n{old}"] = "ours"
    known[_CHAINED.format(name=name, suffix=SUFFIX) + old] = "chained"
    return Hook(name, path, known.get(plain, "foreign"), os.access(path, os.X_OK), text)


def interpreter_of_hook(text: str) -> str:
    """The interpreter that one of our scripts names; empty where the configuration does."""
    match = _PYTHON.search(text)
    if not match or "$(" in match[0]:
        return ""
    try:
        return shlex.split(match[0])[0].removeprefix("python=")
    except ValueError:  # somebody edited it
        return ""

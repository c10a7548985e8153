"""The hook scripts, and how they stand beside hooks that were there."""

from __future__ import annotations

import os
import re
import shlex
from typing import NamedTuple

from migmerge.errors import UserError
from migmerge.regular import read_regular

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
command -v migmerge >/dev/null 2>&1 && PYTHONPATH= exec migmerge check {options}
echo "migmerge: migrations were not checked: no migmerge at '$python' or on PATH" >&2
"""
_CHAINED = """\
#!/bin/sh
# migmerge: first the hook that was here before
before="$(dirname "$0")/{name}{suffix}"
# under its own name, by which it may go
own="$(dirname "$0")/before-migmerge/{name}"
if [ -x "$own" ]; then "$own" "$@" || exit; elif [ -x "$before" ]; then "$before" "$@" || exit; fi
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
# what was written before: by version 0.1, and by those behind it
_CHAINED_BEFORE = """\
#!/bin/sh
# migmerge: first the hook that was here before
before="$(dirname "$0")/{name}{suffix}"
if [ -x "$before" ]; then "$before" "$@" || exit; fi
"""
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


def block_lines(name: str, python: str = "") -> list[str]:
    """The same as lines to be put into a script of somebody else's, which goes on after them."""
    return ["(", *_body(name, python).splitlines(), ") </dev/null || exit $?"]


def is_block_line(line: bytes) -> bool:
    """Whether a line, without the blanks around it, is one of `block_lines`."""
    block_lines_of_all = {each.strip().encode() for name in NAMES for each in block_lines(name)}
    return line in block_lines_of_all or line.startswith(b"python=") or line == b") || exit $?"


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
        data = read_regular(path)
    except (OSError, UserError):
        data = None

    if data is None:
        kind = "foreign" if os.path.lexists(path) else "nothing"  # a link that leads nowhere
        return Hook(name, path, kind, executable=False)

    text = data.decode("utf-8", "replace")
    plain = _PYTHON.sub("python=", text)
    now = _PYTHON.sub("python=", _body(name, ""))
    old = _KINDS[name].comment + _BEFORE.format(_KINDS[name].options)
    bodies = (now, now.replace("PYTHONPATH= exec", "exec"), old)
    heads = [head.format(name=name, suffix=SUFFIX) for head in (_CHAINED, _CHAINED_BEFORE)]
    kinds = {f"#!/bin/sh\n{body}": "ours" for body in bodies}
    kinds |= {head + body: "chained" for head in heads for body in bodies}
    return Hook(name, path, kinds.get(plain, "foreign"), os.access(path, os.X_OK), text)


def interpreter_of_hook(text: str) -> str:
    """The interpreter that one of our scripts names; empty where the configuration does."""
    match = _PYTHON.search(text)
    if not match or "$(" in match[0]:
        return ""
    try:
        return shlex.split(match[0])[0].removeprefix("python=")
    except ValueError:  # somebody edited it
        return ""

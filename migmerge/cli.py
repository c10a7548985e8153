"""The command line, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from migmerge import __version__
from migmerge.arguments import make_parser
from migmerge.errors import UserError
from migmerge.exit_codes import BUG, CANNOT_LOOK, FOUND, INTERRUPTED, OK
from migmerge.git.process import GitError

_BUG = "https://github.com/migmerge/migmerge/issues"


def main(argv: Sequence[str] | None = None) -> int:
    """Run `migmerge argv`; the exit code as DESIGN section 4 has it."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # `>&-` leaves none
            # names from the repository may not fit the terminal's encoding
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]

    arguments = _arguments(sys.argv[1:] if argv is None else argv)
    always_zero = getattr(arguments, "exit_zero", False)
    try:
        code = _run(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
        return OK if always_zero else code
    except UserError as error:
        _print_error(error.kind, error.message, error.hint)
        return OK if always_zero else CANNOT_LOOK
    except KeyboardInterrupt as stop:
        from migmerge.report.screen import printable  # only an interruption needs it

        state = printable(str(stop) or "nothing was changed")
        print(f"migmerge: interrupted; {state}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return FOUND
    except GitError as error:
        _print_error("git", f"git failed: {error.reason}", "git status, and git fsck, say more")
        return OK if always_zero else CANNOT_LOOK
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        _print_error("system", f"the system refused{where}: {error.strerror or error}", "")
        return OK if always_zero else CANNOT_LOOK
    except Exception as error:  # the one boundary
        if isinstance(error, RecursionError) and _is_about_source(error):
            what = "a migration is nested too deeply to be read"
            _print_error("nested", what, "leave it out with exclude in [tool.migmerge]")
            return OK if always_zero else CANNOT_LOOK
        _report_bug(error)
        return OK if always_zero else BUG


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    if list(argv[:1]) == ["merge-driver"]:  # a path of git's may look like an option
        return argparse.Namespace(command="merge-driver", files=argv[1:])
    parser = make_parser()
    if "_ARGCOMPLETE" in os.environ:  # a shell that asks what may come next
        from migmerge.commands.completing import complete

        complete(parser)
    return parser.parse_args(argv)


def _print_error(kind: str, message: str, hint: str) -> None:
    from migmerge.report.messages import error_text  # only an error needs it

    print(error_text(kind, message, hint), end="", file=sys.stderr)


def _is_about_source(error: BaseException) -> bool:
    """Whether code that follows a migration's syntax tree was running."""
    trace = error.__traceback__
    while trace is not None:
        name = str(trace.tb_frame.f_globals.get("__name__"))
        if name == "ast" or name.startswith(("libcst", "migmerge.migrations")):
            return True
        trace = trace.tb_next
    return False


def _report_bug(error: Exception) -> None:
    """The traceback goes to a file, for the report; on the screen are two lines."""
    import platform  # only a bug needs these
    import tempfile
    import traceback

    from migmerge.report.screen import printable

    what = printable(f"{type(error).__name__}: {error}")
    print(f"migmerge: a bug in migmerge: {what}", file=sys.stderr)
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="migmerge-", suffix=".log", delete=False, encoding="utf-8",
            errors="backslashreplace",
        ) as log:  # fmt: skip
            print(f"migmerge {__version__}, Python {platform.python_version()}", file=log)
            print(f"{platform.platform()}\narguments: {sys.argv[1:]}\n", file=log)
            traceback.print_exception(error, file=log)

        print(f"hint: the traceback is in {log.name}; please report it: {_BUG}", file=sys.stderr)
    except OSError:
        traceback.print_exception(error)


class _Command(NamedTuple):
    """Where a command is, and the type of its options, in a module of `commands/`."""

    module: str
    function: str
    options: str


# a module is imported when its command runs
_COMMANDS = {
    "check": _Command("check", "check", "CheckOptions"),
    "db reconcile": _Command("db", "reconcile", "DbOptions"),
    "db status": _Command("db", "status", "DbOptions"),
    "doctor": _Command("doctor", "doctor", "DoctorOptions"),
    "explain": _Command("explain", "explain", "ExplainOptions"),
    "fix": _Command("fix", "fix", "FixOptions"),
    "forecast": _Command("forecast", "forecast", "ForecastOptions"),
    "graph": _Command("graph", "graph", "GraphOptions"),
    "install": _Command("install", "install", "InstallOptions"),
    "merge": _Command("git_merge", "merge", "GitOptions"),
    "rebase": _Command("git_merge", "rebase", "GitOptions"),
    "reset": _Command("reset", "reset", "ResetOptions"),
    "transition": _Command("transition", "transition", "FixOptions"),
    "undo": _Command("undo", "undo", "UndoOptions"),
    "uninstall": _Command("install", "uninstall", "InstallOptions"),
    "verify": _Command("verify", "verify", "VerifyOptions"),
}
# syntax trees have no cycles, and looking for some in them takes a tenth of the time
_READING_ONLY = ("check", "forecast", "graph")


def _run(arguments: argparse.Namespace) -> int:
    name = arguments.command
    if name is None:
        make_parser().print_help()
        return CANNOT_LOOK
    if name == "help":
        return _help(arguments.topic)
    if name == "merge-driver":
        from migmerge.commands.merge_driver import merge_driver  # one command's imports only

        return merge_driver(arguments.files)

    for_hooks = getattr(arguments, "staged", False) or getattr(arguments, "exit_zero", False)
    if name == "check" and for_hooks and os.environ.get("MIGMERGE") == "0":
        return 0  # switched off for hooks
    if name in _READING_ONLY:
        gc.disable()
    if name in ("merge", "rebase") and sys.stdout is not None:
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # git writes, too

    command = _COMMANDS[f"db {arguments.action}" if name == "db" else name]
    module = importlib.import_module(f"migmerge.commands.{command.module}")
    run: Callable[[tuple[Any, ...]], int] = getattr(module, command.function)
    return run(_options(getattr(module, command.options), arguments))


def _options(kind: Any, arguments: argparse.Namespace) -> tuple[Any, ...]:
    """The command's own options: each field is the argument of that name, lists as tuples."""
    given = {name: value for name, value in vars(arguments).items() if name in kind._fields}
    frozen = {name: tuple(v) if isinstance(v, list) else v for name, v in given.items()}
    options: tuple[Any, ...] = kind(**frozen)
    return options


def _help(topic: list[str]) -> int:
    """`migmerge help COMMAND` is `migmerge COMMAND --help`."""
    if topic[:1] in (["merge"], ["rebase"]):  # whose options are git's
        make_parser().print_help()
        return 0
    try:
        make_parser().parse_args([*topic, "--help"])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0

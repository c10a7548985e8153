"""The command line, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Sequence

from migmerge.arguments import make_parser
from migmerge.errors import UserError
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
        return 0 if always_zero else code
    except UserError as error:
        _tell(error.kind, error.message, error.hint)
        return 0 if always_zero else 2
    except KeyboardInterrupt as stop:
        from migmerge.report.screen import printable  # only an interruption needs it

        told = printable(str(stop) or "nothing was changed")
        print(f"migmerge: interrupted; {told}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except GitError as error:
        _tell("git", f"git failed: {error.reason}", "git status, and git fsck, say more")
        return 0 if always_zero else 2
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        _tell("system", f"the system refused{where}: {error.strerror or error}", "")
        return 0 if always_zero else 2
    except RecursionError:  # no code of ours goes deeper than what it reads
        what = "a migration is nested too deeply to be read"
        _tell("nested", what, "leave it out with exclude in [tool.migmerge]")
        return 0 if always_zero else 2
    except Exception as error:  # the one boundary
        _report_bug(error)
        return 0 if always_zero else 3


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    if list(argv[:1]) == ["merge-driver"]:  # a path of git's may look like an option
        return argparse.Namespace(command="merge-driver", files=argv[1:])
    parser = make_parser()
    if "_ARGCOMPLETE" in os.environ:  # a shell that asks what may come next
        from migmerge.commands.completing import complete

        complete(parser)
    return parser.parse_args(argv)


def _tell(kind: str, message: str, hint: str) -> None:
    from migmerge.report.messages import error_text  # only an error needs it

    print(error_text(kind, message, hint), end="", file=sys.stderr)


def _report_bug(error: Exception) -> None:
    if os.environ.get("MIGMERGE_TRACEBACK"):
        raise error
    from migmerge.report.screen import printable  # only a bug needs it

    told = printable(f"{type(error).__name__}: {error}")
    print(f"migmerge: a bug in migmerge: {told}", file=sys.stderr)
    print(f"hint: run again with MIGMERGE_TRACEBACK=1 and report it: {_BUG}", file=sys.stderr)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.command == "check":
        return _check(arguments)
    if arguments.command == "undo":
        return _undo(arguments)
    if arguments.command == "explain":
        from migmerge.commands.explain import ExplainOptions, explain  # one command's imports only

        return explain(ExplainOptions(tuple(arguments.names)))
    if arguments.command == "graph":
        return _graph(arguments)
    if arguments.command == "forecast":
        return _forecast(arguments)
    if arguments.command in ("merge", "rebase"):
        return _within(arguments)
    if arguments.command == "doctor":
        return _doctor(arguments)
    if arguments.command == "reset":
        return _reset(arguments)
    if arguments.command == "verify":
        return _verify(arguments)
    if arguments.command == "db":
        return _db(arguments)
    if arguments.command in ("install", "uninstall"):
        return _install(arguments)
    if arguments.command == "transition":
        return _transition(arguments)
    if arguments.command == "merge-driver":
        from migmerge.commands.merge_driver import merge_driver  # one command's imports only

        return merge_driver(arguments.files)
    return _fix(arguments)


def _check(arguments: argparse.Namespace) -> int:
    from migmerge.commands.check import CheckOptions, check  # one command's imports only

    if os.environ.get("MIGMERGE") == "0" and (arguments.staged or arguments.exit_zero):
        return 0  # switched off for hooks
    gc.disable()  # syntax trees have no cycles, and looking for some in them takes a tenth
    return check(
        CheckOptions(
            arguments.directory,
            arguments.config,
            tuple(arguments.paths),
            arguments.staged,
            arguments.rev,
            tuple(arguments.against),
            arguments.base,
            arguments.format,
            arguments.exit_zero,
        )
    )


def _fix(arguments: argparse.Namespace) -> int:
    from migmerge.commands.fix import fix  # one command's imports only
    from migmerge.commands.fix_options import FixOptions

    return fix(
        FixOptions(
            arguments.directory,
            arguments.config,
            tuple(arguments.apps),
            arguments.strategy,
            tuple(arguments.move),
            arguments.take,
            arguments.keep_names,
            arguments.carry,
            arguments.base,
            arguments.dry_run,
            arguments.yes,
            arguments.commit,
            arguments.amend,
            not arguments.skip_verification,
            arguments.no_databases,
            tuple(arguments.database),
            arguments.allow_skipped,
            arguments.format,
        )
    )


def _transition(arguments: argparse.Namespace) -> int:
    from migmerge.commands.fix_options import FixOptions  # one command's imports only
    from migmerge.commands.transition import transition

    return transition(
        FixOptions(
            arguments.directory,
            arguments.config,
            tuple(arguments.apps),
            dry_run=arguments.dry_run,
            yes=arguments.yes,
            commit=arguments.commit,
            no_databases=arguments.no_databases,
            databases=tuple(arguments.database),
        )
    )


def _graph(arguments: argparse.Namespace) -> int:
    from migmerge.commands.graph import GraphOptions, graph  # one command's imports only

    gc.disable()  # as for a check
    return graph(
        GraphOptions(
            arguments.directory,
            arguments.config,
            tuple(arguments.apps),
            arguments.base,
            arguments.conflicts,
            arguments.format,
        )
    )


def _forecast(arguments: argparse.Namespace) -> int:
    from migmerge.commands.forecast import ForecastOptions, forecast  # one command's imports only

    gc.disable()  # as for a check
    return forecast(
        ForecastOptions(
            arguments.directory,
            arguments.config,
            tuple(arguments.refs),
            arguments.base,
            arguments.age,
            arguments.format,
        )
    )


def _undo(arguments: argparse.Namespace) -> int:
    from migmerge.commands.undo import UndoOptions, undo  # one command's imports only

    return undo(
        UndoOptions(
            arguments.directory,
            arguments.config,
            yes=arguments.yes,
            no_databases=arguments.no_databases,
            databases=tuple(arguments.database),
        )
    )


def _within(arguments: argparse.Namespace) -> int:
    from migmerge.commands.git_merge import GitOptions, merge, rebase  # one command's imports only

    run = merge if arguments.command == "merge" else rebase
    if sys.stdout is not None:
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # git writes, too
    return run(GitOptions(arguments.directory, arguments.config, tuple(arguments.arguments)))


def _doctor(arguments: argparse.Namespace) -> int:
    from migmerge.commands.doctor import DoctorOptions, doctor  # one command's imports only

    return doctor(DoctorOptions(arguments.directory, arguments.config, arguments.format))


def _verify(arguments: argparse.Namespace) -> int:
    from migmerge.commands.verify import VerifyOptions, verify  # one command's imports only

    return verify(
        VerifyOptions(
            arguments.directory,
            arguments.config,
            tuple(arguments.apps),
            arguments.database,
            arguments.base,
            arguments.format,
        )
    )


def _reset(arguments: argparse.Namespace) -> int:
    from migmerge.commands.reset import ResetOptions, reset, undo_reset

    if arguments.undo:
        return undo_reset(ResetOptions(arguments.directory, arguments.config))
    return reset(
        ResetOptions(
            arguments.directory,
            arguments.config,
            arguments.app,
            tuple(arguments.database),
            arguments.rows,
            arguments.lose_data_migrations,
            arguments.apply,
        )
    )


def _db(arguments: argparse.Namespace) -> int:
    from migmerge.commands.db import DbOptions, reconcile, status  # one command's imports only

    run = status if arguments.action == "status" else reconcile
    return run(
        DbOptions(
            arguments.directory,
            arguments.config,
            arguments.database,
            arguments.schema,
            arguments.yes,
            arguments.format,
        )
    )


def _install(arguments: argparse.Namespace) -> int:
    from migmerge.commands.install import (  # one command's imports only
        InstallOptions,
        install,
        uninstall,
    )

    run = install if arguments.command == "install" else uninstall
    return run(
        InstallOptions(
            arguments.directory,
            arguments.config,
            arguments.scope,
            arguments.shared,
            arguments.hooks,
            arguments.dry_run,
        )
    )

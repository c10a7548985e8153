"""The command line, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Sequence

from migmerge import __version__
from migmerge.errors import UserError

STRATEGIES = ("auto", "merge", "renumber", "regenerate")
FORMATS = ("text", "json", "github", "gitlab", "sarif")
PICTURES = ("text", "mermaid", "dot", "svg", "html")
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
        print(f"migmerge: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        return 0 if always_zero else 2
    except KeyboardInterrupt:
        print("migmerge: interrupted; nothing was changed", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except RecursionError:  # no code of ours goes deeper than what it reads
        print("migmerge: a migration is nested too deeply to be read", file=sys.stderr)
        print("hint: leave it out with exclude in [tool.migmerge]", file=sys.stderr)
        return 0 if always_zero else 2
    except Exception as error:  # the one boundary
        _report_bug(error)
        return 0 if always_zero else 3


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    if list(argv[:1]) == ["merge-driver"]:  # a path of git's may look like an option
        return argparse.Namespace(command="merge-driver", files=argv[1:])
    return _parser().parse_args(argv)


def _report_bug(error: Exception) -> None:
    if os.environ.get("MIGMERGE_TRACEBACK"):
        raise error
    print(f"migmerge: a bug in migmerge: {type(error).__name__}: {error}", file=sys.stderr)
    print(f"hint: run again with MIGMERGE_TRACEBACK=1 and report it: {_BUG}", file=sys.stderr)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.command == "check":
        return _check(arguments)
    if arguments.command == "undo":
        return _undo(arguments)
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
        )
    )


def _fix(arguments: argparse.Namespace) -> int:
    from migmerge.commands.fix import FixOptions, fix  # one command's imports only

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
            not arguments.no_verify,
            arguments.format,
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

    return undo(UndoOptions(arguments.directory))


def _within(arguments: argparse.Namespace) -> int:
    from migmerge.commands.within import GitOptions, merge, rebase  # one command's imports only

    run = merge if arguments.command == "merge" else rebase
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="migmerge", description="Resolve Django migration conflicts after a git merge."
    )
    parser.add_argument("--version", action="version", version=f"migmerge {__version__}")
    parser.add_argument("-C", dest="directory", metavar="DIR", default=".", help="run in DIR")
    parser.add_argument("--config", metavar="FILE", help="instead of pyproject.toml or setup.cfg")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_check(commands.add_parser("check", help="find migrations that collide"))
    _add_fix(commands.add_parser("fix", help="resolve what check finds"))
    _add_forecast(commands.add_parser("forecast", help="which open branches will collide"))
    _add_graph(commands.add_parser("graph", help="the migration graph as a picture"))
    for name in ("merge", "rebase"):
        within = commands.add_parser(
            name,
            help=f"git {name}, with the fix made part of it; all arguments are git's",
            prefix_chars="\0",  # whatever looks like an option is git's
            add_help=False,
        )
        within.add_argument("arguments", nargs="*", metavar="ARGUMENT")
    probing = commands.add_parser("doctor", help="does the whole chain work? what mends it?")
    probing.add_argument("--format", choices=("text", "json"), default="text")
    commands.add_parser("merge-driver", help="called by git: %%O %%A %%B %%L %%P %%S %%X %%Y")
    _add_install(commands.add_parser("install", help="wire the merge driver and hooks into git"))
    _add_install(commands.add_parser("uninstall", help="take both out again, without a trace"))
    _add_verify(commands.add_parser("verify", help="does every database reach one schema?"))
    _add_reset(commands.add_parser("reset", help="make an app's migrations anew: the last resort"))
    _add_db(commands.add_parser("db", help="what databases have applied, against the files"))
    commands.add_parser("undo", help="take back the last fix, also one that was killed")
    return parser


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", metavar="PATH", help="only apps in or around PATH")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--staged", action="store_true", help="read the index (for hooks)")
    source.add_argument("--rev", metavar="REF", help="read a commit")
    source.add_argument(
        "--against",
        metavar="REF",
        nargs="?",
        const="",
        action="append",
        default=[],
        help="read what merging REF (CI's target branch if none is named) would give; repeatable",
    )
    parser.add_argument("--base", metavar="REF", help="the branch whose migrations are published")
    parser.add_argument("--format", choices=FORMATS, default="text")
    parser.add_argument("--exit-zero", action="store_true", help="tell, but never fail")


def _add_fix(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("apps", nargs="*", metavar="APP", help="app labels; all when none is named")
    parser.add_argument("--strategy", choices=STRATEGIES, default="auto")
    parser.add_argument(
        "--move", action="append", default=[], metavar="NAME", help="the migration whose side moves"
    )
    parser.add_argument(
        "--take",
        metavar="ours|theirs|NAME",
        help="of what both sides set, take what this side, or NAME's side, says",
    )
    parser.add_argument("--keep-names", action="store_true", help="repoint without renaming")
    parser.add_argument(
        "--carry",
        action="store_true",
        help="let renamed files say `replaces`, for databases out of reach (see docs/databases.md)",
    )
    parser.add_argument("--base", metavar="REF", help="the branch whose migrations are published")
    parser.add_argument("--dry-run", action="store_true", help="show the change, write nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    done = parser.add_mutually_exclusive_group()
    done.add_argument("--commit", action="store_true", help="commit the result")
    done.add_argument("--amend", action="store_true", help="make it part of the last commit")
    parser.add_argument("--no-verify", action="store_true", help="do not ask the project's Django")
    parser.add_argument("--format", choices=("text", "json"), default="text")


def _add_graph(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("apps", nargs="*", metavar="APP", help="app labels; all when none is named")
    parser.add_argument("--conflicts", action="store_true", help="only what collides, and around")
    parser.add_argument("--base", metavar="REF", help="the branch whose migrations are published")
    parser.add_argument("--format", choices=PICTURES, default="text")


def _add_forecast(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "refs", nargs="*", metavar="REF", help="branches; all of origin's when none is named"
    )
    parser.add_argument("--base", metavar="REF", help="the branch that they will be merged into")
    parser.add_argument(
        "--age", metavar="DAYS", type=int, default=90, help="how old origin's may be (90)"
    )
    parser.add_argument("--format", choices=("text", "json", "html"), default="text")
    parser.add_argument("--exit-zero", action="store_true", help="tell, but never fail")


def _add_verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "apps", nargs="*", metavar="APP", help="app labels; all that differ if none"
    )
    parser.add_argument(
        "--database",
        metavar="sqlite|URL",
        default="sqlite",
        help="a server on which scratch databases are made and dropped",
    )
    parser.add_argument("--base", metavar="REF", help="the branch whose migrations are published")
    parser.add_argument("--format", choices=("text", "json"), default="text")


def _add_reset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("app", nargs="?", default="", metavar="APP", help="an app label")
    parser.add_argument(
        "--database",
        action="append",
        default=[],
        metavar="ALIAS|URL",
        help="a database whose rows are made anew, too; no other is touched",
    )
    parser.add_argument(
        "--rows",
        action="store_true",
        help="the milder form: the files stay, only rows are made anew",
    )
    parser.add_argument(
        "--lose-data-migrations", action="store_true", help="RunPython and RunSQL may go"
    )
    done = parser.add_mutually_exclusive_group()
    done.add_argument("--apply", action="store_true", help="do it; without this it is a plan")
    done.add_argument(
        "--undo", action="store_true", help="take the last reset back, files and rows"
    )


def _add_db(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    telling = actions.add_parser("status", help="renamed, missing, inconsistent; changes nothing")
    mending = actions.add_parser("reconcile", help="bring databases in line; a plan until --yes")
    for action in (telling, mending):
        action.add_argument(
            "--database",
            metavar="ALIAS|URL",
            default="",
            help="one of the settings' databases, or another (postgres://user@host/name)",
        )
        action.set_defaults(schema=False, yes=False, format="text")
    telling.add_argument("--schema", action="store_true", help="compare the tables, too")
    telling.add_argument("--format", choices=("text", "json"), default="text")
    mending.add_argument("--yes", action="store_true", help="do not ask")


def _add_install(parser: argparse.ArgumentParser) -> None:
    scope = parser.add_mutually_exclusive_group()
    for name, what in (
        ("local", "this repository (the default)"),
        ("global", "all repositories of this user"),
        ("worktree", "this worktree"),
    ):
        scope.add_argument(f"--{name}", dest="scope", action="store_const", const=name, help=what)
    parser.set_defaults(scope="local")
    parser.add_argument("--shared", action="store_true", help="attributes in .gitattributes")
    parser.add_argument("--hooks", choices=("auto", "native", "pre-commit", "none"), default="auto")
    parser.add_argument("--dry-run", action="store_true", help="show the change, write nothing")

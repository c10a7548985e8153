"""What the command line may say."""

from __future__ import annotations

import argparse

from migmerge import __version__

STRATEGIES = ("auto", "merge", "renumber", "regenerate")
FORMATS = ("text", "json", "github", "gitlab", "sarif")
PICTURES = ("text", "mermaid", "dot", "svg", "html")
EXAMPLES = {
    "check": "migmerge check --against origin/main",
    "fix": "migmerge fix shop --strategy renumber",
    "explain": "migmerge explain MM101",
    "forecast": "migmerge forecast --age 30 --format html > forecast.html",
    "graph": "migmerge graph shop --conflicts",
    "doctor": "migmerge doctor",
    "install": "migmerge install --dry-run",
    "uninstall": "migmerge uninstall --dry-run",
    "verify": "migmerge verify --database postgres://postgres@127.0.0.1",
    "reset": "migmerge reset shop --database default",
    "db": "migmerge db status --schema",
    "transition": "migmerge transition shop",
    "undo": "migmerge undo",
}


def make_parser() -> argparse.ArgumentParser:
    """The parser of `migmerge`, with all of its commands."""
    parser = argparse.ArgumentParser(
        prog="migmerge", description="Resolve Django migration conflicts after a git merge."
    )
    parser.add_argument("--version", action="version", version=f"migmerge {__version__}")
    parser.add_argument("-C", dest="directory", metavar="DIR", default=".", help="run in DIR")
    parser.add_argument("--config", metavar="FILE", help="instead of pyproject.toml or setup.cfg")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_check(commands.add_parser("check", help="find migrations that collide"))
    _add_fix(commands.add_parser("fix", help="resolve what check finds"))
    explaining = commands.add_parser("explain", help="what a finding means, and what to do")
    explaining.add_argument("names", nargs="*", metavar="MM101", help="ids or kinds")
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
    _add_transition(
        commands.add_parser("transition", help="drop old names that no database needs any more")
    )
    undoing = commands.add_parser("undo", help="take back the last fix, also one that was killed")
    undoing.add_argument("--yes", action="store_true", help="do not ask")
    _add_databases(undoing)
    for name, example in EXAMPLES.items():
        commands.choices[name].epilog = f"example: {example}"
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
    carry = parser.add_mutually_exclusive_group()
    carry.add_argument(
        "--carry",
        action="store_const",
        const="always",
        default="",
        help="renamed files keep their old names in `replaces`, so that migrate is all that any "
        "database needs (by default: unless no other database can have run them)",
    )
    carry.add_argument(
        "--no-carry",
        dest="carry",
        action="store_const",
        const="never",
        help="rename only: databases that ran an old name need migmerge db reconcile",
    )
    parser.add_argument("--base", metavar="REF", help="the branch whose migrations are published")
    parser.add_argument("--dry-run", action="store_true", help="show the change, write nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    done = parser.add_mutually_exclusive_group()
    done.add_argument("--commit", action="store_true", help="commit the result")
    done.add_argument("--amend", action="store_true", help="make it part of the last commit")
    parser.add_argument(
        "--skip-verification",
        "--no-verify",
        action="store_true",
        help="check the files only, not with the project's Django",
    )
    _add_databases(parser)
    parser.add_argument(
        "--allow-skipped",
        action="store_true",
        help="exit 0 also where a check could not run, as without Django",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text")


def _add_databases(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--no-databases", action="store_true", help="do not touch any configured database"
    )
    parser.add_argument(
        "--database",
        action="append",
        default=[],
        metavar="ALIAS",
        help="a configured database that is not on this machine may be changed, too; repeatable",
    )


def _add_transition(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("apps", nargs="*", metavar="APP", help="app labels; all when none is named")
    parser.add_argument("--dry-run", action="store_true", help="show the change, write nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--commit", action="store_true", help="commit the result")
    parser.add_argument(
        "--no-databases", action="store_true", help="look at none: you know that all have run it"
    )
    parser.add_argument(
        "--database",
        action="append",
        default=[],
        metavar="ALIAS",
        help="look at a configured database that is not on this machine, too; repeatable",
    )


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
            help="one of the settings' databases, or another (postgres://user@host/name); "
            "if none, all on this machine",
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

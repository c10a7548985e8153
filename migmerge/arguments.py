"""What the command line may say."""

from __future__ import annotations

import argparse

from migmerge import __version__

STRATEGIES = ("auto", "merge", "renumber", "regenerate")
FORMATS = ("text", "json", "github", "gitlab", "sarif")
PICTURES = ("text", "mermaid", "dot", "svg", "html")
_APPS = "app labels, or paths in or above apps; all when none is named"
EXAMPLES = {
    "check": "migmerge check --against origin/main",
    "fix": "migmerge fix shop --strategy renumber",
    "explain": "migmerge explain MM101",
    "forecast": "migmerge forecast --age 30 --format html > forecast.html",
    "graph": "migmerge graph shop --conflicts",
    "doctor": "migmerge doctor",
    "help": "migmerge help fix",
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
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    helping = commands.add_parser("help", help="print the help of a command")
    helping.add_argument(
        "topic", nargs="*", metavar="COMMAND", help="all commands if none is named"
    )
    _add_check(commands.add_parser("check", help="find migrations that collide"))
    _add_fix(commands.add_parser("fix", help="resolve what check finds"))
    explaining = commands.add_parser(
        "explain", help="explain a message: what it means, and what to do"
    )
    explaining.add_argument("names", nargs="*", metavar="MM101", help="ids or kinds")
    _add_forecast(commands.add_parser("forecast", help="show which open branches will collide"))
    _add_graph(commands.add_parser("graph", help="draw the migration graph"))
    for name in ("merge", "rebase"):
        within = commands.add_parser(
            name,
            help=f"run git {name} and make the fix part of its commits; all arguments are git's",
            prefix_chars="\0",  # whatever looks like an option is git's
            add_help=False,
        )
        within.add_argument("arguments", nargs="*", metavar="ARGUMENT")

    probing = commands.add_parser(
        "doctor", help="check the installation: merge driver, hooks, project, databases"
    )
    _add_format(probing, ("text", "json"))
    commands.add_parser("merge-driver", help="called by git: %%O %%A %%B %%L %%P %%S %%X %%Y")
    _add_install(commands.add_parser("install", help="add the merge driver and the hooks to git"))
    _add_install(commands.add_parser("uninstall", help="remove both again"))
    _add_verify(
        commands.add_parser(
            "verify", help="migrate scratch databases and compare their schema and rows"
        )
    )
    _add_reset(
        commands.add_parser(
            "reset", help="replace all migrations of an app by new ones; the last resort"
        )
    )
    _add_db(commands.add_parser("db", help="compare what databases have applied with the files"))
    _add_transition(
        commands.add_parser(
            "transition",
            help="remove the old names of renamed migrations, once no database needs them",
        )
    )
    undoing = commands.add_parser(
        "undo", help="restore the files, the index and the rows as they were before the last fix"
    )
    undoing.add_argument("--yes", action="store_true", help="do not ask")
    _add_databases(undoing)
    for name, example in EXAMPLES.items():
        commands.choices[name].epilog = f"example: {example}"

    _add_output(parser, quiet=False, verbose=False, color="auto")
    for name, command in commands.choices.items():
        if name not in ("help", "merge", "merge-driver", "rebase"):
            _add_output(command)  # they may stand on either side of the command
    return parser


def _add_output(parser: argparse.ArgumentParser, **defaults: object) -> None:
    def default(name: str) -> object:
        return defaults.get(name, argparse.SUPPRESS)

    how_much = parser.add_mutually_exclusive_group()
    how_much.add_argument(
        "-q", "--quiet", action="store_true", default=default("quiet"),
        help="print results and errors only, no notes",
    )  # fmt: skip
    how_much.add_argument(
        "-v", "--verbose", action="store_true", default=default("verbose"),
        help="check: print what was read, too",
    )  # fmt: skip
    parser.add_argument(
        "--color", choices=("auto", "always", "never"), default=default("color"),
        help="check and doctor: auto (the default) is on a terminal, unless NO_COLOR is set",
    )  # fmt: skip


def _add_format(parser: argparse.ArgumentParser, formats: tuple[str, ...]) -> None:
    parser.add_argument(
        "--format", choices=formats, default="text", help="how the result is printed"
    )


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
    _add_format(parser, FORMATS)
    parser.add_argument(
        "--exit-zero", action="store_true", help="report, but exit 0 whatever is found"
    )


def _add_fix(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("apps", nargs="*", metavar="APP", help=_APPS)
    parser.add_argument(
        "--strategy",
        choices=STRATEGIES,
        default="auto",
        help="what is done: add a merge migration, renumber the unpublished side, or remove it and "
        "run makemigrations again; auto (the default) is what `migmerge check` recommends",
    )
    parser.add_argument(
        "--move", action="append", default=[], metavar="NAME", help="the migration whose side moves"
    )
    parser.add_argument(
        "--take",
        metavar="ours|theirs|NAME",
        help="where both sides change the same field or option, keep this side's value",
    )
    parser.add_argument(
        "--keep-names",
        action="store_true",
        help="change dependencies only; no file gets another number",
    )
    parser.add_argument(
        "--linear",
        action="store_true",
        help="renumber also where an unpublished merge migration has joined the sides, and remove "
        "it",
    )
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
        dest="verify",
        action="store_false",
        help="check the files only, not with the project's Django",
    )
    _add_databases(parser)
    parser.add_argument(
        "--allow-skipped",
        action="store_true",
        help="exit 0 also where a check could not run, as without Django",
    )
    _add_format(parser, ("text", "json"))


def _add_databases(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--no-databases", action="store_true", help="do not touch any configured database"
    )
    parser.add_argument(
        "--database",
        dest="databases",
        action="append",
        default=[],
        metavar="ALIAS",
        help="a configured database that is not on this machine may be changed, too; repeatable",
    )


def _add_transition(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("apps", nargs="*", metavar="APP", help=_APPS)
    parser.add_argument("--dry-run", action="store_true", help="show the change, write nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--commit", action="store_true", help="commit the result")
    parser.add_argument(
        "--no-databases",
        action="store_true",
        help="do not look at any: you know that all have run it",
    )
    parser.add_argument(
        "--database",
        dest="databases",
        action="append",
        default=[],
        metavar="ALIAS",
        help="look at a configured database that is not on this machine, too; repeatable",
    )


def _add_graph(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("apps", nargs="*", metavar="APP", help=_APPS)
    parser.add_argument("--conflicts", action="store_true", help="only what collides, and around")
    parser.add_argument("--base", metavar="REF", help="the branch whose migrations are published")
    _add_format(parser, PICTURES)


def _add_forecast(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "refs", nargs="*", metavar="REF", help="branches; all of origin's when none is named"
    )
    parser.add_argument("--base", metavar="REF", help="the branch that they will be merged into")
    parser.add_argument(
        "--age", metavar="DAYS", type=int, default=90, help="how old origin's may be (90)"
    )
    _add_format(parser, ("text", "json", "html"))
    parser.add_argument(
        "--exit-zero", action="store_true", help="report, but exit 0 whatever is found"
    )


def _add_verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "apps", nargs="*", metavar="APP", help="app labels; all that differ if none"
    )
    parser.add_argument(
        "--database",
        metavar="auto|sqlite|URL",
        default="",
        help="where scratch databases are made and dropped: auto (the default) is SQLite, or where "
        "that can't hold the tables, the server of the settings",
    )
    parser.add_argument(
        "--full",
        action="store_true",
        help="run all migrations, also the many that both sides have; else their tables are made "
        "from the state that they end in, where the sides run no code",
    )
    parser.add_argument("--base", metavar="REF", help="the branch whose migrations are published")
    _add_format(parser, ("text", "json"))


def _add_reset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("app", nargs="?", default="", metavar="APP", help="an app label")
    parser.add_argument(
        "--database",
        dest="databases",
        action="append",
        default=[],
        metavar="ALIAS|URL",
        help="a database whose rows are replaced, too; no other is touched",
    )
    parser.add_argument(
        "--rows",
        action="store_true",
        help="keep the files, and replace only the rows",
    )
    parser.add_argument(
        "--lose-data-migrations", action="store_true", help="allow RunPython and RunSQL to be lost"
    )
    done = parser.add_mutually_exclusive_group()
    done.add_argument(
        "--apply", action="store_true", help="apply it; without this the plan is printed"
    )
    done.add_argument(
        "--undo",
        action="store_true",
        help="restore files and rows as they were before the last reset",
    )


def _add_db(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    status = actions.add_parser("status", help="renamed, missing, inconsistent; changes nothing")
    reconciling = actions.add_parser(
        "reconcile", help="rename rows and run what is missing; asks first"
    )
    for action in (status, reconciling):
        action.add_argument(
            "--database",
            metavar="ALIAS|URL",
            default="",
            help="one of the settings' databases, or another (postgres://user@host/name); "
            "if none, all on this machine",
        )
        action.set_defaults(schema=False, yes=False, format="text", ran=[])
        _add_output(action)

    status.add_argument("--schema", action="store_true", help="compare the tables, too")
    _add_format(status, ("text", "json"))
    reconciling.add_argument("--yes", action="store_true", help="do not ask")
    reconciling.add_argument(
        "--ran",
        metavar="APP.NAME",
        action="append",
        default=[],
        help="of two migrations that had one name, the one that this database ran, where its "
        "tables don't tell",
    )


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
    parser.add_argument(
        "--hooks",
        choices=("auto", "native", "pre-commit", "none"),
        default="auto",
        help="scripts in git's hooks directory (native), a hook of the pre-commit framework, or "
        "none; auto (the default) takes the framework where it is configured",
    )
    parser.add_argument("--dry-run", action="store_true", help="show the change, write nothing")

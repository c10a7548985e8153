"""Questions to the project about its databases; nothing is changed but by `reconcile_one`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from migmerge.errors import UserError
from migmerge.project.interpreter import Project
from migmerge.project.run import Reply, Unanswered, run

_ENGINES = {
    "postgres": "postgresql",
    "postgresql": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
    "sqlite": "sqlite3",
}
_MIGRATE_SECONDS = 24 * 3600  # a table of millions of rows takes its time

Row = tuple[str, str]


class Database(NamedTuple):
    """Which database is meant: an alias of the project's settings (empty: all of them), or
    settings of another one, which then stands for every alias."""

    alias: str = ""
    settings: dict[str, object] | None = None


class Permission(NamedTuple):
    """Which configured databases may be connected to: those that are `named` (aliases), and those
    on this machine that are not `protected` (globs of aliases and hosts)."""

    named: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()


ON_THIS_MACHINE = Permission()


class Renamed(NamedTuple):
    """A row that gets another name; `kept` where the old row has to stay beside the new one,
    since the file says that it replaces it."""

    label: str
    old: str
    new: str
    kept: bool = False


class RenamedLabel(NamedTuple):
    """An app label that a database knows as `old`; `tables` are `(name, new name)` of those that
    are named after it, `types` tells that the content types can follow."""

    old: str
    new: str
    tables: tuple[tuple[str, str], ...] = ()
    types: bool = False


class Status(NamedTuple):
    """One database as its project's Django sees it; rows and migrations are `(label, name)`.

    `place` is its name, or file, and where it is, in words; `left` is why it is not connected to,
    `protected` that the configuration says so. `schemas` has the rows of other schemas' own
    django_migrations (PostgreSQL).
    `error` says why there is nothing to see, `unread` that it may hold anything, `absent` that
    it is no file yet. `order` is that in which an empty database gets them, of which `unapplied`
    is a part; `early` are applied ones, each with a parent that isn't; `made` those before these
    whose tables are there; `no_user_table` the model of AUTH_USER_MODEL, its table, which is not
    there, and the table of the user model before; `trapped` those that count as applied by their
    `replaces` alone, and hide what comes before them. `runs` is what a plain `migrate` would run,
    or `stops` why it would do nothing. `endangered` are columns (`table.column`) that what is
    unapplied would create again, or drop. `labels` are those of apps that had another one.
    """

    alias: str
    vendor: str
    place: str
    error: str = ""
    recorded: tuple[Row, ...] = ()
    files: frozenset[Row] = frozenset()
    replaced: tuple[tuple[Row, tuple[Row, ...]], ...] = ()
    order: tuple[Row, ...] = ()
    unapplied: tuple[Row, ...] = ()
    early: tuple[tuple[Row, Row], ...] = ()
    made: tuple[Row, ...] = ()
    no_user_table: tuple[str, ...] = ()
    trapped: tuple[Row, ...] = ()
    runs: tuple[Row, ...] = ()
    stops: str = ""
    unread: bool = False
    absent: bool = False
    endangered: tuple[str, ...] = ()
    engine: str = ""
    host: str = ""
    left: str = ""
    protected: bool = False
    read_only: bool = False
    schemas: tuple[tuple[str, tuple[Row, ...]], ...] = ()
    labels: tuple[RenamedLabel, ...] = ()


def parse_database(text: str) -> Database:
    """`--database`: an alias, or a URL such as postgres://user:password@host:port/name.

    `sqlite:///relative.db` and `sqlite:////absolute.db`. UserError for another scheme.
    """
    if "://" not in text:
        return Database(text)

    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise UserError(
            "database", f"--database: {error}", "postgres://user@host:5432/name"
        ) from None

    engine = _ENGINES.get(parts.scheme)
    if engine is None:
        schemes = ", ".join(sorted(_ENGINES))
        raise UserError(
            "database", f"--database: no such kind of database: {parts.scheme}", f"one of {schemes}"
        )

    settings: dict[str, object] = {
        "ENGINE": f"django.db.backends.{engine}",
        "NAME": unquote(parts.path[1:]) or ":memory:",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(port or ""),
        "OPTIONS": dict(parse_qsl(parts.query)),
    }
    return Database("", settings)


def without_password(text: str) -> str:
    """A URL that may be shown."""
    return re.sub(r"(://[^:/@]*):[^/]*@", r"\1@", text)


def read_status(
    project: Project, database: Database, allowed: Permission = ON_THIS_MACHINE
) -> list[Status] | Unanswered:
    """The databases, by alias.

    Those that may not be connected to are only named. A `database` that is given is allowed.
    """
    given = (database.alias,) if database.alias else ("default",) if database.settings else ()
    request: dict[str, object] = {
        "named": [*allowed.named, *given],
        "protected": list(allowed.protected),
    }
    reply = _ask(project, "status", request, database)
    if reply.why:
        return Unanswered(reply.why)
    return [_status(project, alias, answer) for alias, answer in sorted(reply.result.items())]


def _status(project: Project, alias: str, answer: dict[str, Any]) -> Status:
    place, host = _place(project, answer), answer["host"]
    status = Status(
        alias, answer["vendor"], place, answer["error"],
        engine=answer["engine"], host=host, left=answer["left"], protected=answer["protected"],
        read_only=answer.get("read_only", False),
        schemas=tuple((name, _rows(rows)) for name, rows in answer.get("schemas", {}).items()),
    )  # fmt: skip
    if "files" not in answer:
        return status._replace(
            recorded=_rows(answer.get("recorded", ())),
            unread="recorded" not in answer,
            absent="absent" in answer,
        )

    return status._replace(
        recorded=_rows(answer["recorded"]),
        files=frozenset(_rows(answer["files"])),
        replaced=tuple((_row(key), _rows(old)) for key, old in answer["replaced"]),
        order=_rows(answer["order"]),
        unapplied=_rows(answer["unapplied"]),
        early=tuple((_row(key), _row(parent)) for key, parent in answer["early"]),
        made=_rows(answer["made"]),
        no_user_table=tuple(answer["no_user_table"] or ()),
        trapped=_rows(answer["trapped"]),
        runs=_rows(answer["migrate"].get("runs", ())),
        stops=answer["migrate"].get("stops", ""),
        endangered=tuple(answer["endangered"]),
        labels=tuple(
            RenamedLabel(one["old"], one["new"], _rows(one["tables"]), one["types"])
            for one in answer["labels"]
        ),
    )


def _place(project: Project, answer: Mapping[str, Any]) -> str:
    """Name, or file, and where it is."""
    socket = "the local socket" if answer["vendor"] in ("postgresql", "mysql") else ""
    where, name = answer["host"] or socket, _shown_path(project, answer["name"])
    return f"{name} at {where}" if where else name


class Place(NamedTuple):
    """A configured database: `place` in words, and why it could not be reached; those that are
    `left` are not tried, and an `absent` file is none yet."""

    alias: str
    place: str
    error: str = ""
    left: bool = False
    absent: bool = False


class Setup(NamedTuple):
    """What a project runs on; `packages` are faults in the migrations of installed packages."""

    python: str
    executable: str
    django: str
    settings: str
    databases: tuple[Place, ...]
    packages: tuple[str, ...] = ()


def read_setup(project: Project, protected: Sequence[str] = ()) -> Setup | Unanswered:
    """What the project runs on, by its own word.

    Databases that are not on this machine, or `protected`, are not connected to.
    """
    reply = _ask(project, "describe", {"protected": list(protected)}, Database(), 60)
    if reply.why:
        return Unanswered(reply.why)

    answer = reply.result
    databases = [
        Place(
            alias,
            f"{database['engine']}, {_place(project, database)}",
            database["error"],
            bool(database["left"]),
            "absent" in database,
        )
        for alias, database in sorted(answer["databases"].items())
    ]
    return Setup(
        answer["python"], answer["executable"], answer["django"], answer["settings"],
        tuple(databases), tuple(answer["packages"]),
    )  # fmt: skip


def _shown_path(project: Project, name: str) -> str:
    """A file inside the repository from its top, anything else as it is."""
    if not os.path.isabs(name):
        return name
    top, place = os.path.realpath(project.top), os.path.realpath(os.path.dirname(name))
    if not f"{place}/".startswith(f"{top}/"):
        return name
    return os.path.normpath(os.path.join(os.path.relpath(place, top), os.path.basename(name)))


def _row(pair: Sequence[str]) -> Row:
    return pair[0], pair[1]


def _rows(pairs: Sequence[Sequence[str]]) -> tuple[Row, ...]:
    return tuple(_row(row) for row in pairs)


def which_content(
    project: Project, database: Database, pairs: Sequence[tuple[str, str, str]]
) -> list[str]:
    """For each `(label, first, second)`, whose tables the database has, of two migrations that
    both may be what its row of the first name stands for: first, second or unknown."""
    reply = _ask(project, "which", {"pairs": pairs}, database)
    return ["unknown"] * len(pairs) if reply.why else list(reply.result)


def compare_tables(project: Project, database: Database) -> list[str] | Unanswered:
    """How the tables differ from the models of what is applied."""
    reply = _ask(project, "schema", {}, database)
    return Unanswered(reply.why) if reply.why else list(reply.result)


def ran_versions(
    project: Project, database: Database, versions: Sequence[tuple[Row, Sequence[bytes]]]
) -> list[int | None]:
    """For each applied row the version, by its place, that a database's tables show that it ran in
    place of what the file has now; None where they don't."""
    request = [[*row, [data.decode("latin-1") for data in sources]] for row, sources in versions]
    reply = _ask(project, "ran_versions", {"versions": request}, database)
    return [None] * len(versions) if reply.why else list(reply.result)


def reconcile_one(
    project: Project,
    database: Database,
    rows: Sequence[Renamed],
    runs: Sequence[Row],
    names: Sequence[Renamed] = (),
    records: Sequence[Row] = (),
) -> Reply:
    """Rename rows, add those of `records`, run what is unapplied, then a plain `migrate`; see
    `inside/row_changes.py`.

    Refused, with nothing done, where the database isn't as it was when this was planned. With
    `names`, those of a fix, just what applied migrations depend on is run, without a plain
    `migrate`, and whatever stops it gives every row its old name back.
    """
    request: dict[str, object] = {
        "rows": rows, "run": runs, "names": names, "records": records,
    }  # fmt: skip
    reply = _ask(project, "reconcile", request, database, _MIGRATE_SECONDS)
    if reply.why:
        copies = [
            f"a copy from before is {copy}" for copy in reply.copies
            if os.path.exists(os.path.join(project.directory, copy))
        ]  # fmt: skip
        return reply._replace(why="; ".join([reply.why, *copies]))
    if names:
        return reply
    after = _ask(project, "migrated", {}, database, _MIGRATE_SECONDS)
    return after._replace(result=reply.result)


def take_back(project: Project, database: Database, names: Sequence[Renamed]) -> Reply:
    """Give rows their old names back; the files are to get them, too."""
    return _ask(project, "taken_back", {"names": names}, database)


def rename_again(project: Project, database: Database, names: Sequence[Renamed]) -> Reply:
    """Give rows their new names once more, after `take_back`."""
    return _ask(project, "renamed_again", {"names": names}, database)


class AppRows(NamedTuple):
    """The rows of one app, each a name and a moment (ISO 8601), and how its tables differ from
    the models of what they say."""

    rows: tuple[Row, ...]
    differences: tuple[str, ...] = ()


def read_app_rows(project: Project, database: Database, label: str) -> AppRows | Unanswered:
    """The app's rows of django_migrations."""
    reply = _ask(project, "app_rows", {"label": label}, database)
    if reply.why:
        return Unanswered(reply.why)
    return AppRows(_rows(reply.result["rows"]), tuple(reply.result["unlike"]))


class RowChange(NamedTuple):
    """The rows of one app that are `expected`, and those that take their place.

    A row without a moment is applied now. With `check` the tables have to be as the rows say.
    """

    label: str
    expected: Sequence[Row]
    rows: Sequence[Row]
    check: bool = True


def write_app_rows(project: Project, database: Database, change: RowChange) -> str:
    """Replace the rows, all or none; why not, where it is refused."""
    request: dict[str, object] = {
        "label": change.label,
        "expected": [name for name, _ in change.expected],
        "rows": change.rows,
        "check": change.check,
    }
    return _ask(project, "write_rows", request, database).why


def _ask(
    project: Project,
    question: str,
    request: dict[str, object],
    database: Database,
    seconds: int = 600,
) -> Reply:
    alias = database.alias or "default"
    full = {**request, "alias": alias, "aliases": [database.alias] if database.alias else None}
    if database.settings:
        full["aliases"] = ["default"]
    return run(project, question, full, databases=database.settings, seconds=seconds)

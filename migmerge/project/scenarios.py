"""Scratch databases at each starting point, migrated to the merged files: who arrives where."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from migmerge.project.configured_databases import Renamed
from migmerge.project.interpreter import Project
from migmerge.project.run import Reply, Unanswered, run

# label -> name -> the file's bytes; None where they are those of the work tree
Tree = Mapping[str, Mapping[str, bytes | None]]
SQLITE: Mapping[str, object] = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
# each alias on the server that the project's settings name
OF_SETTINGS: Mapping[str, object] = {"ENGINE": "settings"}
# on SQLite, or where that can't hold the tables, the same
AUTO: Mapping[str, object] = {"ENGINE": "auto"}
_ENGINES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mysql": "MySQL or MariaDB"}


ALONE = ("ancestor", "onto", "replayed")  # starting points that need no code of both sides
# by alias, what one process of the project's interpreter tells another of a database that it made
BuiltDatabase = Mapping[str, Any]


class ScenarioResult(NamedTuple):
    """How the database of one starting point arrived.

    `unbuilt` says why there is none, `error` what stopped its `migrate`; `lost` are columns whose
    values are not as they were, `schema_differs` tables that are not as the first point's,
    `rows_differ` rows that aren't, `rows_without_file` rows of django_migrations without a file.
    `reconciled`: its rows there were renamed first.
    """

    alias: str
    name: str
    unbuilt: str = ""
    error: str = ""
    lost: tuple[str, ...] = ()
    schema_differs: str = ""
    rows_differ: str = ""
    rows_without_file: tuple[str, ...] = ()
    reconciled: bool = False

    @property
    def wrong(self) -> str:
        """What is wrong with it; empty where it arrived, or could not be built."""
        faults = [
            self.error,
            f"values are lost: {', '.join(self.lost)}" if self.lost else "",
            f"schema unlike that of fresh: {self.schema_differs}" if self.schema_differs else "",
            f"rows unlike those of ancestor: {self.rows_differ}" if self.rows_differ else "",
            f"without a file: {', '.join(self.rows_without_file)}"
            if self.rows_without_file
            else "",
        ]
        return "; ".join(text for text in faults if text)


class ScenarioResults(NamedTuple):
    """All points, how long they took, and tables that no row could be put into, with why;
    `why` says that nothing could be tried.

    `effects` are what migrations tried outside of the scratch databases, which was refused;
    `left_out` those whose code was not run, as the configuration says. `servers` are where the
    databases were, in words; `has_server`: the project's own databases are not on SQLite alone;
    `no_server` is why those could not be used. `from_state`: what both sides have was made from its
    state, not migrated.
    """

    points: tuple[ScenarioResult, ...]
    seconds: float = 0.0
    empty: tuple[str, ...] = ()
    why: str = ""
    effects: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    has_server: bool = False
    no_server: str = ""
    from_state: bool = False

    @property
    def where(self) -> str:
        """The servers, for people."""
        return ", ".join(self.servers)

    @property
    def is_incomplete(self) -> bool:
        """Whether some database could not be built."""
        return any(point.unbuilt for point in self.points)


class ScenarioRequest(NamedTuple):
    """What is tried: apps by label, trees of migrations, points with the trees that they saw, rows
    that have another name now, whether migrations came later than both sides, whether the `code` of
    RunPython is run, and databases that are `built` already."""

    labels: Sequence[str]
    trees: Mapping[str, Tree]
    points: Mapping[str, Sequence[str]]
    rows: Sequence[Renamed]
    later: bool = False
    code: bool = True
    built: Sequence[BuiltDatabase] = ()


class Trial(NamedTuple):
    """What scratch databases are made on (`server`: Django's settings, or OF_SETTINGS, where those
    of `protected` aliases and hosts are not used, or AUTO), for at most `seconds`; without `code`
    no RunPython is run. `hurry`: what SQLite can't hold is tried on another server, so the first
    database of a side that can't be built ends it. `full`: the history is always run."""

    server: Mapping[str, object] = AUTO
    seconds: int = 3600
    code: bool = True
    protected: tuple[str, ...] = ()
    hurry: bool = False
    full: bool = False

    def left(self, began: float) -> Trial:
        """The same in what is left of the time, which began at a `time.monotonic()`."""
        return self._replace(seconds=max(1, int(self.seconds - (time.monotonic() - began))))


def try_scenarios(project: Project, wanted: ScenarioRequest, trial: Trial) -> ScenarioResults:
    """Build each point's database on the trial's server, and migrate it.

    Only databases of its own are made and dropped; the project's are never connected to.
    """
    reply = _run(project, "verify_starts", _request(wanted, trial), trial)
    if reply.why:
        return ScenarioResults((), why=reply.why)

    aliases = reply.result["aliases"]
    results = [
        point
        for alias, answer in aliases.items()
        for point in _beyond_us([_arrival(alias, point) for point in answer["points"]])
    ]
    took = sum(answer["seconds"] for answer in aliases.values())
    empty = {line for answer in aliases.values() for line in answer["empty"]}
    servers = dict.fromkeys(_shown(*server) for server in reply.result["servers"].values())
    return ScenarioResults(
        tuple(results), took, tuple(sorted(empty)),
        effects=tuple(reply.result["tried"]), left_out=tuple(reply.result["left_out"]),
        servers=tuple(servers), has_server=bool(reply.result["own"]),
        from_state=any(answer["from_state"] for answer in aliases.values()),
    )  # fmt: skip


def _shown(vendor: str, host: str) -> str:
    engine = _ENGINES.get(vendor, vendor)
    return engine if vendor == "sqlite" else f"{engine} at {host or 'the local socket'}"


def build_side(
    project: Project, wanted: ScenarioRequest, path: Sequence[str], directory: str, trial: Trial
) -> BuiltDatabase | Unanswered:
    """The database that the project's own files and code make of the last tree of `path`, on top of
    those that are built: SQLite files in `directory`, or databases on the trial's server, where
    `drop_sides` has to end them."""
    serial = 100 + len(wanted.built)  # rows unlike those that another side puts in
    own = {"path": list(path), "keep_in": directory, "serial": serial}
    request = {**_request(wanted, trial), **own, "trees": {}}
    reply = _run(project, "build_side", request, trial)
    return Unanswered(reply.why) if reply.why else reply.result


def drop_sides(project: Project, built: Sequence[BuiltDatabase], trial: Trial) -> None:
    """Drop what `build_side` made on a server; files are the caller's."""
    if built and "sqlite" not in str(trial.server["ENGINE"]):
        _run(project, "drop_sides", {"built": list(built), "server": trial.server}, trial)


def _run(project: Project, question: str, request: Mapping[str, object], trial: Trial) -> Reply:
    """The answer of the project while its settings name the trial's server."""
    databases = "nameless" if trial.server == OF_SETTINGS else trial.server
    return run(project, question, request, databases=databases, seconds=trial.seconds)


def _request(wanted: ScenarioRequest, trial: Trial) -> dict[str, object]:
    return {
        "labels": list(wanted.labels),
        "trees": {name: _plain(tree) for name, tree in wanted.trees.items()},
        "points": [[name, list(path)] for name, path in wanted.points.items()],
        "rows": [list(row) for row in wanted.rows],
        "later": wanted.later,
        "code": wanted.code,
        "built": list(wanted.built),
        "serial": 0,
        "server": trial.server,
        "protected": list(trial.protected),
        "hurry": trial.hurry,
        "full": trial.full,
    }


def _plain(tree: Tree) -> dict[str, dict[str, str | None]]:
    return {
        label: {
            name: None if data is None else data.decode("latin-1") for name, data in files.items()
        }
        for label, files in tree.items()
    }


def _beyond_us(points: list[ScenarioResult]) -> list[ScenarioResult]:
    """Where not even one side's own files can be migrated, what stops the others proves nothing."""
    if not any(point.unbuilt for point in points if point.name in ALONE):
        return points
    return [
        point._replace(unbuilt=point.error, error="") if point.error else point for point in points
    ]


def _arrival(alias: str, point: Mapping[str, Any]) -> ScenarioResult:
    return ScenarioResult(
        alias,
        point["name"],
        point["unbuilt"],
        point["error"],
        tuple(point.get("lost", ())),
        point.get("unlike", ""),
        point.get("differs", ""),
        tuple(point.get("left", ())),
        point.get("reconciled", False),
    )

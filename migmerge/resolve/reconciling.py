"""The project's databases read, and what each needs: git, Django and the plan brought together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from migmerge.conflicts.commute import Judgement, judge
from migmerge.conflicts.model import Branch, Conflict
from migmerge.git.compare import footprints_of
from migmerge.git.former import Former, find_former
from migmerge.git.repository import Repository
from migmerge.git.snapshot import Snapshot
from migmerge.migrations.model import NodeKey
from migmerge.project.databases import (
    Database,
    Renamed,
    Row,
    Status,
    read_status,
    reconcile_one,
    take_back,
    which_content,
)
from migmerge.project.interpreter import Project
from migmerge.project.run import undisturbed
from migmerge.resolve.model import Resolution
from migmerge.resolve.reconcile import (
    Reconciliation,
    doubtful_rows,
    lost_rows,
    reconciliation,
    replaced_rows,
)


class Sight(NamedTuple):
    """A database of the project that has applied what a fix renames (`rows`), or that can't be
    read, with why."""

    project: Project
    apps: tuple[str, ...]
    alias: str
    rows: tuple[Row, ...] = ()
    why: str = ""

    def __str__(self) -> str:
        if self.why:
            which = f"database {self.alias}" if self.alias else "the databases"
            return f"{which} can't be read: {self.why}"
        names = ", ".join(".".join(row) for row in self.rows)
        return (
            f"database {self.alias} has {names}: the names there follow, then what it lacks is run"
        )


def renamed_rows(resolutions: Iterable[Resolution], *, kept: bool) -> list[Renamed]:
    """What a fix renames, as rows of django_migrations."""
    return [
        Renamed(resolution.app, name_of(old), name_of(new), kept)
        for resolution in resolutions
        for old, new in sorted(resolution.renamed.items())
    ]


def going_rows(resolutions: Iterable[Resolution]) -> list[Renamed]:
    """What a fix takes away to have it made again, as rows that no file would have any more."""
    return [
        Renamed(resolution.app, name_of(path), "")
        for resolution in resolutions
        for path in resolution.removed
        if resolution.strategy == "regenerate"
    ]


def name_of(path: str) -> str:
    """The name of the migration in a file."""
    return path.rpartition("/")[2].removesuffix(".py")


def in_sight(
    projects: Mapping[Project | str, Sequence[str]],
    snapshot: Snapshot,
    names: Collection[Renamed],
) -> list[Sight]:
    """The databases of projects (with the keys of their apps) that know an old name, or may."""
    found = []
    for project, apps in projects.items():
        labels = {snapshot.apps[app].label for app in apps if app in snapshot.apps}
        old = {(row.label, row.old) for row in names if row.label in labels}
        if isinstance(project, str) or not old:
            continue
        told = read_status(project, Database())
        if isinstance(told, str):
            found.append(Sight(project, tuple(apps), "", why=told))
            continue
        for status in told:
            rows = tuple(row for row in status.recorded if row in old)
            why = status.error if status.unread else ""
            if rows or why:
                found.append(Sight(project, tuple(apps), status.alias, rows, why))
    return found


def reconcile_in_sight(
    repository: Repository,
    snapshot: Snapshot,
    sights: Sequence[Sight],
    names: Sequence[Renamed],
) -> str:
    """Reconcile the databases with the files of a fix: `ok: …` or `failed: why`.

    When one fails, or ^C comes, the rows of all have their names of before.
    """
    lines: list[str] = []
    done: list[Sight] = []
    for sight in (sight for sight in sights if sight.rows):
        database = Database(sight.alias)
        try:
            why = _reach(repository, snapshot, sight.project, sight.apps, database, names)
        except BaseException:
            with undisturbed():
                _names_back((*done, sight), names)
            raise
        if isinstance(why, str):
            _names_back(done, names)
            return f"failed: database {sight.alias}: {why}"
        done.append(sight)
        lines.append(f"database {sight.alias}: {', '.join(why)}")
    return f"ok: {'; '.join(lines)}" if lines else ""


def _names_back(sights: Iterable[Sight], names: Sequence[Renamed]) -> None:
    for sight in sights:
        take_back(sight.project, Database(sight.alias), names)


def rename_back(
    projects: Mapping[Project | str, Sequence[str]], snapshot: Snapshot, names: Sequence[Renamed]
) -> list[str]:
    """Old names for rows that have the new ones, where a fix is taken back; a line each."""
    turned = [Renamed(row.label, row.new, row.old) for row in names]
    lines = []
    for sight in in_sight(projects, snapshot, turned):
        if sight.why:
            lines.append(str(sight))
            continue
        heard = take_back(sight.project, Database(sight.alias), names)
        turned_back = [f"{row.label}.{row.new} is {row.old} again" for row in names]
        done = heard.why or ", ".join(turned_back)
        lines.append(f"database {sight.alias}: {done}")
    return lines


def _reach(
    repository: Repository,
    snapshot: Snapshot,
    project: Project,
    own: Collection[str],
    database: Database,
    names: Sequence[Renamed],
) -> list[str] | str:
    """What was done, or in one string why it was not."""
    plans = read_reconciliations(repository, snapshot, project, own, database, names)
    if isinstance(plans, str):
        return plans
    plan = plans[0][0]
    if plan.status.error or plan.refused:
        return plan.status.error or "; ".join(plan.refused)
    heard = reconcile_one(project, database, plan.rows, plan.runs, names)
    if heard.why and heard.result is None:
        return heard.why
    runs = [f"ran {'.'.join(row)}" for row in heard.result["ran"]]
    copy = [f"copy from before: {heard.result['copy']}"] if heard.result["copy"] else []
    after = [f"then migrate: {heard.why}"] if heard.why else []
    renamed = [f"{row.label}.{row.old} is {row.new} now" for row in plan.rows]
    return [*renamed, *runs, *copy, *after]


def read_reconciliations(
    repository: Repository,
    snapshot: Snapshot,
    project: Project,
    own: Collection[str],
    asked: Database,
    names: Collection[Renamed] = (),
) -> list[tuple[Reconciliation, Database]] | str:
    """Each database of a project with what to do about it; a string says why none is read.

    `own` are the keys of the project's apps, `names` those that a fix gives just now.
    """
    found = read_status(project, asked)
    if isinstance(found, str):
        return found
    apps = {app.label: app.key for app in snapshot.apps.values() if app.key in own}
    pairs = []
    for one in found:
        database = asked if asked.settings else Database(one.alias)
        pairs.append((_plan(repository, snapshot, apps, project, database, one, names), database))
    return pairs


def _plan(
    repository: Repository,
    snapshot: Snapshot,
    apps: Mapping[str, str],
    project: Project,
    database: Database,
    found: Status,
    names: Collection[Renamed],
) -> Reconciliation:
    if found.error:
        return Reconciliation(found)
    lost = {row: NodeKey(apps[row[0]], row[1]) for row in lost_rows(found, apps.keys())}
    doubtful = doubtful_rows(found, replaced_rows(found), apps.keys())
    second = {pair: NodeKey(apps[pair.label], pair.second) for pair in doubtful}
    first = {pair: NodeKey(apps[pair.label], pair.first) for pair in doubtful}
    formers = find_former(repository, snapshot, {*lost.values(), *first.values()})
    taken = {key for row in lost for key in formers[lost[row]].now} - set(first.values())
    pairs = [
        pair
        for pair in doubtful
        if second[pair] in formers[first[pair]].now and second[pair] not in taken
    ]
    contents = which_content(project, database, pairs) if pairs else []

    def judged(runs: Sequence[Row], later: Sequence[Row]) -> Judgement:
        return _judge(snapshot, apps, runs, later)

    old: dict[Row, Former] = {row: formers[key] for row, key in lost.items()}
    known = dict(zip(pairs, contents, strict=True))
    return reconciliation(found, old, known, judged, names)


def _judge(
    snapshot: Snapshot, apps: Mapping[str, str], runs: Sequence[Row], later: Sequence[Row]
) -> Judgement:
    """What runs late against what is applied already and isn't below it, app by app."""
    graph = snapshot.graph
    found = []
    for row in runs:
        key = NodeKey(apps.get(row[0], ""), row[1])
        if key not in graph.parents:
            continue
        below = graph.ancestors(key)
        own = {NodeKey(key.app, name) for label, name in later if label == row[0]}
        above = graph.in_order((own & graph.parents.keys()) - below)
        if above:
            branches = (Branch((key,)), Branch(tuple(above)))
            conflict = Conflict(snapshot.apps[key.app], "siblings", None, branches)
            found += footprints_of(snapshot, conflict)
    return judge(found)

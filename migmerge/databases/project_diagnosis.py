"""The project's databases read, and what each needs: git, Django and the files brought together."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from migmerge.analysis.compare import footprints_of
from migmerge.analysis.former_names import (
    Former,
    find_former_names,
    find_former_squashes,
    path_of,
)
from migmerge.analysis.manage_commands import manage_command
from migmerge.analysis.snapshot import Snapshot
from migmerge.config import Config
from migmerge.conflicts.commute import Judgement, compare_sides
from migmerge.conflicts.conflict import Branch, Conflict
from migmerge.databases.diagnosis import (
    FinishedSquash,
    Reconciliation,
    doubtful_rows,
    lost_rows,
    reconciliation,
    replaced_rows,
    with_ran,
)
from migmerge.databases.former_names_by_tables import formers_by_tables
from migmerge.git.repository import Repository
from migmerge.migrations.model import NodeKey
from migmerge.project.configured_databases import (
    ON_THIS_MACHINE,
    Database,
    Permission,
    Renamed,
    RenamedLabel,
    Row,
    Status,
    read_status,
    which_content,
)
from migmerge.project.interpreter import Project
from migmerge.project.run import Unanswered

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


class Inquiry(NamedTuple):
    """Which databases of a project are looked at: `asked`, as far as they are `allowed`.

    `app_keys` are the keys of the project's apps, `new_names` those that a fix gives just now;
    `config` says how manage.py is run, and `ran` what people know that a database ran.
    """

    project: Project
    app_keys: Collection[str]
    asked: Database = Database()
    allowed: Permission = ON_THIS_MACHINE
    new_names: Collection[Renamed] = ()
    config: Config = Config()
    ran: Collection[Row] = ()


class _Context(NamedTuple):
    """What a database is compared with; `apps` is label -> key."""

    repository: Repository
    snapshot: Snapshot
    inquiry: Inquiry
    apps: Mapping[str, str]


def read_reconciliations(
    repository: Repository, snapshot: Snapshot, inquiry: Inquiry
) -> list[tuple[Reconciliation, Database]] | Unanswered:
    """Each database with what to do about it."""
    statuses = read_status(inquiry.project, inquiry.asked, inquiry.allowed)
    if isinstance(statuses, Unanswered):
        return statuses

    apps = {app.label: app.key for app in snapshot.apps.values() if app.key in inquiry.app_keys}
    context = _Context(repository, snapshot, inquiry, apps)
    pairs = []
    for status in statuses:
        database = inquiry.asked if inquiry.asked.settings else Database(status.alias)
        pairs.append((_reconciliation(context, status, database), database))
    return pairs


def _reconciliation(context: _Context, status: Status, database: Database) -> Reconciliation:
    if status.error or status.left:
        return Reconciliation(status)

    _, snapshot, inquiry, apps = context
    lost = {row: NodeKey(apps[row[0]], row[1]) for row in lost_rows(status, apps.keys())}
    doubtful = doubtful_rows(status, replaced_rows(status), apps.keys())
    second = {pair: NodeKey(apps[pair.label], pair.second) for pair in doubtful}
    first = {pair: NodeKey(apps[pair.label], pair.first) for pair in doubtful}
    formers = _formers(context, status, {*lost.values(), *first.values()})

    # a row of the first name may stand for the second, if nothing else accounts for that one
    taken = {key for row in lost for key in formers[lost[row]].now} - set(first.values())
    pairs = [
        pair
        for pair in doubtful
        if second[pair] in formers[first[pair]].now and second[pair] not in taken
    ]
    contents = which_content(inquiry.project, database, pairs) if pairs else []

    def judged(runs: Sequence[Row], later: Sequence[Row]) -> Judgement:
        return _judge(snapshot, apps, runs, later)

    old: dict[Row, Former] = {row: formers[key] for row, key in lost.items()}
    content_of = with_ran(dict(zip(pairs, contents, strict=True)), inquiry.ran)
    squashes = _squashes(context, status, {row[0] for row in lost})
    plan = reconciliation(status, old, content_of, judged, inquiry.new_names, squashes)
    rollbacks = _rollbacks(context, [old[row] for row, _ in plan.missing if row in old])
    schemas, relabels = _schemas(context, status), _relabels(context, status)
    return plan._replace(schemas=schemas, rollbacks=rollbacks, relabels=relabels)


def _relabels(context: _Context, status: Status) -> tuple[str, ...]:
    """Of labels of the project's own apps; not where a table's name needs quoting, in a way that
    each database has its own."""
    return tuple(
        _relabel(context, status, label)
        for label in status.labels
        if label.new in context.apps
        and all(_PLAIN.fullmatch(name) for pair in label.tables for name in pair)
    )


def _relabel(context: _Context, status: Status, label: RenamedLabel) -> str:
    """Tables, content types and rows of django_migrations take the new label, all or none where the
    database can roll that back."""
    statements = [f'("ALTER TABLE {old} RENAME TO {new}",)' for old, new in label.tables]
    changes = [("django_content_type", "app_label")] if label.types else []
    for table, column in (*changes, ("django_migrations", "app")):
        update = f'"UPDATE {table} SET {column} = %s WHERE {column} = %s"'
        statements.append(f'({update}, ["{label.new}", "{label.old}"])')

    alias = status.alias
    code = (
        f'from django.db import connections, transaction; c = connections["{alias}"].cursor(); '
        f'transaction.atomic("{alias}")'
        f"(lambda: [c.execute(*s) for s in [{', '.join(statements)}]])()"
    )
    app = context.snapshot.apps[context.apps[label.new]]
    return manage_command(context.inquiry.config, context.snapshot, app).run("shell", "-c", code)


def _rollbacks(context: _Context, formers: Sequence[Former]) -> tuple[str, ...]:
    """For each migration that is applied, and that git has no more under any name: its file comes
    back for as long as it takes to migrate to what was before it.

    Not where anything else of the app came after that: `migrate` would see two leaf nodes.
    """
    snapshot = context.snapshot
    commands = []
    for former in formers:
        app = snapshot.apps[former.key.app]
        leaves = [key.name for key in snapshot.graph.leaves(app.key)] or ["zero"]
        if former.now or former.empty or not former.commit or leaves != [former.parent]:
            continue
        path = shlex.quote(path_of(snapshot, former.key))
        steps = (
            f"git checkout {former.commit} -- {path}",
            manage_command(context.inquiry.config, snapshot, app).run(
                "migrate", app.label, former.parent
            ),
            f"git rm -q -f -- {path}",
        )
        commands.append(" && ".join(steps))

    return tuple(commands)


def _squashes(context: _Context, status: Status, labels: Collection[str]) -> list[FinishedSquash]:
    """Those of apps that have rows without a file; git alone knows what they replaced."""
    _, snapshot, _, apps = context
    unapplied = {NodeKey(apps[row[0]], row[1]) for row in status.unapplied if row[0] in apps}
    keys = {
        key
        for label in labels
        for key in snapshot.graph.app_nodes(apps[label])
        if key in unapplied or "squashed" in key.name
    }
    if not keys or not context.repository.git_dir:
        return []
    squashes = find_former_squashes(context.repository, snapshot, keys)
    return [
        FinishedSquash(snapshot.apps[key.app].label, key.name, names)
        for key, names in sorted(squashes.items())
    ]


def _formers(context: _Context, status: Status, keys: Collection[NodeKey]) -> dict[NodeKey, Former]:
    """By git's history, or where there is no git by title and columns."""
    if context.repository.git_dir:
        return find_former_names(context.repository, context.snapshot, keys)
    return formers_by_tables(context.snapshot, status, keys)


def _schemas(context: _Context, status: Status) -> tuple[tuple[str, Renamed], ...]:
    """Each other schema with the rows in it whose migrations have another name now."""
    apps = context.apps
    renamed = []
    for schema, rows in status.schemas:
        lost = lost_rows(status._replace(recorded=rows), apps.keys())
        keys = {row: NodeKey(apps[row[0]], row[1]) for row in lost}
        # columns are those of the visible schema: they tell nothing of this one
        unseen = status._replace(endangered=())
        formers = _formers(context, unseen, set(keys.values()))
        for row, key in keys.items():
            now = formers[key].now
            if len(now) == 1:
                renamed.append((schema, Renamed(row[0], row[1], now[0].name)))

    return tuple(renamed)


def _judge(
    snapshot: Snapshot, apps: Mapping[str, str], runs: Sequence[Row], later: Sequence[Row]
) -> Judgement:
    """What runs late against what is applied already and isn't below it, app by app."""
    graph = snapshot.graph
    pairs = []
    for row in runs:
        key = NodeKey(apps.get(row[0], ""), row[1])
        if key not in graph.parents:
            continue

        below = graph.ancestors(key)
        applied = {NodeKey(key.app, name) for label, name in later if label == row[0]}
        above = graph.in_order((applied & graph.parents.keys()) - below)
        if above:
            branches = (Branch((key,)), Branch(tuple(above)))
            conflict = Conflict(snapshot.apps[key.app], "siblings", None, branches)
            pairs += footprints_of(snapshot, conflict)

    return compare_sides(pairs)

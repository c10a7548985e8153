"""From what a database has applied to how it is brought in line with the files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from migmerge.analysis.former_names import Former
from migmerge.conflicts.commute import Judgement
from migmerge.conflicts.conflict import Verdict
from migmerge.migrations.naming import is_catch_up_name
from migmerge.migrations.operations import title
from migmerge.project.configured_databases import Renamed, Row, Status


class Pair(NamedTuple):
    """A row that may stand for either of two migrations: of that name, or of another that had
    the name in history."""

    label: str
    first: str
    second: str


class FinishedSquash(NamedTuple):
    """A squash that said in `replaces` what it stands for, and says it no more."""

    label: str
    name: str
    replaced: tuple[str, ...]


class Reconciliation(NamedTuple):
    """What is known of one database. `rows` are renamed first, then `runs` is run; `reasons`
    are what to think of, `refused` why nothing is done; `missing` are rows without a file, each
    with what is known of it. `seen` is where the old names were; `schemas` are old names in other
    schemas of the database, which only people can bring in line; `rollbacks` are command lines that
    unapply what was reverted; `records` get a row, since their tables are there; `relabels` are
    command lines that give rows and tables the label that their app has now."""

    status: Status
    rows: tuple[Renamed, ...] = ()
    runs: tuple[Row, ...] = ()
    missing: tuple[tuple[Row, str], ...] = ()
    reasons: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    seen: Mapping[Row, str] = {}
    schemas: tuple[tuple[str, Renamed], ...] = ()
    rollbacks: tuple[str, ...] = ()
    records: tuple[Row, ...] = ()
    relabels: tuple[str, ...] = ()

    @property
    def needed(self) -> bool:
        """Whether a plain `migrate` would not do."""
        return bool(self.rows or self.status.early or self.status.trapped or self.refused)

    @property
    def settled(self) -> bool:
        """Whether a plain `migrate` does all that there is to do."""
        status = self.status
        return status.absent or not (self.needed or self.schemas or status.error or status.stops)


def lost_rows(status: Status, labels: Collection[str]) -> list[Row]:
    """Rows of these apps that no file has, and that no file replaces; those of catch-up migrations
    that are gone stand for nothing."""
    explained = set(status.files) | {row for _, old in status.replaced for row in old}
    rows = [row for row in dict.fromkeys(status.recorded) if not is_catch_up_name(row[1])]
    return [row for row in rows if row[0] in labels and row not in explained]


def replaced_rows(status: Status) -> list[Renamed]:
    """What `replaces` of a file that replaces a single name says of rows that are there."""
    rows, late = set(status.recorded), set(status.unapplied) | set(status.trapped)
    return [
        Renamed(label, old[0][1], name, kept=True)
        for (label, name), old in status.replaced
        if len(old) == 1 and old[0] in rows and (label, name) not in rows
        and (label, name) in late and old[0] not in status.files
    ]  # fmt: skip


def doubtful_rows(
    status: Status, renamed: Collection[Renamed], labels: Collection[str]
) -> list[Pair]:
    """Rows whose file is there, beside one that may have had that name before: it is unapplied, or
    applied under names that its file replaces."""
    taken = {(row.label, row.new) for row in renamed}
    rows = set(status.recorded) & status.files
    carried = [row for row, old in status.replaced if len(old) == 1 and row not in taken]
    return [
        Pair(label, row[1], name)
        for label, name in dict.fromkeys([*status.unapplied, *carried])
        if label in labels and (label, name) not in taken
        for row in sorted(rows)
        if row[0] == label and title(row[1]) == title(name)
    ]


def with_ran(contents: Mapping[Pair, str], ran: Collection[Row]) -> dict[Pair, str]:
    """What rows stand for, by the tables, or else by what people know that the database `ran`."""
    decided = dict(contents)
    for pair, content in contents.items():
        names = {"first": (pair.label, pair.first), "second": (pair.label, pair.second)}
        said = [which for which, name in names.items() if name in ran]
        if content == "unknown" and len(said) == 1:
            decided[pair] = said[0]
    return decided


def reconciliation(
    status: Status,
    formers: Mapping[Row, Former],
    contents: Mapping[Pair, str],
    judged: Callable[[Sequence[Row], Sequence[Row]], Judgement],
    names: Collection[Renamed] = (),
    squashes: Collection[FinishedSquash] = (),
) -> Reconciliation:
    """What to do. `formers` are of the lost rows; `contents` tells for each doubtful row whose
    tables the database has; `judged` compares what runs late with what is applied already;
    `names` are those that a fix gives just now; `squashes` are looked at where rows are lost.
    """
    rows = replaced_rows(status)
    rows += _given(status, names, {(row.label, row.new) for row in rows})
    rows += _squashed(status, squashes)
    renamed = {(row.label, row.old) for row in rows}
    replaced = {
        (squash.label, name): squash.name for squash in squashes for name in squash.replaced
    }
    missing = [(row, f"{replaced[row]} stands for it") for row in formers if row in replaced]
    renamed.update(replaced)
    formers = {row: former for row, former in formers.items() if row not in renamed}
    contents = {
        pair: which for pair, which in contents.items() if (pair.label, pair.first) not in renamed
    }
    contents = _shifted(formers, contents)
    moved = {(pair.label, pair.first) for pair, which in contents.items() if which == "second"}
    open_names = {*status.unapplied, *moved}
    refused = []
    for row, former in formers.items():
        free = [key for key in former.now if (row[0], key.name) in open_names]
        if len(free) == 1:
            rows += _with_replaced(status, Renamed(row[0], row[1], free[0].name))
        elif free:
            any_of = ", ".join(key.name for key in free)
            refused.append(f"{row[0]}.{row[1]} may be any of {any_of}: they do the same")
        else:
            missing.append((row, _known(former)))
            refused += _edited(status, row, former)

    for pair, content in contents.items():
        if content == "second":
            rows += _with_replaced(status, Renamed(*pair))
        elif content == "unknown" and (pair.label, pair.second) in status.unapplied:
            refused.append(_undecided(pair))

    refused += _twice(rows)
    refused += _without_user_table(status)
    refused += [
        f"the app label {one.old} is {one.new} now: what is applied as {one.old} counts as not "
        "applied"
        for one in status.labels
    ]
    given = {(row.label, row.new) for row in (*rows, *names)}
    # what made the tables of these apps as they are may be a migration without a file
    lost = {row[0] for row, _ in missing}
    records = tuple(key for key in status.made if key not in given and key[0] not in lost)
    # else the reconciliation looks itself, with the new names
    if not (rows or records or status.labels):
        refused += [
            f"{column} is there, though no applied migration has it: what is unapplied would "
            "create it again, or drop it"
            for column in status.endangered
        ]

    runs, later = _plan(status, rows, records)
    judgement = judged(runs, later) if rows or status.early or status.trapped else None
    reasons: tuple[str, ...] = ()
    if judgement and judgement.verdict == Verdict.CONTRADICT:
        refused += ["what runs late contradicts what is applied", *judgement.reasons]
    elif judgement:
        reasons = judgement.reasons

    seen = {row: former.seen for row, former in formers.items()}
    return Reconciliation(
        status, tuple(sorted(rows)), tuple(runs), tuple(missing), reasons, tuple(refused), seen,
        records=records,
    )  # fmt: skip


def _without_user_table(status: Status) -> list[str]:
    """The way out that Django's ticket #25313 describes: the new user model takes the old table."""
    if not status.no_user_table:
        return []
    model, table, old = status.no_user_table
    return [
        f"AUTH_USER_MODEL is {model}, and its table {table} is not there: foreign keys are to "
        f'{old}. Set db_table = "{old}" in its Meta and in the migration that creates it, then run '
        "migmerge db reconcile"
    ]


def _with_replaced(status: Status, row: Renamed) -> list[Renamed]:
    """The new name, by way of the one that its file replaces.

    Django takes a file for applied only where all that it replaces is recorded, too
    (MigrationLoader.build_graph).
    """
    old = dict(status.replaced).get((row.label, row.new), ())
    if len(old) != 1 or old[0] in status.recorded:
        return [row]
    between = old[0][1]
    return [row._replace(new=between), Renamed(row.label, between, row.new, kept=True)]


def _squashed(status: Status, squashes: Collection[FinishedSquash]) -> list[Renamed]:
    """Squashes that a database has in the form of all that they replaced, as Django records them
    while `replaces` is there (MigrationExecutor.check_replacements)."""
    recorded, unapplied = set(status.recorded), set(status.unapplied)
    return [
        Renamed(squash.label, squash.replaced[-1], squash.name, kept=True)
        for squash in squashes
        if (squash.label, squash.name) in unapplied
        and all((squash.label, name) in recorded for name in squash.replaced)
    ]


def _given(status: Status, names: Collection[Renamed], taken: Collection[Row]) -> list[Renamed]:
    """Of names that a fix gives, those of apps of which the database ran the side that moves.

    It did where it has an old name that is nobody's now; else the tables have to tell.
    """
    recorded = set(status.recorded)
    here = [row for row in names if (row.label, row.old) in recorded]
    ran = {row.label for row in here if (row.label, row.old) not in status.files}
    return [row for row in here if row.label in ran and (row.label, row.new) not in taken]


def _shifted(formers: Mapping[Row, Former], contents: Mapping[Pair, str]) -> dict[Pair, str]:
    """Whose name is another's now did not run as that one, too: its row has moved on as well."""
    shifted = dict(contents)
    targets = {
        (row[0], former.now[0].name) for row, former in formers.items() if len(former.now) == 1
    }
    while True:
        more = {
            pair
            for pair, content in shifted.items()
            if (pair.label, pair.first) in targets and content != "second"
        }
        if not more:
            return shifted
        shifted |= dict.fromkeys(more, "second")
        targets |= {(pair.label, pair.second) for pair in more}


def _plan(
    status: Status, rows: Sequence[Renamed], records: Collection[Row]
) -> tuple[list[Row], list[Row]]:
    """What is unapplied once the rows are as they shall be, and what is applied though it comes
    later."""
    applied = set(status.order) - set(status.unapplied)
    applied -= {(row.label, row.old) for row in rows if not row.kept}
    applied |= {(row.label, row.new) for row in rows} | set(records)
    runs = [row for row in status.order if row not in applied]
    later = status.order[status.order.index(runs[0]) :] if runs else ()
    return runs, [row for row in later if row in applied]


def _edited(status: Status, row: Row, former: Former) -> list[str]:
    """Renamed and edited since, by its look: to run that would create again what is there."""
    alike = [name for label, name in status.unapplied
             if label == row[0] and title(name) == title(row[1])]  # fmt: skip
    if former.now or not alike or (former.compared and not former.seen):
        return []
    if not former.compared:
        why = "its columns don't tell, and there is no git to compare it with"
        return [f"{row[0]}.{alike[0]} may be {row[1]}: {why}"]
    return [f"{row[0]}.{alike[0]} may be {row[1]}, but has other operations: migrate would run it"]


def _known(former: Former) -> str:
    if former.now:
        return f"{former.now[0].name}, which is applied, does the same"
    if former.empty:
        return f"it had no operations, so nothing is missing (seen in {former.seen})"
    if former.seen:
        return f"nothing has its operations (seen in {former.seen})"
    return "not in git"


def _undecided(pair: Pair) -> str:
    return (
        f"{pair.label}.{pair.first} is applied, and {pair.second} had that name once: "
        "its tables don't tell which of the two ran here. If you know it: migmerge db reconcile "
        f"--ran {pair.label}.{pair.first}, or --ran {pair.label}.{pair.second}"
    )


def _twice(rows: Sequence[Renamed]) -> list[str]:
    news = [(row.label, row.new) for row in rows]
    return [
        f"{label}.{name} would be the new name of two rows"
        for label, name in sorted(set(news))
        if news.count((label, name)) > 1
    ]

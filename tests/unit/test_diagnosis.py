"""What a database needs, from what it has applied: values only."""

from __future__ import annotations

import pytest

from migmerge.analysis.former_names import Former
from migmerge.conflicts.commute import Judgement
from migmerge.conflicts.conflict import Verdict
from migmerge.databases.diagnosis import (
    Pair,
    Reconciliation,
    doubtful_rows,
    lost_rows,
    reconciliation,
    replaced_rows,
    with_ran,
)
from migmerge.migrations.model import NodeKey
from migmerge.migrations.operations import title
from migmerge.project.configured_databases import (
    Database,
    Renamed,
    Status,
    parse_database,
    without_password,
)


def status(recorded: str, order: str, replaced: str = "") -> Status:
    """`"a b"` are the names of shop's rows, and of its files in their order."""
    rows = tuple(("shop", name) for name in recorded.split())
    files = tuple(("shop", name) for name in order.split())
    pairs = [pair.split(" for ") for pair in replaced.split(", ") if pair]
    return Status(
        "default",
        "sqlite",
        "db",
        recorded=rows,
        files=frozenset(files),
        order=files,
        unapplied=tuple(row for row in files if row not in rows),
        replaced=tuple((("shop", new), (("shop", old),)) for new, old in pairs),
    )


def former(old: str, *now: str, seen: str = "abc") -> tuple[tuple[str, str], Former]:
    keys = tuple(NodeKey("shop", name) for name in now)
    return ("shop", old), Former(NodeKey("shop", old), keys, seen)


Known = tuple[tuple[str, str], Former]


def plan(
    given: Status,
    *formers: Known,
    contents: dict[Pair, str] | None = None,
    verdict: Verdict = Verdict.COMMUTE,
) -> Reconciliation:
    judged = Judgement(verdict, () if verdict is Verdict.COMMUTE else ("why",), ())
    return reconciliation(given, dict(formers), contents or {}, lambda runs, later: judged)


CHAIN = "1_a 2_stock 3_x 4_y 5_z"
CASES = {
    "nothing to do": (status("1_a", "1_a 2_b"), [], [], ["2_b"]),
    "one renamed": (status("1_a 2_x", "1_a 2_stock 3_x"), [former("2_x", "3_x")], ["2_x 3_x"], ["2_stock"]),
    "a chain, half of it applied": (
        status("1_a 2_x 3_y", CHAIN),
        [former("2_x", "3_x"), former("3_y", "4_y")],
        ["2_x 3_x", "3_y 4_y"],
        ["2_stock", "5_z"],
    ),
    "by way of the name that the file replaces": (
        status("1_a 2_x", "1_a 2_stock 4_x", "4_x for 3_x"),
        [former("2_x", "4_x")],
        ["2_x 3_x", "3_x 4_x"],
        ["2_stock"],
    ),
    "names that cross": (
        status("1_a 2_x 3_y", "1_a 2_y 3_x"),
        [former("2_x", "3_x"), former("3_y", "2_y")],
        ["2_x 3_x", "3_y 2_y"],
        [],
    ),
    "not in history": (status("1_a 9_q", "1_a 2_b"), [former("9_q", seen="")], [], ["2_b"]),
    "done by another that is applied": (status("1_a 2_x 3_x", "1_a 3_x"), [former("2_x", "3_x")], [], []),
}  # fmt: skip


@pytest.mark.parametrize(("given", "formers", "rows", "runs"), CASES.values(), ids=CASES)
def test_reconciliation(
    given: Status, formers: list[Known], rows: list[str], runs: list[str]
) -> None:
    found = plan(given, *formers)
    assert [f"{row.old} {row.new}" for row in found.rows] == rows
    assert [name for _, name in found.runs] == runs
    assert found.refused == ()
    assert found.needed == bool(rows)


def test_reconciliation_of_a_row_whose_migration_has_another_one() -> None:
    """It goes: what the file replaces is recorded already."""
    given = status("1_a 2_x 3_x 4_x", "1_a 2_x 4_x", "4_x for 3_x")
    found = plan(given, contents={Pair("shop", "2_x", "4_x"): "second"})
    assert found.rows == (Renamed("shop", "2_x", "4_x"),)


@pytest.mark.parametrize(
    ("given", "names", "rows"),
    [
        # the database ran the side that moves: the old name is nobody's now
        (status("1_a 2_x", "1_a 2_stock 3_x"), "2_x:3_x", "2_x:3_x"),
        # the old name is another file's: the tables have to tell
        (status("1_a 2_x", "1_a 2_x 3_x"), "2_x:3_x", ""),
        # of a chain one old name that is nobody's is enough
        (status("1_a 2_x 3_y", "1_a 2_x 3_x 4_y"), "2_x:3_x 3_y:4_y", "2_x:3_x 3_y:4_y"),
        # not applied here
        (status("1_a", "1_a 2_stock 3_x"), "2_x:3_x", ""),
        # `replaces` of the file says so already
        (status("1_a 2_x", "1_a 2_stock 3_x", "3_x for 2_x"), "2_x:3_x", "2_x:3_x"),
    ],
)
def test_reconciliation_of_what_a_fix_renames(given: Status, names: str, rows: str) -> None:
    renamed = [Renamed("shop", old, new) for old, new in (n.split(":") for n in names.split())]
    judged = Judgement(Verdict.COMMUTE, (), ())
    found = reconciliation(given, {}, {}, lambda runs, later: judged, renamed)
    assert [f"{row.old}:{row.new}" for row in found.rows] == rows.split()


REFUSED = {
    "any of two": (status("1_a 2_x", "1_a 3_x 4_x"), [former("2_x", "3_x", "4_x")], "shop.2_x may be any of 3_x, 4_x: they do the same"),
    "edited": (status("1_a 2_x", "1_a 3_x"), [former("2_x")], "shop.3_x may be 2_x, but has other operations: migrate would run it"),
    "two of one": (
        status("1_a 2_x 2_w", "1_a 3_x"),
        [former("2_x", "3_x"), former("2_w", "3_x")],
        "shop.3_x would be the new name of two rows",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("given", "formers", "reason"), REFUSED.values(), ids=REFUSED)
def test_reconciliation_refused(given: Status, formers: list[Known], reason: str) -> None:
    assert plan(given, *formers).refused == (reason,)


def test_reconciliation_of_what_contradicts() -> None:
    given = status("1_a 2_x", "1_a 2_stock 3_x")
    found = plan(given, former("2_x", "3_x"), verdict=Verdict.CONTRADICT)
    assert found.refused == ("what runs late contradicts what is applied", "why")
    found = plan(given, former("2_x", "3_x"), verdict=Verdict.OPAQUE)
    assert (found.refused, found.reasons) == ((), ("why",))


def test_lost_rows_are_not_those_that_a_file_replaces() -> None:
    given = status("1_a 2_x 9_q", "1_a 3_x", "3_x for 2_x")
    assert lost_rows(given, {"shop"}) == [("shop", "9_q")]
    assert lost_rows(given, {"cart"}) == []
    assert replaced_rows(given) == [Renamed("shop", "2_x", "3_x", True)]


def test_doubtful_rows_have_the_same_title() -> None:
    given = status("0001_a 0002_extra", "0001_a 0002_extra 0003_extra 0004_other")
    pair = Pair("shop", "0002_extra", "0003_extra")
    assert doubtful_rows(given, [], {"shop"}) == [pair]
    assert doubtful_rows(given, [Renamed("shop", "0001_a", "0003_extra")], {"shop"}) == []
    second = plan(given, contents={pair: "second"})
    assert second.rows == (Renamed("shop", "0002_extra", "0003_extra"),)
    assert [name for _, name in second.runs] == ["0002_extra", "0004_other"]
    first = plan(given, contents={pair: "first"})
    assert (first.rows, first.refused) == ((), ())
    assert plan(given, contents={pair: "unknown"}).refused == (
        "shop.0002_extra is applied, and 0003_extra had that name once: "
        "its tables don't tell which of the two ran here. If you know it: migmerge db reconcile "
        "--ran shop.0002_extra, or --ran shop.0003_extra",
    )


def test_with_ran_asks_people_only_where_the_tables_do_not_tell() -> None:
    pair = Pair("shop", "0002_extra", "0003_extra")
    first, second = ("shop", "0002_extra"), ("shop", "0003_extra")
    assert with_ran({pair: "unknown"}, [second]) == {pair: "second"}
    assert with_ran({pair: "unknown"}, [first]) == {pair: "first"}
    assert with_ran({pair: "unknown"}, [first, second]) == {pair: "unknown"}
    assert with_ran({pair: "unknown"}, [("cart", "0003_extra")]) == {pair: "unknown"}
    assert with_ran({pair: "first"}, [second]) == {pair: "first"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [("0002_extra", "extra"), ("extra", "extra"), ("x_y", "x_y"), ("0002", "")],
)
def test_title(name: str, expected: str) -> None:
    assert title(name) == expected


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://me:secret@host:5433/shop", "postgres://me@host:5433/shop"),
        ("postgres://me:se:cr@et@host/shop", "postgres://me@host/shop"),
        ("postgres://host:5433/shop", "postgres://host:5433/shop"),
        ("default", "default"),
    ],
)
def test_without_password(text: str, shown: str) -> None:
    assert without_password(text) == shown


def test_parse_database() -> None:
    assert parse_database("other") == Database("other")
    found = parse_database("postgres://me:p%40ss@host:5433/shop?sslmode=require")
    assert found == Database(
        "",
        {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "shop",
            "USER": "me",
            "PASSWORD": "p@ss",
            "HOST": "host",
            "PORT": "5433",
            "OPTIONS": {"sslmode": "require"},
        },
    )
    settings = parse_database("sqlite:////a/b.sqlite3").settings
    assert settings and settings["NAME"] == "/a/b.sqlite3"

"""What is said to commute does: both orders give one state, schema and rows on real databases."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from migmerge.conflicts.commute import compare_sides
from migmerge.migrations.facts import gather
from migmerge.migrations.footprints import footprints
from migmerge.migrations.operations import read_script
from tests.conftest import some
from tests.project import hazards
from tests.project.operations_pool import BASE, POOL, POSTGRES, migration

Pair = tuple[str, str]


def pairs(engine: str, steps: tuple[int, ...]) -> list[Pair]:
    """Every operation of the pool with as many others as there are steps, twice."""
    names = [name for name in sorted(POOL) if engine == "postgresql" or name not in POSTGRES]
    return [
        (name, names[(index + step) % len(names)])
        for step in steps
        for index, name in enumerate(names)
    ]


def verdict(pair: Pair) -> str:
    scripts = [
        read_script(migration(*POOL[name]).encode(), "shop", place)
        for name, place in zip(pair, ("0002_a", "0002_b"), strict=True)
    ]
    facts = gather([read_script(BASE.encode(), "shop", "0001")], scripts)
    one, other = (footprints(script, facts) for script in scripts)
    return compare_sides([(one, other)]).verdict


def outcomes(engine: str, asked: Sequence[Pair]) -> list[str]:
    """What differs between the two orders of each pair; empty where nothing does."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "both_orders.py"), engine],
        input=json.dumps(asked), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return list(json.loads(done.stdout))


def hold(engine: str, asked: Sequence[Pair]) -> float:
    """Nothing unsafe; the share of pairs that commute and are said not to."""
    said = [verdict(pair) for pair in asked]
    found = outcomes(engine, asked)
    unsafe = [
        f"{one} / {other}: {outcome[:200]}"
        for (one, other), outcome, word in zip(asked, found, said, strict=True)
        if outcome and word == "commute"
    ]
    assert unsafe == []
    careful = sum(not o and w != "commute" for o, w in zip(found, said, strict=True))
    return careful / len(asked)


def test_commute_on_sqlite() -> None:
    assert hold("sqlite", pairs("sqlite", (1,))[::8]) < 0.2


@pytest.mark.postgresql
@pytest.mark.usefixtures("postgresql")
def test_commute_on_postgresql() -> None:
    assert hold("postgresql", pairs("postgresql", (2,))[::8]) < 0.2


@pytest.mark.corpus
@pytest.mark.parametrize("step", some([3, 17, 40, 59, 77, 101]))
def test_commute_on_sqlite_widely(step: int, record_property: Callable[[str, float], None]) -> None:
    share = hold("sqlite", some(pairs("sqlite", (step,))))
    record_property("over-cautious", share)
    assert share < 0.2


@pytest.mark.corpus
@pytest.mark.postgresql
@pytest.mark.usefixtures("postgresql")
@pytest.mark.parametrize("step", some([5, 23, 43, 61, 83, 103]))
def test_commute_on_postgresql_widely(
    step: int, record_property: Callable[[str, float], None]
) -> None:
    share = hold("postgresql", some(pairs("postgresql", (step,))))
    record_property("over-cautious", share)
    assert share < 0.2


def test_every_operation_has_a_footprint() -> None:
    """Those of django.contrib.postgres too."""
    code = (
        "import inspect, json\n"
        "from django.contrib.postgres import operations as own\n"
        "from django.db.migrations import operations\n"
        "from django.db.migrations.operations.base import Operation\n"
        "print(json.dumps(sorted(name for module in (operations, own)\n"
        "    for name, value in vars(module).items()\n"
        "    if inspect.isclass(value) and issubclass(value, Operation))))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    from migmerge.migrations.footprints import READERS

    base_classes = {"Operation", "CollationOperation"}  # none that a migration names
    known = {*READERS, *base_classes, "SeparateDatabaseAndState"}
    assert set(json.loads(done.stdout)) <= known


@pytest.mark.corpus
def test_hazards_are_as_their_page_says() -> None:
    """docs/hazards.md: stock Django's outcome and ours, each on a real project."""
    page = Path(__file__).parents[2] / "docs/hazards.md"
    lines = page.read_text().splitlines()
    assert tuple(lines[: len(hazards.TOP)]) == hazards.TOP
    told = lines[len(hazards.TOP) :]
    assert len(told) == len(hazards.HAZARDS) >= 25
    assert hazards.rows(some(hazards.HAZARDS)) == list(some(told))
    assert not any("**commute**" in line for line in lines)
    wrong = [line for line in lines if "databases differ" in line or "`migrate` fails" in line]
    assert len(wrong) > 25
    assert all("| fails: " in line for line in wrong)

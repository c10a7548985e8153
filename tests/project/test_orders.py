"""What is said to commute does: both orders give one state, schema and rows on real databases."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from migmerge.migrations.footprints import READERS
from tests.conftest import some, thinned
from tests.project import hazards
from tests.project.commute_pairs import Pair, edits, outcomes, random_pairs, tally
from tests.project.everyday_pairs import MIGRATIONS, everyday_pairs
from tests.project.further_operations import pool

pytestmark = pytest.mark.once  # Django and the databases judge, whatever runs the tests
ENGINES = [
    "sqlite",
    pytest.param("postgresql", marks=pytest.mark.postgresql),
    pytest.param("mariadb", marks=pytest.mark.mariadb),
]
WIDELY = [
    *(("sqlite", step) for step in (3, 17, 40, 59, 77, 101)),
    *(
        pytest.param("postgresql", step, marks=pytest.mark.postgresql)
        for step in (5, 23, 43, 61, 83, 103)
    ),
    *(pytest.param("mariadb", step, marks=pytest.mark.mariadb) for step in (7, 71)),
]


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """An engine whose server runs."""
    if request.param != "sqlite":
        request.getfixturevalue(request.param)
    return str(request.param)


def stepped_pairs(engine: str, step: int) -> list[Pair]:
    """Every operation of the pool with the one that stands so many steps further on."""
    names = list(pool(engine))
    return [(name, names[(place + step) % len(names)]) for place, name in enumerate(names)]


def share_of_cautious(engine: str, pairs: Sequence[Pair], texts: Mapping[str, str]) -> float:
    """Of all pairs, those that commute and are said not to. Not one may be unsafe."""
    counted = tally(engine, pairs, texts)
    assert counted.unsafe == ()
    return len(counted.cautious) / counted.tried


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_commute_on_operations_of_the_pool(engine: str) -> None:
    every = 80 if engine == "mariadb" else 24
    assert share_of_cautious(engine, stepped_pairs(engine, 1)[::every], pool(engine)) < 0.3


def test_commute_on_migrations_of_the_autodetector() -> None:
    texts = edits("sqlite", 16, 7)
    assert len(texts) > 9
    assert share_of_cautious("sqlite", random_pairs(list(texts), 16, 7), texts) < 0.3


@pytest.mark.parametrize("first", thinned(range(4), 4))
def test_commute_on_everyday_pairs(first: int) -> None:
    pairs = everyday_pairs("sqlite")[first::4]
    assert share_of_cautious("sqlite", pairs, MIGRATIONS) < 0.5


@pytest.mark.corpus
@pytest.mark.parametrize(("engine", "step"), some(WIDELY), indirect=["engine"])
def test_commute_on_the_pool_widely(
    engine: str, step: int, record_property: Callable[[str, float], None]
) -> None:
    every = 10 if engine == "mariadb" else 1
    share = share_of_cautious(engine, some(stepped_pairs(engine, step))[::every], pool(engine))
    record_property("over-cautious", share)
    assert share < 0.25


@pytest.mark.corpus
@pytest.mark.postgresql
@pytest.mark.usefixtures("postgresql")
def test_commute_on_migrations_of_the_autodetector_on_postgresql() -> None:
    texts = edits("postgresql", 30, 8)
    assert share_of_cautious("postgresql", random_pairs(list(texts), 60, 8), texts) < 0.2


@pytest.mark.corpus
@pytest.mark.slowest
@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_operations_of_the_pool_work_alone(engine: str) -> None:
    texts = dict(some(list((pool(engine) | MIGRATIONS).items())))
    alone = outcomes(engine, [(text, "") for text in texts.values()])
    unfit = {name: outcome for name, outcome in zip(texts, alone, strict=True) if outcome}
    assert not {name for name in unfit if (engine, name) != ("mariadb", "sql drop index")}


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

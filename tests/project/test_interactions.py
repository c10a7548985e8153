"""What was once said to commute, and does not."""

from __future__ import annotations

import pytest

from tests.conftest import some
from tests.project.commute_pairs import judge, outcomes
from tests.project.interacting_pairs import INTERACTING

pytestmark = pytest.mark.once


@pytest.mark.parametrize("pair", INTERACTING.values(), ids=INTERACTING)
def test_interacting_pairs_do_not_commute(pair: tuple[str, str]) -> None:
    judgement = judge(*pair)
    assert judgement.verdict != "commute"
    assert judgement.reasons


@pytest.mark.corpus
@pytest.mark.postgresql
@pytest.mark.usefixtures("postgresql")
def test_interacting_pairs_differ_on_some_database() -> None:
    titles = some(list(INTERACTING))
    asked = [p for t in titles for p in (INTERACTING[t], *((side, "") for side in INTERACTING[t]))]
    differ: set[str] = set()
    for engine in ("sqlite", "postgresql"):
        found = outcomes(engine, asked)
        for place, title in enumerate(titles):
            both, *alone = found[3 * place : 3 * place + 3]
            differ |= {title} if both and not any(alone) else set()

    assert differ == set(titles)

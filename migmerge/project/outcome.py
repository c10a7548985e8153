"""The outcome of one check of a result: it passed, could not run, or failed."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple


class Status(Enum):
    """How a check ended; a check that could not run has not passed."""

    OK = "ok"
    SKIPPED = "skipped"
    FAILED = "failed"


class Outcome(NamedTuple):
    """A status with its detail: what was checked, or why it was skipped or failed.

    `waived`: it was skipped because the user asked for that.
    """

    status: Status = Status.OK
    detail: str = ""
    waived: bool = False

    @property
    def why(self) -> str:
        """Why it has not passed; empty where it has."""
        return "" if self.status is Status.OK else self.detail

    def __str__(self) -> str:
        return f"{self.status.value}: {self.detail}" if self.detail else self.status.value


def skipped(why: str, *, waived: bool = False) -> Outcome:
    """A check that could not run, or was not wanted."""
    return Outcome(Status.SKIPPED, why, waived)


def failed(why: str) -> Outcome:
    """A check that found something wrong."""
    return Outcome(Status.FAILED, why)


def combine(outcomes: Iterable[tuple[str, Outcome]]) -> Outcome:
    """One outcome for several projects, each given with its name: the worst, and whose it is."""
    named = list(outcomes)
    if len(named) == 1:
        return named[0][1]

    for status in (Status.FAILED, Status.SKIPPED):
        worst = [(name, outcome) for name, outcome in named if outcome.status is status]
        if worst:
            break
    else:
        worst = named

    details = [f"{name}: {o.detail}" if o.detail else name for name, o in worst]
    waived = bool(worst) and all(outcome.waived for _, outcome in worst)
    return Outcome(worst[0][1].status if worst else Status.OK, "; ".join(details), waived)

"""What a check has looked at, for every format."""

from __future__ import annotations

from typing import NamedTuple

from migmerge.analysis.findings import Findings
from migmerge.analysis.snapshot import Snapshot


class Checked(NamedTuple):
    """A tree and its findings; `against` is the ref that it would be merged with, if any, `hidden`
    how many more there are than were asked for."""

    snapshot: Snapshot
    findings: Findings
    against: str = ""
    hidden: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """How many migrations and apps there are."""
        return len(self.snapshot.graph.nodes), len(self.snapshot.apps)

"""The values between deciding and writing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from migmerge.conflicts.conflict import SetOnBothSides
from migmerge.migrations.model import NodeKey


class CatchUp(NamedTuple):
    """The catch-up migration of an app: the last of the chain that it stands `behind`, the leaf
    node that came in `before` the chain, and its own name; all by new name."""

    behind: str
    before: str
    name: str


class FinalMigration(NamedTuple):
    """A migration behind all others of an app that sets what both sides set to what the project's
    models say, or (`merged`) to what both sides changed, as their files say."""

    name: str
    source: bytes
    merged: bool = False


class GraphChange(NamedTuple):
    """What a strategy does to the graph of one app.

    - `names`: the new name of each renamed node.
    - `repoint`: nodes that get another parent in place of an old one (None: in addition).
    - `merge`: the leaves, by new name, that a merge migration joins; `set_on_both_sides` is what it
      sets to what the project's models say, `text` all of it where that is decided without them.
    - `dropped`: nodes whose file is removed, each with the one that stands for it.
    - `kept_data_migrations`: those that go behind what is regenerated.
    - `leaf`: the name of the only leaf afterwards, where no merge migration is made.
    - `carry`: each renamed file says in `replaces` which name databases know, with the catch-up
      migration `catch_up` behind them; `without_replaces` are files that lose it.
    - `final`: one more migration, behind the leaf.
    """

    app: str
    strategy: str
    names: Mapping[NodeKey, str]
    repoint: Mapping[NodeKey, tuple[NodeKey | None, str]]
    merge: tuple[str, ...] = ()
    set_on_both_sides: tuple[SetOnBothSides, ...] = ()
    text: bytes = b""
    dropped: Mapping[NodeKey, NodeKey] = {}
    kept_data_migrations: tuple[NodeKey, ...] = ()
    leaf: str = ""
    carry: bool = False
    catch_up: CatchUp | None = None
    without_replaces: frozenset[NodeKey] = frozenset()
    final: FinalMigration | None = None


class Refusal(NamedTuple):
    """Why an app is not fixed, and what to run instead; `kind` is one of report/messages.py."""

    app: str
    kind: str
    reasons: tuple[str, ...]
    next: tuple[str, ...] = ()


class PlanDraft(NamedTuple):
    """What is decided so far: graph changes, refusals, and what is reported of each app."""

    graph_changes: list[GraphChange]
    refusals: list[Refusal]
    reasons: dict[str, tuple[str, ...]]

    def refuse(self, refusals: Collection[Refusal]) -> PlanDraft:
        """The same without the graph changes of apps that are refused."""
        apps = {refusal.app for refusal in refusals}
        left = [change for change in self.graph_changes if change.app not in apps]
        return self._replace(graph_changes=left, refusals=[*self.refusals, *refusals])

    def with_reasons(self, reasons: Mapping[str, Sequence[str]]) -> PlanDraft:
        """The same with more reasons, behind those that an app has."""
        all_reasons = dict(self.reasons)
        for app, more in reasons.items():
            all_reasons[app] = (*all_reasons.get(app, ()), *more)
        return self._replace(reasons=all_reasons)


class Change(NamedTuple):
    """What becomes of a path: its new bytes, or None when the file goes.

    `stored`: the bytes are as git stores them (from an index stage), not as they
    stand in the work tree; `mode_of` is the path whose file mode a new file takes.
    """

    data: bytes | None
    stored: bool = False
    mode_of: str = ""


class Mention(NamedTuple):
    """A line that names a renamed migration and is left to the user."""

    path: str
    line: int
    text: str


class FixStatus(str, Enum):
    """What happened, or would happen, to an app."""

    FIXED = "fixed"
    PLANNED = "planned"
    REFUSED = "refused"


class Resolution(NamedTuple):
    """What happened, or would happen, to one app; the keys of `fix`'s JSON.

    `app` is its label, `key` its key, which no other app has. `kind` is the refusal's, where it
    is refused. `carried`: a plain `migrate` is all that its renamed migrations need.
    """

    app: str
    status: FixStatus
    strategy: str
    renamed: Mapping[str, str] = {}
    edited: tuple[str, ...] = ()
    created: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    mentions: tuple[Mention, ...] = ()
    reasons: tuple[str, ...] = ()
    next: tuple[str, ...] = ()
    kind: str = ""
    key: str = ""
    carried: bool = False


def refused(label: str, refusal: Refusal) -> Resolution:
    """What is reported of an app that is not fixed; `label` is its label."""
    return Resolution(
        label,
        FixStatus.REFUSED,
        "",
        reasons=refusal.reasons,
        next=refusal.next,
        kind=refusal.kind,
        key=refusal.app,
    )


class FixPlan(NamedTuple):
    """Everything that a fix writes, and what to report of each app."""

    changes: Mapping[str, Change]
    resolutions: tuple[Resolution, ...]

"""The values that stand for what is wrong with a set of migrations."""

from __future__ import annotations

from enum import Enum
from typing import Literal, NamedTuple

from migmerge.migrations.model import App, NodeKey


class Branch(NamedTuple):
    """One side of a conflict: its nodes after the common ancestor, parents first.

    `published` is None when there is no base branch, or when only a part of it is published;
    `published_on` names the ref that has it, where the base branch has not.
    `refs` are those of the commits to be merged that have it as a whole.
    """

    nodes: tuple[NodeKey, ...]
    side: Literal["onto", "replayed", "unknown"] = "unknown"
    published: bool | None = None
    refs: tuple[str, ...] = ()
    published_on: str = ""

    @property
    def leaf(self) -> NodeKey:
        """The node on which no other of the branch depends."""
        return self.nodes[-1]


class Place(NamedTuple):
    """A line of a file; line 0 means the whole file."""

    path: str
    line: int


class SetOnBothSides(NamedTuple):
    """What both sides set: a `field` of `label.model`, or `options`, `unique_together` … of it.

    `obstacle` says why no merge migration could set it right in every database; `state_only` that
    the difference is in no database, as that of two `choices` or, as far as the files show, of a
    custom field's own arguments; `certain` that no project has to be asked about that.
    """

    model: str
    kind: str
    field: str = ""
    obstacle: str = ""
    state_only: bool = False
    certain: bool = False


class Verdict(str, Enum):
    """Whether two sides give the same state, schema and data in either order, best first."""

    COMMUTE = "commute"
    OPAQUE = "opaque"
    OVERLAP = "overlap"
    CONTRADICT = "contradict"

    @property
    def severity(self) -> int:
        """The higher, the worse."""
        return list(Verdict).index(self)


class Operation(NamedTuple):
    """An operation of a migration, each by name."""

    migration: str
    name: str

    def __str__(self) -> str:
        return f"{self.migration} holds {self.name}"


class TwoVersions(NamedTuple):
    """Two migrations under one name that make one change of rows; `likeness` in per cent."""

    ours: NodeKey
    theirs: NodeKey
    likeness: int


class Assessment(NamedTuple):
    """What the operations of the sides say of a conflict; nothing for kinds without sides.

    `set_on_both_sides` is what both sides set, so that an empty merge migration would let databases
    differ for ever. `duplicates` are `(replayed, onto)` nodes of the same content. Of the side that
    moves, `not_regenerable` is what makemigrations would not make again, and `kept_data_migrations`
    are those that are kept and moved behind what is regenerated. `two_versions` are files that both
    sides added, and whose change must not be made twice.
    """

    verdict: Verdict | None = None
    set_on_both_sides: tuple[SetOnBothSides, ...] = ()
    duplicates: tuple[tuple[NodeKey, NodeKey], ...] = ()
    not_regenerable: tuple[Operation, ...] = ()
    kept_data_migrations: tuple[NodeKey, ...] = ()
    two_versions: tuple[TwoVersions, ...] = ()


class Advice(NamedTuple):
    """What to do about a conflict: a strategy, or `manual`, and commands that can be pasted."""

    recommendation: str = "manual"
    commands: tuple[str, ...] = ()


class Conflict(NamedTuple):
    """A collision, with what is known of its sides and what to do about it.

    `place` points into the file that is at fault, where a single one is; `missing` are the nodes
    that are named and not there. `reasons` are for people. `in_place`: what is wrong is in a file
    that keeps its place in the graph, so that it stands in the way of nothing else.
    """

    app: App
    kind: str
    common_ancestor: NodeKey | None = None
    branches: tuple[Branch, ...] = ()
    place: Place | None = None
    reasons: tuple[str, ...] = ()
    missing: tuple[NodeKey, ...] = ()
    assessment: Assessment = Assessment()
    advice: Advice = Advice()
    in_place: bool = False

    @property
    def stays(self) -> Branch:
        """The branch that is onto; the first one where it isn't known."""
        return next((b for b in self.branches if b.side == "onto"), self.branches[0])

    @property
    def stays_is_theirs(self) -> bool:
        """Whether git's stage 3 is the version that stays of a file that both sides added."""
        return any(key.version for key in self.stays.nodes)

    @property
    def set_in_state_only(self) -> bool:
        """Whether both sides set something, and none of it is in a database."""
        settings = self.assessment.set_on_both_sides
        return bool(settings) and all(setting.state_only for setting in settings)

    @property
    def only_onto(self) -> Branch | None:
        """The branch that is onto; None where it isn't known, or is not one."""
        onto = [branch for branch in self.branches if branch.side == "onto"]
        return onto[0] if len(onto) == 1 else None

    def shown(self, key: NodeKey) -> str:
        """A node's name: with its app where that is another one, with its side where both sides
        added the file."""
        if key.app != self.app.key:
            return str(key)
        collided = {k.name for branch in self.branches for k in branch.nodes if k.version}
        if key.name not in collided:
            return key.name
        return f"{key.name} ({'theirs' if key.version else 'ours'})"


class Notice(NamedTuple):
    """Something to know that is no conflict, with a `kind` as those have; ends up on stderr."""

    place: Place
    text: str
    kind: str

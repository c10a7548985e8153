"""The JSON documents that other programs read: docs/json.md and docs/schema/ are made from these.

Within version 1 keys are only ever added, and so are values of ids and kinds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypedDict

from migmerge.report.database_documents import StatusDocument, VerifyDocument

VERSION: Literal[1] = 1


class BranchDocument(TypedDict):
    """One side of a finding."""

    side: Literal["onto", "replayed", "unknown"]
    """`onto` stays, `replayed` moves where one has to."""
    published: bool | None
    """Whether the base branch or another published ref has it; null where that is not known, or
    true of a part only."""
    published_on: str
    """The ref that has it, where the base branch has not."""
    applied: None
    """Always null: `check` asks no database."""
    refs: Sequence[str]
    """With `--against`: what of the merged commits has the whole side."""
    migrations: Sequence[str]
    """Names, parents first."""
    paths: Sequence[str]
    """Their files, from the top of the repository."""


class FindingDocument(TypedDict):
    """One finding of `check`."""

    id: str
    """The message's id, `MM101`."""
    app: str
    """The app's label."""
    directory: str
    """Its migration directory."""
    kind: str
    """The id in a word, `siblings`."""
    common_ancestor: str | None
    """The last migration that the sides share."""
    path: str | None
    """The file at fault, where it is a single one."""
    line: int | None
    """The line in it."""
    branches: Sequence[BranchDocument]
    """The sides; empty for kinds that have none."""
    verdict: str | None
    """`commute`, `overlap`, `opaque` or `contradict`."""
    reasons: Sequence[str]
    """Why, in sentences."""
    recommendation: str
    """`merge`, `renumber`, `regenerate`, `restore` or `manual`."""
    commands: Sequence[str]
    """What to run next, one after the other."""
    against: str
    """With `--against`: the ref whose merge has the finding."""


class NoticeDocument(TypedDict):
    """Something to know that fails nothing."""

    id: str
    """The message's id, `MM201`."""
    path: str
    """The file."""
    line: int
    """The line in it; 0 for all of it."""
    text: str
    """The sentence."""


class CheckDocument(TypedDict):
    """`migmerge check --format json`."""

    version: Literal[1]
    """The version of this document."""
    source: str
    """What was read: `worktree`, `index`, `merge`, or a commit."""
    against: Sequence[str]
    """The refs of `--against`."""
    base: str | None
    """The base branch, where it was asked for."""
    migrations: int
    """How many were read."""
    apps: int
    """In how many apps."""
    conflicts: Sequence[FindingDocument]
    """The findings; with one or more the exit code is 1."""
    notices: Sequence[NoticeDocument]
    """What else is to be known."""
    errors: Sequence[str]
    """Always empty: an error ends the command with exit code 2."""


class MentionDocument(TypedDict):
    """A line that names a renamed migration and was left alone."""

    path: str
    """The file."""
    line: int
    """The line in it."""
    text: str
    """The line itself."""


class ResolutionDocument(TypedDict):
    """What became, or would become, of one app."""

    app: str
    """The app's label."""
    key: str
    """The label, or the migration directory where several apps have this label."""
    status: Literal["fixed", "planned", "refused"]
    """`planned` with `--dry-run`, or where nobody agreed."""
    strategy: str | None
    """`merge`, `renumber`, `regenerate`, `drop`, `repoint`, `restore` or `lock-file`."""
    kind: str | None
    """Why it is refused, in a word."""
    id: str | None
    """The id of that message, `MM401`."""
    renamed: dict[str, str]
    """Old path to new path."""
    edited: Sequence[str]
    """Paths."""
    created: Sequence[str]
    """Paths."""
    removed: Sequence[str]
    """Paths."""
    mentions: Sequence[MentionDocument]
    """Other places that name what was renamed."""
    reasons: Sequence[str]
    """Why, in sentences."""
    next: Sequence[str]
    """What to run, where it is refused."""
    carried: bool
    """Whether the old names are kept in `replaces`, so that databases need `migrate` only."""


class VerificationDocument(TypedDict):
    """Each `ok`, `skipped: why` or `failed: why`; empty where nothing was looked at."""

    static: str
    """The files."""
    django: str
    """The project's own loader and makemigrations."""
    databases: str
    """Scratch databases from every starting point."""
    reconciled: str
    """The configured databases that had an old name."""
    verified: bool
    """Whether all of it was checked and is right; false for what was skipped."""


class FixDocument(TypedDict):
    """`migmerge fix --format json`."""

    version: Literal[1]
    """The version of this document."""
    resolutions: Sequence[ResolutionDocument]
    """One for each app with a conflict."""
    plan: Sequence[str]
    """Paths that would be written."""
    written: Sequence[str]
    """Paths that were."""
    verification: VerificationDocument
    """What was looked at afterwards."""
    note: str
    """What git waits for now."""


class ProblemDocument(TypedDict):
    """Something that isn't as it should be."""

    id: str
    """A word that stays."""
    text: str
    """The sentence."""
    command: str
    """What fixes it."""


class DoctorDatabaseDocument(TypedDict):
    """A database of a project's settings."""

    alias: str
    """In the settings."""
    place: str
    """Engine, name and host."""
    reachable: bool | None
    """Null where it was not tried: it is not on this machine, or no file yet."""


class DoctorProjectDocument(TypedDict):
    """What a project runs on."""

    project: str
    """The directory of its manage.py, from the top of the repository."""
    error: str | None
    """Why it does not run."""
    python: str | None
    """Its Python's version."""
    executable: str | None
    """Its interpreter."""
    django: str | None
    """Its Django's version."""
    settings: str | None
    """Its settings module."""
    databases: Sequence[DoctorDatabaseDocument]
    """Its databases."""


class DoctorDocument(TypedDict):
    """`migmerge doctor --format json`."""

    version: Literal[1]
    """The version of this document."""
    problems: Sequence[ProblemDocument]
    """None: all is well."""
    projects: Sequence[DoctorProjectDocument]
    """The Django projects that were looked at."""


class OpenBranchDocument(TypedDict):
    """A branch that was looked at."""

    name: str
    """As git shows it."""
    commit: str
    """Its last."""
    fork: str
    """The commit where it left the base branch."""
    date: str
    """Of its last commit."""
    author: str
    """Of its last commit."""
    migrations: Sequence[str]
    """Paths that it adds."""


class CollisionDocument(TypedDict):
    """Two branches that will collide; one may be the base branch."""

    id: str
    """The message's id that the merge would have."""
    branches: Sequence[str]
    """Both names."""
    app: str
    """The app's label."""
    directory: str
    """Its migration directory."""
    kind: str
    """The id in a word."""
    migrations: Sequence[Sequence[str]]
    """Of each branch, the names that take part."""
    verdict: str | None
    """`commute`, `overlap`, `opaque` or `contradict`."""
    reasons: Sequence[str]
    """Why, in sentences."""


class ForecastDocument(TypedDict):
    """`migmerge forecast --format json`."""

    version: Literal[1]
    """The version of this document."""
    base: str
    """The branch that the others will be merged into."""
    looked_at: int
    """How many branches were."""
    branches: Sequence[OpenBranchDocument]
    """Those that bring migrations."""
    collisions: Sequence[CollisionDocument]
    """With one or more the exit code is 1."""


# by the name of the command
DOCUMENTS = {
    "check": CheckDocument,
    "fix": FixDocument,
    "verify": VerifyDocument,
    "db-status": StatusDocument,
    "doctor": DoctorDocument,
    "forecast": ForecastDocument,
}

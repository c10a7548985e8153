"""The JSON of `verify` and `db status`, as types; see documents.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypedDict


class PointDocument(TypedDict):
    """How a database that began at one starting point arrived."""

    alias: str
    """The alias in the project's settings that it stands for."""
    name: str
    """`fresh`, `ancestor`, a side, or `both`."""
    unbuilt: str
    """Why there is no such database."""
    error: str
    """What stopped its `migrate`."""
    lost: Sequence[str]
    """Columns whose values are not as they were."""
    unlike: str
    """Tables that are not as the first point's."""
    differs: str
    """Rows that are not."""
    left: Sequence[str]
    """Rows of django_migrations without a file."""
    reconciled: bool
    """Its rows were renamed first, as `migmerge db reconcile` does."""
    status: Literal["ok", "failed", "skipped"]
    """All of this in a word."""


class ProjectDocument(TypedDict):
    """What one Django project says."""

    apps: Sequence[str]
    """Labels."""
    django: str
    """`ok`, `skipped: why` or `failed: why`."""
    databases: str | None
    """Why none was tried."""
    seconds: float
    """What trying took."""
    from_state: bool
    """Whether tables of the common ancestor were made from the state of its migrations, which were
    not run."""
    points: Sequence[PointDocument]
    """Where each database arrived."""
    no_rows: Sequence[str]
    """Tables that no row could be put into, with why."""
    refused_effects: Sequence[str]
    """What migrations tried outside of the scratch databases."""
    code_left_out: Sequence[str]
    """Migrations whose RunPython was not run (`verify_code`)."""


class VerifyDocument(TypedDict):
    """`migmerge verify --format json`."""

    version: Literal[1]
    """The version of this document."""
    server: str
    """Where the scratch databases were."""
    verified: bool
    """Whether everything was tried, and is right."""
    since: str
    """What the starting points are taken from."""
    projects: Sequence[ProjectDocument]
    """Mostly one."""


class MigrateDocument(TypedDict):
    """What a plain `migrate` would do now."""

    runs: Sequence[str]
    """Migrations, in order."""
    stops: str | None
    """Why it would stop."""


class DatabaseDocument(TypedDict):
    """One database against the files."""

    alias: str
    """In the project's settings."""
    vendor: str
    """`sqlite`, `postgresql`, `mysql` …"""
    name: str
    """The database or file, and where it is."""
    engine: str
    """`SQLite`, `PostgreSQL`, `MariaDB` …"""
    host: str
    """Host and port of the settings; empty for a file and for a local socket."""
    project: str
    """The directory of its manage.py, from the top of the repository; empty for the top."""
    error: str | None
    """Why it could not be read."""
    applied: Sequence[str]
    """`app.name` of every row."""
    unapplied: Sequence[str]
    """Files without a row."""
    renamed: dict[str, str]
    """Applied under an old name: the name that it has now."""
    missing: Sequence[str]
    """Applied, and in no file."""
    inconsistent: dict[str, str]
    """Applied before this parent."""
    trapped: Sequence[str]
    """Counts as applied by its `replaces`, and hides what comes before it."""
    labels: dict[str, str]
    """App labels that the database knows by an old name: the label that the app has now."""
    migrate: MigrateDocument
    """What a plain `migrate` would do now."""
    records: Sequence[str]
    """Gets a row from `db reconcile`, since its tables are there."""
    runs: Sequence[str]
    """What `db reconcile` would run."""
    reasons: Sequence[str]
    """What to think of before."""
    refused: Sequence[str]
    """Why `db reconcile` does nothing."""
    schema: Sequence[str]
    """With `--schema`: where the tables are not as the models."""
    edited: dict[str, str]
    """With `--schema`: migrations that were edited since, with the commit that has what it ran."""


class StatusDocument(TypedDict):
    """`migmerge db status --format json`."""

    version: Literal[1]
    """The version of this document."""
    databases: Sequence[DatabaseDocument]
    """Those of the settings, or the one that is named."""

"""Where scratch databases are made: what `verify_database` and `--database` name."""

from __future__ import annotations

from collections.abc import Mapping

from migmerge.config import Config
from migmerge.errors import UserError
from migmerge.project.configured_databases import parse_database, without_password
from migmerge.project.scenarios import AUTO, SQLITE, Trial

_NO_NAME = ":memory:"  # of a URL without one


def trial_of(config: Config, database: str = "", seconds: int = 3600) -> Trial:
    """The trial that the configuration wants, or `--database`; UserError where it is no server to
    make databases on."""
    option, text = (
        ("--database", database) if database else ("verify_database", config.verify_database)
    )
    server = _server(option, text)
    return Trial(server, seconds, config.verify_code, config.protected_databases)


def _server(option: str, text: str) -> Mapping[str, object]:
    named = {"auto": AUTO, "sqlite": SQLITE}.get(text)
    if named:
        return named

    settings = parse_database(text).settings
    shown = without_password(text)
    if settings is None or "sqlite" in str(settings["ENGINE"]):
        raise UserError(
            "database", f"{option} {shown}: not a server to make scratch databases on",
            "auto, sqlite, postgres://user@host:5432 or mysql://user@host:3306",
        )  # fmt: skip
    if settings["NAME"] != _NO_NAME:
        raise UserError(
            "database", f"{option} {shown} names a database, which would be connected to",
            f"name the server alone: {shown.partition('?')[0].rpartition('/')[0]}",
        )  # fmt: skip
    return {**settings, "NAME": ""}

"""What the command line of `fix` says."""

from __future__ import annotations

from typing import NamedTuple

from migmerge.report.screen import has_terminal


class FixOptions(NamedTuple):
    """What the command line said; `carry` is "always", "never" or empty."""

    directory: str
    config: str | None = None
    apps: tuple[str, ...] = ()
    strategy: str = "auto"
    move: tuple[str, ...] = ()
    take: str | None = None
    keep_names: bool = False
    linear: bool = False
    carry: str = ""
    base: str | None = None
    dry_run: bool = False
    yes: bool = False
    commit: bool = False
    amend: bool = False
    verify: bool = True
    no_databases: bool = False
    databases: tuple[str, ...] = ()
    allow_skipped: bool = False
    format: str = "text"
    quiet: bool = False


def is_interactive(options: FixOptions) -> bool:
    """Whether there is a terminal to ask on."""
    return options.format == "text" and has_terminal()

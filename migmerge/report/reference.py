"""docs/configuration.md, from the settings themselves."""

from __future__ import annotations

from migmerge.config import _CHOICES, Config

MEANINGS = {
    "base": "the branch whose migrations are published, and stay as they are; found by itself where it isn't given",
    "prefer": "how `fix` joins sides that commute; `auto` asks the base branch's history",
    "manage": "the command that runs the project's manage.py, as `docker compose exec -T web python manage.py`",
    "settings": "the settings module, instead of the one that manage.py sets; enough where there is no manage.py",
    "migration_modules": "label = directory, for migrations in a place of their own (MIGRATION_MODULES)",
    "app_labels": "directory = label, where the label can't be told from apps.py or the files",
    "exclude": "patterns of paths that are left out",
    "lock_files": "paths of lock files besides max_migration.txt and migrations_lockfile.txt",
    "numbers": "what is made of one number twice in one line of migrations",
    "verify_seconds": "what `fix` may take to migrate scratch databases; 0: it doesn't",
    "verify_code": "whether RunPython is run on scratch databases; without it nothing with code is verified",
    "carry": "whether renamed migrations keep the old name in `replaces`, with a catch-up migration behind them, so that databases need "
    "`migrate` only; `auto`: unless no other database can have run them",
    "protected_databases": "aliases and hosts (with `*`) of databases that are never connected to unless named, and never changed",
}


def configuration_page() -> str:
    """The page."""
    rows = [
        "# Configuration",
        "",
        "In `pyproject.toml` under `[tool.migmerge]`, or in `setup.cfg` under `[migmerge]`. Each key is also an environment",
        "variable, which wins. An unknown key is an error.",
        "",
        "| key | variable | default | values | what |",
        "|---|---|---|---|---|",
    ]
    for key, default in Config()._asdict().items():
        values = ", ".join(f"`{choice}`" for choice in _CHOICES.get(key, ())) or _kind(default)
        shown = f"`{default}`" if default or default == 0 else ""
        rows.append(
            f"| `{key}` | `MIGMERGE_{key.upper()}` | {shown} | {values} | {MEANINGS[key]} |"
        )
    return "\n".join(rows) + "\n\n" + _REST


def _kind(default: object) -> str:
    kinds = {
        str: "text",
        int: "a whole number",
        dict: "a table",
        tuple: "a list",
        bool: "true or false",
    }
    return kinds[type(default)]


_REST = """\
In variables and in setup.cfg lists are separated by commas, tables are `name = value` separated by commas.

`MIGMERGE=0` switches hooks and the merge driver off; `NO_COLOR` is obeyed. `check` remembers what it read under
`.git/migmerge/cache`, which is safe to delete.
"""

"""Pages of docs/ that are made from the code.

`MIGMERGE_WRITE=1 pytest tests/integration/test_pages.py` writes them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from migmerge.arguments import EXAMPLES, make_parser
from migmerge.config import _CHOICES, Config
from migmerge.report.messages import MESSAGES

_HEAD = """\
# Command line

`migmerge [-C DIR] [--config FILE] COMMAND`. Every command also has `-h`, and `migmerge help COMMAND` is the same.

Exit codes: **0** nothing found, or everything fixed and verified; **1** conflicts found, refused, or not verified; **2** migmerge can't
look (wrong usage, not a repository, a migration that can't be read, an unknown ref); **3** a bug in migmerge; **130** interrupted.
Results are on standard output, notes on standard error.
"""


def cli_page() -> str:
    """docs/cli.md: a section for each command, a line for each argument."""
    parser = make_parser()
    parts = [_HEAD, "## Options of every command\n", _table(_arguments(parser))]
    for name, help_text, command in _commands(parser):
        parts += [f"## {name}\n", f"{_sentence(help_text)}\n"]
        own = [action for action in _arguments(command) if not _is_common(action)]
        if own:
            parts.append(_table(own))
        if name in EXAMPLES:
            parts.append(f"Example: `{EXAMPLES[name]}`\n")
    return "\n".join(parts)


def _commands(
    parser: argparse.ArgumentParser, prefix: str = ""
) -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice in action._choices_actions:
                command = action.choices[choice.dest]
                yield f"{prefix}{choice.dest}", choice.help or "", command
                yield from _commands(command, f"{choice.dest} ")


def _arguments(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    kinds = (argparse._SubParsersAction, argparse._HelpAction)
    return [action for action in parser._actions if not isinstance(action, kinds)]


def _is_common(action: argparse.Action) -> bool:
    return action.dest in ("quiet", "verbose", "color")


def _table(actions: list[argparse.Action]) -> str:
    rows = [f"| {_name(action)} | {_help(action)} |\n" for action in actions]
    return "| argument | what it does |\n|---|---|\n" + "".join(rows)


def _name(action: argparse.Action) -> str:
    value = action.metavar or ("" if action.choices is None else "\\|".join(action.choices))
    value = str(value).replace("sqlite|URL", "sqlite\\|URL").replace("ALIAS|URL", "ALIAS\\|URL")
    value = value.replace("ours|theirs|NAME", "ours\\|theirs\\|NAME")
    if not action.option_strings:
        return f"`{value}`"
    names = ", ".join(f"`{name}`" for name in action.option_strings)
    return f"{names} `{value}`" if value and action.nargs != 0 else names


def _help(action: argparse.Action) -> str:
    return _sentence(action.help or "git's own arguments").replace("|", "\\|")


def _sentence(text: str) -> str:
    text = text.replace("%%", "%")
    return text[:1].upper() + text[1:]


_CHAPTERS = {
    "MM1": "## Findings\n\nOn stdout; `check` then exits with 1.",
    "MM2": "## Notices\n\nOn stderr; nothing fails.",
    "MM3": "## Errors\n\nOn stderr, with exit code 2: something has to be done before migmerge can look. Nothing was changed.",
    "MM4": "## Refusals\n\nIn the report of `fix`, `reset` and `db reconcile`, with exit code 1 and the next command. Nothing was changed.",
}


def messages_page() -> str:
    """docs/messages.md."""
    parts = [
        "# Messages",
        "Each message has an id that stays. `migmerge explain MM101` prints its page on a terminal.",
    ]
    for message in MESSAGES:
        if message.id[:3] in _CHAPTERS and message.id.endswith("01"):
            parts.append(_CHAPTERS[message.id[:3]])
        anchor = f'<a id="{message.id.lower()}"></a>'  # as the ids of older links
        parts.append(f"### {message.id}: {message.title}\n\n{anchor}Kind: `{message.kind}`")
        parts += [message.means, f"*What to do:* {message.todo}"]
    return "\n\n".join(parts) + "\n"


MEANINGS = {
    "base": "the branch whose migrations are published, and stay as they are; found by itself where it isn't given",
    "prefer": "how `fix` joins sides that commute; `auto` asks the base branch's history",
    "manage": "the command that runs the project's manage.py, as `docker compose exec -T web python manage.py`",
    "settings": "the settings module, instead of the one that manage.py sets; enough where there is no manage.py",
    "migration_modules": "label = directory, for migrations in a place of their own (MIGRATION_MODULES)",
    "app_labels": "directory = label, where the label can't be determined from apps.py or the files",
    "exclude": "patterns of paths that are left out",
    "lock_files": "paths of lock files besides max_migration.txt and migrations_lockfile.txt",
    "numbers": "how to report duplicate numbers within one linear history",
    "verify_seconds": "how long `fix` may migrate scratch databases, for each app that is fixed; 0: it doesn't",
    "verify_code": "whether RunPython is run on scratch databases; without it nothing with code is verified",
    "verify_database": "where scratch databases are made: `auto` (SQLite; where that can't hold the tables, the server of the settings), `sqlite`, or a server (`postgres://user@host:5432`)",
    "carry": "whether renamed migrations keep the old name in `replaces`, with a catch-up migration behind them, so that databases need "
    "`migrate` only; `auto`: unless no other database can have run them",
    "published": "globs of branches and tags whose migrations are published, too, as `git for-each-ref` has them (`*` matches no slash): `origin/release/*`, `v*`; where it isn't set, `HEAD`, `main`, `master` and `production` of every remote, and all tags",
    "published_changes": "how published migrations that a branch edits, renames or removes are reported; `auto`: an error where tables differ, a notice where code or defaults do; `error` and `notice` hold for all of them",
    "protected_databases": "aliases and hosts (with `*`) of databases that are never connected to unless named, and never changed",
}


def configuration_page() -> str:
    """docs/configuration.md, from the settings themselves."""
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
        type(None): "a list",
        bool: "true or false",
    }
    return kinds[type(default)]


_REST = """\
In variables and in setup.cfg lists are separated by commas, tables are `name = value` separated by commas.

`MIGMERGE=0` switches hooks and the merge driver off; `NO_COLOR` is obeyed. `check` remembers what it read under
`.git/migmerge/cache`, which is safe to delete.
"""

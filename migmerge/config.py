"""The team's settings: `[tool.migmerge]` in pyproject.toml or `[migmerge]` in setup.cfg."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from migmerge.errors import UserError
from migmerge.regular import read_regular


class Config(NamedTuple):
    """Every key of the configuration; `migration_modules` is label -> directory, `published` None
    where it isn't set."""

    base: str = ""
    prefer: str = "auto"
    manage: str = ""
    settings: str = ""
    migration_modules: Mapping[str, str] = {}
    app_labels: Mapping[str, str] = {}
    exclude: tuple[str, ...] = ()
    lock_files: tuple[str, ...] = ()
    numbers: str = "notice"
    verify_seconds: int = 60
    verify_code: bool = True
    verify_database: str = "auto"
    protected_databases: tuple[str, ...] = ()
    carry: str = "auto"
    published: tuple[str, ...] | None = None
    published_changes: str = "auto"


_CHOICES = {
    "prefer": ("auto", "merge", "renumber"),
    "numbers": ("off", "notice", "error"),
    "carry": ("auto", "always", "never"),
    "published_changes": ("auto", "error", "notice", "off"),
}
_TABLES = ("migration_modules", "app_labels")
_LISTS = ("exclude", "lock_files", "protected_databases", "published")
_NUMBERS = ("verify_seconds",)
_SWITCHES = ("verify_code",)


def read_config(
    root: str, chosen: str | None = None, environment: Mapping[str, str] = os.environ
) -> Config:
    """The settings for the repository at `root`; `MIGMERGE_<KEY>` overrides the file's.

    `chosen` is `--config FILE`. UserError for an unknown key, a wrong type or a broken file.
    """
    names = [chosen] if chosen else [os.path.join(root, name) for name in FILES]
    texts = ((name, _read(name, must_exist=bool(chosen))) for name in names)
    return _merged(texts, environment)


def parse_config(texts: Mapping[str, bytes], environment: Mapping[str, str] = os.environ) -> Config:
    """The settings in the texts of pyproject.toml and setup.cfg, each by its name; the first that
    has any counts. UserError as in `read_config`."""
    return _merged(texts.items(), environment)


FILES = ("pyproject.toml", "setup.cfg")


def _merged(texts: Iterable[tuple[str, bytes | None]], environment: Mapping[str, str]) -> Config:
    values: dict[str, object] = {}
    place = ""
    for name, text in texts:
        own_values = _parse(name, text)
        if own_values is not None:
            values, place = own_values, name
            break

    for key in Config._fields:
        value = environment.get(f"MIGMERGE_{key.upper()}")
        if value is not None:
            values[key] = _from_text(key, value, f"MIGMERGE_{key.upper()}")

    return _checked(values, place)


def _read(path: str, *, must_exist: bool) -> bytes | None:
    try:
        source = read_regular(path)
    except OSError as error:
        raise UserError("configuration", f"cannot read {path}: {error.strerror}") from None
    if source is None and must_exist:
        raise UserError("configuration", f"no such configuration file: {path}") from None
    return source


def _parse(path: str, source: bytes | None) -> dict[str, object] | None:
    if not source or b"migmerge" not in source:
        return None  # the common case, recognised without a TOML parser
    return _read_cfg(path, source) if path.endswith(".cfg") else _read_toml(path, source)


def _read_toml(path: str, source: bytes) -> dict[str, object] | None:
    # only paid by repositories that configure us
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        tool = tomllib.loads(source.decode()).get("tool", {})
        section = tool.get("migmerge") if isinstance(tool, dict) else None
    except ValueError as error:
        raise UserError("configuration", f"{path} is not valid TOML: {error}") from None

    if section is not None and not isinstance(section, dict):
        raise UserError(
            "configuration", f"{path}: tool.migmerge must be a table", "[tool.migmerge]"
        )
    return section


def _read_cfg(path: str, source: bytes) -> dict[str, object] | None:
    import configparser  # as above

    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(source.decode(), path)
    except (configparser.Error, ValueError) as error:
        raise UserError(
            "configuration", f"{path} is not valid: {str(error).splitlines()[0]}"
        ) from None

    if not parser.has_section("migmerge"):
        return None
    return {key: _from_text(key, text, path) for key, text in parser.items("migmerge")}


def _from_text(key: str, text: str, place: str) -> object:
    parts = [part.strip() for part in text.replace("\n", ",").split(",") if part.strip()]
    if key in _LISTS:
        return parts
    if key in _TABLES:
        pairs = [part.partition("=") for part in parts]
        if not all(separator for _, separator, _ in pairs):
            raise UserError(
                "configuration", f"{place}: {key} wants name = value, separated by commas"
            )
        return {name.strip(): value.strip() for name, _, value in pairs}
    if key in _NUMBERS and text.strip().isdigit():
        return int(text)
    if key in _SWITCHES and text.strip().lower() in ("true", "false", "1", "0"):
        return text.strip().lower() in ("true", "1")
    return text


def _checked(values: Mapping[str, object], place: str) -> Config:
    keys = ", ".join(Config._fields)
    for key, value in values.items():
        if key not in Config._fields:
            raise UserError(
                "configuration",
                f"{place}: unknown key {key!r} for migmerge",
                f"known keys: {keys}",
            )
        if key in _CHOICES and value not in _CHOICES[key]:
            choices = ", ".join(_CHOICES[key])
            raise UserError(
                "configuration", f"{place}: {key} must be one of {choices}, not {value!r}"
            )
        if not _fits(key, value):
            kinds = {
                **dict.fromkeys(_TABLES, "a table of strings"),
                **dict.fromkeys(_LISTS, "a list of strings"),
                **dict.fromkeys(_NUMBERS, "a whole number"),
                **dict.fromkeys(_SWITCHES, "true or false"),
            }
            kind = kinds.get(key, "a string")
            raise UserError("configuration", f"{place}: {key} must be {kind}")

    _check_command(str(values.get("manage", "")), place)
    tidy = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    return Config(**tidy)  # type: ignore[arg-type]


def _check_command(command: str, place: str) -> None:
    """UserError where a shell could not split it."""
    if not ("'" in command or '"' in command or "\\" in command):
        return
    import shlex  # nearly never

    try:
        shlex.split(command)
    except ValueError as error:
        raise UserError(
            "configuration", f"{place}: manage can't be split into words: {error}"
        ) from None


def _fits(key: str, value: object) -> bool:
    if key in _TABLES:
        return isinstance(value, dict) and all(isinstance(v, str) for v in value.values())
    if key in _LISTS:
        return isinstance(value, list) and all(isinstance(v, str) for v in value)
    if key in _NUMBERS:
        return isinstance(value, int) and not isinstance(value, bool)
    if key in _SWITCHES:
        return isinstance(value, bool)
    return isinstance(value, str)

"""Names that code may use and still be followed, and those that end it."""

from __future__ import annotations

import ast
import builtins

SAFE_MODULES = (
    "django.conf", "django.core.exceptions", "django.core.paginator", "django.core.validators",
    "django.db", "django.db.models", "django.db.models.functions", "django.db.models.expressions",
    "django.db.models.aggregates", "django.db.transaction", "django.db.utils", "django.utils",
    "django.db.migrations", "django.apps.registry", "django.contrib.auth.hashers",
    "django.contrib.postgres", "tqdm", "dateutil", "pytz",
)  # fmt: skip
SAFE_STANDARD_MODULES = frozenset((
    "__future__", "abc", "base64", "binascii", "bisect", "calendar", "collections", "colorsys",
    "contextlib", "copy", "csv", "dataclasses", "datetime", "decimal", "difflib", "enum",
    "fractions", "functools", "hashlib", "heapq", "hmac", "html", "io", "ipaddress", "itertools",
    "json", "locale", "logging", "math", "mimetypes", "numbers", "pathlib", "pprint", "random",
    "re", "secrets", "statistics", "string", "struct", "textwrap", "time", "traceback", "types",
    "typing", "unicodedata", "urllib", "uuid", "warnings", "zlib", "zoneinfo",
))  # fmt: skip
UNSAFE_NAMES = frozenset((
    "eval", "exec", "compile", "open", "__import__", "globals", "locals", "vars", "delattr",
    "call_command", "connection", "connections", "os", "subprocess", "importlib", "sys", "shutil",
    "dir", "RawSQL", "Func", "sqlite3", "runpy", "import_string", "import_module",
    "autodiscover_modules", "get_connection", "sql", "backends", "executor", "loader", "recorder",
    "Collector", "RawQuerySet", "builtins", "inspect", "operator", "pkgutil", "gc", "ctypes",
))  # fmt: skip
UNSAFE_ATTRIBUTES = frozenset((
    "get_connection", "query", "sql", "backends", "Collector", "RawQuerySet", "raw", "extra",
    "executemany", "executescript", "callproc", "copy_expert", "copy_from", "copy_to", "stream",
    "get_models", "get_app_config", "get_app_configs", "get_containing_app_config", "_meta",
    "__dict__", "__class__", "truncate", "RawSQL", "Func", "get_registered_model", "all_models",
    "app_configs", "quote_name", "create_model", "delete_model", "add_field", "alter_field",
    "remove_field", "add_index", "remove_index", "add_constraint", "remove_constraint",
    "alter_db_table", "deferred_sql",
))  # fmt: skip
# what a connection is asked for: who it is, and to run SQL that is written out
OF_CONNECTION = ("alias", "vendor", "features", "settings_dict", "cursor")
CONNECTION = "django.db.connection"
PLAIN_BASES = ("Choices", "Enum", "Exception", "IntEnum", "IntegerChoices", "StrEnum",
                "TextChoices", "int", "object", "str")  # fmt: skip
BUILTINS = frozenset(dir(builtins)) - UNSAFE_NAMES


class Lost(Exception):
    """Why code can't be followed, as the end of a sentence."""


def is_plain_class(node: ast.ClassDef) -> bool:
    """Whether a class is no model: an enumeration, or one that inherits from nothing."""
    bases = [base.attr if isinstance(base, ast.Attribute) else base for base in node.bases]
    names = [base.id if isinstance(base, ast.Name) else base for base in bases]
    return not node.keywords and all(name in PLAIN_BASES for name in names)

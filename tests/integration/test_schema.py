"""What programs read: each document is as its schema says, and the schemas are as the types say."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.conftest import Repo
from tests.integration.test_pages import WRITE
from tests.project.conftest import Site, copy_of, site

__all__ = ["copy_of", "site"]  # the fixtures
DOCS = Path(__file__).parents[2] / "docs"
NAMES = ["check", "fix", "verify", "db-status", "doctor", "forecast"]


def validate(name: str, text: str) -> dict:
    """The document, which may have no key that the schema doesn't know."""
    schema = json.loads((DOCS / "schema" / f"{name}.json").read_text())
    for table in (schema, *schema.get("$defs", {}).values()):
        table["additionalProperties"] = False
    document = json.loads(text)
    Draft202012Validator(schema).validate(document)
    return document


@pytest.mark.skipif(sys.version_info < (3, 12), reason="pydantic reads TypedDict from 3.12 on")
def test_the_schemas_are_what_the_types_say() -> None:
    from tests import schemas

    texts = {f"schema/{name}.json": schemas.as_text(schemas.schema(name)) for name in NAMES}
    for path, text in {**texts, "json.md": schemas.page()}.items():
        if WRITE:
            (DOCS / path).parent.mkdir(exist_ok=True)
            (DOCS / path).write_text(text, encoding="utf-8")
        assert (DOCS / path).read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("check",), "check"),
        (("check", "--against", "main"), "check"),
        (("fix", "--dry-run"), "fix"),
        (("fix", "--dry-run", "--strategy", "renumber", "--move", "0002_stock"), "fix"),
        (("forecast", "feature", "main", "--base", "feature~2"), "forecast"),
        (("doctor",), "doctor"),
        (("verify",), "verify"),
        (("db", "status"), "db-status"),
        (("db", "status", "--schema"), "db-status"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_document_is_as_its_schema_says(
    site: Site, arguments: tuple[str, ...], name: str
) -> None:
    if "verify" in arguments:
        site.fix("--skip-verification")
    done = site.run(*arguments, "--format", "json")
    assert done.returncode in (0, 1), done.stderr
    assert validate(name, done.stdout)["version"] == 1


def test_what_is_empty_is_as_its_schema_says(repo: Repo) -> None:
    repo.migration("shop", "0001_initial")
    for command in ("check", "fix"):
        validate(command, repo.run(command, "--format", "json").stdout)

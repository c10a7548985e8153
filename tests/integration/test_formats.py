"""A check for other programs: GitHub, GitLab, code scanning, and the pages that show them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from check_jsonschema.builtin_schemas import get_builtin_schema
from jsonschema import validators
from pydantic_sarif.model import StaticAnalysisResultsFormatSarifVersion210JsonSchema as Sarif
from ruamel.yaml import YAML

from tests.conftest import Repo

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
GITHUB = """\
::error file=shop/migrations/0002_price.py,line=7,title=MM101 Two leaf nodes in one app::\
shop/migrations: MM101 siblings in shop: 2 leaf nodes after 0001_initial%0A\
0002_price: not on origin/main%0A0002_stock: published on origin/main%0Anext: migmerge fix shop
"""
SUMMARY = """\
## migmerge

`3 migrations in 1 app: 1 conflict`

```mermaid
flowchart TD
  subgraph a0["shop"]
    n0["0001_initial"]
    n1["0002_price<br/>not on origin/main"]:::replayed
    n2["0002_stock<br/>published on origin/main"]:::onto
  end
  n0 --> n1
  n0 --> n2
  classDef onto stroke:#1a7f37,stroke-width:3px
  classDef replayed stroke:#bc4c00,stroke-width:3px,stroke-dasharray:5 3
  classDef unknown stroke:#cf222e,stroke-width:3px
```

    shop/migrations: MM101 siblings in shop: 2 leaf nodes after 0001_initial
    0002_price: not on origin/main
    0002_stock: published on origin/main
    next: migmerge fix shop

"""


def test_github_annotations_and_summary(siblings: Repo, tmp_path: Path) -> None:
    target = tmp_path / "summary.md"
    target.write_text("before\n")
    done = siblings.run("check", "--format", "github", env={"GITHUB_STEP_SUMMARY": str(target)})
    assert (done.returncode, done.stdout, done.stderr) == (1, GITHUB, "")
    assert target.read_text() == "before\n" + SUMMARY


def test_github_without_a_place_for_the_summary(siblings: Repo) -> None:
    done = siblings.run(
        "check", "--format", "github", env={"GITHUB_STEP_SUMMARY": "/nonexistent/x"}
    )
    assert (done.returncode, done.stdout) == (1, GITHUB)
    assert done.stderr.startswith("migmerge: no job summary: ")


def test_github_nothing_to_say(branches: Repo) -> None:
    done = branches.run("check", "--format", "github", "--against", "main~1")
    assert (done.returncode, done.stdout) == (
        0, "::notice title=migmerge::merged with main~1: 2 migrations in 1 app: no conflicts\n",
    )  # fmt: skip


def test_github_a_name_starts_no_command(repo: Repo) -> None:
    repo.migration("shop", "0001_initial")
    repo.migration("shop", "0002_a", "0001_initial")
    repo.migration("shop", "0002_b\n::set-env name=X::y,z%", "0001_initial")
    done = repo.run("check", "--format", "github")
    assert done.returncode == 1
    assert [line[:8] for line in done.stdout.splitlines()] == ["::error "]


def test_gitlab_code_quality(siblings: Repo) -> None:
    done = siblings.run("check", "--format", "gitlab")
    (issue,) = json.loads(done.stdout)
    assert done.returncode == 1
    assert issue.pop("description").startswith(
        "shop/migrations: MM101 siblings in shop: 2 leaf nodes"
    )
    assert re.fullmatch("[0-9a-f]{64}", fingerprint := issue.pop("fingerprint"))
    assert issue == {
        "check_name": "migmerge-MM101-siblings",
        "severity": "critical",
        "location": {"path": "shop/migrations/0002_price.py", "lines": {"begin": 7}},
    }
    siblings.write("unrelated", "x")
    siblings.commit()
    assert (
        json.loads(siblings.run("check", "--format", "gitlab").stdout)[0]["fingerprint"]
        == fingerprint
    )
    siblings.git("rm", "-q", "shop/migrations/0002_price.py")
    assert json.loads(siblings.run("check", "--format", "gitlab").stdout) == []


def test_sarif_is_valid_and_complete(siblings: Repo) -> None:
    siblings.write("other/migrations/0003_ü%#x.py", "class Migration(\n")
    siblings.migration("cart", "0001_initial", "shop.0009_gone")
    siblings.write("cart/migrations/max_migration.txt", "0007_x\n")
    done = siblings.run("check", "--format", "sarif")
    assert done.returncode == 1
    report = Sarif.model_validate_json(done.stdout)
    results = report.runs[0].results or []
    assert sorted(r.ruleId or "" for r in results) == [
        "MM101",
        "MM104",
        "MM106",
        "MM107",
    ]
    rules = [rule.id for rule in report.runs[0].tool.driver.rules or []]
    assert all(rules[r.ruleIndex or 0] == r.ruleId for r in results)
    uris = {
        location.physicalLocation.root.artifactLocation.uri
        if hasattr(location.physicalLocation, "root")
        else location.physicalLocation.artifactLocation.uri
        for result in results
        for location in (*result.locations, *(result.relatedLocations or ()))
    }
    assert uris == {
        "cart/migrations/0001_initial.py", "cart/migrations/max_migration.txt", "shop/migrations/0002_price.py",
        "shop/migrations/0002_stock.py", "other/migrations/0003_%C3%BC%25%23x.py",
    }  # fmt: skip


def test_sarif_of_nothing(branches: Repo) -> None:
    done = branches.run("check", "--format", "sarif")
    assert done.returncode == 0
    assert Sarif.model_validate_json(done.stdout).runs[0].results == []


SNIPPET = re.compile(r"<!-- snippet: (\S+) -->\n```yaml\n(.*?)```", re.DOTALL)
SNIPPETS = SNIPPET.findall((ROOT / "docs/ci.md").read_text(encoding="utf-8"))


def valid(kind: str, text: str) -> dict:
    document = YAML(typ="safe").load(text)
    schema = get_builtin_schema(f"vendor.{kind}")
    validators.validator_for(schema)(schema).validate(document)
    return document


def test_our_own_workflow_is_what_github_takes() -> None:
    text = (ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8")
    assert set(valid("github-workflows", text)["jobs"]) == {"linux", "other-systems"}


@pytest.mark.parametrize(
    ("kind", "text"), SNIPPETS, ids=[f"{k}-{n}" for n, (k, _) in enumerate(SNIPPETS)]
)
def test_snippets_are_what_the_servers_take(
    kind: str, text: str, branches: Repo, tmp_path: Path
) -> None:
    valid(kind, text)
    commands = re.findall(r"migmerge (check .*?)(?: >.*)?$", text, re.MULTILINE)
    assert commands or "uses: migmerge/migmerge@" in text
    for command in commands:
        done = branches.run(*command.split())
        assert done.returncode == (0 if "--exit-zero" in command else 1), done.stderr
    fetches = re.findall(r"git fetch .*", text)
    for fetch in fetches:
        clone = Repo(tmp_path / "clone")
        branches.git(
            "clone",
            "-q",
            "--branch",
            "feature",
            "--single-branch",
            str(branches.root),
            str(clone.root),
        )
        target = {
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
            "BITBUCKET_PR_DESTINATION_BRANCH": "main",
        }
        subprocess.run(
            ["sh", "-c", fetch.rstrip()], cwd=clone.root, env={**os.environ, **target}, check=True
        )
        assert clone.run("check", "--against", env=target).returncode == 1


@pytest.mark.parametrize("against", ["", "origin/main"])
def test_action_runs_as_written(branches: Repo, tmp_path: Path, against: str) -> None:
    action = valid("github-actions", (ROOT / "action.yml").read_text(encoding="utf-8"))
    (step,) = action["runs"]["steps"]
    tools = tmp_path / "tools"
    tools.mkdir()
    shim = tools / "pipx"  # what pipx would run, without building an environment
    shim.write_text(
        f'#!/bin/sh\n[ "$1 $2 $3 $4" = "run --spec {ROOT} migmerge" ] || exit 9\nshift 4\nexec {sys.executable} -m migmerge "$@"\n'
    )
    shim.chmod(0o755)
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        capture_output=True, text=True, check=False,
        env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "GITHUB_ACTION_PATH": str(ROOT),
             "AGAINST": against, "DIRECTORY": str(branches.root), "GITHUB_BASE_REF": "main"},
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("::error file=shop/migrations/0002_price.py,line=7,")
    assert "0002_price: on feature%0A0002_stock: on origin/main" in done.stdout

"""Real conflicts, materialised and merged by git: what `check` says and what `fix` leaves."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import STEP, Repo
from tests.corpus.materialise import CASES, git, materialise

SAMPLE = CASES[::48]
EVERY = CASES[::STEP]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    shutil.rmtree(tmp_path)  # 317 histories are a lot of disk


def conflicts(repo: Repo, case: dict) -> list[dict]:
    return [c for c in repo.check()["conflicts"] if c["app"] == case["app"]]


def naive_ancestor(case: dict, root: Path, leaves: list[str]) -> str | None:
    """The last node that all leaves share, by set arithmetic on the merged files' facts."""
    names = {path.stem for path in (root / case["directory"]).glob("*.py")} - {"__init__"}
    facts = {**case["base"], **case["ours"], **case["theirs"]}
    stand_in = {
        old: new
        for new in names
        for app, old in facts[new].get("replaces", [])
        if app == case["app"]
    }
    parents = {
        name: {
            stand_in.get(parent, parent)
            for app, parent in facts[name].get("dependencies", [])
            if app == case["app"]
        }
        for name in names
    }

    def above(name: str) -> set[str]:
        found, waiting = {name}, [name]
        while waiting:
            fresh = parents.get(waiting.pop(), set()) & names - found
            found |= fresh
            waiting += fresh
        return found

    shared = set.intersection(*map(above, leaves)) - set(leaves)
    last = sorted(n for n in shared if not any(n in above(m) - {m} for m in shared))
    return last[0] if len(last) == 1 else None


def check_case(case: dict, repo: Repo) -> str:
    """The verdict, once all was found as the facts have it; empty where there are no sides."""
    found = conflicts(repo, case)
    by_kind = {conflict["kind"]: conflict for conflict in found}
    compare(case, repo, by_kind)
    sided = by_kind.get("siblings") or by_kind.get("path") or {}
    return str(sided.get("verdict") or "")


def compare(case: dict, repo: Repo, by_kind: dict[str, dict]) -> None:
    expected = case["expected"]
    missing = [n for n in expected["missing"] if n not in json.dumps(case["base"])]
    both_added = {
        line
        for line in git(repo.root, "status", "--porcelain").splitlines()
        if line[:2] == "AA" and line[3:].strip('"').startswith(case["directory"])
    }
    if case["id"] in UNLIKE:
        return
    assert ("path" in by_kind) == bool(both_added)
    if both_added:
        return
    if missing:
        assert "missing-dependency" in by_kind
    # a leaf whose chain hangs on a missing migration is reported once, and is no side
    hangs = bool(expected["missing"]) and "missing-dependency" in by_kind
    assert hangs or ("siblings" in by_kind) == (len(expected["leaves"]) > 1)
    if "siblings" in by_kind:
        conflict = by_kind["siblings"]
        assert conflict["directory"] == case["directory"]
        leaves = sorted(branch["migrations"][-1] for branch in conflict["branches"])
        assert leaves == expected["leaves"]
        ancestor = naive_ancestor(case, repo.root, leaves)
        assert ancestor is None or conflict["common_ancestor"] == ancestor


# What the facts expect differs from what git and Django make of the materialised files.
UNLIKE = {
    "django-cms-c41c41d222-cms": "a squash hides a leaf from a fresh database; Django stops on ours",
    "netbox-af0972ddf5-circuits": "real git followed a rename that the small files do not show",
    "data-hub-api-5ede073bc5-company": "a removed file was changed: git stops, ours is one leaf less",
    "etools-cd0c963d6b-partners": "as above",
    "kolibri-4d27b88447-auth": "the label is kolibriauth; auth is the directory",
    "awx-92df6b0fb2-main": "git takes two small files for a rename and puts markers into both",
    "django-defectdojo-3a92022f73-dojo": "as above",
    "django-defectdojo-8271efe74d-dojo": "as above",
    "etools-a6a7a5be7a-partners": "a dependent without its own history closes a cycle",
    "rapidpro-f325979a22-contacts": "as above",
    "nautobot-999ad95ce3-dcim": "as above",
}


def fix_case(case: dict, repo: Repo, strategy: str) -> str:
    """The status, once the result was looked at: nothing collides in the app any more, and what is
    refused has a reason and changed nothing. `auto` does what `check` recommends."""
    before = repo.state()
    recommended = {c["kind"]: c["recommendation"] for c in conflicts(repo, case)}
    done = repo.run(
        "fix",
        case["app"],
        "--strategy",
        strategy,
        "--yes",
        "--skip-verification",
        "--format",
        "json",
    )
    if done.returncode == 2:
        assert "ambiguous" in done.stderr or "no app" in done.stderr
        return "not asked"
    document = json.loads(done.stdout)
    status = {r["status"] for r in document["resolutions"] if r["app"] == case["app"]}
    if status == {"fixed"}:
        assert conflicts(repo, case) == []
        (resolution,) = (r for r in document["resolutions"] if r["app"] == case["app"])
        wanted = recommended.get("siblings") or recommended.get("path")
        if strategy == "auto" and wanted and resolution["strategy"] != "drop":
            assert resolution["strategy"] == wanted
    elif status == {"refused"}:
        refused = [r for r in document["resolutions"] if r["app"] == case["app"]]
        assert all(r["reasons"] and r["id"] for r in refused)
        assert repo.state() == before
    return status.pop() if status else "nothing"


def run_case(case: dict, place: Path, *strategies: str) -> dict[str, str]:
    root = place / "case"
    root.mkdir()
    materialise(case, root, case["mainline_side"] or "theirs")
    statuses = {"verdict": check_case(case, Repo(root))}
    for strategy in strategies:
        copy = place / strategy
        shutil.copytree(root, copy, symlinks=True)
        statuses[strategy] = fix_case(case, Repo(copy), strategy)
    return statuses


@pytest.mark.parametrize("case", SAMPLE, ids=[case["id"] for case in SAMPLE])
def test_corpus_sample(case: dict, place: Path) -> None:
    assert set(run_case(case, place, "merge", "renumber")) == {"verdict", "merge", "renumber"}


@pytest.mark.corpus
@pytest.mark.parametrize("case", EVERY, ids=[case["id"] for case in EVERY])
def test_corpus(case: dict, place: Path, record_property: Callable[[str, str], None]) -> None:
    statuses = run_case(case, place, "auto", "merge", "renumber", "regenerate")
    for name, status in statuses.items():
        record_property(name, status)
    del statuses["verdict"]
    assert set(statuses.values()) <= {"fixed", "refused", "nothing", "not asked"}

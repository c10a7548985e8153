"""What doctor says of set-ups that are broken, each in another way."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Repo

pytestmark = pytest.mark.once

BIN = Path(sys.executable).parent


def problems(repo: Repo, **env: str) -> list[dict[str, str]]:
    done = repo.run(
        "doctor", "--format", "json", env={"PATH": f"{BIN}:{os.environ['PATH']}", **env}
    )
    document = json.loads(done.stdout)
    assert done.returncode == bool(document["problems"]), done.stderr
    assert document["version"] == 1
    return list(document["problems"])


@pytest.fixture
def installed(siblings: Repo) -> Repo:
    assert siblings.run("install").returncode == 0
    return siblings


def test_doctor_all_is_well(installed: Repo) -> None:
    assert problems(installed) == []
    before = installed.git("count-objects", "-v")
    done = installed.run("doctor", env={"PATH": f"{BIN}:{os.environ['PATH']}"})
    assert (done.returncode, done.stdout) == (
        0,
        "hooks: native, in .git/hooks\n"
        "project: not run: no manage.py, and no settings in the configuration\n"
        "all is well\n",
    )
    assert installed.git("count-objects", "-v") == before


def config(key: str, value: str) -> Callable[[Repo], object]:
    return lambda repo: repo.git("config", key, value)


def swap(old: str, new: str) -> Callable[[Repo], object]:
    def change(repo: Repo) -> None:
        command = repo.git("config", "merge.migmerge.driver").rstrip("\n")
        repo.git("config", "merge.migmerge.driver", command.replace(old, new))

    return change


def other_python(repo: Repo) -> None:
    python = repo.root.parent / "python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    swap(sys.executable, str(python))(repo)


def away(name: str) -> Callable[[Repo], object]:
    return lambda repo: (repo.root / ".git" / name).unlink()


def foreign_hook(repo: Repo) -> None:
    repo.write(".git/hooks/pre-commit", "#!/bin/sh\necho mine\n")


def framework(types: str) -> Callable[[Repo], object]:
    def change(repo: Repo) -> None:
        text = f"default_install_hook_types: {types}\nrepos:\n- repo: x\n  hooks:\n  - id: migmerge-check\n"
        repo.write(".pre-commit-config.yaml", text)
        (repo.root / ".git/hooks/post-merge").unlink()

    return change


def stale(repo: Repo) -> None:
    os.utime(repo.write(".git/FETCH_HEAD", ""), (0, 0))


ALL = "[pre-commit, pre-merge-commit, post-merge, post-rewrite, pre-push]"
BROKEN: dict[str, tuple[Callable[[Repo], object], str]] = {
    "no driver": (
        lambda repo: repo.git("config", "--remove-section", "merge.migmerge"),
        "driver-missing",
    ),
    "a name without a command": (
        lambda repo: repo.git("config", "--unset", "merge.migmerge.driver"),
        "driver-without-command",
    ),
    "somebody else's command": (config("merge.migmerge.driver", "true"), "driver-foreign"),
    "an interpreter that is gone": (swap(sys.executable, "/gone/python"), "driver-interpreter"),
    "an interpreter without us": (other_python, "driver-package"),
    "another version's command": (swap("--marker-size=%L ", ""), "driver-outdated"),
    "no text merge of bases": (config("merge.migmerge.recursive", "binary"), "driver-recursive"),
    "no attributes": (away("info/attributes"), "attribute-missing"),
    "another attribute": (
        lambda repo: repo.write(".git/info/attributes", "shop/** merge=union\n"),
        "attribute-other",
    ),
    "a hook is gone": (away("hooks/pre-merge-commit"), "hook-missing"),
    "a hook that can't run": (
        lambda repo: (repo.root / ".git/hooks/post-merge").chmod(0o644),
        "hook-mode",
    ),
    "another hook": (foreign_hook, "hook-foreign"),
    "hooks elsewhere": (config("core.hooksPath", "/gone/hooks"), "hooks-path"),
    "pre-commit without types": (framework("[pre-commit]"), "pre-commit-types"),
    "pre-commit not installed": (framework(ALL), "pre-commit-install"),
    "a journal": (lambda repo: repo.write(".git/migmerge/journal", "{"), "journal"),
    "rerere": (config("rerere.autoUpdate", "true"), "rerere"),
    "autostash": (config("rebase.autoStash", "true"), "autostash"),
    "no base": (lambda repo: repo.forget_base(), "base-unknown"),
    "an old base": (stale, "base-stale"),
}


@pytest.mark.parametrize(("breakage", "expected"), BROKEN.values(), ids=BROKEN)
def test_doctor_tells_apart(
    installed: Repo, breakage: Callable[[Repo], object], expected: str
) -> None:
    breakage(installed)
    found = problems(installed)
    assert expected in [problem["id"] for problem in found]
    assert all(problem["text"] and problem["command"] for problem in found)
    assert len({problem["id"] for problem in found}) <= 2


def test_doctor_switched_off(installed: Repo) -> None:
    found = [problem["id"] for problem in problems(installed, MIGMERGE="0")]
    assert found == ["switched-off", "probe"]


def test_doctor_not_on_path(installed: Repo) -> None:
    path = os.pathsep.join(
        place for place in os.environ["PATH"].split(os.pathsep)
        if not (Path(place) / "migmerge").exists()
    )  # fmt: skip
    done = installed.run("doctor", env={"PATH": path})
    assert done.stdout.endswith("all is well\n")  # the hooks name the interpreter


def test_doctor_configured_base_that_is_gone(installed: Repo) -> None:
    installed.write("pyproject.toml", '[tool.migmerge]\nbase = "origin/gone"\n')
    assert [problem["id"] for problem in problems(installed)] == ["base-missing"]

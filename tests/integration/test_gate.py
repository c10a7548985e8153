"""In front of a merge the target's configuration counts, not the branch's own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import Repo

EXCLUDE = '[tool.migmerge]\nexclude = ["*"]\n'
TOLD = "note: MM207 the configuration differs from origin/main's, which counts here: exclude\n"
CI = {"GITHUB_BASE_REF": "main"}


@pytest.fixture
def evil(repo: Repo) -> Repo:
    """A branch that collides with main, and leaves its migrations out by its own configuration."""
    repo.migration("shop", "0001_initial")
    repo.commit("base")
    repo.git("branch", "feature")
    repo.migration("shop", "0002_stock", "0001_initial")
    repo.commit("stock")
    repo.publish()
    repo.git("checkout", "-q", "feature")
    repo.migration("shop", "0002_price", "0001_initial")
    repo.write("pyproject.toml", EXCLUDE)
    repo.commit("evil")
    return repo


def test_check_against_reads_the_configuration_of_the_target(evil: Repo) -> None:
    for _ in range(2):  # also where a clean check was remembered
        done = evil.run("check", "--against", "origin/main")
        assert done.returncode == 1
        assert TOLD in done.stderr
        assert "MM101" in done.stdout
    done = evil.run("check", "--against", "origin/main", "--format", "json")
    assert json.loads(done.stdout)["conflicts"] != []
    assert evil.run("check", "--against").returncode == 1
    evil.git("checkout", "-q", "main")
    assert evil.run("check", "--against", "feature").returncode == 1


def test_check_in_ci_reads_the_configuration_of_the_target(evil: Repo) -> None:
    evil.git("merge", "-q", "--no-edit", "main")
    assert evil.run("check").returncode == 0  # as the work tree says
    assert evil.run("check", env=CI).returncode == 1
    assert evil.run("check", "--staged", env=CI).returncode == 1


def test_forecast_reads_the_configuration_of_the_target(evil: Repo) -> None:
    done = evil.run("forecast", "feature")
    assert done.returncode == 1
    assert TOLD in done.stderr


def test_a_base_of_the_branchs_own_does_not_count(evil: Repo) -> None:
    evil.write("pyproject.toml", EXCLUDE + 'base = "feature"\n')
    evil.commit("worse")
    assert evil.run("check", "--against", "origin/main").returncode == 1
    evil.write("pyproject.toml", "[tool.migmerge\n")
    evil.commit("broken")
    done = evil.run("check", "--against", "origin/main")
    assert done.returncode == 1
    assert "pyproject.toml is not valid TOML" in done.stderr


def test_config_named_by_the_user_counts_everywhere(evil: Repo, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(EXCLUDE)
    done = evil.run("--config", str(own), "check", "--against", "origin/main")
    assert (done.returncode, "MM207" in done.stderr) == (0, False)


def test_the_targets_configuration_is_obeyed(evil: Repo) -> None:
    evil.git("checkout", "-q", "main")
    evil.write("setup.cfg", "[migmerge]\nexclude = shop/*\n")
    evil.commit("exclude")
    evil.publish()
    evil.git("checkout", "-q", "feature")
    evil.git("rm", "-q", "pyproject.toml")
    evil.git("commit", "-q", "-m", "none")
    done = evil.run("check", "--against", "origin/main")
    assert done.returncode == 0
    assert "MM207" in done.stderr


def test_nothing_to_look_at_is_not_green(evil: Repo) -> None:
    evil.git("merge", "-q", "--no-edit", "main")
    shutil.rmtree(evil.root / "shop")
    evil.commit("gone")
    for command in (("check", "--against", "origin/main"), ("check",)):
        done = evil.run(*command, env=CI)
        assert done.returncode == 2
        assert "MM331 0 migrations were looked at, and origin/main has 2\n" in done.stderr

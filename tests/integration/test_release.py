"""What is released: a wheel and a source distribution with all that runs, and nothing else."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import migmerge

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
VERSION = migmerge.__version__


def tracked(*places: str) -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--", *places], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(listed.stdout.split())


@pytest.mark.runners
def test_wheel_and_sdist_hold_the_package(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for path in tracked():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, source / path)
    subprocess.run(
        [sys.executable, "-m", "build", "--outdir", str(tmp_path), str(source)],
        capture_output=True, check=True,
    )  # fmt: skip
    (wheel,), (sdist,) = tmp_path.glob("*.whl"), tmp_path.glob("*.tar.gz")
    assert wheel.name == f"migmerge-{VERSION}-py3-none-any.whl"
    package = tracked("migmerge")
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert inside == package and {"migmerge/py.typed", "migmerge/report/page.js"} <= inside
    with tarfile.open(sdist) as archive:
        names = {
            name.partition("/")[2]
            for name in archive.getnames()
            if archive.getmember(name).isfile()
        }
    assert names >= package | {"README.md", "LICENSE", "pyproject.toml", "setup.cfg"}
    checked = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", str(wheel), str(sdist)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout


def test_ci_tries_the_lowest_versions_that_are_admitted() -> None:
    lowest = dict(
        line.split("==") for line in (ROOT / ".ci/lowest.txt").read_text().splitlines()[1:]
    )
    admitted = re.findall(r"^    ([\w-]+)>=([\d.]+)", (ROOT / "setup.cfg").read_text(), re.M)
    assert lowest.items() <= set(admitted)


def test_the_version_that_pages_name_is_this_one() -> None:
    for page in ("README.md", "docs/ci.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        named = re.findall(r"(?:rev: |migmerge@)v(\d+\.\d+\.\d+)", text)
        assert named and set(named) == {VERSION}, page
    assert f"## {VERSION}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

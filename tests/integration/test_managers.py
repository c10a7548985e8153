"""Hooks where developers are: no active environment, husky, lefthook, a hooks directory for all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from migmerge.install.hook_managers import with_lefthook
from migmerge.install.hooks import NAMES, block_lines, script
from migmerge.install.marked_blocks import NotEditable, block, without_blocks
from tests.conftest import Repo

pytestmark = pytest.mark.once

BIN = Path(sys.executable).parent


def bare_path() -> str:
    """A PATH as a graphical client has it: git and a shell, and no virtual environment."""
    places = os.environ["PATH"].split(os.pathsep)
    return os.pathsep.join(p for p in places if not (Path(p) / "migmerge").exists())


def merge(repo: Repo, **env: str) -> subprocess.CompletedProcess[str]:
    """git merge, with all that it and the hooks print."""
    return subprocess.run(
        ["git", "merge", "--no-edit", "main"], cwd=repo.root, stderr=subprocess.STDOUT, text=True,
        stdout=subprocess.PIPE, check=False, env={**os.environ, "PATH": bare_path(), **env},
    )  # fmt: skip


@pytest.fixture
def native(branches: Repo) -> Repo:
    assert branches.run("install").returncode == 0
    return branches


def test_native_hooks_name_the_interpreter(native: Repo) -> None:
    for name in NAMES:
        assert native.read(f".git/hooks/{name}").decode() == script(name, sys.executable)
    done = merge(native)
    assert done.returncode == 1 and "MM101 siblings in shop" in done.stdout, done.stdout


def test_native_hooks_are_isolated(native: Repo) -> None:
    """What the branch brings is not imported, whatever PYTHONPATH says."""
    for name in ("subprocess.py", "migmerge.py", "sitecustomize.py"):
        native.write(name, "open('imported', 'w')\n")
    native.commit("modules")
    assert merge(native, PYTHONPATH=".").returncode == 1
    assert not (native.root / "imported").exists()


def gone(repo: Repo, python: str) -> None:
    for name in NAMES:
        repo.write(f".git/hooks/{name}", script(name, python))


@pytest.mark.parametrize("what", ["gone", "without migmerge"])
def test_native_hooks_fall_back_to_path(native: Repo, tmp_path: Path, what: str) -> None:
    python = tmp_path / "python"
    if what == "without migmerge":
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
        python.chmod(0o755)
    gone(native, str(python))
    done = merge(native, PATH=f"{BIN}:{bare_path()}")
    assert done.returncode == 1 and "MM101" in done.stdout, done.stdout


def test_native_hooks_that_find_nothing_say_so_and_pass(native: Repo) -> None:
    gone(native, "/gone/it's python")
    done = merge(native)
    assert done.returncode == 0
    text = "migmerge: migrations were not checked: no migmerge at '/gone/it's python' or on PATH\n"
    assert done.stdout.count(text) == 2  # before the merge commit and after it


def test_doctor_sees_hooks_that_find_nothing_and_install_mends_them(native: Repo) -> None:
    gone(native, "/gone/python")
    done = native.run("doctor", env={"PATH": bare_path()})
    assert (
        "hook-path: the hooks pass without looking: they name /gone/python, and migmerge is not on PATH\n"
        "  next: migmerge install\n"
    ) in done.stdout
    assert native.run("install").returncode == 0
    assert native.run("doctor", env={"PATH": bare_path()}).returncode == 0


def test_install_rewrites_hooks_of_version_0_1(branches: Repo) -> None:
    old = (
        "#!/bin/sh\n"
        "# Stop a merge whose Django migrations collide. Skip once: MIGMERGE=0 git ...\n"
        "command -v migmerge >/dev/null 2>&1 || exit 0\nexec migmerge check --staged\n"
    )
    branches.write(".git/hooks/pre-merge-commit", old).chmod(0o755)
    assert branches.run("install").returncode == 0
    text = branches.read(".git/hooks/pre-merge-commit").decode()
    assert text == script("pre-merge-commit", sys.executable)


def test_install_keeps_what_is_chained(branches: Repo) -> None:
    branches.write(".git/hooks/pre-commit", "#!/bin/sh\necho mine\n").chmod(0o755)
    assert branches.run("install").returncode == 0
    assert branches.run("install").stdout.startswith("nothing to change")
    text = branches.read(".git/hooks/pre-commit").decode()
    own = block(block_lines("pre-commit", sys.executable)).decode()
    assert text == f"#!/bin/sh\n{own}echo mine\n"


HUSKY_9 = """\
#!/usr/bin/env sh
n=$(basename "$0")
s=$(dirname "$(dirname "$0")")/$n
[ ! -f "$s" ] && exit 0
sh -e "$s" "$@"
exit $?
"""


def husky(repo: Repo) -> None:
    """What husky 9 writes at every `npm install`."""
    repo.write(".husky/_/.gitignore", "*")
    repo.write(".husky/_/h", HUSKY_9)
    for name in (*NAMES, "commit-msg", "pre-push"):
        repo.write(f".husky/_/{name}", '#!/usr/bin/env sh\n. "$(dirname "$0")/h"\n').chmod(0o755)
    repo.git("config", "core.hooksPath", ".husky/_")


def test_husky(branches: Repo) -> None:
    husky(branches)
    branches.write(".husky/pre-commit", "echo lint\nexit 0\n")
    branches.commit("husky")
    done = branches.run("install")
    assert done.returncode == 0 and "husky" in done.stdout
    assert (
        "next: git add -- .husky/pre-commit .husky/pre-merge-commit .husky/post-merge"
        in done.stdout
    )
    husky(branches)
    done = merge(branches)
    assert done.returncode == 1 and "MM101" in done.stdout, done.stdout
    assert branches.run("doctor").returncode == 0
    branches.git("merge", "--abort")
    (branches.root / ".husky/pre-merge-commit").unlink()
    done = branches.run("doctor")
    assert (
        "hook-missing: pre-merge-commit in .husky does not run migmerge\n  next: migmerge install"
        in done.stdout
    )
    branches.run("install")
    assert branches.run("doctor").returncode == 0
    assert branches.run("uninstall").returncode == 0
    assert branches.git("status", "--porcelain") == ""
    assert branches.git("config", "--get-regexp", "migmerge", fails=True) == ""


def test_husky_in_the_clone_of_a_colleague_without_migmerge(branches: Repo) -> None:
    husky(branches)
    branches.run("install")
    branches.git("config", "--unset", "migmerge.python")
    done = merge(branches)
    assert done.returncode == 0
    assert "migmerge: migrations were not checked: no migmerge at '' or on PATH" in done.stdout


def test_husky_8(branches: Repo) -> None:
    branches.git("config", "core.hooksPath", ".husky")
    branches.write(".husky/_/husky.sh", "")
    head = '#!/usr/bin/env sh\n. "$(dirname -- "$0")/_/husky.sh"\n'
    branches.write(".husky/pre-commit", f"{head}\necho lint\n").chmod(0o755)
    assert branches.run("install").returncode == 0
    assert branches.read(".husky/pre-commit").startswith(
        b"#!/usr/bin/env sh\n# migmerge: begin\n(\n"
    )
    assert branches.read(".husky/pre-commit").endswith(b"\necho lint\n")
    done = merge(branches)
    assert done.returncode == 1 and "MM101" in done.stdout


def test_husky_that_was_not_set_up(branches: Repo) -> None:
    branches.git("config", "core.hooksPath", ".husky/_")
    assert branches.run("install").returncode == 0
    done = branches.run("doctor")
    assert (
        "hooks-path: husky has not written .husky/_: no hook runs\n  next: npx husky" in done.stdout
    )


LEFTHOOK = {
    "commands": "pre-commit:\n  parallel: true\n  commands:\n    lint:\n      run: echo lint\n",
    "jobs": "pre-commit:\n    jobs:\n    -   name: lint\n        run: echo lint\n    -   run: echo b\n",
    "neither": "# ours\npre-commit:\n  piped: true\npre-push:\n  commands:\n    t:\n      run: echo t\n",
    "several": "post-merge:\n  commands:\n    a:\n      run: echo a\npre-merge-commit:\n  jobs:\n    - run: echo b\n",
}


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("case", LEFTHOOK)
def test_with_lefthook(case: str, newline: str) -> None:
    source = LEFTHOOK[case].replace("\n", newline).encode()
    edited = with_lefthook(source)
    assert isinstance(edited, bytes) and edited != source
    assert edited.count(b"migmerge check") == (2 if case == "several" else 1)
    assert without_blocks(edited) == source
    assert with_lefthook(edited) == edited


@pytest.mark.parametrize(
    "source",
    ["pre-commit: {commands: {a: {run: echo}}}\n", "pre-commit:\n", "- a\n", "pre-commit: [\n", ""],
)
def test_with_lefthook_where_it_can_not_edit(source: str) -> None:
    assert isinstance(with_lefthook(source.encode()), NotEditable)


@pytest.mark.parametrize("case", ["commands", "jobs"])
def test_lefthook(branches: Repo, case: str) -> None:
    """lefthook itself, which rewrites its own hooks, and leaves ours."""
    lefthook = BIN / "lefthook"
    branches.write("lefthook.yml", LEFTHOOK[case])
    branches.commit("lefthook")

    def sync() -> None:
        done = subprocess.run(
            [lefthook, "install"], cwd=branches.root, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout

    sync()
    done = branches.run("install")
    assert done.returncode == 0, done.stdout
    assert "lefthook runs pre-commit by lefthook.yml; then: lefthook install\n" in done.stdout
    sync()
    branches.commit("migmerge in lefthook.yml")
    done = merge(branches)
    assert done.returncode == 1 and "MM101" in done.stdout, done.stdout
    done = subprocess.run(
        ["git", "commit", "--no-edit"], cwd=branches.root, capture_output=True, text=True,
        check=False, env={**os.environ, "PATH": f"{BIN}:{bare_path()}"},
    )  # fmt: skip
    assert done.returncode == 1 and "MM101" in done.stdout + done.stderr
    assert branches.run("doctor").returncode == 0
    branches.git("merge", "--abort")
    assert branches.run("uninstall").returncode == 0
    assert branches.read("lefthook.yml").decode() == LEFTHOOK[case]


def test_lefthook_that_can_not_be_edited(branches: Repo) -> None:
    branches.write("lefthook.yml", "pre-commit: {commands: {lint: {run: echo}}}\n")
    done = branches.run("install")
    assert done.returncode == 1
    assert done.stdout.endswith(
        "lefthook's lefthook.yml can't be edited (its hooks are no plain mappings); add to what it says:\n"
        'pre-commit:\n  commands:\n    migmerge:\n      run: "command -v migmerge >/dev/null || '
        "{ echo 'migmerge: migrations were not checked: it is not on PATH'; exit 0; }; migmerge check --staged\"\n"
    )
    assert merge(branches).returncode == 1


def test_hooks_path_for_all_repositories(branches: Repo, tmp_path: Path) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    branches.git("config", "--global", "core.hooksPath", str(hooks))
    done = branches.run("install")
    assert done.returncode == 0
    assert done.stdout.endswith(
        f"core.hooksPath is {hooks}: other repositories may run these hooks, too\n"
    )
    assert merge(branches).returncode == 1
    shutil.rmtree(hooks)
    done = branches.run("doctor")
    assert "  next: git config --global --unset core.hooksPath\n" in done.stdout


def test_husky_in_a_subdirectory(branches: Repo) -> None:
    husky(branches)
    (branches.root / "frontend").mkdir()
    (branches.root / ".husky").rename(branches.root / "frontend/.husky")
    branches.git("config", "core.hooksPath", "frontend/.husky/_")
    assert branches.run("install").returncode == 0
    assert branches.read("frontend/.husky/pre-merge-commit").decode() == script("pre-merge-commit")
    assert merge(branches).returncode == 1


def test_doctor_sees_tracked_hooks_that_do_not_look(branches: Repo) -> None:
    branches.git("config", "core.hooksPath", ".githooks")
    branches.write(".githooks/pre-commit", "#!/bin/sh\necho mine\n")
    branches.run("install")
    out = branches.run("doctor").stdout
    assert "hook-mode: pre-commit in " in out and "  next: chmod +x " in out
    (branches.root / ".githooks/pre-commit").chmod(0o755)
    branches.git("config", "migmerge.python", "/gone/python")
    out = branches.run("doctor", env={"PATH": bare_path()}).stdout
    assert "hook-path: the hooks pass without looking: " in out
    assert branches.run("install").returncode == 0
    assert "hook-" not in branches.run("doctor", env={"PATH": bare_path()}).stdout
    done = branches.run("uninstall")
    assert "was edited since" not in done.stdout


def test_doctor_of_hooks_that_were_copied(branches: Repo) -> None:
    for name in NAMES:
        branches.write(f".git/hooks/{name}", script(name)).chmod(0o755)
    branches.git("config", "migmerge.python", sys.executable)
    assert "hook-" not in branches.run("doctor", env={"PATH": bare_path()}).stdout
    text = script("pre-commit").replace('"$(git config --get migmerge.python || :)"', "\"/x'y")
    branches.write(".git/hooks/pre-commit", text)
    done = branches.run("doctor", env={"PATH": bare_path()})
    assert done.returncode == 1 and done.stderr == ""


def test_lefthook_where_migmerge_is_not_on_path(branches: Repo) -> None:
    branches.write("lefthook.yml", LEFTHOOK["commands"])
    branches.run("install")
    subprocess.run(
        [BIN / "lefthook", "install"], cwd=branches.root, capture_output=True, check=True
    )
    out = branches.run("doctor", env={"PATH": bare_path()}).stdout
    assert "hook-path: lefthook runs migmerge from PATH, where there is none" in out
    branches.git("add", "-A")
    done = subprocess.run(
        ["git", "commit", "-m", "x"], cwd=branches.root, capture_output=True, text=True, check=False,
        env={**os.environ, "PATH": bare_path()},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "migrations were not checked: it is not on PATH" in done.stdout + done.stderr

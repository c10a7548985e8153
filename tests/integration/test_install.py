"""The driver and the hooks in real repositories, and nothing left of them afterwards."""

from __future__ import annotations

import os
import random
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from migmerge.install.hooks import NAMES, SUFFIX, script
from migmerge.install.marked_blocks import NotEditable, without_block
from migmerge.install.precommit import missing_types, with_hooks
from tests.conftest import KILLS, PRICE, STOCK, Repo, migration_text, some, thinned

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]


def snapshot(repo: Repo) -> dict[str, tuple[int, bytes]]:
    """Every file with its mode, those of the git directory too (but for the index)."""
    return {
        str(path.relative_to(repo.root)): (stat.S_IMODE(path.stat().st_mode), path.read_bytes())
        for path in sorted(repo.root.rglob("*"))
        if path.is_file() and path.name not in ("index", "clean-index", "headers")
    }


def test_hooks_folder_is_what_install_writes() -> None:
    files = {path.name: path.read_text() for path in (ROOT / "hooks").iterdir()}
    assert files == {name: script(name) for name in NAMES}


PRE_COMMIT = """\
# our hooks
repos:
  # formatting first
  - repo: https://github.com/psf/black
    rev: 24.1.0   # pinned
    hooks: [{id: black}]
fail_fast: true
"""


def with_foreign_hook(repo: Repo) -> None:
    repo.write(".git/hooks/pre-commit", "#!/bin/sh\necho mine\n").chmod(0o755)


def with_attributes(repo: Repo) -> None:
    repo.write(".git/info/attributes", "*.png binary")


def with_pre_commit(repo: Repo) -> None:
    repo.write(".pre-commit-config.yaml", PRE_COMMIT)


def with_crlf(repo: Repo) -> None:
    repo.write(".gitattributes", "*.bat eol=crlf\r\n")
    repo.write(".pre-commit-config.yaml", PRE_COMMIT.replace("\n", "\r\n"))


def with_open_end(repo: Repo) -> None:
    text = repo.read(".git/config") + b"[user]\n\tname = x"
    repo.write(".git/config", text)


STATES = {
    "plain": lambda repo: None,
    "foreign hook": with_foreign_hook,
    "attributes": with_attributes,
    "pre-commit": with_pre_commit,
    "CRLF": with_crlf,
    "no final newline": with_open_end,
}
OPTIONS = ((), ("--shared",), ("--hooks", "none"), ("--hooks", "native"))
INSTALLED = [
    pytest.param(
        prepare, options, id=" ".join((name, *options)),
        marks=pytest.mark.corpus if options and name != "plain" else (),
    )
    for name, prepare in STATES.items()
    for options in OPTIONS
]  # fmt: skip


@pytest.mark.parametrize(("prepare", "options"), INSTALLED)
def test_uninstall_leaves_no_trace(
    siblings: Repo, prepare: Callable[[Repo], None], options: tuple[str, ...]
) -> None:
    prepare(siblings)
    before = snapshot(siblings)
    shown = siblings.run("install", *options, "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert snapshot(siblings) == before
    done = siblings.run("install", *options)
    assert done.returncode == 0, done.stderr
    more = [line for line in done.stdout.splitlines() if line not in shown.stdout.splitlines()]
    assert more[0] == "done; migmerge uninstall takes it out again"
    assert [line.partition(" -- ")[0] for line in more[1:]] in ([], ["next: git add"])
    installed = snapshot(siblings)
    assert installed != before
    again = siblings.run("install", *options)
    assert again.stdout.splitlines()[-1] == "nothing to change"
    assert snapshot(siblings) == installed
    assert siblings.run("uninstall").returncode == 0
    assert snapshot(siblings) == before


def test_install_chains_the_hook_that_is_there(siblings: Repo) -> None:
    siblings.write(".git/hooks/pre-commit", "#!/bin/sh\necho mine >> ran\nexit $(cat code)\n")
    (siblings.root / ".git/hooks/pre-commit").chmod(0o755)
    siblings.write("code", "1")
    siblings.run("install")
    siblings.git("commit", "-q", "--allow-empty", "-m", "x", fails=True)
    assert not (siblings.root / "ran").exists()  # ours is the first step
    siblings.fix()
    siblings.git("commit", "-q", "-m", "x", fails=True)
    assert (siblings.root / "ran").read_text() == "mine\n"
    siblings.write("code", "0")
    siblings.git("commit", "-q", "-m", "x")


# each writes what it was called as, with what, and what it read
DISPATCHERS = {
    "a shell script": ("#!/bin/sh\n", 'echo "$(basename "$0") $(dirname "$0") $# $(cat)" > "$OUT"\nexit 3\n'),
    "a script of Python": (
        "#!/usr/bin/env python3\n",
        "import os, sys\n"
        "name, place = os.path.basename(sys.argv[0]), os.path.dirname(sys.argv[0])\n"
        "open(os.environ['OUT'], 'w').write(f'{name} .git/hooks {len(sys.argv) - 1} {sys.stdin.read().strip()}\\n')\n"
        "sys.exit(3)\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("linked", [False, True], ids=["file", "link"])
@pytest.mark.parametrize("kind", DISPATCHERS)
def test_install_keeps_what_a_hook_goes_by(
    repo: Repo, tmp_path: Path, kind: str, linked: bool
) -> None:
    """Its name, its standard input and its arguments, and its exit code; also where one script
    serves all hooks by links."""
    repo.write("notes.txt", "x")
    repo.commit()
    script = repo.write("hook" if linked else ".git/hooks/post-rewrite", "".join(DISPATCHERS[kind]))
    script.chmod(0o755)
    hook = repo.root / ".git/hooks/post-rewrite"
    if linked:
        hook.parent.mkdir(exist_ok=True)
        hook.symlink_to("../../hook")
    before = hook.read_bytes(), hook.is_symlink()

    def call() -> tuple[int, list[str]]:
        out = tmp_path / "out"
        done = subprocess.run(
            [".git/hooks/post-rewrite", "amend"], cwd=repo.root, input="a b\n", text=True,
            env={**os.environ, "OUT": str(out)}, check=False, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        return done.returncode, out.read_text().split(" ")[0::2]

    alone = call()
    assert alone[0] == 3
    assert repo.run("install", "--hooks", "native").returncode == 0
    assert call() == alone
    assert repo.run("uninstall").returncode == 0
    assert (hook.read_bytes(), hook.is_symlink()) == before
    assert sorted(p.name for p in hook.parent.iterdir() if "sample" not in p.name) == [
        "post-rewrite"
    ]


def test_uninstall_takes_its_directories_along(siblings: Repo) -> None:
    """A repository that was made without templates has neither."""
    for name in ("hooks", "info"):
        shutil.rmtree(siblings.root / ".git" / name)
    before = snapshot(siblings)
    siblings.run("install")
    siblings.run("uninstall")
    assert snapshot(siblings) == before
    assert not (siblings.root / ".git/hooks").exists()
    assert not (siblings.root / ".git/info").exists()


def test_install_over_a_hook_that_git_ignored(siblings: Repo) -> None:
    """It is not executable: it stays without effect, and commits go on."""
    hook = siblings.write(".git/hooks/pre-commit", "#!/bin/sh\nexit 1\n")
    hook.chmod(0o644)
    before = snapshot(siblings)
    siblings.run("install")
    siblings.fix()
    siblings.git("commit", "-q", "-m", "fixed")
    siblings.git("reset", "-q", "--hard", "HEAD^")
    siblings.run("uninstall")
    assert snapshot(siblings)[".git/hooks/pre-commit"] == before[".git/hooks/pre-commit"]


def test_uninstall_where_the_hook_that_was_there_is_gone(siblings: Repo) -> None:
    hook = siblings.write(".git/hooks/pre-commit", "#!/usr/bin/env python3\n")
    hook.chmod(0o755)
    siblings.run("install")
    (siblings.root / f".git/hooks/pre-commit{SUFFIX}").unlink()
    assert "hook-lost: " in siblings.run("doctor").stdout
    done = siblings.run("uninstall")
    assert (done.returncode, done.stderr) == (0, "")
    assert not (siblings.root / ".git/hooks/pre-commit").exists()


def test_uninstall_leaves_a_hook_that_was_edited_and_says_so(siblings: Repo) -> None:
    siblings.run("install")
    hook = siblings.root / ".git/hooks/pre-commit"
    hook.write_text(hook.read_text() + "# mine\n")
    told = siblings.run("uninstall").stdout
    assert f"{hook} was edited since: take the call of migmerge out by hand\n" in told
    assert hook.read_text().endswith("# mine\n")


def test_uninstall_keeps_what_came_behind_it(siblings: Repo) -> None:
    with_open_end(siblings)
    before = siblings.read(".git/config")
    siblings.run("install")
    siblings.git("config", "core.pager", "cat")
    siblings.git("config", "later.key", "1")
    siblings.run("uninstall")
    text = siblings.read(".git/config")
    assert text.startswith(before[: before.index(b"[user]")])
    assert text.endswith(b"name = x\n[later]\n\tkey = 1\n")


def test_uninstall_global_leaves_the_local_installation(
    siblings: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    siblings.run("install")
    before = snapshot(siblings)
    siblings.run("install", "--global")
    assert siblings.run("uninstall", "--global").returncode == 0
    assert snapshot(siblings) == before


@pytest.mark.parametrize(
    ("link", "options"),
    [
        (".gitattributes", ("--shared", "--hooks", "none")),
        (".pre-commit-config.yaml", ("--hooks", "pre-commit")),
        (".gitattributes.migmerge-new", ("--shared", "--hooks", "none")),
        (".pre-commit-config.yaml.migmerge-new", ("--hooks", "pre-commit")),
        (".git/info/attributes", ("--hooks", "none")),
        ("lefthook.yml", ()),
    ],
)
def test_install_writes_through_no_link(
    siblings: Repo, tmp_path: Path, link: str, options: tuple[str, ...]
) -> None:
    """A branch could have ~/.bashrc written."""
    mine = tmp_path / "bashrc"
    text = "pre-commit:\n  commands:\n    lint:\n      run: x\n"
    mine.write_text(text if link == "lefthook.yml" else PRE_COMMIT)
    place = siblings.root / link
    place.parent.mkdir(exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(mine)
    before = mine.read_bytes()
    done = siblings.run("install", *options)
    assert mine.read_bytes() == before
    assert place.is_symlink()
    if not link.endswith("-new"):
        assert (done.returncode, done.stderr) == (
            2,
            f"migmerge: MM325 {link} is a symbolic link: migmerge writes through none\n"
            "hint: edit the file that it leads to by hand, or move the link away\n",
        )
        assert siblings.git("config", "--get-regexp", "migmerge", fails=True) == ""


def test_install_gives_no_attribute_to_a_name_that_needs_quoting(repo: Repo) -> None:
    odd = ('x"\n** merge=union\n', "$(touch${IFS}ran)", "a b", "`id`", "a;b")
    for number, name in enumerate(odd):
        repo.migration("shop", "0001_initial")
        source = repo.read("shop/migrations/0001_initial.py")
        repo.write(f"{number}/{name}/0001_initial.py", source)
    repo.commit()
    before = repo.git("check-attr", "merge", "--", "readme", "shop/views.py")
    done = repo.run("install", "--hooks", "none")
    assert done.returncode == 0, done.stderr
    text = repo.read(".git/info/attributes").decode()
    assert [line for line in text.splitlines() if not line.startswith("#")] == [
        "**/migrations/*.py merge=migmerge",
        "max_migration.txt merge=migmerge",
        "migrations_lockfile.txt merge=migmerge",
    ]
    assert repo.git("check-attr", "merge", "--", "readme", "shop/views.py") == before
    assert (
        "no merge driver for 1/$(touch${IFS}ran): its name would have to be quoted" in done.stdout
    )


KILL_INSTALL = """\
import os, signal, sys
left = int(sys.argv.pop(1))
def counted(real):
    def step(*arguments, **keywords):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **keywords)
    return step
for name in ("replace", "unlink", "rename", "link", "symlink", "mkdir", "rmdir", "chmod", "fsync"):
    setattr(os, name, counted(getattr(os, name)))
import migmerge.commands.install as install
install._set = counted(install._set)
from migmerge.cli import main
sys.exit(main(sys.argv[1:]))
"""


def hooks_that_run(repo: Repo) -> str:
    """What the user's own hook wrote, by whichever script is in its place."""
    out = repo.root / "ran"
    out.unlink(missing_ok=True)
    subprocess.run([".git/hooks/pre-commit"], cwd=repo.root, check=False, capture_output=True)
    return out.read_text() if out.exists() else ""


@pytest.mark.corpus
@pytest.mark.parametrize("kind", ["shell", "python", "link"])
@pytest.mark.parametrize("command", ["install", "uninstall"])
def test_install_killed_at_every_step(repo: Repo, tmp_path: Path, command: str, kind: str) -> None:
    """The user's hook runs before and after, and both commands find their way from there."""
    untouched = with_own_hook(repo, kind)
    if command == "uninstall":
        assert repo.run("install", "--hooks", "native").returncode == 0
    pristine = tmp_path / "pristine"
    shutil.copytree(repo.root, pristine, symlinks=True)
    for step in some(range(1, 100), 8):
        shutil.rmtree(repo.root)
        shutil.copytree(pristine, repo.root, symlinks=True)
        done = subprocess.run(
            [sys.executable, "-c", KILL_INSTALL, str(step), command, "--hooks", "native"],
            cwd=repo.root, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert hooks_that_run(repo) == "mine\n", step
        if done.returncode == 0:
            break
        finds_its_way(repo, untouched, step)
    assert step > 5


@pytest.mark.corpus
@pytest.mark.parametrize("command", ["install", "uninstall"])
def test_install_killed_at_any_time(repo: Repo, tmp_path: Path, command: str) -> None:
    untouched = with_own_hook(repo, "python")
    if command == "uninstall":
        assert repo.run("install", "--hooks", "native").returncode == 0
    pristine = tmp_path / "pristine"
    shutil.copytree(repo.root, pristine, symlinks=True)
    started = time.monotonic()
    assert repo.run(command, "--hooks", "native").returncode == 0
    lasts = time.monotonic() - started
    chance = random.Random(7)
    for turn in range(KILLS):
        shutil.rmtree(repo.root)
        shutil.copytree(pristine, repo.root, symlinks=True)
        with subprocess.Popen(
            [sys.executable, "-m", "migmerge", command, "--hooks", "native"], cwd=repo.root,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            time.sleep(lasts * chance.uniform(0.2, 1.1))
            process.kill()
        assert hooks_that_run(repo) == "mine\n", turn
        finds_its_way(repo, untouched, turn)


def with_own_hook(repo: Repo, kind: str) -> dict[str, tuple[int, bytes]]:
    """A repository whose own pre-commit hook is of this kind; its files."""
    repo.write(".gitignore", "ran\n")
    repo.migration("shop", "0001_initial")
    repo.commit()
    hook = repo.root / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    source = "#!/bin/sh\necho mine > ran\n"
    if kind == "python":
        source = "#!/usr/bin/env python3\nopen('ran', 'w').write('mine\\n')\n"
    target = repo.write("tools/hook", source) if kind == "link" else hook
    target.write_text(source)
    target.chmod(0o755)
    if kind == "link":
        hook.symlink_to("../../tools/hook")
    return snapshot(repo)


def finds_its_way(repo: Repo, untouched: dict[str, tuple[int, bytes]], turn: int) -> None:
    """Uninstall leaves what was there before us, every second time after another install."""
    if turn % 2:
        again = repo.run("install", "--hooks", "native")
        assert again.returncode == 0, (turn, again.stdout, again.stderr)
        assert hooks_that_run(repo) == "mine\n", turn
    undone = repo.run("uninstall")
    assert undone.returncode == 0, (turn, undone.stderr)
    assert hooks_that_run(repo) == "mine\n", turn
    (repo.root / "ran").unlink(missing_ok=True)
    assert snapshot(repo) == untouched, turn


@pytest.mark.parametrize("place", ["/proc/self/fdinfo", "/sys/kernel"])
def test_install_into_a_directory_that_can_not_be_written(siblings: Repo, place: str) -> None:
    siblings.git("config", "core.hooksPath", place)
    before = snapshot(siblings)
    done = siblings.run("install")
    assert done.returncode == 2
    assert done.stderr.startswith(f"migmerge: MM325 {place}"), done.stderr
    assert done.stderr.endswith("\nhint: nothing was changed\n")
    assert snapshot(siblings) == before


def test_uninstall_keeps_lines_between_our_marks(siblings: Repo) -> None:
    siblings.write(".git/hooks/pre-commit", "#!/bin/sh\necho mine\n").chmod(0o755)
    siblings.run("install")
    for path, mark in (
        (".git/info/attributes", "*.png binary"),
        (".git/hooks/pre-commit", "echo two"),
    ):
        text = siblings.read(path).decode()
        siblings.write(path, text.replace("# migmerge: end", f"{mark}\n# migmerge: end"))
    siblings.run("uninstall")
    assert siblings.read(".git/info/attributes").endswith(b"*.png binary\n")
    assert siblings.read(".git/hooks/pre-commit") == b"#!/bin/sh\necho two\necho mine\n"


def test_uninstall_where_our_mark_is_inside_a_line(siblings: Repo) -> None:
    siblings.write("pyproject.toml", '[tool.x]\ntext = "see # migmerge: begin"\n')
    before = siblings.read("pyproject.toml")
    siblings.run("install")
    done = siblings.run("uninstall")
    assert (done.returncode, done.stderr) == (0, "")
    assert siblings.read("pyproject.toml") == before


def test_uninstall_leaves_another_driver_of_the_name(siblings: Repo) -> None:
    siblings.git("config", "merge.migmerge.driver", "mine %A")
    before = siblings.read(".git/config")
    done = siblings.run("uninstall")
    assert "merge.migmerge.driver is another one: left as it is\n" in done.stdout
    assert siblings.read(".git/config") == before


def test_uninstall_leaves_a_section_that_was_empty(siblings: Repo) -> None:
    text = siblings.read(".git/config") + b'[merge "migmerge"]\n[other]\n\tkey = 1\n'
    siblings.write(".git/config", text)
    siblings.run("install")
    siblings.run("uninstall")
    assert siblings.read(".git/config") == text


def test_install_where_hooks_are_switched_off(siblings: Repo) -> None:
    siblings.git("config", "core.hooksPath", "/dev/null")
    done = siblings.run("install")
    assert done.stdout.splitlines()[-1] == "core.hooksPath is /dev/null: no hook runs here"


def test_install_leaves_another_driver_of_the_name_alone(siblings: Repo) -> None:
    siblings.git("config", "merge.migmerge.driver", "mine %A")
    done = siblings.run("install")
    assert (done.returncode, done.stderr) == (
        2,
        "migmerge: MM325 merge.migmerge.driver is another one: mine %A\n"
        "hint: git config --unset merge.migmerge.driver, if it is not needed\n",
    )


def test_install_edits_the_pre_commit_configuration(siblings: Repo) -> None:
    with_pre_commit(siblings)
    done = siblings.run("install")
    assert done.stdout.splitlines()[-1] == (
        "then, once in each clone: pre-commit install (or prek install)"
    )
    text = siblings.read(".pre-commit-config.yaml").decode()
    assert text == (
        "# our hooks\n"
        "# migmerge: begin\n"
        "default_install_hook_types: "
        "[pre-commit, pre-merge-commit, post-merge, post-rewrite, pre-push]\n"
        "# migmerge: end\n"
        "repos:\n"
        "  # formatting first\n"
        "  # migmerge: begin\n"
        "  - repo: https://github.com/migmerge/migmerge\n"
        "    rev: v0.1.0\n"
        "    hooks:\n"
        "      - id: migmerge-check\n"
        "      - id: migmerge-report\n"
        "  # migmerge: end\n"
        "  - repo: https://github.com/psf/black\n"
        "    rev: 24.1.0   # pinned\n"
        "    hooks: [{id: black}]\n"
        "fail_fast: true\n"
    )
    assert not (siblings.root / ".git/hooks/pre-commit").exists()


@pytest.mark.parametrize(
    "source",
    [
        "---\nrepos:\n- repo: x\n  hooks: []\n",
        "%YAML 1.2\n---\nrepos:\n- repo: x\n  hooks: []\n",
        "default_install_hook_types:\nrepos:\n- repo: x\n  hooks: []\n",
        "default_install_hook_types:\n- pre-commit\n- post-merge\nrepos:\n- repo: x\n  hooks: []\n",
    ],
)
def test_with_hooks_of_an_odd_configuration(source: str) -> None:
    edited = with_hooks(source.encode())
    assert isinstance(edited, bytes)
    assert without_block(without_block(edited)) == source.encode()


@pytest.mark.parametrize("place", ["local", "/srv/mirrors/migmerge", "https://git.example/m"])
def test_with_hooks_where_ours_come_from_elsewhere(place: str) -> None:
    source = f"repos:\n- repo: x\n  hooks: []\n- repo: {place}\n  hooks: [{{id: migmerge-check}}]\n"
    assert with_hooks(source.encode()) == source.encode()


def test_missing_types() -> None:
    text = "default_install_hook_types: {}\nrepos: []\n"
    flow = text.format("[pre-commit, pre-merge-commit,\n  post-merge, post-rewrite, pre-push]")
    assert missing_types(flow.encode()) == []
    lines = text.format("\n- pre-commit\n- post-merge").encode()
    assert missing_types(lines) == ["pre-merge-commit", "post-rewrite", "pre-push"]
    assert len(missing_types(b"repos:\n- repo: post-merge\n")) == 5


@pytest.mark.parametrize(
    "source",
    [
        "repos:\n- foo\n",
        "\ufeffrepos:\n- repo: x\n",
        "",
        "repos: [{repo: local, hooks: []}]\n",
        "repos:\n",
        "x: 1\n",
        "repos: &a\n- {",
        "- a\n",
    ],
)
def test_with_hooks_of_a_configuration_that_it_can_not_edit(source: str) -> None:
    assert isinstance(with_hooks(source.encode()), NotEditable)


def test_install_prints_what_it_can_not_edit(siblings: Repo) -> None:
    siblings.write(".pre-commit-config.yaml", "repos: [{repo: local, hooks: []}]\n")
    done = siblings.run("install")
    assert done.returncode == 1
    assert done.stdout.endswith(
        ".pre-commit-config.yaml can't be edited (its repos are no plain list); add to what it says:\n"
        "default_install_hook_types: [pre-commit, pre-merge-commit, post-merge, post-rewrite, pre-push]\n"
        "repos:\n"
        "  - repo: https://github.com/migmerge/migmerge\n"
        "    rev: v0.1.0\n"
        "    hooks:\n"
        "      - id: migmerge-check\n"
        "      - id: migmerge-report\n"
        "then, once in each clone: pre-commit install (or prek install)\n"
    )


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_install_understands_pre_commits_own_style(siblings: Repo, newline: str) -> None:
    """`pre-commit sample-config` has a dash and three blanks."""
    source = "repos:\n-   repo: https://x\n    rev: v1\n    hooks:\n    -   id: black\n".replace(
        "\n", newline
    )
    siblings.write(".pre-commit-config.yaml", source)
    assert siblings.run("install").returncode == 0
    text = siblings.read(".pre-commit-config.yaml").decode()
    assert text.replace(newline, "\n") == (
        "# migmerge: begin\n"
        "default_install_hook_types: [pre-commit, pre-merge-commit, post-merge, post-rewrite, pre-push]\n"
        "# migmerge: end\n"
        "repos:\n"
        "# migmerge: begin\n"
        "-   repo: https://github.com/migmerge/migmerge\n"
        "    rev: v0.1.0\n"
        "    hooks:\n"
        "    -   id: migmerge-check\n"
        "    -   id: migmerge-report\n"
        "# migmerge: end\n"
        "-   repo: https://x\n    rev: v1\n    hooks:\n    -   id: black\n"
    )
    assert siblings.run("uninstall").returncode == 0
    assert siblings.read(".pre-commit-config.yaml").decode() == source


def test_install_says_which_types_are_missing(siblings: Repo) -> None:
    siblings.write(
        ".pre-commit-config.yaml",
        "default_install_hook_types: [commit-msg]\nrepos:\n- repo: x\n  hooks: []\n",
    )
    done = siblings.run("install")
    assert done.returncode == 1
    assert "set in .pre-commit-config.yaml: default_install_hook_types: [" in done.stdout


def test_install_in_a_hooks_directory_that_is_tracked(siblings: Repo) -> None:
    """Scripts that are part of the repository name no interpreter of one machine."""
    siblings.git("config", "core.hooksPath", ".githooks")
    siblings.write(".githooks/pre-commit", "#!/bin/sh\necho mine\nexit 0\n").chmod(0o755)
    siblings.write(".githooks/post-merge", "#!/usr/bin/env python\nprint(1)\n").chmod(0o755)
    siblings.commit("hooks")
    siblings.run("check")  # what it remembers stays
    before = snapshot(siblings)
    done = siblings.run("install")
    assert done.returncode == 1
    assert (
        ".githooks/post-merge can't be edited (it is no shell script); "
        "have it run: migmerge check --exit-zero\n"
    ) in done.stdout
    assert siblings.read(".githooks/pre-merge-commit").decode() == script("pre-merge-commit")
    assert sys.executable.encode() not in siblings.read(".githooks/pre-commit")
    assert siblings.git("config", "migmerge.python") == f"{sys.executable}\n"
    no_path = {"PATH": os.defpath}
    done = subprocess.run(
        [".githooks/pre-commit"], cwd=siblings.root, capture_output=True, text=True, check=False,
        env={**os.environ, **no_path},
    )  # fmt: skip
    assert done.returncode == 1 and "MM101" in done.stdout
    assert siblings.run("uninstall").returncode == 0
    assert snapshot(siblings) == before


def test_install_worktree_without_the_extension_says_how(siblings: Repo, tmp_path: Path) -> None:
    siblings.git("worktree", "add", "-q", "-b", "other", str(tmp_path / "linked"))
    done = siblings.run("install", "--worktree")
    assert (done.returncode, done.stderr) == (
        2,
        "migmerge: MM325 this repository has no worktree configuration\n"
        "hint: git config extensions.worktreeConfig true, then run it again\n",
    )
    siblings.git("config", "extensions.worktreeConfig", "true")
    assert siblings.run("install", "--worktree", "--dry-run").returncode == 0
    assert not (siblings.root / ".git/info/attributes").exists()


def test_install_global(siblings: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / "gitconfig"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    assert siblings.run("install", "--global").returncode == 0
    assert "merge=migmerge" in (home / "git/attributes").read_text()
    path = "shop/migrations/0002_price.py"
    assert siblings.git("check-attr", "merge", "--", path).strip().endswith("migmerge")
    assert siblings.run("uninstall", "--global").returncode == 0
    assert not (home / "git/attributes").exists()


def test_install_reaches_other_migration_directories(repo: Repo) -> None:
    repo.write("db/our-changes/0001_initial.py", migration_text())
    repo.write(
        "pyproject.toml", '[tool.migmerge]\nmigration_modules = { shop = "db/our-changes" }\n'
    )
    repo.commit()
    repo.run("install")
    found = repo.git("check-attr", "merge", "--", "db/our-changes/0001_initial.py")
    assert found.strip().endswith("migmerge")


# --- the driver under git's own commands

BASE = migration_text(("shop", "0001_a"), ("cart", "0001_b"), operations=(PRICE,))
OURS = BASE.replace("0001_a", "0002_a")
THEIRS = BASE.replace("0001_b", "0002_b")
BOTH = OURS.replace("0001_b", "0002_b")
PATH = "shop/migrations/0005_both.py"


def diverged(repo: Repo, ours: str = OURS, theirs: str = THEIRS, base: str | None = BASE) -> None:
    """Branches ours (checked out) and theirs changed one migration."""
    repo.write("other.txt", "x\n")
    if base is not None:
        repo.write(PATH, base)
    repo.commit("base")
    for branch, text in (("theirs", theirs), ("ours", ours)):
        repo.git("checkout", "-q", "-B", branch, "main")
        repo.write(PATH, text)
        repo.commit(branch)
    # from elsewhere: `python -m` looks into the directory where it stands
    where = ("-C", str(repo.root))
    done = repo.run(*where, "install", "--hooks", "none", cwd=repo.root.parent)
    assert done.returncode == 0, done.stderr


COMMANDS = {
    "merge": (("merge", "-q", "--no-edit", "theirs"),),
    "rebase": (("rebase", "-q", "theirs"),),
    "cherry-pick": (("cherry-pick", "theirs"),),
    "stash pop": (
        ("checkout", "-q", "theirs"),
        ("reset", "-q", "main"),
        ("stash", "-q"),
        ("checkout", "-q", "ours"),
        ("stash", "pop", "-q"),
    ),
}


def run_all(repo: Repo, name: str, fails: bool = False) -> None:
    *first, last = COMMANDS[name]
    for command in first:
        repo.git(*command)
    repo.git(*last, fails=fails)


@pytest.mark.parametrize("command", COMMANDS)
def test_driver_merges_what_is_certain(repo: Repo, command: str) -> None:
    diverged(repo)
    run_all(repo, command)
    assert repo.read(PATH).decode() == BOTH
    assert repo.git("ls-files", "--unmerged") == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_driver_with_line_endings_of_the_work_tree(repo: Repo, command: str) -> None:
    """The work tree has CRLF, git's objects do not; so do the driver's files."""
    repo.write(".gitattributes", "*.py text eol=crlf\n")
    diverged(repo)
    run_all(repo, command)
    assert repo.read(PATH).decode() == BOTH.replace("\n", "\r\n")
    repo.git("add", PATH)  # stash pop stages nothing
    assert repo.git("show", f":{PATH}") == BOTH


def test_driver_under_merge_tree(repo: Repo) -> None:
    diverged(repo)
    tree = repo.git("merge-tree", "--write-tree", "ours", "theirs").splitlines()
    assert len(tree) == 1
    assert repo.git("show", f"{tree[0]}:{PATH}") == BOTH


def test_driver_under_revert(repo: Repo) -> None:
    diverged(repo, theirs=THEIRS)
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "theirs")
    repo.write(PATH, BOTH)
    repo.commit("ours as well")
    repo.git("revert", "--no-edit", "theirs")
    assert repo.read(PATH).decode() == OURS


def assert_no_side_is_lost(repo: Repo, ours: str, theirs: str) -> None:
    """Each line of both sides stands in the file, between markers where they differ."""
    lines = [line.rstrip("\r") for line in repo.read(PATH).decode().split("\n")]
    assert "<<<<<<<" in "".join(line[:7] for line in lines)
    for side in (ours, theirs):
        missing = [line for line in side.splitlines() if line.rstrip("\r") not in lines]
        assert missing == []
    stages = repo.git("ls-files", "--unmerged", "--", PATH).splitlines()
    assert {line.split()[2] for line in stages} >= {"2", "3"}


LARGE = "# " + "x" * 5_000_000 + "\n"
CHANGED: dict[str, tuple[str | None, str, str]] = {
    "one entry twice": (BASE, OURS, OURS.replace("0002_a", "0003_a")),
    "both operations": (BASE, BASE.replace("'price'", "'a'"), BASE.replace("'price'", "'b'")),
    "both added": (None, BASE, BASE.replace(PRICE, STOCK)),
    "CRLF": (
        BASE.replace("\n", "\r\n"),
        BASE.replace("\n", "\r\n").replace("'price'", "'a'"),
        BASE.replace("\n", "\r\n").replace("'price'", "'b'"),
    ),
    "no migration": ("x = 1\n", "x = 2\n", "x = 3\n"),
    "five megabytes": (
        BASE + LARGE,
        BASE.replace("'price'", "'a'") + LARGE,
        BASE.replace("'price'", "'b'") + LARGE,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("case", "command"), thinned(product(CHANGED, COMMANDS)))
def test_driver_never_loses_a_side(repo: Repo, case: str, command: str) -> None:
    base, ours, theirs = CHANGED[case]
    if base is None and command == "stash pop":
        pytest.skip("an untracked file is not stashed")
    diverged(repo, ours, theirs, base)
    run_all(repo, command, fails=True)
    assert_no_side_is_lost(repo, ours, theirs)


def break_interpreter(repo: Repo) -> dict[str, str]:
    command = repo.git("config", "merge.migmerge.driver").strip()
    repo.git("config", "merge.migmerge.driver", command.replace(sys.executable, "/gone/python"))
    return {}


def break_package(repo: Repo) -> dict[str, str]:
    """An interpreter without migmerge."""
    command = repo.git("config", "merge.migmerge.driver").strip()
    command = command.replace("import migmerge", "import migmerge_gone")
    repo.git("config", "merge.migmerge.driver", command)
    return {}


def switch_off(repo: Repo) -> dict[str, str]:
    return {"MIGMERGE": "0"}


@pytest.mark.parametrize("fault", [break_interpreter, break_package, switch_off])
def test_driver_that_can_not_run_is_a_text_merge(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, fault: Callable[[Repo], dict[str, str]]
) -> None:
    diverged(repo)
    for key, value in fault(repo).items():
        monkeypatch.setenv(key, value)
    repo.git("merge", "-q", "--no-edit", "theirs", fails=True)
    assert_no_side_is_lost(repo, OURS, THEIRS)


def test_driver_needs_no_path(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    diverged(repo)
    git = Path(shutil.which("git") or "").parent
    assert not (git / "migmerge").exists()
    monkeypatch.setenv("PATH", str(git))
    repo.git("merge", "-q", "--no-edit", "theirs")
    assert repo.read(PATH).decode() == BOTH


def test_driver_imports_nothing_of_the_work_tree(repo: Repo) -> None:
    """A hostile branch with modules of these names: none is run."""
    for name in ("migmerge/__init__.py", "json.py", "argparse.py", "libcst/__init__.py"):
        repo.write(name, "open('owned', 'w')\nraise SystemExit(0)\n")
    diverged(repo)
    repo.git("merge", "-q", "--no-edit", "theirs")
    assert repo.read(PATH).decode() == BOTH
    assert not (repo.root / "owned").exists()


def test_driver_in_a_criss_cross_merge(repo: Repo) -> None:
    """The merge of two merge bases is a text merge, and asks nobody to run anything."""
    diverged(repo)
    repo.git("checkout", "-q", "-b", "left", "ours")
    repo.git("merge", "-q", "--no-edit", "-s", "ours", "theirs")
    repo.git("checkout", "-q", "-b", "right", "theirs")
    repo.git("merge", "-q", "--no-edit", "-s", "ours", "ours")
    repo.write(PATH, repo.read(PATH).decode().replace("0002_b", "0003_b"))
    repo.commit("right")
    repo.git("checkout", "-q", "left")
    repo.write(PATH, repo.read(PATH).decode().replace("0002_a", "0003_a"))
    repo.commit("left")
    repo.git("merge", "-q", "--no-edit", "right", fails=True)
    assert_no_side_is_lost(
        repo, repo.git("show", f"left:{PATH}"), repo.git("show", f"right:{PATH}")
    )


@pytest.mark.parametrize("style", ["merge", "diff3", "zdiff3"])
def test_driver_gives_gits_own_markers(repo: Repo, style: str) -> None:
    """But for labels, which git tells a driver from 2.44 on."""
    repo.git("config", "merge.conflictStyle", style)
    diverged(repo, BASE.replace("'price'", "'a'"), BASE.replace("'price'", "'b'"))
    repo.git("merge", "-q", "theirs", fails=True)
    ours = repo.read(PATH).decode()
    repo.git("merge", "--abort")
    assert repo.run("uninstall").returncode == 0
    repo.git("merge", "-q", "theirs", fails=True)

    def plain(text: str) -> list[str]:
        marks = ("<<<<<<<", "|||||||", ">>>>>>>")
        return [line[:7] if line.startswith(marks) else line for line in text.splitlines()]

    assert plain(ours) == plain(repo.read(PATH).decode())


def test_driver_merges_lock_files(repo: Repo) -> None:
    repo.write("migrations_lockfile.txt", "cart: 0001_b\nshop: 0001_a\n")
    repo.commit("base")
    for branch, old, new in (("theirs", "0001_b", "0002_b"), ("ours", "0001_a", "0002_a")):
        repo.git("checkout", "-q", "-B", branch, "main")
        repo.write(
            "migrations_lockfile.txt",
            "cart: 0001_b\nshop: 0001_a\n".replace(old, new),
        )
        repo.commit(branch)
    repo.run("install")
    repo.git("merge", "-q", "--no-edit", "theirs")
    assert repo.read("migrations_lockfile.txt") == b"cart: 0002_b\nshop: 0002_a\n"


def test_merge_driver_says_what_to_run(tmp_path: Path, repo: Repo) -> None:
    for name, text in (("o", BASE), ("a", OURS), ("b", OURS.replace("0002_a", "0003_a"))):
        (tmp_path / name).write_text(text)
    names = [str(tmp_path / name) for name in "oab"]
    done = repo.run("merge-driver", *names, "7", "-x/migrations/0002_a.py", "%S", "%X", "%Y")
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "",
        "migmerge: -x/migrations/0002_a.py: both sides changed it; "
        "run migmerge fix in the stopped merge\n",
    )
    assert (tmp_path / "a").read_text().count("=======") == 1
    (tmp_path / "a").write_text(OURS)
    done = repo.run("merge-driver", *names, "9", "x.py")
    assert (done.returncode, done.stderr) == (1, "")
    assert "<<<<<<<<< ours" in (tmp_path / "a").read_text()
    done = repo.run("merge-driver", "o")
    assert (done.returncode, done.stderr) == (
        2,
        "migmerge: MM314 merge-driver is called by git\nhint: migmerge install\n",
    )


def test_install_says_what_is_done_and_what_is_left_to_commit(siblings: Repo) -> None:
    told = siblings.run("install", "--dry-run").stdout
    assert "done" not in told
    told = siblings.run("install", "--shared").stdout
    assert told.endswith(
        "done; migmerge uninstall takes it out again\nnext: git add -- .gitattributes\n"
    )
    assert siblings.run("install", "--shared").stdout == "nothing to change\n"
    assert siblings.run("uninstall").stdout.endswith("done\n")


def test_install_prints_git_commands_that_can_be_pasted(siblings: Repo) -> None:
    def settings() -> str:
        return siblings.git("config", "--local", "--get-regexp", r"^merge\.migmerge\.")

    def commands(text: str) -> str:
        return "\n".join(line for line in text.splitlines() if line.startswith("git config "))

    shown = siblings.run("install", "--hooks", "none", "--dry-run").stdout
    siblings.run("install", "--hooks", "none")
    installed = settings()
    removing = siblings.run("uninstall").stdout
    subprocess.run(["sh", "-ec", commands(shown)], cwd=siblings.root, check=True)
    assert settings() == installed
    subprocess.run(["sh", "-ec", commands(removing)], cwd=siblings.root, check=True)
    assert "merge.migmerge." not in siblings.git("config", "--local", "--list")


def test_install_names_files_of_the_repository_before_it_changes_them(siblings: Repo) -> None:
    shown = siblings.run("install", "--shared", "--dry-run").stdout
    assert shown.startswith(
        "part of the repository, for everybody who clones it: .gitattributes\n--- /dev/null\n"
    )
    assert "part of the repository" not in siblings.run("install", "--dry-run").stdout

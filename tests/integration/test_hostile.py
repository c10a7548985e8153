"""A checked-out branch is untrusted: nothing of it is run, followed or let through to a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Repo, migration_text

EVIL = """\
import os, pathlib
pathlib.Path({mark!r}).write_text("run")
from django.db import migrations


class Migration(migrations.Migration):
    pathlib.Path({mark!r}).write_text("run")
    \"\"\"\x1b[2J\x1b]0;title\x07\"\"\"
    dependencies = [("shop", "0001_initial"), ("shop\x1b[31m", "0001")] + [pathlib.Path({mark!r}).write_text("run")]
"""
SECRET = "class Migration(migrations.Migration):\n    dependencies = [('shop', '0009_secret')]\n"
COMMANDS = [
    *(("check", "--format", form) for form in ("text", "json", "github", "gitlab", "sarif")),
    ("check", "--staged"), ("check", "--rev", "HEAD"), ("check", "--against", "main"),
    ("forecast", "evil", "--base", "main"), ("forecast", "evil", "--base", "main", "--format", "html"),
    *(("graph", "--format", form) for form in ("text", "mermaid", "dot", "svg", "html")),
]  # fmt: skip


@pytest.fixture
def evil(branches: Repo, tmp_path: Path) -> Repo:
    """A branch `evil` that tries everything a branch can hold."""
    repo = branches
    mark = str(tmp_path / "ran")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "0001_secret.py").write_text(SECRET)
    repo.git("checkout", "-q", "-b", "evil")
    shadow = f"import pathlib; pathlib.Path({mark!r}).write_text('run')\n"
    for name in ("migmerge/__init__.py", "sitecustomize.py", "json.py", "ast.py", "django/__init__.py",
                 "conftest.py", "manage.py", "setup.py", "shop/__init__.py", "shop/migrations/__init__.py"):  # fmt: skip
        repo.write(name, shadow)
    repo.write("shop/migrations/0002_evil.py", EVIL.format(mark=mark))
    repo.write("shop/apps.py", shadow + 'class C:\n    label = "sh\\x1b[31mop"\n')
    repo.write("-rf/migrations/0001_initial.py", migration_text())
    repo.write("--output=x/migrations/--output=y.py", migration_text())
    repo.write("a\n::error::/migrations/0001_x\x1b[2J.py", migration_text(("cart", "0009\x1b[2J")))
    repo.write("a\n::error::/migrations/0001_y.py", migration_text())
    repo.write(".gitattributes", "*.py filter=evil merge=evil diff=evil text eol=lf\n")
    repo.write(
        "pyproject.toml",
        '[tool.migmerge]\nmanage = "touch '
        + mark
        + '"\nmigration_modules = { x = "../outside" }\n',
    )
    for link, target in {
        "links/migrations/0001_a.py": outside / "0001_secret.py",
        "links/migrations/0002_b.py": Path("../../../outside/0001_secret.py"),
        "links/migrations/0003_c.py": Path("/dev/zero"),
        "links/migrations/0004_d.py": Path("0004_d.py"),
        "linked/migrations": outside,
    }.items():
        (repo.root / link).parent.mkdir(parents=True, exist_ok=True)
        (repo.root / link).symlink_to(target)
    repo.commit()
    os.mkfifo(repo.root / "shop" / "migrations" / "0005_pipe.py")
    return repo


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_hostile_branch_gets_nothing(
    evil: Repo, tmp_path: Path, command: tuple[str, ...]
) -> None:
    before = sorted(path.name for path in tmp_path.rglob("*") if ".git/" not in str(path))
    # -I: as an installed migmerge runs, without the work tree on its path
    done = subprocess.run(
        [sys.executable, "-I", "-m", "migmerge", *command], cwd=evil.root,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    assert not (tmp_path / "ran").exists()
    assert sorted(path.name for path in tmp_path.rglob("*") if ".git/" not in str(path)) == before
    said = done.stdout + done.stderr
    assert "secret" not in said  # of a file outside
    assert not [c for c in said if c < " " and c != "\n"]
    if "github" in command:
        assert all(
            line.startswith(("::error file=", "::notice file="))
            for line in done.stdout.splitlines()
        )
    if "text" in command or len(command) < 3:
        assert "\n::error::" not in said


LARGE = {
    "twenty million bytes": lambda: b"# " + b"x" * 20_000_000,
    "twenty million bytes of a string": lambda: b'x = "' + b"x" * 20_000_000 + b'"\n',
    "nested": lambda: b"x = " + b"[" * 200_000 + b"]" * 200_000 + b"\n",
    "nested dependencies": lambda: b"    dependencies = " + b"[" * 200_000 + b"\n",
    "added up": lambda: b"    dependencies = [] " + b"+ []" * 100_000 + b"\n",
    "a hundred thousand dependencies": lambda: b"    dependencies = [" + b'("shop", "0001_initial"),\n' * 100_000 + b"]\n",
    "not quite a list": lambda: b"    dependencies = [" + b'("shop", "0001_initial"),# \n' * 50_000 + b"x]\n",
    "only spaces": lambda: b"    dependencies = [" + b" \n" * 2_000_000 + b"x]\n",
    "comments": lambda: b"    dependencies = [" + b"#\n" * 500_000 + b"(\n",
    "many classes": lambda: b"\nclass Migration(migrations.Migration):\n    pass\n" * 30_000,
    "NULs": lambda: b"\0" * 2_000_000,
    "markers": lambda: b"<<<<<<< x\n" * 200_000,
}  # fmt: skip


HEAD = b"from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n"
WHOLE = {
    f"{kind} of each other": lambda first=first: (
        first
        + b"".join(b"A%d = A%d + A%d\n" % (n + 1, n, n) for n in range(3_000))
        + HEAD
        + b"    dependencies = [(A19, 'x'), (A2999, 'x')] + A19 + A2999\n"
    )
    for kind, first in (("lists", b"A0 = [('shop', '0001_initial')]\n"), ("strings", b"A0 = 'x'\n"))
}


@pytest.mark.corpus
@pytest.mark.parametrize("case", [*LARGE, *WHOLE])
def test_a_giant_file_takes_bounded_time_and_memory(repo: Repo, case: str) -> None:
    repo.migration("shop", "0001_initial")
    source = WHOLE[case]() if case in WHOLE else HEAD + LARGE[case]()
    repo.write("shop/migrations/0002_large.py", source)
    repo.commit()
    start = time.monotonic()
    code = (
        "import resource, sys\nfrom migmerge.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))\nsys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "check"], cwd=repo.root, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr[-500:]
    assert time.monotonic() - start < 30
    assert len(done.stdout) < 5_000


def operations(tag: str, repo: Repo) -> None:
    text = ", ".join(
        f'migrations.AddField("product", "{tag}{n}", models.IntegerField(default=0))'
        for n in range(4000)
    )
    write_large(repo, f"0002_{tag}", "0001_initial", text)


def renames(tag: str, repo: Repo) -> None:
    text = ", ".join(f'migrations.RenameModel("{tag}{n}", "{tag}x{n}")' for n in range(1200))
    write_large(repo, f"0002_{tag}", "0001_initial", text)


def leaves(tag: str, repo: Repo) -> None:
    for n in range(750):
        field = f'migrations.AddField("product", "{tag}{n}", models.IntegerField(default=0))'
        write_large(repo, f"0002_{tag}{n}", "0001_initial", field)


def chain(tag: str, repo: Repo) -> None:
    parent = "0001_initial"
    for n in range(1000):
        field = f'migrations.AddField("product", "{tag}{n}", models.IntegerField(default=0))'
        write_large(repo, f"{n + 2:04}_{tag}", parent, field)
        parent = f"{n + 2:04}_{tag}"


def write_large(repo: Repo, name: str, parent: str, text: str) -> None:
    path = f"shop/migrations/{name}.py"
    source = (
        "from django.db import migrations, models\n\n\nclass Migration(migrations.Migration):\n"
    )
    repo.write(
        path, f"{source}    dependencies = [('shop', '{parent}')]\n    operations = [{text}]\n"
    )


@pytest.mark.corpus
@pytest.mark.parametrize("side", [operations, renames, leaves, chain])
def test_check_of_large_sides_takes_bounded_time_and_memory(
    repo: Repo, side: Callable[[str, Repo], None]
) -> None:
    """Work grows with the operations of both sides, not with their pairs."""
    repo.migration("shop", "0001_initial")
    repo.commit("base")
    repo.git("branch", "feature")
    side("a", repo)
    repo.commit("a")
    repo.publish()
    repo.git("checkout", "-q", "feature")
    side("b", repo)
    repo.commit("b")
    repo.git("merge", "-q", "--no-edit", "main")
    script = (
        "import resource, sys\nfrom migmerge.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_CPU, (30, 30))\n"
        "resource.setrlimit(resource.RLIMIT_AS, (700 * 2**20, 700 * 2**20))\n"
        "sys.exit(main(['check']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=repo.root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "MM101" in done.stdout


CHAINS = {
    "subscripts": "a" + "[0]" * 9000, "calls": "f" + "()" * 9000, "attributes": "a" + ".b" * 9000,
    "sums": "1" + "+1" * 9000,
}  # fmt: skip


@pytest.mark.parametrize("case", CHAINS)
def test_driver_of_a_long_expression_gives_markers_in_time(repo: Repo, case: str) -> None:
    text = migration_text(
        ("shop", "0001_a"), ("cart", "0001_b"), operations=(f"RunSQL({CHAINS[case]})",)
    )
    for name, source in (
        ("O", text), ("A", text.replace("0001_a", "0002_a")), ("B", text.replace("0001_b", "0002_b"))
    ):  # fmt: skip
        repo.write(name, source)
    began = time.monotonic()
    done = repo.run("merge-driver", "O", "A", "B", "7", "shop/migrations/0005_x.py")
    assert time.monotonic() - began < 15
    assert done.returncode == 1
    assert done.stdout == ""
    assert repo.read("A").count(b"<<<<<<<") == 1


def test_driver_that_takes_too_long_gives_markers(
    repo: Repo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from migmerge.commands import merge_driver

    monkeypatch.setattr(merge_driver, "_SECONDS", 0.2)
    monkeypatch.setattr(merge_driver, "_certain", lambda versions: time.sleep(60))
    for name, line in (("O", "a"), ("A", "b"), ("B", "c")):
        repo.write(name, f"{line}\n")
    monkeypatch.chdir(repo.root)
    assert merge_driver.merge_driver(["O", "A", "B", "7", "shop/migrations/0005_x.py"]) == 1
    assert repo.read("A").count(b"<<<<<<<") == 1
    assert "TimeoutError: it takes more than 0.2 seconds" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["pyproject.toml", "setup.cfg", ".pre-commit-config.yaml"])
@pytest.mark.parametrize("kind", ["device", "pipe", "giant"])
def test_configuration_that_never_ends(repo: Repo, name: str, kind: str) -> None:
    repo.migration("shop", "0001_initial")
    repo.commit()
    path = repo.root / name
    if kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.write_bytes(b"#" * (5 * 2**20))
    for command in (("check",), ("install", "--dry-run")):
        done = subprocess.run(
            [sys.executable, "-m", "migmerge", *command], cwd=repo.root,
            capture_output=True, text=True, check=False, timeout=20,
        )  # fmt: skip
        asked = command[0] == "install" or name != ".pre-commit-config.yaml"
        assert done.returncode == (2 if asked else 0), (command, done.stderr)
        assert not asked or "MM330" in done.stderr


# every setting of git's that changes what its commands print, with an odd value
SETTINGS = {
    "log.showSignature": "true", "log.follow": "true", "log.decorate": "full", "log.date": "raw",
    "log.showRoot": "false", "log.mailmap": "false", "log.diffMerges": "off", "log.abbrevCommit": "true",
    "color.ui": "always", "color.diff": "always", "color.branch": "always", "color.status": "always",
    "column.ui": "always", "format.pretty": "oneline", "i18n.logOutputEncoding": "UTF-16",
    "diff.noprefix": "true", "diff.mnemonicPrefix": "true", "diff.relative": "true",
    "diff.renames": "copies", "diff.external": "false", "diff.ignoreSubmodules": "all",
    "diff.wordRegex": ".", "diff.algorithm": "histogram", "diff.submodule": "log",
    "diff.colorMoved": "zebra", "diff.suppressBlankEmpty": "true", "diff.context": "0",
    "status.short": "true", "status.branch": "true", "status.relativePaths": "false",
    "status.showUntrackedFiles": "no", "core.quotePath": "true", "core.abbrev": "4",
    "core.pager": "false", "pager.log": "false", "grep.lineNumber": "true", "tag.sort": "-refname",
    "branch.sort": "-refname", "submodule.recurse": "true", "merge.conflictStyle": "diff3",
    "rerere.enabled": "true", "advice.detachedHead": "false", "core.logAllRefUpdates": "false",
    "showBranch.default": "x", "core.preloadIndex": "false", "index.version": "4", "core.untrackedCache": "true",
    "feature.manyFiles": "true", "core.splitIndex": "true",
}  # fmt: skip


@pytest.mark.corpus
def test_settings_of_git_change_nothing(siblings: Repo, tmp_path: Path) -> None:
    """One after the other, in every command that reads git's words."""
    commands = (
        ("check",), ("check", "--format", "json"), ("check", "--against", "main"),
        ("forecast", "feature", "--base", "main"), ("fix", "--yes", "--strategy", "renumber", "--skip-verification"),
        ("check",), ("undo",), ("graph",), ("doctor",),
    )  # fmt: skip

    def outputs() -> list[tuple[int, str, str]]:
        done = [siblings.run("-C", "shop", *command) for command in commands]
        return [(one.returncode, one.stdout, one.stderr) for one in done]

    expected = outputs()
    assert [code for code, _, _ in expected] == [1, 1, 1, 0, 0, 0, 0, 0, 1]
    for key, value in SETTINGS.items():
        siblings.git("config", key, value)
    assert outputs() == expected


@pytest.mark.corpus
@pytest.mark.parametrize("stream", ["stdin", "stdout", "stderr"])
def test_closed_streams(siblings: Repo, stream: str) -> None:
    closing = {"stdin": "<&-", "stdout": ">&-", "stderr": "2>&-"}[stream]
    for command in ("check", "fix --yes --strategy renumber --skip-verification", "undo", "doctor"):
        done = subprocess.run(
            ["sh", "-c", f'"$0" -m migmerge {command} {closing}', sys.executable],
            cwd=siblings.root, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode in (0, 1), (command, done.stderr)
        assert "Traceback" not in done.stderr and "bug" not in done.stderr


@pytest.mark.corpus
def test_a_comma_and_other_signs_in_a_directory(repo: Repo) -> None:
    place = "a,b (c) {d} [e]/sh'op"
    for branch, name in (("main", "0002_a"), ("feature", "0002_b")):
        if branch == "feature":
            repo.git("checkout", "-q", "-b", "feature", "HEAD^")
        else:
            repo.migration(place, "0001_initial")
            repo.commit("base")
        repo.write(f"{place}/migrations/{name}.py", migration_text(("sh'op", "0001_initial")))
        repo.commit(name)
    repo.publish()
    repo.git("merge", "-q", "--no-edit", "main")
    for command in (
        ("check",), ("check", "--against", "main"), ("forecast", "feature", "--base", "main"),
        ("graph",), ("doctor",), ("install",), ("uninstall",),
        ("fix", "--yes", "--strategy", "renumber", "--skip-verification"), ("undo",),
    ):  # fmt: skip
        done = repo.run(*command)
        assert done.returncode in (0, 1), (command, done.stdout, done.stderr)
    output = repo.run("check").stdout
    (next_line,) = [line for line in output.splitlines() if line.startswith("  next: ")][:1]
    done = subprocess.run(
        ["sh", "-c", f"{next_line[8:]} --yes --skip-verification"],
        cwd=repo.root, capture_output=True, text=True, check=False,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, (command, done.stdout, done.stderr)


@pytest.mark.parametrize(
    "command", [("check",), ("check", "--staged", "--format", "json"), ("graph",)]
)
def test_a_migration_that_can_not_be_read_is_no_clean_result(
    repo: Repo, command: tuple[str, ...]
) -> None:
    path = repo.migration("shop", "0001_initial")
    repo.commit()
    repo.write(path, repo.read(path) + b"# edited\n")
    script = """\
import errno, os, sys
real = os.open
def refused(path, *arguments, **keywords):
    if str(path).endswith("0001_initial.py"):
        raise PermissionError(errno.EACCES, "Permission denied", path)
    return real(path, *arguments, **keywords)
os.open = refused
from migmerge.cli import main
sys.exit(main(sys.argv[1:]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, *command],
        cwd=repo.root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "--staged" in command:  # the index can be read
        assert done.returncode == 0
        return
    assert (done.returncode, done.stderr) == (
        2,
        "migmerge: MM329 cannot read shop/migrations/0001_initial.py: Permission denied\n"
        "hint: make it readable\n",
    )

"""A checked-out branch is untrusted: nothing of it is run, followed or let through to a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
import time
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

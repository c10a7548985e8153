"""What `forecast` costs on a real repository, beside one `check` of it.

    python benchmarks/forecast.py CLONE NAME [--branches 200] [--rounds 5] [--write]

CLONE is a clone of the public repository NAME. Where it has fewer open branches than asked for, more are made in a
copy: each from another commit of the base branch's last years, with a migration of its own in the app that
had one last. `--write` adds the figures to docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from check import CHECK, FLOOR, ROOT, measure
from project import git, migration

FORECAST = [sys.executable, "-m", "migmerge", "forecast", "--age", "100000", "--exit-zero"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("clone", type=Path)
    parser.add_argument("name")
    parser.add_argument("--branches", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        root = Path(place, "clone")
        subprocess.run(["git", "clone", "-q", str(options.clone), str(root)], check=True)
        made = add_branches(root, options.branches)
        commands = {"python": (FLOOR, False), "check": (CHECK, False), "cold": (CHECK, True),
                    "forecast": (FORECAST, False)}  # fmt: skip
        found = measure(root, commands, options.rounds)
        told = subprocess.run([*FORECAST, "--format", "json"], cwd=root, capture_output=True,
                              text=True, check=True)  # fmt: skip
        document = json.loads(told.stdout)
        files = len(git(root, "ls-files", "*/migrations/0*.py").splitlines())
    text = (
        f"{options.name}: {files:,} migrations, {document['looked_at']} open branches "
        f"({made} of them made), {len(document['branches'])} with migrations, "
        f"{len(document['collisions']):,} collisions: {found['forecast']:.2f} s, "
        f"{found['forecast'] / found['check']:.1f} times a warm check ({found['check'] * 1000:.0f} ms), "
        f"{found['forecast'] / found['cold']:.1f} times a cold one."
    )
    print(text)
    if options.write:
        page = ROOT / "docs" / "performance.md"
        before = page.read_text(encoding="utf-8").partition("## Forecast")[0].rstrip()
        page.write_text(f"{before}\n\n## Forecast\n\n{text}\n", encoding="utf-8")


def add_branches(root: Path, wanted: int) -> int:
    """Make branches of origin until there are `wanted`; how many were made."""
    base = git(root, "rev-parse", "--abbrev-ref", "origin/HEAD")
    there = git(root, "branch", "-r", "--no-merged", base).splitlines()
    history = git(root, "rev-list", "--first-parent", base).splitlines()
    step = max(1, len(history) // 4 // wanted)
    for place in range(wanted - len(there)):
        git(root, "checkout", "-q", "-f", "--detach", history[place * step % len(history)])
        last = git(
            root,
            "log",
            "-1",
            "--format=",
            "--name-only",
            "--diff-filter=A",
            "--",
            "*/migrations/0*.py",
        )
        directory = Path(last.splitlines()[0]).parent if last else None
        names = sorted(p.stem for p in (root / directory).glob("0*.py")) if directory else []
        if not directory or not names:
            continue
        number = int(re.match("[0-9]+", names[-1])[0]) + 1
        name = f"{number:04d}_branch_{place}"
        text = migration(directory.parent.name, name, names[-1], place)
        (root / directory / f"{name}.py").write_text(text)
        git(root, "add", "-A")
        git(root, "commit", "-q", "-m", f"branch {place}")
        git(root, "update-ref", f"refs/remotes/origin/made/{place}", "HEAD")
    git(root, "checkout", "-q", "-f", base)
    return max(0, wanted - len(there))


if __name__ == "__main__":
    main()

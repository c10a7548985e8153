"""What the merge driver and the hooks cost, as ratios to `python -c pass` in the same run.

    python benchmarks/git.py [--migrations 1000] [--rounds 9]

In a project of that many migrations: the driver on one file that it merges, on one that gets
markers, and on one that is no migration, each as git calls it (through the shell); and each native
hook with nothing to find.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from project import make_project

from migmerge.install.hooks import HOOKS
from migmerge.install.merge_driver_config import driver_command
from migmerge.migrations.merge_migration import merge_source

BASE = merge_source("shop", ["0001_a", "0001_b"]).decode()
CASES = {
    "driver, merged": (BASE, BASE.replace("0001_a", "0002_a"), BASE.replace("0001_b", "0002_b")),
    "driver, markers": (BASE, BASE.replace("0001_a", "0002_a"), BASE.replace("0001_a", "0003_a")),
    "driver, no migration": ("x = 1\n", "x = 2\n", "x = 3\n"),
}


def driver(place: Path, name: str) -> list[str]:
    """The command that git would give to the shell; the file of ours is rewritten each time."""
    texts = dict(zip("OAB", CASES[name], strict=True))
    own = list(CASES).index(name)
    copies = "; ".join(f"cp {place}/{own}.{key} {place}/{key}" for key in texts)
    for key, text in texts.items():
        (place / f"{own}.{key}").write_text(text)
    command = driver_command()
    for key in texts:
        command = command.replace(f"%{key}", str(place / key))
    command = command.replace("%L", "7").replace("%P", "shop/migrations/0005_x.py")
    return ["sh", "-c", f"{copies}; ({command}); true"]


def seconds(command: list[str], root: Path) -> float:
    """The wall time of one run."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    start = time.perf_counter()
    done = subprocess.run(
        command, cwd=root, capture_output=True, env={**os.environ, "PATH": path}, check=False
    )
    elapsed = time.perf_counter() - start
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return elapsed


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--migrations", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root, place = Path(name, "project"), Path(name, "files")
        root.mkdir()
        place.mkdir()
        make_project(root, options.migrations, 40)
        commands = {"python -c pass": [sys.executable, "-c", "pass"]}
        commands |= {case: driver(place, case) for case in CASES}
        for hook, text in HOOKS.items():
            script = place / hook
            script.write_text(text)
            commands[f"hook {hook}"] = ["sh", str(script)]
        for command in commands.values():
            seconds(command, root)
        times: dict[str, list[float]] = {key: [] for key in commands}
        for _ in range(options.rounds):
            for key, command in commands.items():
                times[key].append(seconds(command, root))
    floor = statistics.median(times["python -c pass"])
    print(f"{options.migrations} migrations, Python {sys.version.split()[0]}")
    for key, found in times.items():
        middle = statistics.median(found)
        print(f"{key:24} median {middle * 1000:7.1f} ms  {middle / floor:6.1f} times the floor")


if __name__ == "__main__":
    main()

"""What `check` costs, as ratios to `python -c pass` measured in the same run.

    python benchmarks/check.py [--rounds 11] [--write]

On projects of 1,000 migrations in 40 apps and of 20,000 in 400: cold (no cache) and warm, the work
tree and the index; against a branch; and Django's own `makemigrations --check --dry-run` on the
same 1,000. Then how the cost grows: cold with all files, warm with the files that changed.
`--write` makes docs/performance.md and its plot (`pip install -e '.[benchmarks]'`).
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from project import commit, git, make_project, migration, settle

ROOT = Path(__file__).parents[1]
CHECK = [sys.executable, "-m", "migmerge", "check"]
FLOOR = [sys.executable, "-c", "pass"]
DJANGO = [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"]


def seconds(command: Sequence[str], root: Path, code: int = 0) -> float:
    """The wall time of one run."""
    start = time.perf_counter()
    done = subprocess.run(command, cwd=root, capture_output=True, check=False)
    elapsed = time.perf_counter() - start
    assert done.returncode == code, (command, done.stdout, done.stderr)
    return elapsed


def forget(root: Path) -> None:
    """As in a clone that was never looked at."""
    shutil.rmtree(root / ".git" / "migmerge", ignore_errors=True)


def measure(
    root: Path, commands: dict[str, tuple[Sequence[str], bool]], rounds: int
) -> dict[str, float]:
    """Name -> median seconds; the commands take turns. True: each run is cold."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(rounds):
        for name, (command, cold) in commands.items():
            if turn >= 3 and command is DJANGO:
                continue
            if cold:
                forget(root)
            else:
                seconds(command, root)
            times[name].append(seconds(command, root))
    return {name: statistics.median(found) for name, found in times.items()}


def sizes(rounds: int) -> list[str]:
    """The table of what a clean check costs."""
    lines = [
        "| project | what | median | times `python -c pass` | at most |",
        "|---|---|---|---|---|",
    ]
    for count, apps, limits in ((1_000, 40, (4, 8)), (20_000, 400, (12, 60))):
        with tempfile.TemporaryDirectory() as place:
            root = Path(place)
            make_project(root, count, apps)
            commands: dict[str, tuple[Sequence[str], bool]] = {
                "python -c pass": (FLOOR, False),
                "check, warm": (CHECK, False),
                "check --staged, warm": ([*CHECK, "--staged"], False),
                "check, cold": (CHECK, True),
                "check --staged, cold": ([*CHECK, "--staged"], True),
            }
            if count == 1_000:
                commands["makemigrations --check --dry-run"] = (DJANGO, False)
            found = measure(root, commands, rounds)
            git(root, "update-ref", "-d", "refs/remotes/origin/main")
            alone = {"check, cold, no base branch": (CHECK, True)}
            found |= measure(root, alone, max(3, rounds // 3))
            lines += _rows(f"{count:,} in {apps}", found, limits)
            lines.append(_memory(root, f"{count:,} in {apps}"))
    return lines


def _rows(project: str, found: dict[str, float], limits: tuple[int, int]) -> list[str]:
    floor = found.pop("python -c pass")
    lines = [f"| {project} | `python -c pass` | {floor * 1000:.0f} ms | 1 | |"]
    for name, value in found.items():
        limit = str(limits[name.endswith("cold")]) if name.endswith(("warm", "cold")) else ""
        if name.startswith("makemigrations"):
            ratio = value / found["check --staged, warm"]
            limit = f"{ratio:.0f} times a warm check (aim: 20)"
        lines.append(
            f"| {project} | `{name}` | {value * 1000:.0f} ms | {value / floor:.1f} | {limit} |"
        )
    return lines


def _memory(root: Path, project: str) -> str:
    """The peak of a cold check, of the process and of those that it starts together."""
    forget(root)
    code = (
        "import resource, sys\nfrom migmerge.cli import main\nmain(['check'])\n"
        "own, others = (resource.getrusage(who).ru_maxrss / 1024 for who in "
        "(resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))\nprint(own, others)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    own, others = map(float, done.stdout.split())
    return f"| {project} | memory, cold | {own:.0f} MB, git {others:.0f} MB | | 150 MB |"


def against(rounds: int) -> list[str]:
    """`check --against` beside a warm check and git's own merge-tree."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        make_project(root, 1_000, 40)
        git(root, "checkout", "-q", "-b", "feature")
        _change(root, 1)
        commit(root)
        git(root, "checkout", "-q", "main")
        (root / "README").write_text("x")
        commit(root)
        git(root, "checkout", "-q", "feature")
        settle(root)
        merge = ["git", "merge-tree", "--write-tree", "feature", "main"]
        found = measure(
            root,
            {
                "check": (CHECK, False),
                "merge-tree": (merge, False),
                "against": ([*CHECK, "--against", "main"], False),
            },
            rounds,
        )
    allowed = 2 * found["check"] + found["merge-tree"]
    return [
        f"`check --against main` on 1,000 migrations: {found['against'] * 1000:.0f} ms; twice a warm "
        f"check ({found['check'] * 1000:.0f} ms) and git's `merge-tree` "
        f"({found['merge-tree'] * 1000:.0f} ms) are {allowed * 1000:.0f} ms."
    ]


def _change(root: Path, count: int) -> None:
    """Add a migration to each of the first `count` apps."""
    apps = sorted(root.glob("app*"))
    for app in apps[:count]:
        names = sorted(path.stem for path in (app / "migrations").glob("0*.py"))
        number = len(names) + 1
        text = migration(app.name, f"{number:04d}_more", names[-1], number)
        (app / "migrations" / f"{number:04d}_more.py").write_text(text)


def growth(rounds: int) -> tuple[list[tuple[int, float]], list[tuple[int, float]]]:
    """(files, seconds): cold by all files, and warm by the files that changed among 20,000."""
    cold, warm = [], []
    for count in (1_000, 5_000, 10_000, 20_000):
        with tempfile.TemporaryDirectory() as place:
            root = Path(place)
            make_project(root, count, count // 50)
            cold.append((count, _median(lambda r=root: _cold(r), rounds)))
            if count == 20_000:
                for changed in (1, 100, 200, 300, 400):
                    _warm(root, changed)
                    warm.append((changed, _median(lambda r=root: _again(r), rounds)))
    return cold, warm


def _median(run: Callable[[], float], rounds: int) -> float:
    return statistics.median(run() for _ in range(rounds))


def _cold(root: Path) -> float:
    forget(root)
    return seconds([*CHECK, "--staged"], root)


def _warm(root: Path, changed: int) -> None:
    """A cache of the whole, then `changed` staged migrations that it doesn't know."""
    git(root, "reset", "-q", "--hard")
    forget(root)
    seconds([*CHECK, "--staged"], root)
    shutil.copytree(root / ".git" / "migmerge", root / ".git" / "kept", dirs_exist_ok=True)
    _change(root, changed)
    git(root, "add", "-A")


def _again(root: Path) -> float:
    forget(root)
    shutil.copytree(root / ".git" / "kept", root / ".git" / "migmerge")
    return seconds([*CHECK, "--staged"], root)


def plot(cold: list[tuple[int, float]], warm: list[tuple[int, float]], target: Path) -> None:
    """Both lines, with the straight one that fits them best."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "migmerge"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4))
    for axis, points, title, label in (
        (axes[0], cold, "cold", "migrations"),
        (axes[1], warm, "warm, of 20,000", "changed migrations"),
    ):
        x, y = [p[0] for p in points], [p[1] * 1000 for p in points]
        slope, start = statistics.linear_regression(x, y)
        axis.plot(x, y, "o", x, [start + slope * value for value in x], "-")
        axis.set(title=title, xlabel=label, ylabel="ms", ylim=(0, None))
    figure.tight_layout()
    figure.savefig(target, metadata={"Date": None})


PAGE = """\
# What it costs

Made by `python benchmarks/check.py --write` and `benchmarks/forecast.py` with Python {python} and git {git} on {cores} cores; ratios
are to `python -c pass` of the same run and environment (an editable install).

Warm, a check asks git what the index or the work tree lists, compares that with what was listed when nothing was found,
and says it again: two git processes, one file read, no migration. When something changed, only the changed files are
read; what the others say is in `.git/migmerge/cache` (safe to delete, at most 50,000 contents). Cold, files that the base
branch has as they are were run by others: only their `dependencies`, `run_before` and `replaces` are read, where the file has
the usual form. All other files are parsed, which is what a clone without a base branch pays.

{table}

{against}

![cost by number of files](performance.svg)

Per file: {slopes}.

{rest}"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    table, beside = sizes(options.rounds), against(options.rounds)
    cold, warm = growth(max(3, options.rounds // 3))
    slopes = [statistics.linear_regression(*zip(*p, strict=True)).slope for p in (cold, warm)]
    told = f"{slopes[0] * 1e6:.0f} µs cold, {slopes[1] * 1e6:.0f} µs for one that changed"
    version = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True)
    page = PAGE.format(
        python=sys.version.split()[0],
        git=version.stdout.split()[2],
        cores=os.cpu_count(),
        table="\n".join(table),
        against="\n".join(beside),
        slopes=told,
        rest=_rest(ROOT / "docs" / "performance.md"),
    )
    print("\n".join([*table, *beside, told, str(cold), str(warm)]))
    if options.write:
        (ROOT / "docs" / "performance.md").write_text(page, encoding="utf-8")
        plot(cold, warm, ROOT / "docs" / "performance.svg")


def _rest(page: Path) -> str:
    """What benchmarks/forecast.py wrote."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    mark = "## Forecast"
    return mark + text.partition(mark)[2] if mark in text else ""


if __name__ == "__main__":
    main()

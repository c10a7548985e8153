"""What each tool makes of each scenario: `python benchmarks/peers [--write] [TOOL…]`.

Installs the tools with pip, each into an environment of its own, and runs all on the same
repositories. `--write` makes docs/comparison.md.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from compare_sides import Verdict, compare_sides
from scenarios import SCENARIOS
from tools import HERE, TOOLS, Installed, install

HEAD = """\
# Comparison

Made by `python benchmarks/peers --write`, which installs every tool with pip and runs all of them on the same
repositories, each as its own documentation says. A field is **yes** only if, afterwards,

- Django's loader sees one leaf node in each app, and `makemigrations --check` nothing to make;
- no file that main has is renamed or edited, and the bytes that the scenario is about are still there;
- four databases come to one schema by a plain `migrate`, with their rows as they were: a fresh one, one that main's migration
  had been applied to, one that the branch's had been applied to and that the settings name, and another such one that was not there
  (there the tool's own command for databases runs before, where it has one).

**files**: the files are right, and one of the databases isn't. **stops**: it ended with an error and changed nothing, which is safe.
**wrong**: anything else. For django-linear-migrations the branch's migrations are migrated back in the settings' database before, as its
documentation says (it stops where they are applied); what was in their columns is gone then, and isn't counted.
"""
NOTES = """
## Where a peer does better

- `makemigrations --merge` is in every Django, and no file changes its name. Where both sides are known to commute and no name collides,
  it is all that it takes; `migmerge fix` then writes the same file.
- django-linear-migrations makes git itself stop, by a line that both branches change. That works on any server's merge button, without a
  hook or a CI job; migmerge needs one of them (`check --against`). migmerge keeps its `max_migration.txt` in order, too.
- django-migration-fixer fetches the base branch itself; migmerge never goes to the network.
- django-migraid fixes more than conflicts: it makes a whole history linear, prunes rows and gives each branch a database.
- All of them are quicker: migmerge migrates scratch databases from every starting point before it keeps a result
  (`verify_seconds = 0` switches this off).
"""
Results = Mapping[tuple[str, str], Verdict]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tools", nargs="*", help="only tools whose name begins so")
    parser.add_argument("--scenario", default="", help="only the one of this name")
    parser.add_argument("--place", type=Path, help="keep environments and repositories there")
    parser.add_argument("--write", action="store_true", help="write docs/comparison.md")
    arguments = parser.parse_args()
    place = arguments.place or Path(tempfile.mkdtemp())
    place.mkdir(parents=True, exist_ok=True)
    wanted = [t for t in TOOLS if not arguments.tools or t.name.startswith(tuple(arguments.tools))]
    installed = [install(tool, place) for tool in wanted]
    shutil.rmtree(place / "cases", ignore_errors=True)
    results = _all([i for i in installed if not i.why], place / "cases", arguments.scenario)
    text = _page(installed, results)
    print(text)
    if arguments.write:
        (HERE / "docs/comparison.md").write_text(text, encoding="utf-8")
    if not arguments.place:
        shutil.rmtree(place)
    ours = [verdict.outcome for (tool, _), verdict in results.items() if tool == "migmerge"]
    return 0 if set(ours) <= {"yes"} else 1


def _all(installed: Sequence[Installed], place: Path, only: str) -> Results:
    cells = [(i, s) for i in installed for s in SCENARIOS if only in ("", s.name)]

    def one(cell: tuple[Installed, object]) -> tuple[tuple[str, str], Verdict]:
        tool, scenario = cell
        verdict = compare_sides(
            scenario, tool, place / tool.tool.name.replace(" ", "_") / scenario.name
        )
        print(f"{tool.tool.name}: {scenario.name}: {verdict}", file=sys.stderr)
        return (tool.tool.name, scenario.name), verdict

    with ThreadPoolExecutor(2) as pool:
        return dict(pool.map(one, cells))


def _page(installed: Sequence[Installed], results: Results) -> str:
    """docs/comparison.md."""
    run = [i for i in installed if not i.why]
    lines = [HEAD, "| tool | versions | yes | files | stops | wrong | seconds, median |"]
    lines.append("|---|---|---|---|---|---|---|")
    for one in installed:
        own = [verdict for (tool, _), verdict in results.items() if tool == one.tool.name]
        told = [verdict.outcome for verdict in own]
        counts = " | ".join(str(told.count(o)) for o in ("yes", "files", "stops", "wrong"))
        seconds = f"{statistics.median(v.seconds for v in own):.1f}" if own else "not run"
        lines.append(f"| {one.tool.name} | {one.versions or one.why} | {counts} | {seconds} |")
    names = [one.tool.name for one in run]
    lines += ["", f"| scenario | what | {' | '.join(names)} |", f"|---|---|{'---|' * len(names)}"]
    for scenario in SCENARIOS:
        cells = [
            results[name, scenario.name].outcome
            for name in names
            if (name, scenario.name) in results
        ]
        shown = ["yes" if cell == "yes" else f"**{cell}**" for cell in cells]
        right = " (right: to stop)" if scenario.refuses else ""
        lines.append(f"| {scenario.name} | {scenario.what}{right} | {' | '.join(shown)} |")
    lines += ["", "## What is wrong, or what it said", ""]
    for (tool, scenario), verdict in results.items():
        if verdict.outcome != "yes":
            why = verdict.why.replace(str(Path.home()), "~")[:160]
            lines.append(f"- {tool}, {scenario}: {verdict.outcome}: `{why}`")
    return "\n".join([*lines, NOTES])


if __name__ == "__main__":
    sys.exit(main())

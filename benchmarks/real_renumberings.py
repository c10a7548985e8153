"""Compare our renumbering with what people did, over the histories of real repositories.

    python benchmarks/real_renumberings.py GIT_DIR...

Takes every commit that renames `NNNN_title.py` to `MMMM_title.py` (a merge commit against the
plain merge of its parents), lets migmerge renumber the same migrations on the tree before, and
compares graph and bytes. Works on trees alone: nothing is checked out.
"""

from __future__ import annotations

import ast
import collections
import difflib
import os
import re
import subprocess
import sys

from migmerge.analysis.snapshot import Snapshot, Tree, read_snapshot, understand
from migmerge.analysis.workspace import Workspace
from migmerge.config import Config
from migmerge.conflicts.conflict import Conflict
from migmerge.conflicts.detect import find_conflicts
from migmerge.errors import UserError
from migmerge.git.process import GitError
from migmerge.git.repository import Repository, find_repository
from migmerge.migrations.naming import number
from migmerge.resolve.files import Texts, plan_files, reserved_names
from migmerge.resolve.fix_plan import GraphChange
from migmerge.resolve.graph_changes import renumber
from migmerge.resolve.new_names import NamingRules

NAME = "dependencies"
TITLE = re.compile(r"(.*/)?([0-9]+)_(.+)\.py$")


def renames(repository: Repository, tree: str, commit: str) -> dict[str, str]:
    """Old path -> new path of migrations that got another number."""
    out = repository.git("diff-tree", "-r", "-z", "-M40%", "--diff-filter=R", tree, commit)
    fields = out.decode("utf-8", "replace").split("\0")
    found = {}
    for index in range(0, len(fields) - 2, 3):
        old, new = TITLE.match(fields[index + 1]), TITLE.match(fields[index + 2])
        if old and new and old[1] == new[1] and old[3] == new[3] and old[2] != new[2]:
            if int(new[2]) > int(old[2]):
                found[fields[index + 1]] = fields[index + 2]
    return found


def candidates(repository: Repository) -> list[tuple[str, str]]:
    """(tree before, commit) of commits that may renumber."""
    renaming = ("log", "--all", "-M40%", "--diff-filter=R", "--format=%H %P")
    spec = ("--", ":(glob)**/[0-9]*_*.py")
    plain = log(repository, *renaming, "--no-merges", *spec)
    merges = log(repository, *renaming, "--merges", "--diff-merges=first-parent", *spec)
    pairs = [(line.split()[1], line.split()[0]) for line in plain.splitlines() if " " in line]
    for line in merges.splitlines():
        commit, *parents = line.split() or [""]
        if len(parents) != 2:
            continue
        out = repository.git(
            "merge-tree", "--write-tree", "--name-only", *parents, expected=(0, 1, 128)
        )  # fmt: skip
        if out:
            pairs.append((out.split()[0].decode(), commit))
    return pairs


def log(repository: Repository, *arguments: str) -> str:
    """git log with a glob, which our own git function never allows."""
    command = ["git", "-C", repository.root, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def with_moved(conflict: Conflict, moved: set[str]) -> Conflict:
    """The conflict with the sides as the human took them."""
    branches = tuple(
        b._replace(side="replayed" if {k.name for k in b.nodes} & moved else "onto")
        for b in conflict.branches
    )
    return conflict._replace(branches=branches)


def shape(snapshot: Snapshot, app: str) -> dict[str, set[str]]:
    graph = snapshot.graph
    return {k.name: {str(p) for p in graph.parents[k]} for k in graph.app_nodes(app)}


def tidy(source: bytes) -> str | None:
    """The code without comments, and with dependencies in one order."""
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError):
        return None
    for node in ast.walk(module):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.List):
            if any(isinstance(t, ast.Name) and t.id == "dependencies" for t in node.targets):
                node.value.elts.sort(key=ast.dump)
    return ast.dump(module)


def without_comments(source: bytes) -> list[bytes]:
    return sorted(
        line.split(b"#")[0].rstrip() for line in source.splitlines() if line.split(b"#")[0].strip()
    )


def only_dependencies_changed(old: bytes, new: bytes) -> bool:
    """Whether the human changed nothing but dependencies (and comments) in the file."""

    def rest(source: bytes) -> str | None:
        try:
            module = ast.parse(source)
        except (SyntaxError, ValueError):
            return None
        for node in ast.walk(module):
            if isinstance(node, ast.ClassDef) and node.name == "Migration":
                node.body = [
                    s
                    for s in node.body
                    if not (
                        isinstance(s, ast.Assign) and ast.unparse(s.targets[0]) == "dependencies"
                    )
                ]
        return ast.dump(module)

    return rest(old) is not None and rest(old) == rest(new)


def compare(repository: Repository, tree: str, commit: str, tally: collections.Counter) -> None:
    moved_paths = renames(repository, tree, commit)
    if not moved_paths:
        return
    workspace = Workspace(repository, Config())
    before = read_snapshot(workspace, commit=tree)
    human = read_snapshot(workspace, commit=commit)
    for conflict in find_conflicts(before.graph, before.apps).conflicts:
        app = conflict.app.key
        mine = {o: n for o, n in moved_paths.items() if o.startswith(conflict.app.directory + "/")}
        if conflict.kind != "siblings" or not mine or app not in human.apps:
            continue
        if len(human.graph.leaves(app)) != 1:
            tally["human left a conflict"] += 1
            continue
        sided = with_moved(conflict, {os.path.basename(p)[:-3] for p in mine})
        tally["commits"] += 1
        change = renumber(before.graph, sided, NamingRules(reserved_names(before, conflict.app)))
        planned = isinstance(change, GraphChange)
        files = plan_files(before, [change], Texts()) if planned else change
        if not hasattr(files, "changes"):
            tally["refused: " + re.sub(r"\S*[/_]\S*", "X", files.reasons[0])[:60]] += 1
            continue
        changed = {path: change.data for path, change in files.changes.items()}
        after = understand(workspace, Tree("plan", before.listing, changed))
        if shape(after, app) == shape(human, app):
            tally["same graph"] += 1
            judge_bytes(before, human, mine, changed, tally)
        else:
            kind = classify(shape(after, app), shape(human, app))
            tally["other graph: " + kind] += 1
            if "-v" in sys.argv:
                ours, theirs = shape(after, app), shape(human, app)
                odd = {n for n in {*ours, *theirs} if ours.get(n) != theirs.get(n)}
                print(repository.root, commit[:10], app, kind)
                for name in sorted(odd):
                    print("   ", name, "ours", ours.get(name), "human", theirs.get(name))


def classify(ours: dict[str, set[str]], theirs: dict[str, set[str]]) -> str:
    """In which way a human's graph is another one."""
    if {re.sub("^[0-9]+", "", n) for n in ours} != {re.sub("^[0-9]+", "", n) for n in theirs}:
        return "the human also added, dropped or retitled migrations"
    if set(ours) != set(theirs):
        down = [n for n in theirs if n not in ours and (number(n) or 0)]
        return "other numbers" if down else "other names"
    return "other parents"


def judge_bytes(
    before: Snapshot,
    human: Snapshot,
    moved: dict[str, str],
    changed: dict[str, bytes | None],
    tally: collections.Counter,
) -> None:
    for old, new in moved.items():
        ours, theirs, first = changed.get(new), human.contents.get(new), before.contents.get(old)
        if ours is None or theirs is None or first is None:
            continue
        if not only_dependencies_changed(first, theirs):
            tally["files: human changed more"] += 1
        elif ours == theirs:
            tally["files: same bytes"] += 1
        elif without_comments(ours) == without_comments(theirs):
            tally["files: same but for comments or order"] += 1
        elif tidy(ours) == tidy(theirs):
            tally["files: same code, other layout"] += 1
        else:
            tally["files: other code"] += 1
            if "-v" in sys.argv:
                print("OTHER CODE", new)
                lines = (ours.decode().splitlines(), theirs.decode().splitlines())
                print("\n".join(difflib.unified_diff(*lines, "ours", "human", n=0, lineterm="")))


def main() -> None:
    total: collections.Counter[str] = collections.Counter()
    for place in [a for a in sys.argv[1:] if not a.startswith("-")]:
        repository = find_repository(place)
        tally: collections.Counter[str] = collections.Counter()
        for tree, commit in candidates(repository):
            try:
                compare(repository, tree, commit, tally)
            except (UserError, GitError) as error:
                tally[f"not looked at: {type(error).__name__}"] += 1
        print(place, dict(tally), flush=True)
        total += tally
    for what, count in sorted(total.items()):
        print(f"{count:6} {what}")


if __name__ == "__main__":
    main()

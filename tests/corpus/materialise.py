"""Make a repository of a case: base commit, two branches, a merge stopped or done."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

CASES = json.loads((Path(__file__).parent / "cases.json").read_text())

SEALED = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
    "GIT_EDITOR": "false",
    # no housekeeping in the background while a test copies the repository
    "GIT_CONFIG_COUNT": "2",
    "GIT_CONFIG_KEY_0": "gc.auto",
    "GIT_CONFIG_VALUE_0": "0",
    "GIT_CONFIG_KEY_1": "maintenance.auto",
    "GIT_CONFIG_VALUE_1": "false",
}


def git(root: Path, *arguments: str, check: bool = True) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | SEALED
    done = subprocess.run(
        ["git", *arguments], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert not check or done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout


def materialise(case: dict, root: Path, onto: str) -> bool:
    """Merge the case's two sides; `onto` becomes origin/main. True when git merged cleanly."""
    directory = root / case["directory"]
    git(root, "init", "-q", "-b", "trunk")
    write_side(case, directory, case["base"])
    (directory / "__init__.py").write_text("")
    commit(root, "base")
    for side in ("ours", "theirs"):
        git(root, "checkout", "-q", "-b", side, "trunk")
        write_side(case, directory, case[side])
        for name in case.get(f"{side}_removed", []):
            (directory / f"{name}.py").unlink(missing_ok=True)
        for path, name, where, *attribute in case["dependents"]:
            if where == side:
                write_dependent(case, root / path, name, *attribute)
        commit(root, side)
    git(root, "update-ref", "refs/remotes/origin/main", onto)
    git(root, "checkout", "-q", "ours")
    git(root, "merge", "--no-edit", "-q", "theirs", check=False)
    return "UU" not in git(root, "status", "--porcelain") and not (
        git(root, "ls-files", "--unmerged")
    )


def commit(root: Path, message: str) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", message)


def write_side(case: dict, directory: Path, migrations: dict) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, facts in migrations.items():
        (directory / f"{name}.py").write_text(source(facts))


def write_dependent(case: dict, path: Path, name: str, attribute: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    key = "run_before" if attribute == "run_before" else "dependencies"
    path.write_text(source({key: [[case["app"], name]], "operations": []}))


def source(facts: dict) -> str:
    """A migration file with the names, dependencies and operations of `facts`."""
    lines = ["from django.conf import settings", "from django.db import migrations, models"]
    if facts.get("parses") is False:
        lines.append('print "Python 2"')
    if any(o["op"] == "RunPython" for o in facts.get("operations", [])):
        lines.append("from steps import run")
    lines += ["", "", "class Migration(migrations.Migration):", ""]
    for key in ("replaces", "run_before"):
        if facts.get(key):
            lines += [f"    {key} = {[tuple(pair) for pair in facts[key]]!r}", ""]
    lines.append("    dependencies = [")
    for label, name in facts.get("dependencies", []):
        if label == "__setting__":
            lines.append(f"        migrations.swappable_dependency({name}),")
        elif label == "?":
            lines.append(f"        computed({name!r}),")
        else:
            lines.append(f"        {(label, name)!r},")
    lines += ["    ]", "", "    operations = ["]
    lines += [f"        {operation(o)}," for o in facts.get("operations", [])]
    return "\n".join([*lines, "    ]", ""])


def operation(facts: dict) -> str:
    """A call of the operation with any definition that its facts allow."""
    name, models, fields = facts["op"], facts.get("models", []), facts.get("fields", [])
    if facts.get("custom") or facts.get("opaque") or name.startswith("?") or not models:
        # the facts tell no more than that code runs: as code that can't be followed
        arguments = "run" if name == "RunPython" else "'DO $$ BEGIN END $$'"
        return f"migrations.{name.strip('?') or 'Custom'}({arguments})"
    model, reference = models[0], facts.get("refs", [])
    field = "models.IntegerField()"
    if reference:
        field = f"models.ForeignKey(to={reference[0]!r}, on_delete=models.CASCADE)"
    if name == "CreateModel":
        made = "".join(f"({f!r}, models.IntegerField()), " for f in fields)
        made += "".join(
            f"('to_{i}', models.ForeignKey(to={r!r}, on_delete=models.CASCADE)), "
            for i, r in enumerate(reference)
        )
        return f"migrations.CreateModel(name={model!r}, fields=[{made}])"
    if name in ("RenameModel", "RenameField"):
        pair = models if name == "RenameModel" else fields
        old, new = (pair * 2)[:2]
        owner = "" if name == "RenameModel" else f"model_name={model!r}, "
        return f"migrations.{name}({owner}old_name={old!r}, new_name={new!r})"
    if name in ("AddField", "AlterField"):
        return f"migrations.{name}(model_name={model!r}, name={fields[0]!r}, field={field})"
    if name == "RemoveField":
        return f"migrations.RemoveField(model_name={model!r}, name={fields[0]!r})"
    if name.startswith(("Add", "Remove", "Rename")) and "index" in facts:
        if name.startswith("Add"):
            return f"migrations.{name}({model!r}, models.Index(fields=['id'], name={facts['index']!r}))"
        return f"migrations.{name}({model!r}, {facts['index']!r})"
    values = {
        "AlterUniqueTogether": "{('a', 'b')}",
        "AlterIndexTogether": "{('a', 'b')}",
        "AlterModelOptions": "{'ordering': ['id']}",
        "AlterModelManagers": "[]",
        "AlterModelTable": "'a_table'",
        "AlterOrderWithRespectTo": "'parent'",
        "DeleteModel": "",
    }
    value = values.get(name, "")
    return f"migrations.{name}({model!r}{', ' if value else ''}{value})"

"""What `verify` takes, as a ratio to one plain `migrate` of the same project.

    python benchmarks/verify.py [--migrations 200] [--rounds 5]

One app with that many migrations on SQLite, a merge behind it: `verify` builds the databases of
all six starting points, migrates and compares them. The floor is `manage.py migrate` on an
empty database, as a process of its own, in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SETTINGS = """\
SECRET_KEY = "x"
INSTALLED_APPS = ["shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
"""
MANAGE = """\
import os
import sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
MIGRATION = """\
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [{dependencies}]
    operations = [{operations}]
"""
FIELDS_OF_A_MODEL = 9  # neither side begins a model
KEY = (
    "('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, "
    "verbose_name='ID'))"
)


def operation(number: int) -> tuple[str, str]:
    """`(model, line of models.py or nothing, as an operation)` of the nth migration."""
    model = f"Model{number // FIELDS_OF_A_MODEL}"
    if number % FIELDS_OF_A_MODEL == 0:
        return model, f"migrations.CreateModel(name='{model}', fields=[{KEY}])"
    field = f"models.IntegerField(default={number})"
    return model, f"migrations.AddField(model_name='{model}', name='f{number}', field={field})"


def make_project(root: Path, count: int) -> None:
    """Both branches add a migration after `count`, merged and fixed."""

    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
        subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)

    def write(number: int, name: str, *parents: str) -> None:
        pairs = ", ".join(f"('shop', '{parent}')" for parent in parents)
        text = MIGRATION.format(dependencies=pairs, operations=operation(number)[1])
        (root / f"shop/migrations/{name}.py").write_text(text)

    (root / "shop/migrations").mkdir(parents=True)
    for name in ("shop/__init__.py", "shop/migrations/__init__.py"):
        (root / name).write_text("")
    (root / "settings.py").write_text(SETTINGS)
    (root / "manage.py").write_text(MANAGE)
    (root / ".gitignore").write_text("__pycache__/\n*.sqlite3\n")
    models: dict[str, list[str]] = {}
    for number in range(count + 2):
        own = models.setdefault(operation(number)[0], [])
        if number % FIELDS_OF_A_MODEL:
            own.append(f"    f{number} = models.IntegerField(default={number})")
    classes = [
        "\n".join([f"class {name}(models.Model):", *(lines or ["    pass"]), "", ""])
        for name, lines in models.items()
    ]
    (root / "shop/models.py").write_text("from django.db import models\n\n\n" + "\n".join(classes))
    names = [f"{number + 1:04}_m{number}" for number in range(count)]
    for number, name in enumerate(names):
        write(number, name, *names[:number][-1:])
    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-qm", "base")
    git("checkout", "-qb", "feature")
    write(count, f"{count + 1:04}_ours", names[-1])
    git("add", "-A")
    git("commit", "-qm", "ours")
    git("checkout", "-q", "main")
    write(count + 1, f"{count + 1:04}_theirs", names[-1])
    git("add", "-A")
    git("commit", "-qm", "theirs")
    git("update-ref", "refs/remotes/origin/main", "main")
    git("checkout", "-q", "feature")
    git("merge", "-q", "--no-edit", "main")
    migmerge(root, "fix", "--yes", "--strategy", "renumber", "--skip-verification")
    git("add", "-A")
    git("commit", "-qm", "fixed")


def migmerge(root: Path, *arguments: str) -> str:
    """What it prints."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", "migmerge", *arguments],
        cwd=root, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def measure(root: Path, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of plain migrations and of verifications, taken in turn."""
    floor, ours = [], []
    for _ in range(rounds):
        (root / "db.sqlite3").unlink(missing_ok=True)
        start = time.perf_counter()
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=root, check=True)
        floor.append(time.perf_counter() - start)
        start = time.perf_counter()
        (project,) = json.loads(migmerge(root, "verify", "--format", "json"))["projects"]
        ours.append(time.perf_counter() - start)
        assert len(project["points"]) == 6, project
    return floor, ours


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--migrations", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        make_project(root, arguments.migrations)
        floor, ours = (statistics.median(taken) for taken in measure(root, arguments.rounds))
    print(f"plain migrate of {arguments.migrations + 2} migrations: {floor:.2f} s")
    print(f"verify, six starting points:         {ours:.2f} s = {ours / floor:.2f} times")


if __name__ == "__main__":
    main()

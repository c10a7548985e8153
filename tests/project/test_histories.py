"""Random histories: branches, merges, squashes and edges between apps; then `fix`, and Django's
own loader is the judge."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.conftest import STEP, Repo

APPS = ("bar", "cafe", "shop")
FILE = """\
from django.db import migrations, models


class Migration(migrations.Migration):
    replaces = {replaces}

    dependencies = {dependencies}

    operations = [
        {operations}
    ]
"""
MODEL = "migrations.CreateModel('Thing', fields=[('id', models.AutoField(primary_key=True))])"
JUDGE = """\
import json, sys
import django
from django.conf import settings
settings.configure(INSTALLED_APPS=json.loads(sys.argv[1]))
django.setup()
from django.db.migrations.loader import MigrationLoader
loader = MigrationLoader(None)
models = loader.project_state().models
print(json.dumps({
    "conflicts": loader.detect_conflicts(),
    "fields": {app: sorted(models[app, "thing"].fields) for app in settings.INSTALLED_APPS},
}))
"""
Node = tuple[str, str]


class Made(NamedTuple):
    """A migration: what it depends on and replaces, and the fields that it adds."""

    parents: tuple[Node, ...]
    fields: tuple[str, ...]
    replaces: tuple[Node, ...] = ()

    @property
    def text(self) -> str:
        adds = [
            f"migrations.AddField('thing', '{f}', models.IntegerField(null=True))"
            for f in self.fields
            if f
        ]
        operations = [MODEL] * ("" in self.fields) + adds
        return FILE.format(
            replaces=list(self.replaces), dependencies=list(self.parents),
            operations=",\n        ".join(operations),
        )  # fmt: skip


class Side:
    """One branch's migrations; it grows by what hypothesis draws."""

    def __init__(self, name: str, nodes: dict[Node, Made], leaves: dict[str, Node]) -> None:
        self.name, self.nodes, self.leaves = name, dict(nodes), dict(leaves)

    def grow(self, draw: st.DrawFn, steps: int) -> Side:
        for _ in range(draw(st.integers(1, steps))):
            app = draw(st.sampled_from(APPS))
            step = draw(
                st.sampled_from(("field", "field", "cross", "same name", "diamond", "squash"))
            )
            leaf = self.leaves[app]
            if step == "squash":
                self._squash(app)
            elif step == "diamond":
                pair = [self._add(app, (leaf,), f"{self.name}{way}") for way in "xy"]
                self._add(app, tuple(pair), f"{self.name}_merge", fields=())
            else:
                more = [n for n in self.nodes if n[0] != app] if step == "cross" else []
                other = (draw(st.sampled_from(sorted(more))),) if more else ()
                self._add(app, (leaf, *other), "more" if step == "same name" else self.name)
        return self

    def _add(
        self, app: str, parents: tuple[Node, ...], title: str, fields: tuple[str, ...] | None = None
    ) -> Node:
        number = 1 + max(_number(name) for own, name in parents if own == app)
        node = (app, f"{number:04d}_{title}")
        if fields is None:
            fields = (f"{self.name}_{node[1]}",)
        self.nodes[node] = Made(parents, fields)
        self.leaves[app] = node
        return node

    def _squash(self, app: str) -> None:
        """All of an app that is one line and has no squash yet, as `squashmigrations` does."""
        line = sorted(node for node in self.nodes if node[0] == app)
        made = [self.nodes[node] for node in line]
        own = [[p for p in one.parents if p[0] == app] for one in made]
        if (
            len(line) < 2
            or any(one.replaces for one in made)
            or own != [[], *([n] for n in line[:-1])]
        ):
            return
        outside = tuple(sorted({p for one in made for p in one.parents if p[0] != app}))
        fields = tuple(field for one in made for field in one.fields)
        node = (app, f"0001_squashed_{line[-1][1]}")
        self.nodes[node] = Made(outside, fields, tuple(line))
        self.leaves[app] = node


def _number(name: str) -> int:
    """As makemigrations counts: a squash by the last that it replaces."""
    return int(name.partition("_squashed_")[2][:4] or name[:4])


class History(NamedTuple):
    base: Side
    main: Side
    feature: Side


@st.composite
def histories(draw: st.DrawFn) -> History:
    first = {(app, "0001_initial"): Made((), ("",)) for app in APPS}
    base = Side("base", first, {app: (app, "0001_initial") for app in APPS}).grow(draw, 5)
    sides = [Side(name, base.nodes, base.leaves).grow(draw, 4) for name in ("main", "feature")]
    return History(base, *sides)


def build(history: History, root: Path) -> Repo:
    """The repository, merged or stopped in the merge; main is published."""
    repo = Repo(root)
    repo.git("init", "-q")
    for app in APPS:
        for path in (f"{app}/__init__.py", f"{app}/models.py", f"{app}/migrations/__init__.py"):
            repo.write(path, "")
    for side in history:
        if side.name != "base":
            repo.git(
                "checkout", "-q", *(["-b", "feature", "main^"] if side.name == "feature" else [])
            )
        for (app, name), made in side.nodes.items():
            repo.write(f"{app}/migrations/{name}.py", made.text)
        repo.git("add", "-A")
        repo.git("commit", "-q", "--allow-empty", "-m", side.name)
    repo.publish()
    subprocess.run(["git", "merge", "-q", "--no-edit", "main"], cwd=root, capture_output=True)
    return repo


def asked_django(repo: Repo) -> dict:
    """What its loader makes of the files."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", JUDGE, json.dumps(APPS)],
        cwd=repo.root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def fields_of(history: History) -> dict[str, list[str]]:
    nodes = {**history.main.nodes, **history.feature.nodes}
    both = [*history.main.nodes.items(), *history.feature.nodes.items()]
    return {
        app: sorted({"id", *(f for (own, _), made in both if own == app for f in made.fields if f)})
        for app in {app for app, _ in nodes}
    }


def holds(history: History, strategy: str) -> None:
    root = Path(tempfile.mkdtemp())
    try:
        repo = build(history, root)
        before = repo.state()
        published = {path: data for path, data in before[0].items() if path in _paths(history.main)}
        done = repo.run(
            "fix", "--yes", "--skip-verification", "--strategy", strategy, "--format", "json"
        )
        assert done.returncode in (0, 1), done.stderr
        found = json.loads(done.stdout)["resolutions"]
        refused = [one for one in found if one["status"] == "refused"]
        event(f"{strategy}: {'refused' if refused else 'fixed' if found else 'nothing to do'}")
        assert all(one["reasons"] and one["id"] for one in refused)
        if refused:
            assert len(refused) < len(found) or repo.state() == before
            return
        for path, data in published.items():
            if b"<<<<<<<" not in data:
                assert repo.read(path) == data, path
        told = asked_django(repo)
        assert told == {"conflicts": {}, "fields": fields_of(history)}
        assert repo.check()["conflicts"] == []
    finally:
        shutil.rmtree(root)


def _paths(side: Side) -> set[str]:
    return {f"{app}/migrations/{name}.py" for app, name in side.nodes}


FEW = settings(
    max_examples=4, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


@given(history=histories(), strategy=st.sampled_from(("auto", "merge", "renumber")))
@FEW
def test_some_random_histories(history: History, strategy: str) -> None:
    holds(history, strategy)


@pytest.mark.corpus
@given(history=histories(), strategy=st.sampled_from(("auto", "merge", "renumber")))
@settings(FEW, max_examples=max(8, 240 // STEP), derandomize=STEP > 1)
def test_random_histories(history: History, strategy: str) -> None:
    holds(history, strategy)

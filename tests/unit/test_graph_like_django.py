"""The graph against the one that Django's loader builds of the same migrations."""

from __future__ import annotations

from typing import NamedTuple

import django
from django.core.management import CommandError
from django.db.migrations import Migration as DjangoMigration
from django.db.migrations.exceptions import CircularDependencyError, NodeNotFoundError
from django.db.migrations.loader import MigrationLoader
from hypothesis import given, settings
from hypothesis import strategies as st

from migmerge.migrations.graph import build_graph
from migmerge.migrations.model import Header, Migration, NodeKey, Reference

APPS = ("cart", "shop")
NODES = [(app, f"000{n}") for app in APPS for n in range(1, 5)]
nodes = st.sampled_from(NODES)
NESTED = django.VERSION >= (6, 0)  # before, a squash can't be squashed


class Files(NamedTuple):
    dependencies: dict[tuple[str, str], list[tuple[str, str]]]
    replaces: dict[tuple[str, str], list[tuple[str, str]]]


@st.composite
def files(draw: st.DrawFn) -> Files:
    own = draw(st.lists(nodes, min_size=2, unique=True))
    edges = {key: draw(st.lists(st.sampled_from(own), max_size=2, unique=True)) for key in own}
    squashes = draw(st.lists(st.sampled_from(own), max_size=2, unique=True))
    left = [node for node in NODES if NESTED or node not in squashes]
    replaces = {
        key: draw(st.lists(st.sampled_from(olds), min_size=1, unique=True))
        for key in squashes
        if (olds := [node for node in left if node[0] == key[0] and node != key])
    }
    return Files(edges, replaces)


def by_django(made: Files) -> object:
    """Its leaf nodes by app, or the name of its error."""

    class Loader(MigrationLoader):
        def load_disk(self) -> None:
            self.unmigrated_apps: set[str] = set()
            self.migrated_apps = set(APPS)
            self.disk_migrations = {}
            for (app, name), parents in sorted(made.dependencies.items()):
                one = DjangoMigration(name, app)
                one.dependencies, one.replaces = parents, made.replaces.get((app, name), [])
                self.disk_migrations[app, name] = one

    try:
        loader = Loader(None)
    except (CircularDependencyError, CommandError):
        return "cycle"
    except NodeNotFoundError:
        return "missing"
    return sorted(loader.graph.leaf_nodes())


def by_us(made: Files) -> object:
    migrations = [
        Migration(
            NodeKey(*key), key[0], f"{key[0]}/migrations/{key[1]}.py",
            Header(
                tuple(Reference(*parent, 1) for parent in parents),
                replaces=tuple(Reference(*old, 1) for old in made.replaces.get(key, [])),
            ),
        )
        for key, parents in made.dependencies.items()
    ]  # fmt: skip
    graph = build_graph(migrations, lambda _, ref: NodeKey(ref.label, ref.name))
    if graph.missing:
        return "missing"
    if graph.cycles():
        return "cycle"
    return sorted((key.app, key.name) for leaves in graph.all_leaves().values() for key in leaves)


@given(made=files())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_the_graph_is_djangos(made: Files) -> None:
    assert by_us(made) == by_django(made)

"""Which nodes get which name and parent: the two strategies, on the graph alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Set
from itertools import pairwise

from migmerge.conflicts.conflict import Branch, Conflict
from migmerge.conflicts.next_commands import fix_command
from migmerge.migrations.catch_up import catch_up_name
from migmerge.migrations.graph import Graph
from migmerge.migrations.model import NodeKey
from migmerge.migrations.naming import is_sequence, number
from migmerge.resolve.fix_plan import CatchUp, GraphChange, Refusal
from migmerge.resolve.new_names import Naming, NamingRules, name_after, predecessors


def renumber(graph: Graph, conflict: Conflict, rules: NamingRules) -> GraphChange | Refusal:
    """Put every replayed chain, in its order, after onto's leaf."""
    app = conflict.app
    onto = conflict.only_onto
    if onto is None:
        if _is_published(conflict):
            return _refuse_every_side(conflict)
        reason = "it is not known which side is published"
        return Refusal(app.key, "sides-unknown", (reason,), _commands_for_each_side(conflict))

    moving = [branch for branch in conflict.branches if branch.side == "replayed"]
    replayed = {key for branch in moving for key in branch.nodes}
    behind = predecessors(graph, rules.removed, replayed)
    tail = last = behind.get(onto.leaf, onto.leaf)
    dropped = {**dict(conflict.assessment.duplicates), **behind}
    others = _edges(graph, app.key, replayed)
    rules = rules._replace(keep_names=rules.keep_names or not is_sequence(others))
    naming = Naming(graph, conflict, tail, rules)

    repoint: dict[NodeKey, tuple[NodeKey | None, str]] = {}
    placed = graph.ancestors(onto.leaf) | dropped.keys()
    for branch in moving:
        fresh = [key for key in branch.nodes if key not in placed and key not in naming.names]
        for key in fresh:
            parents = {behind.get(parent, parent) for parent in graph.parents[key]}
            before_duplicates = _before_duplicates(graph, conflict, key) & set(fresh)
            first = parents.isdisjoint(fresh) and not before_duplicates
            naming.place(key, first=first)
            if first:
                repoint[key] = (_replaced_parent(graph, key, placed), naming.names[tail])
            elif before_duplicates:  # what is behind these is behind the kept one, too
                last_before = graph.in_order(before_duplicates)[-1]
                repoint[key] = (_replaced_parent(graph, key, placed), naming.names[last_before])

        placed |= graph.ancestors(branch.leaf)
        tail = fresh[-1] if fresh else tail

    for child, (_, name) in _beside_kept(graph, conflict, naming.names).items():
        repoint.setdefault(child, (None, name))
    squashed = [key for key in naming.moved if _is_squashed(graph, key)]
    if squashed:
        reason = f"{squashed[0]} belongs to a squash that is not finished"
        return Refusal(app.key, "squash", (reason,), (fix_command(app.key, "merge"),))

    names = {key: name for key, name in naming.names.items() if key in naming.moved}
    strategy = "renumber" if naming.moved else "drop"
    change = GraphChange(
        app.key, strategy, _changed(names), repoint, dropped=dropped, leaf=naming.names[tail]
    )
    if not rules.carry or not naming.moved:
        return change

    before = (last if last == onto.leaf else _before_carried(graph, last)).name
    name = catch_up_name(change.leaf, before, rules.reserved)
    return change._replace(carry=True, leaf=name, catch_up=CatchUp(change.leaf, before, name))


def _before_carried(graph: Graph, key: NodeKey) -> NodeKey:
    """What came in before: `key`, or what a carried chain that ends with it stands behind."""
    while graph.nodes[key].header.replaces and (parents := _own_parents(graph, key)):
        key = graph.in_order(parents)[-1]
    return key


def _own_parents(graph: Graph, key: NodeKey) -> list[NodeKey]:
    return [parent for parent in graph.parents[key] if parent.app == key.app]


def merge(graph: Graph, conflict: Conflict, reserved: Collection[str]) -> GraphChange | Refusal:
    """Join all leaves; of two files with one name, the replayed one gets a new name first."""
    app, duplicates = conflict.app, dict(conflict.assessment.duplicates)
    names: dict[NodeKey, str] = {}
    if _collided(graph, conflict):
        onto = conflict.only_onto
        if onto is None:
            reason = "both sides added the same file, and it is not known which is published"
            return Refusal(app.key, "sides-unknown", (reason,), _commands_for_each_side(conflict))
        names = _names_of_collided(graph, conflict, onto, reserved)

    leaves = sorted(names.get(leaf, leaf.name) for leaf in _leaves(graph, conflict))
    repoint = _beside_kept(graph, conflict, names)
    if len(leaves) == 1:
        return GraphChange(
            app.key, "drop", _changed(names), repoint, dropped=duplicates, leaf=leaves[0]
        )
    return GraphChange(
        app.key, "merge", _changed(names), repoint, tuple(leaves), dropped=duplicates
    )


def _collided(graph: Graph, conflict: Conflict) -> list[NodeKey]:
    """Both versions of each file that both sides added, unless one of them is dropped."""
    dropped = dict(conflict.assessment.duplicates)
    pairs = [
        (key._replace(version=0), key)
        for key in sorted(graph.app_nodes(conflict.app.key))
        if key.version
    ]
    return [key for pair in pairs if dropped.keys().isdisjoint(pair) for key in pair]


def _names_of_collided(
    graph: Graph, conflict: Conflict, onto: Branch, reserved: Collection[str]
) -> dict[NodeKey, str]:
    """New names, behind all numbers of the app, of the versions of a file that onto has not."""
    app, stays = conflict.app.key, graph.ancestors(onto.leaf)
    naming = Naming(graph, conflict, onto.leaf, NamingRules(reserved))
    naming.start_after(max((number(key.name) or 0 for key in graph.app_nodes(app)), default=0))
    for key in _collided(graph, conflict):
        if key not in stays:
            naming.place(key)

    return {key: naming.names[key] for key in naming.moved}


def regenerate(graph: Graph, conflict: Conflict) -> GraphChange | Refusal:
    """Take the replayed side away, to be regenerated by makemigrations on top of onto."""
    app, onto, assessment = conflict.app.key, conflict.only_onto, conflict.assessment
    if onto is None and _is_published(conflict):
        return _refuse_every_side(conflict)
    if onto is None:
        reason = "it is not known which side is regenerated"
        commands = _commands_for_each_side(conflict, "regenerate")
        return Refusal(app, "sides-unknown", (reason,), commands)

    side = {k for b in conflict.branches for k in b.nodes} - graph.ancestors(onto.leaf)
    removed = side.difference(assessment.kept_data_migrations)
    if any(graph.nodes[key].header.replaces for key in removed):
        reason = "a squash would be taken away, and show its originals again"
        return Refusal(app, "squash", (reason,), (fix_command(app, "merge"),))

    outside = sorted({child for key in removed for child in graph.children[key]} - side)
    if outside:
        reason = f"{outside[0]} depends on what would be regenerated"
        return Refusal(app, "not-remade", (reason,), conflict.advice.commands)
    if assessment.not_regenerable:
        reasons = (*map(str, assessment.not_regenerable), "it can't be regenerated")
        return Refusal(app, "not-remade", reasons, conflict.advice.commands)

    return GraphChange(
        app, "regenerate", {}, {}, dropped=dict.fromkeys(sorted(removed), onto.leaf),
        kept_data_migrations=assessment.kept_data_migrations, leaf=onto.leaf.name,
    )  # fmt: skip


def _is_published(conflict: Conflict) -> bool:
    """Whether each side is published, or a part of it."""
    return all(branch.published or branch.published_on for branch in conflict.branches)


def _refuse_every_side(conflict: Conflict) -> Refusal:
    reason = "every side is published, so none can move"
    merge = fix_command(conflict.app.key, "merge")
    return Refusal(conflict.app.key, "published", (reason,), (merge,))


def move_behind_regenerated(
    graph: Graph, change: GraphChange, regenerated: Collection[str], reserved: Set[str]
) -> GraphChange:
    """The side that is regenerated, with its data migrations one after the other behind it."""
    tail = [change.leaf, *regenerated][-1]
    used = {name for name in reserved if name not in {key.name for key in change.dropped}}
    used = used.union(regenerated) - {key.name for key in change.kept_data_migrations}
    names: dict[NodeKey, str] = {}
    repoint: dict[NodeKey, tuple[NodeKey | None, str]] = {}
    for key in change.kept_data_migrations:
        parents = _own_parents(graph, key)
        repoint[key] = (graph.in_order(parents)[-1] if parents else None, tail)
        names[key] = tail = name_after(key.name, tail, used)
        used.add(tail)

    return change._replace(names=_changed(names), repoint=repoint, leaf=tail)


def straighten(graph: Graph, app: str, may: Set[NodeKey], taken: Set[str]) -> GraphChange:
    """Numbers that go up along an app's only line; only those of `may` change."""
    names: dict[NodeKey, str] = {}
    used = set(taken)
    line = graph.in_order(graph.app_nodes(app))
    for parent, key in pairwise(line):
        before = names.get(parent, parent.name)
        value, last = number(key.name), number(before)
        if key in may and value is not None and last is not None and value <= last:
            used -= set() if key.version else {key.name}
            names[key] = name_after(key.name, before, used)
            used.add(names[key])

    leaf = line[-1]
    return GraphChange(app, "repoint", _changed(names), {}, leaf=names.get(leaf, leaf.name))


def _leaves(graph: Graph, conflict: Conflict) -> set[NodeKey]:
    """What are leaf nodes once each duplicate is gone."""
    dropped = dict(conflict.assessment.duplicates)
    if not dropped:
        return {branch.leaf for branch in conflict.branches}
    alive = {key for branch in conflict.branches for key in branch.nodes} - dropped.keys()
    inner = {dropped.get(parent, parent) for key in alive for parent in graph.parents[key]}
    inner = inner.union(*(_before_duplicates(graph, conflict, key) for key in alive))
    return alive - inner


def _before_duplicates(graph: Graph, conflict: Conflict, key: NodeKey) -> set[NodeKey]:
    """What comes before the duplicates that a node depends on, and goes with them no longer: the
    kept one stands elsewhere."""
    dropped = dict(conflict.assessment.duplicates)
    own = {node for branch in conflict.branches for node in branch.nodes}
    found: set[NodeKey] = set()
    waiting = [parent for parent in graph.parents[key] if parent in dropped]
    while waiting:
        for parent in graph.parents[waiting.pop()] & own:
            if parent in dropped:
                waiting.append(parent)
            else:
                found.add(parent)
    return found


def _beside_kept(
    graph: Graph, conflict: Conflict, names: Mapping[NodeKey, str]
) -> dict[NodeKey, tuple[NodeKey | None, str]]:
    """Dependencies in addition to that on a kept duplicate, for what was behind the dropped one."""
    dropped = dict(conflict.assessment.duplicates)
    children = {child for key in dropped for child in graph.children.get(key, ())}
    found: dict[NodeKey, tuple[NodeKey | None, str]] = {}
    for child in sorted(children - dropped.keys()):
        before = graph.in_order(_before_duplicates(graph, conflict, child))
        if before:
            found[child] = (None, names.get(before[-1], before[-1].name))
    return found


def _changed(names: dict[NodeKey, str]) -> dict[NodeKey, str]:
    return {key: name for key, name in names.items() if key.name != name}


def _commands_for_each_side(conflict: Conflict, strategy: str = "renumber") -> tuple[str, ...]:
    """A command for each side that might move."""
    names = sorted({branch.leaf.name for branch in conflict.branches})
    if conflict.kind == "path" or len(names) < 2:
        return conflict.advice.commands
    return tuple(fix_command(conflict.app.key, strategy, "--move", name) for name in names)


def _edges(graph: Graph, app: str, without: set[NodeKey]) -> list[tuple[int | None, int | None]]:
    """The numbers of every (parent, child) of the app; a squash counts as its last original."""
    last: dict[NodeKey, int] = {}
    for old, new in graph.replaced_by.items():
        last[new] = max(last.get(new, 0), number(old.name) or 0)
    return [
        (last.get(parent, number(parent.name)), number(key.name))
        for key in graph.app_nodes(app)
        for parent in graph.parents[key]
        if parent.app == app and key not in without and parent not in without
    ]


def _replaced_parent(graph: Graph, key: NodeKey, placed: set[NodeKey]) -> NodeKey | None:
    """The last of the same-app parents that already stand; the others stay as they are."""
    standing = [p for p in graph.parents[key] if p.app == key.app and p in placed]
    return graph.in_order(standing)[-1] if standing else None


def _is_squashed(graph: Graph, key: NodeKey) -> bool:
    """Whether originals of a squash are still there beside it."""
    replaced = graph.nodes[key].header.replaces
    return any(NodeKey(key.app, old.name) in graph.nodes for old in replaced)

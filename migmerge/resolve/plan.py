"""The whole plan for all apps: decide, write in memory, look at the result, drop what fails."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from migmerge.analysis.compare import footprints_of, needs_old_state
from migmerge.analysis.renames import unseen_dependents
from migmerge.analysis.snapshot import Snapshot, understand
from migmerge.config import Config
from migmerge.conflicts.commute import Judgement, compare_sides
from migmerge.conflicts.conflict import Conflict
from migmerge.git.repository import Repository, find_commit
from migmerge.git.state import stopped_operation
from migmerge.git.trees import list_commit
from migmerge.migrations.naming import is_catch_up_name, migration_name
from migmerge.resolve.files import Files, Texts, plan_files, reserved_names
from migmerge.resolve.fix_plan import FixPlan, GraphChange, Refusal, Resolution, refused
from migmerge.resolve.graph_changes import move_behind_regenerated, straighten
from migmerge.resolve.mentions import find_mentions
from migmerge.resolve.project_input import ask_again, ask_project
from migmerge.resolve.static_check import problems
from migmerge.resolve.strategy import Decision, FixRequest, decide

_OTHERS = (
    "any other database must have run migrate with the files as they were, before it gets these: "
    "showmigrations has to show [X] for each of them"
)


class PreparedFix(NamedTuple):
    """A plan, the leaf that each fixed app must end with, and paths that must be free.

    `uncommitted` are migrations of the fixed apps that HEAD lacks and the fix doesn't write:
    without them a commit of the fix would be broken.
    """

    plan: FixPlan
    leaves: Mapping[str, str]
    new_paths: set[str]
    uncommitted: tuple[str, ...] = ()


def prepare_fix(
    repository: Repository,
    config: Config,
    snapshot: Snapshot,
    conflicts: Sequence[Conflict],
    request: FixRequest,
    published: Collection[str],
) -> PreparedFix:
    """What to write for `conflicts`, with a refusal for each app that can't be fixed."""
    decision = decide(snapshot, conflicts, request)
    moves, refusals, told = _with_repointed(snapshot, decision, published, request)
    sided = {c.app.key: c for c in conflicts if c.verdict}
    # a strategy that is named is carried out
    unsure = {app: c for app, c in sided.items() if request.of(app).strategy == "auto"}
    reply = ask_project(repository, config, snapshot, moves, unsure)
    remade, failed = ask_again(repository, config, snapshot, moves)
    unanswered = [*reply.refusals, *failed]
    refusals += unanswered
    gone = {refusal.app for refusal in unanswered}
    behind = [_carry(snapshot, m, sided, remade) for m in moves if m.app not in gone]
    refusals += [answer for answer in behind if isinstance(answer, Refusal)]
    moves = [answer for answer in behind if isinstance(answer, GraphChange)]
    stale = [c.place.path for c in decision.stale_locks if c.place]
    texts = Texts(reply.merges, remade)
    files, moves, more = _write(
        repository, config, snapshot, moves,
        lambda free: plan_files(snapshot, free, published, texts, stale),
    )  # fmt: skip
    refusals += more
    touched = set().union(*files.blame.values())
    moves = [move for move in moves if move.strategy != "repoint" or move.app in touched]
    reasons = {**told, **{app: conflict.reasons for app, conflict in sided.items()}}
    reasons |= {app: (*reasons[app], opinion) for app, opinion in reply.opinions.items()}
    for move in moves:
        reasons[move.app] = (*reasons.get(move.app, ()), *_of_databases(move, request))
    resolutions = _resolutions(repository, snapshot, files, moves, refusals, reasons, decision)
    old = {m.path for m in snapshot.graph.nodes.values()}
    targets = {path for path, change in files.changes.items() if change.data is not None}
    free = {p for p in targets - old if p in files.created or p in files.renamed.values()}
    plan = FixPlan(files.changes, tuple(resolutions))
    return PreparedFix(plan, files.leaves, free, _uncommitted(repository, snapshot, files))


def prepare_given(
    repository: Repository,
    config: Config,
    snapshot: Snapshot,
    moves: Sequence[GraphChange],
    refusals: Sequence[Refusal],
) -> PreparedFix:
    """What to write for moves that nothing but themselves decides; published files, too."""
    files, free, more = _write(
        repository, config, snapshot, moves, lambda free: plan_files(snapshot, free, (), Texts())
    )
    refusals = [*refusals, *more]
    reasons = {move.app: (_OTHERS,) for move in free if move.without_replaces}
    decision = Decision((), (), ())
    found = _resolutions(repository, snapshot, files, free, refusals, reasons, decision)
    return PreparedFix(FixPlan(files.changes, tuple(found)), files.leaves, set())


def _write(
    repository: Repository,
    config: Config,
    snapshot: Snapshot,
    moves: Sequence[GraphChange],
    plan: Callable[[Sequence[GraphChange]], Files | Refusal],
) -> tuple[Files, list[GraphChange], list[Refusal]]:
    """The files of the moves that can be made, these moves, and why the others can't."""
    moves, refusals = list(moves), list[Refusal]()
    while True:
        files = plan(moves)
        refusal = (
            files if isinstance(files, Refusal) else _look(repository, config, snapshot, files)
        )
        if refusal is None or refusal.app not in {move.app for move in moves}:
            break
        refusals.append(refusal)
        moves = [move for move in moves if move.app != refusal.app]
    if isinstance(files, Refusal):
        # a refusal always names an app that moves
        raise AssertionError(files)  # pragma: no cover (a bug, which is to be seen as one)
    if refusal is not None:  # a fault outside the fixed apps: then nothing is written
        refusals += [refusal._replace(app=move.app) for move in moves]
        moves, files = [], Files({}, {}, (), {}, {})
    return files, moves, refusals


def _of_databases(move: GraphChange, request: FixRequest) -> list[str]:
    """What databases that ran a renamed migration need."""
    if move.carry:
        why = request.carried[move.app]
        return [f"old names are kept in replaces ({why}): every database needs migrate only"]
    return []


def _with_repointed(
    snapshot: Snapshot, decision: Decision, published: Collection[str], request: FixRequest
) -> tuple[list[GraphChange], list[Refusal], dict[str, tuple[str, ...]]]:
    """The decision with the apps of renamed migrations, and what to tell of these."""
    moves = {move.app: move for move in decision.moves}
    refusals = {refusal.app: refusal for refusal in decision.refusals}
    told: dict[str, tuple[str, ...]] = {}
    for app in sorted({key.app for key in snapshot.renamed.values()}):
        judgement = compare_sides(footprints_of(snapshot, unseen_dependents(snapshot, app)))
        told[app] = judgement.reasons
        if judgement.verdict == "contradict":
            moves.pop(app, None)
            refusals[app] = _unfit(app, judgement)
        elif app not in moves and app not in refusals:
            moves[app] = _repoint(snapshot, app, published, request)
    return list(moves.values()), list(refusals.values()), told


def _unfit(app: str, judgement: Judgement) -> Refusal:
    reason = (
        "a migration that depends on the renamed one conflicts with a migration inserted before it"
    )
    return Refusal(
        app,
        "renamed-below",
        (reason, *judgement.reasons),
        ("git log --stat, then edit one of them",),
    )


def _repoint(
    snapshot: Snapshot, app: str, published: Collection[str], request: FixRequest
) -> GraphChange:
    """An app in which nothing moves, but what others mean by a name that is gone."""
    graph = snapshot.graph
    collided = any(key.version for key in graph.app_nodes(app))  # two files, and one has to move
    straight = "renumber" in (request.strategy, request.prefer) and not request.keep_names
    if not collided and not straight:
        return GraphChange(app, "repoint", {}, {}, leaf=graph.leaves(app)[0].name)
    found = set(snapshot.renamed.values())
    below = graph.descendants_of(found) - found
    may = {key for key in below if key.version or graph.nodes[key].path not in published}
    return straighten(graph, app, may, reserved_names(snapshot, snapshot.apps[app]))


def _carry(
    snapshot: Snapshot,
    move: GraphChange,
    conflicts: Mapping[str, Conflict],
    remade: Mapping[str, Mapping[str, bytes]],
) -> GraphChange | Refusal:
    """A regenerated side with its data migrations; refused where one needs the old state."""
    if move.strategy != "regenerate":
        return move
    made, conflict = remade[move.app], conflicts[move.app]
    needy = needs_old_state(snapshot, conflict, move.kept_data_migrations, made)
    if needy:
        reasons = [f"{key.name} needs the old state: {why}" for key, why in needy.items()]
        return Refusal(move.app, "not-remade", tuple(reasons), conflict.commands)
    taken = reserved_names(snapshot, snapshot.apps[move.app])
    return move_behind_regenerated(snapshot.graph, move, list(made), taken)


def _uncommitted(repository: Repository, snapshot: Snapshot, files: Files) -> tuple[str, ...]:
    """In a stopped merge the commit takes all that is staged: then only untracked files count."""
    own = {m.path for m in snapshot.graph.nodes.values() if m.key.app in files.leaves}
    stopped = stopped_operation(repository)
    head = find_commit(repository, "HEAD")
    known = list_commit(repository, head).files if head and not stopped else {}
    if stopped:
        known = {path: file for path, file in snapshot.listing.files.items() if file.oid}
    return tuple(sorted(own - set(known) - set(files.changes)))


def _look(
    repository: Repository, config: Config, snapshot: Snapshot, files: Files
) -> Refusal | None:
    changed = {path: change.data for path, change in files.changes.items()}
    after = understand(repository, config, "plan", snapshot.listing, changed)
    wrong = problems(snapshot, after, files.leaves)
    if not wrong:
        return None
    app = wrong[0][0]
    return Refusal(
        app, "unverified", tuple(text for key, text in wrong if key == app), ("migmerge graph",)
    )


def _resolutions(
    repository: Repository,
    snapshot: Snapshot,
    files: Files,
    moves: Sequence[GraphChange],
    refusals: Sequence[Refusal],
    reasons: Mapping[str, tuple[str, ...]],
    decision: Decision,
) -> list[Resolution]:
    found = []
    migrations = {m.path for m in snapshot.graph.nodes.values()} | set(files.changes)
    for move in moves:
        own = {path for path, apps in files.blame.items() if move.app in apps}
        renamed = {o: n for o, n in files.renamed.items() if _app_of(snapshot, o) == move.app}
        names = [key.name for key in (*move.names, *move.dropped) if not key.version]
        removed = {path for key, path in files.removed.items() if key in move.dropped}
        mentions = find_mentions(repository, names, files.changes)
        # what we write ourselves
        mentions = [m for m in mentions if not is_catch_up_name(migration_name(m.path))]
        mentions = [m for m in mentions if m.path not in files.created]
        if move.carry or not snapshot.reused.keys().isdisjoint(move.names):
            mentions = [m for m in mentions if not m.text.startswith("replaces = ")]
        if any(key.version for key in snapshot.graph.app_nodes(move.app)):
            # the other side's file keeps the name: a migration that depends on it is right
            mentions = [m for m in mentions if m.path not in migrations]
        found.append(
            Resolution(
                snapshot.apps[move.app].label,
                "planned",
                move.strategy,
                renamed,
                tuple(sorted(own - set(renamed.values()) - set(files.created) - removed)),
                tuple(sorted(own & set(files.created))),
                tuple(sorted(removed)),
                tuple(m for m in mentions),
                reasons.get(move.app, ()),
                key=move.app,
                carried=move.carry,
            )
        )
    for refusal in refusals:
        label = snapshot.apps[refusal.app].label
        found.append(refused(label, refusal))
    done = {resolution.key for resolution in found}
    for conflict in decision.stale_locks:
        place = conflict.place.path if conflict.place else ""
        app = conflict.app
        if app.key not in done and place in files.changes:
            found.append(
                Resolution(app.label, "planned", "lock-file", edited=(place,), key=app.key)
            )
    return sorted(found, key=lambda resolution: (resolution.key, resolution.status))


def _app_of(snapshot: Snapshot, path: str) -> str:
    directory = path.rpartition("/")[0]
    return next((app.key for app in snapshot.apps.values() if app.directory == directory), "")

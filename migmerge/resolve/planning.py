"""The whole plan for all apps: decide, write in memory, look at the result, drop what fails."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from migmerge.config import Config
from migmerge.conflicts.model import Conflict
from migmerge.git.repository import Repository, find_commit
from migmerge.git.snapshot import Snapshot, understand
from migmerge.git.state import stopped_operation
from migmerge.git.trees import list_commit
from migmerge.migrations.naming import merge_name
from migmerge.project.ask import Wanted, merge_texts, remake
from migmerge.project.interpreter import Project, find_project
from migmerge.resolve.decide import Decision, Wish, decide
from migmerge.resolve.mentions import find_mentions
from migmerge.resolve.model import Moves, Plan, Refusal, Resolution
from migmerge.resolve.plan import Files, Texts, plan_files
from migmerge.resolve.static import problems


class Planned(NamedTuple):
    """A plan, the leaf that each fixed app must end with, and paths that must be free.

    `uncommitted` are migrations of the fixed apps that HEAD lacks and the fix doesn't write:
    without them a commit of the fix would be broken.
    """

    plan: Plan
    leaves: Mapping[str, str]
    new_paths: set[str]
    uncommitted: tuple[str, ...] = ()


def plan_all(
    repository: Repository,
    config: Config,
    snapshot: Snapshot,
    conflicts: Sequence[Conflict],
    wish: Wish,
    published: Collection[str],
) -> Planned:
    """What to write for `conflicts`, with a refusal for each app that can't be fixed."""
    decision = decide(snapshot, conflicts, wish)
    moves = list(decision.moves)
    refusals = list(decision.refusals)
    sure = {c.app.key for c in conflicts if c.verdict == "commute" and wish.strategy == "auto"}
    merges, unanswered = _ask_project(repository, config, snapshot, moves, sure)
    remade, failed = _remake(repository, config, snapshot, moves)
    unanswered += failed
    refusals += unanswered
    moves = [move for move in moves if move.app not in {refusal.app for refusal in unanswered}]
    stale = [c.place.path for c in decision.stale_locks if c.place]
    while True:
        files = plan_files(snapshot, moves, published, Texts(merges, remade), stale)
        refusal = (
            files if isinstance(files, Refusal) else _look(repository, config, snapshot, files)
        )
        if refusal is None or refusal.app not in {move.app for move in moves}:
            break
        refusals.append(refusal)
        moves = [move for move in moves if move.app != refusal.app]
    if isinstance(files, Refusal):
        raise AssertionError(files)  # a refusal always names an app that moves
    if refusal is not None:  # a fault outside the fixed apps: then nothing is written
        refusals += [refusal._replace(app=move.app) for move in moves]
        moves, files = [], Files({}, {}, (), {}, {})
    verdicts = {c.app.key: c for c in conflicts if c.verdict}
    resolutions = _resolutions(repository, snapshot, files, moves, refusals, verdicts, decision)
    old = {m.path for m in snapshot.graph.nodes.values()}
    targets = {path for path, change in files.changes.items() if change.data is not None}
    free = {p for p in targets - old if p in files.created or p in files.renamed.values()}
    plan = Plan(files.changes, tuple(resolutions))
    return Planned(plan, files.leaves, free, _uncommitted(repository, snapshot, files))


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
    return Refusal(app, tuple(text for key, text in wrong if key == app))


def projects_of(
    repository: Repository, config: Config, snapshot: Snapshot, apps: Sequence[str]
) -> dict[Project | str, list[str]]:
    """The Django projects around the apps (or why there is none) with their apps."""
    found: dict[Project | str, list[str]] = {}
    places: dict[str, Project | str] = {}
    for app in apps:
        directory = snapshot.apps[app].directory
        top = directory.partition("/")[0]
        if top not in places:
            paths = snapshot.listing.files
            places[top] = find_project(repository.root, config, paths, directory)
        found.setdefault(places[top], []).append(app)
    return found


def _ask_project(
    repository: Repository,
    config: Config,
    snapshot: Snapshot,
    moves: Sequence[Moves],
    sure: Collection[str],
) -> tuple[dict[str, bytes], list[Refusal]]:
    """The project's own merge migrations; not where a file has to be renamed first.

    Refusals are for those that only the project's models can decide, and for apps of `sure`
    whose sides don't commute for Django.
    """
    merging = {m.app: m for m in moves if m.merge and not m.names and not m.text}
    found = {move.app: move.text for move in moves if move.text}
    why: dict[str, str] = {}
    differs: dict[str, str] = {}
    for project, apps in projects_of(repository, config, snapshot, sorted(merging)).items():
        if isinstance(project, str):
            why |= dict.fromkeys(apps, project)
            continue
        wanted = {
            snapshot.apps[app].label: Wanted(
                merge_name(merging[app].merge),
                merging[app].merge,
                merging[app].disputed,
                app in sure,
            )
            for app in apps
        }
        answer = merge_texts(project, wanted)
        why |= dict.fromkeys(apps, answer.why)
        for app in apps:
            label = snapshot.apps[app].label
            found |= {app: answer.texts[label]} if label in answer.texts else {}
            differs |= {app: answer.differs[label]} if label in answer.differs else {}
    refusals = [
        Refusal(
            app,
            (f"the files commute, but not for Django, which tried both orders: {text}",),
            (f"{_fix(app)} --strategy merge",),
        )
        for app, text in differs.items()
    ]
    refusals += [
        Refusal(
            move.app,
            (f"what both sides set is read from the project's models: {why[move.app]}",),
            (
                "mend it, then run migmerge fix again",
                *(f"{_fix(move.app)} --take {shlex.quote(leaf)}" for leaf in move.merge),
            ),
        )
        for move in merging.values()
        if move.disputed and move.app not in found
    ]
    return found, refusals


def _fix(app: str) -> str:
    return f"migmerge fix {shlex.quote(app)}"


def _remake(
    repository: Repository, config: Config, snapshot: Snapshot, moves: Sequence[Moves]
) -> tuple[dict[str, dict[str, bytes]], list[Refusal]]:
    """What makemigrations makes of the models without the sides that go."""
    going = {move.app: move for move in moves if move.strategy == "regenerate"}
    found: dict[str, dict[str, bytes]] = {}
    why: dict[str, str] = {}
    for project, apps in projects_of(repository, config, snapshot, sorted(going)).items():
        for app in apps:
            label = snapshot.apps[app].label
            names = sorted(key.name for key in going[app].dropped)
            answer = project if isinstance(project, str) else remake(project, label, names)
            if isinstance(answer, str):
                why[app] = f"makemigrations can't make it again: {answer}"
            else:
                found[app] = answer
    hint = ("mend it, then run migmerge fix again",)
    return found, [Refusal(app, (reason,), hint) for app, reason in why.items()]


def _resolutions(
    repository: Repository,
    snapshot: Snapshot,
    files: Files,
    moves: Sequence[Moves],
    refusals: Sequence[Refusal],
    verdicts: Mapping[str, Conflict],
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
        if any(key.version for key in snapshot.graph.app_nodes(move.app)):
            # the other side's file keeps the name: a migration that depends on it is right
            mentions = [m for m in mentions if m.path not in migrations]
        conflict = verdicts.get(move.app)
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
                conflict.reasons if conflict else (),
            )
        )
    for refusal in refusals:
        label = snapshot.apps[refusal.app].label
        found.append(Resolution(label, "refused", "", reasons=refusal.reasons, next=refusal.next))
    done = {resolution.app for resolution in found}
    for conflict in decision.stale_locks:
        place = conflict.place.path if conflict.place else ""
        if conflict.app.label not in done and place in files.changes:
            found.append(Resolution(conflict.app.label, "planned", "lock-file", edited=(place,)))
    return sorted(found, key=lambda resolution: (resolution.app, resolution.status))


def _app_of(snapshot: Snapshot, path: str) -> str:
    directory = path.rpartition("/")[0]
    return next((app.key for app in snapshot.apps.values() if app.directory == directory), "")

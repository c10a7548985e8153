"""`migmerge reset`: all migrations of an app replaced by new ones, the last resort.

Files and rows are kept, and `--undo` restores them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from migmerge.analysis.findings import LOADABLE, analyse
from migmerge.analysis.snapshot import Snapshot, read_snapshot
from migmerge.analysis.workspace import Workspace, open_workspace
from migmerge.commands.arguments_of_apps import Scope, app_named, scope_of
from migmerge.commands.exclusive import exclusive
from migmerge.commands.undo import UndoOptions, differs, last_change, undo, why_not
from migmerge.conflicts.next_commands import fix_command
from migmerge.databases.reconcile import UNPROTECT
from migmerge.databases.reset_app import Reset, not_regenerable, plan_reset, ritual
from migmerge.databases.reset_record import (
    ResetRecord,
    add_reset_record,
    forget_last_reset,
    reset_records,
)
from migmerge.errors import UserError
from migmerge.git.repository import Repository, find_work_tree
from migmerge.migrations.model import App
from migmerge.project.configured_databases import (
    AppRows,
    Database,
    Permission,
    Row,
    RowChange,
    parse_database,
    read_app_rows,
    read_status,
    without_password,
    write_app_rows,
)
from migmerge.project.interpreter import NoProject, Project
from migmerge.project.outcome import Status
from migmerge.project.questions import verify
from migmerge.project.run import Unanswered
from migmerge.report.diff import print_diff
from migmerge.report.messages import id_of
from migmerge.report.screen import printable
from migmerge.resolve.fix_plan import FixPlan, Refusal
from migmerge.resolve.journal import is_backed_up, tree_of_backup
from migmerge.resolve.project_input import apps_of, projects_of
from migmerge.resolve.transaction import Transaction, read_states
from migmerge.resolve.write import refuse_unsafe, states_after


class ResetOptions(NamedTuple):
    """What the command line said."""

    directory: str
    config: str | None = None
    app: str = ""
    databases: tuple[str, ...] = ()
    rows: bool = False
    lose_data_migrations: bool = False
    apply: bool = False
    undo: bool = False


class Target(NamedTuple):
    """A database that was named, with the app's rows in it and those that they become."""

    name: str
    database: Database
    before: tuple[Row, ...]
    after: tuple[Row, ...]

    @property
    def shown(self) -> str:
        """Its name for other eyes."""
        return printable(without_password(self.name))


def reset(options: ResetOptions) -> int:
    """0 when it is planned or done, 1 when it is refused."""
    if options.undo:
        return _undo(options)

    repository = find_work_tree(options.directory, "reset")
    workspace = open_workspace(repository, options.config)
    with exclusive(repository):
        snapshot = read_snapshot(workspace)
        scope = scope_of(repository, snapshot, options.directory)
        app = app_named(snapshot, options.app, scope)
        project = _project(workspace, snapshot, app, scope)
        reasons = _reasons(workspace, snapshot, project, app, options)
        plan = None if options.rows else plan_reset(workspace, snapshot, project, app)
        if isinstance(plan, Refusal):
            reasons += plan.reasons
        new = plan.new if isinstance(plan, Reset) else _names(snapshot, app)
        problem = "" if reasons else _judged(workspace, project, app)
        reasons += [f"before anything is replaced: {problem}"] if problem else []
        protected = workspace.config.protected_databases
        targets = [_target(project, app, new, name, protected) for name in options.databases]
        reasons += [target.why for target in targets if isinstance(target, Unanswered)]
        if options.rows and not options.lose_data_migrations:
            named = [target for target in targets if isinstance(target, Target)]
            reasons += [line for target in named for line in _faked(snapshot, app, target)]

        if reasons or isinstance(plan, Refusal):
            print(printable(f"{app.label}: refused {id_of('reset')}"))
            print("".join(f"  - {printable(reason)}\n" for reason in reasons), end="")
            return 1

        named = [target for target in targets if isinstance(target, Target)]
        _show(repository, app, plan, named, options)
        if not options.apply:
            print("nothing was changed: this is the plan; add --apply")
            return 0
        return _apply(workspace, project, app, plan, named)


def _project(workspace: Workspace, snapshot: Snapshot, app: App, scope: Scope) -> Project:
    """The app's only project; UserError where there is none, or several have the app."""
    projects_of_app = projects_of(workspace, snapshot, [app.key], scope.places)
    if not projects_of_app:  # the app was named in another project's directory
        projects_of_app = projects_of(workspace, snapshot, [app.key])
    projects = [project for project in projects_of_app if isinstance(project, Project)]
    if len(projects) > 1:
        places = ", ".join(sorted(project.name for project in projects))
        raise UserError(
            "no-project", f"several projects may have {app.label}: {places}",
            f"run it in the directory of one: migmerge -C {projects[0].name} reset {app.label}",
        )  # fmt: skip
    if not projects:
        why = next(
            (project.why for project in projects_of_app if isinstance(project, NoProject)), ""
        )
        raise UserError("no-project", f"no Django project to ask: {why}", "manage = ... names one")
    return projects[0]


def _names(snapshot: Snapshot, app: App) -> tuple[str, ...]:
    keys = [key for key in snapshot.graph.parents if key.app == app.key]
    return tuple(key.name for key in snapshot.graph.in_order(keys))


def _reasons(
    workspace: Workspace,
    snapshot: Snapshot,
    project: Project,
    app: App,
    options: ResetOptions,
) -> list[str]:
    """What stands against it in the files of the project."""
    all_conflicts = analyse(workspace, snapshot).conflicts
    apps = apps_of(snapshot, project)
    conflicts = [c for c in all_conflicts if c.app.key in apps and c.kind not in LOADABLE]
    reasons = [f"{c.app.label} has a conflict: {fix_command(c.app.key)}" for c in conflicts]
    if not options.rows and not options.lose_data_migrations:
        lost = not_regenerable(snapshot, app)
        reasons += [f"{one}, which would be lost (--lose-data-migrations)" for one in lost]
    return reasons


def _faked(snapshot: Snapshot, app: App, target: Target) -> list[str]:
    """Code that the database has not run, and never would."""
    recorded = {name for name, _ in target.before}
    return [
        f"{target.shown}: {lost}, and has no row: it would never run (--lose-data-migrations)"
        for lost in not_regenerable(snapshot, app)
        if lost.migration not in recorded
    ]


def _target(
    project: Project, app: App, new: Sequence[str], name: str, protected: tuple[str, ...]
) -> Target | Unanswered:
    """The database by its name on the command line, or why its rows can't be replaced.

    UserError for one that is protected.
    """
    database = parse_database(name)
    if protected:
        statuses = read_status(project, database, Permission(protected=protected))
        if not isinstance(statuses, Unanswered) and any(status.protected for status in statuses):
            shown = without_password(name)
            raise UserError("database", f"database {shown} is protected", UNPROTECT)

    rows = read_app_rows(project, database, app.label)
    target = Target(name, database, (), tuple((name, "") for name in new))
    if isinstance(rows, Unanswered):
        return Unanswered(f"{target.shown}: {rows.why}")
    if rows.differences:
        return Unanswered(
            f"{target.shown}: models and tables differ: {'; '.join(rows.differences)}"
        )
    return target._replace(before=rows.rows)


def _show(
    repository: Repository,
    app: App,
    plan: Reset | None,
    targets: Sequence[Target],
    options: ResetOptions,
) -> None:
    if plan:
        print_diff(repository, FixPlan(plan.files.changes, ()))
        print(printable(f"{app.label}: {len(plan.old)} migrations become {', '.join(plan.new)}"))

    for target in targets:
        old, new = len(target.before), len(target.after)
        print(f"{target.shown}: {old} rows become {new}")

    if plan:
        print("every other database:")
        for line in ritual(app.label, plan):
            print(printable(f"  {line}"))


def _apply(
    workspace: Workspace,
    project: Project,
    app: App,
    plan: Reset | None,
    targets: Sequence[Target],
) -> int:
    """Rows kept in a file, then the files, then the rows; all back when one fails.

    Killed in between, the files are new and rows are old: running it again finishes.
    """
    entry = _entry(workspace.repository, app, plan, targets)
    add_reset_record(workspace.repository, entry)
    files: Transaction | None = None
    done: list[Target] = []
    try:
        files = _write_files(workspace.repository, plan) if plan else None
        why = _judged(workspace, project, app) if plan else ""
        for target in () if why else targets:
            change = RowChange(app.label, target.before, target.after)
            why = write_app_rows(project, target.database, change)
            if why:
                why = f"{target.shown}: {why}"
                break
            done.append(target)
    except BaseException:
        _put_back(project, app, files, done)
        forget_last_reset(workspace.repository)
        raise

    if why:
        _put_back(project, app, files, done)
        forget_last_reset(workspace.repository)
        print(printable(f"{app.label}: refused {id_of('reset')}, and everything put back: {why}"))
        return 1

    backup = _backup(workspace.repository, files, entry)
    add_reset_record(workspace.repository, entry._replace(done=True, backup=backup))
    print("done; look, then git commit" if plan else "done")
    print("to take it back: migmerge reset --undo")
    return 0


def _put_back(
    project: Project, app: App, files: Transaction | None, done: Sequence[Target]
) -> None:
    for target in done:
        _rows_back(project, app.label, target)
    if files:
        files.revoke()


def _backup(repository: Repository, files: Transaction | None, entry: ResetRecord) -> str:
    """The backup of the reset's files: this run's, or that of a run that was killed after it had
    written them."""
    change = files.finished if files else last_change(repository)
    is_ours = change is not None and set(change.before) == set(entry.paths)
    return tree_of_backup(repository, change) if change and is_ours else ""


def _write_files(repository: Repository, plan: Reset) -> Transaction | None:
    """None where a run that was killed has written them: a backup that changes nothing would count
    as taken back."""
    changes = plan.files.changes
    refuse_unsafe(repository, changes, set())
    before = read_states(repository, changes)
    after = states_after(repository, changes, before)
    if not any(differs(state, after[path]) for path, state in before.items()):
        return None

    transaction = Transaction(repository, before, after)
    transaction.apply()
    transaction.finish()
    return transaction


def _judged(workspace: Workspace, project: Project, app: App) -> str:
    """What Django finds wrong with the new files; nothing where they are right."""
    after = read_snapshot(workspace)
    nodes = [key.name for key in after.graph.nodes if key.app == app.key]
    leaf = after.graph.leaves(app.key)[0].name
    answer = verify(project, {app.label: nodes}, {app.label: leaf})
    return "" if answer.status is Status.OK else str(answer)


def _rows_back(project: Project, label: str, target: Target) -> str:
    change = RowChange(label, target.after, target.before, check=False)
    return write_app_rows(project, target.database, change)


def _entry(
    repository: Repository, app: App, plan: Reset | None, targets: Sequence[Target]
) -> ResetRecord:
    """What is to be kept before anything is changed.

    Where a reset of the app was killed, what that had kept: its paths, and the rows of a
    database in which it was done already.
    """
    last = reset_records(repository)[-1:]
    killed = last[0] if last and not last[0].done and last[0].label == app.label else None
    first = {name: before for name, before, _ in killed.databases} if killed else {}
    databases = [
        (t.name, first.get(t.name, t.before) if _is_new(t) else t.before, t.after) for t in targets
    ]
    paths = tuple(sorted(plan.files.changes)) if plan else ()
    changed_paths = killed.paths if killed and killed.paths else paths
    return ResetRecord(app.label, changed_paths, tuple(databases), done=False)


def _is_new(target: Target) -> bool:
    names = [[name for name, _ in rows] for rows in (target.before, target.after)]
    return names[0] == names[1]


def _undo(options: ResetOptions) -> int:
    """Files as `undo` gives them back, and the rows that were kept."""
    repository = find_work_tree(options.directory, "reset")
    workspace = open_workspace(repository, options.config)
    with exclusive(repository):  # an undo that was killed is taken back, or was done
        last_change(repository)

    resets = reset_records(repository)
    if not resets:
        raise UserError("nothing-to-undo", "there is no reset to take back here", "migmerge undo")

    last = resets[-1]
    # killed just before it forgot the reset: rows went back first, then the files
    taken_back = bool(last.backup) and not is_backed_up(repository, last.backup)
    if taken_back:
        forget_last_reset(repository)
        print("as it was before the reset")
        return 0

    why = why_not(repository, last.paths) if last.paths else ""
    if why:
        print(printable(f"nothing was taken back: {why}"))
        return 1

    snapshot = read_snapshot(workspace)
    scope = scope_of(repository, snapshot, options.directory)
    app = app_named(snapshot, last.label, scope)
    project = _project(workspace, snapshot, app, scope)
    for name, before, after in last.databases:
        target = Target(name, parse_database(name), before, after)
        why = _rows_back(project, last.label, target)
        if why and not _has_rows(project, last.label, target):
            print(f"{target.shown}: {printable(why)}")
            return 1
        print(f"{target.shown}: {len(before)} rows as before")

    code = undo(UndoOptions(options.directory, options.config, reset=True)) if last.paths else 0
    if code == 0:
        forget_last_reset(repository)
    return code


def _has_rows(project: Project, label: str, target: Target) -> bool:
    """Whether a database has its old rows already: taken back before, and killed."""
    rows = read_app_rows(project, target.database, label)
    names = [name for name, _ in target.before]
    return isinstance(rows, AppRows) and [name for name, _ in rows.rows] == names

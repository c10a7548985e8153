"""Findings of `check`, and notices."""

from __future__ import annotations

from migmerge.report.catalogue.entry import Message

FINDINGS = (
    Message(
        "MM101", "siblings", "Two leaf nodes in one app",
        "Two lines of migrations of one app end beside each other, mostly because two branches each "
        "added one. Django's migrate stops with \"Conflicting migrations detected; multiple leaf nodes\".",
        "Run the command under `next:`, mostly `migmerge fix APP`. The finding says whether the two "
        "sides commute; where they contradict each other, it gives the commands that roll one back. Afterwards "
        "every database needs `migrate` only; docs/databases.md has the exceptions.",
    ),
    Message(
        "MM102", "path", "Both sides added one migration file",
        "Two branches added a migration of the same name with different content. Git stops the merge; "
        "a database may have run either under this name.",
        "Run `migmerge fix APP` in the stopped merge: both contents are kept, the published one under "
        "its name. Then `migmerge db status` where the other was applied.",
    ),
    Message(
        "MM103", "number", "Two migrations of one app with one number",
        "Two migrations that are in one line, or joined by a merge migration, begin with the same number. "
        "Django doesn't mind; people may. A notice, or an error with `numbers = \"error\"`, for those new since the base branch.",
        "Nothing needs to be done; `numbers = \"off\"` says it no more. A new name is right only as long as "
        "no database has the old one.",
    ),
    Message(
        "MM104", "missing-dependency", "A migration depends on one that is not there",
        "A migration names another that is in no file: it was renamed, renumbered, squashed or removed "
        "on one side while the other built on it. Django stops with NodeNotFoundError.",
        "Where the finding says which one has its place now (another name, a squash, a history that was started again), "
        "`migmerge fix APP` repoints it; where git has the file (reverted, or left on another branch), it restores it. Else the command "
        "under `next:` shows what became of it.",
    ),
    Message(
        "MM105", "cycle", "Migrations depend on each other",
        "Following `dependencies` and `run_before` leads back to where it began, so that no order is "
        "left. Django stops with CircularDependencyError.",
        "Take one of the dependencies away: mostly the younger of two between apps. Where two models "
        "really need each other, add the foreign key in a migration of its own.",
    ),
    Message(
        "MM106", "unparsable", "A migration that is not Python",
        "The file does not parse: git's conflict markers, a syntax error, Python 2, or a link that leads "
        "out of the repository; its literal dependencies are read all the same. Or it is among migrations, named "
        "as one, and has no class Migration, or two; or it names migrations in bytes, as Python 2 could.",
        "Fix the file; the finding has the line.",
    ),
    Message(
        "MM107", "lock-file", "A lock file that does not name the leaf node",
        "`max_migration.txt` or `migrations_lockfile.txt` names another migration than the app's last, "
        "or holds git's conflict markers. Or an app that is new on this branch has no max_migration.txt, and each app beside it has one.",
        "Run `migmerge fix APP`, which writes the leaf node's name.",
    ),
    Message(
        "MM108", "case", "Two migrations whose names differ in case only",
        "On Windows and on most of macOS both have one file: a checkout there holds one of the two, and "
        "shows the other as changed or gone.",
        "Rename the one that is not published, and what depends on it: `git mv`, then edit `dependencies`.",
    ),
    Message(
        "MM109", "overlapping-squashes", "Two squashes that replace one migration",
        "Two branches squashed the same migrations, each its own range. Django takes both, one after the other: a new database runs "
        "what both stand for twice, and stops with \"already exists\".",
        "Remove the squash that is not published, with the command under `next:`; the migrations that it replaces are still there, or "
        "are what the other one stands for. Squash again from there.",
    ),
    Message(
        "MM110", "unmerged", "One side removed a migration that the other changed",
        "git stopped the merge and left the changed file on disk. Nothing else can be said of the app until it is decided whether the "
        "file stays.",
        "Paste the command under `next:`, which does as the base branch has it, and run `migmerge check` again.",
    ),
    Message(
        "MM111", "published-changed", "A published migration that this branch changes",
        "The base branch has the migration, so databases have run it; none of them runs it again. An edit that changes tables, a new "
        "name without the old one in `replaces`, or a removal that no squash stands for leaves them with another schema than a new "
        "database gets; a dependency on a migration that is not published stops them with InconsistentMigrationHistory. An edit of code "
        "or of a default is a notice, and so is a history that was started again; `published_changes` of the configuration makes all "
        "of these errors or notices, or says nothing. Layout, comments, `help_text` and the like are no change.",
        "Restore the file with the command under `next:`, and let makemigrations write what you want as a new migration. To take a "
        "published change back, keep its file and add one that undoes it.",
    ),
    Message(
        "MM112", "contradiction", "Two sides of a merge contradict each other in different apps",
        "Each side added a migration in another app, so that no app has two leaf nodes. But one renames or removes what the other names (a "
        "model, a field, a table), or both give one name: a table, an index, a reverse accessor. Databases of one side stop in the other's "
        "migration, and a new database may.",
        "Edit the migration that is not published so that it fits what the other one has done (the new name), and add that one to its "
        "`dependencies`: then there is an order, and the finding is gone.",
    ),
    Message(
        "MM113", "missing-module", "A migration imports what the other side of the merge removed",
        "The migration imports a module of this repository, or a name in one (a function that is a `default`, a validator), which was there "
        "when it was written, and which the other side of the merge removed or renamed. Django can load none of the app's migrations.",
        "Restore the module or the name with the command under `next:`, or edit the migration. A function that a migration names has to "
        "stay as long as the migration does.",
    ),
    Message(
        "MM114", "ignored", "A migration that git ignores",
        "The file is among migrations, Django runs it here, and a rule of .gitignore (or of .git/info/exclude, which nobody else has) keeps "
        "it out of git: whoever pulls the branch lacks it, and two branches can have one leaf node each without git seeing either. Where "
        "git ignores all migrations of an app, it is a notice.",
        "Add the file with the command under `next:`, and take the rule away. Ignoring migrations avoids no conflict; it hides them.",
    ),
    Message(
        "MM201", "computed", "Dependencies that only running the file would tell",
        "Some code decides on `dependencies`, so that it can't be determined whether two leaf nodes are one "
        "line. Migrations are never run by a check.",
        "Write the dependencies as literals, or look with `python manage.py showmigrations --plan`.",
    ),
    Message(
        "MM202", "newer-python", "A file in newer Python than the one that runs migmerge",
        "The file does not parse here, but a later Python would take it; its dependencies are read.",
        "Run migmerge with the project's Python.",
    ),
    Message(
        "MM203", "trap", "A renamed leaf that replaces its old name",
        "A database that has the old name would take the new one for applied and skip what comes before "
        "it, with \"No migrations to apply\".",
        "Run `migmerge db reconcile` there before `migrate`; see docs/databases.md. It goes away when "
        "another migration follows: `migmerge fix` puts a catch-up migration there by itself. `replaces` "
        "goes with `migmerge transition`; Django before 6.0 does not squash a file that has it.",
    ),
    Message(
        "MM204", "hidden", "Leaf nodes that a squash hides",
        "A database that has applied a part of what a squashed migration replaces does not use the "
        "squash, and sees two leaf nodes there.",
        "Nothing that this branch could fix: both are published. Let such databases migrate with the "
        "files from before the squash.",
    ),
    Message(
        "MM205", "renumbered", "A merge or pull brought a migration under another number",
        "Somebody renumbered a migration that you had. A database that has run it under the old name would run it "
        "again: PostgreSQL stops, SQLite resets the column silently.",
        "Run `migmerge db status` and, where it says renamed, `migmerge db reconcile`, before `migrate`.",
    ),
    Message(
        "MM206", "archive", "A directory of migrations that is not the one that Django reads",
        "Two directories hold migrations of one app label. The one that MIGRATION_MODULES names, or the app's own `migrations`, "
        "counts; an archive beside it or below it is not read.",
        "Nothing. `exclude` silences the notice; where the other directory is the right one, name it in `migration_modules`.",
    ),
    Message(
        "MM207", "other-configuration", "A branch with a configuration of its own",
        "`check --against`, `forecast` and any check in CI read the configuration of the branch that is merged into, so that a "
        "branch can't leave its own migrations out. It names the keys that the work tree has otherwise.",
        "Nothing, where the change is meant: it counts once it is merged. `--config FILE` names a file that counts now.",
    ),
)  # fmt: skip

"""Why something is not done."""

from __future__ import annotations

from migmerge.report.catalogue.entry import Message

REFUSALS = (
    Message(
        "MM401", "contradict", "Refused: the sides contradict each other",
        "One side writes what the other removes, renames or makes, too: one of the orders would fail or lose something, so that no "
        "merge migration and no new number is right.",
        "Copy your database, then paste the commands under `next:`: they roll your side back, which drops its columns with what they hold, and "
        "regenerate it on top of the other.",
    ),
    Message(
        "MM402", "published", "Refused: a published migration would move",
        "What the base branch has may have run anywhere. It is never renamed, moved or edited.",
        "`migmerge fix APP --strategy merge`, which moves nothing.",
    ),
    Message(
        "MM403", "sides-unknown", "Refused: it is not known which side is published",
        "There is no base branch, or it has neither side, so that nobody can tell who stays.",
        "Paste one of the commands under `next:`: each moves one side. Or give `--base REF`, or take a merge migration.",
    ),
    Message(
        "MM404", "squash", "Refused: a squash that is not finished",
        "Originals and squash are both there, and moving one would make databases that are half-way run something twice.",
        "`--strategy merge`, or the commands under `next:`; finish the squash when every database has all originals.",
    ),
    Message(
        "MM405", "first", "Refused: something else comes first",
        "The app has a finding that no renumbering fixes: a missing dependency, a cycle, a file that is not Python, a number or a case "
        "that collides.",
        "Fix that, by the command under `next:`, then `migmerge fix APP`.",
    ),
    Message(
        "MM406", "unlike", "Refused: no merge migration can reconcile this field or option",
        "Both sides set the same field or option, and no merge migration could bring every database to one value, or the side named with "
        "`--take` can't be written as a literal.",
        "Paste what is under `next:`: it renumbers one side, or rolls it back and makes it again.",
    ),
    Message(
        "MM407", "undecided", "Refused: only the project's models can decide",
        "Both sides set the same thing. Which holds is in the merged models.py, and the project does not run, or nobody confirmed it.",
        "Make the project run, `fix --strategy merge`, or say which side holds: `fix APP --take NAME`.",
    ),
    Message(
        "MM408", "orders", "Refused: Django sees a difference",
        "The files look as if either order were right, but the project's Django tried both and came to two states.",
        "`migmerge fix APP --strategy merge` where you know that the difference doesn't matter; else make one side again.",
    ),
    Message(
        "MM409", "unwritable", "Refused: a file that can't be rewritten safely",
        "A migration that has to name another one computes its dependencies, does not parse, or is a link. migmerge never guesses.",
        "Write the entry as a literal pair at the line of the message, or take a merge migration, which edits nothing.",
    ),
    Message(
        "MM410", "not-remade", "Refused: makemigrations would not regenerate it",
        "The side holds code, a rename or something else that the autodetector does not find in models.py; or another app depends on it; or "
        "makemigrations stopped.",
        "Fix what the message says, or edit the side by hand: the commands under `next:`.",
    ),
    Message(
        "MM412", "renamed-below", "Refused: what comes before a migration by now conflicts with it",
        "Somebody renamed or squashed a migration on which yours builds, or started the history again, and what comes before yours by now "
        "contradicts it, or has created what yours creates.",
        "Look at both with `git log --stat`, and edit yours.",
    ),
    Message(
        "MM413", "unverified", "Refused: the result does not verify",
        "The result was looked at, and it has not one leaf node, Django doesn't take it, or a database doesn't arrive at the same schema with "
        "its rows. Everything was put back.",
        "The reason says which; fix it and run again. `--strategy merge` renames nothing.",
    ),
    Message(
        "MM414", "left", "Left as it is",
        "You chose to leave this conflict when you were asked.",
        "`migmerge fix APP` asks again.",
    ),
    Message(
        "MM415", "reset", "A reset is refused",
        "Models and tables differ, code would be lost, the app has a conflict, or makemigrations makes nothing.",
        "Fix what the message says; `--lose-data-migrations` where code may go.",
    ),
    Message(
        "MM416", "rows", "A database that can't be reconciled",
        "Its rows may mean more than one migration, or what would run late contradicts what is applied.",
        "`migmerge db status --schema` shows what the database really has; docs/databases.md has the way by hand.",
    ),
    Message(
        "MM417", "applied", "Refused: what would be regenerated is applied",
        "A database of the settings has run the migrations that `--strategy regenerate` takes away. Under new names they would run again, "
        "and the values in their columns would be gone.",
        "`--strategy renumber` keeps the values. Where the sides contradict each other, paste the commands under `next:`, which migrate back "
        "first: that drops the columns of your side with what they hold, so copy the database before.",
    ),
    Message(
        "MM418", "still-needed", "Refused: a database still needs the old names",
        "A configured database knows a renamed migration by its old name only, has not run all that comes before it, or could not be looked "
        "at. Without `replaces` its next `migrate` would stop, or run the migration again.",
        "Run `migrate` there, with the files as they are; name one that is not on this machine with `--database ALIAS`. `--no-databases` looks at none, where you know that all of them have.",
    ),
    Message(
        "MM419", "name-reused", "Refused: an old name is another migration's now",
        "A renamed migration keeps its old name in `replaces`, and by now another migration has that name. Django would leave that one out. "
        "A merge migration changes no name.",
        "`--strategy renumber` gives the unpublished one another name. Databases that ran it need `migmerge db reconcile`: they record both under one name.",
    ),
    Message(
        "MM420", "two-versions", "Refused: two versions of one data migration",
        "Both sides added a file with this name whose code changes rows: most likely one migration, tidied up on one side or copied to a "
        "release branch. With both of them every database would get its change twice.",
        "Compare them: `git diff` in the stopped merge. To keep the one of the side that stays, paste the first command under `next:`; where "
        "they are two changes, the second one, which keeps both after a question.",
    ),
)  # fmt: skip

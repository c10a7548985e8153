"""What a command line names, and the question whether to go on."""

from __future__ import annotations

from difflib import get_close_matches

from migmerge.errors import UserError
from migmerge.git.snapshot import Snapshot
from migmerge.migrations.model import App


def apps_named(snapshot: Snapshot, name: str) -> list[App]:
    """The apps of a label, or of a directory; UserError where there are none."""
    tidy = name.rstrip("/")
    found = [a for a in snapshot.apps.values() if tidy in (a.label, a.directory, a.key)]
    if not found:
        labels = sorted({app.label for app in snapshot.apps.values()})
        near = get_close_matches(tidy.lower(), labels, 1)
        known = f"{', '.join(labels)}{f'; did you mean {near[0]}?' if near else ''}"
        raise UserError(
            "unknown-app", f"no app {name!r} with migrations here", f"there are: {known}"
        )
    return found


def app_named(snapshot: Snapshot, name: str) -> App:
    """The only one; UserError where a label is ambiguous, too."""
    found = apps_named(snapshot, name)
    if len(found) > 1:
        places = ", ".join(sorted(app.directory for app in found))
        raise UserError(
            "same-label", f"the app label {name!r} is ambiguous: {places}", "name the directory"
        )
    return found[0]


def says_yes(question: str) -> bool:
    """Whether somebody at a terminal agrees; no answer is none."""
    while True:
        try:
            answer = input(f"{question} [y/N] ").strip().lower()
        except EOFError:
            print()
            return False
        if answer in ("y", "yes", "n", "no", ""):
            return answer in ("y", "yes")
        print("y does it; n, or Enter, leaves everything as it is")

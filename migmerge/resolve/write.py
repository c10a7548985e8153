"""From a plan's changes to what every path is afterwards, and whether that may be written."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Mapping, Sequence

from migmerge.errors import UserError
from migmerge.git.repository import Repository
from migmerge.resolve.fix_plan import Change
from migmerge.resolve.journal import State
from migmerge.resolve.transaction import Changed, read_disk, read_entries


def refuse_unsafe(
    repository: Repository, changes: Mapping[str, Change], new_paths: Collection[str]
) -> None:
    """UserError for a held lock, a file in the way, or unstaged edits that would be lost."""
    lock = repository.git_path("index.lock")
    if os.path.exists(lock):
        raise UserError(
            "locked",
            f"git holds its index lock: {lock}",
            "wait for the other git command, or remove the file if none is running",
        )

    for path in sorted(new_paths):
        if os.path.lexists(os.path.join(repository.root, path)):
            raise UserError(
                "in-the-way", f"{path} is in the way", "move it away, then run migmerge fix again"
            )

    out = repository.git("diff", "--no-ext-diff", "--name-only", "-z", "--", *sorted(changes))
    unmerged = repository.git("ls-files", "-z", "--unmerged", "--", *sorted(changes))
    stages = {os.fsdecode(r.partition(b"\t")[2]) for r in unmerged.split(b"\0") if r}
    edited = sorted({os.fsdecode(p) for p in out.split(b"\0") if p} - stages)
    edited += [p for p in sorted(stages) if _is_edited(repository, p)]
    if edited:
        raise UserError(
            "unstaged",
            f"unstaged edits in {', '.join(edited)}",
            "git add or git stash them, then run migmerge fix again",
        )
    _refuse_hidden(repository, sorted(changes))


def _refuse_hidden(repository: Repository, paths: Sequence[str]) -> None:
    """UserError for edits that git is told not to see: a fix would overwrite or commit them."""
    for path, entry in sorted(read_entries(repository, paths).items()):
        data = read_disk(repository, path) if entry.flags else None
        if data is None:
            continue

        out = repository.git("hash-object", f"--path={path}", "--stdin", stdin=data)
        if out.strip() == entry.entries[0].split(b" ", 2)[1]:
            continue

        option = "--no-skip-worktree" if "S" in entry.flags else "--no-assume-unchanged"
        raise UserError(
            "unstaged",
            f"edits in {path} that git is told not to see ({option[5:]})",
            f"git update-index {option} -- {shlex.quote(path)}, git add or git stash them, "
            "then run migmerge fix again",
        )


def _is_edited(repository: Repository, path: str) -> bool:
    """Whether an unmerged file holds a line that neither side has: somebody began to resolve it."""
    try:
        with open(os.path.join(repository.root, path), "rb") as handle:
            lines = handle.read().splitlines()
    except OSError:
        return False

    lines_of_sides = {b"", b"======="}
    for stage in (1, 2, 3):
        out = repository.git("cat-file", "blob", f":{stage}:{path}", expected=(0, 128))
        lines_of_sides |= {line.rstrip(b"\r") for line in out.splitlines()}

    markers = (b"<<<<<<< ", b">>>>>>> ", b"||||||| ")
    return any(line not in lines_of_sides and not line.startswith(markers) for line in lines)


def states_after(
    repository: Repository, changes: Mapping[str, Change], before: Mapping[str, State]
) -> dict[str, State]:
    """What each path becomes. The blobs are in the object store afterwards."""
    states = {}
    for path, change in sorted(changes.items()):
        if change.data is None:
            states[path] = State(None, before[path].mode, ())
            continue

        model = before.get(change.mode_of, before[path])
        blob = _store(repository, path, change.data, stored=change.stored)
        data = change.data
        if change.stored:
            data = repository.git("cat-file", "--filters", f"--path={path}", blob)
        mode = model.entries[0].split(b" ", 1)[0] if model.entries else b"100644"
        entry = b"%s %s 0\t%s" % (mode, blob.encode(), os.fsencode(path))
        # what is written is on the disk, so skip-worktree goes
        states[path] = State(data, model.mode, (entry,), model.flags.replace("S", ""))

    return states


def _store(repository: Repository, path: str, data: bytes, *, stored: bool) -> str:
    arguments = ["--no-filters"] if stored else [f"--path={path}"]
    out = repository.git("hash-object", "-w", *arguments, "--stdin", stdin=data)
    return out.decode().strip()


def refuse_changed(before: Mapping[str, State], planned: Mapping[str, bytes]) -> None:
    """Changed for a file that isn't what the plan was made from (path -> bytes)."""
    for path, state in sorted(before.items()):
        if state.data is not None and planned.get(path, state.data) != state.data:
            raise Changed("changed", f"{path} changed while migmerge ran", "run it again")

"""Three versions of one file merged where the answer is certain: what a merge driver may do."""

from __future__ import annotations

import re
from collections.abc import Sequence

from migmerge.migrations.lockfiles import MAX_MIGRATION, read_lock_file, write_lock_file
from migmerge.migrations.model import Header
from migmerge.migrations.reader import GRAPH_ATTRIBUTES, read_header
from migmerge.migrations.rewrite import Edit, rewrite

_MERGE = re.compile(r"[0-9]+_merge_")


def merge_migration(base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    """One side's version with the other's new `dependencies` or `replaces` in it.

    Only where that is all that the other side did, to other entries. None where it isn't certain.
    """
    for side, other in ((theirs, ours), (ours, theirs)):
        edits = _edits(base, side)
        # the cheap question first: rewriting loads LibCST
        if edits and _untouched(other, edits) and _applied(base, edits) == side:
            return _applied(other, edits)
    return None


def _edits(base: bytes, side: bytes) -> list[Edit]:
    """What makes `side` of `base` if only names of references changed or were added."""
    before, after = read_header(base), read_header(side)
    if not before or not after or before.error or after.error:
        return []

    names: dict[str, dict[tuple[str, str], str]] = {}
    added: list[tuple[str, str]] = []
    for attribute in GRAPH_ATTRIBUTES:
        old, new = _references(before, attribute), _references(after, attribute)
        if len(new) < len(old) or (attribute != "dependencies" and len(new) > len(old)):
            return []

        changed = [(o, n) for o, n in zip(old, new, strict=False) if o != n]
        if any(o[0] != n[0] for o, n in changed):
            return []
        names[attribute] = {o: n[1] for o, n in changed}
        added += new[len(old) :]

    edits = [Edit(names)] if any(names.values()) else []
    return [*edits, *(Edit({}, pair) for pair in added)]


def _references(header: Header, attribute: str) -> list[tuple[str, str]]:
    return [(reference.label, reference.name) for reference in getattr(header, attribute)]


def _applied(source: bytes, edits: Sequence[Edit]) -> bytes | None:
    for edit in edits:
        done = rewrite(source, edit)
        if not isinstance(done, bytes):
            return None
        source = done
    return source


def _untouched(other: bytes, edits: Sequence[Edit]) -> bool:
    """Whether the other side left alone what the edits change, and adds none of the same."""
    header = read_header(other)
    if not header or header.error:
        return False
    there = {attribute: _references(header, attribute) for attribute in GRAPH_ATTRIBUTES}
    return all(
        edit.add not in there["dependencies"]
        and all(set(names).issubset(there[attribute]) for attribute, names in edit.names.items())
        for edit in edits
    )


def merge_lock(path: str, base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    """A lock file of which each app's line changed on one side only, or is plainly later on one.

    None where that can't be determined, or anything else differs.
    """
    versions = [read_lock_file(path, source) for source in (base, ours, theirs)]
    prose = [_prose(path, source) for source in (base, ours, theirs)]
    labels = [[entry.label for entry in v.entries] for v in versions]
    if any(len(names_of_side) > len(set(names_of_side)) for names_of_side in labels):
        return None
    if any(v.conflicted for v in versions) or prose[0] != prose[1] or prose[0] != prose[2]:
        return None

    one, names_of_side, other = ({entry.label: entry.name for entry in v.entries} for v in versions)
    if not one.keys() <= names_of_side.keys() & other.keys():
        return None

    names: dict[str, str] = {}
    for label in names_of_side.keys() | other.keys():
        name = _settled(one.get(label), names_of_side.get(label), other.get(label))
        if name is None:
            return None
        names[label] = name

    if path.rpartition("/")[2] == MAX_MIGRATION:
        return write_lock_file(path, ours, names) if len(names) == 1 else None

    merged = write_lock_file(path, _with_lines(ours, names.keys() - names_of_side.keys()), names)
    written = {entry.label: entry.name for entry in read_lock_file(path, merged).entries}
    return merged if written == names else None


def _prose(path: str, source: bytes) -> list[bytes]:
    """The lines that are no entries."""
    entry_lines = {entry.line for entry in read_lock_file(path, source).entries}
    lines = enumerate(source.splitlines(), 1)
    return [line for number, line in lines if number not in entry_lines and line.strip()]


def _settled(base: str | None, ours: str | None, theirs: str | None) -> str | None:
    if ours == theirs or theirs == base or theirs is None:
        return ours
    if ours == base or ours is None:
        return theirs
    # a merge migration's name tells what it joins
    for later, earlier in ((ours, theirs), (theirs, ours)):
        joined = later.split("_merge_", 1)[1] if _MERGE.match(later) else ""
        if earlier in re.split(r"_(?=[0-9]{4,}_)", joined):
            return later
    return None


def _with_lines(source: bytes, labels: set[str]) -> bytes:
    """A place for each new label, before the first one that comes after it."""
    newline = b"\r\n" if b"\r\n" in source else b"\n"
    lines = source.splitlines(keepends=True)
    for label in sorted(labels):
        entries = [i for i, line in enumerate(lines) if re.match(rb"[\w.]+: \S+\s*$", line)]
        later = [i for i in entries if lines[i].split(b":")[0] > label.encode()]
        at = later[0] if later else (entries[-1] + 1 if entries else 0)
        if at and not lines[at - 1].endswith(b"\n"):
            lines[at - 1] += newline
        lines.insert(at, f"{label}: ?".encode() + newline)

    return b"".join(lines)

"""What the files of a tree say: read once for each content, and remembered."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from migmerge import __version__
from migmerge.analysis.workspace import Workspace
from migmerge.git.cache import load, store
from migmerge.git.repository import Repository
from migmerge.git.trees import File, Listing, read_files
from migmerge.migrations.discovery import split
from migmerge.migrations.model import Header, Opaque, ParseError, Reference

_NAME = "headers"
_FORM = f"5 {__version__}"
_MOST = 50_000
_FEW = 150

# what is asked and the stamp -> the answer in JSON's terms
Answers = dict[str, Any]


class Contents(Mapping[str, bytes]):
    """The bytes of a listing's files by path, read with all of their directory when asked for.

    What can't be read is not in it.
    """

    def __init__(
        self,
        repository: Repository,
        listing: Listing,
        paths: Iterable[str],
        given: Mapping[str, bytes],
    ) -> None:
        """`given` are bytes that are not the listing's, or were read before."""
        self.listing = listing
        self._repository = repository
        self._paths = frozenset((*paths, *given))
        self._found = dict(given)
        self._read = set(given)

    def read(self, paths: Iterable[str]) -> None:
        """Read those of `paths` that were not read yet, in one go."""
        fresh = [path for path in paths if path in self._paths and path not in self._read]
        self._read.update(fresh)
        self._found |= read_files(self._repository, self.listing, fresh)

    def beside(self, paths: Iterable[str]) -> dict[str, bytes]:
        """Files of the listing that are no migrations, which is no part of this mapping."""
        return read_files(self._repository, self.listing, paths)

    def __getitem__(self, path: str) -> bytes:
        if path not in self._read:
            beside = split(path)[0]
            self.read(other for other in self._paths if split(other)[0] == beside)
        return self._found[path]

    def __iter__(self) -> Iterator[str]:
        self.read(self._paths)
        return iter(self._found)

    def __len__(self) -> int:
        self.read(self._paths)
        return len(self._found)


class Memory:
    """Answers about a listing's files by their stamp: those that were known, and those of now."""

    def __init__(
        self,
        listing: Listing,
        answers: Answers | None = None,
        published: Callable[[], Iterable[bytes]] = tuple,
    ) -> None:
        """`published` gives the base branch's files, as `ls-tree` lists them.

        `sound` turns False where a file was not what git had listed: it is changed by a filter,
        or was changed meanwhile.
        """
        self._listing = listing
        self._keeps = answers is not None
        self._answers = answers or {}
        self._published = published
        self._used: Answers = {}
        self.sound = True

    def _key(self, path: str, about: str) -> str:
        file = self._listing.files.get(path)
        return about + file.stamp if file and file.stamp else ""

    def lookup(self, path: str, about: str, decode: Callable[[Any], Any]) -> tuple[bool, Any]:
        """Whether it is known what the file says `about` that, and what it is."""
        key = self._key(path, about)
        if key not in self._answers:
            return False, None
        try:
            answer = decode(self._answers[key])
        except (TypeError, ValueError):
            return False, None
        self._used[key] = self._answers[key]
        return True, answer

    def trusted(self, paths: Collection[str]) -> frozenset[str]:
        """Those that the base branch has as they are: others have run them. None where they are
        so few that parsing them takes less than asking, and none that git does not list."""
        if len(paths) < _FEW:
            return frozenset()
        there = frozenset(self._published()) - {b""}
        files = self._listing.files
        return frozenset(p for p in paths if p in files and _record(files[p]) in there)

    def remember(self, path: str, about: str, answer: Any, data: bytes | None) -> None:
        """Remember what the file says, if `data` is what its stamp stands for."""
        key = self._key(path, about) if self._keeps else ""
        if key and self.is_listed(path, data):
            self._used[key] = answer

    def is_listed(self, path: str, data: bytes | None) -> bool:
        """Whether these bytes are the listed ones, but for line ends; else nothing is `sound`."""
        file = self._listing.files.get(path)
        if file is None or data is None:
            listed = False
        else:
            listed = not file.on_disk or _is_blob(data, file.oid)
        self.sound = self.sound and listed
        return listed

    def write(self, repository: Repository) -> None:
        """Write the cache, if there is anything new."""
        if self._used.keys() - self._answers.keys():
            write_cache(repository, self._answers, self._used)


def open_memory(workspace: Workspace, listing: Listing) -> Memory:
    """What is known about a listing's files, from the cache and the base branch."""

    def published() -> tuple[bytes, ...]:
        base = workspace.base_or_none
        return workspace.commit_records(base.commit).records if base else ()

    return Memory(listing, read_cache(workspace.repository), published)


def _is_blob(data: bytes, oid: str) -> bool:
    """Whether git gives these bytes, or the same with its own line ends, this name."""
    import hashlib  # not for who remembers

    make = hashlib.sha1 if len(oid) == 40 else hashlib.sha256

    def name(text: bytes) -> str:
        return make(b"blob %d\0%s" % (len(text), text), usedforsecurity=False).hexdigest()

    return name(data) == oid or (b"\r" in data and name(data.replace(b"\r\n", b"\n")) == oid)


def _record(file: File) -> bytes:
    return os.fsencode(f"{file.mode:06o} blob {file.oid}\t{file.path}") if file.stamp else b""


def read_cache(repository: Repository) -> Answers:
    """All answers that are known; nothing where the file is not whole, or another version's."""
    data = load(repository, _NAME, _FORM)
    try:
        answers = json.loads(data) if data else {}
    except (ValueError, RecursionError):
        return {}
    return answers if isinstance(answers, dict) else {}


def write_cache(repository: Repository, answers: Answers, used: Mapping[str, Any]) -> None:
    """Keep `answers` and `used`; only what was used now where that would be too much."""
    kept = {**answers, **used}
    if len(kept) > max(_MOST, 2 * len(used)):
        kept = dict(used)
    text = json.dumps(kept, separators=(",", ":"), sort_keys=True)
    store(repository, _NAME, _FORM, text.encode())


def encoded(header: Header | None) -> Any:
    """A header in JSON's terms: none of what is empty at its end."""
    if header is None:
        return None
    parts = list(header)
    while parts and not parts[-1]:
        parts.pop()
    return parts


def decoded(answer: Any) -> Header | None:
    """The header again. TypeError or ValueError for what `encoded` never makes."""
    if answer is None:
        return None
    if not isinstance(answer, list):
        raise ValueError("not an answer of ours")

    parts: list[Any] = [*answer, *[()] * (6 - len(answer))]
    dependencies, run_before, replaces, opaque, error, newer = parts
    return Header(
        tuple([Reference(*_typed(entry, str, str, int)) for entry in dependencies]),
        tuple([Reference(*_typed(entry, str, str, int)) for entry in run_before]),
        tuple([Reference(*_typed(entry, str, str, int)) for entry in replaces]),
        tuple([Opaque(*_typed(entry, int, str)) for entry in opaque]),
        ParseError(*_typed(error, int, str)) if error else None,
        ParseError(*_typed(newer, int, str)) if newer else None,
    )


def _typed(values: Any, *kinds: type) -> Any:
    if not isinstance(values, list) or tuple(map(type, values)) != kinds:
        raise ValueError("not an answer of ours")
    return values

"""Many files at once, as a clone of a large repository has them that was never looked at."""

from __future__ import annotations

import os
from collections.abc import Sequence

from migmerge.migrations.model import Header
from migmerge.migrations.reader import read_header

_MANY = 4_000  # where a second process costs less than it saves
_PROCESSES = 4

# the bytes, whether the name starts with digits, and whether the file is trusted to be Python
Text = tuple[bytes, bool, bool]


def read_headers(texts: Sequence[Text]) -> list[Header | None]:
    """What each says of its place in the graph, in order; in several processes if they are many."""
    processes = min(_PROCESSES, os.cpu_count() or 1)
    if sum(not trusted for _, _, trusted in texts) < _MANY or processes < 2:
        return _each(texts)

    from concurrent.futures import ProcessPoolExecutor  # 20 ms: only where it saves more
    from concurrent.futures.process import BrokenProcessPool

    size = -(-len(texts) // (2 * processes))
    parts = [texts[start : start + size] for start in range(0, len(texts), size)]
    try:
        with ProcessPoolExecutor(processes) as pool:
            return [header for part in pool.map(_each, parts) for header in part]
    except (OSError, NotImplementedError, BrokenProcessPool):  # a place without semaphores
        return _each(texts)


def _each(texts: Sequence[Text]) -> list[Header | None]:
    return [read_header(text, numbered=named, trusted=trusted) for text, named, trusted in texts]

"""What migmerge says of pairs of migrations, against both orders on a real database.

    python -m tests.project.commute_pairs sqlite|postgresql|mariadb pool|edits COUNT [SEED]

tries random pairs of the pool, or of what the autodetector makes of random edits, and prints how
many commute, how many of these are said not to (over-cautious), and each pair that is said to
commute and doesn't (unsafe).
"""

from __future__ import annotations

import inspect
import json
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from migmerge.conflicts.commute import Judgement, compare_sides
from migmerge.migrations.footprints import footprints
from migmerge.migrations.gather_facts import gather
from migmerge.migrations.operations import read_script, with_helpers
from tests.project import shop_helpers
from tests.project.further_operations import BASE, pool

Pair = tuple[str, str]  # two names of the pool, or two texts of migrations


class Tally(NamedTuple):
    """How many pairs were tried and came out alike; those that are judged wrongly, with what
    differs or with the first reason."""

    tried: int
    alike: int
    unsafe: tuple[str, ...]
    cautious: tuple[str, ...]


def judge(one: str, other: str) -> Judgement:
    """The verdict on the texts of two migrations."""
    helpers = {shop_helpers.__name__: inspect.getsource(shop_helpers).encode()}
    scripts = [
        with_helpers(read_script(text.encode(), "shop", name), helpers)
        for text, name in ((one, "0002_a"), (other, "0002_b"))
    ]
    facts = gather([read_script(BASE.encode(), "shop", "0001")], scripts)
    first, second = (footprints(script, facts) for script in scripts)
    return compare_sides([(first, second)])


def outcomes(engine: str, pairs: Sequence[Pair]) -> list[str]:
    """What differs between the two orders of each pair of texts; empty where nothing does."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "both_orders.py"), engine],
        input=json.dumps(pairs), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return list(json.loads(done.stdout))


def tally(engine: str, pairs: Sequence[Pair], texts: Mapping[str, str]) -> Tally:
    """Of pairs of names."""
    sources = [(texts[one], texts[other]) for one, other in pairs]
    unsafe, cautious, alike = [], [], 0
    for pair, source, outcome in zip(pairs, sources, outcomes(engine, sources), strict=True):
        judgement = judge(*source)
        commute = judgement.verdict == "commute"
        alike += not outcome
        if outcome and commute:
            unsafe.append(f"{' / '.join(pair)}: {outcome[:300]}")
        elif not outcome and not commute:
            cautious.append(f"{' / '.join(pair)}: {judgement.reasons[0]}")

    return Tally(len(pairs), alike, tuple(unsafe), tuple(cautious))


def describe(engine: str, counted: Tally) -> str:
    lines = [
        f"{counted.tried} pairs on {engine}: {counted.alike} come out alike, "
        f"{len(counted.cautious)} of these are said not to, {len(counted.unsafe)} are unsafe",
        *(f"unsafe: {line}" for line in counted.unsafe),
        *(f"cautious: {line}" for line in counted.cautious),
    ]
    return "\n".join(lines)


def edits(engine: str, count: int, seed: int) -> dict[str, str]:
    """Migrations of the autodetector that work alone on the engine, by their operations."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "model_edits.py"), str(count), str(seed)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    texts = json.loads(done.stdout)
    alone = outcomes(engine, [(text, "") for text in texts])
    return {
        " ".join(text.partition("operations = ")[2].split()): text
        for text, outcome in zip(texts, alone, strict=True)
        if not outcome
    }


def random_pairs(names: Sequence[str], count: int, seed: int) -> list[Pair]:
    choice = random.Random(seed)
    return [(choice.choice(names), choice.choice(names)) for _ in range(count)]


def main(engine: str, kind: str, count: str, seed: str = "0") -> None:
    texts = pool(engine) if kind == "pool" else edits(engine, int(count) // 5 + 20, int(seed))
    print(describe(engine, tally(engine, random_pairs(list(texts), int(count), int(seed)), texts)))


if __name__ == "__main__":
    main(*sys.argv[1:])

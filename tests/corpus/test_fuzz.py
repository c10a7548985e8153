"""Ten million bytes of mutated real-shaped migrations: no crash, no hang, no other exception."""

from __future__ import annotations

import inspect
import random
import time
from pathlib import Path

import django
import pytest

from migmerge.migrations.facts import Facts
from migmerge.migrations.footprints import footprints
from migmerge.migrations.gather_facts import gather
from migmerge.migrations.lockfiles import read_lock_file
from migmerge.migrations.operations import fingerprint, read_script
from migmerge.migrations.reader import read_header
from migmerge.migrations.scanner import scan_header
from tests.unit.test_reader import MODULES, READABLE

CONTRIB = Path(inspect.getfile(django)).parent / "contrib"
HEAD = "from django.db import migrations, models\n\n\nclass Migration(migrations.Migration):\n"
SEEDS = [path.read_bytes() for path in sorted(CONTRIB.glob("*/migrations/0*.py"))]
SEEDS += [(HEAD + text + "\n").encode() for text, _ in READABLE.values()]
SEEDS += [text.encode() for text, _ in MODULES.values()]
TOKENS = [
    b"(", b")", b"[", b"]", b"{", b"}", b"'", b'"', b'"""', b"\\", b"\n", b"\r", b"\0", b"\t", b"    ", b",", b"=", b"+=", b"+", b"*",
    b"dependencies", b"run_before", b"replaces", b"operations", b"class Migration(migrations.Migration):\n", b"lambda: ",
    b"<<<<<<< a\n", b"=======\n", b">>>>>>> b\n", b"if x:\n", b"for a in b:\n", b"await ", b"\xff", b"\xef\xbb\xbf", b"# coding: utf-16\n",
    b"f'{x!r:>{y}}'", b"migrations.RunPython(f)", b"models.", b"0x", b"1_", b"...", b"@", b":=", b"match x:\n", b"\xe2\x80\xae", b"\x1b[2J",
]  # fmt: skip
BYTES = 10_000_000
PARTS = 20


def mutated(source: bytes, chance: random.Random) -> bytes:
    text = bytearray(source)
    for _ in range(chance.choice((1, 1, 2, 3, 8, 30))):
        at, size = chance.randrange(len(text) + 1), chance.choice((1, 1, 4, 40, 200))
        kind = chance.randrange(5)
        if kind == 0:
            del text[at : at + size]
        elif kind == 1:
            text[at:at] = chance.choice(TOKENS)
        elif kind == 2:
            text[at:at] = text[at : at + size] * chance.choice((1, 2, 20))
        elif kind == 3 and text:
            text[min(at, len(text) - 1)] = chance.randrange(256)
        else:
            other = chance.choice(SEEDS)
            start = chance.randrange(len(other))
            text[at : at + size] = other[start : start + size]
    return bytes(text)


@pytest.mark.corpus
@pytest.mark.parametrize("part", range(PARTS))
def test_reading_survives_anything(part: int) -> None:
    chance = random.Random(part)
    left = BYTES // PARTS
    while left > 0:
        source = mutated(chance.choice(SEEDS), chance)
        left -= max(len(source), 1)
        start = time.perf_counter()
        said = read_header(source), read_header(source, numbered=False)
        scan_header(source, trusted=True)
        script = read_script(source, "shop", "0001_x")
        footprints(script, gather([script], [script]) if part % 2 else Facts())
        fingerprint(source)
        read_lock_file("migrations_lockfile.txt", source)
        assert time.perf_counter() - start < 5, source
        assert said[1] is None or said[0] is not None, source

"""Questions to the project's Django, and its answers as values."""

from __future__ import annotations

import importlib.resources
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from migmerge.conflicts.model import Disputed
from migmerge.conflicts.settle import PLAIN
from migmerge.migrations.naming import merge_suffix
from migmerge.migrations.reader import read_header
from migmerge.project.interpreter import Project

_SECONDS = 180
_MARK = "\nmigmerge:"


class Answer(NamedTuple):
    """`status` is `ok`, `skipped` (the project doesn't run) or `failed` (Django objects)."""

    status: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.status}: {self.why}" if self.why else self.status


class Wanted(NamedTuple):
    """A merge migration (its name, the leaves that it joins, and what it is to set), and the
    leaves of sides to be `tried` in both orders. Either may be empty."""

    name: str
    leaves: Sequence[str] = ()
    disputed: Sequence[Disputed] = ()
    tried: Sequence[str] = ()


class Tried(NamedTuple):
    """Where Django tried both orders of the sides, and how they differ, if they do."""

    where: str
    differs: str


class Merges(NamedTuple):
    """By app label, the project's own texts of merge migrations, and Django's second opinion.

    An app without a text is one where the project can't be asked (`why`), or whose text doesn't
    join exactly these leaves.
    """

    texts: Mapping[str, bytes]
    orders: Mapping[str, Tried]
    why: str


def merge_texts(project: Project, wanted: Mapping[str, Wanted]) -> Merges:
    """What the project's Django writes, and what it thinks of the two orders."""
    merges = {
        label: merge_suffix(w.name) for label, w in wanted.items() if w.name and not w.disputed
    }
    settles = {label: w[:3] for label, w in wanted.items() if w.disputed}
    orders = {label: list(w.tried) for label, w in wanted.items() if w.tried}
    document = _run(project, {"merge": merges, "settle": settles, "orders": orders, "plain": PLAIN})
    found = {}
    for label, text in (document.get("result") or {}).items():
        header = read_header(text.encode())
        if header and {(r.label, r.name) for r in header.dependencies} == {
            (label, name) for name in wanted[label].leaves
        }:
            found[label] = text.encode()
    why = str(document.get("skipped") or document.get("failed") or "no answer")
    tried = {label: Tried(*told) for label, told in (document.get("orders") or {}).items()}
    return Merges(found, tried, why)


def remake(project: Project, label: str, hidden: Sequence[str]) -> dict[str, bytes] | str:
    """Name -> text of what makemigrations makes of an app whose `hidden` migrations are gone.

    In order; nothing is written. A string says why it makes nothing that can be taken.
    """
    document = _run(project, {"remake": label, "hidden": list(hidden)})
    if "result" not in document:
        return str(document.get("skipped") or document.get("failed") or "no answer")
    return {name: text.encode() for name, text in document["result"]}


def verify(project: Project, nodes: Mapping[str, Sequence[str]],
           leaves: Mapping[str, str]) -> Answer:  # fmt: skip
    """Whether Django's loader sees the same nodes and leaves, and models.py no change."""
    document = _run(project, {"verify": sorted(nodes)})
    if "result" not in document:
        status = "skipped" if "skipped" in document else "failed"
        return Answer(status, str(document[status]))
    result = document["result"]
    for label in result["installed"]:
        if result["leaves"][label] != [leaves[label]]:
            return Answer("failed", f"Django sees the leaf nodes {result['leaves'][label]}")
        if result["nodes"][label] != sorted(nodes[label]):
            odd = sorted(set(result["nodes"][label]) ^ set(nodes[label]))
            return Answer("failed", f"Django and migmerge differ on {label}: {', '.join(odd)}")
    if result["changed"]:
        lines = " / ".join(line.strip() for line in result["changed"].splitlines() if line.strip())
        return Answer("failed", f"makemigrations --check finds changes: {lines[:400]}")
    absent = sorted(set(nodes) - set(result["installed"]))
    if absent:
        return Answer("skipped", f"not in INSTALLED_APPS: {', '.join(absent)}")
    return Answer("ok")


def _run(project: Project, request: Mapping[str, object]) -> dict[str, Any]:
    full = {**request, "directory": project.directory, "settings": project.settings}
    here = importlib.resources.files("migmerge.project")
    texts = [here.joinpath(name).read_text("utf-8") for name in ("orders.py", "inside.py")]
    code = "\n".join((f"REQUEST = __import__('json').loads({json.dumps(full)!r})", *texts))
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    try:
        done = subprocess.run(
            [*project.command, code],
            cwd=project.directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"skipped": f"the project took more than {_SECONDS} seconds"}
    except OSError as error:
        return {"skipped": f"{project.command[0]}: {error.strerror}"}
    _, found, text = done.stdout.rpartition(_MARK)
    if not found:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        return {"skipped": f"the project does not run: {last[:300]}"}
    document: dict[str, Any] = json.loads(text)
    return document

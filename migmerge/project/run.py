"""One question to the project's interpreter: the process, the request, and the answer."""

from __future__ import annotations

import importlib.resources
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from typing import Any, NamedTuple

from migmerge.git.process import unbroken
from migmerge.project.interpreter import Project

SECONDS = 180
_MARK = "\nmigmerge:"
_PROGRESS = "migmerge: "
_COPY = "migmerge-copy: "
_SCENARIOS = (
    "states",
    "places",
    "database",
    "row_changes",
    "schema",
    "sample_data",
    "isolation",
    "scratch",
    "table_names",
    "from_state",
    "try_scenarios",
)
_SCRIPTS = {
    "texts": ("states", "orders", "migration_files"),
    "make_migrations": ("migration_files", "planned_packages"),
    "final_definitions": ("states", "migration_files", "planned_packages", "final_definitions"),
    "check_project": ("migration_files", "installed_packages"),
    "describe": ("places", "installed_packages"),
    "status": ("states", "places", "database", "schema", "renamed_labels"),
    "which": ("states", "places", "database"),
    "reconcile": ("states", "places", "database", "row_changes"),
    "migrated": ("places", "database", "row_changes"),
    "taken_back": ("places", "database", "row_changes"),
    "renamed_again": ("places", "database", "row_changes"),
    "schema": ("states", "schema"),
    "ran_versions": ("states", "places", "database", "schema", "scratch", "ran_versions"),
    "app_rows": ("states", "places", "database", "schema", "reset_rows"),
    "write_rows": ("states", "places", "database", "schema", "reset_rows"),
    "verify_starts": _SCENARIOS,
    "build_side": _SCENARIOS,
    "drop_sides": _SCENARIOS,
}


# those that change a configured database
_WRITING = ("reconcile", "migrated", "taken_back", "renamed_again", "write_rows")


class ReplyStatus(Enum):
    """How a question to the project ended: it may not run, refuse, or fail in Django."""

    OK = "ok"
    SKIPPED = "skipped"
    REFUSED = "refused"
    FAILED = "failed"


class Reply(NamedTuple):
    """The answer to a question; `why` is empty for `ok` only, `copies` are files that a
    database was copied to meanwhile."""

    status: ReplyStatus
    why: str = ""
    result: Any = None
    copies: tuple[str, ...] = ()


class Unanswered(NamedTuple):
    """The project gave no answer, and why."""

    why: str


def run(
    project: Project,
    question: str,
    request: Mapping[str, object],
    databases: object = "dummy",
    seconds: int = SECONDS,
) -> Reply:
    """The answer of a function of `inside/`; its progress is shown on a terminal."""
    text = _text(question)
    full = {
        **request,
        "question": question,
        "databases": databases,
        "directory": project.directory,
        "settings": project.settings,
        "manage": project.manage,
        "top": project.top,
        "writes": question in _WRITING,
        "text": text if project.manage else "",
    }
    copies: list[str] = []
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stdout:
        stdin.write(json.dumps(full).encode())
        stdin.seek(0)
        process: subprocess.Popen[bytes] | None = None
        try:
            with _progress() as show:
                with unbroken():  # ^C right after the start must find the process to end
                    process = subprocess.Popen(
                        [*project.command, text],
                        cwd=project.directory,
                        env=environment,
                        stdin=stdin,
                        stdout=stdout,
                        stderr=subprocess.PIPE,
                        start_new_session=True,  # ^C is for us, who end it and wait
                    )

                last = _follow(process, seconds, show, copies)
        except subprocess.TimeoutExpired:
            _end(process)
            why = f"the project took more than {seconds} seconds"
            return Reply(ReplyStatus.SKIPPED, why, copies=tuple(copies))
        except OSError as error:
            return Reply(ReplyStatus.SKIPPED, f"{project.command[0]}: {error.strerror}")
        except BaseException:
            _end(process)
            raise

        stdout.seek(0)
        output = stdout.read().decode("utf-8", "replace")

    _, mark, text = output.rpartition(_MARK)
    if not mark:
        why = f"the project does not run: {last[:300]}"
        return Reply(ReplyStatus.SKIPPED, why, copies=tuple(copies))

    document: dict[str, Any] = json.loads(text)
    status, value = next(iter(document.items()))
    if status == "result":
        return Reply(ReplyStatus.OK, "", value, tuple(copies))
    return Reply(ReplyStatus(status), str(value), copies=tuple(copies))


def _text(question: str) -> str:
    here = importlib.resources.files("migmerge.project.inside")
    names = ("bootstrap", *_SCRIPTS[question])
    texts = [here.joinpath(f"{name}.py").read_text("utf-8") for name in names]
    return "\n".join((*texts, "main()"))


def _follow(
    process: subprocess.Popen[bytes],
    seconds: int,
    show: Callable[[str], None],
    copies: list[str],
) -> str:
    """Wait for the end; the last line on standard error that is no progress."""
    last = ["no output"]

    def read() -> None:
        for raw in process.stderr or ():
            line = raw.decode("utf-8", "replace").strip()
            if line.startswith(_PROGRESS):
                show(line[len(_PROGRESS) :])
            elif line.startswith(_COPY):
                copies.append(line[len(_COPY) :])
                show(f"copied to {copies[-1]}")
            elif line:
                last[0] = line

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    process.wait(seconds)
    thread.join(2)
    if process.stderr and not thread.is_alive():  # else a grandchild holds it open
        process.stderr.close()
    return last[0]


def _end(process: subprocess.Popen[bytes] | None) -> None:
    """End what takes too long, or was interrupted; nothing where it did not start."""
    if process is None:
        return
    with undisturbed():
        process.terminate()  # what it made on a server is dropped
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def undisturbed() -> Iterator[None]:
    """While something is put back, another ^C means nothing."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """A line on a terminal, and only there."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda text: None
        return
    from rich.console import Console  # only a terminal pays for it

    with Console(stderr=True).status("asking the project's Django") as status:
        yield status.update

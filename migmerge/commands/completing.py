"""What a shell is offered after Tab: commands and options, app labels, refs, ids of messages."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

from migmerge.analysis.snapshot import recollect
from migmerge.analysis.workspace import open_workspace
from migmerge.errors import UserError
from migmerge.git.process import GitError
from migmerge.git.repository import find_repository
from migmerge.git.trees import find_records
from migmerge.report.messages import MESSAGES


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer a shell that asks through argcomplete, and exit; else do nothing."""
    from argcomplete import autocomplete

    for subparser in (parser, *_below(parser)):
        for action in subparser._actions:
            if isinstance(action.metavar, str) and action.metavar in _OFFERS:
                action.completer = _offering(_OFFERS[action.metavar])  # type: ignore[attr-defined]
    autocomplete(parser)


def _below(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    parsers: list[argparse.ArgumentParser] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for subparser in action.choices.values():
                parsers += [subparser, *_below(subparser)]
    return parsers


def _offering(names: Callable[[argparse.Namespace], list[str]]) -> Callable[..., list[str]]:
    def offer(parsed_args: argparse.Namespace, **_: object) -> list[str]:
        try:
            return names(parsed_args)
        except (UserError, GitError):  # reported when the command runs
            return []

    return offer


def _apps(arguments: argparse.Namespace) -> list[str]:
    repository = find_repository(arguments.directory)
    workspace = open_workspace(repository, arguments.config)
    snapshot, _ = recollect(workspace, find_records(repository))
    return [app.label for app in snapshot.apps.values()]


def _refs(arguments: argparse.Namespace) -> list[str]:
    repository = find_repository(arguments.directory)
    wanted = ("refs/heads", "refs/remotes", "refs/tags")
    out = repository.git("for-each-ref", "--format=%(refname:short)", "--", *wanted)
    return os.fsdecode(out).split()


def _ids(_: argparse.Namespace) -> list[str]:
    return [message.id for message in MESSAGES]


_OFFERS = {"APP": _apps, "REF": _refs, "MM101": _ids}

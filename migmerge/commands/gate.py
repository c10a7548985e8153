"""Whose configuration counts: in front of a merge the target's, since a branch brings its own."""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

from migmerge.analysis.workspace import Workspace, open_workspace
from migmerge.config import FILES, Config, parse_config, read_config
from migmerge.errors import UserError
from migmerge.git.base import Base, find_base, target_branches
from migmerge.git.repository import Repository, commit_of


class Gate(NamedTuple):
    """A workspace with the configuration that counts, and the branch that it is from; None: the
    work tree."""

    workspace: Workspace
    target: Base | None = None


def open_gate(
    repository: Repository,
    chosen: str | None,
    asked_base: str | None,
    refs: tuple[str, ...] = (),
    *,
    always: bool = False,
) -> Gate:
    """The configuration of the branch that is merged into, for `refs` that would be merged, in CI,
    and where it is `always` the target's that counts; else the work tree's.

    `chosen`, the file of `--config`, is the user's own and counts everywhere. A difference is
    printed on stderr.
    """
    in_front = always or refs or target_branches(os.environ)
    if chosen or not in_front:
        return Gate(open_workspace(repository, chosen, asked_base))

    target = find_base(repository, asked_base, None)
    if target is None and refs and refs[0]:
        target = Base(refs[0], commit_of(repository, refs[0]))
    if target is None:
        return Gate(open_workspace(repository, None, asked_base))

    config = read_target_config(repository, target)
    _print_differences(repository, config, target)
    return Gate(Workspace(repository, config, asked_base), target)


def read_target_config(repository: Repository, target: Base) -> Config:
    """The configuration in a commit; UserError where it is wrong."""
    texts = {}
    for name in FILES:
        out = repository.git("cat-file", "blob", f"{target.commit}:{name}", expected=(0, 128))
        texts[f"{target.name}:{name}"] = out
    return parse_config(texts)


def _print_differences(repository: Repository, config: Config, target: Base) -> None:
    try:
        work_tree = read_config(repository.root) if not repository.bare else config
    except UserError as error:
        differing = error.message
    else:
        differing = ", ".join(
            k for k in Config._fields if getattr(work_tree, k) != getattr(config, k)
        )

    if differing:
        from migmerge.report.messages import id_of  # only a difference needs them
        from migmerge.report.screen import printable

        text = f"the configuration differs from {target.name}'s, which counts here: {differing}"
        print(printable(f"note: {id_of('other-configuration')} {text}"), file=sys.stderr)


def refuse_empty(gate: Gate, migrations: int, there: int) -> None:
    """UserError where a merge would leave nothing to look at: that is no clean result."""
    if gate.target and not migrations and there:
        raise UserError(
            "nothing-left",
            f"0 migrations were looked at, and {gate.target.name} has {there}",
            f"git diff --stat {gate.target.commit[:10]} shows where they went",
        )

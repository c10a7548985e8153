"""docs/flows.md is what really happens: each transcript is run and compared.

MIGMERGE_WRITE=1 pytest tests/integration/test_flow_page.py writes the page.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import Repo

pytestmark = pytest.mark.once

WRITE = "MIGMERGE_WRITE" in os.environ  # before the tests are sealed off
PAGE = Path(__file__).parents[2] / "docs/flows.md"
HEAD = """\
# With git, step by step

Every transcript is from the same small project and is run by a test. On `main`, which is published as
`origin/main`, somebody has added `0002_stock`; on `feature`, which is checked out, you have added
`0002_price`. The hooks are not installed here, so that each command is seen by itself.
"""


class Flow(NamedTuple):
    title: str
    text: str
    before: str
    steps: str


NOTES = """\
for branch in main feature; do git checkout -q $branch; echo $branch > notes.txt; git add notes.txt;
git commit -q -m notes; done"""
WRITE_MORE = """\
sed -e s/price\'/more\'/ -e s/0001_initial/0002_price/ shop/migrations/0002_price.py \
    > shop/migrations/0003_more.py"""
MORE = f"{WRITE_MORE}; git add -A; git commit -q -m more"
THIRD = """\
git checkout -q -b third main~1
git show feature:shop/migrations/0002_price.py | sed s/price\'/third\'/ > shop/migrations/0002_third.py
git add -A; git commit -q -m third; git checkout -q feature"""
LOG = "git log --reverse --stat --format=%s main.."

FLOWS = (
    Flow("Merge", "Git merges without a word; the fix follows, and is committed.", "",
         "git merge -q --no-edit main\nmigmerge check\nmigmerge fix --yes --commit"),
    Flow("Merge, all in one", "The merge commit itself holds the fix.", "",
         "migmerge merge -q main\ngit show --stat --format=%s HEAD"),
    Flow("Merge with textual conflicts", "Fix may come before or after the other conflicts are resolved.", NOTES,
         "git merge -q --no-edit main\nmigmerge fix --yes\necho both > notes.txt\ngit add notes.txt\ngit commit -q --no-edit\nmigmerge check"),
    Flow("Merge without a commit", "What fix writes is staged, and part of the commit that you make.", "",
         "git merge -q --no-commit main\nmigmerge fix --yes\ngit commit -q --no-edit\ngit status --short"),
    Flow("Squash merge", "Or with a straight line, as everywhere.", "",
         "git merge -q --squash main\nmigmerge fix --yes --strategy renumber\ngit commit -q -m 'main, squashed'\nmigmerge check"),
    Flow("Octopus", "One merge migration for all.", THIRD,
         "git merge -q --no-edit main third\nmigmerge fix --yes --commit"),
    Flow("Criss-cross", "Two branches that have merged each other, each with its own fix.",
         "git checkout -q -b left main; git merge -q --no-edit feature; migmerge fix --yes --strategy renumber --commit > /dev/null\n"
         "git checkout -q feature; git merge -q --no-edit main; migmerge fix --yes --strategy merge --commit > /dev/null",
         "git merge -q --no-edit left\nmigmerge fix --yes --strategy merge --commit"),
    Flow("Pull", "", "git branch -q --set-upstream-to=main",
         "git pull -q --no-rebase --no-edit\nmigmerge fix --yes --commit"),
    Flow("In a linked worktree", "It has its own index, and its own undo.", "git worktree add -q -b linked ../linked feature",
         "cd ../linked && git merge -q --no-edit main\ncd ../linked && migmerge fix --yes --commit"),
    Flow("In a submodule", "", "git init -q ../outer; git -C ../outer submodule --quiet add -b feature $PWD sub 2> /dev/null; "
         "git -C ../outer/sub branch -q main origin/main",
         "cd ../outer/sub && git merge -q --no-edit main\ncd ../outer/sub && migmerge fix --yes --base main"),
    Flow("In a sparse checkout", "Migrations count that are not checked out.", "mkdir web; touch web/x; git add -A; git commit -q -m web; git sparse-checkout set web",
         "git merge -q --no-edit main\nmigmerge fix --yes --commit"),
    Flow("In a partial clone", "", "git config uploadpack.allowFilter true; git clone -q --no-local --filter=blob:none . ../partial 2> /dev/null; "
         "git -C ../partial update-ref refs/remotes/origin/main main 2> /dev/null; git -C ../partial fetch -q origin main:main",
         "cd ../partial && git merge -q --no-edit main\ncd ../partial && migmerge fix --yes --base main"),
    Flow("With core.hooksPath", "The hook there stops the merge; the fix goes on with it.",
         "git config core.hooksPath $PWD/../hooks; migmerge install > /dev/null",
         "git merge -q --no-edit main\nmigmerge fix --yes\ngit commit -q --no-edit"),
    Flow("Rebase, one fix at the end", "The fix is a commit of its own; those before it are as they were.", MORE,
         "git rebase -q main\nmigmerge fix --yes --strategy renumber --commit"),
    Flow("Rebase, every commit right by itself", "Git runs the fix after each commit, and the fix becomes part of it.", MORE,
         f"git rebase -q -x 'migmerge fix --yes --strategy renumber --amend --allow-skipped' main\n{LOG}"),
    Flow("Rebase, all in one", "The same, also where git stops because both sides have one file.", MORE,
         f"migmerge rebase -q main\n{LOG}"),
    Flow("Pull with rebase", "", "git branch -q --set-upstream-to=main",
         "git pull -q --rebase\nmigmerge fix --yes --strategy renumber --amend --allow-skipped"),
    Flow("Cherry-pick", "The commit that was picked is amended.", "git branch picked; git checkout -q -b release main",
         "git cherry-pick picked\nmigmerge fix --yes --strategy renumber --amend --allow-skipped"),
    Flow("Revert", "What others build on is gone. Revert these, too, or let `fix` restore the file.", MORE,
         "git revert --no-edit HEAD~1\nmigmerge check"),
    Flow("Stash pop", "What was stashed and is not committed moves, too.", WRITE_MORE,
         "git stash -q --include-untracked\ngit merge -q --no-edit main\ngit stash pop -q\nmigmerge fix --yes --strategy renumber"),
    Flow("Undo", "", "git merge -q --no-edit main",
         "migmerge fix --yes\nmigmerge undo\ngit status --short"),
)  # fmt: skip


def run(repo: Repo, command: str) -> str:
    done = subprocess.run(
        ["bash", "-c", command], cwd=repo.root,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    # ids differ, and progress is for a terminal
    shown = re.sub(r"\b[0-9a-f]{7,40}\b", "1234567", done.stdout.replace("\r", "\n"))
    lines = (line.removeprefix("\x1b[K") for line in shown.splitlines())
    noise = ("Executing: ", "Rebasing (", "Date: ", " Date: ")
    return "".join(f"{line}\n" for line in lines if line.strip() and not line.startswith(noise))


def transcript(flow: Flow, repo: Repo) -> str:
    assert run(repo, flow.before) == ""
    lines = [f"## {flow.title}", ""]
    lines += [flow.text, ""] if flow.text else []
    lines += ["```console"]
    for step in flow.steps.splitlines():
        lines += [f"$ {step}", *run(repo, step).splitlines()]
    return "\n".join([*lines, "```", ""])


def sections() -> dict[str, str]:
    parts = re.split(r"^(?=## )", PAGE.read_text(), flags=re.MULTILINE)
    return {part.splitlines()[0][3:]: part.rstrip("\n") for part in parts[1:]}


@pytest.mark.parametrize("flow", FLOWS, ids=[flow.title for flow in FLOWS])
def test_flow_page(flow: Flow, branches: Repo) -> None:
    shown = transcript(flow, branches)
    if WRITE:
        known = sections() if PAGE.exists() else {}
        known[flow.title] = shown.rstrip("\n")
        ordered = [known[f.title] for f in FLOWS if f.title in known]
        PAGE.write_text("\n\n".join([HEAD.rstrip("\n"), *ordered]) + "\n")
    assert sections()[flow.title] == shown.rstrip("\n")


def test_flow_page_has_every_flow_and_no_other() -> None:
    assert list(sections()) == [flow.title for flow in FLOWS]
    assert PAGE.read_text().startswith(HEAD)

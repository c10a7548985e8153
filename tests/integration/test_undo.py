"""All or nothing: fix killed at every step, undo, and two writers at once."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from migmerge.errors import UserError
from migmerge.git.process import GitError
from migmerge.git.repository import find_repository
from migmerge.resolve.journal import begin, last_backup
from migmerge.resolve.transaction import (
    Changed,
    Transaction,
    read_states,
    take_back,
    write_disk,
)
from tests.conftest import KILLS, PRICE, Repo, some, unmeasured
from tests.integration.test_fix import collision

pytestmark = pytest.mark.once

RENUMBER = ("fix", "--yes", "--strategy", "renumber", "--allow-skipped")


def refs(repo: Repo) -> list[str]:
    return repo.git("for-each-ref", "--format=%(refname)", "refs/migmerge").split()


def is_tidy(repo: Repo) -> None:
    """No journal, no temporary file, and all objects sound."""
    git_dir = Path(repo.git("rev-parse", "--absolute-git-dir").strip())
    assert not (git_dir / "migmerge/journal").exists()
    assert list(repo.root.rglob(".migmerge-*")) == []
    repo.git("fsck", "--no-dangling")


def test_undo_restores_files_and_index(siblings: Repo) -> None:
    siblings.write("shop/migrations/0003_mine.py", "# Migration: staged by the user\n")
    siblings.git("add", "-A")
    (siblings.root / "shop/migrations/0002_price.py").chmod(0o755)
    siblings.git("add", "-A")
    before = siblings.state()
    assert siblings.run(*RENUMBER).returncode == 0
    assert siblings.state() != before
    done = siblings.run("undo")
    assert (done.returncode, done.stdout) == (
        0,
        "restored shop/migrations/0002_price.py\n"
        "removed  shop/migrations/0004_price.py\n"
        "as it was before the fix\n",
    )
    assert siblings.state() == before
    assert os.access(siblings.root / "shop/migrations/0002_price.py", os.X_OK)
    assert refs(siblings) == []
    is_tidy(siblings)


def test_undo_gives_back_the_stages_of_a_stopped_merge(repo: Repo) -> None:
    collision(repo)
    repo.git("merge", "-q", "feature", fails=True)
    before = repo.state()
    repo.fix()
    assert repo.run("undo").returncode == 0
    assert repo.state() == before
    repo.fix()
    repo.git("merge", "--abort")
    assert repo.git("status", "--porcelain") == ""


def test_undo_after_the_merge_is_over_is_refused(repo: Repo) -> None:
    collision(repo)
    repo.git("merge", "-q", "feature", fails=True)
    assert repo.fix("--commit")["note"] == "committed the merge"
    before = repo.state()
    done = repo.run("undo")
    assert (done.returncode, done.stdout.splitlines()[0]) == (
        1,
        "nothing was taken back; the merge that the fix belonged to is over",
    )
    assert repo.state() == before


@pytest.mark.parametrize("later", [False, True])
def test_undo_of_a_committed_fix_is_a_new_change(siblings: Repo, later: bool) -> None:
    files, _ = siblings.state()
    siblings.fix("--strategy", "renumber", "--commit")
    if later:
        siblings.write("notes.txt", "later\n")
        siblings.commit("later")
    done = siblings.run("undo")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "staged; look, then git commit")
    if later:
        (siblings.root / "notes.txt").unlink()
    assert siblings.state()[0] == files
    assert "R  shop/migrations/0003_price.py -> shop/migrations/0002_price.py" in siblings.git(
        "status", "--porcelain"
    )


def test_undo_of_what_somebody_changed_since_is_refused(siblings: Repo) -> None:
    siblings.run(*RENUMBER)
    path = "shop/migrations/0003_price.py"
    siblings.write(path, siblings.read(path) + b"# mine\n")
    before = siblings.state()
    done = siblings.run("undo")
    assert (done.returncode, done.stdout) == (
        1,
        "nothing was taken back; these are not as the fix left them:\n"
        "  shop/migrations/0003_price.py\n",
    )
    assert siblings.state() == before


def test_undo_does_not_write_beyond_a_symbolic_link(siblings: Repo, tmp_path: Path) -> None:
    siblings.fix("--strategy", "renumber")
    elsewhere = tmp_path / "elsewhere"
    (siblings.root / "shop/migrations").rename(elsewhere)
    (siblings.root / "shop/migrations").symlink_to(elsewhere)
    files = sorted((path.name, path.read_bytes()) for path in elsewhere.iterdir())
    done = siblings.run("undo")
    assert done.returncode == 2
    assert "is beyond a symbolic link" in done.stderr
    assert sorted((path.name, path.read_bytes()) for path in elsewhere.iterdir()) == files


def test_undo_twice_takes_back_the_fix_before(siblings: Repo) -> None:
    before = siblings.state()
    siblings.run(*RENUMBER)
    siblings.git("commit", "-q", "-m", "fixed")
    siblings.migration("shop", "0003_more", "0002_stock", operations=(PRICE.replace("price", "m"),))
    siblings.git("add", "-A")
    middle = siblings.state()
    siblings.fix("--strategy", "merge")
    assert siblings.run("undo").returncode == 0
    assert siblings.state() == middle
    siblings.git("rm", "-q", "-f", "shop/migrations/0003_more.py")
    assert siblings.run("undo").returncode == 0
    assert siblings.state() == before
    done = siblings.run("undo")
    assert (done.returncode, done.stderr) == (
        2,
        "migmerge: MM320 there is no fix to take back in this worktree\nhint: git reflog\n",
    )


def test_undo_in_a_linked_worktree_leaves_the_others_alone(siblings: Repo, tmp_path: Path) -> None:
    siblings.git("worktree", "add", "-q", "-b", "other", str(tmp_path / "linked"))
    linked = Repo(tmp_path / "linked")
    before = linked.state()
    linked.run(*RENUMBER)
    siblings.run(*RENUMBER)
    fixed = siblings.state()
    assert linked.run("undo").returncode == 0
    assert linked.state() == before
    assert siblings.state() == fixed
    assert linked.run("undo").returncode == 2


def test_fix_keeps_no_more_than_twenty_backups(siblings: Repo) -> None:
    tree = siblings.git("rev-parse", "HEAD^{tree}").strip()
    for number in range(1, 25):
        siblings.git("update-ref", f"refs/migmerge/backup/{number}", tree)
    siblings.run(*RENUMBER)
    assert sorted(int(ref.rpartition("/")[2]) for ref in refs(siblings)) == [*range(6, 26)]


def test_undo_of_what_later_migrations_build_on_is_refused(siblings: Repo) -> None:
    siblings.fix("--commit")
    siblings.migration("shop", "0004_x", "0003_merge_0002_price_0002_stock")
    siblings.commit("later")
    before = siblings.state()
    done = siblings.run("undo")
    assert (done.returncode, done.stdout) == (
        1,
        "nothing was taken back; what came later builds on the fix:\n"
        "  shop/migrations/0004_x.py depends on shop.0003_merge_0002_price_0002_stock\n",
    )
    assert siblings.state() == before


def test_undo_passes_over_what_git_took_back(siblings: Repo) -> None:
    """The second fix went with its aborted merge; the first one is undone."""
    before, _ = siblings.state()
    siblings.fix("--strategy", "renumber", "--commit")
    siblings.git("checkout", "-q", "-b", "third", "main~1")
    siblings.migration(
        "shop", "0002_third", "0001_initial", operations=(PRICE.replace("price", "t"),)
    )
    siblings.commit("third")
    siblings.git("checkout", "-q", "feature")
    siblings.git("merge", "-q", "--no-commit", "third")
    siblings.fix()
    siblings.git("merge", "--abort")
    assert siblings.run("undo").returncode == 0
    assert siblings.state()[0] == before


# Runs migmerge, and kills it where it is about to change something for the nth time, or the index.
AT_THE_INDEX = -1
KILLER = """\
import os, signal, subprocess, sys, tempfile
from pathlib import Path
left = int(sys.argv.pop(1))
def counted(real):
    def step(*arguments, **keywords):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **keywords)
    return step
for name in ("replace", "unlink", "chmod", "fsync", "makedirs"):
    setattr(os, name, counted(getattr(os, name)))
tempfile.mkstemp = counted(tempfile.mkstemp)
plain = subprocess.run
writing = {"hash-object", "mktree", "update-ref", "update-index", "commit"}
def run(command, **keywords):
    known = writing.intersection(command)
    if left < 0 and "--index-info" in command:
        os.kill(os.getpid(), signal.SIGKILL)
    return (counted(plain) if known else plain)(command, **keywords)
subprocess.run = run
from migmerge.cli import main
sys.exit(main(sys.argv[1:]))
"""


def run_killed(repo: Repo, step: int, *arguments: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", KILLER, str(step), *arguments],
        cwd=repo.root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode


def kill_at_every_step(
    repo: Repo, tmp_path: Path, *arguments: str, abort: tuple[str, ...] = (), stride: int = 1
) -> int:
    """Before or after, and never anything else; the number of steps."""
    pristine = tmp_path / "pristine"
    shutil.copytree(repo.root, pristine, symlinks=True)
    before = repo.state()
    assert repo.run(*arguments).returncode == 0
    after = repo.state()
    for step in some(range(1, 500, stride)):
        shutil.rmtree(repo.root)
        shutil.copytree(pristine, repo.root, symlinks=True)
        repo.git("status")  # takes in that these are other inodes now
        code = run_killed(repo, step, *arguments)
        if code == 0:
            return step
        assert code == -signal.SIGKILL
        assert repo.run("check").returncode in (0, 1)
        assert repo.state() in (before, after), step
        is_tidy(repo)
        unmerged = repo.git("diff", "--name-only", "--diff-filter=U").split()
        stale = [line.split("\t")[1] for line in repo.git("diff-files").splitlines()]
        assert set(stale) <= set(unmerged), step
        if abort:
            repo.git(*abort)
            assert repo.git("status", "--porcelain") == "", step
    raise AssertionError("too many steps")


@pytest.mark.corpus
def test_fix_killed_at_every_step(siblings: Repo, tmp_path: Path) -> None:
    assert kill_at_every_step(siblings, tmp_path, *RENUMBER, "--skip-verification") > 15


@pytest.mark.corpus
@pytest.mark.parametrize("operation", ["merge", "rebase"])
def test_fix_killed_at_every_step_of_a_stopped_operation(
    repo: Repo, tmp_path: Path, operation: str
) -> None:
    collision(repo)
    branch, other = {"merge": ("main", "feature"), "rebase": ("feature", "main")}[operation]
    repo.git("checkout", "-q", branch)
    repo.git(operation, "-q", other, fails=True)
    fix, abort = ("fix", "--yes", "--skip-verification"), (operation, "--abort")
    stride = {"merge": 1, "rebase": 3}[operation]
    assert kill_at_every_step(repo, tmp_path, *fix, abort=abort, stride=stride) > 15


@pytest.mark.corpus
def test_undo_killed_at_every_step(siblings: Repo, tmp_path: Path) -> None:
    siblings.run(*RENUMBER)
    assert kill_at_every_step(siblings, tmp_path, "undo") > 15


@pytest.mark.corpus
def test_undo_after_an_undo_that_was_killed_is_no_fix(siblings: Repo, tmp_path: Path) -> None:
    before = siblings.state()
    siblings.fix("--strategy", "renumber")
    pristine = tmp_path / "pristine"
    shutil.copytree(siblings.root, pristine, symlinks=True)
    for step in some(range(1, 100), 6):
        shutil.rmtree(siblings.root)
        shutil.copytree(pristine, siblings.root, symlinks=True)
        siblings.git("status")
        killed = run_killed(siblings, step, "undo")
        siblings.run("check")
        if siblings.state() == before:
            assert siblings.run("undo").returncode == 2, step
        else:
            assert siblings.run("undo").returncode == 0, step
        assert siblings.state() == before, step
        if killed == 0:
            break
    assert step > 15


# In git's place: it holds the index lock for a moment, and is slow to put it away at ^C.
SLOW = """#!{python}
import os, signal, subprocess, sys, time
if "--index-info" in sys.argv:
    lock = os.path.join(".git", "index.lock")
    os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
    def away(*_):
        time.sleep(1)
        os.unlink(lock)
        os._exit(1)
    signal.signal(signal.SIGINT, away)
    open("locked", "w").close()
    time.sleep(0.5)
    os.unlink(lock)
os.execv({git!r}, [{git!r}, *sys.argv[1:]])
"""


def test_an_interrupt_leaves_no_lock_of_git(siblings: Repo, tmp_path: Path) -> None:
    before = siblings.state()
    wrapper = tmp_path / "bin/git"
    wrapper.parent.mkdir()
    wrapper.write_text(SLOW.format(python=sys.executable, git=shutil.which("git")))
    wrapper.chmod(0o755)
    path = f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}"
    with subprocess.Popen(
        [sys.executable, "-m", "migmerge", *RENUMBER, "--skip-verification"], cwd=siblings.root,
        env={**os.environ, "PATH": path}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:  # fmt: skip
        while not (siblings.root / "locked").exists():
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        told = process.communicate()[1]
    (siblings.root / "locked").unlink()
    assert process.returncode == 130, told
    assert not (siblings.root / ".git/index.lock").exists()
    assert siblings.state() == before
    is_tidy(siblings)


@pytest.mark.corpus
def test_fix_killed_at_any_time(repo: Repo, tmp_path: Path) -> None:
    """In a stopped merge; what comes next finds before or after. MIGMERGE_KILLS says how often."""
    collision(repo)
    repo.git("merge", "-q", "feature", fails=True)
    pristine = tmp_path / "pristine"
    shutil.copytree(repo.root, pristine, symlinks=True)
    before = repo.state()
    command = [sys.executable, "-m", "migmerge", "fix", "--yes", "--skip-verification"]
    started = time.monotonic()
    subprocess.run(command, cwd=repo.root, capture_output=True, check=True)
    wait = (time.monotonic() - started) * 0.7
    after = repo.state()
    chance = random.Random(7)
    found = {"before": 0, "after": 0}
    for _ in range(KILLS):
        shutil.rmtree(repo.root)
        shutil.copytree(pristine, repo.root, symlinks=True)
        repo.git("status")  # takes in that these are other inodes now
        with subprocess.Popen(
            command, cwd=repo.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            time.sleep(wait)
            process.kill()
        assert repo.run("check").returncode in (0, 1)
        state = repo.state()
        assert state in (before, after)
        found["before" if state == before else "after"] += 1
        # most of it is reading: stay about where it writes, however busy the machine is
        wait *= chance.uniform(1, 1.3) if state == before else chance.uniform(0.75, 1)
        is_tidy(repo)
        repo.git("merge", "--abort")
    assert KILLS < 20 or min(found.values()) > 0


def test_fix_while_another_runs(siblings: Repo) -> None:
    from filelock import FileLock

    git_dir = siblings.root / ".git/migmerge"
    git_dir.mkdir()
    before = siblings.state()
    with FileLock(str(git_dir / "lock")):
        done = siblings.run(*RENUMBER)
    assert (done.returncode, done.stderr) == (
        2,
        "migmerge: MM318 another migmerge is at work here\nhint: wait for it, then run again\n",
    )
    assert siblings.state() == before


def test_fix_two_at_once(siblings: Repo) -> None:
    """One wins; the other says so or finds nothing left to do."""
    command = [sys.executable, "-m", "migmerge", *RENUMBER, "--skip-verification"]
    both = [
        subprocess.Popen(command, cwd=siblings.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    for process in both:
        process.communicate()
    assert sorted(process.returncode for process in both) in ([0, 0], [0, 2])
    assert siblings.check()["conflicts"] == []
    is_tidy(siblings)


# An editor saves a file when migmerge has read it, and before it writes.
EDITOR = """\
import sys
from pathlib import Path
import migmerge.commands.apply as fix
real = fix.{function}
def later(*arguments, **keywords):
    found = real(*arguments, **keywords)
    path = Path("shop/migrations/0002_price.py")
    path.write_bytes(path.read_bytes() + b"# saved\\n")
    return found
fix.{function} = later
from migmerge.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("function", ["refuse_unsafe", "states_after"])
def test_fix_while_an_editor_writes(siblings: Repo, function: str) -> None:
    _, index = siblings.state()
    before = siblings.read("shop/migrations/0002_price.py")
    done = subprocess.run(
        [sys.executable, "-c", EDITOR.format(function=function), *RENUMBER],
        cwd=siblings.root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (
        2,
        "migmerge: MM327 shop/migrations/0002_price.py changed while migmerge ran\nhint: run it again\n",
    )
    assert siblings.read("shop/migrations/0002_price.py") == before + b"# saved\n"
    assert siblings.state()[1] == index
    assert not (siblings.root / "shop/migrations/0003_price.py").exists()
    is_tidy(siblings)


def half_done(repo: Repo) -> None:
    """A fix that was killed with the files written and the index not yet."""
    assert run_killed(repo, AT_THE_INDEX, *RENUMBER, "--skip-verification") == -signal.SIGKILL
    assert (repo.root / "shop/migrations/0003_price.py").exists()


@pytest.mark.corpus
def test_check_in_a_hook_leaves_a_half_done_fix_to_undo(siblings: Repo) -> None:
    before = siblings.state()
    half_done(siblings)
    middle = siblings.state()
    done = siblings.run("check", "--staged", env={"GIT_INDEX_FILE": ".git/index"})
    assert done.stderr.startswith(
        "migmerge: a migmerge fix was interrupted here, or still runs; "
        "migmerge undo takes it back\n"
    )
    assert siblings.state() == middle
    done = siblings.run("undo")
    assert (done.returncode, done.stderr) == (
        0,
        "migmerge: took back a fix that was interrupted\n",
    )
    assert siblings.state() == before


@pytest.mark.corpus
def test_undo_of_a_half_done_fix_leaves_what_somebody_changed_since(siblings: Repo) -> None:
    half_done(siblings)
    path = "shop/migrations/0003_price.py"
    siblings.write(path, siblings.read(path) + b"# mine\n")
    done = siblings.run("undo")
    assert done.returncode == 0
    (ref,) = refs(siblings)
    assert done.stderr == (
        "migmerge: took back a fix that was interrupted\n"
        f"migmerge: left as they are, since changed meanwhile: {path}\n"
        f"migmerge: what was there before is in {ref}\n"
    )
    assert siblings.read(path).endswith(b"# mine\n")
    is_tidy(siblings)


@pytest.mark.parametrize(
    "text",
    [
        b"{",
        b'{"number": 1, "head": "", "theirs": "", "after": {}, '
        b'"before": {"../x": {"data": null, "mode": 0, "entries": []}}}',
        b'{"number": 1, "head": "", "theirs": "", "after": {}, '
        b'"before": {"x": {"data": null, "mode": 0, "entries": 1}}}',
    ],
)
def test_undo_of_a_journal_that_is_none(siblings: Repo, text: bytes) -> None:
    siblings.write(".git/migmerge/journal", text)
    before = siblings.state()
    done = siblings.run("undo")
    assert done.returncode == 2
    assert done.stderr.startswith("migmerge: MM319 the journal ")
    assert done.stderr.endswith("hint: look at the files, then remove it\n")
    assert siblings.state() == before


def test_fix_of_what_became_a_directory_meanwhile(siblings: Repo) -> None:
    """It is no file of ours, and nothing is written over it."""
    repository = find_repository(str(siblings.root))
    path = "shop/migrations/0002_price.py"
    states = read_states(repository, [path])
    (siblings.root / path).unlink()
    (siblings.root / path).mkdir()
    siblings.write(f"{path}/mine", "kept")
    transaction = Transaction(repository, states, states)
    with pytest.raises(Changed, match="changed while migmerge ran"):
        transaction.apply()
    with pytest.raises(UserError, match="is not a regular file"):
        read_states(repository, [path])
    with pytest.raises(OSError):
        write_disk(repository, path, states[path])
    assert siblings.read(f"{path}/mine") == b"kept"
    assert list(siblings.root.rglob(".migmerge-*")) == []


def test_index_that_git_won_t_take_is_git_s_own_error(siblings: Repo) -> None:
    repository = find_repository(str(siblings.root))
    (before,) = read_states(repository, ["shop/migrations/0002_price.py"]).values()
    after = before._replace(entries=(b"100644 nonsense 0\tshop/migrations/0002_price.py",))
    transaction = Transaction(
        repository,
        {"shop/migrations/0002_price.py": before},
        {"shop/migrations/0002_price.py": after},
    )
    state = siblings.state()
    with pytest.raises(GitError):
        transaction.apply()
    assert siblings.state() == state
    is_tidy(siblings)


def test_undo_leaves_an_entry_that_somebody_staged_since(siblings: Repo) -> None:
    """The file is as the fix left it, and its entry isn't."""
    siblings.fix("--strategy", "renumber")
    path = "shop/migrations/0003_price.py"
    written = siblings.read(path)
    siblings.write(path, written + b"# mine\n")
    siblings.git("add", "-A")
    siblings.write(path, written)
    repository = find_repository(str(siblings.root))
    change = last_backup(repository)
    assert change is not None
    journal = siblings.root / ".git/migmerge/journal"
    journal.write_bytes(repository.git("cat-file", "blob", f"{change.ref}:journal"))
    assert take_back(repository, change).left == (path,)
    assert b"# mine" in siblings.git("show", f":{path}").encode()


def test_a_number_that_another_worktree_took_just_now(
    siblings: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    siblings.git("update-ref", "refs/migmerge/backup/1", siblings.git("write-tree").strip())
    repository = find_repository(str(siblings.root))
    seen = [[], [1]]  # what there is when it looks, and when it looks again
    monkeypatch.setattr("migmerge.resolve.journal._numbers", lambda _: seen.pop(0))
    states = read_states(repository, ["shop/migrations/0002_price.py"])
    assert begin(repository, states, states).number == 2


def test_a_backup_that_git_won_t_make_stops_the_fix(siblings: Repo) -> None:
    siblings.write(".git/refs/migmerge/backup/1.lock", "")
    before = siblings.state()
    done = siblings.run("fix", "--yes")
    assert done.returncode == 2
    assert done.stderr.startswith("migmerge: MM309 git failed: ")
    (siblings.root / ".git/refs/migmerge/backup/1.lock").unlink()
    assert siblings.state() == before
    assert siblings.fix()["resolutions"][0]["status"] == "fixed"


def test_fix_of_a_stopped_merge_whose_file_is_gone(repo: Repo) -> None:
    """Somebody removed the unmerged file; both contents are in the index."""
    collision(repo)
    repo.git("merge", "-q", "feature", fails=True)
    (repo.root / "shop/migrations/0002_product.py").unlink()
    assert repo.fix()["resolutions"][0]["status"] == "fixed"
    assert repo.check()["conflicts"] == []


def sparse(repo: Repo) -> None:
    """A sparse checkout that does not have the migrations."""
    repo.write("other/notes.txt", "x\n")
    repo.commit("other")
    repo.git("sparse-checkout", "set", "other")


def flags(repo: Repo) -> str:
    return repo.git("ls-files", "-v", "-s") + repo.git("status", "--porcelain")


def test_undo_in_a_sparse_checkout(siblings: Repo) -> None:
    sparse(siblings)
    before = siblings.state(), flags(siblings), sorted(siblings.root.rglob("*"))
    siblings.fix("--strategy", "renumber")
    assert siblings.git("status", "--porcelain") == (
        "R  shop/migrations/0002_price.py -> shop/migrations/0003_price.py\n"
    )
    assert siblings.run("undo").returncode == 0
    assert flags(siblings) == before[1]


@pytest.mark.corpus
def test_fix_killed_at_every_step_in_a_sparse_checkout(siblings: Repo, tmp_path: Path) -> None:
    sparse(siblings)
    before = flags(siblings)
    pristine = tmp_path / "pristine"
    shutil.copytree(siblings.root, pristine, symlinks=True)
    for step in some(range(1, 200)):
        shutil.rmtree(siblings.root)
        shutil.copytree(pristine, siblings.root, symlinks=True)
        if run_killed(siblings, step, *RENUMBER, "--skip-verification") == 0:
            return
        siblings.run("check")
        if "R  shop" not in flags(siblings):
            assert flags(siblings) == before, step
    raise AssertionError("too many steps")


def test_fix_of_a_file_that_git_assumes_unchanged(siblings: Repo) -> None:
    """The flag stays; private edits under it are neither lost nor committed."""
    path = "shop/migrations/0002_price.py"
    siblings.git("update-index", "--assume-unchanged", path)
    before = siblings.state(), flags(siblings)
    siblings.fix("--strategy", "renumber")
    assert "h 100644" in flags(siblings) and "0003_price.py" in flags(siblings)
    assert siblings.run("undo").returncode == 0
    assert (siblings.state(), flags(siblings)) == before
    siblings.write(path, siblings.read(path) + b"# private\n")
    done = siblings.run("fix", "--yes", "--strategy", "renumber", "--commit")
    assert (done.returncode, done.stderr) == (
        2,
        f"migmerge: MM316 edits in {path} that git is told not to see (assume-unchanged)\n"
        f"hint: git update-index --no-assume-unchanged -- {path}, git add or git stash them, "
        "then run migmerge fix again\n",
    )
    assert siblings.read(path).endswith(b"# private\n")
    assert flags(siblings) == before[1]


def test_fix_of_a_file_that_is_to_be_added(siblings: Repo) -> None:
    """git add --intent-to-add: nobody said what is to be committed."""
    siblings.git("checkout", "-q", "HEAD^1")
    path = siblings.migration("shop", "0003_mine", "0002_price")
    siblings.git("merge", "-q", "--no-edit", "main")
    siblings.git("add", "--intent-to-add", path)
    before = flags(siblings)
    done = siblings.run(
        "fix", "--yes", "--strategy", "renumber", "--move", "0002_price", "--commit"
    )
    assert done.returncode == 2
    assert f"unstaged edits in {path}" in done.stderr
    assert flags(siblings) == before


def test_undo_of_a_blob_that_git_replace_hides(siblings: Repo) -> None:
    before = siblings.state()
    siblings.fix("--strategy", "renumber")
    path = "shop/migrations/0002_price.py"
    old = siblings.git("rev-parse", f"HEAD:{path}").strip()
    other = siblings.git("rev-parse", "HEAD:shop/migrations/0002_stock.py").strip()
    siblings.git("replace", "-f", old, other)
    assert siblings.run("undo").returncode == 0
    siblings.git("replace", "-d", old)
    assert siblings.state() == before


def test_gc_while_a_fix_runs(siblings: Repo) -> None:
    """What is not committed anywhere is kept by a ref before the journal names it."""
    before = siblings.state()
    script = """\
import subprocess, sys, os
import migmerge.resolve.journal as journal
real = journal._write
def write(repository, text):
    subprocess.run(["git", "gc", "--quiet", "--prune=now"], check=True)
    real(repository, text)
    subprocess.run(["git", "gc", "--quiet", "--prune=now"], check=True)
    if sys.argv[1] == "kill":
        os.kill(os.getpid(), 9)
journal._write = write
from migmerge.cli import main
sys.exit(main(sys.argv[2:]))
"""
    for how in ("kill", "finish"):
        done = subprocess.run(
            [sys.executable, "-c", script, how, *RENUMBER],
            cwd=siblings.root, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == (0 if how == "finish" else -9), done.stderr
        siblings.run("check")
        assert (siblings.state() == before) == (how == "kill")
    siblings.git("gc", "--quiet", "--prune=now")
    assert siblings.run("undo").returncode == 0
    assert siblings.state() == before
    is_tidy(siblings)
    assert refs(siblings) == []


def test_a_put_back_tells_what_somebody_changed_meanwhile(
    siblings: Repo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from migmerge.cli import main
    from migmerge.commands import apply

    path = "shop/migrations/0003_price.py"

    def edited(*_: object) -> None:
        siblings.write(path, siblings.read(path) + b"# mine\n")
        raise KeyboardInterrupt

    monkeypatch.setattr(apply, "_verify", edited)
    assert main(["-C", str(siblings.root), *RENUMBER]) == 130
    told = capsys.readouterr().err
    assert f"left as they are, since changed meanwhile: {path}" in told
    assert "what was there before is in refs/migmerge/backup/1" in told
    assert siblings.read(path).endswith(b"# mine\n")


def test_a_journal_that_can_not_be_written(siblings: Repo) -> None:
    """As on a full disk: nothing is changed, and the message names the file (MM329)."""
    script = """\
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from migmerge.cli import main
import migmerge.resolve.journal as journal
real = journal._write
def write(repository, text):
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
    real(repository, text)
journal._write = write
sys.exit(main(sys.argv[1:]))
"""
    before = siblings.state()
    done = subprocess.run(
        [sys.executable, "-c", script, *RENUMBER],
        cwd=siblings.root, capture_output=True, text=True, check=False, env=unmeasured(),
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == (
        "migmerge: MM329 the system refused: File too large\nhint: migmerge explain MM329\n"
    )
    assert siblings.state() == before
    assert list((siblings.root / ".git/migmerge").glob("journal*")) == []

"""What a check remembers: never another answer than a first look's, whatever became of the files."""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from migmerge.cli import main
from migmerge.git.cache import load, store
from migmerge.git.repository import find_repository
from tests.conftest import Repo, migration_text, unmeasured

HEAVY = ("git", "libcst", "rich", "django", "ast", "json", "asyncio", "tomllib", "configparser")


@pytest.fixture
def shop(repo: Repo) -> Repo:
    """Two apps, four migrations, a label in apps.py, a lock file: nothing to find."""
    repo.migration("shop", "0001_initial")
    repo.migration("shop", "0002_price", "0001_initial")
    repo.write("shop/migrations/max_migration.txt", "0002_price\n")
    repo.write("services/users/apps.py", 'class C:\n    label = "accounts"\n')
    repo.write("services/users/migrations/0001_initial.py", migration_text())
    repo.write("services/users/migrations/0002_x.py", migration_text(("accounts", "0001_initial")))
    repo.write("shop/models.py", "")
    repo.commit()
    return repo


def cache(repo: Repo) -> Path:
    return repo.root / ".git" / "migmerge" / "cache" / "{}.{}".format(*sys.version_info)


def said(repo: Repo, *arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    out.reconfigure = err.reconfigure = lambda **_: None  # type: ignore[attr-defined]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["-C", str(repo.root), "check", *arguments])
    gc.enable()
    return code, out.getvalue(), err.getvalue()


def cold(repo: Repo, *arguments: str) -> tuple[int, str, str]:
    """What a check says that remembers nothing, and leaves no memory."""
    kept = cache(repo).with_name("kept")
    if cache(repo).exists():
        cache(repo).rename(kept)
    answer = said(repo, *arguments)
    subprocess.run(["rm", "-rf", str(cache(repo))], check=True)
    if kept.exists():
        kept.rename(cache(repo))
    return answer


def test_a_clean_check_reads_two_things_the_second_time(shop: Repo, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom migmerge.cli import main\n"
        "code = main(sys.argv[1:])\n"
        f"print(code, [m for m in {HEAVY!r} if m in sys.modules])\n"
    )

    def run(*arguments: str) -> tuple[str, list[str]]:
        trace = tmp_path / "trace"
        trace.write_text("")
        done = subprocess.run(
            [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{code}", *arguments],
            cwd=shop.root, capture_output=True, text=True, check=True,
            env={**os.environ, "GIT_TRACE": str(trace)},
        )  # fmt: skip
        started = [line.split("built-in: git ")[-1] for line in trace.read_text().splitlines()]
        return done.stdout, [line.split()[0] for line in started]

    for arguments in (("check",), ("check", "--staged"), ("check", "--rev", "HEAD")):
        first, _ = run(*arguments)
        assert "'json'" in first  # it looked
        assert not any(f"'{name}'" in first for name in ("git", "libcst", "rich", "django"))
        again, processes = run(*arguments)
        assert again == "0 []\n"
        assert processes[-1] in ("ls-files", "ls-tree") and "cat-file" not in processes
    assert processes == ["rev-parse", "rev-parse", "ls-tree"]


def edit(path: str, text: str) -> Callable[[Repo], object]:
    return lambda repo: repo.write(path, text)


CHILD = migration_text(("shop", "0002_price"))
STEPS: dict[str, Callable[[Repo], object]] = {
    "a file that is none of ours": edit("shop/models.py", "x = 1\n"),
    "a new migration, not tracked": edit("shop/migrations/0003_a.py", CHILD),
    "a sibling, not tracked": edit("shop/migrations/0003_b.py", CHILD),
    "staged": lambda repo: repo.git("add", "-A"),
    "fixed on disk alone": edit("shop/migrations/0003_b.py", migration_text(("shop", "0003_a"))),
    "gone on disk": lambda repo: (repo.root / "shop/migrations/0003_b.py").unlink(),
    "gone": lambda repo: repo.git("rm", "-q", "--cached", "shop/migrations/0003_b.py"),
    "the lock file": edit("shop/migrations/max_migration.txt", "0003_a\n"),
    "committed": lambda repo: repo.commit(),
    "edited in place, same size": edit("shop/migrations/0003_a.py", CHILD.replace("0002_price", "0002_prixx")),
    "edited back": edit("shop/migrations/0003_a.py", CHILD),
    "another label": edit("services/users/apps.py", 'class C:\n    label = "other"\n'),
    "no apps.py": lambda repo: (repo.root / "services/users/apps.py").unlink(),
    "a number without a directory of that name": edit("db/0001_initial.py", migration_text()),
    "and its sibling": edit("db/0001_other.py", migration_text()),
    "one without a number": edit("db/unlike.py", migration_text(("db", "0001_initial"))),
    "that is staged": lambda repo: repo.git("add", "-A"),
    "and another": edit("db/more.py", migration_text(("db", "0001_initial"))),
    "which goes": lambda repo: (repo.root / "db/more.py").unlink(),
    "all of it": lambda repo: repo.commit(),
    "left out": edit("setup.cfg", "[migmerge]\nexclude = db/*\n"),
    "no more": lambda repo: (repo.root / "setup.cfg").unlink(),
    "a link": lambda repo: (repo.root / "shop/migrations/0004_l.py").symlink_to("0003_a.py"),
    "that leads elsewhere": lambda repo: (repo.git("add", "-A"), (repo.root / "shop/migrations/0003_a.py").write_text(CHILD + "x = (")),
    "its mode": lambda repo: (repo.root / "shop/migrations/0001_initial.py").chmod(0o755),
}  # fmt: skip


@pytest.mark.corpus
def test_every_step_is_seen(shop: Repo) -> None:
    ways: list[tuple[str, ...]] = [(), ("--staged",), ("--rev", "HEAD")]
    for name, step in STEPS.items():
        step(shop)
        for way in ways:
            wanted = cold(shop, *way)
            assert said(shop, *way) == wanted, (name, way, "as it was remembered")
            assert said(shop, *way) == wanted, (name, way, "remembered now")


def test_a_file_that_git_may_not_look_at(shop: Repo) -> None:
    """Its content is nobody else's, though it has the name of another in the index."""
    path = "shop/migrations/0002_price.py"
    before = shop.read(path)
    shop.git("update-index", "--assume-unchanged", path)
    shop.migration("shop", "0002_price")
    assert said(shop)[0] == said(shop)[0] == cold(shop)[0] == 1
    shop.write(path, before)
    shop.git("update-index", "--no-assume-unchanged", path)
    assert (
        said(shop) == said(shop) == cold(shop) == (0, "", "4 migrations in 2 apps: no conflicts\n")
    )


@pytest.mark.parametrize("form", ["crlf", "filter"])
def test_files_that_are_other_on_disk(shop: Repo, form: str) -> None:
    """Line ends are no matter; what a filter makes of a file is read each time."""
    if form == "crlf":
        shop.write(".gitattributes", "*.py eol=crlf\n")
    else:
        shop.write(".gitattributes", "*.py filter=turned\n")
        for way in ("clean", "smudge"):
            shop.git("config", f"filter.turned.{way}", "rev")
    shop.git("add", "--renormalize", ".")
    shop.git("commit", "-q", "-m", "x", "--allow-empty")
    shop.git("rm", "-q", "-r", "--cached", ".")
    shop.git("reset", "-q", "--hard")
    staged, onto = said(shop, "--staged"), said(shop)
    assert onto[:2] == (0, "") and "4 migrations" in onto[2]
    assert (staged == onto) == (form == "crlf")
    assert (said(shop, "--staged"), said(shop)) == (staged, onto)
    assert (cache(shop) / "clean-worktree").exists() == (form == "crlf")
    assert b"\r\n" in shop.read("shop/migrations/0002_price.py") or form == "filter"


def test_a_filter_that_is_switched_on(shop: Repo) -> None:
    """As git-crypt unlock does: the same objects, other files."""
    plain = {
        p: shop.read(p)
        for p in ("shop/migrations/0002_price.py", "shop/migrations/0001_initial.py")
    }
    shop.write(".gitattributes", "shop/**/*.py filter=turned\n*.psd filter=lfs\n")
    for path, text in plain.items():
        shop.write(path, b"\n".join(line[::-1] for line in text.split(b"\n")))
    shop.commit()
    locked = said(shop)
    assert "2 migrations in 1 app" in locked[2] and said(shop) == locked
    for way in ("clean", "smudge"):
        shop.git("config", f"filter.turned.{way}", "rev")
    for path in plain:
        (shop.root / path).unlink()
    shop.git("checkout", "--", ".")
    assert "4 migrations in 2 apps" in said(shop)[2]
    assert said(shop) == cold(shop)


def test_filters_of_other_files_are_no_matter(shop: Repo) -> None:
    shop.write(".gitattributes", "*.psd filter=lfs diff=lfs -text\n/big/*.bin filter=lfs\n")
    shop.commit()
    said(shop)
    assert (cache(shop) / "clean-worktree").exists()


def test_a_directory_that_becomes_a_link(shop: Repo, tmp_path: Path) -> None:
    said(shop)
    (shop.root / "shop/migrations").rename(tmp_path / "elsewhere")
    (shop.root / "shop/migrations").symlink_to(tmp_path / "elsewhere")
    assert said(shop) == cold(shop)
    assert "2 migrations in 1 app" in said(shop)[2]


def test_a_file_that_changes_while_it_is_read(shop: Repo, tmp_path: Path) -> None:
    """git has listed a sibling that is fixed before we read it, and then put back."""
    path = "shop/migrations/0002_again.py"
    shop.migration("shop", "0002_again", "0001_initial")
    shop.write("shop/migrations/max_migration.txt", "0002_again\n")
    shop.commit()
    wrong, right = shop.read(path), migration_text(("shop", "0002_price")).encode()
    (tmp_path / "right").write_bytes(right)
    tools = tmp_path / "tools"
    tools.mkdir()
    real = subprocess.run(
        ["which", "git"], capture_output=True, text=True, check=True
    ).stdout.strip()
    (tools / "git").write_text(
        f'#!/bin/sh\n{real} "$@"; code=$?\n'
        f'case "$*" in *ls-files*) cp {tmp_path}/right {shop.root / path};; esac\nexit $code\n'
    )
    (tools / "git").chmod(0o755)
    meanwhile = shop.run("check", env={"PATH": f"{tools}:{os.environ['PATH']}"})
    assert meanwhile.returncode == 0
    shop.write(path, wrong)
    shop.git("status")
    assert said(shop)[0] == cold(shop)[0] == 1


def test_the_base_branch_is_asked_for_where_it_matters(shop: Repo) -> None:
    shop.publish()
    shop.migration("shop", "0002_again", "0002_price")
    shop.write("shop/migrations/max_migration.txt", "0002_again\n")
    shop.commit()
    first = said(shop)
    assert first[0] == 0 and "have the same number" in first[2]
    assert said(shop) == first
    shop.publish()  # now it is old
    assert said(shop) == cold(shop) == (0, "", "5 migrations in 2 apps: no conflicts\n")
    shop.git("update-ref", "-d", "refs/remotes/origin/main")
    assert said(shop) == cold(shop)


def broken(data: bytes) -> dict[str, bytes]:
    head, _, body = data.partition(b"\n")
    return {
        "empty": b"",
        "cut": data[: len(data) // 2],
        "cut in its first line": head[:9],
        "one bit": data[:-9] + bytes([data[-9] ^ 1]) + data[-8:],
        "longer": data + b"x",
        "another version's": head.replace(b"0.1.0", b"9.9.9") + b"\n" + body,
        "rubbish": os.urandom(500),
        "other line ends": data.replace(b"\n", b"\r\n"),
    }


@pytest.mark.parametrize("case", broken(b"x" * 20))
def test_a_broken_cache_is_as_none(shop: Repo, case: str) -> None:
    assert said(shop)[0] == 0
    shop.migration("shop", "0003_a", "0002_price")
    shop.migration("shop", "0003_b", "0002_price")
    wanted = cold(shop)
    assert wanted[0] == 1
    for path in cache(shop).iterdir():
        path.write_bytes(broken(path.read_bytes())[case])
    assert said(shop) == wanted
    (shop.root / "shop/migrations/0003_b.py").unlink()
    shop.write("shop/migrations/max_migration.txt", "0003_a\n")
    assert said(shop) == said(shop) == (0, "", "5 migrations in 2 apps: no conflicts\n")


@pytest.mark.parametrize("answer", [1, 1.5, [1], [[1]], [[["a", "b"]]], [[["a", 1, 2]]], {}, [[], [], [], [], [], [], []], [[], [], [], [], "x"]])  # fmt: skip
def test_a_planted_cache_is_not_believed_further_than_its_form(shop: Repo, answer: object) -> None:
    wanted = said(shop)
    path = cache(shop) / "headers"
    head, _, body = path.read_bytes().partition(b"\n")
    planted = json.dumps(dict.fromkeys(json.loads(body), answer)).encode()
    repository = find_repository(str(shop.root))
    form = b" ".join(head.split()[1:-2]).decode()
    store(repository, "headers", form, planted)
    assert load(repository, "headers", form) == planted
    (cache(shop) / "clean-worktree").unlink()
    assert said(shop) == wanted


def test_a_place_that_can_t_be_written(shop: Repo) -> None:
    (shop.root / ".git/migmerge").write_text("")  # no directory can be made there
    for _ in range(2):
        assert said(shop) == (0, "", "4 migrations in 2 apps: no conflicts\n")
    (shop.root / ".git/migmerge").unlink()
    cache(shop).mkdir(parents=True)
    for name in ("headers", "clean-worktree"):
        (cache(shop) / name).mkdir()
    for _ in range(2):
        assert said(shop) == (0, "", "4 migrations in 2 apps: no conflicts\n")
    assert sorted(path.name for path in cache(shop).iterdir()) == ["clean-worktree", "headers"]


def test_a_full_disk(shop: Repo) -> None:
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "migmerge", "check"], cwd=shop.root,
            capture_output=True, text=True, check=False, env=unmeasured(),
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "4 migrations in 2 apps: no conflicts\n")
    assert not list(cache(shop).iterdir())


def test_another_version_of_python_has_a_cache_of_its_own(shop: Repo) -> None:
    said(shop)
    files = {path.name: path.read_bytes() for path in cache(shop).iterdir()}
    other = cache(shop).rename(cache(shop).with_name("3.1"))
    assert said(shop) == (0, "", "4 migrations in 2 apps: no conflicts\n")
    assert {path.name: path.read_bytes() for path in cache(shop).iterdir()} == files
    assert {path.name: path.read_bytes() for path in other.iterdir()} == files


def test_two_at_once(shop: Repo) -> None:
    for place in range(40):
        shop.migration(f"app{place}", "0001_initial")
    shop.commit()
    for _ in range(3):
        subprocess.run(["rm", "-rf", str(cache(shop))], check=True)
        started = [
            subprocess.Popen(
                [sys.executable, "-m", "migmerge", "check"], cwd=shop.root,
                stderr=subprocess.PIPE, text=True,
            )
            for _ in range(4)
        ]  # fmt: skip
        told = {process.communicate()[1] for process in started}
        assert told == {"44 migrations in 42 apps: no conflicts\n"}
        assert sorted(path.name for path in cache(shop).iterdir()) == ["clean-worktree", "headers"]
        assert said(shop)[2] in told


def test_many_files_are_read_by_several_processes(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    from migmerge.analysis import parallel_reading

    texts = [(migration_text(("shop", f"{n:04}_x")).encode(), True, False) for n in range(60)]
    wanted = parallel_reading.read_headers(texts)
    monkeypatch.setattr(parallel_reading, "_MANY", 10)
    assert parallel_reading.read_headers(texts) == wanted
    monkeypatch.setattr("concurrent.futures.process._system_limits_checked", True)
    monkeypatch.setattr("concurrent.futures.process._system_limited", "no semaphores")
    assert parallel_reading.read_headers(texts) == wanted

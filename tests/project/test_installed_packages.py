"""An installed package with two leaf nodes stops `migrate` of the whole project."""

from __future__ import annotations

import pytest

from tests.conftest import migration_text
from tests.project.conftest import Site

FAILED = "failed: the installed app wares has the leaf nodes 0002_a and 0002_local"


@pytest.fixture
def packaged(site: Site) -> Site:
    """`wares` is installed beside Django, and git does not know it."""
    site.write(".gitignore", site.read(".gitignore") + b"env/\n")
    package = "env/lib/site-packages/wares"
    for place in (package, f"{package}/migrations"):
        site.write(f"{place}/__init__.py", "")
    site.write(f"{package}/models.py", "")
    for name, *parents in (("0001_initial",), ("0002_a", "0001_initial")):
        text = migration_text(*(("wares", parent) for parent in parents))
        site.write(f"{package}/migrations/{name}.py", text)
    settings = site.read("site_settings.py").decode().replace('"cart"]', '"cart", "wares"]')
    site.write(
        "site_settings.py", f"import sys\n{settings}sys.path.append('env/lib/site-packages')\n"
    )
    site.write(
        "manage.py",
        b"import sys; sys.path.append('env/lib/site-packages')\n" + site.read("manage.py"),
    )
    site.commit("wares")
    return site


def local(site: Site) -> None:
    """What makemigrations without a label writes into the installed package."""
    text = migration_text(("wares", "0001_initial"))
    site.write("env/lib/site-packages/wares/migrations/0002_local.py", text)


def test_fix_never_says_django_ok_over_it(packaged: Site) -> None:
    local(packaged)
    document = packaged.fix(code=1)
    assert FAILED in str(document)
    assert packaged.run("check").returncode == 1  # everything was put back


def test_verify_names_it(packaged: Site) -> None:
    packaged.fix()
    assert "shop: Django ok" in packaged.run("verify", "shop").stdout
    local(packaged)
    assert f"Django {FAILED}" in packaged.run("verify", "shop").stdout


FILES = "env/lib/site-packages/wares/migrations"


def stray(site: Site, *listed: str) -> None:
    """makemigrations wrote 0003_local into the package, and 0002_price depends on it; pip wrote a
    list of the package's files."""
    site.write(f"{FILES}/0003_local.py", migration_text(("wares", "0002_a")))
    source = site.read("shop/migrations/0002_price.py").decode()
    more = source.replace("dependencies = [", "dependencies = [\n        ('wares', '0003_local'),")
    site.write("shop/migrations/0002_price.py", more)
    site.commit("depends on it")
    names = ("wares/__init__.py", "wares/migrations/__init__.py", *listed)
    record = "".join(f"{name},sha256=x,1\n" for name in names)
    site.write("env/lib/site-packages/wares-1.0.dist-info/RECORD", record)


STRAY = (
    "shop.0002_price depends on wares.0003_local, which only this machine has: no installed "
    "package lists "
)


def test_migration_that_only_this_machine_has(packaged: Site) -> None:
    stray(packaged)
    document = packaged.fix(code=1)
    path = str((packaged.root / FILES / "0003_local.py").resolve())
    assert document["verification"]["django"] == f"failed: {STRAY}{path}"
    done = packaged.run("doctor")
    assert done.returncode == 1
    assert f"package: {STRAY}{path}\n  next: remove what is not the package's own" in done.stdout


def test_migration_that_its_package_lists(packaged: Site) -> None:
    stray(packaged, "wares/migrations/0003_local.py")
    assert packaged.fix()["verification"]["django"] == "ok"
    assert "package: " not in packaged.run("doctor").stdout


def test_package_without_a_list_of_files(packaged: Site) -> None:
    stray(packaged)
    (packaged.root / "env/lib/site-packages/wares-1.0.dist-info/RECORD").unlink()
    assert packaged.fix()["verification"]["django"] == "ok"

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

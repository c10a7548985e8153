"""Where nothing but a lock file is written, Django is asked all the same."""

from __future__ import annotations

import pytest

from tests.project.conftest import Site

pytestmark = pytest.mark.once

LOCK = "shop/migrations/max_migration.txt"


def lock(site: Site) -> None:
    site.git("checkout", "-q", "-B", "locked", "main")
    site.write(LOCK, "0001_initial\n")
    site.commit("a lock file that is behind")


def test_stale_lock_file_is_verified_with_the_project(site: Site) -> None:
    lock(site)
    document = site.fix()
    assert (site.read(LOCK), document["verification"]["django"]) == (b"0002_stock\n", "ok")


def test_stale_lock_file_is_put_back_where_django_finds_a_fault(site: Site) -> None:
    lock(site)
    site.field("forgotten")
    document = site.fix(code=1)
    assert document["verification"]["django"].startswith(
        "failed: makemigrations --check finds changes"
    )
    assert site.read(LOCK) == b"0001_initial\n"

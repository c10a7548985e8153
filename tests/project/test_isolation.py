"""Migrations that run on scratch databases have no effect anywhere else."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator

import pytest

from tests.project.conftest import Site

SETTINGS = """
import os
TOP = os.path.dirname(__file__)
CACHES = {"default": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": TOP + "/cache"}}
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = TOP + "/mails"
MEDIA_ROOT = TOP + "/media"
"""
MIGRATION = """
from django.db import migrations, models


def effects(apps, editor):
{body}


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.AddField("product", "stock", models.IntegerField(default=0)),
        migrations.RunPython(effects, migrations.RunPython.noop),
    ]
"""
CONTAINED = """
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.mail import send_mail
send_mail("Your prices change", "...", "shop@example.org", ["customer@example.org"])
assert default_storage.open("invoices/old.txt").read() == b"precious"
assert default_storage.listdir("invoices") == ([], ["old.txt"])
default_storage.delete("invoices/old.txt")
assert not default_storage.exists("invoices/old.txt")
assert default_storage.listdir("invoices") == ([], [])
name = default_storage.save("invoices/new.txt", ContentFile(b"new"))
assert default_storage.open(name).read() == b"new"
default_storage.delete(name)
with default_storage.open("notes.txt", "wb") as handle:
    handle.write(b"changed")
FileSystemStorage("media/other").save("made.txt", ContentFile(b"x"))
cache.set("migrated", 1)
assert cache.get("migrated") == 1
"""


@pytest.fixture(autouse=True)
def proved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIGMERGE_VERIFY_SECONDS", "60")


def merged(site: Site, body: str) -> Site:
    """main's migration has effects, and both leaves are there."""
    site.git("checkout", "-q", "main")
    site.write("site_settings.py", site.read("site_settings.py").decode() + SETTINGS)
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    site.write("shop/migrations/0002_stock.py", MIGRATION.format(body=lines))
    site.write("media/invoices/old.txt", "precious")
    site.write("media/notes.txt", "precious")
    site.commit("effects")
    site.publish()
    site.git("checkout", "-q", "feature")
    site.git("merge", "-q", "--no-edit", "main")
    return site


def test_mail_storage_and_cache_of_a_data_migration_stay_as_they_are(site: Site) -> None:
    merged(site, CONTAINED)
    before = site.git("status", "--porcelain", "--ignored")
    document = site.fix("--strategy", "merge")
    assert document["verification"]["databases"].startswith("ok: "), document
    made = "A  shop/migrations/0003_merge_0002_price_0002_stock.py\n"
    assert site.git("status", "--porcelain", "--ignored") == made + before
    site.commit("merged")
    assert site.run("verify").returncode == 0
    assert site.git("status", "--porcelain", "--ignored") == before


@pytest.fixture
def listener() -> Iterator[tuple[int, list[object]]]:
    """A port, and who connected to it."""
    connected: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        done = threading.Event()

        def accept() -> None:
            while not done.is_set():
                try:
                    connected.append(server.accept()[1])
                except TimeoutError:
                    continue

        thread = threading.Thread(target=accept)
        thread.start()
        yield server.getsockname()[1], connected
        done.set()
        thread.join()


@pytest.mark.parametrize("swallowed", [False, True], ids=["raised", "swallowed"])
def test_network_of_a_data_migration_is_refused(
    site: Site, listener: tuple[int, list[object]], swallowed: bool
) -> None:
    port, connected = listener
    call = f"import socket\ntry:\n    socket.create_connection(('127.0.0.1', {port}), 2)\n"
    merged(site, call + ("except OSError:\n    pass" if swallowed else "finally:\n    pass"))
    document = site.fix("--strategy", "merge", code=1)
    told = "skipped: shop.0002_stock wants the network (127.0.0.1): refused"
    assert document["verification"]["databases"].startswith(told), document
    assert document["verification"]["verified"] is False
    assert document["resolutions"][0]["status"] == "fixed"
    site.commit("merged")
    done = site.run("verify")
    assert done.returncode == 1
    assert "  refused: shop.0002_stock wants the network (127.0.0.1)\n" in done.stdout
    assert connected == []


EFFECTS = {
    "import os; os.remove('media/notes.txt')": "changes media/notes.txt",
    "import shutil; shutil.rmtree('media')": "changes media",
    "open('media/notes.txt', 'w').close()": "writes to media/notes.txt",
    "import os; os.system('rm media/notes.txt')": "starts another process (b'rm media",
    "import subprocess; subprocess.run(['touch', 'x'])": "starts another process (touch)",
    "from django.core.cache import cache; cache.delete_pattern('*')": "uses the cache's own",
}


def test_effects_of_a_data_migration_are_refused(site: Site) -> None:
    """Also where its code goes on as if nothing had happened."""
    body = "".join(f"try:\n    {code}\nexcept OSError:\n    pass\n" for code in EFFECTS)
    document = merged(site, body).fix("--strategy", "merge", code=1)
    databases = document["verification"]["databases"]
    assert [told for told in EFFECTS.values() if f"shop.0002_stock {told}" not in databases] == []
    assert site.git("status", "--porcelain").count("\n") == 1
    assert site.read("media/notes.txt") == b"precious"


@pytest.mark.corpus
def test_data_migration_may_use_temporary_files(site: Site) -> None:
    body = """
import tempfile, os
with tempfile.TemporaryDirectory() as place:
    os.makedirs(place + "/a/b")
    open(place + "/a/b/c", "w").close()
    os.makedirs("media", exist_ok=True)
"""
    document = merged(site, body).fix("--strategy", "merge")
    assert document["verification"]["databases"].startswith("ok: "), document


@pytest.mark.corpus
def test_verify_code_runs_no_data_migration(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIGMERGE_VERIFY_CODE", "false")
    merged(site, "raise ValueError")
    document = site.fix("--strategy", "merge")
    told = "skipped: verify_code is false: the code of shop.0002_stock was not run"
    assert document["verification"]["databases"] == told
    assert document["verification"]["verified"] is False
    site.commit("merged")
    done = site.run("verify", "--format", "json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["projects"][0]["code_left_out"] == ["shop.0002_stock"]


@pytest.mark.corpus
@pytest.mark.parametrize(
    "url", ["postgres://postgres@127.0.0.1/test", "mysql://root@127.0.0.1:3306/test", "sqlite:///x"]
)
def test_verify_refuses_a_database_that_is_named(site: Site, url: str) -> None:
    """It would be connected to, and migrations would run beside what is in it."""
    site.fix("--strategy", "merge", "--skip-verification")
    done = site.run("verify", "--database", url)
    assert done.returncode == 2
    assert done.stderr.startswith("migmerge: MM323 --database "), done.stderr

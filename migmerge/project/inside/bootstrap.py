# mypy: ignore-errors
"""Run the project's manage.py, load the project as the request says, answer its question."""

import json
import os
import sys

REQUEST = {}
OWN_SETTINGS = {}  # of the project's databases, by alias


class Refused(Exception):
    """Something that stands against it, for the user's eyes as it is."""


def set_up():
    """Load the project, whose environment is set up: by its manage.py, if there is one.

    `databases` of the request are the settings that stand for those of every alias; "dummy"
    is Django's dummy backend, since with the real ones makemigrations is stopped by a missing
    driver, or by a local history that the conflict itself made inconsistent; "nameless" are the
    project's own servers without the name of a database; None means the project's own.
    """
    if REQUEST["settings"]:  # as --settings does
        os.environ["DJANGO_SETTINGS_MODULE"] = REQUEST["settings"]
    import django
    from django.apps import apps

    if not apps.ready:  # it is under `manage.py shell`
        from django.conf import settings

        # before any model is imported: that alone may load a database's driver
        settings.DATABASES = stand_ins(settings.DATABASES or {"default": {}})
        if REQUEST["databases"] == "dummy":
            settings.DATABASE_ROUTERS = []
        django.setup()

    from django.db import connections, router

    if REQUEST["databases"]:
        for alias, standing in stand_ins(dict(connections.settings)).items():
            use(alias, standing)

    if REQUEST["databases"] == "dummy":
        router._routers = []
        router.__dict__.pop("routers", None)


def stand_ins(own):
    """The settings of every alias, as the request wants them."""
    databases = REQUEST["databases"]
    for alias, settings in own.items():
        OWN_SETTINGS.setdefault(alias, settings)
    if not databases:
        return own
    if databases == "dummy":
        return {alias: {"ENGINE": "django.db.backends.dummy"} for alias in own}
    if databases == "nameless":
        return {alias: nameless(settings) for alias, settings in own.items()}
    return {alias: dict(databases) for alias in own}


def engine_of_alias(alias):
    """The project's own one; empty where there is none."""
    return str(OWN_SETTINGS.get(alias, {}).get("ENGINE", ""))


def nameless(settings):
    """The server of a database, which is not connected to; SQLite in memory where it is a file."""
    if is_sqlite(settings):
        return {"ENGINE": settings["ENGINE"], "NAME": ":memory:"}
    # those of a driver that name a database win over NAME; a pool keeps connections to one
    options = {key: value for key, value in (settings.get("OPTIONS") or {}).items()
               if key not in ("conninfo", "database", "db", "dbname", "dsn", "pool")}  # fmt: skip
    return dict(settings, NAME="", CONN_MAX_AGE=0, OPTIONS=options)


def is_sqlite(settings):
    engine = str(settings.get("ENGINE", ""))
    return "sqlite" in engine or "spatialite" in engine


def use(alias, settings):
    """Let an alias be another database from now on."""
    from django.db import connections

    connections.settings[alias] = dict(settings)
    connections.settings = connections.configure_settings(connections.settings)
    try:
        connections[alias].close()
        del connections[alias]
    except Exception:
        pass  # it was never open


def error_line(error):
    """An error in one line."""
    return type(error).__name__ + ": " + " ".join(str(error).split())[:300]


def end_with_migmerge():
    """End at once when the process that asked is gone: whoever takes back what it had begun must
    not be overtaken. The reading end of standard error is only its."""
    import select
    import threading

    def watch():
        poll = select.poll()
        poll.register(2, 0)
        poll.poll()
        os._exit(1)

    if hasattr(select, "poll"):
        threading.Thread(target=watch, daemon=True).start()


def answer():
    """One of {"skipped": why}, {"refused": why}, {"failed": why}, {"result": ...}."""
    if REQUEST["writes"]:
        end_with_migmerge()
    try:
        set_up()
    except BaseException as error:
        return {"skipped": error_line(error)}

    try:
        return {"result": globals()[REQUEST["question"]]()}
    except Refused as error:
        return {"refused": str(error)}
    except BaseException as error:
        return {"failed": error_line(error)}


def respond(*_):
    """Write the answer where `project/run.py` looks for it."""
    print("\nmigmerge:" + json.dumps(answer()), flush=True)


class TakeOver:
    """A finder on sys.meta_path: where Django would look at the command line, we answer.

    manage.py itself is run as it is, with all that it does to the environment and sys.path;
    nothing of Django is imported before it does so.
    """

    def find_spec(self, name, path=None, target=None):
        if name != "django.core.management":
            return None

        import importlib.util

        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            module.ManagementUtility.execute = respond

        spec.loader.exec_module = exec_module
        return spec


def run_manage(path):
    """Run manage.py up to where it hands over to Django.

    One that starts another process instead, as a wrapper for containers does, has that one run
    this text under `manage.py shell`.
    """
    import runpy

    try:
        os.lseek(0, 0, os.SEEK_SET)  # the other process reads the request, too
    except OSError:
        pass

    os.chdir(REQUEST["directory"])
    sys.path[0] = REQUEST["directory"]  # as for `python manage.py`
    sys.argv = [path, "shell", "-c", REQUEST["text"]]
    if "django.core.management" in sys.modules:
        sys.modules["django.core.management"].ManagementUtility.execute = respond
    else:
        sys.meta_path.insert(0, TakeOver())

    if REQUEST["settings"]:
        os.environ["DJANGO_SETTINGS_MODULE"] = REQUEST["settings"]
    runpy.run_path(path, run_name="__main__")


def main():
    """Called by the text's last line."""
    REQUEST.update(json.load(sys.stdin))
    under_manage = sys.argv[:1] != ["-c"]
    if REQUEST["manage"] and not under_manage:
        run_manage(REQUEST["manage"])
        return
    if not under_manage and REQUEST["settings"]:
        sys.path.insert(0, REQUEST["directory"])
        os.chdir(REQUEST["directory"])
    respond()

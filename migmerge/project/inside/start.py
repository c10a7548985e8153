# mypy: ignore-errors
"""Load the project as the request says, answer its question."""

import json
import os
import sys

REQUEST = {}
ENGINES = {}  # those of the project's own databases


class Refused(Exception):
    """Something that stands against it, for the user's eyes as it is."""


def set_up():
    """Load the project.

    `databases` of the request are the settings that stand for those of every alias; "dummy"
    is Django's dummy backend, since with the real ones makemigrations is stopped by a missing
    driver, or by a local history that the conflict itself made inconsistent; None means the
    project's own.
    """
    if REQUEST["settings"]:  # not under `manage.py shell`, which has done this
        sys.path.insert(0, REQUEST["directory"])
        os.chdir(REQUEST["directory"])
        os.environ["DJANGO_SETTINGS_MODULE"] = REQUEST["settings"]
        import django
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
        ENGINES.setdefault(alias, settings.get("ENGINE", ""))
    if not databases:
        return own
    if databases == "dummy":
        return {alias: {"ENGINE": "django.db.backends.dummy"} for alias in own}
    return {alias: dict(databases) for alias in own}


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


def told(error):
    """An error in one line."""
    return type(error).__name__ + ": " + " ".join(str(error).split())[:300]


def answer():
    """One of {"skipped": why}, {"refused": why}, {"failed": why}, {"result": ...}."""
    try:
        set_up()
    except BaseException as error:
        return {"skipped": told(error)}
    try:
        return {"result": globals()[REQUEST["question"]]()}
    except Refused as error:
        return {"refused": str(error)}
    except BaseException as error:
        return {"failed": told(error)}


def main():
    """Called by the text's last line."""
    REQUEST.update(json.load(sys.stdin))
    print("\nmigmerge:" + json.dumps(answer()))

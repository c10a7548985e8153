# mypy: ignore-errors
"""Which version of an edited migration a database has run."""


def ran_versions():
    """For `[label, name, [source...]]` of the request: the place of the first version in its list
    that explains how the tables differ from the files; None where none does."""
    from django.db import connections
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connections[REQUEST["alias"]])
    applied = executor.loader.applied_migrations
    plan = [migration for migration in full_plan(executor) if key_of(migration) in applied]
    return [ran_version(executor, plan, *version) for version in REQUEST["versions"]]


def ran_version(executor, plan, label, name, sources):
    now = differences(executor, plan, label)
    for place, source in enumerate(sources) if now else ():
        try:
            other = fresh(executor.loader, label, name, source)
            versions = [other if key_of(one) == (label, name) else one for one in plan]
            then = differences(executor, versions, label)
        except Exception:
            continue  # it does not run here any more
        if then < now:
            return place
    return None


def differences(executor, plan, label):
    """How the tables of an app are unlike its models after these migrations."""
    from django.db.migrations.state import ProjectState

    state = forwards(ProjectState(real_apps=executor.loader.unmigrated_apps), plan)
    tables = [model for model in tables_in(state) if model._meta.app_label == label]
    return set(unlike_tables(executor, tables))

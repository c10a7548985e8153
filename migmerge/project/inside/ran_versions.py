# mypy: ignore-errors
"""Which version of an edited migration a database has run."""


def ran_versions():
    """For `[label, name, [source...]]` of the request: the place of the first version in its list
    that explains how the tables differ from the files; None where none does."""
    from django.db import connections
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connections[REQUEST["alias"]])
    applied = executor.loader.applied_migrations
    plan = [migration for migration in full_plan(executor.loader) if key_of(migration) in applied]
    labels = {label for label, _, _ in REQUEST["versions"]}
    now = {label: differences(executor, plan, label) for label in labels}
    return [
        ran_version(executor, plan, (label, name), sources, now[label])
        for label, name, sources in REQUEST["versions"]
    ]


def ran_version(executor, plan, key, sources, now):
    tables = {line.replace(".", " ").split(" ")[0] for line in now}
    for place, source in enumerate(sources):
        try:
            other = fresh(executor.loader, *key, source)
            own = executor.loader.graph.nodes[key]
            operations = [*own.operations, *other.operations]
            if tables.isdisjoint(tables_of(executor, plan, key[0], operations)):
                continue
            versions = [other if key_of(one) == key else one for one in plan]
            then = differences(executor, versions, key[0])
        except (Exception, SystemExit):
            continue  # it does not run here any more
        if then < now:
            return place
    return None


TABLES = {}  # label -> the models of its state by name, each with its tables


def tables_of(executor, plan, label, operations):
    """The tables of the models that operations name, as they are after the plan."""
    if label not in TABLES:
        TABLES[label] = {}
        for model in tables_in(state_after(executor, plan)):
            owner = model._meta.auto_created or model
            if owner._meta.app_label == label:
                tables = TABLES[label].setdefault(owner._meta.model_name, set())
                tables.add(model._meta.db_table)

    names = {
        str(getattr(one, attribute, "")).lower()
        for one in operations
        for attribute in ("model_name", "name", "old_name", "new_name")
    }
    return set().union(*(TABLES[label].get(name, ()) for name in names))


def differences(executor, plan, label):
    """How the tables of an app are unlike its models after these migrations."""
    models = tables_in(state_after(executor, plan))
    return set(unlike_tables(executor, [m for m in models if m._meta.app_label == label]))


def state_after(executor, plan):
    from django.db.migrations.state import ProjectState

    return forwards(ProjectState(real_apps=executor.loader.unmigrated_apps), plan)

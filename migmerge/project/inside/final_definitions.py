# mypy: ignore-errors
"""What the models say of definitions that both sides set, behind migrations that are planned."""


def final_definitions():
    """App label -> {"text": a migration that sets what the models have, empty where nothing is left
    to set} or {"why": no such migration is right}."""
    from django.db.migrations.loader import MigrationLoader

    hide_formatter()
    with planned_packages():
        loader = MigrationLoader(None, ignore_no_migrations=True)
        return {
            label: final_migration(loader.graph, label, wanted)
            for label, wanted in REQUEST["wanted"].items()
        }


def final_migration(graph, label, wanted):
    from django.apps import apps
    from django.db import migrations
    from django.db.migrations.state import ModelState, ProjectState
    from django.db.migrations.writer import MigrationWriter

    plan = graph.forwards_plan((label, wanted["leaf"]))
    state = forwards(ProjectState(), (graph.nodes[key] for key in plan))
    operations = []
    for model, kind, field in wanted["places"]:
        app, _, name = model.partition(".")
        last = final(ModelState.from_model(apps.get_model(app, name)), kind, field)
        now = final(state.models[app, name], kind, field)
        if MigrationWriter.serialize(now) == MigrationWriter.serialize(last):
            continue
        if kind == "field" and not same_schema(now.field, last.field):
            return {"why": model + "." + field + " has another column in models.py"}
        operations.append(last)

    if not operations:
        return {"text": ""}
    made = type("Migration", (migrations.Migration,), {})(wanted["name"], label)
    made.dependencies = [(label, wanted["leaf"])]
    made.operations = operations
    return {"text": MigrationWriter(made, include_header=False).as_string()}

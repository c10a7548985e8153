# mypy: ignore-errors
"""Whether the migrations that both sides have must be run, or their tables can be made from the
state that they end in."""

import re

LONG_HISTORY = 50  # migrations from which a database is made from their state


def can_begin_from_state(labels):
    """Whether the migrations that both sides have are many, and what came later is made of schema
    operations that Django has itself: those see no row and nothing else that code has left.

    Indexes, constraints and sequences keep their names when models, fields and tables get others,
    so nothing may be made again under a name that something had before. And no side may speak of a
    model that became managed, or is no more: its table may be unlike it.
    """
    from django.db.migrations.loader import MigrationLoader

    trees = REQUEST["trees"]
    if REQUEST["full"] or "ancestor" not in trees:
        return False
    TREE.clear()
    TREE.update(nodes=trees["ancestor"])
    loader = MigrationLoader(None)
    plan = plan_of(loader, labels)
    if len(plan) < LONG_HISTORY:
        return False

    once, unlike = follow_names(loader, plan)
    new, said = set(), set()
    for nodes in (*trees.values(), {}):  # without any the merged files
        TREE.update(nodes=nodes)
        for migration in plan_of(MigrationLoader(None), labels):
            if is_shared(migration):
                continue
            if not is_plain_schema(migration):
                return False
            for operation in migration.operations:
                new |= names_made(operation, migration.app_label)
                said |= words_in(operation.deconstruct()[1:])

    return not once & new and not unlike & said


def is_shared(migration):
    """Whether the merged files have a migration as the common ancestor has it; those of installed
    packages are the same everywhere."""
    tree, label = REQUEST["trees"]["ancestor"], migration.app_label
    return label not in tree or tree[label].get(migration.name, "") is None


def is_plain_schema(migration):
    """Whether a migration runs nothing but Django's own operations on models, fields, indexes and
    constraints."""
    from django.db import migrations

    code = (migrations.RunPython, migrations.RunSQL, migrations.SeparateDatabaseAndState)
    return type(migration).apply is migrations.Migration.apply and all(
        type(operation).__module__.startswith("django.db.migrations.operations.")
        and not isinstance(operation, code)
        for operation in migration.operations
    )


def follow_names(loader, plan):
    """The names that something had and has no more, with those that SQL speaks of, and the models
    that became managed, or are no more."""
    from django.db import migrations
    from django.db.migrations.state import ProjectState

    once, unlike = set(), set()
    state = ProjectState(real_apps=loader.unmigrated_apps)
    for migration in plan:
        label = migration.app_label
        for operation in migration.operations:
            before = {key: state.models.get((label, key)) for key in models_of(operation)}
            before = {key: model and (model.options, model.fields) for key, model in before.items()}
            managed = {k: m[0].get("managed", True) for k, m in before.items() if m}
            if isinstance(operation, (migrations.RunSQL, migrations.SeparateDatabaseAndState)):
                once |= words_in(operation.deconstruct()[1:])
            once |= names_left(operation, label, before)
            operation.state_forwards(label, state)
            for key, was in managed.items():
                model = state.models.get((label, key))
                if model and model.options.get("managed", True) != was:
                    unlike |= lowered(key, label + "_" + key, model.options.get("db_table"))

    return once, unlike


def models_of(operation):
    """The names of models that an operation may be about, as keys of a state."""
    names = (getattr(operation, key, None) for key in ("model_name", "name", "old_name"))
    return [name.lower() for name in names if isinstance(name, str)]


def names_left(operation, label, before):
    """Names that an operation takes from something, by which indexes, constraints and sequences of
    it may still be called; `before` has options and fields of its models."""
    from django.db import migrations

    name = getattr(operation, "old_name", None) or getattr(operation, "name", None) or ""
    options, fields = before.get(models_of(operation)[0]) or ({}, {}) if name else ({}, {})
    gone = (migrations.RenameModel, migrations.DeleteModel, migrations.AlterModelTable)
    if isinstance(operation, gone):
        return lowered(label + "_" + name, name, options.get("db_table"))
    gone = (migrations.RenameField, migrations.RemoveField, migrations.RemoveIndex,
            migrations.RemoveConstraint, migrations.RenameIndex)  # fmt: skip
    column = getattr(fields.get(name), "db_column", None)
    if isinstance(operation, gone):
        return lowered(name, column)
    if isinstance(operation, migrations.AlterField) and column != operation.field.db_column:
        return lowered(name, column)
    return set()


def names_made(operation, label):
    """The names that an operation gives to something, new or changed, and those of its tables."""
    from django.db import migrations

    model = getattr(operation, "model_name", None) or getattr(operation, "name", "")
    found = [getattr(operation, "new_name", None), getattr(operation, "table", None)]
    fields = []
    if isinstance(operation, migrations.RenameModel):
        found.append(label + "_" + operation.new_name)
    elif isinstance(operation, migrations.CreateModel):
        options = operation.options
        made = (*options.get("indexes", ()), *options.get("constraints", ()))
        found += [model, label + "_" + model, options.get("db_table"), *(one.name for one in made)]
        fields = operation.fields
    elif isinstance(operation, (migrations.AddField, migrations.AlterField)):
        fields = [(operation.name, operation.field)]
    elif isinstance(operation, migrations.AddIndex):
        found.append(operation.index.name)
    elif isinstance(operation, migrations.AddConstraint):
        found.append(operation.constraint.name)

    for name, field in fields:
        found += [name, label + "_" + model + "_" + name]
        found += [field.db_column, getattr(field, "db_table", None)]
    return lowered(*found)


def words_in(value):
    """The words of all texts in a deconstructed operation."""
    if isinstance(value, str):
        return set(re.findall(r"\w+", value.lower()))
    if isinstance(value, dict):
        value = (*value, *value.values())
    if hasattr(value, "deconstruct"):
        value = value.deconstruct()[1:]
    if isinstance(value, (list, tuple, set)):
        return set().union(*map(words_in, value))
    return set()


def lowered(*names):
    return {name.lower().strip('"') for name in names if name}


def plan_of(loader, labels):
    """The migrations that the leaf nodes of apps need, as an empty database gets them."""
    graph = loader.graph
    leaves = [key for label in labels for key in graph.leaf_nodes(label)]
    wanted = {key for leaf in leaves for key in graph.forwards_plan(leaf)}
    return [migration for migration in full_plan(loader) if key_of(migration) in wanted]


def make_extensions(migration, editor, state):
    """What its operations install on PostgreSQL for columns and indexes to come. They are known by
    their names: an import would load a driver, which may have effects that are refused."""
    installing = ("CollationOperation", "CreateExtension")
    for operation in migration.operations:
        kinds = {
            kind.__name__
            for kind in type(operation).__mro__
            if kind.__module__ == "django.contrib.postgres.operations"
        }
        if kinds.intersection(installing):
            operation.database_forwards(migration.app_label, editor, state, state)

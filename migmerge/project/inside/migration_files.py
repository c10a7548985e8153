# mypy: ignore-errors
"""What the project's Django makes of its migration files; every database is a dummy."""

import io


def texts():
    """Merge migrations by app label, and what came of both orders of the sides."""
    hide_formatter()
    found = orders(REQUEST["orders"])
    return {"texts": dict(merge_texts(), **settled_texts()), "orders": found}


def hide_formatter():
    """Two developers get the same bytes, whether they have black on PATH or not."""
    import shutil

    which = shutil.which
    shutil.which = lambda cmd, *args, **kw: None if cmd == "black" else which(cmd, *args, **kw)


def merge_texts():
    """App label -> what `makemigrations --merge --no-header` would write; nothing is written."""
    from django.core.management import call_command

    texts = {}
    for label, name in sorted(REQUEST["merge"].items()):
        out = io.StringIO()
        call_command(
            "makemigrations", label, merge=True, interactive=False, dry_run=True, verbosity=3,
            name=name, include_header=False, no_color=True, stdout=out,
        )  # fmt: skip
        _, found, text = out.getvalue().partition("Full merge migrations file '")
        if found:
            texts[label] = text.partition("':\n")[2]

    return texts


def settled_texts():
    """App label -> a merge migration that sets what both sides set to what the models say."""
    from django.db import migrations
    from django.db.migrations.writer import MigrationWriter

    texts = {}
    for label, (name, leaves, disputed) in sorted(REQUEST["settle"].items()):
        kind = type("Migration", (migrations.Migration,), {})
        made = kind(name, label)
        made.dependencies = [(label, leaf) for leaf in sorted(leaves)]
        sides = states(label, sorted(leaves))
        made.operations = [done for entry in disputed for done in settled(sides, *entry[:3])]
        text = MigrationWriter(made, include_header=False).as_string()
        texts[label] = text.replace("        migrations.Separate", MAY_BE + "migrations.Separate")

    return texts


MAY_BE = (
    "        # a database that ran both sides before they met may have this, "
    "whatever the state says\n        "
)


def states(label, leaves):
    """The project's state at each leaf."""
    from django.db.migrations.loader import MigrationLoader
    from django.db.migrations.state import ProjectState

    graph = MigrationLoader(None, ignore_no_migrations=True).graph
    plans = [graph.forwards_plan((label, leaf)) for leaf in leaves]
    return [forwards(ProjectState(), (graph.nodes[key] for key in plan)) for plan in plans]


def settled(sides, model, kind, field):
    """The operations that set a field, or an option, to what the models have.

    Django alters a column from what its state has, and a database that ran both sides before
    they met may have either: so the state is told each first.
    """
    from django.apps import apps
    from django.db.migrations.operations import SeparateDatabaseAndState
    from django.db.migrations.state import ModelState
    from django.db.migrations.writer import MigrationWriter

    label, _, name = model.partition(".")
    last = final(ModelState.from_model(apps.get_model(label, name)), kind, field)
    if kind not in ("field", "db_table_comment"):
        return [last]

    found = []
    for side in sides:
        other = final(side.models[label, name], kind, field)
        if kind == "field" and same_schema(other.field, last.field):
            continue  # Django's schema editor has nothing to do for it
        if MigrationWriter.serialize(other) != MigrationWriter.serialize(last):
            if kind == "field" and made_once(other.field) != made_once(last.field):
                raise ValueError(model + "." + field + " has another index, constraint or column")
            found += [SeparateDatabaseAndState(state_operations=[other]), last]

    return found or [last]


def made_once(field):
    """What of a field can't be set again in a database where it is set already."""
    remote = field.remote_field
    target = remote and (str(remote.model).lower(), getattr(field, "db_constraint", None))
    kind = field.get_internal_type()
    fixed = field.primary_key or field.unique or field.db_index or kind not in REQUEST["plain"]
    own = (field.db_column, field.primary_key, field.unique, field.db_index)
    return [*own, target, kind if fixed else ""]


def final(state, kind, field):
    """The operation that sets a field, or an option of this kind, as a model's state has it."""
    from django.db.migrations import operations

    name = state.name_lower
    if kind == "field":
        own = {key.lower(): key for key in state.fields}
        if field not in own:
            raise LookupError(state.app_label + "." + name + " has no field " + field)
        return operations.AlterField(name, own[field], state.fields[own[field]])
    if kind == "db_table_comment":
        return operations.AlterModelTableComment(name, state.options.get(kind))
    if kind == "managers":
        return operations.AlterModelManagers(name, state.managers)

    keys = operations.AlterModelOptions.ALTER_OPTION_KEYS
    return operations.AlterModelOptions(
        name, {key: value for key, value in state.options.items() if key in keys}
    )


def make_migrations():
    """`[name, text]` of what makemigrations makes of an app without its hidden migrations."""
    from django.core.management import call_command
    from django.db.migrations.loader import MigrationLoader
    from django.db.migrations.writer import MigrationWriter

    hide_formatter()
    label = REQUEST["label"]
    load_disk, as_string = MigrationLoader.load_disk, MigrationWriter.as_string
    made = {}

    def load_without(self):
        load_disk(self)
        hidden = {(label, name) for name in REQUEST["hidden"]}
        for key in hidden:
            self.disk_migrations.pop(key, None)
        for migration in self.disk_migrations.values():  # of other apps, which will be repointed
            migration.dependencies = [d for d in migration.dependencies if tuple(d) not in hidden]
            migration.run_before = [d for d in migration.run_before if tuple(d) not in hidden]

    def keep(self):
        text = as_string(self)
        made[self.migration.name] = text
        return text

    MigrationLoader.load_disk, MigrationWriter.as_string = load_without, keep
    out = io.StringIO()
    try:
        with planned_packages():
            call_command(
                "makemigrations", label, interactive=False, dry_run=True, verbosity=3,
                include_header=False, no_color=True, stdout=out, stderr=out,
            )  # fmt: skip
    except SystemExit:
        raise ValueError("it asks a question: " + " ".join(out.getvalue().split())[-200:]) from None

    return list(made.items())


# errors that two models make together; others may be those of this machine (no Pillow, no key)
MODEL_ERRORS = ("models.E", "fields.E3", "admin.E")


def broken_models():
    """Errors of `manage.py check` that stop `migrate`, and that makemigrations doesn't look for."""
    from django.core import checks

    found = checks.run_checks(tags=[checks.Tags.models, checks.Tags.admin])
    return [
        " ".join(str(error).split()) for error in found
        if error.level >= checks.ERROR and not error.is_silenced()
        and (error.id or "").startswith(MODEL_ERRORS)
    ]  # fmt: skip


def check_project():
    """What Django's own loader, `makemigrations --check --dry-run` and the system checks say."""
    from django.apps import apps
    from django.core.management import call_command
    from django.db.migrations.loader import MigrationLoader

    installed = {config.label for config in apps.get_app_configs()}
    labels = [label for label in REQUEST["labels"] if label in installed]
    loader = MigrationLoader(None, ignore_no_migrations=True)
    out = io.StringIO()
    changed = False
    try:
        if labels:
            call_command(
                "makemigrations", *labels, check_changes=True, dry_run=True, interactive=False,
                verbosity=1, no_color=True, stdout=out, stderr=out,
            )  # fmt: skip
    except SystemExit as stop:
        changed = bool(stop.code)

    return {
        "installed": labels,
        "leaves": {label: sorted(n[1] for n in loader.graph.leaf_nodes(label)) for label in labels},
        "nodes": {
            label: sorted(key[1] for key in loader.disk_migrations if key[0] == label)
            for label in labels
        },
        "changed": out.getvalue() if changed else "",
        "broken": broken_models(),
        "packages": package_faults(loader),
    }

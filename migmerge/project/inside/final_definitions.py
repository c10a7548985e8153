# mypy: ignore-errors
"""What the models say of definitions that both sides set, behind migrations that are planned."""

import shutil
import tempfile


class PlannedPackages:
    """A finder on sys.meta_path: migration packages are made of planned files, and of what else is
    in their directories. Nothing of the files on disk is imported: they may hold git's markers."""

    def __init__(self):
        self.directories = {}
        self.top = tempfile.mkdtemp(prefix="migmerge-")

    def add(self, package, files, migrations):
        """The planned `files` (name -> source) of a package, in place of its `migrations`."""
        import importlib.util

        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            return
        directory = os.path.join(self.top, package)
        ignored = shutil.ignore_patterns("__pycache__", *(name + ".py" for name in migrations))
        shutil.copytree(list(spec.submodule_search_locations)[0], directory, ignore=ignored)
        for name, source in files.items():
            with open(os.path.join(directory, name + ".py"), "wb") as handle:
                handle.write(source.encode("latin-1"))
        open(os.path.join(directory, "__init__.py"), "ab").close()
        self.directories[package] = directory

    def find_spec(self, name, path=None, target=None):
        import importlib.util

        directory = self.directories.get(name)
        if directory is None:
            return None
        place = os.path.join(directory, "__init__.py")
        return importlib.util.spec_from_file_location(
            name, place, submodule_search_locations=[directory]
        )


def final_definitions():
    """App label -> {"text": a migration that sets what the models have, empty where nothing is left
    to set} or {"why": no such migration is right}."""
    from django.db.migrations.loader import MigrationLoader

    hide_formatter()
    packages = PlannedPackages()
    try:
        for label, planned in REQUEST["planned"].items():
            module = MigrationLoader.migrations_module(label)[0]
            packages.add(module, planned["files"], planned["migrations"])
        sys.meta_path.insert(0, packages)
        loader = MigrationLoader(None, ignore_no_migrations=True)
        return {
            label: final_migration(loader.graph, label, wanted)
            for label, wanted in REQUEST["wanted"].items()
        }
    finally:
        shutil.rmtree(packages.top, ignore_errors=True)


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

# mypy: ignore-errors
"""Migration packages as they are planned, in place of those on disk."""

import contextlib
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


@contextlib.contextmanager
def planned_packages():
    """Within it, the packages of the apps in the request's `planned` hold its files."""
    from django.db.migrations.loader import MigrationLoader

    packages = PlannedPackages()
    try:
        for label, planned in REQUEST["planned"].items():
            module = MigrationLoader.migrations_module(label)[0]
            packages.add(module, planned["files"], planned["migrations"])
        sys.meta_path.insert(0, packages)
        yield
    finally:
        shutil.rmtree(packages.top, ignore_errors=True)

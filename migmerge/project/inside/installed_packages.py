# mypy: ignore-errors
"""Migrations in installed packages that stop `migrate` here, or on every other machine."""


def package_faults(loader):
    """A sentence for each installed app with more than one leaf node, for which `migrate` stops,
    too; and for each migration that builds on one which only this machine has."""
    faults = [
        "the installed app " + label + " has the leaf nodes " + " and ".join(sorted(names))
        for label, names in sorted(loader.detect_conflicts().items())
        if site_of(list(sys.modules[loader.migrations_module(label)[0]].__path__)[0])
    ]
    files = {
        key: sys.modules[migration.__module__].__file__ or ""
        for key, migration in loader.disk_migrations.items()
    }
    own = sorted(key for key in files if not site_of(files[key]))
    parents = {key: set(map(tuple, loader.disk_migrations[key].dependencies)) for key in own}
    strays = {key for key in set().union(*parents.values()) if is_stray(files.get(key, ""))}
    for key in own:
        for parent in sorted(strays & parents[key]):
            where = "which only this machine has: no installed package lists " + files[parent]
            faults.append(".".join(key) + " depends on " + ".".join(parent) + ", " + where)
    return faults


def site_of(path):
    """The directory of installed packages in which a file or directory is; empty where it isn't."""
    for name in ("site-packages", "dist-packages"):
        before, found, _ = path.replace(os.sep, "/").rpartition("/" + name + "/")
        if found:
            return before + "/" + name
    return ""


def is_stray(path):
    """Whether somebody put a file among those of an installed package: its list of files (RECORD,
    https://packaging.python.org/en/latest/specifications/recording-installed-packages/) lacks it,
    as where makemigrations wrote it there."""
    site = site_of(path)
    if not site:
        return False
    name = path.replace(os.sep, "/")[len(site) + 1 :]
    package = name.rpartition("/")[0] + "/__init__.py"
    listed = {
        path for path in (package, name) if any("\n" + path + "," in r for r in records(site))
    }
    return listed == {package}


RECORDS = {}


def records(site):
    """The lists of files of all packages in a directory."""
    import glob

    if site not in RECORDS:
        RECORDS[site] = []
        for path in sorted(glob.glob(glob.escape(site) + "/*.dist-info/RECORD")):
            with open(path, encoding="utf-8", errors="replace") as handle:
                text = "\n" + handle.read()
            RECORDS[site].append(text.replace('"', "").replace("\n./", "\n"))
    return RECORDS[site]

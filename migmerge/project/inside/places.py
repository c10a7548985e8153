# mypy: ignore-errors
"""Where the project's databases are, and what the project runs on."""

import ipaddress

NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mysql": "MySQL"}


def describe():
    """What the project runs on, and whether each database on this machine can be reached."""
    import django
    from django.conf import settings
    from django.db import connections

    return {
        "python": ".".join(map(str, sys.version_info[:3])),
        "executable": sys.executable,
        "django": django.get_version(),
        "settings": getattr(settings, "SETTINGS_MODULE", "") or "",
        "databases": {alias: reach(connections[alias]) for alias in connections},
        "packages": installed_faults(),
    }


def installed_faults():
    """What is wrong with migrations of installed packages, where all of them can be loaded."""
    from django.db.migrations.loader import MigrationLoader

    try:
        return package_faults(MigrationLoader(None, ignore_no_migrations=True))
    except Exception:
        return []  # check and fix say why


def reach(connection):
    """A database's place, as in `status_of`, with an error where it can't be connected to."""
    found = place_of(connection)
    if found["left"]:
        return dict(found, error=found["left"])
    if is_absent(connection):
        return dict(found, absent=True)

    try:
        connection.ensure_connection()
    except Exception as error:
        found["error"] = error_line(error)

    return found


def hosts_of(connection):
    """Where the driver would connect to, as far as settings and environment say."""
    settings = connection.settings_dict
    options = settings.get("OPTIONS") or {}
    hosts = [settings.get("HOST"), options.get("host"), options.get("hostaddr")]
    hosts += [options.get("unix_socket")]
    if connection.vendor == "postgresql":  # what libpq takes from the environment
        if not any(hosts):
            hosts.append(os.environ.get("PGHOST"))
        if not options.get("hostaddr"):
            hosts.append(os.environ.get("PGHOSTADDR"))

    return [part for host in hosts if host for part in str(host).split(",")]


def host_of(connection):
    """The same for people; empty for SQLite and for a driver's default."""
    return ",".join(hosts_of(connection)) if connection.vendor != "sqlite" else ""


def is_local(connection):
    """Whether a database is on this machine: a file in the repository, a local socket, loopback."""
    if connection.vendor == "sqlite":
        return is_own_file(connection)

    options = connection.settings_dict.get("OPTIONS") or {}
    elsewhere = [options.get("service"), options.get("read_default_file")]
    if connection.vendor == "postgresql":
        elsewhere.append(os.environ.get("PGSERVICE"))
    hosts = hosts_of(connection)
    # what other backends do without a host is not known
    known = bool(hosts) or connection.vendor in ("postgresql", "mysql")
    return known and not any(elsewhere) and all(map(is_loopback, hosts))


def is_own_file(connection):
    """Whether SQLite's file is in the repository, or where manage.py runs; or there is none."""
    path = file_of(connection)
    if not path:
        return True
    places = [os.path.realpath(place) for place in (REQUEST["top"], os.getcwd())]
    return any(os.path.realpath(path).startswith(os.path.join(place, "")) for place in places)


def file_of(connection):
    """The file of a SQLite database; empty for one in memory."""
    name = str(connection.settings_dict["NAME"])
    if name.startswith("file:"):
        path, _, query = name[len("file:") :].partition("?")
        return "" if "mode=memory" in query or path.startswith(":memory:") else path
    return "" if name.startswith(":memory:") else os.path.abspath(name)


def is_protected(connection):
    """Whether the configuration protects it, by its alias or its host."""
    import fnmatch

    names = [connection.alias, *hosts_of(connection)]
    return any(
        fnmatch.fnmatch(name.lower(), pattern.lower())
        for name in names for pattern in REQUEST.get("protected", ())
    )  # fmt: skip


def left_alone(connection):
    """Why a database that nobody named is not connected to; empty where it is."""
    if connection.alias in REQUEST.get("named", ()):
        return ""
    if is_protected(connection):
        return "in protected_databases"
    if is_local(connection):
        return ""
    return "outside of the project" if connection.vendor == "sqlite" else "not on this machine"


def is_loopback(host):
    host = host.strip().strip("[]").lower()
    if host == "localhost" or host.startswith(("/", "@")):  # @: an abstract socket
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def place_of(connection):
    """What a database is and where, as far as it is known without connecting to it."""
    settings = connection.settings_dict
    name = str(settings["NAME"])
    if connection.vendor == "sqlite" and not name.startswith((":", "file:")):
        name = os.path.abspath(name)
    return {
        "vendor": connection.vendor,
        "engine": NAMES.get(connection.vendor, connection.vendor),
        "name": name,
        "host": ":".join(filter(None, [host_of(connection), str(settings["PORT"] or "")])),
        "left": left_alone(connection),
        "protected": is_protected(connection),
        "error": "",
    }


def is_absent(connection):
    name = str(connection.settings_dict["NAME"])
    plain = connection.vendor == "sqlite" and not name.startswith((":", "file:"))
    return plain and not os.path.exists(name)

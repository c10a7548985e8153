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
    }


def reach(connection):
    """A database's place, as in `status_of`, with an error where it can't be connected to."""
    found = place_of(connection)
    if found["remote"]:
        return dict(found, error="not on this machine")
    if is_absent(connection):
        return dict(found, absent=True)
    try:
        connection.ensure_connection()
    except Exception as error:
        found["error"] = told(error)
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
    """Whether a database is on this machine: a file, a local socket, or loopback."""
    if connection.vendor == "sqlite":
        return True
    options = connection.settings_dict.get("OPTIONS") or {}
    elsewhere = [options.get("service"), options.get("read_default_file")]
    if connection.vendor == "postgresql":
        elsewhere.append(os.environ.get("PGSERVICE"))
    hosts = hosts_of(connection)
    # what other backends do without a host is not known
    known = bool(hosts) or connection.vendor in ("postgresql", "mysql")
    return known and not any(elsewhere) and all(map(is_loopback, hosts))


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
        "remote": not is_local(connection),
        "error": "",
    }


def is_absent(connection):
    name = str(connection.settings_dict["NAME"])
    plain = connection.vendor == "sqlite" and not name.startswith((":", "file:"))
    return plain and not os.path.exists(name)

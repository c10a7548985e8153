# mypy: ignore-errors
"""The project's code run on scratch databases without effects elsewhere.

Mail, storages, caches and Celery's broker are replaced by ones that end with the process. What
reaches further all the same, by the network, by a file or by another process, is refused, and
told with the migration that tried it. Code in C that opens files or sockets by itself is not seen.
"""

import contextlib

ISOLATED = {
    "on": False, "hosts": (), "top": "", "migration": "", "tried": [], "left_out": [], "thread": 0,
}  # fmt: skip
# whose copies of files are used, and those that were deleted there
STORAGE = {"top": "", "database": "", "deleted": set()}
# audit events (PEP 578) with the places of their paths, and of a directory's descriptor
WRITES = {
    "os.remove": ((0,), 1), "os.rename": ((0, 1), 2), "os.rmdir": ((0,), 1),
    "os.mkdir": ((0,), 2), "os.link": ((1,), 3), "os.symlink": ((1,), 2),
    "os.truncate": ((0,), None), "os.chmod": ((0,), 2), "os.chown": ((0,), 3),
    "os.utime": ((0,), 3), "os.setxattr": ((0,), None), "os.removexattr": ((0,), None),
    "shutil.rmtree": ((0,), 1), "shutil.move": ((0, 1), None),
}  # fmt: skip
STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.startfile", "pty.spawn")
CONNECTS = ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind")
LOOKUPS = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")


class Isolated(OSError):
    """Something that would have had an effect outside of the scratch databases."""


@contextlib.contextmanager
def isolated(servers):
    """Meanwhile nothing is written to but a temporary directory and the scratch `servers`
    (settings of Django)."""
    import shutil
    import tempfile
    import threading

    before = tempfile.tempdir
    top = os.path.realpath(tempfile.mkdtemp(prefix="migmerge-"))
    tempfile.tempdir = top  # where the project's own temporary files go, too
    sys.dont_write_bytecode = True
    replace_mail()
    replace_caches()
    replace_storages(os.path.join(top, "storage"))
    replace_brokers()
    if not REQUEST["code"]:
        leave_out_code()
    hosts = tuple(host for server in servers for host in hosts_of_server(server))
    ISOLATED.update(top=top, hosts=hosts, thread=threading.get_ident(), on=True)
    sys.addaudithook(watch)
    try:
        yield
    finally:
        ISOLATED["on"] = False
        tempfile.tempdir = before
        shutil.rmtree(top, ignore_errors=True)


def hosts_of_server(server):
    """The names that a socket to the scratch databases may have."""
    if is_sqlite(server):
        return ()
    host = str(server.get("HOST") or "localhost")
    socket = str((server.get("OPTIONS") or {}).get("unix_socket") or "")
    local = ("localhost", "127.0.0.1", "::1")
    return (*(local if host in local else (host,)), *filter(None, [socket]))


def follow(action, migration=None, fake=False):
    """A callback of Django's executor: what is refused is told of the migration that runs."""
    if action == "apply_start":
        ISOLATED["migration"] = migration.app_label + "." + migration.name
    elif action == "apply_success":
        ISOLATED["migration"] = ""


def watch(event, arguments):
    """An audit hook, which stops what it raises on."""
    if not ISOLATED["on"]:
        return
    if event == "open":
        path, mode, flags = arguments
        letters = mode if isinstance(mode, str) else ""
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC) or set("wax+") & set(
            letters
        ):
            refuse_outside("writes to", path)
    elif event in WRITES:
        places, descriptor = WRITES[event]
        relative = descriptor is not None and arguments[descriptor : descriptor + 1]
        if relative and relative[0] not in (None, -1):
            return  # inside of a directory that was asked about, as by shutil.rmtree

        for place in places:
            if event != "os.mkdir" or not os.path.isdir(arguments[place]):
                refuse_outside("changes", arguments[place])
    elif event == "sqlite3.connect":
        refuse_outside("writes to", arguments[0])
    elif event in STARTS:
        refuse("starts another process (" + str(arguments[0])[:80] + ")")
    elif event in CONNECTS:
        address = arguments[1] if len(arguments) > 1 else ""
        refuse_network(address[0] if isinstance(address, tuple) else address)
    elif event in LOOKUPS:
        refuse_network(arguments[0])


def refuse_network(host):
    name = os.fsdecode(host) if isinstance(host, (bytes, str)) else str(host)
    if name not in ISOLATED["hosts"]:
        refuse("wants the network (" + name[:80] + ")")


def refuse_outside(what, path):
    if isinstance(path, int) or path in (None, "", ":memory:", b":memory:"):
        return
    name = os.fsdecode(path)
    if name.startswith("file:"):
        name = name[len("file:") :].partition("?")[0]
    full = os.path.realpath(name)
    if full != os.path.realpath(os.devnull) and not full.startswith(
            os.path.join(ISOLATED["top"], "")):  # fmt: skip
        refuse(what + " " + name[:120])


def refuse(what):
    import threading

    if threading.get_ident() == ISOLATED["thread"]:  # not a reporter's, in the background
        tried = (ISOLATED["migration"] + " " + what).strip()
        if tried not in ISOLATED["tried"]:
            ISOLATED["tried"].append(tried)
    raise Isolated((ISOLATED["migration"] + " " + what).strip())


def replace_mail():
    from django.conf import settings
    from django.core.mail.utils import DNS_NAME

    DNS_NAME._fqdn = "localhost"  # nobody has to be asked for it
    backend = "django.core.mail.backends.locmem.EmailBackend"
    if hasattr(settings, "MAILERS"):  # Django 6.1 and later
        settings.MAILERS = {name: {"BACKEND": backend} for name in settings.MAILERS}
    else:
        settings.EMAIL_BACKEND = backend


def replace_caches():
    """A cache in memory for each; what only the real one has is refused."""
    from django.conf import settings
    from django.core.cache import caches
    from django.core.cache.backends.locmem import LocMemCache

    class ScratchCache(LocMemCache):
        def __init__(self, name, params):
            super().__init__(name, {**params, "OPTIONS": {}})

        def __getattr__(self, name):
            if name.startswith("_"):
                raise AttributeError(name)
            return lambda *_, **__: refuse("uses the cache's own " + name)

    sys.modules["migmerge_scratch"] = module = type(sys)("migmerge_scratch")
    module.ScratchCache = ScratchCache
    plain = ("TIMEOUT", "KEY_PREFIX", "VERSION", "KEY_FUNCTION")
    settings.CACHES = {
        alias: {
            "BACKEND": "migmerge_scratch.ScratchCache", "LOCATION": "migmerge-" + alias,
            **{key: value for key, value in own.items() if key in plain},
        }
        for alias, own in settings.CACHES.items()
    }  # fmt: skip
    caches.__dict__.pop("settings", None)
    caches._settings = settings.CACHES
    for alias in settings.CACHES:
        with contextlib.suppress(AttributeError):
            del caches[alias]


def replace_storages(top):
    """Every FileSystemStorage works on copies under `top`, made when a file is first read; each
    scratch database has copies of its own."""
    import hashlib
    import shutil

    from django.core.files.storage import FileSystemStorage

    path, delete, listdir = (
        FileSystemStorage.path, FileSystemStorage.delete, FileSystemStorage.listdir
    )  # fmt: skip
    STORAGE["top"] = top

    def location(self):
        real = os.path.abspath(self.base_location)
        name = hashlib.sha256(os.fsencode(real)).hexdigest()[:16]
        return os.path.join(top, STORAGE["database"], name)

    def original(self, copy):
        real = os.path.abspath(self.base_location)
        return os.path.normpath(os.path.join(real, os.path.relpath(copy, self.location)))

    def copying_path(self, name):
        copy = path(self, name)
        real = original(self, copy)
        if copy not in STORAGE["deleted"] and not os.path.lexists(copy):
            if os.path.isdir(real):
                os.makedirs(copy)
            elif os.path.isfile(real):
                os.makedirs(os.path.dirname(copy), exist_ok=True)
                shutil.copyfile(real, copy)
        return copy

    def remembering_delete(self, name):
        copy = self.path(name)
        delete(self, name)
        STORAGE["deleted"].add(copy)

    def whole_listdir(self, name):
        copy = self.path(name)
        directories, files = listdir(self, name)
        real = original(self, copy)
        for entry in os.scandir(real) if os.path.isdir(real) else ():
            into = directories if entry.is_dir() else files
            deleted = os.path.join(copy, entry.name) in STORAGE["deleted"]
            if not deleted and entry.name not in into:
                into.append(entry.name)
        return directories, files

    FileSystemStorage.location = property(location)
    FileSystemStorage.path = copying_path
    FileSystemStorage.delete = remembering_delete
    FileSystemStorage.listdir = whole_listdir


def use_storage(database, origin=""):
    """From now on files are those of a scratch database, which is a copy of `origin`, if any."""
    import shutil

    name, old = (os.path.basename(each or "") for each in (database, origin))
    STORAGE["database"] = name
    before, after = (os.path.join(STORAGE["top"], each) for each in (old, name))
    if old and os.path.isdir(before):
        shutil.copytree(before, after)
    if old:
        STORAGE["deleted"] |= {
            after + copy[len(before):] for copy in STORAGE["deleted"]
            if copy.startswith(os.path.join(before, ""))
        }  # fmt: skip


def replace_brokers():
    """Celery's messages stay in memory, where nobody takes them."""
    state = sys.modules.get("celery._state")
    for app in state._get_active_apps() if state else ():
        app.conf.update(
            broker_url="memory://", broker_read_url=None, broker_write_url=None,
            result_backend="cache+memory://", task_always_eager=False,
        )  # fmt: skip


def leave_out_code():
    """No RunPython runs; which they were is told."""
    from django.db.migrations.operations import RunPython

    def nothing(self, app_label, schema_editor, from_state, to_state):
        if self.code is not RunPython.noop and ISOLATED["migration"] not in ISOLATED["left_out"]:
            ISOLATED["left_out"].append(ISOLATED["migration"])

    RunPython.database_forwards = nothing

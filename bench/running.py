"""A Gatehouse of our own: `gatehouse up` in a new folder, on a free port, and gone afterwards."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom

import httpx
import psycopg

from bench.machine import ROOT
from bootstrap.house import follows
from config import Config
from eventlog.unprivileged import place
from running import environment
from supervision import read_procfile

SHARED = "BENCH_SHARED"  # PORT TOKEN of one that runs already: `python -m bench --quick` says it
PORTS = range(20_000, 32_000)  # below those that the system gives away
SPAN = 130  # the web, and the simulated phones beside it
PATIENCE = 180
STRANGERS = ROOT / ".venv-peers" / "bin"
ASGI = ("fastapi_page:app",)
LEFT_OUT = ("DATABASE_URL", "KEK_FILE", "KAFKA", "KAFKA_BOOTSTRAP", "PUBLIC_URL", "DEVICE_PACE")
UP = (sys.executable, "-m", "cli", "up")


class NotUp(Exception):
    """With what it had printed."""


@dataclass
class Gatehouse:
    """`settings` are of its environment. `with` starts it and ends by removing all that it kept."""

    settings: Mapping[str, str] = field(default_factory=dict)
    folder: Path = field(init=False)
    port: int = field(init=False)
    token: str = field(init=False, repr=False)
    seconds: float = 0
    pid: int = 0

    def __enter__(self) -> "Gatehouse":
        self.folder = Path(tempfile.mkdtemp(prefix="gatehouse-bench-", dir="/tmp"))
        self.folder.chmod(0o711)  # PostgreSQL runs as somebody else
        self.port = free_port()
        try:
            self.up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.down()
        database = place(self.folder / "var", "postgres")
        for kept in (self.folder, database):
            shutil.rmtree(kept, ignore_errors=True)

    @property
    def environment(self) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
        here = {"PORT": str(self.port), "DATA": str(self.folder / "var"), "DEMO": "0"}
        return plain | here | dict(self.settings)

    def up(self) -> None:
        """`seconds` are those until it said that it is ready."""
        said, begun = self.folder / "said", time.monotonic()
        with said.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603
                UP, cwd=ROOT, env=self.environment, stdout=output, stderr=subprocess.STDOUT
            )
        self.pid = self._process.pid
        while "Ctrl-C" not in (text := said.read_text()):
            if self._process.poll() is not None or time.monotonic() > begun + PATIENCE:
                raise NotUp(text + self.complaints())
            time.sleep(0.02)
        self.seconds = time.monotonic() - begun
        self.token = text.partition("made for this start): ")[2].split()[0]

    def complaints(self) -> str:
        logs = (self.folder / "var" / "log").glob("*.log")
        return "".join(f"{log.name}: {log.read_text()[-1500:]}" for log in logs)

    def down(self) -> None:
        if self.pid and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()  # what it started is tied to it
                self._process.wait()

    def config(self) -> Config:
        """Of this one; this process belongs to it from now on."""
        for name in LEFT_OUT:
            os.environ.pop(name, None)
        os.environ.update(self.environment)
        return Config.from_env()

    def database(self) -> psycopg.Connection[tuple[object, ...]]:
        """As the superuser, for what no role of the product's may see."""
        server = self.config().embedded
        assert server
        return psycopg.connect(server.conninfo(), autocommit=True)

    def client(self, community: object) -> httpx.Client:
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}/api/v1/communities/{community}/",
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=60,
            trust_env=False,
        )

    def settled(self, seconds: float = 150) -> float:
        """Wait until the read models hold all that was said; seconds that it took."""
        begun = time.monotonic()
        with self.database() as db:
            while not are_level(db):
                if time.monotonic() > begun + seconds:
                    raise NotUp(f"the read models did not catch up in {seconds} s")
                time.sleep(0.01)
        return time.monotonic() - begun


@dataclass
class Shared(Gatehouse):
    """One that another process has started, and will stop."""

    def __enter__(self) -> "Gatehouse":
        folder, port, self.token = os.environ[SHARED].split()
        self.folder, self.port = Path(folder), int(port)
        return self

    def __exit__(self, *_: object) -> None:
        pass


def a_gatehouse(**settings: str) -> Gatehouse:
    return Shared(settings) if SHARED in os.environ else Gatehouse(settings)


def are_level(db: psycopg.Connection[tuple[object, ...]]) -> bool:
    of_events = [name for name, log in follows().items() if log == "events"]
    row = db.execute(
        "select min(p.position) >= (select coalesce(max(position), 0) from log.events)"
        " from read.positions p where name = any(%s)",
        [of_events],
    ).fetchone()
    return bool(row and row[0])


def free_port() -> int:
    """The first of SPAN that nobody has."""
    while True:
        first = SystemRandom().choice(PORTS[:-SPAN])
        with suppress(OSError):
            for port in range(first, first + SPAN):
                with socket.create_server(("127.0.0.1", port)):
                    pass
            return first


@contextmanager
def peer(house: Gatehouse, app: str, **settings: str) -> Iterator[int]:
    """The port of another WSGI app, served exactly as the Procfile has ours."""
    port = free_port()
    command = as_ours(house, app, port)
    with served(house, command, port, ROOT, settings):
        yield port


@contextmanager
def stranger(house: Gatehouse, app: str, **settings: str) -> Iterator[int]:
    """The port of an app of bench/others: an ASGI app by uvicorn with as many workers as ours has,
    a WSGI app as the Procfile has ours, of its own venv.
    """
    port = free_port()
    server, *rest = as_ours(house, app, port)
    if app in ASGI:
        workers = str(house.config().web_concurrency)
        server, rest = "uvicorn", [app, "--port", str(port), "--workers", workers]
    with served(house, [str(STRANGERS / server), *rest], port, ROOT / "bench" / "others", settings):
        yield port


def as_ours(house: Gatehouse, app: str, port: int) -> list[str]:
    variables = environment(house.config()) | {"PORT": str(port)}
    command = read_procfile(ROOT / "Procfile", variables)["web"]
    return [app if word == "bootstrap.web:create_app()" else word for word in command]


@contextmanager
def served(
    house: Gatehouse, command: Sequence[str], port: int, folder: Path, settings: Mapping[str, str]
) -> Iterator[None]:
    variables = environment(house.config()) | {"PORT": str(port), **settings}
    log = house.folder / f"{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            command, cwd=folder, env=variables, stdout=output, stderr=output
        )
    try:
        wait_for(port, process, log)
        yield
    finally:
        process.terminate()
        process.wait(30)


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        with suppress(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{port}/", trust_env=False, timeout=5)
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise NotUp(log.read_text())
        time.sleep(0.02)

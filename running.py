"""`gatehouse up`: everything the Procfile names, from nothing to an address, and down again."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

import httpx
from rich.console import Console

from config import ROOT, Config
from demo import FLEET, locks_port, phones_port, secret_of
from eventlog.unprivileged import open_folder
from supervision import (
    MARK,
    Supervised,
    Supervisor,
    configuration,
    end_strays,
    read_procfile,
    tied,
)
from supervision import socket as supervisor_socket

SIM_PASSWORD = "GATEHOUSE_SIM_PASSWORD"  # the name of a variable  # noqa: S105
DEMO_ONLY = {"phones", "locks"}
KAFKA_ONLY = {"relay"}
READY_TIMEOUT = 120


class NotStarted(Exception):
    """Why Gatehouse cannot run here, in one sentence."""


@dataclass(frozen=True)
class Work:
    """What `up` has done by parts it does not know: the schema, a token for this start, the topics
    of its own Kafka, and the demo community (with the token, telling its steps)."""

    migrate: Callable[[], None]
    token: Callable[[], str]
    topics: Callable[[], object] = lambda: None
    demo: Callable[[str, Callable[[str], None]], None] = lambda _token, _say: None


def up(config: Config, work: Work, procfile: Path = ROOT / "Procfile") -> None:
    """Run until Ctrl-C, SIGTERM or the end of the supervisor, then stop everything in order."""
    _folders(config)
    _heed_signals()
    with _alone(config):
        show = Console(highlight=False, markup=False, soft_wrap=True)
        _clear(config, show)
        if config.kafka:
            with _step(show, "Apache Kafka's jars and data folder"):
                config.kafka.initialise()
        supervisord = _start(config, procfile)
        try:
            _bring_up(config, work, supervisord, show)
            _watch(config, supervisord, show)
        except KeyboardInterrupt:
            show.print("stopping …")
        finally:
            _stop(config, supervisord)
    show.print("stopped")


def _heed_signals() -> None:
    for ending in (signal.SIGTERM, signal.SIGINT):  # a shell's background job ignores the latter
        signal.signal(ending, _interrupt)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup
        signal.signal(signal.SIGHUP, _interrupt)


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _folders(config: Config) -> None:
    open_folder(config.data)
    for private in (config.run, config.log):
        private.mkdir(mode=0o700, exist_ok=True)
    supervisor_socket(config).parent.mkdir(mode=0o700, exist_ok=True)


@contextmanager
def _alone(config: Config) -> Iterator[None]:
    """Held by the kernel for exactly as long as this process lives."""
    with (config.run / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise NotStarted(
                f"Gatehouse already runs over {config.data}:"
                f" `{asking(config)}gatehouse status` shows it"
            ) from None
        yield


def _clear(config: Config, show: Console) -> None:
    if left := end_strays(config):
        show.print(f"ended {left} processes that an earlier start had left behind")
    first = phones_port(config.port)
    for port in (config.port, *(range(first, first + len(FLEET) + 1) if config.demo else ())):
        _probe(port, "`make run PORT=9000`; the demo's phones listen from PORT+100")
    for port in (config.kafka.port, config.kafka.port + 1) if config.kafka else ():
        _probe(port, "`make run KAFKA=1 KAFKA_PORT=9192`, which takes the next one, too")
    if config.create_kek():
        show.print(f"made a master key: {config.kek_file} (without it nothing sealed can be read)")


def _probe(port: int, otherwise: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or "there is no such port"
            raise NotStarted(
                f"port {port} of 127.0.0.1 cannot be had ({why}): try {otherwise}"
            ) from None


def environment(config: Config) -> dict[str, str]:
    """What every process gets, so that all of them read the same configuration."""
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PORT": str(config.port),
        "DATA": str(config.data),
        "DEMO": str(int(config.demo)),
        "WEB_CONCURRENCY": str(config.web_concurrency),
        "PHONES_PORT": str(phones_port(config.port)),
        "LOCKS_PORT": str(locks_port(config.port)),
        MARK: str(config.data),
        **({SIM_PASSWORD: secret_of(config.data)} if config.demo else {}),
    }


def wanted(config: Config, procfile: Path) -> dict[str, list[str]]:
    left_out = set[str]() if config.demo else DEMO_ONLY
    left_out = left_out if config.broker else left_out | KAFKA_ONLY
    found = read_procfile(procfile, environment(config))
    return {name: command for name, command in found.items() if name not in left_out}


def _start(config: Config, procfile: Path) -> subprocess.Popen[bytes]:
    conf = config.run / "supervisord.conf"
    conf.write_text(configuration(config, wanted(config, procfile)))
    command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(conf)]
    # A session of its own: Ctrl-C is for us, and we stop the others in order.
    return subprocess.Popen(  # noqa: S603
        tied(command), env=environment(config), cwd=ROOT, start_new_session=True
    )


def _bring_up(
    config: Config, work: Work, supervisord: subprocess.Popen[bytes], show: Console
) -> None:
    supervisor = Supervisor(config)
    with _step(show, "supervisor"):
        _until(supervisor.answers, supervisord, config)
    if config.embedded:
        with _step(show, f"PostgreSQL in {config.embedded.data}"):
            config.embedded.wait_ready(60)
    with _step(show, "migrations"):
        work.migrate()
    if config.kafka:
        with _step(show, f"Apache Kafka in {config.kafka.data}"):
            config.kafka.wait_ready()
            work.topics()
    with _step(show, "processes"):
        supervisor.start_all()
        _until(lambda: _is_ready(config), supervisord, config)
    token = work.token()
    if config.demo:
        with _step(show, "demo community"):
            work.demo(token, lambda said: show.print(f"  {said} …"))
    _welcome(config, token, show)


@contextmanager
def _step(show: Console, name: str) -> Iterator[None]:
    begun = time.monotonic()
    with show.status(f"{name} …"):
        yield
    show.print(f"{name}: {time.monotonic() - begun:.1f} s")


def _until(
    reached: Callable[[], bool], supervisord: subprocess.Popen[bytes], config: Config
) -> None:
    deadline = time.monotonic() + READY_TIMEOUT
    while not reached():
        if supervisord.poll() is not None:
            raise NotStarted(f"the supervisor ended: see {config.log}/supervisord.log")
        if time.monotonic() > deadline:
            raise NotStarted(f"not ready after {READY_TIMEOUT} s; {_complaint(config)}")
        time.sleep(0.1)


def _complaint(config: Config) -> str:
    down = [process.name for process in Supervisor(config).processes() if not process.runs]
    logs = ", ".join(f"{config.log}/{name}.log" for name in down or ["web"])
    return f"see {logs}"


def _is_ready(config: Config) -> bool:
    try:
        return httpx.get(f"{address(config)}/readyz", timeout=5, trust_env=False).is_success
    except httpx.TransportError:
        return False


def address(config: Config) -> str:
    return f"http://127.0.0.1:{config.port}"


def _welcome(config: Config, token: str, show: Console) -> None:
    here = address(config)
    show.print(
        f"\nready: {here}\n"
        f"  token (an installer's, made for this start): {token}\n"
        f"  API documentation: {here}/api/docs\n"
        f"{_stream(config, here)}"
        "three things to try, in another terminal:\n"
        f"  {asking(config)}gatehouse status          what runs, and what waits\n"
        f"  {asking(config)}gatehouse log tail        the events as they are recorded\n"
        f"  curl -H 'Authorization: Bearer {token}' {here}/api/v1/communities\n"
        f"Ctrl-C stops everything; the data stay in {config.data}\n"
    )


def _stream(config: Config, here: str) -> str:
    """Where it is, and what a command that asks Kafka has to be told."""
    if not config.kafka:
        return ""
    servers = config.kafka.broker.servers
    return (
        f"  the stream (docs/stream.md): Kafka at {servers}, schemas at {here}/registry\n"
        f"    KAFKA_BOOTSTRAP={servers} {asking(config)}gatehouse relay audit\n"
    )


def asking(config: Config) -> str:
    """How a command finds this installation from the checkout's folder."""
    elsewhere = config.data != Path("var").resolve() or "DATABASE_URL" in os.environ
    return f"DATA={config.data} .venv/bin/" if elsewhere else ".venv/bin/"


def _watch(config: Config, supervisord: subprocess.Popen[bytes], show: Console) -> None:
    """Say when supervisor has started something again."""
    before: dict[str, Supervised] = {}
    while supervisord.poll() is None:
        now = {process.name: process for process in _asked(config)}
        for name, process in now.items():
            if name in before and process.pid != before[name].pid and process.runs:
                show.print(f"{name} had stopped and runs again: see {config.log}/{name}.log")
        before |= {name: process for name, process in now.items() if process.runs}
        time.sleep(1)
    raise NotStarted(f"the supervisor ended: see {config.log}/supervisord.log")


def _asked(config: Config) -> list[Supervised]:
    try:
        return Supervisor(config).processes()
    except OSError:
        return []


def _stop(config: Config, supervisord: subprocess.Popen[bytes]) -> None:
    """In order, whoever is impatient; what the supervisor could not stop any more, we do."""
    for impatience in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(impatience, signal.SIG_IGN)
    if supervisord.poll() is None:
        supervisord.terminate()
    supervisord.wait()
    end_strays(config)

"""The whole system as a user starts it, in a folder and on ports of its own, to be killed."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from bootstrap import House
from config import Config
from supervision import Supervised, Supervisor, strays
from tests.running_server import a_folder

GATEHOUSE = str(Path(sys.executable).parent / "gatehouse")
MODELS = ("X916", "X916", "R29", "R20A", "E12W", "S532")
OURS = ("DATABASE_URL", "KEK_FILE", "KAFKA", "KAFKA_BOOTSTRAP", "PUBLIC_URL")
PATIENCE = 60.0  # for what takes a second or two when the machine is ours alone
TOKEN = re.compile(r"token \(.*\): (\S+)")


def until(true: Callable[[], object], within: float = PATIENCE) -> float:
    """Seconds until it is so; AssertionError if it is not in time."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < within, f"not within {within:g} s"
        time.sleep(0.05)
    return time.monotonic() - began


@dataclass
class Up:
    """One `gatehouse up`."""

    process: subprocess.Popen[bytes]
    output: Path

    def said(self) -> str:
        return self.output.read_text()

    def wait_ready(self) -> None:
        until(lambda: "Ctrl-C stops" in self.said() or self.process.poll() is not None, 120)
        assert self.process.poll() is None, self.said()

    def token(self) -> str:
        found = TOKEN.search(self.said())
        assert found
        return found[1]


class Installation:
    """`up` may be started in it again and again; `phones` are no part of it, as in life."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "data"
        self.port = free_ports(1)
        self.phones = Phones(folder)
        self.prepare()
        self.up = self.start()

    def prepare(self) -> None:
        """Before the first start."""

    def start(self) -> Up:
        self.output = self.folder / f"up-{time.monotonic_ns()}.txt"
        with self.output.open("wb") as output:
            command, env = [GATEHOUSE, "up"], self.environment()
            process = subprocess.Popen(command, env=env, stdout=output, stderr=output)  # noqa: S603
        self.up = Up(process, self.output)
        return self.up

    def environment(self) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if name not in OURS}
        ours = {"DATA": str(self.data), "PORT": str(self.port), "DEMO": "0"}
        phones = {"DEVICE_NETWORKS": "127.0.0.0/8", "DEVICE_PACE": "0"}
        return plain | ours | phones | {"WEB_CONCURRENCY": "2"}

    @cached_property
    def config(self) -> Config:
        with pytest.MonkeyPatch.context() as patch:
            for name in OURS:
                patch.delenv(name, raising=False)
            for name, value in self.environment().items():
                patch.setenv(name, value)
            return Config.from_env()

    @cached_property
    def house(self) -> House:
        """An auditor's: it reads the log and the keys, beside the processes that run."""
        return House(self.config)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cli(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(  # noqa: S603
            [GATEHOUSE, *arguments],
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def children(self) -> dict[str, Supervised]:
        """What the supervisor keeps running; nothing while it does not answer."""
        try:
            return {child.name: child for child in Supervisor(self.config).processes()}
        except OSError:
            return {}

    def workers(self) -> list[int]:
        """Of the web, whose master is the supervisor's child."""
        try:
            master = psutil.Process(self.children()["web"].pid)
            return [child.pid for child in master.children()]
        except (psutil.Error, KeyError):
            return []

    def is_whole(self, without: int = 0) -> bool:
        """Everything runs, and the one that was killed is not among it."""
        children = self.children()
        pids = [child.pid for child in children.values() if child.runs] + self.workers()
        wanted = len(children) + self.config.web_concurrency
        return bool(children) and len(pids) == wanted and without not in pids

    def supervisord(self) -> int:
        return int((self.config.run / "supervisord.pid").read_text())

    def left(self) -> list[str]:
        """Who would still be there, apart from the phones."""
        servers = self.config.embedded.processes() if self.config.embedded else []
        return [*map(str, strays(self.config)), *map(str, servers)]

    def stop(self) -> None:
        if "house" in vars(self):
            self.house.close()
        if self.up.process.poll() is None:
            self.up.process.send_signal(signal.SIGINT)
            self.up.process.wait(PATIENCE)
        self.phones.stop()


class Phones:
    """Simulated door phones in one process, whose memory outlives it."""

    login: Mapping[str, str] = {"user": "gatehouse", "password": "a-phones-password"}

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_ports(len(MODELS))
        self.urls = [f"http://127.0.0.1:{self.port + n}" for n in range(len(MODELS))]
        self.addresses = self.urls  # as they are registered
        self._client = httpx.Client(timeout=5, trust_env=False)
        self.start()

    def start(self) -> None:
        models = [part for model in MODELS for part in ("--model", model)]
        place = ["--port", str(self.port), "--data", str(self.folder / "phones")]
        command = [GATEHOUSE, "sim", "serve", *models, *place, "--auth", "digest", "--user"]
        env = os.environ | {"GATEHOUSE_SIM_PASSWORD": self.login["password"]}
        self.process = subprocess.Popen(  # noqa: S603
            [*command, self.login["user"]], env=env, stdout=subprocess.DEVNULL
        )

    def wait_ready(self) -> None:
        until(lambda: all(map(self.answers, range(len(MODELS)))))

    def answers(self, n: int) -> bool:
        try:
            return bool(self.state(n))
        except httpx.TransportError:
            return False

    def state(self, n: int) -> dict[str, Any]:
        """What it really holds, whatever it tells those who ask its API."""
        found: dict[str, Any] = self._client.get(f"{self.urls[n]}/sim/state").json()
        return found

    def fault(self, n: int, name: str, **given: object) -> None:
        body = {"name": name, **given}
        self._client.post(f"{self.urls[n]}/sim/fault", json=body).raise_for_status()

    def clear(self, n: int) -> None:
        self._client.post(f"{self.urls[n]}/sim/clear-faults", json={}).raise_for_status()

    def power_cut(self) -> None:
        self.process.kill()
        self.process.wait()
        self.start()

    def stop(self) -> None:
        self._client.close()
        self.process.terminate()
        self.process.wait(PATIENCE)


@contextmanager
def an_installation(kind: type[Installation] = Installation) -> Iterator[Installation]:
    with a_folder() as folder:
        running = kind(folder)
        try:
            running.up.wait_ready()
            running.phones.wait_ready()
            yield running
        finally:
            running.stop()


def free_ports(count: int) -> int:
    """The first of so many in a row."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            first = int(probe.getsockname()[1])
        if all(is_free(port) for port in range(first, first + count)):
            return first


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True


def shown(lines: Sequence[str], most: int = 12) -> str:
    """For a failing assert."""
    return "\n".join([*lines[:most], *([f"… and {len(lines) - most} more"] * (len(lines) > most))])

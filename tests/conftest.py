"""What every test may ask for: a PostgreSQL of the suite's own, and no network but loopback."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from ipaddress import ip_address
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from config import Database
from eventlog.embedded import EmbeddedServer
from eventlog.kafka.broker import Broker
from tests.running_broker import (
    RunningBroker,
    any_broker,
    apache_kafka,
    has_apache_kafka,
    no_broker,
)
from tests.running_server import RunningServer, a_folder, in_memory

ROOT = Path(__file__).parent.parent
TEMPLATE = "migrated"
LONGEST = (  # begun first, so that nobody waits for them at the end
    "tests/eventlog/kafka/test_kills.py",
    "tests/running/test_kills.py",
    "tests/eventlog/kafka",
    "tests/test_tour.py",
    "tests/running",
    "tests/device_adapters/test_hosts.py",
    "tests/device_adapters",
)
TOGETHER = (  # in one process, for they share a house, or a broker, that takes long to start
    re.compile(r"tests/running/test_(kills|phones)"),
    re.compile(r"tests/(eventlog/kafka/test_(?!kills)|device_adapters/test_kafka|test_examples)"),
)
_numbers = count(1)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    by_file = import_module("xdist.scheduler").LoadFileScheduling(config, log)
    by_file._split_scope = _scope
    return by_file


def _scope(test: str) -> str:
    shared = next((shared.pattern for shared in TOGETHER if shared.match(test)), None)
    return shared or test.partition("::")[0]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _turn(item.path.relative_to(ROOT).as_posix()))


def _turn(file: str) -> int:
    return next((n for n, long in enumerate(LONGEST) if file.startswith(long)), len(LONGEST))


def _loopback_only(event: str, args: tuple[object, ...]) -> None:
    if event == "socket.connect" and isinstance(args[1], tuple):
        host = args[1][0]
        if host != "localhost" and not ip_address(host).is_loopback:
            raise RuntimeError(f"a test wants to reach {host}: only loopback is allowed")


sys.addaudithook(_loopback_only)


@contextmanager
def a_server(folder: Path, *, durable: bool) -> Iterator[RunningServer]:
    running = RunningServer(EmbeddedServer(folder / "postgres", durable=durable), folder / "log")
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def pg_server() -> Iterator[RunningServer]:
    """One server for the whole suite, without fsync; do not kill it."""
    with a_folder(in_memory()) as folder, a_server(folder, durable=False) as running:
        yield running


@pytest.fixture
def own_server(_pristine: Path) -> Iterator[RunningServer]:
    """A durable server of this test's own, to kill and start again."""
    with a_folder() as folder:
        subprocess.run(["cp", "-a", _pristine, folder / "postgres"], check=True)  # noqa: S603, S607
        with a_server(folder, durable=True) as running:
            yield running


@pytest.fixture(scope="session")
def _pristine() -> Iterator[Path]:
    with a_folder() as folder:
        server = EmbeddedServer(folder / "postgres", durable=False)
        server.initialise()
        yield server.data


@pytest.fixture(scope="session")
def _databases(pg_server: RunningServer) -> Iterator["Databases"]:
    with psycopg.connect(pg_server.server.conninfo("postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {TEMPLATE}".encode())
        migrate(pg_server.server.conninfo(TEMPLATE))
        yield Databases(pg_server, admin)


@pytest.fixture
def database(_databases: "Databases") -> Iterator[Database]:
    """A fresh, migrated database of this test's own."""
    with _databases.another() as fresh:
        yield fresh


@pytest.fixture(scope="module")
def module_database(_databases: "Databases") -> Iterator[Database]:
    """A fresh, migrated database for all tests of a file."""
    with _databases.another() as fresh:
        yield fresh


@dataclass
class Databases:
    """By one connection: to open one costs as much as to copy a database."""

    running: RunningServer
    admin: psycopg.Connection

    @contextmanager
    def another(self) -> Iterator[Database]:
        name = f"test_{os.getpid()}_{next(_numbers)}"
        made = f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY"
        self.admin.execute(made.encode())
        try:
            yield Database.embedded(self.running.server, name)
        finally:
            self.admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """A Kafka for the whole suite; do not kill it, and make a topic of your own (`a_topic`)."""
    with any_broker() as found:
        yield found


@pytest.fixture(scope="module")
def _own_broker() -> Iterator[RunningBroker]:
    if not has_apache_kafka():
        no_broker()
    with apache_kafka() as running:
        yield running


@pytest.fixture
def own_broker(_own_broker: RunningBroker) -> RunningBroker:
    """An Apache Kafka of this file's own, to kill, wipe and start again."""
    if _own_broker.process.poll() is not None:
        _own_broker.start()
    return _own_broker


def migrate(conninfo: str) -> None:
    if find_spec("eventlog.migrations"):
        import_module("eventlog.migrations").migrate(conninfo)

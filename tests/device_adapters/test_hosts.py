"""Two hosts of adapters over one Kafka: they share the doors out, and none has two masters.

`pytest -s tests/device_adapters/test_hosts.py` prints how long it took.
"""

import os
import signal
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Self

import psutil
import psycopg
import pytest

from config import Database
from device_adapters.simulator import Fleet
from device_adapters.simulator.line import Line, Peer
from device_adapters.simulator.messages import Request
from domain.devices import DeviceSynced
from eventlog.bus import partition_of
from eventlog.kafka.client import admin
from eventlog.kafka.topics import apply, manifest
from eventlog.postgres import PostgresLog
from eventlog.sealing import Master
from tests.builders import ANN, SWIMMERS, a_pin, a_resident
from tests.conftest import migrate
from tests.device_adapters.adapters import happen, pins, settled
from tests.device_adapters.houses import device_id, soon
from tests.eventlog.bus_contract import COMMUNITIES
from tests.eventlog.conftest import KEK
from tests.running_broker import RunningBroker
from tests.running_server import RunningServer

GATEHOUSE = str(Path(sys.executable).parent / "gatehouse")
HOMES = list({partition_of(str(c).encode()): c for c in COMMUNITIES}.values())[:8]
PATIENCE = 40.0


@dataclass
class Journal:
    """Who spoke to which phone: what phones hear, by the process at the other end."""

    heard: list[tuple[int, int]] = field(default_factory=list)
    callers: dict[int, int] = field(default_factory=dict)
    hosts: list[int] = field(default_factory=list)

    def hear(self, phone: int, port: int) -> None:
        if port not in self.callers:
            self.callers[port] = self._owner(port)
        self.heard.append((phone, self.callers[port]))

    def _owner(self, port: int) -> int:
        for pid in self.hosts:
            try:
                mine = {each.laddr.port for each in psutil.Process(pid).net_connections("tcp4")}
            except psutil.Error:
                continue
            if port in mine:
                return pid
        return 0

    def masters(self, phone: int) -> list[int]:
        """In turn: a process that comes back after another is there twice."""
        return [pid for pid, _ in groupby(pid for which, pid in self.heard if which == phone)]


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> Journal:
    journal, answer = Journal(), Line._answer

    async def heard(line: Line, peer: Peer, request: Request) -> None:
        journal.hear(line.port, peer.writer.get_extra_info("peername")[1])
        await answer(line, peer, request)

    monkeypatch.setattr(Line, "_answer", heard)
    return journal


@dataclass
class Hosts:
    """Processes as they run on hosts of their own, each with a folder of its own."""

    folder: Path
    database: Database
    servers: str
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __enter__(self) -> Self:
        (self.folder / "kek").touch(mode=0o600)
        (self.folder / "kek").write_bytes(b64encode(KEK))
        return self

    def __exit__(self, *failure: object) -> None:
        for process in self.running:
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in self.running:
            process.wait(PATIENCE)

    def start(self, what: str) -> subprocess.Popen[bytes]:
        data = self.folder / f"host-{len(self.running)}"
        data.mkdir()
        env = os.environ | {
            "DATABASE_URL": self.database.owner,
            "APPEND_DATABASE_URL": self.database.append,
            "READ_DATABASE_URL": self.database.read,
            "PROJECT_DATABASE_URL": self.database.project,
            "KAFKA_BOOTSTRAP": self.servers,
            "KEK_FILE": str(self.folder / "kek"),
            "DATA": str(data),
            "DEVICE_NETWORKS": "127.0.0.0/8",
            "DEVICE_PACE": "0",
            "PORT": str(40_000 + 10 * len(self.running)),
        }
        with (data / "log").open("wb") as log:
            command = [GATEHOUSE, "run", what]
            self.running.append(subprocess.Popen(command, env=env, stdout=log, stderr=log))  # noqa: S603
        return self.running[-1]

    def shares(self) -> Mapping[str, set[int]]:
        """Whose each partition is now."""
        query = (
            "select holder, array_agg(partition) from doors.leases where until > now() group by 1"
        )
        with psycopg.connect(self.database.project) as db:
            return {holder: set(found) for holder, found in db.execute(query)}


@contextmanager
def a_log(database: Database) -> Iterator[PostgresLog]:
    migrate(database.owner)
    log = PostgresLog(database.append, Master(KEK))
    try:
        yield log
    finally:
        log.close()


def with_topics(broker: RunningBroker) -> str:
    client = admin(broker.server.broker)
    assert list(apply(client, manifest()))
    client.close()
    return broker.server.broker.servers


def issue(log: PostgresLog, pin: str) -> None:
    for home in HOMES:
        happen(log, a_pin(pin, ANN), home=home)


def all_have(fleet: Fleet, pin: str) -> bool:
    return all(pins(fleet, n) == {pin} for n in range(len(fleet)))


def reported(log: PostgresLog) -> list[tuple[Any, ...]]:
    """What was said to be on phones, each time it was said."""
    said: list[tuple[Any, ...]] = []
    after = 0
    while batch := log.read(after=after):
        after = batch[-1].position
        said += [
            (r.event.device, one.holder, one.state, one.digest)
            for r in batch
            if isinstance(r.event, DeviceSynced)
            for one in r.event.outcomes
            if one.state == "verified"
        ]
    return said


def test_k2_k7_hosts_share_the_doors_one_is_killed_and_no_door_ever_has_two_masters(
    own_server: RunningServer, own_broker: RunningBroker, journal: Journal, tmp_path: Path
) -> None:
    database = Database.embedded(own_server.server, "postgres")
    fleet = Fleet(["X916"] * len(HOMES))
    hosts = Hosts(tmp_path, database, with_topics(own_broker))
    with a_log(database) as log, fleet, hosts:
        settled(log, fleet, *HOMES)
        for home in HOMES:
            happen(log, a_resident(ANN, SWIMMERS), home=home)
        issue(log, "2000")
        hosts.start("relay")
        one = hosts.start("adapters")
        journal.hosts.append(one.pid)
        print("\nfirst:", soon(lambda: all_have(fleet, "2000"), PATIENCE))
        issue(log, "2001")
        print("next:", soon(lambda: all_have(fleet, "2001"), PATIENCE))

        other = hosts.start("adapters")
        journal.hosts.append(other.pid)
        shared = soon(lambda: sorted(map(len, hosts.shares().values())) == [6, 6], PATIENCE)
        print("shared:", shared)
        issue(log, "2002")
        soon(lambda: len(reported(log)) == 3 * len(HOMES), PATIENCE)

        other.kill()
        issue(log, "2003")
        print("taken over:", soon(lambda: all_have(fleet, "2003"), PATIENCE))
        soon(lambda: sorted(map(len, hosts.shares().values())) == [12], PATIENCE)
        soon(lambda: len(reported(log)) == 4 * len(HOMES), PATIENCE)

        masters = [journal.masters(plugged.line.port) for plugged in fleet]
        moved = [one.pid, other.pid, one.pid]
        assert all(each in ([one.pid], moved) for each in masters), masters
        assert moved in masters
        said = reported(log)
        assert len(set(said)) == 4 * len(HOMES)  # each once
        assert {device for device, *_ in said} == {device_id(n) for n in range(len(HOMES))}

"""Hosts of adapters over one Kafka: they share the doors out, and none has two masters.

`pytest -s tests/device_adapters/test_hosts.py` prints how long it took.
"""

import os
import signal
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Self

import psutil
import psycopg
import pytest
from click.testing import CliRunner
from kafka import TopicPartition

from bootstrap.carriers import REACTIONS
from cli import gatehouse
from config import Database
from device_adapters.simulator import Fleet
from device_adapters.simulator.line import Line, Peer
from device_adapters.simulator.messages import Request
from domain.alarms import AlarmRaised
from domain.devices import DeviceSynced
from eventlog.bus import message, partition_of
from eventlog.kafka.client import admin, consumer
from eventlog.kafka.dead_letters import bury
from eventlog.kafka.topics import EVENTS, REPORTS, apply, manifest
from eventlog.postgres import PostgresLog
from eventlog.sealing import Master
from tests.builders import ANN, SWIMMERS, a_pin, a_resident
from tests.commands.reactions.following import reported as reported_alarm
from tests.conftest import migrate
from tests.device_adapters.adapters import happen, pins, settled
from tests.device_adapters.houses import soon
from tests.eventlog.bus_contract import COMMUNITIES
from tests.eventlog.conftest import KEK
from tests.eventlog.kafka.relaying import a_report_log
from tests.running_broker import RunningBroker
from tests.running_server import RunningServer

GATEHOUSE = str(Path(sys.executable).parent / "gatehouse")
HOMES = list({partition_of(str(c).encode()): c for c in COMMUNITIES}.values())[:8]
PATIENCE = 40.0


@dataclass
class Journal:
    """Who spoke to which phone, by the process at the other end, and whether the door was its."""

    heard: list[tuple[int, int]] = field(default_factory=list)
    callers: dict[int, int] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    doors: dict[int, int] = field(default_factory=dict)
    intruders: list[tuple[int, int]] = field(default_factory=list)
    leases: psycopg.Connection[Any] | None = None

    def hear(self, phone: int, port: int) -> None:
        if port not in self.callers:
            self.callers[port] = self._owner(port)
        pid = self.callers[port]
        self.heard.append((phone, pid))
        if self.names[pid] != self._holder(phone):
            self.intruders.append((phone, pid))

    def _owner(self, port: int) -> int:
        for pid in self.names:
            with suppress(psutil.Error):
                mine = psutil.Process(pid).net_connections("tcp4")
                if port in {each.laddr.port for each in mine}:
                    return pid
        raise AssertionError("nobody's connection")

    def _holder(self, phone: int) -> str | None:
        assert self.leases
        query = "select holder from doors.leases where partition = %s and until > clock_timestamp()"
        row = self.leases.execute(query, [self.doors[phone]]).fetchone()
        return row[0] if row else None

    def masters(self, phone: int) -> list[int]:
        """In turn: a process that comes back after another is there twice."""
        return [pid for pid, _ in groupby(pid for which, pid in self.heard if which == phone)]


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Journal]:
    journal, answer = Journal(), Line._answer

    async def heard(line: Line, peer: Peer, request: Request) -> None:
        journal.hear(line.port, peer.writer.get_extra_info("peername")[1])
        await answer(line, peer, request)

    monkeypatch.setattr(Line, "_answer", heard)
    yield journal
    if journal.leases:
        journal.leases.close()


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

    def environment(self, data: Path) -> dict[str, str]:
        return os.environ | {
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

    def run(self, *command: str) -> tuple[str, int]:
        """What it prints, and its exit status."""
        done = CliRunner().invoke(gatehouse, command, env=self.environment(self.folder))
        return done.stdout, done.exit_code

    def start(self, what: str) -> subprocess.Popen[bytes]:
        data = self.folder / f"host-{len(self.running)}"
        data.mkdir(exist_ok=True)
        with (data / "log").open("wb") as log:
            command = [GATEHOUSE, "run", what]
            env = self.environment(data)
            self.running.append(subprocess.Popen(command, env=env, stdout=log, stderr=log))  # noqa: S603
        return self.running[-1]

    def adapters(self, journal: Journal) -> subprocess.Popen[bytes]:
        """With a name that its folder had before."""
        name = f"host {len(self.running)}"
        (self.folder / f"host-{len(self.running)}").mkdir()
        (self.folder / f"host-{len(self.running)}" / "adapters").write_text(name)
        process = self.start("adapters")
        journal.names[process.pid] = name
        return process

    def shares(self) -> list[int]:
        """How many partitions each has, who has any."""
        query = "select count(*) from doors.leases where until > now() group by holder order by 1"
        with psycopg.connect(self.database.project) as db:
            return [many for (many,) in db.execute(query)]


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


def test_k2_k7_hosts_share_the_doors_and_none_has_two_masters(
    own_server: RunningServer, own_broker: RunningBroker, journal: Journal, tmp_path: Path
) -> None:
    """One is killed, another frozen until it is given up; the third has all doors then."""
    database = Database.embedded(own_server.server, "postgres")
    hosts = Hosts(tmp_path, database, with_topics(own_broker))
    with a_log(database) as log, Fleet(["X916"] * len(HOMES)) as fleet, hosts:
        prepare(log, fleet, journal, database)
        hosts.start("relay")
        hosts.start("reactions")
        one = hosts.adapters(journal)
        print("\nfirst:", soon(lambda: all_have(fleet, "2000"), PATIENCE))
        killed, frozen = hosts.adapters(journal), hosts.adapters(journal)
        print("shared:", soon(lambda: hosts.shares() == [4, 4, 4], PATIENCE))
        issue(log, "2001")
        soon(lambda: len(reported(log)) == 2 * len(HOMES), PATIENCE)

        killed.kill()
        frozen.send_signal(signal.SIGSTOP)
        issue(log, "2002")
        print("taken over:", soon(lambda: all_have(fleet, "2002"), PATIENCE))
        soon(lambda: len(reported(log)) == 3 * len(HOMES), PATIENCE)
        masters = [journal.masters(phone.line.port) for phone in fleet]
        assert all(each[-1] == one.pid for each in masters)
        assert {pid for each in masters for pid in each} == {one.pid, killed.pid, frozen.pid}

        frozen.send_signal(signal.SIGCONT)
        print("shared anew:", soon(lambda: hosts.shares() == [6, 6], PATIENCE))
        issue(log, "2003")
        soon(lambda: len(reported(log)) == 4 * len(HOMES), PATIENCE)
        assert journal.intruders == []
        assert len(set(reported(log))) == 4 * len(HOMES)  # each once
        an_alarm_comes_by_kafka(own_broker, database, log)
        a_dead_letter_is_listed_and_published_again(hosts, own_broker, log)


def an_alarm_comes_by_kafka(broker: RunningBroker, database: Database, log: PostgresLog) -> None:
    """With a broker named, reactions follow it, too."""
    head = log.head()
    with a_report_log(database) as reports:
        assert reports.note(HOMES[0], reported_alarm()) == 1
    soon(lambda: any(isinstance(r.event, AlarmRaised) for r in log.read(after=head)), PATIENCE)
    home = TopicPartition(REPORTS, partition_of(str(HOMES[0]).encode()))

    def is_committed() -> bool:
        with closing(consumer(broker.server.broker, group_id=REACTIONS)) as reader:
            return reader.committed(home) is not None

    soon(is_committed, PATIENCE)


def a_dead_letter_is_listed_and_published_again(
    hosts: Hosts, broker: RunningBroker, log: PostgresLog
) -> None:
    """While the relay runs."""
    [first] = log.raw(after=0, limit=1)
    bury(broker.server.broker, EVENTS, "somebody", [(message(first), "Undecodable")])
    said, status = hosts.run("dlq", "list")
    assert "Undecodable  gatehouse.CommunityCreated  position 1  by somebody\n1 dead" in said
    assert status == 1
    assert hosts.run("dlq", "redrive") == ("1 published again, 0 cannot be\n", 0)
    assert hosts.run("dlq", "list") == ("0 dead letters\n", 0)
    said, _ = hosts.run("relay", "audit")
    assert "1 replayed\n" in said
    assert said.endswith("0 differences\n")


def prepare(log: PostgresLog, fleet: Fleet, journal: Journal, database: Database) -> None:
    settled(log, fleet, *HOMES)
    for home in HOMES:
        happen(log, a_resident(ANN, SWIMMERS), home=home)
    issue(log, "2000")
    journal.leases = psycopg.connect(database.project, autocommit=True)
    for phone, home in zip(fleet, HOMES, strict=True):
        journal.doors[phone.line.port] = partition_of(str(home).encode())

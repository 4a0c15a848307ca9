"""A log to relay, a relay in a process of its own to kill, and what the topic holds."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from json import dumps
from threading import Event as Flag
from threading import Thread
from time import monotonic, sleep
from typing import Any

import psycopg

from config import ROOT, Database
from eventlog.kafka.audit import Audit
from eventlog.kafka.broker import Broker
from eventlog.kafka.client import consumer, eager
from eventlog.kafka.records import between, partitions, settled
from eventlog.kafka.relay import OUTLETS, Outlet, follow
from eventlog.postgres import Connections, PostgresLog
from eventlog.postgres.raw_reports import RawReports
from eventlog.postgres.reports import PostgresReportLog, ReportListener
from eventlog.reports import ReportCodec
from tests.eventlog.bus_contract import COMMUNITIES

INSERT = """
    INSERT INTO log.events
    SELECT n, (%(communities)s::uuid[])[1 + n %% 30], gen_random_uuid(), 1, 'PinIssued', null,
        clock_timestamp(), 'pm', gen_random_uuid(), null,
        '\\x00000000'::bytea || int8send(n) || decode(repeat('ab', %(size)s), 'hex'), ''
    FROM generate_series(
        (SELECT coalesce(max(position), 0) + 1 FROM log.events),
        (SELECT coalesce(max(position), 0) + %(many)s FROM log.events)) n"""
POSITION = "SELECT max(position) FROM doors.positions WHERE name = %s"
SCRIPT = """
import signal, sys
from importlib import import_module
from json import loads
from threading import Event
import psycopg
from eventlog.kafka.broker import Broker
from eventlog.kafka.relay import OUTLETS, Outlet, follow
from eventlog.postgres import Connections, PostgresLog
from eventlog.postgres.raw_reports import RawReports
from eventlog.postgres.reports import PostgresReportLog, ReportListener
from eventlog.reports import ReportCodec
from eventlog.sealing import Master
said = loads(sys.argv[1])
stop = Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
log = PostgresLog(said["append"], Master(bytes(32)))
outlet = Outlet(name="relay-events", topic=said["topic"], source="/gatehouse/events")
if said["flaw"]:
    import_module("tests.eventlog.kafka." + said["flaw"]).install()
connect = lambda: psycopg.connect(said["project"], autocommit=True)
follow(outlet, log, Broker(servers=said["servers"]), connect, stop)
"""


def grow(database: Database, many: int, size: int = 0) -> None:
    """As many more events, of 30 communities in turn; past the append function, for speed."""
    with psycopg.connect(database.owner) as db:
        grow_on(db, many, size)


def grow_on(db: psycopg.Connection[Any], many: int, size: int = 0) -> None:
    db.execute(INSERT, {"communities": COMMUNITIES, "many": many, "size": size})
    db.execute("SELECT pg_notify('log', (SELECT max(position) FROM log.events)::text)")


def raw_reports(database: Database) -> RawReports:
    connections = Connections(database.append, most=1)
    return RawReports(connections, ReportListener(connections.conninfo))


@contextmanager
def a_report_log(database: Database) -> Iterator[PostgresReportLog]:
    connections = Connections(database.append, most=1)
    with closing(
        PostgresReportLog(connections, ReportListener(connections.conninfo), ReportCodec())
    ) as reports:
        yield reports


@dataclass
class Relaying:
    """A log, a topic, and a relay between them: `runs()` in a thread, `start()` in a process, which
    is for events alone.
    """

    database: Database
    log: PostgresLog | RawReports
    broker: Broker
    topic: str
    of: str = "events"
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def outlet(self) -> Outlet:
        return replace(OUTLETS[self.of], topic=self.topic)

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.database.project, autocommit=True, connect_timeout=2)

    @contextmanager
    def runs(self) -> Iterator[None]:
        stop = Flag()
        given = (self.outlet, self.log, self.broker, self.connect, stop)
        thread = Thread(target=follow, args=given, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(20)

    def start(self, *, flaw: str = "") -> subprocess.Popen[bytes]:
        """`flaw` names a module beside this one that is installed in it."""
        said = {
            "append": self.database.append,
            "project": self.database.project,
            "servers": self.broker.servers,
            "topic": self.topic,
            "flaw": flaw,
        }
        command = [sys.executable, "-W", "ignore", "-c", SCRIPT, dumps(said)]
        self.processes.append(subprocess.Popen(command, cwd=ROOT))  # noqa: S603
        return self.processes[-1]

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        self.log.close()

    def position(self) -> int:
        """How far the relay says it is."""
        with self.connect() as db:
            row = db.execute(POSITION, [self.outlet.name]).fetchone()
        return int(row[0] or 0) if row else 0

    def wait_for(self, position: int, seconds: float = 60) -> None:
        until = monotonic() + seconds
        while (now := self.position()) < position:
            assert monotonic() < until, f"the relay is at {now}, not at {position}"
            sleep(0.02)

    def audited(self) -> tuple[list[str], Audit]:
        """The differences between log and topic, and what the audit counted."""
        with closing(consumer(self.broker)) as reader, closing(eager(self.broker)) as ahead:
            audit = Audit(self.outlet, self.log, reader, ahead, self.position())
            return list(audit.differences()), audit

    def records(self) -> list[Any]:
        """All that is committed in the topic, each partition's in order."""
        with closing(consumer(self.broker)) as reader, closing(eager(self.broker)) as ahead:
            tps = partitions(reader, self.topic)
            ends = settled(reader, ahead, tps)
            return list(between(reader, reader.beginning_offsets(tps), ends))

    def shown(self) -> int:
        """How many of them a reader is shown at this moment."""
        with closing(consumer(self.broker)) as reader:
            tps = partitions(reader, self.topic)
            begins, ends = reader.beginning_offsets(tps), reader.end_offsets(tps)
            return len(list(between(reader, begins, ends)))

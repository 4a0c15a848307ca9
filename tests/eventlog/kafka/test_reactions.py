"""K7: reactions that are killed between a command and their position, and share partitions out.

They follow a real Kafka, put together as in bootstrap/reactions.py. The control makes up the ids of
its commands, and so does some things twice.
"""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from json import dumps

import pytest

from config import ROOT
from domain.alarms import AlarmRaised
from eventlog.kafka.client import consumer
from eventlog.kafka.records import partitions
from eventlog.postgres import PostgresLog
from eventlog.sealing import Master
from tests.device_adapters.houses import soon
from tests.eventlog.conftest import KEK
from tests.eventlog.kafka.relaying import Relaying, a_report_log
from tests.eventlog.kafka.test_reports import happen

CAREFUL, CARELESS = "house:reactions", "careless"
PATIENCE = 30.0
SCRIPT = """
import os, signal, sys
from datetime import UTC, datetime
from functools import partial
from json import loads
from random import Random
from threading import Event
from uuid import uuid4

from uuid_utils.compat import uuid7

from commands import alarms, reactions
from commands.bus import Bus
from commands.reactions import alarms as reacting_to_alarms
from domain.accounts import Actor
from eventlog import following
from eventlog.bus import opened
from eventlog.kafka import client
from eventlog.kafka.broker import Broker
from eventlog.kafka.bus import KafkaBus
from eventlog.postgres import Connections, PostgresLog
from eventlog.reports import ReportCodec
from eventlog.sealing import Master
from tests.eventlog.kafka.relaying import raw_reports
from config import Database

said = loads(sys.argv[1])
client.READING |= {"session_timeout_ms": 1_500, "heartbeat_interval_ms": 300}
if said["actor"] == "careless":
    reactions.NAME, reactions.ACTOR = "careless", Actor(name="careless", role="system")
    reactions.uuid5 = lambda *_: uuid4()
database, done, stop = Database(**said["database"]), 0, Event()
log = PostgresLog(database.append, Master(bytes.fromhex(said["kek"])))
commands = Bus(log, now=lambda: datetime.now(UTC), new_id=uuid7, random=Random(0))

def counted(*command, **how):
    global done
    commands.dispatch(*command, **how)
    done += 1
    if done == said["dies_after"]:
        os.kill(os.getpid(), signal.SIGKILL)

signal.signal(signal.SIGTERM, lambda *_: stop.set())
bus = KafkaBus(Broker(servers=said["servers"]), said["actor"] + said["topic"], said["topic"])
raw, kept = raw_reports(database), Connections(database.project, most=1)
reacting = reactions.Reacting(
    "reports",
    raw,
    partial(opened, codec=ReportCodec(), keys=lambda community, subjects: {}),
    counted,
    reactions.Positions(kept.rows),
    bus.bury,
    following.alarm,
)
following.run(bus, reacting, stop)
for each in (bus, raw, kept, log):
    each.close()
"""


class Members:
    """Processes over one topic, and what they have done."""

    def __init__(self, relaying: Relaying) -> None:
        self._relaying = relaying
        self._running: list[subprocess.Popen[bytes]] = []
        self.log = PostgresLog(relaying.database.append, Master(KEK))

    def start(self, actor: str, dies_after: int = 0) -> "subprocess.Popen[bytes]":
        said = {
            "topic": self._relaying.topic,
            "servers": self._relaying.broker.servers,
            "database": asdict(self._relaying.database),
            "kek": KEK.hex(),
            "actor": actor,
            "dies_after": dies_after,
        }
        command = [sys.executable, "-W", "ignore", "-c", SCRIPT, dumps(said)]
        self._running.append(subprocess.Popen(command, cwd=ROOT))  # noqa: S603
        return self._running[-1]

    def stop(self) -> None:
        for process in self._running:
            process.terminate()
        for process in self._running:
            process.wait(PATIENCE)
        self.log.close()

    def raised(self, actor: str = CAREFUL) -> Counter[int]:
        """How often each report was reacted to, by its position."""
        found, after = Counter[int](), 0
        while batch := self.log.read(after=after):
            after = batch[-1].position
            found.update(
                int(str(r.cause).removeprefix("reports/"))
                for r in batch
                if isinstance(r.event, AlarmRaised) and r.actor == actor
            )
        return found


@pytest.fixture
def members(relaying_reports: Relaying) -> Iterator[Members]:
    found = Members(relaying_reports)
    yield found
    found.stop()


def test_k7_killed_between_a_command_and_its_position_and_shared_out_anew(
    relaying_reports: Relaying, members: Members
) -> None:
    with relaying_reports.runs(), a_report_log(relaying_reports.database) as reports:
        happen(reports, 30)
        dying = [members.start(actor, dies_after=45) for actor in (CAREFUL, CARELESS)]
        soon(lambda: len(members.raised()) == 30 == len(members.raised(CARELESS)), PATIENCE)
        happen(reports, 60)
        assert [process.wait(PATIENCE) for process in dying] == [-9, -9]
        for actor in (CAREFUL, CARELESS, CAREFUL):  # two members, of which the second comes later
            members.start(actor)
            happen(reports, 30)
        soon(lambda: len(members.raised()) == 180 == len(members.raised(CARELESS)), PATIENCE)
    assert members.raised() == Counter(range(1, 181))
    assert members.raised(CARELESS).total() > 180
    with closing(
        consumer(relaying_reports.broker, group_id=CAREFUL + relaying_reports.topic)
    ) as bus:
        tps = partitions(bus, relaying_reports.topic)
        assert all(bus.committed(tp) for tp in tps)  # they were told by Kafka, not by the log alone

"""K7: reactions that are killed between a command and their position, and share partitions out.

They follow a real Kafka, as `gatehouse run reactions` does. The control makes up its commands' ids,
and so does some things twice.
"""

import os
import subprocess
import sys
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from json import dumps
from pathlib import Path

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
from dataclasses import replace
from json import loads
from threading import Event
from uuid import uuid4

from bootstrap import reactions as made
from bootstrap.house import House
from commands import reactions
from config import Config
from domain.accounts import Actor
from eventlog.kafka import client
from eventlog.kafka.relay import OUTLETS

said = loads(sys.argv[1])
client.READING |= {"session_timeout_ms": 1_500, "heartbeat_interval_ms": 300}
OUTLETS["reports"] = replace(OUTLETS["reports"], topic=said["topic"])
made.REACTIONS = said["actor"] + said["topic"]
if said["actor"] == "careless":
    reactions.NAME, reactions.ACTOR = "careless", Actor(name="careless", role="system")
    reactions.uuid5 = lambda *_: uuid4()
house, done = House(Config.from_env()), 0
dispatch = house.bus.dispatch

def counted(*command, **how):
    global done
    dispatch(*command, **how)
    done += 1
    if done == said["dies_after"]:
        os.kill(os.getpid(), signal.SIGKILL)

house.dispatch, stop = counted, Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
made.run_reactions(house, stop)
house.close()
"""


class Members:
    """Processes over one topic, and what they have done."""

    def __init__(self, relaying: Relaying, folder: Path) -> None:
        self._relaying, self._folder = relaying, folder
        self._running: list[subprocess.Popen[bytes]] = []
        self.log = PostgresLog(relaying.database.append, Master(KEK))
        (folder / "kek").touch(mode=0o600)
        (folder / "kek").write_bytes(b64encode(KEK))

    def start(self, actor: str, dies_after: int = 0) -> "subprocess.Popen[bytes]":
        database = self._relaying.database
        said = {"topic": self._relaying.topic, "actor": actor, "dies_after": dies_after}
        env = os.environ | {
            "DATABASE_URL": database.owner,
            "APPEND_DATABASE_URL": database.append,
            "READ_DATABASE_URL": database.read,
            "PROJECT_DATABASE_URL": database.project,
            "KAFKA_BOOTSTRAP": self._relaying.broker.servers,
            "KEK_FILE": str(self._folder / "kek"),
            "DATA": str(self._folder),
        }
        command = [sys.executable, "-W", "ignore", "-c", SCRIPT, dumps(said)]
        self._running.append(subprocess.Popen(command, cwd=ROOT, env=env))  # noqa: S603
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
def members(relaying_reports: Relaying, tmp_path: Path) -> Iterator[Members]:
    found = Members(relaying_reports, tmp_path)
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

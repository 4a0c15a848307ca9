"""K5: a broker tells a producer that it cannot go on: the relay throws it away and begins anew."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from config import Database
from eventlog.kafka.client import admin, consumer
from eventlog.kafka.records import between, partitions
from eventlog.postgres import PostgresLog
from eventlog.sealing import Master
from tests.device_adapters.houses import soon
from tests.eventlog.kafka.relaying import Relaying, grow
from tests.running_broker import RunningBroker, a_topic

WITHIN = 30.0


def uncommitted(relaying: Relaying) -> int:
    """How many records a reader sees that does not ask for committed ones alone."""
    with closing(consumer(relaying.broker, isolation_level="read_uncommitted")) as reader:
        tps = partitions(reader, relaying.topic)
        starts, ends = reader.beginning_offsets(tps), reader.end_offsets(tps)
        return sum(1 for _ in between(reader, starts, ends))


def state_of(relaying: Relaying) -> str:
    """Of the relay's transaction, as the broker has it."""
    with closing(admin(relaying.broker)) as client:
        [found] = client.describe_transactions([relaying.outlet.id]).values()
        return str(found)


def test_k5_a_transaction_that_timed_out_is_done_anew_by_whoever_slept_through_it(
    relaying: Relaying,
) -> None:
    """The broker aborted it meanwhile; its records are invisible, and come again with it."""
    sleeper = relaying.start(flaw="asleep")
    for n in (1, 2):
        grow(relaying.database, 40)
        relaying.wait_for(40 * n)
    grow(relaying.database, 40)
    soon(lambda: psutil.Process(sleeper.pid).status() == psutil.STATUS_STOPPED, WITHIN)
    soon(lambda: "CompleteAbort" in state_of(relaying), WITHIN)
    assert len(relaying.records()) == 80
    os.kill(sleeper.pid, signal.SIGCONT)
    relaying.wait_for(120)
    grow(relaying.database, 40)
    relaying.wait_for(160)
    assert sleeper.poll() is None  # it needed no restart
    differences, audit = relaying.audited()
    assert (differences, audit.equal) == ([], 160)
    assert uncommitted(relaying) == 200


@pytest.fixture
def own_relaying(database: Database, own_broker: RunningBroker) -> Iterator[Relaying]:
    broker = own_broker.server.broker
    log = PostgresLog(database.append, Master(bytes(32)))
    relaying = Relaying(database, log, broker, a_topic(broker))
    yield relaying
    relaying.close()


def copied(source: Path, to: Path) -> None:
    """Its index files are mostly holes."""
    subprocess.run(["cp", "-a", "--sparse=always", source, to], check=True)  # noqa: S603, S607


def test_k5_a_broker_that_lost_its_tail_refuses_the_living_relay_which_fills_it_again(
    own_relaying: Relaying,
    own_broker: RunningBroker,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As a crash without fsync does: its producer's next sequence number is out of order."""
    relaying, data = own_relaying, own_broker.server.data / "log"
    said = list[str]()

    def is_told(what: str) -> bool:
        said.append(capsys.readouterr().out)
        return what in "".join(said)

    grow(relaying.database, 120)
    with relaying.runs():
        relaying.wait_for(120)
        folders = sorted(data.glob(f"{relaying.topic}-*"))
        for folder in folders:
            copied(folder, tmp_path / folder.name)
        grow(relaying.database, 60)
        relaying.wait_for(180)
        own_broker.kill()
        for folder in folders:
            shutil.rmtree(folder)
            copied(tmp_path / folder.name, folder)
        own_broker.start()
        grow(relaying.database, 60)
        soon(lambda: is_told("published again, for Kafka lost it"), WITHIN)
        relaying.wait_for(240)
    assert "OutOfOrderSequence" in "".join(said)
    differences, audit = relaying.audited()
    assert (differences, audit.equal) == ([], 240)

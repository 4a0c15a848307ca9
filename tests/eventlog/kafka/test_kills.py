"""The relay, its broker and its database die under load: nothing is lost, nothing is twice."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from threading import Event as Flag
from threading import Thread
from time import monotonic, sleep

import psycopg
import pytest
from kafka.errors import KafkaError

from config import Database
from eventlog.bus import PARTITIONS
from eventlog.kafka import relay
from eventlog.kafka.broker import Broker
from eventlog.kafka.place import Place, Start
from eventlog.kafka.relay import Outlet, Writer
from eventlog.postgres import PostgresLog
from eventlog.sealing import Master
from tests.conftest import migrate
from tests.eventlog.kafka.relaying import Relaying, grow, grow_on
from tests.running_broker import RunningBroker, a_topic
from tests.running_server import RunningServer

MASTER = Master(bytes(32))
IS_CONTROL = 0x20  # in the low byte of a batch's attributes, https://kafka.apache.org/documentation/#recordbatch


@contextmanager
def load(database: Database, many: int = 12, pause: float = 0.05) -> Iterator[None]:
    """Some 200 events a second until the block ends; a database that is away is waited for."""
    stop = Flag()

    def keep_growing() -> None:
        with psycopg.connect(database.owner, autocommit=True) as db:
            while not stop.wait(pause):
                grow_on(db, many)

    def keep_trying() -> None:
        while not stop.is_set():
            with suppress(psycopg.OperationalError):
                keep_growing()
            stop.wait(0.1)

    thread = Thread(target=keep_trying)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def killed(relaying: Relaying, times: int) -> None:
    """As soon as it has published something, and a little later each time."""
    random = Random(5)
    for _ in range(times):
        before, process = relaying.position(), relaying.start()
        relaying.wait_for(before + 1)
        sleep(random.uniform(0, 0.2))
        process.kill()
        process.wait()


def assert_each_once(relaying: Relaying) -> int:
    """After the rest was published; how many there are."""
    with relaying.runs():
        relaying.wait_for(relaying.log.head())
    differences, audit = relaying.audited()
    assert differences[:5] == []
    assert audit.equal == relaying.log.head()
    assert audit.waiting == 0
    return audit.equal


def test_k5_fifteen_kills_of_the_relay_under_load_lose_nothing_and_repeat_nothing(
    relaying: Relaying,
) -> None:
    with load(relaying.database):
        killed(relaying, 15)
    assert assert_each_once(relaying) > 1_000


def test_k5_control_idempotence_without_transactions_repeats_and_the_audit_says_so(
    relaying: Relaying,
) -> None:
    with load(relaying.database, many=150):
        for _ in range(2):
            assert relaying.start(flaw="careless").wait(60) == -signal.SIGKILL
    with relaying.runs():
        relaying.wait_for(relaying.log.head())
    differences, _ = relaying.audited()
    assert any("twice" in said for said in differences)
    assert any("gh-seq" in said for said in differences)
    assert not any("missing" in said for said in differences)


@pytest.fixture
def own_relaying(database: Database, own_broker: RunningBroker) -> Iterator[Relaying]:
    """On a broker of this test's own."""
    broker = own_broker.server.broker
    log = PostgresLog(database.append, Master(bytes(32)))
    relaying = Relaying(database, log, broker, a_topic(broker))
    yield relaying
    relaying.close()


def test_k4_a_broker_that_is_killed_under_load_gets_each_event_once(
    own_relaying: Relaying, own_broker: RunningBroker
) -> None:
    relaying = own_relaying
    with relaying.runs(), load(relaying.database):
        for _ in range(2):
            relaying.wait_for(relaying.position() + 200)
            own_broker.kill()
            own_broker.start()
    assert_each_once(relaying)


def test_k4_a_broker_that_forgot_the_marks_of_a_commit_hides_nothing_and_repeats_nothing(
    own_relaying: Relaying, own_broker: RunningBroker
) -> None:
    """It counts the transaction as complete, as after a kill under load (ADR 15)."""
    relaying = own_relaying
    grow(relaying.database, 60)
    with relaying.runs():
        relaying.wait_for(60)
        assert len(relaying.records()) == 60
    own_broker.kill()
    cut_marks(own_broker.server.data / "log", relaying.topic)
    own_broker.start()
    assert relaying.shown() < 60
    grow(relaying.database, 40)
    assert assert_each_once(relaying) == 100


def cut_marks(folder: Path, topic: str) -> None:
    """The last batch of each partition, and of where positions are kept, if it is a mark."""
    for name in (topic, "__consumer_offsets"):
        for log in folder.glob(f"{name}-*/*.log"):
            batches, begin = log.read_bytes(), 0
            while begin < len(batches):
                last, begin = begin, begin + 12 + int.from_bytes(batches[begin + 8 : begin + 12])
            if batches and batches[last + 22] & IS_CONTROL:
                os.truncate(log, last)
                for snapshot in log.parent.glob("*.snapshot"):
                    snapshot.unlink()


def test_k4_a_broker_that_was_wiped_is_filled_again_loudly(
    own_relaying: Relaying, own_broker: RunningBroker, capsys: pytest.CaptureFixture[str]
) -> None:
    """Under the running relay, which had published all; nobody restarts it."""
    relaying = own_relaying
    grow(relaying.database, 500)
    with relaying.runs():
        relaying.wait_for(500)
        own_broker.kill()
        own_broker.wipe()
        own_broker.start()
        a_topic(relaying.broker, name=relaying.topic)
        grow(relaying.database, 100)
        until_published(relaying, 600)
    assert "500 was published" in capsys.readouterr().out
    differences, audit = relaying.audited()
    assert (differences, audit.equal) == ([], 600)


def test_k4_control_who_believes_what_it_remembers_leaves_a_wiped_broker_empty(
    own_relaying: Relaying, own_broker: RunningBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "looked", believing)
    relaying = own_relaying
    grow(relaying.database, 60)
    with relaying.runs():
        relaying.wait_for(60)
    own_broker.kill()
    own_broker.wipe()
    own_broker.start()
    a_topic(relaying.broker, name=relaying.topic)
    grow(relaying.database, 40)
    with relaying.runs():
        relaying.wait_for(100)
    differences, audit = relaying.audited()
    assert sum("is missing" in said for said in differences) == 60
    assert audit.equal == 40


def believing(outlet: Outlet, broker: Broker, kept: Place | None) -> Start:
    """What PostgreSQL remembers, and no look at what is there."""
    place = kept or Place()
    return Start(place=place, done=(place.position,) * PARTITIONS, lost=())


def until_published(relaying: Relaying, many: int, seconds: float = 60) -> None:
    until = monotonic() + seconds
    while relaying.shown() < many:
        assert monotonic() < until
        sleep(0.2)


def test_k3_postgresql_that_restarts_under_load_costs_no_event_and_no_restart(
    broker: Broker, own_server: RunningServer
) -> None:
    migrate(own_server.server.conninfo())
    database = Database.embedded(own_server.server)
    log = PostgresLog(database.append, Master(bytes(32)))
    relaying = Relaying(database, log, broker, a_topic(broker))
    with relaying.runs(), load(database):
        for _ in range(2):
            relaying.wait_for(relaying.position() + 200)
            own_server.kill()
            own_server.start()
    assert_each_once(relaying)
    relaying.close()


def test_k2_a_relay_that_slept_while_another_took_its_place_writes_nothing_more(
    relaying: Relaying,
) -> None:
    """Its lock went with its connection, as at a partition of the network; then it wakes up."""
    with load(relaying.database):
        sleeper = relaying.start()
        relaying.wait_for(200)
        os.kill(sleeper.pid, signal.SIGSTOP)
        end_sessions(relaying.database)
        with relaying.runs():
            relaying.wait_for(relaying.position() + 500)
            os.kill(sleeper.pid, signal.SIGCONT)
            relaying.wait_for(relaying.position() + 500)
    sleeper.kill()
    assert_each_once(relaying)


def test_k2_a_zombie_is_refused_by_the_broker_itself(relaying: Relaying) -> None:
    """Not only by the lock: two that both believe to lead."""
    grow(relaying.database, 20)
    records = relaying.log.raw(after=0)
    zombie = Writer(relaying.outlet, relaying.broker, None)
    zombie.publish(records[:10])
    heir = Writer(relaying.outlet, relaying.broker, None)
    assert heir.place.position == 10
    with pytest.raises(KafkaError):
        zombie.publish(records[10:])
    zombie.close()
    heir.publish(records[10:])
    heir.close()
    positions = [int(dict(r.headers)["gh-position"]) for r in relaying.records()]
    assert sorted(positions) == list(range(1, 21))


def end_sessions(database: Database) -> None:
    with psycopg.connect(database.owner) as db:
        db.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE usename = 'gatehouse_project' AND datname = current_database()"
        )

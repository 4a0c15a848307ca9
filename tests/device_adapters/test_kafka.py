"""The adapters over a real Kafka: what is garbled there, and what a newer release wrote."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from time import sleep

import pytest

from config import Database
from device_adapters.simulator import Fleet
from domain.residents import PinRevoked
from eventlog.bus import Message, message, partition_of
from eventlog.kafka.broker import Broker
from eventlog.kafka.bus import KafkaBus
from eventlog.kafka.client import producer
from eventlog.kafka.dead_letters import waiting
from eventlog.postgres import PostgresLog
from eventlog.sealing import Master
from tests.builders import ANN, BOB, ELSEWHERE, HARBOUR, SWIMMERS, a_pin, a_resident
from tests.device_adapters.adapters import Adapters, adapters, happen, pins, settled, states
from tests.device_adapters.houses import soon
from tests.device_adapters.test_shares import garbled, of_a_newer_release
from tests.eventlog.conftest import KEK
from tests.running_broker import a_topic

HOME = partition_of(str(HARBOUR).encode())
WITHIN = 20.0


@dataclass
class Stream:
    """A topic that the test itself carries the log into, with flaws."""

    log: PostgresLog
    broker: Broker
    position: int = 0
    counts: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.topic, self.dead = a_topic(self.broker), a_topic(self.broker)
        self.bus = KafkaBus(self.broker, f"adapters of {self.topic}", self.topic, self.dead)

    def carry(self, flaw: Callable[[Message], Message] = lambda m: m) -> None:
        """All that happened meanwhile."""
        with closing(producer(self.broker)) as writer:
            for record in self.log.raw(after=self.position):
                self.position = record.position
                m = flaw(message(record))
                self.counts[m.partition] = seq = self.counts.get(m.partition, 0) + 1
                headers = [*m.headers.items(), ("gh-seq", b"%d" % seq)]
                writer.send(self.topic, m.value, m.key, headers, m.partition)

    def carry_all(self, running: Adapters) -> None:
        """Until the adapters have nothing more to say and have heard it all."""
        soon(lambda: states(self.log), WITHIN)

        def is_quiet() -> bool:
            self.carry()
            sleep(0.3)
            return self.position == self.log.head() and running.position() >= self.position

        soon(is_quiet, WITHIN)

    def letters(self) -> Sequence[str]:
        return [str(each) for each in waiting(self.broker, self.dead, f"r of {self.topic}")]


@pytest.fixture
def pg_log(database: Database) -> Iterator[PostgresLog]:
    log = PostgresLog(database.append, Master(KEK))
    yield log
    log.close()


@pytest.fixture
def stream(pg_log: PostgresLog, broker: Broker) -> Stream:
    return Stream(pg_log, broker)


def test_facts_come_by_kafka_to_phones(
    pg_log: PostgresLog, database: Database, stream: Stream
) -> None:
    with Fleet(["X916"]) as fleet:
        settled(pg_log, fleet, HARBOUR)
        happen(pg_log, a_resident(ANN, SWIMMERS), a_pin("2468", ANN))
        stream.carry()
        with adapters(pg_log, database, stream.bus) as running:
            soon(lambda: pins(fleet) == {"2468"}, WITHIN)
            happen(pg_log, PinRevoked(resident=ANN))
            before = running.position()
            stream.carry()
            soon(lambda: pins(fleet) == set(), WITHIN)
            assert running.position() > before
        assert not stream.letters()


def test_what_is_garbled_on_the_way_becomes_a_dead_letter_and_the_phone_is_right_all_the_same(
    pg_log: PostgresLog, database: Database, stream: Stream
) -> None:
    with Fleet(["X916"]) as fleet:
        settled(pg_log, fleet, HARBOUR)
        happen(pg_log, a_resident(ANN, SWIMMERS), a_pin("2468", ANN))
        stream.carry()
        with adapters(pg_log, database, stream.bus) as running:
            soon(lambda: pins(fleet) == {"2468"}, WITHIN)
            stream.carry_all(running)
            happen(pg_log, PinRevoked(resident=ANN))
            stream.carry(lambda m: garbled(m) if b"PinRevoked" in m.headers["ce_type"] else m)
            soon(lambda: pins(fleet) == set(), WITHIN)
            soon(lambda: len(stream.letters()) == 1, WITHIN)
            assert not running.alarms
        [letter] = stream.letters()
        assert f"{stream.topic}/{HOME}@" in letter
        assert "  Undecodable  gatehouse.PinRevoked  position " in letter


def test_e10_an_unknown_schema_stops_the_partition_and_alarms(
    pg_log: PostgresLog, database: Database, stream: Stream
) -> None:
    """The others go on, and Kafka's own tools show the lag of the one that stands."""
    with Fleet(["X916", "X916"]) as fleet:
        settled(pg_log, fleet, HARBOUR, ELSEWHERE)
        happen(pg_log, a_resident(ANN, SWIMMERS), a_pin("2468", ANN))
        happen(pg_log, a_resident(BOB, SWIMMERS), home=ELSEWHERE)
        stream.carry()
        with adapters(pg_log, database, stream.bus) as running:
            soon(lambda: pins(fleet, 0) == {"2468"}, WITHIN)
            soon(lambda: len(list(running.leases.held)) == 12, WITHIN)
            stream.carry_all(running)
            happen(pg_log, PinRevoked(resident=ANN))
            stream.carry(of_a_newer_release)
            soon(lambda: running.alarms, WITHIN)
            happen(pg_log, a_pin("1357", BOB), home=ELSEWHERE)
            stream.carry()
            soon(lambda: pins(fleet, 1) == {"1357"}, WITHIN)
            assert {alarm.error for alarm in running.alarms} == {"UnknownSchema"}
            assert pins(fleet, 0) == {"2468"}
        assert not stream.letters()

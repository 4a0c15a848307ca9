"""Kafka as a bus: the contract of every carrier, and what only a group does."""

import gc
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from time import monotonic
from uuid import uuid4

import pytest
from kafka import KafkaProducer
from kafka.structs import MemberState

from eventlog.bus import PARTITIONS, Message, RawRecord, headers_of, message, raw_of
from eventlog.kafka.broker import Broker
from eventlog.kafka.bus import KafkaBus
from eventlog.kafka.client import producer
from tests.eventlog.bus_contract import COMMUNITIES, BusContract, a_record, drained
from tests.running_broker import RunningBroker, a_topic


def publish(writer: KafkaProducer, topic: str, records: Sequence[RawRecord]) -> None:
    """Kafka's own client places each by its key."""
    for record in records:
        headers = list(headers_of(record).items())
        key = str(record.community).encode()
        writer.send(topic, key=key, value=record.body, headers=headers)
    writer.flush()


class TestKafkaBus(BusContract):
    @pytest.fixture(autouse=True)
    def carrier(self, broker: Broker) -> Iterator[None]:
        self.broker, self.topic = broker, a_topic(broker)
        with closing(producer(broker)) as self.writer:
            yield

    def publish(self, records: Sequence[RawRecord]) -> None:
        publish(self.writer, self.topic, records)

    def join(self, group: str, share: tuple[int, int] = (1, 1)) -> KafkaBus:
        return KafkaBus(self.broker, f"{group} of {self.topic}", self.topic)

    def test_k7_one_that_dies_is_replaced_and_only_what_it_had_not_committed_comes_again(
        self,
    ) -> None:
        self.publish([a_record(n, COMMUNITIES[n % 30]) for n in range(1, 61)])
        with self.reader() as one:
            first = drained(one, 60)
            one.commit()
            self.publish([a_record(n, COMMUNITIES[n % 30]) for n in range(61, 71)])
            assert len(drained(one, 10)) == 10
        with self.reader() as other:
            again = drained(other, 10)
        assert len(first) == 60
        assert sorted(raw_of(m).position for m in again) == list(range(61, 71))

    def test_who_keeps_a_partition_is_not_disturbed_when_another_comes(self) -> None:
        with self.reader() as one:
            self.publish([a_record(n, COMMUNITIES[n % 30]) for n in range(1, 31)])
            drained(one, 30)
            before, seen = set(one.assignment), list[set[int]]()
            with self.reader() as other, ThreadPoolExecutor() as threads:
                until = monotonic() + 30
                while not (len(one.assignment) == 6 == len(other.assignment)):
                    list(threads.map(lambda bus: bus.poll(0.5), (one, other)))
                    seen.append(set(one.assignment))
                    assert monotonic() < until
            kept = set(one.assignment)
            assert len(before) == 12
            assert all(kept <= each <= before for each in seen)

    def test_a_join_that_begins_because_a_topic_came_is_ended_by_polls_however_short(self) -> None:
        """Adapters may begin before `gatehouse topics apply`."""
        self.topic = f"test-{uuid4()}"
        records = [a_record(n, COMMUNITIES[n % 30]) for n in range(1, 31)]
        with closing(self.join("adapters")) as one:
            one.poll(0.5)
            reader, until = one._reader, monotonic() + 30
            assert reader
            while reader.group_metadata().state is not MemberState.STABLE:
                one.poll(0.5)
                assert monotonic() < until
            a_topic(self.broker, name=self.topic)
            self.publish(records)
            reader._cluster.request_update()
            found = list[Message]()
            while len(found) < len(records) and monotonic() < until:
                found += one.poll(0.001)
        assert len(found) == len(records)

    def test_what_is_paused_neither_comes_nor_is_committed(self) -> None:
        records = [a_record(n, COMMUNITIES[n % 30]) for n in range(1, 31)]
        stopped = message(records[0]).partition
        with self.reader() as one:
            self.publish(records)
            drained(one, 30)
            one.pause({stopped})
            one.commit()
            more = [a_record(n, COMMUNITIES[n % 30]) for n in range(31, 61)]
            self.publish(more)
            others = [r for r in more if message(r).partition != stopped]
            found = drained(one, len(others)) + list(one.poll(0.2))
            assert sorted(raw_of(m).position for m in found) == [r.position for r in others]
            one.commit()
        behind = [r.position for r in records + more if message(r).partition == stopped]
        with self.reader() as again:
            found = drained(again, len(behind)) + list(again.poll(0.2))
        assert [raw_of(m).position for m in found] == behind


@pytest.fixture
def sockets_left(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Kafka's client leaves those of failed connections to the garbage, and in what it logs."""
    caplog.set_level(logging.CRITICAL, "kafka")
    yield
    gc.collect()


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.usefixtures("sockets_left")
def test_k4_a_broker_that_was_away_is_followed_again(own_broker: RunningBroker) -> None:
    broker = own_broker.server.broker
    topic = a_topic(broker)
    with closing(KafkaBus(broker, "g", topic)) as bus:
        with closing(producer(broker)) as writer:
            publish(writer, topic, [a_record(1)])
        assert len(drained(bus, 1)) == 1
        bus.commit()
        before = set(bus.assignment)
        own_broker.kill()
        began = monotonic()
        assert bus.poll(0.3) == []
        bus.commit()
        assert monotonic() - began < 10
        assert set(bus.assignment) == before
        own_broker.start()
        with closing(producer(broker)) as writer:
            publish(writer, topic, [a_record(2)])
        found = drained(bus, 1, 30)
        assert [raw_of(m).position for m in found] == [2]


def test_k4_without_a_broker_polls_end_empty_and_the_log_is_followed_alone_in_the_end() -> None:
    nobody = Broker(servers="127.0.0.1:1")
    with closing(KafkaBus(nobody, "g", alone_after=0.3)) as bus:
        assert bus.poll(0.1) == []
        assert not bus.assignment
        bus.poll(0.3)
        bus.poll(0.1)
        assert set(bus.assignment) == set(range(PARTITIONS))

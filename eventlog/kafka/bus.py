"""The stream as a member of a consumer group hears it."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from socket import create_connection
from time import monotonic, sleep
from typing import Any, Final

import structlog
from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaConnectionError, KafkaError
from kafka.structs import MemberState
from prometheus_client import Counter

from eventlog.bus import PARTITIONS, Message
from eventlog.kafka.broker import Broker
from eventlog.kafka.client import consumer
from eventlog.kafka.dead_letters import bury
from eventlog.kafka.topics import DEAD_LETTERS, EVENTS

COMMIT_MS: Final = 5_000
ALONE_SECONDS: Final = 10.0
KNOCK_SECONDS: Final = 1.0
BURIED: Final = Counter("gatehouse_dead_letters", "Records that could not be read", ["group"])
log = structlog.get_logger()


class KafkaBus:
    """eventlog.bus.Bus. While no broker answers, polls end empty and the assignment stays what it
    was; if there never was one, it is everything after `alone_after` seconds. That nobody writes
    to what is not his is seen to by other means than a group: leases.

    Partitions move one by one (KIP-429): who keeps one is not disturbed.
    """

    reached = 0

    def __init__(
        self,
        broker: Broker,
        group: str,
        topic: str = EVENTS,
        dead_letters: str = DEAD_LETTERS,
        alone_after: float = ALONE_SECONDS,
    ) -> None:
        self._broker, self._group, self._topic = broker, group, topic
        self.dead_letters, self._alone_at = dead_letters, monotonic() + alone_after
        self.assignment: Collection[int] = frozenset()
        self._reader: KafkaConsumer | None = None
        self._done: dict[int, int] = {}
        self._paused = frozenset[int]()
        self._dead: list[tuple[Message, str]] = []

    def poll(self, timeout: float) -> Sequence[Message]:
        until = monotonic() + timeout
        try:
            found = self._joined().poll(timeout_ms=int(timeout * 1000))
        except KafkaError as failure:
            self._leave(failure)
            if not self.assignment and monotonic() >= self._alone_at:
                self.assignment = range(PARTITIONS)
            sleep(max(0.0, until - monotonic()))
            return []
        self._see_assignment()
        messages = [message_of(record) for records in found.values() for record in records]
        self._done |= {message.partition: message.offset + 1 for message in messages}
        return messages

    def commit(self) -> None:
        """After the letters to the dead are sent. If it fails, more will come again than need."""
        done = {p: at for p, at in self._done.items() if p not in self._paused}
        try:
            if self._dead:
                bury(self._broker, self._topic, self._group, self._dead, self.dead_letters)
                self._dead.clear()
            if self._reader and done:
                offsets = {self._place(p): OffsetAndMetadata(at, "", -1) for p, at in done.items()}
                self._reader.commit(offsets, timeout_ms=COMMIT_MS)
        except KafkaError as failure:
            log.warning("positions not committed", error=type(failure).__name__)
            return
        self._done = {p: at for p, at in self._done.items() if p not in done}

    def bury(self, message: Message, error: str) -> None:
        """It could not be read: to be told with the next commit."""
        self._dead.append((message, error))
        BURIED.labels(self._group).inc()
        log.error(
            "dead letter",
            topic=self._topic,
            partition=message.partition,
            offset=message.offset,
            error=error,
        )

    def pause(self, partitions: Collection[int]) -> None:
        wanted = frozenset(partitions) & frozenset(self.assignment)
        if self._reader and wanted != self._paused:
            self._reader.resume(*map(self._place, self._paused & frozenset(self.assignment)))
            self._reader.pause(*map(self._place, wanted))
        self._paused = wanted

    def close(self) -> None:
        """Leaves the group, so that the others need not wait until it is missed."""
        if self._reader:
            self._reader.close(autocommit=False)

    def _joined(self) -> KafkaConsumer:
        if self._reader is None:
            must_answer(self._broker)
            strategy = [CooperativeStickyAssignor]
            self._reader = consumer(
                self._broker, group_id=self._group, partition_assignment_strategy=strategy
            )
            self._reader.subscribe([self._topic])
        return self._reader

    def _leave(self, failure: KafkaError) -> None:
        log.warning("no stream", topic=self._topic, error=type(failure).__name__)
        reader, self._reader = self._reader, None
        if reader:
            with suppress(KafkaError):
                reader.close(autocommit=False, timeout_ms=COMMIT_MS)

    def _see_assignment(self) -> None:
        """Not in the middle of sharing out anew, when there is none for a moment.

        kafka-python 3.0.12 forgets a join that a poll left under way if metadata asked for it: no
        heartbeat, no record, for ever [M]. Asked once more, it waits for the one under way.
        """
        assert self._reader
        state = self._reader.group_metadata().state
        if state is MemberState.REBALANCING:
            self._reader._coordinator.request_rejoin()
        elif state is MemberState.STABLE:
            now = frozenset(place.partition for place in self._reader.assignment())
            self.assignment, self._paused = now, self._paused & now
            self._done = {p: at for p, at in self._done.items() if p in now}

    def _place(self, partition: int) -> TopicPartition:
        return TopicPartition(self._topic, partition)


def must_answer(broker: Broker) -> None:
    """Kafka's client would look for five seconds, and leave its sockets to the garbage."""
    for server in broker.servers.split(","):
        host, _, port = server.rpartition(":")
        with suppress(OSError):
            create_connection((host.strip("[]"), int(port)), KNOCK_SECONDS).close()
            return
    raise KafkaConnectionError


def message_of(record: Any) -> Message:
    """Strangers may write what has no key, no value or no headers."""
    return Message(
        partition=record.partition,
        offset=record.offset,
        key=record.key or b"",
        value=record.value or b"",
        headers=headers_of(record),
    )


def headers_of(record: Any) -> Mapping[str, bytes]:
    return {name: value or b"" for name, value in record.headers}

"""The way out of a log into its topic, each record once (survive.md K4, K5).

One relay of a log leads, by an advisory lock. Records and position go in one transaction; who leads
anew fences the one before, and goes on from what Kafka has, whatever that one believed.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from threading import Event as Flag
from threading import Thread
from time import monotonic
from typing import Any, Final, Protocol, TypeVar

import structlog
from kafka import KafkaProducer, TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError
from kafka.structs import OffsetAndMetadata
from psycopg import Connection, OperationalError

from domain.record import frozen
from eventlog.bus import SOURCE, Headers, Message, RawRecord, message
from eventlog.kafka import client
from eventlog.kafka.broker import Broker
from eventlog.kafka.place import Place, Start, Tail, resume
from eventlog.kafka.records import REPLAYED, SEQUENCE, TIME, left_open, partitions, tails
from eventlog.kafka.topics import EVENTS, REPORTS
from eventlog.port import MAX_BATCH, Unavailable

LEADS: Final = 7450489151653712  # with the topic: the advisory lock of the one that writes to it
RETRY_SECONDS, WAIT_SECONDS, REFRESH_SECONDS = 0.5, 1.0, 3600.0
LAST_SECONDS, PATIENCE_SECONDS, LOOK_MS = 5.0, 10.0, 15_000
WRITING: Final = {
    "transaction_timeout_ms": 30_000,
    "max_block_ms": 10_000,
    "retry_backoff_ms": 10,  # also the pause where a transaction follows another closely
    "batch_size": 65_536,
    "linger_ms": 1_000,  # the commit does not wait for it; full batches do not, either
}
NOTHING: Final[Headers] = {}
T = TypeVar("T")
Connect = Callable[[], Connection[Any]]
log = structlog.get_logger()


class Source(Protocol):
    """eventlog.bus.RawLog, and its last position."""

    def head(self) -> int: ...

    def raw(
        self, *, after: int, limit: int = MAX_BATCH, wait: float = 0
    ) -> Sequence[RawRecord]: ...


@frozen
class Outlet:
    """Which log goes where. `source` is said in `ce_source`; `name` is the row of its position."""

    name: str
    topic: str
    source: str

    @property
    def id(self) -> str:
        """Of its transactions, and of the group that its position is kept under."""
        return f"{self.topic}.relay"

    @property
    def anchor(self) -> TopicPartition:
        return TopicPartition(self.topic, 0)

    def message(self, record: RawRecord) -> Message:
        """As it goes into the topic, but for its gh-seq. `offset` is the position."""
        carried = message(record)
        return replace(carried, headers={**carried.headers, "ce_source": self.source.encode()})


OUTLETS: Final = {
    "events": Outlet(name="relay-events", topic=EVENTS, source=SOURCE),
    "reports": Outlet(name="relay-reports", topic=REPORTS, source="/gatehouse/reports"),
}


class Ahead(Exception):
    """The topic has what the log has not: an older backup of the log was restored."""

    def __init__(self, published: int, head: int) -> None:
        super().__init__(published, head)
        self.published, self.head = published, head


class Writer:
    """A transactional producer, good until the first error; `place` is what Kafka has."""

    def __init__(self, outlet: Outlet, broker: Broker, kept: Place | None) -> None:
        self.outlet = outlet
        self._producer: KafkaProducer = client.producer(
            broker, transactional_id=outlet.id, **WRITING
        )
        try:
            in_time(self._producer.init_transactions)
            self._give_up(left_open(broker, outlet.topic))
            self.start = looked(outlet, broker, kept)
        except BaseException:
            self.close()
            raise
        self.place, self._written = self.start.place, monotonic()

    def _give_up(self, tps: Sequence[TopicPartition]) -> None:
        """A broker that is killed between a commit and its marks may forget the marks, and count
        the transaction as complete [M] (ADR 15). Its records are hidden, and our next commit there
        would show them; its position is never told again. All that is aborted, and missed at the
        look that follows.
        """
        if numbers := [tp.partition for tp in tps]:
            topic = self.outlet.topic
            log.error("gives up what Kafka left open", topic=topic, partitions=numbers)
        self._producer.begin_transaction()
        for number in numbers:
            self._producer.send(self.outlet.topic, b"", b"", partition=number)
        self._set(Place())
        self._producer.flush(timeout=PATIENCE_SECONDS)
        in_time(self._producer.abort_transaction)

    def close(self) -> None:
        """kafka-python's close gives up where records are left unsent, and its thread goes on."""
        with suppress(KafkaError):
            self._producer.close(timeout=1)
        self._producer._sender.force_close()
        self._producer._unregister_cleanup()

    def publish(self, records: Sequence[RawRecord]) -> None:
        """In one transaction, without what its partition has already."""
        done, position = self.start.done, records[-1].position
        if new := [m for m in map(self.outlet.message, records) if m.offset > done[m.partition]]:
            self._write(new, position)
        else:
            self.place = replace(self.place, position=position)

    def replay(self, records: Sequence[RawRecord]) -> None:
        """Once more, and marked as such; the position stays."""
        self._write([*map(self.outlet.message, records)], self.place.position, {REPLAYED: b"true"})

    def refresh(self) -> None:
        """Kafka forgets positions that nobody moves (offsets.retention.minutes, a week)."""
        if monotonic() - self._written > REFRESH_SECONDS:
            self._write([], self.place.position)

    def _write(self, messages: Sequence[Message], position: int, more: Headers = NOTHING) -> None:
        counts = [*self.place.counts]
        self._producer.begin_transaction()
        sent = []
        for m in messages:
            counts[m.partition] += 1
            headers = {**m.headers, **more, SEQUENCE: b"%d" % counts[m.partition]}
            sent.append(self._send(m, [*headers.items()]))
        place = Place(position=position, counts=tuple(counts))
        self._commit(place, sent)
        self.place, self._written = place, monotonic()

    def _send(self, m: Message, headers: list[tuple[str, bytes]]) -> Any:
        return self._producer.send(self.outlet.topic, m.value, m.key, headers, m.partition)

    def _commit(self, place: Place, sent: Sequence[Any]) -> None:
        self._set(place)
        self._producer.flush(timeout=PATIENCE_SECONDS)
        for one in sent:  # kafka-python would commit without those that it could not even queue
            if not one.succeeded():
                raise one.exception or KafkaTimeoutError("not sent")
        in_time(self._producer.commit_transaction)

    def _set(self, place: Place) -> None:
        at = {self.outlet.anchor: OffsetAndMetadata(place.position, place.text(), -1)}
        in_time(self._producer.send_offsets_to_transaction, at, self.outlet.id)


def in_time(act: Callable[..., T], *given: Any) -> T:
    """KafkaTimeoutError where kafka-python would wait for ever, as it does for some answers that a
    killed broker owes it.
    """
    found, failures = list[T](), list[BaseException]()

    def acted() -> None:
        try:
            found.append(act(*given))
        except BaseException as failure:
            failures.append(failure)

    thread = Thread(target=acted, daemon=True)
    thread.start()
    thread.join(PATIENCE_SECONDS)
    if thread.is_alive():
        raise KafkaTimeoutError(act.__name__)
    if failures:
        raise failures[0]
    return found[0]


def looked(outlet: Outlet, broker: Broker, kept: Place | None) -> Start:
    reader = client.consumer(broker, group_id=outlet.id, request_timeout_ms=LOOK_MS)
    try:
        tps = partitions(reader, outlet.topic)
        found = reader.committed(outlet.anchor, metadata=True, timeout_ms=LOOK_MS)
        stored = Place.of(found.offset, found.metadata) if found else None
        return resume(stored, kept, tails(reader, tps))
    finally:
        with suppress(KafkaError):
            reader.close(autocommit=False, timeout_ms=1_000)


def run(outlets: Mapping[Outlet, Source], broker: Broker, connect: Connect, stop: Flag) -> None:
    """Until stopped, or until one of them fails in a way that nobody foresaw."""

    def carried(outlet: Outlet, source: Source) -> None:
        try:
            follow(outlet, source, broker, connect, stop)
        finally:
            stop.set()

    threads = [Thread(target=carried, args=pair, daemon=True) for pair in outlets.items()]
    for thread in threads:
        thread.start()
    stop.wait()
    for thread in threads:
        thread.join(LAST_SECONDS)


def follow(outlet: Outlet, source: Source, broker: Broker, connect: Connect, stop: Flag) -> None:
    """Until stopped: leads as soon as nobody else does, and as long as PostgreSQL lets it."""
    while not stop.is_set():
        with suppress(OperationalError), connect() as db:
            if leads(db, outlet):
                lead(outlet, source, broker, db, stop)
        stop.wait(RETRY_SECONDS)


def leads(db: Connection[Any], outlet: Outlet) -> bool:
    row = db.execute(
        "select pg_try_advisory_lock(hashtextextended(%s, %s))", [outlet.topic, LEADS]
    ).fetchone()
    return bool(row and row[0])


def lead(outlet: Outlet, source: Source, broker: Broker, db: Connection[Any], stop: Flag) -> None:
    """OperationalError when the lock is gone with its connection: then somebody else may lead."""
    while not stop.is_set():
        try:
            with closing(Writer(outlet, broker, kept(db, outlet))) as writer:
                carry(writer, source, db, stop)
        except (KafkaError, Unavailable) as failure:
            log.error("the relay begins anew", topic=outlet.topic, exc_info=failure)
            stop.wait(RETRY_SECONDS)
        except Ahead as of:
            said = {"published": of.published, "head": of.head}
            log.error("the topic has what the log has not", topic=outlet.topic, **said)
            stop.wait(RETRY_SECONDS)


def carry(writer: Writer, source: Source, db: Connection[Any], stop: Flag) -> None:
    refuse_an_older(source, writer.start)
    for lost in writer.start.lost:
        log.error("published again, for Kafka lost it", topic=writer.outlet.topic, lost=lost)
    log.info("publishes", topic=writer.outlet.topic, after=writer.place.position)
    while not stop.is_set():
        if (again := tell(db, writer.outlet, writer.place)) is not None:
            replay(writer, source, again)
            db.execute(REPLAYED_ALL, [writer.outlet.name, again])
        if records := source.raw(after=writer.place.position, wait=WAIT_SECONDS):
            writer.publish(records)
        else:
            writer.refresh()


def refuse_an_older(source: Source, start: Start) -> None:
    """Ahead, also when the log has grown since, for other events stand there now."""
    head, published = source.head(), max(start.done)
    if published > head or not has(source, start.newest):
        raise Ahead(published, head)


def has(source: Source, tail: Tail) -> bool:
    """Or had: a log of reports lets go by age."""
    found = source.raw(after=tail.position - 1, limit=1) if tail.position else ()
    return all(r.position > tail.position or time_of(r) == tail.time for r in found)


def time_of(record: RawRecord) -> str:
    return message(record).headers[TIME].decode()


def replay(writer: Writer, source: Source, first: int) -> None:
    last = writer.place.position
    log.warning("replays", topic=writer.outlet.topic, first=first, last=last)
    after = first - 1
    while records := [r for r in source.raw(after=after) if r.position <= last]:
        writer.replay(records)
        after = records[-1].position


def tell(db: Connection[Any], outlet: Outlet, place: Place) -> int | None:
    """How far it is, for who asks; from where somebody wants it replayed."""
    row = db.execute(TELL, [outlet.name, place.position, [*place.counts]]).fetchone()
    return row[0] if row else None


def kept(db: Connection[Any], outlet: Outlet) -> Place | None:
    row = db.execute(
        "select position, counts from doors.positions where name = %s", [outlet.name]
    ).fetchone()
    return Place(position=row[0], counts=tuple(row[1])) if row else None


def ask_replay(db: Connection[Any], outlet: Outlet, first: int) -> int | None:
    """How many positions whoever leads will publish again; None if nobody has led yet."""
    row = db.execute(
        "update doors.positions set replay_from = %s where name = %s returning position",
        [first, outlet.name],
    ).fetchone()
    return max(0, row[0] - first + 1) if row else None


TELL: Final = """
    insert into doors.positions (name, position, counts) values (%s, %s, %s)
    on conflict (name) do update set position = excluded.position, counts = excluded.counts,
        moved_at = clock_timestamp()
    returning replay_from"""
REPLAYED_ALL: Final = """
    update doors.positions set replay_from = null where name = %s and replay_from = %s"""

"""What every carrier of the stream must do. A carrier's test says how to fill it and to join it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Timer
from time import monotonic
from uuid import UUID

from domain.ids import CommunityId
from eventlog.bus import PARTITIONS, Bus, Message, RawRecord, partition_of, raw_of

COMMUNITIES = [CommunityId(UUID(int=n)) for n in range(1, 31)]
LONG = 30.0  # a broker that has only just come up makes a group in its own time


def a_record(position: int, community: CommunityId = COMMUNITIES[0]) -> RawRecord:
    return RawRecord(
        position=position,
        recorded_at=datetime(2026, 3, 2, 8, 30, 0, position, tzinfo=UTC),
        community=community,
        stream=UUID(int=100 + position),
        version=position,
        type="PinIssued",
        subject=UUID(int=7) if position % 2 else None,
        actor="pm",
        command_id=UUID(int=200 + position),
        cause=None if position % 3 else "reports/9",
        body=bytes([0, 0, 0, 0, position % 256, 255]),
    )


def drained(bus: Bus, many: int, seconds: float = LONG) -> list[Message]:
    found, until = list[Message](), monotonic() + seconds
    while len(found) < many and monotonic() < until:
        found += bus.poll(0.1)
    return found


class BusContract(ABC):
    """`publish` appends records; `join(group, share)` is a reader, the n-th of so many."""

    @abstractmethod
    def publish(self, records: Sequence[RawRecord]) -> None: ...

    @abstractmethod
    def join(self, group: str, share: tuple[int, int] = (1, 1)) -> Bus: ...

    @contextmanager
    def reader(self, group: str = "adapters", share: tuple[int, int] = (1, 1)) -> Iterator[Bus]:
        bus = self.join(group, share)
        try:
            yield bus
        finally:
            bus.close()

    def test_what_was_stored_comes_untouched_with_all_that_was_known_of_it(self) -> None:
        given = [a_record(n) for n in range(1, 8)]
        self.publish(given)
        with self.reader() as bus:
            assert [raw_of(message) for message in drained(bus, 7)] == given

    def test_each_community_comes_in_the_order_of_the_log(self) -> None:
        self.publish([a_record(n, COMMUNITIES[n % 30]) for n in range(1, 201)])
        with self.reader() as bus:
            found = [raw_of(message) for message in drained(bus, 200)]
        for community in COMMUNITIES:
            positions = [r.position for r in found if r.community == community]
            assert positions == [n for n in range(1, 201) if COMMUNITIES[n % 30] == community]

    def test_a_record_lies_where_kafka_puts_its_key_and_says_what_it_is(self) -> None:
        self.publish([a_record(n, COMMUNITIES[n]) for n in range(1, 30)])
        with self.reader() as bus:
            for message in drained(bus, 29):
                record = raw_of(message)
                assert message.key == str(record.community).encode()
                assert message.partition == partition_of(message.key)
                assert message.headers["ce_type"] == b"gatehouse.PinIssued"
                assert message.headers["ce_specversion"] == b"1.0"
                assert message.headers["ce_id"] == str(record.position).encode()
                assert message.headers["content-type"] == b"application/avro"
                trace = f"00-{record.command_id.hex}-{record.position:016x}-01"
                assert message.headers["traceparent"] == trace.encode()
                assert ("ce_subject" in message.headers) == (record.subject is not None)

    def test_what_was_not_committed_comes_again_and_what_was_does_not(self) -> None:
        self.publish([a_record(1), a_record(2)])
        with self.reader() as bus:
            assert len(drained(bus, 2)) == 2
        with self.reader() as again:
            assert len(drained(again, 2)) == 2
            again.commit()
        self.publish([a_record(3)])
        with self.reader() as later:
            assert [raw_of(message).position for message in drained(later, 1)] == [3]

    def test_groups_do_not_disturb_each_other(self) -> None:
        self.publish([a_record(1)])
        for group in ("adapters", "analysts"):
            with self.reader(group) as bus:
                assert len(drained(bus, 1)) == 1
                bus.commit()

    def test_readers_of_a_group_share_the_partitions_out(self) -> None:
        self.publish([a_record(n, COMMUNITIES[n % 30]) for n in range(1, 101)])
        with self.reader(share=(1, 2)) as one, self.reader(share=(2, 2)) as other:
            until, found = monotonic() + LONG, dict[int, list[int]]()
            while sum(map(len, found.values())) < 100 and monotonic() < until:
                for n, bus in enumerate((one, other)):
                    found.setdefault(n, []).extend(raw_of(m).position for m in bus.poll(0.1))
            assert not set(one.assignment) & set(other.assignment)
            assert {*one.assignment, *other.assignment} == set(range(PARTITIONS))
        assert sorted(found[0] + found[1]) == list(range(1, 101))

    def test_a_poll_ends_in_time_without_anything_new(self) -> None:
        with self.reader() as bus:
            began = monotonic()
            assert bus.poll(0.05) == []
            assert monotonic() - began < 5

    def test_a_poll_ends_early_when_something_comes(self) -> None:
        with self.reader() as bus, later(lambda: self.publish([a_record(1)])):
            began = monotonic()
            found = bus.poll(LONG) or bus.poll(LONG)
            assert [raw_of(message).position for message in found] == [1]
            assert monotonic() - began < 5 / 2


@contextmanager
def later(act: Callable[[], None]) -> Iterator[None]:
    timer = Timer(0.05, act)
    timer.start()
    yield
    timer.join()

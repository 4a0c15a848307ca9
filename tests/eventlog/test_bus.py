"""The log as a bus, and how a record is laid on any bus."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Condition
from uuid import UUID

import pytest

from domain.ids import ApartmentId, CommunityId, ResidentId
from domain.kernel import Event, stream_of, subject_of
from domain.record import ERASED
from domain.residents import PinIssued, PinRevoked
from eventlog.bus import LogBus, RawRecord, message, murmur2, opened, partition_of, raw_of
from eventlog.codec import Codec, aad
from eventlog.sealing import SubjectKey, fresh
from schemas.stream import registered
from tests.eventlog.bus_contract import COMMUNITIES, BusContract, a_record

CODEC = Codec(registered(PinIssued, PinRevoked))


class RawMemory:
    """Bodies in memory, as a log stores them."""

    def __init__(self) -> None:
        self._records, self._grown = list[RawRecord](), Condition()

    def add(self, records: Sequence[RawRecord]) -> None:
        with self._grown:
            self._records += records
            self._grown.notify_all()

    def raw(self, *, after: int, limit: int = 2000, wait: float = 0) -> Sequence[RawRecord]:
        with self._grown:
            self._grown.wait_for(lambda: len(self._records) > after, wait)
            return self._records[after : after + limit]


@dataclass
class Place:
    position: int = 0

    def load(self) -> int:
        return self.position

    def save(self, position: int) -> None:
        self.position = position


class TestLogBus(BusContract):
    @pytest.fixture(autouse=True)
    def carrier(self) -> None:
        self.log, self.places = RawMemory(), defaultdict[str, Place](Place)

    def publish(self, records: Sequence[RawRecord]) -> None:
        self.log.add(records)

    def join(self, group: str, share: tuple[int, int] = (1, 1)) -> LogBus:
        nth, of = share
        return LogBus(self.log, self.places[f"{group} {share}"], range(nth - 1, 12, of))


@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        ("abc", 479470107),
    ],
)
def test_keys_are_placed_as_by_kafkas_java_client(key: str, hashed: int) -> None:
    """The numbers are those of UtilsTest.testMurmur2 in apache/kafka."""
    assert murmur2(key.encode()) == hashed & 0xFFFFFFFF
    assert partition_of(key.encode()) == (hashed & 0x7FFFFFFF) % 12


def test_communities_spread_over_the_partitions() -> None:
    used = {partition_of(str(c).encode()) for c in COMMUNITIES}
    assert len(used) >= 9


def a_stored(event: Event, position: int, community: CommunityId, key: SubjectKey) -> RawRecord:
    stream, subject = stream_of(event), subject_of(event)
    place = aad(community, stream, position, subject)
    return replace(
        a_record(position, community),
        stream=stream,
        subject=subject,
        body=CODEC.encode(event, key, place),
    )


def test_many_records_are_opened_with_one_look_for_keys_a_community() -> None:
    ann, bob, home = ResidentId(UUID(int=11)), ResidentId(UUID(int=12)), ApartmentId(UUID(int=21))
    keys = {who: fresh() for who in (ann, bob)}
    asked = list[tuple[UUID, Collection[UUID]]]()

    def look(community: UUID, subjects: Collection[UUID]) -> Mapping[UUID, SubjectKey | None]:
        asked.append((community, subjects))
        return {ann: keys[ann], bob: None}

    anns = PinIssued(resident=ann, apartment=home, pin="2468", pin_mode="pin")
    bobs = PinIssued(resident=bob, apartment=home, pin="1357", pin_mode="pin")
    events = [anns, bobs, PinRevoked(resident=ann)]
    harbour = COMMUNITIES[0]
    records = [
        a_stored(event, n, harbour, keys[bob if n == 2 else ann])
        for n, event in enumerate(events, start=1)
    ]
    carried = [raw_of(message(record)) for record in records]
    found = opened(carried, CODEC, look)
    assert [r.event for r in found] == [anns, replace(bobs, pin=ERASED), events[2]]
    assert [r.position for r in found] == [1, 2, 3]
    assert asked == [(harbour, {ann, bob})]

"""The stream of facts as Kafka carries it, and a carrier that needs no broker: the log itself.

Same bytes, keys, headers and partitions on both, so that who follows one can follow the other.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from typing import Final, Protocol, TypeVar
from uuid import UUID

from domain.ids import CommunityId
from domain.kernel import Event
from domain.record import frozen
from eventlog.codec import RecordCodec, aad
from eventlog.port import MAX_BATCH, Recorded
from eventlog.sealing import SubjectKey

PARTITIONS: Final = 12
MIX, MASK = 0x5BD1E995, 0xFFFFFFFF
SOURCE: Final = "/gatehouse/events"
TYPE_PREFIX: Final = "gatehouse."
E = TypeVar("E", bound=Event)
Headers = Mapping[str, bytes]
Keys = Callable[[UUID, Collection[UUID]], Mapping[UUID, SubjectKey | None]]


@frozen
class RawRecord:
    """An event in its place as it is stored: the body is not opened."""

    position: int
    recorded_at: datetime
    community: CommunityId
    stream: UUID
    version: int
    type: str
    subject: UUID | None
    actor: str
    command_id: UUID
    cause: str | None
    body: bytes


class RawLog(Protocol):
    def raw(self, *, after: int, limit: int = MAX_BATCH, wait: float = 0) -> Sequence[RawRecord]:
        """What follows a position, in order; waits up to `wait` seconds for the first."""


@frozen
class Message:
    """A record of a partition. `offset` counts as its carrier does; the key is the community."""

    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: Headers


class Bus(Protocol):
    """Whoever polls gets the records of its partitions, each community's in the log's order."""

    @property
    def assignment(self) -> Collection[int]:
        """The partitions that are read here now; a group may share them out anew at any poll."""

    @property
    def reached(self) -> int:
        """All up to this position was polled, of whatever partition; 0 where a carrier keeps no
        order across partitions.
        """

    def poll(self, timeout: float) -> Sequence[Message]:
        """What comes next; empty after `timeout` seconds without any."""

    def commit(self) -> None:
        """All that was polled is done: it does not come again after a restart."""

    def pause(self, partitions: Collection[int]) -> None:
        """Of these, and of no others, nothing more need come and nothing more is committed."""

    def close(self) -> None: ...


class Positions(Protocol):
    """Where a reader of the log stands, for the next start."""

    def load(self) -> int: ...

    def save(self, position: int) -> None: ...


class FromNow:
    """For who gets at what was before in another way."""

    def __init__(self, head: Callable[[], int]) -> None:
        self.load = head

    def save(self, position: int) -> None:
        """Nothing is kept."""


class LogBus:
    """The log as a bus; `partitions` is the reader's fixed share of them."""

    def __init__(
        self, log: RawLog, positions: Positions, partitions: Iterable[int] = range(PARTITIONS)
    ) -> None:
        self._log, self._positions = log, positions
        self.assignment = frozenset(partitions)
        self._position, self._paused = positions.load(), False

    @property
    def reached(self) -> int:
        return self._position

    def poll(self, timeout: float) -> Sequence[Message]:
        """May be empty early, where only others' partitions grew."""
        records = self._log.raw(after=self._position, wait=timeout)
        if records:
            self._position = records[-1].position
        return [m for m in map(message, records) if m.partition in self.assignment]

    def commit(self) -> None:
        """Not while a partition is paused: there is one position for all of them."""
        if not self._paused:
            self._positions.save(self._position)

    def pause(self, partitions: Collection[int]) -> None:
        self._paused = bool(partitions)

    def close(self) -> None:
        """Nothing is held."""


@lru_cache(maxsize=10_000)
def partition_of(key: bytes) -> int:
    """As Kafka's own clients place a key, of any language."""
    return (murmur2(key) & 0x7FFFFFFF) % PARTITIONS


def murmur2(data: bytes) -> int:
    """MurmurHash2 as in Kafka's org.apache.kafka.common.utils.Utils; unsigned, 32 bits.

    kafka-python has it, too, but takes a broker's whole client in, which the log does not need.
    """
    whole = len(data) & ~3
    hashed = 0x9747B28C ^ len(data)
    for at in range(0, whole, 4):
        word = int.from_bytes(data[at : at + 4], "little") * MIX & MASK
        word = (word ^ word >> 24) * MIX & MASK
        hashed = hashed * MIX & MASK ^ word
    if rest := data[whole:]:
        hashed = (hashed ^ int.from_bytes(rest, "little")) * MIX & MASK
    hashed = (hashed ^ hashed >> 13) * MIX & MASK
    return hashed ^ hashed >> 15


def message(record: RawRecord) -> Message:
    key = str(record.community).encode()
    return Message(
        partition=partition_of(key),
        offset=record.position,
        key=key,
        value=record.body,
        headers=headers_of(record),
    )


def headers_of(record: RawRecord) -> Headers:
    """CloudEvents in binary mode, and what opens the sealed field and goes into a Recorded."""
    said = {
        "ce_specversion": "1.0",
        "ce_id": str(record.position),
        "ce_source": SOURCE,
        "ce_type": TYPE_PREFIX + record.type,
        "ce_time": record.recorded_at.isoformat(timespec="microseconds"),
        "ce_subject": record.subject,
        "content-type": "application/avro",
        "gh-position": record.position,
        "gh-community": record.community,
        "gh-stream": record.stream,
        "gh-version": record.version,
        "gh-actor": record.actor,
        "gh-command": record.command_id,
        "gh-cause": record.cause,
        "traceparent": traceparent(record),
    }
    return {name: str(value).encode() for name, value in said.items() if value is not None}


def traceparent(record: RawRecord) -> str | None:
    """W3C Trace Context: the command is the trace, each event that it made a span (ADR 16)."""
    if not record.command_id.int:  # a report: nobody asked for it
        return None
    return f"00-{record.command_id.hex}-{record.position:016x}-01"


def raw_of(message: Message) -> RawRecord:
    """The record that a message was made of, whoever carried it."""
    said = {name: value.decode() for name, value in message.headers.items()}
    subject = said.get("ce_subject")
    return RawRecord(
        position=int(said["gh-position"]),
        recorded_at=datetime.fromisoformat(said["ce_time"]),
        community=CommunityId(UUID(said["gh-community"])),
        stream=UUID(said["gh-stream"]),
        version=int(said["gh-version"]),
        type=said["ce_type"].removeprefix(TYPE_PREFIX),
        subject=UUID(subject) if subject else None,
        actor=said["gh-actor"],
        command_id=UUID(said["gh-command"]),
        cause=said.get("gh-cause"),
        body=message.value,
    )


def opened(records: Iterable[RawRecord], codec: RecordCodec[E], keys: Keys) -> list[Recorded[E]]:
    """The events in many records, with one look for the keys of each run of a community."""
    found = list[Recorded[E]]()
    for community, run in groupby(records, key=lambda record: record.community):
        several = list(run)
        subjects = {r.subject for r in several if r.subject}
        known = keys(community, subjects) if subjects else {}
        found += [recorded(r, codec, known.get(r.subject) if r.subject else None) for r in several]
    return found


def recorded(r: RawRecord, codec: RecordCodec[E], key: SubjectKey | None) -> Recorded[E]:
    place = aad(r.community, r.stream, r.version, r.subject)
    return Recorded(
        position=r.position,
        recorded_at=r.recorded_at,
        community=r.community,
        stream=r.stream,
        version=r.version,
        subject=r.subject,
        actor=r.actor,
        command_id=r.command_id,
        cause=r.cause,
        event=codec.decode(r.body, key, place),
    )

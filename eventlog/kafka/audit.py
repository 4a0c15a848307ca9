"""A log and its topic, compared leaf by leaf: what is missing, twice, other, or a stranger (K5)."""

from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from kafka import KafkaConsumer

from eventlog.bus import PARTITIONS, Message
from eventlog.kafka.records import (
    POSITION,
    REPLAYED,
    SEQUENCE,
    between,
    is_ours,
    partitions,
    settled,
)
from eventlog.kafka.relay import Outlet, Source

LEAF_BYTES = 16


class Leaves:
    """The records of a partition in their order, 24 bytes each."""

    def __init__(self) -> None:
        self._positions, self._digests, self._next = array("q"), bytearray(), 0

    def __len__(self) -> int:
        return len(self._positions)

    def add(self, position: int, leaf: bytes) -> None:
        self._positions.append(position)
        self._digests += leaf

    @property
    def first(self) -> int:
        return self._positions[0]

    @property
    def last(self) -> int:
        return max(self._positions, default=0)

    def before(self, position: int) -> Iterator[int]:
        """Takes those on the way to a position that stand where none should."""
        while self._next < len(self) and self._positions[self._next] < position:
            yield self._positions[self._next]
            self._next += 1

    def take(self, position: int) -> bytes | None:
        if self._next == len(self) or self._positions[self._next] != position:
            return None
        at = self._next * LEAF_BYTES
        self._next += 1
        return bytes(self._digests[at : at + LEAF_BYTES])


class Audit:
    """`until`: the position up to which all must be there. `reader` and `eager` as in
    eventlog.kafka.records.settled. After `differences`, the figures tell
    how many leaves were equal, how many wait to be relayed, how many the topic let go by age, and
    how many came once more by a replay.
    """

    def __init__(
        self,
        outlet: Outlet,
        source: Source,
        reader: KafkaConsumer,
        eager: KafkaConsumer,
        until: int,
    ) -> None:
        self._outlet, self._source, self._until = outlet, source, until
        self._reader, self._eager = reader, eager
        self._leaves = [Leaves() for _ in range(PARTITIONS)]
        self._replayed: dict[int, list[bytes]] = defaultdict(list)
        self.equal = self.waiting = self.aged = self.replayed = 0

    def differences(self) -> Iterator[str]:
        tps = partitions(self._reader, self._outlet.topic)
        ends = settled(self._reader, self._eager, tps)
        begins = self._reader.beginning_offsets(tps)
        aged = [begins[tp] > 0 for tp in tps]
        yield from self._read(begins, ends, aged)
        yield from self._compare(aged)

    def _read(
        self, begins: Mapping[Any, int], ends: Mapping[Any, int], aged: Sequence[bool]
    ) -> Iterator[str]:
        """A partition counts from 1, unless its first records were let go by age."""
        counts = dict[int, int]()
        for record in between(self._reader, begins, ends):
            if not is_ours(record):
                yield f"{record.topic}/{record.partition}: offset {record.offset} is not ours"
                continue
            partition, said = record.partition, dict(record.headers)
            position, count = int(said[POSITION]), int(said.pop(SEQUENCE))
            expected = counts.get(partition, count - 1 if aged[partition] else 0) + 1
            if count != expected:
                yield self._said(partition, position, f"has gh-seq {count}, not {expected}")
            counts[partition] = count
            again = said.pop(REPLAYED, None)
            leaf = leaf_of(record.key, record.value, said)
            if again:
                self._replayed[position].append(leaf)
                self.replayed += 1
            else:
                self._leaves[partition].add(position, leaf)

    def _compare(self, aged: Sequence[bool]) -> Iterator[str]:
        until = max(self._until, *(leaves.last for leaves in self._leaves))
        begun, after = 0, 0
        while records := self._source.raw(after=after):
            begun = begun or records[0].position
            for record in records:
                m = self._outlet.message(record)
                yield from self._strays(m.partition, m.offset, begun)
                yield from self._met(m, until, aged[m.partition])
            after = records[-1].position
        begun = begun or self._source.head() + 1  # a log of reports may have let all of them go
        for partition in range(PARTITIONS):
            yield from self._strays(partition, 2**63 - 1, begun)
        for position in sorted(self._replayed):
            yield f"{self._outlet.topic}: position {position} was replayed, and is not in the log"

    def _strays(self, partition: int, position: int, begun: int) -> Iterator[str]:
        for stray in self._leaves[partition].before(position):
            if stray >= begun:  # what is older has left the log itself
                yield self._said(partition, stray, "is there twice, late, or not in the log")

    def _met(self, m: Message, until: int, aged: bool) -> Iterator[str]:
        leaf, leaves = leaf_of(m.key, m.value, m.headers), self._leaves[m.partition]
        found = leaves.take(m.offset)
        if found == leaf:
            self.equal += 1
        elif found:
            yield self._said(m.partition, m.offset, "is not as the log has it")
        elif m.offset > until:
            self.waiting += 1
        elif aged and (not leaves or m.offset < leaves.first):
            self.aged += 1
        else:
            yield self._said(m.partition, m.offset, "is missing")
        if any(again != leaf for again in self._replayed.pop(m.offset, [])):
            yield self._said(m.partition, m.offset, "was replayed otherwise than the log has it")

    def _said(self, partition: int, position: int, what: str) -> str:
        return f"{self._outlet.topic}/{partition}: position {position} {what}"


def leaf_of(key: bytes, value: bytes, headers: Mapping[str, bytes]) -> bytes:
    parts = [
        key,
        value,
        *(part for name in sorted(headers) for part in (name.encode(), headers[name])),
    ]
    hashed = sha256()
    for part in parts:
        hashed.update(len(part).to_bytes(4))
        hashed.update(part)
    return hashed.digest()[:LEAF_BYTES]

"""What a topic holds, as who reads only what is committed sees it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from time import monotonic, sleep
from typing import Any, Final

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaTimeoutError, UnknownTopicOrPartitionError

from eventlog.bus import PARTITIONS
from eventlog.kafka.broker import Broker
from eventlog.kafka.client import consumer, eager
from eventlog.kafka.place import Tail

POSITION: Final = "gh-position"
SEQUENCE: Final = "gh-seq"
TIME: Final = "ce_time"
REPLAYED: Final = "gh-replayed"
DIGITS: Final = 18
POLL_MS: Final = 1_000
SETTLED: Final = 15.0
PATIENCE: Final = 30  # polls without a record, where there should be one


def partitions(reader: KafkaConsumer, topic: str) -> list[TopicPartition]:
    """UnknownTopicOrPartitionError if it is not there as topics.toml has it."""
    found = reader.partitions_for_topic(topic) or set()
    if found != set(range(PARTITIONS)):
        raise UnknownTopicOrPartitionError(f"{topic} has {len(found)} partitions, not {PARTITIONS}")
    return [TopicPartition(topic, n) for n in range(PARTITIONS)]


def settled(
    reader: KafkaConsumer, eager: KafkaConsumer, tps: Sequence[TopicPartition]
) -> Mapping[TopicPartition, int]:
    """Where each partition ends when all that stands there now is committed or given up.

    A broker says that a transaction is committed before each partition shows it. `eager` reads what
    is not committed, too. Whatever is still open after SETTLED seconds is left out.
    """
    upto, until = eager.end_offsets(tps), monotonic() + SETTLED
    while True:
        ends: Mapping[TopicPartition, int] = reader.end_offsets(tps)
        if all(ends[tp] >= upto[tp] for tp in tps) or monotonic() > until:
            return ends
        sleep(0.05)


def left_open(broker: Broker, topic: str) -> list[TopicPartition]:
    """The partitions where somebody's transaction is neither committed nor given up."""
    with closing(consumer(broker)) as reader, closing(eager(broker)) as ahead:
        tps = partitions(reader, topic)
        upto, ends = ahead.end_offsets(tps), reader.end_offsets(tps)
    return [tp for tp in tps if ends[tp] < upto[tp]]


def between(
    reader: KafkaConsumer, starts: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
) -> Iterator[Any]:
    """kafka-python's records from one offset to before another, each partition's in order.

    Offsets of aborted records and of the marks of transactions have none.
    """
    left = {tp: end for tp, end in ends.items() if starts[tp] < end}
    reader.assign([*left])
    reader.resume(*left)  # what was assigned and paused before stays paused
    for tp in left:
        reader.seek(tp, starts[tp])
    idle = 0
    while left:
        found = reader.poll(POLL_MS)
        idle = 0 if found else idle + 1
        if idle > PATIENCE:
            raise KafkaTimeoutError(f"nothing comes of {len(left)} partitions")
        for tp, records in found.items():
            yield from (record for record in records if record.offset < ends[tp])
        for tp in [tp for tp in left if reader.position(tp) >= left[tp]]:
            del left[tp]
            reader.pause(tp)


def tails(reader: KafkaConsumer, tps: Sequence[TopicPartition]) -> list[Tail]:
    """Looked for ever further back: the last offsets may be marks, what was aborted, or replays."""
    begins, ends = reader.beginning_offsets(tps), reader.end_offsets(tps)
    found, original = defaultdict[TopicPartition, Tail](Tail), set[TopicPartition]()
    back, left = 16, [tp for tp in tps if begins[tp] < ends[tp]]
    while left:
        starts = {tp: max(begins[tp], ends[tp] - back) for tp in left}
        for record in between(reader, starts, {tp: ends[tp] for tp in left}):
            if is_ours(record):
                tp, said = TopicPartition(record.topic, record.partition), dict(record.headers)
                found[tp] = _later(found[tp], said)
                original |= set() if REPLAYED in said else {tp}
        left = [tp for tp in left if tp not in original and starts[tp] > begins[tp]]
        back *= 16
    return [replace(found[tp], begin=begins[tp]) for tp in tps]


def _later(tail: Tail, said: Mapping[str, bytes]) -> Tail:
    """What comes once more, by a replay or from who copied it here, is not the newest."""
    position, count = int(said[POSITION]), max(tail.count, int(said[SEQUENCE]))
    if position < tail.position:
        return replace(tail, count=count)
    return Tail(position=position, time=said.get(TIME, b"").decode(errors="replace"), count=count)


def is_ours(record: Any) -> bool:
    """What somebody else wrote to the topic has no place in the log: it is nobody's tail."""
    said = dict(record.headers)
    return all(is_number(said.get(name, b"")) for name in (POSITION, SEQUENCE))


def is_number(said: bytes) -> bool:
    """Of no more than 8 bytes."""
    return said.isdigit() and len(said) <= DIGITS

"""What somebody could not read: kept with where it lay, until it can be read.

`gatehouse dlq list` shows what waits, never what it holds; `gatehouse dlq redrive` has the log's
own record of it published once more, if that can be read. What is in no log stays.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Final

from kafka import KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition

from domain.record import frozen
from eventlog.bus import Headers, Message, RawRecord
from eventlog.kafka.broker import Broker
from eventlog.kafka.client import consumer, producer
from eventlog.kafka.place import Place
from eventlog.kafka.records import is_number, partitions
from eventlog.kafka.relay import Outlet, Source, Writer
from eventlog.kafka.topics import DEAD_LETTERS

REDRIVE: Final = "gatehouse-redrive"
MARK: Final = "gh-dead-"
SENT_SECONDS: Final = 5


@frozen
class Letter:
    """`topic`, `partition` and `offset` are where it lay, `reader` the group that could not read
    it, `position` where the log has it, if it says so.
    """

    topic: str
    partition: int
    offset: int
    error: str
    reader: str
    type: str
    position: int | None
    message: Message

    def __str__(self) -> str:
        """Nothing of what it holds."""
        at = "" if self.position is None else f"  position {self.position}"
        where = f"{self.topic}/{self.partition}@{self.offset}"
        return f"{where}  {self.error}  {self.type or 'no type'}{at}  by {self.reader}"


def bury(
    broker: Broker,
    topic: str,
    reader: str,
    dead: Sequence[tuple[Message, str]],
    to: str = DEAD_LETTERS,
) -> None:
    """KafkaError if they could not all be sent; they may be there twice then."""
    with closing(producer(broker, max_block_ms=SENT_SECONDS * 1000)) as writer:
        sent = [
            _send(writer, to, message, marked(message, topic, reader, error))
            for message, error in dead
        ]
        for each in sent:
            each.get(timeout=SENT_SECONDS)


def marked(message: Message, topic: str, reader: str, error: str) -> Headers:
    where = {
        "topic": topic,
        "partition": message.partition,
        "offset": message.offset,
        "error": error,
        "reader": reader,
    }
    return {**message.headers, **{MARK + name: str(said).encode() for name, said in where.items()}}


def waiting(broker: Broker, topic: str = DEAD_LETTERS, group: str = REDRIVE) -> list[Letter]:
    """What was neither read since nor sent back, each once, in the order of where it lay.

    UnknownTopicOrPartitionError without the topic: an empty list would be a lie.
    """
    with closing(consumer(broker, group_id=group)) as reader:
        return _waiting(reader, topic)[0]


def redrive(
    broker: Broker,
    publish: Callable[[str, Collection[int]], Collection[int]],
    topic: str = DEAD_LETTERS,
    group: str = REDRIVE,
) -> tuple[int, int]:
    """How many went and how many stay. `publish` is given a topic and positions of its log, and
    says which of them are published again; if this dies after it, it comes to it once more.
    """
    writer = producer(broker, transactional_id=group)
    with closing(consumer(broker, group_id=group)) as reader, closing(writer):
        writer.init_transactions()
        letters, ends = _waiting(reader, topic)
        went = {
            (name, position)
            for name, lost in by_topic(letters).items()
            for position in publish(name, lost)
        }
        kept = [letter for letter in letters if (letter.topic, letter.position) not in went]
        writer.begin_transaction()
        for letter in kept:
            again = marked(letter.message, letter.topic, letter.reader, letter.error)
            _send(writer, topic, letter.message, again)
        writer.send_offsets_to_transaction(ends, reader.group_metadata())
        writer.commit_transaction()
    return len(letters) - len(kept), len(kept)


def by_topic(letters: Iterable[Letter]) -> Mapping[str, Collection[int]]:
    found = defaultdict[str, set[int]](set)
    for letter in letters:
        if letter.position is not None:
            found[letter.topic].add(letter.position)
    return found


def publish_again(
    outlet: Outlet,
    source: Source,
    broker: Broker,
    kept: Place | None,
    positions: Collection[int],
    is_readable: Callable[[RawRecord], bool],
) -> Collection[int]:
    """As the relay does, in its name: a running one begins anew after it. KafkaError if that one
    was quicker.
    """
    found = [r for p in sorted(positions) for r in source.raw(after=p - 1, limit=1)]
    records = [r for r in found if r.position in positions and is_readable(r)]
    if records:
        with closing(Writer(outlet, broker, kept)) as writer:
            writer.replay(records)
    return [record.position for record in records]


def _send(writer: KafkaProducer, topic: str, message: Message, headers: Headers) -> Any:
    """Where its key says."""
    return writer.send(
        topic, key=message.key or None, value=message.value, headers=list(headers.items())
    )


def _waiting(
    reader: KafkaConsumer, topic: str
) -> tuple[list[Letter], Mapping[TopicPartition, OffsetAndMetadata]]:
    places = partitions(reader, topic)
    reader.assign(places)
    letters = {(at.topic, at.partition, at.offset): at for at in _letters(reader, places)}
    ends = {place: OffsetAndMetadata(reader.position(place), "", -1) for place in places}
    return [letters[place] for place in sorted(letters)], ends


def _letters(reader: KafkaConsumer, places: Iterable[TopicPartition]) -> Iterator[Letter]:
    ends = reader.end_offsets(list(places))
    while any(reader.position(place) < end for place, end in ends.items()):
        for records in reader.poll(timeout_ms=500).values():
            yield from map(letter_of, records)


def letter_of(record: Any) -> Letter:
    """What somebody wrote there that is no letter lies where it lies."""
    said = {name: value or b"" for name, value in record.headers}
    headers = {name: value for name, value in said.items() if not name.startswith(MARK)}
    position, (topic, partition, offset) = headers.get("gh-position", b""), origin_of(record, said)
    return Letter(
        topic=topic,
        partition=partition,
        offset=offset,
        error=shown(said.get(f"{MARK}error", b"NoLetter")),
        reader=shown(said.get(f"{MARK}reader", b"nobody")),
        type=shown(headers.get("ce_type", b"")),
        position=int(position) if is_number(position) else None,
        message=Message(
            partition=partition,
            offset=offset,
            key=record.key or b"",
            value=record.value or b"",
            headers=headers,
        ),
    )


def origin_of(record: Any, said: Headers) -> tuple[str, int, int]:
    topic, *place = (said.get(MARK + name, b"") for name in ("topic", "partition", "offset"))
    if topic and all(map(is_number, place)):
        return shown(topic), int(place[0]), int(place[1])
    return record.topic, record.partition, record.offset


def shown(said: bytes) -> str:
    """Nothing that a terminal would obey."""
    return "".join(c if c.isprintable() else "?" for c in said.decode(errors="replace"))

"""What somebody could not read: kept with where it lay, until a release can read it.

`gatehouse dlq list` shows what waits, never what it holds; `gatehouse dlq redrive` sends back what
can be read now.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Final

from kafka import KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition

from domain.record import frozen
from eventlog.bus import Headers, Message
from eventlog.kafka.broker import Broker
from eventlog.kafka.client import consumer, producer
from eventlog.kafka.topics import DEAD_LETTERS

REDRIVE: Final = "gatehouse-redrive"
MARK: Final = "gh-dead-"
REDRIVEN: Final = "gh-redriven"
SEQ: Final = "gh-seq"
SENT_SECONDS: Final = 30


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
    with closing(producer(broker)) as writer:
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
    """What was neither read since nor sent back, each once, in the order of where it lay."""
    with closing(consumer(broker, group_id=group)) as reader:
        return _waiting(reader, topic)[0]


def redrive(
    broker: Broker,
    readable: Callable[[Message], bool],
    topic: str = DEAD_LETTERS,
    group: str = REDRIVE,
) -> tuple[int, int]:
    """How many were sent back to where they lay, and how many still cannot be read; all of it or
    nothing. What is sent back says so, and has no number in its partition: it had one before.
    """
    writer = producer(broker, transactional_id=group)
    with closing(consumer(broker, group_id=group)) as reader, closing(writer):
        writer.init_transactions()
        letters, ends = _waiting(reader, topic)
        back = [letter for letter in letters if readable(letter.message)]
        kept = [letter for letter in letters if letter not in back]
        writer.begin_transaction()
        for letter in back:
            _send(writer, letter.topic, letter.message, returned(letter.message), letter.partition)
        for letter in kept:
            again = marked(letter.message, letter.topic, letter.reader, letter.error)
            _send(writer, topic, letter.message, again)
        writer.send_offsets_to_transaction(ends, reader.group_metadata())
        writer.commit_transaction()
    return len(back), len(kept)


def returned(message: Message) -> Headers:
    kept = {name: said for name, said in message.headers.items() if name != SEQ}
    return {**kept, REDRIVEN: b"1"}


def _send(
    writer: KafkaProducer,
    topic: str,
    message: Message,
    headers: Headers,
    partition: int | None = None,
) -> Any:
    """Where its key says, unless a partition is given."""
    return writer.send(
        topic,
        key=message.key or None,
        value=message.value,
        headers=list(headers.items()),
        partition=partition,
    )


def _waiting(
    reader: KafkaConsumer, topic: str
) -> tuple[list[Letter], Mapping[TopicPartition, OffsetAndMetadata]]:
    places = [TopicPartition(topic, p) for p in sorted(reader.partitions_for_topic(topic) or ())]
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
    said = {name: value or b"" for name, value in record.headers}
    origin = {n.removeprefix(MARK): v.decode() for n, v in said.items() if n.startswith(MARK)}
    headers = {name: value for name, value in said.items() if not name.startswith(MARK)}
    position = headers.get("gh-position", b"")
    partition, offset = int(origin["partition"]), int(origin["offset"])
    return Letter(
        topic=origin["topic"],
        partition=partition,
        offset=offset,
        error=origin["error"],
        reader=origin["reader"],
        type=headers.get("ce_type", b"").decode(errors="replace"),
        position=int(position) if position.isdigit() else None,
        message=Message(
            partition=partition,
            offset=offset,
            key=record.key or b"",
            value=record.value or b"",
            headers=headers,
        ),
    )

"""How often doors were opened in each hour (UTC): from the topic into a DuckDB file.

    pip install 'confluent-kafka[avro,schemaregistry]' duckdb pyarrow
    python openings_by_hour.py 127.0.0.1:9092 http://127.0.0.1:8000/registry doors.duckdb

It may be run again at any time: a report that is there already is known by its position.
"""

import sys
from collections.abc import Iterable, Iterator

import duckdb
import pyarrow
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import SerializationError

TOPIC, KIND = "gatehouse.reports.v1", b"gatehouse.DoorLogEntry"
TABLE = """create table if not exists door_log (position bigint primary key, community uuid,
    device uuid, happened_at timestamp, kind text, outcome text, method text)"""
KEEP = "insert or ignore into door_log by name select * from new"
COUNT = """select date_trunc('hour', happened_at) as hour, count(*) as openings from door_log
    where kind = 'door_release' and outcome = 'success' group by 1 order by 1"""

broker, registry, file = sys.argv[1:]
read = AvroDeserializer(SchemaRegistryClient({"url": registry}))
mine = {"group.id": "openings", "enable.auto.commit": False, "enable.partition.eof": True}
consumer = Consumer({"bootstrap.servers": broker, **mine})
db = duckdb.connect(file)
db.execute(TABLE)


def rows(messages: Iterable[Message]) -> Iterator[dict[str, object]]:
    """What somebody else wrote there is told and left out."""
    for message in messages:
        headers = dict(message.headers() or ())
        if headers.get("ce_type") == KIND:
            try:
                yield row(headers, read(message.value(), None))
            except SerializationError as junk:
                print(f"{TOPIC}/{message.partition()}@{message.offset()}: {junk}", file=sys.stderr)


def row(headers: dict[str, bytes], entry: dict[str, object]) -> dict[str, object]:
    plain = {name: entry[name] for name in ("happened_at", "kind", "outcome", "method")}
    home = {"community": headers["gh-community"].decode(), "device": str(entry["device"])}
    return {"position": int(headers["gh-position"]), **home, **plain}


if not (unread := set(consumer.list_topics(TOPIC, timeout=10).topics[TOPIC].partitions)):
    sys.exit(f"there is no topic {TOPIC}")
consumer.assign([TopicPartition(TOPIC, number, OFFSET_BEGINNING) for number in unread])
while unread:
    messages = consumer.consume(10_000, timeout=0.5)
    for end in (each for each in messages if each.error()):
        if end.error().code() != KafkaError._PARTITION_EOF:
            sys.exit(str(end.error()))
        unread.discard(end.partition())
    if reports := [*rows(each for each in messages if not each.error())]:
        new = pyarrow.Table.from_pylist(reports)
        db.execute(KEEP)
consumer.close()
for hour, openings in db.execute(COUNT).fetchall():
    print(f"{hour:%Y-%m-%d %H}:00 {openings:>6}")

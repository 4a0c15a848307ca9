"""Prints what happens at the doors, from the oldest report that Kafka still has, and goes on.

    pip install 'confluent-kafka[avro,schemaregistry]'
    python door_events.py 127.0.0.1:9092 http://127.0.0.1:8000/registry

Nothing of Gatehouse is needed for it but the topic and the registry (docs/stream.md).
"""

import sys

from confluent_kafka import Consumer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import SerializationError

broker, registry = sys.argv[1:]
read = AvroDeserializer(SchemaRegistryClient({"url": registry}))
group = {"group.id": "door-events", "auto.offset.reset": "earliest"}
consumer = Consumer({"bootstrap.servers": broker, **group})
consumer.subscribe(["gatehouse.reports.v1"])
printed = dict[int, int]()
while True:
    if (message := consumer.poll(1)) is None:
        continue
    if message.error():
        sys.exit(str(message.error()))
    headers, partition = dict(message.headers() or ()), message.partition()
    if headers.get("ce_type") != b"gatehouse.DoorLogEntry":
        continue
    try:
        entry = read(message.value(), None)
    except SerializationError as junk:  # a schema that nobody knows is none, and ends this
        print(f"{message.topic()}/{partition}@{message.offset()}: {junk}", file=sys.stderr)
        continue
    if (position := int(headers["gh-position"])) > printed.get(partition, 0):  # else once more
        who = entry["holder_kind"] or "somebody"
        what = f"{entry['kind']} by {who} with {entry['method']}: {entry['outcome']}"
        print(f"{entry['happened_at']:%Y-%m-%d %H:%M:%S} {entry['door_name']}: {what}", flush=True)
        printed[partition] = position

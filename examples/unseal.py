"""What is sealed in events, for an adapter that was given the master key (docs/stream.md).

    pip install 'confluent-kafka[schemaregistry]' cryptography fastavro 'psycopg[binary]'
    python unseal.py 127.0.0.1:9092 http://127.0.0.1:8000/registry \\
        'host=var/postgres dbname=gatehouse user=gatehouse_read' var/keys/kek

Nothing of Gatehouse is imported. Prints which sealed fields each event has, never what they hold:
whoever runs it can read every name, PIN and card, and keeps none.
"""

import json
import sys
from base64 import b64decode
from io import BytesIO
from pathlib import Path
from uuid import UUID

import fastavro
import psycopg
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap

TOPIC = "gatehouse.events.v1"
KEY = "select key_id, wrapped from log.keys where community = %s and subject = %s"


def master_key(file):
    return b64decode(Path(file).read_bytes())


def key_of(db, master, headers):
    """(id, key) of the subject of an event; None if the subject was forgotten."""
    asked = headers["gh-community"].decode(), headers["ce_subject"].decode()
    row = db.execute(KEY, asked).fetchone()
    return row and row[1] and (row[0], aes_key_unwrap(master, row[1][5:]))


def opened(value, headers, schema, key):
    """The fields that are sealed in the value of a message; None without the key they need."""
    box = fastavro.schemaless_reader(BytesIO(value[5:]), schema, None)["sealed"]
    if not key or box[1:9] != key[0]:
        return None
    text = AESGCM(key[1]).decrypt(box[9:21], box[21:], box[:9] + value[:5] + place_of(headers))
    holds = next(field["holds"] for field in schema["fields"] if field["name"] == "sealed")
    return fastavro.schemaless_reader(BytesIO(text), holds, None)


def place_of(headers):
    """A sealed field opens in its own event and in no other."""
    where = [UUID(headers[name].decode()).bytes for name in ("gh-community", "gh-stream")]
    version = int(headers["gh-version"]).to_bytes(8, "big")
    return b"".join(where) + version + UUID(headers["ce_subject"].decode()).bytes


def messages(broker):
    """All that the topic has now."""
    mine = {"group.id": "unseal", "enable.auto.commit": False, "enable.partition.eof": True}
    consumer = Consumer({"bootstrap.servers": broker, **mine})
    unread = set(consumer.list_topics(TOPIC, timeout=10).topics[TOPIC].partitions)
    consumer.assign([TopicPartition(TOPIC, number, OFFSET_BEGINNING) for number in unread])
    while unread:
        if (message := consumer.poll(1)) and not message.error():
            yield message
        elif message and message.error().code() == KafkaError._PARTITION_EOF:
            unread.discard(message.partition())
        elif message:
            sys.exit(str(message.error()))


def main(broker, registry, database, kek):
    schemas, master = SchemaRegistryClient({"url": registry}), master_key(kek)
    with psycopg.connect(database, autocommit=True) as db:
        for message in messages(broker):
            headers, value = dict(message.headers() or ()), message.value() or b""
            if not headers.get("gh-seq", b"").isdigit():
                continue  # somebody else wrote it
            schema = json.loads(schemas.get_schema(int.from_bytes(value[1:5], "big")).schema_str)
            if any(field["name"] == "sealed" for field in schema["fields"]):
                found = opened(value, headers, schema, key_of(db, master, headers))
                holds = "forgotten" if found is None else ", ".join(found)
                print(int(headers["gh-position"]), schema["name"], holds)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Proves that nothing is missing in a topic, or says what is: exit status 1.

    pip install confluent-kafka
    python nothing_missing.py 127.0.0.1:9092 gatehouse.events.v1

A topic begins where its retention does; from there on gh-seq has no gap (docs/stream.md).
"""

import sys

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

broker, topic = sys.argv[1:]
mine = {"group.id": "nothing-missing", "enable.auto.commit": False, "enable.partition.eof": True}
consumer = Consumer({"bootstrap.servers": broker, **mine})
if not (unread := set(consumer.list_topics(topic, timeout=10).topics[topic].partitions)):
    sys.exit(f"there is no topic {topic}")
consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in unread])
last, seen, missing = {}, 0, 0
while unread:
    if (message := consumer.poll(1)) is None:
        continue
    partition = message.partition()
    if message.error():
        if message.error().code() != KafkaError._PARTITION_EOF:
            sys.exit(str(message.error()))
        unread.discard(partition)
    elif (sequence := dict(message.headers() or ()).get("gh-seq", b"")).isdigit():  # else not ours
        number, before = int(sequence), last.get(partition)
        if before and number > before + 1:
            print(f"partition {partition}: {before + 1} to {number - 1} are missing")
            missing += number - before - 1
        last[partition], seen = number, seen + 1
print(f"{seen} records, {missing} missing")
sys.exit(missing > 0)

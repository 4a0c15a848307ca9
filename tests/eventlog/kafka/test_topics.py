"""The manifest of topics against a broker: made once, mended, and never re-partitioned."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
from kafka import KafkaAdminClient, KafkaConsumer

from eventlog.bus import PARTITIONS
from eventlog.kafka.broker import Broker
from eventlog.kafka.client import admin, consumer
from eventlog.kafka.topics import NotApplied, OtherPartitions, Topic, apply, manifest


@pytest.fixture
def client(broker: Broker) -> Iterator[KafkaAdminClient]:
    found = admin(broker)
    yield found
    found.close()


@pytest.fixture
def topic() -> Topic:
    return Topic(name=f"test-{uuid4()}", partitions=3, settings={"retention.ms": "60000"})


def test_what_is_missing_is_made_and_a_second_time_there_is_nothing_to_do(
    client: KafkaAdminClient, topic: Topic
) -> None:
    assert list(apply(client, [topic])) == [f"{topic.name}: made, with 3 partitions"]
    assert list(apply(client, [topic])) == []


def test_what_differs_is_told_and_mended(client: KafkaAdminClient, topic: Topic) -> None:
    list(apply(client, [topic]))
    longer = replace(topic, settings={"retention.ms": "90000"})
    assert list(apply(client, [longer])) == [f"{topic.name}: retention.ms was 60000 and is 90000"]
    assert list(apply(client, [longer])) == []


def test_what_kafka_refuses_is_not_told_as_done(client: KafkaAdminClient, topic: Topic) -> None:
    list(apply(client, [topic]))
    with pytest.raises(NotApplied, match=topic.name):
        list(apply(client, [replace(topic, settings={"retention.ms": "long"})]))


def test_partitions_are_never_changed_and_nothing_else_is_either(
    client: KafkaAdminClient, topic: Topic
) -> None:
    list(apply(client, [topic]))
    more = replace(topic, partitions=4)
    with pytest.raises(OtherPartitions, match=f"{topic.name} has 3 partitions, not 4"):
        list(apply(client, [Topic(name=f"new-{topic.name}", partitions=1, settings={}), more]))
    assert f"new-{topic.name}" not in client.list_topics()


def test_the_manifest_has_the_partitions_that_keys_are_placed_by() -> None:
    topics = manifest()
    assert {topic.partitions for topic in topics} == {PARTITIONS}
    assert [topic.name for topic in topics] == [
        "gatehouse.events.v1",
        "gatehouse.reports.v1",
        "gatehouse.dead-letters.v1",
    ]


def test_no_topic_is_made_by_who_only_reads(broker: Broker, client: KafkaAdminClient) -> None:
    reader: KafkaConsumer = consumer(broker)
    reader.subscribe(["test-nobody-made-this"])
    reader.poll(500)
    reader.close()
    assert "test-nobody-made-this" not in client.list_topics()

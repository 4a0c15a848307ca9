"""The topics as topics.toml wants them; Kafka never makes one by itself."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from domain.record import frozen

EVENTS: Final = "gatehouse.events.v1"
REPORTS: Final = "gatehouse.reports.v1"
DEAD_LETTERS: Final = "gatehouse.dead-letters.v1"
MANIFEST: Final = Path(__file__).with_name("topics.toml")


class NotApplied(Exception):
    """A topic cannot be as it should; the message says why."""


class OtherPartitions(NotApplied):
    """It has not as many partitions as it should: its keys would lie elsewhere."""


@frozen
class Topic:
    """`settings` in Kafka's own names."""

    name: str
    partitions: int
    settings: Mapping[str, str]


def manifest(text: str | None = None) -> list[Topic]:
    found = tomllib.loads(MANIFEST.read_text() if text is None else text)
    return [_topic(name, dict(said)) for name, said in found.items()]


def _topic(name: str, said: dict[str, Any]) -> Topic:
    partitions = said.pop("partitions")
    return Topic(name=name, partitions=partitions, settings={k: str(v) for k, v in said.items()})


def apply(client: KafkaAdminClient, wanted: list[Topic]) -> Iterator[str]:
    """Tells each difference as it mends it; OtherPartitions before anything is touched."""
    there = {
        t["name"]: len(t["partitions"]) for t in client.describe_topics() if not t["error_code"]
    }
    if wrong := [t for t in wanted if there.get(t.name, t.partitions) != t.partitions]:
        said = (f"{t.name} has {there[t.name]} partitions, not {t.partitions}" for t in wrong)
        raise OtherPartitions(f"{', '.join(said)}: make a topic of another name and move to it")
    for topic in wanted:
        if topic.name not in there:
            _create(client, topic)
            yield f"{topic.name}: made, with {topic.partitions} partitions"
        else:
            yield from _mend(client, topic)


def _create(client: KafkaAdminClient, topic: Topic) -> None:
    said = {"num_partitions": topic.partitions, "configs": dict(topic.settings)}
    client.create_topics({topic.name: said}, wait_for_metadata=True)


def _mend(client: KafkaAdminClient, topic: Topic) -> Iterator[str]:
    asked = ConfigResource(ConfigResourceType.TOPIC, topic.name)
    found = client.describe_configs([asked], config_filter="all")["topic"][topic.name]
    now = {name: found[name]["value"] for name in topic.settings}
    other = {name: value for name, value in topic.settings.items() if now[name] != value}
    if other:
        change = ConfigResource(ConfigResourceType.TOPIC, topic.name, other)
        said = client.alter_configs([change])["topic"][topic.name]
        if said != "OK":
            raise NotApplied(f"{topic.name}: {said}")
    for name, value in other.items():
        yield f"{topic.name}: {name} was {now[name]} and is {value}"

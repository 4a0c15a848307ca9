"""Kafka's clients as they are all made here: nothing skipped, nothing half-written read."""

import logging
from typing import Any, Final

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

from eventlog.kafka.broker import Broker

# kafka-python waits four times longer after each failure, up to half a minute, and would sleep
# long after a broker is back.
PATIENCE: Final = {"reconnect_backoff_max_ms": 500, "bootstrap_timeout_ms": 5_000}
READING: Final = {
    "isolation_level": "read_committed",
    "auto_offset_reset": "earliest",
    "enable_auto_commit": False,
    "allow_auto_create_topics": False,
    "session_timeout_ms": 10_000,
    "heartbeat_interval_ms": 2_000,
    # Who shares out while it has heard of no partition shares out nothing, until it asks again.
    "metadata_max_age_ms": 10_000,
}

# Its admin client tells the password to whoever asks for its debug messages.
logging.getLogger("kafka").setLevel(logging.WARNING)


def producer(broker: Broker, **more: Any) -> KafkaProducer:
    """KafkaError where the broker is away: try again. In transactions with a
    `transactional_id`.
    """
    given = {"allow_auto_create_topics": False, **more}
    return KafkaProducer(**broker.settings(), **PATIENCE, **given)


def consumer(broker: Broker, **more: Any) -> KafkaConsumer:
    """From the beginning, committed records only; with a `group_id`, as a member of the group."""
    return KafkaConsumer(**broker.settings(), **PATIENCE, **READING | more)


def eager(broker: Broker) -> KafkaConsumer:
    """As `consumer`, and what is not committed, too."""
    return consumer(broker, isolation_level="read_uncommitted")


def admin(broker: Broker) -> KafkaAdminClient:
    return KafkaAdminClient(**broker.settings(), **PATIENCE)

"""What carries a log to who follows it."""

from typing import Final

from bootstrap.house import House
from eventlog.bus import Bus, FromNow, LogBus
from eventlog.following import Bury, Log

ADAPTERS: Final = "gatehouse.adapters"
REACTIONS: Final = "gatehouse.reactions"


def carrier(house: House, name: str, log: Log, group: str) -> tuple[Bus, Bury]:
    """Kafka if there is one, else the log itself, whose unreadable records nobody buries."""
    if house.config.broker:
        from eventlog.kafka.bus import KafkaBus  # Kafka's client takes a while to import
        from eventlog.kafka.relay import OUTLETS

        kafka = KafkaBus(house.config.broker, group, OUTLETS[name].topic)
        return kafka, kafka.bury
    return LogBus(log, FromNow(log.head)), lambda message, error: None

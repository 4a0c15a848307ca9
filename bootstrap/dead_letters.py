"""What somebody could not read of the stream, for an operator."""

from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING

from bootstrap.house import House, the_house
from eventlog.bus import RawRecord, opened
from eventlog.codec import Codec
from eventlog.port import Unavailable
from eventlog.reports import ReportCodec

if TYPE_CHECKING:
    from eventlog.kafka.relay import Outlet, Source

EVENTS, REPORTS = "events", "reports"


def dead_letters() -> Iterator[str]:
    """A line a letter, without anything that it holds."""
    from eventlog.kafka.dead_letters import waiting

    with the_house() as house:
        yield from map(str, waiting(house.config.wanted_broker()))


def redrive() -> tuple[int, int]:
    """How many were published again from their log, and how many cannot be."""
    from eventlog.kafka.dead_letters import redrive
    from eventlog.kafka.relay import OUTLETS

    with the_house() as house:
        outlets = {outlet.topic: (name, outlet) for name, outlet in OUTLETS.items()}

        def publish(topic: str, positions: Collection[int]) -> Collection[int]:
            return publish_again(house, *outlets[topic], positions) if topic in outlets else ()

        return redrive(house.config.wanted_broker(), publish)


def publish_again(
    house: House, name: str, outlet: "Outlet", positions: Collection[int]
) -> Collection[int]:
    from eventlog.kafka.dead_letters import publish_again
    from eventlog.kafka.relay import kept

    sources: dict[str, Source] = {EVENTS: house.log, REPORTS: house.raw_reports}
    readable: dict[str, Callable[[RawRecord], object]] = {
        EVENTS: lambda record: opened([record], Codec(), house.log.vault.keyring.get),
        REPORTS: lambda record: ReportCodec().decode(record.body, None, b""),
    }
    with house.project("doors") as db:
        place = kept(db, outlet)
    broker = house.config.wanted_broker()
    return publish_again(
        outlet, sources[name], broker, place, positions, lambda r: can(readable[name], r)
    )


def can(read: Callable[[RawRecord], object], record: RawRecord) -> bool:
    try:
        read(record)
    except Unavailable:
        raise
    except Exception:  # its message may quote what is personal
        return False
    return True

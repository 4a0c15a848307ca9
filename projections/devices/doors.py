"""Which doors are open, as their sensors last showed (M99). It follows the reports."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, LiteralString

from domain.ids import CommunityId, DeviceId
from domain.record import frozen
from domain.reports import DoorSensed
from eventlog.consumer import on
from eventlog.port import Batch
from projections.projector import Projector

CHANGED: Final[LiteralString] = """
    insert into door_sensors (community, device, relay, is_open, since) values (%s, %s, %s, %s, %s)
    on conflict (community, device, relay) do update
    set is_open = excluded.is_open, since = excluded.since
    where door_sensors.is_open is distinct from excluded.is_open"""


@frozen
class Sensed:
    """How a door stood when its sensor was last read, and since when."""

    is_open: bool
    since: datetime


class DoorSensors(Projector):
    name = "door_sensors"
    follows = "reports"
    tables = """
        create table door_sensors (
            community uuid, device uuid, relay int, is_open boolean, since timestamptz not null,
            primary key (community, device, relay)
        )"""

    @on(DoorSensed)
    def sensed(self, batch: Batch[DoorSensed]) -> None:
        """What is told again is no change."""
        said = ((r.community, r.event, r.recorded_at) for r in batch)
        self._many(CHANGED, [(home, e.device, e.relay, e.is_open, at) for home, e, at in said])

    def of(self, community: CommunityId) -> Mapping[tuple[DeviceId, int], Sensed]:
        """By device and relay, those of which something is known."""
        rows = self.db.execute(
            "select device, relay, is_open, since from door_sensors"
            " where community = %s and is_open is not null",
            [community],
        ).fetchall()
        return {
            (DeviceId(device), relay): Sensed(is_open=is_open, since=since)
            for device, relay, is_open, since in rows
        }

"""Reads a phone's own log of its doors: the truth of what happened there (N12).

A callback of a phone only makes this happen sooner, so nothing is counted twice.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from commands.ingest import Ingest, Line
from device_adapters.port import DoorLog, Opened
from domain.devices import Device
from domain.ids import CommunityId, DeviceId
from eventlog.port import Conflict
from eventlog.reports import Cursor

LATELY = timedelta(minutes=5)
FARTHEST = timedelta(hours=26)  # that two zones are from each other
log = structlog.get_logger()


class Logged(Protocol):
    def door_log(self, after: int = 0) -> DoorLog: ...


class DoorLogPoller:
    """`now` is the time of receipt, in UTC."""

    def __init__(self, ingest: Ingest, now: Callable[[], datetime]) -> None:
        self._ingest, self._now = ingest, now
        self._polled: dict[DeviceId, datetime] = {}

    def poll(self, phone: Logged, community: CommunityId, device: Device) -> timedelta | None:
        """By how much the newest line is off, as `off` says; None if there is none that tells.

        An id that fell began a new epoch of the phone's log.
        """
        cursor = self._ingest.cursor(community, device)
        epoch, after = (cursor.epoch, cursor.last_id) if cursor else (0, 0)
        found = phone.door_log(after)
        if begun_anew := found.newest < after:
            epoch, after = epoch + 1, 0
        self._warn(device, after, found)
        now, since = self._now(), self._polled.get(device.device)
        if found.lines and not self._take(community, device, found, epoch, cursor, now):
            return None
        self._polled[device.device] = now
        return off(found, since, now) if since and not begun_anew else None

    def _take(
        self,
        community: CommunityId,
        device: Device,
        found: DoorLog,
        epoch: int,
        cursor: Cursor | None,
        now: datetime,
    ) -> bool:
        lines = [line(opened) for opened in found.lines]
        try:
            self._ingest.take(
                community,
                device,
                lines,
                epoch=epoch,
                expected=cursor,
                now=now,
                zone=found.zone,
                ahead=found.clock - now if found.clock else timedelta(0),
            )
        except Conflict:
            return False  # another poller was faster: what it left out comes with the next poll
        return True

    def _warn(self, device: Device, after: int, found: DoorLog) -> None:
        """Lines that the phone has overwritten, or that it skipped, are lost: say so."""
        first = found.lines[0].id if found.lines else None
        if not found.complete or (after and first is not None and first > after + 1):
            log.warning("door log has a gap", device=str(device.device), after=after, first=first)


def off(found: DoorLog, since: datetime, now: datetime) -> timedelta | None:
    """How far the newest line is from when it was written, by the zone that the phone shows.

    It was written between the polls. So a phone is found out that shows a zone and does not go by
    it: that a setting can be read back proves nothing of the clock.
    """
    local = found.lines[-1].local if found.lines else None
    if not (local and found.zone and found.clock):
        return None
    if not 1970 <= local.year < 2100 or not timedelta(0) <= now - since <= LATELY:
        return None
    ahead = found.clock - now
    told = [local.replace(tzinfo=found.zone, fold=n).astimezone(UTC) - ahead for n in (0, 1)]
    least = min((at - min(max(at, since), now) for at in told), key=abs)
    return least if abs(least) <= FARTHEST else None  # else it was written before the clock was set


def line(opened: Opened) -> Line:
    return Line(
        id=opened.id,
        local=opened.local,
        method=opened.method,
        name=opened.name,
        code=opened.code,
        relay=min(opened.relays, default=None),
        success=opened.success,
    )

"""Reads a phone's own log of its doors: the truth of what happened there (N12).

A callback of a phone only makes this happen sooner, so nothing is counted twice.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from commands.ingest import Ingest, Line
from device_adapters.port import DoorLog, Opened
from domain.devices import Device
from domain.ids import CommunityId
from eventlog.port import Conflict
from eventlog.reports import Cursor

log = structlog.get_logger()


class Logged(Protocol):
    def door_log(self, after: int = 0) -> DoorLog: ...


class DoorLogPoller:
    """`now` is the time of receipt, in UTC."""

    def __init__(self, ingest: Ingest, now: Callable[[], datetime]) -> None:
        self._ingest, self._now = ingest, now

    def poll(self, phone: Logged, community: CommunityId, device: Device) -> int:
        """How many new lines there were. An id that fell began a new epoch of the phone's log."""
        cursor = self._ingest.cursor(community, device)
        epoch, after = (cursor.epoch, cursor.last_id) if cursor else (0, 0)
        found = phone.door_log(after)
        if found.newest < after:
            epoch, after = epoch + 1, 0
        self._warn(device, after, found)
        if not found.lines:
            return 0
        return self._take(community, device, found, epoch, cursor)

    def _take(
        self,
        community: CommunityId,
        device: Device,
        found: DoorLog,
        epoch: int,
        cursor: Cursor | None,
    ) -> int:
        lines = [line(opened) for opened in found.lines]
        now = self._now()
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
            return 0  # another poller was faster: what it left out comes with the next poll
        return len(lines)

    def _warn(self, device: Device, after: int, found: DoorLog) -> None:
        """Lines that the phone has overwritten, or that it skipped, are lost: say so."""
        first = found.lines[0].id if found.lines else None
        if not found.complete or (after and first is not None and first > after + 1):
            log.warning("door log has a gap", device=str(device.device), after=after, first=first)


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

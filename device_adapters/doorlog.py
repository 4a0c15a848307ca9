"""Reads a phone's own log of its doors: the truth of what happened there (N12).

A callback of a phone only makes this happen sooner, so nothing is counted twice.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from commands import ingest
from commands.ingest import Ingest, Line
from device_adapters.port import DoorLog, Opened
from domain.devices import Device
from domain.ids import CommunityId, DeviceId
from domain.record import frozen
from eventlog.port import Conflict
from eventlog.reports import Cursor

LATELY = timedelta(minutes=5)
FARTHEST = timedelta(hours=26)  # that two zones are from each other
log = structlog.get_logger()


@frozen
class Gap:
    """So many lines are `missing` between two that there are."""

    epoch: int
    after: int
    before: int
    missing: int


@dataclass(frozen=True)
class Told:
    """What is taken of a poll: `lines` of it, where the cursor was `expected`."""

    lines: Sequence[Opened]
    epoch: int
    expected: Cursor | None
    now: datetime
    found: DoorLog


class Logged(Protocol):
    def door_log(self, after: int = 0) -> DoorLog: ...


class Witness(ingest.Witness, Protocol):
    """Who is told, too, of what the log lacks."""

    def gap(self, gap: Gap) -> None:
        """May be said again."""

    def more(self) -> None:
        """There is more to read: to be polled again soon."""


class DoorLogPoller:
    """`now` is the time of receipt, in UTC."""

    def __init__(self, ingest: Ingest, now: Callable[[], datetime]) -> None:
        self._ingest, self._now = ingest, now
        self._polled: dict[DeviceId, datetime] = {}
        self._holes: dict[DeviceId, Sequence[Gap]] = {}

    def poll(
        self, phone: Logged, community: CommunityId, device: Device, witness: Witness
    ) -> timedelta | None:
        """By how much the newest line is off, as `off` says; None if there is none that tells.

        An id that fell began a new epoch of the phone's log.
        """
        cursor = self._ingest.cursor(community, device)
        epoch, after = (cursor.epoch, cursor.last_id) if cursor else (0, 0)
        found = phone.door_log(after)
        if begun_anew := found.newest < after:
            epoch, after = epoch + 1, 0
        lines, now = self._sound(device, found, epoch, after, witness), self._now()
        since = self._polled.get(device.device)
        if lines:
            told = Told(lines, epoch, cursor, now, found)
            if not self._take(community, device, told, witness):
                return None
        self._polled[device.device] = now
        whole = len(lines) == len(found.lines) and not (begun_anew or found.more)
        if found.more:
            witness.more()
        return off(found, since, now) if since and whole else None

    def _take(self, community: CommunityId, device: Device, told: "Told", witness: Witness) -> bool:
        found = told.found
        try:
            self._ingest.take(
                community,
                device,
                [line(opened) for opened in told.lines],
                epoch=told.epoch,
                expected=told.expected,
                now=told.now,
                zone=found.zone,
                ahead=found.clock - told.now if found.clock else timedelta(0),
                witness=witness,
            )
        except Conflict:
            return False  # another poller was faster: what it left out comes with the next poll
        return True

    def _sound(
        self, device: Device, found: DoorLog, epoch: int, after: int, witness: Witness
    ) -> Sequence[Opened]:
        """The lines up to a hole, which may be filled by the next poll, for pages move while they
        are turned. What is found twice is lost: that is said, and passed over (N12).
        """
        holes = list(holes_in(found, epoch, after))
        known = self._holes.pop(device.device, ())
        fresh = next((hole for hole in holes if hole not in known), None)
        if fresh:
            self._holes[device.device] = holes
        if lost := holes[: holes.index(fresh)] if fresh else holes:
            log.warning("door log has a gap", device=str(device.device), after=lost[0].after)
            missing = sum(hole.missing for hole in lost)
            witness.gap(replace(lost[0], before=lost[-1].before, missing=missing))
        return [line for line in found.lines if not fresh or line.id < fresh.before]


def holes_in(found: DoorLog, epoch: int, after: int) -> Iterable[Gap]:
    """Where numbers are left out; before the first line that is ever read there is none."""
    ids = [line.id for line in found.lines]
    for one, other in zip([after or ids[0] - 1, *ids] if ids else [], ids, strict=False):
        if other > one + 1:
            yield Gap(epoch=epoch, after=one, before=other, missing=other - one - 1)


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

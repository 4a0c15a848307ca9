"""The log of reports as the rest of the house sees it, and one in memory for fast tests.

It has positions of its own. One poller of a device moves the device's cursor in the append; two
pollers of one device are told apart by it, and nothing of a phone's log is stored twice.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from threading import Condition
from typing import Final, Protocol
from uuid import UUID

from domain.ids import CommunityId, DeviceId
from domain.record import frozen
from domain.reports import REPORTS, DoorLogEntry, Report
from eventlog.codec import RecordCodec
from eventlog.port import MAX_BATCH, Batch, Conflict, Recorded
from schemas.registry import Registry

KEPT_DAYS: Final = 30
NOBODY: Final = UUID(int=0)
AT_ONCE: Final = timedelta(0)


@frozen
class Cursor:
    """How far a phone's log is known. An id that falls began a new epoch."""

    epoch: int
    last_id: int


class ReportLog(Protocol):
    """One order, append-only, forgotten by whole days. Every method may raise Unavailable."""

    def cursor(self, community: CommunityId, device: DeviceId) -> Cursor | None:
        """None before the first entry of a device."""

    def append(
        self,
        community: CommunityId,
        device: DeviceId,
        entries: Sequence[DoorLogEntry],
        *,
        expected: Cursor | None,
    ) -> int:
        """New entries of one epoch of a phone's log, by rising id; the position of the last.

        Conflict if the cursor is not where the caller read it: somebody else polled the device.
        """

    def note(
        self, community: CommunityId, report: Report, *, quiet: timedelta = AT_ONCE
    ) -> int | None:
        """What no phone's log holds; the cursor stays. The position, or None if an equal report of
        this device was noted no longer than `quiet` ago: a phone may say a thing as often as it
        likes, and so may whoever has got hold of its URL.
        """

    def read(self, *, after: int, limit: int = MAX_BATCH, wait: float = 0) -> Batch[Report]:
        """What follows a position, in order; waits up to `wait` seconds for the first."""

    def head(self) -> int:
        """The last position ever given; 0 when there was none."""

    def drop_before(self, day: date) -> int:
        """Forget all that was received before that day (UTC). The number of days dropped."""


class ReportCodec(RecordCodec[Report]):
    """Reports, as the log stores them; nothing in them is sealed."""

    def __init__(self, registry: Registry | None = None) -> None:
        super().__init__(REPORTS, registry)


def reached(device: DeviceId, entries: Sequence[DoorLogEntry], expected: Cursor | None) -> Cursor:
    """Where the cursor is after these entries; ValueError if they cannot follow it."""
    epochs, ids = {e.epoch for e in entries}, [e.id for e in entries]
    if {e.device for e in entries} != {device} or len(epochs) != 1:
        raise ValueError("entries are of one device and one epoch")
    before = expected or Cursor(epoch=-1, last_id=0)
    epoch = epochs.pop()
    known = before.last_id if epoch == before.epoch else ids[0] - 1
    if epoch < before.epoch or any(a >= b for a, b in zip([known, *ids], ids, strict=False)):
        raise ValueError("entries come by rising id, after those that are known")
    return Cursor(epoch=epoch, last_id=ids[-1])


def recorded(
    position: int, at: datetime, community: CommunityId, report: Report, id: int | None
) -> Recorded[Report]:
    """A report in its place. It has no command; its stream is the device, its version the id."""
    return Recorded(
        position=position,
        recorded_at=at,
        community=community,
        stream=report.device,
        version=id or 0,
        subject=None,
        actor="device",
        command_id=NOBODY,
        cause=None,
        event=report,
    )


class MemoryReportLog:
    """`now` gives the time of receipt, in UTC."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now, self._grown, self._head = now, Condition(), 0
        self._records: list[Recorded[Report]] = []
        self._cursors: dict[tuple[CommunityId, DeviceId], Cursor] = {}

    def cursor(self, community: CommunityId, device: DeviceId) -> Cursor | None:
        return self._cursors.get((community, device))

    def append(
        self,
        community: CommunityId,
        device: DeviceId,
        entries: Sequence[DoorLogEntry],
        *,
        expected: Cursor | None,
    ) -> int:
        moved = reached(device, entries, expected)
        with self._grown:
            if self.cursor(community, device) != expected:
                raise Conflict
            self._cursors[community, device] = moved
            for entry in entries:
                self._record(community, entry, entry.id)
            return self._head

    def note(
        self, community: CommunityId, report: Report, *, quiet: timedelta = AT_ONCE
    ) -> int | None:
        with self._grown:
            now = self._now()
            if quiet and any(
                (r.community, r.version, r.event) == (community, 0, report)
                and r.recorded_at > now - quiet
                for r in self._records
            ):
                return None
            self._record(community, report, None)
            return self._head

    def _record(self, community: CommunityId, report: Report, id: int | None) -> None:
        self._head += 1
        self._records.append(recorded(self._head, self._now(), community, report, id))
        self._grown.notify_all()

    def read(self, *, after: int, limit: int = MAX_BATCH, wait: float = 0) -> Batch[Report]:
        with self._grown:
            self._grown.wait_for(lambda: self._head > after, wait)
            return [r for r in self._records if r.position > after][:limit]

    def head(self) -> int:
        return self._head

    def drop_before(self, day: date) -> int:
        with self._grown:
            old = {at for r in self._records if (at := r.recorded_at.date()) < day}
            self._records = [r for r in self._records if r.recorded_at.date() not in old]
            return len(old)

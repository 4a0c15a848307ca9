"""All phones of an installation, each in a lane of its own."""

from collections.abc import Callable

from device_adapters.lane import Lane
from device_adapters.terms import Known, Place, Poll, Reports, Rhythm, Snapshot
from device_adapters.verified import Digest
from domain.ids import DeviceId


class Lanes:
    """All phones of an installation."""

    def __init__(
        self, reports: Reports, poll: Poll, rhythm: Rhythm, now: Callable[[], float]
    ) -> None:
        self._reports, self._poll, self._rhythm, self._now = reports, poll, rhythm, now
        self._lanes: dict[DeviceId, Lane] = {}

    def __contains__(self, device: DeviceId) -> bool:
        return device in self._lanes

    def __getitem__(self, device: DeviceId) -> Lane:
        return self._lanes[device]

    def of(self, device: DeviceId) -> Lane | None:
        return self._lanes.get(device)

    def open(self, place: Place, known: Known, digest: Digest) -> Lane:
        """Not begun: `start` it once it knows what is wanted."""
        lane = Lane(place, known, self._reports, digest, self._poll, self._rhythm, self._now)
        self._lanes[place.device] = lane
        return lane

    def retire(self, device: DeviceId) -> None:
        if lane := self._lanes.pop(device, None):
            lane.retire()

    def status(self) -> list[Snapshot]:
        return [lane.status() for lane in list(self._lanes.values())]

    def stop(self, seconds: float = 6.0) -> bool:
        """All at once; each ends when its request is answered or has timed out. Whether all are
        silent now.
        """
        for lane in self._lanes.values():
            lane.stop()
        return all(lane.join(seconds) for lane in self._lanes.values())

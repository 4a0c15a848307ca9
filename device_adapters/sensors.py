"""Tells which doors are open, by the sensors at their phones' inputs (M99)."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from device_adapters.port import Failure, Offline, Phone, Sensing, Unsupported
from domain.devices import Device, sensors
from domain.ids import CommunityId, DeviceId
from domain.reports import DoorSensed

AGAIN: Final = timedelta(days=1)  # reports are kept for 30 days, a door may stay shut for longer
SPARED: Final = timedelta(seconds=30)  # what hangs would hang for 5 s with every heartbeat
NEVER: Final = datetime.min.replace(tzinfo=UTC)
Note = Callable[[CommunityId, DoorSensed], object]
Told = tuple[DoorSensed, datetime]


class Sensors:
    """Of the phones of one share: whoever keeps them next tells all anew. `now`: in UTC."""

    def __init__(self, note: Note, now: Callable[[], datetime]) -> None:
        self._note, self._now = note, now
        self._told: dict[tuple[DeviceId, int], Told] = {}
        self._spared: dict[DeviceId, datetime] = {}

    def look(self, phone: Phone, home: CommunityId, device: Device) -> None:
        """Raises no Failure: a credential does not fail for a door. May raise what `note` does;
        then it is told with the next look.
        """
        wired = sensors(device.relays)
        if not wired or self._now() < self._spared.get(device.device, NEVER):
            return
        if (closed := self._closed(phone, device.device)) is None:
            return
        for relay, number in wired.items():
            is_open = not closed[number] if number in closed else None
            self._tell(home, DoorSensed(device=device.device, relay=relay, is_open=is_open))

    def _closed(self, phone: Phone, device: DeviceId) -> Mapping[int, bool] | None:
        """By input, none of them if the phone cannot say; None if it fell silent, once: the lane
        will see whether it is away, or does not answer this question alone.
        """
        try:
            found = inputs_of(phone)
        except Failure as failure:
            once = device not in self._spared
            self._spared[device] = self._now() + SPARED
            return None if once and isinstance(failure, Offline) else {}
        self._spared.pop(device, None)
        return found

    def _tell(self, home: CommunityId, found: DoorSensed) -> None:
        key, now = (found.device, found.relay), self._now()
        said, at = self._told.get(key, (None, NEVER))
        if found != said or now - at >= AGAIN:
            self._note(home, found)
            self._told[key] = found, now


def inputs_of(phone: Phone) -> Mapping[int, bool]:
    if not isinstance(phone, Sensing):
        raise Unsupported("it has no inputs")
    return phone.inputs()

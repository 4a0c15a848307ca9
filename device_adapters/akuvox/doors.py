"""The relays of an Akuvox phone, for emergencies."""

from collections.abc import Callable, Mapping

from device_adapters.akuvox.contacts import IS_OPEN, by_number
from device_adapters.akuvox.phone import AkuvoxPhone
from device_adapters.akuvox.profiles import profile_of
from domain.devices import Device, Login

BY_HAND, OPEN, SHUT = 1, 0, 1  # mode; level: NO-COM, NC-COM [PL]


class AkuvoxDoors(AkuvoxPhone):
    """device_adapters.emergency.port.Doors."""

    def hold(self, relay: int) -> None:
        """Mode 1 stays as it is until it is told otherwise [PL]."""
        self._trigger(relay, OPEN)

    def let_go(self, relay: int) -> None:
        """Back to rest [G]; mode 0 closes by itself, too, but would open first."""
        self._trigger(relay, SHUT)

    def relays(self) -> Mapping[int, bool]:
        """Which are open, by number."""
        return by_number("Relay", IS_OPEN, self._wire.get("relay", "status"))

    def _trigger(self, relay: int, level: int) -> None:
        data = {"num": relay, "mode": BY_HAND, "level": level, "delay": 0}
        self._wire.post("relay", "trig", data)


def doors_of(device: Device, may: Callable[[], None], *, paced: bool) -> AkuvoxDoors:
    profile = profile_of(device.box.model)
    login = device.login if isinstance(device.login, Login) else None
    return AkuvoxDoors(device.box.address, login, profile if paced else profile.paced(0, 0), may)

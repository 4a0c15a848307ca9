"""The relays and inputs of an Akuvox phone, for emergencies."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from device_adapters.akuvox.phone import AkuvoxPhone
from device_adapters.akuvox.profiles import profile_of
from device_adapters.port import Garbled
from domain.devices import Device, Login

BY_HAND, OPEN, SHUT = 1, 0, 1  # mode; level: NO-COM, NC-COM [PL]
LETTERS: Final = "ABCDEFGH"
WORDS: Final[Mapping[str, bool]] = {  # 0: closed, 1: open [KB]; words [PLs]
    "open": True,
    "1": True,
    "closed": False,
    "close": False,
    "0": False,
}


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
        return by_number("Relay", self._wire.get("relay", "status"))

    def inputs(self) -> Mapping[int, bool]:
        """Which contacts are closed, by number [G]. Unsupported or Rejected where it cannot say."""
        return by_number("Input", self._wire.get("input", "status"))

    def _trigger(self, relay: int, level: int) -> None:
        data = {"num": relay, "mode": BY_HAND, "level": level, "delay": 0}
        self._wire.post("relay", "trig", data)


def doors_of(device: Device, may: Callable[[], None], *, paced: bool) -> AkuvoxDoors:
    profile = profile_of(device.box.model)
    login = device.login if isinstance(device.login, Login) else None
    return AkuvoxDoors(device.box.address, login, profile if paced else profile.paced(0, 0), may)


def by_number(what: str, said: Mapping[str, object]) -> Mapping[int, bool]:
    """`RelayA` is 1. What stands for neither is Garbled: it must be no proof of anything."""
    found = dict[int, bool]()
    for name, value in said.items():
        if number := re.fullmatch(f"{what}([{LETTERS}])", name):
            if (word := str(value).strip().lower()) not in WORDS:
                raise Garbled(f"the state of {name}")
            found[LETTERS.index(number[1]) + 1] = WORDS[word]
    return found

"""An Akuvox phone that is restarted and set up from afar (M110, M111).

Restart and factory reset: device-protocol.md 1.2. Where the transport of calls and the buttons of
an expansion module are set is a guess [G]: nothing public says so.
"""

from collections.abc import Mapping
from typing import Final

from device_adapters.akuvox.held_open import HoldingPhone
from domain.maintenance import BUTTONS, ConnectType, Upkeep, settings

CONNECT: Final = "Config.Account1.SIP.TransType"  # [G]
CONNECT_TYPES: Final[Mapping[ConnectType, str]] = {"udp": "0", "tcp": "1", "tls": "2"}  # [G]
BUTTON: Final = "Config.DoorSetting.PUSHBUTTON.Button"  # [G]


class ServicedPhone(HoldingPhone):
    """device_adapters.errands.Serviced."""

    def reboot(self) -> None:
        self._wire.post("system", "reboot")

    def reset(self) -> None:
        """A GET, as [SY] has it."""
        self._wire.get("config", "reset_factory")

    def wanted(self, upkeep: Upkeep) -> Mapping[str, str]:
        """Commands that somebody wrote go before what we have a guess for."""
        found = dict[str, str]()
        if upkeep.connect:
            found[CONNECT] = CONNECT_TYPES[upkeep.connect]
        if upkeep.module:
            calls = {button.number: ";".join(button.calls) for button in upkeep.buttons}
            numbers = range(1, BUTTONS[upkeep.module] + 1)
            found |= {f"{BUTTON}{number}": calls.get(number, "") for number in numbers}
        return found | (settings(upkeep.lines) if isinstance(upkeep.lines, tuple) else {})

    def configure(self, settings: Mapping[str, str]) -> None:
        self._set_config(settings)

    def amiss(self, settings: Mapping[str, str]) -> list[str]:
        now = self._wire.ask("config", "get", {"item": list(settings)})
        return [name for name, value in settings.items() if now.get(name) != value]

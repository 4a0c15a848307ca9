"""What the log has of a phone from lives past."""

from datetime import datetime

from device_adapters import clocks
from device_adapters.ledger import Ledger
from device_adapters.terms import Known
from domain.devices import (
    DeviceClockFoundRight,
    DeviceClockFoundWrong,
    DeviceSynced,
    DeviceWentOffline,
    DeviceWentOnline,
)
from domain.kernel import Event
from domain.sync import (
    CheckId,
    DeviceCheckAsked,
    DeviceChecked,
    OnStrangers,
    StrangersFound,
    StrangersPolicyChosen,
)


class Said:
    """The last words on a phone, and what is still asked of it."""

    def __init__(self, on_strangers: OnStrangers = "report") -> None:
        self.ledger = Ledger()
        self.online: bool | None = None
        self.firmware = ""
        self.strangers = 0
        self.clock: clocks.Word | None = None
        self.on_strangers = on_strangers
        self.checks: dict[CheckId, None] = {}

    def take(self, event: Event, at: datetime) -> None:
        match event:
            case DeviceSynced(outcomes=outcomes):
                self.ledger.take(outcomes, at)
            case DeviceWentOnline(firmware=firmware):
                self.online, self.firmware = True, firmware
            case DeviceWentOffline():
                self.online = False
            case DeviceClockFoundRight(zone=zone):
                self.clock = clocks.right(zone)
            case DeviceClockFoundWrong(ahead=ahead, reason=reason):
                self.clock = clocks.wrong(ahead, reason)
            case StrangersFound(records=records):
                self.strangers = records
            case StrangersPolicyChosen(policy=policy):
                self.on_strangers = policy
            case DeviceCheckAsked(check=check):
                self.checks[check] = None
            case DeviceChecked(check=check):
                self.checks.pop(check, None)

    def known(self) -> Known:
        return Known(
            ledger=self.ledger,
            online=self.online,
            firmware=self.firmware,
            clock=self.clock,
            strangers=self.strangers,
            on_strangers=self.on_strangers,
            checks=tuple(self.checks),
        )

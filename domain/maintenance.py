"""What is done to devices from afar: doors opened, restarts, and settings that are kept
(M110, M111, A23).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, Literal, NewType, Self
from uuid import UUID

from domain.devices import Device
from domain.ids import DeviceId
from domain.kernel import Event, Malformed, Refused, event
from domain.record import Personal, frozen

OperationId = NewType("OperationId", UUID)
OperationKind = Literal["open", "reboot", "reset", "autop"]
Ending = Literal["done", "failed", "offline"]
ConnectType = Literal["udp", "tcp", "tls"]
ExpansionModule = Literal["MD06", "MD12"]
UpkeepState = Literal["verified", "mismatch", "rejected"]

WITHIN: Mapping[OperationKind, timedelta] = MappingProxyType(
    {
        "open": timedelta(seconds=10),  # whoever waits at the door has gone by then (A23)
        "reboot": timedelta(minutes=10),
        "reset": timedelta(minutes=10),
        "autop": timedelta(days=30),  # M111: once, whenever the device is back
    }
)
WEB_CONTROL: Final = timedelta(hours=1)
LINE = re.compile(r"\s*(Config(?:\.[A-Za-z0-9_-]+){2,6})\s*=(.*)", re.ASCII)
MOST_LINES, LONGEST_VALUE = 200, 512
KEPT_BY_US: Final = (  # beside the settings that are the installer's own to break
    "Config.DoorSetting.APIFCGI.",  # without its login nobody could set it right
    "Config.DoorSetting.RELAYSCHEDULE.",
    "Config.Features.ACTIONURL.",
    "Config.Settings.SNTP.TimeZone",
)
HAS_BUTTONS: Final = ("R20K", "R20B")
BUTTONS: Mapping[ExpansionModule, int] = MappingProxyType({"MD06": 6, "MD12": 12})  # [G] its name
NUMBER = re.compile(r"[0-9A-Za-z+*#@._:-]{1,64}", re.ASCII)
MOST_NUMBERS = 6  # of a button, in the vendor's manual of the R20A


@event
class OperationAsked(Event):
    """`relay`, `lines`: of an opening, of autop commands (which may hold passwords). `by`: the
    account, as the log names actors. `until`: later it is done no more.
    """

    stream = subject = "operation"
    operation: OperationId
    device: DeviceId
    kind: OperationKind
    relay: int | None
    lines: Personal[tuple[str, ...]]
    by: str
    asked_at: datetime
    until: datetime


@event
class OperationBegun(Event):
    """Said before it is done, so that nothing is ever done twice (M111)."""

    stream = "operation"
    operation: OperationId
    device: DeviceId


@event
class OperationEnded(Event):
    """A23: `offline` is that the device could not be reached, which is not that it failed."""

    stream = "operation"
    operation: OperationId
    device: DeviceId
    ending: Ending
    reason: str


@event
class AutopKept(Event):
    """M111: all the commands that are kept on a device from now on, each key once."""

    stream = subject = "device"
    device: DeviceId
    lines: Personal[tuple[str, ...]]


@event
class ConnectTypeChosen(Event):
    """M110."""

    stream = "device"
    device: DeviceId
    connect: ConnectType


@frozen
class PushButton:
    """A button of an expansion module, counted from 1, and whom it calls."""

    number: int
    calls: tuple[str, ...]


@event
class PushButtonsChosen(Event):
    """M110: all of them."""

    stream = "device"
    device: DeviceId
    module: ExpansionModule
    buttons: tuple[PushButton, ...]


@event
class WebControlOpened(Event):
    """M110: `by` is told where the device's own web page is, until then."""

    stream = "device"
    device: DeviceId
    by: str
    until: datetime


@event
class UpkeepFound(Event):
    """Whether a device has what is kept on it, in a stream of its own; `reason` names settings,
    never their values.
    """

    stream = "sync"
    sync: UUID
    device: DeviceId
    state: UpkeepState
    reason: str


@frozen
class Operation:
    operation: OperationId
    device: DeviceId
    kind: OperationKind
    ended: bool = False

    @classmethod
    def evolve(cls, state: Self | None, event: Event) -> Self | None:
        match state, event:
            case None, OperationAsked() as e:
                return cls(operation=e.operation, device=e.device, kind=e.kind)
            case Operation(), OperationEnded():
                return replace(state, ended=True)
        return state


@frozen
class Upkeep:
    """What is kept on a device, in whose stream it is said."""

    lines: Personal[tuple[str, ...]] = ()
    connect: ConnectType | None = None
    module: ExpansionModule | None = None
    buttons: tuple[PushButton, ...] = ()

    @classmethod
    def evolve(cls, state: Self | None, event: Event) -> Self | None:
        now = state or cls()
        match event:
            case AutopKept(lines=lines):
                return replace(now, lines=lines)
            case ConnectTypeChosen(connect=connect):
                return replace(now, connect=connect)
            case PushButtonsChosen(module=module, buttons=buttons):
                return replace(now, module=module, buttons=buttons)
        return state


def settings(lines: Iterable[str]) -> dict[str, str]:
    """M111, A35: what commands say, by key; of one that is there twice the later holds."""
    return dict(map(setting, lines))


def setting(line: str) -> tuple[str, str]:
    found = LINE.fullmatch(line)
    value = found[2].strip() if found else ""
    if not found or len(value) > LONGEST_VALUE or not value.isprintable():
        raise Malformed("lines", "each as Config.Section.Group.Key = value")
    return found[1], value


def legal_lines(lines: Sequence[str]) -> tuple[str, ...]:
    """Each key once, as it is kept."""
    found = settings(lines)
    if len(found) > MOST_LINES:
        raise Malformed("lines", f"{MOST_LINES} at most")
    if ours := [key for key in found if key.startswith(KEPT_BY_US)]:
        raise Refused("kept-by-gatehouse", "lines", ours)
    return tuple(f"{key} = {value}" for key, value in found.items())


def ask(known: Operation | None, wanted: OperationAsked) -> list[Event]:
    """Asked twice it is done once."""
    if known and (known.device, known.kind) != (wanted.device, wanted.kind):
        raise Refused("already-exists", "operation")
    return [] if known else [wanted]


def keep_autop(now: Upkeep | None, device: DeviceId, lines: Sequence[str]) -> list[Event]:
    """M111."""
    kept = legal_lines(lines)
    if kept == (now or Upkeep()).lines:
        return []
    return [AutopKept(device=device, lines=kept)]


def choose_connect_type(now: Upkeep | None, device: DeviceId, connect: ConnectType) -> list[Event]:
    """M110."""
    if connect == (now or Upkeep()).connect:
        return []
    return [ConnectTypeChosen(device=device, connect=connect)]


def choose_push_buttons(
    now: Upkeep | None, device: Device, module: ExpansionModule, buttons: Sequence[PushButton]
) -> list[Event]:
    """M110."""
    if not device.box.model.upper().startswith(HAS_BUTTONS):
        raise Refused("no-push-buttons", "device")
    wanted = legal_buttons(module, buttons)
    if (module, wanted) == ((now or Upkeep()).module, (now or Upkeep()).buttons):
        return []
    return [PushButtonsChosen(device=device.device, module=module, buttons=wanted)]


def legal_buttons(module: ExpansionModule, buttons: Sequence[PushButton]) -> tuple[PushButton, ...]:
    numbers = [button.number for button in buttons]
    if len(set(numbers)) < len(numbers) or not set(numbers) <= set(range(1, BUTTONS[module] + 1)):
        raise Malformed("buttons", f"numbered 1 to {BUTTONS[module]}, each once")
    for button in buttons:
        if len(button.calls) > MOST_NUMBERS or not all(map(NUMBER.fullmatch, button.calls)):
            raise Malformed("buttons", f"call {MOST_NUMBERS} SIP or IP numbers at most")
    return tuple(sorted(buttons, key=lambda button: button.number))


def start(now: Operation | None, begun: OperationBegun) -> list[Event]:
    return [begun] if now and not now.ended else []


def finish(now: Operation | None, ended: OperationEnded) -> list[Event]:
    """Once: whoever says it again was not heard the first time."""
    return [ended] if now and not now.ended else []

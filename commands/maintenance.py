"""What may be done to devices from afar, and what adapters say of it."""

from commands.bus import Things, command, handles
from domain import maintenance
from domain.devices import Device
from domain.ids import DeviceId
from domain.kernel import Event, Malformed, Unknown
from domain.locks import DOOR, Lock
from domain.maintenance import (
    WEB_CONTROL,
    WITHIN,
    ConnectType,
    Ending,
    ExpansionModule,
    Operation,
    OperationAsked,
    OperationBegun,
    OperationEnded,
    OperationId,
    OperationKind,
    PushButton,
    Upkeep,
    UpkeepFound,
    UpkeepState,
    WebControlOpened,
)
from domain.record import frozen


@command
class OpenDoor:
    """Open a door from afar, at once or not at all: a phone that does not answer within ten seconds
    is offline, which is not failed (A23). `operation` is an id of yours, to ask after it by.
    """

    operation: OperationId
    device: DeviceId
    relay: int = 1


@handles(OpenDoor)
def open_door(cmd: OpenDoor, things: Things) -> list[Event]:
    if cmd.relay not in relays_of(cmd.device, things):
        raise Malformed("relay", "the device has no such relay")
    return asked(cmd.operation, cmd.device, "open", things, relay=cmd.relay)


@command
class RebootDevice:
    """Restart a door phone, within ten minutes (M110)."""

    operation: OperationId
    device: DeviceId


@handles(RebootDevice)
def reboot_device(cmd: RebootDevice, things: Things) -> list[Event]:
    things.load(Device, cmd.device)
    return asked(cmd.operation, cmd.device, "reboot", things)


@command
class ResetDevice:
    """Set a door phone back to its factory's settings, within ten minutes; what it must hold is
    brought back to it as far as it can still be reached (M110).
    """

    operation: OperationId
    device: DeviceId


@handles(ResetDevice)
def reset_device(cmd: ResetDevice, things: Things) -> list[Event]:
    things.load(Device, cmd.device)
    return asked(cmd.operation, cmd.device, "reset", things)


@command
class RunAutopOnce:
    """One Time Autop: commands that are carried out once, and not kept (M111)."""

    operation: OperationId
    device: DeviceId
    lines: tuple[str, ...]


@handles(RunAutopOnce)
def run_autop_once(cmd: RunAutopOnce, things: Things) -> list[Event]:
    things.load(Device, cmd.device)
    if not (lines := maintenance.legal_lines(cmd.lines)):
        raise Malformed("lines", "at least one")
    return asked(cmd.operation, cmd.device, "autop", things, lines=lines)


@command
class KeepAutop:
    """The autop commands that are kept on a door phone, all of them; of a key that is there twice
    the later holds (M111, A35).
    """

    device: DeviceId
    lines: tuple[str, ...]


@handles(KeepAutop)
def keep_autop(cmd: KeepAutop, things: Things) -> list[Event]:
    things.load(Device, cmd.device)
    return maintenance.keep_autop(things.find(Upkeep, cmd.device), cmd.device, cmd.lines)


@command
class ChooseConnectType:
    """How a door phone carries its calls: UDP, TCP or TLS (M110)."""

    device: DeviceId
    connect: ConnectType


@handles(ChooseConnectType)
def choose_connect_type(cmd: ChooseConnectType, things: Things) -> list[Event]:
    things.load(Device, cmd.device)
    now = things.find(Upkeep, cmd.device)
    return maintenance.choose_connect_type(now, cmd.device, cmd.connect)


@command
class ChoosePushButtons:
    """Whom the buttons of an expansion module call; only R20K and R20B have one (M110)."""

    device: DeviceId
    module: ExpansionModule
    buttons: tuple[PushButton, ...]


@handles(ChoosePushButtons)
def choose_push_buttons(cmd: ChoosePushButtons, things: Things) -> list[Event]:
    device = things.load(Device, cmd.device)
    now = things.find(Upkeep, cmd.device)
    return maintenance.choose_push_buttons(now, device, cmd.module, cmd.buttons)


@command
class OpenWebControl:
    """Where the device's own web page is, for an hour: who asked is kept (M110)."""

    device: DeviceId


@handles(OpenWebControl)
def open_web_control(cmd: OpenWebControl, things: Things) -> list[Event]:
    things.load(Device, cmd.device)
    until = things.now + WEB_CONTROL
    return [WebControlOpened(device=cmd.device, by=things.actor.name, until=until)]


def relays_of(device: DeviceId, things: Things) -> set[int]:
    if phone := things.find(Device, device):
        return {relay.number for relay in phone.relays}
    if things.find(Lock, device):
        return {DOOR}
    raise Unknown("Device", device)


def asked(
    operation: OperationId,
    device: DeviceId,
    kind: OperationKind,
    things: Things,
    *,
    relay: int | None = None,
    lines: tuple[str, ...] = (),
) -> list[Event]:
    wanted = OperationAsked(
        operation=operation,
        device=device,
        kind=kind,
        relay=relay,
        lines=lines,
        by=things.actor.name,
        asked_at=things.now,
        until=things.now + WITHIN[kind],
    )
    return maintenance.ask(things.find(Operation, operation), wanted)


@frozen
class ReportBegun:
    """Only `frozen`, not a `command`: these have no route."""

    operation: OperationId
    device: DeviceId


@handles(ReportBegun)
def report_begun(cmd: ReportBegun, things: Things) -> list[Event]:
    begun = OperationBegun(operation=cmd.operation, device=cmd.device)
    return maintenance.start(things.find(Operation, cmd.operation), begun)


@frozen
class ReportEnded:
    operation: OperationId
    device: DeviceId
    ending: Ending
    reason: str


@handles(ReportEnded)
def report_ended(cmd: ReportEnded, things: Things) -> list[Event]:
    ended = OperationEnded(
        operation=cmd.operation, device=cmd.device, ending=cmd.ending, reason=cmd.reason
    )
    return maintenance.finish(things.find(Operation, cmd.operation), ended)


@frozen
class ReportUpkeep:
    device: DeviceId
    state: UpkeepState
    reason: str


@handles(ReportUpkeep)
def report_upkeep(cmd: ReportUpkeep, things: Things) -> list[Event]:
    return [
        UpkeepFound(sync=things.new_id(), device=cmd.device, state=cmd.state, reason=cmd.reason)
    ]

"""What may be asked about door phones, and what adapters say of them."""

from base64 import urlsafe_b64encode
from collections.abc import Collection

from commands.bus import Things, command, handles
from domain import devices
from domain.alarms import Wiring
from domain.apartments import Apartment, Building
from domain.devices import (
    Box,
    Device,
    DeviceClockFoundRight,
    DeviceClockFoundWrong,
    DeviceRegistered,
    DeviceSynced,
    DeviceWentOffline,
    DeviceWentOnline,
    Login,
    Outcome,
    Place,
    Relay,
)
from domain.ids import CommunityId, DeviceId
from domain.kernel import Event
from domain.record import frozen
from domain.settings import Settings, legal_name
from eventlog.port import EventLog


@command
class RegisterDevice:
    """Add a door phone where it hangs; installers only (M130, M100, M101)."""

    device: DeviceId
    name: str
    box: Box
    relays: tuple[Relay, ...]
    place: Place = Place()
    login: Login | None = None


@handles(RegisterDevice)
def register_device(cmd: RegisterDevice, things: Things) -> list[Event]:
    things.only("installer")
    things.load(Settings, things.community)
    registered = DeviceRegistered(
        device=cmd.device,
        name=legal_name(cmd.name),
        box=devices.legal_box(cmd.box, things.networks),
        place=known_place(cmd.place, things),
        relays=devices.legal_relays(cmd.relays, fire_inputs(cmd.device, cmd.relays, things)),
        login=cmd.login,
        hint=urlsafe_b64encode(things.random.randbytes(24)).decode(),
    )
    return devices.register(things.find(Device, cmd.device), registered)


@command
class ReplaceDevice:
    """Put another box in the place of a broken one; installers only (M130)."""

    device: DeviceId
    box: Box
    login: Login | None = None


@handles(ReplaceDevice)
def replace_device(cmd: ReplaceDevice, things: Things) -> list[Event]:
    things.only("installer")
    box = devices.legal_box(cmd.box, things.networks)
    return devices.put_in_place_of(things.load(Device, cmd.device), box, cmd.login)


@command
class EditDevice:
    """The name of a phone, and what its relays are called and take; an installer also says which
    inputs tell whether their doors are open (M100, M101, M99).
    """

    device: DeviceId
    name: str
    relays: tuple[Relay, ...]


@handles(EditDevice)
def edit_device(cmd: EditDevice, things: Things) -> list[Event]:
    now = things.load(Device, cmd.device)
    if devices.sensors(cmd.relays) != devices.sensors(now.relays):
        things.only("installer")  # it is wiring (M130)
    return devices.edit(now, cmd.name, cmd.relays, fire_inputs(cmd.device, cmd.relays, things))


@command
class MoveDevice:
    """Into an apartment, or into the public area; installers only (M130, A30)."""

    device: DeviceId
    place: Place


@handles(MoveDevice)
def move_device(cmd: MoveDevice, things: Things) -> list[Event]:
    things.only("installer")
    return devices.move(things.load(Device, cmd.device), known_place(cmd.place, things))


@command
class RemoveDevice:
    """Take a phone off the community for good; installers only (M130)."""

    device: DeviceId


@handles(RemoveDevice)
def remove_device(cmd: RemoveDevice, things: Things) -> list[Event]:
    things.only("installer")
    return devices.remove(things.find(Device, cmd.device))


def fire_inputs(device: DeviceId, relays: Collection[Relay], things: Things) -> frozenset[int]:
    """Not looked for where no door has a sensor."""
    wiring = things.find(Wiring, device) if devices.sensors(relays) else None
    return wiring.fire_inputs if wiring else frozenset()


def known_place(place: Place, things: Things) -> Place:
    if place.building:
        things.load(Building, place.building)
    home = things.load(Apartment, place.apartment) if place.apartment else None
    return devices.located(place, home)


def device_of(log: EventLog, community: CommunityId, hint: str) -> DeviceId | None:
    """Whose event URL it is, by its secret."""
    claim = devices.hint_claim(hint)
    owner = log.owners(community, [claim]).get(claim)
    return DeviceId(owner) if owner else None


@frozen
class ReportSync:
    """What an adapter found on a phone. Only `frozen`, not a `command`: it has no route."""

    device: DeviceId
    outcomes: tuple[Outcome, ...]


@handles(ReportSync)
def report_sync(cmd: ReportSync, things: Things) -> list[Event]:
    return [DeviceSynced(sync=things.new_id(), device=cmd.device, outcomes=cmd.outcomes)]


@frozen
class ReportOnline:
    device: DeviceId
    firmware: str


@handles(ReportOnline)
def report_online(cmd: ReportOnline, things: Things) -> list[Event]:
    id = things.new_id()
    return [DeviceWentOnline(sync=id, device=cmd.device, firmware=cmd.firmware)]


@frozen
class ReportOffline:
    device: DeviceId
    reason: str


@handles(ReportOffline)
def report_offline(cmd: ReportOffline, things: Things) -> list[Event]:
    return [DeviceWentOffline(sync=things.new_id(), device=cmd.device, reason=cmd.reason)]


@frozen
class ReportClockRight:
    device: DeviceId
    zone: str


@handles(ReportClockRight)
def report_clock_right(cmd: ReportClockRight, things: Things) -> list[Event]:
    return [DeviceClockFoundRight(sync=things.new_id(), device=cmd.device, zone=cmd.zone)]


@frozen
class ReportClockWrong:
    device: DeviceId
    ahead: int
    reason: str


@handles(ReportClockWrong)
def report_clock_wrong(cmd: ReportClockWrong, things: Things) -> list[Event]:
    return [
        DeviceClockFoundWrong(
            sync=things.new_id(), device=cmd.device, ahead=cmd.ahead, reason=cmd.reason
        )
    ]

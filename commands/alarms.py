"""What may be asked about alarms, and what a reaction says of them."""

from datetime import datetime

from commands.bus import Things, command, handles
from domain import alarms, devices
from domain.alarms import Alarm, AlarmId, AlarmKind, AlarmRaised, Wiring
from domain.devices import Device
from domain.ids import ApartmentId, BuildingId, DeviceId
from domain.kernel import Event
from domain.record import frozen


@frozen
class RaiseAlarm:
    """What a device has reported. Only `frozen`, not a `command`: it has no route."""

    kind: AlarmKind
    device: DeviceId
    name: str
    relay: int | None
    building: BuildingId | None
    apartment: ApartmentId | None
    heard_at: datetime


@handles(RaiseAlarm)
def raise_alarm(cmd: RaiseAlarm, things: Things) -> list[Event]:
    """Also of a device that was removed meanwhile: an alarm is never dropped."""
    raised = AlarmRaised(
        alarm=AlarmId(things.new_id()),
        kind=cmd.kind,
        device=cmd.device,
        name=cmd.name,
        relay=cmd.relay,
        building=cmd.building,
        apartment=cmd.apartment,
        heard_at=cmd.heard_at,
    )
    return [raised]


@command
class SolveAlarm:
    """Mark an alarm as solved, with a note on what it was (M127, A59)."""

    alarm: AlarmId
    note: str


@handles(SolveAlarm)
def solve_alarm(cmd: SolveAlarm, things: Things) -> list[Event]:
    return alarms.solve(things.load(Alarm, cmd.alarm), cmd.note)


@command
class ChooseFireInputs:
    """Which inputs of a phone a fire panel is wired to, by number; installers only (M124, M130)."""

    device: DeviceId
    inputs: frozenset[int]


@handles(ChooseFireInputs)
def choose_fire_inputs(cmd: ChooseFireInputs, things: Things) -> list[Event]:
    things.only("installer")
    sensors = frozenset(devices.sensors(things.load(Device, cmd.device).relays).values())
    wiring = things.find(Wiring, cmd.device)
    return alarms.choose_fire_inputs(wiring, cmd.device, cmd.inputs, sensors)

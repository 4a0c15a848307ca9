"""What may be asked about the hours at which doors are held open."""

from dataclasses import replace

from commands.bus import Things, command, handles
from domain import locks, relay_schedules
from domain.access_groups import AccessGroup
from domain.devices import Device
from domain.ids import DeviceId, GroupId
from domain.kernel import Event, Unknown
from domain.locks import Lock
from domain.relay_schedules import RelaySchedules


@command
class ChooseRelaySchedule:
    """Hold a relay of a phone, or an iTec lock, open during the hours of these access groups; none:
    no longer (M103, M107).
    """

    device: DeviceId
    groups: frozenset[GroupId]
    relay: int = 1


@handles(ChooseRelaySchedule)
def choose_relay_schedule(cmd: ChooseRelaySchedule, things: Things) -> list[Event]:
    things.load_all(AccessGroup, cmd.groups)
    now = things.find(RelaySchedules, cmd.device)
    return relay_schedules.choose(now, the_device(cmd.device, things), cmd.relay, cmd.groups)


def the_device(id: DeviceId, things: Things) -> Device:
    """A phone, or a lock as a door, whomever that follows."""
    if phone := things.find(Device, id):
        return phone
    if lock := things.find(Lock, id):
        return locks.door(replace(lock, phone=None), None, None)
    raise Unknown("Device", id)

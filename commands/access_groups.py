"""What may be asked about access groups."""

from commands.bus import Things, command, handles
from domain import access_groups, residents
from domain.access_groups import AccessGroup, AccessGroupCreated, Door, Schedule
from domain.devices import Device
from domain.ids import GroupId, ResidentId
from domain.kernel import Event, Refused, Unknown
from domain.locks import DOOR, Lock
from domain.residents import Resident
from domain.settings import legal_name


@command
class CreateAccessGroup:
    """Say which doors its members may open, and when (M12, M13, M14)."""

    group: GroupId
    name: str
    schedule: Schedule
    doors: frozenset[Door] = frozenset()


@handles(CreateAccessGroup)
def create_access_group(cmd: CreateAccessGroup, things: Things) -> list[Event]:
    known_doors(cmd.doors, things)
    created = AccessGroupCreated(
        group=cmd.group,
        number=free_number(things),
        name=legal_name(cmd.name),
        schedule=cmd.schedule,
        doors=cmd.doors,
    )
    return access_groups.create(things.find(AccessGroup, cmd.group), created)


@command
class EditAccessGroup:
    """Name, schedule and doors, all of them as they shall be from now on (M17)."""

    group: GroupId
    name: str
    schedule: Schedule
    doors: frozenset[Door] = frozenset()


@handles(EditAccessGroup)
def edit_access_group(cmd: EditAccessGroup, things: Things) -> list[Event]:
    known_doors(cmd.doors, things)
    now = things.load(AccessGroup, cmd.group)
    return access_groups.edit(now, name=cmd.name, schedule=cmd.schedule, doors=cmd.doors)


@command
class DeleteAccessGroup:
    """End a group, and every right that came from it (M131)."""

    group: GroupId


@handles(DeleteAccessGroup)
def delete_access_group(cmd: DeleteAccessGroup, things: Things) -> list[Event]:
    return access_groups.delete(things.find(AccessGroup, cmd.group))


@command
class AddPeople:
    """Let residents into a group, beside the groups that they have (M18)."""

    group: GroupId
    residents: frozenset[ResidentId]


@handles(AddPeople)
def add_people(cmd: AddPeople, things: Things) -> list[Event]:
    things.load(AccessGroup, cmd.group)
    people = things.load_all(Resident, cmd.residents).values()
    chosen = (residents.choose_groups(one, one.groups | {cmd.group}) for one in people)
    return [event for events in chosen for event in events]


@command
class RemovePeople:
    """Take residents out of a group (M18)."""

    group: GroupId
    residents: frozenset[ResidentId]


@handles(RemovePeople)
def remove_people(cmd: RemovePeople, things: Things) -> list[Event]:
    people = things.load_all(Resident, cmd.residents).values()
    chosen = (residents.choose_groups(one, one.groups - {cmd.group}) for one in people)
    return [event for events in chosen for event in events]


def known_doors(doors: frozenset[Door], things: Things) -> None:
    """M15: a lock that is linked to a door phone is not chosen, it follows that."""
    ids = {door.device for door in doors}
    phones = things.find_all(Device, ids)
    locks = things.find_all(Lock, ids - phones.keys())
    if any(lock.phone for lock in locks.values()):
        raise Refused("lock-follows-its-phone", "doors")
    relays = {id: {relay.number for relay in phone.relays} for id, phone in phones.items()}
    relays |= {id: {DOOR} for id in locks}
    for door in doors:
        if door.device not in relays:
            raise Unknown("Device", door.device)
        if door.relay not in relays[door.device]:
            raise Unknown("Relay", door.relay)


def free_number(things: Things) -> int:
    """Six digits, which a spreadsheet can name (A22); random, so that nobody counts them."""
    while True:
        number = things.random.randrange(100_000, 1_000_000)
        if things.owner(access_groups.group_number(number)) is None:
            return number

"""What the screen of access groups shows, made from the rows of the read model."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal
from uuid import UUID

from domain.access_groups import AccessGroup, Door, Schedule
from domain.apartments import HouseholdRole
from domain.devices import Box, Device, DeviceEdited, DeviceRegistered, Place, Relay
from domain.ids import ApartmentId, BuildingId, CommunityId, DeviceId, GroupId, ResidentId
from domain.locks import DOOR, LockLinked, LockMoved, LockRegistered, LockRenamed
from domain.record import ERASED, Personal, frozen
from domain.residents import Contact
from domain.rights import relays_of
from projections.projector import Key, Row, document
from schemas.of import schema_of

GroupType = Literal["default", "self_created"]
ANY_BOX = Box(mac="", model="", firmware="", address="")  # rights do not depend on it


@frozen
class AccessGroupDoc:
    """`building` is the one whose default group it is; `number` what a spreadsheet calls it by."""

    group: GroupId
    number: int
    name: str
    type: GroupType
    building: BuildingId | None
    building_name: str | None
    schedule: Schedule
    members: int


@frozen
class GroupDoor:
    device: DeviceId
    device_name: str
    relay: int
    relay_name: str


@frozen
class AccessGroupDetails(AccessGroupDoc):
    """Those of a default group are all public doors of its building (M16)."""

    doors: tuple[GroupDoor, ...]


@frozen
class MemberDoc:
    """`name` is null once the person is forgotten."""

    resident: ResidentId
    role: HouseholdRole
    name: str | None
    building: BuildingId
    building_name: str
    apartment: ApartmentId
    apartment_number: str


def name_of(contact: Personal[Contact]) -> str | None:
    return contact.name if isinstance(contact, Contact) else None


def called(event: DeviceRegistered | DeviceEdited) -> Row:
    return {"name": event.name, "relays": document(event.relays)}


def hung(place: Place) -> Row:
    return {"building": place.building, "apartment": place.apartment}


def of_lock(event: LockRegistered | LockRenamed | LockMoved | LockLinked) -> Row:
    """A lock is a door: it has one, under its own name (M14)."""
    match event:
        case LockRegistered(name=name, place=place, phone=phone):
            return lock_called(name) | hung(place) | {"phone": phone}
        case LockRenamed(name=name):
            return lock_called(name)
        case LockMoved(place=place):
            return hung(place)
    return {"phone": event.phone}


def lock_called(name: str) -> Row:
    return {"name": name, "relays": document((Relay(number=DOOR, name=name),))}


def keys(rows: Iterable[Row], column: str) -> set[Key]:
    return {(row["community"], row[column]) for row in rows}


def loaded(record: type, text: str) -> list[Any]:
    found: list[Any] = schema_of(record)(many=True).load(json.loads(text))
    return found


def device(row: Row) -> Device:
    return Device(
        device=row["device"],
        name=row["name"],
        box=ANY_BOX,
        place=Place(building=row["building"], apartment=row["apartment"]),
        relays=tuple(loaded(Relay, row["relays"])),
        login=None,
        hint=ERASED,
    )


def group_of(row: Row) -> AccessGroup:
    return AccessGroup(
        group=row["group_id"],
        number=row["number"],
        name=row["name"],
        schedule=schema_of(Schedule)().load(json.loads(row["schedule"])),
        doors=frozenset(loaded(Door, row["own"])),
        building=row["building"],
    )


def doors(row: Row, devices: Iterable[Device]) -> list[GroupDoor]:
    """M16, A30: as the rights have it."""
    group = group_of(row)
    return [
        GroupDoor(
            device=device.device,
            device_name=device.name,
            relay=relay.number,
            relay_name=relay.name,
        )
        for device in devices
        for relay in device.relays
        if relay.number in relays_of(group, device)
    ]


def membership(row: Row) -> tuple[CommunityId, UUID, UUID]:
    return row["community"], row["group_id"], row["resident"]


def memberships(
    person: Row, buildings: Mapping[Key, Row], apartments: Mapping[Key, Row]
) -> Iterable[Row]:
    home = person["community"]
    said = MemberDoc(
        resident=person["resident"],
        role=person["role"],
        name=person["name"],
        building=person["building"],
        building_name=buildings[home, person["building"]]["name"],
        apartment=person["apartment"],
        apartment_number=apartments[home, person["apartment"]]["number"],
    )
    row = {"community": home, "resident": said.resident, "sort": (said.name or "").lower()}
    return [row | {"group_id": group, "doc": document(said)} for group in person["groups"]]


def written(row: Row, sizes: Mapping[Key, int], buildings: Mapping[Key, Row]) -> Row:
    """The row with its document, and what it is found and sorted by."""
    building = row["building"]
    said = AccessGroupDoc(
        group=row["group_id"],
        number=row["number"],
        name=row["name"],
        type="default" if building else "self_created",
        building=building,
        building_name=buildings[row["community"], building]["name"] if building else None,
        schedule=group_of(row).schedule,
        members=sizes.get((row["community"], row["group_id"]), 0),
    )
    found_by = f"{said.name}\n{said.number}".lower()
    sort = said.name.lower()
    return row | {"type": said.type, "sort": sort, "search": found_by, "doc": document(said)}

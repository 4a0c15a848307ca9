"""What facts say of the rows of what is installed."""

import json
from collections.abc import Iterable

from domain.access_groups import AccessGroupCreated, AccessGroupEdited
from domain.devices import (
    DeviceEdited,
    DeviceMoved,
    DeviceRegistered,
    DeviceSynced,
)
from domain.faces import FaceEnrolled, FaceRemoved
from domain.kernel import Event
from domain.lifts import FloorsChosen
from domain.locks import LockLinked, LockMoved, LockRegistered, LockRenamed
from domain.parking import Vehicles, VehiclesChanged
from domain.record import Erased, Personal
from domain.residents import (
    Card,
    CardsChanged,
    Contact,
    ContactChanged,
    GroupsChosen,
    PinIssued,
    ResidentAdded,
)
from eventlog.port import Recorded
from projections.devices.states import SEALED
from projections.projector import Row, document


def of_person(event: Event) -> Row:
    match event:
        case ResidentAdded(building=building, apartment=home, role=role) as e:
            nothing = dict.fromkeys(SEALED) | {"floors": "[]", "pin_made_by": "manager"}
            lives = {"building": building, "apartment": home, "role": role}
            return lives | called(e.contact) | {"groups": sorted(e.groups)} | nothing
        case ContactChanged(contact=contact):
            return called(contact)
        case GroupsChosen(groups=groups):
            return {"groups": sorted(groups)}
        case PinIssued(pin=pin, made_by=maker):
            return {"pin": pin, "pin_made_by": maker}
        case CardsChanged(cards=cards):
            return {"cards": codes(cards) if cards else None}
        case VehiclesChanged(vehicles=vehicles):
            return {"vehicles": document(vehicles) if isinstance(vehicles, Vehicles) else vehicles}
        case FaceEnrolled(photo=photo):
            return {"face": photo}
        case FaceRemoved():
            return {"face": None}
        case FloorsChosen(floors=floors):
            return {"floors": document(floors)}
    return {"pin": None}


def called(contact: Personal[Contact]) -> Row:
    name = contact.name if isinstance(contact, Contact) else None
    return {"name": name, "sort": (name or "").lower()}


def codes(cards: Personal[frozenset[Card]]) -> Personal[str]:
    if isinstance(cards, Erased):
        return cards
    return json.dumps(sorted((card.code, card.made_by) for card in cards))


def of_group(event: AccessGroupCreated | AccessGroupEdited) -> Row:
    said = {
        "name": event.name,
        "schedule": document(event.schedule),
        "doors": document(event.doors),
    }
    if isinstance(event, AccessGroupCreated):
        return said | {"number": event.number, "building": event.building}
    return said


def of_device(event: DeviceRegistered | DeviceEdited | DeviceMoved) -> Row:
    row: Row = {}
    if not isinstance(event, DeviceMoved):
        row |= {"name": event.name, "relays": document(event.relays)}
    if not isinstance(event, DeviceEdited):
        row |= {"building": event.place.building, "apartment": event.place.apartment}
    if isinstance(event, DeviceRegistered):
        row |= {"brand": None, "phone": None}
    return row


def of_lock(event: LockRegistered | LockRenamed | LockMoved | LockLinked) -> Row:
    match event:
        case LockRegistered(name=name, brand=brand, place=place, phone=phone):
            where = {"building": place.building, "apartment": place.apartment}
            return {"name": name, "brand": brand, "phone": phone, "relays": "[]"} | where
        case LockRenamed(name=name):
            return {"name": name}
        case LockMoved(place=place):
            return {"building": place.building, "apartment": place.apartment}
    return {"phone": event.phone}


def words(r: Recorded[DeviceSynced]) -> Iterable[Row]:
    """Doors that are held open are nobody's credential (M103)."""
    for one in (each for each in r.event.outcomes if each.kind != "held_open"):
        yield {
            "community": r.community,
            "device": r.event.device,
            "holder": one.holder,
            "kind": one.kind,
            "state": one.state,
            "digest": one.digest,
            "reason": one.reason,
            "reported_at": r.recorded_at,
            "tries": one.tries,
        }

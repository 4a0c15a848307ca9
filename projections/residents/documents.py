"""What the residents screen shows of a person, made out of rows."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from uuid import UUID

from domain.apartments import HouseholdRole
from domain.ids import ApartmentId, BuildingId, GroupId, ResidentId
from domain.lifts import Floor
from domain.parking import NO_VEHICLES, Vehicles
from domain.record import Erased, Personal, frozen
from domain.residents import Contact
from projections.listing import natural
from projections.projector import Key, Row, document


@frozen
class GroupOfResident:
    """`number` is what a spreadsheet calls it by (A22)."""

    group: GroupId
    number: int
    name: str


@frozen
class VehiclesOfResident:
    """How many plates and tags; long-term without `first` and `last` (M35). Of who has a tag no
    plate is given to a phone (M36).
    """

    plates: int
    uhf: int
    first: date | None
    last: date | None


@frozen
class FloorOfResident:
    building: BuildingId
    building_name: str
    number: int


@frozen
class ResidentDoc:
    """Which keys there are, but no code or photo; `name` and `contact` are null once forgotten."""

    resident: ResidentId
    role: HouseholdRole
    name: str | None
    contact: Contact | None
    building: BuildingId
    building_name: str
    apartment: ApartmentId
    apartment_number: str
    apartment_name: str
    groups: tuple[GroupOfResident, ...]
    has_pin: bool
    cards: int
    vehicles: VehiclesOfResident
    has_face: bool
    floors: tuple[FloorOfResident, ...]


def kept(contact: Personal[Contact]) -> str | None:
    return document(contact) if isinstance(contact, Contact) else None


def contact_of(text: str | None) -> Contact | None:
    if text is None:
        return None
    said = json.loads(text)
    return Contact(**said | {"phones": tuple(said["phones"])})


def driven(vehicles: Personal[Vehicles]) -> Row:
    known = NO_VEHICLES if isinstance(vehicles, Erased) else vehicles
    period = known.period
    return {
        "plates": len(known.plates),
        "uhf": len(known.tags),
        "first": period and period.first,
        "last": period and period.last,
    }


def reached(floors: Collection[Floor]) -> Row:
    ids = sorted({floor.building for floor in floors})
    return {"floors": document(frozenset(floors)), "floors_in": ids}


def named(people: Sequence[Row], column: str) -> set[Key]:
    return {(row["community"], row[column]) for row in people}


def written(
    row: Row,
    buildings: Mapping[Key, Row],
    apartments: Mapping[Key, Row],
    groups: Mapping[Key, Row],
) -> Row:
    """The row with its document, and what it is found and sorted by."""
    home = row["community"]
    contact = contact_of(row["contact"])
    building = buildings[home, row["building"]]["name"]
    apartment = apartments[home, row["apartment"]]
    belongs_to = [groups[home, id] for id in row["groups"] if (home, id) in groups]
    said = ResidentDoc(
        resident=row["resident"],
        role=row["role"],
        name=contact.name if contact else None,
        contact=contact,
        building=row["building"],
        building_name=building,
        apartment=row["apartment"],
        apartment_number=apartment["number"],
        apartment_name=apartment["name"],
        groups=tuple(group_doc(group) for group in sorted(belongs_to, key=lambda g: g["number"])),
        has_pin=row["has_pin"],
        cards=row["cards"],
        vehicles=VehiclesOfResident(**{name: row[name] for name in driven(NO_VEHICLES)}),
        has_face=row["has_face"],
        floors=floors_of(row, buildings),
    )
    email = contact.email if contact else None
    found_by = said.name, email, building, apartment["number"], apartment["name"]
    return row | {
        "name": (said.name or "").lower(),
        "home": f"{natural(building)}\x1f{natural(apartment['number'])}",
        "search": "\n".join(filter(None, found_by)).lower(),
        "doc": document(said),
    }


def group_doc(row: Row) -> GroupOfResident:
    return GroupOfResident(group=row["group_id"], number=row["number"], name=row["name"])


def floors_of(row: Row, buildings: Mapping[Key, Row]) -> tuple[FloorOfResident, ...]:
    """By building and number."""
    found = [
        FloorOfResident(
            building=floor["building"],
            building_name=buildings[row["community"], UUID(floor["building"])]["name"],
            number=floor["number"],
        )
        for floor in json.loads(row["floors"])
    ]
    return tuple(sorted(found, key=lambda f: (natural(f.building_name), f.building, f.number)))

"""Buildings, their apartments, and who lives in each (M65)."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg import sql

from domain.apartments import (
    ApartmentCreated,
    ApartmentRenamed,
    BuildingCreated,
    BuildingRenamed,
    HouseholdJoined,
    HouseholdLeft,
    HouseholdRole,
)
from domain.devices import DeviceMoved, DeviceRegistered, DeviceRemoved
from domain.ids import ApartmentId, BuildingId, CommunityId, GroupId, ResidentId
from domain.kernel import Unknown
from domain.record import Personal, frozen
from domain.residents import Contact, ContactChanged, ResidentAdded, ResidentDeleted
from eventlog.consumer import on
from eventlog.port import Batch, Recorded
from projections.listing import Key as After
from projections.listing import Listing, Page, natural
from projections.projector import Gathered, Key, Projector, Row, document


@frozen
class BuildingDoc:
    building: BuildingId
    name: str
    default_group: GroupId
    apartments: int


@frozen
class ApartmentDoc:
    """`devices` are those in the apartment, not those in the public area."""

    apartment: ApartmentId
    number: str
    name: str
    building: BuildingId
    building_name: str
    residents: int
    devices: int


@frozen
class Inhabitant:
    """`name` is null once the person is forgotten."""

    resident: ResidentId
    role: HouseholdRole
    name: str | None


@frozen
class ApartmentDetails(ApartmentDoc):
    """The master first, then the family by name."""

    household: tuple[Inhabitant, ...]


class Apartments(Projector):
    name = "apartments"
    tables = """
        create table apartments (
            community uuid, apartment uuid,
            building uuid not null, number text not null, name text not null,
            home text collate "C" not null, search text collate "C" not null,
            doc text not null, household text not null,
            primary key (community, apartment)
        );
        create index on apartments (community, home, apartment);
        create index on apartments (community, building);
        create table apartments_buildings (
            community uuid, building uuid, name text not null, default_group uuid not null,
            sort text collate "C" not null, doc text not null,
            primary key (community, building)
        );
        create index on apartments_buildings (community, sort, building);
        create table apartments_people (
            community uuid, resident uuid, apartment uuid, role text not null, name text,
            primary key (community, resident)
        );
        create index on apartments_people (community, apartment);
        create table apartments_devices (
            community uuid, device uuid, apartment uuid, primary key (community, device)
        );
        create index on apartments_devices (community, apartment)"""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.apartments = self.gather("apartments", "apartment")
        self.buildings = self.gather("apartments_buildings", "building")
        self.people = self.gather("apartments_people", "resident")
        self.devices = self.gather("apartments_devices", "device")

    @on(BuildingCreated)
    def created_building(self, batch: Batch[BuildingCreated]) -> None:
        for r in batch:
            name, group = r.event.name, r.event.default_group
            self.buildings.set(r.community, r.event.building, name=name, default_group=group)

    @on(BuildingRenamed)
    def renamed_building(self, batch: Batch[BuildingRenamed]) -> None:
        for r in batch:
            self.buildings.set(r.community, r.event.building, name=r.event.name)
        there = {(r.community, r.event.building) for r in batch}
        homes = self.matching("apartments", sql.SQL("t.building = k.id"), there)
        self.apartments.touch(keys(homes, "apartment"))

    @on(ApartmentCreated)
    def created(self, batch: Batch[ApartmentCreated]) -> None:
        for r in batch:
            self.apartments.set(
                r.community,
                r.event.apartment,
                building=r.event.building,
                number=r.event.number,
                name=r.event.name,
            )
            self.buildings.touch([(r.community, r.event.building)])

    @on(ApartmentRenamed)
    def renamed(self, batch: Batch[ApartmentRenamed]) -> None:
        for r in batch:
            self.apartments.set(r.community, r.event.apartment, name=r.event.name)

    @on(ResidentAdded)
    def added(self, batch: Batch[ResidentAdded]) -> None:
        for r in batch:
            self.people.set(
                r.community,
                r.event.resident,
                apartment=r.event.apartment,
                role=r.event.role,
                name=name_of(r.event.contact),
            )

    @on(ContactChanged)
    def changed_contact(self, batch: Batch[ContactChanged]) -> None:
        for r in batch:
            self.people.set(r.community, r.event.resident, name=name_of(r.event.contact))

    @on(HouseholdJoined)
    def joined(self, batch: Batch[HouseholdJoined]) -> None:
        for r in batch:
            home, role = r.event.apartment, r.event.role
            self.people.set(r.community, r.event.resident, apartment=home, role=role)

    @on(HouseholdLeft)
    def left(self, batch: Batch[HouseholdLeft]) -> None:
        for r in batch:
            self.people.set(r.community, r.event.resident, apartment=None)

    @on(ResidentDeleted)
    def deleted(self, batch: Batch[ResidentDeleted]) -> None:
        for r in batch:
            self.people.drop(r.community, r.event.resident)

    @on(DeviceRegistered, DeviceMoved)
    def placed(self, batch: Batch[DeviceRegistered | DeviceMoved]) -> None:
        for r in batch:
            self.devices.set(r.community, r.event.device, apartment=r.event.place.apartment)

    @on(DeviceRemoved)
    def removed(self, batch: Batch[DeviceRemoved]) -> None:
        for r in batch:
            self.devices.drop(r.community, r.event.device)

    def settle(self, batch: Sequence[Recorded[Any]]) -> None:
        self._rehouse(self.people)
        self._rehouse(self.devices)
        buildings = {one(row, "building"): row for row in self.gathered(self.buildings)}
        self._settle_apartments(buildings)
        sizes = self._sizes(buildings)
        self.put(
            "apartments_buildings",
            [written_building(row, sizes[key]) for key, row in buildings.items()],
        )

    def _rehouse(self, what: Gathered) -> None:
        """People or phones: the apartments they were in and those they are in now are others."""
        before = self.rows(what.table, what.id, what.changes)
        after = self.gathered(what)
        self.put(what.table, after)
        homes = keys([*before.values(), *after], "apartment")
        self.apartments.touch(key for key in homes if key[1])

    def _settle_apartments(self, renamed: Mapping[Key, Row]) -> None:
        rows = self.gathered(self.apartments)
        there, condition = keys(rows, "apartment"), sql.SQL("t.apartment = k.id")
        buildings = self.rows("apartments_buildings", "building", keys(rows, "building"))
        households = defaultdict[Key, list[Inhabitant]](list)
        for person in self.matching("apartments_people", condition, there):
            households[one(person, "apartment")].append(inhabitant(person))
        found = self.matching("apartments_devices", condition, there)
        devices = Counter(one(device, "apartment") for device in found)
        names = {**buildings, **renamed}
        self.put("apartments", [written(row, names, households, devices) for row in rows])

    def _sizes(self, buildings: Collection[Key]) -> Mapping[Key, int]:
        """In how many apartments a building is divided."""
        found = self.matching("apartments", sql.SQL("t.building = k.id"), buildings)
        return Counter(one(apartment, "building") for apartment in found)

    def listed(
        self,
        community: CommunityId,
        *,
        building: UUID | None = None,
        words: str | None = None,
        after: After | None = None,
        limit: int,
    ) -> Page:
        """M65: by building and number; `words` are parts of number or name."""
        return (
            Listing("apartments", community, ("home", "apartment"))
            .where("building", building)
            .words("search", words)
            .page(self.db, after, limit)
        )

    def of(self, community: CommunityId, apartment: UUID) -> str:
        """M65: with its household; Unknown if there is no such apartment."""
        row = self.db.execute(
            "select doc, household from apartments where community = %s and apartment = %s",
            [community, apartment],
        ).fetchone()
        if row is None:
            raise Unknown("Apartment", apartment)
        return f'{row[0][:-1]},"household":{row[1]}}}'

    def listed_buildings(
        self, community: CommunityId, *, after: After | None = None, limit: int
    ) -> Page:
        """M65: by name."""
        buildings = Listing("apartments_buildings", community, ("sort", "building"))
        return buildings.page(self.db, after, limit)


def name_of(contact: Personal[Contact]) -> str | None:
    return contact.name if isinstance(contact, Contact) else None


def one(row: Row, column: str) -> Key:
    return row["community"], row[column]


def keys(rows: Iterable[Row], column: str) -> set[Key]:
    return {one(row, column) for row in rows}


def inhabitant(person: Row) -> Inhabitant:
    return Inhabitant(resident=person["resident"], role=person["role"], name=person["name"])


def master_first(one: Inhabitant) -> tuple[bool, str, UUID]:
    return one.role != "master", (one.name or "").lower(), one.resident


def written(
    row: Row,
    buildings: Mapping[Key, Row],
    households: Mapping[Key, list[Inhabitant]],
    devices: Mapping[Key, int],
) -> Row:
    """The row with its documents, and what it is found and sorted by."""
    key = one(row, "apartment")
    household = sorted(households.get(key, []), key=master_first)
    said = ApartmentDoc(
        apartment=row["apartment"],
        number=row["number"],
        name=row["name"],
        building=row["building"],
        building_name=buildings[one(row, "building")]["name"],
        residents=len(household),
        devices=devices.get(key, 0),
    )
    return row | {
        "home": f"{natural(said.building_name)}\x1f{natural(said.number)}",
        "search": f"{said.number}\n{said.name}".lower(),
        "doc": document(said),
        "household": document(household),
    }


def written_building(row: Row, apartments: int) -> Row:
    said = BuildingDoc(
        building=row["building"],
        name=row["name"],
        default_group=row["default_group"],
        apartments=apartments,
    )
    return row | {"sort": natural(said.name), "doc": document(said)}

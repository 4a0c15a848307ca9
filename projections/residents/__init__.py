"""The people of a community, how to reach them, and which keys they have (M38)."""

import json
from collections.abc import Collection, Sequence
from typing import Any, Literal
from uuid import UUID

from psycopg import sql

from domain.access_groups import AccessGroupCreated, AccessGroupDeleted, AccessGroupEdited
from domain.apartments import (
    ApartmentCreated,
    ApartmentRenamed,
    BuildingCreated,
    BuildingRenamed,
    HouseholdRole,
)
from domain.faces import FaceEnrolled, FaceRemoved
from domain.ids import CommunityId
from domain.lifts import FloorsChosen
from domain.parking import NO_VEHICLES, VehiclesChanged
from domain.residents import (
    CardsChanged,
    ContactChanged,
    GroupsChosen,
    PinIssued,
    PinRevoked,
    ResidentAdded,
    ResidentDeleted,
)
from eventlog.consumer import on
from eventlog.port import Batch, Recorded
from projections.listing import Key as After
from projections.listing import Listing, Page
from projections.projector import Key, Projector
from projections.residents.documents import driven, kept, named, reached, written

Sort = Literal["name", "apartment"]


class Residents(Projector):
    name = "residents"
    tables = """
        create table residents (
            community uuid, resident uuid,
            building uuid not null, apartment uuid not null, role text not null,
            contact text, groups uuid[] not null,
            has_pin boolean not null, cards integer not null,
            plates integer not null, uhf integer not null, first date, last date,
            has_face boolean not null, floors text not null, floors_in uuid[] not null,
            name text collate "C" not null, home text collate "C" not null,
            search text collate "C" not null, doc text not null,
            primary key (community, resident)
        );
        create index on residents (community, name, resident);
        create index on residents (community, home, resident);
        create index on residents (community, apartment);
        create table residents_buildings (
            community uuid, building uuid, name text not null, primary key (community, building)
        );
        create table residents_apartments (
            community uuid, apartment uuid, number text not null, name text not null,
            primary key (community, apartment)
        );
        create table residents_groups (
            community uuid, group_id uuid, number integer not null, name text not null,
            primary key (community, group_id)
        )"""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.residents = self.gather("residents", "resident")
        self.apartments = self.gather("residents_apartments", "apartment")
        self.groups = self.gather("residents_groups", "group_id")

    @on(ResidentAdded)
    def added(self, batch: Batch[ResidentAdded]) -> None:
        for r in batch:
            self.residents.set(
                r.community,
                r.event.resident,
                building=r.event.building,
                apartment=r.event.apartment,
                role=r.event.role,
                groups=sorted(r.event.groups),
                has_pin=False,
                cards=0,
                has_face=False,
                **driven(NO_VEHICLES),
                **reached(()),
                contact=kept(r.event.contact),
            )

    @on(ContactChanged)
    def changed_contact(self, batch: Batch[ContactChanged]) -> None:
        for r in batch:
            self.residents.set(r.community, r.event.resident, contact=kept(r.event.contact))

    @on(GroupsChosen)
    def chose_groups(self, batch: Batch[GroupsChosen]) -> None:
        for r in batch:
            self.residents.set(r.community, r.event.resident, groups=sorted(r.event.groups))

    @on(PinIssued)
    def got_pin(self, batch: Batch[PinIssued]) -> None:
        for r in batch:
            known = isinstance(r.event.pin, str)
            self.residents.set(r.community, r.event.resident, has_pin=known)

    @on(PinRevoked)
    def lost_pin(self, batch: Batch[PinRevoked]) -> None:
        for r in batch:
            self.residents.set(r.community, r.event.resident, has_pin=False)

    @on(CardsChanged)
    def changed_cards(self, batch: Batch[CardsChanged]) -> None:
        for r in batch:
            held = r.event.cards if isinstance(r.event.cards, frozenset) else ()
            self.residents.set(r.community, r.event.resident, cards=len(held))

    @on(VehiclesChanged)
    def changed_vehicles(self, batch: Batch[VehiclesChanged]) -> None:
        for r in batch:
            self.residents.set(r.community, r.event.resident, **driven(r.event.vehicles))

    @on(FaceEnrolled)
    def got_face(self, batch: Batch[FaceEnrolled]) -> None:
        for r in batch:
            known = isinstance(r.event.photo, str)
            self.residents.set(r.community, r.event.resident, has_face=known)

    @on(FaceRemoved)
    def lost_face(self, batch: Batch[FaceRemoved]) -> None:
        for r in batch:
            self.residents.set(r.community, r.event.resident, has_face=False)

    @on(FloorsChosen)
    def chose_floors(self, batch: Batch[FloorsChosen]) -> None:
        for r in batch:
            self.residents.set(r.community, r.event.resident, **reached(r.event.floors))

    @on(ResidentDeleted)
    def deleted(self, batch: Batch[ResidentDeleted]) -> None:
        for r in batch:
            self.residents.drop(r.community, r.event.resident)

    @on(BuildingCreated, BuildingRenamed)
    def named_building(self, batch: Batch[BuildingCreated | BuildingRenamed]) -> None:
        named = {(r.community, r.event.building): r.event.name for r in batch}
        self.put(
            "residents_buildings",
            ({"community": c, "building": id, "name": name} for (c, id), name in named.items()),
        )
        self._touch(sql.SQL("(t.building = k.id or k.id = any(t.floors_in))"), named)

    @on(ApartmentCreated)
    def created_apartment(self, batch: Batch[ApartmentCreated]) -> None:
        for r in batch:
            number, name = r.event.number, r.event.name
            self.apartments.set(r.community, r.event.apartment, number=number, name=name)

    @on(ApartmentRenamed)
    def renamed_apartment(self, batch: Batch[ApartmentRenamed]) -> None:
        for r in batch:
            self.apartments.set(r.community, r.event.apartment, name=r.event.name)
        self._touch(
            sql.SQL("t.apartment = k.id"), {(r.community, r.event.apartment) for r in batch}
        )

    @on(AccessGroupCreated)
    def created_group(self, batch: Batch[AccessGroupCreated]) -> None:
        for r in batch:
            number, name = r.event.number, r.event.name
            self.groups.set(r.community, r.event.group, number=number, name=name)
        self._touch_members(batch)

    @on(AccessGroupEdited)
    def edited_group(self, batch: Batch[AccessGroupEdited]) -> None:
        for r in batch:
            self.groups.set(r.community, r.event.group, name=r.event.name)
        self._touch_members(batch)

    @on(AccessGroupDeleted)
    def deleted_group(self, batch: Batch[AccessGroupDeleted]) -> None:
        for r in batch:
            self.groups.drop(r.community, r.event.group)
        self._touch_members(batch)

    def _touch_members(self, batch: Batch[Any]) -> None:
        self._touch(sql.SQL("k.id = any(t.groups)"), {(r.community, r.event.group) for r in batch})

    def _touch(self, condition: sql.SQL, keys: Collection[Key]) -> None:
        found = self.matching("residents", condition, keys)
        self.residents.touch((row["community"], row["resident"]) for row in found)

    def settle(self, batch: Sequence[Recorded[Any]]) -> None:
        self.put("residents_apartments", self.gathered(self.apartments))
        self.put("residents_groups", self.gathered(self.groups))
        people = self.gathered(self.residents)
        lifts = {(row["community"], id) for row in people for id in row["floors_in"]}
        buildings = self.rows("residents_buildings", "building", named(people, "building") | lifts)
        apartments = self.rows("residents_apartments", "apartment", named(people, "apartment"))
        ids = {(row["community"], group) for row in people for group in row["groups"]}
        groups = self.rows("residents_groups", "group_id", ids)
        self.put("residents", [written(row, buildings, apartments, groups) for row in people])

    def listed(
        self,
        community: CommunityId,
        *,
        building: UUID | None = None,
        apartment: UUID | None = None,
        role: HouseholdRole | None = None,
        words: str | None = None,
        sort: Sort = "name",
        after: After | None = None,
        limit: int,
    ) -> Page:
        """M38: by name, or by building and apartment; one statement. None asks for nothing."""
        column: Literal["name", "home"] = "name" if sort == "name" else "home"
        return (
            Listing("residents", community, (column, "resident"))
            .where("building", building)
            .where("apartment", apartment)
            .where("role", role)
            .words("search", words)
            .page(self.db, after, limit)
        )

    def all(self, community: CommunityId) -> list[str]:
        """Every document, by building and apartment, masters first."""
        rows = self.db.execute(
            "select doc from residents where community = %s order by home, role desc, resident",
            [community],
        ).fetchall()
        return [row[0] for row in rows]

    def names(self, community: CommunityId, ids: Collection[str]) -> dict[str, str]:
        """Of those who are still here and not forgotten."""
        rows = self.db.execute(
            "select resident::text, doc::json ->> 'name' from residents"
            " where community = %s and resident = any(%s::uuid[])",
            [community, f"{{{','.join(ids)}}}"],
        ).fetchall()
        return {resident: name for resident, name in rows if name}

    def called(self, community: CommunityId, words: str, most: int) -> tuple[UUID, ...]:
        """Whom the words may mean, for screens that keep no names."""
        listing = Listing("residents", community, ("name", "resident")).words("search", words)
        page = listing.page(self.db, None, most)
        return tuple(UUID(json.loads(doc)["resident"]) for doc in page.docs)

    def of(self, community: CommunityId, resident: UUID) -> str:
        """M38; Unknown if there is none."""
        return self.one("residents", community, "resident", resident)

"""Every PIN, card, plate and tag in force that the manager made, and whose it is (A54, M80)."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Literal
from uuid import UUID

from psycopg import sql

from domain import parking, residents
from domain.apartments import ApartmentCreated, BuildingCreated, BuildingRenamed, HouseholdRole
from domain.ids import ApartmentId, BuildingId, CommunityId, ResidentId
from domain.kernel import Malformed
from domain.parking import NO_VEHICLES, Vehicles, VehiclesChanged
from domain.record import Personal, Secret, frozen
from domain.residents import (
    CardsChanged,
    Contact,
    ContactChanged,
    PinIssued,
    PinRevoked,
    ResidentAdded,
    ResidentDeleted,
)
from eventlog.consumer import on
from eventlog.port import Batch, Recorded
from projections.listing import Key as After
from projections.listing import Listing, Page
from projections.projector import Key, Projector, Row, document

Kind = Literal["pin", "card", "plate", "uhf"]
HELD: tuple[Kind, ...] = ("card", "plate", "uhf")  # of which somebody may have several
VEHICLES: frozenset[Kind] = frozenset({"plate", "uhf"})
Identity = HouseholdRole  # the kind of person; A54 names delivery and staff, too
Codes = dict[UUID, str]


@frozen
class LibraryDoc:
    """`name` is null once the person is forgotten. `issued`: whether phones are given it; a plate
    is not while its holder has a UHF tag (M36). `first` and `last`: the days on which a vehicle may
    drive in, null for a long-term one (M35) and for what is no vehicle's.
    """

    id: UUID
    holder: ResidentId
    identity: Identity
    name: str | None
    building: BuildingId
    building_name: str
    apartment: ApartmentId
    apartment_number: str
    since: datetime
    issued: bool
    first: date | None
    last: date | None


@frozen
class LibraryEntry(LibraryDoc):
    """With the code, which the property manager may see; null once it cannot be opened."""

    code: Secret[str | None]


@frozen
class LibraryFilter:
    """What is None asks for nothing; `words` are parts of the name."""

    building: UUID | None = None
    apartment: UUID | None = None
    identity: Identity | None = None
    holder: UUID | None = None
    words: str | None = None


EVERYTHING = LibraryFilter()


class Library(Projector):
    name = "library"
    tables = """
        create table library_codes (
            community uuid, id uuid,
            kind text not null, holder uuid not null, since timestamptz not null,
            code_sealed bytea not null, code_hash bytea not null,
            building uuid not null, apartment uuid not null, identity text not null,
            name text collate "C" not null, doc text not null,
            primary key (community, id)
        );
        create index on library_codes (community, kind, name, id);
        create index on library_codes (community, kind, code_hash);
        create index on library_codes (community, holder);
        create table library_people (
            community uuid, resident uuid, building uuid not null, apartment uuid not null,
            identity text not null, name text,
            tags integer not null, first date, last date,
            primary key (community, resident)
        );
        create table library_buildings (
            community uuid, building uuid, name text not null, primary key (community, building)
        );
        create table library_apartments (
            community uuid, apartment uuid, number text not null, primary key (community, apartment)
        )"""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.codes = self.gather("library_codes", "id")
        self.people = self.gather("library_people", "resident")
        self.hands = defaultdict[tuple[Key, Kind], list[tuple[datetime, Codes]]](list)

    def apply(self, batch: Sequence[Recorded[Any]]) -> None:
        self.hands.clear()
        super().apply(batch)

    @on(PinIssued)
    def issued(self, batch: Batch[PinIssued]) -> None:
        for r in batch:
            if isinstance(r.event.pin, str) and r.event.made_by == "manager":
                who = r.event.resident
                self._shelve(r.community, who, who, "pin", r.event.pin, r.recorded_at)
            else:
                self.codes.drop(r.community, r.event.resident)

    @on(PinRevoked)
    def revoked(self, batch: Batch[PinRevoked]) -> None:
        for r in batch:
            self.codes.drop(r.community, r.event.resident)

    @on(CardsChanged)
    def changed_cards(self, batch: Batch[CardsChanged]) -> None:
        for r in batch:
            held = r.event.cards if isinstance(r.event.cards, frozenset) else ()
            self._hand(r, "card", [card.code for card in held if card.made_by == "manager"])

    @on(VehiclesChanged)
    def changed_vehicles(self, batch: Batch[VehiclesChanged]) -> None:
        for r in batch:
            said = r.event.vehicles
            known = said if isinstance(said, Vehicles) else NO_VEHICLES
            self._hand(r, "plate", parking.codes(known.plates))
            self._hand(r, "uhf", parking.codes(known.tags))
            self.people.set(r.community, r.event.resident, **driven(known))

    @on(ResidentAdded)
    def added(self, batch: Batch[ResidentAdded]) -> None:
        for r in batch:
            self.people.set(
                r.community,
                r.event.resident,
                building=r.event.building,
                apartment=r.event.apartment,
                identity=r.event.role,
                name=name_of(r.event.contact),
                **driven(NO_VEHICLES),
            )

    @on(ContactChanged)
    def renamed(self, batch: Batch[ContactChanged]) -> None:
        for r in batch:
            self.people.set(r.community, r.event.resident, name=name_of(r.event.contact))

    @on(ResidentDeleted)
    def deleted(self, batch: Batch[ResidentDeleted]) -> None:
        for r in batch:
            self.people.drop(r.community, r.event.resident)
            self.codes.drop(r.community, r.event.resident)
            for kind in HELD:
                self._hand(r, kind, ())

    @on(BuildingCreated, BuildingRenamed)
    def named_building(self, batch: Batch[BuildingCreated | BuildingRenamed]) -> None:
        keys = {(r.community, r.event.building) for r in batch}
        self.put(
            "library_buildings",
            [
                {"community": r.community, "building": r.event.building, "name": r.event.name}
                for r in batch
            ],
        )
        self._touch(sql.SQL("t.building = k.id"), keys)

    @on(ApartmentCreated)
    def created_apartment(self, batch: Batch[ApartmentCreated]) -> None:
        self.put(
            "library_apartments",
            [
                {"community": r.community, "apartment": r.event.apartment, "number": r.event.number}
                for r in batch
            ],
        )

    def settle(self, batch: Sequence[Recorded[Any]]) -> None:
        self._touch(sql.SQL("t.holder = k.id"), self.people.changes.keys())
        self.put("library_people", self.gathered(self.people))
        self._settle_hands()
        codes = self.gathered(self.codes)
        self.seal(codes, "code", "holder")
        people = self.rows("library_people", "resident", keys(codes, "holder"))
        buildings = self.rows("library_buildings", "building", keys(people.values(), "building"))
        homes = self.rows("library_apartments", "apartment", keys(people.values(), "apartment"))
        self.put("library_codes", [written(row, people, buildings, homes) for row in codes])

    def _touch(self, condition: sql.SQL, keys: Iterable[Key]) -> None:
        found = self.matching("library_codes", condition, list(keys))
        self.codes.touch((row["community"], row["id"]) for row in found)

    def _hand(self, r: Recorded[Any], kind: Kind, codes: Iterable[str]) -> None:
        """All of a kind that somebody has from now on."""
        held = {self._id(r.community, kind, code): code for code in codes}
        self.hands[(r.community, r.event.resident), kind].append((r.recorded_at, held))

    def _settle_hands(self) -> None:
        """What changes hands is given up before it is taken."""
        before = self._in_hands()
        taken = list[tuple[Key, Kind, UUID, datetime, str]]()
        for (key, kind), history in self.hands.items():
            had = before[key, kind]
            since, codes = had, Codes()
            for at, held in history:
                since = {id: since.get(id, at) for id in held}
                codes |= held
            for id in had.keys() - since.keys():
                self.codes.drop(key[0], id)
            new = since.items() - had.items()
            taken += [(key, kind, id, at, codes[id]) for id, at in new]
        for (home, holder), kind, id, at, code in taken:
            self._shelve(home, id, holder, kind, code, at)

    def _in_hands(self) -> dict[tuple[Key, Kind], dict[UUID, datetime]]:
        found = defaultdict[tuple[Key, Kind], dict[UUID, datetime]](dict)
        holders = {key for key, _ in self.hands}
        for row in self.matching("library_codes", sql.SQL("t.holder = k.id"), holders):
            key = row["community"], row["holder"]
            found[key, row["kind"]][row["id"]] = row["since"]
        return found

    def _id(self, community: CommunityId, kind: Kind, code: str) -> UUID:
        return UUID(bytes=self.vault.digest(community, kind, code)[:16])

    def _shelve(
        self,
        community: CommunityId,
        id: UUID,
        holder: UUID,
        kind: Kind,
        code: str,
        since: datetime,
    ) -> None:
        self.codes.set(
            community,
            id,
            kind=kind,
            holder=holder,
            since=since,
            code=code,
            code_hash=self.vault.digest(community, kind, code),
        )

    def listed(
        self,
        kind: Kind,
        community: CommunityId,
        asked: LibraryFilter = EVERYTHING,
        *,
        ids: Sequence[UUID] | None = None,
        after: After | None = None,
        limit: int,
    ) -> Page:
        """M93, M94, M80: by name, each with its code; of these ids only, if any are given."""
        page = (
            Listing("library_codes", community, ("name", "id"), beside=("holder", "code_sealed"))
            .where("kind", kind)
            .where("building", asked.building)
            .where("apartment", asked.apartment)
            .where("identity", asked.identity)
            .where("holder", asked.holder)
            .words("name", asked.words)
            .among("id", ids)
            .page(self.db, after, limit)
        )
        codes = self._texts(community, page.beside)
        return replace(page, docs=tuple(map(with_code, page.docs, codes)))

    def holding(self, kind: Kind, community: CommunityId, part: str) -> list[UUID]:
        """The ids of the codes that contain this; opens those of the whole community."""
        wanted = spellings(kind, part)
        rows = self.db.execute(
            "select id, holder, code_sealed from library_codes where community = %s and kind = %s",
            [community, kind],
        ).fetchall()
        codes = self._texts(community, [box for _, *box in rows])
        found = zip(rows, codes, strict=True)
        return [row[0] for row, code in found if code and any(w in code for w in wanted)]

    def exactly(self, kind: Kind, community: CommunityId, code: str) -> list[UUID]:
        """The ids of those that have this code; opens none."""
        digests = [self.vault.digest(community, kind, way) for way in spellings(kind, code)]
        found = self.db.execute(
            "select id from library_codes"
            " where community = %s and kind = %s and code_hash = any(%s)",
            [community, kind, digests],
        )
        return [row[0] for row in found]

    def _texts(self, community: CommunityId, boxes: Iterable[Sequence[Any]]) -> list[str | None]:
        """The codes of (holder, sealed), in order; None for one that cannot be opened any more."""
        opened = self.vault.open(community, [(holder, box) for holder, box in boxes])
        return [code if isinstance(code, str) else None for code in opened]


READ: Mapping[Kind, Callable[[str], str]] = {
    "card": lambda typed: residents.card(typed).code,
    "plate": parking.bare,  # two characters make a plate, one is enough to look for
    "uhf": lambda typed: parking.tag(typed).code,
}


def spellings(kind: Kind, code: str) -> set[str]:
    """A8: how a code, or a part of one, may be stored; Malformed for one that nobody can have."""
    if kind == "pin":
        return {code}
    try:
        return {READ[kind](code), code.strip().upper()}
    except Malformed as malformed:
        raise Malformed("code", malformed.message) from None


def driven(vehicles: Vehicles) -> Row:
    period = vehicles.period
    bounds = {"first": period and period.first, "last": period and period.last}
    return bounds | {"tags": len(vehicles.tags)}


def with_code(doc: str, code: str | None) -> str:
    return f'{doc[:-1]},"code":{json.dumps(code)}}}'


def name_of(contact: Personal[Contact]) -> str | None:
    return contact.name if isinstance(contact, Contact) else None


def keys(rows: Iterable[Row], column: str) -> set[Key]:
    return {(row["community"], row[column]) for row in rows}


def written(
    row: Row,
    people: Mapping[Key, Row],
    buildings: Mapping[Key, Row],
    apartments: Mapping[Key, Row],
) -> Row:
    """The row with its document, and what it is found and sorted by."""
    home = row["community"]
    person = people[home, row["holder"]]
    where = {name: person[name] for name in ("building", "apartment", "identity")}
    said = LibraryDoc(
        id=row["id"],
        holder=row["holder"],
        name=person["name"],
        building_name=buildings[home, person["building"]]["name"],
        apartment_number=apartments[home, person["apartment"]]["number"],
        since=row["since"].astimezone(UTC),
        issued=row["kind"] != "plate" or not person["tags"],
        first=person["first"] if row["kind"] in VEHICLES else None,
        last=person["last"] if row["kind"] in VEHICLES else None,
        **where,
    )
    return row | where | {"name": (person["name"] or "").lower(), "doc": document(said)}

"""What is on the phones, against what should be: granted is not yet installed (D5, M99).

Rights are asked of domain/rights.py when somebody looks, over the states that are kept here.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, LiteralString
from uuid import UUID

from psycopg import sql
from psycopg.rows import dict_row

from domain import rights
from domain.access_groups import (
    AccessGroup,
    AccessGroupCreated,
    AccessGroupDeleted,
    AccessGroupEdited,
)
from domain.apartments import ApartmentCreated
from domain.devices import (
    CredentialKind,
    Device,
    DeviceEdited,
    DeviceMoved,
    DeviceRegistered,
    DeviceRemoved,
    DeviceReplaced,
    DeviceSynced,
)
from domain.faces import FaceEnrolled, FaceRemoved
from domain.ids import CommunityId
from domain.kernel import Event, Malformed, Unknown
from domain.lifts import FloorsChosen
from domain.parking import Vehicles, VehiclesChanged
from domain.record import Erased, Personal
from domain.residents import (
    Card,
    CardsChanged,
    Contact,
    ContactChanged,
    GroupsChosen,
    PinIssued,
    PinRevoked,
    Resident,
    ResidentAdded,
    ResidentDeleted,
)
from domain.settings import CommunityCreated, PinModeChanged
from eventlog.consumer import on
from eventlog.port import Batch, Recorded
from projections.devices.standing import (
    Digest,
    HolderDoc,
    ResidentDoors,
    Said,
    doors,
    standing,
)
from projections.devices.states import device_of, group_of, resident_of, said_of
from projections.listing import Key as After
from projections.listing import Page
from projections.projector import Key, Projector, Row, document

FIRST = ("", UUID(int=0))
SEALED: tuple[LiteralString, ...] = ("pin", "cards", "vehicles", "face")
CREDENTIAL = ("community", "device", "holder", "kind")
HOLDERS = """
    (
        select '' collate "C" as sort, holder, null as name from installed_credentials
        where community = %(community)s and device = %(device)s and %(sort)s::text = ''
        and holder > %(holder)s and not exists (
            select from installed_residents
            where community = %(community)s and resident = holder
        )
        group by holder order by holder limit %(limit)s
    ) union all (
        select sort, resident, name from installed_residents r
        where community = %(community)s and (sort, resident) > (%(sort)s, %(holder)s)
        and (groups && %(groups)s::uuid[] or exists (
            select from installed_credentials
            where community = %(community)s and device = %(device)s and holder = r.resident
        ))
        order by sort, resident limit %(limit)s
    ) order by 1, 2 limit %(limit)s"""  # who is no longer a resident has no name, and is first
ROOMS = """
    select resident, number from installed_residents
    join installed_apartments using (community, apartment) join installed_modes using (community)
    where community = %s and pin_mode = 'apt_pin' and resident = any(%s)"""

ON_A_PHONE = """
    select * from installed_credentials
    where community = %s and device = %s and holder = any(%s)"""


class Installed(Projector):
    name = "installed"
    tables = """
        create table installed_residents (
            community uuid, resident uuid,
            building uuid not null, apartment uuid not null, role text not null,
            name text, sort text collate "C" not null,
            groups uuid[] not null, floors text not null,
            pin_sealed bytea, cards_sealed bytea, vehicles_sealed bytea, face_sealed bytea,
            primary key (community, resident)
        );
        create index on installed_residents (community, sort, resident);
        create table installed_groups (
            community uuid, group_id uuid,
            number integer not null, name text not null, building uuid,
            schedule text not null, doors text not null,
            primary key (community, group_id)
        );
        create table installed_devices (
            community uuid, device uuid,
            name text not null, building uuid, apartment uuid, relays text not null,
            primary key (community, device)
        );
        create table installed_credentials (
            community uuid, device uuid, holder uuid, kind text,
            state text not null, digest bytea, reason text, reported_at timestamptz not null,
            primary key (community, device, holder, kind)
        );
        create index on installed_credentials (community, holder);
        create table installed_modes (community uuid primary key, pin_mode text not null);
        create table installed_apartments (
            community uuid, apartment uuid, number text not null,
            primary key (community, apartment)
        )"""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.people = self.gather("installed_residents", "resident")
        self.groups = self.gather("installed_groups", "group_id")
        self.devices = self.gather("installed_devices", "device")

    @on(CommunityCreated, PinModeChanged)
    def asked(self, batch: Batch[CommunityCreated | PinModeChanged]) -> None:
        rows = ({"community": r.community, "pin_mode": r.event.pin_mode} for r in batch)
        self.put("installed_modes", rows)

    @on(ApartmentCreated)
    def apartment(self, batch: Batch[ApartmentCreated]) -> None:
        numbers = ((r.community, r.event.apartment, r.event.number) for r in batch)
        rows = ({"community": c, "apartment": a, "number": n} for c, a, n in numbers)
        self.put("installed_apartments", rows)

    @on(
        ResidentAdded,
        ContactChanged,
        GroupsChosen,
        PinIssued,
        PinRevoked,
        CardsChanged,
        VehiclesChanged,
        FaceEnrolled,
        FaceRemoved,
        FloorsChosen,
    )
    def person(self, batch: Batch[Any]) -> None:
        for r in batch:
            self.people.set(r.community, r.event.resident, **of_person(r.event))

    @on(ResidentDeleted)
    def deleted(self, batch: Batch[ResidentDeleted]) -> None:
        for r in batch:
            self.people.drop(r.community, r.event.resident)

    @on(AccessGroupCreated, AccessGroupEdited)
    def group(self, batch: Batch[AccessGroupCreated | AccessGroupEdited]) -> None:
        for r in batch:
            self.groups.set(r.community, r.event.group, **of_group(r.event))

    @on(AccessGroupDeleted)
    def deleted_group(self, batch: Batch[AccessGroupDeleted]) -> None:
        for r in batch:
            self.groups.drop(r.community, r.event.group)

    @on(DeviceRegistered, DeviceEdited, DeviceMoved)
    def device(self, batch: Batch[DeviceRegistered | DeviceEdited | DeviceMoved]) -> None:
        for r in batch:
            self.devices.set(r.community, r.event.device, **of_device(r.event))

    @on(DeviceReplaced)
    def replaced(self, batch: Batch[DeviceReplaced]) -> None:
        """What was found on the old box says nothing of the new one (M130)."""
        self._forget(batch)

    @on(DeviceRemoved)
    def removed(self, batch: Batch[DeviceRemoved]) -> None:
        for r in batch:
            self.devices.drop(r.community, r.event.device)
        self._forget(batch)

    def _forget(self, batch: Batch[DeviceReplaced | DeviceRemoved]) -> None:
        gone = ({"community": r.community, "device": r.event.device} for r in batch)
        self.drop("installed_credentials", gone)

    @on(DeviceSynced)
    def synced(self, batch: Batch[DeviceSynced]) -> None:
        """The last word on each credential. What is withdrawn leaves no trace here."""
        there = self._there({(r.community, r.event.device) for r in batch})
        said = (row for r in batch if (r.community, r.event.device) in there for row in words(r))
        last = {tuple(row[column] for column in CREDENTIAL): row for row in said}.values()
        gone = ({c: row[c] for c in CREDENTIAL} for row in last if row["state"] == "withdrawn")
        self.drop("installed_credentials", gone)
        self.put("installed_credentials", (row for row in last if row["state"] != "withdrawn"))

    def _there(self, phones: set[Key]) -> set[Key]:
        """A phone may have been removed while it was being read."""
        known = self.rows("installed_devices", "device", phones).keys() | self.devices.certain
        return {key for key in known if self.devices.changes.get(key, {}) is not None}

    def settle(self, batch: Sequence[Recorded[Any]]) -> None:
        people = self.gathered(self.people)
        for column in SEALED:
            self.seal(people, column, "resident")
        self.put("installed_residents", people)
        self.put("installed_groups", self.gathered(self.groups))
        self.put("installed_devices", self.gathered(self.devices))

    def doors(self, community: CommunityId, resident: UUID) -> ResidentDoors:
        """Unknown for somebody who is neither here nor still on a phone."""
        person = self._people(community, [resident]).get(resident)
        said = defaultdict[UUID, dict[CredentialKind, Said]](dict)
        key = [(community, resident)]
        for row in self.matching("installed_credentials", sql.SQL("t.holder = k.id"), key):
            said[row["device"]][row["kind"]] = said_of(row)
        if person is None and not said:
            raise Unknown("Resident", resident)
        groups = [g for g in self._groups(community) if person and g.group in person.groups]
        devices = [device_of(row) for row in self._all("installed_devices", community)]
        digest, room = self._digest(community), self._rooms(community, [resident]).get(resident)
        return doors(resident, person, devices, groups, said, digest, room)

    def holders(
        self, community: CommunityId, device: UUID, after: After | None, limit: int
    ) -> Page:
        """Who has rights at a phone, or is still on it, by name; those without a name first."""
        phone = self._phone(community, device)
        groups = [g for g in self._groups(community) if rights.relays_of(g, phone)]
        sort, holder = start(after)
        asked = {"community": community, "device": device, "groups": [g.group for g in groups]}
        page = {"sort": sort, "holder": holder, "limit": limit + 1}
        rows = self.db.execute(HOLDERS, asked | page).fetchall()
        shown, more = rows[:limit], len(rows) > limit
        people = self._people(community, [who for _, who, _ in shown])
        said = self._said(community, device, [who for _, who, _ in shown])
        digest, rooms = self._digest(community), self._rooms(community, people)
        docs = (
            HolderDoc(
                holder=who,
                name=name,
                credentials=standing(
                    people.get(who), phone, groups, said[who], digest, rooms.get(who)
                ),
            )
            for _, who, name in shown
        )
        return Page(docs=tuple(map(document, docs)), after=shown[-1][:2] if more else None)

    def _phone(self, community: CommunityId, device: UUID) -> Device:
        rows = self.rows("installed_devices", "device", [(community, device)])
        if not rows:
            raise Unknown("Device", device)
        return device_of(rows[community, device])

    def _people(self, community: CommunityId, ids: Collection[UUID]) -> dict[UUID, Resident]:
        rows = self.rows("installed_residents", "resident", [(community, id) for id in ids])
        opened = {c: self._opened(community, rows.values(), f"{c}_sealed") for c in SEALED}
        return {
            who: resident_of(row, {c: texts.get(who) for c, texts in opened.items()})
            for (_, who), row in rows.items()
        }

    def _rooms(self, community: CommunityId, people: Iterable[UUID]) -> Mapping[UUID, str]:
        """What each is to key in before the PIN, if anything (M115)."""
        return dict(self.db.execute(ROOMS, [community, list(people)]).fetchall())

    def _opened(
        self, community: CommunityId, rows: Collection[Row], column: str
    ) -> dict[UUID, Personal[str]]:
        sealed = [(row["resident"], row[column]) for row in rows if row[column] is not None]
        texts = self.vault.open(community, sealed)
        return {who: text for (who, _), text in zip(sealed, texts, strict=True)}

    def _groups(self, community: CommunityId) -> list[AccessGroup]:
        return [group_of(row) for row in self._all("installed_groups", community)]

    def _said(
        self, community: CommunityId, device: UUID, holders: Sequence[UUID]
    ) -> Mapping[UUID, dict[CredentialKind, Said]]:
        said = defaultdict[UUID, dict[CredentialKind, Said]](dict)
        with self.db.cursor(row_factory=dict_row) as cursor:
            for row in cursor.execute(ON_A_PHONE, [community, device, list(holders)]):
                said[row["holder"]][row["kind"]] = said_of(row)
        return said

    def _all(self, table: LiteralString, community: CommunityId) -> list[Row]:
        statement = sql.SQL("select * from {} where community = %s").format(sql.Identifier(table))
        with self.db.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement, [community]).fetchall()

    def _digest(self, community: CommunityId) -> Digest:
        return lambda text: self.vault.digest(community, "credential", text)


def start(after: After | None) -> tuple[str, UUID]:
    try:
        sort, holder = after or FIRST
        return str(sort).replace("\0", ""), UUID(str(holder))
    except ValueError:
        raise Malformed("cursor", "not a cursor of this list") from None


def of_person(event: Event) -> Row:
    match event:
        case ResidentAdded(building=building, apartment=home, role=role) as e:
            nothing = dict.fromkeys(SEALED) | {"floors": "[]"}
            lives = {"building": building, "apartment": home, "role": role}
            return lives | called(e.contact) | {"groups": sorted(e.groups)} | nothing
        case ContactChanged(contact=contact):
            return called(contact)
        case GroupsChosen(groups=groups):
            return {"groups": sorted(groups)}
        case PinIssued(pin=pin):
            return {"pin": pin}
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
    return cards if isinstance(cards, Erased) else json.dumps(sorted(c.code for c in cards))


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
    return row


def words(r: Recorded[DeviceSynced]) -> Iterable[Row]:
    for one in r.event.outcomes:
        yield {
            "community": r.community,
            "device": r.event.device,
            "holder": one.holder,
            "kind": one.kind,
            "state": one.state,
            "digest": one.digest,
            "reason": one.reason,
            "reported_at": r.recorded_at,
        }

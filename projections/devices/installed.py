"""What is on the phones, against what should be: granted is not yet installed (D5, M99).

Rights are asked of domain/rights.py when somebody looks, over the states that are kept here.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
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
    SyncState,
)
from domain.faces import FaceEnrolled, FaceRemoved
from domain.ids import CommunityId
from domain.kernel import Unknown
from domain.lifts import FloorsChosen
from domain.locks import (
    LockConnected,
    LockLinked,
    LockMoved,
    LockRegistered,
    LockRemoved,
    LockRenamed,
    LockSync,
    LockSyncChosen,
)
from domain.parking import VehiclesChanged
from domain.record import Personal
from domain.residents import (
    CardsChanged,
    ContactChanged,
    GroupsChosen,
    PinIssued,
    PinRevoked,
    Resident,
    ResidentAdded,
    ResidentDeleted,
)
from domain.settings import CommunityCreated, PinModeChanged, TimeZoneChanged
from eventlog.consumer import on
from eventlog.port import Batch, Recorded
from projections.devices.asked import EVERYBODY, HOLDERS, ON_A_PHONE, ROOMS, ZONE, start
from projections.devices.facts import of_device, of_group, of_lock, of_person, words
from projections.devices.lock_sync import AtLock, SyncDoc, failures, progress
from projections.devices.standing import (
    Digest,
    HolderDoc,
    Over,
    ResidentDoors,
    Said,
    doors,
    over_by,
    standing,
    still,
)
from projections.devices.states import (
    SEALED,
    device_of,
    group_of,
    lock_of,
    resident_of,
    said_of,
)
from projections.listing import Key as After
from projections.listing import Page
from projections.projector import Key, Projector, Row, document

CREDENTIAL = ("community", "device", "holder", "kind")


class Installed(Projector):
    name = "installed"
    tables = """
        create table installed_residents (
            community uuid, resident uuid,
            building uuid not null, apartment uuid not null, role text not null,
            name text, sort text collate "C" not null,
            groups uuid[] not null, floors text not null, pin_made_by text not null,
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
            brand text, phone uuid,
            primary key (community, device)
        );
        create table installed_lock_sync (
            community uuid, brand text, kinds text[] not null, primary key (community, brand)
        );
        create table installed_credentials (
            community uuid, device uuid, holder uuid, kind text,
            state text not null, digest bytea, reason text, reported_at timestamptz not null,
            tries int not null,
            primary key (community, device, holder, kind)
        );
        create index on installed_credentials (community, holder);
        create table installed_modes (community uuid primary key, pin_mode text not null);
        create table installed_zones (community uuid primary key, zone text not null);
        create table installed_apartments (
            community uuid, apartment uuid, number text not null,
            primary key (community, apartment)
        )"""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.people = self.gather("installed_residents", "resident")
        self.groups = self.gather("installed_groups", "group_id")
        self.devices = self.gather("installed_devices", "device")

    @on(CommunityCreated, PinModeChanged, TimeZoneChanged)
    def community(self, batch: Batch[Any]) -> None:
        for table, name in (("installed_modes", "pin_mode"), ("installed_zones", "zone")):
            told = (r for r in batch if hasattr(r.event, name))
            self.put(
                table, ({"community": r.community, name: getattr(r.event, name)} for r in told)
            )

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

    @on(LockRegistered, LockRenamed, LockMoved, LockLinked)
    def lock(self, batch: Batch[LockRegistered | LockRenamed | LockMoved | LockLinked]) -> None:
        for r in batch:
            self.devices.set(r.community, r.event.lock, **of_lock(r.event))

    @on(LockRemoved)
    def removed_lock(self, batch: Batch[LockRemoved]) -> None:
        for r in batch:
            self.devices.drop(r.community, r.event.lock)
        gone = ({"community": r.community, "device": r.event.lock} for r in batch)
        self.drop("installed_credentials", gone)

    @on(LockConnected)
    def connected_lock(self, batch: Batch[LockConnected]) -> None:
        """Another gateway has to prove what it holds."""
        gone = ({"community": r.community, "device": r.event.lock} for r in batch)
        self.drop("installed_credentials", gone)

    @on(LockSyncChosen)
    def lock_sync(self, batch: Batch[LockSyncChosen]) -> None:
        said = ((r.community, r.event.brand, sorted(r.event.kinds)) for r in batch)
        rows = ({"community": c, "brand": brand, "kinds": kinds} for c, brand, kinds in said)
        self.put("installed_lock_sync", rows)

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

    def doors(self, community: CommunityId, resident: UUID, at: datetime) -> ResidentDoors:
        """Unknown for somebody who is neither here nor still on a phone. What is over for good by
        then (`at`) is no longer wanted.
        """
        over = self._over(community, at)
        person = self._people(community, [resident], over).get(resident)
        said = defaultdict[UUID, dict[CredentialKind, Said]](dict)
        key = [(community, resident)]
        for row in self.matching("installed_credentials", sql.SQL("t.holder = k.id"), key):
            said[row["device"]][row["kind"]] = said_of(row)
        if person is None and not said:
            raise Unknown("Resident", resident)
        groups = [g for g in self._groups(community, over) if person and g.group in person.groups]
        devices = self._devices(community).values()
        digest, room = self._digest(community), self._rooms(community, [resident]).get(resident)
        return doors(resident, person, devices, groups, said, digest, room)

    def holders(
        self,
        community: CommunityId,
        device: UUID,
        at: datetime,
        after: After | None,
        limit: int,
        state: SyncState | None = None,
    ) -> Page:
        """Who has rights at a phone, or is still on it, by name; those without a name first. Only
        those of whom something was last said to be in a `state`, if that is given (D4).
        """
        phone, over = self._phone(community, device), self._over(community, at)
        groups = [g for g in self._groups(community, over) if rights.relays_of(g, phone)]
        sort, holder = start(after)
        asked = {"community": community, "device": device, "groups": [g.group for g in groups]}
        page = {"sort": sort, "holder": holder, "limit": limit + 1, "state": state}
        rows = self.db.execute(HOLDERS, asked | page).fetchall()
        shown, more = rows[:limit], len(rows) > limit
        people = self._people(community, [who for _, who, _ in shown], over)
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

    def lock_sync_now(self, community: CommunityId, at: datetime) -> Sequence[SyncDoc]:
        """M122, M133: of each brand and kind."""
        return progress(self._lock_sync(community), self._at_locks(community, at))

    def lock_failures(
        self, community: CommunityId, at: datetime, after: After | None, limit: int
    ) -> Page:
        """M122: what was not delivered to locks, by the name of the person."""
        return failures(self._at_locks(community, at), after, limit)

    def _at_locks(self, community: CommunityId, at: datetime) -> Iterator[AtLock]:
        locks = [one for one in self._devices(community).values() if one.is_lock]
        over, digest = self._over(community, at), self._digest(community)
        groups = self._groups(community, over)
        for lock in locks:
            opening = [g for g in groups if rights.relays_of(g, lock)]
            names = self._names(community, lock.device, [g.group for g in opening])
            people, rooms = self._people(community, names, over), self._rooms(community, names)
            said = self._said(community, lock.device, list(names))
            for who, name in names.items():
                place = people.get(who), lock, opening, said[who], digest, rooms.get(who)
                for credential in standing(*place):
                    yield AtLock(lock=lock, holder=who, name=name, credential=credential)

    def _names(
        self, community: CommunityId, device: UUID, groups: Sequence[UUID]
    ) -> Mapping[UUID, str | None]:
        """Who has rights at a device, or may be on it; None who is no longer a resident."""
        rows = self.db.execute(EVERYBODY, [community, groups, community, device]).fetchall()
        return dict(rows)

    def _phone(self, community: CommunityId, device: UUID) -> Device:
        """Or a lock."""
        if (found := self._devices(community).get(device)) is None:
            raise Unknown("Device", device)
        return found

    def _devices(self, community: CommunityId) -> Mapping[UUID, Device]:
        rows = {row["device"]: row for row in self._all("installed_devices", community)}
        phones = {id: device_of(row) for id, row in rows.items() if row["brand"] is None}
        sync = self._lock_sync(community)
        locks = {id: lock_of(r, sync, phones) for id, r in rows.items() if r["brand"]}
        return phones | locks

    def _lock_sync(self, community: CommunityId) -> LockSync:
        rows = self._all("installed_lock_sync", community)
        return LockSync(chosen=frozenset((r["brand"], k) for r in rows for k in r["kinds"]))

    def _over(self, community: CommunityId, at: datetime) -> Over:
        row = self.db.execute(ZONE, [community]).fetchone()
        return over_by(row[0] if row else "UTC", at)

    def _people(
        self, community: CommunityId, ids: Collection[UUID], over: Over
    ) -> dict[UUID, Resident]:
        rows = self.rows("installed_residents", "resident", [(community, id) for id in ids])
        opened = {c: self._opened(community, rows.values(), f"{c}_sealed") for c in SEALED}
        known = {
            who: resident_of(row, {c: texts.get(who) for c, texts in opened.items()})
            for (_, who), row in rows.items()
        }
        return {who: still(person, over) for who, person in known.items()}

    def _rooms(self, community: CommunityId, people: Iterable[UUID]) -> Mapping[UUID, str]:
        """What each is to key in before the PIN, if anything (M115)."""
        return dict(self.db.execute(ROOMS, [community, list(people)]).fetchall())

    def _opened(
        self, community: CommunityId, rows: Collection[Row], column: str
    ) -> dict[UUID, Personal[str]]:
        sealed = [(row["resident"], row[column]) for row in rows if row[column] is not None]
        texts = self.vault.open(community, sealed)
        return {who: text for (who, _), text in zip(sealed, texts, strict=True)}

    def _groups(self, community: CommunityId, over: Over) -> list[AccessGroup]:
        groups = map(group_of, self._all("installed_groups", community))
        return [group for group in groups if not over(group.schedule)]

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

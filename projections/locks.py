"""The locks of a community: where they are fitted, whom they follow, whether they answer (M107)."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from psycopg import sql

from domain.apartments import ApartmentCreated, BuildingCreated, BuildingRenamed
from domain.devices import (
    DeviceEdited,
    DeviceRegistered,
    DeviceRemoved,
    DeviceWentOffline,
    DeviceWentOnline,
)
from domain.ids import ApartmentId, BuildingId, CommunityId, DeviceId
from domain.locks import (
    Brand,
    LockConnected,
    LockLinked,
    LockMoved,
    LockRegistered,
    LockRemoved,
    LockRenamed,
)
from domain.record import frozen
from eventlog.consumer import on
from eventlog.port import Batch, Recorded
from projections.listing import Key as After
from projections.listing import Listing, Page, natural
from projections.projector import Key, Projector, Row, document

Reach = Literal["online", "offline", "never_seen"]
UNSEEN: Row = {"reach": "never_seen", "since": None, "reason": None, "firmware": None}


@frozen
class LockConnection:
    """As last heard, and since when; `reason` says why offline, `firmware` was found on it."""

    reach: Reach
    since: datetime | None
    reason: str | None
    firmware: str | None


@frozen
class LockDoc:
    """`serial` is its maker's; `address` is who speaks for it. Without building and apartment it
    serves the whole community. `phone`: the door phone whose access groups it follows (M15); its
    name is null once it is gone, and then nobody has a right to the lock.
    """

    lock: DeviceId
    name: str
    brand: Brand
    serial: str
    address: str
    building: BuildingId | None
    building_name: str | None
    apartment: ApartmentId | None
    apartment_number: str | None
    phone: DeviceId | None
    phone_name: str | None
    connection: LockConnection


@frozen
class Wanted:
    """None asks for everything; all `words` are in name, serial or place."""

    brand: Brand | None = None
    building: BuildingId | None = None
    apartment: ApartmentId | None = None
    reach: Reach | None = None
    words: str | None = None


class Locks(Projector):
    name = "locks"
    tables = """
        create table locks (
            community uuid, lock uuid,
            brand text not null, serial text not null, address text not null,
            building uuid, apartment uuid, phone uuid,
            reach text not null, since timestamptz, reason text, firmware text,
            called text not null, name text collate "C" not null,
            search text collate "C" not null, doc text not null,
            primary key (community, lock)
        );
        create index on locks (community, name, lock);
        create table locks_buildings (
            community uuid, building uuid, name text not null, primary key (community, building)
        );
        create table locks_apartments (
            community uuid, apartment uuid, number text not null,
            primary key (community, apartment)
        );
        create table locks_phones (
            community uuid, phone uuid, name text not null, primary key (community, phone)
        )"""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.locks = self.gather("locks", "lock")

    @on(LockRegistered)
    def registered(self, batch: Batch[LockRegistered]) -> None:
        for r in batch:
            self.locks.set(
                r.community,
                r.event.lock,
                called=r.event.name,
                brand=r.event.brand,
                serial=r.event.serial,
                address=r.event.address,
                building=r.event.place.building,
                apartment=r.event.place.apartment,
                phone=r.event.phone,
                **UNSEEN,
            )

    @on(LockRenamed)
    def renamed(self, batch: Batch[LockRenamed]) -> None:
        for r in batch:
            self.locks.set(r.community, r.event.lock, called=r.event.name)

    @on(LockMoved)
    def moved(self, batch: Batch[LockMoved]) -> None:
        for r in batch:
            building, apartment = r.event.place.building, r.event.place.apartment
            self.locks.set(r.community, r.event.lock, building=building, apartment=apartment)

    @on(LockLinked)
    def linked(self, batch: Batch[LockLinked]) -> None:
        for r in batch:
            self.locks.set(r.community, r.event.lock, phone=r.event.phone)

    @on(LockConnected)
    def connected(self, batch: Batch[LockConnected]) -> None:
        """Another gateway has yet to be heard."""
        for r in batch:
            self.locks.set(r.community, r.event.lock, address=r.event.address, **UNSEEN)

    @on(LockRemoved)
    def removed(self, batch: Batch[LockRemoved]) -> None:
        for r in batch:
            self.locks.drop(r.community, r.event.lock)

    @on(DeviceWentOnline)
    def online(self, batch: Batch[DeviceWentOnline]) -> None:
        for r in batch:
            said = {"reach": "online", "reason": None, "firmware": r.event.firmware}
            self.locks.amend(r.community, r.event.device, since=r.recorded_at, **said)

    @on(DeviceWentOffline)
    def offline(self, batch: Batch[DeviceWentOffline]) -> None:
        for r in batch:
            said = {"reach": "offline", "reason": r.event.reason}
            self.locks.amend(r.community, r.event.device, since=r.recorded_at, **said)

    @on(BuildingCreated, BuildingRenamed)
    def named_building(self, batch: Batch[BuildingCreated | BuildingRenamed]) -> None:
        named = {(r.community, r.event.building): r.event.name for r in batch}
        rows = [{"community": c, "building": b, "name": name} for (c, b), name in named.items()]
        self.put("locks_buildings", rows)
        self._touch(sql.SQL("t.building = k.id"), named)

    @on(ApartmentCreated)
    def created_apartment(self, batch: Batch[ApartmentCreated]) -> None:
        homes = ((r.community, r.event.apartment, r.event.number) for r in batch)
        rows = ({"community": c, "apartment": a, "number": number} for c, a, number in homes)
        self.put("locks_apartments", rows)

    @on(DeviceRegistered, DeviceEdited)
    def named_phone(self, batch: Batch[DeviceRegistered | DeviceEdited]) -> None:
        named = {(r.community, r.event.device): r.event.name for r in batch}
        rows = [{"community": c, "phone": p, "name": name} for (c, p), name in named.items()]
        self.put("locks_phones", rows)
        self._touch(sql.SQL("t.phone = k.id"), named)

    @on(DeviceRemoved)
    def removed_phone(self, batch: Batch[DeviceRemoved]) -> None:
        gone = [(r.community, r.event.device) for r in batch]
        self.drop("locks_phones", ({"community": c, "phone": p} for c, p in gone))
        self._touch(sql.SQL("t.phone = k.id"), gone)

    def _touch(self, condition: sql.SQL, keys: Collection[Key]) -> None:
        found = self.matching("locks", condition, keys)
        self.locks.touch((row["community"], row["lock"]) for row in found)

    def settle(self, batch: Sequence[Recorded[Any]]) -> None:
        locks = self.gathered(self.locks)
        around = Around(
            buildings=self.rows("locks_buildings", "building", there(locks, "building")),
            apartments=self.rows("locks_apartments", "apartment", there(locks, "apartment")),
            phones=self.rows("locks_phones", "phone", there(locks, "phone")),
        )
        self.put("locks", [written(row, around) for row in locks])

    def page(self, community: CommunityId, wanted: Wanted, after: After | None, limit: int) -> Page:
        """M107: by name."""
        return (
            Listing("locks", community, ("name", "lock"))
            .where("brand", wanted.brand)
            .where("building", wanted.building)
            .where("apartment", wanted.apartment)
            .where("reach", wanted.reach)
            .words("search", wanted.words)
            .page(self.db, after, limit)
        )

    def of(self, community: CommunityId, lock: UUID) -> str:
        """M107; Unknown if there is none."""
        return self.one("locks", community, "lock", lock)


@frozen
class Around:
    """What locks are fitted in and linked to, by community and id."""

    buildings: Mapping[Key, Row]
    apartments: Mapping[Key, Row]
    phones: Mapping[Key, Row]


def there(locks: Sequence[Row], column: str) -> set[Key]:
    return {(row["community"], row[column]) for row in locks if row[column]}


def written(row: Row, around: Around) -> Row:
    """The row with its document, and what it is found and sorted by."""
    home = row["community"]
    building = around.buildings.get((home, row["building"]), {})
    apartment = around.apartments.get((home, row["apartment"]), {})
    said = LockDoc(
        lock=row["lock"],
        name=row["called"],
        brand=row["brand"],
        serial=row["serial"],
        address=row["address"],
        building=row["building"],
        building_name=building.get("name"),
        apartment=row["apartment"],
        apartment_number=apartment.get("number"),
        phone=row["phone"],
        phone_name=around.phones.get((home, row["phone"]), {}).get("name"),
        connection=LockConnection(
            reach=row["reach"],
            since=row["since"] and row["since"].astimezone(UTC),
            reason=row["reason"],
            firmware=row["firmware"],
        ),
    )
    found_by = said.name, said.serial, said.building_name, said.apartment_number
    return row | {
        "name": natural(said.name),
        "search": "\n".join(filter(None, found_by)).lower(),
        "doc": document(said),
    }

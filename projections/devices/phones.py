"""The door phones of a community: where they hang, what they are, whether they answer (M99)."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from psycopg import sql

from domain.apartments import ApartmentCreated, BuildingCreated, BuildingRenamed
from domain.devices import (
    Box,
    DeviceClockFoundRight,
    DeviceClockFoundWrong,
    DeviceEdited,
    DeviceMoved,
    DeviceRegistered,
    DeviceRemoved,
    DeviceReplaced,
    DeviceWentOffline,
    DeviceWentOnline,
)
from domain.ids import ApartmentId, BuildingId, CommunityId, DeviceId
from domain.intercom import Intercom, IntercomChosen
from domain.record import frozen
from eventlog.consumer import on
from eventlog.port import Batch, Recorded
from projections.devices.intercom import IntercomDoc, intercom_of
from projections.devices.relays import RelayDoc, kept, relays_of
from projections.listing import Key as After
from projections.listing import Listing, Page, natural
from projections.projector import Key, Projector, Row, document

Reach = Literal["online", "offline", "never_seen"]
Reliance = Literal["reliable", "unreliable", "unknown"]
UNSEEN: Row = {
    "reach": "never_seen",
    "since": None,
    "reason": None,
    "firmware_seen": None,
    "schedules": "unknown",
    "clock_since": None,
    "clock_zone": None,
    "clock_ahead": 0,
    "clock_reason": None,
}


@frozen
class Connection:
    """As last heard, and since when; `reason` says why offline, `firmware` was found on it."""

    reach: Reach
    since: datetime | None
    reason: str | None
    firmware: str | None


@frozen
class Clock:
    """Whether what is bound to hours can be relied on there, and since when; `zone`: that in which
    the clock was last found right. `ahead`: seconds by which it is more than a minute off, negative
    if behind, else 0; `reason`: why it shows another zone (T4).
    """

    schedules: Reliance
    since: datetime | None
    zone: str | None
    ahead: int
    reason: str | None


@frozen
class DeviceDoc:
    """Without building and apartment it serves the whole community; `box` is as registered."""

    device: DeviceId
    name: str
    box: Box
    building: BuildingId | None
    building_name: str | None
    apartment: ApartmentId | None
    apartment_number: str | None
    relays: tuple[RelayDoc, ...]
    intercom: IntercomDoc
    connection: Connection
    clock: Clock


@frozen
class Wanted:
    """None asks for everything; all `words` are in names, MAC, model or place, `mac` in the MAC."""

    building: BuildingId | None = None
    apartment: ApartmentId | None = None
    words: str | None = None
    mac: str | None = None
    reach: Reach | None = None
    model: str | None = None


class Devices(Projector):
    name = "devices"
    tables = """
        create table devices (
            community uuid, device uuid,
            building uuid, apartment uuid,
            mac text collate "C" not null, model text not null,
            firmware text not null, address text not null,
            relays text not null, intercom text not null,
            reach text not null, since timestamptz, reason text, firmware_seen text,
            schedules text not null, clock_since timestamptz,
            clock_zone text, clock_ahead int not null, clock_reason text,
            called text not null, name text collate "C" not null,
            search text collate "C" not null, doc text not null,
            primary key (community, device)
        );
        create index on devices (community, name, device);
        create table devices_buildings (
            community uuid, building uuid, name text not null, primary key (community, building)
        );
        create table devices_apartments (
            community uuid, apartment uuid, number text not null,
            primary key (community, apartment)
        )"""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.devices = self.gather("devices", "device")

    @on(DeviceRegistered)
    def registered(self, batch: Batch[DeviceRegistered]) -> None:
        for r in batch:
            self.devices.set(
                r.community,
                r.event.device,
                called=r.event.name,
                building=r.event.place.building,
                apartment=r.event.place.apartment,
                relays=kept(r.event.relays),
                intercom=document(Intercom()),
                **hardware(r.event.box),
                **UNSEEN,
            )

    @on(DeviceReplaced)
    def replaced(self, batch: Batch[DeviceReplaced]) -> None:
        """Another box has yet to be seen."""
        for r in batch:
            self.devices.set(r.community, r.event.device, **hardware(r.event.box), **UNSEEN)

    @on(DeviceEdited)
    def edited(self, batch: Batch[DeviceEdited]) -> None:
        for r in batch:
            relays = kept(r.event.relays)
            self.devices.set(r.community, r.event.device, called=r.event.name, relays=relays)

    @on(IntercomChosen)
    def chose_intercom(self, batch: Batch[IntercomChosen]) -> None:
        for r in batch:
            chosen = document(Intercom.evolve(None, r.event))
            self.devices.set(r.community, r.event.device, intercom=chosen)

    @on(DeviceMoved)
    def moved(self, batch: Batch[DeviceMoved]) -> None:
        for r in batch:
            building, apartment = r.event.place.building, r.event.place.apartment
            self.devices.set(r.community, r.event.device, building=building, apartment=apartment)

    @on(DeviceRemoved)
    def removed(self, batch: Batch[DeviceRemoved]) -> None:
        for r in batch:
            self.devices.drop(r.community, r.event.device)

    @on(DeviceWentOnline)
    def online(self, batch: Batch[DeviceWentOnline]) -> None:
        for r in batch:
            self.devices.amend(
                r.community,
                r.event.device,
                reach="online",
                since=r.recorded_at,
                reason=None,
                firmware_seen=r.event.firmware,
            )

    @on(DeviceWentOffline)
    def offline(self, batch: Batch[DeviceWentOffline]) -> None:
        for r in batch:
            at, why = r.recorded_at, r.event.reason
            self.devices.amend(r.community, r.event.device, reach="offline", since=at, reason=why)

    @on(DeviceClockFoundRight)
    def clock_right(self, batch: Batch[DeviceClockFoundRight]) -> None:
        for r in batch:
            self.devices.amend(
                r.community,
                r.event.device,
                schedules="reliable",
                clock_since=r.recorded_at,
                clock_zone=r.event.zone,
                clock_ahead=0,
                clock_reason=None,
            )

    @on(DeviceClockFoundWrong)
    def clock_wrong(self, batch: Batch[DeviceClockFoundWrong]) -> None:
        for r in batch:
            self.devices.amend(
                r.community,
                r.event.device,
                schedules="unreliable",
                clock_since=r.recorded_at,
                clock_ahead=r.event.ahead,
                clock_reason=r.event.reason or None,
            )

    @on(BuildingCreated, BuildingRenamed)
    def named_building(self, batch: Batch[BuildingCreated | BuildingRenamed]) -> None:
        named = {(r.community, r.event.building): r.event.name for r in batch}
        rows = [{"community": c, "building": b, "name": name} for (c, b), name in named.items()]
        self.put("devices_buildings", rows)
        self._touch(named)

    @on(ApartmentCreated)
    def created_apartment(self, batch: Batch[ApartmentCreated]) -> None:
        self.put(
            "devices_apartments",
            (
                {
                    "community": r.community,
                    "apartment": r.event.apartment,
                    "number": r.event.number,
                }
                for r in batch
            ),
        )

    def _touch(self, buildings: Collection[Key]) -> None:
        found = self.matching("devices", sql.SQL("t.building = k.id"), buildings)
        self.devices.touch((row["community"], row["device"]) for row in found)

    def settle(self, batch: Sequence[Recorded[Any]]) -> None:
        phones = self.gathered(self.devices)
        buildings = self.rows("devices_buildings", "building", places(phones, "building"))
        apartments = self.rows("devices_apartments", "apartment", places(phones, "apartment"))
        self.put("devices", [written(row, buildings, apartments) for row in phones])

    def page(self, community: CommunityId, wanted: Wanted, after: After | None, limit: int) -> Page:
        """M99: by name."""
        return (
            Listing("devices", community, ("name", "device"))
            .where("building", wanted.building)
            .where("apartment", wanted.apartment)
            .where("reach", wanted.reach)
            .where("model", wanted.model)
            .words("mac", bare(wanted.mac))
            .words("search", wanted.words)
            .page(self.db, after, limit)
        )

    def of(self, community: CommunityId, device: UUID) -> str:
        """M99, M100, M101; Unknown if there is none."""
        return self.one("devices", community, "device", device)


def hardware(box: Box) -> Row:
    return {
        "mac": box.mac.lower(),
        "model": box.model,
        "firmware": box.firmware,
        "address": box.address,
    }


def places(phones: Sequence[Row], column: str) -> set[Key]:
    return {(row["community"], row[column]) for row in phones if row[column]}


def bare(mac: str | None) -> str | None:
    """People write 0C:11:05, 0c-11-05 or 0c1105."""
    return mac and "".join(filter(str.isalnum, mac))


def connection_of(row: Row) -> Connection:
    return Connection(
        reach=row["reach"],
        since=row["since"] and row["since"].astimezone(UTC),
        reason=row["reason"],
        firmware=row["firmware_seen"],
    )


def clock_of(row: Row) -> Clock:
    return Clock(
        schedules=row["schedules"],
        since=row["clock_since"] and row["clock_since"].astimezone(UTC),
        zone=row["clock_zone"],
        ahead=row["clock_ahead"],
        reason=row["clock_reason"],
    )


def written(row: Row, buildings: Mapping[Key, Row], apartments: Mapping[Key, Row]) -> Row:
    """The row with its document, and what it is found and sorted by."""
    home = row["community"]
    building = buildings.get((home, row["building"]))
    apartment = apartments.get((home, row["apartment"]))
    said = DeviceDoc(
        device=row["device"],
        name=row["called"],
        box=Box(
            mac=row["mac"].upper(),
            model=row["model"],
            firmware=row["firmware"],
            address=row["address"],
        ),
        building=row["building"],
        building_name=building["name"] if building else None,
        apartment=row["apartment"],
        apartment_number=apartment["number"] if apartment else None,
        relays=relays_of(row["relays"]),
        intercom=intercom_of(row),
        connection=connection_of(row),
        clock=clock_of(row),
    )
    found_by = (
        said.name,
        *(relay.name for relay in said.relays),
        row["mac"],
        row["model"],
        said.building_name,
        said.apartment_number,
    )
    return row | {
        "name": natural(said.name),
        "search": "\n".join(filter(None, found_by)).lower(),
        "doc": document(said),
    }

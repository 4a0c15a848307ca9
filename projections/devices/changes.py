"""Since when something is wanted of the phones as it is: what waits, waits since then."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from domain.access_groups import AccessGroupCreated, AccessGroupDeleted, AccessGroupEdited
from domain.devices import (
    CredentialKind,
    DeviceEdited,
    DeviceMoved,
    DeviceRegistered,
    DeviceRemoved,
    DeviceReplaced,
)
from domain.faces import FaceEnrolled, FaceRemoved
from domain.ids import CommunityId
from domain.kernel import Event
from domain.lifts import FloorsChosen
from domain.locks import (
    LockConnected,
    LockLinked,
    LockMoved,
    LockRegistered,
    LockRemoved,
    LockSyncChosen,
)
from domain.parking import VehiclesChanged
from domain.residents import (
    CardsChanged,
    GroupsChosen,
    PinIssued,
    PinRevoked,
    ResidentAdded,
    ResidentDeleted,
)
from domain.settings import PinModeChanged
from eventlog.consumer import on
from eventlog.port import Batch, Recorded
from projections.projector import Projector, Row

COLUMNS: Mapping[type[Event], str] = {
    GroupsChosen: "rights_at",
    PinIssued: "pin_at",
    PinRevoked: "pin_at",
    CardsChanged: "card_at",
    VehiclesChanged: "vehicles_at",
    FaceEnrolled: "face_at",
    FaceRemoved: "face_at",
    FloorsChosen: "floors_at",
}
OF_KIND: Mapping[CredentialKind, str] = {
    "pin": "pin_at",
    "card": "card_at",
    "uhf": "vehicles_at",
    "plate": "vehicles_at",
    "face": "face_at",
    "floors": "floors_at",
}
NEVER: Row = dict.fromkeys(sorted({*COLUMNS.values()}))
SINCE = """
    select p.*, m.at as mode_at, d.device, greatest(p.rights_at, d.at, (
        select max(g.at) from changed_groups g
        where g.community = p.community and g.group_id = any(p.groups)
    )) as all_at
    from changed_people p
    join changed_devices d on d.community = p.community and d.device = any(%(devices)s)
    left join changed_modes m on m.community = p.community
    where p.community = %(community)s and p.resident = any(%(people)s)"""
Since = Mapping[tuple[UUID, UUID, str], datetime]


class Changes(Projector):
    name = "changed"
    tables = """
        create table changed_people (
            community uuid, resident uuid, groups uuid[] not null,
            rights_at timestamptz, pin_at timestamptz, card_at timestamptz,
            vehicles_at timestamptz, face_at timestamptz, floors_at timestamptz,
            primary key (community, resident)
        );
        create table changed_groups (
            community uuid, group_id uuid, at timestamptz not null,
            primary key (community, group_id)
        );
        create table changed_devices (
            community uuid, device uuid, at timestamptz not null, brand text,
            primary key (community, device)
        );
        create table changed_modes (community uuid primary key, at timestamptz not null)"""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.people = self.gather("changed_people", "resident")

    @on(ResidentAdded)
    def added(self, batch: Batch[ResidentAdded]) -> None:
        for r in batch:
            groups = sorted(r.event.groups)
            told = NEVER | {"rights_at": r.recorded_at, "groups": groups}
            self.people.set(r.community, r.event.resident, **told)

    @on(
        GroupsChosen,
        PinIssued,
        PinRevoked,
        CardsChanged,
        VehiclesChanged,
        FaceEnrolled,
        FaceRemoved,
        FloorsChosen,
    )
    def changed(self, batch: Batch[Any]) -> None:
        for r in batch:
            told: Row = {COLUMNS[type(r.event)]: r.recorded_at}
            if isinstance(r.event, GroupsChosen):
                told["groups"] = sorted(r.event.groups)
            self.people.set(r.community, r.event.resident, **told)

    @on(ResidentDeleted)
    def deleted(self, batch: Batch[ResidentDeleted]) -> None:
        """What is still on a phone is to go since then."""
        for r in batch:
            told = NEVER | {"rights_at": r.recorded_at, "groups": []}
            self.people.set(r.community, r.event.resident, **told)

    @on(AccessGroupCreated, AccessGroupEdited, AccessGroupDeleted)
    def groups(self, batch: Batch[Any]) -> None:
        rows = ((r.community, r.event.group, r.recorded_at) for r in batch)
        self.put("changed_groups", ({"community": c, "group_id": g, "at": at} for c, g, at in rows))

    @on(DeviceRegistered, DeviceEdited, DeviceMoved, DeviceReplaced)
    def devices(self, batch: Batch[Any]) -> None:
        rows = ((r.community, r.event.device, r.recorded_at) for r in batch)
        self.put("changed_devices", ({"community": c, "device": d, "at": at} for c, d, at in rows))

    @on(LockRegistered)
    def locks(self, batch: Batch[LockRegistered]) -> None:
        rows = ((r.community, r.event.lock, r.recorded_at, r.event.brand) for r in batch)
        columns = "community", "device", "at", "brand"
        self.put("changed_devices", (dict(zip(columns, row, strict=True)) for row in rows))

    @on(LockMoved, LockLinked, LockConnected)
    def lock(self, batch: Batch[LockMoved | LockLinked | LockConnected]) -> None:
        rows = ((r.community, r.event.lock, r.recorded_at) for r in batch)
        self.put("changed_devices", ({"community": c, "device": d, "at": at} for c, d, at in rows))

    @on(LockSyncChosen)
    def lock_sync(self, batch: Batch[LockSyncChosen]) -> None:
        """M133: all locks of the brand."""
        for r in batch:
            self.db.execute(
                "update changed_devices set at = %s where community = %s and brand = %s",
                [r.recorded_at, r.community, r.event.brand],
            )

    @on(DeviceRemoved)
    def removed(self, batch: Batch[DeviceRemoved]) -> None:
        gone = ({"community": r.community, "device": r.event.device} for r in batch)
        self.drop("changed_devices", gone)

    @on(LockRemoved)
    def removed_lock(self, batch: Batch[LockRemoved]) -> None:
        gone = ({"community": r.community, "device": r.event.lock} for r in batch)
        self.drop("changed_devices", gone)

    @on(PinModeChanged)
    def mode(self, batch: Batch[PinModeChanged]) -> None:
        self.put("changed_modes", ({"community": r.community, "at": r.recorded_at} for r in batch))

    def settle(self, batch: Collection[Recorded[Any]]) -> None:
        self.put("changed_people", self.gathered(self.people))

    def phones(self, community: CommunityId) -> list[UUID]:
        """And locks."""
        rows = self.db.execute(
            "select device from changed_devices where community = %s order by device", [community]
        ).fetchall()
        return [device for (device,) in rows]

    def since(
        self, community: CommunityId, devices: Collection[UUID], people: Collection[UUID]
    ) -> Since:
        """By phone, person and kind."""
        asked = {"community": community, "devices": list(devices), "people": list(people)}
        cursor = self.db.cursor()
        rows = cursor.execute(SINCE, asked).fetchall()
        names = [column.name for column in cursor.description or ()]
        return {
            (row["device"], row["resident"], kind): latest(row, kind)
            for row in (dict(zip(names, each, strict=True)) for each in rows)
            for kind in OF_KIND
        }


def latest(row: Row, kind: CredentialKind) -> datetime:
    told = [row["all_at"], row[OF_KIND[kind]], row["mode_at"] if kind == "pin" else None]
    times: list[datetime] = [at for at in told if at]
    return max(times).astimezone(UTC)

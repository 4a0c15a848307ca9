"""Access groups, the doors that they open, and who belongs to them (M17, A45)."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.rows import dict_row

from domain.access_groups import AccessGroupCreated, AccessGroupDeleted, AccessGroupEdited
from domain.apartments import ApartmentCreated, BuildingCreated, BuildingRenamed
from domain.devices import Device, DeviceEdited, DeviceMoved, DeviceRegistered, DeviceRemoved
from domain.ids import CommunityId
from domain.kernel import Unknown
from domain.locks import LockLinked, LockMoved, LockRegistered, LockRemoved, LockRenamed
from domain.residents import ContactChanged, GroupsChosen, ResidentAdded, ResidentDeleted
from eventlog.consumer import on
from eventlog.port import Batch, Recorded
from projections.access_groups.documents import (
    GroupType,
    called,
    device,
    doors,
    hung,
    keys,
    membership,
    memberships,
    name_of,
    of_lock,
    written,
)
from projections.listing import Key as After
from projections.listing import Listing, Page
from projections.projector import Key, Projector, document


class AccessGroups(Projector):
    """Whoever names a group is among its members, even before it is there or after it is gone."""

    name = "access_groups"
    tables = """
        create table access_groups (
            community uuid, group_id uuid,
            number integer not null, name text not null, building uuid,
            schedule text not null, own text not null, doors text not null,
            type text not null, sort text collate "C" not null, search text collate "C" not null,
            doc text not null,
            primary key (community, group_id)
        );
        create index on access_groups (community, sort, group_id);
        create table access_groups_members (
            community uuid, group_id uuid, resident uuid,
            sort text collate "C" not null, doc text not null,
            primary key (community, group_id, resident)
        );
        create index on access_groups_members (community, group_id, sort, resident);
        create index on access_groups_members (community, resident);
        create table access_groups_people (
            community uuid, resident uuid, name text, role text not null,
            building uuid not null, apartment uuid not null, groups uuid[] not null,
            primary key (community, resident)
        );
        create table access_groups_devices (
            community uuid, device uuid, name text not null, relays text not null,
            building uuid, apartment uuid, phone uuid, primary key (community, device)
        );
        create table access_groups_buildings (
            community uuid, building uuid, name text not null, primary key (community, building)
        );
        create table access_groups_apartments (
            community uuid, apartment uuid, number text not null, primary key (community, apartment)
        )"""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.groups = self.gather("access_groups", "group_id")
        self.people = self.gather("access_groups_people", "resident")
        self.devices = self.gather("access_groups_devices", "device")
        self.reopened = set[Key]()  # groups whose doors are others now

    def apply(self, batch: Sequence[Recorded[Any]]) -> None:
        self.reopened.clear()
        super().apply(batch)

    @on(AccessGroupCreated)
    def created(self, batch: Batch[AccessGroupCreated]) -> None:
        for r in batch:
            self._set_group(r, number=r.event.number, building=r.event.building, doors="[]")

    @on(AccessGroupEdited)
    def edited(self, batch: Batch[AccessGroupEdited]) -> None:
        for r in batch:
            self._set_group(r)

    def _set_group(
        self, r: Recorded[AccessGroupCreated] | Recorded[AccessGroupEdited], **more: Any
    ) -> None:
        schedule, own = document(r.event.schedule), document(r.event.doors)
        self.groups.set(
            r.community, r.event.group, name=r.event.name, schedule=schedule, own=own, **more
        )
        self.reopened.add((r.community, r.event.group))

    @on(AccessGroupDeleted)
    def deleted(self, batch: Batch[AccessGroupDeleted]) -> None:
        for r in batch:
            self.groups.drop(r.community, r.event.group)

    @on(ResidentAdded)
    def added(self, batch: Batch[ResidentAdded]) -> None:
        for r in batch:
            self.people.set(
                r.community,
                r.event.resident,
                name=name_of(r.event.contact),
                role=r.event.role,
                building=r.event.building,
                apartment=r.event.apartment,
                groups=sorted(r.event.groups),
            )

    @on(ContactChanged)
    def renamed(self, batch: Batch[ContactChanged]) -> None:
        for r in batch:
            self.people.set(r.community, r.event.resident, name=name_of(r.event.contact))

    @on(GroupsChosen)
    def chose(self, batch: Batch[GroupsChosen]) -> None:
        for r in batch:
            self.people.set(r.community, r.event.resident, groups=sorted(r.event.groups))

    @on(ResidentDeleted)
    def left(self, batch: Batch[ResidentDeleted]) -> None:
        for r in batch:
            self.people.drop(r.community, r.event.resident)

    @on(DeviceRegistered)
    def registered(self, batch: Batch[DeviceRegistered]) -> None:
        for r in batch:
            self._set_device(r, **called(r.event), **hung(r.event.place), phone=None)

    @on(LockRegistered, LockRenamed, LockMoved, LockLinked)
    def locks(self, batch: Batch[Any]) -> None:
        for r in batch:
            self.devices.set(r.community, r.event.lock, **of_lock(r.event))

    @on(LockRemoved)
    def removed_lock(self, batch: Batch[LockRemoved]) -> None:
        for r in batch:
            self.devices.drop(r.community, r.event.lock)

    @on(DeviceEdited)
    def edited_device(self, batch: Batch[DeviceEdited]) -> None:
        for r in batch:
            self._set_device(r, **called(r.event))

    @on(DeviceMoved)
    def moved(self, batch: Batch[DeviceMoved]) -> None:
        for r in batch:
            self._set_device(r, **hung(r.event.place))

    def _set_device(self, r: Recorded[Any], **columns: Any) -> None:
        self.devices.set(r.community, r.event.device, **columns)

    @on(DeviceRemoved)
    def removed(self, batch: Batch[DeviceRemoved]) -> None:
        for r in batch:
            self.devices.drop(r.community, r.event.device)

    @on(BuildingCreated, BuildingRenamed)
    def named_building(self, batch: Batch[BuildingCreated | BuildingRenamed]) -> None:
        named = [
            {"community": r.community, "building": r.event.building, "name": r.event.name}
            for r in batch
        ]
        self.put("access_groups_buildings", named)
        condition, there = sql.SQL("t.building = k.id"), keys(named, "building")
        groups = self.matching("access_groups", condition, there)
        self.groups.touch(keys(groups, "group_id"))
        people = self.matching("access_groups_people", condition, there)
        self.people.touch(keys(people, "resident"))

    @on(ApartmentCreated)
    def created_apartment(self, batch: Batch[ApartmentCreated]) -> None:
        self.put(
            "access_groups_apartments",
            [
                {"community": r.community, "apartment": r.event.apartment, "number": r.event.number}
                for r in batch
            ],
        )

    def settle(self, batch: Sequence[Recorded[Any]]) -> None:
        self._settle_devices()
        self._settle_people()
        self.groups.touch(self.reopened)
        rows = self.gathered(self.groups)
        devices = self._devices({home for home, _ in self.reopened})
        for row in rows:
            if (row["community"], row["group_id"]) in self.reopened:
                row["doors"] = document(doors(row, devices[row["community"]]))
        sizes = self._sizes(keys(rows, "group_id"))
        buildings = self.rows("access_groups_buildings", "building", keys(rows, "building"))
        self.put("access_groups", [written(row, sizes, buildings) for row in rows])

    def _settle_devices(self) -> None:
        """What happens to a phone may open or close a door of any group of its community."""
        homes = {(home, home) for home, _ in self.devices.changes}
        self.put("access_groups_devices", self.gathered(self.devices))
        found = self.matching("access_groups", sql.SQL("t.community = k.id"), homes)
        self.reopened |= keys(found, "group_id")

    def _settle_people(self) -> None:
        """Groups that somebody joined or left have another size."""
        of_them = sql.SQL("t.resident = k.id")
        before = self.matching("access_groups_members", of_them, self.people.changes.keys())
        people = self.gathered(self.people)
        self.put("access_groups_people", people)
        buildings = self.rows("access_groups_buildings", "building", keys(people, "building"))
        homes = self.rows("access_groups_apartments", "apartment", keys(people, "apartment"))
        members = [m for person in people for m in memberships(person, buildings, homes)]
        self.put("access_groups_members", members)
        was, now = {membership(m) for m in before}, {membership(m) for m in members}
        columns = "community", "group_id", "resident"
        self.drop(
            "access_groups_members", [dict(zip(columns, left, strict=True)) for left in was - now]
        )
        self.groups.touch((home, group) for home, group, _ in was ^ now)

    def _devices(self, communities: Collection[CommunityId]) -> Mapping[CommunityId, list[Device]]:
        """M15: locks that follow a phone are not listed."""
        found = defaultdict[CommunityId, list[Device]](list)
        with self.db.cursor(row_factory=dict_row) as cursor:
            for row in cursor.execute(
                "select * from access_groups_devices where community = any(%s) and phone is null"
                " order by community, name, device",
                [list(communities)],
            ):
                found[row["community"]].append(device(row))
        return found

    def _sizes(self, groups: Collection[Key]) -> Mapping[Key, int]:
        found = self.db.execute(
            "select community, group_id, count(*) from access_groups_members"
            " where community = any(%s) and group_id = any(%s) group by 1, 2",
            [[home for home, _ in groups], [group for _, group in groups]],
        )
        return {(home, group): size for home, group, size in found}

    def listed(
        self,
        community: CommunityId,
        *,
        type: GroupType | None = None,
        words: str | None = None,
        after: After | None = None,
        limit: int,
    ) -> Page:
        """M17, A45: by name; `words` are parts of name or number. None asks for nothing."""
        return (
            Listing("access_groups", community, ("sort", "group_id"))
            .where("type", type)
            .words("search", words)
            .page(self.db, after, limit)
        )

    def of(self, community: CommunityId, group: UUID) -> str:
        """M17: with its doors; Unknown if there is no such group."""
        row = self.db.execute(
            "select doc, doors from access_groups where community = %s and group_id = %s",
            [community, group],
        ).fetchone()
        if row is None:
            raise Unknown("AccessGroup", group)
        return f'{row[0][:-1]},"doors":{row[1]}}}'

    def members(
        self, community: CommunityId, group: UUID, *, after: After | None = None, limit: int
    ) -> Page:
        """M18: by name; Unknown if there is no such group."""
        self.one("access_groups", community, "group_id", group)
        return (
            Listing("access_groups_members", community, ("sort", "resident"))
            .where("group_id", group)
            .page(self.db, after, limit)
        )

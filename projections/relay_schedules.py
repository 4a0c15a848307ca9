"""When doors are held open, and whether their phones and locks know it (M103, M107)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

from psycopg.rows import dict_row

from domain import relay_schedules, rights
from domain.access_groups import (
    AccessGroup,
    AccessGroupCreated,
    AccessGroupDeleted,
    AccessGroupEdited,
    Schedule,
)
from domain.devices import (
    Box,
    Device,
    DeviceEdited,
    DeviceRegistered,
    DeviceRemoved,
    DeviceReplaced,
    DeviceSynced,
    Place,
    Relay,
)
from domain.ids import CommunityId, DeviceId, GroupId
from domain.kernel import Unknown
from domain.locks import DOOR, LockConnected, LockRegistered, LockRemoved
from domain.record import ERASED, frozen
from domain.relay_schedules import RelayScheduleChosen, RelaySchedules
from eventlog.consumer import on
from eventlog.port import Batch, Recorded
from projections.projector import Projector, Row, document
from schemas.of import schema_of

Standing = Literal[
    "pending", "verified", "unverifiable", "mismatch", "rejected", "undeliverable", "withdrawing"
]
NO_BOX = Box(mac="", model="", firmware="", address="")
GROUPS = """
    select * from relay_schedules_groups where community = %s and group_id = any(%s)"""


@frozen
class HoursDoc:
    """`schedule`: when the relay is held open by this access group."""

    group: GroupId
    name: str
    schedule: Schedule


@frozen
class HeldRelayDoc:
    relay: int
    groups: tuple[HoursDoc, ...]


@frozen
class RelaySchedulesDoc:
    """`state`: whether the device was read back to hold its doors open just so; `withdrawing`: it
    may still do so though nothing is chosen any more; null where nothing is, or ever was.
    """

    device: DeviceId
    relays: tuple[HeldRelayDoc, ...]
    state: Standing | None
    reason: str | None
    reported_at: datetime | None


class HeldOpen(Projector):
    name = "relay_schedules"
    tables = """
        create table relay_schedules (
            community uuid, device uuid, relay integer, groups uuid[] not null,
            primary key (community, device, relay)
        );
        create table relay_schedules_devices (
            community uuid, device uuid, relays integer not null,
            primary key (community, device)
        );
        create table relay_schedules_groups (
            community uuid, group_id uuid, name text not null, schedule text not null,
            primary key (community, group_id)
        );
        create table relay_schedules_words (
            community uuid, device uuid,
            state text not null, digest bytea, reason text, reported_at timestamptz not null,
            primary key (community, device)
        )"""

    @on(RelayScheduleChosen)
    def chosen(self, batch: Batch[RelayScheduleChosen]) -> None:
        said = ((r.community, r.event) for r in batch)
        rows = (
            {"community": c, "device": e.device, "relay": e.relay, "groups": sorted(e.groups)}
            for c, e in said
        )
        self.put("relay_schedules", rows)

    @on(DeviceRegistered, DeviceEdited)
    def device(self, batch: Batch[DeviceRegistered | DeviceEdited]) -> None:
        said = ((r.community, r.event.device, len(r.event.relays)) for r in batch)
        rows = ({"community": c, "device": d, "relays": n} for c, d, n in said)
        self.put("relay_schedules_devices", rows)

    @on(LockRegistered)
    def lock(self, batch: Batch[LockRegistered]) -> None:
        locks = ({"community": r.community, "device": r.event.lock} for r in batch)
        self.put("relay_schedules_devices", (lock | {"relays": DOOR} for lock in locks))

    @on(DeviceReplaced)
    def replaced(self, batch: Batch[DeviceReplaced]) -> None:
        """What was found on the old box says nothing of the new one."""
        gone = ({"community": r.community, "device": r.event.device} for r in batch)
        self.drop("relay_schedules_words", gone)

    @on(LockConnected)
    def connected(self, batch: Batch[LockConnected]) -> None:
        gone = ({"community": r.community, "device": r.event.lock} for r in batch)
        self.drop("relay_schedules_words", gone)

    @on(DeviceRemoved)
    def removed(self, batch: Batch[DeviceRemoved]) -> None:
        self._forget([{"community": r.community, "device": r.event.device} for r in batch])

    @on(LockRemoved)
    def removed_lock(self, batch: Batch[LockRemoved]) -> None:
        self._forget([{"community": r.community, "device": r.event.lock} for r in batch])

    def _forget(self, gone: Sequence[Row]) -> None:
        self.drop("relay_schedules", gone)
        self.drop("relay_schedules_devices", gone)
        self.drop("relay_schedules_words", gone)

    @on(AccessGroupCreated, AccessGroupEdited)
    def group(self, batch: Batch[AccessGroupCreated | AccessGroupEdited]) -> None:
        said = ((r.community, r.event.group, r.event.name, r.event.schedule) for r in batch)
        rows = (
            {"community": c, "group_id": g, "name": name, "schedule": document(when)}
            for c, g, name, when in said
        )
        self.put("relay_schedules_groups", rows)

    @on(AccessGroupDeleted)
    def deleted(self, batch: Batch[AccessGroupDeleted]) -> None:
        gone = ({"community": r.community, "group_id": r.event.group} for r in batch)
        self.drop("relay_schedules_groups", gone)

    @on(DeviceSynced)
    def synced(self, batch: Batch[DeviceSynced]) -> None:
        """The last word on each device; it may have been removed while it was being read."""
        words = {
            (r.community, r.event.device): word(r, one)
            for r in batch
            for one in r.event.outcomes
            if one.kind == "held_open"
        }
        there = self.rows("relay_schedules_devices", "device", words).keys()
        self.put("relay_schedules_words", (words[key] for key in words if key in there))

    def of(self, community: CommunityId, device: UUID) -> RelaySchedulesDoc:
        """M103, M107; Unknown if there is no such device."""
        key = [(community, device)]
        known = self.rows("relay_schedules_devices", "device", key).get(key[0])
        if known is None:
            raise Unknown("Device", device)
        chosen = self._chosen(community, device)
        groups = self._groups(community, {g for held in chosen.values() for g in held})
        relays = tuple(
            HeldRelayDoc(relay=relay, groups=tuple(hours(groups[g]) for g in held if g in groups))
            for relay, held in chosen.items()
            if any(g in groups for g in held)
        )
        said = self.rows("relay_schedules_words", "device", key).get(key[0])
        wanted = self._wanted(community, known, chosen, groups)
        state = standing(wanted, said)
        return RelaySchedulesDoc(
            device=known["device"],
            relays=relays,
            state=state,
            reason=said["reason"] if said and state not in (None, "pending") else None,
            reported_at=said["reported_at"].astimezone(UTC) if said and state else None,
        )

    def _chosen(self, community: CommunityId, device: UUID) -> Mapping[int, list[GroupId]]:
        return dict(
            self.db.execute(
                "select relay, groups from relay_schedules"
                " where community = %s and device = %s order by relay",
                [community, device],
            ).fetchall()
        )

    def _groups(self, community: CommunityId, ids: set[GroupId]) -> Mapping[GroupId, AccessGroup]:
        with self.db.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(GROUPS, [community, list(ids)]).fetchall()
        return {row["group_id"]: group_of(row) for row in rows}

    def _wanted(
        self,
        community: CommunityId,
        known: Row,
        chosen: Mapping[int, list[GroupId]],
        groups: Mapping[GroupId, AccessGroup],
    ) -> bytes | None:
        """The digest of what the device must hold; None for nothing."""
        pairs = frozenset((relay, group) for relay, held in chosen.items() for group in held)
        schedules = RelaySchedules(chosen=pairs)
        if (entry := relay_schedules.record(schedules, device_of(known), groups)) is None:
            return None
        [text] = rights.evidence([entry]).values()
        return self.vault.digest(community, "credential", text)


def standing(wanted: bytes | None, said: Row | None) -> Standing | None:
    """A success that was said of other hours is none."""
    state: Any = said["state"] if said else None
    if wanted is None:
        return None if state in (None, "withdrawn") else "withdrawing"
    if said is None or state in ("pending", "withdrawn"):
        return "pending"
    if state in ("verified", "unverifiable") and bytes(said["digest"] or b"") != wanted:
        return "pending"
    found: Standing = state
    return found


def word(r: Recorded[DeviceSynced], one: Any) -> Row:
    return {
        "community": r.community,
        "device": r.event.device,
        "state": one.state,
        "digest": one.digest,
        "reason": one.reason,
        "reported_at": r.recorded_at,
    }


def hours(group: AccessGroup) -> HoursDoc:
    return HoursDoc(group=group.group, name=group.name, schedule=group.schedule)


@lru_cache(maxsize=1024)
def loaded(text: str) -> Schedule:
    found: Schedule = schema_of(Schedule)().loads(text)
    return found


def group_of(row: Row) -> AccessGroup:
    return AccessGroup(
        group=row["group_id"],
        number=0,
        name=row["name"],
        schedule=loaded(row["schedule"]),
        doors=frozenset(),
    )


def device_of(row: Row) -> Device:
    """Of which only the relays are asked."""
    return Device(
        device=row["device"],
        name="",
        box=NO_BOX,
        place=Place(),
        relays=tuple(Relay(number=n, name="") for n in range(1, row["relays"] + 1)),
        login=None,
        hint=ERASED,
    )

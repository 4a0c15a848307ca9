"""The operation log: who did what to what, and when (M92, A26). No code is ever in it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from domain import (
    access_groups,
    accounts,
    alarms,
    apartments,
    devices,
    emergency,
    faces,
    intercom,
    lifts,
    locks,
    maintenance,
    parking,
    relay_schedules,
    residents,
    settings,
    sync,
)
from domain.ids import CommunityId
from domain.kernel import Event, stream_of
from domain.record import frozen
from eventlog.consumer import on
from eventlog.port import Batch, Recorded
from projections.listing import Key as After
from projections.listing import Listing, Page
from projections.projector import Key, Projector, Row, document

SYNC = "device sync"
WORDS: dict[type[Event], tuple[str, str]] = {
    settings.CommunityCreated: ("community", "created"),
    settings.CommunityRenamed: ("community", "renamed"),
    settings.TimeZoneChanged: ("time zone", "changed"),
    settings.PinModeChanged: ("settings", "PIN mode changed"),
    settings.DeletingAccountsPermitted: ("settings", "delete permission changed"),
    apartments.BuildingCreated: ("building", "created"),
    apartments.BuildingRenamed: ("building", "renamed"),
    apartments.ApartmentCreated: ("apartment", "created"),
    apartments.ApartmentRenamed: ("apartment", "renamed"),
    residents.ResidentAdded: ("user", "added"),
    residents.ContactChanged: ("user", "edited"),
    residents.GroupsChosen: ("user", "access groups chosen"),
    residents.ResidentDeleted: ("user", "deleted"),
    residents.PinIssued: ("PIN", "issued"),
    residents.PinRevoked: ("PIN", "revoked"),
    residents.CardsChanged: ("RF card", "changed"),
    parking.VehiclesChanged: ("vehicle", "changed"),
    faces.FaceEnrolled: ("face", "enrolled"),
    faces.FaceRemoved: ("face", "removed"),
    lifts.FloorsChosen: ("user", "floors chosen"),
    access_groups.AccessGroupCreated: ("access group", "created"),
    access_groups.AccessGroupEdited: ("access group", "edited"),
    access_groups.AccessGroupDeleted: ("access group", "deleted"),
    devices.DeviceRegistered: ("device", "registered"),
    devices.DeviceReplaced: ("device", "replaced"),
    devices.DeviceEdited: ("device", "edited"),
    devices.DeviceMoved: ("device", "moved"),
    intercom.IntercomChosen: ("device", "intercom chosen"),
    devices.DeviceRemoved: ("device", "removed"),
    relay_schedules.RelayScheduleChosen: ("device", "relay schedule chosen"),
    maintenance.AutopKept: ("device", "autop commands kept"),
    maintenance.ConnectTypeChosen: ("device", "connect type chosen"),
    maintenance.PushButtonsChosen: ("device", "push buttons chosen"),
    maintenance.WebControlOpened: ("device", "remote control opened"),
    maintenance.OperationAsked: ("device", "operation asked for"),
    maintenance.OperationBegun: (SYNC, "operation begun"),
    maintenance.OperationEnded: (SYNC, "operation ended"),
    maintenance.UpkeepFound: (SYNC, "settings compared"),
    locks.LockRegistered: ("lock", "registered"),
    locks.LockRenamed: ("lock", "renamed"),
    locks.LockMoved: ("lock", "moved"),
    locks.LockLinked: ("lock", "linked"),
    locks.LockConnected: ("lock", "connected"),
    locks.LockRemoved: ("lock", "removed"),
    locks.LockSyncChosen: ("settings", "lock sync chosen"),
    devices.DeviceSynced: (SYNC, "synced"),
    devices.DeviceWentOnline: (SYNC, "went online"),
    devices.DeviceWentOffline: (SYNC, "went offline"),
    devices.DeviceClockFoundRight: (SYNC, "clock found right"),
    devices.DeviceClockFoundWrong: (SYNC, "clock found wrong"),
    sync.DeviceCheckAsked: ("check", "asked for"),
    sync.DeviceChecked: (SYNC, "checked"),
    sync.StrangersFound: (SYNC, "strangers found"),
    sync.StrangersPolicyChosen: ("device", "policy on strangers chosen"),
    sync.RevokedCredentialUsed: (SYNC, "revoked credential used"),
    sync.DoorLogGapDetected: (SYNC, "door log gap detected"),
    alarms.AlarmRaised: ("alarm", "raised"),
    alarms.AlarmSolved: ("alarm", "solved"),
    alarms.FireInputsChosen: ("device", "fire inputs chosen"),
    emergency.EmergencySettingChanged: ("emergency", "setting changed"),
    emergency.UnlockOrdered: ("emergency", "unlock ordered"),
    emergency.LockOrdered: ("emergency", "lock ordered"),
    emergency.EmergencyAlarmChecked: ("emergency", "alarm checked"),
    emergency.DoorsTried: ("emergency", "doors tried"),
    accounts.AccountOpened: ("account", "opened"),
    accounts.CommunitiesAssigned: ("account", "communities assigned"),
    accounts.AccountClosed: ("account", "closed"),
    accounts.TokenIssued: ("token", "issued"),
    accounts.TokenRevoked: ("token", "revoked"),
}
UNSAID = frozenset[type[Event]](  # the user that was added or deleted says it
    {apartments.HouseholdJoined, apartments.HouseholdLeft}
)
NAMING = (
    settings.CommunityCreated,
    settings.CommunityRenamed,
    apartments.BuildingCreated,
    apartments.BuildingRenamed,
    apartments.ApartmentCreated,
    apartments.ApartmentRenamed,
    access_groups.AccessGroupCreated,
    access_groups.AccessGroupEdited,
    devices.DeviceRegistered,
    devices.DeviceEdited,
    locks.LockRegistered,
    locks.LockRenamed,
    alarms.AlarmRaised,
)
FOUND_ON_A_DEVICE = (
    devices.DeviceSynced,
    devices.DeviceWentOnline,
    devices.DeviceWentOffline,
    devices.DeviceClockFoundRight,
    devices.DeviceClockFoundWrong,
    sync.DeviceChecked,
    sync.StrangersFound,
    sync.RevokedCredentialUsed,
    sync.DoorLogGapDetected,
    maintenance.OperationBegun,
    maintenance.OperationEnded,
    maintenance.UpkeepFound,
)
ABOUT_A_DEVICE = (*FOUND_ON_A_DEVICE, maintenance.OperationAsked)
BY_DEVICES = (
    *FOUND_ON_A_DEVICE,
    alarms.AlarmRaised,
    emergency.EmergencyAlarmChecked,
    emergency.DoorsTried,
)


@frozen
class OperationDoc:
    """`initiated_by` is an account's id or a part of the house; `called` what the subject was
    called then, null for people: their names are not kept here.
    """

    position: int
    happened_at: datetime
    type: str
    action: str
    initiated_by: str
    subject: UUID
    called: str | None
    command_id: UUID


@frozen
class Wanted:
    """None asks for everything; from `since`, before `until`."""

    type: str | None = None
    action: str | None = None
    initiated_by: str | None = None
    subject: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    syncs: bool = False


class OperationLog(Projector):
    name = "operations"
    tables = """
        create table operations (
            community uuid,
            happened_at timestamptz,
            position bigint,
            type text not null,
            action text not null,
            initiated_by text not null,
            subject uuid not null,
            by_people boolean not null,
            doc text not null,
            primary key (community, happened_at, position)
        );
        create index on operations (community, by_people, happened_at, position);
        create index on operations (community, type, happened_at, position);
        create index on operations (community, action, happened_at, position);
        create index on operations (community, initiated_by, happened_at, position);
        create index on operations (community, subject, by_people, happened_at, position);
        create table operations_things (
            community uuid,
            thing uuid,
            called text not null,
            primary key (community, thing)
        )"""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.things = self.gather("operations_things", "thing")

    @on(*WORDS)
    def done(self, batch: Batch[Event]) -> None:
        """Written down when the batch settles, all at once."""

    def settle(self, batch: Sequence[Recorded[Any]]) -> None:
        done = [r for r in batch if type(r.event) in WORDS]
        called = self._called({about(r) for r in done})
        self.put("operations", [self._said(r, called) for r in done])
        self.put("operations_things", self.gathered(self.things))

    def _called(self, things: set[Key]) -> dict[Key, str]:
        rows = self.rows("operations_things", "thing", things)
        return {key: row["called"] for key, row in rows.items()}

    def _said(self, r: Recorded[Any], called: dict[Key, str]) -> Row:
        key = about(r)
        if isinstance(r.event, NAMING):
            called[key] = r.event.name
            self.things.set(*key, called=r.event.name)
        return row_of(r, called.get(key))

    def page(self, community: CommunityId, wanted: Wanted, after: After | None, limit: int) -> Page:
        """Newest first. What phones and adapters report shows if its type or `syncs` asks so."""
        by_people = None if wanted.syncs or wanted.type else True
        return (
            Listing("operations", community, ("happened_at", "position"), descending=True)
            .where("by_people", by_people)
            .where("type", wanted.type)
            .where("action", wanted.action)
            .where("initiated_by", wanted.initiated_by)
            .where("subject", wanted.subject)
            .since("happened_at", wanted.since)
            .until("happened_at", wanted.until)
            .page(self.db, after, limit)
        )


def about(r: Recorded[Any]) -> Key:
    """Most facts are about what their stream is; what adapters say is about a phone."""
    event = r.event
    return r.community, event.device if isinstance(event, ABOUT_A_DEVICE) else stream_of(event)


def row_of(r: Recorded[Any], called: str | None) -> Row:
    type_, action = WORDS[type(r.event)]
    said = OperationDoc(
        position=r.position,
        happened_at=r.recorded_at,
        type=type_,
        action=action,
        initiated_by=r.actor,
        subject=about(r)[1],
        called=called,
        command_id=r.command_id,
    )
    return {
        "community": r.community,
        "happened_at": r.recorded_at,
        "position": r.position,
        "type": type_,
        "action": action,
        "initiated_by": r.actor,
        "subject": said.subject,
        "by_people": not isinstance(r.event, BY_DEVICES),
        "doc": document(said),
    }

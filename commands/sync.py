"""What may be asked of the phones' adapters, and what these found beside the credentials."""

from datetime import datetime
from uuid import UUID, uuid5

from commands.bus import Things, command, handles
from domain import sync
from domain.alarms import Alarm, AlarmId, AlarmKind, AlarmRaised
from domain.devices import CredentialKind, Device
from domain.ids import DeviceId
from domain.kernel import Event, Unknown, begin
from domain.locks import Lock
from domain.record import frozen
from domain.sync import (
    Check,
    CheckId,
    DeviceCheckAsked,
    DeviceChecked,
    DoorLogGapDetected,
    OnStrangers,
    RevokedCredentialUsed,
    Strangers,
    StrangersFound,
)


@command
class CheckDevice:
    """Compare every record of a phone or a lock with what it should hold, now (M99)."""

    device: DeviceId
    check: CheckId


@handles(CheckDevice)
def check_device(cmd: CheckDevice, things: Things) -> list[Event]:
    known_device(cmd.device, things)
    asked = DeviceCheckAsked(check=cmd.check, device=cmd.device)
    return begin(things.find(Check, cmd.check), asked)


@command
class ChooseStrangersPolicy:
    """Whether records that somebody enters at the phone itself are reported and left alone, or
    removed; installers only (M130).
    """

    device: DeviceId
    policy: OnStrangers


@handles(ChooseStrangersPolicy)
def choose_strangers_policy(cmd: ChooseStrangersPolicy, things: Things) -> list[Event]:
    things.only("installer")
    known_device(cmd.device, things)
    return sync.choose_policy(things.find(Strangers, cmd.device), cmd.device, cmd.policy)


def known_device(device: DeviceId, things: Things) -> None:
    """A phone or a lock."""
    if not (things.find(Device, device) or things.find(Lock, device)):
        raise Unknown("Device", device)


@frozen
class ReportChecked:
    check: CheckId
    device: DeviceId
    right: int
    drifted: int
    strangers: int


@handles(ReportChecked)
def report_checked(cmd: ReportChecked, things: Things) -> list[Event]:
    return [
        DeviceChecked(
            sync=things.new_id(),
            check=cmd.check,
            device=cmd.device,
            right=cmd.right,
            drifted=cmd.drifted,
            strangers=cmd.strangers,
        )
    ]


@frozen
class ReportStrangers:
    device: DeviceId
    records: int


@handles(ReportStrangers)
def report_strangers(cmd: ReportStrangers, things: Things) -> list[Event]:
    return [StrangersFound(sync=things.new_id(), device=cmd.device, records=cmd.records)]


@frozen
class ReportGap:
    device: DeviceId
    epoch: int
    after: int
    before: int
    missing: int


@handles(ReportGap)
def report_gap(cmd: ReportGap, things: Things) -> list[Event]:
    return [
        DoorLogGapDetected(
            gap=things.new_id(),
            device=cmd.device,
            epoch=cmd.epoch,
            after=cmd.after,
            before=cmd.before,
            missing=cmd.missing,
        )
    ]


@frozen
class ReportTrouble:
    """An adapter cannot bring a phone to what it should hold, and somebody has to look into it."""

    device: DeviceId
    kind: AlarmKind


@handles(ReportTrouble)
def report_trouble(cmd: ReportTrouble, things: Things) -> list[Event]:
    """Again only once somebody has solved the last alarm of this kind."""
    id = AlarmId(uuid5(cmd.device, cmd.kind))
    while (found := things.find(Alarm, id)) and found.note is not None:
        id = AlarmId(uuid5(id, "again"))
    return [] if found else [raised(things, id, cmd.kind, cmd.device)]


@frozen
class ReportRevokedUse:
    device: DeviceId
    relay: int | None
    holder: UUID
    kind: CredentialKind
    revoked_at: datetime
    used_at: datetime
    removed_at: datetime | None
    epoch: int
    id: int


@handles(ReportRevokedUse)
def report_revoked_use(cmd: ReportRevokedUse, things: Things) -> list[Event]:
    """D8: an alarm for every use, also at a phone that was removed meanwhile."""
    use = things.new_id()
    used = RevokedCredentialUsed(
        use=use,
        device=cmd.device,
        relay=cmd.relay,
        holder=cmd.holder,
        kind=cmd.kind,
        revoked_at=cmd.revoked_at,
        used_at=cmd.used_at,
        removed_at=cmd.removed_at,
        epoch=cmd.epoch,
        id=cmd.id,
    )
    alarm = AlarmId(uuid5(use, "revoked_used"))
    return [used, raised(things, alarm, "revoked_used", cmd.device, cmd.relay)]


def raised(
    things: Things, alarm: AlarmId, kind: AlarmKind, device: DeviceId, relay: int | None = None
) -> Event:
    phone = things.find(Device, device)
    doors = {one.number: one.name for one in phone.relays} if phone else {}
    return AlarmRaised(
        alarm=alarm,
        kind=kind,
        device=device,
        name=doors.get(relay or 0) or (phone.name if phone else ""),
        relay=relay,
        building=phone.place.building if phone else None,
        apartment=phone.place.apartment if phone else None,
        heard_at=things.now,
    )

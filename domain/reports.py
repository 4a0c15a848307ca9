"""What door phones say happened at a door: a log of its own, kept for 30 days (M82).

A report names people by pseudonym only. It never holds a code or a name of a person.
"""

from datetime import datetime
from typing import Literal, TypeVar, dataclass_transform
from uuid import UUID

from domain.alarms import AlarmKind
from domain.ids import ApartmentId, BuildingId, DeviceId
from domain.kernel import Event
from domain.maintenance import OperationId
from domain.record import frozen, personal_fields

EntryKind = Literal["call", "door_release", "door_close"]
EntryOutcome = Literal["success", "failed", "offline"]
EntryMethod = Literal[
    "pin", "card", "face", "qr", "plate", "uhf", "remote", "button", "dtmf", "other"
]
HolderKind = Literal["resident", "visitor", "delivery", "staff"]


class Report(Event):
    """Registered under its own name, like an event, but of the log of reports."""

    __slots__ = ()
    stream = "device"
    device: DeviceId


R = TypeVar("R", bound=Report)
REPORTS: dict[str, type[Report]] = {}


@dataclass_transform(frozen_default=True, kw_only_default=True)
def report(cls: type[R]) -> type[R]:
    """Freeze a report and register it under its own name."""
    if cls.__name__ in REPORTS:
        raise TypeError(f"two reports are named {cls.__name__}")
    plain: type = cls
    if personal_fields(plain):
        raise TypeError(f"{cls.__name__} holds what is personal: name a pseudonym instead")
    REPORTS[cls.__name__] = made = frozen(cls)
    return made


@frozen
class Revoked:
    """D8: whose code it had been, until it was taken away at `at`; when it was proved to be off the
    phone, if it was by then.
    """

    holder: UUID
    at: datetime
    removed_at: datetime | None


@frozen
class Asked:
    """M85: who had the door opened from afar; `by` is an account, as the log names actors."""

    operation: OperationId
    by: str


@report
class DoorLogEntry(Report):
    """M84, M85. Who and where as they were when it was received; None where nothing is known.

    `epoch` and `id` number the entry in the phone's own log; `local` is its time as the phone
    said it, `happened_at` what that is in UTC. `relay` counts from 1.
    """

    device: DeviceId
    epoch: int
    id: int
    happened_at: datetime
    local: str
    kind: EntryKind
    outcome: EntryOutcome
    method: EntryMethod
    relay: int | None
    door_name: str
    building: BuildingId | None
    holder: UUID | None
    holder_kind: HolderKind | None
    apartment: ApartmentId | None
    credential_kind: EntryMethod | None
    source: Literal["poll", "callback", "command"]
    revoked: Revoked | None = None
    asked: Asked | None = None


@report
class DoorSensed(Report):
    """M99. What the sensor of a door showed when this was received: told when it changes, and once
    a day while it does not. `relay` counts from 1; None: the phone cannot say.
    """

    device: DeviceId
    relay: int
    is_open: bool | None


@report
class AlarmReported(Report):
    """M124-M126. Said through the event URL: no log of a phone holds it. `said` is its own word.

    `relay` counts from 1, `door_name` is the device's where it is of no door. It bears no time, so
    that the same again is equal.
    """

    device: DeviceId
    kind: AlarmKind
    said: str
    relay: int | None
    door_name: str
    building: BuildingId | None
    apartment: ApartmentId | None

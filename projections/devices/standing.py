"""How a credential stands at a phone: what is wanted now, against what was last said of it."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from domain import rights
from domain.access_groups import AccessGroup, Period, Schedule, is_over
from domain.devices import CredentialKind, Device, SyncState
from domain.ids import DeviceId
from domain.record import frozen
from domain.residents import Resident

State = Literal[
    "pending",
    "sent",
    "verified",
    "unverifiable",
    "mismatch",
    "rejected",
    "blocked",
    "undeliverable",
    "withdrawing",
]
Digest = Callable[[str], bytes]
Over = Callable[[Schedule | Period], bool]


@frozen
class Said:
    """The last outcome of a credential at a phone, and when it was reported."""

    state: SyncState
    digest: bytes | None
    reason: str | None
    reported_at: datetime
    tries: int


@frozen
class OpenedDoc:
    """A door that the credential opens at the phone, by the schedule of some group."""

    relay: int
    name: str


@frozen
class CredentialDoc:
    """`pending`: what is wanted now is still to be written. `sent`: it is written and not yet read
    back. `verified`: read back just so. `unverifiable`: written so, to a phone that does not show
    it. `mismatch`, `rejected`: the phone holds something else, or refuses it; it is tried again.
    `blocked`: it was tried three times and is left alone until `again_at`, or the phone does not
    answer: `reason` says why. `undeliverable`: this phone cannot take it, for the `reason`.
    `withdrawing`: no longer wanted, and not yet read back as gone.

    `wanted_since`: the last change that it follows from, null where that is not known any more.
    `reported_at`: when the phone was last found so; null where there is no word of it yet.
    `tries`: how often it was written in vain.
    """

    kind: CredentialKind
    state: State
    doors: tuple[OpenedDoc, ...]
    reported_at: datetime | None
    reason: str | None
    wanted_since: datetime | None = None
    tries: int = 0
    again_at: datetime | None = None


@frozen
class PhoneDoc:
    device: DeviceId
    name: str
    credentials: tuple[CredentialDoc, ...]


@frozen
class HolderDoc:
    """Who has rights at a phone, or is still on it; `name` is null once deleted or forgotten."""

    holder: UUID
    name: str | None
    credentials: tuple[CredentialDoc, ...]


@frozen
class SummaryDoc:
    """Of the credentials that phones should hold, how many are proved to be there."""

    verified: int
    of: int


@frozen
class ResidentDoors:
    """`doors`: the phones where there are rights now; without credentials nothing opens them yet.
    `withdrawing`: the phones that may still hold what they must no longer hold.
    """

    resident: UUID
    summary: SummaryDoc
    doors: tuple[PhoneDoc, ...]
    withdrawing: tuple[PhoneDoc, ...]


def over_by(zone: str, at: datetime) -> Over:
    """Whether hours, or the period of vehicles, are past for good by the community's clock."""
    clock = ZoneInfo(zone)
    return lambda when: is_over(when, at, clock)


def still(person: Resident, over: Over) -> Resident:
    period = person.drives.period
    return person.on_foot() if period and over(period) else person


def standing(
    person: Resident | None,
    device: Device,
    groups: Collection[AccessGroup],
    said: Mapping[CredentialKind, Said],
    digest: Digest,
    room: str | None,
) -> tuple[CredentialDoc, ...]:
    """Each kind that is wanted at the phone or may still be on it. `room`: as in Entry."""
    held = rights.entries(person, device, groups, room) if person else []
    wanted = {kind: digest(text) for (_, kind), text in rights.evidence(held).items()}
    found = list[CredentialDoc]()
    for kind in rights.KINDS:
        last = said.get(kind)
        if person and kind in wanted:
            opened = opens(person, device, groups, kind)
            found.append(granted(kind, opened, last, wanted[kind]))
        elif last and may_hold(last):
            found.append(withdrawing(kind, last))
    return tuple(found)


def granted(
    kind: CredentialKind, opened: tuple[OpenedDoc, ...], last: Said | None, wanted: bytes
) -> CredentialDoc:
    """A success that was said of another code or of other grants is none. Nor is one that its lane
    has called pending since, about to write something else: just that may be wanted again."""
    other = (
        last is not None and last.state in ("verified", "unverifiable") and last.digest != wanted
    )
    if last is None or other or last.state == "pending" or last.state == "withdrawn":
        return CredentialDoc(
            kind=kind, state="pending", doors=opened, reported_at=None, reason=None
        )
    return CredentialDoc(
        kind=kind,
        state=last.state,
        doors=opened,
        reported_at=last.reported_at,
        reason=last.reason,
        tries=last.tries,
    )


def withdrawing(kind: CredentialKind, last: Said) -> CredentialDoc:
    return CredentialDoc(
        kind=kind,
        state="withdrawing",
        doors=(),
        reported_at=last.reported_at,
        reason=last.reason,
        tries=last.tries,
    )


def may_hold(last: Said) -> bool:
    """Anything but a proof of absence; what could never be delivered is not there."""
    return last.state != "withdrawn" and (last.state, last.digest) != ("undeliverable", None)


def opens(
    person: Resident, device: Device, groups: Collection[AccessGroup], kind: CredentialKind
) -> tuple[OpenedDoc, ...]:
    if kind == "floors" or kind == "held_open":
        return ()
    grants = rights.granted(person, device, groups, kind)
    numbers = {number for grant in grants for number in grant.relays}
    relays = (relay for relay in device.relays if relay.number in numbers)
    return tuple(OpenedDoc(relay=relay.number, name=relay.name) for relay in relays)


def reaches(person: Resident, device: Device, groups: Collection[AccessGroup]) -> bool:
    """Whether there are rights at all, whatever there is to use them with."""
    return any(rights.granted(person, device, groups, method) for method in rights.METHODS)


def doors(
    resident: UUID,
    person: Resident | None,
    devices: Collection[Device],
    groups: Collection[AccessGroup],
    said: Mapping[UUID, Mapping[CredentialKind, Said]],
    digest: Digest,
    room: str | None,
) -> ResidentDoors:
    """Phones by name."""
    granted, leaving = list[PhoneDoc](), list[PhoneDoc]()
    for device in sorted(devices, key=lambda d: (d.name.casefold(), d.device)):
        all_kinds = standing(person, device, groups, said.get(device.device, {}), digest, room)
        gone = tuple(c for c in all_kinds if c.state == "withdrawing")
        kept = tuple(c for c in all_kinds if c.state != "withdrawing")
        if person and reaches(person, device, groups):
            granted.append(PhoneDoc(device=device.device, name=device.name, credentials=kept))
        if gone:
            leaving.append(PhoneDoc(device=device.device, name=device.name, credentials=gone))
    states = [credential.state for phone in granted for credential in phone.credentials]
    return ResidentDoors(
        resident=resident,
        summary=SummaryDoc(verified=states.count("verified"), of=len(states)),
        doors=tuple(granted),
        withdrawing=tuple(leaving),
    )

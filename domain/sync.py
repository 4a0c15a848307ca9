"""What adapters find at door phones, beside what became of each credential (devices.Outcome)."""

from dataclasses import replace
from datetime import datetime
from typing import Literal, NewType, Self
from uuid import UUID

from domain.devices import CredentialKind
from domain.ids import DeviceId
from domain.kernel import Event, event
from domain.record import frozen

CheckId = NewType("CheckId", UUID)
OnStrangers = Literal["report", "remove"]


@event
class DeviceCheckAsked(Event):
    """Somebody wants every record of a phone compared now."""

    stream = "check"
    check: CheckId
    device: DeviceId


@event
class DeviceChecked(Event):
    """What was asked for is done. `right`: records as they should be; `drifted`: others of ours,
    which are set right; `strangers`: entered by hand.
    """

    stream = "sync"
    sync: UUID
    check: CheckId
    device: DeviceId
    right: int
    drifted: int
    strangers: int


@event
class StrangersFound(Event):
    """D15: so many records that somebody entered at the phone itself; 0 once they are gone."""

    stream = "sync"
    sync: UUID
    device: DeviceId
    records: int


@event
class StrangersPolicyChosen(Event):
    """D15: what becomes of records that somebody entered at the phone itself. Ours are always set
    right: a phone must not decide who may enter.
    """

    stream = "device"
    device: DeviceId
    policy: OnStrangers


@event
class RevokedCredentialUsed(Event):
    """D8: the phone opened for what had been taken away and was still on it. It was open to it from
    `revoked_at` to `removed_at`, or still is where that is none. `epoch` and `id` are the line's in
    the phone's own log.
    """

    stream = "use"
    use: UUID
    device: DeviceId
    relay: int | None
    holder: UUID
    kind: CredentialKind
    revoked_at: datetime
    used_at: datetime
    removed_at: datetime | None
    epoch: int
    id: int


@event
class DoorLogGapDetected(Event):
    """N12: so many lines are `missing` in a phone's numbered log, between two that were read."""

    stream = "gap"
    gap: UUID
    device: DeviceId
    epoch: int
    after: int
    before: int
    missing: int


@frozen
class Check:
    """That was asked for."""

    device: DeviceId

    @classmethod
    def evolve(cls, state: Self | None, event: Event) -> Self | None:
        return cls(device=event.device) if isinstance(event, DeviceCheckAsked) else state


@frozen
class Strangers:
    """Of a device, in whose stream it is said; None as long as nobody has said anything."""

    policy: OnStrangers

    @classmethod
    def evolve(cls, state: Self | None, event: Event) -> Self | None:
        match state, event:
            case None, StrangersPolicyChosen(policy=policy):
                return cls(policy=policy)
            case Strangers(), StrangersPolicyChosen(policy=policy):
                return replace(state, policy=policy)
        return state


def choose_policy(now: Strangers | None, device: DeviceId, policy: OnStrangers) -> list[Event]:
    """As from the beginning: they are reported and left alone, for somebody may have entered them
    before the phone was ours, and must not be shut out by that."""
    if policy == (now.policy if now else "report"):
        return []
    return [StrangersPolicyChosen(device=device, policy=policy)]

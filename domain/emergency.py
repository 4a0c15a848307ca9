"""Emergencies: doors that are held open, whatever else is in force, until somebody locks them.

Which doors there are is not known here: None stands for all that the community has at any time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NewType, Self
from uuid import UUID, uuid5

from domain.access_groups import Door
from domain.alarms import AlarmId
from domain.ids import CommunityId, DeviceId
from domain.kernel import Event, event
from domain.record import frozen

EmergencyId = NewType("EmergencyId", UUID)
OrderId = NewType("OrderId", UUID)
Doors = frozenset[Door] | None
Cause = Literal["manual", "automatic", "break_glass"]
Finding = Literal["confirmed", "denied", "silent"]
DoorState = Literal["verified", "failed", "offline"]
TOGETHER: Final = timedelta(minutes=2)  # within which alarms of two phones bear each other out
REPEATED: Final = timedelta(minutes=10)  # within which the same finding is no news
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def emergency_of(community: CommunityId) -> EmergencyId:
    """The stream of all that a community orders in emergencies."""
    return EmergencyId(uuid5(community, "emergency"))


@event
class EmergencySettingChanged(Event):
    """M118. `doors`: the emergency door group, None for all doors."""

    stream = "emergency"
    emergency: EmergencyId
    automatic: bool
    doors: Doors


@event
class UnlockOrdered(Event):
    """Of two orders for a door the one with the higher `generation` holds, whichever was heard of
    first: microseconds since 1970 when it was given, and more than all that were known then.
    """

    stream = "emergency"
    emergency: EmergencyId
    order: OrderId
    generation: int
    doors: Doors
    cause: Cause
    drill: bool
    given_at: datetime
    alarm: AlarmId | None


@event
class LockOrdered(Event):
    """`generation` as of UnlockOrdered."""

    stream = "emergency"
    emergency: EmergencyId
    order: OrderId
    generation: int
    doors: Doors
    cause: Cause
    given_at: datetime


@event
class EmergencyAlarmChecked(Event):
    """Whether the phone itself, when it was asked, says so too; `silent`: it could not be asked, or
    cannot say. `heard_at`: when the alarm was.
    """

    stream = "emergency"
    emergency: EmergencyId
    alarm: AlarmId
    device: DeviceId
    finding: Finding
    reason: str
    heard_at: datetime


@frozen
class DoorResult:
    """What came of an order at a door. `verified`: its relay was read back and is so; `shown`: how
    it was read back, None if it could not be; `at`: when that was found, by our clock.
    """

    order: OrderId
    generation: int
    door: Door
    open: bool
    state: DoorState
    shown: bool | None
    at: datetime
    reason: str | None = None


@event
class DoorsTried(Event):
    """In a stream of its own, so that the orders' stays short; nothing is said twice unchanged."""

    stream = "report"
    report: UUID
    results: tuple[DoorResult, ...]


@frozen
class Order:
    id: OrderId
    generation: int
    open: bool
    doors: Doors
    drill: bool = False

    def covers(self, door: Door) -> bool:
        return self.doors is None or door in self.doors


@frozen
class Check:
    """The last of a phone."""

    alarm: AlarmId
    finding: Finding
    heard_at: datetime


@frozen
class Emergency:
    """`orders` are those that may still hold for a door, the newest last."""

    automatic: bool = False
    doors: Doors = None
    last: int = 0
    orders: tuple[Order, ...] = ()
    checks: Mapping[DeviceId, Check] = field(default_factory=dict)

    @classmethod
    def evolve(cls, state: Self | None, event: Event) -> Self | None:
        now = state or cls()
        match event:
            case EmergencySettingChanged(automatic=automatic, doors=doors):
                return replace(now, automatic=automatic, doors=doors)
            case UnlockOrdered() | LockOrdered():
                orders = standing((*now.orders, order_in(event)))
                return replace(now, orders=orders, last=max(now.last, event.generation))
            case EmergencyAlarmChecked(device=device) as e:
                check = Check(alarm=e.alarm, finding=e.finding, heard_at=e.heard_at)
                return replace(now, checks={**now.checks, device: check})
        return state

    @property
    def is_on(self) -> bool:
        """Whether doors may be held open."""
        return any(order.open for order in self.orders)

    def order_for(self, door: Door) -> Order | None:
        return next((one for one in reversed(self.orders) if one.covers(door)), None)

    def holds_open(self, doors: Doors) -> bool:
        """Whether all of these are ordered to be open, and in earnest."""
        if doors is not None:
            held = map(self.order_for, doors)
            return all(order and order.open and not order.drill for order in held)
        earnest = all(order.open and not order.drill for order in self.orders)
        return earnest and any(order.doors is None for order in self.orders)

    def next(self, at: datetime) -> int:
        """The generation of an order that is given now."""
        return max((at - EPOCH) // timedelta(microseconds=1), self.last + 1)


def door_name(phone: str, relay: str) -> str:
    """Both names, unless the relay's tells the phone already."""
    return relay if f"{relay} ".startswith(f"{phone} ") else f"{phone}, {relay}"


def order_in(event: UnlockOrdered | LockOrdered) -> Order:
    opens = isinstance(event, UnlockOrdered)
    return Order(
        id=event.order,
        generation=event.generation,
        open=opens,
        doors=event.doors,
        drill=isinstance(event, UnlockOrdered) and event.drill,
    )


def standing(orders: Iterable[Order]) -> tuple[Order, ...]:
    """By generation, without those whose doors have newer orders, all of them."""
    kept, since = list[Order](), set[Door]()
    for order in sorted(orders, key=lambda one: (one.generation, one.id), reverse=True):
        if order.doors is None or order.doors - since:
            kept.append(order)
        if order.doors is None:
            break
        since |= order.doors
    return tuple(reversed(kept))


def choose(now: Emergency, home: CommunityId, *, automatic: bool, doors: Doors) -> list[Event]:
    """M118."""
    if (automatic, doors) == (now.automatic, now.doors):
        return []
    return [EmergencySettingChanged(emergency=emergency_of(home), automatic=automatic, doors=doors)]


def take(now: Emergency, checked: EmergencyAlarmChecked, unlock: UnlockOrdered) -> list[Event]:
    """A28. An event URL is unsigned, so that an alarm opens nothing before the phone itself has
    confirmed it; one that cannot be asked is believed if another one that cannot be asked, either,
    raised the alarm within two minutes.
    """
    believed = checked.finding == "confirmed" or borne_out(now, checked)
    unlocks = now.automatic and believed and not now.holds_open(now.doors)
    if unlocks:
        return [checked, unlock]
    return [] if is_no_news(now, checked) else [checked]


def borne_out(now: Emergency, checked: EmergencyAlarmChecked) -> bool:
    others = [check for device, check in now.checks.items() if device != checked.device]
    return checked.finding == "silent" and any(
        check.finding == "silent" and abs(check.heard_at - checked.heard_at) <= TOGETHER
        for check in others
    )


def is_no_news(now: Emergency, checked: EmergencyAlarmChecked) -> bool:
    """Whoever forges alarms must not make the stream long."""
    known = now.checks.get(checked.device)
    if known is None or known.finding != checked.finding:
        return False
    return abs(checked.heard_at - known.heard_at) < REPEATED

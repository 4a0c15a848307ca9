"""Break-glass: opens or shuts doors from this host, with what its last snapshot knows (D14).

Always the same way, whether PostgreSQL is there or not: the order goes to the disk, then to the
doors; the adapters' process of this host goes on with what could not be reached, and brings it all
into the log.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from time import monotonic
from uuid import uuid4

from device_adapters.emergency import spool
from device_adapters.emergency.hand import Connect, Hand, Pace
from device_adapters.emergency.port import Task, Withdrawn
from device_adapters.emergency.snapshot import Community, Snapshot
from device_adapters.emergency.spool import Entry, Given
from domain.access_groups import Door
from domain.devices import Device
from domain.emergency import EPOCH, DoorResult, Doors, Order, OrderId, door_name
from domain.ids import CommunityId, DeviceId
from domain.record import frozen

Say = Callable[[str], None]


class Unclear(Exception):
    """Not one community, or no such door; the message says what there is."""


@frozen
class Ask:
    """`doors`: names or ids, of phones or of relays; with ":2" at the end its second relay. None of
    them and not `everything`: the emergency door group. `wait`: seconds after which to give up.
    """

    open: bool
    community: str | None
    doors: tuple[str, ...] = ()
    everything: bool = False
    drill: bool = False
    by: str
    wait: float


class Glass:
    """device_adapters.emergency.port.Desk, of one order."""

    def __init__(self, given: Given, devices: Iterable[Device], entry: Entry, say: Say) -> None:
        self._given, self._entry, self._say = given, entry, say
        self.devices = {device.device: device for device in devices}
        self.found_at = dict[Door, DoorResult]()
        self._over, self._begun, self._lock = False, monotonic(), Lock()

    @property
    def doors(self) -> Mapping[Door, str]:
        """With what they are called."""
        return {
            Door(device=id, relay=relay.number): door_name(device.name, relay.name)
            for id, device in self.devices.items()
            for relay in device.relays
            if self._given.order.covers(Door(device=id, relay=relay.number))
        }

    @property
    def left(self) -> list[Door]:
        """Where it is not yet so."""
        found = self.found_at
        return [d for d in self.doors if d not in found or found[d].state != "verified"]

    def give_up(self) -> None:
        self._over = True

    def task(self, device: DeviceId) -> Task | None:
        order = self._given.order
        orders = {door.relay: order for door in self.left if door.device == device}
        if self._over or not orders:
            return None
        there = self.devices[device]
        return Task(community=self._given.community, device=there, orders=orders)

    def may(self, device: DeviceId) -> None:
        if self._over:
            raise Withdrawn

    def holds(self, device: DeviceId, relay: int, order: OrderId) -> bool:
        return not self._over

    def alone(self, device: DeviceId) -> AbstractContextManager[object]:
        return nullcontext()

    def found(self, community: CommunityId, result: DoorResult) -> None:
        """On disk first, then on the screen."""
        with self._lock:
            known = self.found_at.get(result.door)
            self.found_at[result.door] = result
            if known is None or replace(known, at=result.at) != result:
                self._entry.add(result)
                self._say(self._line(result))

    def _line(self, result: DoorResult) -> str:
        name, after = self.doors[result.door], f"after {monotonic() - self._begun:.2f} s"
        if result.state == "verified":
            return f"  {'OPEN' if result.open else 'LOCKED':<8} {name}, {after}"
        return f"  {result.state.upper():<8} {name}: {result.reason}; trying again"


def give(
    ask: Ask, known: Snapshot, folder: Path, connect: Connect, say: Say, pace: Pace | None = None
) -> bool:
    """Whether all doors are so. Raises Unclear before anything is done."""
    community = chosen(known, ask.community)
    order = order_of(ask, community, folder / spool.NAME)
    given = Given(community=community.id, order=order, by=ask.by, given_at=datetime.now(UTC))
    with Entry(folder / spool.NAME, given) as entry:
        glass = Glass(given, community.devices, entry, say)
        say(f"{community.name}: {'unlock' if ask.open else 'lock'} {len(glass.doors)} doors")
        reach(glass, connect, pace or Pace(), ask.wait)
    return summed_up(glass, ask, say)


def reach(glass: Glass, connect: Connect, pace: Pace, wait: float) -> None:
    """All phones at once."""
    until = monotonic() + wait
    hands = [Hand(device, glass, connect, pace) for device in glass.devices]
    for hand in hands:
        hand.start()
    try:
        for hand in hands:
            hand.join(max(0.0, until - monotonic()))
    finally:
        glass.give_up()
        for hand in hands:
            hand.stop()
        for hand in hands:
            hand.join(6.0)


def summed_up(glass: Glass, ask: Ask, say: Say) -> bool:
    left, word = glass.left, "open" if ask.open else "locked"
    say(f"{len(glass.doors) - len(left)} of {len(glass.doors)} doors are {word}.")
    for door in left:
        result = glass.found_at.get(door)
        reason = f"{result.state}: {result.reason}" if result else "no answer yet"
        say(f"  NOT {word.upper()}: {glass.doors[door]} ({reason})")
    if left:
        say("The adapters of this host go on trying, if they run; else give the order again.")
    say("The order is on disk; this host's adapters bring it into the log when PostgreSQL answers.")
    return not left


def order_of(ask: Ask, community: Community, folder: Path) -> Order:
    """Newer than all that this host knows of."""
    given = [one.given.order.generation for one in spool.spooled(folder)]
    now = (datetime.now(UTC) - EPOCH) // timedelta(microseconds=1)
    return Order(
        id=OrderId(uuid4()),
        generation=max(now, community.last + 1, *(known + 1 for known in given)),
        open=ask.open,
        doors=doors_of(ask, community),
        drill=ask.drill,
    )


def chosen(known: Snapshot, wanted: str | None) -> Community:
    said = (wanted or "").casefold()
    matching = [one for one in known.communities if said in (str(one.id), one.name.casefold())]
    found = matching if wanted else [one for one in known.communities if one.devices]
    if len(found) == 1:
        return found[0]
    names = "".join(f"\n  {one.id}  {one.name}" for one in known.communities)
    raise Unclear(f"say which --community, by its name or id; this host knows{names or ' none'}")


def doors_of(ask: Ask, community: Community) -> Doors:
    if ask.everything:
        return None
    if not ask.doors:
        return community.doors
    return frozenset[Door]().union(*(named(door, community) for door in ask.doors))


def named(wanted: str, community: Community) -> frozenset[Door]:
    name, _, number = wanted.rpartition(":")
    whole, part = (name, int(number)) if name and number.isdigit() else (wanted, None)
    found = frozenset(
        Door(device=device.device, relay=relay.number)
        for device in community.devices
        for relay in device.relays
        if part in (None, relay.number)
        if is_called(whole, (str(device.device), device.name, *([] if part else [relay.name])))
    )
    if not found:
        names = "".join(f"\n  {device.device}  {device.name}" for device in community.devices)
        raise Unclear(f"no door is called {wanted}; there are{names}")
    return found


def is_called(wanted: str, names: Iterable[str]) -> bool:
    return wanted.casefold() in [name.casefold() for name in names]

"""What is ordered of which door: folded from the log, and from what was ordered at this host."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import RLock
from typing import Any, Final

from device_adapters.emergency.port import Task
from domain.access_groups import Door
from domain.alarms import AlarmId, AlarmRaised, FireInputsChosen, Wiring
from domain.devices import (
    Device,
    DeviceEdited,
    DeviceRegistered,
    DeviceRemoved,
    DeviceReplaced,
)
from domain.emergency import (
    DoorResult,
    DoorsTried,
    Emergency,
    EmergencyAlarmChecked,
    EmergencySettingChanged,
    LockOrdered,
    Order,
    OrderId,
    UnlockOrdered,
    standing,
)
from domain.ids import CommunityId, DeviceId
from domain.record import frozen
from domain.settings import CommunityCreated, CommunityRenamed
from eventlog.consumer import Consumer, on
from eventlog.port import Batch

FRESH: Final = timedelta(minutes=5)  # an alarm that is older unlocks nothing


@frozen
class Question:
    """An alarm that its phone is to be asked about; `inputs` are those of the fire panel, if that
    is known.
    """

    community: CommunityId
    alarm: AlarmId
    device: Device
    inputs: frozenset[int]
    heard_at: datetime


@dataclass
class Town:
    """A community. `local` are orders that were given here and are not in the log yet. `doubted`:
    those of any host that were heard of while this one was at its doors and may have opened them
    again before it knew: what others found does not count, what was `proved` here does.
    """

    name: str = ""
    emergency: Emergency = field(default_factory=Emergency)
    devices: dict[DeviceId, Device] = field(default_factory=dict)
    results: dict[Door, DoorResult] = field(default_factory=dict)
    wiring: dict[DeviceId, Wiring] = field(default_factory=dict)
    alarms: dict[AlarmId, AlarmRaised] = field(default_factory=dict)
    local: dict[OrderId, Order] = field(default_factory=dict)
    doubted: set[OrderId] = field(default_factory=set)
    proved: set[tuple[Door, OrderId]] = field(default_factory=set)

    @property
    def orders(self) -> Emergency:
        """With those given here."""
        if not self.local:
            return self.emergency
        orders = standing((*self.emergency.orders, *self.local.values()))
        return replace(self.emergency, orders=orders)

    def to_do(self, device: Device) -> Mapping[int, Order]:
        """By relay; what must stay open is never done."""
        orders = self.orders
        doors = [Door(device=device.device, relay=relay.number) for relay in device.relays]
        found = {door: order for door in doors if (order := orders.order_for(door))}
        return {door.relay: order for door, order in found.items() if not self.is_done(door, order)}

    def is_done(self, door: Door, order: Order) -> bool:
        result = self.results.get(door)
        if order.open or result is None or result.order != order.id:
            return False
        proved = order.id not in self.doubted or (door, order.id) in self.proved
        return result.state == "verified" and proved


class Book(Consumer):
    """Safe to ask from any thread. `edition` grows with whatever a snapshot should have; `busy` are
    the orders that somebody at this host is about right now, whom the hands leave to it; `live`:
    what comes now has just happened.
    """

    def __init__(self) -> None:
        super().__init__()
        self.edition, self.busy, self.live = 0, frozenset[OrderId](), False
        self.towns = defaultdict[CommunityId, Town](Town)
        self._homes: dict[DeviceId, CommunityId] = {}
        self._work: dict[CommunityId, frozenset[DeviceId]] = {}
        self._lock = RLock()

    def apply(self, batch: Batch[Any]) -> None:
        with self._lock:
            super().apply(batch)

    @on(CommunityCreated, CommunityRenamed)
    def named(self, batch: Batch[CommunityCreated | CommunityRenamed]) -> None:
        for r in batch:
            self.towns[r.community].name = r.event.name

    @on(DeviceRegistered, DeviceReplaced, DeviceEdited, DeviceRemoved)
    def devices(self, batch: Batch[Any]) -> None:
        for r in batch:
            devices, id = self.towns[r.community].devices, r.event.device
            device = Device.evolve(devices.pop(id, None), r.event)
            self._homes.pop(id, None)
            if device:
                devices[id], self._homes[id] = device, r.community

    @on(EmergencySettingChanged, UnlockOrdered, LockOrdered)
    def ordered(self, batch: Batch[Any]) -> None:
        """What was imported is an order like any other from now on."""
        for r in batch:
            town = self.towns[r.community]
            town.emergency = Emergency.evolve(town.emergency, r.event) or town.emergency
            if not isinstance(r.event, EmergencySettingChanged):
                town.local.pop(r.event.order, None)
                if self.live and r.event.cause == "break_glass":
                    town.doubted.add(r.event.order)

    @on(FireInputsChosen)
    def wired(self, batch: Batch[FireInputsChosen]) -> None:
        for r in batch:
            if wiring := Wiring.evolve(None, r.event):
                self.towns[r.community].wiring[r.event.device] = wiring

    @on(AlarmRaised)
    def raised(self, batch: Batch[AlarmRaised]) -> None:
        for r in batch:
            if r.event.kind == "emergency":
                alarms = self.towns[r.community].alarms
                for old in [a for a in alarms.values() if r.event.heard_at - a.heard_at > FRESH]:
                    del alarms[old.alarm]
                alarms[r.event.alarm] = r.event

    @on(EmergencyAlarmChecked)
    def checked(self, batch: Batch[EmergencyAlarmChecked]) -> None:
        for r in batch:
            if r.event.finding != "silent":
                self.towns[r.community].alarms.pop(r.event.alarm, None)

    @on(DoorsTried)
    def tried(self, batch: Batch[DoorsTried]) -> None:
        for r in batch:
            for result in r.event.results:
                self._heard(r.community, result)

    def settle(self, batch: Batch[Any]) -> None:
        self.edition += 1
        for home in {r.community for r in batch}:
            self._work.pop(home, None)

    def found(self, home: CommunityId, result: DoorResult) -> bool:
        """By a hand of this process; whether it is news."""
        with self._lock:
            town, known = self.towns[home], self.towns[home].results.get(result.door)
            if result.state == "verified":
                town.proved.add((result.door, result.order))
            self._work.pop(home, None)
            town.results[result.door] = result
        return known is None or replace(known, at=result.at) != result

    def heard(self, home: CommunityId, result: DoorResult) -> None:
        """From somebody else."""
        with self._lock:
            self._work.pop(home, None)
            self._heard(home, result)

    def adopt(self, home: CommunityId, order: Order) -> None:
        """An order of this host. Also one that is in the log already: that changes nothing."""
        with self._lock:
            town = self.towns[home]
            if order.id not in {one.id for one in (*town.emergency.orders, *town.local.values())}:
                town.local[order.id] = order
                town.doubted.add(order.id)
                self._work.pop(home, None)

    def at_work(self) -> frozenset[DeviceId]:
        """The phones where something is to be done."""
        with self._lock:
            for home, town in self.towns.items():
                if home not in self._work:
                    those = (id for id, device in town.devices.items() if town.to_do(device))
                    self._work[home] = frozenset(those)
            return frozenset().union(*self._work.values())

    def left(self) -> int:
        """Doors that are not as ordered, as far as is known."""
        with self._lock:
            return sum(
                not self._is_so(home, id, relay, order)
                for home, those in self._work.items()
                for id in those
                for relay, order in self.towns[home].to_do(self.towns[home].devices[id]).items()
            )

    def _is_so(self, home: CommunityId, device: DeviceId, relay: int, order: Order) -> bool:
        result = self.towns[home].results.get(Door(device=device, relay=relay))
        return bool(result and result.order == order.id and result.state == "verified")

    def task(self, device: DeviceId) -> Task | None:
        with self._lock:
            if (home := self._homes.get(device)) is None:
                return None
            there = self.towns[home].devices[device]
            to_do = self.towns[home].to_do(there)
        orders = {relay: order for relay, order in to_do.items() if order.id not in self.busy}
        return Task(community=home, device=there, orders=orders) if orders else None

    def copy(self) -> Mapping[CommunityId, Town]:
        """As it is now, for who writes it down."""
        with self._lock:
            return {
                home: replace(town, devices=dict(town.devices), local=dict(town.local))
                for home, town in self.towns.items()
            }

    def home(self, device: DeviceId) -> CommunityId | None:
        return self._homes.get(device)

    def is_local(self, home: CommunityId, order: OrderId) -> bool:
        with self._lock:
            return order in self.towns[home].local

    def order_at(self, device: DeviceId, relay: int) -> OrderId | None:
        with self._lock:
            if (home := self._homes.get(device)) is None:
                return None
            order = self.towns[home].orders.order_for(Door(device=device, relay=relay))
        return order.id if order else None

    def questions(self, now: datetime) -> Iterable[Question]:
        """Where the setting is on, of alarms that are fresh."""
        with self._lock:
            return list(self._questions(now))

    def _questions(self, now: datetime) -> Iterator[Question]:
        for home, town in self.towns.items():
            fresh = [a for a in town.alarms.values() if abs(now - a.heard_at) < FRESH]
            for alarm in fresh if town.emergency.automatic else ():
                if device := town.devices.get(alarm.device):
                    wiring = town.wiring.get(alarm.device)
                    yield Question(
                        community=home,
                        alarm=alarm.alarm,
                        device=device,
                        inputs=wiring.fire_inputs if wiring else frozenset(),
                        heard_at=alarm.heard_at,
                    )

    def _heard(self, home: CommunityId, result: DoorResult) -> None:
        """Our own word comes back from the log later."""
        known = self.towns[home].results.get(result.door)
        if known is None or (known.generation, known.at) < (result.generation, result.at):
            self.towns[home].results[result.door] = result

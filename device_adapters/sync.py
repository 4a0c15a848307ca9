"""Follows the log, and tells every lane what its phone should hold."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from commands.bus import Dispatch
from device_adapters.doorlog import Witness
from device_adapters.lane import Lane
from device_adapters.lanes import Lanes
from device_adapters.orders import Note, Orders
from device_adapters.port import Phone
from device_adapters.said import Said
from device_adapters.saying import Beside, Reporting
from device_adapters.site import Site
from device_adapters.terms import Place, Rhythm
from domain.access_groups import AccessGroupCreated, AccessGroupDeleted, AccessGroupEdited
from domain.apartments import ApartmentCreated
from domain.devices import (
    Device,
    DeviceClockFoundRight,
    DeviceClockFoundWrong,
    DeviceEdited,
    DeviceMoved,
    DeviceRegistered,
    DeviceRemoved,
    DeviceReplaced,
    DeviceSynced,
    DeviceWentOffline,
    DeviceWentOnline,
)
from domain.faces import FaceEnrolled, FaceRemoved
from domain.ids import CommunityId, DeviceId
from domain.lifts import FloorsChosen
from domain.locks import (
    LockConnected,
    LockLinked,
    LockMoved,
    LockRegistered,
    LockRemoved,
    LockRenamed,
    LockSyncChosen,
)
from domain.maintenance import (
    AutopKept,
    ConnectTypeChosen,
    OperationAsked,
    OperationBegun,
    OperationEnded,
    PushButtonsChosen,
    UpkeepFound,
)
from domain.parking import VehiclesChanged
from domain.record import frozen
from domain.relay_schedules import RelayScheduleChosen
from domain.residents import (
    CardsChanged,
    ContactChanged,
    GroupsChosen,
    PinIssued,
    PinRevoked,
    ResidentAdded,
    ResidentDeleted,
)
from domain.settings import CommunityCreated, PinModeChanged, TimeZoneChanged
from domain.sync import DeviceCheckAsked, DeviceChecked, StrangersFound, StrangersPolicyChosen
from eventlog.consumer import Consumer, on
from eventlog.port import Batch

PEOPLE: Final = (
    ResidentAdded,
    ContactChanged,
    GroupsChosen,
    PinIssued,
    PinRevoked,
    CardsChanged,
    VehiclesChanged,
    FaceEnrolled,
    FaceRemoved,
    FloorsChosen,
    ResidentDeleted,
)
Poll = Callable[[Phone, CommunityId, Device, Witness], timedelta | None]
Look = Callable[[Phone, CommunityId, Device], None]


@frozen
class Outside:
    """What an adapter needs of the rest of the house.

    digest: a keyed hash of a community (eventlog.port.Vault). event_url: what a phone is to call
    when something happens, if anything. now: unix seconds, against which phones' clocks are held.
    note: what no phone's log holds, for the door log. look: at the sensors of doors.
    """

    dispatch: Dispatch
    connect: Callable[[Device], Phone]
    digest: Callable[[CommunityId, str, str], bytes]
    poll: Poll
    event_url: Callable[[CommunityId, Device], str | None]
    now: Callable[[], float]
    note: Note = lambda home, entry: None
    look: Look = lambda phone, home, device: None


class DoorSync(Consumer):
    """`live_from`: the log's head when this begins. What lies before is only folded: a phone is
    never pushed through its past.
    """

    def __init__(self, outside: Outside, rhythm: Rhythm, live_from: int) -> None:
        super().__init__()
        self._outside, self._live_from = outside, live_from
        self._because: Mapping[str, object] = {}
        self._sites = defaultdict[CommunityId, Site](Site)
        self._homes: dict[DeviceId, CommunityId] = {}
        self._ahead: dict[tuple[CommunityId, UUID], int] = {}
        self._said = defaultdict[DeviceId, Said](Said)
        self._reporting = Reporting(outside.dispatch, self._homes)
        self._orders = Orders(outside.dispatch, outside.note, self._device, outside.now)
        self.lanes = Lanes(self._reporting, self._poll, rhythm, outside.now)

    @on(*PEOPLE)
    def people(self, batch: Batch[Any]) -> None:
        for r in batch:
            if r.version > self._ahead.get((r.community, r.stream), 0):
                self._sites[r.community].person(r.event.resident, r.event)

    def overtake(self, batch: Batch[Any]) -> None:
        """Facts of PEOPLE who are known, whose turn in the log is to come: a crowd of others may
        lie before them (D6). Each is taken once, and a stream in its own order.
        """
        news = [r for r in batch if r.position > self.position >= self._live_from]
        if news:
            self.people(news)
            self._ahead |= {(r.community, r.stream): r.version for r in news}
            self.go()

    @on(CommunityCreated, PinModeChanged, TimeZoneChanged)
    def communities(self, batch: Batch[Any]) -> None:
        for r in batch:
            self._sites[r.community].community(r.event)

    @on(ApartmentCreated)
    def apartments(self, batch: Batch[ApartmentCreated]) -> None:
        for r in batch:
            self._sites[r.community].apartment(r.event.apartment, r.event.number)

    @on(AccessGroupCreated, AccessGroupEdited, AccessGroupDeleted)
    def groups(self, batch: Batch[Any]) -> None:
        for r in batch:
            self._sites[r.community].group(r.event.group, r.event)

    @on(DeviceRegistered, DeviceEdited, DeviceMoved)
    def devices(self, batch: Batch[Any]) -> None:
        for r in batch:
            self._homes[r.event.device] = r.community
            self._sites[r.community].device(r.event.device, r.event)

    @on(DeviceReplaced)
    def replaced(self, batch: Batch[DeviceReplaced]) -> None:
        """What was found on the old box says nothing of the new one."""
        for r in batch:
            device, site = r.event.device, self._sites[r.community]
            site.device(device, r.event)
            if before := self._said.pop(device, None):
                self._said[device] = Said(before.on_strangers)
            if device in self.lanes:
                self.lanes[device].move(self._place(site.devices[device]))

    @on(DeviceRemoved)
    def removed(self, batch: Batch[DeviceRemoved]) -> None:
        for r in batch:
            self._sites[r.community].device(r.event.device, r.event)
            self._said.pop(r.event.device, None)
            self.lanes.retire(r.event.device)

    @on(
        OperationAsked,
        OperationBegun,
        OperationEnded,
        AutopKept,
        ConnectTypeChosen,
        PushButtonsChosen,
        UpkeepFound,
    )
    def orders(self, batch: Batch[Any]) -> None:
        for r in batch:
            self._orders.take(r.community, r.event)

    @on(RelayScheduleChosen)
    def relay_schedules(self, batch: Batch[RelayScheduleChosen]) -> None:
        for r in batch:
            self._sites[r.community].relay_schedule(r.event.device, r.event)

    @on(LockRegistered, LockRenamed, LockMoved, LockLinked)
    def locks(self, batch: Batch[Any]) -> None:
        for r in batch:
            self._homes[r.event.lock] = r.community
            self._sites[r.community].lock(r.event.lock, r.event)

    @on(LockConnected)
    def connected(self, batch: Batch[LockConnected]) -> None:
        for r in batch:
            lock, site = r.event.lock, self._sites[r.community]
            site.lock(lock, r.event)
            if lane := self.lanes.of(lock):
                lane.move(self._place(site.devices[lock]))

    @on(LockRemoved)
    def removed_lock(self, batch: Batch[LockRemoved]) -> None:
        for r in batch:
            self._sites[r.community].lock(r.event.lock, r.event)
            self._said.pop(r.event.lock, None)
            self.lanes.retire(r.event.lock)

    @on(LockSyncChosen)
    def lock_sync(self, batch: Batch[LockSyncChosen]) -> None:
        for r in batch:
            self._sites[r.community].lock_sync(r.event)

    @on(
        DeviceSynced,
        DeviceWentOnline,
        DeviceWentOffline,
        DeviceClockFoundRight,
        DeviceClockFoundWrong,
        DeviceChecked,
        StrangersFound,
    )
    def said(self, batch: Batch[Any]) -> None:
        """Of past lives; a lane remembers what it says itself."""
        for r in batch:
            if r.event.device not in self.lanes:
                self._said[r.event.device].take(r.event, r.recorded_at)

    @on(DeviceCheckAsked, StrangersPolicyChosen)
    def asked(self, batch: Batch[DeviceCheckAsked | StrangersPolicyChosen]) -> None:
        for r in batch:
            lane = self.lanes.of(r.event.device)
            match r.event:
                case DeviceCheckAsked(check=check) if lane:
                    lane.check(check)
                case StrangersPolicyChosen(policy=policy) if lane:
                    lane.on_strangers = policy
                    lane.check()
                case event:
                    self._said[r.event.device].take(event, r.recorded_at)

    def settle(self, batch: Batch[Any]) -> None:
        last = batch[-1]
        self._because = {"position": last.position, "command_id": str(last.command_id)}
        if last.position >= self._live_from:
            self.go()

    def go(self) -> None:
        """Hand out what is wanted now. To be called once if the log is empty."""
        now = datetime.fromtimestamp(self._outside.now(), UTC)
        for site in self._sites.values():
            site.pass_time(now)
            for device, wishes in site.wishes().items():
                known = device in self.lanes
                lane = self.lanes[device] if known else self._open(site.devices[device])
                lane.because = self._because
                lane.want(wishes, site.pin_mode, site.zone)
                if not known:
                    lane.start()
        self._orders.hand_out(self.lanes)

    def keep_time(self) -> None:
        """To be called again and again: rights end though nothing happens in the log."""
        if self.position >= self._live_from:
            self.go()

    def _device(self, home: CommunityId, device: DeviceId) -> Device | None:
        return self._sites[home].devices.get(device)

    def _open(self, device: Device) -> Lane:
        home, digest = self._homes[device.device], self._outside.digest
        return self.lanes.open(
            self._place(device),
            self._said.pop(device.device, Said()).known(),
            lambda text: digest(home, "credential", text),
        )

    def _place(self, device: Device) -> Place:
        return Place(
            device=device.device,
            mac=device.box.mac,
            connect=lambda: self._outside.connect(device),
            event_url=self._outside.event_url(self._homes[device.device], device),
        )

    def _poll(self, device: DeviceId, phone: Phone) -> timedelta | None:
        home = self._homes[device]
        found = self._sites[home].devices.get(device)
        if found is None:
            return None
        lane = self.lanes[device]
        beside = Beside(lane, self._orders.openings, self._reporting)
        off = self._outside.poll(phone, home, found, beside)
        if not lane.is_busy():  # nobody's credential waits for a door
            self._outside.look(phone, home, found)
        return off

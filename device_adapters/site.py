"""A community as its phones see it: who should stand on which phone, as the log goes on."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from device_adapters.endings import Endings
from device_adapters.locks.doors import LockDoors
from device_adapters.wants import NOTHING, Want, Wishes, rank
from domain import relay_schedules, rights
from domain.access_groups import AccessGroup
from domain.devices import Device
from domain.ids import ApartmentId, DeviceId, GroupId, ResidentId
from domain.kernel import Event, S
from domain.relay_schedules import RelaySchedules
from domain.residents import Resident
from domain.rights import NOBODY, PIN_ALONE, Reach, Rooms
from domain.settings import PinMode, Settings

Id = TypeVar("Id", bound=UUID)
DOORS = ResidentId(NOBODY)


class Site:
    """Folded by the domain's own rules. `touched` are the pairs to be thought over."""

    def __init__(self) -> None:
        self.people: dict[ResidentId, Resident] = {}
        self.groups: dict[GroupId, AccessGroup] = {}
        self.devices: dict[DeviceId, Device] = {}
        self._locks, self._endings = LockDoors(), Endings()
        self._schedules: dict[DeviceId, RelaySchedules] = {}
        self._settings: Settings | None = None
        self._numbers: dict[ApartmentId, str] = {}
        self._members = defaultdict[GroupId, set[ResidentId]](set)
        self._touched = defaultdict[DeviceId, set[ResidentId]](set)
        self._everywhere = set[ResidentId]()

    @property
    def pin_mode(self) -> PinMode:
        return self._settings.pin_mode if self._settings else "pin"

    @property
    def zone(self) -> str | None:
        return self._settings.zone if self._settings else None

    @property
    def rooms(self) -> Rooms:
        return self._numbers if self.pin_mode == "apt_pin" else PIN_ALONE

    def community(self, happened: Event) -> None:
        """Touches everybody everywhere if PINs are asked for in another way (M115), and the phones
        alone if clocks are to be set to another zone (T3)."""
        before, zone = self.pin_mode, self.zone
        self._settings = Settings.evolve(self._settings, happened)
        if self.pin_mode != before:
            self._touch(self.devices, self.people)
        if self.zone != zone:
            self._touch(self.devices, ())

    def apartment(self, apartment: ApartmentId, number: str) -> None:
        """Touches nobody: nobody lives there yet, and a number stays."""
        self._numbers[apartment] = number

    def person(self, who: ResidentId, happened: Event) -> None:
        """Touches that person alone, on every phone."""
        before, after = step(Resident, self.people, who, happened)
        self._endings.limit(who, after.drives.period if after else None)
        left = before.groups if before else frozenset()
        come = after.groups if after else frozenset()
        for group in left - come:
            self._members[group].discard(who)
        for group in come - left:
            self._members[group].add(who)
        self._everywhere.add(who)

    def group(self, group: GroupId, happened: Event) -> None:
        """Touches its members, where it has or had doors, and the doors held open by its hours."""
        versions = step(AccessGroup, self.groups, group, happened)
        after = versions[1]
        self._endings.limit(group, after.schedule if after else None)
        self._touch_members(group, versions)
        held = (id for id, one in self._schedules.items() if any(g == group for _, g in one.chosen))
        self._touch((id for id in held if id in self.devices), [DOORS])

    def _touch_members(self, group: GroupId, versions: Iterable[AccessGroup | None]) -> None:
        doors = [
            id
            for id, device in self.devices.items()
            if any(version and rights.relays_of(version, device) for version in versions)
        ]
        self._touch(doors, self._members[group])

    def pass_time(self, now: datetime) -> None:
        """Touches those whose rights are over for good since the last time."""
        zone = ZoneInfo(self.zone) if self.zone else UTC
        for id in self._endings.pass_time(now, zone):
            if group := self.groups.get(GroupId(id)):
                self._touch_members(group.group, [group])
            elif id in self.people:
                self._everywhere.add(ResidentId(id))

    def device(self, device: DeviceId, happened: Event) -> None:
        """Touches everybody there, and at the locks that follow it (M15)."""
        step(Device, self.devices, device, happened)
        self._retouch(device)
        self._hang(self._locks.following(device))

    def relay_schedule(self, device: DeviceId, happened: Event) -> None:
        """Touches nobody but the doors themselves (M103)."""
        step(RelaySchedules, self._schedules, device, happened)
        if device in self.devices:
            self._touch([device], [DOORS])

    def lock(self, lock: DeviceId, happened: Event) -> None:
        """Touches everybody there."""
        self._locks.take(lock, happened)
        self._hang([lock])

    def lock_sync(self, happened: Event) -> None:
        """Touches everybody at all locks of the brand (M133)."""
        self._hang(self._locks.choose(happened))

    def _hang(self, locks: Iterable[DeviceId]) -> None:
        """Each is the door that it is now."""
        for lock in locks:
            self.devices.pop(lock, None)
            if door := self._locks.door(lock, self.devices):
                self.devices[lock] = door
            self._retouch(lock)

    def _retouch(self, device: DeviceId) -> None:
        self._touched.pop(device, None)
        if device in self.devices:
            self._touch([device], [*self.people, DOORS])

    def wishes(self) -> Mapping[DeviceId, Wishes]:
        """What the touched pairs come to. Equal records of a person are one object on all phones,
        for there are hundreds of phones with thousands of people."""
        touched, self._touched = self._touched, defaultdict(set)
        everywhere, self._everywhere = self._everywhere, set()
        made, kinds = dict[Hashable, Want](), dict[Hashable, int]()
        return {
            device: self._wants(self.devices[device], touched[device] | everywhere, kinds, made)
            for device in (list(self.devices) if everywhere else list(touched))
        }

    def _wants(
        self,
        device: Device,
        people: Iterable[ResidentId],
        kinds: dict[Hashable, int],
        made: dict[Hashable, Want],
    ) -> Wishes:
        """`kinds`: phones that are the same to who is in these groups have one number; `made`: what
        a person holds at phones of a kind."""
        joined = dict[frozenset[GroupId], tuple[Reach, int]]()
        found = dict[UUID, Want]()
        for who in people:
            if (person := self.people.get(who)) is None:
                found[who] = self._held_open(device) if who == DOORS else NOTHING
                continue
            if (join := joined.get(person.groups)) is None:
                join = joined[person.groups] = self._join(device, person.groups, kinds)
            key = who, join[1], device.place if person.floors else None
            if (want := made.get(key)) is None:
                want = made[key] = self._want(person, device, join[0])
            found[who] = want
        return found

    def _join(
        self, device: Device, member: frozenset[GroupId], kinds: dict[Hashable, int]
    ) -> tuple[Reach, int]:
        groups = [self.groups[id] for id in member - self._endings.over if id in self.groups]
        reach = rights.within_reach(member, device, groups)
        takes = tuple((relay.number, relay.methods) for relay in device.relays)
        kind = device.is_lock, takes, reach
        return reach, kinds.setdefault(kind, len(kinds))

    def _want(self, person: Resident, device: Device, reach: Reach) -> Want:
        now = person.on_foot() if person.resident in self._endings.over else person
        entries = rights.records(now, device, reach, self.rooms.get(person.apartment))
        return Want(rank=rank_of(person), entries=tuple(entries))

    def _held_open(self, device: Device) -> Want:
        schedules = self._schedules.get(device.device)
        found = relay_schedules.record(schedules, device, self.groups)
        return Want(rank="", entries=(found,) if found else ())

    def _touch(self, devices: Iterable[DeviceId], people: Iterable[ResidentId]) -> None:
        for device in devices:
            self._touched[device].update(people)


def rank_of(person: Resident) -> str:
    """By apartment, its master first (D4)."""
    home, follower = person.apartment.hex, f"{person.role != 'master':d}"
    return rank("resident", home, follower, person.resident.hex)


def step(cls: type[S], states: dict[Id, S], id: Id, happened: Event) -> tuple[S | None, S | None]:
    before = states.pop(id, None)
    if after := cls.evolve(before, happened):
        states[id] = after
    return before, after

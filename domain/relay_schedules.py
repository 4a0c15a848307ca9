"""Doors that are held open during the hours of access groups (M103; locks: M107)."""

from collections.abc import Iterator, Mapping
from typing import Final, Self

from domain.access_groups import AccessGroup
from domain.devices import Device
from domain.ids import DeviceId, GroupId
from domain.kernel import Event, Malformed, Refused, event
from domain.locks import Brand
from domain.record import frozen
from domain.rights import HELD_OPEN, NOBODY, NOTHING, Entry, Grant

HOLD_OPEN: Final[frozenset[Brand]] = frozenset({"itec"})  # M107: by schedule
Groups = Mapping[GroupId, AccessGroup]


@event
class RelayScheduleChosen(Event):
    """The relay is held open during the hours of these groups, and of no others from now on."""

    stream = "device"
    device: DeviceId
    relay: int
    groups: frozenset[GroupId]


@frozen
class RelaySchedules:
    """Of a device, in whose stream it is said: (relay, group)."""

    chosen: frozenset[tuple[int, GroupId]] = frozenset()

    @classmethod
    def evolve(cls, state: Self | None, event: Event) -> Self | None:
        if not isinstance(event, RelayScheduleChosen):
            return state
        others = {pair for pair in (state or cls()).chosen if pair[0] != event.relay}
        return cls(chosen=frozenset(others | {(event.relay, group) for group in event.groups}))

    def groups(self, relay: int) -> frozenset[GroupId]:
        return frozenset(group for number, group in self.chosen if number == relay)


def choose(
    now: RelaySchedules | None, device: Device, relay: int, groups: frozenset[GroupId]
) -> list[Event]:
    """M103, M107. `device` is a phone, or a lock as domain.locks.door gives it."""
    if relay not in {each.number for each in device.relays}:
        raise Malformed("relay", "the device has no such relay")
    if device.is_lock and device.box.model not in HOLD_OPEN:
        raise Refused("not-held-open-by-schedule", "device")
    if groups == (now or RelaySchedules()).groups(relay):
        return []
    return [RelayScheduleChosen(device=device.device, relay=relay, groups=groups)]


def record(schedules: RelaySchedules | None, device: Device, groups: Groups) -> Entry | None:
    """What the device must hold for it, beside people's records; a deleted group has no hours."""
    grants = frozenset(hours(schedules or RelaySchedules(), device, groups))
    if not grants:
        return None
    return Entry(
        key=HELD_OPEN,
        holder=NOBODY,
        name="",
        pin=None,
        cards=NOTHING,
        grants=grants,
    )


def hours(schedules: RelaySchedules, device: Device, groups: Groups) -> Iterator[Grant]:
    """Two groups with the same hours are one grant to both relays, as people have it."""
    there = {relay.number for relay in device.relays}
    chosen = [
        (relay, groups[id].schedule)
        for relay, id in schedules.chosen
        if relay in there and id in groups
    ]
    for when in {when for _, when in chosen}:
        yield Grant(schedule=when, relays=frozenset(n for n, other in chosen if other == when))

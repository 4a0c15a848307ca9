"""What may be asked for in an emergency, and what adapters say of it."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from commands.bus import Things, command, handles
from domain import emergency
from domain.access_groups import Door
from domain.alarms import AlarmId
from domain.devices import Device
from domain.emergency import (
    Cause,
    DoorResult,
    Doors,
    DoorsTried,
    Emergency,
    EmergencyAlarmChecked,
    Finding,
    LockOrdered,
    OrderId,
    UnlockOrdered,
    emergency_of,
)
from domain.ids import DeviceId
from domain.kernel import Event, Malformed
from domain.record import frozen

Which = Literal["group", "all", "selected"]


@command
class SetEmergency:
    """Whether an alarm unlocks by itself, and the emergency door group: null for all doors
    (M118, A28).
    """

    automatic: bool
    doors: frozenset[Door] | None = None


@handles(SetEmergency)
def set_emergency(cmd: SetEmergency, things: Things) -> list[Event]:
    known_doors(cmd.doors, things)
    now = the_emergency(things)
    return emergency.choose(now, things.community, automatic=cmd.automatic, doors=cmd.doors)


@command
class UnlockDoors:
    """Hold open the emergency door group, all doors or selected ones until somebody locks them, the
    automatic setting on or off (M118, A28, A58). Each time is an order of its own; a drill is one
    that says so (N16).
    """

    doors: Which = "group"
    selected: frozenset[Door] = frozenset()
    drill: bool = False


@handles(UnlockDoors)
def unlock_doors(cmd: UnlockDoors, things: Things) -> list[Event]:
    now = the_emergency(things)
    doors = chosen(cmd.doors, cmd.selected, now, things)
    return [unlocking(now, doors, things, cause="manual", drill=cmd.drill)]


@command
class LockDoors:
    """Give the emergency door group, all doors or selected ones back to their phones, and shut them
    (M118, A28, A58).
    """

    doors: Which = "group"
    selected: frozenset[Door] = frozenset()


@handles(LockDoors)
def lock_doors(cmd: LockDoors, things: Things) -> list[Event]:
    now = the_emergency(things)
    doors = chosen(cmd.doors, cmd.selected, now, things)
    return [locking(now, doors, things, cause="manual")]


@frozen
class ReportDoors:
    """What came of orders. Only `frozen`, not a `command`: it has no route."""

    results: tuple[DoorResult, ...]


@handles(ReportDoors)
def report_doors(cmd: ReportDoors, things: Things) -> list[Event]:
    return [DoorsTried(report=things.new_id(), results=cmd.results)]


@frozen
class ReportAlarmCheck:
    """What a phone said of its own alarm when it was asked."""

    alarm: AlarmId
    device: DeviceId
    finding: Finding
    reason: str
    heard_at: datetime


@handles(ReportAlarmCheck)
def report_alarm_check(cmd: ReportAlarmCheck, things: Things) -> list[Event]:
    now = the_emergency(things)
    checked = EmergencyAlarmChecked(
        emergency=emergency_of(things.community),
        alarm=cmd.alarm,
        device=cmd.device,
        finding=cmd.finding,
        reason=cmd.reason,
        heard_at=cmd.heard_at,
    )
    unlock = unlocking(now, now.doors, things, cause="automatic", alarm=cmd.alarm)
    return emergency.take(now, checked, unlock)


@frozen
class RecordBreakGlass:
    """An order that somebody gave at an adapter's host without the log (D14): it is a fact already,
    so that nothing refuses it.
    """

    order: OrderId
    generation: int
    open: bool
    doors: frozenset[Door] | None
    drill: bool
    given_at: datetime


@handles(RecordBreakGlass)
def record_break_glass(cmd: RecordBreakGlass, things: Things) -> list[Event]:
    now = the_emergency(things)
    given: dict[str, Any] = {
        "order": cmd.order,
        "generation": cmd.generation,
        "given_at": cmd.given_at,
    }
    if cmd.open:
        unlock = unlocking(now, cmd.doors, things, cause="break_glass", drill=cmd.drill)
        return [replace(unlock, **given)]
    return [replace(locking(now, cmd.doors, things, cause="break_glass"), **given)]


def the_emergency(things: Things) -> Emergency:
    return things.find(Emergency, emergency_of(things.community)) or Emergency()


def unlocking(
    now: Emergency,
    doors: Doors,
    things: Things,
    *,
    cause: Cause,
    drill: bool = False,
    alarm: AlarmId | None = None,
) -> UnlockOrdered:
    return UnlockOrdered(
        emergency=emergency_of(things.community),
        order=OrderId(things.new_id()),
        generation=now.next(things.now),
        doors=doors,
        cause=cause,
        drill=drill,
        given_at=things.now,
        alarm=alarm,
    )


def locking(now: Emergency, doors: Doors, things: Things, *, cause: Cause) -> LockOrdered:
    return LockOrdered(
        emergency=emergency_of(things.community),
        order=OrderId(things.new_id()),
        generation=now.next(things.now),
        doors=doors,
        cause=cause,
        given_at=things.now,
    )


def chosen(which: Which, selected: frozenset[Door], now: Emergency, things: Things) -> Doors:
    if (which == "selected") != bool(selected):
        raise Malformed("selected", "doors, and only where `doors` is selected")
    known_doors(selected, things)
    match which:
        case "all":
            return None
        case "group":
            return now.doors
    return selected


def known_doors(doors: Doors, things: Things) -> None:
    if not doors:
        return
    devices = things.load_all(Device, {door.device for door in doors})
    for door in doors:
        if door.relay not in {relay.number for relay in devices[door.device].relays}:
            raise Malformed("doors", f"{devices[door.device].name} has no relay {door.relay}")

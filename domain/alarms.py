"""What devices raise the alarm for, until somebody has looked into it (M124-M127)."""

from dataclasses import replace
from datetime import datetime
from typing import Literal, NewType, Self
from uuid import UUID

from domain.ids import ApartmentId, BuildingId, DeviceId
from domain.kernel import Event, Malformed, Refused, event
from domain.record import Personal, frozen
from domain.settings import legal_name

AlarmId = NewType("AlarmId", UUID)
AlarmKind = Literal[
    "emergency",
    "arming",
    "tamper",
    "break_in",
    "door_held",
    # What adapters raise: a withdrawn credential opened (D8), a phone took something three times
    # and does not hold it (D3), it has no room (D4), another box answers in its place (D10).
    "revoked_used",
    "push_suspended",
    "phone_full",
    "wrong_box",
]
MOST_OF_A_NOTE = 500
MOST_INPUTS = 4  # of any model [HA]


@event
class AlarmRaised(Event):
    """Where, as it was then: `name` is the door's, or the device's where it is of no door.

    `relay` counts from 1; `heard_at` is when the device said it, by our clock.
    """

    stream = "alarm"
    alarm: AlarmId
    kind: AlarmKind
    device: DeviceId
    name: str
    relay: int | None
    building: BuildingId | None
    apartment: ApartmentId | None
    heard_at: datetime


@event
class AlarmSolved(Event):
    """The note may name people: it is sealed with a key of the alarm's own."""

    stream = subject = "alarm"
    alarm: AlarmId
    note: Personal[str]


@event
class FireInputsChosen(Event):
    """The inputs that a fire panel is wired to, counted from 1; the others are exit buttons, or
    sensors of doors.
    """

    stream = "device"
    device: DeviceId
    inputs: frozenset[int]


@frozen
class Wiring:
    """Of a device, in whose stream it is said; None as long as nobody has said anything."""

    fire_inputs: frozenset[int]

    @classmethod
    def evolve(cls, state: Self | None, event: Event) -> Self | None:
        return cls(fire_inputs=event.inputs) if isinstance(event, FireInputsChosen) else state


@frozen
class Alarm:
    """`note` is None until it is solved."""

    alarm: AlarmId
    note: Personal[str] | None = None

    @classmethod
    def evolve(cls, state: Self | None, event: Event) -> Self | None:
        match state, event:
            case None, AlarmRaised(alarm=alarm):
                return cls(alarm=alarm)
            case Alarm(), AlarmSolved(note=note):
                return replace(state, note=note)
        return state


def choose_fire_inputs(
    now: Wiring | None,
    device: DeviceId,
    inputs: frozenset[int],
    sensors: frozenset[int] = frozenset(),
) -> list[Event]:
    """M124. Whoever presses an exit button must not open every door (M118), nor whoever opens one
    that has its sensor at an input (M99).
    """
    if not inputs <= set(range(1, MOST_INPUTS + 1)):
        raise Malformed("inputs", f"numbers of 1 to {MOST_INPUTS}")
    if taken := inputs & sensors:
        raise Refused("door-sensors-input", "inputs", sorted(map(str, taken)))
    if inputs == (now.fire_inputs if now else frozenset()):
        return []
    return [FireInputsChosen(device=device, inputs=inputs)]


def solve(now: Alarm, note: str) -> list[Event]:
    """A59. What was found out stays: another note is refused."""
    note = legal_name(note, "note", most=MOST_OF_A_NOTE)
    if now.note is None:
        return [AlarmSolved(alarm=now.alarm, note=note)]
    if now.note != note:
        raise Refused("already-solved", "alarm")
    return []

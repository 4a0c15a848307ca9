"""M118, A28, A58: who orders what in an emergency, and which order holds for a door."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from commands.emergency import (
    LockDoors,
    RecordBreakGlass,
    ReportAlarmCheck,
    ReportDoors,
    SetEmergency,
    UnlockDoors,
)
from domain.access_groups import Door
from domain.alarms import AlarmId
from domain.emergency import (
    EPOCH,
    DoorResult,
    DoorsTried,
    Emergency,
    EmergencyAlarmChecked,
    EmergencySettingChanged,
    Finding,
    LockOrdered,
    OrderId,
    UnlockOrdered,
    emergency_of,
)
from domain.ids import DeviceId
from domain.kernel import Event, fold
from tests.builders import FIRE, GATE, GYM, HARBOUR, NOW, a_community, a_device
from tests.scenario import Scenario, given

ID = emergency_of(HARBOUR)
FRONT, SIDE, POOL = (
    Door(device=GATE, relay=1),
    Door(device=GATE, relay=2),
    Door(device=GYM, relay=1),
)
HOME = (a_community(), a_device(GATE), a_device(GYM, "Gym"))
GENERATION = (NOW - EPOCH) // timedelta(microseconds=1)


def unlocked(generation: int = 1, *doors: Door, drill: bool = False) -> UnlockOrdered:
    return UnlockOrdered(
        emergency=ID,
        order=OrderId(UUID(int=generation)),
        generation=generation,
        doors=frozenset(doors) if doors else None,
        cause="manual",
        drill=drill,
        given_at=NOW,
        alarm=None,
    )


def locked(generation: int = 2, *doors: Door) -> LockOrdered:
    return LockOrdered(
        emergency=ID,
        order=OrderId(UUID(int=generation)),
        generation=generation,
        doors=frozenset(doors) if doors else None,
        cause="manual",
        given_at=NOW,
    )


def setting(automatic: bool = True, *doors: Door) -> EmergencySettingChanged:
    chosen = frozenset(doors) if doors else None
    return EmergencySettingChanged(emergency=ID, automatic=automatic, doors=chosen)


def checked(
    device: DeviceId = GATE,
    finding: Finding = "silent",
    heard_at: datetime = NOW,
    alarm: AlarmId = FIRE,
) -> EmergencyAlarmChecked:
    return EmergencyAlarmChecked(
        emergency=ID,
        alarm=alarm,
        device=device,
        finding=finding,
        reason="",
        heard_at=heard_at,
    )


def asked(finding: Finding, device: DeviceId = GYM, heard_at: datetime = NOW) -> ReportAlarmCheck:
    return ReportAlarmCheck(
        alarm=FIRE, device=device, finding=finding, reason="", heard_at=heard_at
    )


def state(*past: Event) -> Emergency:
    return fold(Emergency, past) or Emergency()


def opens(door: Door, *past: Event) -> bool | None:
    order = state(*past).order_for(door)
    return order.open if order else None


def decided(scenario: Scenario) -> list[str]:
    return [type(event).__name__ for event in scenario.decided()]


# Settings and orders


def test_m118_the_setting_and_its_doors() -> None:
    ask = SetEmergency(automatic=True, doors=frozenset({FRONT}))
    given(*HOME).when(ask).then(setting(True, FRONT))
    given(*HOME, setting(True, FRONT)).when(ask).then_nothing()
    given(*HOME, setting(True, FRONT)).when(SetEmergency(automatic=True)).then(setting(True))


@pytest.mark.parametrize("doors", [Door(device=GATE, relay=3), Door(device=GYM, relay=9)])
def test_m118_no_setting_for_a_relay_that_is_not_there(doors: Door) -> None:
    ask = SetEmergency(automatic=False, doors=frozenset({doors}))
    given(*HOME).when(ask).then_refused("no relay")
    given(a_community()).when(ask).then_unknown("Device")


@pytest.mark.parametrize("automatic", [True, False])
def test_a58_unlock_and_lock_are_there_with_the_setting_on_and_off(automatic: bool) -> None:
    past = (*HOME, setting(automatic, POOL))
    [unlock] = given(*past).when(UnlockDoors()).decided()
    [lock] = given(*past).when(LockDoors()).decided()
    assert unlock == replace(unlocked(GENERATION, POOL), order=unlock.order)  # type: ignore[attr-defined]
    assert lock == replace(locked(GENERATION, POOL), order=lock.order)  # type: ignore[attr-defined]


def test_m118_all_doors_and_selected_ones() -> None:
    past = (*HOME, setting(False, POOL))
    [unlock] = given(*past).when(UnlockDoors(doors="all", drill=True)).decided()
    assert isinstance(unlock, UnlockOrdered)
    assert (unlock.doors, unlock.drill) == (None, True)
    some = LockDoors(doors="selected", selected=frozenset({SIDE}))
    [lock] = given(*past).when(some).decided()
    assert isinstance(lock, LockOrdered)
    assert lock.doors == frozenset({SIDE})


def test_m118_without_a_setting_the_group_is_all_doors() -> None:
    [unlock] = given(*HOME).when(UnlockDoors()).decided()
    assert isinstance(unlock, UnlockOrdered)
    assert unlock.doors is None


def test_m118_selected_doors_are_named_and_there() -> None:
    given(*HOME).when(UnlockDoors(doors="selected")).then_refused("selected")
    given(*HOME).when(UnlockDoors(selected=frozenset({SIDE}))).then_refused("selected")
    unknown = frozenset({Door(device=DeviceId(UUID(int=404)), relay=1)})
    given(*HOME).when(LockDoors(doors="selected", selected=unknown)).then_unknown("Device")


def test_m118_each_order_is_newer_than_those_before_even_if_a_clock_goes_back() -> None:
    future = GENERATION + 10**9
    [again] = given(*HOME, unlocked(future)).when(UnlockDoors()).decided()
    assert isinstance(again, UnlockOrdered)
    assert again.generation == future + 1


# Which order holds


def test_a28_doors_stay_open_until_they_are_locked() -> None:
    assert opens(FRONT) is None
    assert opens(FRONT, unlocked(1)) is True
    assert opens(FRONT, unlocked(1), locked(2, SIDE)) is True
    assert opens(SIDE, unlocked(1), locked(2, SIDE)) is False
    assert opens(POOL, unlocked(1, FRONT)) is None
    assert state(unlocked(1), locked(2, SIDE)).is_on
    assert not state(unlocked(1, SIDE, FRONT), locked(2, SIDE), locked(3, FRONT)).is_on


@pytest.mark.parametrize("order", list(permutations([unlocked(1), locked(2), unlocked(3, POOL)])))
def test_d14_an_order_that_is_heard_of_late_changes_nothing_of_what_came_after(
    order: tuple[Event, ...],
) -> None:
    """What was ordered at a host without the log is imported later."""
    assert [opens(door, *order) for door in (FRONT, POOL)] == [False, True]
    assert state(*order).last == 3


def test_orders_that_hold_for_no_door_any_more_are_let_go() -> None:
    past = [unlocked(n, FRONT, SIDE) if n % 2 else locked(n, FRONT) for n in range(1, 40)]
    assert len(state(*past).orders) == 1
    assert len(state(*past, locked(40, FRONT)).orders) == 2
    assert len(state(*past, locked(41)).orders) == 1


# Alarms


def test_a28_a_confirmed_alarm_unlocks_the_group() -> None:
    check, unlock = given(*HOME, setting(True, POOL)).when(asked("confirmed")).decided()
    assert check == checked(GYM, "confirmed")
    assert isinstance(unlock, UnlockOrdered)
    assert (unlock.doors, unlock.cause, unlock.alarm) == (frozenset({POOL}), "automatic", FIRE)


@pytest.mark.parametrize(
    ("past", "finding"),
    [
        ([setting(False)], "confirmed"),
        ([], "confirmed"),
        ([setting(True)], "denied"),
        ([setting(True)], "silent"),
        ([setting(True), checked(GYM, "silent", NOW - timedelta(hours=1))], "silent"),
        ([setting(True), checked(GATE, "denied")], "silent"),
        ([setting(True), checked(GATE, "silent")], "denied"),
        ([setting(True), checked(GATE, "silent", NOW - timedelta(minutes=3))], "silent"),
        ([setting(True), unlocked(1)], "confirmed"),
    ],
)
def test_a28_what_unlocks_nothing(past: list[Event], finding: Finding) -> None:
    """Off; denied by the phone; one that cannot be asked, alone; open already."""
    assert decided(given(*HOME, *past).when(asked(finding))) == ["EmergencyAlarmChecked"]


def test_a28_two_phones_that_cannot_be_asked_bear_each_other_out() -> None:
    past = (*HOME, setting(True), checked(GATE, "silent", NOW - timedelta(minutes=1)))
    assert decided(given(*past).when(asked("silent")))[-1] == "UnlockOrdered"


@pytest.mark.parametrize("past", [unlocked(1, POOL), unlocked(1, drill=True)])
def test_a28_an_alarm_unlocks_what_is_not_open_in_earnest(past: Event) -> None:
    assert len(given(*HOME, setting(True), past).when(asked("confirmed")).decided()) == 2


def test_s9_the_same_finding_again_and_again_is_stored_once() -> None:
    past = (*HOME, setting(True), checked(GYM, "denied", NOW - timedelta(minutes=9)))
    given(*past).when(asked("denied")).then_nothing()
    assert given(*past).when(asked("denied", heard_at=NOW + timedelta(minutes=2))).decided()


# What adapters say


@pytest.mark.parametrize("opening", [True, False])
def test_d14_what_was_ordered_at_a_host_is_a_fact_whatever_has_happened_since(
    opening: bool,
) -> None:
    record = RecordBreakGlass(
        order=OrderId(uuid7()),
        generation=1,
        open=opening,
        doors=frozenset({Door(device=DeviceId(UUID(int=404)), relay=7)}),
        drill=False,
        given_at=NOW,
    )
    [event] = given(*HOME, locked(2)).when(record, by="system").decided()
    assert isinstance(event, UnlockOrdered if opening else LockOrdered)
    assert (event.cause, event.order, event.generation) == ("break_glass", record.order, 1)


def test_m118_results_are_told_as_they_are() -> None:
    result = DoorResult(
        order=OrderId(UUID(int=1)),
        generation=1,
        door=FRONT,
        open=True,
        state="verified",
        shown=True,
        at=NOW,
    )
    [tried] = given(*HOME).when(ReportDoors(results=(result,)), by="system").decided()
    assert isinstance(tried, DoorsTried)
    assert tried.results == (result,)

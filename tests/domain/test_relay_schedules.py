"""M103, M107: doors held open during the hours of access groups."""

from dataclasses import replace
from datetime import time

from commands.relay_schedules import ChooseRelaySchedule
from domain import locks, relay_schedules
from domain.access_groups import ALWAYS, AccessGroup, Schedule
from domain.devices import Device
from domain.ids import GroupId
from domain.kernel import Event, fold
from domain.locks import Lock, LockLinked
from domain.relay_schedules import RelayScheduleChosen, RelaySchedules
from domain.rights import HELD_OPEN, NOBODY, evidence, keys_of
from tests.builders import (
    ATTIC,
    CELLAR,
    GATE,
    GYM,
    STAFF,
    SWIMMERS,
    a_community,
    a_device,
    a_group,
    a_lock,
)
from tests.scenario import given

OFFICE = Schedule(repeat="weekly", days=frozenset({1, 2}), start=time(8), end=time(18))
HOME = (
    a_community(),
    a_device(),
    a_lock(),
    a_lock(ATTIC, "Attic", "dormakaba"),
    a_group(SWIMMERS),
    a_group(STAFF, when=OFFICE, name="Staff"),
)
ASK = ChooseRelaySchedule(device=GATE, relay=2, groups=frozenset({STAFF}))
CHOSEN = RelayScheduleChosen(device=GATE, relay=2, groups=frozenset({STAFF}))


def test_m103_a_relay_is_held_open_by_groups() -> None:
    given(*HOME).when(ASK).then(CHOSEN)
    given(*HOME, CHOSEN).when(ASK).then_nothing()
    none = replace(ASK, groups=frozenset())
    given(*HOME, CHOSEN).when(none).then(replace(CHOSEN, groups=frozenset()))
    given(*HOME).when(none).then_nothing()


def test_m103_only_relays_devices_and_groups_that_are_there() -> None:
    given(*HOME).when(replace(ASK, relay=3)).then_refused("no such relay")
    given(*HOME).when(replace(ASK, device=GYM)).then_unknown("Device")
    given(*HOME[:4]).when(ASK).then_unknown("AccessGroup")


def test_m107_itec_locks_are_held_open_and_dormakabas_are_not() -> None:
    lock = replace(ASK, device=CELLAR, relay=1)
    given(*HOME).when(lock).then(replace(CHOSEN, device=CELLAR, relay=1))
    linked = LockLinked(lock=CELLAR, phone=GATE)
    given(*HOME, linked).when(lock).then(replace(CHOSEN, device=CELLAR, relay=1))
    given(*HOME).when(replace(lock, device=ATTIC)).then_refused("not-held-open-by-schedule")


def groups(*facts: Event) -> dict[GroupId, AccessGroup]:
    states = [fold(AccessGroup, [fact]) for fact in facts]
    return {state.group: state for state in states if state}


def test_m103_the_record_has_the_hours_of_each_relay_and_nobodys_code() -> None:
    phone = fold(Device, [a_device()])
    assert phone
    one = replace(CHOSEN, relay=1, groups=frozenset({STAFF, SWIMMERS}))
    schedules = fold(RelaySchedules, [CHOSEN, one])
    known = groups(*HOME[4:])
    found = relay_schedules.record(schedules, phone, known)
    assert found
    grants = {grant.schedule: grant.relays for grant in found.grants}
    assert grants == {OFFICE: {1, 2}, ALWAYS: {1}}
    assert (found.key, found.holder, found.pin, found.cards) == (
        HELD_OPEN,
        NOBODY,
        None,
        frozenset(),
    )
    assert list(evidence([found])) == [(NOBODY, "held_open")]
    assert HELD_OPEN in keys_of(NOBODY)


def test_m131_m103_a_deleted_group_holds_nothing_open() -> None:
    phone = fold(Device, [a_device()])
    assert phone
    schedules = fold(RelaySchedules, [CHOSEN])
    assert relay_schedules.record(schedules, phone, {}) is None
    assert relay_schedules.record(None, phone, groups(*HOME[4:])) is None
    gone = replace(phone, relays=phone.relays[:1])
    assert relay_schedules.record(schedules, gone, groups(*HOME[4:])) is None


def test_m107_a_lock_holds_its_one_door_open() -> None:
    lock = fold(Lock, [a_lock()])
    assert lock
    chosen = fold(RelaySchedules, [replace(CHOSEN, device=CELLAR, relay=1)])
    found = relay_schedules.record(chosen, locks.door(lock, None, None), groups(*HOME[4:]))
    assert found
    assert {grant.schedule for grant in found.grants} == {OFFICE}

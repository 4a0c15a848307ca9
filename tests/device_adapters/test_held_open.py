"""M103, M107: doors held open by schedule, kept like anybody's record."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, time

import pytest

from device_adapters.akuvox.held_open import SETTING, HoldingPhone
from device_adapters.akuvox.profiles import profile_of
from device_adapters.locks.brands import PROFILES
from device_adapters.locks.gateway import Gateway, SimLock
from device_adapters.locks.lock import GatewayLock
from device_adapters.locks.served import served
from device_adapters.port import Phone
from device_adapters.simulator import Fleet, PluggedIn
from domain.access_groups import AccessGroupDeleted, AccessGroupEdited, Schedule
from domain.devices import Device, Outcome
from domain.relay_schedules import RelayScheduleChosen
from domain.rights import HELD_OPEN, NOBODY, Entry, Grant
from tests.builders import (
    ANN,
    STAFF,
    SWIMMERS,
    a_community,
    a_group,
    a_lock,
    a_pin,
    a_resident,
)
from tests.device_adapters.houses import House, device_id, registered, soon
from tests.device_adapters.people import an_entry
from tests.device_adapters.wired_lock import WiredLock
from tests.scenario import a_log

MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
OFFICE = Schedule(repeat="weekly", days=frozenset({1, 2}), start=time(8), end=time(18))
LATE = Schedule(repeat="daily", start=time(22), end=time(1))
ALL_DAY = Schedule(repeat="daily")


def a_hold(*hours: tuple[Schedule, set[int]]) -> Entry:
    grants = frozenset(Grant(schedule=when, relays=frozenset(relays)) for when, relays in hours)
    return replace(an_entry(0), key=HELD_OPEN, holder=NOBODY, name="", pin=None, grants=grants)


class Clock:
    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock(MONDAY)


@pytest.fixture
def sim(clock: Clock) -> Iterator[PluggedIn]:
    with Fleet(["X916"], clock=clock) as fleet:
        yield fleet[0]


@contextmanager
def driver(sim: PluggedIn) -> Iterator[HoldingPhone]:
    profile = profile_of(sim.phone.profile.model).paced(0, 0)
    with closing(HoldingPhone(sim.url, None, profile)) as phone:
        yield phone


def is_open(sim: PluggedIn, relay: int) -> bool:
    return sim.do(lambda phone: phone.is_open(relay))


def test_m103_the_relay_is_open_during_the_hours_and_shut_outside(
    sim: PluggedIn, clock: Clock
) -> None:
    hold, ann = a_hold((OFFICE, {1, 3}), (LATE, {3})), an_entry(1, "2468")
    with driver(sim) as phone:
        phone.put([hold, ann])
        assert dict(phone.read()) == {HELD_OPEN: phone.shows(hold), ann.key: phone.shows(ann)}
        assert [is_open(sim, n) for n in (1, 2, 3)] == [True, False, True]
        clock.now = MONDAY.replace(hour=23)
        assert [is_open(sim, n) for n in (1, 2, 3)] == [False, False, True]
        phone.tidy([hold, ann])
        clock.now = MONDAY
        assert is_open(sim, 1), "its schedules are needed"
        phone.withdraw([HELD_OPEN])
        assert list(phone.read()) == [ann.key]
        assert not is_open(sim, 1)


def test_m103_what_somebody_sets_at_the_phones_page_is_found(sim: PluggedIn) -> None:
    with driver(sim) as phone:
        assert HELD_OPEN not in phone.read()
        sim.do(lambda one: one.config.values.update({f"{SETTING}AEnable": "1"}))
        sim.do(lambda one: one.config.values.update({f"{SETTING}ASchedule": "1001/"}))
        phone._look_at = 0
        assert phone.read()[HELD_OPEN] == phone.shows(a_hold((ALL_DAY, {1})))
        phone.withdraw([HELD_OPEN, an_entry(1).key])
        assert HELD_OPEN not in phone.read()


def test_m103_a_relay_that_is_not_there_is_not_deliverable_and_takes_nobodys_place(
    sim: PluggedIn,
) -> None:
    with driver(sim) as phone:
        fit = phone.fit(a_hold((OFFICE, {5})))
        assert (fit.entry, dict(fit.lacks)) == (None, {"held_open": "the phone has 4 relays"})
        phone.profile = replace(phone.profile, users=1)
        assert phone.overflow([a_hold((OFFICE, {1})), an_entry(1)]) == {}


def test_m107_an_itec_lock_is_held_open() -> None:
    lock, hold = WiredLock(), a_hold((OFFICE, {1}))
    ann = an_entry(1, "2468")
    lock.put([hold, ann])
    assert lock.read() == {HELD_OPEN: lock.shows(hold), ann.key: lock.shows(ann)}
    assert lock.sim.is_held_open(MONDAY)
    assert not lock.sim.is_held_open(MONDAY.replace(hour=20))
    lock.withdraw([HELD_OPEN])
    assert lock.read() == {ann.key: lock.shows(ann)}
    assert not lock.sim.is_held_open(MONDAY)


class Holding(House):
    """With the drivers of the adapters' process."""

    def _connect(self, device: Device) -> Phone:
        if device.is_lock:
            return GatewayLock(device, PROFILES[device.box.model].paced(0, 0))
        return HoldingPhone(device.box.address, None, profile_of(device.box.model).paced(0, 0))


def held(house: House, n: int) -> list[str]:
    return [one.state for one in house.outcomes(n) if one.kind == "held_open"]


def test_m103_m131_held_open_from_the_choice_to_the_end_of_the_group(sim: PluggedIn) -> None:
    gateway = Gateway([SimLock("itec", "L1")])
    with served(gateway) as server:
        lock = a_lock(device_id(1), serial="L1", address=server.url)
        log = a_log(
            a_community(),
            registered(0, sim),
            lock,
            a_group(STAFF, when=OFFICE, name="Staff"),
            a_group(SWIMMERS),
            a_resident(ANN, SWIMMERS),
            a_pin("2468", ANN),
        )
        house = Holding(log, Fleet([]))
        try:
            chosen = RelayScheduleChosen(device=device_id(0), relay=2, groups=frozenset({STAFF}))
            house.happen(chosen, replace(chosen, device=device_id(1), relay=1))
            soon(lambda: is_open(sim, 2) and gateway.locks["L1"].is_held_open(MONDAY))
            soon(lambda: held(house, 0) == held(house, 1) == ["verified"])
            staff = a_group(STAFF, when=OFFICE)
            later = AccessGroupEdited(
                group=STAFF, name=staff.name, schedule=LATE, doors=frozenset()
            )
            house.happen(later)
            soon(lambda: not is_open(sim, 2))
            soon(lambda: held(house, 0) == ["verified", "pending", "verified"])
            house.happen(AccessGroupDeleted(group=STAFF))
            soon(lambda: held(house, 0)[-1] == held(house, 1)[-1] == "withdrawn")
            assert sim.state()["config"][f"{SETTING}BEnable"] == "0"
            assert gateway.locks["L1"].open_times == []
            last = house.outcomes(0)[-1]
            assert last == Outcome(holder=NOBODY, kind="held_open", state="withdrawn")
        finally:
            house.stop()

"""Rights that are over for good leave the phones by our clock, at the minute and over restarts."""

from dataclasses import replace
from datetime import UTC, date, datetime, time

from device_adapters.simulator import Fleet
from domain.access_groups import AccessGroupEdited, Door, Period, Schedule
from domain.settings import TimeZoneChanged
from tests.builders import (
    ANN,
    BOB,
    FLAT_1,
    FLAT_2,
    HARBOUR,
    STAFF,
    SWIMMERS,
    a_group,
    a_pin,
    a_resident,
    vehicles,
)
from tests.device_adapters.houses import House, a_house, device_id, soon
from tests.device_adapters.test_clock import Clock

HOLIDAYS = Schedule(
    repeat="never", first=date(2026, 3, 2), last=date(2026, 3, 4), start=time(6), end=time(17)
)
HERS = (a_resident(ANN, SWIMMERS), a_pin("2468", ANN, FLAT_1))
LAST_MINUTE = datetime(2026, 3, 4, 17, 0, 59, tzinfo=UTC)
OVER = datetime(2026, 3, 4, 17, 1, tzinfo=UTC)


def pin(house: House) -> str | None:
    return house.now().get((ANN.int, "pin"))


def later(schedule: Schedule, day: int) -> AccessGroupEdited:
    doors = frozenset(Door(device=device_id(0), relay=n) for n in range(1, 5))
    last = replace(schedule, last=date(2026, 3, day))
    return AccessGroupEdited(group=SWIMMERS, name="Swimmers", schedule=last, doors=doors)


def test_d7_a_right_that_is_over_leaves_the_phone_with_its_last_minute_and_its_schedule() -> None:
    clock = Clock()
    with (
        Fleet(["X916"], clock=clock) as fleet,
        a_house(fleet, *HERS, when=HOLIDAYS, wall=clock.unix) as house,
    ):
        phone = fleet[0].phone
        soon(lambda: pin(house) == "verified")
        clock.at = LAST_MINUTE
        beats = len(house.polls)
        soon(lambda: len(house.polls) > beats + 2)
        assert (pin(house), len(phone.users)) == ("verified", 1)
        clock.at = OVER
        soon(lambda: pin(house) == "withdrawn")
        soon(lambda: [s["ID"] for s in phone.schedules] == ["1001", "1002"])
        assert list(phone.users) == []


def test_d7_it_comes_back_when_its_end_is_put_off_or_the_clock_was_wrong() -> None:
    clock, phones = Clock(OVER), Clock(OVER)
    with (
        Fleet(["X916"], clock=phones) as fleet,
        a_house(fleet, *HERS, when=HOLIDAYS, wall=clock.unix) as house,
    ):
        soon(lambda: house.comings_and_goings() == ["DeviceWentOnline"])
        house.happen(later(HOLIDAYS, 5))
        soon(lambda: pin(house) == "verified")
        house.happen(later(HOLIDAYS, 4))
        soon(lambda: pin(house) == "withdrawn")
        clock.at = LAST_MINUTE
        soon(lambda: pin(house) == "verified")


def test_d7_t3_the_end_is_by_the_communitys_clock_of_today() -> None:
    clock = Clock(LAST_MINUTE)
    with (
        Fleet(["X916"], clock=clock) as fleet,
        a_house(fleet, *HERS, when=HOLIDAYS, wall=clock.unix) as house,
    ):
        soon(lambda: pin(house) == "verified")
        house.happen(TimeZoneChanged(community=HARBOUR, zone="Europe/Berlin"))
        soon(lambda: pin(house) == "withdrawn")


def test_d7_what_ended_while_nobody_looked_is_taken_away_after_a_restart() -> None:
    clock = Clock()
    with (
        Fleet(["X916"], clock=clock) as fleet,
        a_house(fleet, *HERS, when=HOLIDAYS, wall=clock.unix) as house,
    ):
        soon(lambda: pin(house) == "verified")
        house.stop()
        clock.at = OVER
        house.__post_init__()
        soon(lambda: pin(house) == "withdrawn")
        assert list(fleet[0].phone.users) == []


def test_d4_what_is_over_takes_nobodys_place() -> None:
    """Ann's apartment comes first."""
    clock, gate = Clock(LAST_MINUTE), Door(device=device_id(0), relay=1)
    his = a_group(STAFF, gate), a_resident(BOB, STAFF, home=FLAT_2), a_pin("8642", BOB, FLAT_2)
    with (
        Fleet(["X916"], clock=clock) as fleet,
        a_house(fleet, *HERS, *his, when=HOLIDAYS, wall=clock.unix, users=1) as house,
    ):
        soon(lambda: house.now().get((BOB.int, "pin")) == "undeliverable")
        soon(lambda: pin(house) == "verified")
        clock.at = OVER
        soon(lambda: house.now().get((BOB.int, "pin")) == "verified")
        assert pin(house) == "withdrawn"


def test_m35_with_its_period_a_plate_leaves_the_phone_and_the_pin_stays() -> None:
    clock = Clock()
    march = Period(first=date(2026, 3, 1), last=date(2026, 3, 2))
    with (
        Fleet(["X916"], clock=clock) as fleet,
        a_house(fleet, *HERS, vehicles("AB12", period=march), wall=clock.unix) as house,
    ):
        soon(lambda: house.now().get((ANN.int, "plate")) == "verified")
        clock.at = datetime(2026, 3, 3, tzinfo=UTC)
        soon(lambda: house.now().get((ANN.int, "plate")) == "withdrawn")
        assert pin(house) == "verified"
        assert fleet[0].punch("2468").opened

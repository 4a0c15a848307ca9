"""D4, A8: what a phone has no room for is known before anything is pushed, and is said."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import time

import pytest

from device_adapters.akuvox.phone import AkuvoxPhone
from device_adapters.akuvox.profiles import Profile, profile_of
from device_adapters.akuvox.rows import shown
from device_adapters.simulator import Fleet
from domain.access_groups import Schedule
from domain.rights import Entry
from tests.device_adapters.people import an_entry

X916 = profile_of("X916").paced(0, 0)
LONG = ("A1B2C3D4E5F60718", "B1B2C3D4E5F60718", "C1B2C3D4E5F60718", "D1B2C3D4E5F60718")


def from_eight_to(minute: int) -> Schedule:
    return Schedule(repeat="daily", start=time(8), end=time(9 + minute // 60, minute % 60))


def with_hours(n: int, hours: int) -> Entry:
    return an_entry(n, when=from_eight_to(hours))


@pytest.fixture
def phone() -> Iterator[AkuvoxPhone]:
    with closing(AkuvoxPhone("http://127.0.0.1:1", None, X916)) as phone:
        yield phone


def test_d4_no_more_cards_are_written_than_can_be_read_back(phone: AkuvoxPhone) -> None:
    """The API cuts the field after 63 characters: a fourth card of 16 would be lost."""
    fit = phone.fit(an_entry(1, None, *LONG))
    assert fit.entry
    assert fit.entry.cards == frozenset(LONG[:3])
    assert fit.lacks == {"card": "takes 3 of 4 cards"}
    short = phone.fit(an_entry(1, None, "A1B2C3", "B1B2C3", "C1B2C3", "D1B2C3"))
    assert short.lacks == {}
    six = phone.fit(an_entry(1, None, *(f"{n}1B2" for n in range(1, 7))))
    assert six.lacks == {"card": "takes 5 of 6 cards"}


def test_d4_control_a_real_field_loses_what_is_beyond_it() -> None:
    with Fleet(["X916"]) as fleet:
        careless = replace(X916, card_text=1000)
        for profile, right in ((X916, True), (careless, False)):
            with closing(AkuvoxPhone(fleet[0].url, None, profile)) as phone:
                entry = phone.fit(an_entry(1, None, *LONG)).entry
                assert entry
                phone.read()
                phone.put([entry])
                assert (phone.read()[entry.key] == shown(entry, profile)) == right


def few(schedules: int) -> Profile:
    return replace(X916, schedules=schedules)


def test_d4_hundred_schedules_find_room_and_the_same_hours_are_one(phone: AkuvoxPhone) -> None:
    people = [with_hours(n, n) for n in range(1, 101)]
    assert phone.overflow(people) == {}
    assert phone.overflow([*people, *(with_hours(500 + n, n) for n in range(1, 101))]) == {}
    late = with_hours(900, 300)
    assert phone.overflow([*people, late]) == {late.key: "the phone is full: 100 schedules"}


def test_d4_who_comes_later_with_hours_that_are_there_still_finds_room() -> None:
    with closing(AkuvoxPhone("http://127.0.0.1:1", None, few(2))) as phone:
        first, second, third = (with_hours(n, n) for n in (1, 2, 3))
        again = with_hours(4, 1)
        assert phone.overflow([first, second, third, again]).keys() == {third.key}


def test_d4_whose_hours_find_no_room_gives_the_place_to_the_next() -> None:
    with closing(AkuvoxPhone("http://127.0.0.1:1", None, replace(few(1), users=2))) as phone:
        people = [with_hours(1, 1), with_hours(2, 2), with_hours(3, 1), with_hours(4, 1)]
        assert phone.overflow(people) == {
            people[1].key: "the phone is full: 1 schedules",
            people[3].key: "the phone is full: 2 users",
        }
